"""The exchange's clock, in microseconds since the epoch."""

from __future__ import annotations

import time

__all__ = ["Clock", "ManualClock"]


class Clock:
    """The time of this machine, shifted by ``offset`` seconds:

    a client's clock is never quite the exchange's.
    """

    def __init__(self, offset: float = 0.0) -> None:
        self.offset = offset

    @property
    def offset(self) -> float:
        """Seconds that this clock is ahead of the machine's. It may be changed at any time."""
        return self._offset_us / 1_000_000

    @offset.setter
    def offset(self, seconds: float) -> None:
        self._offset_us = round(seconds * 1_000_000)

    def now_us(self) -> int:
        """Microseconds since 1970-01-01 00:00 UTC."""
        return time.time_ns() // 1000 + self._offset_us


class ManualClock(Clock):
    """A clock that stands still until it is moved: for tests of intervals, windows and ages."""

    def __init__(self, start_us: int = 1_700_000_000_000_000) -> None:
        super().__init__()
        self._now_us = start_us

    def now_us(self) -> int:
        return self._now_us

    def advance(self, seconds: float) -> None:
        """Move the clock forward."""
        self._now_us += round(seconds * 1_000_000)
