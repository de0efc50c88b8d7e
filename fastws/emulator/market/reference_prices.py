"""Reference prices (faqs/price_range_execution_rules.md).

The exchange calculates a symbol's reference price as a mean of its trades, or an operator sets it, or the symbol has
none.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..matching.book import Book

__all__ = ["MeanPrice", "ReferencePrices"]

_PLACES = 10_000


@dataclass(frozen=True, slots=True)
class MeanPrice:
    """A reference price that is the mean of the trades in ``buckets`` of ``width_ms`` milliseconds."""

    buckets: int = 10
    width_ms: int = 1000

    def price(self, book: Book, now_us: int) -> int | None:
        """The mean at ``now_us``, or None without a trade. Of the oldest bucket, only the part in the window counts."""
        width = self.width_ms * 1000
        cutoff = now_us - width * self.buckets
        tape = book.trades.read()
        place, end = tape.place_at(cutoff - cutoff % width), tape.place_at(now_us + 1)
        total = count = 0
        while place < end:
            opened = tape.times[place] - tape.times[place] % width
            after = min(tape.place_at(opened + width), end)
            bucket_count = (after - place) * _PLACES
            bucket_sum = sum(tape.prices[place:after]) * _PLACES
            if opened < cutoff:
                expired = cutoff - opened
                bucket_count -= bucket_count * expired // width
                bucket_sum -= bucket_sum * expired // width
            total += bucket_sum
            count += bucket_count
            place = after
        return total // count if count else None


class ReferencePrices:
    """The reference prices of all symbols.

    Attributes:
        means: the calculation, by symbol, for symbols whose reference price the exchange calculates.
    """

    def __init__(self) -> None:
        self.means: dict[str, MeanPrice] = {}
        self._set: dict[str, tuple[int | None, int]] = {}

    def set(self, symbol: str, price: int | None, now_us: int) -> None:
        """Set a reference price, in units of 10^-8, as an operator does. None: there is no price at the moment."""
        self.means.pop(symbol, None)
        self._set[symbol] = (price, now_us)

    def has(self, symbol: str) -> bool:
        """Whether the symbol can have a reference price; it may be None at the moment."""
        return symbol in self.means or symbol in self._set

    def price(self, book: Book, now_us: int) -> int | None:
        """The reference price, or None if there is none at the moment."""
        name = book.symbol.name
        mean = self.means.get(name)
        if mean is not None:
            return mean.price(book, now_us)
        return self._set.get(name, (None, 0))[0]

    def time(self, symbol: str, now_us: int) -> int:
        """The time at which the price was valid, in microseconds."""
        return self._set[symbol][1] if symbol in self._set else now_us
