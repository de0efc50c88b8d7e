"""The events of market data streams: what the market shows at a moment, and its JSON (web-socket-streams.md).

An event is made once, in units of 10^-8 and microseconds; its text is made once for each form that is received.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NamedTuple

from ..exchange.state import Exchange
from ..matching.book import Book, BookSide
from ..matching.tape import Tape, TradeSum
from ..methods.klines import kline_at
from ..methods.market_params import DAY, HOUR, MINUTE, interval
from ..methods.tickers import change
from ..values.decimals import decimal_text
from .names import StreamName

__all__ = ["Diff", "Event", "Partial", "Payload", "Top", "Trade", "Trades", "kline_event", "timed_event"]

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), check_circular=False).encode
_AVERAGE_MINUTES = 5
_WINDOWS = {"1h": HOUR, "4h": 4 * HOUR, "1d": DAY}

Levels = list[tuple[int, int]]


class Payload:
    """What a stream sends at once; it is encoded once for all connections that receive it in the same form.

    Attributes:
        message: the SBE message, once it was needed.
    """

    message: bytes | None = None

    def __init__(self) -> None:
        self._texts: dict[tuple[bool, int], list[bytes]] = {}

    def shown(self, divisor: int) -> list[Any]:
        """The JSON values of its events, with times divided by ``divisor``."""
        raise NotImplementedError

    def texts(self, stream: str, divisor: int) -> list[bytes]:
        """The texts of its events; ``stream`` is the name that they have, or "" for raw ones."""
        key = (stream != "", divisor)
        texts = self._texts.get(key)
        if texts is None:
            begin, end = (f'{{"stream":{_encode(stream)},"data":', "}") if stream else ("", "")
            texts = [f"{begin}{_encode(value)}{end}".encode() for value in self.shown(divisor)]
            self._texts[key] = texts
        return texts


class Event(Payload):
    """An event of a stream. ``fields(divisor)`` is its JSON value, with times divided by ``divisor``."""

    def __init__(self, fields: Callable[[int], Any]) -> None:
        super().__init__()
        self.fields = fields

    def shown(self, divisor: int) -> list[Any]:
        return [self.fields(divisor)]


class Trade(NamedTuple):
    """A trade."""

    time: int
    id: int
    price: int
    quantity: int
    buyer_is_maker: bool


class Trades(Payload):
    """Trades of one taker, at one time. In JSON each is an event; in SBE they are one message."""

    def __init__(self, now_us: int, symbol: str, trades: list[Trade]) -> None:
        super().__init__()
        self.now_us = now_us
        self.symbol = symbol
        self.trades = trades

    def shown(self, divisor: int) -> list[Any]:
        return [
            {
                "e": "trade",
                "E": self.now_us // divisor,
                "s": self.symbol,
                "t": trade.id,
                "p": decimal_text(trade.price),
                "q": decimal_text(trade.quantity),
                "T": trade.time // divisor,
                "m": trade.buyer_is_maker,
                "M": True,
            }
            for trade in self.trades
        ]


class Top(Event):
    """The best bid and ask. A side without orders shows zeros."""

    def __init__(self, now_us: int, book: Book) -> None:
        super().__init__(self._show)
        bid, ask = book.bids.best(), book.asks.best()
        self.now_us = now_us
        self.symbol = book.symbol.name
        self.update_id = book.update_id
        self.bid = (bid.price, bid.quantity) if bid else (0, 0)
        self.ask = (ask.price, ask.quantity) if ask else (0, 0)

    def _show(self, divisor: int) -> dict[str, Any]:
        return {
            "u": self.update_id,
            "s": self.symbol,
            "b": decimal_text(self.bid[0]),
            "B": decimal_text(self.bid[1]),
            "a": decimal_text(self.ask[0]),
            "A": decimal_text(self.ask[1]),
        }


class Diff(Event):
    """Levels that changed between two update ids. A quantity of zero: the level is gone."""

    def __init__(
        self, now_us: int, symbol: str, first_id: int, last_id: int, bids: Levels, asks: Levels
    ) -> None:
        super().__init__(self._show)
        self.now_us = now_us
        self.symbol = symbol
        self.first_id = first_id
        self.last_id = last_id
        self.bids = bids
        self.asks = asks

    def joined(self, later: Diff) -> Diff:
        """This diff and the one that follows as one."""
        return Diff(
            later.now_us,
            self.symbol,
            self.first_id,
            later.last_id,
            list((dict(self.bids) | dict(later.bids)).items()),
            list((dict(self.asks) | dict(later.asks)).items()),
        )

    def _show(self, divisor: int) -> dict[str, Any]:
        return {
            "e": "depthUpdate",
            "E": self.now_us // divisor,
            "s": self.symbol,
            "U": self.first_id,
            "u": self.last_id,
            "b": _shown(self.bids),
            "a": _shown(self.asks),
        }


class Partial(Event):
    """The best levels of a book."""

    def __init__(self, now_us: int, book: Book, levels: int) -> None:
        super().__init__(self._show)
        self.now_us = now_us
        self.symbol = book.symbol.name
        self.last_id = book.update_id
        self.bids = _best(book.bids, levels)
        self.asks = _best(book.asks, levels)

    def _show(self, divisor: int) -> dict[str, Any]:
        return {"lastUpdateId": self.last_id, "bids": _shown(self.bids), "asks": _shown(self.asks)}


def _best(side: BookSide, levels: int) -> Levels:
    return [(level.price, level.quantity) for level, _ in zip(side, range(levels), strict=False)]


def _shown(levels: Levels) -> list[list[str]]:
    return [[decimal_text(price), decimal_text(quantity)] for price, quantity in levels]


def timed_event(exchange: Exchange, name: StreamName, book: Book, now_us: int) -> Event | None:
    """The event of a stream that shows sums of trades; None if it has nothing to show.

    ``name`` may stand for all symbols: then this is the entry of one symbol in its array.
    """
    tape = book.trades.read()
    if name.kind == "referencePrice":
        references, symbol = exchange.references, book.symbol.name
        price, since = references.price(book, now_us), references.time(symbol, now_us)
        return Event(
            lambda divisor: {
                "e": "referencePrice",
                "s": book.symbol.name,
                "r": None if price is None else decimal_text(price),
                "t": since // divisor,
            }
        )
    if not tape.times:
        return None
    if name.kind == "avgPrice":
        average = book.trades.average(now_us - _AVERAGE_MINUTES * MINUTE, now_us + 1)
        shown, last = decimal_text(book.last_price if average is None else average), tape.times[-1]
        return Event(
            lambda divisor: {
                "e": "avgPrice",
                "E": now_us // divisor,
                "s": book.symbol.name,
                "i": f"{_AVERAGE_MINUTES}m",
                "w": shown,
                "T": last // divisor,
            }
        )
    if name.kind in ("miniTicker", "miniTickers"):
        return _mini_ticker(book, tape, now_us)
    if name.kind == "ticker":
        return _ticker(book, tape, now_us)
    return _rolling_ticker(book, tape, now_us, name.window)


def kline_event(name: StreamName, book: Book, open_us: int, now_us: int, closed: bool) -> Event:
    """The event of the kline that begins at ``open_us``."""
    after = interval("interval", name.interval).after(open_us, name.offset)
    row, first, last = kline_at(book, open_us, after)

    def show(divisor: int) -> dict[str, Any]:
        names = ("o", "h", "l", "c", "v", "q", "V", "Q")
        texts = dict(zip(names, row.texts, strict=True))
        return {
            "e": "kline",
            "E": now_us // divisor,
            "s": book.symbol.name,
            "k": {
                "t": open_us // divisor,
                "T": (after - 1) // divisor,
                "s": book.symbol.name,
                "i": name.interval,
                "f": first,
                "L": last,
                "o": texts["o"],
                "c": texts["c"],
                "h": texts["h"],
                "l": texts["l"],
                "v": texts["v"],
                "n": row.trades,
                "x": closed,
                "q": texts["q"],
                "V": texts["V"],
                "Q": texts["Q"],
                "B": "0",
            },
        }

    return Event(show)


def _sums(book: Book, tape: Tape, found: TradeSum | None) -> dict[str, str]:
    first, high, low = (found.open, found.high, found.low) if found else (0, 0, 0)
    return {
        "o": decimal_text(first),
        "h": decimal_text(high),
        "l": decimal_text(low),
        "v": decimal_text(found.base if found else 0),
        "q": decimal_text(found.quote if found else 0),
    }


def _mini_ticker(book: Book, tape: Tape, now_us: int) -> Event:
    sums = _sums(book, tape, tape.sum_times(now_us - DAY, now_us + 1))
    last = decimal_text(book.last_price)
    return Event(
        lambda divisor: {
            "e": "24hrMiniTicker",
            "E": now_us // divisor,
            "s": book.symbol.name,
            "c": last,
            **sums,
        }
    )


def _ticker(book: Book, tape: Tape, now_us: int) -> Event:
    start_us = now_us - DAY
    found = tape.sum_times(start_us, now_us + 1)
    top, sums, (moved, percent, average) = Top(now_us, book), _sums(book, tape, found), change(found)
    place = tape.place_at(start_us)
    previous = decimal_text(tape.prices[place - 1] if place else 0)
    quantity, last = decimal_text(tape.quantities[-1]), decimal_text(book.last_price)
    ids = _ids(tape, found)
    return Event(
        lambda divisor: {
            "e": "24hrTicker",
            "E": now_us // divisor,
            "s": book.symbol.name,
            "p": moved,
            "P": percent,
            "w": average,
            "x": previous,
            "c": last,
            "Q": quantity,
            "b": decimal_text(top.bid[0]),
            "B": decimal_text(top.bid[1]),
            "a": decimal_text(top.ask[0]),
            "A": decimal_text(top.ask[1]),
            **sums,
            "O": start_us // divisor,
            "C": now_us // divisor,
            **ids,
        }
    )


def _rolling_ticker(book: Book, tape: Tape, now_us: int, window: str) -> Event:
    start_us = now_us - _WINDOWS[window]
    start_us -= start_us % MINUTE
    found = tape.sum_times(start_us, now_us + 1)
    sums, (moved, percent, average) = _sums(book, tape, found), change(found)
    last, ids = decimal_text(book.last_price), _ids(tape, found)
    return Event(
        lambda divisor: {
            "e": f"{window}Ticker",
            "E": now_us // divisor,
            "s": book.symbol.name,
            "p": moved,
            "P": percent,
            "o": sums["o"],
            "h": sums["h"],
            "l": sums["l"],
            "c": last,
            "w": average,
            "v": sums["v"],
            "q": sums["q"],
            "O": start_us // divisor,
            "C": now_us // divisor,
            **ids,
        }
    )


def _ids(tape: Tape, found: TradeSum | None) -> dict[str, int]:
    if found is None:
        return {"F": -1, "L": -1, "n": 0}
    return {"F": tape.ids[found.first], "L": tape.ids[found.last], "n": found.count}
