"""The hub of market data streams: who receives which stream, and when its events are made.

Nothing is made for a stream without a receiver. ``publish`` sends what comes as soon as it happens; timers of the
exchange's clock send the others.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from ..exchange.state import Exchange
from ..matching.book import Book, Touched
from ..methods.market_params import interval
from ..values.clock import PeriodicTimer
from .events import Diff, Event, Partial, Payload, Top, Trade, Trades, kline_event, timed_event
from .names import StreamName, read_name

__all__ = ["Hub", "Receiver", "Stream"]

# How many trades are sent at once: if the clock jumps over hours, the earlier ones are left out.
_MOST_TRADES = 1000

_Levels = dict[int, int]


class Receiver(Protocol):
    """A connection, as the hub uses it. ``binary``: it is in SBE."""

    @property
    def binary(self) -> bool: ...

    def receive(self, stream: Stream, event: Payload) -> None:
        """Send an event of a stream."""


class Stream:
    """A stream that has receivers.

    Attributes:
        name: what its name says.
        fault_names: the names by which faults know its events.
        receivers: the connections that are subscribed to it, in the order of their subscribing.
    """

    def __init__(self, name: StreamName, book: Book | None) -> None:
        self.name = name
        self.fault_names = (name.kind, name.text, name.text.rpartition("@")[2])
        self.book = book
        self.receivers: dict[Receiver, None] = {}
        self.timer: PeriodicTimer | None = None
        self.shown = 0  # of what was sent last: the beginning of a kline, the update id of a partial depth
        self.traded: dict[str, int] = {}  # of a stream of all symbols: how many trades each has shown

    def send(self, event: Payload) -> None:
        """Send an event to all receivers."""
        for receiver in tuple(self.receivers):
            receiver.receive(self, event)


class _Depth:
    """The levels of a book that a diff stream has shown."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self._id = book.update_id
        self._bids, self._asks = _levels(book)
        # A level that came and went is shown as well: a snapshot from in between may have it.
        self._touched = Touched(), Touched()
        book.bids.watchers.add(self._touched[0])
        book.asks.watchers.add(self._touched[1])

    def diff(self, now_us: int) -> Diff | None:
        """What has changed since the last call; None without a change."""
        book = self._book
        if book.update_id == self._id:
            return None
        bids, asks = _levels(book)
        first, self._id = self._id + 1, book.update_id
        changed = (
            _changed(self._bids, bids, self._touched[0]),
            _changed(self._asks, asks, self._touched[1]),
        )
        self._bids, self._asks = bids, asks
        return Diff(now_us, book.symbol.name, first, self._id, *changed)


def _levels(book: Book) -> tuple[_Levels, _Levels]:
    return (
        {level.price: level.quantity for level in book.bids},
        {level.price: level.quantity for level in book.asks},
    )


def _changed(before: _Levels, after: _Levels, touched: Touched) -> list[tuple[int, int]]:
    prices = touched.prices
    changed = [
        (price, quantity)
        for price, quantity in after.items()
        if before.get(price) != quantity or price in prices
    ]
    gone = [(price, 0) for price in sorted(prices.union(before)) if price not in after]
    prices.clear()
    return changed + gone


