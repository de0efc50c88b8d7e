"""The liquidity provider: an account that keeps orders on both sides of every book, so that markets are never empty."""

from __future__ import annotations

import random
from typing import Literal

from ..matching.book import Book
from ..matching.engine import Engine
from ..values.accounts import Account
from ..values.decimals import UNIT
from ..values.errors import Refusal
from ..values.new_orders import NewOrder
from ..values.orders import Order
from ..values.symbols import Symbol

__all__ = ["LiquidityProvider", "fund", "send"]

_LEVELS = 20
_REFILL_BELOW = 10
_LEVEL_NOTIONAL_STEPS = (200, 4000)
_FUNDS = 10**15 * UNIT


def fund(account: Account, symbol: Symbol) -> None:
    """Give an account enough of a symbol's two assets to trade for ever."""
    for asset in (symbol.base, symbol.quote):
        if asset not in account.balances:
            account.deposit(asset, _FUNDS)


def send(
    engine: Engine,
    account: Account,
    symbol: Symbol,
    side: Literal["BUY", "SELL"],
    type_: str,
    price: int,
    quantity: int,
    now_us: int,
) -> Order | None:
    """Place an order of the simulated market: LIMIT_MAKER, or LIMIT as IOC.

    Returns:
        The order, or None if the engine rejects it.
    """
    new = NewOrder(
        symbol=symbol,
        side=side,
        type=type_,
        tif="IOC" if type_ == "LIMIT" else "GTC",
        price=price,
        quantity=quantity,
        quote_quantity=0,
        client_id="",
        resp_type="ACK",
        stp="NONE",
        strategy_id=None,
        strategy_type=None,
    )
    try:
        return engine.place(account, new, now_us)
    except Refusal:
        return None


class LiquidityProvider:
    """Quotes both sides around the fair price, if there is one. Otherwise it quotes around the middle between the last
    price and the first price, so that prices come back after a while.

    It refills a side that has fewer than half of its levels, and never crosses the book. Its quotes depend only on the
    seed and on the trades so far.

    Attributes:
        enabled: whether it quotes at all.
        fair: the fair price, by symbol.
    """

    def __init__(self, engine: Engine, account: Account, seed: int) -> None:
        self.account = account
        self.enabled = True
        self.fair: dict[str, int] = {}
        self._engine = engine
        self._random = random.Random(seed)
        for book in engine.books.values():
            if book.symbol.liquidity:
                fund(account, book.symbol)

    def open(self, now_us: int) -> None:
        """Fill all books."""
        for book in self._engine.books.values():
            self.refill(book, now_us)

    def refill(self, book: Book, now_us: int) -> None:
        """Fill up the sides of a book that have too few levels."""
        if not book.symbol.liquidity or not self.enabled:
            return
        for buy in (True, False):
            if len(book.side_of(buy)) < _REFILL_BELOW:
                self._fill(book, buy, now_us)

    def withdraw(self, book: Book, buy: bool, worse_than: int, now_us: int) -> None:
        """Cancel its bids at ``price`` or above, or its asks at ``price`` or below."""
        for order in book.open_of(self.account):
            if order.buy == buy and (order.price >= worse_than if buy else order.price <= worse_than):
                self._engine.cancel(order, "", "", now_us)

    def trim(self, book: Book, buy: bool, now_us: int) -> None:
        """Cancel its orders beyond the number of levels that it keeps, the worst prices first."""
        mine = [order for order in book.open_of(self.account) if order.buy == buy]
        if len(mine) > _LEVELS:
            mine.sort(key=lambda order: order.price, reverse=buy)
            for order in mine[_LEVELS:]:
                self._engine.cancel(order, "", "", now_us)

    def quote(self, book: Book, buy: bool, price: int, now_us: int) -> Order | None:
        """Place an order at a price, unless it would trade at once."""
        symbol = book.symbol
        # A level has 200 to 4000 times the value of the smallest order.
        worth = symbol.min_notional * self._random.randint(*_LEVEL_NOTIONAL_STEPS)
        steps = max(worth * UNIT // price // symbol.step_size, 1)
        side: Literal["BUY", "SELL"] = "BUY" if buy else "SELL"
        quantity = steps * symbol.step_size
        return send(self._engine, self.account, symbol, side, "LIMIT_MAKER", price, quantity, now_us)

    def gap(self, book: Book, center: int) -> int:
        """The distance between its levels: about 0.01 % of the price, and at least a tick."""
        tick = book.symbol.tick_size
        return max(center // 10_000 // tick * tick, tick)

    def _center(self, book: Book) -> int:
        symbol = book.symbol
        center = self.fair.get(symbol.name) or (book.last_price + symbol.reference_price) // 2
        return center // symbol.tick_size * symbol.tick_size

    def _fill(self, book: Book, buy: bool, now_us: int) -> None:
        symbol = book.symbol
        tick = symbol.tick_size
        center = self._center(book)
        gap = self.gap(book, center)
        side, opposite = book.side_of(buy), book.side_of(not buy).best()
        price = center if buy else center + tick
        if opposite is not None:
            price = min(price, opposite.price - tick) if buy else max(price, opposite.price + tick)
        missing = _LEVELS - len(side)
        while missing and symbol.min_price <= price <= symbol.max_price:
            if price not in side.levels:
                self.quote(book, buy, price, now_us)
                missing -= 1
            step = tick * self._random.randint(1, 2 * gap // tick)
            price += -step if buy else step
