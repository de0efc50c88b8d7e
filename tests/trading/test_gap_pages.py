"""fastws.trading.gap_pages: all rows of a time span, each once, whatever fits on a page."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest

from fastws.trading import gap_pages
from fastws.trading.gap_pages import History, Pages

ORDERS = History("allOrders", "orderId", "orderId", "updateTime", ordered=False)
TRADES = History("myTrades", "fromId", "id", "time", ordered=True)
DAY = 86_400_000_000
NOON = 1_800_000_000_000_000


class Exchange:
    """Answers as allOrders or myTrades; `shows` says which rows of a long list: "lowest ids", "oldest", "newest"."""

    def __init__(self, history: History, rows: list[tuple[int, int]], shows: str, unit: int) -> None:
        self.history, self.shows, self.unit = history, shows, unit
        self.rows = sorted(rows)
        self.questions = 0

    async def ask(self, method: str, params: dict[str, Any]) -> list[dict[str, Any]]:
        assert method == self.history.method
        assert params["symbol"] == "X"
        self.questions += 1
        assert self.questions < 2000
        start, end = params.get("startTime"), params.get("endTime")
        if start is not None:
            assert 0 <= end - start <= DAY
            assert self.history.first not in params
        first = params.get(self.history.first, 0)
        found = [
            (number, at)
            for number, at in self.rows
            if number >= first and (start is None or start <= at <= end)
        ]
        limit = params["limit"]
        if start is not None and self.shows != "lowest ids":
            found.sort(key=lambda row: (row[1], row[0]))
            found = found[-limit:] if self.shows == "newest" else found[:limit]
            found.sort()
        else:
            found = found[:limit]
        return [
            {"symbol": "X", self.history.number: number, self.history.time: at // self.unit}
            for number, at in found
        ]


def collected(exchange: Exchange, *spans: tuple[int, int]) -> tuple[list[int], list[str]]:
    """The ids that are found in the spans, and what is missing."""
    pages = Pages(exchange.history, {"symbol": "X"}, exchange.ask)

    async def main() -> None:
        for span in spans:
            await pages.span(*span)

    asyncio.run(main())
    return sorted(row[exchange.history.number] for row in pages.rows), pages.missing


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gap_pages, "PAGE", 10)


@pytest.mark.parametrize("shows", ["lowest ids", "oldest", "newest"])
@pytest.mark.parametrize("unit", [1, 1000])
@pytest.mark.parametrize("history", [ORDERS, TRADES], ids=lambda history: history.method)
def test_all_rows_of_a_span_are_found_whatever_a_page_shows(
    small: None, history: History, unit: int, shows: str
) -> None:
    for seed in range(40):
        rng = random.Random(seed)
        length = rng.choice([1, 900, 5_000, 1_000_000, 3_600_000_000, 3 * DAY])
        times = []
        for _ in range(rng.randrange(0, 60)):
            at = NOON + rng.randrange(-length // 4, length + length // 4 + 1)
            times += [at] * rng.choice([1, 1, 1, 2, 9])
        if history.ordered:
            times.sort()
        # not more than a page at one moment: that is another test
        times = [at for place, at in enumerate(times) if times[:place].count(at) < 9]
        by_ms: dict[int, int] = {}
        for at in times:
            by_ms[at // 1000] = by_ms.get(at // 1000, 0) + 1
        if unit == 1000 and max(by_ms.values(), default=0) > 9 and shows != "lowest ids":
            continue
        rows = list(enumerate(times, 1))
        exchange = Exchange(history, rows, shows, unit)
        found, missing = collected(exchange, (NOON, NOON + length))
        wanted = [number for number, at in rows if NOON <= at <= NOON + length]
        assert missing == []
        assert set(wanted) <= set(found)
        assert len(found) == len(set(found))


@pytest.mark.parametrize("history", [ORDERS, TRADES], ids=lambda history: history.method)
@pytest.mark.parametrize("count", [999, 1000, 1001, 2000, 2001, 3500])
@pytest.mark.parametrize("unit", [1, 1000])
def test_rows_of_one_moment_are_found_by_their_ids(history: History, count: int, unit: int) -> None:
    before = [(number, NOON - 5_000_000 + number) for number in range(1, 50)]
    dense = [(number, NOON) for number in range(100, 100 + count)]
    behind = [(number, NOON + 1_000_000 + number) for number in range(9_000, 9_050)]
    exchange = Exchange(history, before + dense + behind, "lowest ids", unit)
    found, missing = collected(exchange, (NOON - 10_000_000, NOON + 10_000_000))
    assert missing == []
    assert found == [number for number, _ in before + dense + behind]
    assert exchange.questions <= 12


@pytest.mark.parametrize("shows", ["newest"])
def test_rows_of_one_moment_that_an_exchange_hides_are_missing_and_that_is_said(shows: str) -> None:
    dense = [(number, NOON) for number in range(100, 1101)]
    exchange = Exchange(ORDERS, dense, shows, 1)
    found, missing = collected(exchange, (NOON - 1000, NOON + 1000))
    assert len(found) == 1000
    (reason,) = missing
    assert "more than 1000 rows have the time 1800000000000000" in reason


def test_a_span_of_days_is_asked_by_days_and_no_moment_is_left_out_between_them() -> None:
    edges = [
        NOON,
        NOON + DAY - 1001,
        NOON + DAY - 1000,
        NOON + DAY - 999,
        NOON + DAY,
        NOON + 2 * DAY,
        NOON + 3 * DAY,
    ]
    exchange = Exchange(ORDERS, list(enumerate(edges)), "lowest ids", 1)
    found, missing = collected(exchange, (NOON, NOON + 3 * DAY))
    assert (found, missing) == (list(range(len(edges))), [])
    assert exchange.questions == 4


def test_one_trade_of_two_own_orders_is_two_rows_and_none_is_lost_between_pages(small: None) -> None:
    class Twice(Exchange):
        async def ask(self, method: str, params: dict[str, Any]) -> list[dict[str, Any]]:
            limit = params["limit"]
            rows = await super().ask(method, {**params, "limit": 100})
            return [{**row, "orderId": side} for row in rows for side in (1, 2)][:limit]

    exchange = Twice(TRADES, [(number, NOON) for number in range(1, 16)], "lowest ids", 1)
    found, missing = collected(exchange, (NOON - 5, NOON + 5))
    assert (found, missing) == (sorted([*range(1, 16)] * 2), [])


def test_trades_behind_a_known_one_are_asked_by_id_up_to_the_end(small: None) -> None:
    exchange = Exchange(TRADES, [(number, NOON + number) for number in range(100)], "lowest ids", 1)
    pages = Pages(TRADES, {"symbol": "X"}, exchange.ask)
    asyncio.run(pages.behind(4, NOON + 30))
    found = sorted(row["id"] for row in pages.rows)
    assert found[0] == 5
    assert set(range(5, 31)) <= set(found)
    assert exchange.questions == 3
