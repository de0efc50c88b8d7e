"""Traders of the embedded exchange, so that there is something to see: they quote and take small amounts."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from .. import connect
from ..errors import ApiError

if TYPE_CHECKING:
    from ..emulator import Emulator

_EVERY = 0.02  # seconds between two steps: each has one request, or two
_OPEN = 12  # orders of each symbol
_ENOUGH = {"BTC": "1000000", "ETH": "1000000", "BNB": "1000000", "USDT": "100000000000"}


async def trade(exchange: Emulator, symbols: Sequence[str], seed: int = 1) -> None:
    """Trade until cancelled. The same seed chooses the same orders.

    Args:
        exchange: where; an account "crowd" is made there.
        symbols: of which ones, in turn.
    """
    key = exchange.add_account("Ed25519", name="crowd", balances=_ENOUGH)
    assert key.private_key is not None
    chance = random.Random(seed)
    traders: list[_Trader] = []
    async with connect(
        exchange.url, api_key=key.api_key, private_key=key.private_key, on_orphan=lambda info, outcome: None
    ) as client:
        for symbol in symbols:
            await client.symbols.load(symbol)
            traders.append(_Trader(client, symbol, chance))
        while True:
            for trader in traders:
                with contextlib.suppress(ApiError):  # an order that the market has overtaken
                    await trader.step()
                await asyncio.sleep(_EVERY / len(traders))


class _Trader:
    def __init__(self, client: Any, symbol: str, chance: random.Random) -> None:
        self._client = client
        self._symbol = symbol
        self._chance = chance
        self._rules = client.symbols[symbol]
        self._tick = Decimal(self._rules.filters["PRICE_FILTER"]["tickSize"])
        self._open: list[int] = []
        self._bid = self._ask = Decimal(0)

    async def step(self) -> None:
        """Take a little at the market, or quote near it; cancel the oldest quote if there are too many."""
        chance, client = self._chance, self._client
        top = await client.ticker_book(symbol=self._symbol)
        self._bid, self._ask = Decimal(top["bidPrice"]), Decimal(top["askPrice"])
        buys = chance.random() < 0.5
        side = "BUY" if buys else "SELL"
        worth = Decimal(chance.randint(20, 4000))
        if len(self._open) > _OPEN:
            number = self._open.pop(chance.randrange(len(self._open)))
            await client.order_cancel(symbol=self._symbol, orderId=number)
        elif chance.random() < 0.4:
            quantity = self._rules.quantity(worth / self._ask / 4)
            await client.order_place(symbol=self._symbol, side=side, type="MARKET", quantity=quantity)
        else:
            away = self._tick * chance.choice((0, 1, 2, 5, 10, 30, 100, 300)) * (-1 if buys else 1)
            price = (self._bid if buys else self._ask) + away
            order = await client.order_place(
                symbol=self._symbol,
                side=side,
                type="LIMIT_MAKER",
                price=self._rules.price(price),
                quantity=self._rules.quantity(worth / price),
            )
            self._open.append(order["orderId"])
