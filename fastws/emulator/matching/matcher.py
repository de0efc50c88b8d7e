"""Matching: a taker trades with the orders of a book, and the balances of both change."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator

from ..values.accounts import Account
from ..values.decimals import UNIT
from ..values.errors import filter_failure
from ..values.orders import Order
from ..values.records import Fill, PreventedMatch, Trade
from ..values.symbols import Symbol
from .book import Book, BookSide, Level
from .events import Reporter
from .ledger import Ledger, rejected

__all__ = ["Matcher"]

# What a resting order would do to a taker: trade with it, reduce it by self-trade prevention, or transfer to it.
_TRADE, _DECREMENT, _TRANSFER = 0, 1, 2


class Matcher(Ledger):
    """All books, and the trades on them. OrderEntry and Engine have the rest of an order's life.

    Args:
        symbols: the symbols to trade.
        fees: the account that commissions are paid to.
        reporter: builds the events of orders and balances.
        on_first_fill: called at an order's first trade, with the order and whether it was the maker.
    """

    def __init__(
        self,
        symbols: Iterable[Symbol],
        fees: Account,
        *,
        reporter: Reporter | None = None,
        on_first_fill: Callable[[Order, bool], None] | None = None,
    ) -> None:
        super().__init__(symbols, fees, reporter)
        self._on_first_fill = on_first_fill
        # Orders whose stop price was reached, in the order in which they will start.
        self._triggered: deque[Order] = deque()
        # The books that have traded; the caller removes those that it has handled.
        self.traded: dict[str, Book] = {}

    # Engine defines these

    def close_order(self, order: Order, status: str) -> None:
        """Take an ended order from its book or triggers, unlock its funds, and give it its last status."""
        raise NotImplementedError

    def order_ended(self, order: Order, now_us: int) -> None:
        """Continue the order list of an order that has ended."""
        raise NotImplementedError

    def expire_sibling(self, order: Order, now_us: int) -> None:
        """Expire the other order of an OCO pair, when the first one begins to trade."""
        raise NotImplementedError

    # A taker

    def run(self, book: Book, order: Order, now_us: int) -> None:
        """Match an order when it begins to work; the rest of it rests on the book or expires."""
        bounds = self._bounds(book, order, now_us)
        if order.tif == "FOK" and not order.is_market and not self._fills_whole(book, order, bounds):
            self.expire(order, "UNFILLED_FOK_ORDER_EXPIRED", now_us)
            return
        self._match(book, order, bounds, now_us)
        if order.status == "FILLED":
            self.close_order(order, "FILLED")
            if order.order_list is not None:
                self.order_ended(order, now_us)
        elif order.is_open:
            self.rest_or_expire(book, order, now_us)

    def expire(self, order: Order, reason: str, now_us: int) -> None:
        """Expire an order; ``reason`` is an expiry reason of enums.md."""
        order.expiry_reason = reason
        self.end(order, "EXPIRED", "EXPIRED", now_us)

    def end(self, order: Order, status: str, execution: str, now_us: int, original: str = "") -> None:
        """End an order and report it."""
        order.update_time = order.account.update_time = now_us
        self.close_order(order, status)
        self.report(order, execution, now_us, original=original)
        if order.order_list is not None:
            self.order_ended(order, now_us)

    def report(
        self,
        order: Order,
        execution: str,
        now_us: int,
        *,
        original: str = "",
        fill: Fill | None = None,
        maker: bool = False,
        match: PreventedMatch | None = None,
    ) -> None:
        """Count an execution and report it."""
        book = self.books[order.symbol.name]
        book.last_execution_id += 1
        if self.reporter is not None:
            self.reporter.order(
                order,
                execution,
                now_us,
                book.last_execution_id,
                original=original,
                fill=fill,
                maker=maker,
                match=match,
            )

    def _match(self, book: Book, order: Order, bounds: tuple[int, int] | None, now_us: int) -> None:
        opposite = book.side_of(not order.buy)
        prevention = order.stp != "NONE"
        limit = None if order.is_market else order.price
        while order.remaining > 0:
            level = opposite.best()
            if level is None:
                return
            price = level.price
            if limit is not None and (limit < price if order.buy else limit > price):
                return
            if bounds is not None and not bounds[0] <= price <= bounds[1]:
                self.expire(order, "EXECUTION_RULE_PRICE_RANGE_EXCEEDED", now_us)
                return
            maker = next(iter(level.orders.values()))
            if prevention and maker.account.same_owner(order.account):
                self._prevent(book, order, maker, now_us)
                if not order.is_open:
                    return
            else:
                self._trade(book, order, maker, level, opposite, now_us)

    def _trade(
        self, book: Book, taker: Order, maker: Order, level: Level, opposite: BookSide, now_us: int
    ) -> None:
        if maker.sibling is not None:
            self.expire_sibling(maker, now_us)
        price = maker.price
        quantity = min(taker.remaining, maker.visible)
        quote = price * quantity // UNIT
        symbol = book.symbol
        buyer, seller = (taker, maker) if taker.buy else (maker, taker)
        self.spend(buyer, quote)
        self.spend(seller, quantity)
        base_fee, base_asset = self.receive(buyer, symbol.base, quantity, buyer is maker, now_us)
        quote_fee, quote_asset = self.receive(seller, symbol.quote, quote, seller is maker, now_us)
        book.last_trade_id += 1
        book.update_id += 1
        book.last_price = price
        self.traded[symbol.name] = book
        trade_id = book.last_trade_id
        book.trades.append(
            Trade(
                trade_id,
                price,
                quantity,
                quote,
                now_us,
                not taker.buy,
                buyer,
                seller,
                base_fee,
                quote_fee,
                base_asset,
                quote_asset,
            )
        )
        level.quantity -= quantity
        opposite.touch(price)
        maker.visible -= quantity
        for order in (taker, maker):
            fee, asset = (base_fee, base_asset) if order.buy else (quote_fee, quote_asset)
            fill = Fill(price, quantity, fee, asset, trade_id)
            if order is taker:
                order.fills.append(fill)
            self.fill(order, fill, quote, order is maker, now_us)
        if maker.status == "FILLED":
            self.close_order(maker, "FILLED")
            if maker.order_list is not None:
                self.order_ended(maker, now_us)
        else:
            self.release(maker, maker.cost())
            if not maker.visible:
                # The next part of an iceberg joins the end of the queue.
                del level.orders[maker.id]
                maker.visible = min(maker.iceberg_qty, maker.remaining)
                level.orders[maker.id] = maker
                level.quantity += maker.visible
        if book.triggers.orders:
            self._triggered.extend(book.triggers.traded(price, now_us))

    def fill(self, order: Order, fill: Fill, quote: int, maker: bool, now_us: int) -> None:
        """Add a trade to an order and report it."""
        if not order.executed and self._on_first_fill is not None:
            self._on_first_fill(order, maker)
        order.executed += fill.quantity
        order.quote_executed += quote
        order.update_time = order.account.update_time = now_us
        filled = not order.remaining and not order.lacked_liquidity
        order.status = "FILLED" if filled else "PARTIALLY_FILLED"
        self.report(order, "TRADE", now_us, fill=fill, maker=maker)

    def rest_or_expire(self, book: Book, order: Order, now_us: int) -> None:
        if order.is_market:
            self.expire(order, "INSUFFICIENT_LIQUIDITY", now_us)
        elif order.tif == "IOC":
            self.expire(order, "UNFILLED_IOC_QUANTITY_EXPIRED", now_us)
        else:
            remaining = order.remaining
            order.visible = min(order.iceberg_qty, remaining) if order.iceberg_qty else remaining
            book.side_of(order.buy).add(order)
            order.resting = True
            book.update_id += 1
            if order.used_sor:
                order.working_floor = "EXCHANGE"
            self.release(order, order.cost())

    # Self-trade prevention (faqs/stp_faq.md)

    def _prevent(self, book: Book, taker: Order, maker: Order, now_us: int) -> None:
        mode = _effective_mode(taker, maker)
        quantity = min(taker.remaining, maker.visible)
        taker_quantity: int | None
        maker_quantity: int | None
        if mode in ("DECREMENT", "TRANSFER"):
            taker_quantity = maker_quantity = quantity
            self.expire_sibling(maker, now_us)
        else:
            taker_quantity = taker.remaining if mode != "EXPIRE_MAKER" else None
            maker_quantity = maker.remaining if mode != "EXPIRE_TAKER" else None
        book.last_prevented_id += 1
        match = PreventedMatch(
            book.last_prevented_id,
            taker,
            maker,
            mode,
            maker.price,
            quantity,
            taker_quantity,
            maker_quantity,
            now_us,
        )
        taker.prevented_matches.append(match)
        book.prevented.append(match)
        if mode == "TRANSFER":
            self._transfer(book, taker, maker, match)
        if taker_quantity is not None:
            self._lose(book, taker, taker_quantity, match, now_us)
        if maker_quantity is not None:
            self._lose(book, maker, maker_quantity, match, now_us)

    def _transfer(self, book: Book, taker: Order, maker: Order, match: PreventedMatch) -> None:
        """Move the assets of a prevented match between two accounts, without a trade and its commission."""
        if taker.account is maker.account:
            return
        quote = match.price * match.quantity // UNIT
        buyer, seller = (taker, maker) if taker.buy else (maker, taker)
        self.spend(buyer, quote)
        self.spend(seller, match.quantity)
        for account, asset, amount in (
            (buyer.account, book.symbol.base, match.quantity),
            (seller.account, book.symbol.quote, quote),
        ):
            account.balance(asset).free += amount
            account.update_time = match.time
            self.touch(account, asset)

    def _lose(self, book: Book, order: Order, quantity: int, match: PreventedMatch, now_us: int) -> None:
        order.prevented += quantity
        order.prevented_id = match.id
        order.update_time = order.account.update_time = now_us
        if not order.remaining:
            self.close_order(order, "EXPIRED_IN_MATCH")
        elif order.resting:
            book.side_of(order.buy).show(order, order.visible - quantity)
            if not order.visible:
                side = book.side_of(order.buy)
                level = side.levels[order.price]
                del level.orders[order.id]
                level.orders[order.id] = order
                side.show(order, min(order.iceberg_qty, order.remaining))
            self.release(order, order.cost())
            book.update_id += 1
        self.report(order, "TRADE_PREVENTION", now_us, match=match)
        if not order.is_open and order.order_list is not None:
            self.order_ended(order, now_us)

    # Planning: what an order would trade

    def _bounds(self, book: Book, order: Order, now_us: int) -> tuple[int, int] | None:
        """The lowest and the highest price at which the order may trade, by the symbol's execution rule."""
        rule = book.symbol.price_range
        if rule is None:
            return None
        reference = book.reference_price_at(now_us)
        return None if reference is None else rule.limits(reference, order.buy)

    def _matchable(
        self, book: Book, order: Order, bounds: tuple[int, int] | None
    ) -> Iterator[tuple[int, int, int]]:
        """The price, the quantity and the outcome of each resting order that the order would meet."""
        for level in book.side_of(not order.buy):
            price = level.price
            if not order.is_market and (order.price < price if order.buy else order.price > price):
                return
            if bounds is not None and not bounds[0] <= price <= bounds[1]:
                return
            queue = [(maker, maker.visible, maker.remaining) for maker in level.orders.values()]
            # The list grows during the loop: the next part of an iceberg joins the end of the queue.
            for maker, visible, remaining in queue:
                outcome = _TRADE
                if order.stp != "NONE" and maker.account.same_owner(order.account):
                    mode = _effective_mode(order, maker)
                    if mode == "EXPIRE_MAKER":
                        continue
                    if mode not in ("DECREMENT", "TRANSFER"):
                        return
                    moved = mode == "TRANSFER" and maker.account is not order.account
                    outcome = _TRANSFER if moved else _DECREMENT
                yield price, visible, outcome
                if remaining > visible:
                    remaining -= visible
                    queue.append((maker, min(maker.iceberg_qty, remaining), remaining))

    def _fills_whole(self, book: Book, order: Order, bounds: tuple[int, int] | None) -> bool:
        missing = order.remaining
        for _, quantity, outcome in self._matchable(book, order, bounds):
            if outcome != _TRADE:
                return False
            missing -= quantity
            if missing <= 0:
                return True
        return False

    def plan_market(self, book: Book, order: Order, now_us: int) -> int:
        """Find the funds that a market order needs, and its quantity if it has a quote quantity.

        Returns:
            The amount to lock.

        Raises:
            Refusal: -2010, the quantity for the quote quantity is too small or too large for a market order.
        """
        by_quote = order.quote_quantity > 0
        step = order.symbol.step_size
        quantity = quote = spent = 0
        lacking = True
        for price, available, outcome in self._matchable(book, order, self._bounds(book, order, now_us)):
            if by_quote:
                wanted = (order.quote_quantity - quote) * UNIT // price // step * step
            else:
                wanted = order.remaining - quantity
            take = min(wanted, available)
            quantity += take
            cost = price * take // UNIT
            if outcome != _DECREMENT:
                spent += cost
            quote += cost
            if take == wanted:
                lacking = False
                break
        if by_quote:
            self._check_quote_plan(book, order, quantity)
            order.quantity = quantity
            order.lacked_liquidity = lacking
        return spent if order.buy else order.remaining

    def _check_quote_plan(self, book: Book, order: Order, quantity: int) -> None:
        symbol = book.symbol
        if not len(book.side_of(not order.buy)):
            raise rejected("Order book liquidity is less than symbol minimum quantity.")
        for lot, least in (("LOT_SIZE", symbol.min_qty), ("MARKET_LOT_SIZE", symbol.market_min_qty)):
            if quantity < least:
                raise rejected(f"Order book liquidity is less than `{lot}` filter minimum quantity.")
        if not quantity or quantity > symbol.market_max_qty:
            raise filter_failure("MARKET_LOT_SIZE", -2010)


def _effective_mode(taker: Order, maker: Order) -> str:
    if taker.stp == "TRANSFER" and maker.stp != "TRANSFER":
        return "DECREMENT"
    return taker.stp
