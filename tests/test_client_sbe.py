"""SBE connections of the client: the same strategy, the same results, in binary."""

from __future__ import annotations

import asyncio
import itertools
import json
import logging
import random
import struct
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import fastws
from fastws import BadRequest, ExecutionUnknown, InvalidRequest, NotConnected, RequestTimeout
from fastws.emulator import Emulator, ManualClock
from fastws.emulator.values.auth import new_private_key
from fastws.sbe import Schema
from helpers.offline import Offline
from helpers.sbe_support import Values
from helpers.support import BINARY, CONTINUATION, PING, PONG, Peer, frame, run, talking

PRIVATE_KEY = new_private_key("Ed25519")
LIMIT = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.01"}
MARKET = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET"}
REPLACE = {**LIMIT, "price": "51000", "cancelReplaceMode": "STOP_ON_FAILURE"}
SPOT = Schema.bundled("spot")

# A strategy: every kind of reply that the exchange gives, errors with data among them.
STRATEGY: tuple[tuple[str, dict[str, Any]], ...] = (
    ("time", {}),
    ("depth", {"symbol": "这是测试币456", "limit": 5}),
    ("ticker_price", {"symbol": "BTCUSDT"}),
    ("ticker_price", {}),
    ("session_status", {}),
    ("order_test", {**LIMIT, "price": "52000", "computeCommissionRates": True}),
    ("order_place", {**LIMIT, "price": "52000", "newOrderRespType": "ACK", "newClientOrderId": "one"}),
    ("order_place", {**LIMIT, "price": "52001", "newOrderRespType": "RESULT", "newClientOrderId": "two"}),
    ("order_place", {**LIMIT, "price": "52002", "newClientOrderId": "three", "strategyId": 2**60}),
    ("order_place", {**MARKET, "quoteOrderQty": "900", "newClientOrderId": "taker"}),
    ("order_place", {**MARKET, "quantity": "1000000", "newClientOrderId": "too-much"}),
    ("order_status", {"symbol": "BTCUSDT", "origClientOrderId": "taker"}),
    ("order_status", {"symbol": "BTCUSDT", "origClientOrderId": "never"}),
    ("open_orders_status", {}),
    (
        "order_amend_keep_priority",
        {"symbol": "BTCUSDT", "origClientOrderId": "two", "newQty": "0.005", "newClientOrderId": "two-2"},
    ),
    ("order_cancel_replace", {**REPLACE, "cancelOrigClientOrderId": "three", "newClientOrderId": "four"}),
    ("order_cancel_replace", {**REPLACE, "cancelOrigClientOrderId": "never", "newClientOrderId": "five"}),
    (
        "order_cancel_replace",
        {
            **REPLACE,
            "cancelOrigClientOrderId": "never",
            "cancelReplaceMode": "ALLOW_FAILURE",
            "newClientOrderId": "six",
        },
    ),
    ("order_cancel", {"symbol": "BTCUSDT", "origClientOrderId": "one", "newClientOrderId": "one-x"}),
    ("open_orders_cancel_all", {"symbol": "BTCUSDT"}),
    ("account_status", {}),
    ("my_trades", {"symbol": "BTCUSDT"}),
    ("session_logout", {}),
)

# What the JSON API has and no SBE message carries (SBE.md, Gaps).
JSON_ONLY = {
    "order_amend_keep_priority": ("quoteOrderQty",),
    "account_status": ("makerCommission", "takerCommission", "buyerCommission", "sellerCommission"),
}


def comparable(method: str, value: Any) -> Any:
    """A result without what SBE cannot carry, and without ids that the exchange draws."""
    value = plain(value)
    for name in JSON_ONLY.get(method, ()):
        for place in (value, value.get("amendedOrder", {})):
            place.pop(name, None)
    return value


def plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: plain(value[key]) for key in value}
    return [plain(entry) for entry in value] if isinstance(value, list) else value


