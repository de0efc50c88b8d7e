"""Subscriptions over rotations, on an exchange: each event once and in order, under load and with lags."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

import fastws
from fastws import EventGap
from fastws.emulator import Emulator
from helpers.support import ALL_LOOPS, run

# BTC and USDT are bought and sold at a price that fills at once or rests
ORDER = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.001"}


@contextlib.asynccontextmanager
async def trading(by: str = "logon", **options: Any) -> AsyncIterator[tuple[Emulator, fastws.Client, Any]]:
    """An exchange, a client with a subscription, and a maker of events on a connection of its own."""
    async with Emulator() as exchange:
        account = exchange.add_account("Ed25519" if by == "logon" else "HMAC")
        key: dict[str, Any] = {"api_key": account.api_key}
        key |= {"private_key": account.private_key} if by == "logon" else {"secret": account.secret}
        async with (
            fastws.connect(exchange.url, **key, **options) as client,
            fastws.connect(exchange.url, **key, sync_every=None, rotate_after=None) as maker,
        ):
            stop = asyncio.Event()

            async def trade() -> int:
                count = 0
                while not stop.is_set() and count < 45:  # the exchange allows 50 orders in 10 seconds
                    order = await maker.order_place(**ORDER, price=str(50_000 + count % 7))
                    await maker.order_cancel(symbol="BTCUSDT", orderId=order["orderId"])
                    count += 1
                    await asyncio.sleep(0.002)
                return count

            yield exchange, client, (stop, trade)


async def subscribe(client: fastws.Client, by: str, **options: Any) -> fastws.Subscription:
    if by == "logon":
        return await client.user_data_stream_subscribe(**options)
    return await client.user_data_stream_subscribe_signature(**options)


def executions(events: list[Any]) -> list[Any]:
    return [event["I"] for event in events if event["e"] == "executionReport"]


@pytest.mark.parametrize("loop", ALL_LOOPS)
@pytest.mark.parametrize("by", ["logon", "signature"])
@pytest.mark.parametrize(
    "options", [{}, {"sbe": True, "numbers": "float"}, {"sbe": True, "numbers": "decimal", "time_unit": "us"}]
)
def test_each_event_comes_once_over_rotations_under_load(by: str, options: dict[str, Any], loop: str) -> None:
    async def main() -> None:
        async with trading(by, **options) as (_, client, (stop, trade)):
            events: list[Any] = []
            subscription = await subscribe(client, by, on_event=events.append)
            trader = asyncio.ensure_future(trade())
            for _ in range(4):
                await client.rotate()
            stop.set()
            count = await trader
            found = await settled(events, 2 * count)
            assert len(found) == 2 * count
            assert found == sorted(set(found))
            assert {event["e"] for event in events} == {"executionReport", "outboundAccountPosition"}
            assert (subscription.connection, client.stats["gaps"], client.stats["rotations"]) == (5, 0, 4)
            assert client.stats["merge_mismatch"] == 0
            assert client.stats["unknown_events"] == 0

    run(main(), loop=loop)


async def settled(events: list[Any], count: int) -> list[Any]:
    """Wait for so many execution reports, and for what may follow them. Returns their execution ids."""
    for _ in range(400):
        if len(executions(events)) >= count:
            await asyncio.sleep(0.02)
            return executions(events)
        await asyncio.sleep(0.005)
    raise AssertionError(f"{len(executions(events))} of {count} came")


@pytest.mark.parametrize(("old_lag", "new_lag"), [(0.0, 0.15), (0.15, 0.0), (0.1, 0.1)])
def test_connections_that_lag_for_less_than_hold_leave_no_gap(old_lag: float, new_lag: float) -> None:
    async def main() -> None:
        async with trading("signature") as (exchange, client, (stop, trade)):
            exchange.event_delay = old_lag
            events: list[Any] = []
            await subscribe(client, "signature", on_event=events.append)
            trader = asyncio.ensure_future(trade())
            exchange.event_delay = new_lag
            await client.rotate()
            stop.set()
            count = await trader
            found = await settled(events, 2 * count)
            assert found == sorted(set(found))
            assert len(found) == 2 * count
            assert client.stats["gaps"] == 0

    run(main())


def test_an_old_connection_that_lags_for_longer_is_a_gap_and_nothing_comes_twice() -> None:
    async def main() -> None:
        async with trading("signature") as (exchange, client, (stop, trade)):
            exchange.event_delay = 1.0
            gaps: list[Any] = []
            events: list[Any] = []
            subscription = await subscribe(client, "signature", on_event=events.append)
            client._handler.keeper.gaps.on_gap = gaps.append
            trader = asyncio.ensure_future(trade())
            await asyncio.sleep(0.05)
            exchange.event_delay = 0.0
            await client.rotate()
            stop.set()
            count = await trader
            await asyncio.sleep(0.05)
            found = executions(events)
            assert found == sorted(set(found))
            assert 0 < len(found) < 2 * count
            assert len(gaps) == 1
            assert "lag behind" in gaps[0].reason
            assert subscription.connection == 2
            assert "eventStreamTerminated" not in {event["e"] for event in events}

    run(main())


def test_an_exchange_that_allows_one_subscription_of_an_account() -> None:
    async def main() -> None:
        async with trading("signature") as (exchange, client, _):
            subscription = await subscribe(client, "signature")
            exchange.core.streams.account_limit = 1
            await client.rotate()
            with pytest.raises(EventGap, match="one subscription of an account"):
                await anext(subscription)
            assert (subscription.active, subscription.connection) == (True, 2)

    run(main())


def test_fields_that_differ_between_connections_are_counted() -> None:
    async def main() -> None:
        async with trading("signature") as (exchange, client, (stop, trade)):
            events: list[Any] = []
            subscription = await subscribe(client, "signature", on_event=events.append)
            exchange.differing_fields = ("W",)
            trader = asyncio.ensure_future(trade())
            await client.rotate()
            stop.set()
            count = await trader
            found = await settled(events, 2 * count)
            assert found == sorted(set(found))
            assert subscription.connection == 2

    run(main())


def test_types_that_interleave_differently_lose_nothing() -> None:
    async def main() -> None:
        async with trading("signature") as (exchange, client, (stop, trade)):
            exchange.types_overtake = True
            events: list[Any] = []
            await subscribe(client, "signature", on_event=events.append)
            trader = asyncio.ensure_future(trade())
            for _ in range(3):
                await client.rotate()
            stop.set()
            count = await trader
            found = await settled(events, 2 * count)
            assert found == sorted(set(found))
            assert len(found) == 2 * count
            assert client.stats["gaps"] == 0

    run(main())
