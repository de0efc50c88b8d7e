"""The requests of a client whose outcome is unknown: which of them placed orders, and until when that matters."""

from __future__ import annotations

import time

from .._native.waiters import RequestInfo
from ..api_errors import RequestRecord
from .evidence import Evidence

__all__ = ["REMEMBERED", "Unresolved"]

REMEMBERED = 256
# A request can be executed until its timestamp + recvWindow + 10 s; a minute more than the longest recvWindow. In
# nanoseconds, from when it was written: fastws does not know the timestamp of one that the caller signed.
_OPEN_FOR_NS = (60 + 10 + 60) * 1_000_000_000


class Unresolved:
    """The placements of unknown outcome, the oldest first; what is seen of these and of other requests is watched."""

    def __init__(self, evidence: Evidence) -> None:
        self._evidence = evidence
        self._placements: dict[int, RequestInfo] = {}  # by id(info); without the errors, which hold frames
        self._forgotten_at = 0  # when the newest of those that were too many was written

    def __bool__(self) -> bool:
        return bool(self._placements or self._forgotten_at)

    def __contains__(self, info: RequestRecord) -> bool:
        return id(info) in self._placements

    def add(self, info: RequestInfo) -> None:
        """A request ended without a known outcome."""
        self._evidence.watch(info, info.account)
        if info.placing and info not in self:
            while len(self._placements) >= REMEMBERED:
                oldest = self._placements.pop(next(iter(self._placements)))
                self._forgotten_at = max(self._forgotten_at, oldest.written_at)
            self._placements[id(info)] = info

    def discard(self, info: RequestRecord) -> None:
        """The outcome of a request is known."""
        self._evidence.forget(info)
        self._placements.pop(id(info), None)

    def discard_placement(self, info: RequestRecord) -> None:
        """Nothing more can be found out about a placement."""
        self._placements.pop(id(info), None)

    def placements(self) -> list[RequestInfo]:
        """The placements that may yet be executed. What an older one placed is among the open orders."""
        latest = time.monotonic_ns() - _OPEN_FOR_NS
        for key, info in list(self._placements.items()):
            if info.written_at < latest:
                del self._placements[key]
        return list(self._placements.values())

    def too_many(self) -> bool:
        """Whether there were more placements that may yet be executed than are remembered."""
        return self._forgotten_at > max(0, time.monotonic_ns() - _OPEN_FOR_NS)
