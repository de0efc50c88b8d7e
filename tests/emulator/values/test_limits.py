from __future__ import annotations

import pytest
from websockets.exceptions import InvalidStatus

from fastws.emulator import Emulator, Limits, ManualClock
from fastws.emulator.values.limits import Window
from helpers.emulator.wire import limit_order, logged_on, run, signed, wire

SECOND = 1_000_000
MIDNIGHT = 1_700_006_400 * SECOND  # 2023-11-15 00:00:00 UTC


def test_intervals_start_with_the_calendar():
    """SEMANTICS 90"""
    window = Window("ORDERS", "SECOND", 10, 50)
    window.add(1, MIDNIGHT + 9 * SECOND)
    assert window.count(MIDNIGHT + 10 * SECOND - 1) == 1
    assert window.end(MIDNIGHT + 9 * SECOND) == MIDNIGHT + 10 * SECOND
    assert window.count(MIDNIGHT + 10 * SECOND) == 0
    window.add(1, MIDNIGHT + 19 * SECOND)
    assert window.count(MIDNIGHT + 20 * SECOND) == 0
    day = Window("ORDERS", "DAY", 1, 50)
    day.add(3, MIDNIGHT - 1)
    assert day.count(MIDNIGHT - 1) == 3
    assert day.count(MIDNIGHT) == 0


def test_a_count_never_falls_below_zero():
    """SEMANTICS 95"""
    window = Window("ORDERS", "SECOND", 10, 50)
    window.add(1, MIDNIGHT)
    window.add(-5, MIDNIGHT)
    assert window.count(MIDNIGHT) == 0


def test_json_and_dict_say_the_same():
    window = Window("REQUEST_WEIGHT", "MINUTE", 1, 6000)
    window.add(7, MIDNIGHT)
    assert window.usage(MIDNIGHT) == {
        "rateLimitType": "REQUEST_WEIGHT",
        "interval": "MINUTE",
        "intervalNum": 1,
        "limit": 6000,
        "count": 7,
    }
    assert window.usage_json(MIDNIGHT).replace('"', "'") == str(window.usage(MIDNIGHT)).replace(" ", "")


def test_weight_is_shared_by_the_connections_of_an_address_and_connecting_costs_two():
    """SEMANTICS 9, 89"""

    async def main():
        async with Emulator(clock=ManualClock()) as exchange, wire(exchange) as one, wire(exchange) as two:
            assert weight(await one.call("ping")) == 2 + 2 + 1
            assert weight(await two.call("time")) == 6
            assert weight(await one.call("depth", symbol="BTCUSDT", limit=101)) == 31

    run(main)


def test_over_the_weight_limit_requests_fail_until_the_minute_ends():
    """SEMANTICS 92"""

    async def main():
        clock = ManualClock(MIDNIGHT + 30 * SECOND)
        async with (
            Emulator(clock=clock, limits=Limits(request_weight=10)) as exchange,
            wire(exchange) as client,
        ):
            for _ in range(8):
                assert (await client.call("ping"))["status"] == 200
            reply = await client.call("ping")
            assert reply["status"] == 429
            assert reply["error"] == {
                "code": -1003,
                "msg": "Too much request weight used; current limit is 10 request weight per 1 MINUTE. "
                "Please use WebSocket Streams for live updates to avoid polling the API.",
                "data": {
                    "serverTime": (MIDNIGHT + 30 * SECOND) // 1000,
                    "retryAfter": (MIDNIGHT + 60 * SECOND) // 1000,
                },
            }
            assert exchange.journal[-1].outcome == "rejected"
            clock.advance(30)
            assert weight(await client.call("ping")) == 1

    run(main)


def test_times_of_the_weight_error_follow_the_time_unit():
    """SEMANTICS 96"""

    async def main():
        clock = ManualClock(MIDNIGHT)
        async with (
            Emulator(clock=clock, limits=Limits(request_weight=2)) as exchange,
            wire(exchange, "?timeUnit=MICROSECOND") as client,
        ):
            data = (await client.call("ping"))["error"]["data"]
            assert data == {"serverTime": MIDNIGHT, "retryAfter": MIDNIGHT + 60 * SECOND}

    run(main)


