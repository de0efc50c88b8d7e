"""Queries of an account: their weights, and the parameters that they refuse."""

from __future__ import annotations

import pytest

from fastws.emulator import Emulator, ManualClock
from helpers.emulator.quiet_market import FUNDS, QUIET, order
from helpers.emulator.wire import run, signed, wire

DAY = 86_400_000
SYMBOL = {"symbol": "ABCXYZ"}
# Each method with the parameters that it needs, its weight, and parameters that it refuses.
NO_SYMBOL = [
    ({}, -1102),
    ({"symbol": ""}, -1105),
    ({"symbol": "abcxyz"}, -1121),
    ({**SYMBOL, "symbols": ["ABCXYZ"]}, -1104),
]
LIMITS = [({"limit": 0}, -1130), ({"limit": "all"}, -1100), ({"limit": ""}, -1105), ({"limit": -5}, -1100)]
SPANS = [
    ({"startTime": 1, "endTime": DAY + 2}, -1127),
    ({"startTime": 1_700_000_000_000, "endTime": 1_700_086_400_001_000}, -1127),
    ({"startTime": "now"}, -1100),
    ({"endTime": ""}, -1105),
]
ORDER_IDS = [({"orderId": "x"}, -1100), ({"orderId": ""}, -1105), ({"orderId": "9" * 19}, -1108)]


def on_symbol(rows):
    return [({**SYMBOL, **params}, code) for params, code in rows]


QUERIES = {
    "account.status": ({}, 20, [({"omitZeroBalances": "maybe"}, -1100), ({"symbol": "ABCXYZ"}, -1104)]),
    "account.rateLimits.orders": ({}, 40, [({"limit": 1}, -1104)]),
    "order.status": (
        {**SYMBOL, "orderId": 1},
        4,
        [
            *(({"orderId": 1, **params}, code) for params, code in NO_SYMBOL),
            *on_symbol(ORDER_IDS),
            (SYMBOL, -1102),
            ({**SYMBOL, "origClientOrderId": ""}, -1105),
            ({**SYMBOL, "orderId": 2}, -2013),
            ({**SYMBOL, "origClientOrderId": "never"}, -2013),
            ({**SYMBOL, "orderId": 1, "origClientOrderId": "never"}, -2039),
        ],
    ),
    "openOrders.status": (SYMBOL, 6, [*NO_SYMBOL[1:], ({"orderId": 1}, -1104)]),
    "allOrders": (SYMBOL, 20, [*NO_SYMBOL, *on_symbol([*LIMITS, *SPANS, *ORDER_IDS])]),
    "myTrades": (
        SYMBOL,
        20,
        [
            *NO_SYMBOL,
            *on_symbol([*LIMITS, *SPANS, *ORDER_IDS]),
            ({**SYMBOL, "fromId": -1}, -1100),
            ({**SYMBOL, "fromId": 1, "startTime": 1}, -1128),
            ({**SYMBOL, "fromId": 1, "endTime": 1}, -1128),
            ({**SYMBOL, "orderId": 1, "startTime": 1}, -1128),
        ],
    ),
    "order.amendments": (
        {**SYMBOL, "orderId": "1"},
        4,
        [
            *(({"orderId": 1, **params}, code) for params, code in NO_SYMBOL),
            (SYMBOL, -1102),
            *on_symbol(ORDER_IDS),
            *(({**row, "orderId": 1}, code) for row, code in on_symbol(LIMITS)),
            ({**SYMBOL, "orderId": 1, "fromExecutionId": "x"}, -1100),
        ],
    ),
}


