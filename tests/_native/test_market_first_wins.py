"""The first connection that brings an event delivers it: random arrivals beside plain models."""

from __future__ import annotations

import asyncio
import gc
import random
from typing import Any

import pytest

from fastws._native.market_router import MarketEvents
from helpers.market import DIFF, TOP, TRADE, Market, diff, top, trade
from helpers.support import in_loop


def taken(events: MarketEvents) -> list[Any]:
    return list(iter(events.take, None))


def interleaved(rng: random.Random, feeds: list[list[Any]]) -> list[tuple[int, Any]]:
    """What arrives, and by which connection: each keeps its own order."""
    waiting = [list(feed) for feed in feeds]
    arrived = []
    while any(waiting):
        by = rng.choice([i for i, feed in enumerate(waiting) if feed])
        arrived.append((by, waiting[by].pop(0)))
    return arrived


@pytest.mark.parametrize("seed", range(30))
@pytest.mark.parametrize(("kind", "make"), [(TRADE, trade), (TOP, top)])
@in_loop
async def test_ids_rise_and_none_is_left_out_that_came_in_time(seed: int, kind: int, make: Any) -> None:
    rng = random.Random(seed)
    count = rng.randint(2, 4)
    market = Market(asyncio.get_running_loop(), connections=count)
    events = market.events(market.stream("x", kind))
    feeds = [[i for i in range(1, 60) if rng.random() < 0.8] for _ in range(count)]
    expected: list[int] = []
    for by, event_id in interleaved(rng, feeds):
        market.send("x", make(event_id), by=by)
        if not expected or event_id > expected[-1]:
            expected.append(event_id)
    assert [event.get("t", event.get("u")) for event in taken(events)] == expected


def cut(rng: random.Random, changes: int) -> list[dict[str, Any]]:
    """Changes 1 to ``changes`` as diffs that one connection cuts in its own way. Change i sets level i % 7 to i."""
    diffs, first = [], 1
    while first <= changes:
        last = min(changes, first + rng.randint(0, 4))
        levels = {i % 7: i for i in range(first, last + 1)}
        diffs.append(diff(first, last, [[str(1 + level), str(i)] for level, i in levels.items()]))
        first = last + 1
    return diffs


@pytest.mark.parametrize("seed", range(60))
@in_loop
async def test_diffs_of_connections_that_cut_and_lose_differently_make_one_book(seed: int) -> None:
    rng = random.Random(seed)
    changes = 120
    market = Market(asyncio.get_running_loop(), connections=2)
    stream = market.stream("x", DIFF)
    events = market.events(stream)
    feeds = [cut(rng, changes) for _ in range(2)]
    arrived = []
    lost: set[int] = set()
    lag = 0
    while any(feeds):
        # neither is more than a few diffs ahead, and a change is lost on one of them only
        by = 0 if lag <= -3 or not feeds[1] else 1 if lag >= 3 or not feeds[0] else rng.randint(0, 1)
        if not feeds[by]:
            by = 1 - by
        lag += 1 if by == 0 else -1
        event = feeds[by].pop(0)
        ids = set(range(event["U"], event["u"] + 1))
        if rng.random() < 0.15 and not ids & lost and event["U"] > 10:
            lost |= ids
        else:
            arrived.append((by, event))
    for by, event in arrived:
        market.send("x", event, by=by)
    delivered = taken(events)
    book: dict[str, str] = {}
    last = 0
    for event in delivered:
        assert event["U"] <= last + 1, "a gap, though the other connection had what is missing"
        assert event["u"] > last
        last = event["u"]
        book |= dict(event["b"])
    if stream.last_id == changes:
        truth = {str(1 + i % 7): str(i) for i in range(1, changes + 1)}
        assert book == truth


@in_loop
async def test_nothing_is_left_when_all_is_dropped() -> None:
    """Held messages, buffers and their errors are freed."""

    async def session() -> None:
        market = Market(asyncio.get_running_loop(), connections=2)
        stream = market.stream("x", DIFF)
        for conflate in (False, True):
            market.events(stream, conflate=conflate)
        market.send("x", diff(1, 2))
        for first in range(10, 100):
            market.send("x", diff(first, first))
        market.wires[0].send('{"stream":"x","data":{"U":1000,"u":')
        for wire in market.wires:
            wire.lose()
        market.router.drop("x")

    await session()
    gc.collect()
    before = len(gc.get_objects())
    for _ in range(20):
        await session()
    await asyncio.sleep(0.03)  # asyncio keeps a cancelled timer until its time
    gc.collect()
    assert len(gc.get_objects()) - before < 100
