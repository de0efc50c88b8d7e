"""Naive order books to compare with, and an exchange that remembers its book at each update id."""

from __future__ import annotations

import random
from decimal import Decimal
from typing import Any

from fastws._native.book import BookReadings
from fastws._native.book_core import BookCore

Levels = dict[int, int]


class Market:
    """One symbol's book of an exchange: its diffs, and its levels after each of them."""

    def __init__(self, seed: int = 0, levels: int = 8, first_id: int = 100) -> None:
        self.random = random.Random(seed)
        self.bids: Levels = {10_000 - i: 5 + i for i in range(levels)}
        self.asks: Levels = {10_001 + i: 5 + i for i in range(levels)}
        self.update_id = first_id
        self.history: dict[int, tuple[Levels, Levels]] = {first_id: (dict(self.bids), dict(self.asks))}
        self.remembers = True
        self.diffs: list[tuple[int, int, list[tuple[int, int]], list[tuple[int, int]]]] = []

    def move(self, updates: int = 1, spread: int = 12) -> None:
        """One diff of so many updates; each changes a level."""
        first = self.update_id + 1
        changed: tuple[Levels, Levels] = ({}, {})
        for _ in range(updates):
            self.update_id += 1
            side = self.random.randrange(2)
            book, other = (self.bids, self.asks) if side == 0 else (self.asks, self.bids)
            if side == 0:
                price = min(other, default=10_001) - 1 - self.random.randrange(spread)
            else:
                price = max(other, default=10_000) + 1 + self.random.randrange(spread)
            quantity = 0 if self.random.random() < 0.4 and len(book) > 2 else self.random.randrange(1, 10**6)
            changed[side][price] = quantity
            if quantity:
                book[price] = quantity
            else:
                book.pop(price, None)
            if self.remembers:
                self.history[self.update_id] = (dict(self.bids), dict(self.asks))
        self.diffs.append((first, self.update_id, list(changed[0].items()), list(changed[1].items())))

    def depth(self, limit: int, update_id: int | None = None) -> dict[str, Any]:
        """A snapshot as the API gives it."""
        update_id = self.update_id if update_id is None else update_id
        bids, asks = self.history[update_id]
        return {
            "lastUpdateId": update_id,
            "bids": [[text(p), text(bids[p])] for p in sorted(bids, reverse=True)[:limit]],
            "asks": [[text(p), text(asks[p])] for p in sorted(asks)[:limit]],
        }


def text(number: int) -> str:
    """An integer as ticks of 10 ** -8."""
    return f"{Decimal(number).scaleb(-8):.8f}"


def load(core: BookCore, snapshot: dict[str, Any], limit: int) -> bool:
    """Give a snapshot to a book."""
    return core.load(snapshot["lastUpdateId"], snapshot["bids"], snapshot["asks"], limit)


def live_book(market: Market, limit: int = 1000, **options: Any) -> BookReadings:
    """A book that took the market's snapshot."""
    core = BookCore("BTCUSDT")
    core.begin()
    assert load(core, market.depth(limit), limit)
    return BookReadings(core, **options)


def check(book: BookReadings, market: Market) -> None:
    """A live book shows what the exchange had at the same update id, as far as the book knows."""
    bids, asks = market.history[book.update_id]
    low, high = book.depth_known
    expected_bids = [
        (p, bids[p])
        for p in sorted(bids, reverse=True)
        if low is None or Decimal(p).scaleb(-8) >= Decimal(low)
    ]
    expected_asks = [
        (p, asks[p]) for p in sorted(asks) if high is None or Decimal(p).scaleb(-8) <= Decimal(high)
    ]
    assert book.bids(ticks=True) == expected_bids
    assert book.asks(ticks=True) == expected_asks
    assert (book.bid, book.ask) == (
        text(expected_bids[0][0]) if expected_bids else None,
        text(expected_asks[0][0]) if expected_asks else None,
    )
