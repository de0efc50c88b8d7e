"""What is counted while market data comes in: events a second, and how late they are."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from .histogram import percentile

_WINDOW = 5  # seconds over which a rate is taken
_SAMPLES = 1000  # the latest ones, of which percentiles are taken


class Rate:
    """Counts events, and says how many come in a second.

    Attributes:
        total: all events.
        last: when the latest one came, in seconds; None before it.
    """

    def __init__(self, now: float) -> None:
        self._started = now
        self._seconds: deque[tuple[int, int]] = deque(maxlen=_WINDOW + 1)
        self.total = 0
        self.last: float | None = None

    def add(self, now: float) -> None:
        """Count an event that came at ``now``, in seconds of any clock that does not go back."""
        second = int(now)
        if self._seconds and self._seconds[-1][0] == second:
            self._seconds[-1] = (second, self._seconds[-1][1] + 1)
        else:
            self._seconds.append((second, 1))
        self.total += 1
        self.last = now

    def per_second(self, now: float) -> float:
        """Events a second, over the last five seconds, or since the start."""
        first = int(now) - _WINDOW
        seconds = now - max(self._started, first)
        return sum(count for second, count in self._seconds if second >= first) / max(seconds, 1.0)


class Spread(NamedTuple):
    """How late events were, in seconds."""

    p50: float
    p99: float
    most: float


class Lags:
    """How late events were: the time of their reading less the time that the exchange gave them.

    Attributes:
        most: the longest one of all, in seconds.
    """

    def __init__(self) -> None:
        self._latest: deque[int] = deque(maxlen=_SAMPLES)
        self.most = 0.0

    def add(self, microseconds: int) -> None:
        """Count an event that was read so long after its time. It is below 0 if a clock is off."""
        self._latest.append(microseconds)
        self.most = max(self.most, microseconds / 1e6)

    @property
    def spread(self) -> Spread | None:
        """The percentiles of the latest 1,000 events, and the longest lag of all; None without an event."""
        if not self._latest:
            return None
        ordered = sorted(self._latest)
        return Spread(percentile(ordered, 0.5) / 1e6, percentile(ordered, 0.99) / 1e6, self.most)
