"""Corking: what leaves at once, what waits for the end of the turn, and in which order."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

import fastws
from fastws._native import cork as _cork
from helpers.offline import Offline
from helpers.support import (
    CLOSE,
    KEY,
    ORDER,
    PING,
    PONG,
    Peer,
    answer_all,
    frame,
    reply,
    run,
    serving,
    talking,
)


def test_a_text_frame_is_masked_as_rfc_6455_says() -> None:
    for size in (0, 1, 7, 8, 125, 126, 127, 300, 65535, 65536, 70000):
        text = bytes(i % 251 for i in range(size))
        made = _cork.mask_frame(text, 0xA1B2C3D4)
        assert made[0] == 0x81
        length = made[1] & 0x7F
        assert made[1] & 0x80
        head = 2 if length < 126 else 4 if length == 126 else 10
        if head > 2:
            length = int.from_bytes(made[2:head], "big")
        assert length == size
        mask = made[head : head + 4]
        assert bytes(b ^ mask[i & 3] for i, b in enumerate(made[head + 4 :])) == text


def chunks(peer: Peer) -> asyncio.Task[list[int]]:
    """How many requests came in each write of the client, as far as the socket tells."""

    async def read() -> list[int]:
        sizes = []
        while True:
            data = await peer.reader.read(1 << 20)
            if not data or data[0] == 0x88:
                return sizes
            sizes.append(data.count(b"\x81"))

    return asyncio.ensure_future(read())


def test_the_first_request_of_a_turn_leaves_at_once_and_the_rest_in_one_write() -> None:
    async def main() -> None:
        async with talking(answer_all) as client:
            for turn in range(3):
                writes = client.stats["writes"]
                futures = [client.ping() for _ in range(10)]
                assert [future.info.sent for future in futures] == [True] + [False] * 9
                assert client.stats["writes"] == writes + 1
                await asyncio.sleep(0)
                assert all(future.info.sent for future in futures), "the turn is over"
                assert client.stats["writes"] == writes + 2
                assert len({future.info.written_at for future in futures[1:]}) == 1
                lone = client.ping()
                assert lone.info.sent, f"the first of the next turn leaves at once (turn {turn})"
                await asyncio.gather(*futures, lone)

    run(main())


def test_order_is_kept_whatever_is_corked_urgent_or_flushed() -> None:
    got: list[str] = []

    async def script(peer: Peer) -> None:
        for _ in range(8):
            request = await peer.request()
            got.append(request["params"]["symbol"])
            peer.send(reply(request))

    async def main() -> None:
        async with talking(script) as client:
            a, b, c = (client.depth(symbol=name) for name in "abc")
            assert (a.info.sent, b.info.sent, c.info.sent) == (True, False, False)
            d = client.depth(symbol="d", urgent=True)
            assert all(future.info.sent for future in (a, b, c, d)), "urgent takes along what is corked"
            e = client.depth(symbol="e")
            assert not e.info.sent
            client.flush()
            assert e.info.sent
            f, g, h = (client.depth(symbol=name) for name in "fgh")
            assert not f.info.sent
            await asyncio.gather(a, b, c, d, e, f, g, h)

    run(main())
    assert got == list("abcdefgh")


def test_cancels_are_urgent_by_default() -> None:
    async def main() -> None:
        async with talking(answer_all, **KEY) as client:
            first = client.ping()
            order = client.order_place(**ORDER)
            assert not order.info.sent
            cancel = client.order_cancel(symbol="BTCUSDT", orderId=1)
            assert cancel.info.sent
            assert order.info.sent
            lazy = client.order_cancel(symbol="BTCUSDT", orderId=1, urgent=False)
            assert not lazy.info.sent
            every = client.open_orders_cancel_all(symbol="BTCUSDT")
            assert every.info.sent
            assert lazy.info.sent
            await asyncio.gather(first, order, cancel, lazy, every)

    run(main())


def test_without_cork_each_request_leaves_at_once() -> None:
    async def main() -> None:
        async with talking(answer_all, cork=False) as client:
            futures = [client.ping() for _ in range(5)]
            assert all(future.info.sent for future in futures)
            assert client.stats["writes"] == 5
            await asyncio.gather(*futures)

    run(main())


def test_sixteen_kilobytes_do_not_wait_for_the_end_of_the_turn() -> None:
    async def main() -> None:
        async with talking(answer_all) as client:
            futures = [client.depth(symbol="X" * 1000) for _ in range(20)]
            sent = [future.info.sent for future in futures]
            assert sent[0]
            assert 14 <= sum(sent) <= 18
            assert not sent[-1]
            await asyncio.gather(*futures)

    run(main())


def test_requests_made_in_one_read_callback_leave_at_its_end() -> None:
    infos: list[fastws.RequestInfo] = []

    async def main() -> None:
        async with talking(answer_all) as client:
            done = asyncio.get_running_loop().create_future()

            def more(result: Any, error: Any) -> None:
                infos.extend(client.ping(on_reply=lambda result, error: None) for _ in range(3))
                client.ping(on_reply=lambda result, error: done.set_result(None))
                assert [info.sent for info in infos] == [True, False, False]

            writes = client.stats["writes"]
            client.ping(on_reply=more)
            await done
            assert client.stats["writes"] == writes + 3
            assert all(info.sent for info in infos)

    run(main())


def test_a_pong_goes_behind_what_was_requested_before_it() -> None:
    async def script(peer: Peer) -> None:
        request = await peer.request()
        peer.send(reply(request), frame(PING, b"p"))
        later = [await peer.request(), await peer.request()]
        assert [request["method"] for request in later] == ["time", "depth"]
        assert await peer.frame() == (PONG, b"p")
        peer.send(*map(reply, later))

    async def main() -> None:
        async with talking(script) as client:
            done = asyncio.get_running_loop().create_future()

            def more(result: Any, error: Any) -> None:
                client.time(on_reply=lambda result, error: None)
                info: Any = client.depth(symbol="X", on_reply=lambda result, error: None)
                assert not info.sent
                done.set_result(info)

            client.ping(on_reply=more)
            await done

    run(main())


def test_closing_writes_what_is_corked_before_the_close_frame() -> None:
    got: list[str] = []

    async def script(peer: Peer) -> None:
        while True:
            opcode, payload = await peer.frame()
            if opcode == CLOSE:
                got.append("close")
                peer.writer.write(frame(CLOSE, payload))
                return
            request = json.loads(payload)
            got.append(request["method"])
            peer.send(reply(request))

    async def main() -> None:
        async with serving(script) as url:
            client = await fastws.connect(url)
            futures = [client.ping(), client.time(), client.depth(symbol="X")]
            await client.close()
            assert all(future.done() and future.exception() is None for future in futures)
            with pytest.raises(fastws.NotConnected):
                client.ping()

    run(main())
    assert got == ["ping", "time", "depth", "close"]


def test_a_peer_that_stops_reading_bounds_the_output() -> None:
    async def script(peer: Peer) -> None:
        peer.reader._transport.pause_reading()  # type: ignore[attr-defined]
        await asyncio.Event().wait()

    async def main() -> None:
        async with talking(script, max_output=100_000) as client:

            def flood() -> None:
                for _ in range(200_000):
                    client.depth(symbol="X" * 1000, on_reply=lambda result, error: None, urgent=True)

            with pytest.raises(fastws.NotSent, match="100000"):
                flood()
            client._session.route.abort()
            await client.wait_closed()

    run(main())


def test_what_was_cancelled_while_corked_is_no_orphan_when_the_connection_is_lost() -> None:
    orphans: list[Any] = []

    async def main() -> None:
        offline = Offline(on_orphan=lambda info, outcome: orphans.append(info))
        client = offline.client
        sent, corked, kept = client.ping(), client.ping(), client.ping()
        sent.cancel()
        corked.cancel()
        offline.lose()
        assert orphans == [sent.info], "its outcome was open; the other one's never was"
        assert client.stats["orphans"] == 1
        with pytest.raises(fastws.NotConnected, match="was not sent"):
            await kept
        assert client.in_flight == 0

    run(main())
