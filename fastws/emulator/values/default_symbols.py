"""The default symbols of the exchange."""

from __future__ import annotations

from .symbols import Symbol, spot_symbol

__all__ = ["DEFAULT_SYMBOLS"]

DEFAULT_SYMBOLS: tuple[Symbol, ...] = (
    spot_symbol(
        "BTCUSDT",
        base="BTC",
        quote="USDT",
        reference_price="60000.00",
        tick_size="0.01",
        step_size="0.00001",
        min_notional="5",
    ),
    spot_symbol(
        "ETHUSDT",
        base="ETH",
        quote="USDT",
        reference_price="3000.00",
        tick_size="0.01",
        step_size="0.0001",
        min_notional="5",
    ),
    spot_symbol(
        "BNBBTC",
        base="BNB",
        quote="BTC",
        reference_price="0.010000",
        tick_size="0.000001",
        step_size="0.001",
        min_notional="0.0001",
        max_price="100000",
        max_qty="900000",
        market_max_qty="10000",
        notional_filter="MIN_NOTIONAL",
    ),
    spot_symbol(
        "这是测试币456",
        base="这是测试币",
        quote="456",
        reference_price="1.0000",
        tick_size="0.0001",
        step_size="0.1",
        min_notional="1",
        max_qty="900000",
        market_max_qty="100000",
    ),
    spot_symbol(
        "BNBETH",
        base="BNB",
        quote="ETH",
        reference_price="0.200000",
        tick_size="0.000001",
        step_size="0.001",
        min_notional="0.001",
        max_price="100000",
        max_qty="900000",
        market_max_qty="10000",
        status="CANCEL_ONLY",
    ),
)