@pytest.mark.parametrize("method", QUERIES)
def test_the_weight_and_the_refusals_of(method):
    """SEMANTICS 45, 76, 87, 97"""
    needed, weight, refused = QUERIES[method]

    async def main():
        async with Emulator(symbols=[QUIET]) as exchange, wire(exchange) as client:
            key = exchange.add_account("HMAC", balances=FUNDS)
            await client.result("order.place", signed(key, **order(newClientOrderId="mine")))
            one, two = [
                (await client.call(method, signed(key, **needed)))["rateLimits"][0]["count"] for _ in range(2)
            ]
            assert two - one == weight
            for params, code in refused:
                assert (await client.error(method, signed(key, **params)))[:2] == (400, code), params
            assert (await client.error(method, needed))[1] == -1102
            unsigned = {"apiKey": key.api_key, **needed, "timestamp": 1, "signature": "x"}
            assert (await client.error(method, unsigned))[1] == -1021
            weak = exchange.add_key(key.account, "HMAC", permissions=["TRADE"])
            assert (await client.error(method, signed(weak, **needed)))[:2] == (401, -2015)

    run(main)


def test_the_weight_of_trades_of_an_order():
    """SEMANTICS 97"""

    async def main():
        async with Emulator(symbols=[QUIET]) as exchange, wire(exchange) as client:
            key = exchange.add_account("HMAC", balances=FUNDS)
            whole = signed(key, symbol="ABCXYZ", orderId=1)
            one, two = [(await client.call("myTrades", whole))["rateLimits"][0]["count"] for _ in range(2)]
            assert two - one == 5

    run(main)


def test_an_old_order_that_never_traded_is_archived():
    """SEMANTICS 100"""

    async def main():
        clock = ManualClock()
        async with (
            Emulator(symbols=[QUIET], clock=clock, max_connection_age=0) as exchange,
            wire(exchange) as client,
        ):
            maker, taker = (exchange.add_account("HMAC", balances=FUNDS) for _ in range(2))

            async def send(key, method, **params):
                return signed(key, **{**SYMBOL, **params, "timestamp": clock.now_us() // 1000})

            async def result(key, method, **params):
                return await client.result(method, await send(key, method, **params))

            untraded = await result(maker, "order.place", **order(price="90"))
            traded = await result(maker, "order.place", **order(price="100"))
            still_open = await result(maker, "order.place", **order(price="80"))
            await result(taker, "order.place", **order(side="SELL", price="100", quantity="0.5"))
            for placed in (untraded, traded):
                await result(maker, "order.cancel", orderId=placed["orderId"])
            clock.advance(90 * 86_400)
            await result(maker, "order.status", orderId=untraded["orderId"])
            clock.advance(1)
            refused = await client.error(
                "order.status", await send(maker, "order.status", orderId=untraded["orderId"])
            )
            assert refused[:2] == (400, -2026)
            for placed in (traded, still_open):
                await result(maker, "order.status", orderId=placed["orderId"])
            rows = await result(maker, "allOrders")
            assert [row["orderId"] for row in rows] == [traded["orderId"], still_open["orderId"]]

    run(main)


def test_a_span_may_be_given_in_either_unit():
    """SEMANTICS 26, 87"""

    async def main():
        clock = ManualClock(1_700_000_000_000_500)
        async with (
            Emulator(symbols=[QUIET], clock=clock, max_connection_age=0) as exchange,
            wire(exchange) as client,
        ):
            key = exchange.add_account("HMAC", balances=FUNDS)
            now_ms = clock.now_us() // 1000
            await client.result("order.place", signed(key, **order(timestamp=now_ms)))

            async def found(**span):
                whole = signed(key, symbol="ABCXYZ", timestamp=now_ms, **span)
                return len(await client.result("allOrders", whole))

            assert await found(startTime=now_ms, endTime=now_ms) == 1
            assert await found(startTime=now_ms * 1000 + 501) == 0
            assert await found(endTime=now_ms * 1000 + 499) == 0
            assert await found(startTime=now_ms * 1000 + 500, endTime=now_ms * 1000 + 500) == 1
            assert await found(startTime=now_ms - DAY, endTime=now_ms) == 1
            assert await found(startTime=now_ms, endTime=now_ms - 1) == 0

    run(main)