async def outcomes(**options: Any) -> list[tuple[str, Any]]:
    """What the strategy gets from an exchange of its own, whose clock moves by a microsecond a request."""
    clock = ManualClock()
    found: list[tuple[str, Any]] = []
    async with Emulator(clock=clock, seed=7) as exchange:
        key = exchange.add_account("Ed25519", api_key="k" * 64, private_key=PRIVATE_KEY)
        async with fastws.connect(
            exchange.url, api_key=key.api_key, private_key=key.private_key, logon="never", **options
        ) as client:
            await client.session_logon(timestamp=clock.now_us())
            for method, params in STRATEGY:
                clock.advance(0.000001)
                if method.startswith(("order_", "open_orders", "account", "my_")):
                    params = {**params, "timestamp": clock.now_us()}
                if method in ("order_cancel_replace",):
                    params = {**params, "cancelNewClientOrderId": f"{params['newClientOrderId']}-c"}
                try:
                    result = await getattr(client, method)(**params)
                except fastws.ApiError as exc:
                    result = {"status": exc.status, "code": exc.code, "msg": exc.msg, "data": exc.data}
                found.append((method, comparable(method, result)))
            found.append(("limits", [(limit.rateLimitType, limit.count) for limit in client.limits]))
    return found


@pytest.mark.parametrize("time_unit", ["ms", "us"])
@pytest.mark.parametrize("numbers", ["str", "float", "decimal"])
def test_a_strategy_gets_the_same_results_in_json_and_in_sbe_as_dicts_and_as_views(numbers, time_unit):
    async def main():
        expected = await outcomes(numbers=numbers, time_unit=time_unit)
        assert {method for method, _ in expected} >= {method for method, _ in STRATEGY}
        for options in ({"sbe": True}, {"sbe": True, "results": "view"}, {"results": "view"}):
            got = await outcomes(numbers=numbers, time_unit=time_unit, **options)
            for (method, want), (_, have) in zip(expected, got, strict=True):
                assert have == want, (method, options)
                assert types(have) == types(want), (method, options)

    run(main(), timeout=20)


def types(value: Any) -> Any:
    """The types within a value: 1 and 1.0 and True are equal, but not the same."""
    if isinstance(value, dict):
        return {key: types(entry) for key, entry in value.items()}
    return [types(entry) for entry in value] if isinstance(value, list) else type(value)


def test_results_are_views_where_they_are_objects_and_lists_of_views_where_they_are_arrays():
    async def main():
        async with Emulator() as exchange:
            key = exchange.add_account("Ed25519")
            for sbe in (False, True):
                async with fastws.connect(
                    exchange.url, api_key=key.api_key, private_key=key.private_key, sbe=sbe, results="view"
                ) as client:
                    order = await client.order_place(**MARKET, quantity="0.01")
                    assert isinstance(order, fastws.View)
                    assert order["status"] == "FILLED"
                    assert all(isinstance(fill, fastws.View) for fill in order["fills"])
                    assert Decimal(order["fills"][0]["qty"]) > 0
                    assert "stopPrice" not in order
                    assert order == order.to_dict()
                    with pytest.raises(TypeError):
                        order["status"] = "NEW"
                    await client.order_place(**LIMIT, price="40000")
                    (listed,) = await client.open_orders_status(symbol="BTCUSDT")
                    assert isinstance(listed, fastws.View)
                    book = await client.depth(symbol="BTCUSDT", limit=5)
                    assert [type(level) for level in book["bids"]] == [list] * len(book["bids"])
                    await client.open_orders_cancel_all(symbol="BTCUSDT")
                # a view owns its bytes: it outlives the connection
                assert order["symbol"] == "BTCUSDT"

    run(main())


def test_events_are_the_same_in_both_formats(caplog):
    event = {
        "e": "balanceUpdate",
        "E": 1_700_000_000_000_001,
        "a": "BTC",
        "d": "0.10000000",
        "T": 1_700_000_000_000_000,
    }
    caplog.set_level(logging.CRITICAL, "fastws")

    async def main(numbers, time_unit):
        seen: dict[bool, list[Any]] = {}
        async with Emulator() as exchange:
            for sbe in (False, True):
                heard = seen[sbe] = []
                arrived = asyncio.Event()

                def on_event(event, subscription, heard=heard, arrived=arrived):
                    heard.append((event, subscription))
                    if len(heard) == 3:
                        arrived.set()

                async with fastws.connect(
                    exchange.url, sbe=sbe, numbers=numbers, time_unit=time_unit, on_event=on_event
                ):
                    (session,) = exchange._live.connections.values()
                    divided = {
                        name: value // session.time_divisor if name in "ET" else value
                        for name, value in event.items()
                    }
                    session.send_event(divided, 0)
                    session.send_event(divided, None)
                    session.send_event({"e": "serverShutdown", "E": divided["E"]})
                    await asyncio.wait_for(arrived.wait(), 2)
        assert seen[True] == seen[False]
        assert [subscription for _, subscription in seen[True]] == [0, None, None]

    for numbers, time_unit in itertools.product(("str", "float", "decimal"), ("ms", "us")):
        run(main(numbers, time_unit))


