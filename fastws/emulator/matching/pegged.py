"""Pegged orders (faqs/pegged_orders.md): limit orders that take their price from the book when they enter it.

The price does not change later: the FIX API requires a fixed PegMoveType.
"""

from __future__ import annotations

from ..values.orders import Order
from .book import Book
from .ledger import rejected

__all__ = ["find_price"]


def find_price(book: Book, order: Order) -> None:
    """Set the price of a pegged order. A price in the request is the worst price that it accepts.

    Raises:
        Refusal: -2010, the book does not have the level of the peg.
    """
    buy = order.buy if order.peg_price_type == "PRIMARY_PEG" else not order.buy
    price = book.level_price(buy, order.peg_offset_value)
    if price is None:
        raise rejected("Order book liquidity is too low for this pegged order.")
    order.pegged_price = price
    if order.limit:
        price = min(price, order.limit) if order.buy else max(price, order.limit)
    order.price = order.lock_price = price
