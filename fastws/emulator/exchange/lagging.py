"""What changes and becomes visible later, as the parts of an exchange that lag behind its engine see it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Generic, TypeVar

__all__ = ["LaggingTable"]

_SETTLED = 10_000

_T = TypeVar("_T")
_K = TypeVar("_K")


class LaggingTable(Generic[_K, _T]):
    """The states of what changes: of each the last visible one, then those that are not visible yet.

    Attributes:
        changed: what has changed since its state was taken down, and whether it is new.
    """

    def __init__(self) -> None:
        self.changed: dict[_K, bool] = {}
        # when it becomes visible, and what it is then; None before it was
        self._states: dict[_K, deque[tuple[int, _T | None]]] = {}

    def clear(self) -> None:
        self.changed.clear()
        self._states.clear()

    def note(self, key: _K, new: bool) -> None:
        self.changed[key] = self.changed.get(key, False) or new

    def add(self, key: _K, at: int, state: _T) -> None:
        """It is visible in this state from ``at`` on."""
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
        """The state that shows; the current one of what has not changed since it lags."""
        states = self._states.get(key)
        return current if states is None else _visible(states, now_us)

    def all_visible(self, now_us: int) -> Iterator[tuple[_K, _T]]:
        """What has changed since it lags, in the state that shows."""
        for key, states in self._states.items():
            state = _visible(states, now_us)
            if state is not None:
                yield key, state


def _visible(states: deque[tuple[int, _T | None]], now_us: int) -> _T | None:
    while len(states) > 1 and states[1][0] <= now_us:
        states.popleft()
    return states[0][1]
