"""Order books of 1,000 levels a side: a diff of twenty levels, decode included, and the best prices after it.

The reference is orjson.loads and the ``order-book`` package, which is written in C, with floats as its keys: the least
that it can cost. With Decimal, which its documentation shows, it is slower; that stands beside it. It sorts its keys
when they are read, so a diff alone costs it little, and a look at the best price after each diff much.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import orjson
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from bench import market_feeds, native
from bench.harness import Batch, Ratio, compare
from fastws._native.book import BookReadings
from fastws._native.book_core import BookCore

COUNT = 300
PADDING = bytes(64)
SNAPSHOT, DIFFS, TOP = market_feeds.diffs(COUNT)


class Ours:
    """A book of fastws, fed by one of its decoders."""

    def __init__(self, decoder: Any, messages: list[bytes]) -> None:
        self._apply, self._messages = decoder.apply, messages
        self._singles = [[message] for message in messages]
        self.reset()

    def reset(self) -> None:
        """A new book, since one never goes back to an older snapshot."""
        self.core = BookCore("BTCUSDT")
        self.readings = BookReadings(self.core)
        self.core.begin()
        self.core.load(SNAPSHOT["lastUpdateId"], SNAPSHOT["bids"], SNAPSHOT["asks"], market_feeds.LEVELS)

    def take(self) -> None:
        self._apply(self.core, self._messages)

    def take_and_look(self) -> None:
        apply, core, readings = self._apply, self.core, self.readings
        for message in self._singles:
            apply(core, message)
            readings.bid  # noqa: B018
            readings.ask  # noqa: B018

    def check(self) -> None:
        assert self.core.events == COUNT
        assert (self.readings.bid, self.readings.ask) == TOP

    def levels(self) -> tuple[list[tuple[Any, Any]], list[tuple[Any, Any]]]:
        return (
            [(float(price), float(quantity)) for price, quantity in self.readings.bids(900)],
            [(float(price), float(quantity)) for price, quantity in self.readings.asks(900)],
        )


class Theirs:
    """orjson and order-book."""

    def __init__(self, number: Callable[[str], Any]) -> None:
        self._number = number
        self._messages = [each.text for each in DIFFS]
        self.book: Any = None

    def reset(self) -> None:
        number = self._number
        self.book = pytest.importorskip("order_book").OrderBook()
        self.book.bids = {number(price): number(quantity) for price, quantity in SNAPSHOT["bids"]}
        self.book.asks = {number(price): number(quantity) for price, quantity in SNAPSHOT["asks"]}
        self.look()

    def look(self) -> None:
        self.book.bids.index(0)
        self.book.asks.index(0)

    def _take(self, look: Callable[[], object] | None) -> None:
        loads, number = orjson.loads, self._number
        bids, asks = self.book.bids, self.book.asks
        for message in self._messages:
            data = loads(message)["data"]
            for side, levels in ((bids, data["b"]), (asks, data["a"])):
                for price_text, quantity_text in levels:
                    price, quantity = number(price_text), number(quantity_text)
                    if quantity:
                        side[price] = quantity
                    elif price in side:
                        del side[price]
            if look is not None:
                look()

    def take(self) -> None:
        self._take(None)

    def take_and_look(self) -> None:
        bid, ask = self.book.bids.index, self.book.asks.index
        self._take(lambda: (bid(0), ask(0)))

    def check(self) -> None:
        bid, ask = map(self._number, TOP)
        assert (self.book.bids.index(0)[0], self.book.asks.index(0)[0]) == (bid, ask)

    def levels(self) -> tuple[list[tuple[Any, Any]], list[tuple[Any, Any]]]:
        bids, asks = self.book.bids, self.book.asks
        return (
            [tuple(map(float, bids.index(i))) for i in range(900)],  # type: ignore[misc]
            [tuple(map(float, asks.index(i))) for i in range(900)],  # type: ignore[misc]
        )


def _timed(book: Ours | Theirs, run: Callable[[], None]) -> Batch:
    def batch() -> float:
        book.reset()
        start = time.perf_counter_ns()
        run()
        took = time.perf_counter_ns() - start
        book.check()
        return took / COUNT

    return batch


def _books() -> dict[str, Ours | Theirs]:
    parts = native.market_parts_module()
    return {
        "fastws, SBE": Ours(parts.SbeDecoder(), [each.sbe for each in DIFFS]),
        "fastws, JSON": Ours(parts.JsonDecoder(), [each.text + PADDING for each in DIFFS]),
        "orjson + order-book, float": Theirs(float),
        "orjson + order-book, Decimal": Theirs(Decimal),
    }


def test_diff(benchmark: BenchmarkFixture) -> None:
    books = _books()
    expected = None
    for name, book in books.items():
        book.reset()
        book.take()
        levels = book.levels()
        assert expected in (None, levels), f"{name} has other levels"
        expected = levels
        assert (levels[0][0][0], levels[1][0][0]) == tuple(map(float, TOP))
    stage = "diff of 20 levels into a book"
    compare(
        benchmark,
        {name: _timed(book, book.take) for name, book in books.items()},
        [
            Ratio(stage, "fastws, SBE", "orjson + order-book, float", 0.10),
            Ratio(stage, "fastws, JSON", "orjson + order-book, float", 0.35),
            Ratio(stage, "fastws, SBE", "orjson + order-book, Decimal"),
            Ratio(stage, "fastws, JSON", "orjson + order-book, Decimal"),
        ],
        operation="one diff of 20 levels, from its bytes",
        compared=f"the best 900 levels of each side after {COUNT} diffs",
        rounds=20,
    )


def test_top_after_an_event(benchmark: BenchmarkFixture) -> None:
    books = _books()
    for book in books.values():
        book.reset()
        book.take_and_look()
        assert (book.levels()[0][0][0], book.levels()[1][0][0]) == tuple(map(float, TOP))
    stage = "diff of 20 levels, and the best bid and ask after it"
    compare(
        benchmark,
        {name: _timed(book, book.take_and_look) for name, book in books.items()},
        [
            Ratio(stage, "fastws, SBE", "orjson + order-book, float", 0.05),
            Ratio(stage, "fastws, JSON", "orjson + order-book, float", 0.35),
            Ratio(stage, "fastws, SBE", "orjson + order-book, Decimal"),
        ],
        operation="one diff of 20 levels, from its bytes, and the best bid and ask as texts",
        compared=f"the best bid and ask after {COUNT} diffs",
        rounds=10,
    )
