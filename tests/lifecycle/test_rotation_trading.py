"""What a strategy does goes on while a connection is replaced: halt(), resolve(), recover_gap(), the clock, symbols."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from test_logon import ORDER
from test_rotation_steps import hold_prepare, successors

import fastws
from helpers.losing import keyed, lose, until
from helpers.rotating import draining, old_of, rotating
from helpers.support import ALL_LOOPS, run


@pytest.mark.parametrize("state", ["rotating", "draining"])
def test_halt(state: str) -> None:
    async def main() -> None:
        async with keyed(after_gap="go") as (exchange, client, _, __):
            await client.user_data_stream_subscribe()
            exchange.faults.add("hold", "order.place", seconds=0.05)
            slow = client.order_place(**ORDER)
            if state == "rotating":
                hold_prepare(client)
                rotation = rotating(client)
                await until(lambda: successors(client))
            else:
                rotation, _ = await draining(exchange, client)
                await client.order_place(**{**ORDER, "symbol": "ETHUSDT", "price": "2500", "quantity": "0.1"})
            report = await client.halt(timeout=2)
            assert report.clean, report
            assert slow.done()
            with pytest.raises(fastws.Halted):
                client.order_place(**ORDER)
            assert await client.open_orders_status() == []
            if state == "draining":
                old_of(client).abort()
            await rotation
            with pytest.raises(fastws.Halted):
                client.order_place(**ORDER)

    run(main())


@pytest.mark.parametrize("loop", ALL_LOOPS)
def test_an_order_that_the_old_connection_did_not_answer_is_resolved(loop: str) -> None:
    async def main() -> None:
        async with keyed(drain_timeout=0.05) as (exchange, client, _, __):
            exchange.faults.add("drop_reply", "order.place")
            order = client.order_place(**ORDER)
            rotation = rotating(client)
            with pytest.raises(fastws.ExecutionUnknown) as caught:
                await order
            assert isinstance(caught.value.cause, fastws.ConnectionLost)
            await rotation
            assert isinstance(await caught.value.resolve(timeout=2), fastws.Executed)
            assert client.stats["losses"] == 0

    run(main(), loop=loop)


def test_a_gap_is_recovered_while_the_connection_is_replaced() -> None:
    async def main() -> None:
        gaps: list[fastws.Gap] = []
        async with keyed(on_gap=gaps.append, database_lag=0.0) as (_, client, __, ___):
            subscription = await client.user_data_stream_subscribe(on_event=lambda event: None)
            lose(client)
            await until(lambda: subscription.connection == 2 and gaps)
            recovering = asyncio.ensure_future(client.recover_gap(gaps[0]))
            await client.rotate()
            found: Any = await recovering
            assert found.complete
            assert len(gaps) == 1
            assert (await client.order_place(**ORDER))["status"] == "NEW"

    run(main())


def test_the_clock_and_the_symbols_are_read_over_a_rotation() -> None:
    async def main() -> None:
        async with keyed(sync_every=60.0) as (_, client, __, ___):
            measuring = asyncio.ensure_future(client.sync_time(samples=50))
            loading = asyncio.ensure_future(client.symbols.load())
            await client.rotate()
            await asyncio.gather(measuring, loading)
            assert client.clock.synced
            assert client.symbols["BTCUSDT"].price("50000.001") is not None
            assert client.connection == 2

    run(main())


def test_wait_open_and_the_shown_state() -> None:
    async def main() -> None:
        async with keyed() as (exchange, client, _, __):
            rotation, _ = await draining(exchange, client)
            await client.wait_open(0.1)
            assert client.connected
            assert client.close_reason is None
            assert repr(client).endswith(" draining>")
            async with client as same:
                assert same is client
            with pytest.raises(fastws.NotConnected):
                await rotation

    run(main())
