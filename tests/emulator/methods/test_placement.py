from __future__ import annotations

import itertools

import pytest

from fastws.emulator import Emulator, spot_symbol
from helpers.emulator.quiet_market import (
    ACK,
    FULL,
    FUNDS,
    RESULT,
    balances,
    market,
    order,
    quiet,
    reference,
    without,
)
from helpers.emulator.wire import logged_on, now_ms, run


@pytest.mark.parametrize(("resp_type", "fields"), [("ACK", ACK), ("RESULT", RESULT), ("FULL", FULL)])
def test_the_shapes_of_a_new_order(resp_type, fields):
    """SEMANTICS 71"""

    async def main():
        async with quiet() as exchange, logged_on(exchange, balances=FUNDS) as client:
            placed = await client.result(
                "order.place", order(newOrderRespType=resp_type, newClientOrderId="mine")
            )
            assert list(placed) == fields
            assert placed["orderListId"] == -1
            assert placed["clientOrderId"] == "mine"
            assert isinstance(placed["orderId"], int)
            assert abs(placed["transactTime"] - now_ms()) < 5000
            if resp_type != "ACK":
                assert placed["status"] == "NEW"
                assert placed["price"] == "100.00000000"
                assert placed["workingTime"] == placed["transactTime"]
            if resp_type == "FULL":
                assert placed["fills"] == []

    run(main)


def test_default_shapes():
    """SEMANTICS 71"""

    async def main():
        async with quiet() as exchange, logged_on(exchange, balances=FUNDS) as client:
            assert list(await client.result("order.place", order())) == FULL
            maker = without(order(type="LIMIT_MAKER", side="SELL", price="101.00"), "timeInForce")
            assert list(await client.result("order.place", maker)) == ACK
            assert list(await client.result("order.place", market(quantity="0.1"))) == FULL

    run(main)


def test_strategy_fields_appear_only_if_they_were_sent():
    async def main():
        async with quiet() as exchange, logged_on(exchange, balances=FUNDS) as client:
            placed = await client.result("order.place", order(strategyId=37463720, strategyType=1000000))
            assert (placed["strategyId"], placed["strategyType"]) == (37463720, 1000000)
            shown = await client.result("order.status", reference(orderId=placed["orderId"]))
            assert (shown["strategyId"], shown["strategyType"]) == (37463720, 1000000)
            canceled = await client.result("order.cancel", reference(orderId=placed["orderId"]))
            assert (canceled["strategyId"], canceled["strategyType"]) == (37463720, 1000000)

    run(main)


def test_an_order_trades_with_the_book_and_pays_commission():
    async def main():
        async with (
            quiet() as exchange,
            logged_on(exchange, balances=FUNDS) as seller,
            logged_on(exchange, balances=FUNDS) as buyer,
        ):
            await seller.result("order.place", order(side="SELL", price="100.00", quantity="0.635"))
            await seller.result("order.place", order(side="SELL", price="100.50", quantity="1"))
            placed = await buyer.result("order.place", order(price="101.00", quantity="0.847"))
            assert placed["status"] == "FILLED"
            assert placed["executedQty"] == "0.84700000"
            assert placed["cummulativeQuoteQty"] == "84.80600000"
            assert placed["fills"] == [
                {
                    "price": "100.00000000",
                    "qty": "0.63500000",
                    "commission": "0.00063500",
                    "commissionAsset": "ABC",
                    "tradeId": 1,
                },
                {
                    "price": "100.50000000",
                    "qty": "0.21200000",
                    "commission": "0.00021200",
                    "commissionAsset": "ABC",
                    "tradeId": 2,
                },
            ]
            assert await balances(buyer) == {
                "ABC": ("1000.84615300", "0.00000000"),
                "XYZ": ("99915.19400000", "0.00000000"),
            }
            # 84.806 less a thousandth.
            assert await balances(seller) == {
                "ABC": ("998.36500000", "0.78800000"),
                "XYZ": ("100084.72119400", "0.00000000"),
            }

    run(main)


@pytest.mark.parametrize(
    ("tif", "status", "executed", "reason"),
    [
        ("GTC", "PARTIALLY_FILLED", "1.00000000", None),
        ("IOC", "EXPIRED", "1.00000000", "UNFILLED_IOC_QUANTITY_EXPIRED"),
        ("FOK", "EXPIRED", "0.00000000", "UNFILLED_FOK_ORDER_EXPIRED"),
    ],
)
def test_times_in_force(tif, status, executed, reason):
    async def main():
        async with (
            quiet() as exchange,
            logged_on(exchange, balances=FUNDS) as seller,
            logged_on(exchange, balances=FUNDS) as buyer,
        ):
            await seller.result("order.place", order(side="SELL", quantity="1"))
            await seller.result("order.place", order(side="SELL", quantity="1", price="100.01"))
            placed = await buyer.result("order.place", order(quantity="1.5", timeInForce=tif))
            assert (placed["status"], placed["executedQty"]) == (status, executed)
            shown = await buyer.result("order.status", reference(orderId=placed["orderId"]))
            assert shown["status"] == status
            assert shown.get("expiryReason") == reason
            locked = "50.00000000" if tif == "GTC" else "0.00000000"
            assert (await balances(buyer))["XYZ"][1] == locked
            both = order(quantity="2", price="100.01", timeInForce="FOK")
            await buyer.call("openOrders.cancelAll", reference())
            if tif == "FOK":
                assert (await buyer.result("order.place", both))["status"] == "FILLED"

    run(main)


