from __future__ import annotations

from decimal import Decimal

import pytest

from fastws.emulator import Emulator, Limits
from helpers.emulator.quiet_market import quiet
from helpers.emulator.wire import limit_order, logged_on, run, wire


@pytest.mark.parametrize("side", ["BUY", "SELL"])
def test_a_book_that_is_eaten_up_is_filled_again(side):
    async def main():
        balances = {"BTC": "1000000", "USDT": "100000000000"}
        async with Emulator() as exchange, logged_on(exchange, balances=balances) as client:
            for _ in range(3):
                order = limit_order(side=side, type="MARKET", quantity="100")
                for name in ("price", "timeInForce"):
                    del order[name]
                eaten = await client.result("order.place", order)
                assert eaten["status"] == "EXPIRED"
                assert float(eaten["executedQty"]) > 0
                book = await client.result("depth", symbol="BTCUSDT")
                assert len(book["bids"]) >= 10
                assert len(book["asks"]) >= 10
                assert float(book["bids"][0][0]) < float(book["asks"][0][0])
            price = float((await client.result("ticker.price", symbol="BTCUSDT"))["price"])
            assert (price > 60000) == (side == "BUY")

    run(main)


def test_a_symbol_without_liquidity_has_an_empty_book():
    async def main():
        async with quiet() as exchange, wire(exchange) as client:
            book = await client.result("depth", symbol="ABCXYZ")
            assert (book["bids"], book["asks"]) == ([], [])

    run(main)


def test_the_house_does_not_take_what_users_offer():
    async def main():
        async with Emulator() as exchange, logged_on(exchange) as client:
            inside = limit_order(price="60000.00", quantity="0.1")
            resting = await client.result("order.place", inside)
            assert resting["status"] == "NEW"
            order = limit_order(side="BUY", type="MARKET", quantity="8", timestamp=inside["timestamp"])
            for name in ("price", "timeInForce"):
                del order[name]
            await client.result("order.place", order)
            query = {"symbol": "BTCUSDT", "orderId": resting["orderId"], "timestamp": inside["timestamp"]}
            assert (await client.result("order.status", query))["status"] == "NEW"

    run(main)


def test_the_market_returns_to_its_reference_price():
    async def main():
        balances = {"USDT": "100000000000"}
        limits = Limits(orders_10s=1000)
        async with Emulator(limits=limits) as exchange, logged_on(exchange, balances=balances) as client:
            for _ in range(40):
                order = limit_order(type="MARKET", quantity="10")
                for name in ("price", "timeInForce"):
                    del order[name]
                await client.result("order.place", order)
            price = float((await client.result("ticker.price", symbol="BTCUSDT"))["price"])
            assert 60000 < price < 63000

    run(main)


def test_the_house_stays_on_its_side_of_what_users_offer():
    async def main():
        async with Emulator() as exchange, logged_on(exchange, balances={"BTC": "1000"}) as client:

            async def eat_bids(levels):
                book = await client.result("depth", symbol="BTCUSDT", limit=levels)
                quantity = sum(Decimal(quantity) for _, quantity in book["bids"])
                order = limit_order(side="SELL", type="MARKET", quantity=str(quantity))
                for name in ("price", "timeInForce"):
                    del order[name]
                await client.result("order.place", order)
                return await client.result("ticker.book", symbol="BTCUSDT")

            # So few that the provider does not refill; the best bid is then below the price that it would bid.
            price = Decimal((await eat_bids(8))["bidPrice"]) + Decimal("0.01")
            offer = await client.result(
                "order.place", limit_order(side="SELL", price=f"{price:.2f}", quantity="0.1")
            )
            assert offer["status"] == "NEW"
            book = await eat_bids(5)
            assert book["askPrice"] == offer["price"]
            assert Decimal(book["bidPrice"]) == price - Decimal("0.01")

    run(main)
