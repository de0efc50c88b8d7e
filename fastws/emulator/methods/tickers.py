"""Tickers: prices, best bids and asks, and statistics of the last 24 hours, a trading day or a window."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..exchange.state import Exchange
from ..market.simulation import average
from ..matching.book import Book
from ..matching.tape import TradeSum
from ..values.decimals import UNIT, decimal_text
from ..values.errors import refuse
from .market_params import DAY, MINUTE
from .request import Request

__all__ = [
    "average_price",
    "best",
    "change",
    "day",
    "day_weight",
    "few_weight",
    "price",
    "require_status",
    "trading_day",
    "window",
    "window_weight",
]

_AVERAGE_MINUTES = 5
_MAX_SYMBOLS = 200


def few_weight(values: Mapping[str, Any]) -> int:
    """The weight of ticker.price and ticker.book."""
    return 2 if "symbol" in values else 4


def day_weight(values: Mapping[str, Any]) -> int:
    """The weight of ticker.24hr."""
    if "symbol" in values:
        return 2
    count = len(values.get("symbols", ())) or _MAX_SYMBOLS
    return 2 if count <= 20 else 40 if count <= 100 else 80


def window_weight(values: Mapping[str, Any]) -> int:
    """The weight of ticker and ticker.tradingDay."""
    return min(4 * len(values.get("symbols", ("one",))), 200)


def price(exchange: Exchange, request: Request) -> Any:
    """The last price of one symbol, or of several."""
    return _tickers(
        exchange,
        request.values,
        lambda book: {"symbol": book.symbol.name, "price": decimal_text(book.last_price)},
    )


def best(exchange: Exchange, request: Request) -> Any:
    """The best bid and ask of one symbol, or of several."""
    return _tickers(exchange, request.values, lambda book: {"symbol": book.symbol.name, **_best(book)})


def average_price(exchange: Exchange, request: Request) -> dict[str, Any]:
    """The average price of the last minutes."""
    book = exchange.book(request.values["symbol"])
    times = book.trades.read().times
    return {
        "mins": _AVERAGE_MINUTES,
        "price": decimal_text(average(book, request.now_us, _AVERAGE_MINUTES)),
        "closeTime": times[-1] // request.connection.time_divisor if times else -1,
    }


def day(exchange: Exchange, request: Request) -> Any:
    """The statistics of the last 24 hours."""
    now_us, mini = request.now_us, request.values.get("type") == "MINI"

    def view(book: Book) -> dict[str, Any]:
        start_us = now_us - DAY
        statistics = _statistics(book, start_us, now_us, mini, request.connection.time_divisor)
        if mini:
            return statistics
        tape = book.trades
        place = tape.place_at(start_us)
        previous = tape.prices[place - 1] if place else 0
        shown = dict(statistics)
        whole = {name: shown.pop(name) for name in ("symbol", *_CHANGE)}
        whole["prevClosePrice"] = decimal_text(previous)
        whole["lastPrice"] = shown.pop("lastPrice")
        whole["lastQty"] = decimal_text(tape.quantities[-1] if len(tape) else 0)
        return {**whole, **_best(book), **shown}

    return _tickers(exchange, request.values, view)


def trading_day(exchange: Exchange, request: Request) -> Any:
    """The statistics of the current day of a time zone."""
    values = request.values
    now_us, offset = request.now_us, values.get("timeZone", 0)
    start_us = now_us - (now_us + offset) % DAY
    return _windows(exchange, request, start_us, start_us + DAY - 1)


def window(exchange: Exchange, request: Request) -> Any:
    """The statistics of a window up to now; its start is rounded down to a minute."""
    start_us = request.now_us - request.values.get("windowSize", DAY)
    return _windows(exchange, request, start_us - start_us % MINUTE, request.now_us)


_CHANGE = ("priceChange", "priceChangePercent", "weightedAvgPrice")


def _windows(exchange: Exchange, request: Request, start_us: int, end_us: int) -> Any:
    values = request.values
    if "symbol" not in values and "symbols" not in values:
        raise refuse(
            -1102, "symbol", "symbols", msg="Param '%s' or '%s' must be sent, but both were empty/null!"
        )
    if len(values.get("symbols", ())) > _MAX_SYMBOLS:
        raise refuse(
            -1101,
            _MAX_SYMBOLS,
            len(values["symbols"]),
            msg="Too many parameters; expected '%s' and received '%s'.",
        )
    mini, divisor = values.get("type") == "MINI", request.connection.time_divisor

    def view(book: Book) -> dict[str, Any]:
        if not book.trades:
            raise refuse(-2016)
        return _statistics(book, start_us, end_us, mini, divisor)

    return _tickers(exchange, values, view)


def _statistics(book: Book, start_us: int, end_us: int, mini: bool, divisor: int) -> dict[str, Any]:
    tape = book.trades.read()
    found: TradeSum | None = tape.sum_times(start_us, end_us + 1)
    shown: dict[str, Any] = {"symbol": book.symbol.name}
    if not mini:
        shown.update(zip(_CHANGE, change(found), strict=True))
    first, high, low = (found.open, found.high, found.low) if found else (0, 0, 0)
    shown["openPrice"] = decimal_text(first)
    shown["highPrice"] = decimal_text(high)
    shown["lowPrice"] = decimal_text(low)
    shown["lastPrice"] = decimal_text(found.close if found else book.last_price)
    shown["volume"] = decimal_text(found.base if found else 0)
    shown["quoteVolume"] = decimal_text(found.quote if found else 0)
    shown["openTime"] = start_us // divisor
    shown["closeTime"] = end_us // divisor
    shown["firstId"] = tape.ids[found.first] if found else -1
    shown["lastId"] = tape.ids[found.last] if found else -1
    shown["count"] = found.count if found else 0
    return shown


def change(found: TradeSum | None) -> tuple[str, str, str]:
    """The change of the price, the change in percent, and the average price."""
    if found is None or not found.base:
        return decimal_text(0), "0.000", decimal_text(0)
    change = found.close - found.open
    thousandths = (abs(change) * 200_000 + found.open) // (2 * found.open)
    sign = "-" if change < 0 else ""
    percent = f"{sign if thousandths else ''}{thousandths // 1000}.{thousandths % 1000:03d}"
    return sign + decimal_text(abs(change)), percent, decimal_text(found.quote * UNIT // found.base)


def _best(book: Book) -> dict[str, str]:
    bid, ask = book.bids.best(), book.asks.best()
    return {
        "bidPrice": decimal_text(bid.price if bid else 0),
        "bidQty": decimal_text(bid.quantity if bid else 0),
        "askPrice": decimal_text(ask.price if ask else 0),
        "askQty": decimal_text(ask.quantity if ask else 0),
    }


def _tickers(exchange: Exchange, values: Mapping[str, Any], view: Callable[[Book], dict[str, Any]]) -> Any:
    """The ticker of one symbol, or an array of tickers of several or all symbols."""
    if "symbol" in values:
        if "symbols" in values:
            raise refuse(-1128)
        book = exchange.book(values["symbol"])
        require_status(book, values)
        return view(book)
    names = values.get("symbols")
    books = [exchange.book(name) for name in names] if names else list(exchange.engine.books.values())
    status = values.get("symbolStatus", None if names else "TRADING")
    return [view(book) for book in books if status in (None, book.symbol.status)]


def require_status(book: Book, values: Mapping[str, Any]) -> None:
    """Refuse (-1220) a symbol that does not have the requested status."""
    if values.get("symbolStatus", book.symbol.status) != book.symbol.status:
        raise refuse(-1220)
