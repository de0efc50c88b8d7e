"""The tape of a symbol: all its trades, those that were made up and those of the engine, and what is asked of them.

Trades stand in columns. Sums over minutes are kept as well, so that a month of candles does not count a million
trades. Nothing is made up, copied or summed before somebody asks: the engine's trades wait in a list until then.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from ..values.decimals import UNIT, decimal_text
from ..values.records import Trade
from .history import BlockTrade, Row

__all__ = ["Tape", "TradeSum"]

MINUTE = 60_000_000
_WAITING = 10_000
_OF_ACCOUNT = 10_000


class TradeSum:
    """What a span of trades comes to. ``first`` and ``last`` are places in the tape."""

    __slots__ = (
        "base",
        "close",
        "first",
        "high",
        "last",
        "low",
        "open",
        "quote",
        "taker_base",
        "taker_quote",
    )

    def __init__(self, first: int, price: int) -> None:
        self.first = first
        self.last = first
        self.open = self.high = self.low = self.close = price
        self.base = self.quote = self.taker_base = self.taker_quote = 0

    @property
    def count(self) -> int:
        return self.last - self.first + 1

    def add(self, later: TradeSum) -> None:
        """Add what follows it."""
        self.last = later.last
        self.close = later.close
        self.high = max(self.high, later.high)
        self.low = min(self.low, later.low)
        self.base += later.base
        self.quote += later.quote
        self.taker_base += later.taker_base
        self.taker_quote += later.taker_quote

    def copy(self) -> TradeSum:
        """One of its own, to be added to."""
        copy = TradeSum(self.first, self.open)
        copy.add(self)
        copy.high, copy.low = self.high, self.low
        return copy


class PastTrades(NamedTuple):
    """What was traded before the opening; ``length`` of them are made when they are asked for."""

    length: int
    make: Callable[[], list[Row]]


class Tape:
    """Trades, oldest first.

    Args:
        past: what comes before the engine's trades, or None.
        blocks: makes the block trades.
        internal: the uids of accounts whose trades are not kept by account.
    """

    def __init__(
        self,
        past: PastTrades | None = None,
        blocks: Callable[[], list[BlockTrade]] = list,
        internal: Iterable[int] = (),
    ) -> None:
        self._past = past
        self._make_blocks = blocks
        self._blocks: list[BlockTrade] | None = None
        self._internal = frozenset(internal)
        self._waiting: list[Trade] = []
        self._of_account: dict[int, deque[Trade]] = {}
        self.ids = array("q")
        self.prices = array("q")
        self.quantities = array("q")
        self.quotes = array("q")
        self.times = array("q")
        self.buyer_makers = bytearray()
        # The place in the tape where each aggregate trade begins.
        self.aggregates = array("q")
        self._taker: Any = None
        self._minutes: list[int] = []
        self._sums: list[TradeSum] = []
        self._summed = 0

    def append(self, trade: Trade) -> None:
        """Take a trade of the engine."""
        waiting, internal = self._waiting, self._internal
        waiting.append(trade)
        buyer, seller = trade.buyer.account.uid, trade.seller.account.uid
        if buyer not in internal:
            self._note(buyer, trade)
        if seller != buyer and seller not in internal:
            self._note(seller, trade)
        if len(waiting) > _WAITING:
            self.read()

    def extend(self, first_id: int, rows: list[Row]) -> None:
        """Take trades that were made up."""
        self.read()
        self._extend(first_id, rows)

    def read(self) -> Tape:
        """Bring the columns up to date."""
        past, self._past = self._past, None
        if past is not None:
            self._extend(0, past.make())
        if self._waiting:
            waiting, self._waiting = self._waiting, []
            self._add(waiting)
        return self

    def of_account(self, uid: int) -> Iterable[Trade]:
        """The last trades of an account."""
        return self._of_account.get(uid, ())

    @property
    def blocks(self) -> list[BlockTrade]:
        """The block trades."""
        if self._blocks is None:
            self._blocks = self._make_blocks()
        return self._blocks

    def __len__(self) -> int:
        return len(self._waiting) + (len(self.ids) if self._past is None else self._past.length)

    def _note(self, account: int, trade: Trade) -> None:
        trades = self._of_account.get(account)
        if trades is None:
            trades = self._of_account[account] = deque(maxlen=_OF_ACCOUNT)
        trades.append(trade)

    def _add(self, trades: list[Trade]) -> None:
        place, taker, latest = len(self.ids), self._taker, self.times[-1] if self.times else 0
        price = self.prices[-1] if self.prices else 0
        times = []
        for trade in trades:
            # An exchange whose clock is set back still has its trades in the order of their times.
            time = trade.time if trade.time > latest else latest
            times.append(time)
            now_taker = trade.seller if trade.buyer_is_maker else trade.buyer
            if now_taker is not taker or time != latest or trade.price != price:
                self.aggregates.append(place)
                taker, latest, price = now_taker, time, trade.price
            place += 1
        self._taker = taker
        self.times.extend(times)
        self.ids.extend([trade.id for trade in trades])
        self.prices.extend([trade.price for trade in trades])
        self.quantities.extend([trade.quantity for trade in trades])
        self.quotes.extend([trade.quote_quantity for trade in trades])
        self.buyer_makers.extend([trade.buyer_is_maker for trade in trades])

    def _extend(self, first_id: int, rows: list[Row]) -> None:
        place, self._taker = len(self.ids), None
        latest = self.times[-1] if self.times else 0
        self.aggregates.extend(range(place, place + len(rows)))
        self.ids.extend(range(first_id, first_id + len(rows)))
        self.prices.extend([row[0] for row in rows])
        self.quantities.extend([row[1] for row in rows])
        self.quotes.extend([row[0] * row[1] // UNIT for row in rows])
        self.times.extend([max(row[2], latest) for row in rows])
        self.buyer_makers.extend([row[3] for row in rows])

    # What is asked

    def place_of_id(self, trade_id: int) -> int:
        """Where the trades from that id on begin."""
        return bisect_left(self.ids, trade_id)

    def place_at(self, time_us: int) -> int:
        """Where the trades from that time on begin."""
        return bisect_left(self.times, time_us)

    def public_view(self, place: int, time_divisor: int) -> dict[str, Any]:
        """A trade as trades.recent shows it."""
        return {
            "id": self.ids[place],
            "price": decimal_text(self.prices[place]),
            "qty": decimal_text(self.quantities[place]),
            "quoteQty": decimal_text(self.quotes[place]),
            "time": self.times[place] // time_divisor,
            "isBuyerMaker": bool(self.buyer_makers[place]),
            "isBestMatch": True,
        }

    def aggregate_view(self, number: int, time_divisor: int) -> dict[str, Any]:
        """An aggregate trade as trades.aggregate shows it. Its id is its number."""
        first = self.aggregates[number]
        end = self.aggregates[number + 1] if number + 1 < len(self.aggregates) else len(self.ids)
        return {
            "a": number,
            "p": decimal_text(self.prices[first]),
            "q": decimal_text(sum(self.quantities[first:end])),
            "f": self.ids[first],
            "l": self.ids[end - 1],
            "T": self.times[first] // time_divisor,
            "m": bool(self.buyer_makers[first]),
            "M": True,
        }

    def aggregate_at(self, time_us: int) -> int:
        """The number of the first aggregate trade from that time on."""
        return bisect_left(self.aggregates, self.place_at(time_us))

    def sum_places(self, first: int, end: int) -> TradeSum | None:
        """What some trades come to, or None where there are none."""
        if first >= end:
            return None
        prices = self.prices[first:end]
        found = TradeSum(first, prices[0])
        found.last = end - 1
        found.close = prices[-1]
        found.high, found.low = max(prices), min(prices)
        quantities, quotes = self.quantities[first:end], self.quotes[first:end]
        found.base, found.quote = sum(quantities), sum(quotes)
        makers = self.buyer_makers[first:end]
        found.taker_base = sum([q for q, maker in zip(quantities, makers, strict=True) if not maker])
        found.taker_quote = sum([q for q, maker in zip(quotes, makers, strict=True) if not maker])
        return found

    def sum_times(self, start_us: int, end_us: int) -> TradeSum | None:
        """What the trades of a span come to, its end not included."""
        first_minute, end_minute = -(-start_us // MINUTE), end_us // MINUTE
        if first_minute >= end_minute:
            return self.sum_places(self.place_at(start_us), self.place_at(end_us))
        parts = [self.sum_places(self.place_at(start_us), self.place_at(first_minute * MINUTE))]
        parts += [found for _, found in self.minutes(first_minute, end_minute)]
        parts.append(self.sum_places(self.place_at(end_minute * MINUTE), self.place_at(end_us)))
        whole: TradeSum | None = None
        for part in parts:
            if part is not None:
                if whole is None:
                    whole = part.copy()
                else:
                    whole.add(part)
        return whole

    def average(self, start_us: int, end_us: int) -> int | None:
        """The average price of a span, by quantity, or None where nothing was traded."""
        found = self.read().sum_times(start_us, end_us)
        return found.quote * UNIT // found.base if found is not None and found.base else None

    def minutes(self, first: int, end: int) -> Iterator[tuple[int, TradeSum]]:
        """The minutes in which there was a trade, from one to another (since the epoch), and what they come to."""
        self._sum_minutes()
        place = bisect_left(self._minutes, first)
        stop = bisect_left(self._minutes, end)
        return zip(self._minutes[place:stop], self._sums[place:stop], strict=True)

    def _sum_minutes(self) -> None:
        """Sum up what is new. The last minute may not be over, and is summed again."""
        times, end = self.times, len(self.times)
        if self._summed == end:
            return
        place = self._summed
        if self._minutes:
            place = self._sums[-1].first
            del self._minutes[-1], self._sums[-1]
        while place < end:
            minute = times[place] // MINUTE
            after = bisect_left(times, (minute + 1) * MINUTE, place)
            found = self.sum_places(place, after)
            assert found is not None
            self._minutes.append(minute)
            self._sums.append(found)
            place = after
        self._summed = end
