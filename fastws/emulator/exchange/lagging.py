"""Data sources that lag: they see a change of an order some time after the matching engine made it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Generic, TypeVar

from ..values.clock import Clock
from ..values.delays import Delay, Seconds

__all__ = ["LaggingSource", "LaggingTable"]

_SETTLED = 10_000

_T = TypeVar("_T")
_K = TypeVar("_K")


class LaggingTable(Generic[_K, _T]):
    """States of orders or order lists by key: the last visible state, then those that become visible later.

    Attributes:
        changed: the keys whose new state was not added yet, and whether the order or list is new.
    """

    def __init__(self) -> None:
        self.changed: dict[_K, bool] = {}
        # The time at which a state becomes visible, and the state; None before the order existed.
        self._states: dict[_K, deque[tuple[int, _T | None]]] = {}

    def clear(self) -> None:
        self.changed.clear()
        self._states.clear()

    def note(self, key: _K, new: bool) -> None:
        self.changed[key] = self.changed.get(key, False) or new

    def add(self, key: _K, at: int, state: _T) -> None:
        """Add a state that is visible from ``at`` on, in microseconds."""
        states = self._states.get(key)
        if states is None:
            states = self._states[key] = deque()
            if self.changed.get(key, False):
                states.append((0, None))
        states.append((at, state))
        if len(self._states) > 2 * _SETTLED:
            for settled in list(self._states)[:_SETTLED]:
                del self._states[settled]

    def visible(self, key: _K, current: _T, now_us: int) -> _T | None:
        """The visible state of a key; ``current`` if it has not changed since the source lags."""
        states = self._states.get(key)
        return current if states is None else _visible(states, now_us)

    def all_visible(self, now_us: int) -> Iterator[tuple[_K, _T | None]]:
        """The visible states of all keys that changed since the source lags; None: it is not visible yet."""
        for key, states in self._states.items():
            yield key, _visible(states, now_us)


class LaggingSource:
    """A data source that sees each change of the engine after a lag, in seconds.

    Attributes:
        on: whether it lags; without a lag, requests read the engine's state.
    """

    def __init__(self, clock: Clock, lag: Seconds, seed: str) -> None:
        self._clock = clock
        self._lag = Delay(lag, seed)
        self._last_us = 0
        self.on = self._lag.seconds != 0

    @property
    def lag(self) -> Seconds:
        """Seconds until a change is visible. Changes before the lag was set are visible."""
        return self._lag.seconds

    @lag.setter
    def lag(self, seconds: Seconds) -> None:
        self._lag.seconds = seconds
        was_on, self.on = self.on, seconds != 0
        if not self.on:
            self._clear()
        elif not was_on:
            self._begin()

    def _visible_us(self) -> int:
        """The time at which a change of now becomes visible: never before an earlier change."""
        self._last_us = max(self._last_us, self._clock.now_us() + round(self._lag.draw() * 1e6))
        return self._last_us

    def _clear(self) -> None:
        """Forget all states: the source does not lag any more."""
        raise NotImplementedError

    def _begin(self) -> None:
        """The source lags from now on: add the states that have to be copied."""


def _visible(states: deque[tuple[int, _T | None]], now_us: int) -> _T | None:
    while len(states) > 1 and states[1][0] <= now_us:
        states.popleft()
    return states[0][1]
