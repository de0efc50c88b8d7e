"""The simulated market: trades before the exchange opened, and price moves while its clock goes on.

Every second, each symbol's price takes a step of a random walk that tends back to its first price. Two accounts of the
exchange trade the price there: the liquidity provider quotes both sides of the books, and the background taker takes.
Users' orders trade with theirs. If the clock jumps, the trades in between are random ones (see history) that never were
orders, except when the price reaches an order of a user: then the engine trades, at that moment's time.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Literal, TypeAlias

from ..matching import history
from ..matching.book import Book, BookSide
from ..matching.engine import Engine
from ..matching.tape import PastTrades, Tape
from ..matching.triggers import NEVER
from ..values.accounts import Account
from ..values.clock import Clock, PeriodicTimer
from .liquidity import LiquidityProvider, fund, send

__all__ = ["MarketMode", "MarketSimulation", "average"]

# live: there are earlier trades, and prices move while the clock goes on. still: there are earlier trades, and prices
# move only by orders of users. quiet: only users trade, and there are no earlier trades.
MarketMode: TypeAlias = Literal["live", "still", "quiet"]

_SECOND = 1_000_000
# A clock that goes on by more seconds than this at once has jumped.
_STEPS = 5
# How many orders of users a jump trades with in the engine; it passes the rest.
_STOPS = 500
_FAR = NEVER


class MarketSimulation:
    """Moves the prices of all books that have liquidity.

    Attributes:
        mode: see MarketMode.
        moved: called after each move.
    """

    def __init__(
        self,
        engine: Engine,
        provider: LiquidityProvider,
        taker: Account,
        clock: Clock,
        seed: int,
        mode: MarketMode,
    ) -> None:
        if mode not in ("live", "still", "quiet"):
            raise ValueError(f"no such market: {mode!r}; there are live, still and quiet")
        self.mode = mode
        self.moved: Callable[[], None] | None = None
        self._engine = engine
        self._provider = provider
        self._taker = taker
        self._clock = clock
        self._timer: PeriodicTimer | None = None
        self._random: dict[str, random.Random] = {}
        self._walks: dict[str, float] = {}
        self._left: dict[str, int] = {}
        self._moved_us: dict[str, int] = {}
        self.opened_us = clock.now_us()
        background = (provider.account.uid, taker.uid, engine.fees.uid)
        engine.background.update(background)
        provider.enabled = mode != "quiet"
        for book in engine.books.values():
            if book.symbol.liquidity and mode != "quiet":
                self._open(book, seed, background)
            else:
                book.trades = Tape(internal=background)
        provider.open(self.opened_us)

    def _open(self, book: Book, seed: int, background: tuple[int, ...]) -> None:
        symbol, opened_us, name = book.symbol, self.opened_us, book.symbol.name
        past = PastTrades(history.count_before(), lambda: history.trades_before(symbol, seed, opened_us))
        book.trades = Tape(past, lambda: history.block_trades(symbol, seed, opened_us), background)
        book.last_trade_id = past.length - 1
        book.last_execution_id = 2 * past.length
        fund(self._taker, symbol)
        self._random[name] = random.Random(f"market {seed} {name}")
        self._walks[name] = float(symbol.reference_price)
        self._moved_us[name] = opened_us

    def start(self) -> None:
        """Begin to move prices with the clock, if the market is live."""
        if self.mode == "live" and self._timer is None:
            self._timer = self._clock.every(1.0, self.move)

    def stop(self) -> None:
        """Stop moving prices."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def move(self, now_us: int) -> None:
        """Move all prices by the seconds since the last move."""
        for book in self._engine.books.values():
            name = book.symbol.name
            if name in self._moved_us:
                since_us = self._moved_us[name]
                seconds = (now_us - since_us) // _SECOND
                # If the clock was set back, the market goes on from the new time.
                self._moved_us[name] = now_us if seconds < 0 else since_us + seconds * _SECOND
                if book.symbol.status == "TRADING":
                    self._move(book, since_us, seconds, now_us)
        if self.moved is not None:
            self.moved()

    def _move(self, book: Book, since_us: int, seconds: int, now_us: int) -> None:
        if seconds > _STEPS:
            start_us, since_us = since_us, since_us + (seconds - 2) * _SECOND
            self._jump(book, start_us, since_us, now_us)
            seconds = 2
        for n in range(1, seconds + 1):
            self._step(book, _not_before_orders(book, since_us + n * _SECOND, now_us))

    # A step in the engine

    def _step(self, book: Book, now_us: int) -> None:
        symbol, rng = book.symbol, self._random[book.symbol.name]
        # If users have moved the price, the walk goes on from their price.
        name = symbol.name
        walk = self._walks[name] if self._left.get(name) == book.last_price else float(book.last_price)
        walk = self._walks[name] = history.walk(symbol, rng, walk, 1.0)
        self._trade_to(book, _to_tick(book, walk), now_us)
        for _ in range(rng.randint(0, 2)):
            self._take_at_best(book, rng.random() < 0.5, now_us)
        self._left[name] = book.last_price

    def _trade_to(self, book: Book, price: int, now_us: int) -> None:
        """Trade until the last price is ``price``, and move the provider's quotes there."""
        symbol, provider, rng = book.symbol, self._provider, self._random[book.symbol.name]
        sell = price < book.last_price or (price == book.last_price and rng.random() < 0.5)
        if self._first(book.bids, 0) >= price:
            sell = True
        elif self._first(book.asks, _FAR) <= price:
            sell = False
        provider.fair[symbol.name] = price
        # The provider cancels its orders up to that price, so that the taker meets orders of users only.
        provider.withdraw(book, True, price, now_us)
        provider.withdraw(book, False, price, now_us)
        self._take(book, sell, price, self._offered(book.side_of(sell), sell, price), now_us)
        offer = provider.quote(book, sell, price, now_us)
        if offer is not None:
            share = offer.quantity * rng.randint(1, 80) // 100
            self._take(book, sell, price, share, now_us)
        # Quote the other side, too.
        near = price + symbol.tick_size * rng.randint(
            1, 2 * provider.gap(book, price) // symbol.tick_size
        ) * (1 if sell else -1)
        if symbol.min_price <= near <= symbol.max_price:
            provider.quote(book, not sell, near, now_us)
        for buy in (True, False):
            provider.trim(book, buy, now_us)
        provider.refill(book, now_us)

    def _take_at_best(self, book: Book, sell: bool, now_us: int) -> None:
        """Take up to 30 % of the quantity at the best price."""
        best = book.side_of(sell).best()
        if best is not None:
            share = best.quantity * self._random[book.symbol.name].randint(1, 30) // 100
            self._take(book, sell, best.price, share, now_us)

    def _take(self, book: Book, sell: bool, price: int, quantity: int, now_us: int) -> None:
        symbol = book.symbol
        quantity -= quantity % symbol.step_size
        if quantity > 0:
            side: Literal["BUY", "SELL"] = "SELL" if sell else "BUY"
            send(self._engine, self._taker, symbol, side, "LIMIT", price, quantity, now_us)

    def _offered(self, side: BookSide, bids: bool, price: int) -> int:
        """The quantity on the side up to that price."""
        quantity = 0
        for level in side:
            if level.price < price if bids else level.price > price:
                break
            quantity += level.quantity
        return quantity

    # A jump

    def _jump(self, book: Book, start_us: int, end_us: int, now_us: int) -> None:
        name, tape = book.symbol.name, book.trades
        rng = self._random[name]
        for stop in range(_STOPS + 1):
            low, high = self._stops(book) if stop < _STOPS else (0, _FAR)
            rows, reach = [], None
            for row in history.trades_between(book.symbol, rng, book.last_price, start_us, end_us):
                if not low < row[0] < high:
                    reach = row
                    break
                rows.append(row)
                if book.triggers.trailing:
                    book.triggers.passed(row[0])
                    low, high = self._stops(book) if stop < _STOPS else (low, high)
            if rows:
                tape.extend(book.last_trade_id + 1, rows)
                book.last_trade_id += len(rows)
                book.last_execution_id += 2 * len(rows)
                book.update_id += len(rows)
                book.last_price = rows[-1][0]
            if reach is None:
                break
            start_us = reach[2]
            self._trade_to(book, reach[0], _not_before_orders(book, start_us, now_us))
        self._walks[name] = float(book.last_price)
        # The provider's orders still have prices from before the jump.
        end_us = _not_before_orders(book, end_us, now_us)
        for buy in (True, False):
            self._provider.withdraw(book, buy, 0 if buy else _FAR, end_us)
        self._provider.fair[name] = _to_tick(book, book.last_price)
        self._provider.refill(book, end_us)

    def _stops(self, book: Book) -> tuple[int, int]:
        """The prices nearest to the last price at which orders of users wait: one below it, one above it."""
        waiting = book.triggers
        return (
            max(waiting.next_below, self._first(book.bids, 0)),
            min(waiting.next_above, self._first(book.asks, _FAR)),
        )

    def _first(self, side: BookSide, none: int) -> int:
        """The best price with an order that is not the provider's; ``none`` if there is none."""
        provider = self._provider.account
        for level in side:
            for order in level.orders.values():
                if order.account is not provider:
                    return level.price
        return none


def _to_tick(book: Book, price: float) -> int:
    symbol = book.symbol
    ticks = round(price) // symbol.tick_size * symbol.tick_size
    return min(max(ticks, symbol.min_price), symbol.max_price)


def _not_before_orders(book: Book, time_us: int, now_us: int) -> int:
    """``time_us``, but not before the last order: a trade must not be older than its order."""
    latest = next(reversed(book.orders.values())).time if book.orders else 0
    return min(max(time_us, latest), now_us)


def average(book: Book, now_us: int, minutes: int) -> int:
    """The average price of the last minutes, weighted by quantity; the last price if nothing was traded."""
    found = book.trades.average(now_us - minutes * 60 * _SECOND, now_us + 1)
    return book.last_price if found is None else found
