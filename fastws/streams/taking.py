"""``Taking``: the events of a subscription, taken from its buffer; of user data streams, and of market data."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, TypeVar

from .._native.streams import Stream
from ..errors import InvalidRequest

__all__ = ["Taking"]

E = TypeVar("E")


class Taking(AsyncIterator[E]):
    """What subscriptions of all kinds have in common; a subclass sets ``_stream``."""

    _stream: Stream

    def __reduce__(self) -> Any:
        # the garbage collector would end the subscription together with a copy
        raise TypeError("a Subscription cannot be copied or pickled: its events go to one consumer")

    @property
    def reason(self) -> str | None:
        """Why it ended; None before."""
        return self._stream.reason

    @property
    def error(self) -> Exception | None:
        """The error at the end of the events; None for a clean end, and before it."""
        return self._stream.error

    @property
    def received_at(self) -> int:
        """When the latest event that was taken was read: ns of time.monotonic_ns()."""
        return self._stream.received_at

    @property
    def buffered(self) -> int:
        """How many events are in the buffer."""
        return self._stream.size

    @property
    def whole(self) -> bool:
        """Whether no event is missing among the buffered ones: taking them raises no error before the last of them."""
        return self._stream.whole

    @property
    def events(self) -> int:
        """How many events were received, including lost ones."""
        return self._stream.events

    @property
    def lost(self) -> int:
        """How many events were lost because the buffer was full."""
        return self._stream.lost

    async def __anext__(self) -> E:
        stream = self._stream
        event = stream.take()
        while event is None:
            if stream.on_event is not None:
                raise InvalidRequest("the events of this subscription go to its on_event")
            await stream.wait()
            event = stream.take()
        return event  # type: ignore[no-any-return]

    def take_all(self) -> list[E]:
        """Take all buffered events at once, up to the next EventGap. ``on_overflow`` may call it to make room.

        Errors that ``async for`` would raise stay in the buffer.

        Raises:
            EventGap: it comes next; the call after that takes the events behind it.
        """
        return self._stream.take_all()

    async def wait_closed(self) -> str:
        """Wait until the subscription has ended; the result is the ``reason``."""
        return await asyncio.shield(self._stream.closed())