class _AtOnce:
    """The streams of a symbol whose events come as soon as they happen, by kind, and what they have shown.

    What no stream of a kind shows is not looked at.
    """

    def __init__(self, book: Book) -> None:
        self.book = book
        self.streams: dict[str, list[Stream]] = {}
        self._trades = self._aggregates = self._blocks = 0  # how many were shown
        self._top = _top(book)

    def add(self, stream: Stream) -> None:
        """Show what happens from now on in a stream, too."""
        tape, kind = self.book.trades, stream.name.kind
        if kind not in self.streams:
            if kind == "trade":
                self._trades = len(tape.read())
            elif kind == "aggTrade":
                self._aggregates = len(tape.read().aggregates)
            elif kind == "blockTrade":
                self._blocks = len(tape.blocks)
            else:
                self._top = _top(self.book)
        self.streams.setdefault(kind, []).append(stream)

    def remove(self, stream: Stream) -> bool:
        """Remove a stream. True if it was the last one."""
        streams = self.streams[stream.name.kind]
        streams.remove(stream)
        if not streams:
            del self.streams[stream.name.kind]
        return not self.streams

    def publish(self, now_us: int) -> None:
        """Send what has happened since the last call: trades first, then the book that they left."""
        streams, book = self.streams, self.book
        if "trade" in streams and len(book.trades) != self._trades:
            _send(streams["trade"], self._new_trades(now_us))
        if "aggTrade" in streams:
            _send(streams["aggTrade"], self._new_aggregates(now_us))
        if "blockTrade" in streams and len(book.trades.blocks) != self._blocks:
            _send(streams["blockTrade"], self._new_blocks(now_us))
        if "bookTicker" in streams:
            top = _top(book)
            if top != self._top:
                self._top = top
                _send(streams["bookTicker"], [Top(now_us, book)])

    def _new_trades(self, now_us: int) -> list[Payload]:
        tape, symbol = self.book.trades.read(), self.book.symbol.name
        first, self._trades = self._trades, len(tape)
        messages: list[Payload] = []
        of_one: list[Trade] = []
        for place in range(max(first, len(tape) - _MOST_TRADES), len(tape)):
            trade = Trade(
                tape.times[place],
                tape.ids[place],
                tape.prices[place],
                tape.quantities[place],
                bool(tape.buyer_makers[place]),
            )
            if of_one and (trade.time, trade.buyer_is_maker) != (of_one[0].time, of_one[0].buyer_is_maker):
                messages.append(Trades(now_us, symbol, of_one))
                of_one = []
            of_one.append(trade)
        if of_one:
            messages.append(Trades(now_us, symbol, of_one))
        return messages

    def _new_aggregates(self, now_us: int) -> list[Payload]:
        tape, symbol = self.book.trades.read(), self.book.symbol.name
        first, self._aggregates = self._aggregates, len(tape.aggregates)
        return [
            Event(_dated("aggTrade", now_us, symbol, number, tape.aggregate_view))
            for number in range(max(first, len(tape.aggregates) - _MOST_TRADES), len(tape.aggregates))
        ]

    def _new_blocks(self, now_us: int) -> list[Payload]:
        tape, symbol = self.book.trades, self.book.symbol.name
        first, self._blocks = self._blocks, len(tape.blocks)
        return [
            Event(_dated("blockTrade", now_us, symbol, number, tape.block_view))
            for number in range(first, len(tape.blocks))
        ]


