"""Parameters of market data: intervals, windows, time zones, spans of time."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

from ..values import params
from ..values.auth import timestamp_us
from ..values.errors import refuse

__all__ = [
    "DAY",
    "Interval",
    "check_span",
    "end_time",
    "interval",
    "known_permissions",
    "read_limit",
    "ticker_type",
    "time_zone",
    "window_size",
]

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
# 1970-01-05, the first Monday.
_MONDAY = 4 * DAY
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_time_zone = re.compile(r"([+-]?)([0-9]{1,2})(?::([0-5][0-9]))?").fullmatch
_window = re.compile(r"([1-9][0-9]?)([mhd])").fullmatch
_WINDOWS = {"m": (MINUTE, 59), "h": (HOUR, 23), "d": (DAY, 7)}
_PERMISSIONS = {"SPOT", "MARGIN", "LEVERAGED", *(f"TRD_GRP_{n:03}" for n in range(2, 26))}


class Interval:
    """An interval of klines; months have no ``length``.

    A time zone's offset, in microseconds, shifts the beginnings of intervals.
    """

    __slots__ = ("_anchor", "length", "name")

    def __init__(self, name: str, length: int, anchor: int = 0) -> None:
        self.name = name
        self.length = length
        self._anchor = anchor

    def floor(self, time_us: int, offset: int) -> int:
        """The beginning of the interval that contains a time."""
        if self.length:
            return time_us - (time_us + offset - self._anchor) % self.length
        local = _EPOCH + timedelta(microseconds=time_us + offset)
        return _micros(local.replace(day=1, hour=0, minute=0, second=0, microsecond=0)) - offset

    def after(self, open_us: int, offset: int) -> int:
        """The beginning of the interval after the one that begins at ``open_us``."""
        return open_us + self.length if self.length else self.floor(open_us + 32 * DAY, offset)

    def ceil(self, time_us: int, offset: int) -> int:
        """The beginning of the first interval that begins at a time or later."""
        open_us = self.floor(time_us, offset)
        return open_us if open_us == time_us else self.after(open_us, offset)


_INTERVALS = {
    interval.name: interval
    for interval in (
        Interval("1s", SECOND),
        *(Interval(f"{n}m", n * MINUTE) for n in (1, 3, 5, 15, 30)),
        *(Interval(f"{n}h", n * HOUR) for n in (1, 2, 4, 6, 8, 12)),
        *(Interval(f"{n}d", n * DAY) for n in (1, 3)),
        Interval("1w", 7 * DAY, _MONDAY),
        Interval("1M", 0),
    )
}


def interval(name: str, value: Any) -> Interval:
    """An interval of klines, by its case-sensitive name."""
    found = _INTERVALS.get(params.text(name, value))
    if found is None:
        raise refuse(-1120)
    return found


def time_zone(name: str, value: Any) -> int:
    """A time zone as in "-1:00", "05:45" or "8", from -12:00 to +14:00; its offset in microseconds."""
    match = _time_zone(params.text(name, value))
    if match is None:
        raise refuse(-1130, name)
    sign, hours, minutes = match.groups()
    offset = int(hours) * HOUR + int(minutes or 0) * MINUTE
    if sign == "-":
        offset = -offset
    if not -12 * HOUR <= offset <= 14 * HOUR:
        raise refuse(-1130, name)
    return offset


def window_size(name: str, value: Any) -> int:
    """A window of 1m to 59m, 1h to 23h or 1d to 7d, in microseconds."""
    match = _window(params.text(name, value))
    if match is not None:
        count, unit = int(match[1]), _WINDOWS[match[2]]
        if count <= unit[1]:
            return count * unit[0]
    raise refuse(-1130, name)


ticker_type = params.enum("FULL", "MINI", code=-1139)


def known_permissions(name: str, value: Any) -> list[str]:
    """A list of permissions of symbols (enums.md), or one permission."""
    names = params.permissions(name, value)
    if not _PERMISSIONS.issuperset(names):
        raise refuse(-1130, name)
    return names


def end_time(name: str, value: Any) -> int:
    """The end of a time span, in microseconds. An end in milliseconds includes the whole millisecond."""
    number = params.integer(name, value)
    time_us = timestamp_us(number)
    return time_us if time_us == number else time_us + 999


def check_span(values: Mapping[str, Any], hours: int) -> None:
    """Refuse (-1127) a time span that is too long."""
    start, end = values.get("startTime"), values.get("endTime")
    if start is not None and end is not None and (end - start) // 1000 > hours * 3_600_000:
        raise refuse(-1127, hours)


def read_limit(values: Mapping[str, Any], default: int = 500, most: int = 1000) -> int:
    """The parameter ``limit``: at least 1; a value above the maximum is reduced to it."""
    limit: int = values.get("limit", default)
    if limit < 1:
        raise refuse(-1130, "limit")
    return min(limit, most)


def _micros(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1)
