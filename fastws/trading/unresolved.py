"""The requests of unknown outcome of a client: those that placed orders are remembered as long as they may execute."""

from __future__ import annotations

import time
from itertools import islice
from operator import attrgetter

from .._native.waiters import RequestInfo
from ..api_errors import RequestRecord
from .evidence import Evidence

__all__ = ["REMEMBERED", "Unresolved"]

REMEMBERED = 1 << 14
# The exchange can execute a request until its timestamp + recvWindow + 10 s. This is that time for the longest
# recvWindow (60 s), and 60 s more. It counts in nanoseconds from the write, as the caller may have signed with another
# timestamp.
_OPEN_FOR_NS = (60 + 10 + 60) * 1_000_000_000


_WRITTEN_AT = attrgetter("written_at")


class Unresolved:
    """The placements of unknown outcome, the oldest first. ``evidence`` watches for these, and for other requests."""

    def __init__(self, evidence: Evidence) -> None:
        self._evidence = evidence
        self._placements: dict[int, RequestInfo] = {}  # by id(info); errors would keep stack frames alive
        self._unanswered: set[int] = set()  # of these, those that had not ended when they were added
        self._forgotten_at = 0  # when the newest placement was written that was forgotten for lack of room

    def __bool__(self) -> bool:
        return bool(self._placements or self._forgotten_at)

    def __contains__(self, info: RequestRecord) -> bool:
        self._forget_answered()
        return id(info) in self._placements

    def add(self, info: RequestInfo) -> None:
        """Remember a request that ended with an unknown outcome."""
        self.add_all([info])

    def add_all(self, infos: list[RequestInfo]) -> None:
        """Remember requests that ended with an unknown outcome, as a lost connection leaves them."""
        self._evidence.watch_all(infos)
        known = self._placements
        placements = [info for info in infos if info.placing]
        if self._unanswered:
            self._unanswered.difference_update(map(id, infos))
        for info in placements[-REMEMBERED:]:
            known.setdefault(id(info), info)
        forgotten = placements[:-REMEMBERED]
        forgotten += [known.pop(key) for key in list(islice(known, max(0, len(known) - REMEMBERED)))]
        if forgotten:
            self._forgotten_at = max(self._forgotten_at, max(map(_WRITTEN_AT, forgotten)))

    def add_unanswered(self, info: RequestInfo) -> None:
        """Remember a placement that may be in flight. A reply that says what became of it ends that."""
        self.add_all([info])
        self._unanswered.add(id(info))

    def is_unanswered(self, info: RequestInfo) -> bool:
        """Whether add_unanswered() was called last for a placement, and no reply has come."""
        return id(info) in self._unanswered and not info.received_at

    def _forget_answered(self) -> None:
        """Forget the placements that were in flight when they were added, and have a reply since then."""
        for key in list(self._unanswered):
            info = self._placements.get(key)
            if info is not None and info.received_at:
                self.discard(info)
                info = None
            if info is None:
                self._unanswered.discard(key)

    def discard(self, info: RequestRecord) -> None:
        """Forget a request, since its outcome is known."""
        self._evidence.forget(info)
        self._placements.pop(id(info), None)

    def discard_placement(self, info: RequestRecord) -> None:
        """Forget a placement about which nothing more can be found out."""
        self._placements.pop(id(info), None)

    def placements(self) -> list[RequestInfo]:
        """The placements that may yet be executed. An older one cannot: if it placed an order, a query shows it."""
        self._forget_answered()
        latest = time.monotonic_ns() - _OPEN_FOR_NS
        for key, info in list(self._placements.items()):
            if info.written_at < latest:
                del self._placements[key]
        return list(self._placements.values())

    def too_many(self) -> bool:
        """Whether a placement that may yet be executed was forgotten for lack of room."""
        return self._forgotten_at > max(0, time.monotonic_ns() - _OPEN_FOR_NS)
