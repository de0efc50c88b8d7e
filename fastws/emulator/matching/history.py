"""Random trades of the past, from a seed: for the days before the exchange opened, and for the time that a jump of its
clock leaves out.

They are rows (price, quantity, time, whether the buyer was the maker), so that a week of trades of several symbols is
made in a moment.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import NamedTuple

from ..values.decimals import UNIT
from ..values.symbols import Symbol

__all__ = [
    "DAYS",
    "BlockTrade",
    "Row",
    "block_trades",
    "count_before",
    "trades_before",
    "trades_between",
    "walk",
]

Row = tuple[int, int, int, bool]

DAYS = 8
_SECOND = 1_000_000
_DAY = 86_400 * _SECOND
# Trades before the opening: from this many seconds before it, to this many, with this many seconds between two trades.
_ERAS = ((DAYS * 86_400, 86_400, 60.0), (86_400, 3_600, 15.0), (3_600, 0, 1.5))
# The price's step in a second: about 4 % a day.
_VOLATILITY = 0.00014
# How much of the distance to the first price a step of one second goes back.
_PULL = 0.00002
_NOTIONALS = (2, 400)
_BLOCK_EVERY_HOURS = 8


class BlockTrade(NamedTuple):
    """A trade that was negotiated outside the book."""

    id: int
    price: int
    quantity: int
    time: int
    buyer_is_maker: bool


def count_before() -> int:
    """The number of trades before the opening."""
    return sum(round((start - end) / gap) for start, end, gap in _ERAS)


def trades_before(symbol: Symbol, seed: int, opened_us: int) -> list[Row]:
    """The trades before the opening, oldest first; the last one is at the symbol's reference price."""
    rng = random.Random(f"history {seed} {symbol.name}")
    price = float(symbol.reference_price)
    rows = []
    for start, end, gap in reversed(_ERAS):
        length = round(gap * _SECOND)
        first = opened_us - start * _SECOND
        count = round((start - end) / gap)
        deviation, pull = _VOLATILITY * gap**0.5, _PULL * gap
        for n in reversed(range(count)):
            rows.append(_row(symbol, rng, price, first + n * length, length))
            price = _step(symbol, rng, price, deviation, pull)
    rows.reverse()
    return rows


def trades_between(
    symbol: Symbol, rng: random.Random, price: int, start_us: int, end_us: int
) -> Iterator[Row]:
    """Random trades between two times, beginning at ``price``."""
    seconds = (end_us - start_us) / _SECOND
    gap = max(1.5 if seconds <= 3_600 else 15.0 if seconds <= 86_400 else 60.0, seconds / 20_000)
    length = round(gap * _SECOND)
    deviation, pull = _VOLATILITY * gap**0.5, _PULL * gap
    now = float(price)
    for time in range(start_us, end_us - length + 1, length):
        now = _step(symbol, rng, now, deviation, pull)
        yield _row(symbol, rng, now, time, length)


def block_trades(symbol: Symbol, seed: int, opened_us: int) -> list[BlockTrade]:
    """The block trades before the opening. Their ids begin at 0."""
    rng = random.Random(f"blocks {seed} {symbol.name}")
    count = DAYS * 24 // _BLOCK_EVERY_HOURS
    rows = []
    for n in range(count):
        price = symbol.reference_price * rng.uniform(0.95, 1.05)
        length = _BLOCK_EVERY_HOURS * 3_600 * _SECOND
        price, quantity, time, maker = _row(symbol, rng, price, opened_us - DAYS * _DAY + n * length, length)
        rows.append(BlockTrade(n, price, quantity * 100, time, maker))
    return rows


def walk(symbol: Symbol, rng: random.Random, price: float, seconds: float) -> float:
    """The price after some seconds of the random walk."""
    return _step(symbol, rng, price, _VOLATILITY * seconds**0.5, min(_PULL * seconds, 1.0))


def _step(symbol: Symbol, rng: random.Random, price: float, deviation: float, pull: float) -> float:
    """The price of the next trade; of the one before, if ``backwards``."""
    price += price * deviation * rng.gauss(0.0, 1.0) + (symbol.reference_price - price) * pull
    return min(max(price, symbol.min_price), symbol.max_price)


def _row(symbol: Symbol, rng: random.Random, price: float, time: int, length: int) -> Row:
    tick, step, draw = symbol.tick_size, symbol.step_size, rng.random
    ticks = max(int(price) // tick, 1) * tick
    least, most = _NOTIONALS
    worth = symbol.min_notional * (least + (most - least) * draw() ** 3)
    quantity = max(int(worth * UNIT / ticks) // step, 1) * step
    return ticks, quantity, time + int(length * draw()), draw() < 0.5
