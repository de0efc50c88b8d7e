"""``GapTimes``: from when to when events may be missing, by the exchange's clock.

A reply to a subscribe has no time. So a ``time`` request travels with the subscribes on a new connection: its
``serverTime``, plus what the monotonic clock counted since it was written, is never before the exchange's time. The
``end`` of a gap is that, at the moment when the reply to the subscribe was read. If the answer to ``time`` was not read
by then, it is the measured clock (``client.clock``), and as much more as that may be behind: a second, the drift since
the measurement, and the time that this machine slept.

The time of an earlier subscribe, for the ``start`` of a gap, is the measured clock at its reply. Without a measurement
it is counted back from the end of the gap, by a clock that also runs while this machine sleeps.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from .._common.times import microseconds
from .._native.clock import Clock
from ..errors import DecodeError, FastwsError
from ..gaps import SLACK
from ..requester import Requester
from .wanted import Wanted

__all__ = ["GapTimes", "uptime"]

_UNMEASURED = 10_000_000  # microseconds: how far a clock that was never measured may be behind the exchange's
_DRIFT = 100  # microseconds a second: how much the monotonic clock may be slower than the exchange's


class GapTimes:
    """Finds the start and the end of gaps."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._slept = uptime() - time.monotonic_ns()  # ns that the monotonic clock did not count, until now
        # The connection whose `time` was answered; by how many microseconds the exchange's time is ahead of the
        # monotonic clock at most; and by how many at least, less than that.
        self._measured: tuple[int, int, int] = (0, 0, 0)

    def note_subscribed(self, wanted: Wanted) -> None:
        """The reply to the subscribe of this one was read just now."""
        wanted.subscribed_us = self._clock.now() if self._clock.synced else None
        wanted.subscribed_up = uptime()

    def of(self, wanted: Wanted, number: int, now: int) -> tuple[int, int]:
        """The start and the end of a gap that connection ``number`` ended at ``now``, in monotonic ns."""
        measured, ahead, range_ = self._measured
        if measured == number:
            end = ahead + now // 1000
        else:
            range_ = self._clock_range()
            end = self._clock.now() + range_
        return self._start(wanted, end, end - range_), end

    def _clock_range(self) -> int:
        """By how many microseconds the measured clock may be behind the exchange's, at most."""
        if self._clock.age is None:
            return _UNMEASURED
        slept = uptime() - time.monotonic_ns() - self._slept
        return 1_000_000 + round(self._clock.age * _DRIFT) + max(0, slept) // 1000

    def _start(self, wanted: Wanted, end: int, now: int) -> int:
        """Since when events may be missing. The exchange's time is from ``now`` to ``end``."""
        event = wanted.stream.last
        said = event.get("E") if isinstance(event, Mapping) else None
        if type(said) is int and 0 < said < 10**17 and microseconds(said) <= end:
            since = microseconds(said)
        elif wanted.subscribed_us is not None:
            since = wanted.subscribed_us
        else:
            since = now - (uptime() - wanted.subscribed_up) // 1000
        return since - SLACK

    def measure(self, requester: Requester, number: int) -> None:
        """Ask for the exchange's time on connection ``number``, together with the subscribes that follow."""
        self._measured = (0, 0, 0)  # this machine may have slept since an earlier answer
        written = time.monotonic_ns()

        def on_reply(result: Any, error: Exception | None) -> None:
            try:
                said = None if error is not None else result["serverTime"]
            except (TypeError, LookupError, DecodeError):
                return
            if type(said) is int and 0 < said < 10**17:
                # a time in milliseconds was cut
                ahead = microseconds(said) + 1000 - written // 1000
                self._measured = (number, ahead, (time.monotonic_ns() - written) // 1000 + 1000)

        try:
            requester.request("time", on_reply=on_reply)
        except FastwsError:
            return


def uptime() -> int:
    """Nanoseconds since some moment; they also run while this machine sleeps, where the system can tell."""
    # Linux has the first; of macOS, the second does what the first does on Linux
    clock = getattr(time, "CLOCK_BOOTTIME", getattr(time, "CLOCK_MONOTONIC", None))
    return time.monotonic_ns() if clock is None else time.clock_gettime_ns(clock)
