"""The tape of a symbol: all its trades, random ones of the past and those of the engine, and queries of them.

Trades are stored in columns, with sums for each minute, so that a month of klines does not add up a million trades.
Nothing is generated, copied or summed before the first query: until then, the engine's trades wait in a list.
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
    """Prices and volumes of a span of trades. ``first`` and ``last`` are indices in the tape."""

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
        """Add the sum of the trades that follow."""
        self.last = later.last
        self.close = later.close
        self.high = max(self.high, later.high)
        self.low = min(self.low, later.low)
        self.base += later.base
        self.quote += later.quote
        self.taker_base += later.taker_base
        self.taker_quote += later.taker_quote

    def copy(self) -> TradeSum:
        """A copy, to which other sums can be added."""
        copy = TradeSum(self.first, self.open)
        copy.add(self)
        copy.high, copy.low = self.high, self.low
        return copy


class PastTrades(NamedTuple):
    """The ``length`` trades before the opening; ``make`` makes them at the first query."""

    length: int
    make: Callable[[], list[Row]]


class Tape:
    """Trades, oldest first.

    Args:
        past: the trades before those of the engine, or None.
        blocks: makes the block trades.
        internal: the uids of the exchange's own accounts; their trades are not kept by account.
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
        # The index of the first trade of each aggregate trade.
        self.aggregates = array("q")
        self._taker: Any = None
        self._minutes: list[int] = []
        self._sums: list[TradeSum] = []
        self._summed = 0

    def append(self, trade: Trade) -> None:
        """Add a trade of the engine."""
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
        """Add random trades."""
        self.read()
        self._extend(first_id, rows)

    def read(self) -> Tape:
        """Move waiting trades into the columns, and return the tape."""
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

    def add_block(self, block: BlockTrade) -> None:
        """Add a trade that was negotiated outside the book."""
        self.blocks.append(block)

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
            # Times never decrease, even if the exchange's clock is set back.
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

    # Queries

    def place_of_id(self, trade_id: int) -> int:
        """The index of the first trade with this id or a later one."""
        return bisect_left(self.ids, trade_id)

    def place_at(self, time_us: int) -> int:
        """The index of the first trade at this time or later."""
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
        """An aggregate trade as trades.aggregate shows it; its id is its number in the tape."""
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

    def block_view(self, number: int, time_divisor: int) -> dict[str, Any]:
        """A block trade as its stream shows it."""
        row = self.blocks[number]
        return {
            "t": row.id,
            "p": decimal_text(row.price),
            "q": decimal_text(row.quantity),
            "T": row.time // time_divisor,
            "m": row.buyer_is_maker,
        }

    def aggregate_at(self, time_us: int) -> int:
        """The number of the first aggregate trade at this time or later."""
        return bisect_left(self.aggregates, self.place_at(time_us))

    def sum_places(self, first: int, end: int) -> TradeSum | None:
        """The sum of the trades from index ``first`` to before ``end``, or None without trades."""
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
        """The sum of the trades of a time span, without its end; None without trades."""
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
        """The average price of a time span, weighted by quantity, or None without trades."""
        found = self.read().sum_times(start_us, end_us)
        return found.quote * UNIT // found.base if found is not None and found.base else None

    def minutes(self, first: int, end: int) -> Iterator[tuple[int, TradeSum]]:
        """The minutes (since the epoch) from ``first`` to before ``end`` that had trades, and their sums."""
        self._sum_minutes()
        place = bisect_left(self._minutes, first)
        stop = bisect_left(self._minutes, end)
        return zip(self._minutes[place:stop], self._sums[place:stop], strict=True)

    def _sum_minutes(self) -> None:
        """Sum the new trades. The last minute may go on, so it is summed again."""
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
