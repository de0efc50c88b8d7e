"""Market data: depth, tickers, trades."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any

from .book import Book, BookSide
from .errors import refuse
from .symbols import decimal_text

if TYPE_CHECKING:
    from .exchange import Exchange
    from .request import Request

__all__ = ["depth", "depth_weight", "ticker_book", "ticker_price", "ticker_weight", "trades_recent"]

_DEPTH_WEIGHTS = ((100, 5), (500, 25), (1000, 50), (5000, 250))
_MAX_DEPTH = 5000


def depth_weight(values: Mapping[str, Any]) -> int:
    limit = values.get("limit", 100)
    return next((weight for most, weight in _DEPTH_WEIGHTS if limit <= most), 250)


def depth(exchange: Exchange, request: Request) -> dict[str, Any]:
    """The order book. More than 5000 levels are not shown."""
    values = request.values
    book = exchange.book(values["symbol"])
    limit = min(read_limit(values, 100), _MAX_DEPTH)
    _require_status(book, values)
    return {
        "lastUpdateId": book.update_id,
        "bids": _levels(book.bids, limit),
        "asks": _levels(book.asks, limit),
    }


def _levels(side: BookSide, limit: int) -> list[list[str]]:
    return [[decimal_text(level.price), decimal_text(level.quantity)] for level in islice(side, limit)]


def ticker_weight(values: Mapping[str, Any]) -> int:
    return 2 if "symbol" in values else 4


def ticker_price(exchange: Exchange, request: Request) -> Any:
    """The last price of one symbol, or of several."""
    return _ticker(exchange, request, _price)


def ticker_book(exchange: Exchange, request: Request) -> Any:
    """The best bid and ask of one symbol, or of several."""
    return _ticker(exchange, request, _best)


def _price(book: Book) -> dict[str, Any]:
    return {"symbol": book.symbol.name, "price": decimal_text(book.last_price)}


def _best(book: Book) -> dict[str, Any]:
    bid, ask = book.bids.best(), book.asks.best()
    return {
        "symbol": book.symbol.name,
        "bidPrice": decimal_text(bid.price if bid else 0),
        "bidQty": decimal_text(bid.quantity if bid else 0),
        "askPrice": decimal_text(ask.price if ask else 0),
        "askQty": decimal_text(ask.quantity if ask else 0),
    }


def _ticker(exchange: Exchange, request: Request, view: Callable[[Book], dict[str, Any]]) -> Any:
    values = request.values
    if "symbol" in values:
        if "symbols" in values:
            raise refuse(-1128)
        book = exchange.book(values["symbol"])
        _require_status(book, values)
        return view(book)
    names = values.get("symbols")
    books = [exchange.book(name) for name in names] if names else list(exchange.engine.books.values())
    status = values.get("symbolStatus", None if names else "TRADING")
    return [view(book) for book in books if status in (None, book.symbol.status)]


def trades_recent(exchange: Exchange, request: Request) -> list[dict[str, Any]]:
    """The last trades of a symbol, oldest first."""
    tape = exchange.book(request.values["symbol"]).trades.read()
    limit = min(read_limit(request.values, 500), 1000)
    divisor, end = request.session.time_divisor, len(tape)
    return [tape.public_view(place, divisor) for place in range(max(end - limit, 0), end)]


def read_limit(values: Mapping[str, Any], default: int) -> int:
    """The parameter ``limit``, which is at least 1."""
    limit: int = values.get("limit", default)
    if limit < 1:
        raise refuse(-1130, "limit")
    return limit


def _require_status(book: Book, values: Mapping[str, Any]) -> None:
    if values.get("symbolStatus", book.symbol.status) != book.symbol.status:
        raise refuse(-1220)
