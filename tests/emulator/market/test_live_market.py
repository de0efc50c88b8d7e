"""The live market: it has trades before the opening, and moves while the exchange's clock goes on."""

from __future__ import annotations

import asyncio
import random
import time
from contextlib import asynccontextmanager

import pytest

from fastws.emulator import Clock, Emulator, ManualClock
from fastws.emulator.market.liquidity import send
from fastws.emulator.methods.table import METHODS
from fastws.emulator.values.decimals import decimal_text, units
from fastws.emulator.values.new_orders import NewOrder
from helpers.emulator.quiet_market import market, order
from helpers.emulator.sbe_reader import sbe_wire
from helpers.emulator.wire import run, signed, wire

SYMBOLS = ("BTCUSDT", "ETHUSDT", "BNBBTC", "这是测试币456")
START = 1_700_000_000_000_000


def tapes(exchange):
    """All trades of all symbols: price, quantity, time."""
    found = {}
    for name, book in exchange.core.engine.books.items():
        tape = book.trades.read()
        found[name] = list(zip(tape.prices, tape.quantities, tape.times, strict=True))
    return found


def check(exchange):
    """Check what must hold in every market at any time."""
    for name, book in exchange.core.engine.books.items():
        tape = book.trades.read()
        assert list(tape.ids) == list(range(len(tape))), name
        assert book.last_trade_id == tape.ids[-1]
        assert book.last_price == tape.prices[-1]
        assert all(one <= two for one, two in zip(tape.times, tape.times[1:], strict=False))
        assert tape.times[-1] <= exchange.core.clock.now_us()
        assert book.bids.best().price < book.asks.best().price
        assert 8 <= len(book.bids) <= 40
        assert 8 <= len(book.asks) <= 40
        tick, step = book.symbol.tick_size, book.symbol.step_size
        assert all(price % tick == 0 and price > 0 for price in tape.prices)
        assert all(quantity % step == 0 and quantity > 0 for quantity in tape.quantities)
        whole = tape.sum_times(0, exchange.core.clock.now_us() + 1)
        parts = tape.sum_places(0, len(tape))
        assert [getattr(whole, slot) for slot in whole.__slots__] == [
            getattr(parts, slot) for slot in parts.__slots__
        ]


@pytest.mark.parametrize("mode", ["live", "still"])
def test_nothing_is_empty_when_it_opens(mode):
    """SEMANTICS 20"""

    async def main():
        async with Emulator(market=mode, clock=ManualClock(START)) as exchange, wire(exchange) as client:
            for name in SYMBOLS:
                assert len(await client.result("trades.recent", symbol=name)) == 500
                assert len((await client.result("depth", symbol=name))["bids"]) >= 10
                rows = await client.result("klines", symbol=name, interval="1d")
                assert len(rows) == 9
                assert all(row[8] > 0 for row in rows)
                day = await client.result("ticker.24hr", symbol=name)
                assert day["count"] > 5000
                assert float(day["lowPrice"]) < float(day["lastPrice"]) < float(day["highPrice"])
                price = (await client.result("ticker.price", symbol=name))["price"]
                assert price == day["lastPrice"]
                assert (await client.result("blockTrades.historical", symbol=name, fromId=0))[0]["id"] == 0
            check(exchange)

    run(main)


def test_it_moves_with_the_clock():
    async def main():
        clock = ManualClock(START)
        async with (
            Emulator(market="live", clock=clock, max_connection_age=0) as exchange,
            wire(exchange) as client,
        ):
            seen = {name: set() for name in SYMBOLS}
            for _ in range(60):
                clock.advance(1)
                for row in await client.result("ticker.book"):
                    seen[row["symbol"]].add((row["bidPrice"], row["bidQty"]))
            check(exchange)
            assert all(len(found) > 20 for found in seen.values())
            for name in SYMBOLS:
                rows = await client.result(
                    "klines", symbol=name, interval="1s", startTime=START // 1000 + 1000, limit=60
                )
                assert len(rows) == 60
                assert all(row[8] > 0 for row in rows)
            assert exchange.core.market.mode == "live"

    run(main)


@pytest.mark.alone
def test_a_day_passes_in_less_than_a_second():
    async def main():
        clock = ManualClock(START)
        async with (
            Emulator(market="live", clock=clock, max_connection_age=0) as exchange,
            wire(exchange) as client,
        ):
            tapes(exchange)
            before = time.perf_counter()
            clock.advance(86_400)
            assert time.perf_counter() - before < 1
            check(exchange)
            for name in SYMBOLS:
                rows = await client.result(
                    "klines", symbol=name, interval="1h", startTime=START // 1000 + 1, limit=24
                )
                assert len(rows) == 24
                assert all(row[8] > 0 for row in rows)
            for _ in range(3):
                clock.advance(86_400)
            check(exchange)
            rows = await client.result("klines", symbol="BTCUSDT", interval="1w")
            assert len(rows) >= 2

    run(main)


