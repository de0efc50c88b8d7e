"""The handshake of SBE connections: accepted and refused schemas, and deprecated ones."""

from __future__ import annotations

import json
import struct

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from fastws.emulator import Emulator
from helpers import facts
from helpers.emulator.wire import run

DISABLED = {"code": -1155, "msg": "SBE is not enabled."}
INVALID = {"code": -1153, "msg": "Invalid SBE schema ID or version specified."}


def url(exchange, schema="3:5", more=""):
    schema_id, _, version = schema.partition(":")
    return f"{exchange.url}?responseFormat=sbe&sbeSchemaId={schema_id}&sbeSchemaVersion={version}{more}"


async def refusal(address):
    """The error that a handshake ends in."""
    with pytest.raises(InvalidStatus) as caught:
        async with connect(address):
            pass
    response = caught.value.response
    assert response.status_code == 400
    assert response.headers["Content-Type"] == "application/json;charset=UTF-8"
    return json.loads(response.body)


async def ping(socket):
    """The header of the reply to a ping, whether it calls the schema deprecated, its status, its result."""
    await socket.send('{"id":1,"method":"ping"}')
    data = await socket.recv()
    assert isinstance(data, bytes)
    *header, deprecated, status, entry, limits = struct.unpack_from("<HHHHBHHH", data)
    at = 15 + entry * limits
    assert data[at : at + 2] == b"\x011"
    return header, deprecated, status, data[at + 6 :]


@pytest.mark.parametrize(
    "query",
    [
        "responseFormat=sbe",
        "responseFormat=sbe&sbeSchemaId=3",
        "responseFormat=sbe&sbeSchemaVersion=5",
        "responseFormat=sbe&sbeSchemaId=&sbeSchemaVersion=",
        "responseFormat=sbe&sbeSchemaId=3&sbeSchemaVersion=x",
        "responseFormat=sbe&sbeSchemaId=3&sbeSchemaVersion=-5",
        "responseFormat=sbe&sbeSchemaId=3&sbeSchemaVersion=5.0",
        "responseFormat=sbe&sbeSchemaId=3&sbeSchemaId=3&sbeSchemaVersion=5",
        "responseFormat=sbe&sbeSchemaId=3:5&sbeSchemaVersion=",
        "responseFormat=sbe&sbeSchemaId=3&sbeSchemaVersion=6",
        "responseFormat=sbe&sbeSchemaId=4&sbeSchemaVersion=0",
        "responseFormat=sbe&sbeSchemaId=3&sbeSchemaVersion=1",
        "responseFormat=sbe&sbeSchemaId=1&sbeSchemaVersion=0",
    ],
)
def test_schemas_that_are_refused(query):
    """SEMANTICS 29, 31, 32"""

    async def main():
        async with Emulator() as exchange:
            assert await refusal(f"{exchange.url}?{query}") == INVALID
            assert len(exchange.connections) == 0

    run(main)


def test_other_parameters_are_checked_in_sbe_sessions_too():
    """SEMANTICS 25, 30, 31"""

    async def main():
        async with Emulator() as exchange:
            assert (await refusal(url(exchange, more="&responseFormat=json")))["code"] == -1130
            assert (await refusal(url(exchange, more="&responseFormat=sbe")))["code"] == -1130
            assert (await refusal(url(exchange, more="&timeUnit=SECOND")))["code"] == -1194
            assert (await refusal(url(exchange, more="&returnRateLimits=maybe")))["code"] == -1130

    run(main)


def test_schema_parameters_mean_nothing_to_a_json_session():
    async def main():
        async with (
            Emulator() as exchange,
            connect(f"{exchange.url}?responseFormat=json&sbeSchemaId=x&sbeSchemaVersion=1") as socket,
        ):
            await socket.send('{"id":1,"method":"ping"}')
            assert json.loads(await socket.recv())["status"] == 200

    run(main)


@pytest.mark.parametrize(("schema", "deprecated"), [("3:5", 0), ("3:4", 1), ("3:3", 1), ("3:2", 1)])
def test_a_deprecated_schema_is_said_to_be_and_gets_the_highest(schema, deprecated):
    """SEMANTICS 32"""

    async def main():
        async with Emulator() as exchange, connect(url(exchange, schema)) as socket:
            for _ in range(2):
                header, said, status, result = await ping(socket)
                assert header == [3, 50, 3, 5]
                assert (said, status) == (deprecated, 200)
                assert struct.unpack("<HHHH", result) == (0, 101, 3, 5)

    run(main)


def test_the_life_of_schemas_can_be_set():
    """SEMANTICS 32"""

    async def main():
        async with Emulator(schemas={"3:5": "deprecated", "3:6": "latest"}) as exchange:
            async with connect(url(exchange)) as socket:
                header, deprecated, _, _ = await ping(socket)
                assert (header[3], deprecated) == (5, 1)
            async with connect(url(exchange, "3:6")) as socket:
                assert (await ping(socket))[1] == 0
            assert await refusal(url(exchange, "3:2")) == INVALID
            exchange.sbe.schemas["3:2"] = "deprecated"
            async with connect(url(exchange, "3:2")) as socket:
                assert (await ping(socket))[1] == 1
            exchange.sbe.schemas["3:5"] = "retired"
            assert await refusal(url(exchange)) == INVALID

    run(main)


def test_one_exchanges_schemas_are_not_anothers():
    one, other = Emulator(), Emulator()
    one.sbe.schemas["3:5"] = "retired"
    assert other.sbe.schemas["3:5"] == "latest"


@facts.needs_official
def test_the_life_of_schemas_is_that_of_the_real_exchange():
    cycle = json.loads((facts.OFFICIAL / "sbe" / "sbe_schema_lifecycle_prod.json").read_text())
    expected = {}
    for key, status in (("deprecatedSchemas", "deprecated"), ("retiredSchemas", "retired")):
        expected |= {f"{row['id']}:{row['version']}": status for row in cycle[key]}
    latest = cycle["latestSchema"]
    assert Emulator().sbe.schemas == {f"{latest['id']}:{latest['version']}": "latest", **expected}


def test_sbe_can_be_switched_off_at_the_handshake_and_in_sessions():
    """SEMANTICS 29, 34"""

    async def main():
        async with Emulator() as exchange, connect(url(exchange)) as socket:
            assert (await ping(socket))[2] == 200
            exchange.sbe.enabled = False
            assert await refusal(url(exchange)) == DISABLED
            for _ in range(2):
                header, _, status, result = await ping(socket)
                assert (header, status) == ([3, 50, 3, 5], 400)
                assert struct.unpack_from("<HHHHh", result) == (18, 100, 3, 5, -1155)
                assert b"SBE is not enabled." in result
            assert [record.code for record in exchange.journal] == [0, -1155, -1155]
            async with connect(exchange.url) as json_socket:
                await json_socket.send('{"id":1,"method":"ping"}')
                assert json.loads(await json_socket.recv())["status"] == 200
            exchange.sbe.enabled = True
            assert (await ping(socket))[2] == 200

    run(main)
