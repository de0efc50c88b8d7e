from __future__ import annotations

import pytest

from fastws.emulator import Emulator, ManualClock
from helpers.emulator.quiet_market import FUNDS, QUIET, balances, market, order, quiet, reference
from helpers.emulator.wire import logged_on, now_ms, run, signed, wire

QUERIED = [
    "symbol",
    "orderId",
    "orderListId",
    "clientOrderId",
    "price",
    "origQty",
    "executedQty",
    "cummulativeQuoteQty",
    "status",
    "timeInForce",
    "type",
    "side",
    "stopPrice",
    "icebergQty",
    "time",
    "updateTime",
    "isWorking",
    "workingTime",
    "origQuoteOrderQty",
    "selfTradePreventionMode",
]


def test_the_shape_of_an_order():
    async def main():
        clock = ManualClock()
        async with Emulator(symbols=[QUIET], clock=clock) as exchange, wire(exchange) as client:
            key = exchange.add_account("HMAC", balances=FUNDS)
            start = clock.now_us() // 1000
            placed = await client.result("order.place", signed(key, **order(timestamp=start, quantity="2")))
            clock.advance(1)
            sell = order(timestamp=start, side="SELL", quantity="0.5")
            await client.result("order.place", signed(key, **sell))
            shown = await client.result(
                "order.status", signed(key, **reference(timestamp=start, orderId=placed["orderId"]))
            )
            assert list(shown) == QUERIED
            assert shown["status"] == "PARTIALLY_FILLED"
            assert (shown["time"], shown["updateTime"], shown["workingTime"]) == (start, start + 1000, start)
            assert (shown["executedQty"], shown["cummulativeQuoteQty"]) == ("0.50000000", "50.00000000")
            assert (shown["stopPrice"], shown["icebergQty"]) == ("0.00000000", "0.00000000")
            assert shown["isWorking"] is True

    run(main)


def test_open_orders_of_one_symbol_and_of_all():
    async def main():
        async with Emulator() as exchange, logged_on(exchange) as client:
            for symbol, price in (("ETHUSDT", "2000"), ("BTCUSDT", "50000"), ("BTCUSDT", "51000")):
                await client.result("order.place", order(symbol=symbol, price=price, quantity="0.01"))
            one = await client.call("openOrders.status", reference(symbol="BTCUSDT"))
            assert [row["price"] for row in one["result"]] == ["50000.00000000", "51000.00000000"]
            everything = await client.call("openOrders.status", timestamp=now_ms())
            assert len(everything["result"]) == 3
            assert all(list(row) == QUERIED for row in everything["result"])
            counts = [reply["rateLimits"][0]["count"] for reply in (one, everything)]
            assert counts[1] - counts[0] == 80
            assert (await client.error("openOrders.status", reference(symbol="NOPE")))[1] == -1121

    run(main)


def test_the_shape_of_an_account():
    async def main():
        async with quiet() as exchange, logged_on(exchange, balances={**FUNDS, "NIL": "0"}) as client:
            account = await client.result("account.status", timestamp=now_ms())
            assert list(account) == [
                "makerCommission",
                "takerCommission",
                "buyerCommission",
                "sellerCommission",
                "canTrade",
                "canWithdraw",
                "canDeposit",
                "commissionRates",
                "brokered",
                "requireSelfTradePrevention",
                "preventSor",
                "updateTime",
                "accountType",
                "balances",
                "permissions",
                "uid",
            ]
            assert account["makerCommission"] == account["takerCommission"] == 10
            assert account["commissionRates"]["taker"] == "0.00100000"
            assert {"asset": "NIL", "free": "0.00000000", "locked": "0.00000000"} in account["balances"]
            lean = await client.result("account.status", timestamp=now_ms(), omitZeroBalances=True)
            assert {row["asset"] for row in lean["balances"]} == set(FUNDS)
            await client.result("order.place", order(quantity="2"))
            assert await balances(client) == {
                "ABC": ("1000.00000000", "0.00000000"),
                "NIL": ("0.00000000", "0.00000000"),
                "XYZ": ("99800.00000000", "200.00000000"),
            }

    run(main)


def test_trades_of_an_account():
    async def main():
        clock = ManualClock()
        async with Emulator(symbols=[QUIET], clock=clock) as exchange, wire(exchange) as client:
            maker, taker = (exchange.add_account("HMAC", balances=FUNDS) for _ in range(2))
            start = clock.now_us() // 1000

            async def call(key, method, **params):
                return await client.result(method, signed(key, symbol="ABCXYZ", timestamp=start, **params))

            resting = order(timestamp=start, quantity="5")
            order_id = (await client.result("order.place", signed(maker, **resting)))["orderId"]
            for _ in range(3):
                sell = market(timestamp=start, side="SELL", quantity="1")
                await client.result("order.place", signed(taker, **sell))
                clock.advance(1)
            rows = await call(maker, "myTrades")
            assert rows[0] == {
                "symbol": "ABCXYZ",
                "id": 1,
                "orderId": order_id,
                "orderListId": -1,
                "price": "100.00000000",
                "qty": "1.00000000",
                "quoteQty": "100.00000000",
                "commission": "0.00100000",
                "commissionAsset": "ABC",
                "time": start,
                "isBuyer": True,
                "isMaker": True,
                "isBestMatch": True,
            }
            assert [row["id"] for row in rows] == [1, 2, 3]
            theirs = (await call(taker, "myTrades"))[0]
            assert (theirs["isBuyer"], theirs["isMaker"]) == (False, False)
            assert (theirs["commission"], theirs["commissionAsset"]) == ("0.10000000", "XYZ")
            assert [row["id"] for row in await call(maker, "myTrades", limit=2)] == [2, 3]
            assert [row["id"] for row in await call(maker, "myTrades", fromId=2, limit=1)] == [2]
            assert [row["id"] for row in await call(maker, "myTrades", startTime=start + 1000)] == [2, 3]
            assert [row["id"] for row in await call(maker, "myTrades", endTime=start + 1000)] == [1, 2]
            assert len(await call(maker, "myTrades", orderId=order_id)) == 3
            assert await call(maker, "myTrades", orderId=order_id + 1) == []
            stranger = exchange.add_account("HMAC", balances=FUNDS)
            assert await call(stranger, "myTrades") == []

            async def refused(**params):
                whole = signed(maker, symbol="ABCXYZ", timestamp=start, **params)
                return (await client.error("myTrades", whole))[1:]

            combination = (-1128, "Combination of optional parameters invalid.")
            assert await refused(fromId=1, startTime=start) == combination
            assert await refused(orderId=1, endTime=start) == combination
            day = 86_400_000
            too_long = (-1127, "More than 24 hours between startTime and endTime.")
            assert await refused(startTime=start, endTime=start + day + 1) == too_long
            assert await call(maker, "myTrades", startTime=start - day, endTime=start - 1) == []

    run(main)


