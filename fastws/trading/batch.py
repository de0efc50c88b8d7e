"""``with client.batch():`` what is requested inside leaves in one write."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Any

from .._core import Session

__all__ = ["Batch"]


class Batch:
    """What is requested inside of its ``with`` block is written at the end of the block, in one write.

    An exception inside sends nothing: what the block requested ends as NotSent, and the exception goes on. A batch
    within a batch joins it, and is written with it; an exception that stays inside of the outer one gives up the inner
    requests alone. ``urgent`` and ``client.flush()`` wait for the end. The block must not span an ``await`` at which
    other code runs: that gives up the batch, and raises RuntimeError.

    (The attributes are the session's.)
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
