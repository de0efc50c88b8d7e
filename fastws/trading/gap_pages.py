"""The rows of a query that answers in pages: ``allOrders``, ``allOrderLists``, ``myTrades``, over a time span.

The exchange's facts (web-socket-api.md): a page has at most 1000 rows, and a span is at most 24 hours. Which of more
rows it shows is not documented. So a full page is not trusted: its span is asked again in two parts, divided where its
rows are. A span of one moment cannot be divided: the rows behind a full page are then asked by their ids, if the
exchange shows the lowest ids first. Whether it does is asked as well.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from .results import as_microseconds

__all__ = ["PAGE", "History", "Pages"]

PAGE = 1000  # rows
_DAY = 86_400_000_000 - 1_000  # microseconds

Row = dict[str, Any]


@dataclass(frozen=True)
class History:
    """A query with pages.

    Attributes:
        method: Binance's name.
        first: the parameter that names the lowest id of a page.
        number: the field of a row that has its id.
        time: the field that has the time by which a span selects.
        ordered: rows of higher ids are never older.
    """

    method: str
    first: str
    number: str
    time: str
    ordered: bool


class Pages:
    """Collects the rows of one query.

    Args:
        history: the query.
        params: what each question has besides the span: the symbol.
        ask: sends a question, with the method and all parameters.

    Attributes:
        rows: what was found, each row once; rows outside of the spans may be among them.
        missing: why rows may be missing, in words.
    """

    def __init__(
        self,
        history: History,
        params: Mapping[str, Any],
        ask: Callable[[str, dict[str, Any]], Awaitable[list[Row]]],
    ) -> None:
        self._history = history
        self._params = dict(params)
        self._ask = ask
        self._found: dict[tuple[Any, ...], Row] = {}
        self._scanned_from: int | None = None  # all rows from this id on are known
        self.missing: list[str] = []

    @property
    def rows(self) -> list[Row]:
        return list(self._found.values())

    async def span(self, start: int, end: int) -> None:
        """Find the rows of a time span of any length, in microseconds; its ends belong to it."""
        while start <= end:
            last = min(end, start + _DAY)
            await self._part(start, last)
            start = last + 1

    async def behind(self, number: int, end: int) -> None:
        """Find the rows with ids above ``number``: up to the time ``end`` if they are ordered, else all."""
        await self._by_id(number + 1, end)

    async def _part(self, start: int, end: int) -> None:
        page = await self._page(startTime=start, endTime=end)
        if len(page) < PAGE:
            return
        times = sorted(self._time(row) for row in page)
        # rows in milliseconds do not say at which microsecond they are
        step = 1000 if all(time % 1000 == 0 for time in times) else 1
        first = times[len(times) // 2]
        if end - start < step:
            await self._one_moment(start, end, page)
            return
        if not start - step < first <= end:
            middle = (start + end) // 2  # the rows show another time than that by which the span selects
        elif first > start and first + step > end:
            middle = first - 1  # the rows are at the end of the span
        else:
            middle = min(max(first + step - 1, start), end - 1)
        await self._part(start, middle)
        await self._part(middle + 1, end)

    async def _one_moment(self, start: int, end: int, page: list[Row]) -> None:
        """Find the rows of a span that is too short to be divided, and has more rows than a page."""
        numbers = [row[self._history.number] for row in page]
        shortest = await self._page(startTime=start, endTime=end, limit=1)
        if [row[self._history.number] for row in shortest] != [min(numbers)]:
            self.missing.append(
                f"more than {PAGE} rows have the time {start}, and the exchange does not show the first of them first"
            )
            return
        if self._scanned_from is None or max(numbers) < self._scanned_from:
            await self._by_id(max(numbers), end)

    async def _by_id(self, number: int, end: int) -> None:
        first = number
        while True:
            page = await self._page(**{self._history.first: number})
            numbers = [row[self._history.number] for row in page]
            if self._history.ordered and any(self._time(row) > end for row in page):
                return  # what is known from here on depends on the time
            if len(page) < PAGE:
                break
            # one trade may be two rows, of the two orders of one account: so begin with the last id again
            number = max(numbers) if max(numbers) > number else number + 1
        self._scanned_from = first if self._scanned_from is None else min(first, self._scanned_from)

    async def _page(self, limit: int | None = None, **by: int) -> list[Row]:
        rows = await self._ask(self._history.method, {**self._params, **by, "limit": limit or PAGE})
        for row in rows:
            key = (row.get("symbol"), row[self._history.number], row.get("orderId"))
            self._found[key] = row
        return rows

    def _time(self, row: Row) -> int:
        return as_microseconds(row[self._history.time])
