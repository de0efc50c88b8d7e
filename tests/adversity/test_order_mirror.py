"""A mirror over random trading, losses of the connection and rotations shows what the exchange has, and is not stale
without a reason.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from typing import Any

import pytest
from chaos.plan import make_burst, parameters

import fastws
from fastws import FastwsError
from helpers.mirroring import LIMIT, MARKET, Place, place
from helpers.mirrors import shown_by
from helpers.support import run

# Events, replies and answers come late, and in any order.
LATE = {
    "event_delay": (0.0, 0.004),
    "reply_delay": (0.0, 0.004),
    "query_lag": (0.0, 0.01),
    "database_lag": (0.0, 0.01),
}


class Trader:
    """Makes random requests of all kinds, and learns of orders by their replies."""

    def __init__(self, at: Place, seed: int) -> None:
        self.at, self.rng, self.number = at, random.Random(seed), 0
        self.orders: list[dict[str, Any]] = []
        self.lists: list[tuple[str, int]] = []

    def learn(self, result: Any, error: Exception | None) -> None:
        found = result.get("newOrderResponse", result) if isinstance(result, dict) else None
        if isinstance(found, dict) and "orders" in found:
            self.lists.append((found["symbol"], found["orderListId"]))
        elif isinstance(found, dict) and "orderId" in found:
            self.orders.append(found)

    def burst(self, client: fastws.Client) -> None:
        for ask in make_burst(self.rng)["asks"]:
            self.number += 1
            method, params = parameters(ask, f"t{self.number}", self.orders, self.lists)
            with contextlib.suppress(FastwsError):
                client.request(method, params, on_reply=self.learn)


@pytest.mark.parametrize("client", [{}, {"sbe": True}, {"numbers": "float", "time_unit": "us"}], ids=str)
@pytest.mark.parametrize("seed", range(3))
def test_random_trading_over_losses(seed: int, client: dict[str, Any]) -> None:
    async def main() -> None:
        async with place(LATE, after_gap="go", **client) as at:
            mirror = await at.mirror(symbols=["BTCUSDT", "ETHUSDT"])
            trader = Trader(at, seed)
            for number in range(60):
                trader.burst(trader.rng.choice((at.client, at.other)))
                if trader.rng.random() < 0.3:
                    at.exchange.core.deposit(at.account, "USDT", "1")
                if number % 12 == 5:
                    at.lose()
                if number == 30:  # a longer one
                    at.exchange.listen(at.exchange.ports[0], False)
                if number == 36:
                    at.exchange.listen(at.exchange.ports[0], True)
                await asyncio.sleep(trader.rng.choice((0.0, 0.002, 0.02)))
            await at.client.wait_open(5)
            await at.agrees(mirror, 3.0)
            assert at.client.stats["gaps"] > 2
            assert len(mirror.fills) > 5
            assert mirror.open_orders
            await mirror.close()

    run(main(), timeout=20)


@pytest.mark.parametrize("sbe", [False, True])
def test_rotations_make_it_stale_never(sbe: bool) -> None:
    async def main() -> None:
        async with place({"event_delay": (0.0, 0.004)}, sbe=sbe) as at:
            mirror = await at.mirror()
            await mirror.ready()
            stale: list[bool] = []

            async def trade() -> None:
                while not rotated.is_set():
                    order = await at.client.order_place(**LIMIT)
                    await at.client.order_place(**MARKET)
                    await at.client.order_cancel(symbol="BTCUSDT", orderId=order["orderId"])
                    stale.append(mirror.stale)

            rotated = asyncio.Event()
            trading = [asyncio.ensure_future(trade()) for _ in range(3)]
            for _ in range(10):
                await at.client.rotate()
            rotated.set()
            await asyncio.gather(*trading)
            await at.agrees(mirror)
            stats = at.client.stats
            assert (stats["rotations"], stats["losses"], stats["gaps"]) == (10, 0, 0)
            assert len(stale) >= 10
            assert not any(stale)
            await mirror.close()

    run(main(), timeout=20)


def test_a_lie_of_the_exchange_shows() -> None:
    """The comparison of these tests can fail: an event that is left out, and told by no gap, shows."""

    async def main() -> None:
        async with place() as at:
            mirror = await at.mirror()
            await mirror.ready()
            emit = at.exchange.core.streams.emit
            at.exchange.core.streams.emit = lambda account, event: (  # type: ignore[method-assign]
                None if event.get("x") == "TRADE" else emit(account, event)
            )
            await at.client.order_place(**MARKET)
            await at.client.ping()
            await asyncio.sleep(0.05)
            assert mirror.fills == {}
            assert not mirror.stale
            assert list(mirror.open_orders) != []
            assert shown_by(mirror)["orders"] != at.truth()["orders"]
            at.lose()  # what a recovery shows mends it
            await asyncio.sleep(0.05)
            await mirror.ready()
            assert (mirror.open_orders, len(mirror.fills) > 0) == ({}, True)
            await mirror.close()

    run(main())