class Hub:
    """The streams that have receivers, of JSON and SBE connections apart.

    Args:
        exchange: the exchange whose market they show.
    """

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._streams: dict[tuple[str, bool], Stream] = {}
        self._at_once: dict[str, _AtOnce] = {}  # by symbol
        exchange.on_publish = self.publish

    def subscribe(self, receiver: Receiver, text: str) -> None:
        """Send the events of a stream to a receiver. A name that no stream has gets none."""
        key = (text, receiver.binary)
        stream = self._streams.get(key)
        if stream is None:
            stream = self._open(text, receiver.binary)
            if stream is None:
                return
            self._streams[key] = stream
        stream.receivers[receiver] = None
        if stream.name.kind == "partial":
            stream.shown = 0  # the next one comes also if nothing has changed

    def unsubscribe(self, receiver: Receiver, text: str) -> None:
        """Send no more events of a stream to a receiver."""
        stream = self._streams.get((text, receiver.binary))
        if stream is None or receiver not in stream.receivers:
            return
        del stream.receivers[receiver]
        if not stream.receivers:
            del self._streams[text, receiver.binary]
            self._close(stream)

    def _open(self, text: str, binary: bool) -> Stream | None:
        name = read_name(text, binary)
        if name is None:
            return None
        book = None
        if name.symbol:
            book = self._exchange.engine.books.get(name.symbol)
            if book is None:
                return None
        stream = Stream(name, book)
        if book is None:
            stream.traded = {one.symbol.name: len(one.trades) for one in self._exchange.engine.books.values()}
        if name.seconds is None:
            assert book is not None
            watched = self._at_once.get(name.symbol)
            if watched is None:
                watched = self._at_once[name.symbol] = _AtOnce(book)
            watched.add(stream)
        else:
            stream.timer = self._exchange.clock.every(name.seconds, self._ticking(stream))
        return stream

    def _close(self, stream: Stream) -> None:
        if stream.timer is not None:
            stream.timer.cancel()
            return
        if self._at_once[stream.name.symbol].remove(stream):
            del self._at_once[stream.name.symbol]

    def publish(self) -> None:
        """Send what has happened since the last call, on streams whose events come as soon as they happen."""
        if self._at_once:
            now_us = self._exchange.clock.now_us()
            for watched in tuple(self._at_once.values()):
                watched.publish(now_us)

    # What comes with the clock

    def _ticking(self, stream: Stream) -> Callable[[int], None]:
        name, book = stream.name, stream.book
        if name.kind == "depth":
            assert book is not None
            shown = _Depth(book)

            def show_diff(now_us: int) -> None:
                diff = shown.diff(now_us)
                if diff is not None:
                    stream.send(diff)

            return show_diff
        if name.kind == "partial":
            return lambda now_us: self._show_partial(stream, now_us)
        if name.kind == "kline":
            return lambda now_us: self._show_kline(stream, now_us)
        if book is None:
            return lambda now_us: self._show_array(stream, now_us)
        return lambda now_us: self._show(stream, now_us)

    def _show_partial(self, stream: Stream, now_us: int) -> None:
        assert stream.book is not None
        if stream.book.update_id != stream.shown:
            stream.shown = stream.book.update_id
            stream.send(Partial(now_us, stream.book, stream.name.levels))

    def _show_kline(self, stream: Stream, now_us: int) -> None:
        name, book = stream.name, stream.book
        assert book is not None
        open_us = interval("interval", name.interval).floor(now_us, name.offset)
        if stream.shown and open_us != stream.shown:
            stream.send(kline_event(name, book, stream.shown, now_us, True))
        stream.shown = open_us
        stream.send(kline_event(name, book, open_us, now_us, False))

    def _show(self, stream: Stream, now_us: int) -> None:
        assert stream.book is not None
        event = timed_event(self._exchange, stream.name, stream.book, now_us)
        if event is not None:
            stream.send(event)

    def _show_array(self, stream: Stream, now_us: int) -> None:
        """Send the tickers of the symbols that have traded since the last array."""
        changed = []
        for book in self._exchange.engine.books.values():
            traded = len(book.trades)
            if stream.traded[book.symbol.name] == traded:
                continue
            stream.traded[book.symbol.name] = traded
            event = timed_event(self._exchange, stream.name, book, now_us)
            if event is not None:
                changed.append(event)
        if changed:
            stream.send(Event(lambda divisor: [event.fields(divisor) for event in changed]))


def _send(streams: list[Stream], events: list[Payload]) -> None:
    for event in events:
        for stream in tuple(streams):
            stream.send(event)


def _top(book: Book) -> tuple[object, ...]:
    bid, ask = book.bids.best(), book.asks.best()
    return (
        bid and (bid.price, bid.quantity),
        ask and (ask.price, ask.quantity),
    )


def _dated(
    kind: str, now_us: int, symbol: str, number: int, view: Callable[[int, int], dict[str, object]]
) -> Callable[[int], dict[str, object]]:
    return lambda divisor: {"e": kind, "E": now_us // divisor, "s": symbol, **view(number, divisor)}
