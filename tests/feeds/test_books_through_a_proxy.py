"""Order books behind a proxy that cuts, holds, splits, merges and slows: a live book is always right."""

from __future__ import annotations

import asyncio
import random

import pytest

from fastws.emulator import Emulator, Limits
from fastws.feeds.api import market_data
from helpers.crowd import SYMBOL, a_market, awaited, until
from helpers.proxy import Fault, Proxy


async def _chaos(proxy: Proxy, randoms: random.Random, steps: int) -> None:
    for _ in range(steps):
        what = randoms.choice(["cut", "reset", "half-open", "hold", "split", "merge", "delay", "throttle"])
        if what in ("cut", "reset", "half-open"):
            proxy.strike(Fault(what, "in", after=randoms.randrange(400)))
        elif what == "hold":
            release = proxy.hold("in")
            await asyncio.sleep(randoms.uniform(0.0, 0.3))
            release()
        else:
            proxy.strike(
                Fault(what, "in", after=randoms.randrange(400), seconds=0.02, size=randoms.randrange(1, 200))
            )
        await asyncio.sleep(randoms.uniform(0.0, 0.15))
    proxy.relieve()


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("connections", [1, 2])
@pytest.mark.parametrize("sbe", [False, True])
@awaited
async def test_a_live_book_is_right(seed: int, connections: int, sbe: bool) -> None:
    randoms = random.Random(seed)
    async with Emulator(enforce_limits=False, limits=Limits(request_weight=10**8)) as exchange:
        url = exchange.sbe_stream_url if sbe else exchange.stream_url
        async with (
            Proxy(url, ports=2) as proxy,
            a_market(
                exchange,
                sbe,
                proxy.url,
                ports=proxy.ports,
                connections=connections,
                probe_interval=0.5,
                probe_timeout=0.5,
                connect_timeout=1.0,
            ) as (market, crowd),
        ):
            books = [await market.book(SYMBOL, depth=depth, on_change=crowd.look) for depth in (100, 1000)]
            chaos = asyncio.ensure_future(_chaos(proxy, randoms, 12))
            while not chaos.done():
                await crowd.act(1)
            await chaos
            for book in books:
                await book.wait_live(15)
            await crowd.act(2)
            await crowd.compare(*books)


@pytest.mark.slow
@awaited
async def test_200_books_after_a_loss_become_live_without_a_429() -> None:
    """At a weight of 50 they are 10,000 of 6,000 a minute: the window is made to end by the exchange's clock."""
    async with Emulator(limits=Limits(request_weight=6000)) as exchange:
        async with market_data(exchange.stream_url, snapshots=exchange.url) as market:
            names = list(exchange.core.engine.books)
            books = [
                await market.book(names[i % len(names)], depth=1000 - i // len(names), wait=False)
                for i in range(200)
            ]
            await until(lambda: sum(book.state == "live" for book in books) >= 100)
            for connection in list(exchange.stream_connections):
                connection.abort()
            await asyncio.sleep(2)
            stats = market.stats
            # a quiet market: most books go on by the next diff, or wait for a snapshot and say so
            assert all(book.state == "live" or book.reason for book in books)
            assert stats["snapshots_weight"] <= 6000
        assert not [record for record in exchange.journal if getattr(record, "status", 0) in (429, 418)]
