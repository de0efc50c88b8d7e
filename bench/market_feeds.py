"""Recorded market data, made up: hundreds of distinct messages of each kind, the same in every run, in JSON and in SBE.

Of each message there are twins: the text that a JSON connection to ``/stream`` brings, and the SBE message of the same
content. Names, keys and layouts are those of Binance's web-socket-streams.md and sbe-market-data-streams.md. Decimals
have eight places in the texts, and the exponent -8 in SBE, as the exchange sends them.
"""

from __future__ import annotations

import random
import re
import struct
from bisect import bisect_left, insort
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]

SYMBOL_COUNT = 200
LEVELS = 1_000  # of a side of a book
CHANGES = 10  # of a side in one diff
_T0 = 1_750_000_000_000_000  # us
_ONE = 10**8  # 1, as an integer with the exponent -8
_KNOWN = "BTC ETH BNB SOL XRP ADA DOGE TRX LINK AVAX DOT LTC BCH UNI NEAR APT ICP ETC FIL ATOM ARB SUI PEPE".split()
TRADES, TOP, DIFF = 10000, 10001, 10003  # templates
TEXT, BINARY = 1, 2  # opcodes of frames


@dataclass(frozen=True)
class Twins:
    """One message: the text of a JSON connection, and the SBE message of the same content.

    Attributes:
        stream: its name in JSON.
        sbe_stream: its name in SBE.
        events: how many events it holds.
    """

    stream: str
    sbe_stream: str
    text: bytes
    sbe: bytes
    events: int = 1


def symbols(count: int = SYMBOL_COUNT) -> list[str]:
    """Symbols of three to nine letters."""
    rng = random.Random("symbols")
    bases = list(_KNOWN)
    while len(bases) < count:
        base = "".join(rng.choices("ABCDEFGHIJKLMNOPQRSTUVWXYZ", k=rng.randrange(2, 6)))
        if base not in bases:
            bases.append(base)
    return [f"{base}USDT" for base in bases[:count]]


def decimal(value: int) -> str:
    """The text of an integer with the exponent -8."""
    return f"{value // _ONE}.{value % _ONE:08d}"


class Market:
    """The symbols' prices and ids, which move with each message that is made."""

    def __init__(self, seed: str, count: int = SYMBOL_COUNT) -> None:
        self._rng = random.Random(seed)
        self.symbols = symbols(count)
        self.now = _T0
        self._ticks = {symbol: 10 ** self._rng.randrange(3, 7) for symbol in self.symbols}
        self._prices = {symbol: self._rng.randrange(2_000, 9_000_000) for symbol in self.symbols}
        self._updates = {symbol: self._rng.randrange(10**9, 10**11) for symbol in self.symbols}
        self._trades = {symbol: self._rng.randrange(10**8, 10**10) for symbol in self.symbols}

    def _quantity(self) -> int:
        return int(self._rng.randrange(1, 10**6) * 10 ** self._rng.randrange(3, 6))

    def _next(self, symbol: str) -> int:
        """The symbol's price in ticks; time goes on."""
        self.now += self._rng.randrange(20, 900)
        self._prices[symbol] += self._rng.randrange(-3, 4)
        return self._prices[symbol]

    def top(self, symbol: str) -> Twins:
        """A change of the best bid or ask: bookTicker, and bestBidAsk."""
        price, tick = self._next(symbol), self._ticks[symbol]
        self._updates[symbol] += self._rng.randrange(1, 40)
        update = self._updates[symbol]
        values = (
            price * tick,
            self._quantity(),
            (price + self._rng.randrange(1, 4)) * tick,
            self._quantity(),
        )
        bid, bid_size, ask, ask_size = (decimal(value) for value in values)
        stream = f"{symbol.lower()}@bookTicker"
        text = (
            f'{{"stream":"{stream}","data":{{"u":{update},"s":"{symbol}",'
            f'"b":"{bid}","B":"{bid_size}","a":"{ask}","A":"{ask_size}"}}}}'
        )
        block = struct.pack("<HHHHqqbbqqqq", 50, TOP, 1, 0, self.now, update, -8, -8, *values)
        return Twins(stream, f"{symbol.lower()}@bestBidAsk", text.encode(), block + _symbol(symbol))

    def trades(self, symbol: str, count: int = 1) -> tuple[Twins, list[bytes]]:
        """Trades of one taker: one message in SBE; in JSON the first of them, and the texts of all."""
        price, tick = self._next(symbol), self._ticks[symbol]
        maker = self._rng.random() < 0.5
        stream, at = f"{symbol.lower()}@trade", self.now - self._rng.randrange(20, 400)
        texts, entries = [], []
        for i in range(count):
            number = self._trades[symbol] = self._trades[symbol] + 1
            values = ((price + i) * tick, self._quantity())
            entries.append(struct.pack("<qqqB", number, *values, maker))
            texts.append(
                (
                    f'{{"stream":"{stream}","data":{{"e":"trade","E":{self.now // 1000},"s":"{symbol}","t":{number},'
                    f'"p":"{decimal(values[0])}","q":"{decimal(values[1])}","T":{at // 1000},'
                    f'"m":{"true" if maker else "false"},"M":true}}}}'
                ).encode()
            )
        block = struct.pack("<HHHHqqbbHI", 18, TRADES, 1, 0, self.now, at, -8, -8, 25, count)
        sbe = block + b"".join(entries) + _symbol(symbol)
        return Twins(stream, stream, texts[0], sbe, count), texts


