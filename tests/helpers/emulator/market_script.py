"""Requests of market data with each kind of answer, for a connection in JSON and one in SBE."""

from __future__ import annotations

from dataclasses import replace

from fastws.emulator import spot_symbol
from fastws.emulator.values.decimals import UNIT
from fastws.emulator.values.default_symbols import DEFAULT_SYMBOLS
from fastws.emulator.values.symbols import PriceRange

SYMBOLS = (
    *(
        replace(symbol, price_range=PriceRange(bid_up=2 * UNIT, ask_down=UNIT // 2))
        if symbol.name == "BNBBTC"
        else symbol
        for symbol in DEFAULT_SYMBOLS
    ),
    spot_symbol(
        "QUIETUSDT",
        base="QUIET",
        quote="USDT",
        reference_price="2",
        tick_size="0.01",
        step_size="0.01",
        min_notional="5",
        liquidity=False,
    ),
)

MARKET_SCRIPT = [
    ("executionRules", {}),
    ("executionRules", {"symbol": "BNBBTC"}),
    ("executionRules", {"symbols": ["BTCUSDT"], "symbolStatus": "HALT"}),
    ("trades.historical", {"symbol": "BNBBTC", "fromId": 0, "limit": 2}),
    ("trades.historical", {"symbol": "BNBBTC", "fromId": 10**9}),
    ("trades.aggregate", {"symbol": "BNBBTC", "fromId": 17_990}),
    ("trades.aggregate", {"symbol": "BNBBTC", "fromId": 1, "startTime": 1}),
    ("blockTrades.historical", {"symbol": "这是测试币456", "fromId": 20}),
    ("klines", {"symbol": "BTCUSDT", "interval": "1h", "limit": 3}),
    ("klines", {"symbol": "BTCUSDT", "interval": "1s", "limit": 9}),
    ("klines", {"symbol": "BTCUSDT", "interval": "1H"}),
    ("uiKlines", {"symbol": "BTCUSDT", "interval": "1d", "timeZone": "-1:30"}),
    ("avgPrice", {"symbol": "BNBBTC"}),
    ("ticker.24hr", {"symbol": "BTCUSDT"}),
    ("ticker.24hr", {"symbol": "QUIETUSDT"}),
    ("ticker.24hr", {}),
    ("ticker.24hr", {"symbol": "BTCUSDT", "type": "MINI"}),
    ("ticker.24hr", {"symbols": ["BTCUSDT", "QUIETUSDT"], "type": "MINI"}),
    ("ticker.24hr", {"symbolStatus": "HALT"}),
    ("ticker.24hr", {"symbol": "BTCUSDT", "type": "TINY"}),
    ("ticker.tradingDay", {"symbols": ["BTCUSDT", "BNBBTC"]}),
    ("ticker.tradingDay", {"symbol": "BTCUSDT", "timeZone": "14:00", "type": "MINI"}),
    ("ticker.tradingDay", {"symbol": "QUIETUSDT"}),
    ("ticker", {"symbol": "BTCUSDT", "windowSize": "7d"}),
    ("ticker", {"symbols": ["这是测试币456"], "windowSize": "1m", "type": "MINI"}),
    ("ticker", {}),
    ("referencePrice", {"symbol": "BNBBTC"}),
    ("referencePrice", {"symbol": "ETHUSDT"}),
    ("referencePrice", {"symbol": "BTCUSDT"}),
    ("referencePrice.calculation", {"symbol": "BNBBTC"}),
    ("referencePrice.calculation", {"symbol": "ETHUSDT"}),
    ("referencePrice.calculation", {"symbol": "BTCUSDT"}),
    ("avgPrice", {"symbol": "QUIETUSDT"}),
]

# Methods whose last request in the script is refused, or can be refused in a live market.
REFUSED_LAST = {
    *(
        "depth",
        "nothing",
        "order.place",
        "order.cancel",
        "order.cancelReplace",
        "openOrders.cancelAll",
        "ticker",
        "orderList.place.oco",
    ),
    *("trades.aggregate", "executionRules", "allOrders", "order.status", "referencePrice.calculation"),
    *("userDataStream.subscribe", "userDataStream.subscribe.signature", "userDataStream.unsubscribe"),
    *("ticker.24hr", "ticker.tradingDay", "klines", "order.amendments", "order.amend.keepPriority"),
}
