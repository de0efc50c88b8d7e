"""The order book of a symbol: price, then time."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice
from weakref import WeakSet

from ..values.accounts import Account
from ..values.orders import Order
from ..values.records import Allocation, PreventedMatch
from ..values.symbols import Symbol
from .tape import Tape
from .triggers import Triggers

__all__ = ["Book", "BookSide", "Level"]

_RECENT = 1000
_MINUTE = 60_000_000


def _no_reference(now_us: int) -> None:
    return None


class Level:
    """The orders at one price, oldest first, and the sum of their visible quantities."""

    __slots__ = ("orders", "price", "quantity")

    def __init__(self, price: int) -> None:
        self.price = price
        self.quantity = 0
        self.orders: dict[int, Order] = {}


class Touched:
    """The prices of the levels that were touched since somebody emptied it."""

    __slots__ = ("__weakref__", "prices")

    def __init__(self) -> None:
        self.prices: set[int] = set()


class BookSide:
    """The bids or the asks.

    The sorted keys are prices for bids and negated prices for asks, so that the best level is always the last one:
    removing the last item of a list is cheap.

    Attributes:
        watchers: each gets the prices of the levels that are touched, also if they are the same again afterwards.
    """

    __slots__ = ("_keys", "_sign", "levels", "watchers")

    def __init__(self, bids: bool) -> None:
        self.watchers: WeakSet[Touched] = WeakSet()
        self._sign = 1 if bids else -1
        self._keys: list[int] = []
        self.levels: dict[int, Level] = {}

    def __iter__(self) -> Iterator[Level]:
        """The levels, best first. The side must not change during the iteration."""
        levels, sign = self.levels, self._sign
        return (levels[key * sign] for key in reversed(self._keys))

    def __len__(self) -> int:
        return len(self._keys)

    def best(self) -> Level | None:
        """The best level, or None."""
        keys = self._keys
        return self.levels[keys[-1] * self._sign] if keys else None

    def add(self, order: Order) -> None:
        """Queue an order behind all others at its price."""
        level = self.levels.get(order.price)
        if level is None:
            level = self.levels[order.price] = Level(order.price)
            insort(self._keys, order.price * self._sign)
        level.orders[order.id] = order
        level.quantity += order.visible
        if self.watchers:
            self.touch(order.price)

    def touch(self, price: int) -> None:
        """The level of this price has changed."""
        for watcher in self.watchers:
            watcher.prices.add(price)

    def remove(self, order: Order) -> None:
        """Remove an order."""
        level = self.levels[order.price]
        del level.orders[order.id]
        level.quantity -= order.visible
        if not level.orders:
            del self.levels[order.price]
            del self._keys[bisect_left(self._keys, order.price * self._sign)]
        if self.watchers:
            self.touch(order.price)

    def show(self, order: Order, visible: int) -> None:
        """Set the visible quantity of an order, which keeps its place in the queue."""
        self.levels[order.price].quantity += visible - order.visible
        order.visible = visible
        if self.watchers:
            self.touch(order.price)


class Book:
    """The book of a symbol: both sides, the orders that wait for a price, the trades, and the symbol's counters.

    Attributes:
        reference_price_at: returns the reference price at a time in microseconds, or None. Execution rules and filters
            use it.
        open_orders: the open orders by account, then by id.
        klines_until: no kline begins after this time, in microseconds; None while the symbol is traded.
        prevented: the last matches that self-trade prevention prevented.
        allocations: the last allocations.
    """

    __slots__ = (
        "allocations",
        "asks",
        "bids",
        "by_client_id",
        "klines_until",
        "last_allocation_id",
        "last_execution_id",
        "last_order_id",
        "last_prevented_id",
        "last_price",
        "last_trade_id",
        "open_orders",
        "orders",
        "prevented",
        "reference_price_at",
        "symbol",
        "trades",
        "triggers",
        "update_id",
    )

    def __init__(self, symbol: Symbol) -> None:
        self.symbol = symbol
        self.bids = BookSide(bids=True)
        self.asks = BookSide(bids=False)
        self.last_price = symbol.reference_price
        self.reference_price_at: Callable[[int], int | None] = _no_reference
        self.klines_until: int | None = None
        self.trades = Tape()
        self.prevented: deque[PreventedMatch] = deque(maxlen=_RECENT)
        self.allocations: deque[Allocation] = deque(maxlen=_RECENT)
        self.triggers = Triggers()
        self.orders: dict[int, Order] = {}
        self.open_orders: dict[Account, dict[int, Order]] = {}
        self.by_client_id: dict[tuple[int, str], Order] = {}
        self.update_id = 1
        self.last_order_id = 0
        self.last_trade_id = 0
        self.last_execution_id = 0
        self.last_prevented_id = -1
        self.last_allocation_id = -1

    def set_status(self, status: str, now_us: int) -> None:
        """Set the symbol's status. In CANCEL_ONLY, no klines begin (faqs/spot_glossary.md)."""
        self.symbol = replace(self.symbol, status=status)
        self.klines_until = now_us if status == "CANCEL_ONLY" else None

    def side_of(self, buy: bool) -> BookSide:
        """The side on which a buy order or a sell order rests."""
        return self.bids if buy else self.asks

    def open_of(self, account: Account) -> list[Order]:
        """The open orders of an account, oldest first."""
        return list(self.open_orders.get(account, {}).values())

    def average_price(self, now_us: int) -> int:
        """The price that filters compare with: the reference price if there is one; else the volume weighted average
        of the symbol's last ``avg_price_mins`` minutes; without minutes or trades, the last price.
        """
        reference = self.reference_price_at(now_us)
        if reference is not None:
            return reference
        minutes = self.symbol.avg_price_mins
        if minutes:
            average = self.trades.average(now_us - minutes * _MINUTE, now_us + 1)
            if average is not None:
                return average
        return self.last_price

    def level_price(self, buy: bool, depth: int) -> int | None:
        """The price of the level ``depth`` of a side; 0 is the best one."""
        return next((level.price for level in islice(self.side_of(buy), depth, None)), None)

    def crosses(self, buy: bool, price: int) -> bool:
        """Whether an order at this price would trade at once."""
        best = self.side_of(not buy).best()
        return best is not None and (best.price <= price if buy else best.price >= price)
