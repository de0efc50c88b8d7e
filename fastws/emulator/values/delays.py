"""Delays: fixed, or drawn from a range with a seed of their own; and queues that keep the order of what waits."""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Callable
from typing import Any, TypeAlias

__all__ = ["Delay", "DelayQueue", "Seconds"]

# A number of seconds, or the least and the most of them.
Seconds: TypeAlias = float | tuple[float, float]


class Delay:
    """Where something spends time. ``seconds`` may be changed at any time.

    Attributes:
        most: the seconds that no delay exceeds.

    Args:
        seconds: a number, or the least and the most, between which each delay is drawn.
        seed: of the draws; its text should name what is delayed.

    Raises:
        ValueError: a negative number, or a range that is none.
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
        least, most = seconds if isinstance(seconds, tuple) else (seconds, seconds)
        if not 0 <= least <= most < float("inf"):
            raise ValueError(f"a delay is a number of seconds or a range of them, not {seconds!r}")
        self._least: float = least
        self._span: float = most - least
        self.most: float = most

    def draw(self) -> float:
        """The seconds that the next one takes."""
        return self._least + self._span * self._random.random() if self._span else self._least


class DelayQueue:
    """Things that are done one after the other, each not before its delay is over."""

    __slots__ = ("_due", "_loop", "_waiting")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._due = 0.0
        self._waiting: deque[tuple[Callable[..., None], tuple[Any, ...]]] = deque()

    def put(self, seconds: float, step: Callable[..., None], *args: Any) -> float:
        """Do it after so many seconds and after all that was put before; at once if nothing stands in the way.

        Returns:
            The seconds that it really takes.
        """
        if seconds <= 0 and not self._waiting:
            step(*args)
            return 0.0
        now = self._loop.time()
        self._due = max(self._due, now + seconds)
        self._waiting.append((step, args))
        # Every timer takes the first of the queue, so that equal times cannot change the order.
        self._loop.call_at(self._due, self._next)
        return self._due - now

    def _next(self) -> None:
        step, args = self._waiting.popleft()
        step(*args)
