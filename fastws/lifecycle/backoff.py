"""``Backoff``: how long to wait before the next attempt to connect."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

__all__ = ["Backoff"]


class Backoff:
    """Full jitter: the first attempt after a loss is immediate, the later ones wait a random time that grows.

    Many clients that lose their connections at the same moment thus do not come back at the same moment.

    Attributes:
        first, longest: seconds; attempt n waits up to ``first`` · 2ⁿ, and at most ``longest``.
        stable: seconds; after a connection that was open for so long, the attempts are counted from the start.
        refused: seconds until the next attempt after a refusal.
        uniform: gives a random number between two numbers.
        clock: seconds of a monotonic clock.
    """

    def __init__(self) -> None:
        self.first = 0.25
        self.longest = 30.0
        self.stable = 60.0
        self.refused = 60.0
        self.uniform: Callable[[float, float], float] = random.uniform
        self.clock: Callable[[], float] = time.monotonic
        self.attempts = 0  # since the last start
        self._opened_at = 0.0

    def attempted(self) -> None:
        """An attempt is made."""
        self.attempts += 1

    def opened(self) -> None:
        """A connection is open."""
        self._opened_at = self.clock()

    def lost(self) -> float:
        """The connection was lost; returns for how many seconds it was open."""
        open_for = self.clock() - self._opened_at
        if open_for >= self.stable:
            self.attempts = 0
        return open_for

    def delay(self) -> float:
        """Seconds until the next attempt."""
        if self.attempts == 0:
            return 0.0
        most = self.longest
        if self.attempts < 64:  # 2.0**1024 would overflow
            most = min(most, self.first * 2.0 ** (self.attempts - 1))
        return self.uniform(0.0, most)
