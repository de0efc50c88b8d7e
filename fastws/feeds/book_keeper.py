"""``BookKeeper``: keeps one BookCore in sync with the exchange: its stream, its snapshots, and what makes it stale."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Protocol

from .._common.log import streams_log
from .._native.book_core import BookCore
from .._native.market_router import MarketStream
from ..errors import FastwsError
from .book import Book
from .names import StreamName
from .snapshots import Snapshots

__all__ = ["BookKeeper", "BookMarket"]

_DIFFS, _TOP = 0, 1  # tags of the streams
_UNPROVEN = 1_000_000_000  # ns without a sign of life
_FIRST_DELAY, _LONGEST_DELAY = 0.1, 10.0  # seconds before another snapshot, after one that was of no use
_FEW = 4  # a new snapshot is taken when fewer than a quarter of the levels asked for are known
_ANEW = 8  # so many snapshots older than what was seen mean that the exchange counts its update ids anew


class BookMarket(Protocol):
    """The MarketData, as its books use it."""

    async def acquire(self, name: StreamName, core: BookCore) -> Any:
        """Deliver the stream of diffs to a book."""

    async def release(self, held: Any, core: BookCore) -> None:
        """Deliver it no longer."""

    def find_stream(self, name: str) -> MarketStream | None:
        """A stream that somebody subscribed to."""

    def left(self, keeper: BookKeeper) -> None:
        """No book of this keeper is left."""


class BookKeeper:
    """See the module's docstring.

    Args:
        name: the stream of diffs.
        top_name: the name of the stream of the best bid and ask.
        depth: how many levels a side a snapshot has.
        max_lag: seconds by which events may come late.

    Attributes:
        error: why the book cannot be kept; None while it can.
    """

    def __init__(
        self,
        market: BookMarket,
        snapshots: Snapshots,
        name: StreamName,
        top_name: str,
        depth: int,
        max_lag: float,
    ) -> None:
        self._market = market
        self.snapshots = snapshots
        self.name = name
        self._top_name = top_name
        self._top: MarketStream | None = None
        self._depth = depth
        self._max_lag = max_lag
        self.core = BookCore(name.symbol)
        self.core.expect(name.seconds or 0.0)
        self.core.on_state = self._stepped
        self.books: list[Book] = []
        self.error: FastwsError | None = None
        self.held: Any = None
        self._opening: asyncio.Task[None] | None = None
        self._syncing: asyncio.Task[None] | None = None
        self._failures = 0
        self._live_at = 0.0
        self._closed = False

    # ------------------------------------------------------------------------------------------------------ its life

    def open(self) -> asyncio.Task[None]:
        """Subscribe, and take the first snapshot."""
        if self._opening is None:
            self._opening = asyncio.ensure_future(self._open())
        return self._opening

    async def _open(self) -> None:
        try:
            self.held = await self._market.acquire(self.name, self.core)
        except FastwsError as error:
            self.end(f"not subscribed: {error}", error)
            raise
        self.sync()

    async def leave(self, book: Book) -> None:
        """See Keeper."""
        if book in self.books:
            self.books.remove(book)
            book._end("it was closed")
        if not self.books:
            await self.close("it was closed")

    def end(self, reason: str, error: FastwsError | None = None) -> None:
        """The books will not change any more."""
        self._closed = True
        self.error = self.error or error
        books, self.books = self.books, []
        for book in books:
            book._end(reason)
        if self._syncing is not None:
            self._syncing.cancel()
        if self._top is not None:
            self._top.remove(self.core)
        self._market.left(self)

    async def close(self, reason: str) -> None:
        """Close the books; what nobody else wants is unsubscribed."""
        self.end(reason)
        if self._opening is not None and not self._opening.done():
            self._opening.cancel()
            await asyncio.wait([self._opening])
        held, self.held = self.held, None
        if held is not None:
            await self._market.release(held, self.core)

    # ----------------------------------------------------------------------------------------------------- in sync

    def _stepped(self, old: str, new: str, reason: str) -> None:
        if new == "live":
            self._live_at = asyncio.get_running_loop().time()
        elif new == "stale":
            if not self.core.is_synced:
                streams_log.warning(
                    "the book of %s is out of sync, and is synced again: %s",
                    self.name.symbol,
                    reason,
                    code="book-stale",
                )
            asyncio.get_running_loop().call_soon(self.sync)

    def sync(self) -> None:
        """Take a snapshot, unless the book is in sync or one is under way."""
        if self._closed or self.held is None or self.core.is_synced:
            return
        if self._syncing is None or self._syncing.done():
            self._syncing = asyncio.ensure_future(self._sync())

    async def _sync(self) -> None:
        if asyncio.get_running_loop().time() - self._live_at > _LONGEST_DELAY:
            self._failures = 0
        while not self.core.is_synced:
            if self._failures:
                await asyncio.sleep(min(_FIRST_DELAY * 2 ** min(self._failures - 1, 7), _LONGEST_DELAY))
            if await self._take(self._begin):
                self._failures += 1  # so a book that is wrong again soon does not ask in a hurry
                return
            self._failures += 1
            if self._failures % _ANEW == 0:
                self.core.forget()

    def _begin(self) -> bool:
        """The request is about to be sent: keep the diffs from now on."""
        if self.core.is_synced or self._closed:
            return False
        self.core.begin()
        return True

    def _renew(self) -> bool:
        if not self.core.is_synced or self._closed:
            return False
        self.core.begin()
        return True

    async def _take(self, begin: Callable[[], bool]) -> bool:
        """Ask for a snapshot and load it; whether the book is in sync."""
        try:
            found = await self.snapshots.fetch(self.name.symbol, self._depth, begin, self.core.explain)
        except FastwsError as error:
            self.end(f"its snapshot was refused: {error}", error)
            self.held, held = None, self.held
            if held is not None:
                await self._market.release(held, self.core)
            return True
        except BaseException:
            self.core.give_up()
            raise
        if found is None:
            return self.core.is_synced
        if not self.core.is_keeping:
            return False  # a fault came meanwhile
        try:
            taken = self.core.load(found["lastUpdateId"], found["bids"], found["asks"], self._depth)
            why = "its snapshot was older than the events after it; another one is asked for"
        except (ValueError, OverflowError, KeyError, TypeError) as error:
            taken, why = False, f"its snapshot is impossible: {error}"
            streams_log.warning(
                "a snapshot of the book of %s is impossible: %s",
                self.name.symbol,
                error,
                code="book-snapshot",
            )
        if not taken:
            self.core.explain(why)
        return taken and self.core.is_synced

    # ----------------------------------------------------------------------------------------------- what time does

    def tick(self, now: int, proof: str | None) -> None:
        """What is due from time to time.

        Args:
            now: monotonic ns.
            proof: why the connections of the stream may be dead; None if one is alive.
        """
        core = self.core
        core.doubt(proof)
        core.judge(self.snapshots.clock, self._max_lag)
        top = self._market.find_stream(self._top_name)
        if top is not self._top:
            if self._top is not None:
                self._top.remove(core)
                core.forget_top()
            self._top = top
            if top is not None:
                top.add(core, _TOP)
        core.check(now)
        if not core.is_synced:
            self.sync()
        elif (self._syncing is None or self._syncing.done()) and self._knows_few():
            self._syncing = asyncio.ensure_future(self._renewal())

    def _knows_few(self) -> bool:
        few = self.core.few_levels
        return few is not None and few <= max(1, self._depth // _FEW)

    async def _renewal(self) -> None:
        """Few levels are known: take another snapshot while the book goes on."""
        if not await self._take(self._renew):
            self.core.give_up()
            await asyncio.sleep(1.0)
