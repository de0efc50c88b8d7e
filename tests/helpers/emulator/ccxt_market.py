"""A market of the exchange, as ccxt's ``set_markets`` takes it."""

from __future__ import annotations

from typing import Any

from fastws.emulator.values.symbols import ORDER_TYPES

__all__ = ["MARKET"]

MARKET: dict[str, Any] = {
    "id": "BTCUSDT",
    "lowercaseId": "btcusdt",
    "symbol": "BTC/USDT",
    "base": "BTC",
    "quote": "USDT",
    "baseId": "BTC",
    "quoteId": "USDT",
    "type": "spot",
    "spot": True,
    "margin": False,
    "swap": False,
    "future": False,
    "option": False,
    "contract": False,
    "active": True,
    "linear": None,
    "inverse": None,
    "precision": {"amount": 0.00001, "price": 0.01},
    "limits": {},
    "info": {"orderTypes": list(ORDER_TYPES)},
}
