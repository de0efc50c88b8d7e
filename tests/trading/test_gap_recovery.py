"""fastws.trading.gap_recovery: what happened in a gap, from an exchange that knows it."""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict
from typing import Any

import pytest

import fastws
from fastws import Gap
from helpers.gaps import DAY, ETHER, LIMIT, SECOND, START, SYMBOL, fill, floor, ids
from helpers.support import run


@pytest.mark.parametrize(
    "options", [{}, {"sbe": True}, {"sbe": True, "results": "view"}, {"time_unit": "us"}]
)
def test_it_finds_what_happened_in_the_gap_and_nothing_else(options: dict[str, Any]) -> None:
    async def main() -> None:
        async with floor(client_order_id_prefix="mine-", **options) as here:
            client = here.client
            old = await client.order_place(**{**LIMIT, "price": "49000.00"})
            gone = await client.order_place(**LIMIT)
            await client.order_cancel(symbol=SYMBOL, orderId=gone["orderId"])
            await fill(here)
            here.later(20 * SECOND)
            start = here.clock.now_us()
            here.later(SECOND)
            canceled = await client.order_place(**{**LIMIT, "newClientOrderId": "another"})
            await client.order_cancel(symbol=SYMBOL, orderId=canceled["orderId"], newClientOrderId="c")
            (filled,) = await fill(here)
            oco = await client.order_list_place_oco(
                symbol=SYMBOL, side="SELL", quantity="0.001", aboveType="LIMIT_MAKER", abovePrice="90000.00",
                belowType="STOP_LOSS", belowStopPrice="30000.00",
            )  # fmt: skip
            ether = await client.order_place(**ETHER)
            here.later(SECOND)
            end = here.clock.now_us()
            here.later(5 * SECOND)
            await client.order_cancel(
                symbol="ETHUSDT", orderId=ether["orderId"]
            )  # its last change is behind the gap
            late = await client.order_place(**ETHER)
            await client.order_cancel(symbol="ETHUSDT", orderId=late["orderId"])
            recovery = await here.recover(here.gap(start, end, symbols=(SYMBOL,)), symbols=["ETHUSDT"])
            legs = ids(oco["orders"])
            btc = sorted([canceled["orderId"], filled["orderId"], *legs])
            assert [(row["symbol"], row["orderId"]) for row in recovery.orders] == [
                (SYMBOL, old["orderId"]),
                *sorted(
                    [*((SYMBOL, number) for number in btc), ("ETHUSDT", ether["orderId"])],
                    key=lambda row: row[1],
                ),
            ]
            by_id = {(row["symbol"], row["orderId"]): row for row in recovery.orders}
            assert by_id[SYMBOL, filled["orderId"]]["status"] == "FILLED"
            assert by_id[SYMBOL, canceled["orderId"]]["ours"] is False
            assert by_id[SYMBOL, filled["orderId"]]["ours"] is True
            assert ids(recovery.trades) == [filled["orderId"]]
            assert ids(recovery.lists, "orderListId") == [oco["orderListId"]]
            assert recovery.account is not None
            assert recovery.account["uid"] == here.client._handler.accounts.own_uid
            times = [row["time"] for row in recovery.orders]
            assert times == sorted(times)
            json.dumps(asdict(recovery))

    run(main(), timeout=20)


def test_an_order_list_from_before_the_gap_is_looked_up_by_its_number() -> None:
    async def main() -> None:
        async with floor() as here:
            oco = await here.client.order_list_place_oco(
                symbol=SYMBOL, side="SELL", quantity="0.001", aboveType="LIMIT_MAKER", abovePrice="90000.00",
                belowType="STOP_LOSS", belowStopPrice="30000.00",
            )  # fmt: skip
            here.later(60 * SECOND)
            start = here.clock.now_us()
            await here.client.order_list_cancel(symbol=SYMBOL, orderListId=oco["orderListId"])
            recovery = await here.recover(here.gap(start, symbols=(SYMBOL,)))
            (found,) = recovery.lists
            assert (found["orderListId"], found["listOrderStatus"]) == (oco["orderListId"], "ALL_DONE")

    run(main())


def test_symbols_with_open_orders_are_asked_without_being_named() -> None:
    async def main() -> None:
        async with floor() as here:
            order = await here.client.order_place(**ETHER)
            done = await here.client.order_place(**ETHER)
            await here.client.order_cancel(symbol="ETHUSDT", orderId=done["orderId"])
            recovery = await here.recover(here.gap())
            assert ids(recovery.orders) == [order["orderId"], done["orderId"]]
            asked = {(record.method, record.params.get("symbol")) for record in here.exchange.journal}
            assert ("allOrders", "ETHUSDT") in asked
            assert ("allOrders", SYMBOL) not in asked

    run(main())


@pytest.mark.slow
@pytest.mark.parametrize("time_unit", ["ms", "us"])
def test_more_than_a_page_of_orders_and_trades_of_one_moment(time_unit: Any) -> None:
    """A cancelAll of 1001 orders, and an order that trades with 1001 others."""

    async def main() -> None:
        async with floor(time_unit=time_unit) as here:
            client = here.client
            waiting = [client.order_place(**LIMIT) for _ in range(1001)]
            placed = [order["orderId"] for order in await asyncio.gather(*waiting)]
            here.later(60 * SECOND)
            start = here.clock.now_us()
            await client.open_orders_cancel_all(symbol=SYMBOL)
            here.later(SECOND)
            makers = ids(await fill(here, 1001))
            here.later(SECOND)
            gap = here.gap(start, symbols=(SYMBOL,))
            here.later(5 * SECOND)
            recovery = await here.recover(gap)
            assert ids(recovery.orders) == [*placed, *makers]
            assert ids(recovery.trades) == makers
            assert len(set(ids(recovery.trades, "id"))) == 1001
            asked = [record.method for record in here.exchange.journal]
            assert asked.count("allOrders") + asked.count("myTrades") < 40

    run(main(), timeout=60)


@pytest.mark.parametrize("days", [1, 2, 3])
def test_a_gap_of_days_is_asked_by_spans_of_24_hours(days: int) -> None:
    async def main() -> None:
        async with floor() as here:
            wanted = []
            for _ in range(days):
                order = await here.client.order_place(**LIMIT)
                wanted.append(order["orderId"])
                await here.client.order_cancel(symbol=SYMBOL, orderId=order["orderId"])
                here.later(DAY)
            recovery = await here.recover(here.gap(symbols=(SYMBOL,)))
            assert ids(recovery.orders) == wanted
            spans = [
                int(str(record.params["endTime"])) - int(str(record.params["startTime"]))
                for record in here.exchange.journal
                if record.method in ("allOrders", "myTrades", "allOrderLists")
            ]
            assert max(spans) < DAY

    run(main())


def test_gap_since_is_for_a_process_that_starts_with_orders_open() -> None:
    async def main() -> None:
        async with floor() as here:
            order = await here.client.order_place(**LIMIT)
            done = await here.client.order_place(**LIMIT)
            await here.client.order_cancel(symbol=SYMBOL, orderId=done["orderId"])
            here.later(3600 * SECOND)
            async with fastws.connect(here.exchange.url, database_lag=0, **here.key) as client:
                gap = Gap.since(START // 1000 + 1, [SYMBOL])
                assert gap.start == START + 1000 - 10 * SECOND
                recovery = await client.recover_gap(Gap(**json.loads(json.dumps(asdict(gap)))))
                assert recovery.complete
                assert ids(recovery.orders) == [order["orderId"], done["orderId"]]
                gap.accept()
                assert client._limiter.holds == ()

    run(main())
