"""Faults on request: what goes wrong on networks and exchanges, at a chosen request."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

__all__ = ["KINDS", "Fault", "Faults"]

# Every kind, with its details and their defaults.
KINDS: dict[str, dict[str, Any]] = {
    "drop_reply": {},
    "cut_before": {},
    "cut_after": {},
    "unknown": {"executed": True, "status": 504, "code": -1007, "msg": None},
    "server_error": {"executed": False, "status": 500, "code": -1000, "msg": None},
    "error": {"executed": False, "status": 400, "code": -1000, "msg": None, "data": None},
    "delay": {"seconds": 0.05},
    "duplicate_reply": {},
    "raw": {"executed": True, "data": b"", "frame": "text"},
}


@dataclass(slots=True)
class Fault:
    """A fault that waits for its request. ``times`` counts down; ``hits`` counts up."""

    kind: str
    method: str | None
    times: int
    details: dict[str, Any] = field(default_factory=dict)
    hits: int = 0

    @property
    def before(self) -> bool:
        """Whether it strikes before the request takes effect, which it then does not."""
        return self.kind == "cut_before" or not self.details.get("executed", True)


class Faults:
    """The faults that are waiting."""

    def __init__(self) -> None:
        self._waiting: list[Fault] = []

    def add(self, kind: str, method: str | None = None, times: int = 1, **details: Any) -> Fault:
        """Let the next ``times`` requests of ``method`` (of any, without one) go wrong. The first added
        strikes first.

        Kinds and their details:

        - ``drop_reply``: executed, and no reply.
        - ``cut_before``, ``cut_after``: the connection is aborted before or after the request takes effect.
        - ``unknown``: status 504 with -1007; ``executed=True``.
        - ``server_error``: status 500 with -1000; ``executed=False``, ``status``, ``code`` (e.g. -1006),
          ``msg``.
        - ``error``: any error reply: ``status``, ``code``, ``msg``, ``data``, ``executed=False``.
        - ``delay``: the reply comes ``seconds`` later than the effect.
        - ``duplicate_reply``: the reply comes twice.
        - ``raw``: ``data`` (bytes) is sent instead of the reply, as a ``frame`` of kind "text" or "binary",
          or onto the bare connection with "wire"; ``executed=True``.

        Raises:
            ValueError: an unknown kind, or a detail that the kind does not have.
        """
        known = KINDS.get(kind)
        if known is None:
            raise ValueError(f"no kind of fault: {kind!r}; there are {', '.join(KINDS)}")
        unknown = details.keys() - known.keys()
        if unknown:
            raise ValueError(f"a fault of kind {kind!r} takes no {', '.join(sorted(unknown))}")
        fault = Fault(kind, method, times, {**known, **details})
        self._waiting.append(fault)
        return fault

    def take(self, method: str) -> Fault | None:
        """The fault that strikes a request of this method now."""
        for fault in self._waiting:
            if fault.method is None or fault.method == method:
                fault.times -= 1
                fault.hits += 1
                if fault.times <= 0:
                    self._waiting.remove(fault)
                return fault
        return None

    def of_event(self, event: str) -> tuple[float, int]:
        """How much longer an event waits, and how often it is sent."""
        return 0.0, 1

    def clear(self) -> None:
        """Let nothing more go wrong."""
        self._waiting.clear()

    def __len__(self) -> int:
        return len(self._waiting)

    def __iter__(self) -> Iterator[Fault]:
        return iter(self._waiting)

    def __bool__(self) -> bool:
        return bool(self._waiting)
