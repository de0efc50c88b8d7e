"""Resident memory of a process that keeps books of 100 symbols by diffs over a socket, in a process of its own.

    python bench/market_memory.py EVENTS [json]    10000000 for the long run

It prints as JSON, for each tenth of the events, the events so far and the resident bytes.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

import fastws  # noqa: E402
from bench import market_feeds, native  # noqa: E402
from bench.market_clients import KEY  # noqa: E402
from bench.market_feeds import Twins  # noqa: E402
from bench.memory import resident  # noqa: E402
from fastws._native.book import BookReadings  # noqa: E402
from fastws._native.book_core import BookCore  # noqa: E402

BOOKS = 100
DIFFS = 80  # of a symbol, before they begin anew with ids that go on rising


def recording(symbols: list[str]) -> tuple[dict[str, Any], list[Twins]]:
    """The snapshot of each symbol, and all diffs, in turn."""
    snapshots, made = {}, []
    for symbol in symbols:
        snapshots[symbol], diffs = market_feeds.cyclic_diffs(DIFFS, symbol)
        made.append(diffs)
    return snapshots, [diff for turn in zip(*made, strict=True) for diff in turn]


async def run(events: int, sbe: bool) -> list[tuple[int, int]]:
    symbols = market_feeds.symbols(BOOKS)
    snapshots, diffs = recording(symbols)
    step = max(1, events // 10 // len(diffs)) * len(diffs)
    taken: list[tuple[int, int]] = []
    with native.Server("spin", {}, feeds={"diffs": market_feeds.recorded(diffs, sbe=sbe)}) as server:
        options: dict[str, Any] = {"sbe": True, "api_key": KEY} if sbe else {}
        async with fastws.market_data(server.url("stream"), reconnect=False, **options) as market:
            cores = {symbol: BookCore(symbol) for symbol in symbols}
            for symbol, core in cores.items():
                snapshot = snapshots[symbol]
                core.begin()
                core.load(snapshot["lastUpdateId"], snapshot["bids"], snapshot["asks"], market_feeds.LEVELS)
            await asyncio.gather(
                *(market._acquire(market._parse([f"{s.lower()}@depth"]), core) for s, core in cores.items())
            )

            def applied() -> int:
                return sum(core.events for core in cores.values())

            for tenth in range(11):
                for _ in range(60_000):
                    if applied() >= tenth * step:
                        break
                    await asyncio.sleep(0.002)
                taken.append((applied(), resident()))
                server.play("diffs", 0, step if tenth < 10 else 0)
            tops = [BookReadings(core) for core in cores.values()]
            assert applied() == 10 * step
            assert all(float(book.bid) < float(book.ask) for book in tops)
    return taken


if __name__ == "__main__":
    print(json.dumps(asyncio.run(run(int(sys.argv[1]), "json" not in sys.argv))))