# ------------------------------------------------------------------------------------------------ the schema


def test_the_url_asks_for_the_schema():
    async def script(peer: Peer) -> None:
        assert "responseFormat=sbe&sbeSchemaId=3&sbeSchemaVersion=5" in peer.target
        assert "timeUnit" not in peer.target

    async def main():
        async with talking(script, sbe=True, time_unit="us"):
            pass

    run(main())


def test_a_deprecated_schema_is_told_once(caplog):
    async def main():
        async with Emulator() as exchange:
            old = Schema.bundled("spot", version=3)
            async with fastws.connect(exchange.url, sbe=True, schema=old) as client:
                assert not client.sbe_deprecated
                await client.time()
                await client.time()
                assert client.sbe_deprecated
            assert len([r for r in caplog.records if "3:3 deprecated" in r.getMessage()]) == 1
            async with fastws.connect(exchange.url, sbe=True) as client:
                await client.time()
                assert not client.sbe_deprecated

    run(main())


def test_a_refused_schema_is_an_error_that_names_those_that_would_work():
    async def main():
        async with Emulator() as exchange:
            retired = Schema.bundled("spot", version=1)
            with pytest.raises(BadRequest, match=r"3:1 .*it takes 3:5, 3:4, 3:3, 3:2:") as caught:
                await fastws.connect(exchange.url, sbe=True, schema=retired)
            assert caught.value.status == 400
            exchange.sbe.schemas.clear()
            with pytest.raises(BadRequest, match=r"3:5 .*use JSON"):
                await fastws.connect(exchange.url, sbe=True)

    run(main())


def test_sbe_switched_off_is_an_error_of_each_request():
    async def main():
        async with Emulator() as exchange, fastws.connect(exchange.url, sbe=True) as client:
            exchange.sbe.enabled = False
            with pytest.raises(BadRequest) as caught:
                await client.time()
            assert caught.value.code == -1155
            exchange.sbe.enabled = True
            assert (await client.time())["serverTime"]

    run(main())


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"sbe": 1}, "sbe"),
        ({"results": "views"}, "results"),
        ({"schema": SPOT}, "sbe=True"),
        ({"sbe": True, "schema": "spot"}, "schema"),
        ({"sbe": True, "schema": Schema.bundled("stream")}, "WebSocketResponse"),
    ],
)
def test_what_does_not_go_together_is_refused_at_once(options, named):
    with pytest.raises((InvalidRequest, ValueError), match=named):
        fastws.connect("testnet", **options)


SPOT_TEXT = (Path(fastws.__file__).parent / "sbe" / "schemas" / "spot.sbe").read_text()
LIMITS = """  rateLimits[]                 groupSize16Encoding
    rateLimitType rateLimitType
    interval      rateLimitInterval
    intervalNum   uint8
    rateLimit     int64 json=limit
    current       int64 json=count
  id                           varString8
  result                       messageData
"""
BLOCK = """message 50 WebSocketResponse
  sbeSchemaIdVersionDeprecated boolEnum
  status                       uint16
"""


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("message 50 WebSocketResponse", "message 5050 WebSocketResponse", "template id is 5050"),
        (LIMITS, LIMITS.replace("varString8", "messageData"), "its data are"),
        (LIMITS, LIMITS.replace("messageData", "varString8"), "its data are"),
        (LIMITS, LIMITS.replace("int64 json=c", "uint8 json=c"), "current is uint8, not int64"),
        (LIMITS, LIMITS.replace("  id  ", "    more varString8\n  id  "), "more than fields"),
        (BLOCK, BLOCK.replace("uint16", "uint8 "), "status is uint8, not uint16"),
        (BLOCK, BLOCK.replace("boolEnum", "uint8"), "sbeSchemaIdVersionDeprecated is uint8, not enum"),
        ("enum rateLimitType uint8\n", "enum rateLimitType uint16\n  999 Many\n", "enum of uint16"),
        ("enum rateLimitInterval uint8\n", "enum rateLimitInterval int16\n  -5 Never\n", "enum of int16"),
    ],
)
def test_a_schema_whose_envelope_has_another_shape_is_refused_by_name(old, new, named):
    """The session's reader takes these types for granted: it would read, or write, where nothing is."""
    assert SPOT_TEXT.count(old) == 1
    schema = Schema.from_text(SPOT_TEXT.replace(old, new))
    with pytest.raises(ValueError, match=named):
        fastws.connect("testnet", sbe=True, schema=schema)


