"""The exchange's database: it answers allOrders, allOrderLists, orderList.status and order.amendments.

It may lag behind the matching engine (web-socket-api.md, Data Source). A change of an order or of an order list becomes
visible after the lag, as a whole. For a request, an order that is not visible yet does not exist.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ..matching.book import Book
from ..matching.engine import Engine
from ..values.accounts import Account
from ..values.clock import Clock
from ..values.delays import Seconds
from ..values.errors import refuse
from ..values.orders import Order, OrderList
from .lagging import LaggingSource, LaggingTable

__all__ = ["Database"]


class Database(LaggingSource):
    """Orders and order lists as the database has stored them.

    Args:
        is_internal: whether an account is the exchange's own; its orders are not stored.
    """

    def __init__(
        self,
        engine: Engine,
        clock: Clock,
        is_internal: Callable[[Account], bool],
        lag: Seconds,
        seed: int,
    ) -> None:
        super().__init__(clock, lag, f"database {seed}")
        self._engine = engine
        self._is_internal = is_internal
        self._orders: LaggingTable[tuple[str, int], Order] = LaggingTable()
        self._lists: LaggingTable[int, OrderList] = LaggingTable()

    def _clear(self) -> None:
        self._orders.clear()
        self._lists.clear()

    def _begin(self) -> None:
        for book in self._engine.books.values():
            for order in book.orders.values():
                if not self._is_internal(order.account):
                    self._orders.add((book.symbol.name, order.id), 0, _order_now(order))
        for order_list in self._engine.lists.values():
            self._lists.add(order_list.id, 0, _list_now(order_list))

    # ------------------------------------------------------------------------------------------------ writing

    def note(self, event: Mapping[str, Any]) -> None:
        """Note the change that an event of an order or of an order list reports."""
        if event["e"] == "executionReport":
            self._orders.note((event["s"], event["i"]), event["x"] == "NEW")
            if event["g"] != -1:  # a list shows the ids of its orders
                self._lists.note(event["g"], False)
        elif event["e"] == "listStatus":
            self._lists.note(event["g"], event["l"] == "EXEC_STARTED")

    def publish(self) -> None:
        """Store the states of all orders and lists that changed; they become visible after the lag."""
        if not self._orders.changed and not self._lists.changed:
            return
        engine = self._engine
        at = self._visible_us()
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
        """All visible orders of a book, in the order of their ids."""
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
        """All visible order lists, in the order of their ids."""
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
        """A visible order of the account by its id, or None."""
        if not self.on:
            return self._engine.find(book, account, number, None)
        return next((o for o in self.orders(book) if o.id == number and o.account is account), None)

    def find_list(self, account: Account, number: int | None, client_id: str | None) -> OrderList:
        """A visible order list of the account, by its client id if that is given, else by its id.

        Raises:
            Refusal: -2013, there is none.
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
