"""Symbols from their names alone, for ``--symbols ETHBTC,LTCUSDT``: with a price, and filters that suit it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from decimal import Decimal

from .default_symbols import DEFAULT_SYMBOLS
from .symbols import Symbol, spot_symbol

__all__ = ["balance_of", "named_symbol", "with_named"]

# Rough values of assets in dollars, for first prices. Any other asset is worth one dollar.
_WORTH = {
    name: float(price)
    for name, _, price in (
        word.partition("=")
        for word in """
            BTC=60000 WBTC=60000 ETH=3000 BNB=600 BCH=400 SOL=150 LTC=80 ZEC=60 AVAX=30 ETC=25 LINK=14 ATOM=8 UNI=8
            DOT=6 NEAR=5 FIL=5 APT=5 SUI=2 TON=5 XRP=0.6 ADA=0.5 TRX=0.12 DOGE=0.12 XLM=0.1 SHIB=0.00002 PEPE=0.00001
            USDT=1 USDC=1 FDUSD=1 TUSD=1 BUSD=1 USD1=1 DAI=1 EUR=1.1 GBP=1.25 AUD=0.65 BRL=0.2 PLN=0.25 TRY=0.03
            MXN=0.06 ARS=0.001 JPY=0.0067""".split()
    )
}
# The quote assets; no name ends with another one.
_QUOTES = (
    *(
        "USDT",
        "USDC",
        "FDUSD",
        "TUSD",
        "BUSD",
        "USD1",
        "DAI",
        "BTC",
        "ETH",
        "BNB",
        "SOL",
        "TRX",
        "XRP",
        "DOGE",
    ),
    *("EUR", "GBP", "AUD", "BRL", "PLN", "TRY", "MXN", "ARS", "JPY"),
)
# In dollars: the balance of an account that trades such a symbol, and the minimum notional.
_BALANCE = 100_000
_LEAST = 5
# A tenth of the largest quantity that fits SBE's mantissa with eight places.
_MOST = Decimal(9_000_000_000)


def named_symbol(name: str) -> Symbol:
    """Define a symbol like those of the real exchange, from a name such as "LTCUSDT" or "LTC/USDT".

    Raises:
        ValueError: the name does not end in a quote asset.
    """
    base, quote = _assets(name)
    worth = _WORTH.get(base, 1.0)
    price = worth / _WORTH.get(quote, 1.0)
    tick = _power(max(-8, min(-2, _magnitude(price) - 4)))
    step = _power(max(-8, min(0, _magnitude(1 / worth))))
    most = min(9 * _power(_magnitude(60_000 / worth) + 3), _MOST)
    least = Decimal(_LEAST)
    if not 0.5 < _WORTH.get(quote, 1.0) < 2:
        least = _power(round(math.log10(_LEAST / _WORTH[quote])))
    return spot_symbol(
        base + quote,
        base=base,
        quote=quote,
        reference_price=_text(max(tick, round(Decimal(price) / tick) * tick)),
        tick_size=_text(tick),
        step_size=_text(step),
        min_notional=_text(least),
        max_price=_text(max(_power(_magnitude(price) + 3), Decimal(1000))),
        max_qty=_text(most),
        market_max_qty=_text(most / 9),
    )


def with_named(names: Iterable[str]) -> list[Symbol]:
    """The default symbols and the named ones. Each named symbol has the status TRADING."""
    symbols = {symbol.name: symbol for symbol in DEFAULT_SYMBOLS}
    for name in names:
        symbol = named_symbol(name)
        known = symbols.get(symbol.name)
        if known is None or known.status != symbol.status:
            symbols[symbol.name] = symbol
    return list(symbols.values())


def balance_of(asset: str) -> str:
    """A balance of an asset that is enough to trade."""
    return _text(_power(_magnitude(_BALANCE / _WORTH.get(asset, 1.0))))


def _assets(name: str) -> tuple[str, str]:
    base, slash, quote = name.upper().partition("/")
    if slash and base and quote in _QUOTES:
        return base, quote
    if not slash:
        quote = next((quote for quote in _QUOTES if base.endswith(quote)), "")
        base = base.removesuffix(quote)
        if base and quote:
            return base, quote
    raise ValueError(f"{name!r} is not a symbol such as LTCUSDT: it must end in one of {', '.join(_QUOTES)}")


def _magnitude(value: float) -> int:
    """The power of ten of a number's first digit."""
    return math.floor(math.log10(value) + 1e-9)


def _power(exponent: int) -> Decimal:
    return Decimal(1).scaleb(exponent)


def _text(value: Decimal) -> str:
    return f"{value:f}"