def test_raw_requests_are_counted_even_when_they_are_no_requests():
    """SEMANTICS 89"""

    async def main():
        limits = Limits(raw_requests=2)
        async with Emulator(limits=limits, clock=ManualClock()) as exchange, wire(exchange) as client:
            await client.send_text("{")
            await client.receive()
            assert (await client.call("ping"))["status"] == 200
            reply = await client.call("ping")
            assert (reply["status"], reply["error"]["code"]) == (429, -1003)
            assert "retryAfter" in reply["error"]["data"]

    run(main)


def test_too_many_connection_attempts_are_refused_in_the_handshake():
    """SEMANTICS 9"""

    async def main():
        async with Emulator(limits=Limits(connections=1), clock=ManualClock()) as exchange, wire(exchange):
            with pytest.raises(InvalidStatus) as refused:
                async with wire(exchange):
                    pass
            assert refused.value.response.status_code == 429
            assert b"-1034" in refused.value.response.body

    run(main)


def test_replies_show_only_the_limits_that_their_request_affects():
    """SEMANTICS 91"""

    async def main():
        async with Emulator() as exchange, logged_on(exchange) as client:
            weight_only = [("REQUEST_WEIGHT", "MINUTE")]
            with_orders = [("ORDERS", "SECOND"), ("ORDERS", "DAY"), *weight_only]
            placed = await client.call("order.place", limit_order())
            assert kinds(placed) == with_orders
            order_id = placed["result"]["orderId"]
            for method in ("order.status", "order.cancel"):
                params = {"symbol": "BTCUSDT", "orderId": order_id, "timestamp": limit_order()["timestamp"]}
                assert kinds(await client.call(method, params)) == weight_only
            assert kinds(await client.call("order.test", limit_order())) == weight_only
            assert kinds(await client.call("order.place", limit_order(symbol="NOPE"))) == with_orders

    run(main)


