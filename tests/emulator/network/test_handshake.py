"""Handshakes that get no proper answer: refused with Retry-After, hung, reset, answered with garbage."""

from __future__ import annotations

import asyncio
import contextlib

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidMessage, InvalidStatus

from fastws.emulator import Emulator
from helpers import support
from helpers.emulator.wire import run, wire

UPGRADE = (
    b"GET /ws-api/v3 HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)


async def shake(exchange):
    """The two ends of a TCP connection on which the handshake was sent."""
    tls = exchange.client_ssl_context() if exchange.url.startswith("wss") else None
    reader, writer = await asyncio.open_connection("127.0.0.1", exchange.port, ssl=tls)
    writer.write(UPGRADE)
    return reader, writer


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("loop", support.LOOPS)
def test_a_handshake_hangs(loop, tls):
    async def main():
        async with Emulator(tls=tls) as exchange:
            fault = exchange.faults.add("hang")
            reader, writer = await shake(exchange)
            async with wire(exchange) as client:
                assert (await client.call("ping"))["status"] == 200, "the next one is answered"
                assert not reader.at_eof()
                assert len(exchange.connections) == 1
                assert client.socket.response.status_code == 101
            assert fault.hits == 1
            writer.write(b"still there?")
            await writer.drain()
            await exchange.stop()
            with contextlib.suppress(ConnectionError):
                assert await reader.read() == b"", "the end of the exchange, and nothing before it"
            writer.transport.abort()

    support.run(main(), loop=loop)


def test_a_client_leaves_a_handshake_that_hangs():
    async def main():
        async with Emulator() as exchange:
            exchange.faults.add("hang")
            _, writer = await shake(exchange)
            while not exchange._live._broken:  # noqa: ASYNC110
                await asyncio.sleep(0)
            writer.close()
            await writer.wait_closed()
            while exchange._live._broken:  # noqa: ASYNC110
                await asyncio.sleep(0)

    run(main)


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("loop", support.LOOPS)
def test_a_handshake_is_reset(loop, tls):
    async def main():
        async with Emulator(tls=tls) as exchange:
            exchange.faults.add("reset", times=2)
            for _ in range(2):
                reader, writer = await shake(exchange)
                with pytest.raises(ConnectionResetError):
                    await reader.readexactly(1)
                writer.transport.abort()
            async with wire(exchange):
                assert [c.number for c in exchange.connections] == [1], "it was no connection"

    support.run(main(), loop=loop)


@pytest.mark.parametrize(
    ("details", "received"),
    [
        ({}, b"SSH-2.0-OpenSSH_9.6\r\n\r\n"),
        ({"data": "HTTP/1.1 101"}, b"HTTP/1.1 101"),
        ({"data": b""}, b""),
        ({"data": b"\0\xff" * 3000}, b"\0\xff" * 3000),
    ],
)
def test_a_handshake_is_answered_with_garbage(details, received):
    async def main():
        async with Emulator() as exchange:
            exchange.faults.add("garbage", times=2, **details)
            reader, writer = await shake(exchange)
            assert await reader.read() == received
            writer.close()
            with pytest.raises(InvalidMessage):
                await connect(exchange.url)

    run(main)


@pytest.mark.parametrize(
    ("retry_after", "header"), [(0, "0"), (5, "5"), (1.2, "2"), ("soon", "soon"), (None, None)]
)
@pytest.mark.parametrize("code", [None, -1003])
def test_a_refusal_says_when_to_come_back(retry_after, header, code):
    async def main():
        async with Emulator() as exchange:
            exchange.faults.add("refuse", status=429, code=code, msg="no", retry_after=retry_after)
            with pytest.raises(InvalidStatus) as caught:
                await connect(exchange.url)
            response = caught.value.response
            assert response.status_code == 429
            assert response.headers.get("Retry-After") == header
            if code is None:
                assert response.body == b""
            else:
                assert b'"code": -1003' in response.body
                assert (b"retryAfter" in response.body) == isinstance(retry_after, (int, float))

    run(main)


def test_faults_of_handshakes_as_text():
    async def main():
        async with Emulator() as exchange:
            exchange.script("refuse status=418 retry_after=120\ngarbage data=hex:00ff\nreset\nhang")
            assert [fault.kind for fault in exchange.faults] == ["refuse", "garbage", "reset", "hang"]
            with pytest.raises(InvalidStatus) as caught:
                await connect(exchange.url)
            assert caught.value.response.headers["Retry-After"] == "120"
            reader, writer = await shake(exchange)
            assert await reader.read() == b"\0\xff"
            writer.close()
            for text in ("hang@ping", "reset data=x", "garbage seconds=1"):
                with pytest.raises(ValueError, match="takes no"):
                    exchange.faults.add_text(text)

    run(main)
