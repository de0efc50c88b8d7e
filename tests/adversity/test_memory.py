"""Memory stays flat, whatever requests end in; what is closed is gone."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import logging
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import fastws
from fastws._core import Session
from helpers.offline import Offline
from helpers.support import CLOSE, KEY, ORDER, TEXT, Peer, answer_all, frame, reply, run, serving

pytestmark = pytest.mark.alone

BATCH = 250
PAGE = 4096


def resident() -> int:
    """Bytes of this process that are in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE


def alive(*types: type) -> int:
    """How many objects of these types exist."""
    gc.collect()
    return sum(type(thing) in types for thing in gc.get_objects())


def replies(infos: list[Any]) -> bytes:
    """One reply to each: a result, an error, something that cannot be read, or a result that nobody waits for."""
    texts = []
    for i, info in enumerate(infos):
        if i % 5 == 0:
            text = b'{"id":%d,"status":400,"error":{"code":-2010,"msg":"refused %d"}}' % (info.id, info.id)
        elif i % 5 == 1:
            text = b'{"id":%d,"status":200,"result":{"price":"%d.0",}}' % (info.id, info.id)
        else:
            text = b'{"id":%d,"status":200,"result":{"orderId":%d,"list":[1,2.5,"x%d"]}}' % ((info.id,) * 3)
        texts.append(frame(TEXT, text))
    return b"".join(texts)


async def batch(client: fastws.Client, respond: Callable[[list[Any]], None], ends: Counter[str]) -> None:
    """Requests of each kind, corked, and one of each way to end."""
    futures = []
    infos = []
    for i in range(BATCH):
        made: Any
        if i % 4 == 0:
            made = client.order_place(**ORDER)
        elif i % 4 == 1:
            made = client.depth(symbol="BTCUSDT")
        elif i % 4 == 2:
            infos.append(client.ping(on_reply=lambda result, error: None))
            continue
        else:
            made = client.request("time", timeout=0.0005)
        futures.append(made)
        if i % 20 == 3:
            made.cancel()  # before it is written
        else:
            infos.append(made.info)
    with contextlib.suppress(fastws.InvalidRequest):
        client.order_place(**{**ORDER, "price": 0.1 + 0.2})
    await asyncio.sleep(0)
    for future in futures[::7]:
        future.cancel()  # after it was
    await asyncio.sleep(0.001)  # some time out
    respond(infos)
    outcomes = await asyncio.gather(*futures, return_exceptions=True)
    ends.update(type(outcome).__name__ for outcome in outcomes)


@pytest.fixture
def few_remembered(monkeypatch: pytest.MonkeyPatch) -> int:
    """How many placements of unknown outcome a client remembers: so few that a test reaches that number."""
    monkeypatch.setattr("fastws.trading.unresolved.REMEMBERED", 32)
    return 32


