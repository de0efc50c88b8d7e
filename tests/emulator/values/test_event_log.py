"""exchange.events: each event in true order, and the connections that it was sent on."""

from __future__ import annotations

import asyncio

import pytest

from fastws.emulator import Emulator
from helpers.emulator.events import BALANCE, emit, subscribe
from helpers.emulator.wire import limit_order, logged_on, run, signed, wire


def test_it_has_what_happened_while_nobody_was_connected():
    async def main():
        async with Emulator() as exchange:
            key = exchange.add_account("HMAC", name="trader")
            async with wire(exchange) as client:
                await subscribe(client, key)
                placed = await client.result(
                    "order.place", signed(key, **limit_order(newClientOrderId="mine"))
                )
                assert (await client.receive())["event"]["x"] == "NEW"
                assert (await client.receive())["event"]["e"] == "outboundAccountPosition"
            exchange.core.deposit(key.account, "USDT", "5")
            async with wire(exchange) as client:
                await client.result("order.cancel", signed(key, symbol="BTCUSDT", orderId=placed["orderId"]))
            shown = [(record.type, record.account, record.connections) for record in exchange.events]
            assert shown == [
                ("executionReport", "trader", (1,)),
                ("outboundAccountPosition", "trader", (1,)),
                ("outboundAccountPosition", "trader", ()),
                ("balanceUpdate", "trader", ()),
                ("executionReport", "trader", ()),
                ("outboundAccountPosition", "trader", ()),
            ]
            assert [record.seq for record in exchange.events] == [1, 2, 3, 4, 5, 6]
            new, canceled = exchange.events.find(order_id=placed["orderId"])
            assert (new.event["x"], canceled.event["x"]) == ("NEW", "CANCELED")
            assert (new.client_order_id, new.time) == ("mine", new.event["E"])
            assert new.time // 1000 == placed["transactTime"]
            assert repr(new) == f"<1 executionReport order {new.order_id} NEW of trader, sent on 1>"
            assert repr(exchange.events[3]) == "<4 balanceUpdate of trader, sent on no connection>"

    run(main)


def test_it_says_on_which_connections_and_how_often():
    async def main():
        async with Emulator() as exchange, wire(exchange) as one, wire(exchange) as two:
            key = exchange.add_account("HMAC")
            for client in (one, two):
                await subscribe(client, key)
            exchange.faults.add("duplicate_event", "balanceUpdate")
            exchange.faults.add("drop_event", "balanceUpdate")
            emit(exchange, key, BALANCE, BALANCE, BALANCE)
            await exchange.events.wait_for(seq=3, connections=(1, 2))
            assert [record.connections for record in exchange.events] == [(1, 1, 2, 2), (), (1, 2)]
            await one.result("userDataStream.unsubscribe")
            await exchange.events.wait_for(type="eventStreamTerminated", connections=(1,))
            exchange.shutdown_notice()
            last = exchange.events[-1]
            assert (last.type, last.account, last.connections) == ("serverShutdown", "", (1, 2))
            assert repr(last) == "<5 serverShutdown of all, sent on 1, 2>"

    run(main)


def test_events_of_a_dead_connection_were_not_sent():
    async def main():
        async with Emulator() as exchange, logged_on(exchange) as client:
            await client.result("userDataStream.subscribe")
            exchange.connections[0].event_delay = 0.02
            await client.result("order.place", limit_order())
            exchange.connections[0].abort()
            assert [record.connections for record in exchange.events] == [(), ()]
            await asyncio.sleep(0.03)
            assert [record.connections for record in exchange.events] == [(), ()]

    run(main)


def test_its_size():
    async def main():
        async with Emulator(events_size=2) as exchange:
            key = exchange.add_account("HMAC")
            emit(exchange, key, BALANCE, BALANCE, BALANCE)
            assert [record.seq for record in exchange.events] == [2, 3]
            assert exchange.events.total == 3
            exchange.events.clear()
            assert not exchange.events
        async with Emulator(events_size=0) as exchange, logged_on(exchange) as client:
            await client.result("userDataStream.subscribe")
            await client.result("order.place", limit_order())
            assert (await client.receive())["event"]["e"] == "executionReport"
            exchange.shutdown_notice()
            assert (exchange.events.total, len(exchange.events)) == (0, 0)
            key = exchange.add_account("HMAC")
            assert not exchange.core.listening(key.account), "nobody needs its events"
        with pytest.raises(ValueError, match="non-negative"):
            Emulator(events_size=-1)

    run(main)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_each_connection_received_what_the_log_says_in_that_order(seed):
    async def main():
        async with Emulator(event_delay=(0.0, 0.01), seed=seed) as exchange:
            key = exchange.add_account("HMAC")
            async with wire(exchange) as one, wire(exchange, "?timeUnit=MICROSECOND") as two:
                for client in (one, two):
                    await subscribe(client, key)
                exchange.faults.add("drop_event", times=0, chance=0.2, connection=1)
                exchange.faults.add("duplicate_event", times=0, chance=0.2)
                exchange.faults.add("delay_event", times=0, chance=0.2, seconds=0.005, connection="newest")
                for number in range(30):
                    exchange.core.deposit(key.account, "USDT", f"{number + 1}")
                exchange.faults.clear()
                exchange.core.deposit(key.account, "BNB", "1")
                received = {}
                for number, client in ((1, one), (2, two)):
                    received[number] = []
                    while ("balanceUpdate", "BNB") not in received[number]:
                        event = (await client.receive())["event"]
                        received[number].append(
                            (event["e"], event.get("d") if event.get("a") != "BNB" else "BNB")
                        )
                for number in (1, 2):
                    assert received[number] == [
                        (record.type, record.event.get("d") if record.event.get("a") != "BNB" else "BNB")
                        for record in exchange.events
                        for sent in record.connections
                        if sent == number
                    ]
            assert {len(record.connections) for record in exchange.events} >= {1, 2}

    run(main)
