"""``Overheard``: the subscription that a run's mirror takes; what goes through it is written down."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

import fastws

from .history import Stream
from .recorder import Recorder, hear

__all__ = ["Overheard"]


class Overheard(fastws.Subscription):
    """A Subscription that a mirror takes in place of the true one.

    Args:
        stream: what the run writes down of the subscription's events and gaps.
        fed: the events come by on_event(): the true subscription has a callback. Then on_gap() is to be called, too.
    """

    def __init__(self, recorder: Recorder, stream: Stream, fed: bool) -> None:
        self._recorder = recorder
        self._heard = stream
        self._queue: deque[Any] = deque()
        self._come = asyncio.Event()
        self._fed = fed
        self._ended: asyncio.Future[Any] | None = None
        self.inner: fastws.Subscription

    def begin(self, inner: fastws.Subscription) -> None:
        """The true subscription is there."""
        self.inner = inner
        if self._fed:
            self._ended = asyncio.ensure_future(inner.wait_closed())
            self._ended.add_done_callback(lambda ended: self._come.set())

    def on_gap(self, gap: Any) -> None:
        if self._fed:
            self._put(fastws.EventGap("a gap", gap))

    def hear(self, event: Any) -> None:
        hear(self._heard, event)
        self._put(event)

    def _put(self, what: Any) -> None:
        self._queue.append(what)
        self._come.set()

    async def __anext__(self) -> Any:
        if not self._fed:
            return await self._recorder.take(self.inner, self._heard)
        while not self._queue:
            if self.inner.reason is not None:
                raise StopAsyncIteration
            self._come.clear()
            await self._come.wait()
        found = self._queue.popleft()
        if isinstance(found, Exception):
            raise found
        return found

    def __repr__(self) -> str:
        return repr(self.inner)

    def __del__(self) -> None:
        """The true one ends the subscription."""

    @property
    def id(self) -> int:
        return self.inner.id

    @property
    def connection(self) -> int:
        return self.inner.connection

    @property
    def api_key(self) -> str | None:
        return self.inner.api_key

    @property
    def own(self) -> bool:
        return self.inner.own

    @property
    def client(self) -> Any:
        return self.inner.client

    @property
    def on_event(self) -> None:
        return None

    @property
    def reason(self) -> str | None:
        return self.inner.reason

    @property
    def whole(self) -> bool:
        if self._fed:
            return not any(isinstance(each, Exception) for each in self._queue)
        return self.inner.whole
