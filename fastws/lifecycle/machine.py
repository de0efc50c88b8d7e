"""``Machine``: follows the table of states, and tells each step."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping

from .table import ROWS

__all__ = ["Machine"]

_TABLE = {(row.state, row.event): row for row in ROWS}


class Machine:
    """The state of one client.

    A step puts the new state in place, carries out the actions of its row, and then calls ``on_step(old, new,
    reason)``. A step within an action or within ``on_step`` is complete when fire() returns, but told in its turn,
    behind the one that it is in. A row without actions is not told.

    Args:
        actions: what the names in the table stand for.
        on_step: called with the old state, the new one, and the reason in words.
        on_told: called when all steps are told.
        on_error: called with a text, and an exception or None, for an error in fastws: an event is impossible in this
            state, or an action raised an exception. The actions after that one are carried out, so that a client
            never stays in a state with nothing under way that could end it.

    Attributes:
        state: one of table.STATES.
    """

    def __init__(
        self,
        actions: Mapping[str, Callable[[str], None]],
        on_step: Callable[[str, str, str], None],
        on_told: Callable[[], None],
        on_error: Callable[[str, Exception | None], None],
    ) -> None:
        self.state = "new"
        self._actions = actions
        self._on_step = on_step
        self._on_told = on_told
        self._on_error = on_error
        self._steps: deque[tuple[str, str, str]] = deque()
        self._busy = False

    def fire(self, event: str, reason: str) -> None:
        """Take the step of ``event``."""
        row = _TABLE.get((self.state, event))
        if row is None:
            self._on_error(f"the event {event!r} came in the state {self.state!r} ({reason})", None)
            return
        old, self.state = self.state, row.next
        if not row.actions:
            return
        outermost, self._busy = not self._busy, True
        self._steps.append((old, row.next, reason))
        try:
            for name in row.actions:
                try:
                    self._actions[name](reason)
                except Exception as exc:
                    self._on_error(f"the action {name!r} at the event {event!r} failed", exc)
            while outermost and self._steps:
                self._on_step(*self._steps.popleft())
        finally:
            if outermost:
                self._busy = False
        if outermost:
            self._on_told()
