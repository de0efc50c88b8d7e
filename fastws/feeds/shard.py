"""``Shard``: up to 1,024 streams, and the feeds that bring them: one, or several that bring the same."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from .._native.market_router import MarketRouter
from ..errors import ApiError, FastwsError, NotConnected
from .feed import Feed, FeedOwner
from .options import MarketOptions

__all__ = ["MOST_STREAMS", "Shard"]

MOST_STREAMS = 1024  # of a connection (web-socket-streams.md)

# How far a feed is, for which of several speaks for its shard.
_RANK = {
    "open": 7,
    "rotating": 6,
    "draining": 5,
    "connecting": 4,
    "waiting": 3,
    "new": 2,
    "closing": 1,
    "closed": 0,
}


class Shard:
    """See the module's docstring.

    Attributes:
        names: the streams that are wanted.
        feeds: what brings them.
        opening: the task that opens it; None before.
    """

    def __init__(self, options: MarketOptions, router: MarketRouter, owner: FeedOwner) -> None:
        self.names: dict[str, None] = {}
        self._make: Callable[[int], Feed] = lambda place: Feed(options, router, owner, place, self.names)
        self.feeds = [self._make(place) for place in range(options.connections)]
        self.opening: asyncio.Task[None] | None = None

    @property
    def room(self) -> int:
        """How many streams more it can have."""
        return MOST_STREAMS - len(self.names)

    @property
    def state(self) -> str:
        """The state of the feed that is the nearest to open."""
        return max((feed.state for feed in self.feeds), key=_RANK.__getitem__)

    @property
    def is_open(self) -> bool:
        """Whether events come."""
        return any(feed.is_open for feed in self.feeds)

    @property
    def down_reason(self) -> str:
        """Why no connection brings events."""
        return self.feeds[0].session.close_reason or f"the market data session is {self.state}"

    def open(self) -> asyncio.Task[None]:
        """Open the feeds: the first one as connect() does; the others keep trying meanwhile."""
        if self.opening is None:
            loop = asyncio.get_running_loop()
            for feed in self.feeds[1:]:
                feed.keep_trying()
                feed.supervisor.begin(loop)
            self.opening = asyncio.ensure_future(self._open())
            self.opening.add_done_callback(_retrieved)
        return self.opening

    async def _open(self) -> None:
        first = self.feeds[0]
        try:
            await first.supervisor.open()
        except FastwsError:
            if not self.is_open:
                raise
            again = self.feeds[0] = self._make(
                0
            )  # another one brings the streams: this one keeps trying, too
            again.keep_trying()
            again.supervisor.begin(asyncio.get_running_loop())

    async def close(self, timeout: float) -> None:
        """Close the feeds; nothing is left open."""
        closing = [asyncio.ensure_future(feed.supervisor.close(timeout)) for feed in self.feeds]
        if self.opening is not None:
            closing.append(self.opening)
        await asyncio.wait(closing)
        for each in closing[: len(self.feeds)]:
            each.result()

    async def subscribe(self, names: list[str]) -> None:
        """Subscribe to streams that are new; it returns when one of the feeds brings them.

        Raises:
            FastwsError: no feed could. The streams are not wanted any more then.
        """
        self.names.update(dict.fromkeys(names))
        try:
            if self.opening is not None:
                await asyncio.shield(self.opening)
            wanted = [
                name for name in names if name in self.names
            ]  # as long as it opened, they may have been dropped
            if wanted:
                await self._subscribe(wanted)
        except BaseException as error:
            self.drop(names)
            for feed in self.feeds:
                feed.take_back(names, unknown=not isinstance(error, ApiError))
            raise

    async def _subscribe(self, names: list[str]) -> None:
        asking = {asyncio.ensure_future(feed.subscribe(names)): feed for feed in self.feeds if feed.is_open}
        if not asking:
            raise NotConnected(f"not subscribed: {self.down_reason}")
        errors: list[tuple[Feed, FastwsError]] = []
        pending = set(asking)
        try:
            while pending:
                done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
                won = False
                for each in done:
                    error = each.exception()
                    if error is None:
                        won = True
                    elif isinstance(error, FastwsError):
                        errors.append((asking[each], error))
                    else:
                        raise error
                if won:
                    break
            else:
                raise min(errors, key=lambda failed: not isinstance(failed[1], ApiError))[1]
        except asyncio.CancelledError:
            for each in pending:
                each.cancel()
            raise
        for feed, error in errors:
            self._repeat(feed, names, error)
        for each in pending:
            each.add_done_callback(lambda late: self._came_late(asking[late], names, late))

    def _came_late(self, feed: Feed, names: list[str], late: asyncio.Task[None]) -> None:
        error = None if late.cancelled() else late.exception()
        if isinstance(error, FastwsError):
            self._repeat(feed, names, error)

    def _repeat(self, feed: Feed, names: list[str], error: FastwsError) -> None:
        """One feed could not subscribe, and another one could: repeat it, unless a new connection does."""
        wanted = [name for name in names if name in self.names]
        if wanted and feed.is_open:
            feed.retry(wanted, error)

    def drop(self, names: Iterable[str]) -> list[str]:
        """These streams are not wanted any more. Returns those that were."""
        known = [name for name in names if name in self.names]
        for name in known:
            del self.names[name]
        return known

    async def unsubscribe(self, names: list[str]) -> None:
        """Unsubscribe from streams that nobody wants.

        Raises:
            FastwsError: a feed could not.
        """
        ending = [asyncio.ensure_future(feed.unsubscribe(names)) for feed in self.feeds]
        await asyncio.wait(ending)
        errors = [each.exception() for each in ending]
        for error in errors:
            if error is not None:
                raise error


def _retrieved(task: asyncio.Task[None]) -> None:
    if not task.cancelled():
        task.exception()
