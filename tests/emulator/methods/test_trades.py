"""Trades one by one, in aggregates, and block trades."""

from __future__ import annotations

import pytest

from fastws.emulator import Emulator, ManualClock
from helpers.emulator.quiet_market import FUNDS, QUIET, market, order
from helpers.emulator.wire import logged_on, run, signed, wire

HISTORY = 18_000


def test_historical_trades_begin_at_an_id():
    async def main():
        async with Emulator() as exchange, wire(exchange) as client:
            first = await client.result("trades.historical", symbol="这是测试币456", fromId=0, limit=2)
            assert [row["id"] for row in first] == [0, 1]
            assert len(await client.result("trades.historical", symbol="BTCUSDT")) == 500
            recent = await client.result("trades.recent", symbol="BTCUSDT", limit=5000)
            assert [row["id"] for row in recent] == list(range(HISTORY - 1000, HISTORY))
            assert await client.result("trades.historical", symbol="BTCUSDT", limit=1000) == recent
            middle = await client.result(
                "trades.historical", symbol="BTCUSDT", fromId=recent[10]["id"], limit=3
            )
            assert middle == recent[10:13]
            assert await client.result("trades.historical", symbol="BTCUSDT", fromId=HISTORY) == []
            times = [row["time"] for row in recent]
            assert times == sorted(times)
            for row in recent:
                assert abs(float(row["price"]) * float(row["qty"]) - float(row["quoteQty"])) < 1e-6

    run(main)


def test_trades_of_users_follow_those_of_the_past():
    async def main():
        async with Emulator() as exchange, logged_on(exchange) as client:
            placed = await client.result("order.place", market(symbol="BTCUSDT", quantity="0.001"))
            (last,) = await client.result("trades.recent", symbol="BTCUSDT", limit=1)
            assert last["id"] == placed["fills"][-1]["tradeId"] >= HISTORY
            assert last["price"] == placed["fills"][-1]["price"]

    run(main)


def test_an_aggregate_is_what_one_taker_trades_at_one_price():
    async def main():
        clock = ManualClock()
        async with Emulator(symbols=[QUIET], clock=clock) as exchange, wire(exchange) as client:
            maker, taker = (exchange.add_account("HMAC", balances=FUNDS) for _ in range(2))
            start = clock.now_us() // 1000

            async def place(key, **params):
                await client.result("order.place", signed(key, **{**params, "timestamp": start}))

            for price in ("100", "100", "101"):
                await place(maker, **order(side="SELL", price=price))
            clock.advance(1)
            await place(taker, **market(quantity="2.5"))
            clock.advance(1)
            await place(taker, **market(quantity="0.1"))
            await place(taker, **market(quantity="0.1"))
            rows = await client.result("trades.aggregate", symbol="ABCXYZ")
            assert rows[0] == {
                "a": 0,
                "p": "100.00000000",
                "q": "2.00000000",
                "f": 1,
                "l": 2,
                "T": start + 1000,
                "m": False,
                "M": True,
            }
            assert [(row["q"], row["f"], row["l"]) for row in rows[1:]] == [
                ("0.50000000", 3, 3),
                ("0.10000000", 4, 4),
                ("0.10000000", 5, 5),
            ]

            async def numbers(**params):
                return [
                    row["a"] for row in await client.result("trades.aggregate", symbol="ABCXYZ", **params)
                ]

            assert await numbers(limit=2) == [2, 3], "the last ones"
            assert await numbers(fromId=1, limit=2) == [1, 2]
            assert await numbers(fromId=9) == []
            assert await numbers(startTime=start + 1001) == [2, 3]
            assert await numbers(startTime=start, limit=1) == [0]
            assert await numbers(endTime=start + 1000) == [0, 1]
            assert await numbers(endTime=start + 1000, limit=1) == [1]
            assert await numbers(startTime=start + 1000, endTime=(start + 1000) * 1000) == [0, 1]
            assert await numbers(startTime=start + 1000, endTime=start) == []

    run(main)


def test_aggregates_of_the_past():
    async def main():
        async with Emulator() as exchange, wire(exchange) as client:
            rows = await client.result("trades.aggregate", symbol="ETHUSDT", fromId=7, limit=1000)
            assert [row["a"] for row in rows] == list(range(7, 1007))
            trades = await client.result("trades.historical", symbol="ETHUSDT", fromId=7, limit=1)
            assert (rows[0]["p"], rows[0]["q"]) == (trades[0]["price"], trades[0]["qty"])

    run(main)


def test_block_trades_begin_at_an_id():
    async def main():
        async with Emulator(symbols=[QUIET]) as exchange, wire(exchange) as client:
            assert await client.result("blockTrades.historical", symbol="ABCXYZ", fromId=0) == []
        async with Emulator() as exchange, wire(exchange) as client:
            rows = await client.result("blockTrades.historical", symbol="BTCUSDT", fromId=0)
            assert [row["id"] for row in rows] == list(range(len(rows)))
            assert list(rows[0]) == ["id", "price", "qty", "quoteQty", "time", "isBuyerMaker"]
            later = await client.result("blockTrades.historical", symbol="BTCUSDT", fromId=3, limit=2)
            assert later == rows[3:5]

    run(main)


@pytest.mark.parametrize(
    ("method", "weight"),
    [
        ("trades.recent", 25),
        ("trades.historical", 25),
        ("blockTrades.historical", 25),
        ("trades.aggregate", 4),
    ],
)
def test_the_weight_and_the_refusals_of(method, weight):
    """SEMANTICS 45, 97"""
    needed = {"symbol": "BTCUSDT", **({"fromId": 0} if method.startswith("block") else {})}

    async def main():
        async with Emulator() as exchange, wire(exchange) as client:
            one, two = [(await client.call(method, needed))["rateLimits"][0]["count"] for _ in range(2)]
            assert two - one == weight
            for params, code in (
                ({}, -1102),
                ({**needed, "symbol": ""}, -1105),
                ({**needed, "symbol": None}, -1102),
                ({**needed, "symbol": "NOPE"}, -1121),
                ({**needed, "limit": 0}, -1130),
                ({**needed, "limit": "ten"}, -1100),
                ({**needed, "limit": ""}, -1105),
                ({**needed, "limit": "9" * 20}, -1108),
                ({**needed, "side": "BUY"}, -1104),
            ):
                assert (await client.error(method, params))[:2] == (400, code), params
            if method.startswith("block"):
                assert (await client.error(method, symbol="BTCUSDT"))[1] == -1102
            if method != "trades.recent":
                assert (await client.error(method, {**needed, "fromId": -1}))[1] == -1100

    run(main)


@pytest.mark.parametrize("params", [{"startTime": 1}, {"endTime": 1}, {"startTime": 1, "endTime": 2}])
def test_aggregates_begin_at_an_id_or_at_a_time(params):
    """SEMANTICS 45"""

    async def main():
        async with Emulator() as exchange, wire(exchange) as client:
            refused = await client.error("trades.aggregate", symbol="BTCUSDT", fromId=1, **params)
            assert refused == (400, -1128, "Combination of optional parameters invalid.")

    run(main)
