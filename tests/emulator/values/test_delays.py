"""Delays of the gateway and the engine: the order of replies and events, and executions without a reply."""

from __future__ import annotations

import asyncio

import pytest

from fastws.emulator import Emulator, ManualClock
from helpers.emulator.events import BALANCE, REPORT, emit, subscribe
from helpers.emulator.wire import limit_order, logged_on, now_ms, run, signed, wire


async def status(client, **reference):
    reply = await client.call("order.status", symbol="BTCUSDT", timestamp=now_ms(), **reference)
    return reply["error"]["code"] if "error" in reply else reply["result"]["status"]


def changed(exchange, kind):
    """The event that the engine emits for the last order."""
    account = exchange.core.accounts[-1]
    number = exchange.journal[-1].order_id
    exchange.core.emit(account, {**REPORT, "x": kind, "s": "BTCUSDT", "i": number})


def test_events_may_come_before_the_reply():
    """SEMANTICS 17, 103"""

    async def main():
        async with Emulator(reply_delay=0.02) as exchange, wire(exchange) as client:
            key = exchange.add_account("HMAC")
            await subscribe(client, key)
            sent = await client.send("order.place", signed(key, **limit_order()))
            await exchange.journal.wait_for(method="order.place", outcome="executed")
            emit(exchange, key, BALANCE)
            message = await client.receive()
            heard = []
            while "event" in message:
                heard.append(message["event"]["e"])
                message = await client.receive()
            assert message["id"] == sent
            assert heard[-1] == "balanceUpdate"
            assert exchange.reply_delay == 0.02
            exchange.reply_delay = 0
            assert (await client.call("ping"))["status"] == 200

    run(main)


def test_replies_overtake_one_another_where_their_delay_is_a_range():
    """SEMANTICS 17"""

    async def main():
        orders = []
        for _ in range(2):
            async with Emulator(reply_delay=(0.0, 0.03), seed=3) as exchange, wire(exchange) as client:
                sent = [await client.send("ping") for _ in range(20)]
                received = [(await client.receive())["id"] for _ in sent]
                assert sorted(received) == sent
                assert received != sent
                orders.append(received)

    run(main)


def test_requests_of_a_connection_keep_their_order_on_the_way_in():
    """SEMANTICS 103"""

    async def main():
        delays = {"gateway_delay": (0.0, 0.02), "engine_delay": (0.0, 0.02)}
        async with Emulator(**delays) as exchange, logged_on(exchange) as client:
            assert exchange.gateway_delay == exchange.engine_delay == (0.0, 0.02)
            for n in range(20):
                await client.send("order.place", limit_order(newClientOrderId=f"n{n}"))
            names = [(await client.receive())["result"]["clientOrderId"] for _ in range(20)]
            assert names == [f"n{n}" for n in range(20)]
            ids = [record.order_id for record in exchange.journal.find(method="order.place")]
            assert ids == sorted(ids)

    run(main)


def test_an_order_in_the_gateway_executes_after_its_connection_died():
    """SEMANTICS 102"""

    async def main():
        clock = ManualClock()
        for later, outcome in ((0.1, "executed"), (0.101, "rejected")):
            async with Emulator(gateway_delay=0.03, clock=clock) as exchange:
                key = exchange.add_account("HMAC")
                stamp = clock.now_us() // 1000
                async with wire(exchange) as client:
                    params = signed(key, **limit_order(timestamp=stamp), recvWindow=100)
                    await client.send("order.place", params)
                    await (await client.socket.ping())
                    exchange.disconnect_all(1006)
                clock.advance(later)
                record = await exchange.journal.wait_for(method="order.place", outcome=outcome)
                assert not record.reply_sent
                assert record.code == (0 if outcome == "executed" else -1021)

    run(main)


def test_minus_1007_may_be_followed_by_the_execution():
    """SEMANTICS 22, 102"""

    async def main():
        async with Emulator(processing_timeout=0.02) as exchange, logged_on(exchange) as client:
            exchange.faults.add("hold", "order.place", seconds=0.06)
            slow = await client.send("order.place", limit_order(newClientOrderId="slow"))
            quick = await client.send("order.place", limit_order(newClientOrderId="quick"))
            first, second = await client.receive(), await client.receive()
            assert (first["id"], first["status"]) == (quick, 200), "one request is held, not what follows"
            assert (second["id"], second["status"], second["error"]["code"]) == (slow, 504, -1007)
            record = await exchange.journal.wait_for(fault="hold", outcome="executed")
            assert record.executed_at - record.accepted_at >= 60_000
            assert await status(client, origClientOrderId="slow") == "NEW"

    run(main)


