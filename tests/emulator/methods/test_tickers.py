"""Tickers: statistics of 24 hours, of a trading day and of a window; the average price."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest

from fastws.emulator import Emulator, ManualClock, spot_symbol
from fastws.emulator.methods.tickers import day_weight, few_weight, window_weight
from fastws.emulator.values.default_symbols import DEFAULT_SYMBOLS
from helpers.emulator.quiet_market import FUNDS, QUIET, market, order
from helpers.emulator.wire import run, signed, wire

NOON = int(datetime(2024, 2, 29, 12, tzinfo=timezone.utc).timestamp()) * 1_000_000
HOUR, DAY = 3_600_000, 86_400_000
MINI = [
    *("symbol", "openPrice", "highPrice", "lowPrice", "lastPrice", "volume", "quoteVolume"),
    *("openTime", "closeTime", "firstId", "lastId", "count"),
]
FULL = ["symbol", "priceChange", "priceChangePercent", "weightedAvgPrice", *MINI[1:]]
HALTED = spot_symbol(
    "HALTED",
    base="HAL",
    quote="TED",
    reference_price="2",
    tick_size="0.01",
    step_size="0.01",
    min_notional="5",
    status="HALT",
)


@pytest.mark.parametrize(
    ("count", "few", "day", "window"),
    [(1, 4, 2, 4), (20, 4, 2, 80), (21, 4, 40, 84), (50, 4, 40, 200), (51, 4, 40, 200), (101, 4, 80, 200)],
)
def test_the_weights_of_tickers(count, few, day, window):
    """SEMANTICS 97"""
    several = {"symbols": [f"S{n}" for n in range(count)]}
    assert [weigh(several) for weigh in (few_weight, day_weight, window_weight)] == [few, day, window]
    assert [weigh({"symbol": "S"}) for weigh in (few_weight, day_weight, window_weight)] == [2, 2, 4]
    assert (few_weight({}), day_weight({})) == (4, 80)


async def trade(client, clock, exchange):
    """Three trades at 100, 110 and 99, an hour apart, the last one now."""
    maker, taker = (exchange.add_account("HMAC", balances=FUNDS) for _ in range(2))
    for price in ("100", "110", "99"):
        stamp = clock.now_us() // 1000
        await client.result("order.place", signed(maker, **order(price=price, side="SELL", timestamp=stamp)))
        await client.result("order.place", signed(taker, **market(quantity="1", timestamp=stamp)))
        if price != "99":
            clock.advance(3600)


def test_a_day():
    async def main():
        clock = ManualClock(NOON)
        async with (
            Emulator(symbols=[QUIET], clock=clock, max_connection_age=0) as exchange,
            wire(exchange) as client,
        ):
            await trade(client, clock, exchange)
            now = clock.now_us() // 1000
            mini = {
                "symbol": "ABCXYZ",
                "openPrice": "100.00000000",
                "highPrice": "110.00000000",
                "lowPrice": "99.00000000",
                "lastPrice": "99.00000000",
                "volume": "3.00000000",
                "quoteVolume": "309.00000000",
                "openTime": now - DAY,
                "closeTime": now,
                "firstId": 1,
                "lastId": 3,
                "count": 3,
            }
            assert await client.result("ticker.24hr", symbol="ABCXYZ", type="MINI") == mini
            full = await client.result("ticker.24hr", symbol="ABCXYZ")
            assert full == {
                **mini,
                "priceChange": "-1.00000000",
                "priceChangePercent": "-1.000",
                "weightedAvgPrice": "103.00000000",
                "prevClosePrice": "0.00000000",
                "lastQty": "1.00000000",
                "bidPrice": "0.00000000",
                "bidQty": "0.00000000",
                "askPrice": "0.00000000",
                "askQty": "0.00000000",
            }
            # The first trade leaves the window.
            clock.advance(22 * 3600 + 0.001)
            later = await client.result("ticker.24hr", symbol="ABCXYZ")
            assert (later["firstId"], later["openPrice"]) == (2, "110.00000000")
            assert (later["prevClosePrice"], later["priceChangePercent"]) == ("100.00000000", "-10.000")
            clock.advance(86_400)
            empty = await client.result("ticker.24hr", symbol="ABCXYZ")
            assert (empty["firstId"], empty["lastId"], empty["count"]) == (-1, -1, 0)
            assert (empty["lastPrice"], empty["openPrice"], empty["prevClosePrice"]) == (
                "99.00000000",
                "0.00000000",
                "99.00000000",
            )

    run(main)


def test_a_window_begins_with_a_minute():
    async def main():
        clock = ManualClock(NOON + 45_291_000)
        async with Emulator(clock=clock) as exchange, wire(exchange) as client:
            now = clock.now_us() // 1000
            for size, length in (("1m", 60_000), ("59m", 59 * 60_000), ("23h", 23 * HOUR), ("7d", 7 * DAY)):
                found = await client.result("ticker", symbol="BTCUSDT", windowSize=size)
                assert list(found) == FULL
                assert found["closeTime"] == now
                assert found["openTime"] == (now - length) // 60_000 * 60_000
                klines = await client.result(
                    "klines", symbol="BTCUSDT", interval="1m", startTime=found["openTime"], limit=1000
                )
                if len(klines) < 1000:
                    assert found["count"] == sum(row[8] for row in klines)
                    assert found["openPrice"] == klines[0][1]
            default = await client.result("ticker", symbol="BTCUSDT", type="MINI")
            assert list(default) == MINI
            assert default["openTime"] == (now - DAY) // 60_000 * 60_000

    run(main)


def test_a_trading_day():
    async def main():
        clock = ManualClock(NOON)
        async with Emulator(clock=clock) as exchange, wire(exchange) as client:
            noon = NOON // 1000
            for zone, opened in (
                ("0", noon - 12 * HOUR),
                ("-1:00", noon - 11 * HOUR),
                ("14:00", noon - 2 * HOUR),
            ):
                found = await client.result("ticker.tradingDay", symbol="这是测试币456", timeZone=zone)
                assert list(found) == FULL
                assert (found["openTime"], found["closeTime"]) == (opened, opened + DAY - 1)
                assert found["count"] > 0
            one, two = (
                await client.result("ticker.tradingDay", symbols=["BTCUSDT", "BNBBTC"], type="MINI"),
                await client.result("ticker.tradingDay", symbols=["BNBBTC"], type="MINI"),
            )
            assert one[1:] == two
            assert list(two[0]) == MINI

    run(main)


def test_no_window_for_a_symbol_that_never_traded():
    async def main():
        async with Emulator(symbols=[QUIET]) as exchange, wire(exchange) as client:
            for method in ("ticker", "ticker.tradingDay"):
                refused = await client.error(method, symbol="ABCXYZ")
                assert refused == (
                    400,
                    -2016,
                    "No trading window could be found for the symbol. Try ticker/24hrs instead.",
                )
            empty = await client.result("ticker.24hr", symbol="ABCXYZ")
            assert (empty["count"], empty["lastPrice"]) == (0, "100.00000000")

    run(main)


def test_the_average_price():
    async def main():
        clock = ManualClock(NOON)
        async with (
            Emulator(symbols=[QUIET], clock=clock, max_connection_age=0) as exchange,
            wire(exchange) as client,
        ):
            assert await client.result("avgPrice", symbol="ABCXYZ") == {
                "mins": 5,
                "price": "100.00000000",
                "closeTime": -1,
            }
            await trade(client, clock, exchange)
            last = clock.now_us() // 1000
            maker, taker = (exchange.add_account("HMAC", balances=FUNDS) for _ in range(2))
            clock.advance(60)
            stamp = clock.now_us() // 1000
            await client.result(
                "order.place", signed(maker, **order(price="102", side="SELL", quantity="3", timestamp=stamp))
            )
            await client.result("order.place", signed(taker, **market(quantity="2", timestamp=stamp)))
            found = await client.result("avgPrice", symbol="ABCXYZ")
            assert found == {"mins": 5, "price": "101.00000000", "closeTime": last + 60_000}
            clock.advance(241)
            assert (await client.result("avgPrice", symbol="ABCXYZ"))["price"] == "102.00000000"

    run(main)


@pytest.mark.parametrize(
    "method", ["ticker.24hr", "ticker", "ticker.tradingDay", "ticker.price", "ticker.book"]
)
def test_which_symbols(method):
    """SEMANTICS 88"""
    statistics = method not in ("ticker.price", "ticker.book")

    async def main():
        async with Emulator(symbols=[*DEFAULT_SYMBOLS, HALTED]) as exchange, wire(exchange) as client:
            one = await client.result(method, symbol="BTCUSDT")
            assert isinstance(one, dict)
            assert [row["symbol"] for row in await client.result(method, symbols=["BTCUSDT"])] == ["BTCUSDT"]
            both = {"symbols": ["HALTED", "BTCUSDT"]}
            assert [row["symbol"] for row in await client.result(method, both)] == ["HALTED", "BTCUSDT"]
            halted = await client.result(method, both, symbolStatus="HALT")
            assert [row["symbol"] for row in halted] == ["HALTED"]
            assert await client.result(method, both, symbolStatus="BREAK") == []
            await client.result(method, symbol="HALTED", symbolStatus="HALT")
            assert (await client.error(method, symbol="HALTED", symbolStatus="TRADING"))[:2] == (400, -1220)
            if method in ("ticker", "ticker.tradingDay"):
                assert await client.error(method) == (
                    400,
                    -1102,
                    "Param 'symbol' or 'symbols' must be sent, but both were empty/null!",
                )
            else:
                names = [row["symbol"] for row in await client.result(method)]
                assert "HALTED" not in names
                assert len(names) == 4
                assert [row["symbol"] for row in await client.result(method, symbolStatus="HALT")] == [
                    "HALTED"
                ]
            for params, code in (
                ({"symbol": "BTCUSDT", "symbols": ["BTCUSDT"]}, -1128),
                ({"symbol": "NOPE"}, -1121),
                ({"symbols": ["BTCUSDT", "NOPE"]}, -1121),
                ({"symbols": ["BTCUSDT", "BTCUSDT"]}, -1151),
                ({"symbols": "BTCUSDT"}, -1135),
                ({"symbols": []}, -1105),
                ({"symbol": ""}, -1105),
                ({"symbol": "BTCUSDT", "symbolStatus": "ASLEEP"}, -1122),
                ({"symbol": "BTCUSDT", "limit": 1}, -1104),
                *([({"symbol": "BTCUSDT", "type": "TINY"}, -1139)] if statistics else ()),
                *([({"symbol": "BTCUSDT", "type": ""}, -1105)] if statistics else ()),
            ):
                assert (await client.error(method, params))[:2] == (400, code), params

    run(main)


@pytest.mark.parametrize("size", ["0m", "60m", "24h", "8d", "1w", "1d2h", "1D", "m", "01m"])
def test_windows_that_there_are_not(size):
    async def main():
        async with Emulator() as exchange, wire(exchange) as client:
            refused = await client.error("ticker", symbol="BTCUSDT", windowSize=size)
            assert refused == (400, -1130, "Data sent for parameter 'windowSize' is not valid.")

    run(main)


def test_two_hundred_symbols_at_most():
    async def main():
        async with Emulator() as exchange, wire(exchange) as client:
            names = [f"S{n}" for n in range(201)]
            assert (await client.error("ticker", symbols=names))[1] == -1101
            assert (await client.error("ticker", symbols=names[:200]))[1] == -1121
            assert (await client.error("ticker.tradingDay", symbol="BTCUSDT", timeZone="15:00"))[1] == -1130
            assert (await client.error("avgPrice"))[1] == -1102
            assert (await client.error("avgPrice", symbol="NOPE"))[1] == -1121

    run(main)
