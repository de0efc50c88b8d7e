"""fastws._native.frames: the pongs of a peer that pings, and reads nothing, do not pile up without bound."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import pytest

import fastws
from fastws.emulator import Emulator
from fastws.emulator.network.tls import Certificate
from helpers.offline import Offline
from helpers.support import CLOSE, KEY, ORDER, PING, PONG, Peer, frame, run
from helpers.ways import GOOD, LOOPS, answer, answering, run_on

CERTIFICATE = Certificate()
PINGS = frame(PING, b"p" * 125) * 1000


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("tls", [False, True])
def test_a_peer_that_pings_and_reads_nothing_is_dead_beyond_max_output(
    tls: bool, loop: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def script(peer: Peer) -> None:
        peer.writer.transport.pause_reading()
        while not peer.writer.transport.is_closing():
            peer.writer.write(PINGS)
            await peer.writer.drain()
            await asyncio.sleep(0)

    async def main() -> None:
        server = CERTIFICATE.server_context() if tls else None
        options: dict[str, Any] = {"ssl_context": CERTIFICATE.client_context()} if tls else {}
        async with answering(answer(*GOOD), script, tls=server) as url:
            client = await fastws.connect(url, max_output=100_000, reconnect=False, **KEY, **options)
            order = client.order_place(**ORDER)
            reason = await client.wait_closed()
            assert "the exchange reads nothing: " in reason
            waiting = int(reason.split(": ")[1].split(" ")[0])
            assert 100_000 < waiting < 300_000
            assert reason.endswith("more than 100000")
            with pytest.raises(fastws.ExecutionUnknown) as caught:
                await order
            assert isinstance(caught.value.cause, fastws.ConnectionLost)
            await client.close()

    run_on(loop, main(), monkeypatch, timeout=20)


def test_pings_are_answered_as_long_as_they_are_read() -> None:
    async def script(peer: Peer) -> None:
        for number in range(2000):
            peer.writer.write(frame(PING, b"%d" % number))
            assert await peer.frame() == (PONG, b"%d" % number)

    async def main() -> None:
        async with (
            answering(answer(*GOOD), script) as url,
            fastws.connect(url, max_output=1, reconnect=False) as client,
        ):
            await client.wait_closed()
            assert client.stats["pings"] == 2000

    run(main())


def test_what_is_read_behind_the_last_ping_is_for_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        offline = Offline(max_output=1000)
        monkeypatch.setattr(offline, "get_write_buffer_size", lambda: 1001, raising=False)
        offline.send(frame(PING), frame(PING), frame(CLOSE))
        assert not list(offline.frames())
        assert "1001 bytes wait for it, more than 1000" in (offline.client.close_reason or "")
        await offline.gone.wait()

    run(main())


def test_the_exchange_drops_a_client_that_pings_and_reads_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fastws.emulator.network.connection.MAX_UNREAD", 100_000)
    ping = b"\x89\xfd" + bytes(4) + b"p" * 125

    async def main() -> None:
        async with Emulator() as exchange:
            reader, writer = await asyncio.open_connection("127.0.0.1", exchange.port)
            writer.write(
                b"GET /ws-api/v3 HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
            )
            await reader.readuntil(b"\r\n\r\n")
            writer.transport.pause_reading()
            with contextlib.suppress(ConnectionError):
                while exchange.connections:
                    writer.write(ping * 1000)
                    await writer.drain()
                    await asyncio.sleep(0)
            assert len(exchange.connections) == 0
            writer.close()

    run(main(), timeout=20)
