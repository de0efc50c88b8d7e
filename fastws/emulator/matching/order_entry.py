"""The start of orders: new ones, stop orders that are triggered, and pending orders of a list."""

from __future__ import annotations

from ..values.accounts import Account
from ..values.errors import Refusal
from ..values.new_orders import NewOrder
from ..values.orders import Order, OrderList
from . import pegged
from .book import Book
from .filters import check_order
from .ledger import rejected
from .matcher import Matcher
from .triggers import is_above, is_met

__all__ = ["OrderEntry"]


class OrderEntry(Matcher):
    """Brings orders to the books. Engine has the commands for orders that exist."""

    def check_client_id(self, account: Account, new: NewOrder) -> None:
        """Refuse (-2010) a client order id that the account already uses for an open order on the symbol."""
        if new.client_id:
            order = self.books[new.symbol.name].by_client_id.get((account.uid, new.client_id))
            if order is not None and order.is_open:
                raise rejected("Duplicate order sent.")

    def prepare(self, book: Book, order: Order, now_us: int) -> int:
        """Check whether an order can start, and fix its price.

        Returns:
            The amount to lock.

        Raises:
            Refusal: -2010, the engine rejects the order.
        """
        if order.is_algo:
            order.lock_price = order.price or order.stop_price or book.last_price
            if order.stop_price and is_met(order, book.last_price):
                raise rejected("Order would trigger immediately.")
            return order.cost()
        return self._prepare_work(book, order, now_us)

    def _prepare_work(self, book: Book, order: Order, now_us: int) -> int:
        if order.is_market:
            return self.plan_market(book, order, now_us)
        if order.peg_price_type:
            pegged.find_price(book, order)
            check_order(book, order.account, order, now_us)
        if order.type == "LIMIT_MAKER" and book.crosses(order.buy, order.price):
            raise rejected("Order would immediately match and take.")
        return order.cost()

    def lock_pair(self, book: Book, first: Order, second: Order, now_us: int) -> None:
        """Prepare an OCO pair. Only one order can trade, so the first one locks the larger amount of the two."""
        needed = max(self.prepare(book, order, now_us) for order in (first, second))
        _check_relation((first, second), book.last_price)
        self.lock(first, needed, now_us)

    def register(self, book: Book, order: Order) -> None:
        """Add an order to its book and to the account's open orders."""
        account, name = order.account, book.symbol.name
        book.last_order_id = order.id
        book.orders[order.id] = order
        book.by_client_id[(account.uid, order.client_id)] = order
        book.open_orders.setdefault(account, {})[order.id] = order
        account.open_orders[name] = account.open_orders.get(name, 0) + 1
        if order.is_algo:
            account.algo_orders[name] = account.algo_orders.get(name, 0) + 1
        if order.iceberg_qty:
            account.iceberg_orders[name] = account.iceberg_orders.get(name, 0) + 1

    def start(self, book: Book, order: Order, now_us: int) -> None:
        self.begin(book, order, now_us)
        self.report(order, "NEW", now_us)
        if not order.waiting:
            self.run(book, order, now_us)

    def begin(self, book: Book, order: Order, now_us: int) -> None:
        if order.is_algo:
            book.triggers.add(order, book.last_price, now_us)
        else:
            order.working_time = now_us

    def trigger(self, order: Order, now_us: int) -> None:
        """Start an order whose stop price was reached."""
        book = self.books[order.symbol.name]
        self.expire_sibling(order, now_us)
        try:
            needed = self._prepare_work(book, order, now_us)
            order.lock_price = order.price
            self.lock(order, needed, now_us)
        except Refusal:
            self.expire(order, "REJECTED", now_us)
            return
        order.update_time = order.working_time = now_us
        self.report(order, "NEW", now_us)
        self.run(book, order, now_us)

    def place_pending(self, order_list: OrderList, now_us: int) -> None:
        """Place the pending orders of a list whose working order was filled."""
        book, orders = self.books[order_list.symbol.name], order_list.pending
        order_list.pending = []
        if not order_list.is_open:
            return
        order = orders[0]
        try:
            self._set_quantity(book, order_list, orders, now_us)
            if len(orders) == 2:
                self.lock_pair(book, orders[0], orders[1], now_us)
            else:
                self.lock(order, self.prepare(book, order, now_us), now_us)
        except Refusal:
            self.expire(order, "REJECTED", now_us)
            return
        for order in orders:
            order.status = "NEW"
            order.update_time = now_us
            self.begin(book, order, now_us)
            self.report(order, "NEW", now_us)
        for order in orders:
            if order.is_open and not order.waiting:
                self.run(book, order, now_us)

    def _set_quantity(self, book: Book, order_list: OrderList, orders: list[Order], now_us: int) -> None:
        if not order_list.opo:
            return
        symbol, received = book.symbol, order_list.held
        self.release_held(order_list)
        for order in orders:
            most = min(symbol.max_qty, symbol.market_max_qty) if order.is_market else symbol.max_qty
            step = max(symbol.step_size, symbol.market_step_size if order.is_market else 0)
            order.quantity = min(received, most) // step * step
            order.quantity_known = True
        for order in orders:
            check_order(book, order.account, order, now_us)

    def release_held(self, order_list: OrderList) -> None:
        """Unlock the amount that an OPO has kept for its pending orders."""
        if order_list.held:
            balance = order_list.account.balance(order_list.symbol.base)
            balance.locked -= order_list.held
            balance.free += order_list.held
            order_list.held = 0
            self.touch(order_list.account, order_list.symbol.base)


def _check_relation(orders: tuple[Order, Order], last_price: int) -> None:
    """Refuse an OCO pair whose prices are not on the right sides of the last price.

    Raises:
        Refusal: -2010.
    """
    for order in orders:
        prices = []
        if order.stop_price and order.is_algo:
            prices.append((order.stop_price, is_above(order)))
        elif not order.is_algo:
            prices.append((order.price, not order.buy))
        if order.type == "TAKE_PROFIT_LIMIT" and not order.buy and order.price:
            prices.append((order.price, True))
        for price, above in prices:
            if (price <= last_price) if above else (price >= last_price):
                raise Refusal(400, -2010, "The relationship of the prices for the orders is not correct.")
