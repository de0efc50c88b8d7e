"""The status of a symbol, which can change while the exchange runs."""

from __future__ import annotations

import pytest

from fastws.emulator import Emulator, ManualClock, spot_symbol
from fastws.emulator.values.symbols import STATUSES
from helpers.emulator.wire import limit_order, logged_on, run, wire

CLOSED = (400, -1013, "Market is closed.")
ORDER = {"symbol": "BTCUSDT", "newClientOrderId": "mine"}


def stamped(exchange, **params):
    return {**params, "timestamp": exchange.core.clock.now_us()}


def test_one_symbol_is_in_cancel_only_from_the_start():
    async def main():
        async with Emulator() as exchange, logged_on(exchange) as client:
            info = await client.result("exchangeInfo", symbol="BNBETH")
            assert info["symbols"][0]["status"] == "CANCEL_ONLY"
            order = limit_order(symbol="BNBETH", price="0.2", quantity="1")
            for method in ("order.place", "order.test"):
                assert await client.error(method, order) == CLOSED
            assert (await client.result("depth", symbol="BNBETH"))["bids"]

    run(main)


@pytest.mark.parametrize("status", [status for status in STATUSES if status != "TRADING"])
def test_where_nothing_is_traded_orders_can_be_canceled_and_amended(status):
    async def main():
        async with Emulator() as exchange, logged_on(exchange) as client:
            first, second = [
                (await client.result("order.place", limit_order(newClientOrderId=name)))["orderId"]
                for name in ("first", "second")
            ]
            exchange.set_status("BTCUSDT", status)
            assert (await client.result("exchangeInfo", symbol="BTCUSDT"))["symbols"][0]["status"] == status
            assert await client.error("order.place", limit_order()) == CLOSED
            assert await client.error("order.place", limit_order(symbol="ETHUSDT", price="1")) != CLOSED
            replace = limit_order(cancelReplaceMode="ALLOW_FAILURE", cancelOrderId=first)
            assert await client.error("order.cancelReplace", replace) == CLOSED
            amend = stamped(exchange, symbol="BTCUSDT", orderId=first, newQty="0.005")
            assert (await client.result("order.amend.keepPriority", amend))["amendedOrder"][
                "qty"
            ] == "0.00500000"
            cancel = stamped(exchange, symbol="BTCUSDT", orderId=second)
            assert (await client.result("order.cancel", cancel))["status"] == "CANCELED"
            everything = stamped(exchange, symbol="BTCUSDT")
            assert len(await client.result("openOrders.cancelAll", everything)) == 1
            exchange.script("status symbol=BTCUSDT status=TRADING")
            assert (await client.result("order.place", limit_order()))["status"] == "NEW"

    run(main)


def test_in_cancel_only_no_kline_begins_and_nothing_is_traded():
    async def main():
        clock = ManualClock(1_700_000_000_000_000)
        async with Emulator(clock=clock, market="live") as exchange, wire(exchange) as client:

            async def last(method, **params):
                return (await client.result(method, symbol="BTCUSDT", limit=1, **params))[0]

            kline, trade = await last("klines", interval="1m"), await last("trades.recent")
            exchange.set_status("BTCUSDT", "CANCEL_ONLY")
            clock.advance(600)
            assert await last("klines", interval="1m") == kline
            assert await last("trades.recent") == trade
            assert (await client.result("ticker.book", symbol="BTCUSDT"))["symbol"] == "BTCUSDT"
            exchange.set_status("BTCUSDT", "TRADING")
            clock.advance(60)
            assert (await last("klines", interval="1m"))[0] > kline[0] + 600_000
            assert (await last("trades.recent"))["time"] > trade["time"] + 600_000

    run(main)


def test_smart_order_routing_leaves_a_symbol_in_cancel_only_alone():
    async def main():
        symbols = [
            spot_symbol(
                f"ABC{quote}",
                base="ABC",
                quote=quote,
                reference_price="100",
                tick_size="0.01",
                step_size="0.01",
                min_notional="1",
                sor=True,
                liquidity=False,
            )
            for quote in ("USDT", "USDC")
        ]
        async with Emulator(symbols=symbols) as exchange, logged_on(exchange) as client:
            resting = limit_order(symbol="ABCUSDC", side="SELL", price="99", quantity="1")
            async with logged_on(exchange) as other:
                exchange.core.deposit(exchange.core.accounts[-1], "ABC", "10")
                assert (await other.result("order.place", resting))["status"] == "NEW"
            exchange.core.deposit(exchange.core.accounts[-2], "USDT", "10000")
            order = limit_order(symbol="ABCUSDT", price="100", quantity="1")
            exchange.set_status("ABCUSDC", "CANCEL_ONLY")
            assert (await client.result("sor.order.place", order))[0]["status"] == "NEW"
            exchange.set_status("ABCUSDC", "TRADING")
            order |= {"timestamp": exchange.core.clock.now_us()}
            assert (await client.result("sor.order.place", order))[0]["status"] == "FILLED"

    run(main)


@pytest.mark.parametrize(
    ("symbol", "status", "message"),
    [("NONE", "HALT", "there is no symbol NONE"), ("BTCUSDT", "SLEEP", "there is no status SLEEP")],
)
def test_what_cannot_be_set_is_refused(symbol, status, message):
    async def main():
        async with Emulator() as exchange:
            with pytest.raises(ValueError, match=message):
                exchange.set_status(symbol, status)

    run(main)
