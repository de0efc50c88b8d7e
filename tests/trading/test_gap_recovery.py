"""fastws.trading.gap_recovery: what happened in a gap, from an exchange that knows it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator
from dataclasses import asdict
from typing import Any, NamedTuple

import pytest

import fastws
from fastws import Gap, GapOpen, InvalidRequest
from fastws.emulator import Emulator, spot_symbol
from fastws.emulator.values.clock import ManualClock
from helpers.support import run

SECOND = 1_000_000
DAY = 86_400 * SECOND
START = 1_800_000_000_000_000
SYMBOL = "BTCUSDT"
LIMIT = {
    "symbol": SYMBOL,
    "side": "BUY",
    "type": "LIMIT",
    "timeInForce": "GTC",
    "price": "50000.00",
    "quantity": "0.001",
}
ETHER = {**LIMIT, "symbol": "ETHUSDT", "price": "2000.00", "quantity": "0.01"}
BTC = spot_symbol(
    "BTCUSDT",
    base="BTC",
    quote="USDT",
    reference_price="60000",
    tick_size="0.01",
    step_size="0.00001",
    min_notional="5",
    max_num_orders=5000,
    max_num_order_lists=2000,
    max_num_algo_orders=5000,
)
ETH = spot_symbol(
    "ETHUSDT",
    base="ETH",
    quote="USDT",
    reference_price="3000",
    tick_size="0.01",
    step_size="0.0001",
    min_notional="5",
)


class Floor(NamedTuple):
    """An exchange whose clock moves only when it is told, a client, and its key."""

    exchange: Emulator
    client: fastws.Client
    key: dict[str, Any]
    clock: ManualClock
    account: Any

    async def later(self, us: int) -> None:
        """Let time pass, and tell the client."""
        self.clock.set(self.clock.now_us() + us)
        await self.client.sync_time(1)

    def gap(self, start: int = START, end: int | None = None, **fields: Any) -> Gap:
        """A gap of the client's account, which ends now."""
        account, uid = self.client._handler.accounts.identity(None)
        return Gap(account, start, end or self.clock.now_us(), "a test", uid=uid, **fields)

    async def recover(self, gap: Gap, **options: Any) -> fastws.Recovery:
        recovery = await self.client.recover_gap(gap, **options)
        assert (recovery.complete, recovery.missing) == (True, [])
        return recovery


@contextlib.asynccontextmanager
async def floor(lag: float = 0.0, **options: Any) -> AsyncIterator[Floor]:
    clock = ManualClock(START)
    async with Emulator(
        clock=clock, market="quiet", enforce_limits=False, symbols=[BTC, ETH], max_connection_age=0
    ) as exchange:
        account = exchange.add_account("HMAC")
        key = {"api_key": account.api_key, "secret": account.secret}
        async with fastws.connect(exchange.url, **key, **options) as client:
            client._gap_recovery.lag_us = round(lag * SECOND)
            await client.sync_time(1)
            yield Floor(exchange, client, key, clock, account.account)


def ids(rows: list[dict[str, Any]], name: str = "orderId") -> list[int]:
    return [row[name] for row in rows]


async def fill(floor: Floor, times: int = 1) -> list[dict[str, Any]]:
    """Orders that trade with another account at once: the trades are of one moment."""
    account = floor.exchange.add_account("HMAC")
    async with fastws.connect(floor.exchange.url, api_key=account.api_key, secret=account.secret) as other:
        await other.sync_time(1)
        makers = [await floor.client.order_place(**LIMIT) for _ in range(times)]
        await other.order_place(**{**LIMIT, "side": "SELL", "quantity": f"{times / 1000:.3f}"})
    return makers


