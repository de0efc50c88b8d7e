"""Ids, what is in flight, timeouts and cancellations."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

import fastws
from support import KEY, ORDER, Peer, answer_all, refusal, reply, run, talking


def test_replies_in_any_order_reach_their_own_waiters() -> None:
    count = 300

    async def script(peer: Peer) -> None:
        requests = [await peer.request() for _ in range(count)]
        peer.send(*(reply(request, request["params"]) for request in reversed(requests)))

    async def main() -> None:
        async with talking(script) as client:
            futures = [client.depth(symbol=f"S{i}") for i in range(count)]
            assert len({future.info.id for future in futures}) == count
            assert all(0 < future.info.id < 2**53 for future in futures)
            results = await asyncio.gather(*futures)
            assert [result["symbol"] for result in results] == [f"S{i}" for i in range(count)]

    run(main())


def test_repeated_stale_and_unknown_ids_reach_nobody() -> None:
    async def script(peer: Peer) -> None:
        first = await peer.request()
        peer.send(reply(first, {"n": 1}), reply(first, {"n": 2}))
        second = await peer.request()
        assert second["id"] & 0xFFFF == first["id"] & 0xFFFF, "the slot is used again"
        peer.send(
            reply(first, {"n": 3}),
            reply(second["id"] + (1 << 16), {"n": 4}),
            reply(second["id"] + 1, {"n": 5}),
            reply(2**53, {"n": 6}),
            reply(-1, {"n": 6}),
            reply(0, {"n": 7}),
            '{"id":"x","status":200,"result":{}}',
            '{"id":1.5,"status":200,"result":{}}',
            '{"status":200,"result":{}}',
            f'{{"id":"{second["id"]}","status":200,"result":{{"n":8}}}}',
            reply(second, {"n": 9}),
        )

    async def main() -> None:
        async with talking(script) as client:
            assert await client.ping() == {"n": 1}
            assert await client.ping() == {"n": 9}
            stats = client.stats
            assert stats["replies"] == 2
            assert stats["stale"] + stats["unknown"] == 11
            assert stats["stale"] >= 2

    run(main())


def test_a_reply_carries_its_record_before_anything_is_awaited() -> None:
    async def main() -> None:
        async with talking(answer_all, **KEY) as client:
            before = time.monotonic_ns()
            future = client.order_place(**ORDER)
            info = future.info
            after = time.monotonic_ns()
            assert isinstance(future, asyncio.Future)
            assert info.method == "order.place"
            assert info.sent
            assert before <= info.queued_at <= info.written_at <= after
            assert info.received_at == 0
            assert info.seq == 0
            assert info.client_order_id
            result: Any = await future
            assert info.written_at < info.received_at <= time.monotonic_ns()
            assert info.seq == 1
            assert result["params"]["newClientOrderId"] == info.client_order_id

    run(main())


def test_a_timeout_ends_the_wait_and_a_late_reply_is_an_orphan() -> None:
    orphans: list[tuple[Any, Any]] = []

    async def script(peer: Peer) -> None:
        first, second = await peer.request(), await peer.request()
        third = await peer.request()
        peer.send(reply(first, {"late": 1}), refusal(second, 400, -2010), reply(third))
        peer.send(reply(await peer.request()))

    async def main() -> None:
        async with talking(
            script, on_orphan=lambda info, outcome: orphans.append((info, outcome)), **KEY
        ) as client:
            read = client.ping(timeout=0.05)
            order = client.order_place(**ORDER, timeout=0.05)
            with pytest.raises(fastws.RequestTimeout, match=r"0\.05"):
                await read
            with pytest.raises(fastws.ExecutionUnknown) as caught:
                await order
            assert isinstance(caught.value.cause, fastws.RequestTimeout)
            assert isinstance(caught.value.cause, TimeoutError)
            client.ping(on_reply=lambda result, error: None, timeout=9)
            await client.ping()
            assert [info.method for info, _ in orphans] == ["ping", "order.place"]
            assert orphans[0][1] == {"late": 1}
            assert isinstance(orphans[1][1], fastws.BadRequest)
            assert client.stats["orphans"] == 2
            verdict = await caught.value.resolve()
            assert isinstance(verdict, fastws.Rejected)
            assert verdict.error is orphans[1][1]

    run(main())


def test_many_timeouts_of_different_length_each_end_in_time() -> None:
    async def script(peer: Peer) -> None:
        pass

    async def main() -> None:
        async with talking(script) as client:
            waits = [0.3, 0.1, 0.2, 0.05]
            start = time.monotonic()
            ends: dict[float, float] = {}

            async def wait(seconds: float) -> None:
                with pytest.raises(fastws.RequestTimeout):
                    await client.ping(timeout=seconds)
                ends[seconds] = time.monotonic() - start

            await asyncio.gather(*map(wait, waits))
            for seconds, took in ends.items():
                assert seconds - 0.01 <= took < seconds + 0.25, f"a timeout of {seconds} s took {took:.3f} s"

    run(main())


def test_a_cancelled_wait_before_the_write_takes_the_request_back() -> None:
    async def main() -> None:
        async with talking(answer_all, **KEY) as client:
            first = client.ping()
            order = client.order_place(**ORDER)
            last = client.time()
            assert (first.info.sent, order.info.sent, last.info.sent) == (True, False, False)
            order.cancel()
            await asyncio.gather(first, last)
            assert not order.info.sent
            assert client.stats["replies"] == 2
            assert client.in_flight == 0

    run(main())


def test_a_cancelled_wait_after_the_write_keeps_its_slot_and_tells_on_orphan() -> None:
    orphans: list[tuple[fastws.RequestInfo, Any]] = []

    async def main() -> None:
        async with talking(answer_all, **KEY) as client:
            client.on_orphan = lambda info, outcome: orphans.append((info, outcome))
            order = client.order_place(**ORDER)
            order.cancel()
            await client.ping()
            assert len(orphans) == 1
            assert orphans[0][0] is order.info
            assert orphans[0][1]["params"]["newClientOrderId"] == order.info.client_order_id

    run(main())


def test_asyncio_timeout_around_an_order_loses_nothing() -> None:
    orphans: list[Any] = []

    async def script(peer: Peer) -> None:
        order = await peer.request()
        await peer.request()
        peer.send(reply(order, {"orderId": 7}))

    async def main() -> None:
        async with talking(script, on_orphan=lambda info, outcome: orphans.append(outcome), **KEY) as client:
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(client.order_place(**ORDER), 0.05)
            with pytest.raises(fastws.RequestTimeout):
                await client.ping(timeout=0.2)
            assert orphans == [{"orderId": 7}]

    run(main())


def test_in_flight_requests_are_bounded_by_the_ids() -> None:
    async def script(peer: Peer) -> None:
        await asyncio.Event().wait()

    async def main() -> None:
        async with talking(script, max_output=1 << 30) as client:
            for _ in range(65536):
                client.ping(on_reply=lambda result, error: None)
            with pytest.raises(fastws.NotSent, match="65536"):
                client.ping()
            client._session.abort()
            await client.wait_closed()
            assert client.in_flight == 0

    run(main())
