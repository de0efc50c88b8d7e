"""The errors of order books."""

from __future__ import annotations

from typing import Any

from .errors import FastwsError

__all__ = ["BookNotLive", "BookTooShallow"]


class BookNotLive(FastwsError):
    """An order book that is not live was read: its levels may be wrong, or it has none yet.

    ``market.book(…, stale_ok=True)`` gives a book that can be read nevertheless.

    Attributes:
        symbol: of the book.
        state: "syncing", "stale" or "closed".
        reason: why the book is not live.
    """

    def __init__(self, symbol: str, state: str, reason: str) -> None:
        super().__init__(f"the book of {symbol} is {state}: {reason}")
        self.symbol, self.state, self.reason = symbol, state, reason

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.symbol, self.state, self.reason)


class BookTooShallow(FastwsError):
    """A question to an order book is about levels that it does not know.

    A book knows the levels within the prices of its snapshot, which has at most ``depth`` levels a side. A larger
    ``depth`` of ``market.book()`` knows more.
    """
