"""``MarketListening``: a listener written in Cython, attached to streams."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from .._native.market_sink import MarketSink

__all__ = ["MarketListening"]


class MarketListening:
    """A listener's streams: the result of ``await market.listen(listener, *streams)``. ``stop()`` ends it."""

    def __init__(
        self, streams: tuple[str, ...], sink: MarketSink, end: Callable[[], Awaitable[None]]
    ) -> None:
        self._streams = streams
        self._sink = sink
        self._end: Callable[[], Awaitable[None]] | None = end

    @property
    def streams(self) -> tuple[str, ...]:
        """The names of its streams; the number that the listener gets is the place of a name here."""
        return self._streams

    async def stop(self) -> None:
        """Give no more events to the listener; unsubscribe where nobody else wants the stream."""
        end, self._end = self._end, None
        if end is not None:
            await end()