def flat(rounds: int, once: Callable[[], Any], what: str) -> Any:
    """A coroutine that checks that many rounds take no more memory than a few."""

    async def check() -> None:
        for _ in range(rounds // 8):
            await once()
        gc.collect()
        objects, blocks, size = len(gc.get_objects()), sys.getallocatedblocks(), resident()
        for _ in range(rounds):
            await once()
        gc.collect()
        grown = len(gc.get_objects()) - objects
        assert grown < rounds, f"{grown} more objects after {rounds} rounds of {what}"
        grown = sys.getallocatedblocks() - blocks
        assert grown < 4 * rounds, f"{grown} more blocks after {rounds} rounds of {what}"
        grown = resident() - size
        assert grown < 4 << 20, f"{grown} more bytes after {rounds} rounds of {what}"

    return check()


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads /proc/self/statm")
def test_memory_is_flat_over_a_hundred_thousand_requests_whatever_they_end_in(few_remembered: int) -> None:
    rounds = 400
    got: list[Peer] = []
    orphans = [0]
    ends: Counter[str] = Counter()

    async def script(peer: Peer) -> None:
        got.append(peer)
        while await peer.reader.read(1 << 16):
            pass

    def orphan(info: fastws.RequestInfo, outcome: Any) -> None:
        orphans[0] += 1

    async def main() -> None:
        async with serving(script) as url:
            before = alive(fastws.RequestInfo)
            client = await fastws.connect(url, on_orphan=orphan, reconnect=False, **KEY)
            connection: Any = client._session.route
            await flat(
                rounds,
                lambda: batch(client, lambda infos: got[0].writer.write(replies(infos)), ends),
                "requests over a socket",
            )
            marker = client.ping()
            got[0].writer.write(frame(TEXT, b'{"id":%d,"status":200,"result":{}}' % marker.info.id))
            await marker
            assert client.in_flight == 0
            stats = client.stats
            assert stats["requests"] > 100_000
            assert stats["replies"] == stats["messages"] > 90_000
            assert stats["orphans"] == orphans[0] > 5_000
            for name in (
                "dict",
                "BadRequest",
                "JsonError",
                "ExecutionUnknown",
                "RequestTimeout",
                "CancelledError",
            ):
                assert ends[name] > 1000, ends
            assert alive(fastws.RequestInfo) > before
            del marker
            assert alive(fastws.RequestInfo) < before + few_remembered + 10, (
                "halt() remembers so many of unknown outcome"
            )
            client._handler.unresolved._placements.clear()
            assert alive(fastws.RequestInfo) < before + 10, "requests that are long answered live on"
            connection.abort()
            await client.wait_closed()
            await client.close()

    run(main(), timeout=60)


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads /proc/self/statm")
@pytest.mark.usefixtures("few_remembered")
def test_memory_is_flat_over_five_hundred_losses() -> None:
    async def script(peer: Peer) -> None:
        while True:
            opcode, payload = await peer.frame()
            if opcode == CLOSE:
                peer.writer.write(frame(CLOSE, payload))
                return
            request = json.loads(payload)
            if request["method"] == "order.place":
                await peer.drop()
                return
            peer.send(reply(request, {"apiKey": KEY["api_key"], "subscriptionId": 0, "serverTime": 10**12}))

    class Signer(fastws.Signer):
        def sign(self, payload: bytes) -> str:
            return "s" * 88

    async def main() -> None:
        async with serving(script) as url:
            client = fastws.connect(url, signer=Signer("k" * 64, "Ed25519"), after_gap="go")
            client._supervisor.backoff.uniform = lambda low, high: low
            async with client:
                subscription = await client.user_data_stream_subscribe(on_event=lambda event: None)

                async def once() -> None:
                    lost = client.order_place(**ORDER)
                    with pytest.raises(fastws.ExecutionUnknown):
                        await lost
                    await client.wait_open(5)
                    assert client.logged_on
                    assert subscription.active

                for _ in range(300):  # so many requests of unknown outcome, and gaps, are remembered
                    await once()
                await flat(500, once, "losses")
                assert client.connection == 1 + 300 + 500 // 8 + 500

    logging.getLogger("fastws").disabled = True
    for name in ("fastws.connection", "fastws.streams"):
        logging.getLogger(name).disabled = True  # caplog keeps what is logged
    try:
        run(main(), timeout=60)
    finally:
        for name in ("fastws", "fastws.connection", "fastws.streams"):
            logging.getLogger(name).disabled = False


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads /proc/self/statm")
def test_messages_for_nobody_cost_no_memory(caplog: pytest.LogCaptureFixture) -> None:
    logging.getLogger("fastws").disabled = True  # caplog keeps what is logged
    try:

        async def main() -> None:
            offline = Offline()
            junk = [
                '{"id":77,"status":200,"result":{"a":[1,2,3]}}',
                '{"id":null,"status":400,"error":{"code":-1,"msg":"?"}}',
                '{"id":"x","status":200,"result":{}}',
                '{"event":{"e":"balanceUpdate","d":"1.0"}}',
                '{"event":{"e":"x",}}',
                "garbage",
                "[]",
                '{"id":1,"status":200,"result":[1,2',
            ]
            data = b"".join(frame(TEXT, text.encode()) for text in junk)
            data += frame(TEXT, b'{"event":', fin=False) + frame(9, b"ping") + frame(0, b'{"e":"y"}}')

            async def once() -> None:
                offline.feed(data * 4)
                offline.written.clear()

            await flat(1500, once, "junk")
            offline.lose()

        run(main(), timeout=60)
    finally:
        logging.getLogger("fastws").disabled = False


@pytest.mark.parametrize("end", ["closed", "cut", "lost in flight", "never opened", "refused"])
def test_hundreds_of_connections_leave_no_client_and_no_session_behind(end: str) -> None:
    async def script(peer: Peer) -> None:
        if end == "lost in flight":
            for _ in range(3):
                await peer.request()
            await peer.drop()
        else:
            await answer_all(peer)

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    async def one(url: str) -> None:
        client = fastws.connect(url, **KEY)
        if end == "never opened":
            return
        if end == "refused":
            with pytest.raises(fastws.ServerError):
                await client
            return
        async with client:
            kept: list[Any] = []
            client.ping(on_reply=lambda result, error: kept.append((client, result)))
            future, order = client.ping(), client.order_place(**ORDER)
            order.cancel()
            if end == "lost in flight":
                client.ping()
                with pytest.raises(fastws.ConnectionLost):
                    await future
                return
            await future
            if end == "cut":
                client.ping(on_reply=lambda result, error: kept.append((client, result)))
                client._session.route.abort()

    async def main() -> None:
        asyncio.get_running_loop().set_exception_handler(
            lambda loop, context: None
        )  # of futures not looked at
        async with contextlib.AsyncExitStack() as stack:
            if end == "refused":
                server = await stack.enter_async_context(await asyncio.start_server(refuse, "127.0.0.1", 0))
                url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            else:
                url = await stack.enter_async_context(serving(script))
            await one(url)
            before = alive(fastws.Client, Session, fastws.RequestInfo)
            for _ in range(200):
                await one(url)
            await asyncio.sleep(0.02)  # a connection that failed is cut 10 ms later
            assert alive(fastws.Client, Session, fastws.RequestInfo) <= before + 2

    run(main(), timeout=60)
