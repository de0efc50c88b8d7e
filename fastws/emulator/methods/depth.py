"""The order book as depth shows it."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import Any

from ..exchange.state import Exchange
from ..matching.book import BookSide
from ..values.decimals import decimal_text
from .market_params import read_limit
from .request import Request
from .tickers import require_status

__all__ = ["depth", "depth_weight"]

_DEPTH_WEIGHTS = ((100, 5), (500, 25), (1000, 50), (5000, 250))
_MAX_DEPTH = 5000


def depth_weight(values: Mapping[str, Any]) -> int:
    limit = values.get("limit", 100)
    return next((weight for most, weight in _DEPTH_WEIGHTS if limit <= most), 250)


def depth(exchange: Exchange, request: Request) -> dict[str, Any]:
    """The order book, with 5000 levels at most."""
    values = request.values
    book = exchange.book(values["symbol"])
    limit = read_limit(values, 100, _MAX_DEPTH)
    require_status(book, values)
    return {
        "lastUpdateId": book.update_id,
        "bids": _levels(book.bids, limit),
        "asks": _levels(book.asks, limit),
    }


def _levels(side: BookSide, limit: int) -> list[list[str]]:
    return [[decimal_text(level.price), decimal_text(level.quantity)] for level in islice(side, limit)]
