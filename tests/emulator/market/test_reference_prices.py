"""Reference prices and execution rules."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fastws.emulator import Emulator, ManualClock
from fastws.emulator.market.reference_prices import MeanPrice
from fastws.emulator.values.decimals import UNIT, units
from fastws.emulator.values.default_symbols import DEFAULT_SYMBOLS
from fastws.emulator.values.symbols import NO_LIMIT, PriceRange
from helpers.emulator.quiet_market import FUNDS, QUIET, market, order
from helpers.emulator.wire import run, signed, wire

NEVER = {"code": -2043, "msg": "This symbol doesn't have a reference price."}


def test_a_mean_of_buckets_whose_oldest_counts_in_part():
    async def main():
        clock = ManualClock(1_700_000_000_000_000)
        async with Emulator(symbols=[QUIET], clock=clock) as exchange, wire(exchange) as client:
            exchange.core.references.means["ABCXYZ"] = MeanPrice(buckets=2, width_ms=1000)
            maker, taker = (exchange.add_account("HMAC", balances=FUNDS) for _ in range(2))

            async def trade(price):
                stamp = clock.now_us() // 1000
                sell = order(side="SELL", price=price, timestamp=stamp)
                await client.result("order.place", signed(maker, **sell))
                await client.result("order.place", signed(taker, **market(quantity="1", timestamp=stamp)))

            async def price():
                found = await client.result("referencePrice", symbol="ABCXYZ")
                assert found["timestamp"] == clock.now_us() // 1000
                return found["referencePrice"]

            assert await client.result("referencePrice", symbol="ABCXYZ") == NEVER
            await trade("100")
            await trade("101")
            clock.advance(1)
            await trade("104")
            assert await price() == "101.66666666"
            # A quarter of the first bucket has left the window: 1.5 of its two trades count.
            clock.advance(1.25)
            await trade("110")
            weights = (units("100.5") * 3 // 2 + units("104") + units("110")) * 2 // 7
            assert await price() == f"{weights / UNIT:.8f}"
            clock.advance(60)
            assert await price() is None

    run(main)


def test_a_price_that_is_set():
    async def main():
        clock = ManualClock()
        async with Emulator(symbols=[QUIET], clock=clock) as exchange, wire(exchange) as client:
            references = exchange.core.references
            set_at = clock.now_us()
            references.set("ABCXYZ", units("99.5"), set_at)
            clock.advance(5)
            assert await client.result("referencePrice", symbol="ABCXYZ") == {
                "symbol": "ABCXYZ",
                "referencePrice": "99.50000000",
                "timestamp": set_at // 1000,
            }
            references.set("ABCXYZ", None, clock.now_us())
            assert (await client.result("referencePrice", symbol="ABCXYZ"))["referencePrice"] is None

    run(main)


def test_how_reference_prices_are_calculated():
    async def main():
        async with Emulator() as exchange, wire(exchange) as client:
            method = "referencePrice.calculation"
            assert await client.result(method, symbol="BNBBTC") == {
                "symbol": "BNBBTC",
                "calculationType": "ARITHMETIC_MEAN",
                "bucketCount": 10,
                "bucketWidthMs": 1000,
            }
            external = await client.result(method, symbol="ETHUSDT", symbolStatus="TRADING")
            assert external == {
                "symbol": "ETHUSDT",
                "calculationType": "EXTERNAL",
                "externalCalculationId": 0,
            }
            assert await client.error(method, symbol="BTCUSDT") == (400, NEVER["code"], NEVER["msg"])
            assert await client.result("referencePrice", symbol="BTCUSDT") == NEVER
            assert (await client.error(method, symbol="ETHUSDT", symbolStatus="HALT"))[1] == -1220

    run(main)


def test_execution_rules():
    async def main():
        price_range = PriceRange(bid_up=2 * UNIT, bid_down=UNIT // 2, ask_down=99_990_000)
        symbols = [
            replace(symbol, price_range=price_range) if symbol.name == "ETHUSDT" else symbol
            for symbol in DEFAULT_SYMBOLS
        ]
        async with Emulator(symbols=symbols) as exchange, wire(exchange) as client:

            async def rules(**params):
                found = await client.result("executionRules", params)
                assert list(found) == ["symbolRules"]
                return {row["symbol"]: row["rules"] for row in found["symbolRules"]}

            rule = {
                "ruleType": "PRICE_RANGE",
                "bidLimitMultUp": "2",
                "bidLimitMultDown": "0.5",
                "askLimitMultDown": "0.9999",
            }
            assert await rules(symbol="ETHUSDT") == {"ETHUSDT": [rule]}
            assert await rules(symbols=["BTCUSDT", "ETHUSDT"]) == {"BTCUSDT": [], "ETHUSDT": [rule]}
            assert len(await rules()) == 5
            assert len(await rules(symbolStatus="TRADING")) == 4
            assert await rules(symbolStatus="HALT") == {}
            assert price_range.limits(units("3000"), True) == (units("1500"), units("6000"))
            assert price_range.limits(units("3000"), False) == (units("2999.7"), NO_LIMIT)

    run(main)


@pytest.mark.parametrize(
    ("method", "params", "weight"),
    [
        ("executionRules", {"symbol": "BTCUSDT"}, 2),
        ("executionRules", {"symbols": ["BTCUSDT", "ETHUSDT", "BNBBTC"]}, 6),
        ("executionRules", {"symbolStatus": "BREAK"}, 40),
        ("executionRules", {}, 40),
        ("referencePrice", {"symbol": "BTCUSDT"}, 2),
        ("referencePrice.calculation", {"symbol": "BNBBTC"}, 2),
        ("avgPrice", {"symbol": "BTCUSDT"}, 2),
        ("exchangeInfo", {"symbol": "BTCUSDT"}, 20),
        ("ping", {}, 1),
        ("time", {}, 1),
    ],
)
def test_weights(method, params, weight):
    """SEMANTICS 97"""

    async def main():
        async with Emulator() as exchange, wire(exchange) as client:
            one, two = [(await client.call(method, params))["rateLimits"][0]["count"] for _ in range(2)]
            assert two - one == weight

    run(main)


@pytest.mark.parametrize(
    ("method", "params", "code"),
    [
        ("executionRules", {"symbol": "BTCUSDT", "symbols": ["BTCUSDT"]}, -1128),
        ("executionRules", {"symbol": "BTCUSDT", "symbolStatus": "TRADING"}, -1128),
        ("executionRules", {"symbol": "NOPE"}, -1121),
        ("executionRules", {"symbolStatus": "NOPE"}, -1122),
        ("referencePrice", {}, -1102),
        ("referencePrice", {"symbol": "NOPE"}, -1121),
        ("referencePrice", {"symbol": "BTCUSDT", "symbolStatus": "TRADING"}, -1104),
        ("referencePrice.calculation", {}, -1102),
        ("referencePrice.calculation", {"symbol": ""}, -1105),
    ],
)
def test_refusals(method, params, code):
    """SEMANTICS 45"""

    async def main():
        async with Emulator() as exchange, wire(exchange) as client:
            assert (await client.error(method, params))[:2] == (400, code)

    run(main)