def test_a_limit_maker_never_takes():
    async def main():
        async with quiet() as exchange, logged_on(exchange, balances=FUNDS) as client:
            await client.result("order.place", order(side="SELL"))
            maker = without(order(type="LIMIT_MAKER"), "timeInForce")
            crossing = (400, -2010, "Order would immediately match and take.")
            assert await client.error("order.place", maker) == crossing
            await client.result("order.place", {**maker, "price": "99.99"})

    run(main)


def test_market_orders_by_quantity():
    """SEMANTICS 70"""

    async def main():
        async with quiet() as exchange, logged_on(exchange, balances=FUNDS) as client:
            await client.result("order.place", order(side="SELL", quantity="1"))
            await client.result("order.place", order(side="SELL", quantity="1", price="101.00"))
            filled = await client.result("order.place", market(quantity="1.5"))
            assert (filled["status"], filled["price"], filled["timeInForce"]) == (
                "FILLED",
                "0.00000000",
                "GTC",
            )
            assert [fill["price"] for fill in filled["fills"]] == ["100.00000000", "101.00000000"]
            short = await client.result("order.place", market(quantity="1.5"))
            assert (short["status"], short["executedQty"], short["origQty"]) == (
                "EXPIRED",
                "0.50000000",
                "1.50000000",
            )
            shown = await client.result("order.status", reference(orderId=short["orderId"]))
            assert shown["expiryReason"] == "INSUFFICIENT_LIQUIDITY"
            empty = await client.result("order.place", market(quantity="1"))
            assert (empty["status"], empty["fills"]) == ("EXPIRED", [])

    run(main)


def test_market_orders_by_quote_quantity():
    """SEMANTICS 70"""

    async def main():
        async with quiet() as exchange, logged_on(exchange, balances=FUNDS) as client:
            nothing = (400, -2010, "Order book liquidity is less than symbol minimum quantity.")
            assert await client.error("order.place", market(quoteOrderQty="50")) == nothing
            await client.result("order.place", order(side="SELL", quantity="1"))
            await client.result("order.place", order(side="SELL", quantity="1", price="101.00"))
            bought = await client.result("order.place", market(quoteOrderQty="150.05"))
            assert (bought["status"], bought["origQuoteOrderQty"]) == ("FILLED", "150.05000000")
            # 1 for 100, and 0.495 for 49.995: one step more would cost too much.
            assert bought["executedQty"] == bought["origQty"] == "1.49500000"
            assert bought["cummulativeQuoteQty"] == "149.99500000"
            rest = await client.result("order.place", market(quoteOrderQty="99"))
            assert (rest["status"], rest["executedQty"]) == ("EXPIRED", "0.50500000")
            await client.result("order.place", order(quantity="1"))
            sold = await client.result("order.place", market(side="SELL", quoteOrderQty="50"))
            assert (sold["status"], sold["executedQty"]) == ("FILLED", "0.50000000")

    run(main)


@pytest.mark.parametrize(
    ("changes", "code", "message"),
    [
        ({"timeInForce": None}, -1102, "timeInForce"),
        ({"price": None}, -1102, "price"),
        ({"quantity": None}, -1102, "quantity"),
        ({"quoteOrderQty": "5"}, -1106, "Parameter 'quoteOrderQty' sent when not required."),
        ({"stopPrice": "5"}, -1106, "Parameter 'stopPrice' sent when not required."),
        ({"trailingDelta": 5}, -1106, "Parameter 'trailingDelta' sent when not required."),
        ({"type": "LIMIT_MAKER"}, -1106, "Parameter 'timeInForce' sent when not required."),
        ({"type": "MARKET"}, -1106, "Parameter 'timeInForce' sent when not required."),
        ({"type": "MARKET", "timeInForce": None}, -1106, "Parameter 'price' sent when not required."),
        (
            {"type": "MARKET", "timeInForce": None, "price": None, "quantity": None},
            -1102,
            "Param 'quantity' or 'quoteOrderQty' must be sent, but both were empty/null!",
        ),
        (
            {"type": "MARKET", "timeInForce": None, "price": None, "quoteOrderQty": "50"},
            -1128,
            "Combination of optional parameters invalid.",
        ),
        ({"icebergQty": "2"}, -1013, "IcebergQty exceeds QTY."),
        ({"icebergQty": "0.5", "timeInForce": "IOC"}, -1013, "Unsupported order combination"),
        ({"icebergQty": "0.009"}, -1013, "Filter failure: ICEBERG_PARTS"),
        ({"type": "STOP_LOSS_LIMIT"}, -1102, "Param 'stopPrice' or 'trailingDelta' must be sent"),
        ({"type": "STOP_LOSS", "stopPrice": "90"}, -1106, "Parameter 'timeInForce' sent when not required."),
        ({"stopPrice": "90"}, -1106, "Parameter 'stopPrice' sent when not required."),
        ({"selfTradePreventionMode": "SOME"}, -1130, "Data sent for parameter 'selfTradePreventionMode'"),
        ({"price": "100.001"}, -1013, "Filter failure: PRICE_FILTER"),
        ({"price": "0"}, -1013, "Filter failure: PRICE_FILTER"),
        ({"price": "10.00"}, -1013, "Filter failure: PERCENT_PRICE_BY_SIDE"),
        ({"quantity": "0.0001"}, -1013, "Filter failure: LOT_SIZE"),
        ({"quantity": "0.049"}, -1013, "Filter failure: NOTIONAL"),
        ({"quantity": "1001"}, -2010, "Account has insufficient balance for requested action."),
        (
            {"quantity": "1000.01", "side": "SELL"},
            -2010,
            "Account has insufficient balance for requested action.",
        ),
        ({"strategyType": 1}, -1134, "`strategyType` was less than 1000000."),
    ],
)
def test_orders_that_are_refused(changes, code, message):
    """SEMANTICS 45, 70, 72, 73"""

    async def main():
        async with quiet() as exchange, logged_on(exchange, balances=FUNDS) as client:
            params = order()
            for name, value in changes.items():
                if value is None:
                    del params[name]
                else:
                    params[name] = value
            before = await balances(client)
            status, got, text = await client.error("order.place", params)
            assert (status, got) == (400, code)
            assert message in text
            assert await balances(client) == before
            assert await client.result("openOrders.status", timestamp=now_ms()) == []

    run(main)


