"""Delays, fixed or random from a range; and queues of delayed calls that keep their order."""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Callable
from typing import Any, TypeAlias

__all__ = ["Delay", "DelayQueue", "Seconds"]

# A number of seconds, or a pair (minimum, maximum).
Seconds: TypeAlias = float | tuple[float, float]


class Delay:
    """A delay. ``seconds`` may be changed at any time.

    Attributes:
        most: the longest possible delay, in seconds.

    Args:
        seconds: a number, or a pair (minimum, maximum) between which each delay is random.
        seed: the random seed; its text should name what is delayed.

    Raises:
        ValueError: a number is negative, or the minimum is greater than the maximum.
    """

    __slots__ = ("_least", "_random", "_span", "most")

    def __init__(self, seconds: Seconds, seed: str) -> None:
        self._random = random.Random(seed)
        self.seconds = seconds

    @property
    def seconds(self) -> Seconds:
        return (self._least, self.most) if self._span else self._least

    @seconds.setter
    def seconds(self, seconds: Seconds) -> None:
        try:
            least, most = seconds if isinstance(seconds, tuple) else (seconds, seconds)
            valid = 0 <= least <= most < float("inf")
        except (TypeError, ValueError):
            valid = False
        if not valid:
            raise ValueError(f"a delay is a number of seconds or a range of them, not {seconds!r}")
        self._least: float = least
        self._span: float = most - least
        self.most: float = most

    def draw(self) -> float:
        """The next delay, in seconds."""
        return self._least + self._span * self._random.random() if self._span else self._least


class DelayQueue:
    """A queue of calls. Each is made after its delay, and after all calls before it."""

    __slots__ = ("_due", "_loop", "_waiting")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._due = 0.0
        self._waiting: deque[tuple[Callable[..., None], tuple[Any, ...]]] = deque()

    def put(self, seconds: float, step: Callable[..., None], *args: Any) -> float:
        """Call ``callback`` after ``seconds`` and after all earlier calls; at once, if there is nothing to wait for.

        Returns:
            The real delay, in seconds.
        """
        if seconds <= 0 and not self._waiting:
            step(*args)
            return 0.0
        now = self._loop.time()
        self._due = max(self._due, now + seconds)
        self._waiting.append((step, args))
        # Each timer makes the first call of the queue, so that equal times cannot change the order.
        self._loop.call_at(self._due, self._next)
        return self._due - now

    def _next(self) -> None:
        step, args = self._waiting.popleft()
        step(*args)