# ------------------------------------------------------------------------------------------------ what it finds


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
            await here.later(20 * SECOND)
            start = here.clock.now_us()
            await here.later(SECOND)
            canceled = await client.order_place(**{**LIMIT, "newClientOrderId": "another"})
            await client.order_cancel(symbol=SYMBOL, orderId=canceled["orderId"], newClientOrderId="c")
            (filled,) = await fill(here)
            oco = await client.order_list_place_oco(
                symbol=SYMBOL, side="SELL", quantity="0.001", aboveType="LIMIT_MAKER", abovePrice="90000.00",
                belowType="STOP_LOSS", belowStopPrice="30000.00",
            )  # fmt: skip
            ether = await client.order_place(**ETHER)
            await here.later(SECOND)
            end = here.clock.now_us()
            await here.later(5 * SECOND)
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
            await here.later(60 * SECOND)
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
            await here.later(60 * SECOND)
            start = here.clock.now_us()
            await client.open_orders_cancel_all(symbol=SYMBOL)
            await here.later(SECOND)
            makers = ids(await fill(here, 1001))
            await here.later(SECOND)
            gap = here.gap(start, symbols=(SYMBOL,))
            await here.later(5 * SECOND)
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
                await here.later(DAY)
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
            await here.later(3600 * SECOND)
            async with fastws.connect(here.exchange.url, **here.key) as client:
                client._gap_recovery.lag_us = 0
                gap = Gap.since(START // 1000 + 1, [SYMBOL])
                assert gap.start == START + 1000 - 10 * SECOND
                recovery = await client.recover_gap(Gap(**json.loads(json.dumps(asdict(gap)))))
                assert recovery.complete
                assert ids(recovery.orders) == [order["orderId"], done["orderId"]]
                gap.accept()
                assert client._limiter.holds == ()

    run(main())


# ------------------------------------------------------------------------------------------------ time and faults


def test_it_waits_until_the_database_shows_the_end_of_the_gap() -> None:
    async def main() -> None:
        async with floor(lag=0.2) as here:
            before = time.monotonic()
            await here.recover(here.gap(symbols=(SYMBOL,)))
            assert time.monotonic() - before >= 0.2
            asked = [record.method for record in here.exchange.journal if record.method != "time"]
            assert asked[0] in ("openOrders.status", "allOrderLists", "account.status")
            await here.later(SECOND)
            before = time.monotonic()
            await here.recover(here.gap(end=here.clock.now_us() - SECOND))
            assert time.monotonic() - before < 0.2

    run(main())


def test_without_time_for_the_database_it_asks_at_once_and_says_what_is_missing() -> None:
    async def main() -> None:
        async with floor(lag=4.0) as here:
            order = await here.client.order_place(**LIMIT)
            recovery = await here.client.recover_gap(here.gap(symbols=(SYMBOL,)), timeout=2.0)
            assert not recovery.complete
            (missing,) = recovery.missing
            assert "database does not show yet: it may lag for 4.0 s more" in missing
            assert ids(recovery.orders) == [order["orderId"]]

    run(main())


def test_what_is_not_answered_in_time_is_missing_and_the_rest_is_there() -> None:
    async def main() -> None:
        async with floor(timeout=0.1) as here:
            order = await here.client.order_place(**LIMIT)
            here.exchange.faults.add("drop_reply", "myTrades", 1000)
            before = time.monotonic()
            recovery = await here.client.recover_gap(here.gap(), timeout=0.5)
            assert time.monotonic() - before < 1.0
            assert (recovery.complete, recovery.missing) == (
                False,
                [f"myTrades of {SYMBOL}: no time was left"],
            )
            assert ids(recovery.orders) == [order["orderId"]]

    run(main())


def test_an_unanswered_question_and_a_server_error_are_asked_again() -> None:
    async def main() -> None:
        async with floor(timeout=0.1) as here:
            here.exchange.faults.add("drop_reply", "account.status", 1)
            here.exchange.faults.add("server_error", "openOrders.status", 2)
            recovery = await here.recover(here.gap(), timeout=5.0)
            assert recovery.account is not None

    run(main())


def test_a_refused_question_is_missing_with_its_reason() -> None:
    async def main() -> None:
        async with floor() as here:
            recovery = await here.client.recover_gap(here.gap(), symbols=["NOSUCH"])
            assert not recovery.complete
            assert len(recovery.missing) == 2
            assert all("of NOSUCH" in each and "-1121" in each for each in recovery.missing)
            assert recovery.account is not None

    run(main())


def test_a_closed_gate_is_waited_for_and_a_longer_one_is_said() -> None:
    async def main() -> None:
        async with floor() as here:
            limiter = here.client._limiter
            limiter.close_gate("weight", 200_000, here.clock.now_us() + 200_000, "a test")
            before = time.monotonic()
            await here.recover(here.gap())
            assert time.monotonic() - before >= 0.2
            limiter.close_gate("weight", 20_000_000, here.clock.now_us() + 20_000_000, "a test")
            recovery = await here.client.recover_gap(here.gap(), timeout=0.2)
            assert recovery.missing == ["the time: no time was left"]

    run(main())


# ------------------------------------------------------------------------------------------------ whose gap, and which


def test_a_gap_of_another_account_is_refused_and_bad_arguments_are() -> None:
    async def main() -> None:
        async with floor() as here:
            client = here.client
            other = Gap("0123456789ab", START, START + 1, "a test", uid=77)
            with pytest.raises(InvalidRequest, match="the gap is of another account"):
                await client.recover_gap(other)
            for wrong, named in (("x", "gap: expected a Gap, got 'x'"), (None, "gap: expected")):
                with pytest.raises(InvalidRequest, match=named):
                    await client.recover_gap(wrong)  # type: ignore[arg-type]
            for timeout in (0, -1, True, "1", float("nan")):
                with pytest.raises(InvalidRequest, match="timeout: expected seconds above 0"):
                    await client.recover_gap(here.gap(), timeout=timeout)  # type: ignore[arg-type]
            for symbols in ("BTCUSDT", 5, [5]):
                with pytest.raises(InvalidRequest, match="symbols: expected"):
                    await client.recover_gap(here.gap(), symbols=symbols)  # type: ignore[arg-type]

    run(main())


def test_another_key_of_the_same_uid_may_ask() -> None:
    async def main() -> None:
        async with floor() as here:
            await here.client.account_status()
            gap = here.gap()
            assert gap.uid is not None
            second = here.exchange.add_key(here.account, "HMAC")
            async with fastws.connect(
                here.exchange.url, api_key=second.api_key, secret=second.secret
            ) as client:
                client._gap_recovery.lag_us = 0
                assert (await client.recover_gap(gap)).complete

    run(main())


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"start": 0}, "start of a Gap: expected microseconds"),
        ({"start": "1"}, "start of a Gap: expected microseconds"),
        ({"end": 1.5}, "end of a Gap: expected microseconds"),
        ({"end": True}, "end of a Gap: expected microseconds"),
        ({"start": 9, "end": 8}, "start of a Gap: expected a time before its end 8, got 9"),
        ({"account": 5}, "account of a Gap"),
        ({"reason": None}, "reason of a Gap"),
        ({"uid": "7"}, "uid of a Gap"),
        ({"symbols": "BTCUSDT"}, "symbols: expected several symbols"),
        ({"symbols": [7]}, "symbols: expected texts"),
    ],
)
def test_a_gap_with_a_wrong_field_is_refused(fields: dict[str, Any], named: str) -> None:
    good = {
        "account": "0123456789ab",
        "start": 5,
        "end": 8,
        "reason": "x",
        "symbols": ["B", "A", "B"],
        "uid": None,
    }
    assert Gap(**good).symbols == ("A", "B")  # type: ignore[arg-type]
    with pytest.raises(InvalidRequest, match=named):
        Gap(**{**good, **fields})


