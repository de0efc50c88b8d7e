"""Ids, what is in flight, timeouts and cancellations."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from typing import Any

import pytest

import fastws
from helpers.offline import Offline
from helpers.support import KEY, ORDER, TEXT, Peer, answer_all, frame, refusal, reply, run, talking


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
        assert second["id"] & 0x1FFFF == first["id"] & 0x1FFFF, "the slot is used again"
        peer.send(
            reply(first, {"n": 3}),
            reply(second["id"] + (1 << 17), {"n": 4}),
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
            assert info.latency is None
            assert info.received_at == 0
            assert info.seq == 0
            assert info.client_order_id
            result: Any = await future
            assert info.written_at < info.received_at <= time.monotonic_ns()
            assert info.latency == info.received_at - info.written_at
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


@pytest.mark.alone
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
            for _ in range(131072):
                client.ping(on_reply=lambda result, error: None)
            with pytest.raises(fastws.NotSent, match="131072"):
                client.ping()
            client._session.route.abort()
            await client.wait_closed()
            assert client.in_flight == 0

    run(main())


# ------------------------------------------------------------------------------------- many, and what goes wrong


class Wait:
    """A waiter that counts how often it was ended, and with what."""

    __slots__ = ("ends", "error", "info", "result")

    def __init__(self) -> None:
        self.ends = 0
        self.info: Any = None
        self.result: Any = None
        self.error: Any = None

    def __call__(self, result: Any, error: Any) -> None:
        self.ends += 1
        self.result = result
        self.error = error


def answer(id_: int, *, error: bool = False) -> bytes:
    """The frame of a reply whose result is the id it answers."""
    if error:
        return frame(TEXT, b'{"id":%d,"status":400,"error":{"code":-1,"msg":"%d"}}' % (id_, id_))
    return frame(TEXT, b'{"id":%d,"status":200,"result":%d}' % (id_, id_))


@pytest.mark.slow
def test_a_million_random_arrivals_losses_and_duplicates_end_each_wait_once_with_its_own_reply(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.ERROR, "fastws")  # each error without an id is a warning
    chance = random.Random(20260802)
    nobody = frame(TEXT, b'{"id":null,"status":400,"error":{"code":-1135,"msg":"?"}}')
    waits: list[Wait] = []
    expected = dict.fromkeys(("replies", "stale", "strangers", "nobody"), 0)

    async def main() -> None:
        offline = Offline()
        client = offline.client
        in_flight: list[Wait] = []
        answered: list[int] = []
        arrivals = 0
        while arrivals < 1_000_000:
            for _ in range(chance.randrange(500, 2000)):
                wait = Wait()
                wait.info = client.ping(on_reply=wait)
                waits.append(wait)
                in_flight.append(wait)
            client.flush()
            chance.shuffle(in_flight)
            kept = []
            frames = []
            for wait in in_flight:
                dice = chance.random()
                id_ = wait.info.id
                if dice < 0.72:
                    frames.append(answer(id_, error=dice < 0.05))
                    expected["replies"] += 1
                    answered.append(id_)
                    if dice > 0.52:  # again, at once
                        frames.append(frames[-1])
                        expected["stale"] += 1
                elif dice < 0.99:
                    kept.append(wait)
                    if dice > 0.80 and answered:  # again, much later, when its slot is somebody else's
                        frames.append(answer(chance.choice(answered)))
                        expected["stale"] += 1
                    elif dice > 0.78:
                        frames.append(answer(id_ + (chance.randrange(1 << 16, 1 << 30) << 17)))
                        expected["strangers"] += 1
                    elif dice > 0.777:
                        frames.append(nobody)
                        expected["nobody"] += 1
                # else lost: nothing ever comes
            in_flight = kept
            offline.feed(b"".join(frames))
            arrivals += len(frames)
        assert client.stats["messages"] == arrivals >= 1_000_000
        assert client.in_flight == sum(not wait.ends for wait in waits)
        offline.lose()
        stats = client.stats
        assert client.in_flight == 0
        assert stats["requests"] == len(waits)
        assert stats["replies"] == expected["replies"]
        assert stats["stale"] == expected["stale"]
        assert stats["unknown"] == expected["strangers"]
        assert stats["orphans"] == stats["unreadable"] == 0

    run(main(), timeout=60)
    ids = {wait.info.id for wait in waits}
    assert len(ids) == len(waits), "an id was used twice"
    assert 0 < min(ids) < max(ids) < 2**53
    assert {wait.ends for wait in waits} == {1}
    results = errors = lost = 0
    for wait in waits:
        if wait.error is None:
            results += wait.result == wait.info.id
        elif isinstance(wait.error, fastws.BadRequest):
            errors += wait.error.msg == str(wait.info.id)
        else:
            lost += isinstance(wait.error, fastws.ConnectionLost)
    assert results + errors == expected["replies"]
    assert results + errors + lost == len(waits)
    assert min(results, errors, lost, *expected.values()) > 100


def test_serial_numbers_begin_again_after_the_last_one_and_ids_stay_below_2_to_the_53() -> None:
    last = (1 << 36) - 1

    async def main() -> None:
        offline = Offline(serial=last - 2)
        waits = [Wait() for _ in range(5)]
        for wait in waits:
            wait.info = offline.client.ping(on_reply=wait)
        offline.client.flush()
        assert [wait.info.id >> 17 for wait in waits] == [last - 1, last, 1, 2, 3]
        assert len({wait.info.id & 0x1FFFF for wait in waits}) == 5, "each has a slot of its own"
        assert max(wait.info.id for wait in waits) < 2**53
        offline.send(*(answer(wait.info.id) for wait in reversed(waits)))
        assert [(wait.ends, wait.result) for wait in waits] == [(1, wait.info.id) for wait in waits]
        offline.send(*(answer(wait.info.id) for wait in waits))
        assert [wait.ends for wait in waits] == [1] * 5
        assert client_counts(offline) == {"replies": 5, "stale": 3, "unknown": 2}
        offline.lose()

    run(main())


def client_counts(offline: Offline) -> dict[str, int]:
    return {name: offline.client.stats[name] for name in ("replies", "stale", "unknown")}


def test_a_reply_to_a_request_that_is_still_corked_reaches_nobody() -> None:
    async def main() -> None:
        offline = Offline()
        first, second = offline.client.ping(), offline.client.ping()
        assert not second.info.sent
        offline.send(answer(first.info.id), answer(second.info.id))
        assert first.done()
        assert not second.done(), "the exchange cannot have known its id"
        await asyncio.sleep(0)
        offline.send(answer(second.info.id))
        assert await second == second.info.id
        offline.lose()

    run(main())


def test_the_slot_of_a_request_that_timed_out_is_kept_for_its_late_reply() -> None:
    orphans: list[Any] = []

    async def main() -> None:
        offline = Offline(on_orphan=lambda info, outcome: orphans.append(outcome))
        late = offline.client.ping(timeout=0.01)
        with pytest.raises(fastws.RequestTimeout):
            await late
        assert offline.client.in_flight == 1
        other = offline.client.ping()
        assert other.info.id & 0x1FFFF != late.info.id & 0x1FFFF
        offline.send(answer(late.info.id), answer(other.info.id))
        assert offline.client.in_flight == 0
        assert orphans == [late.info.id]
        assert late.info.outcome == late.info.id
        offline.lose()

    run(main())


@pytest.mark.alone
@pytest.mark.parametrize("kind", ["reads", "orders"])
def test_a_stray_event_takes_the_same_time_however_many_requests_are_in_flight(kind: str) -> None:
    async def main() -> None:
        offline = Offline(**KEY)
        strays = [{"event": {"e": "balanceUpdate", "E": number}} for number in range(200)]

        def took() -> float:
            best = float("inf")
            for _ in range(5):
                start = time.perf_counter()
                offline.send(*strays)
                best = min(best, time.perf_counter() - start)
            return best

        few = took()
        for _ in range(20_000):
            if kind == "reads":
                offline.client.ping(on_reply=lambda result, error: None)
            else:
                offline.client.order_place(**ORDER, on_reply=lambda result, error: None)
        offline.client.flush()
        offline.requests()
        many = took()
        print(f"200 strays: {few * 1e6:.0f} µs with none in flight, {many * 1e6:.0f} µs with 20,000")
        assert many < 5 * few
        offline.lose()

    run(main())
