"""Reference prices, how they are calculated, and execution rules (faqs/price_range_execution_rules.md)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..exchange.state import Exchange
from ..values.decimals import decimal_text
from ..values.errors import refuse
from .request import Request
from .tickers import require_status

__all__ = ["calculation", "execution_rules", "price", "rules_weight"]

# The reference price that an operator set (External Reference Price Calculation Method 0).
_SET_BY_OPERATOR = 0


def price(exchange: Exchange, request: Request) -> dict[str, Any]:
    """referencePrice. For a symbol that never had a reference price, the result is an error object."""
    book, references = exchange.book(request.values["symbol"]), exchange.references
    name, now_us = book.symbol.name, request.now_us
    if not references.has(name) or (name in references.means and not book.trades):
        return refuse(-2043).brief()
    found = references.price(book, now_us)
    return {
        "symbol": name,
        "referencePrice": None if found is None else decimal_text(found),
        "timestamp": references.time(name, now_us) // request.connection.time_divisor,
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