@pytest.mark.parametrize("wrong", [None, "2026-01-01", 0, -5, 12.5, True, 10**18])
def test_gap_since_refuses_what_is_no_time(wrong: Any) -> None:
    with pytest.raises(
        InvalidRequest, match="time: expected milliseconds or microseconds since 1970, or a datetime"
    ):
        Gap.since(wrong)


def open_gap(here: Floor, gap: Gap) -> Gap:
    """Let the client have this gap open, as after a loss."""
    gaps = here.client._handler.keeper.gaps
    opened = gaps.open(None, None, "a test")
    return gaps.complete(opened, gap.start, gap.end)


def test_a_complete_recovery_allows_placements_again_and_an_incomplete_one_does_not() -> None:
    async def main() -> None:
        async with floor() as here:
            gap = open_gap(here, here.gap())
            here.exchange.faults.add("error", "account.status", 1, code=-1100)
            recovery = await here.client.recover_gap(gap)
            assert not recovery.complete
            with pytest.raises(GapOpen) as caught:
                here.client.order_place(**LIMIT)
            assert caught.value.gap is gap
            stored = Gap(**json.loads(json.dumps(asdict(gap))))
            await here.recover(stored)
            await here.client.order_place(**LIMIT)

    run(main())


def test_gaps_that_overlap_are_asked_once_and_each_stays_open_until_it_is_asked_for() -> None:
    async def main() -> None:
        async with floor() as here:
            now = here.clock.now_us()
            first = open_gap(here, here.gap(now - 100, now - 50))
            second = open_gap(here, here.gap(now - 60, now))
            apart = open_gap(here, here.gap(now - 500, now - 400))
            found, also = await asyncio.gather(here.recover(first), here.recover(second))
            assert also is found
            asked = [record.method for record in here.exchange.journal]
            assert asked.count("allOrderLists") == 1
            with pytest.raises(GapOpen):
                here.client.order_place(**LIMIT)
            assert await here.recover(apart) is not found
            await here.client.order_place(**LIMIT)

    run(main())


def test_more_symbols_than_the_first_asking_had_are_asked() -> None:
    async def main() -> None:
        async with floor() as here:
            now = here.clock.now_us()
            first = open_gap(here, here.gap(now - 100, now - 50))
            second = open_gap(here, here.gap(now - 60, now))
            await here.recover(first)
            await here.recover(second, symbols=["ETHUSDT"])
            asked = [record.method for record in here.exchange.journal]
            assert (asked.count("allOrderLists"), asked.count("allOrders")) == (2, 1)

    run(main())


def test_a_cancelled_recovery_leaves_no_task_and_the_next_one_goes_on() -> None:
    async def main() -> None:
        async with floor() as here:
            gap = open_gap(here, here.gap())
            here.exchange.faults.add("drop_reply", "account.status", 1)
            before = asyncio.all_tasks()
            asking = asyncio.ensure_future(here.client.recover_gap(gap))
            await asyncio.wait([asking], timeout=0.1)
            assert "account.status" in [record.method for record in here.exchange.journal]
            asking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asking
            assert asyncio.all_tasks() == before
            await here.recover(gap)

    run(main())
