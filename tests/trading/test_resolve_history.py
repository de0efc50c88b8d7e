"""fastws.trading.resolve: what the exchange's histories show of a request, however long ago it was and however they
lag.
"""

from __future__ import annotations

import asyncio
import time

import pytest

from fastws import Executed, LocallyLimited, NeverExecuted, Rejected, StillOpen
from helpers.resolving import LIMIT, OCO, SYMBOL, hurry, look, lose, trading, unknown  # noqa: F401
from helpers.support import run

DAY = 86_400.0


async def pass_time(floor, seconds):
    """Time passes, and the watcher goes on trading."""
    floor.later(seconds)
    await floor.watcher.sync_time(1)


@pytest.mark.usefixtures("hurry")
@pytest.mark.parametrize("sbe", [False, True])
@pytest.mark.parametrize("later", [30.0, 3600.0, 3.5 * DAY])
def test_an_order_that_somebody_cancelled_later_is_not_called_never(later, sbe):
    """Executed, its reply lost; cancelled, and so renamed, after the request could be executed."""

    async def main():
        async with trading(sbe=sbe) as floor:
            floor.fail("drop_reply", "order.place")
            error = await unknown(floor.client.order_place(**LIMIT, timeout=0.05))
            truth = floor.exchange.journal.find(method="order.place")[0]
            await pass_time(floor, later)
            await floor.watcher.order_cancel(symbol=SYMBOL, orderId=truth.order_id)
            floor.later(60)
            verdict = await error.resolve()
            assert isinstance(verdict, StillOpen)
            assert [order["orderId"] for order in verdict.candidates] == [truth.order_id]
            spans = [
                (int(asked.params["startTime"]), int(asked.params["endTime"]))
                for asked in floor.exchange.journal.find(method="allOrders")
            ]
            assert len(spans) == 2 * (1 + int(later // DAY)), "two rounds, of spans of a day"
            first = spans[: len(spans) // 2]
            assert first == sorted(first, reverse=True), "the newest first"
            assert all(end - start < DAY * 1e6 for start, end in spans)
            assert first[-1][0] < truth.executed_at

    run(main())


@pytest.mark.usefixtures("hurry")
@pytest.mark.parametrize("how", ["list", "leg"])
def test_a_list_that_somebody_cancelled_later_is_not_called_never(how):
    async def main():
        async with trading() as floor:
            floor.fail("drop_reply", "orderList.place.oco")
            error = await unknown(floor.client.order_list_place_oco(**OCO, timeout=0.05))
            (found,) = await floor.watcher.all_order_lists()
            await pass_time(floor, 3600)
            if how == "list":
                await floor.watcher.order_list_cancel(symbol=SYMBOL, orderListId=found["orderListId"])
            else:
                await floor.watcher.order_cancel(symbol=SYMBOL, orderId=found["orders"][0]["orderId"])
            floor.hide()
            floor.fail("error", "orderList.status", 100, code=-2013)
            floor.later(60)
            verdict = await error.resolve()
            # the list keeps its name where a leg was cancelled, its legs where the list was
            assert isinstance(verdict, Executed)
            assert verdict.order["orderListId"] == found["orderListId"]
            assert floor.exchange.journal.find(method="allOrderLists")

    run(main())


@pytest.mark.slow
@pytest.mark.parametrize("executed", [False, True])
def test_never_waits_for_a_database_that_lags(executed):
    """The order is cancelled in the last moment: from then on only the database shows it, a while later."""

    async def main():
        async with trading(recv_window=50) as floor:
            floor.exchange.database_lag = 3.5
            lose(floor, executed)
            error = await unknown(floor.client.order_place(**LIMIT))
            last = error.params["timestamp"] / 1e6 + 10.95
            await pass_time(floor, last - floor.exchange.core.clock.now_us() / 1e6)
            if executed:
                order = floor.engine_order(floor.exchange.journal.find(method="order.place")[0].order_id)
                await floor.watcher.order_cancel(symbol=SYMBOL, orderId=order.id, recvWindow=5000)
            verdict = await error.resolve(timeout=7)
            if executed:
                assert [found["orderId"] for found in verdict.candidates] == [order.id]
            else:
                assert verdict == NeverExecuted()
            asked = floor.exchange.journal.find(method="allOrders")
            assert len(asked) == 2
            assert asked[0].received_at > error.params["timestamp"] + 15_050_000
            assert asked[1].received_at - asked[0].received_at > 900_000

    run(main())


def test_rounds_that_disagree_are_followed_by_another():
    """The first one saw nothing yet."""

    async def main():
        async with trading() as floor:
            floor.exchange.database_lag = 30.0
            lose(floor, True)
            error = await unknown(floor.client.order_place(**LIMIT))
            order_id = floor.exchange.journal.find(method="order.place")[0].order_id
            await floor.watcher.order_cancel(symbol=SYMBOL, orderId=order_id)
            floor.later(25)
            asking = asyncio.ensure_future(error.resolve(timeout=10))
            await floor.exchange.journal.wait_for(method="allOrders")
            floor.later(20)
            verdict = await asking
            assert [found["orderId"] for found in verdict.candidates] == [order_id]
            assert len(floor.exchange.journal.find(method="allOrders")) == 3

    run(main())


@pytest.mark.usefixtures("hurry")
@pytest.mark.parametrize("then", ["cancelled", "cut down"])
def test_an_amendment_that_the_database_does_not_show_yet_is_not_called_refused(then):
    """The amended order is over at once; how it was amended shows later."""

    async def main():
        async with trading() as floor:
            order = await floor.placed()
            floor.exchange.database_lag = 3.0
            lose(floor, True)
            amend = floor.client.order_amend_keep_priority(
                symbol=SYMBOL, orderId=order["orderId"], newQty="0.0005"
            )
            error = await unknown(amend)
            if then == "cancelled":
                await floor.watcher.order_cancel(symbol=SYMBOL, orderId=order["orderId"])
            else:
                await floor.watcher.order_amend_keep_priority(
                    symbol=SYMBOL, orderId=order["orderId"], newQty="0.0004"
                )
            assert isinstance(await look(error), StillOpen)
            floor.later(4.1)
            verdict = await look(error)
            assert isinstance(verdict, Executed)
            assert verdict.order["orderId"] == order["orderId"]

    run(main())


@pytest.mark.usefixtures("hurry")
def test_an_amendment_that_came_too_late_is_called_refused_when_the_database_shows_it():
    async def main():
        async with trading() as floor:
            order = await floor.placed()
            await floor.watcher.order_amend_keep_priority(
                symbol=SYMBOL, orderId=order["orderId"], newQty="0.0004"
            )
            await floor.watcher.order_cancel(symbol=SYMBOL, orderId=order["orderId"])
            lose(floor, False)
            amend = floor.client.order_amend_keep_priority(
                symbol=SYMBOL, orderId=order["orderId"], newQty="0.0005"
            )
            error = await unknown(amend)
            assert isinstance(await look(error), StillOpen)
            floor.later(4.1)
            assert isinstance(await look(error), Rejected)

    run(main())


@pytest.mark.usefixtures("hurry")
def test_a_placement_amended_a_moment_ago_is_a_candidate_while_its_amendment_does_not_show(monkeypatch):
    """Histories show the smaller order under its new name, and not that it had another one."""

    async def main():
        async with trading() as floor:
            lose(floor, True)
            error = await unknown(floor.client.order_place(**LIMIT))
            order_id = floor.exchange.journal.find(method="order.place")[0].order_id
            await pass_time(floor, 24)
            await floor.watcher.order_amend_keep_priority(symbol=SYMBOL, orderId=order_id, newQty="0.0005")
            order = floor.engine_order(order_id)
            rows, order.amendments = order.amendments, []
            verdict = await error.resolve()
            assert [found["orderId"] for found in verdict.candidates] == [order_id]
            order.amendments = rows
            assert isinstance(await error.resolve(), Executed)

    run(main())


@pytest.mark.usefixtures("hurry")
def test_questions_wait_for_a_gate_that_opens_in_time():
    async def main():
        async with trading() as floor:
            lose(floor, False)
            error = await unknown(floor.client.order_place(**LIMIT))
            floor.later(50 * DAY)
            client = floor.client
            asking = asyncio.ensure_future(error.resolve(timeout=10))
            await floor.exchange.journal.wait_for(method="allOrders")
            client._limiter.close_gate("weight", 300_000, client.clock.now() + 300_000, "weight is used up")
            start = time.monotonic()
            assert await asking == NeverExecuted()
            assert time.monotonic() - start > 0.25
            client._limiter.close_gate(
                "weight", 60_000_000, client.clock.now() + 60_000_000, "weight is used up"
            )
            with pytest.raises(LocallyLimited):
                await error.resolve(timeout=1)

    run(main())