def test_an_envelope_whose_fields_stand_in_another_order_is_read_within_its_bounds():
    swapped = BLOCK.splitlines(keepends=True)
    block = "".join((swapped[0], swapped[2], swapped[1]))
    first = "    current       int64 json=count\n"
    limits = LIMITS.replace(first, "").replace("    rateLimitType", first + "    rateLimitType")
    schema = Schema.from_text(SPOT_TEXT.replace(BLOCK + LIMITS, block + limits))
    reader = schema.response_reader(numbers="str", time_unit="ms", views=False)
    payload = SPOT.encode("PingResponse", {})
    tail = b"\x019" + struct.pack("<I", len(payload)) + payload
    entry = struct.pack("<qBBBq", 5, 2, 1, 1, 6000)
    for size, whole in ((3, True), (2, False), (0, False)):
        head = struct.pack("<4H", size, 50, 3, 5) + struct.pack("<HB", 200, 1)[:size]
        data = head + struct.pack("<HH", len(entry), 1) + entry + tail
        if whole:
            assert reader.read(data) == (9, 200, {})
        else:
            with pytest.raises(fastws.SbeError):
                reader.read(data)
    head = struct.pack("<4HHB", 3, 50, 3, 5, 200, 0)
    for size in range(len(entry)):  # entries that are too short are passed over
        data = head + struct.pack("<HH", size, 1) + entry[:size] + tail
        if size:
            assert reader.read(data) == (9, 200, {})


def test_a_url_may_repeat_the_schema_but_not_contradict_it():
    url = "wss://ws-api.binance.com/ws-api/v3?responseFormat=sbe&sbeSchemaId=3&sbeSchemaVersion="
    assert fastws.connect(url + "5", sbe=True)
    with pytest.raises(InvalidRequest, match="sbeSchemaVersion"):
        fastws.connect(url + "4", sbe=True)
    with pytest.raises(InvalidRequest, match="SBE"):
        fastws.connect(url + "5")


# ------------------------------------------------------------------------------------------------- the wire


def response(id_: int | str, template: str = "PingResponse", value: Any = None, status: int = 200) -> bytes:
    return SPOT.encode(
        "WebSocketResponse",
        {
            "sbeSchemaIdVersionDeprecated": "False",
            "status": status,
            "rateLimits": [],
            "id": str(id_),
            "result": {"template": template, "value": value or {}},
        },
    )


async def request_id(peer: Peer) -> int:
    number: int = json.loads((await peer.frame())[1])["id"]
    return number


def test_replies_come_in_any_order_in_fragments_and_with_pings_between():
    async def script(peer: Peer) -> None:
        first, second = await request_id(peer), await request_id(peer)
        late = response(first, "ServerTimeResponse", {"serverTime": 1_700_000_000_000_000})
        peer.writer.write(frame(BINARY, response(second)))
        peer.writer.write(frame(BINARY, late[:9], fin=False))
        peer.writer.write(frame(PING, b"p") + frame(CONTINUATION, late[9:]))
        assert await peer.frame() == (PONG, b"p")

    async def main():
        async with talking(script, sbe=True) as client:
            time, ping = client.time(), client.ping()
            assert await ping == {}
            assert not time.done() or time.result()
            assert await time == {"serverTime": 1_700_000_000_000}

    run(main())


@pytest.mark.parametrize("id_", ["", "x", "007", "99999999999999999999", "-1", "1.0"])
def test_ids_that_are_not_ours_reach_nobody(id_):
    async def script(peer: Peer) -> None:
        number = await request_id(peer)
        peer.writer.write(frame(BINARY, response(id_)) + frame(BINARY, response(number)))

    async def main():
        async with talking(script, sbe=True) as client:
            assert await client.ping() == {}
            assert client.stats["unknown"] == 1

    run(main())


