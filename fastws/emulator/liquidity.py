"""The house: an account that keeps orders on both sides of every book, so that markets are never empty."""

from __future__ import annotations

import random

from .accounts import Account
from .book import Book
from .engine import Engine
from .orders import NewOrder
from .symbols import UNIT

__all__ = ["House"]

_LEVELS = 20
_REFILL_BELOW = 10
_LEVEL_NOTIONAL_STEPS = (200, 4000)
_FUNDS = 10**15 * UNIT


class House:
    """Makes markets halfway between the last price and the reference price, so that no market wanders off
    for good.

    A side is filled up again when it has fewer than half of its levels; never so that the book would cross.
    What it quotes depends on the seed and on what was traded, on nothing else.
    """

    def __init__(self, engine: Engine, account: Account, seed: int) -> None:
        self.account = account
        self._engine = engine
        self._random = random.Random(seed)
        for book in engine.books.values():
            if book.symbol.liquidity:
                for asset in (book.symbol.base, book.symbol.quote):
                    if asset not in account.balances:
                        account.deposit(asset, _FUNDS)

    def open(self, now_us: int) -> None:
        """Fill all books."""
        for book in self._engine.books.values():
            self.refill(book, now_us)

    def refill(self, book: Book, now_us: int) -> None:
        """Bring both sides of a book up to their levels, where they have become thin."""
        if not book.symbol.liquidity:
            return
        for buy in (True, False):
            if len(book.side_of(buy)) < _REFILL_BELOW:
                self._fill(book, buy, now_us)

    def _fill(self, book: Book, buy: bool, now_us: int) -> None:
        symbol = book.symbol
        tick = symbol.tick_size
        # Levels stand about a hundredth of a percent apart, and at least a tick.
        center = (book.last_price + symbol.reference_price) // 2 // tick * tick
        gap = max(center // 10_000 // tick * tick, tick)
        side, opposite = book.side_of(buy), book.side_of(not buy).best()
        price = center if buy else center + tick
        if opposite is not None:
            price = min(price, opposite.price - tick) if buy else max(price, opposite.price + tick)
        missing = _LEVELS - len(side)
        while missing and symbol.min_price <= price <= symbol.max_price:
            if price not in side.levels:
                self._quote(book, buy, price, now_us)
                missing -= 1
            step = tick * self._random.randint(1, 2 * gap // tick)
            price += -step if buy else step

    def _quote(self, book: Book, buy: bool, price: int, now_us: int) -> None:
        symbol = book.symbol
        # A level is worth 200 to 4000 times the smallest order.
        worth = symbol.min_notional * self._random.randint(*_LEVEL_NOTIONAL_STEPS)
        steps = max(worth * UNIT // price // symbol.step_size, 1)
        new = NewOrder(
            symbol=symbol,
            side="BUY" if buy else "SELL",
            type="LIMIT_MAKER",
            tif="GTC",
            price=price,
            quantity=steps * symbol.step_size,
            quote_quantity=0,
            client_id="",
            resp_type="ACK",
            stp="NONE",
            strategy_id=None,
            strategy_type=None,
        )
        self._engine.place(self.account, new, now_us)
