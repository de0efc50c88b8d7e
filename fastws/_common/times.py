"""Times of the exchange, in microseconds since 1970."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone

__all__ = ["microseconds", "time_in", "time_of", "us_of"]

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_UNTIL = re.compile(r"\buntil ([0-9]{13,16})\b")


def microseconds(time: int) -> int:
    """A time of the exchange, in milliseconds or microseconds, as microseconds.

    Milliseconds are below 10^14 until the year 5138.
    """
    return time if time >= 10**14 else time * 1000


def us_of(time: object) -> int | None:
    """A time that a user gives, in microseconds since 1970: an integer as in microseconds(), or a ``datetime``.

    None if it is something else, as a ``datetime`` without a time zone, or seconds: as milliseconds, they would be a
    time in the first years after 1970.
    """
    if isinstance(time, datetime):
        return None if time.tzinfo is None else (time - _EPOCH) // timedelta(microseconds=1)
    if type(time) is int and 10**11 <= time < 10**17:
        return microseconds(time)
    return None


def time_of(us: int) -> datetime:
    """The ``datetime`` in UTC of a time in microseconds since 1970."""
    return _EPOCH + timedelta(microseconds=max(-(10**15), min(us, 10**17)))


def time_in(text: str) -> int | None:
    """The time in the text of a refusal, such as "IP banned until 1795000000000", in microseconds; or None."""
    said = _UNTIL.search(text)
    return None if said is None else microseconds(int(said[1]))