@pytest.mark.parametrize("method", ["account.status", "account.rateLimits.orders", "openOrders.status"])
def test_queries_need_a_key(method):
    """SEMANTICS 36"""

    async def main():
        async with Emulator() as exchange, wire(exchange) as client:
            assert (await client.error(method, timestamp=now_ms()))[1] == -1102

    run(main)


def test_old_finished_orders_are_forgotten():
    async def main():
        async with (
            Emulator(symbols=[QUIET], order_history=3) as exchange,
            logged_on(exchange, balances=FUNDS) as client,
        ):
            ids = []
            for _ in range(5):
                placed = await client.result("order.place", order())
                ids.append(placed["orderId"])
                await client.result("order.cancel", reference(orderId=placed["orderId"]))
            open_order = await client.result("order.place", order())
            for order_id in ids[:2]:
                assert (await client.error("order.status", reference(orderId=order_id)))[1] == -2013
            for order_id in [*ids[2:], open_order["orderId"]]:
                await client.result("order.status", reference(orderId=order_id))

    run(main)


def test_all_orders_of_an_account():
    """SEMANTICS 87"""

    async def main():
        clock = ManualClock()
        async with Emulator(symbols=[QUIET], clock=clock) as exchange, wire(exchange) as client:
            key = exchange.add_account("HMAC", balances=FUNDS)
            other = exchange.add_account("HMAC", balances=FUNDS)
            start = clock.now_us() // 1000

            async def call(method, key=key, **params):
                return await client.result(method, signed(key, symbol="ABCXYZ", timestamp=start, **params))

            for _ in range(4):
                await client.result("order.place", signed(key, **order(timestamp=start)))
                clock.advance(1)
            await call("order.cancel", orderId=2)
            rows = await call("allOrders")
            assert [row["orderId"] for row in rows] == [1, 2, 3, 4]
            assert [row["status"] for row in rows] == ["NEW", "CANCELED", "NEW", "NEW"]
            assert list(rows[0]) == QUERIED
            assert await call("allOrders", other) == []

            async def ids(**params):
                return [row["orderId"] for row in await call("allOrders", **params)]

            assert await ids(limit=2) == [3, 4], "the last ones"
            assert await ids(orderId=2, limit=2) == [2, 3]
            # The second was canceled after four seconds: that is its time.
            assert await ids(startTime=start + 1000, endTime=start + 2000) == [3]
            assert await ids(startTime=start + 4000, endTime=start + 4000) == [2]
            assert await ids(startTime=start + 1000, orderId=4) == [2, 3, 4], "the id is ignored"
            assert await ids(endTime=start) == [1]
            day = 86_400_000
            whole = signed(key, symbol="ABCXYZ", timestamp=start, startTime=start, endTime=start + day + 1)
            assert (await client.error("allOrders", whole))[1] == -1127

    run(main)


def test_the_amendments_of_an_order():
    async def main():
        async with quiet() as exchange, logged_on(exchange, balances=FUNDS) as client:
            placed = await client.result("order.place", order(quantity="3", newClientOrderId="a"))
            reply = [
                await client.result("order.amend.keepPriority", reference(newQty=quantity, **names))
                for quantity, names in (
                    ("2", {"origClientOrderId": "a", "newClientOrderId": "b"}),
                    ("1", {"origClientOrderId": "b", "newClientOrderId": "b"}),
                )
            ]
            rows = await client.result("order.amendments", reference(orderId=placed["orderId"]))
            assert rows[0] == {
                "symbol": "ABCXYZ",
                "orderId": placed["orderId"],
                "executionId": reply[0]["executionId"],
                "origClientOrderId": "a",
                "newClientOrderId": "b",
                "origQty": "3.00000000",
                "newQty": "2.00000000",
                "time": reply[0]["transactTime"],
            }
            assert [row["newQty"] for row in rows] == ["2.00000000", "1.00000000"]
            later = reference(orderId=placed["orderId"], fromExecutionId=rows[1]["executionId"])
            assert await client.result("order.amendments", later) == rows[1:]
            assert (
                await client.result("order.amendments", reference(orderId=placed["orderId"], limit=1))
                == rows[:1]
            )
            assert (await client.error("order.amendments", reference(orderId=99)))[1] == -2013

    run(main)
