"""Order books against a naive model: whatever comes, a live book is that of the exchange at its update id."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fastws._native.book import BookReadings
from fastws._native.book_core import BookCore
from helpers.books import Market, check, live_book, load

WHAT = st.sampled_from(
    ["next", "next", "next", "skip", "again", "late", "cut", "snapshot", "old snapshot", "gap"]
)


@given(
    st.integers(0, 10**6),
    st.lists(st.tuples(WHAT, st.integers(1, 4)), max_size=60),
    st.sampled_from([2, 3, 5, 1000]),
)
@settings(max_examples=150, deadline=None)
def test_a_live_book_is_right(seed: int, steps: list[tuple[str, int]], limit: int) -> None:
    market = Market(seed)
    core = BookCore("BTCUSDT")
    book = BookReadings(core)
    late: list[Any] = []
    for what, size in steps:
        if what == "snapshot":
            if not core.is_synced:
                core.begin()
            load(core, market.depth(limit), limit)
        elif what == "old snapshot":
            core.begin()
            ids = sorted(market.history)
            load(core, market.depth(limit, ids[max(0, len(ids) - 1 - 3 * size)]), limit)
        elif what == "gap":
            core.interrupt()
        else:
            market.move(size)
            diff = market.diffs[-1]
            if what == "next":
                core.give(*diff)
            elif what == "again":
                core.give(*diff)
                core.give(*diff)
            elif what == "late":
                late.append(diff)
            elif what == "cut":  # another connection cuts differently: two diffs in one
                first, _, bids, asks = market.diffs[max(0, len(market.diffs) - 2)]
                core.give(
                    first, diff[1], [*dict([*bids, *diff[2]]).items()], [*dict([*asks, *diff[3]]).items()]
                )
            if what != "late":
                for other in late:
                    core.give(*other)
                late.clear()
        if book.state == "live":
            check(book, market)
    core.begin()
    while not core.is_synced or core.is_keeping:
        assert load(core, market.depth(limit), limit)
    assert (book.state, book.update_id) == ("live", market.update_id)
    check(book, market)


def test_a_long_life_of_many_levels() -> None:
    market = Market(1, levels=5000)
    book = live_book(market, 5000)
    market.remembers = False
    for i in range(1500):
        market.move(20, spread=5000 if i % 2 else 10)
        book.core.give(*market.diffs[-1])
    market.history[market.update_id] = (market.bids, market.asks)
    check(book, market)
    assert (book.state, book.stats["events"]) == ("live", 1500)


@pytest.mark.parametrize("seed", range(5))
def test_random_levels_are_sorted(seed: int) -> None:
    randoms = random.Random(seed)
    core = BookCore("BTCUSDT")
    book = BookReadings(core)
    core.begin()
    assert core.load(1, [], [], 1000)
    bids: dict[int, int] = {}
    asks: dict[int, int] = {}
    for update in range(2, 400):
        changes = []
        for book_of, base in ((bids, 0), (asks, 1000)):
            side = [
                (base + randoms.randrange(1, 1000), randoms.choice([0, 0, 1, 2**62]))
                for _ in range(randoms.randrange(6))
            ]
            for price, quantity in side:
                book_of[price] = quantity
            changes.append(side)
        core.give(update, update, *changes)
        assert book.bids(ticks=True) == sorted([(p, q) for p, q in bids.items() if q], reverse=True)
        assert book.asks(ticks=True) == sorted([(p, q) for p, q in asks.items() if q])
