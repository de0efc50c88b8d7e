"""Rows that recover_gap() puts together: allocations, which are no trades; two rows of an order with the same time; and
the symbols and accounts of a gap that the caller made.
"""

from __future__ import annotations

import dataclasses
import time
from typing import Any

import pytest

import fastws
from fastws import Gap, InvalidRequest
from fastws._common.digests import key_digest
from fastws.emulator import Emulator
from fastws.emulator.values.default_symbols import DEFAULT_SYMBOLS
from fastws.trading.results import progress
from helpers.gaps import ETHER, LIMIT, SECOND, SYMBOL, floor
from helpers.halting import answering
from helpers.support import KEY, reply, run, talking

SYMBOLS = [dataclasses.replace(each, sor=each.name == SYMBOL) for each in DEFAULT_SYMBOLS]


@pytest.mark.parametrize("options", [{}, {"sbe": True}, {"sbe": True, "results": "view"}])
def test_allocations_are_found_and_asked_for_only_where_there_may_be_some(options: dict[str, Any]) -> None:
    async def main() -> None:
        async with Emulator(symbols=SYMBOLS, enforce_limits=False) as exchange:
            key = exchange.add_account("HMAC")
            async with fastws.connect(
                exchange.url, api_key=key.api_key, secret=key.secret, database_lag=0.0, **options
            ) as client:
                await client.order_place(**{**LIMIT, "price": "70000.00"})
                now = exchange.core.clock.now_us()
                first = await client.recover_gap(Gap.since(now))
                assert (len(first.trades), first.allocations) == (1, [])
                assert exchange.journal.find(method="myAllocations") == []
                await client.sor_order_place(**{**LIMIT, "price": "70000.00"})
                second = await client.recover_gap(Gap.since(now))
                assert second.complete
                assert second.trades == first.trades
                (row,) = second.allocations
                assert (row["allocationType"], row["qty"]) == ("SOR", "0.00100000")
                assert len(exchange.journal.find(method="myAllocations")) == 1

    run(main())


def test_an_allocation_from_before_the_gap_is_left_out() -> None:
    async def main() -> None:
        async with floor() as here:
            book = here.exchange.core.engine.books[SYMBOL]
            book.symbol = dataclasses.replace(book.symbol, sor=True)
            other = here.exchange.add_account("HMAC")
            order = {**LIMIT, "side": "SELL", "quantity": "0.002"}
            async with fastws.connect(
                here.exchange.url, api_key=other.api_key, secret=other.secret, recv_window=60_000
            ) as seller:
                seller.clock.adopt(here.client.clock.now() - time.monotonic_ns() // 1000, 1)
                await seller.order_place(**order)
            await here.client.sor_order_place(**LIMIT)
            here.later(60 * SECOND)
            await here.client.sor_order_place(**LIMIT)
            end = here.clock.now_us()
            found = await here.recover(here.gap(end - SECOND, end, symbols=(SYMBOL,)))
            assert [row["time"] for row in found.allocations] == [end // 1000]

    run(main())


def row(number: int, status: str, **more: Any) -> dict[str, Any]:
    found = {"symbol": SYMBOL, "orderId": number, "orderListId": -1, "status": status, "executedQty": "0"}
    return found | {"time": 10**12, "updateTime": 10**12, "origQty": "2", **more}


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ({"status": "NEW"}, {"status": "CANCELED"}),
        ({"status": "NEW"}, {"status": "PARTIALLY_FILLED", "executedQty": "1"}),
        (
            {"status": "PARTIALLY_FILLED", "executedQty": "0.9"},
            {"status": "PARTIALLY_FILLED", "executedQty": "1.0"},
        ),
        ({"status": "PENDING_NEW"}, {"status": "NEW"}),
        ({"status": "NEW", "isWorking": False}, {"status": "NEW", "isWorking": True}),
        ({"status": "NEW", "origQty": "2"}, {"status": "NEW", "origQty": "1.5"}),
        ({"status": "NEW"}, {"status": "NEW", "preventedQuantity": "0.1"}),
        ({"status": "NEW"}, {"status": "NEW", "updateTime": 10**12 + 1}),
        ({"status": "NEW", "updateTime": 10**12 + 1}, {"status": "EXPIRED"}),
        ({"status": "NEW"}, {"status": "SOMETHING"}),
    ],
)
def test_of_two_rows_of_an_order_the_one_that_is_further_along_counts(
    older: dict[str, Any], newer: dict[str, Any]
) -> None:
    one, other = row(1, **older), row(1, **newer)
    assert progress(one) < progress(other)

    async def main(rows: list[dict[str, Any]]) -> None:
        def answer(request: dict[str, Any]) -> dict[str, Any]:
            answers: dict[str, Any] = {
                "time": {"serverTime": 10**12},
                "openOrders.status": rows[:1],
                "allOrders": rows[1:],
                "account.status": {"uid": 1},
            }
            return reply(request, answers.get(request["method"], []))

        async with talking(answering(answer), database_lag=0, **KEY) as client:
            found = await client.recover_gap(Gap.since(10**12 - 1000, [SYMBOL]))
            assert (found.complete, found.missing) == (True, [])
            (shown,) = found.orders
            shown.pop("ours")
            assert shown == other

    for rows in ([one, other], [other, one]):
        run(main(rows))


def test_a_gap_of_the_caller_has_the_symbols_that_the_client_placed_orders_for() -> None:
    async def main() -> None:
        async with floor() as here:
            placed = await here.client.order_place(**ETHER)
            await here.client.order_cancel(symbol="ETHUSDT", orderId=placed["orderId"])
            found = await here.recover(Gap.since(here.clock.now_us()))
            assert [order["orderId"] for order in found.orders] == [placed["orderId"]]

    run(main())


def test_a_gap_of_another_account_names_its_key() -> None:
    async def main() -> None:
        async with floor() as here:
            other = here.exchange.add_account("HMAC")
            signer = fastws.load_signer(other.api_key, secret=other.secret)
            gap = Gap.since(here.clock.now_us(), api_key=other.api_key)
            assert gap.account == key_digest(other.api_key)
            with pytest.raises(InvalidRequest, match="the gap is of another account"):
                await here.client.recover_gap(gap)
            placed = await here.client.order_place(**LIMIT, signer=signer)
            await here.client.order_place(**ETHER)
            found = await here.recover(gap)
            assert [order["orderId"] for order in found.orders] == [placed["orderId"]]
            with pytest.raises(InvalidRequest, match="api_key: expected the text of a key or None, got 5"):
                Gap.since(here.clock.now_us(), api_key=5)  # type: ignore[arg-type]

    run(main())
