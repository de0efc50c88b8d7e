"""Clients closed twice, while they open, by an exception and by cancellation; connects cancelled in every phase."""

from __future__ import annotations

import asyncio
import contextlib
import gc
from typing import Any

import pytest

import fastws
from helpers.offline import Offline
from helpers.support import FIRST_ID, TEXT, Peer, answer_all, frame, reply, run, serving


def listen() -> list[dict[str, Any]]:
    """What is reported to the running loop's exception handler from now on."""
    reported: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: reported.append(context))
    return reported


def test_closing_twice_at_once_and_again_is_fine_and_waits_no_longer_than_the_replies() -> None:
    async def script(peer: Peer) -> None:
        request = await peer.request()
        await asyncio.sleep(0.02)
        peer.send(reply(request))

    async def main() -> None:
        loop = asyncio.get_running_loop()
        async with serving(script) as url:
            client = await fastws.connect(url)
            future = client.ping()
            start = loop.time()
            await asyncio.gather(client.close(), client.close(), client.close())
            assert await future == {}
            assert loop.time() - start < 1.0, "one of them waited for its timeout"
            await client.close()
            assert client.close_reason == "the connection was closed by the client"

    run(main())


@pytest.mark.parametrize("how", ["cancelled", "timed out"])
def test_closing_does_not_wait_for_replies_that_nobody_waits_for(how: str) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()

    async def main() -> None:
        loop = asyncio.get_running_loop()
        async with serving(script) as url:
            client = await fastws.connect(url)
            future = client.ping(timeout=0.05)
            start = loop.time()
            if how == "cancelled":
                loop.call_later(0.01, future.cancel)
            await client.close(timeout=5)
            assert loop.time() - start < 1.0
            assert future.cancelled() or isinstance(future.exception(), fastws.RequestTimeout)

    run(main())


def test_closing_with_many_requests_in_flight_takes_no_longer_than_with_few() -> None:
    async def main() -> None:
        offline = Offline(max_output=1 << 30)
        client = offline.client
        ends = [0]

        def end(result: Any, error: Any) -> None:
            ends[0] += 1

        infos: list[Any] = [client.ping(on_reply=end) for _ in range(60_000)]
        closing = asyncio.ensure_future(client.close())
        await asyncio.sleep(0)
        start = asyncio.get_running_loop().time()
        offline.feed(b"".join(frame(TEXT, b'{"id":%d,"status":200,"result":{}}' % info.id) for info in infos))
        took = asyncio.get_running_loop().time() - start
        assert ends == [60_000]
        assert took < 1.5, f"60,000 replies took {took:.1f} s"
        await offline.close_frame.wait()
        offline.lose()
        await closing

    run(main(), timeout=60)


@pytest.mark.parametrize("phase", ["handshake", "logon"])
def test_closing_while_opening_ends_the_attempt(phase: str) -> None:
    reached = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        reached.set()
        await reader.read()
        writer.close()

    async def script(peer: Peer) -> None:
        await peer.request()
        reached.set()

    async def main() -> None:
        async with contextlib.AsyncExitStack() as stack:
            if phase == "handshake":
                server = await stack.enter_async_context(await asyncio.start_server(silent, "127.0.0.1", 0))
                url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            else:
                url = await stack.enter_async_context(serving(script))
            client = fastws.connect(url, signer=_logon_signer())
            opening = asyncio.ensure_future(_opened(client))
            await reached.wait()
            await client.close(timeout=0.1)
            with pytest.raises(fastws.FastwsError, match="closed"):
                await opening
            assert not client.connected
            await client.close()

    run(main())


async def _opened(client: fastws.Client) -> fastws.Client:
    return await client


def _logon_signer() -> fastws.Signer:
    class Signer(fastws.Signer):
        def sign(self, payload: bytes) -> str:
            return "s" * 88

    return Signer("k" * 64, "Ed25519")


@pytest.mark.parametrize("phase", ["connecting", "handshake", "logon", "open"])
def test_cancelling_connect_leaves_no_connection_and_no_task(phase: str) -> None:
    async def main() -> None:
        reported = listen()
        reached, gone = asyncio.Event(), asyncio.Event()

        async def server(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            peer = Peer(reader, writer)
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                if phase == "handshake":
                    await reader.readuntil(b"\r\n\r\n")
                elif phase != "connecting":
                    await peer.handshake()
                    await peer.request()
                reached.set()
                if phase == "open":
                    peer.send(reply(FIRST_ID))
                await peer.end()
                await reader.read()
            gone.set()
            writer.close()

        async with await asyncio.start_server(server, "127.0.0.1", 0) as listening:
            url = f"ws://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
            client = fastws.connect(url, signer=_logon_signer(), connect_timeout=60)
            before = asyncio.all_tasks()
            task = asyncio.ensure_future(_opened(client))
            if phase == "connecting":
                await asyncio.sleep(0)
            else:
                await reached.wait()
            task.cancel()
            await asyncio.wait([task])
            if phase != "open":
                assert task.cancelled()
            elif not task.cancelled():
                await task.result().close()
            assert not client.connected
            if phase != "connecting":
                await asyncio.wait_for(gone.wait(), 2)
            await asyncio.sleep(0)
            assert asyncio.all_tasks() - before <= {task} | {
                other for other in asyncio.all_tasks() if "server" in repr(other)
            }
        assert not reported

    run(main())


def test_an_exception_in_the_body_closes_the_client_and_is_raised() -> None:
    async def main() -> None:
        async with serving(answer_all) as url:
            client = fastws.connect(url)
            futures = []

            async def failing() -> None:
                async with client:
                    futures.append(client.ping())
                    raise ZeroDivisionError

            with pytest.raises(ZeroDivisionError):
                await failing()
            assert not client.connected
            assert (await futures[0])["method"] == "ping"

            again = fastws.connect(url)

            entered = asyncio.Event()

            async def body() -> None:
                async with again:
                    entered.set()
                    await asyncio.Event().wait()

            task = asyncio.ensure_future(body())
            await entered.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert again.close_reason == "the connection was closed by the client"

    run(main())


def test_a_second_cancellation_during_close_cuts_the_connection() -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await asyncio.Event().wait()  # neither a reply nor a close frame

    async def main() -> None:
        async with serving(script) as url:
            client = await fastws.connect(url)
            future = client.ping()
            closing = asyncio.ensure_future(client.close(timeout=60))
            await asyncio.sleep(0)
            with pytest.raises(fastws.NotConnected, match="closing"):
                client.ping()
            assert not client.connected, "requests are refused"
            closing.cancel()
            with pytest.raises(asyncio.CancelledError):
                await closing
            with pytest.raises(fastws.ConnectionLost):
                await future
            await client.wait_closed()

    run(main())


def test_a_connection_that_broke_and_was_never_closed_reports_nothing() -> None:
    async def script(peer: Peer) -> None:
        peer.writer.write(frame(3))  # an opcode that does not exist: picows gives up
        await peer.end()

    async def main() -> None:
        reported = listen()
        async with serving(script) as url:
            client = await fastws.connect(url, reconnect=False)
            assert "opcode" in await client.wait_closed()
            del client
            await asyncio.sleep(0)
            gc.collect()
            await asyncio.sleep(0)
        assert not reported

    run(main())
