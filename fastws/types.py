"""Types of parameters, results and events, by Binance's names. They cost nothing at run time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal, TypedDict, TypeVar

if TYPE_CHECKING:
    from ._waiters import RequestInfo

T = TypeVar("T")

if TYPE_CHECKING:

    class Reply(asyncio.Future[T]):
        """What a call returns: a Future of the result, and the record of the request."""

        info: RequestInfo

else:

    class Reply(asyncio.Future):
        """What a call returns: a Future of the result, and the record of the request. For annotations only."""


OnReply = Callable[[Any, Exception | None], object]
Decimals = str | int | Decimal
Milliseconds = int | float | str | Decimal

Side = Literal["BUY", "SELL"]
OrderType = Literal[
    "LIMIT",
    "LIMIT_MAKER",
    "MARKET",
    "STOP_LOSS",
    "STOP_LOSS_LIMIT",
    "TAKE_PROFIT",
    "TAKE_PROFIT_LIMIT",
]
TimeInForce = Literal["GTC", "IOC", "FOK"]
NewOrderRespType = Literal["ACK", "RESULT", "FULL"]
SelfTradePreventionMode = Literal[
    "NONE", "EXPIRE_MAKER", "EXPIRE_TAKER", "EXPIRE_BOTH", "DECREMENT", "TRANSFER"
]
CancelReplaceMode = Literal["STOP_ON_FAILURE", "ALLOW_FAILURE"]
CancelRestrictions = Literal["ONLY_NEW", "ONLY_PARTIALLY_FILLED"]
OrderRateLimitExceededMode = Literal["DO_NOTHING", "CANCEL_ONLY"]
PegPriceType = Literal["PRIMARY_PEG", "MARKET_PEG"]
PegOffsetType = Literal["PRICE_LEVEL"]
SymbolStatus = Literal["TRADING", "HALT", "BREAK"]

# A decimal of a result: str, float or Decimal, as connect(numbers=…) says.
Number = Any


class Time(TypedDict):
    serverTime: int


class TickerPrice(TypedDict):
    symbol: str
    price: Number


class Depth(TypedDict):
    lastUpdateId: int
    bids: list[list[Number]]
    asks: list[list[Number]]


class SessionStatus(TypedDict):
    apiKey: str | None
    authorizedSince: int | None
    connectedSince: int
    returnRateLimits: bool
    serverTime: int
    userDataStream: bool | None


class _ActiveSubscriptionConditional(TypedDict, total=False):
    expirationTime: int  # of one that a listen token made


class ActiveSubscription(_ActiveSubscriptionConditional):
    """A subscription as ``session.subscriptions`` lists it."""

    subscriptionId: int


# An event of the user data stream, by the names of user-data-stream.md; "e" is its type.
UserDataEvent = dict[str, Any]
OnEvent = Callable[[UserDataEvent], object]


class _RateLimitRule(TypedDict):
    rateLimitType: str
    interval: str
    intervalNum: int
    limit: int


class _SymbolInfo(TypedDict, total=False):
    symbol: str
    status: str
    baseAsset: str
    baseAssetPrecision: int
    quoteAsset: str
    quotePrecision: int
    quoteAssetPrecision: int
    baseCommissionPrecision: int
    quoteCommissionPrecision: int
    orderTypes: list[str]
    icebergAllowed: bool
    ocoAllowed: bool
    otoAllowed: bool
    opoAllowed: bool
    quoteOrderQtyMarketAllowed: bool
    allowTrailingStop: bool
    cancelReplaceAllowed: bool
    amendAllowed: bool
    pegInstructionsAllowed: bool
    isSpotTradingAllowed: bool
    isMarginTradingAllowed: bool
    filters: list[dict[str, Any]]
    permissions: list[str]
    permissionSets: list[list[str]]
    defaultSelfTradePreventionMode: str
    allowedSelfTradePreventionModes: list[str]


class ExchangeInfo(TypedDict, total=False):
    timezone: str
    serverTime: int
    rateLimits: list[_RateLimitRule]
    exchangeFilters: list[dict[str, Any]]
    symbols: list[_SymbolInfo]
    sors: list[dict[str, Any]]


class Fill(TypedDict, total=False):
    price: Number
    qty: Number
    commission: Number
    commissionAsset: str
    tradeId: int


class _OrderConditional(TypedDict, total=False):
    """Fields that a reply has only when their condition holds (web-socket-api.md, Conditional fields)."""

    stopPrice: Number
    icebergQty: Number
    preventedMatchId: int
    preventedQuantity: Number
    strategyId: int
    strategyType: int
    trailingDelta: int
    trailingTime: int
    usedSor: bool
    workingFloor: str
    pegPriceType: str
    pegOffsetType: str
    pegOffsetValue: int
    peggedPrice: Number
    expiryReason: str


class PlacedOrder(_OrderConditional, total=False):
    """ACK has the first five keys, RESULT all but ``fills``, FULL all."""

    symbol: str
    orderId: int
    orderListId: int
    clientOrderId: str
    transactTime: int
    price: Number
    origQty: Number
    executedQty: Number
    origQuoteOrderQty: Number
    cummulativeQuoteQty: Number
    status: str
    timeInForce: str
    type: str
    side: str
    workingTime: int
    fills: list[Fill]
    selfTradePreventionMode: str


class CancelledOrder(_OrderConditional, total=False):
    """``clientOrderId`` is the id that the cancel gave the order; ``origClientOrderId`` the one it had."""

    symbol: str
    origClientOrderId: str
    orderId: int
    orderListId: int
    clientOrderId: str
    transactTime: int
    price: Number
    origQty: Number
    executedQty: Number
    origQuoteOrderQty: Number
    cummulativeQuoteQty: Number
    status: str
    timeInForce: str
    type: str
    side: str
    selfTradePreventionMode: str


class CancelReplace(TypedDict):
    cancelResult: Literal["SUCCESS", "FAILURE"]
    newOrderResult: Literal["SUCCESS", "FAILURE", "NOT_ATTEMPTED"]
    cancelResponse: CancelledOrder
    newOrderResponse: PlacedOrder


class _AmendedOrder(_OrderConditional, total=False):
    symbol: str
    orderId: int
    orderListId: int
    origClientOrderId: str
    clientOrderId: str
    price: Number
    qty: Number
    executedQty: Number
    preventedQty: Number
    quoteOrderQty: Number
    cumulativeQuoteQty: Number
    status: str
    timeInForce: str
    type: str
    side: str
    workingTime: int
    selfTradePreventionMode: str


class _AmendmentConditional(TypedDict, total=False):
    listStatus: dict[str, Any]


class Amendment(_AmendmentConditional):
    transactTime: int
    executionId: int
    amendedOrder: _AmendedOrder


class Order(_OrderConditional, total=False):
    """An order as ``order.status`` and ``openOrders.status`` show it."""

    symbol: str
    orderId: int
    orderListId: int
    clientOrderId: str
    price: Number
    origQty: Number
    executedQty: Number
    cummulativeQuoteQty: Number
    status: str
    timeInForce: str
    type: str
    side: str
    time: int
    updateTime: int
    isWorking: bool
    workingTime: int
    origQuoteOrderQty: Number
    selfTradePreventionMode: str


class OrderTest(TypedDict, total=False):
    """Empty without ``computeCommissionRates``."""

    standardCommissionForOrder: dict[str, Number]
    specialCommissionForOrder: dict[str, Number]
    taxCommissionForOrder: dict[str, Number]
    discount: dict[str, Any]


class Balance(TypedDict):
    asset: str
    free: Number
    locked: Number


class Account(TypedDict, total=False):
    makerCommission: int
    takerCommission: int
    buyerCommission: int
    sellerCommission: int
    canTrade: bool
    canWithdraw: bool
    canDeposit: bool
    commissionRates: dict[str, Number]
    brokered: bool
    requireSelfTradePrevention: bool
    preventSor: bool
    updateTime: int
    accountType: str
    balances: list[Balance]
    permissions: list[str]
    uid: int