def test_the_same_seed_and_the_same_times_give_the_same_market():
    async def main():
        found = []
        for seed in (7, 7, 8):
            clock = ManualClock(START)
            async with Emulator(market="live", clock=clock, seed=seed) as exchange:
                for seconds in (1, 1, 2.5, 3600, 1, 20_000, 0.5, 0.5):
                    clock.advance(seconds)
                found.append(tapes(exchange))
        assert found[0] == found[1]
        assert found[0].keys() == found[2].keys()
        assert all(found[0][name] != found[2][name] for name in SYMBOLS)

    run(main)


def test_a_clock_that_runs_fast_moves_the_market_by_itself():
    async def main():
        async with (
            Emulator(market="live", clock=Clock(speed=86_400), max_connection_age=0) as exchange,
            wire(exchange) as client,
        ):
            first = (await client.result("time"))["serverTime"]
            before = await client.result("ticker.price")
            await asyncio.sleep(0.5)
            assert (await client.result("time"))["serverTime"] - first > 40_000_000
            assert await client.result("ticker.price") != before
            check(exchange)
        size = len(exchange.core.engine.books["BTCUSDT"].trades)
        await asyncio.sleep(0.05)
        assert len(exchange.core.engine.books["BTCUSDT"].trades) == size, "a stopped exchange moves no more"

    run(main)


@pytest.mark.parametrize("mode", ["still", "quiet"])
def test_other_markets_wait_for_their_users(mode):
    async def main():
        clock = ManualClock(START)
        async with Emulator(market=mode, clock=clock) as exchange, wire(exchange) as client:
            before = await client.result("depth", symbol="BTCUSDT")
            clock.advance(3600)
            assert await client.result("depth", symbol="BTCUSDT") == before
            assert (await client.result("klines", symbol="BTCUSDT", interval="1m", limit=1))[0:] == [] or (
                mode == "still"
            )
            if mode == "quiet":
                assert (before["bids"], before["asks"]) == ([], [])
                assert await client.result("trades.recent", symbol="BTCUSDT") == []
                assert await client.result("blockTrades.historical", symbol="BTCUSDT", fromId=0) == []

    run(main)


def test_there_are_three_kinds_of_markets():
    with pytest.raises(ValueError, match="no such market: 'loud'"):
        Emulator(market="loud")


