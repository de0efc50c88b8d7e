"""Orders that build on one another without waiting for replies, while connections are replaced.

The exchange delays the requests of each connection by another time. So a request that overtakes, on the successor, what
it builds on fails: an amendment or a cancellation before its order.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

import fastws
from fastws.emulator import Emulator, Limits
from helpers.halting import ETHER, LIMIT
from helpers.losing import until
from helpers.rotating import rotating
from helpers.support import ALL_LOOPS, run

AMENDED = {"BTCUSDT": "0.0009", "ETHUSDT": "0.009"}


class Trader:
    """Works in one symbol: each round makes an order, amends it twice, and cancels it, all before the first reply."""

    def __init__(self, client: fastws.Client, order: dict[str, Any]) -> None:
        self.client = client
        self.order = order
        self.symbol: str = order["symbol"]
        self.rounds = 0
        self.results: Counter[str] = Counter()
        self.going = True

    def steps(self) -> list[Callable[[], Any]]:
        client, symbol = self.client, self.symbol
        name = f"{symbol}-{self.rounds}"
        amend = client.prepare("order.amend.keepPriority", symbol=symbol, newQty=AMENDED[symbol])
        return [
            lambda: client.order_place(**self.order, newClientOrderId=name),
            lambda: amend(origClientOrderId=name, newClientOrderId=f"{name}-a"),
            lambda: client.order_cancel_replace(
                **self.order,
                cancelReplaceMode="STOP_ON_FAILURE",
                cancelOrigClientOrderId=f"{name}-a",
                newClientOrderId=f"{name}-b",
            ),
            lambda: client.order_cancel(symbol=symbol, origClientOrderId=f"{name}-b"),
        ]

    async def trade(self) -> None:
        while self.going:
            self.rounds += 1
            asked = []
            first, second, *rest = self.steps()
            with self.client.batch() if self.rounds % 3 else contextlib.nullcontext():
                asked = [first(), second()]
            for step in rest:
                await asyncio.sleep(0.003)
                asked.append(step())
            await asyncio.sleep(0.001)
            ends = await asyncio.gather(*asked, return_exceptions=True)
            self.results.update(repr(end) if isinstance(end, Exception) else "done" for end in ends)


@pytest.mark.parametrize("loop", ALL_LOOPS)
@pytest.mark.parametrize(("way", "times"), [("rotate", 10), ("notice", 3)])
def test_no_order_overtakes_what_it_builds_on(loop: str, way: str, times: int) -> None:
    async def main() -> None:
        limits = Limits(orders_10s=1_000_000, request_weight=1_000_000)
        async with Emulator(gateway_delay=(0.0, 0.05), seed=7, limits=limits) as exchange:
            account = exchange.add_account("Ed25519")
            key = {"api_key": account.api_key, "private_key": account.private_key}
            async with fastws.connect(exchange.url, **key) as client:
                traders = [Trader(client, order) for order in (LIMIT, ETHER) for _ in "1"]
                tasks = [asyncio.ensure_future(trader.trade()) for trader in traders]
                for number in range(2, times + 2):
                    await asyncio.sleep(0.05)
                    if way == "rotate":
                        await client.rotate()
                    else:
                        exchange.connections.pick("newest").shutdown(10.0)
                        await until(lambda: (client.connection, client.state) == (number, "open"))  # noqa: B023
                for trader in traders:
                    trader.going = False
                await asyncio.gather(*tasks)
                for trader in traders:
                    assert set(trader.results) == {"done"}, trader.results
                assert client.stats["rotations"] == times
                assert await client.open_orders_status() == []
                made = Counter(
                    record.params["newClientOrderId"]
                    for record in exchange.journal
                    if record.params.get("newClientOrderId")
                )
                assert set(made.values()) == {1}
                connections = {
                    record.connection for record in exchange.journal if record.method == "order.place"
                }
                assert len(connections) == times + 1

    run(main(), loop=loop, timeout=20.0)


@asynccontextmanager
async def trading(**options: Any) -> AsyncIterator[tuple[Emulator, fastws.Client]]:
    async with Emulator() as exchange:
        account = exchange.add_account("Ed25519")
        key = {"api_key": account.api_key, "private_key": account.private_key}
        async with fastws.connect(exchange.url, **key, **options) as client:
            yield exchange, client


def test_a_halt_waits_for_the_placements_of_both_connections() -> None:
    async def main() -> None:
        async with trading() as (exchange, client):
            exchange.faults.add("hold", "order.place", times=2, seconds=0.3)
            orders = [client.order_place(**LIMIT)]
            rotation = rotating(client)
            await until(lambda: client.state == "draining")
            orders += [client.order_place(**LIMIT), client.order_place(**ETHER)]
            client.flush()
            report = await client.halt()
            assert all(order.done() for order in orders)
            assert [order.info.connection for order in orders] == [1, 1, 2]
            assert (report.clean, len(report.cancelled)) == (True, 3)
            await rotation

    run(main())


def test_an_order_whose_reply_never_comes_holds_no_other_and_is_resolved() -> None:
    async def main() -> None:
        async with trading(drain_timeout=0.5) as (exchange, client):
            exchange.faults.add("drop_reply", "order.place")
            with pytest.raises(fastws.ExecutionUnknown) as raised:
                await client.order_place(**LIMIT, timeout=0.05)
            rotation = rotating(client)
            await until(lambda: client.state == "draining")
            order = client.order_place(**LIMIT)
            assert order.info.connection == 2
            assert isinstance(await raised.value.resolve(), fastws.Executed)
            await order
            await rotation

    run(main())
