"""fastws.trading.rounds: open cases share their questions; when a round is due, and what all of them cost."""

from __future__ import annotations

import asyncio
import time
from collections import Counter

import pytest

import fastws
from fastws import Executed, NeverExecuted, Rejected, StillOpen
from fastws.trading.limits import weight_of
from fastws.trading.rounds import Group
from helpers.resolving import LIMIT, SYMBOL, hurry, look, trading, unknown  # noqa: F401
from helpers.support import run

SYMBOLS = ("BTCUSDT", "ETHUSDT", "BNBBTC")
PRICES = {"BTCUSDT": "50000.00", "ETHUSDT": "2500.00", "BNBBTC": "0.009"}


def weights(records):
    """The weight of the questions among these records of the journal, by symbol."""
    found = Counter()
    for record in records:
        if not record.method.startswith(("order.place", "order.cancel", "order.amend.", "openOrders.cancel")):
            found[record.params.get("symbol", "")] += weight_of(record.method, record.params)
    return found


async def lose_many(floor, number, *, executed=0.5, window=lambda i: 5000):
    """The errors of many placements in three symbols; every second one was executed."""
    errors = []
    for start in range(0, number, 200):
        replies = []
        for i in range(start, min(start + 200, number)):
            is_executed = i % 2 == 0 if executed == 0.5 else bool(executed)
            floor.fail("unknown", "order.place", executed=is_executed)
            symbol = SYMBOLS[i % 3]
            new = {
                **LIMIT,
                "symbol": symbol,
                "price": PRICES[symbol],
                "quantity": "0.1" if symbol == "BNBBTC" else "0.01",
            }
            replies.append(floor.client.order_place(**new, recvWindow=window(i)))
        errors += await asyncio.gather(*replies, return_exceptions=True)
    assert all(isinstance(error, fastws.ExecutionUnknown) for error in errors)
    return errors


class Skipping:
    """Lets the time between two rounds pass at once, at the exchange and for the client's rounds."""

    def __init__(self, floor, monkeypatch) -> None:
        self.floor, self.ahead = floor, 0.0
        for module in ("cases", "rounds"):
            monkeypatch.setattr(f"fastws.trading.{module}.monotonic", lambda: time.monotonic() + self.ahead)
        rest = Group._rest

        async def skip(group, seconds):
            await asyncio.sleep(0.01)
            step = min(seconds, 0.25)
            if step > 0.05 and not group._changed.is_set():
                floor.later(step)
                self.ahead += step
            else:
                await rest(group, min(seconds, 0.05))

        monkeypatch.setattr(Group, "_rest", skip)


