"""Orders that wait for a price: stop orders and trailing stop orders (faqs/trailing-stop-faq.md).

A trailing order with a stop price waits for that price like a stop order, and then follows the price; without a stop
price, it follows the price from the start.
"""

from __future__ import annotations

from bisect import bisect_left, insort

from ..values.orders import Order

__all__ = ["NEVER", "Triggers", "is_above", "is_met"]

_STOPS = frozenset(("STOP_LOSS", "STOP_LOSS_LIMIT"))
_BIPS = 10_000
# Higher than any price.
NEVER = 2**62


def is_above(order: Order) -> bool:
    """Whether the price must rise to trigger the order: STOP_LOSS BUY, TAKE_PROFIT SELL."""
    return order.buy == (order.type in _STOPS)


def is_met(order: Order, price: int) -> bool:
    """Whether a price triggers the order."""
    return price >= order.stop_price if is_above(order) else price <= order.stop_price


class Triggers:
    """The waiting orders of a book.

    The sorted keys are built so that the order that triggers next, and among equal ones the oldest, is the last one.
    """

    __slots__ = ("_above", "_below", "_trailing", "orders")

    def __init__(self) -> None:
        self._above: list[tuple[int, int]] = []
        self._below: list[tuple[int, int]] = []
        self._trailing: dict[int, Order] = {}
        self.orders: dict[int, Order] = {}

    def __len__(self) -> int:
        return len(self.orders)

    def add(self, order: Order, price: int, now_us: int) -> None:
        """Add an order; ``price`` is the last price."""
        order.waiting = True
        self.orders[order.id] = order
        if order.stop_price:
            keys, key = self._place(order)
            insort(keys, key)
        else:
            self._follow(order, price, now_us)

    def remove(self, order: Order) -> None:
        """Remove an order."""
        order.waiting = False
        del self.orders[order.id]
        if self._trailing.pop(order.id, None) is None:
            keys, key = self._place(order)
            del keys[bisect_left(keys, key)]

    def traded(self, price: int, now_us: int) -> list[Order]:
        """Apply the price of a trade.

        Returns:
            The orders that it triggers, which are removed.
        """
        fired: list[Order] = []
        if self._trailing:
            self._move(price, fired)
        above, below = self._above, self._below
        while above and -above[-1][0] <= price:
            self._meet(self.orders[-above[-1][1]], price, now_us, fired)
        while below and below[-1][0] >= price:
            self._meet(self.orders[-below[-1][1]], price, now_us, fired)
        return fired

    @property
    def trailing(self) -> bool:
        """Whether any order follows the price."""
        return bool(self._trailing)

    @property
    def next_below(self) -> int:
        """The highest price below the last one that triggers an order; 0 if there is none."""
        price = self._below[-1][0] if self._below else 0
        for order in self._trailing.values():
            if not order.buy:
                price = max(price, order.extreme * (_BIPS - order.trailing_delta) // _BIPS)
        return price

    @property
    def next_above(self) -> int:
        """The lowest price above the last one that triggers an order; NEVER if there is none."""
        price = -self._above[-1][0] if self._above else NEVER
        for order in self._trailing.values():
            if order.buy:
                price = min(price, -(-order.extreme * (_BIPS + order.trailing_delta) // _BIPS))
        return price

    def passed(self, price: int) -> None:
        """Let trailing orders follow a price that triggers no order."""
        for order in self._trailing.values():
            order.extreme = min(order.extreme, price) if order.buy else max(order.extreme, price)

    def _place(self, order: Order) -> tuple[list[tuple[int, int]], tuple[int, int]]:
        if is_above(order):
            return self._above, (-order.stop_price, -order.id)
        return self._below, (order.stop_price, -order.id)

    def _meet(self, order: Order, price: int, now_us: int, fired: list[Order]) -> None:
        if order.trailing_delta:
            keys, key = self._place(order)
            del keys[bisect_left(keys, key)]
            self._follow(order, price, now_us)
        else:
            self.remove(order)
            fired.append(order)

    def _follow(self, order: Order, price: int, now_us: int) -> None:
        order.trailing_time = now_us
        order.extreme = price
        self._trailing[order.id] = order

    def _move(self, price: int, fired: list[Order]) -> None:
        for order in list(self._trailing.values()):
            if order.buy:
                if price < order.extreme:
                    order.extreme = price
                elif price * _BIPS >= order.extreme * (_BIPS + order.trailing_delta):
                    self.remove(order)
                    fired.append(order)
            elif price > order.extreme:
                order.extreme = price
            elif price * _BIPS <= order.extreme * (_BIPS - order.trailing_delta):
                self.remove(order)
                fired.append(order)
