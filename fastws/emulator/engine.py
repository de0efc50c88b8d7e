"""The matching engine: orders, trades and balances. It knows nothing of connections, keys or requests.

All or nothing: a command that is refused has changed nothing.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Iterable, Iterator

from .accounts import Account
from .book import Book, BookSide, Level
from .errors import Refusal, filter_failure, refuse
from .orders import Amendment, Fill, NewOrder, Order, PreventedMatch, Trade
from .symbols import UNIT, Symbol

__all__ = ["Engine"]

_ID_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


class Engine:
    """All books and their orders.

    Args:
        symbols: what is traded.
        fees: the account that commissions are paid to.
        seed: of the client order ids that the exchange chooses.
        history: how many finished orders are kept; older ones can no longer be queried.
        on_first_fill: called with an order and whether it was a maker, at its first trade.
    """

    def __init__(
        self,
        symbols: Iterable[Symbol],
        fees: Account,
        *,
        seed: int = 1,
        history: int = 10_000,
        on_first_fill: Callable[[Order, bool], None] | None = None,
    ) -> None:
        self.books = {symbol.name: Book(symbol) for symbol in symbols}
        self.fees = fees
        self._random = random.Random(seed)
        self._history = history
        self._finished: deque[Order] = deque()
        self._on_first_fill = on_first_fill

    def place(self, account: Account, new: NewOrder, now_us: int) -> Order:
        """Take a new order: match it, and let what remains rest or expire.

        Raises:
            Refusal: -2010, as documented for an order that the matching engine rejects.
        """
        book = self.books[new.symbol.name]
        self._check_new_client_id(account, new)
        buy = new.side == "BUY"
        if new.type == "LIMIT_MAKER" and book.crosses(buy, new.price):
            raise _rejected("Order would immediately match and take.")
        order = Order(book.last_order_id + 1, account, new, new.client_id or self.new_client_id(), now_us)
        short = False
        if new.type == "MARKET":
            short = self._plan_market(book, order)
        else:
            self._lock(order, order.cost())
        book.last_order_id = order.id
        book.orders[order.id] = order
        book.by_client_id[(account.uid, order.client_id)] = order
        account.open_orders.setdefault(new.symbol.name, {})[order.id] = order
        book.last_execution_id += 1
        book.update_id += 1
        if new.tif == "FOK" and not self._fills_whole(book, order):
            self._expire(order, "UNFILLED_FOK_ORDER_EXPIRED")
        else:
            self._match(book, order)
            self._rest_or_expire(book, order, short)
        return order

    def cancel(self, order: Order, new_client_id: str, restrictions: str, now_us: int) -> str:
        """Cancel an open order. It takes a new client order id, which sets the old one free.

        Returns:
            The client order id that the order had.

        Raises:
            Refusal: -2011.
        """
        if not order.is_open:
            raise refuse(-2011)
        if restrictions and order.status != restrictions.removeprefix("ONLY_"):
            raise refuse(-2011, msg="Order was not canceled due to cancel restrictions.")
        if self._taken(order, new_client_id):
            raise refuse(-2011, msg="Duplicate order sent.")
        original = order.client_id
        order.update_time = now_us
        self._leave_book(order)
        self._finish(order, "CANCELED")
        self._rename(order, new_client_id or self.new_client_id())
        return original

    def amend(self, order: Order, quantity: int, new_client_id: str, now_us: int) -> str:
        """Reduce the quantity of an open order, which keeps its place in the queue.

        Returns:
            The client order id that the order had.

        Raises:
            Refusal: -2038.
        """
        symbol = order.symbol
        book = self.books[symbol.name]
        if not order.is_open:
            raise refuse(-2038)
        if quantity == order.quantity:
            raise refuse(-2038, msg="The requested action would change no state; rejecting")
        if quantity > order.quantity:
            raise refuse(-2038, msg="Order amend (quantity increase) is not supported.")
        if len(order.amendments) >= symbol.max_num_amends:
            raise filter_failure("MAX_NUM_ORDER_AMENDS", -2038)
        if self._taken(order, new_client_id):
            raise refuse(-2038, msg="Duplicate order sent.")
        original, original_quantity = order.client_id, order.quantity
        order.update_time = now_us
        book.last_execution_id += 1
        book.update_id += 1
        if quantity <= order.executed:
            # Nothing is left to trade: the order ends here, with what it has traded.
            self._leave_book(order)
            order.quantity = order.executed
            self._finish(order, "EXPIRED")
        else:
            book.side_of(order.buy).reduce(order, order.quantity - quantity)
            order.quantity = quantity
            self._release(order, order.cost())
        self._rename(order, new_client_id or self.new_client_id())
        order.amendments.append(
            Amendment(
                book.last_execution_id, original, order.client_id, original_quantity, order.quantity, now_us
            )
        )
        return original

    def find(self, book: Book, account: Account, order_id: int | None, client_id: str | None) -> Order | None:
        """An order of the account, open or finished, by its id, or else by its client order id.

        Raises:
            Refusal: -2039, both were given and do not belong together.
        """
        if order_id is None:
            return book.by_client_id.get((account.uid, client_id or ""))
        order = book.orders.get(order_id)
        if order is None or order.account is not account:
            return None
        if client_id is not None and order.client_id != client_id:
            raise refuse(-2039)
        return order

    def _open_by_client_id(self, book: Book, account: Account, client_id: str) -> Order | None:
        """The account's open order of that client order id."""
        order = book.by_client_id.get((account.uid, client_id))
        return order if order is not None and order.is_open else None

    def _check_new_client_id(self, account: Account, new: NewOrder) -> None:
        """Refuse (-2010) a client order id that an open order of the account on the symbol has."""
        book = self.books[new.symbol.name]
        if new.client_id and self._open_by_client_id(book, account, new.client_id) is not None:
            raise _rejected("Duplicate order sent.")

    def new_client_id(self) -> str:
        """A client order id, for an order that was sent without one."""
        return "".join(self._random.choices(_ID_ALPHABET, k=22))

    # Matching

    def _match(self, book: Book, order: Order) -> None:
        opposite = book.side_of(not order.buy)
        prevention = order.stp != "NONE"
        market = order.type == "MARKET"
        while order.remaining > 0:
            level = opposite.best()
            if level is None or not (market or _reaches(order, level.price)):
                return
            maker = next(iter(level.orders.values()))
            if prevention and maker.account is order.account:
                self._prevent(book, order, maker)
                if order.status == "EXPIRED_IN_MATCH":
                    return
            else:
                self._trade(book, order, maker, level, opposite)

    def _trade(self, book: Book, taker: Order, maker: Order, level: Level, opposite: BookSide) -> None:
        price = maker.price
        quantity = min(taker.remaining, maker.remaining)
        quote = price * quantity // UNIT
        symbol, now_us = book.symbol, taker.time
        buyer, seller = (taker, maker) if taker.buy else (maker, taker)
        base_fee = quantity * (taker.account.taker_rate if taker.buy else maker.account.maker_rate) // UNIT
        quote_fee = quote * (maker.account.maker_rate if taker.buy else taker.account.taker_rate) // UNIT
        _spend(buyer, quote)
        _spend(seller, quantity)
        buyer.account.balance(symbol.base).free += quantity - base_fee
        seller.account.balance(symbol.quote).free += quote - quote_fee
        self.fees.balance(symbol.base).free += base_fee
        self.fees.balance(symbol.quote).free += quote_fee
        book.last_trade_id += 1
        book.last_execution_id += 2
        book.last_price = price
        book.trades.append(
            Trade(
                book.last_trade_id,
                price,
                quantity,
                quote,
                now_us,
                not taker.buy,
                buyer,
                seller,
                base_fee,
                quote_fee,
            )
        )
        fee, fee_asset = (base_fee, symbol.base) if taker.buy else (quote_fee, symbol.quote)
        taker.fills.append(Fill(price, quantity, fee, fee_asset, book.last_trade_id))
        for order in (taker, maker):
            if not order.executed and self._on_first_fill is not None:
                self._on_first_fill(order, order is maker)
            order.executed += quantity
            order.quote_executed += quote
            order.update_time = order.account.update_time = now_us
            order.status = "PARTIALLY_FILLED"
        if maker.remaining:
            level.quantity -= quantity
            self._release(maker, maker.cost())
        else:
            opposite.remove(maker, quantity)
            self._finish(maker, "FILLED")

    def _prevent(self, book: Book, taker: Order, maker: Order) -> None:
        book.last_prevented_id += 1
        mode = taker.stp
        taker_quantity = taker.remaining if mode != "EXPIRE_MAKER" else None
        maker_quantity = maker.remaining if mode != "EXPIRE_TAKER" else None
        taker.prevented_matches.append(
            PreventedMatch(book.last_prevented_id, maker.id, maker.price, taker_quantity, maker_quantity)
        )
        if maker_quantity is not None:
            maker.update_time = taker.time
            self._leave_book(maker)
            self._prevented(maker, maker_quantity, book.last_prevented_id)
        if taker_quantity is not None:
            self._prevented(taker, taker_quantity, book.last_prevented_id)

    def _prevented(self, order: Order, quantity: int, prevented_id: int) -> None:
        order.prevented += quantity
        order.prevented_id = prevented_id
        self._finish(order, "EXPIRED_IN_MATCH")

    def _rest_or_expire(self, book: Book, order: Order, short: bool) -> None:
        if not order.is_open:
            return
        if not order.remaining and not short:
            self._finish(order, "FILLED")
        elif order.type == "MARKET":
            self._expire(order, "INSUFFICIENT_LIQUIDITY")
        elif order.tif == "IOC":
            self._expire(order, "UNFILLED_IOC_QUANTITY_EXPIRED")
        else:
            book.side_of(order.buy).add(order)
            self._release(order, order.cost())

    # Plans

    def _matchable(self, book: Book, order: Order) -> Iterator[tuple[int, int]]:
        """Prices and quantities that the order would trade, one resting order after the other."""
        for level in book.side_of(not order.buy):
            if order.type != "MARKET" and not _reaches(order, level.price):
                return
            for maker in level.orders.values():
                if order.stp != "NONE" and maker.account is order.account:
                    if order.stp != "EXPIRE_MAKER":
                        return
                    continue
                yield level.price, maker.remaining

    def _fills_whole(self, book: Book, order: Order) -> bool:
        missing = order.remaining
        for _, quantity in self._matchable(book, order):
            missing -= quantity
            if missing <= 0:
                return True
        return False

    def _plan_market(self, book: Book, order: Order) -> bool:
        """Lock what a market order will cost; with a quote quantity, also find its quantity.

        An order that its account cannot pay for whole is rejected (faqs/market_orders_faq.md).

        Returns:
            Whether the book is short of what the order asks for.
        """
        by_quote = order.quote_quantity > 0
        step = order.symbol.step_size
        quantity = quote = 0
        short = True
        for price, available in self._matchable(book, order):
            if by_quote:
                wanted = (order.quote_quantity - quote) * UNIT // price // step * step
            else:
                wanted = order.quantity - quantity
            take = min(wanted, available)
            quantity += take
            quote += price * take // UNIT
            if take == wanted:
                short = False
                break
        if by_quote:
            if quantity < order.symbol.min_qty:
                raise _rejected("Order book liquidity is less than `LOT_SIZE` filter minimum quantity.")
            order.quantity = quantity
        self._lock(order, quote if order.buy else order.quantity)
        return short

    # Ends and balances

    def _expire(self, order: Order, reason: str) -> None:
        order.expiry_reason = reason
        self._finish(order, "EXPIRED")

    def _leave_book(self, order: Order) -> None:
        book = self.books[order.symbol.name]
        book.side_of(order.buy).remove(order, order.remaining)
        book.last_execution_id += 1
        book.update_id += 1

    def _finish(self, order: Order, status: str) -> None:
        order.status = status
        self._release(order, 0)
        del order.account.open_orders[order.symbol.name][order.id]
        self._finished.append(order)
        if len(self._finished) > self._history:
            self._forget(self._finished.popleft())

    def _forget(self, order: Order) -> None:
        book = self.books[order.symbol.name]
        del book.orders[order.id]
        key = (order.account.uid, order.client_id)
        if book.by_client_id.get(key) is order:
            del book.by_client_id[key]

    def _taken(self, order: Order, client_id: str) -> bool:
        """Whether another open order of the account has that client order id."""
        holder = self._open_by_client_id(self.books[order.symbol.name], order.account, client_id)
        return holder is not None and holder is not order

    def _rename(self, order: Order, client_id: str) -> None:
        by_client_id = self.books[order.symbol.name].by_client_id
        key = (order.account.uid, order.client_id)
        if by_client_id.get(key) is order:
            del by_client_id[key]
        order.client_id = client_id
        by_client_id[(order.account.uid, client_id)] = order

    def _lock(self, order: Order, amount: int) -> None:
        balance = order.account.balance(order.locked_asset)
        if balance.free < amount:
            raise _rejected("Account has insufficient balance for requested action.")
        balance.free -= amount
        balance.locked += amount
        order.locked = amount
        order.account.update_time = order.time

    def _release(self, order: Order, needed: int) -> None:
        """Give back what the order holds beyond what it needs."""
        surplus = order.locked - needed
        if surplus:
            balance = order.account.balance(order.locked_asset)
            balance.locked -= surplus
            balance.free += surplus
            order.locked = needed


def _reaches(order: Order, price: int) -> bool:
    return order.price >= price if order.buy else order.price <= price


def _spend(order: Order, amount: int) -> None:
    order.account.balance(order.locked_asset).locked -= amount
    order.locked -= amount


def _rejected(msg: str) -> Refusal:
    return Refusal(400, -2010, msg)
