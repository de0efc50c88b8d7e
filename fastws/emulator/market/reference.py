"""Reference prices and execution rules (faqs/price_range_execution_rules.md).

The exchange calculates the reference price of a symbol as a mean of its trades, or an operator sets it, or there is
none. An execution rule of the symbol keeps trades within a range around it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..matching.book import Book
from ..methods.tickers import require_status
from ..values.errors import refuse
from ..values.symbols import decimal_text

if TYPE_CHECKING:
    from ..exchange.exchange import Exchange
    from ..methods.request import Request

__all__ = ["Mean", "References", "calculation", "execution_rules", "price", "rules_weight"]

# The reference price that an operator set (External Reference Price Calculation Method 0).
_SET_BY_OPERATOR = 0
_PLACES = 10_000


@dataclass(frozen=True, slots=True)
class Mean:
    """The reference price is the mean of the trades in so many buckets of time."""

    buckets: int = 10
    width_ms: int = 1000

    def price(self, book: Book, now_us: int) -> int | None:
        """The mean as of now, or None without a trade. The oldest bucket counts for its part in the window only."""
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


class References:
    """The reference prices of all symbols.

    Attributes:
        means: how it is calculated, for symbols whose reference price the engine calculates.
    """

    def __init__(self) -> None:
        self.means: dict[str, Mean] = {}
        self._set: dict[str, tuple[int | None, int]] = {}

    def set(self, symbol: str, price: int | None, now_us: int) -> None:
        """Set a reference price, in units of 10^-8, as an operator does. None is no price for the time being."""
        self.means.pop(symbol, None)
        self._set[symbol] = (price, now_us)

    def has(self, symbol: str) -> bool:
        """Whether the symbol has a reference price at all, be it none at the moment."""
        return symbol in self.means or symbol in self._set

    def price(self, book: Book, now_us: int) -> int | None:
        """The reference price, or None if there is none at the moment."""
        name = book.symbol.name
        mean = self.means.get(name)
        if mean is not None:
            return mean.price(book, now_us)
        return self._set.get(name, (None, 0))[0]

    def time(self, symbol: str, now_us: int) -> int:
        """When the price was valid."""
        return self._set[symbol][1] if symbol in self._set else now_us


def price(exchange: Exchange, request: Request) -> dict[str, Any]:
    """referencePrice. Where there never was one, the result itself is an error."""
    book, references = exchange.book(request.values["symbol"]), exchange.references
    name, now_us = book.symbol.name, request.now_us
    if not references.has(name) or (name in references.means and not book.trades):
        return refuse(-2043).brief()
    found = references.price(book, now_us)
    return {
        "symbol": name,
        "referencePrice": None if found is None else decimal_text(found),
        "timestamp": references.time(name, now_us) // request.session.time_divisor,
    }


def calculation(exchange: Exchange, request: Request) -> dict[str, Any]:
    """referencePrice.calculation"""
    book, references = exchange.book(request.values["symbol"]), exchange.references
    require_status(book, request.values)
    name = book.symbol.name
    if not references.has(name):
        raise refuse(-2043)
    mean = references.means.get(name)
    if mean is None:
        return {
            "symbol": name,
            "calculationType": "EXTERNAL",
            "externalCalculationId": _SET_BY_OPERATOR,
        }
    return {
        "symbol": name,
        "calculationType": "ARITHMETIC_MEAN",
        "bucketCount": mean.buckets,
        "bucketWidthMs": mean.width_ms,
    }


def rules_weight(values: Mapping[str, Any]) -> int:
    """The weight of executionRules."""
    if "symbol" in values:
        return 2
    return min(2 * len(values["symbols"]), 40) if "symbols" in values else 40


def execution_rules(exchange: Exchange, request: Request) -> dict[str, Any]:
    """The execution rules of one symbol, of several, of those in a status, or of all."""
    values = request.values
    if sum(name in values for name in ("symbol", "symbols", "symbolStatus")) > 1:
        raise refuse(-1128)
    names = values.get("symbols") or ([values["symbol"]] if "symbol" in values else None)
    books = [exchange.book(name) for name in names] if names else list(exchange.engine.books.values())
    status = values.get("symbolStatus")
    rows = []
    for book in books:
        symbol = book.symbol
        if status in (None, symbol.status):
            rule = symbol.price_range
            rows.append({"symbol": symbol.name, "rules": [] if rule is None else [rule.view()]})
    return {"symbolRules": rows}