class Book:
    """A book of one symbol that moves: its snapshot, and the diffs behind it, twenty levels each."""

    def __init__(self, symbol: str = "BTCUSDT", levels: int = LEVELS) -> None:
        self._rng = random.Random(f"book of {symbol}")
        self.symbol, self._levels, self._now = symbol, levels, _T0
        self.update_id = self._rng.randrange(10**10, 10**11)
        middle, self._tick = 6_000_000, 10**6
        self._sides: tuple[list[int], list[int]] = (
            sorted(middle - each for each in self._rng.sample(range(1, levels * 3), levels)),
            sorted(middle + each for each in self._rng.sample(range(1, levels * 3), levels)),
        )
        self._quantities = [{price: self._quantity() for price in side} for side in self._sides]
        self.snapshot = self._snapshot()
        self._begun = [dict(held) for held in self._quantities]

    def _quantity(self) -> int:
        return int(self._rng.randrange(1, 10**6) * 10 ** self._rng.randrange(3, 6))

    def _snapshot(self) -> Json:
        bids, asks = (
            [[decimal(price * self._tick), decimal(held[price])] for price in side]
            for side, held in zip(self._sides, self._quantities, strict=True)
        )
        return {"lastUpdateId": self.update_id, "bids": bids[::-1], "asks": asks}

    def top(self) -> tuple[str, str]:
        """The best bid and the best ask."""
        bids, asks = self._sides
        return decimal(bids[-1] * self._tick), decimal(asks[0] * self._tick)

    def _changes(self, number: int) -> list[tuple[int, int]]:
        """Levels of a side that change, most of them near the top: half get another quantity, others go or come."""
        side, held = self._sides[number], self._quantities[number]
        changed: dict[int, int] = {}
        while len(changed) < CHANGES:
            depth = min(int(self._rng.expovariate(1 / 15)), len(side) - 2)
            price = side[-1 - depth] if number == 0 else side[depth]
            kind = self._rng.random()
            if kind < 0.5:
                quantity = held.get(price, 0) and self._quantity()
            elif kind < 0.75 and len(side) > self._levels - 20:
                quantity = 0
            else:
                price += self._rng.choice((-2, -1, 1, 2))
                if not (price < self._sides[1][0] if number == 0 else price > self._sides[0][-1]):
                    continue
                quantity = self._quantity()
            if price in changed:
                continue
            changed[price] = quantity
            if quantity == 0 and price in held:
                del held[price]
                del side[bisect_left(side, price)]
            elif quantity:
                if price not in held:
                    insort(side, price)
                held[price] = quantity
        return sorted(changed.items(), reverse=number == 0)

    def diff(self) -> Twins:
        """The next change of the book."""
        return self._message(self._changes(0), self._changes(1))

    def closing(self) -> Twins:
        """A change of many levels that makes the book what its snapshot was, so that the diffs can be repeated."""
        sides = []
        for held, begun in zip(self._quantities, self._begun, strict=True):
            prices = sorted({*held, *begun})
            sides.append([(p, begun.get(p, 0)) for p in prices if held.get(p, 0) != begun.get(p, 0)])
        return self._message(sides[0], sides[1])

    def _message(self, bids: list[tuple[int, int]], asks: list[tuple[int, int]]) -> Twins:
        first, self.update_id = self.update_id + 1, self.update_id + self._rng.randrange(20, 90)
        self._now += 20_000
        stream = f"{self.symbol.lower()}@depth"
        rows = [
            ",".join(f'["{decimal(price * self._tick)}","{decimal(quantity)}"]' for price, quantity in side)
            for side in (bids, asks)
        ]
        text = (
            f'{{"stream":"{stream}","data":{{"e":"depthUpdate","E":{self._now // 1000},"s":"{self.symbol}",'
            f'"U":{first},"u":{self.update_id},"b":[{rows[0]}],"a":[{rows[1]}]}}}}'
        )
        sbe = struct.pack("<HHHHqqqbb", 26, DIFF, 1, 0, self._now, first, self.update_id, -8, -8)
        for side in (bids, asks):
            sbe += struct.pack("<HH", 16, len(side))
            sbe += b"".join(struct.pack("<qq", price * self._tick, quantity) for price, quantity in side)
        return Twins(stream, stream, text.encode(), sbe + _symbol(self.symbol))


