"""A crowd that moves the order book of an embedded exchange, and remembers what ``depth`` said."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import random
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import fastws
from fastws.emulator import Emulator
from fastws.feeds.api import market_data
from fastws.feeds.book import Book
from fastws.feeds.market import MarketData

SYMBOL = "BTCUSDT"
LIMITS = (1, 5, 20, 100, 500, 1000, 5000)


def awaited(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """A test that is a coroutine, in an event loop of its own, for at most half a minute."""

    @functools.wraps(test)
    def run(*args: Any, **kwargs: Any) -> None:
        asyncio.run(asyncio.wait_for(test(*args, **kwargs), 30))

    return run


async def until(condition: Callable[[], bool]) -> None:
    """Look every 10 ms until it holds; the test's time limits it."""
    while not condition():  # noqa: ASYNC110  # nothing tells of it
        await asyncio.sleep(0.01)


class Crowd:
    """Places and cancels orders; ``truth`` has the answers of ``depth`` by update id."""

    def __init__(self, client: fastws.Client, seed: int = 1) -> None:
        self.client = client
        self.random = random.Random(seed)
        self.truth: dict[int, dict[str, Any]] = {}
        self.wrong: list[str] = []
        self.compared = 0

    async def act(self, times: int) -> None:
        """So many orders, one after the other."""
        for _ in range(times):
            buys = self.random.random() < 0.5
            away = self.random.choice([self.random.randrange(1, 40), self.random.randrange(1, 3000)])
            price = (6_000_000 - 10 - away) if buys else (6_000_001 + 10 + away)
            if self.random.random() < 0.1:
                with contextlib.suppress(fastws.ApiError):  # there are none
                    await self.client.open_orders_cancel_all(symbol=SYMBOL)
            await self.client.order_place(
                symbol=SYMBOL,
                side="BUY" if buys else "SELL",
                type="LIMIT",
                timeInForce="GTC",
                price=f"{price / 100:.2f}",
                quantity=f"0.000{self.random.randrange(11, 99)}",
            )
            await self.note()

    async def note(self) -> dict[str, Any]:
        """Ask for the whole book."""
        depth: dict[str, Any] = await self.client.request("depth", {"symbol": SYMBOL, "limit": 5000})
        self.truth[depth["lastUpdateId"]] = depth
        return depth

    def look(self, book: Book) -> None:
        """``on_change`` of a book: compare it with what the exchange said at this update id."""
        depth = self.truth.get(book.update_id)
        if depth is None:
            return
        self.compared += 1
        if difference := differs(book, depth):
            self.wrong.append(difference)

    async def compare(self, *books: Book) -> None:
        """When all is quiet, each book equals ``depth`` at every limit."""
        depth = await self.note()
        for book in books:
            while book.state != "live" or book.update_id < depth["lastUpdateId"]:
                await asyncio.wait([book._next_change(asyncio.get_running_loop())], timeout=0.05)
                depth = await self.note()
            for limit in LIMITS:
                found = await self.client.request("depth", {"symbol": SYMBOL, "limit": limit})
                assert book.update_id == found["lastUpdateId"]
                known = min(limit, len(book.bids())), min(limit, len(book.asks()))
                assert book.bids(limit) == [tuple(level) for level in found["bids"][: known[0]]]
                assert book.asks(limit) == [tuple(level) for level in found["asks"][: known[1]]]
                if book.depth_known == (None, None):
                    assert known == (len(found["bids"]), len(found["asks"]))
        assert self.wrong == []


def differs(book: Book, depth: dict[str, Any]) -> str:
    """What a book shows otherwise than ``depth``; "" for nothing."""
    for name, mine in (("bids", book.bids()), ("asks", book.asks())):
        theirs = [tuple(level) for level in depth[name][: len(mine)]]
        if mine != theirs:
            return f"{name} at {book.update_id}: {mine[:3]}… for {theirs[:3]}…"
    return ""


@contextlib.asynccontextmanager
async def a_market(
    exchange: Emulator, sbe: bool = False, url: str = "", **options: Any
) -> AsyncIterator[tuple[MarketData, Crowd]]:
    """A market session and a crowd at an exchange."""
    keys = exchange.add_account(balances={"BTC": "1000", "USDT": "100000000"})
    if sbe:
        options |= {"sbe": True, "api_key": exchange.add_account().api_key}
    options.setdefault("snapshots", exchange.url)
    async with (
        fastws.connect(exchange.url, api_key=keys.api_key, private_key=keys.private_key) as client,
        market_data(url or (exchange.sbe_stream_url if sbe else exchange.stream_url), **options) as market,
    ):
        yield market, Crowd(client)
