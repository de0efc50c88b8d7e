"""TLS on each event loop: big messages, a peer that stops reading, each end of a connection, and what is left."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import os
import random
import socket
import ssl
import struct
from pathlib import Path
from typing import Any

import picows
import pytest

import fastws
from fastws import ConnectionLost, ExecutionUnknown, NotSent
from fastws.emulator.network.tls import Certificate
from fastws.lifecycle.handshake import Upgrade
from fastws.lifecycle.opening import Opener
from helpers.resetting import Resetter, resetting
from helpers.support import CLOSE, FIRST_ID, KEY, ORDER, TEXT, Peer, frame, reply
from helpers.ways import ALL_LOOPS, GOOD, answer, answering, run_on

CERTIFICATE = Certificate()
SERVER, CONTEXT = CERTIFICATE.server_context(), CERTIFICATE.client_context()
UPGRADED = answer(*GOOD)
OPTIONS: dict[str, Any] = {"ssl_context": CONTEXT, "reconnect": False, **KEY}

on_each_loop = pytest.mark.parametrize("loop", ALL_LOOPS)


@on_each_loop
def test_big_messages_in_both_directions(loop: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """From one byte to many records of TLS, next to their limits of 16 kB, and several in one write."""
    sizes = [1, 125, 16_383, 16_384, 16_385, 65_536, 300_000, 5_000_000]

    async def script(peer: Peer) -> None:
        requests = [await peer.request() for _ in sizes]
        peer.send(*[reply(request, request["params"]["text"]) for request in requests])
        await peer.end()

    async def main() -> None:
        async with (
            answering(UPGRADED, script, tls=SERVER) as url,
            fastws.connect(url, max_output=1 << 24, **OPTIONS) as client,
        ):
            texts = [chr(97 + i) * size for i, size in enumerate(sizes)]
            replies = [client.request("echo", {"text": text}) for text in texts]
            assert await asyncio.gather(*replies) == texts

    run_on(loop, main(), monkeypatch)


@on_each_loop
def test_a_peer_that_stops_reading_and_reads_on(loop: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Output is bounded, what was accepted is answered, and what was refused was not sent."""
    reads_on = asyncio.Event()
    seen: list[str] = []

    async def script(peer: Peer) -> None:
        peer.writer.transport.pause_reading()
        await reads_on.wait()
        peer.writer.transport.resume_reading()
        while True:
            request = await peer.request()
            seen.append(request["params"]["text"])
            peer.send(reply(request, request["params"]["text"][:8]))

    async def main() -> None:
        async with (
            answering(UPGRADED, script, tls=SERVER) as url,
            fastws.connect(url, max_output=1_000_000, timeout=5.0, **OPTIONS) as client,
        ):
            accepted, refused = [], 0
            for number in range(400):
                try:
                    future = client.request("echo", {"text": f"{number:08}" + "x" * 40_000})
                except NotSent:
                    refused += 1
                else:
                    accepted.append((f"{number:08}", future))
                await asyncio.sleep(0)
            assert refused > 100
            assert len(accepted) > 20
            reads_on.set()
            for text, future in accepted:
                assert await future == text
            assert [text[:8] for text in seen] == [text for text, _ in accepted]
            assert await client.request("echo", {"text": "after"}) == "after"

    run_on(loop, main(), monkeypatch)


