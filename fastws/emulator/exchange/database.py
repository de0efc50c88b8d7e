"""What the exchange's database knows: allOrders, allOrderLists, orderList.status and order.amendments are answered from
it, and it may lag behind the matching engine (web-socket-api.md, Data Source).

A change of an order or of an order list becomes visible after the lag, whole. What is not visible yet does not exist
for a request.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ..matching.book import Book
from ..matching.engine import Engine
from ..values.accounts import Account
from ..values.clock import Clock
from ..values.delays import Delay, Seconds
from ..values.errors import refuse
from ..values.orders import Order, OrderList
from .lagging import LaggingTable

__all__ = ["Database"]


class Database:
    """Orders and order lists as they are written down.

    Args:
        is_silent: whether nobody can ask about an account.

    Attributes:
        on: whether it lags at all.
    """

    def __init__(
        self,
        engine: Engine,
        clock: Clock,
        is_silent: Callable[[Account], bool],
        lag: Seconds,
        seed: int,
    ) -> None:
        self._engine = engine
        self._clock = clock
        self._is_silent = is_silent
        self._lag = Delay(lag, f"database {seed}")
        self.on = self._lag.seconds != 0
        self._orders: LaggingTable[tuple[str, int], Order] = LaggingTable()
        self._lists: LaggingTable[int, OrderList] = LaggingTable()
        self._last = 0

    @property
    def lag(self) -> Seconds:
        """Seconds until a change is visible. What changed before the lag was set is visible."""
        return self._lag.seconds

    @lag.setter
    def lag(self, seconds: Seconds) -> None:
        self._lag.seconds = seconds
        was_on, self.on = self.on, seconds != 0
        if not self.on:
            self._orders.clear()
            self._lists.clear()
        elif not was_on:
            for book in self._engine.books.values():
                for order in book.orders.values():
                    if not self._is_silent(order.account):
                        self._orders.add((book.symbol.name, order.id), 0, _order_now(order))
            for order_list in self._engine.lists.values():
                self._lists.add(order_list.id, 0, _list_now(order_list))

    # ------------------------------------------------------------------------------------------------ writing

    def note(self, event: Mapping[str, Any]) -> None:
        """An event of an order or of an order list: it has changed."""
        if event["e"] == "executionReport":
            self._orders.note((event["s"], event["i"]), event["x"] == "NEW")
            if event["g"] != -1:  # a list shows the ids of its orders
                self._lists.note(event["g"], False)
        elif event["e"] == "listStatus":
            self._lists.note(event["g"], event["l"] == "EXEC_STARTED")

    def publish(self) -> None:
        """Take down the state of what has changed: it becomes visible after the lag."""
        if not self._orders.changed and not self._lists.changed:
            return
        engine = self._engine
        # What happened first is seen first.
        at = self._last = max(self._last, self._clock.now_us() + round(self._lag.draw() * 1e6))
        for symbol, number in self._orders.changed:
            order = engine.books[symbol].orders.get(number)
            if order is not None:
                self._orders.add((symbol, number), at, _order_now(order))
        for number in self._lists.changed:
            order_list = engine.lists.get(number)
            if order_list is not None:
                self._lists.add(number, at, _list_now(order_list))
        self._orders.changed.clear()
        self._lists.changed.clear()

    # ------------------------------------------------------------------------------------------------ reading

    def orders(self, book: Book) -> Iterable[Order]:
        """All orders of a book, by their ids."""
        if not self.on:
            yield from book.orders.values()
            return
        self.publish()
        now_us = self._clock.now_us()
        for number, order in book.orders.items():
            state = self._orders.visible((book.symbol.name, number), order, now_us)
            if state is not None:
                yield state

    def lists(self) -> Iterable[OrderList]:
        """All order lists, by their ids."""
        if not self.on:
            yield from self._engine.lists.values()
            return
        self.publish()
        now_us = self._clock.now_us()
        for number, order_list in self._engine.lists.items():
            state = self._lists.visible(number, order_list, now_us)
            if state is not None:
                yield state

    def find(self, book: Book, account: Account, number: int) -> Order | None:
        """An order of the account by its id."""
        if not self.on:
            return self._engine.find(book, account, number, None)
        return next((o for o in self.orders(book) if o.id == number and o.account is account), None)

    def find_list(self, account: Account, number: int | None, client_id: str | None) -> OrderList:
        """An order list of the account by its client id, or else by its id.

        Raises:
            Refusal: -2013.
        """
        if self.on:
            mine = (row for row in self.lists() if row.account is account)
            found = [
                row for row in mine if (row.id == number if client_id is None else row.client_id == client_id)
            ]
            order_list = found[-1] if found else None
        else:
            order_list = self._engine.find_list(account, number if client_id is None else None, client_id)
        if order_list is None:
            raise refuse(-2013)
        return order_list


def _order_now(order: Order) -> Order:
    state = copy.copy(order)
    state.amendments = list(order.amendments)
    return state


def _list_now(order_list: OrderList) -> OrderList:
    state = copy.copy(order_list)
    state.orders = [copy.copy(order) for order in order_list.orders]
    return state
