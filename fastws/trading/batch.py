"""``with client.batch():`` writes the requests of its block in one write."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Any

from .._core import Session

__all__ = ["Batch"]


class Batch:
    """The requests of its ``with`` block are written in one write, at the end of the block.

    If the block raises an exception, nothing is sent: its requests end as NotSent, and the exception goes on. A batch
    within a batch is written together with the outer one. If an inner block raises, and the outer block catches it,
    only the inner requests are given up. ``urgent`` and ``client.flush()`` have no effect before the end. The block
    must not contain an ``await`` at which other code runs: then the batch is given up, and RuntimeError is raised.

    Only the session uses the attributes.
    """

    __slots__ = ("_entered", "_session", "broken", "outer", "start", "task")

    def __init__(self, session: Session) -> None:
        self._session = session
        self._entered = False
        self.outer: Batch | None = None
        self.task: asyncio.Task[Any] | None = None
        self.start = 0
        self.broken = False

    def __enter__(self) -> Batch:
        if self._entered:
            raise RuntimeError("a batch is for one `with` block; call client.batch() for another one")
        self._session.open_batch(self)
        self._entered = True
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._session.close_batch(self, exc)
