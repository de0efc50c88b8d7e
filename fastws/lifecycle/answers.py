"""What follows from an attempt to connect that did not succeed: a table for the docs, and ``judge()``."""

from __future__ import annotations

from typing import Final, NamedTuple

from .._common.times import microseconds, us_of
from ..errors import ApiError, Banned, FastwsError, InvalidRequest, LocallyLimited, NotConnected, RateLimited

__all__ = ["ANSWERS", "Answer", "Verdict", "judge"]

_SECOND = 1_000_000
# In seconds: the shortest ban ("from 2 minutes to 3 days", web-socket-api.md), and the longest that is believed.
SHORTEST_BAN = 120.0
_LONGEST = 3 * 86400.0


class Answer(NamedTuple):
    """A row: what answers an attempt, the event that it is, and what follows. ``test`` is in tests/lifecycle/."""

    answer: str
    event: str
    then: str
    test: str


ANSWERS: Final = (
    Answer(
        "unreachable, reset, silent past `connect_timeout`, garbage, 5xx, no answer to the logon or a subscribe",
        "failed",
        "the next attempt has a random delay",
        "test_what_fails",
    ),
    Answer(
        "429, 418 (`Retry-After`, `retryAfter`), a closed gate",
        "failed",
        "not before that time; after 418 not before 2 minutes",
        "test_what_fails_until_a_time",
    ),
    Answer(
        "403, another 4xx, a certificate that is not trusted or of another host, 407 of a proxy; a refused logon"
        " (-1022, -2014, -2015, -4056)",
        "refused",
        "ends the first `connect()`; later, an attempt every 60 s",
        "test_what_is_refused",
    ),
    Answer(
        "a subscribe that is refused, after a loss",
        "up",
        "that Subscription stays wanted, with delays of its own; its gap stays open",
        "test_a_refused_subscribe",
    ),
    Answer(
        "a subscribe that is refused, in a rotation",
        "failed",
        "the old connection and its subscriptions stay",
        "test_a_refused_subscribe_in_a_rotation",
    ),
)


class Verdict(NamedTuple):
    """``event``: "failed" or "refused"; ``wait``: for how many seconds no attempt may be made."""

    event: str
    wait: float


def judge(error: FastwsError, now_us: int) -> Verdict:
    """What to make of the error of an attempt. ``now_us``: the exchange's time in microseconds."""
    if isinstance(error, (RateLimited, LocallyLimited)):
        if isinstance(error, LocallyLimited):
            until: int | None = error._until_us
        else:
            until = us_of(error.retry_after)
            said = error.data.get("serverTime") if isinstance(error.data, dict) else None
            if type(said) is int and 0 < said < 10**17:
                now_us = microseconds(said)  # this clock may be wrong, or never measured
        wait = 0.0 if until is None else min(_LONGEST, max(0.0, (until - now_us) / _SECOND))
        return Verdict("failed", max(wait, SHORTEST_BAN) if isinstance(error, Banned) else wait)
    if isinstance(error, ApiError):
        refused = 400 <= error.status < 500
    elif isinstance(error, NotConnected):
        refused = error._refusal
    else:
        refused = isinstance(error, InvalidRequest)
    return Verdict("refused" if refused else "failed", 0.0)