def _symbol(symbol: str) -> bytes:
    return bytes((len(symbol),)) + symbol.encode()


# ------------------------------------------------------------------------------------------------------ recordings


def tops(count: int) -> list[Twins]:
    """``count`` changes of the top of book, of 200 symbols."""
    market = Market("tops")
    choose = random.Random("tops, symbols")
    return [market.top(choose.choice(market.symbols)) for _ in range(count)]


def trades(count: int, each: int = 1) -> list[tuple[Twins, list[bytes]]]:
    """``count`` messages of ``each`` trades, with the texts of these."""
    market = Market(f"trades, {each}")
    choose = random.Random("trades, symbols")
    return [market.trades(choose.choice(market.symbols), each) for _ in range(count)]


def diffs(count: int, symbol: str = "BTCUSDT") -> tuple[Json, list[Twins], tuple[str, str]]:
    """A snapshot, ``count`` diffs behind it, and the best bid and ask after the last."""
    book = Book(symbol)
    made = [book.diff() for _ in range(count)]
    return book.snapshot, made, book.top()


def cyclic_diffs(count: int, symbol: str) -> tuple[Json, list[Twins]]:
    """A snapshot, and ``count`` diffs behind it, the last of which makes the book what the snapshot is."""
    book = Book(symbol)
    return book.snapshot, [*[book.diff() for _ in range(count - 1)], book.closing()]


def mixed(count: int, symbol_count: int = 100) -> list[Twins]:
    """``count`` messages of one trade, top or diff each, of three streams of each of ``symbol_count`` symbols."""
    market, choose = Market("mixed", symbol_count), random.Random("mixed, kinds")
    books = {symbol: Book(symbol) for symbol in market.symbols}
    made = []
    for _ in range(count):
        symbol, kind = choose.choice(market.symbols), choose.random()
        if kind < 0.55:
            made.append(market.top(symbol))
        elif kind < 0.9:
            made.append(market.trades(symbol)[0])
        else:
            made.append(books[symbol].diff())
    return made


def recorded(messages: Sequence[Twins], *, sbe: bool) -> bytes:
    """A file of messages for server.c (see feeds.h), which keeps the ids rising and the times of events present."""
    spans: dict[str, tuple[int, int]] = {}
    found = [_ids(each) for each in messages]
    for each, ids in zip(messages, found, strict=True):
        first, last = spans.get(each.stream, (ids[0], ids[-1]))
        spans[each.stream] = (min(first, ids[0]), max(last, ids[-1]))
    steps = {stream: last - first + 1 for stream, (first, last) in spans.items()}
    parts = []
    for each in messages:
        message = each.sbe if sbe else each.text
        patches = (_in_sbe if sbe else _in_text)(each, steps[each.stream])
        parts.append(struct.pack("<IBB", len(message), BINARY if sbe else TEXT, len(patches)))
        parts += [struct.pack("<IBBQ", *patch) for patch in patches]
        parts.append(message)
    return b"".join(parts)


_ADD_BYTES, _ADD_DIGITS, _NOW_BYTES, _NOW_DIGITS = range(4)  # kinds of patches
_ID = {TOP: rb'"u":(\d+)', TRADES: rb'"t":(\d+)', DIFF: rb'"[Uu]":(\d+)'}
_PLACES = {TOP: (16,), DIFF: (16, 24)}  # of the ids in SBE, behind the start of the message


def template_of(message: Twins) -> int:
    """The template of its SBE message."""
    return int.from_bytes(message.sbe[2:4], "little")


def _id_places(message: Twins) -> Iterable[int]:
    template = template_of(message)
    return range(32, 32 + 25 * message.events, 25) if template == TRADES else _PLACES[template]


def _ids(message: Twins) -> list[int]:
    return [int.from_bytes(message.sbe[at : at + 8], "little") for at in _id_places(message)]


def _in_sbe(message: Twins, step: int) -> list[tuple[int, int, int, int]]:
    times = (8, 16) if template_of(message) == TRADES else (8,)
    return [
        *((at, _NOW_BYTES, 8, 0) for at in times),
        *((at, _ADD_BYTES, 8, step) for at in _id_places(message)),
    ]


def _in_text(message: Twins, step: int) -> list[tuple[int, int, int, int]]:
    found = [
        (*match.span(1), kind)
        for pattern, kind in ((rb'"[ET]":(\d+)', _NOW_DIGITS), (_ID[template_of(message)], _ADD_DIGITS))
        for match in re.finditer(pattern, message.text)
    ]
    return [(start, kind, end - start, step if kind == _ADD_DIGITS else 0) for start, end, kind in found]


def streams(messages: Sequence[Twins], *, sbe: bool) -> list[str]:
    """The names of the streams of these messages, each once."""
    return list(dict.fromkeys(each.sbe_stream if sbe else each.stream for each in messages))
