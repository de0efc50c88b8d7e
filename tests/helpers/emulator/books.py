"""What tests of other clients' order books share."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

import fastws

__all__ = ["change_the_book", "levels", "until"]

_prices = itertools.count(1)


def levels(side: Iterable[Iterable[Any]]) -> list[tuple[Decimal, Decimal]]:
    """The levels of a side, as decimals."""
    return [(Decimal(str(price)), Decimal(str(quantity))) for price, quantity in side]


async def change_the_book(orders: fastws.Client, symbol: str = "BTCUSDT") -> None:
    """Place orders on both sides of the book, cancel one, and trade; each time at other prices."""
    limit = {"symbol": symbol, "type": "LIMIT", "timeInForce": "GTC"}
    step = next(_prices) * Decimal("0.01")
    away = await orders.order_place(**limit, side="BUY", price=str(50_000 + step), quantity="0.00100")
    await orders.order_place(**limit, side="BUY", price=str(50_001 + step), quantity="0.00200")
    await orders.order_place(**limit, side="SELL", price=str(60_000 - step), quantity="0.00300")
    await orders.order_place(symbol=symbol, side="BUY", type="MARKET", quantity="0.00150")
    await orders.order_place(symbol=symbol, side="SELL", type="MARKET", quantity="0.00150")
    await orders.order_cancel(symbol=symbol, orderId=away["orderId"])


async def until(condition: Callable[[], bool], what: str, seconds: float = 10.0) -> None:
    """Wait until a condition holds that a thread of another client makes true."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, what
        await asyncio.sleep(0.01)
