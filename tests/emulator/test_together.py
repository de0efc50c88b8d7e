"""The market, the engine and the user data streams at once."""

from __future__ import annotations

from dataclasses import replace

from fastws.emulator import Emulator, ManualClock
from fastws.emulator.values.decimals import UNIT, units
from fastws.emulator.values.default_symbols import DEFAULT_SYMBOLS
from fastws.emulator.values.symbols import PriceRange
from helpers.emulator.events import until
from helpers.emulator.wire import limit_order, run, signed, wire

START = 1_700_000_000_000_000


async def subscribed(client, exchange, clock):
    key = exchange.add_account("Ed25519", balances={"USDT": "100000", "BTC": "1"})
    await client.result("session.logon", signed(key, timestamp=clock.now_us()))
    await client.result("userDataStream.subscribe")
    return key


def test_the_market_meets_stop_orders_of_who_listens():
    """The events of a day that passes in a moment come in their order, with their times."""

    async def main():
        clock = ManualClock(START)
        async with (
            Emulator(market="live", clock=clock, max_connection_age=0) as exchange,
            wire(exchange, "?timeUnit=MICROSECOND") as client,
        ):
            await subscribed(client, exchange, clock)
            pair = {
                "aboveType": "LIMIT_MAKER",
                "abovePrice": "60300",
                "belowType": "STOP_LOSS",
                "belowStopPrice": "59700",
            }
            placed = await client.result(
                "orderList.place.oco",
                symbol="BTCUSDT",
                side="SELL",
                quantity="0.01",
                timestamp=clock.now_us(),
                **pair,
            )
            assert (await until(lambda: heard(client), "outboundAccountPosition"))["B"]
            clock.advance(86_400)
            events = []
            while not events or events[-1]["e"] != "outboundAccountPosition":
                events.append(await heard(client))
            reports = [event for event in events if event["e"] == "executionReport"]
            assert {event["i"] for event in reports} == {row["orderId"] for row in placed["orders"]}
            assert reports[0]["X"] == "EXPIRED"
            assert [event["x"] for event in reports if event["X"] == "FILLED"] == ["TRADE"]
            assert events[-2]["e"] == "listStatus"
            assert events[-2]["L"] == "ALL_DONE"
            assert {event["E"] for event in events} == {events[0]["E"]}
            assert START < events[0]["E"] < clock.now_us()
            assert (await client.result("openOrderLists.status", timestamp=clock.now_us())) == []

    run(main)


def test_order_status_lags_behind_what_the_market_does():
    async def main():
        clock = ManualClock(START)
        async with (
            Emulator(market="live", clock=clock, query_lag=5.0, max_connection_age=0) as exchange,
            wire(exchange) as client,
        ):
            await subscribed(client, exchange, clock)
            order = await client.result(
                "order.place", limit_order(price="59990", timestamp=clock.now_us() // 1000)
            )
            clock.advance(86_400)

            async def status():
                return await client.result(
                    "order.status",
                    symbol="BTCUSDT",
                    orderId=order["orderId"],
                    timestamp=clock.now_us() // 1000,
                )

            assert exchange.core.engine.books["BTCUSDT"].orders[order["orderId"]].status == "FILLED"
            assert (await status())["status"] == "NEW"
            assert not exchange.core.listening(exchange.core.liquidity.account)
            clock.advance(5)
            assert (await status())["status"] == "FILLED"

    run(main)


def test_the_price_range_rule_follows_the_reference_price():
    """An order beyond it expires; once the reference price has moved, it trades."""

    async def main():
        rule = PriceRange(bid_up=UNIT * 101 // 100, ask_down=UNIT * 99 // 100)
        symbols = [replace(symbol, price_range=rule) for symbol in DEFAULT_SYMBOLS]
        clock = ManualClock(START)
        async with Emulator(symbols=symbols, clock=clock) as exchange, wire(exchange) as client:
            await subscribed(client, exchange, clock)
            buy = {"symbol": "ETHUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.01"}
            exchange.core.references.set("ETHUSDT", units("2900"), clock.now_us())
            refused = await client.result("order.place", buy, timestamp=clock.now_us() // 1000)
            assert refused["status"] == "EXPIRED"
            assert refused["expiryReason"] == "EXECUTION_RULE_PRICE_RANGE_EXCEEDED"
            exchange.core.references.set("ETHUSDT", units("3000"), clock.now_us())
            filled = await client.result("order.place", buy, timestamp=clock.now_us() // 1000)
            assert filled["status"] == "FILLED"
            # The reference price of BNBBTC is the mean of its trades.
            buy |= {"symbol": "BNBBTC", "quantity": "1"}
            exchange.core.deposit(exchange.core.accounts[-1], "BTC", "1")
            filled = await client.result("order.place", buy, timestamp=clock.now_us() // 1000)
            assert filled["status"] == "FILLED"

    run(main)


async def heard(client):
    """The next event."""
    return (client.events.pop(0) if client.events else await client.receive())["event"]
