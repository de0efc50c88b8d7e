"""Smart order routing (faqs/sor_faq.md): an order takes the best prices of several books.

An account of the exchange trades on these books and passes each trade on to the order: an allocation. It does so on
the order's own book, too, as in all documented examples. The rest of a limit order rests on its own book and trades
there like any other.
"""

from __future__ import annotations

from typing import Any

from ..values.accounts import Account
from ..values.decimals import UNIT
from ..values.new_orders import NewOrder
from ..values.orders import Order
from ..values.records import Allocation, Fill
from .book import Book
from .engine import Engine

__all__ = ["configurations", "submit"]

_FUNDS = 10**15 * UNIT


def configurations(engine: Engine) -> list[dict[str, Any]]:
    """The SOR configurations as exchangeInfo shows them."""
    groups: dict[str, list[str]] = {}
    for name, book in engine.books.items():
        if book.symbol.sor:
            groups.setdefault(book.symbol.base, []).append(name)
    return [{"baseAsset": base, "symbols": names} for base, names in groups.items()]


def _eligible(engine: Engine, book: Book) -> list[Book]:
    base = book.symbol.base
    return [
        other
        for other in engine.books.values()
        if other.symbol.sor and other.symbol.base == base and other.symbol.status == "TRADING"
    ]


def submit(engine: Engine, router: Account, account: Account, new: NewOrder, now_us: int) -> Order:
    """Accept a new order that uses SOR; ``router`` is the account that trades for it.

    Raises:
        Refusal: -2010.
    """
    book = engine.books[new.symbol.name]
    engine.check_client_id(account, new)
    order = Order(book.last_order_id + 1, account, new, new.client_id or engine.new_client_id(), now_us)
    order.used_sor = True
    order.working_floor = "SOR"
    books = _eligible(engine, book)
    engine.lock(order, _plan(books, order), now_us)
    engine.register(book, order)
    order.working_time = now_us
    engine.report(order, "NEW", now_us)
    if new.tif == "FOK" and sum(quantity for _, quantity in _offers(books, order)) < order.quantity:
        engine.expire(order, "UNFILLED_FOK_ORDER_EXPIRED", now_us)
        return order
    while order.remaining:
        best = _best(books, order)
        if best is None:
            break
        if not _route(engine, router, book, best, order, now_us):
            engine.expire(order, "EXECUTION_RULE_PRICE_RANGE_EXCEEDED", now_us)
            return order
    if order.status == "FILLED":
        engine.close_order(order, "FILLED")
    else:
        engine.rest_or_expire(book, order, now_us)
    return order


def _offers(books: list[Book], order: Order) -> list[tuple[int, int]]:
    """The prices and quantities that the order can take on all books, best price first."""
    rows = [
        (level.price, maker.remaining)
        for book in books
        for level in book.side_of(not order.buy)
        if order.is_market or (level.price <= order.price if order.buy else level.price >= order.price)
        for maker in level.orders.values()
    ]
    return sorted(rows, reverse=not order.buy)


def _plan(books: list[Book], order: Order) -> int:
    if not order.is_market:
        return order.cost()
    if not order.buy:
        return order.quantity
    missing, spent = order.quantity, 0
    for price, available in _offers(books, order):
        take = min(missing, available)
        # The order pays for each part separately; each payment is truncated to eight places.
        spent += price * take // UNIT
        missing -= take
        if not missing:
            break
    return spent


def _best(books: list[Book], order: Order) -> Book | None:
    found: Book | None = None
    best_price = 0
    for book in books:
        level = book.side_of(not order.buy).best()
        if level is None:
            continue
        price = level.price
        if not order.is_market and (price > order.price if order.buy else price < order.price):
            continue
        if found is None or (price < best_price if order.buy else price > best_price):
            found, best_price = book, price
    return found


def _route(engine: Engine, router: Account, book: Book, source: Book, order: Order, now_us: int) -> bool:
    """Trade with the best order of a book, on behalf of the order.

    Returns:
        Whether the order traded; self-trade prevention can prevent it.
    """
    level = source.side_of(not order.buy).best()
    assert level is not None
    maker = next(iter(level.orders.values()))
    quantity = min(order.remaining, maker.visible)
    symbol = source.symbol
    for asset in (symbol.base, symbol.quote):
        # The exchange funds the router.
        if router.balance(asset).free < _FUNDS // 2:
            router.deposit(asset, _FUNDS)
    new = NewOrder(
        symbol=symbol,
        side=order.side,
        type="LIMIT",
        tif="IOC",
        price=level.price,
        quantity=quantity,
        quote_quantity=0,
        client_id="",
        resp_type="ACK",
        stp="NONE",
        strategy_id=None,
        strategy_type=None,
    )
    taken = engine.submit(router, new, now_us)
    for fill in taken.fills:
        _allocate(engine, router, book, order, fill, now_us)
    return bool(taken.fills)


def _allocate(engine: Engine, router: Account, book: Book, order: Order, fill: Fill, now_us: int) -> None:
    symbol = book.symbol
    quote = fill.price * fill.quantity // UNIT
    paid, received = (quote, fill.quantity) if order.buy else (fill.quantity, quote)
    given, taken = (symbol.base, symbol.quote) if order.buy else (symbol.quote, symbol.base)
    engine.spend(order, paid)
    router.balance(taken).free += paid
    router.balance(given).free -= received
    fee, fee_asset = engine.receive(order, given, received, False, now_us)
    book.last_allocation_id += 1
    allocation = Fill(fill.price, fill.quantity, fee, fee_asset, -1, book.last_allocation_id)
    order.fills.append(allocation)
    book.allocations.append(
        Allocation(allocation.allocation_id, order, fill.price, fill.quantity, quote, fee, fee_asset, now_us)
    )
    engine.fill(order, allocation, quote, False, now_us)