def test_an_order_whose_reply_cannot_be_read_is_unknown_and_others_go_on():
    async def script(peer: Peer) -> None:
        first, second = await request_id(peer), await request_id(peer)
        peer.writer.write(frame(BINARY, response(first, "NewOrderAckResponse", ACK)[:-3]))
        peer.writer.write(frame(BINARY, response(second)))

    ACK = {"orderId": 1, "transactTime": 1, "symbol": "BTCUSDT", "clientOrderId": "abcdefgh"}

    async def main():
        async with talking(script, sbe=True, api_key="k", secret="s") as client:
            order, ping = client.order_place(**LIMIT, price="1"), client.ping()
            with pytest.raises(ExecutionUnknown) as caught:
                await order
            assert isinstance(caught.value.cause, fastws.SbeError)
            assert await ping == {}

    run(main())


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x00" * 7,
        b"\xff" * 40,
        struct.pack("<4H", 0, 4242, 3, 5),
        struct.pack("<4H", 0, 50, 9, 5),
        struct.pack("<4H", 0, 101, 3, 5),
        response(1)[:20],
    ],
)
def test_bytes_that_are_no_message_harm_no_request(data, caplog):
    async def script(peer: Peer) -> None:
        first, second = await request_id(peer), await request_id(peer)
        peer.writer.write(
            frame(BINARY, data) + frame(BINARY, response(second)) + frame(BINARY, response(first))
        )

    async def main():
        async with talking(script, sbe=True) as client:
            one, two = client.ping(), client.ping()
            assert await two == {}
            assert await one == {}

    run(main())


def test_text_in_an_sbe_session_is_read_as_json():
    async def script(peer: Peer) -> None:
        number = await request_id(peer)
        peer.send({"id": number, "status": 200, "result": {"serverTime": 1}})

    async def main():
        async with talking(script, sbe=True) as client:
            assert await client.time() == {"serverTime": 1}

    run(main())


def test_a_binary_message_ends_a_session_that_speaks_json():
    async def script(peer: Peer) -> None:
        peer.writer.write(frame(BINARY, response(await request_id(peer))))

    async def main():
        async with talking(script) as client:
            with pytest.raises(fastws.ConnectionLost, match="binary message"):
                await client.ping()

    run(main())


def test_a_revoked_session_is_told_in_sbe_as_well():
    async def main():
        async with Emulator() as exchange:
            key = exchange.add_account("Ed25519")
            async with fastws.connect(
                exchange.url, api_key=key.api_key, private_key=key.private_key, sbe=True
            ) as client:
                exchange.revoke(key.api_key)
                with pytest.raises((fastws.SessionRevoked, ExecutionUnknown)):
                    await client.open_orders_status()
                assert not client.logged_on

    run(main())


def test_a_lost_reply_times_out_and_resolves_in_sbe():
    async def main():
        async with Emulator() as exchange:
            key = exchange.add_account("Ed25519")
            exchange.faults.add("drop_reply", "order.place")
            async with fastws.connect(
                exchange.url, api_key=key.api_key, private_key=key.private_key, sbe=True, results="view"
            ) as client:
                with pytest.raises(ExecutionUnknown) as caught:
                    await client.order_place(**LIMIT, price="40000", timeout=0.05)
                assert isinstance(caught.value.cause, RequestTimeout)
                verdict = await caught.value.resolve()
                assert isinstance(verdict, fastws.Executed)
                assert verdict.order["price"] == "40000.00000000"

    run(main())


def test_a_handshake_refused_otherwise_is_no_matter_of_schemas():
    async def main():
        with pytest.raises(NotConnected):
            await fastws.connect("ws://127.0.0.1:1/", sbe=True, connect_timeout=1)

    run(main())


def test_an_event_without_a_subscription_id_reaches_the_client():
    """As in frames that were captured from the exchange."""
    values = Values(SPOT.model.at(5), random.Random(1))
    report = values.message(SPOT.model.at(5).message("ExecutionReportEvent"))
    data = SPOT.encode("ExecutionReportEvent", {**report, "subscriptionId": None, "clientOrderId": "mine"})

    async def script(peer: Peer) -> None:
        number = await request_id(peer)
        peer.writer.write(frame(BINARY, data) + frame(BINARY, response(number)))

    async def main():
        heard = []
        async with talking(script, sbe=True, on_event=lambda *seen: heard.append(seen)) as client:
            await client.ping()
        ((event, subscription),) = heard
        assert (event["e"], event["c"], subscription) == ("executionReport", "mine", None)

    run(main())


def test_a_logon_whose_view_cannot_be_read_is_a_logon_all_the_same():
    async def main():
        offline = Offline(results="view", logon="never", api_key="k" * 64, private_key=PRIVATE_KEY)
        reply = offline.client.session_logon()
        offline.send(f'{{"id":{reply.info.id},"status":200,"result":{{"apiKey":tru}}}}')
        await asyncio.wait_for(reply, 1)
        assert offline.client.logged_on
        assert offline.client.connected

    run(main())