def test_a_query_that_is_held():
    async def main():
        async with Emulator() as exchange, wire(exchange) as client:
            exchange.faults.add_text("hold@time seconds=0.02")
            await client.send("time")
            await client.send("ping")
            assert [(await client.receive())["id"] for _ in range(2)] == [2, 1]

    run(main)


# --- order.status behind the engine


def test_order_status_lags_behind_the_engine():
    """SEMANTICS 76"""

    async def main():
        clock = ManualClock(now_ms() * 1000)
        async with (
            Emulator(query_lag=0.1, clock=clock, events_size=0) as exchange,
            logged_on(exchange) as client,
        ):
            assert exchange.core.listening(exchange.core.accounts[-1]), "its own ears"
            placed = await client.result("order.place", limit_order(newClientOrderId="mine"))
            changed(exchange, "NEW")
            number = placed["orderId"]
            assert await status(client, orderId=number) == -2013
            assert await status(client, origClientOrderId="mine") == -2013
            clock.advance(0.1)
            assert await status(client, orderId=number) == "NEW"
            assert await status(client, origClientOrderId="mine") == "NEW"

            cancel = {"symbol": "BTCUSDT", "orderId": number, "timestamp": now_ms()}
            await client.result("order.cancel", cancel, newClientOrderId="gone")
            changed(exchange, "CANCELED")
            assert await status(client, orderId=number) == "NEW"
            assert await status(client, origClientOrderId="mine") == "NEW", "under the name it had"
            assert await status(client, origClientOrderId="gone") == -2013
            assert await status(client, orderId=number, origClientOrderId="mine") == -2039
            clock.advance(0.1)
            assert await status(client, origClientOrderId="gone") == "CANCELED"
            assert await status(client, origClientOrderId="mine") == -2013

    run(main)


def test_the_lag_can_be_set_and_unset_at_any_time():
    async def main():
        async with Emulator(events_size=0) as exchange, logged_on(exchange) as client:
            assert exchange.query_lag == 0
            old = await client.result("order.place", limit_order())
            exchange.query_lag = (60.0, 61.0)
            assert exchange.query_lag == (60.0, 61.0)
            changed(exchange, "TRADE")
            assert await status(client, orderId=old["orderId"]) == "NEW", "what was there before is visible"
            new = await client.result("order.place", limit_order())
            changed(exchange, "NEW")
            assert await status(client, orderId=new["orderId"]) == -2013
            assert await status(client, orderId=10**9) == -2013
            exchange.query_lag = 0
            assert await status(client, orderId=new["orderId"]) == "NEW"
            assert not exchange.core.listening(exchange.core.accounts[-1])

    run(main)


# --- the database behind the engine


LISTED = {
    "symbol": "BTCUSDT",
    "side": "SELL",
    "quantity": "0.001",
    "aboveType": "LIMIT_MAKER",
    "abovePrice": "90000.00",
    "belowType": "STOP_LOSS",
    "belowStopPrice": "30000.00",
}


async def rows(client, method, **params):
    reply = await client.call(method, timestamp=now_ms(), **params)
    return reply["error"]["code"] if "error" in reply else reply["result"]


def test_queries_of_the_database_lag_behind_the_engine():
    async def main():
        clock = ManualClock(now_ms() * 1000)
        async with Emulator(database_lag=2.0, clock=clock) as exchange, logged_on(exchange) as client:
            placed = await client.result("order.place", limit_order(newClientOrderId="mine"))
            of = {"symbol": "BTCUSDT", "orderId": placed["orderId"]}
            assert await status(client, origClientOrderId="mine") == "NEW", "the memory does not lag"
            assert await rows(client, "allOrders", symbol="BTCUSDT") == []
            assert await rows(client, "order.amendments", **of) == -2013
            clock.advance(2.0)
            assert [row["status"] for row in await rows(client, "allOrders", symbol="BTCUSDT")] == ["NEW"]

            amend = {**of, "newQty": "0.0005", "newClientOrderId": "less", "timestamp": now_ms()}
            await client.result("order.amend.keepPriority", amend)
            clock.advance(1.0)
            await client.result("order.cancel", {**of, "timestamp": now_ms()}, newClientOrderId="gone")
            assert await status(client, origClientOrderId="gone") == "CANCELED"
            assert await rows(client, "order.amendments", **of) == []
            clock.advance(1.0)
            (row,) = await rows(client, "allOrders", symbol="BTCUSDT")
            assert (row["status"], row["clientOrderId"]) == ("NEW", "less")
            assert len(await rows(client, "order.amendments", **of)) == 1
            changed_at = row["updateTime"]
            clock.advance(1.0)
            span = {"symbol": "BTCUSDT", "startTime": changed_at + 500, "endTime": changed_at + 5_000}
            (row,) = await rows(client, "allOrders", **span)
            assert (row["status"], row["clientOrderId"]) == ("CANCELED", "gone")

    run(main)


