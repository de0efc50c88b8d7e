"""``MarketSubscription``: the events of market data streams, as an iterator or by a callback."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from .._common.log import streams_log
from .._native.market_router import MarketEvents
from ..errors import ConnectionLost, NotSent
from ..streams.taking import Taking

__all__ = ["MarketSubscription"]

E = TypeVar("E")


class MarketSubscription(Taking[E]):
    """The events of one or more streams: the result of ``await market.subscribe(…)``.

    ``async for event in subscription`` takes the events from its buffer, in the order in which they were read. The loop
    ends after ``unsubscribe()`` and when the session is closed. It raises EventGap where events may have been missed,
    because no connection brought the stream; EventOverflow in the place of events that are lost, because the buffer was
    full; and DecodeError in the place of an event that cannot be read. A new loop continues behind each of these.

    It outlives connections: after a loss, fastws subscribes again on the next one. With ``market_data(connections=2)``
    each event comes once, by the connection that brings it first, and the loss of one is no gap; nor is a planned
    replacement.

    A loop that you leave by ``break`` loses no event. Only one task may take the events. ``async with subscription``
    unsubscribes at its end. A subscription without ``on_event`` is also ended when nothing refers to it any more.
    """

    def __init__(
        self,
        events: MarketEvents,
        names: tuple[str, ...],
        loop: asyncio.AbstractEventLoop,
        end: Callable[[MarketEvents], Awaitable[None]],
        end_soon: Callable[[MarketEvents], None],
    ) -> None:
        self._stream: MarketEvents = events
        self._names = names
        self._loop = loop
        self._end = end
        self._end_soon = end_soon

    def __repr__(self) -> str:
        names = ", ".join(self._names[:3]) + (
            f" and {len(self._names) - 3} more" if len(self._names) > 3 else ""
        )
        return f"<fastws.MarketSubscription {names} {self.reason or 'active'}>"

    def __del__(self) -> None:
        # Python may call this in any thread, and after the loop was closed
        events = getattr(self, "_stream", None)
        if events is not None and not events.ended and events.on_event is None:
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(_end_unreferenced, self._end_soon, events, self._names)

    @property
    def streams(self) -> tuple[str, ...]:
        """The names of its streams."""
        return self._names

    @property
    def on_event(self) -> Callable[[Any], object] | None:
        """The callback that gets the events; None if they go to a buffer."""
        return self._stream.on_event  # type: ignore[no-any-return]

    @property
    def active(self) -> bool:
        """Whether more events may come. Buffered ones can be taken even if not."""
        return not self._stream.ended

    @property
    def stream(self) -> str | None:
        """The name of the stream of the latest event that was taken; None before the first."""
        return self._stream.stream

    @property
    def connection(self) -> int:
        """The number of the connection that brought the latest event that was taken; -1 before the first."""
        return self._stream.connection

    @property
    def conflate(self) -> bool:
        """Whether only the newest event of each stream is kept."""
        return self._stream.conflate

    @property
    def skipped(self) -> int:
        """With ``conflate=True``: how many events were replaced by newer ones before they were taken."""
        return self._stream.skipped

    @property
    def buffered(self) -> int:
        """How many events wait to be taken."""
        return self._stream.waiting

    async def unsubscribe(self) -> None:
        """End the subscription: no event comes any more. Buffered events can still be taken.

        If it was the last one of a stream, it waits until the exchange has unsubscribed.

        Raises:
            ApiError: the exchange refused it. RequestTimeout: no reply came. The subscription has ended even so.
        """
        if not self._stream.ended:
            with contextlib.suppress(ConnectionLost, NotSent):  # there, nothing is subscribed to any more
                await self._end(self._stream)

    async def __aenter__(self) -> MarketSubscription[E]:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.unsubscribe()


def _end_unreferenced(
    end_soon: Callable[[MarketEvents], None], events: MarketEvents, names: tuple[str, ...]
) -> None:
    """End a subscription to which nothing refers."""
    if not events.ended:
        streams_log.warning(
            "a subscription to %s is no longer referred to, and ended for it",
            names[0],
            code="subscription-dropped",
        )
        end_soon(events)
