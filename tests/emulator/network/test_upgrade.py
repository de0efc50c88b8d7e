"""The check of requests for a connection, and the answers to wrong ones."""

from __future__ import annotations

import asyncio
import base64
import io

import pytest

from fastws.emulator import Emulator
from fastws.emulator.testing.record import Recorder
from helpers.emulator.wire import run

GOOD = {
    "Host": "x",
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": base64.b64encode(bytes(16)).decode(),
}


async def asked(port: int, **fields: str | None) -> str:
    """The answer to a request with these headers, until the exchange closes or opens the connection."""
    named = {name.replace("_", "-"): value for name, value in fields.items()}
    lines = [f"{name}: {value}" for name, value in {**GOOD, **named}.items() if value is not None]
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write("\r\n".join(["GET /ws-api/v3 HTTP/1.1", *lines, "", ""]).encode())
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    if " 101 " not in head:
        head += (await reader.read()).decode()
    writer.close()
    return head


@pytest.mark.parametrize(
    "fields",
    [
        {"Connection": "keep-alive, Upgrade"},
        {"Connection": "Upgrade, keep-alive"},
        {"Connection": "keep-alive\r\nConnection: UPGRADE"},
        {"Upgrade": "h2c, WebSocket"},
    ],
)
def test_one_element_of_a_list_is_enough(fields):
    async def main():
        async with Emulator() as exchange, Recorder(exchange.url, io.StringIO()) as recorder:
            for port in (exchange.port, recorder.port):
                assert (await asked(port, **fields)).startswith("HTTP/1.1 101 ")

    run(main)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"Connection": "keep-alive"}, "expected 'Connection: Upgrade', got 'keep-alive'"),
        ({"Connection": "Upgraded"}, "expected 'Connection: Upgrade', got 'Upgraded'"),
        ({"Connection": None}, "expected 'Connection: Upgrade', got none"),
        ({"Upgrade": "h2c"}, "expected 'Upgrade: websocket', got 'h2c'"),
        ({"Upgrade": None}, "expected 'Upgrade: websocket', got none"),
    ],
)
def test_a_request_for_something_else_is_refused_with_what_was_expected(fields, said):
    async def main():
        async with Emulator() as exchange:
            answer = await asked(exchange.port, **fields)
            assert answer.startswith("HTTP/1.1 400 Bad Request\r\n")
            assert answer.endswith(said)

    run(main)


@pytest.mark.parametrize(
    "version", ["8", "7", "12", "14", "013", "13, 8", "13\r\nSec-WebSocket-Version: 8", None]
)
def test_another_version_of_the_protocol_is_told_which_one_is_spoken(version):
    async def main():
        async with Emulator() as exchange, Recorder(exchange.url, io.StringIO()) as recorder:
            for port in (exchange.port, recorder.port):
                answer = await asked(port, Sec_WebSocket_Version=version)
                assert answer.startswith("HTTP/1.1 426 Upgrade Required\r\n")
                assert "\r\nSec-WebSocket-Version: 13\r\n" in answer
                assert "\r\nUpgrade: websocket\r\n" in answer
                assert "expected 'Sec-WebSocket-Version: 13', got " in answer
            assert len(exchange.connections) == 0

    run(main)


def test_no_extension_and_no_subprotocol_is_agreed_on():
    async def main():
        async with Emulator() as exchange:
            fields = {"Sec_WebSocket_Extensions": "permessage-deflate", "Sec_WebSocket_Protocol": "chat"}
            answer = await asked(exchange.port, **fields)
            assert answer.startswith("HTTP/1.1 101 ")
            assert "Extensions" not in answer
            assert "Protocol:" not in answer

    run(main)
