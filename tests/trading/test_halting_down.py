"""client.halt() in each state of a client: it waits for a connection, starts again on a new one, and says what it could
not do."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

import fastws
from fastws.emulator import Emulator
from helpers.halting import ETHER, LIMIT, key
from helpers.resolving import trading, unknown
from helpers.support import run

# Seconds that a machine with other work to do may take longer.
SLACK = 0.6


def test_a_halt_while_the_client_is_down_waits_for_the_next_connection() -> None:
    async def main() -> None:
        async with trading() as floor:
            await floor.placed()
            (port,) = floor.exchange.ports
            floor.exchange.listen(port, False)
            floor.exchange.connections.pick("oldest").abort()
            await until(floor.client, "waiting")
            halting = floor.client.halt(timeout=10)
            with pytest.raises(fastws.NotConnected):
                floor.client.ping()
            assert floor.client.halted
            floor.exchange.listen(port, True)
            report = await halting
            assert report.clean, report
            assert len(report.cancelled) == 1
            assert floor.client.connection == 2
            with pytest.raises(fastws.Halted):
                floor.client.order_place(**LIMIT)

    run(main())


@pytest.mark.parametrize("method", ["openOrders.cancelAll", "openOrders.status"])
@pytest.mark.parametrize("sbe", [False, True])
def test_a_connection_that_is_lost_during_a_halt_does_not_end_it(sbe: bool, method: str) -> None:
    async def main() -> None:
        async with trading(sbe=sbe) as floor:
            await floor.placed()
            await floor.client.order_place(**ETHER)
            floor.fail("drop_reply", method)
            halting = floor.client.halt(timeout=20)
            await floor.exchange.journal.wait_for(method=method)
            floor.exchange.connections.pick("oldest").abort()
            start = time.monotonic()
            report = await halting
            assert time.monotonic() - start < 1 + SLACK
            assert report.clean, report
            assert floor.client.connection == 2
            assert await floor.watcher.open_orders_status() == []

    run(main())


def test_a_placement_that_is_lost_during_a_halt_is_found_and_cancelled() -> None:
    async def main() -> None:
        async with trading() as floor:
            floor.fail("drop_reply", "order.place")
            reply = floor.client.order_place(**LIMIT)
            halting = floor.client.halt(timeout=20)
            await floor.exchange.journal.wait_for(method="order.place")
            floor.exchange.connections.pick("oldest").abort()
            error = await unknown(reply)
            report = await halting
            assert report.clean, report
            assert [order["clientOrderId"] for order in report.cancelled] or await error.resolve()
            assert await floor.watcher.open_orders_status() == []

    run(main())


def test_a_client_that_stays_down_reports_what_it_could_not_do_in_time() -> None:
    async def main() -> None:
        async with trading() as floor:
            await floor.placed()
            floor.exchange.listen(floor.exchange.ports[0], False)
            floor.exchange.connections.pick("oldest").abort()
            start = time.monotonic()
            report = await floor.client.halt(timeout=0.5)
            assert 0.5 <= time.monotonic() - start < 0.5 + SLACK
            assert isinstance(report.errors["BTCUSDT"], fastws.NotConnected)
            assert not report.clean

    run(main())


@pytest.mark.parametrize("flying", [False, True])
def test_a_halt_on_a_dead_connection_finds_out_and_ends_clean_on_a_new_one(flying: bool) -> None:
    """The exchange executes the order in flight; nothing of the connection is read or sent any more."""

    async def main() -> None:
        async with trading(stall_after=0.3) as floor:
            await floor.placed()
            reply = None
            if flying:
                floor.fail("freeze", "order.place", executed=True)
                reply = floor.client.order_place(**LIMIT)
                await floor.exchange.journal.wait_for(method="order.place", fault="freeze")
            else:
                floor.exchange.connections.pick("oldest").freeze()
            start = time.monotonic()
            report = await floor.client.halt(9)
            assert time.monotonic() - start < 2 + SLACK
            assert report.clean, report
            assert floor.client.connection == 2
            assert await floor.watcher.open_orders_status() == []
            if reply is not None:
                await unknown(reply)

    run(main())


def test_halting_and_what_it_used_outlive_connections() -> None:
    async def main() -> None:
        async with trading() as floor:
            await floor.placed()
            await floor.client.order_place(**ETHER)
            assert (await floor.client.halt()).clean
            floor.exchange.connections.pick("oldest").abort()
            await until(floor.client, "open")
            assert floor.client.halted
            with pytest.raises(fastws.Halted):
                floor.client.order_place(**LIMIT)
            await floor.watcher.order_place(**ETHER)
            report = await floor.client.halt()
            assert report.symbols == ("BTCUSDT", "ETHUSDT")
            assert len(report.cancelled) == 1
            floor.client.resume()
            assert (await floor.placed())["status"] == "NEW"

    run(main())


def test_read_only_outlives_connections() -> None:
    async def main() -> None:
        async with trading(read_only=True) as floor:
            floor.exchange.connections.pick("oldest").abort()
            await until(floor.client, "open")
            with pytest.raises(fastws.ReadOnly):
                floor.client.order_place(**LIMIT)

    run(main())


def test_a_client_that_is_new_or_closed_halts_at_once() -> None:
    async def main() -> None:
        async with Emulator() as exchange:
            client = fastws.connect(exchange.url, **key(exchange))
            report = await client.halt(symbols=["BTCUSDT"])
            assert isinstance(report.errors["BTCUSDT"], fastws.NotConnected)
            async with client:
                with pytest.raises(fastws.Halted):
                    client.order_place(**LIMIT)
                client.resume()
                await client.order_place(**LIMIT)
            start = time.monotonic()
            report = await client.halt()
            assert time.monotonic() - start < SLACK
            assert isinstance(report.errors["BTCUSDT"], fastws.NotConnected)

    run(main())


def test_a_halt_waits_for_a_gate_that_opens_in_time() -> None:
    """The exchange refuses the query, since too much weight was used; cancels go on."""

    async def main() -> None:
        async with trading() as floor:
            await floor.placed()
            floor.fail("rate_limit", "openOrders.status", seconds=0.5)
            report = await floor.client.halt(timeout=10)
            assert report.clean, report

    run(main())


async def until(client: Any, state: str) -> None:
    """Wait until the client goes to this state."""
    reached = asyncio.Event()

    def on_state(old: str, new: str, reason: str) -> None:
        if new == state:
            reached.set()

    client.on_state = on_state
    await reached.wait()


@pytest.mark.parametrize("state", ["new", "connecting", "waiting", "closed"])
def test_what_nobody_could_ask_is_not_called_clean(state: str) -> None:
    async def main() -> None:
        async with Emulator() as exchange:
            client = fastws.connect(exchange.url, **key(exchange))
            client._supervisor.backoff.uniform = lambda low, high: 1000.0
            if state != "new":
                await client
            if state == "closed":
                await client.close()
            elif state != "new":
                exchange.faults.add("hang" if state == "connecting" else "refuse", times=0)
                exchange.connections.pick("oldest").abort()
                await until(client, state)
            report = await client.halt(timeout=0.2)
            assert client.state == state
            assert isinstance(report.errors["*"], fastws.NotConnected), report
            assert "* is not verified" in str(report)
            await client.close(0)

    run(main())