def test_orders_are_counted_per_account_and_refused_over_the_limit():
    """SEMANTICS 89, 93, 104"""

    async def main():
        limits = Limits(orders_10s=2, orders_day=100)
        clock = ManualClock(MIDNIGHT)
        async with Emulator(limits=limits, clock=clock) as exchange, wire(exchange) as client:
            key = exchange.add_account("HMAC")
            second_key = exchange.add_key(key.account, "HMAC")
            stranger = exchange.add_account("HMAC")

            def order(key):
                return signed(key, **limit_order(timestamp=clock.now_us() // 1000))

            await client.result("order.place", order(key))
            await client.result("order.place", order(second_key))
            reply = await client.call("order.place", order(key))
            assert reply["status"] == 429
            assert reply["error"] == {
                "code": -1015,
                "msg": "Too many new orders; current limit is 2 orders per 10 SECOND.",
            }
            assert [r["count"] for r in reply["rateLimits"][:2]] == [2, 2]
            await client.result("order.place", order(stranger))
            clock.advance(10)
            await client.result("order.place", order(key))

    run(main)


def test_filled_orders_come_off_the_count_again():
    """SEMANTICS 95"""

    async def main():
        async with Emulator(clock=(clock := ManualClock(MIDNIGHT))) as exchange, wire(exchange) as client:
            taker = exchange.add_account("HMAC")
            stamp = clock.now_us() // 1000

            async def place(key, **params):
                return await client.result(
                    "order.place", signed(key, **limit_order(timestamp=stamp, **params))
                )

            async def counts(key):
                rows = await client.result("account.rateLimits.orders", signed(key, timestamp=stamp))
                return [row["count"] for row in rows]

            await place(taker, price="60000.00", side="SELL", timeInForce="IOC")
            assert await counts(taker) == [0, 0], "a taker's first fill takes one off"
            canceled = await place(taker, price="50000.00")
            await client.result(
                "order.cancel", signed(taker, symbol="BTCUSDT", orderId=canceled["orderId"], timestamp=stamp)
            )
            assert await counts(taker) == [1, 1], "a cancel takes nothing off"

    run(main)


def test_a_makers_first_fill_takes_more_off_than_one():
    """SEMANTICS 95"""

    async def main():
        async with Emulator(clock=(clock := ManualClock(MIDNIGHT))) as exchange, wire(exchange) as client:
            maker, taker = exchange.add_account("HMAC"), exchange.add_account("HMAC")
            stamp = clock.now_us() // 1000
            book = await client.result("ticker.book", symbol="ETHUSDT")
            inside = {"symbol": "ETHUSDT", "price": book["bidPrice"], "quantity": "1"}

            async def place(key, **params):
                return await client.result(
                    "order.place", signed(key, **limit_order(timestamp=stamp, **params))
                )

            async def count(key):
                return (await client.result("account.rateLimits.orders", signed(key, timestamp=stamp)))[0][
                    "count"
                ]

            for _ in range(7):
                await place(maker, symbol="ETHUSDT", price="2000.00", quantity="0.1")
            await place(maker, **inside)
            assert await count(maker) == 8
            # Everything at that price: what the liquidity provider has there, then what the maker has.
            everything = {"symbol": "ETHUSDT", "side": "SELL", "type": "LIMIT", "timeInForce": "IOC"}
            quantity = f"{float(book['bidQty']) + 0.5:.4f}"
            await place(taker, **everything, price=book["bidPrice"], quantity=quantity)
            assert await count(maker) == 3

    run(main)


def test_successful_trading_requests_cost_no_weight():
    """SEMANTICS 94"""

    async def main():
        async with Emulator() as exchange, logged_on(exchange) as client:
            before = weight(await client.call("ping"))
            placed = await client.call("order.place", limit_order())
            assert weight(placed) == before
            wrong = await client.call("order.cancel", symbol="BTCUSDT", orderId=999999, timestamp=stamp())
            assert wrong["error"]["code"] == -2011
            assert weight(wrong) == before + 1
            order = {"symbol": "BTCUSDT", "orderId": placed["result"]["orderId"], "timestamp": stamp()}
            amended = await client.call("order.amend.keepPriority", order, newQty="0.005")
            assert weight(amended) == before + 1 + 4, "an amendment that leaves the order open is charged"
            assert weight(await client.call("order.cancel", order)) == before + 5
            assert weight(await client.call("order.place", limit_order(price="0.001"))) == before + 6

    run(main)


def test_hidden_limits_still_count():
    """SEMANTICS 28"""

    async def main():
        async with Emulator() as exchange, wire(exchange, "?returnRateLimits=false") as client:
            for _ in range(3):
                assert "rateLimits" not in await client.call("ping")
            assert weight(await client.call("ping", returnRateLimits=True)) == 2 + 4

    run(main)


def test_limits_that_are_not_enforced_still_count():
    async def main():
        limits = Limits(request_weight=3, orders_10s=1)
        async with Emulator(limits=limits, enforce_limits=False) as exchange, logged_on(exchange) as client:
            for _ in range(3):
                reply = await client.call("order.place", limit_order())
                assert reply["status"] == 200
            assert reply["rateLimits"][1]["count"] == 3

    run(main)


def kinds(reply):
    return [(r["rateLimitType"], r["interval"]) for r in reply["rateLimits"]]


def weight(reply):
    (count,) = [r["count"] for r in reply["rateLimits"] if r["rateLimitType"] == "REQUEST_WEIGHT"]
    return count


def stamp():
    return limit_order()["timestamp"]


def test_an_interval_that_ends_between_two_requests_starts_again_at_zero():
    async def main():
        clock = ManualClock(MIDNIGHT + 59 * SECOND)
        async with Emulator(clock=clock) as exchange, wire(exchange) as client:
            assert weight(await client.call("ping")) == 3
            clock.advance(1)
            assert weight(await client.call("ping")) == 1

    run(main)
