"""The matching engine: orders, order lists, trades and balances. It knows nothing of connections, keys or requests.

A command that is refused has changed nothing. A command has two steps, and its reply is written between them: first
the command itself; then ``settle`` carries out what follows from it: stop orders whose price was reached, and pending
orders whose working order was filled.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Iterable

from ..values.accounts import Account
from ..values.decimals import UNIT
from ..values.errors import Refusal, filter_failure, refuse
from ..values.new_orders import NewOrder, NewOrderList
from ..values.orders import Order, OrderList
from ..values.records import Amendment
from ..values.symbols import Symbol
from .book import Book
from .events import Reporter
from .ledger import rejected
from .order_entry import OrderEntry

__all__ = ["Engine"]

_BACKGROUND_HISTORY = 100
_ID_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


class Engine(OrderEntry):
    """All books and their orders.

    Args:
        symbols: the symbols to trade.
        fees: the account that commissions are paid to.
        seed: the random seed of the client order ids that the exchange chooses.
        history: how many finished orders are kept; older ones can no longer be queried.
        reporter: builds the events of orders and balances.
        on_first_fill: called at an order's first trade, with the order and whether it was the maker.

    Attributes:
        lists: the order lists by their ids.
        background: the uids of the simulated market's accounts; fewer of their finished orders are kept.
    """

    def __init__(
        self,
        symbols: Iterable[Symbol],
        fees: Account,
        *,
        seed: int = 1,
        history: int = 10_000,
        reporter: Reporter | None = None,
        on_first_fill: Callable[[Order, bool], None] | None = None,
    ) -> None:
        super().__init__(symbols, fees, reporter=reporter, on_first_fill=on_first_fill)
        self.lists: dict[int, OrderList] = {}
        self._lists_by_client_id: dict[tuple[int, str], OrderList] = {}
        self._last_list_id = -1
        self._random = random.Random(seed)
        self._history = history
        self._finished: deque[Order] = deque()
        self.background: set[int] = set()
        self._background_finished: deque[Order] = deque()
        # Order lists whose working order was filled.
        self._phase_two: deque[OrderList] = deque()

    # Orders

    def place(self, account: Account, new: NewOrder, now_us: int) -> Order:
        """``submit`` and ``settle``."""
        order = self.submit(account, new, now_us)
        self.settle(now_us)
        return order

    def submit(self, account: Account, new: NewOrder, now_us: int) -> Order:
        """Accept a new order and match it. The rest of it rests on the book, waits for its price or expires.

        Raises:
            Refusal: -2010, the matching engine rejects the order.
        """
        book = self.books[new.symbol.name]
        self.check_client_id(account, new)
        order = Order(book.last_order_id + 1, account, new, new.client_id or self.new_client_id(), now_us)
        self.lock(order, self.prepare(book, order, now_us), now_us)
        self.register(book, order)
        self.start(book, order, now_us)
        return order

    def settle(self, now_us: int) -> None:
        """Carry out what follows from the last command, and report balances."""
        triggered, phase_two = self._triggered, self._phase_two
        while triggered or phase_two:
            if phase_two:
                self.place_pending(phase_two.popleft(), now_us)
            else:
                order = triggered.popleft()
                if order.is_open:
                    self.trigger(order, now_us)
        if self.reporter is not None:
            self.reporter.flush(now_us)

    def cancel(self, order: Order, new_client_id: str, restrictions: str, now_us: int) -> str:
        """Cancel an open order, and the order list that it is part of. The canceled order or list takes a new client
        id, so the old one can be used again.

        Returns:
            The client order id that the order had.

        Raises:
            Refusal: -2011.
        """
        if not order.is_open:
            raise refuse(-2011)
        if restrictions and order.status != restrictions.removeprefix("ONLY_"):
            raise refuse(-2011, msg="Order was not canceled due to cancel restrictions.")
        if new_client_id and self._taken(order, new_client_id):
            raise refuse(-2011, msg="Duplicate order sent.")
        original = order.client_id
        new_client_id = new_client_id or self.new_client_id()
        if order.order_list is None:
            self._cancel(order, new_client_id, now_us)
        else:
            self._cancel_list(order.order_list, new_client_id, now_us)
        self.settle(now_us)
        return original

    def amend(self, order: Order, quantity: int, new_client_id: str, now_us: int) -> str:
        """Reduce the quantity of an open order; it keeps its place in the queue.

        Returns:
            The client order id that the order had.

        Raises:
            Refusal: -2038.
        """
        symbol = order.symbol
        if not symbol.amend:
            raise refuse(-2038, msg="Order amend is not supported for this symbol.")
        if not order.is_open:
            raise refuse(-2038)
        if not order.quantity_known:
            raise refuse(-2038, msg="Order amend (pending OPO order) is not supported.")
        if quantity == order.quantity:
            raise refuse(-2038, msg="The requested action would change no state; rejecting")
        if quantity > order.quantity:
            raise refuse(-2038, msg="Order amend (quantity increase) is not supported.")
        if len(order.amendments) >= symbol.max_num_amends:
            raise filter_failure("MAX_NUM_ORDER_AMENDS", -2038)
        if self._taken(order, new_client_id):
            raise refuse(-2038, msg="Duplicate order sent.")
        original = order.client_id
        sibling = order.sibling
        self._amend(order, quantity, new_client_id or self.new_client_id(), now_us)
        if sibling is not None and sibling.is_open and order.is_open:
            # Only one order of a pair can trade, so both have the same quantity.
            self._amend(sibling, quantity, sibling.client_id, now_us)
        order_list = order.order_list
        if order_list is not None and order_list.is_open and order.client_id != original:
            self._list_status(order_list, "UPDATED", now_us)
        self.settle(now_us)
        return original

    def find(self, book: Book, account: Account, order_id: int | None, client_id: str | None) -> Order | None:
        """An order of the account, open or finished, by its id if that is given, else by its client order id.

        Raises:
            Refusal: -2039, both ids are given and name different orders.
        """
        if order_id is None:
            return book.by_client_id.get((account.uid, client_id or ""))
        order = book.orders.get(order_id)
        if order is None or order.account is not account:
            return None
        if client_id is not None and order.client_id != client_id:
            raise refuse(-2039)
        return order

    def new_client_id(self) -> str:
        """A client order id for an order that was sent without one."""
        return "".join(self._random.choices(_ID_ALPHABET, k=22))

    def evict(self, order: Order, now_us: int) -> None:
        """Cancel an open order as the exchange itself does, and the order list that it is part of."""
        orders = [order] if order.order_list is None else order.order_list.orders
        for one in orders:
            if one.is_open:
                self.expire(one, "EXCHANGE_CANCELED", now_us)
        self.settle(now_us)

    def report_rejected(self, account: Account, new: NewOrder, refusal: Refusal, now_us: int) -> None:
        """Report the new order of a cancel-replace that was refused after the cancel was carried out."""
        book = self.books[new.symbol.name]
        book.last_execution_id += 1
        if self.reporter is not None:
            self.reporter.rejected(account, new, refusal.msg, now_us, book.last_execution_id)

    # Order lists

    def submit_list(self, account: Account, new: NewOrderList, now_us: int) -> OrderList:
        """Accept a new order list. Its first order, or both orders of an OCO, start at once.

        Raises:
            Refusal: -2010.
        """
        book = self.books[new.symbol.name]
        held = self._lists_by_client_id.get((account.uid, new.client_id))
        names = [order.client_id for order in new.orders if order.client_id]
        if (held is not None and held.is_open) or len(set(names)) != len(names):
            raise rejected("Duplicate order sent.")
        orders = []
        for number, row in enumerate(new.orders, 1):
            self.check_client_id(account, row)
            client_id = row.client_id or self.new_client_id()
            orders.append(Order(book.last_order_id + number, account, row, client_id, now_us))
        if new.contingency == "OCO":
            self.lock_pair(book, orders[0], orders[1], now_us)
            first = orders
        else:
            self.lock(orders[0], self.prepare(book, orders[0], now_us), now_us)
            for order in orders[1:]:
                order.status = "PENDING_NEW"
            first = orders[:1]
        self._last_list_id += 1
        client_id = new.client_id or self.new_client_id()
        order_list = OrderList(self._last_list_id, account, new, client_id, orders, now_us)
        self.lists[order_list.id] = order_list
        self._lists_by_client_id[(account.uid, client_id)] = order_list
        account.open_lists[book.symbol.name] = account.open_lists.get(book.symbol.name, 0) + 1
        for order in orders:
            self.register(book, order)
            if order in first:
                self.begin(book, order, now_us)
            self.report(order, "NEW", now_us)
        self._list_status(order_list, "EXEC_STARTED", now_us)
        for order in first:
            if order.is_open and not order.waiting:
                self.run(book, order, now_us)
        return order_list

    def cancel_list(self, order_list: OrderList, new_client_id: str, now_us: int) -> None:
        """Cancel an open order list. The list takes a new client id; its orders keep theirs.

        Raises:
            Refusal: -2011.
        """
        if not order_list.is_open:
            raise refuse(-2011)
        key = (order_list.account.uid, order_list.client_id)
        if self._lists_by_client_id.get(key) is order_list:
            del self._lists_by_client_id[key]
        order_list.client_id = new_client_id or self.new_client_id()
        self._lists_by_client_id[(order_list.account.uid, order_list.client_id)] = order_list
        self._cancel_list(order_list, None, now_us)
        self.settle(now_us)

    def find_list(self, account: Account, list_id: int | None, client_id: str | None) -> OrderList | None:
        """An order list of the account, by its id if that is given, else by its client id.

        Raises:
            Refusal: -2011, both ids are given and name different lists.
        """
        if list_id is None:
            return self._lists_by_client_id.get((account.uid, client_id or ""))
        order_list = self.lists.get(list_id)
        if order_list is None or order_list.account is not account:
            return None
        if client_id is not None and order_list.client_id != client_id:
            raise refuse(-2011)
        return order_list

    # The end of orders and order lists

    def close_order(self, order: Order, status: str) -> None:
        book = self.books[order.symbol.name]
        if order.resting:
            book.side_of(order.buy).remove(order)
            order.resting = False
            book.update_id += 1
        elif order.waiting:
            book.triggers.remove(order)
        order.status = status
        sibling = order.sibling
        if sibling is not None and sibling.is_open:
            # The other order of the pair goes on; the funds locked for both are now its own.
            sibling.locked += order.locked
            order.locked = 0
        else:
            self.release(order, 0)
        account, name = order.account, book.symbol.name
        del book.open_orders[account][order.id]
        account.open_orders[name] -= 1
        if order.is_algo:
            account.algo_orders[name] -= 1
        if order.iceberg_qty:
            account.iceberg_orders[name] -= 1
        finished, most = self._finished, self._history
        if account.uid in self.background:
            finished, most = self._background_finished, _BACKGROUND_HISTORY
        finished.append(order)
        if len(finished) > most:
            self._forget(finished.popleft())

    def expire_sibling(self, order: Order, now_us: int) -> None:
        sibling = order.sibling
        if sibling is not None:
            order.sibling = sibling.sibling = None
            if sibling.is_open:
                order.locked += sibling.locked
                sibling.locked = 0
                self.expire(sibling, "OCO_TRIGGER", now_us)
                self.release(order, order.cost())

    def order_ended(self, order: Order, now_us: int) -> None:
        order_list = order.order_list
        assert order_list is not None
        if order is order_list.working and order_list.pending:
            if order.status == "FILLED":
                self._phase_two.append(order_list)
                return
            for other in order_list.pending:
                if other.is_open:
                    self.expire(other, "OTO_PHASE_ONE_EXPIRED", now_us)
        sibling = order.sibling
        if sibling is not None:
            order.sibling = sibling.sibling = None
            if sibling.is_open:
                self.expire(sibling, "OCO_TRIGGER", now_us)
        self._finish_list(order_list, now_us)

    def _finish_list(self, order_list: OrderList, now_us: int) -> None:
        if order_list.is_open and not any(order.is_open for order in order_list.orders):
            self.release_held(order_list)
            order_list.order_status = "ALL_DONE"
            order_list.account.open_lists[order_list.symbol.name] -= 1
            self._list_status(order_list, "ALL_DONE", now_us)

    def _list_status(self, order_list: OrderList, status_type: str, now_us: int) -> None:
        order_list.time = now_us
        # A changed client order id is reported, but does not change the list's status.
        shown, order_list.status_type = order_list.status_type, status_type
        if self.reporter is not None:
            self.reporter.order_list(order_list, now_us)
        if status_type == "UPDATED":
            order_list.status_type = shown

    def _cancel(self, order: Order, new_client_id: str | None, now_us: int) -> None:
        original = order.client_id
        order.update_time = order.account.update_time = now_us
        self.close_order(order, "CANCELED")
        if new_client_id is not None:
            self._rename(order, new_client_id)
        self.report(order, "CANCELED", now_us, original=original)

    def _cancel_list(self, order_list: OrderList, new_client_id: str | None, now_us: int) -> None:
        for order in order_list.orders:
            if order.is_open:
                self._cancel(order, new_client_id, now_us)
        self._finish_list(order_list, now_us)

    def _amend(self, order: Order, quantity: int, client_id: str, now_us: int) -> None:
        book = self.books[order.symbol.name]
        original, original_quantity = order.client_id, order.quantity
        order.update_time = order.account.update_time = now_us
        book.update_id += 1
        over = quantity <= order.executed + order.prevented
        if over:
            # Nothing is left to trade: the order ends here, with the quantity that it has traded.
            quantity = order.executed + order.prevented
        elif order.resting:
            left = quantity - order.executed - order.prevented
            book.side_of(order.buy).show(order, min(order.visible, left))
        order.quantity = quantity
        if not over and order.locked:
            sibling = order.sibling
            needed = order.cost()
            if sibling is not None and sibling.is_open:
                cost = sibling.lock_price * quantity // UNIT if order.buy else quantity
                needed = max(needed, cost)
            self.release(order, needed)
        if client_id != original:
            self._rename(order, client_id)
        self.report(order, "REPLACED", now_us, original=original)
        order.amendments.append(
            Amendment(book.last_execution_id, original, client_id, original_quantity, quantity, now_us)
        )
        if over:
            self.end(order, "EXPIRED", "EXPIRED", now_us)

    def _forget(self, order: Order) -> None:
        book = self.books[order.symbol.name]
        del book.orders[order.id]
        key = (order.account.uid, order.client_id)
        if book.by_client_id.get(key) is order:
            del book.by_client_id[key]
        order_list = order.order_list
        if order_list is not None and self.lists.get(order_list.id) is order_list and not order_list.is_open:
            del self.lists[order_list.id]
            key = (order_list.account.uid, order_list.client_id)
            if self._lists_by_client_id.get(key) is order_list:
                del self._lists_by_client_id[key]

    def _taken(self, order: Order, client_id: str) -> bool:
        """Whether another open order of the account has this client order id."""
        holder = self.books[order.symbol.name].by_client_id.get((order.account.uid, client_id))
        return holder is not None and holder is not order and holder.is_open

    def _rename(self, order: Order, client_id: str) -> None:
        by_client_id = self.books[order.symbol.name].by_client_id
        key = (order.account.uid, order.client_id)
        if by_client_id.get(key) is order:
            del by_client_id[key]
        order.client_id = client_id
        by_client_id[(order.account.uid, client_id)] = order
