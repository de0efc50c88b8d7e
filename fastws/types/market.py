"""Results about the market: symbols and their rules, the book, trades, candlesticks, tickers."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypedDict, final

from .common import Number, Timestamp
from .enums import (
    OrderType,
    Permission,
    RateLimitInterval,
    RateLimitType,
    SelfTradePreventionMode,
    SymbolStatus,
)
from .filters import ExchangeFilter, SymbolFilter


class RateLimitRule(TypedDict):
    rateLimitType: RateLimitType
    interval: RateLimitInterval
    intervalNum: int
    limit: int


class _SymbolInfoJson(TypedDict, total=False):
    """Keys that are missing on an SBE connection."""

    quotePrecision: int
    opoAllowed: bool
    permissions: list[Permission]


class SymbolInfo(_SymbolInfoJson):
    """A symbol of ``exchangeInfo``."""

    symbol: str
    status: SymbolStatus
    baseAsset: str
    baseAssetPrecision: int
    quoteAsset: str
    quoteAssetPrecision: int
    baseCommissionPrecision: int
    quoteCommissionPrecision: int
    orderTypes: list[OrderType]
    icebergAllowed: bool
    ocoAllowed: bool
    otoAllowed: bool
    quoteOrderQtyMarketAllowed: bool
    allowTrailingStop: bool
    cancelReplaceAllowed: bool
    amendAllowed: bool
    pegInstructionsAllowed: bool
    isSpotTradingAllowed: bool
    isMarginTradingAllowed: bool
    filters: list[SymbolFilter]
    permissionSets: list[list[Permission]]
    defaultSelfTradePreventionMode: SelfTradePreventionMode
    allowedSelfTradePreventionModes: list[SelfTradePreventionMode]


class Sor(TypedDict):
    """Symbols between which smart order routing chooses."""

    baseAsset: str
    symbols: list[str]


class _ExchangeInfoConditional(TypedDict, total=False):
    """``timezone`` and ``serverTime`` are missing on an SBE connection; ``sors`` is missing if there are none."""

    timezone: str
    serverTime: Timestamp
    sors: list[Sor]


class ExchangeInfo(_ExchangeInfoConditional):
    """``exchangeInfo``."""

    rateLimits: list[RateLimitRule]
    exchangeFilters: list[ExchangeFilter]
    symbols: list[SymbolInfo]


class _ExecutionRuleMultipliers(TypedDict, total=False):
    """On an SBE connection the keys of a side without rules are missing."""

    bidLimitMultUp: Number
    bidLimitMultDown: Number
    askLimitMultUp: Number
    askLimitMultDown: Number


class ExecutionRule(_ExecutionRuleMultipliers):
    ruleType: Literal["PRICE_RANGE"]


class SymbolRules(TypedDict):
    symbol: str
    rules: list[ExecutionRule]


class ExecutionRules(TypedDict):
    """``executionRules``."""

    symbolRules: list[SymbolRules]


class Depth(TypedDict):
    """``depth``: levels are [price, quantity], the best ones first."""

    lastUpdateId: int
    bids: list[list[Number]]
    asks: list[list[Number]]


class BlockTrade(TypedDict):
    """A trade of ``blockTrades.historical``."""

    id: int
    price: Number
    qty: Number
    quoteQty: Number
    time: Timestamp
    isBuyerMaker: bool


class PublicTrade(TypedDict):
    """A trade of ``trades.recent`` and ``trades.historical``."""

    id: int
    price: Number
    qty: Number
    quoteQty: Number
    time: Timestamp
    isBuyerMaker: bool
    isBestMatch: bool


class AggregateTrade(TypedDict):
    """A trade of ``trades.aggregate``.

    a: id · p: price · q: quantity · f, l: ids of the first and the last trade · T: time · m: whether the buyer was the
    maker · M: whether it was the best price match.
    """

    a: int
    p: Number
    q: Number
    f: int
    l: int  # noqa: E741  # Binance's name
    T: Timestamp
    m: bool
    M: bool


# A candlestick of ``klines`` and ``uiKlines``, a list of twelve: open time, open, high, low and close price, volume,
# close time, quote volume, number of trades, the takers' base and quote volume, and "0", which means nothing.
Kline = Annotated[list[Any], "kline"]


class AveragePrice(TypedDict):
    """``avgPrice``; ``mins`` is the interval in minutes, ``closeTime`` the time of the last trade."""

    mins: int
    price: Number
    closeTime: Timestamp


class TickerMini(TypedDict):
    """``ticker.24hr``, ``ticker.tradingDay`` and ``ticker`` with ``type="MINI"``."""

    symbol: str
    openPrice: Number
    highPrice: Number
    lowPrice: Number
    lastPrice: Number
    volume: Number
    quoteVolume: Number
    openTime: Timestamp
    closeTime: Timestamp
    firstId: int
    lastId: int
    count: int


class Ticker(TickerMini):
    """``ticker`` and ``ticker.tradingDay``; of several symbols there is a list."""

    priceChange: Number
    priceChangePercent: Number
    weightedAvgPrice: Number


class Ticker24hr(Ticker):
    """``ticker.24hr``."""

    prevClosePrice: Number
    lastQty: Number
    bidPrice: Number
    bidQty: Number
    askPrice: Number
    askQty: Number


class TickerPrice(TypedDict):
    """``ticker.price``."""

    symbol: str
    price: Number


class TickerBook(TypedDict):
    """``ticker.book``."""

    symbol: str
    bidPrice: Number
    bidQty: Number
    askPrice: Number
    askQty: Number


@final
class NoReferencePrice(TypedDict):
    """``referencePrice`` of a symbol that never had one: -2043 and its text, which come as a result (status 200)."""

    code: int
    msg: str


@final
class ReferencePrice(TypedDict):
    """``referencePrice``; the price is None while there is none."""

    symbol: str
    referencePrice: Number | None
    timestamp: Timestamp


class _CalculationConditional(TypedDict, total=False):
    """The bucket keys are those of an ARITHMETIC_MEAN, the id is that of an EXTERNAL calculation."""

    bucketCount: int
    bucketWidthMs: int
    externalCalculationId: int


class ReferencePriceCalculation(_CalculationConditional):
    """``referencePrice.calculation``."""

    symbol: str
    calculationType: Literal["ARITHMETIC_MEAN", "EXTERNAL"]
