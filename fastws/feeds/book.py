"""``Book``: an order book that a market session keeps up to date. ``market.book()`` makes it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any, Protocol

from .._native.book import BookReadings, BookTop
from .._native.book_core import BookCore
from ..book_errors import BookNotLive
from ..errors import FastwsError
from ..option_checks import checked_timeout

__all__ = ["Book"]


class Keeper(Protocol):
    """What keeps a book up to date."""

    error: FastwsError | None

    async def leave(self, book: Book) -> None:
        """A book of it is not wanted any more."""


class Book(BookReadings):
    """A local order book: the readings of BookReadings, and its life.

    It can be read while ``state`` is "live"; otherwise readings raise BookNotLive, unless ``stale_ok`` is set.
    """

    def __init__(
        self,
        core: BookCore,
        *,
        keeper: Keeper,
        numbers: str = "str",
        stale_ok: bool = False,
        on_change: Callable[[Any], object] | None = None,
        on_state: Callable[[Any, str, str, str], object] | None = None,
        report: Callable[[str, BaseException], object] | None = None,
    ) -> None:
        self._keeper = keeper
        self._loop = asyncio.get_running_loop()

    async def __aenter__(self) -> Book:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.close()

    async def wait_live(self, timeout: float | None = None) -> None:
        """Wait until the book is live.

        Args:
            timeout: seconds; None waits without limit.

        Raises:
            TimeoutError: it is not live after ``timeout`` seconds; the message says why.
            BookNotLive: it was closed.
            ApiError: the exchange refuses its snapshot: there is no such symbol, for example.
            InvalidRequest: ``timeout`` is wrong.
        """
        seconds = checked_timeout(timeout)
        deadline = None if seconds is None else self._loop.time() + seconds
        while self.state != "live":
            if self.state == "closed":
                raise self._keeper.error or BookNotLive(self.symbol, "closed", self.reason)
            left = None if deadline is None else deadline - self._loop.time()
            if left is not None and left <= 0:
                raise TimeoutError(
                    f"the book of {self.symbol} is not live after {timeout:g} s: {self.reason}"
                )
            await asyncio.wait([self._next_change(self._loop)], timeout=left)

    async def close(self) -> None:
        """Close the book, for good. The stream is unsubscribed when no other book and no subscription wants it."""
        await self._keeper.leave(self)

    async def tops(self) -> AsyncIterator[BookTop]:
        """The best levels, whenever they or the state have changed: the newest, however slow the loop is.

        While the book is not live, an entry says so by its ``state``, and has no prices. It ends when the book is
        closed.
        """
        last: tuple[Any, ...] | None = None
        while True:
            top = self.top
            seen = (*top[:4], top.state)
            if seen != last:
                last = seen
                yield top
            elif top.state == "closed":
                return
            else:
                await asyncio.wait([self._next_change(self._loop)])
