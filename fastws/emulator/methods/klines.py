"""Klines: the trades of each interval."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..exchange.state import Exchange
from ..matching.tape import Tape, TradeSum
from ..values.decimals import decimal_text
from .market_params import MINUTE, SECOND, Interval, read_limit
from .request import Request

__all__ = ["klines"]


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


def _row(open_us: int, after: int, whole: TradeSum | None, close: int, divisor: int) -> list[Any]:
    if whole is None:
        price, none = decimal_text(close), decimal_text(0)
        prices, sums, count = [price] * 4, [none] * 4, 0
    else:
        prices = [decimal_text(price) for price in (whole.open, whole.high, whole.low, whole.close)]
        sums = [decimal_text(s) for s in (whole.base, whole.quote, whole.taker_base, whole.taker_quote)]
        count = whole.count
    return [
        open_us // divisor,
        *prices,
        sums[0],
        (after - 1) // divisor,
        sums[1],
        count,
        *sums[2:],
        "0",
    ]