@on_each_loop
@pytest.mark.parametrize("how", ["close_notify", "close_notify and FIN", "FIN", "RST"])
@pytest.mark.parametrize("paused", [False, True], ids=["", "with-output"])
def test_each_end_of_a_connection_is_a_loss_at_once(
    how: str, paused: bool, loop: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The end of TLS, of TCP, of both; with and without output that the peer does not read."""

    def script(server: Resetter) -> None:
        server.accept()
        server.send(server.upgrade())
        server.read()
        server.wait()
        server.send(frame(TEXT, b'{"id":%d,"status":200,"result":{"a":1}}' % FIRST_ID))
        if "close_notify" in how:
            server.close_notify()
        if "FIN" in how:
            server.shutdown()
        if how == "RST":
            server.reset()
        server.said()
        assert server.may_end.wait(5)
        server.close()

    async def main(server: Resetter) -> None:
        client = await fastws.connect(server.url, max_output=1 << 26, **OPTIONS)
        ping, order = client.ping(), client.order_place(**ORDER)
        client.flush()
        await asyncio.to_thread(server.asked.wait, 5)
        more = [client.request("echo", {"text": "x" * 400_000}) for _ in range(20 * paused)]
        server.go()
        assert await ping == {"a": 1}
        if paused and how != "RST":
            server.may_end.set()  # a peer that reads no output must end for this: else the output is waited for
        with pytest.raises(ExecutionUnknown, match="lost"):
            await asyncio.wait_for(order, 2)
        for future in more:
            with pytest.raises(ConnectionLost):
                await future
        server.may_end.set()
        assert not client.connected
        await client.close()

    with resetting(script, SERVER) as server:
        run_on(loop, main(server), monkeypatch)


@on_each_loop
def test_resets_at_random_moments(loop: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that answers, and resets at a random byte of its output: each request ends, within moments."""
    rng = random.Random(7)

    async def script(peer: Peer) -> None:
        left = rng.randrange(1, 60_000)
        while left > 0:
            request = await peer.request()
            data = frame(TEXT, json.dumps(reply(request, "x" * rng.choice((5, 900, 20_000)))).encode())
            peer.writer.write(data[:left])
            left -= len(data)
            if rng.random() < 0.3:
                await asyncio.sleep(0)
        plain = peer.writer.get_extra_info("socket")
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        peer.writer.transport.abort()

    async def main() -> None:
        answered = lost = 0
        async with answering(UPGRADED, script, tls=SERVER) as url:
            for _ in range(60):
                client = await fastws.connect(url, **OPTIONS)
                while client.connected:
                    futures = [client.depth(symbol="BTCUSDT") for _ in range(rng.randrange(1, 6))]
                    done, waiting = await asyncio.wait(futures, timeout=2)
                    assert not waiting
                    for future in done:
                        error = future.exception()
                        assert error is None or isinstance(error, (ConnectionLost, NotSent))
                        answered += error is None
                        lost += error is not None
                await client.close()
        assert answered > 60
        assert lost > 60

    run_on(loop, main(), monkeypatch, timeout=20)


@on_each_loop
def test_a_context_that_wraps_connections_itself_is_asked_to(
    loop: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As truststore's, which checks certificates by the system: who only reads its options would not ask it."""
    wrapped = []

    class OwnContext(ssl.SSLContext):
        def wrap_bio(self, *arguments: Any, **more: Any) -> ssl.SSLObject:
            wrapped.append(more.get("server_hostname"))
            return CONTEXT.wrap_bio(*arguments, **more)

    async def script(peer: Peer) -> None:
        request = await peer.request()
        peer.send(reply(request, "yes"))
        await peer.end()

    async def main() -> None:
        context = OwnContext(ssl.PROTOCOL_TLS_CLIENT)  # trusts nobody
        async with (
            answering(UPGRADED, script, tls=SERVER) as url,
            fastws.connect(url, **{**OPTIONS, "ssl_context": context}) as client,
        ):
            assert await client.request("echo") == "yes"
        assert wrapped == ["127.0.0.1"]

    run_on(loop, main(), monkeypatch)


@on_each_loop
def test_an_attempt_that_is_cancelled_as_its_tls_handshake_ends(
    loop: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next connection, whose socket gets the same number, receives its data."""
    made = Upgrade.connection_made
    attempts: list[asyncio.Task[Any]] = []

    def connection_made(self: Upgrade, transport: Any) -> None:
        made(self, transport)
        attempts[-1].cancel()

    async def script(peer: Peer) -> None:
        while True:
            request = await peer.request()
            peer.send(reply(request, request["params"]["text"]))

    async def main() -> None:
        async with answering(UPGRADED, script, tls=SERVER) as url:
            for _ in range(3):
                with monkeypatch.context() as patched:
                    patched.setattr(Upgrade, "connection_made", connection_made)
                    opener = Opener(ssl_context=CONTEXT)
                    attempts.append(asyncio.ensure_future(opener.open(url, picows.WSListener())))
                    with pytest.raises(asyncio.CancelledError):
                        await attempts[-1]
                async with fastws.connect(url, timeout=2.0, **OPTIONS) as client:
                    assert await client.request("echo", {"text": "x"}) == "x"

    run_on(loop, main(), monkeypatch)


@pytest.mark.alone
@on_each_loop
@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="reads /proc/self")
def test_connections_leave_nothing(loop: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Closed, lost, refused and cancelled ones: no descriptor, and no memory that grows."""

    async def script(peer: Peer) -> None:
        while True:
            opcode, payload = await peer.frame()
            if opcode == CLOSE:
                peer.send(frame(CLOSE, payload))
                return
            request = json.loads(payload)
            if request["method"] == "end":
                await peer.drop()
                return
            peer.send(reply(request, len(request["params"]["text"])))

    async def connect_all(url: str, refusing: str) -> None:
        client = await fastws.connect(url, **OPTIONS)
        assert await client.request("echo", {"text": "x" * 100_000}) == 100_000
        await client.close()
        client = await fastws.connect(url, **OPTIONS)
        with pytest.raises(ConnectionLost):
            await client.request("end")
        await client.close()
        with pytest.raises(fastws.NotConnected, match="certificate"):
            await fastws.connect(url, **{**OPTIONS, "ssl_context": ssl.create_default_context()})
        with pytest.raises(fastws.FastwsError):
            await fastws.connect(refusing, **OPTIONS)
        task = asyncio.ensure_future(_opened(url))
        await asyncio.sleep(0.001)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await (await task).close()

    async def main() -> None:
        async with (
            answering(UPGRADED, script, tls=SERVER) as url,
            answering(answer(status="HTTP/1.1 200 OK"), tls=SERVER) as refusing,
        ):
            for _ in range(5):
                await connect_all(url, refusing)
            await asyncio.sleep(0.05)
            gc.collect()
            descriptors, memory = len(os.listdir("/proc/self/fd")), _resident()
            for _ in range(15):
                await connect_all(url, refusing)
            await asyncio.sleep(0.05)
            gc.collect()
            assert len(os.listdir("/proc/self/fd")) <= descriptors
            assert _resident() - memory < 8 << 20  # one connection has 0.3 MB

    run_on(loop, main(), monkeypatch, timeout=20)


async def _opened(url: str) -> fastws.Client:
    return await fastws.connect(url, **OPTIONS)


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