def test_a_symbol_that_does_not_trade():
    async def main():
        halted = spot_symbol(
            "HLTXYZ",
            base="HLT",
            quote="XYZ",
            reference_price="100",
            tick_size="0.01",
            step_size="0.001",
            min_notional="5",
            status="HALT",
        )
        async with Emulator(symbols=[halted]) as exchange, logged_on(exchange, balances=FUNDS) as client:
            assert await client.error("order.place", order(symbol="HLTXYZ")) == (
                400,
                -1013,
                "Market is closed.",
            )

    run(main)


def test_not_more_open_orders_than_the_filter_allows():
    async def main():
        async with quiet() as exchange, logged_on(exchange, balances=FUNDS) as client:
            for _ in range(5):
                await client.result("order.place", order())
            assert await client.error("order.place", order()) == (
                400,
                -1013,
                "Filter failure: MAX_NUM_ORDERS",
            )

    run(main)


def test_client_order_ids_are_unique_among_open_orders():
    """SEMANTICS 74"""

    async def main():
        async with quiet() as exchange, logged_on(exchange, balances=FUNDS) as client:
            mine = order(newClientOrderId="mine")
            first = await client.result("order.place", mine)
            assert await client.error("order.place", mine) == (400, -2010, "Duplicate order sent.")
            async with logged_on(exchange, balances=FUNDS) as other:
                await other.result("order.place", order(newClientOrderId="mine", side="SELL"))
            second = await client.result("order.place", mine)
            assert second["orderId"] != first["orderId"], "free again after the fill"
            generated = await client.result("order.place", order())
            assert generated["clientOrderId"] != "mine"
            assert 1 <= len(generated["clientOrderId"]) <= 36

    run(main)


def test_order_test_checks_without_effect():
    """SEMANTICS 75"""

    async def main():
        async with quiet() as exchange, logged_on(exchange, balances=FUNDS) as client:
            assert await client.result("order.test", order()) == {}
            assert await client.result("openOrders.status", timestamp=now_ms()) == []
            assert (await client.error("order.test", order(price="100.001")))[1] == -1013
            rates = await client.result("order.test", order(computeCommissionRates=True))
            assert list(rates) == [
                "standardCommissionForOrder",
                "specialCommissionForOrder",
                "taxCommissionForOrder",
                "discount",
            ]
            assert rates["standardCommissionForOrder"] == {"maker": "0.00100000", "taker": "0.00100000"}
            assert list(rates["discount"]) == [
                "enabledForAccount",
                "enabledForSymbol",
                "discountAsset",
                "discount",
            ]
            weights = [
                (await client.call("order.test", order(computeCommissionRates=flag)))["rateLimits"][0][
                    "count"
                ]
                for flag in (False, True, False)
            ]
            assert [b - a for a, b in itertools.pairwise(weights)] == [20, 1]

    run(main)


def test_the_whole_balance_can_be_spent_and_not_a_unit_more():
    async def main():
        async with quiet() as exchange, logged_on(exchange, balances={"XYZ": "100", "ABC": "1"}) as client:
            short = (400, -2010, "Account has insufficient balance for requested action.")
            assert await client.error("order.place", order(quantity="1.001")) == short
            assert await client.error("order.place", order(side="SELL", quantity="1.001")) == short
            await client.result("order.place", order(quantity="1"))
            await client.result("order.place", order(side="SELL", quantity="1", price="100.01"))
            assert await balances(client) == {
                "ABC": ("0.00000000", "1.00000000"),
                "XYZ": ("0.00000000", "100.00000000"),
            }

    run(main)