@pytest.mark.parametrize("jump", [1, 600])
def test_an_order_of_a_user_is_filled_once_the_price_is_there(jump):
    """No trade of the market passes its price, also when the clock jumps."""

    async def main():
        clock = ManualClock(START)
        async with (
            Emulator(market="live", clock=clock, max_connection_age=0) as exchange,
            wire(exchange) as client,
        ):
            key = exchange.add_account("HMAC")
            book = exchange.core.engine.books["BTCUSDT"]
            orders = []
            for side, price in (("BUY", "59990.00"), ("BUY", "59960.00"), ("SELL", "60030.00")):
                stamp = clock.now_us() // 1000
                params = order(symbol="BTCUSDT", side=side, price=price, quantity="0.01", timestamp=stamp)
                placed = await client.result("order.place", signed(key, **params))
                assert placed["status"] == "NEW"
                orders.append((side, units(price), placed["orderId"]))
            waiting = list(orders)
            for _ in range(4000 // min(jump, 60)):
                clock.advance(jump)
                stamp = clock.now_us() // 1000
                for side, price, order_id in list(waiting):
                    found = book.orders[order_id]
                    if found.status == "FILLED":
                        waiting.remove((side, price, order_id))
                        trade = [
                            row
                            for row in book.trades.of_account(key.account.uid)
                            if order_id in (row.buyer.id, row.seller.id)
                        ][-1]
                        assert trade.price == price
                        assert found.time <= found.update_time == trade.time <= clock.now_us()
                        # Before, no trade had a price beyond it.
                        place = book.trades.read().place_of_id(trade.id)
                        prices = book.trades.prices[18_000:place]
                        assert all(p >= price if side == "BUY" else p <= price for p in prices)
                if not waiting:
                    break
            assert not waiting, decimal_text(book.last_price)
            check(exchange)
            (one, *_) = await client.result(
                "myTrades", signed(key, symbol="BTCUSDT", timestamp=clock.now_us() // 1000)
            )
            assert one["isMaker"] is True

    run(main)


def test_a_user_can_move_it():
    async def main():
        clock = ManualClock(START)
        async with (
            Emulator(market="live", clock=clock, max_connection_age=0) as exchange,
            logged_on_at(exchange, clock, USDT="100000000") as client,
        ):
            stamp = clock.now_us() // 1000
            await client.result("order.place", market(symbol="BTCUSDT", quantity="30", timestamp=stamp))
            high = exchange.core.engine.books["BTCUSDT"].last_price
            assert high > units("60050")
            clock.advance(1)
            assert exchange.core.engine.books["BTCUSDT"].last_price > units("60020")
            check(exchange)

    run(main)


def test_orders_of_those_who_make_the_market_push_no_others_out_of_memory():
    async def main():
        clock = ManualClock(START)
        async with (
            Emulator(market="live", clock=clock, order_history=5, max_connection_age=0) as exchange,
            wire(exchange) as client,
        ):
            key = exchange.add_account("HMAC")
            params = order(symbol="BTCUSDT", price="50000", quantity="0.01", timestamp=START // 1000)
            placed = await client.result("order.place", signed(key, **params))
            reference = {"symbol": "BTCUSDT", "orderId": placed["orderId"]}
            await client.result("order.cancel", signed(key, **reference, timestamp=START // 1000))
            for _ in range(100):
                clock.advance(1)
            stamp = clock.now_us() // 1000
            found = await client.result("order.status", signed(key, **reference, timestamp=stamp))
            assert found["status"] == "CANCELED"
            book = exchange.core.engine.books["BTCUSDT"]
            assert len(book.orders) < 300
            assert len(book.by_client_id) < 300

    run(main)


def test_a_clock_that_is_set_back():
    async def main():
        clock = ManualClock(START)
        async with (
            Emulator(market="live", clock=clock, max_connection_age=0) as exchange,
            wire(exchange) as client,
        ):
            clock.advance(10)
            clock.set(START + 5_000_000)
            count = len(exchange.core.engine.books["BTCUSDT"].trades)
            clock.advance(20)
            assert len(exchange.core.engine.books["BTCUSDT"].trades) > count
            await client.result("ticker.24hr")
            check(exchange)

    run(main)


@pytest.mark.parametrize("trailing", [False, True])
def test_a_jump_stops_at_the_prices_of_stop_orders(trailing):
    """An order that waits for a price triggers at its time, and trades in the engine."""

    async def main():
        clock = ManualClock(START)
        async with Emulator(market="live", clock=clock, max_connection_age=0) as exchange:
            core, book = exchange.core, exchange.core.engine.books["BTCUSDT"]
            account = core.new_account("user", {"USDT": "1000000", "BTC": "10"})
            orders = []
            for side, type_, price in (
                ("SELL", "STOP_LOSS", "59500"),
                ("SELL", "TAKE_PROFIT", "60500"),
                ("BUY", "TAKE_PROFIT", "59400"),
                ("BUY", "STOP_LOSS", "60600"),
            ):
                new = NewOrder(book.symbol, side, type_, "GTC", 0, 10**5, 0, "", "ACK", "NONE", None, None)
                new.stop_price, new.trailing_delta = (0, 100) if trailing else (units(price), 0)
                orders.append(core.engine.place(account, new, clock.now_us()))
            clock.advance(86_400)
            filled = [order for order in orders if order.status == "FILLED"]
            assert len(filled) >= 2
            assert not any(trade.time == clock.now_us() for trade in book.trades.of_account(account.uid))
            for order in filled:
                assert START < order.working_time < clock.now_us()
                trade = next(t for t in book.trades.of_account(account.uid) if order in (t.buyer, t.seller))
                assert order.working_time == trade.time
            check(exchange)

    run(main)


@pytest.mark.parametrize("buy", [False, True])
def test_a_trailing_order_follows_a_jump(buy):
    """It follows all prices of the jump, also if none triggers it."""

    async def main():
        clock = ManualClock(START)
        async with Emulator(market="live", clock=clock, max_connection_age=0) as exchange:
            core, book = exchange.core, exchange.core.engine.books["BTCUSDT"]
            account = core.new_account("user", {"USDT": "1000000", "BTC": "10"})
            side = "BUY" if buy else "SELL"
            new = NewOrder(book.symbol, side, "STOP_LOSS", "GTC", 0, 10**5, 0, "", "ACK", "NONE", None, None)
            new.trailing_delta = 2000
            order = core.engine.place(account, new, clock.now_us())
            place = len(book.trades)
            clock.advance(7_200)
            prices = book.trades.read().prices[place:]
            assert order.is_open
            assert order.extreme == (min if buy else max)(units("60000"), *prices)

    run(main)


def logged_on_at(exchange, clock, **balances):
    """A connection that is logged on, with timestamps from a clock."""

    @asynccontextmanager
    async def opened():
        async with wire(exchange) as client:
            key = exchange.add_account("Ed25519", balances=balances)
            await client.result("session.logon", signed(key, timestamp=clock.now_us() // 1000))
            yield client

    return opened()


VALUES = {
    "symbol": ["BTCUSDT", "这是测试币456", "NOPE", "", None, 5],
    "symbols": [["BTCUSDT"], ["BNBBTC", "ETHUSDT"], [], "BTCUSDT", [1], ["NOPE"], None],
    "symbolStatus": ["TRADING", "HALT", "x"],
    "permissions": ["SPOT", ["SPOT", "MARGIN"], "x", []],
    "showPermissionSets": [True, "false", "x"],
    "limit": [1, 3, 1000, 10**9, 0, -1, "5", "x", None, 10**30],
    "fromId": [0, 17_999, 18_050, 10**18, -1, "x"],
    "startTime": [0, 1, START // 1000 - 10**7, START, START + 10**9, 10**18, "x"],
    "endTime": [0, 1, START // 1000 - 10**6, START, START + 10**9, 10**18, "x"],
    "interval": ["1s", "1m", "3d", "1w", "1M", "1x"],
    "timeZone": ["0", "-12:00", "14", "5:45", "99"],
    "type": ["FULL", "MINI", "x"],
    "windowSize": ["1m", "23h", "7d", "8d"],
}


@pytest.mark.parametrize("connect", ["json", "sbe"])
def test_random_requests_cause_no_internal_error(connect, caplog):
    """Each random request to a moving market gets a result, or an error with a documented code."""

    async def main():
        rng, clock, codes = random.Random(11), ManualClock(START), set()
        public = [
            m for m in METHODS.values() if not m.signed and not m.name.startswith(("session.", "userData"))
        ]
        opened = wire if connect == "json" else sbe_wire
        async with (
            Emulator(market="live", clock=clock, enforce_limits=False, max_connection_age=0) as exchange,
            opened(exchange) as client,
        ):
            for n in range(600 if connect == "json" else 150):
                if n % 10 == 0:
                    clock.advance(rng.choice([0.001, 1, 1, 7, 600]))
                method = rng.choice(public)
                params = {
                    name: rng.choice(VALUES[name][: 2 if rng.random() < 0.7 else None])
                    for name in method.params
                    if name in VALUES and (name in method.mandatory or rng.random() < 0.4)
                }
                reply = await client.call(method.name, params)
                assert reply["status"] in (200, 400), (method.name, params, reply)
                codes.add(reply["error"]["code"] if "error" in reply else reply["status"])
            check(exchange)
        assert len(codes) > 8
        assert caplog.text == ""

    run(main)


def test_no_second_is_left_out_however_the_clock_goes():
    async def main():
        clock = ManualClock(START)
        async with Emulator(market="live", clock=clock) as exchange, wire(exchange) as client:
            for seconds in (1.4, 0.7, 0.2, 2.9, 0.5, 0.4, 0.9, 3.0):
                clock.advance(seconds)
            rows = await client.result(
                "klines", symbol="ETHUSDT", interval="1s", startTime=START // 1000 + 1000
            )
            assert len(rows) == 10
            assert all(row[8] > 0 for row in rows)
            check(exchange)

    run(main)


def test_nothing_is_traded_before_it_was_ordered():
    """Also if the market moves late after an order."""

    async def main():
        clock = ManualClock(START)
        async with Emulator(market="still", clock=clock, max_connection_age=0) as exchange:
            market_, core = exchange.core.market, exchange.core
            account = core.new_account("user", {"USDT": "1000000", "BTC": "10"})
            book = core.engine.books["BTCUSDT"]
            for _ in range(30):
                clock.advance(600)
                order_ = send(
                    core.engine,
                    account,
                    book.symbol,
                    "BUY",
                    "LIMIT_MAKER",
                    book.bids.best().price,
                    10**6,
                    clock.now_us(),
                )
                market_.move(clock.now_us())
                assert order_.update_time >= order_.time
            assert len(book.trades.of_account(account.uid)) > 5
            assert all(trade.time >= trade.buyer.time for trade in book.trades.of_account(account.uid))

    run(main)
