"""An exchange whose market moves when the test buys, and sessions of its market data whose attempts do not wait."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import fastws
from fastws.emulator import Emulator
from fastws.feeds.market import MarketData


class Exchange:
    """An emulator, and a client of it that trades."""

    def __init__(self, emulator: Emulator, client: fastws.Client, api_key: str) -> None:
        self.emulator = emulator
        self.client = client
        self.api_key = api_key

    async def buy(self, quantity: str = "0.001", symbol: str = "BTCUSDT") -> None:
        """Trade: each purchase is one trade event or more, a new best ask, and a diff."""
        await self.client.order_place(symbol=symbol, side="BUY", type="MARKET", quantity=quantity)

    def asked(self, method: str) -> list[list[str]]:
        """The names in the control requests of this method that reached the exchange."""
        return [record.params for record in self.emulator.journal if record.method == method]

    def carried(self) -> list[set[str]]:
        """The streams of each of its open connections."""
        return [set(each.streams) for each in self.emulator.stream_connections]


@contextlib.asynccontextmanager
async def exchanging(**options: Any) -> AsyncIterator[Exchange]:
    async with Emulator(**{"market": "still", "enforce_limits": False, **options}) as emulator:
        account = emulator.add_account("Ed25519")
        signer = fastws.load_signer(account.api_key, private_key=account.private_key)
        async with fastws.connect(emulator.url, signer=signer) as client:
            yield Exchange(emulator, client, account.api_key)


def session(url: str, **options: Any) -> MarketData:
    """A session that is not open yet, and whose attempts to connect do not wait."""
    market = fastws.market_data(url, **options)
    for feed in market._feeds():
        hasten(feed)
    return market


def hasten(feed: Any) -> None:
    for backoff in (feed.supervisor.backoff, feed.supervisor.rotation.backoff):
        backoff.uniform = lambda low, high: low
        backoff.refused = 0.0


@contextlib.asynccontextmanager
async def marketing(**options: Any) -> AsyncIterator[tuple[Exchange, MarketData]]:
    """An exchange, and an open session of its market data in JSON; nothing of it is left at the end."""
    of_exchange = {
        name: options.pop(name) for name in list(options) if name in ("nested_stream_errors", "limits")
    }
    async with exchanging(**of_exchange) as exchange:
        before = asyncio.all_tasks()
        market = session(exchange.emulator.stream_url, **options)
        async with market:
            yield exchange, market
        nothing_left(market)
        assert asyncio.all_tasks() <= before


def nothing_left(market: MarketData) -> None:
    """No connection, task or timer of the session is left."""
    assert market.state == "closed"
    assert not market._wanted._tasks
    for feed in market._feeds():
        assert not feed.session.connections
        assert not feed.session._looks
        assert feed.session._draining is None
        assert all(each.is_disconnected for each in feed.supervisor._ending.connections())
        assert feed.supervisor.attempts._timer is None
        assert feed.supervisor.rotation._timer is None


def cut(market: MarketData, place: int = 0) -> None:
    """Cut the connection in use of a feed, from its own side."""
    route = market._feeds()[place].session.route
    assert route is not None
    route.abort()


async def next_of(subscription: Any, kind: str | None = None) -> Any:
    """The next event; of this type, if one is given."""
    while True:
        event = await asyncio.wait_for(anext(subscription), 5)
        if kind is None or event.get("e") == kind:
            return event