@pytest.mark.slow
@pytest.mark.parametrize("windows", ["alike", "different"])
def test_a_thousand_cases_on_three_symbols_take_300_weight_a_symbol(windows, monkeypatch):
    async def main():
        async with trading(timeout=30) as floor:
            window = (lambda i: 5000) if windows == "alike" else (lambda i: 1000 + 59_000 * i // 999)
            errors = await lose_many(floor, 1000, window=window)
            before = len(floor.exchange.journal)
            Skipping(floor, monkeypatch)
            verdicts = await asyncio.gather(*(error.resolve() for error in errors))
            placed = {
                record.client_order_id: record.order_id
                for record in floor.exchange.journal[:before]
                if record.executed
            }
            assert len(placed) > 300
            for error, verdict in zip(errors, verdicts, strict=True):
                order_id = placed.get(error.client_order_id)
                if order_id is None:
                    assert isinstance(verdict, NeverExecuted)
                    assert 17 <= verdict.waited < 130
                else:
                    assert isinstance(verdict, Executed), (order_id, error.params, verdict)
                    assert verdict.order["orderId"] == order_id
            spent = weights(floor.exchange.journal[before:])
            whole = spent.pop("", 0)
            assert set(spent) == set(SYMBOLS)
            assert all(weight + whole / 3 <= 300 for weight in spent.values()), (spent, whole)

    run(main(), timeout=60)


def test_many_cases_of_a_symbol_share_their_questions():
    async def main():
        async with trading() as floor:
            errors = await lose_many(floor, 90)
            floor.later()
            before = len(floor.exchange.journal)
            verdicts = await asyncio.gather(*(error.resolve() for error in errors))
            assert {type(verdict) for verdict in verdicts} == {Executed, NeverExecuted}
            asked = Counter(
                (record.method, record.params.get("symbol")) for record in floor.exchange.journal[before:]
            )
            assert {method for method, _ in asked} == {"time", "openOrders.status", "allOrders"}
            assert all(number == 2 for (method, _), number in asked.items() if method != "time"), asked

    run(main())


@pytest.mark.usefixtures("hurry")
def test_many_cases_of_hours_ago_are_decided_at_once():
    async def main():
        async with trading() as floor:
            errors = await lose_many(floor, 12, executed=0)
            floor.later(3 * 3600)
            await floor.client.sync_time()
            errors += await lose_many(floor, 12, executed=0)
            floor.later()
            start = time.monotonic()
            verdicts = await asyncio.gather(*(error.resolve(timeout=8) for error in errors))
            assert all(isinstance(verdict, NeverExecuted) for verdict in verdicts), verdicts
            assert time.monotonic() - start < 6

    run(main(), timeout=20)


def test_a_single_case_has_rounds_at_first_and_soon_after():
    async def main():
        async with trading() as floor:
            floor.fail("unknown", executed=False)
            error = await unknown(floor.client.order_place(**LIMIT))
            assert await error.resolve(timeout=3.5) == StillOpen()
            times = [record.received_at for record in floor.exchange.journal.find(method="order.status")]
            after = [(at - times[0]) / 1e6 for at in times]
            assert len(after) == 5
            assert all(
                due - 0.03 < at < due + 1.0 for at, due in zip(after, (0, 0.05, 0.2, 0.6, 2), strict=True)
            ), after

    run(main())


@pytest.mark.parametrize("timeout", [None, 20])
def test_a_late_reply_ends_a_case_at_once(timeout):
    async def main():
        async with trading() as floor:
            floor.fail("delay", "order.place", seconds=1.2)
            floor.hide()
            error = await unknown(floor.client.order_place(**LIMIT, timeout=0.05))
            came = asyncio.get_running_loop().create_future()
            floor.client.on_orphan = lambda info, outcome: came.set_result(time.monotonic())
            verdict = await error.resolve(timeout=timeout)
            assert isinstance(verdict, Executed)
            assert time.monotonic() - await came < 0.5, "the next round is at 2 s"

    run(main())


def test_a_late_event_ends_a_case_at_once():
    async def main():
        async with trading(kind="Ed25519") as floor:
            await floor.client.user_data_stream_subscribe(on_event=lambda event: None)
            order = await floor.placed()
            floor.fail("unknown", executed=False)
            error = await unknown(floor.client.order_cancel(symbol=SYMBOL, orderId=order["orderId"]))
            asking = asyncio.ensure_future(error.resolve())
            await asyncio.sleep(0.8)  # the next round is at 2 s
            start = time.monotonic()
            await floor.watcher.order_cancel(symbol=SYMBOL, orderId=order["orderId"])
            assert isinstance(await asking, Rejected)
            assert time.monotonic() - start < 0.9

    run(main())


def test_a_case_that_is_opened_meanwhile_is_asked_for_at_once():
    async def main():
        async with trading() as floor:
            floor.fail("unknown", executed=False)
            lost = await unknown(floor.client.order_place(**LIMIT))
            asking = asyncio.ensure_future(lost.resolve(timeout=2.9))
            await asyncio.sleep(0.7)
            floor.fail("unknown")
            placed = await unknown(floor.client.order_place(**LIMIT))
            start = time.monotonic()
            assert isinstance(await placed.resolve(), Executed)
            assert time.monotonic() - start < 0.5
            assert await asking == StillOpen()

    run(main())


@pytest.mark.usefixtures("hurry")
@pytest.mark.parametrize("later", [False, True])
def test_never_says_how_sure_it_is(later):
    async def main():
        async with trading() as floor:
            floor.fail("unknown", executed=False)
            error = await unknown(floor.client.order_place(**LIMIT))
            floor.later(30)
            if later:
                await floor.watcher.sync_time(1)
                await floor.watcher.order_place(**LIMIT)
            verdict = await error.resolve()
            assert verdict == NeverExecuted()
            assert 30 <= verdict.waited < 35
            assert verdict.later_order_seen is later

    run(main())


@pytest.mark.usefixtures("hurry")
@pytest.mark.parametrize("lag", [0, 10.0])
def test_never_waits_for_as_long_as_the_database_may_lag(lag):
    async def main():
        async with trading(database_lag=lag) as floor:
            floor.fail("unknown", executed=False)
            error = await unknown(floor.client.order_place(**LIMIT))
            floor.later(16 + lag - 1)
            assert await look(error) == StillOpen()
            floor.later(1)
            assert await look(error) == NeverExecuted()

    run(main())


@pytest.mark.parametrize("lag", [-1, "4", None, True, float("nan"), 1e9])
def test_a_lag_that_is_none_is_refused(lag):
    with pytest.raises(fastws.InvalidRequest, match="database_lag: expected seconds"):
        fastws.connect("testnet", database_lag=lag)


def test_questions_of_nobody_end():
    """Who stops waiting stops the questions; the answers of those in flight are nobody's orphans."""

    async def main():
        async with trading() as floor:
            orphans = []
            floor.client.on_orphan = lambda info, outcome: orphans.append(info)
            floor.fail("unknown", executed=False)
            error = await unknown(floor.client.order_place(**LIMIT))
            floor.fail("delay", "time", seconds=0.1)
            asking = asyncio.ensure_future(error.resolve())
            await floor.exchange.journal.wait_for(method="time")
            asking.cancel()
            await asyncio.wait([asking])
            await asyncio.sleep(0.2)
            assert len(floor.exchange.journal.find(method="order.status")) == 0
            assert orphans == []
            assert not floor.client.__resolver__._groups

    run(main())


@pytest.mark.parametrize("turns", range(6))
def test_no_task_is_left_when_nobody_waits_any_more(turns):
    """asyncio.wait_for() of Python 3.11 swallows a cancel that comes with what it waits for, such as a new case."""

    async def main():
        async with trading() as floor:
            errors = await lose_many(floor, 6, executed=0)  # the first and the fourth are of one symbol
            before = asyncio.all_tasks()
            asking = [asyncio.ensure_future(errors[0].resolve())]
            await floor.exchange.journal.wait_for(method="order.status")
            await asyncio.sleep(0.3)  # between two rounds
            asking.append(asyncio.ensure_future(errors[3].resolve()))
            for _ in range(turns):
                await asyncio.sleep(0)
            for each in asking:
                each.cancel()
            await asyncio.wait(asking)
            await asyncio.sleep(0.05)
            assert asyncio.all_tasks() == before

    run(main())


def test_questions_wait_for_a_closed_gate():
    async def main():
        async with trading() as floor:
            floor.fail("unknown", executed=False)
            error = await unknown(floor.client.order_place(**LIMIT))
            client = floor.client
            client._limiter.close_gate("weight", 300_000, client.clock.now() + 300_000, "weight is used up")
            before = len(floor.exchange.journal)
            start = time.monotonic()
            assert await error.resolve(timeout=0.8) == StillOpen()
            assert time.monotonic() - start < 2.0
            first = floor.exchange.journal[before]
            assert first.method == "time"

    run(main())


@pytest.mark.parametrize("how", ["closed", "lost"])
def test_when_the_client_is_closed_nobody_waits_for_the_next_round(how):
    async def main():
        async with trading(reconnect=False) as floor:
            floor.fail("unknown", executed=False)
            error = await unknown(floor.client.order_place(**LIMIT))
            asking = [asyncio.ensure_future(error.resolve()) for _ in range(2)]
            await asyncio.sleep(0.8)  # the next round is at 2 s
            start = time.monotonic()
            if how == "closed":
                await floor.client.close()
            else:
                floor.exchange.connections.pick("oldest").abort()
            for each in asking:
                with pytest.raises(fastws.NotConnected, match="give client="):
                    await each
            assert time.monotonic() - start < 0.8
            assert isinstance(await error.resolve(client=floor.watcher, timeout=0.1), StillOpen)

    run(main())


def test_a_case_without_a_timestamp_needs_a_timeout():
    async def main():
        async with trading() as floor:
            params = {**LIMIT, "newClientOrderId": "x"}
            error = fastws.ExecutionUnknown(fastws.RequestTimeout("late"), "order.place", params)
            with pytest.raises(fastws.InvalidRequest, match="has no timestamp"):
                await floor.client.resolve(error)

    run(main())


def test_weight_that_is_kept_back_is_not_used():
    """reserve_weight is for the user's other requests."""

    async def main():
        async with trading(reserve_weight=5990) as floor:
            floor.fail("unknown", times=4, executed=False)
            lost = [floor.client.order_place(**LIMIT) for _ in range(4)]
            errors = await asyncio.gather(*lost, return_exceptions=True)
            await floor.client.time()  # shows the limit
            ends = await asyncio.gather(
                *(error.resolve(timeout=0.5) for error in errors), return_exceptions=True
            )
            assert {type(end) for end in ends} == {fastws.LocallyLimited}
            used = [limit for limit in floor.client.limits if limit.rateLimitType == "REQUEST_WEIGHT"]
            assert used[0].count <= 10

    run(main())


@pytest.mark.parametrize("where", ["_due_at", "_round", "_wait_after"])
def test_a_fault_in_the_rounds_ends_the_wait(where, monkeypatch):
    async def main():
        async with trading() as floor:
            floor.fail("unknown", executed=False)
            error = await unknown(floor.client.order_place(**LIMIT))

            def broken(*args):
                raise ZeroDivisionError("a fault of fastws")

            monkeypatch.setattr(Group, where, broken)
            if where == "_wait_after":
                floor.fail("server_error", "time")
            with pytest.raises((ZeroDivisionError, fastws.DecodeError)):
                await error.resolve()

    run(main())
