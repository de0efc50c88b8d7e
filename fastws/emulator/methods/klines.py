"""Klines: the trades of each interval."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from ..exchange.state import Exchange
from ..matching.book import Book
from ..matching.tape import Tape, TradeSum
from ..values.decimals import decimal_text
from .market_params import MINUTE, SECOND, Interval, read_limit
from .request import Request

__all__ = ["KlineSums", "kline_at", "klines"]


def klines(exchange: Exchange, request: Request) -> list[list[Any]]:
    """The klines that begin in a time span, from its start; without a start, the last ones.

    There is a kline for each interval since the first trade. A kline without trades has the previous price. No klines
    begin while a symbol is in CANCEL_ONLY.
    """
    values, divisor = request.values, request.connection.time_divisor
    book = exchange.book(values["symbol"])
    tape = book.trades.read()
    limit = read_limit(values)
    if not tape.times:
        return []
    interval: Interval = values["interval"]
    offset = values.get("timeZone", 0)
    now_us = request.now_us if book.klines_until is None else book.klines_until
    opens = _opens(interval, offset, tape.times[0], now_us, limit, values)
    if not opens:
        return []
    rows = []
    end = interval.after(opens[-1], offset)
    parts = _parts(tape, interval, opens[0], end)
    part = next(parts, None)
    place = tape.place_at(opens[0])
    close = tape.prices[place - 1] if place else tape.prices[0]
    for open_us in opens:
        after = interval.after(open_us, offset)
        whole: TradeSum | None = None
        while part is not None and part[0] < after:
            if whole is None:
                whole = part[1].copy()
            else:
                whole.add(part[1])
            part = next(parts, None)
        rows.append(_row(open_us, after, whole, close, divisor))
        if whole is not None:
            close = whole.close
    return rows


def _opens(
    interval: Interval, offset: int, first_us: int, now_us: int, limit: int, values: dict[str, Any]
) -> list[int]:
    """The open times of the requested klines."""
    earliest = interval.floor(first_us, offset)
    latest = interval.floor(min(now_us, values.get("endTime", now_us)), offset)
    opens: list[int] = []
    if values.get("startTime", 0) > now_us:
        return opens
    if "startTime" in values:
        open_us = max(interval.ceil(values["startTime"], offset), earliest)
        while open_us <= latest and len(opens) < limit:
            opens.append(open_us)
            open_us = interval.after(open_us, offset)
        return opens
    while latest >= earliest and len(opens) < limit:
        opens.append(latest)
        latest = interval.floor(latest - 1, offset)
    opens.reverse()
    return opens


def _parts(tape: Tape, interval: Interval, start_us: int, end_us: int) -> Iterator[tuple[int, TradeSum]]:
    """The sums of the trades by minute, or by second for intervals shorter than a minute."""
    if interval.length != SECOND:
        return (
            (minute * MINUTE, found) for minute, found in tape.minutes(start_us // MINUTE, end_us // MINUTE)
        )
    return _seconds(tape, start_us, end_us)


def _seconds(tape: Tape, start_us: int, end_us: int) -> Iterator[tuple[int, TradeSum]]:
    place, end = tape.place_at(start_us), tape.place_at(end_us)
    while place < end:
        second = tape.times[place] // SECOND * SECOND
        after = place + 1
        while after < end and tape.times[after] < second + SECOND:
            after += 1
        found = tape.sum_places(place, after)
        if found is not None:
            yield second, found
        place = after


class KlineSums(NamedTuple):
    """What a kline shows: the decimals open, high, low, close, volumes (base, quote, of takers: base, quote)."""

    texts: tuple[str, ...]
    trades: int


def kline_at(book: Book, open_us: int, after: int) -> tuple[KlineSums, int, int]:
    """The kline from ``open_us`` to before ``after``, and the ids of its first and last trade; -1 without trades."""
    tape = book.trades.read()
    found = tape.sum_times(open_us, after)
    if found is not None:
        return _sums(found, 0), tape.ids[found.first], tape.ids[found.last]
    place = tape.place_at(open_us)
    return _sums(None, tape.prices[place - 1] if place else book.last_price), -1, -1


def _sums(whole: TradeSum | None, close: int) -> KlineSums:
    if whole is None:
        return KlineSums((*[decimal_text(close)] * 4, *[decimal_text(0)] * 4), 0)
    prices = (whole.open, whole.high, whole.low, whole.close)
    sums = (whole.base, whole.quote, whole.taker_base, whole.taker_quote)
    return KlineSums(tuple(map(decimal_text, (*prices, *sums))), whole.count)


def _row(open_us: int, after: int, whole: TradeSum | None, close: int, divisor: int) -> list[Any]:
    sums = _sums(whole, close)
    *prices, base, quote, taker_base, taker_quote = sums.texts
    return [
        open_us // divisor,
        *prices,
        base,
        (after - 1) // divisor,
        quote,
        sums.trades,
        taker_base,
        taker_quote,
        "0",
    ]