def test_queries_of_order_lists_lag_behind_the_engine():
    async def main():
        clock = ManualClock(now_ms() * 1000)
        async with (
            Emulator(database_lag=2.0, clock=clock, events_size=0) as exchange,
            logged_on(exchange) as client,
        ):
            params = {**LISTED, "listClientOrderId": "pair", "timestamp": now_ms()}
            placed = await client.result("orderList.place.oco", params)
            by_id = {"orderListId": placed["orderListId"]}
            assert await rows(client, "orderList.status", origClientOrderId="pair") == -2013
            assert await rows(client, "orderList.status", **by_id) == -2013
            assert await rows(client, "allOrderLists") == []
            assert len(await rows(client, "openOrderLists.status")) == 1, "the memory does not lag"
            clock.advance(2.0)
            assert (await rows(client, "orderList.status", origClientOrderId="pair"))[
                "listOrderStatus"
            ] == "EXECUTING"

            cancel = {"symbol": "BTCUSDT", **by_id, "timestamp": now_ms()}
            await client.result("orderList.cancel", cancel, newClientOrderId="gone")
            shown = await rows(client, "orderList.status", **by_id)
            assert (shown["listOrderStatus"], shown["listClientOrderId"]) == ("EXECUTING", "pair")
            assert await rows(client, "orderList.status", origClientOrderId="gone") == -2013
            exchange.database_lag = (0.5, 1.0)
            assert exchange.database_lag == (0.5, 1.0)
            clock.advance(2.0)
            (shown,) = await rows(client, "allOrderLists")
            assert (shown["listOrderStatus"], shown["listClientOrderId"]) == ("ALL_DONE", "gone")
            assert await rows(client, "orderList.status", origClientOrderId="pair") == -2013
            exchange.database_lag = 0
            assert await rows(client, "orderList.status", origClientOrderId="gone") == shown
            assert not exchange.core.listening(exchange.core.accounts[-1])

    run(main)


@pytest.mark.parametrize(
    "name", ["gateway_delay", "engine_delay", "reply_delay", "event_delay", "query_lag", "database_lag"]
)
def test_delays_that_are_none_are_refused(name):
    async def main():
        async with Emulator() as exchange:
            with pytest.raises(ValueError, match="a delay is a number"):
                setattr(exchange, name, (2.0, 1.0))

    run(main)


def test_a_delay_that_ends_does_not_let_requests_overtake():
    async def main():
        async with Emulator(gateway_delay=0.02) as exchange, wire(exchange) as client:
            first = await client.send("ping")
            await (await client.socket.ping())
            exchange.gateway_delay = 0
            second = await client.send("time")
            assert [(await client.receive())["id"] for _ in range(2)] == [first, second]
            await asyncio.sleep(0)
            assert (await client.call("ping"))["status"] == 200

    run(main)


def test_open_orders_lag_behind_the_engine_as_the_status_of_an_order_does():
    """SEMANTICS 76: both are read from the memory."""

    async def main():
        clock = ManualClock(now_ms() * 1000)
        async with Emulator(query_lag=1.0, clock=clock) as exchange, logged_on(exchange) as client:

            async def shown(**params):
                rows = await client.result("openOrders.status", timestamp=now_ms(), **params)
                return [(row["clientOrderId"], row["status"]) for row in rows]

            async def place(name, **params):
                return await client.result("order.place", limit_order(newClientOrderId=name, **params))

            async with wire(exchange) as other:
                stranger = signed(exchange.add_account("HMAC"), **limit_order(newClientOrderId="stranger"))
                await other.result("order.place", stranger)
            first = await place("first")
            await place("other", symbol="ETHUSDT", price="2000", quantity="0.1")
            assert await shown() == await shown(symbol="BTCUSDT") == []
            clock.advance(1.0)
            assert await shown() == [("first", "NEW"), ("other", "NEW")]
            cancel = {"symbol": "BTCUSDT", "orderId": first["orderId"], "timestamp": now_ms()}
            await client.result("order.cancel", cancel)
            await place("second")
            assert await shown() == [("first", "NEW"), ("other", "NEW")], "a canceled order is still shown"
            assert await shown(symbol="ETHUSDT") == [("other", "NEW")]
            clock.advance(1.0)
            assert await shown() == [("second", "NEW"), ("other", "NEW")]
            assert (await client.error("openOrders.status", {"symbol": "NOPE", "timestamp": now_ms()}))[
                1
            ] == -1121
            exchange.query_lag = 0
            await place("third")
            assert await shown(symbol="BTCUSDT") == [("second", "NEW"), ("third", "NEW")]

    run(main)
