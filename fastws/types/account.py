"""Results about the account and the logon."""

from __future__ import annotations

from typing import TypedDict

from .common import Number, Timestamp
from .enums import AllocationType, Permission, RateLimitInterval, RateLimitType, SelfTradePreventionMode
from .filters import AssetFilter, ExchangeFilter, SymbolFilter


class SessionStatus(TypedDict):
    """``session.logon``, ``session.status`` and ``session.logout``.

    ``apiKey`` and ``authorizedSince`` are None while no key is logged on; ``userDataStream`` says whether there is a
    subscription, and is None where the server has no user data stream.
    """

    apiKey: str | None
    authorizedSince: Timestamp | None
    connectedSince: Timestamp
    returnRateLimits: bool
    serverTime: Timestamp
    userDataStream: bool | None


class _SubscriptionConditional(TypedDict, total=False):
    """``expirationTime`` is that of a subscription by listen token."""

    expirationTime: Timestamp


class ActiveSubscription(_SubscriptionConditional):
    """``userDataStream.subscribe``, and an item of ``session.subscriptions``."""

    subscriptionId: int


class Balance(TypedDict):
    asset: str
    free: Number
    locked: Number


class CommissionRates(TypedDict):
    maker: Number
    taker: Number
    buyer: Number
    seller: Number


class _AccountConditional(TypedDict, total=False):
    """The first four are missing on an SBE connection; only SBE has the last two."""

    makerCommission: int
    takerCommission: int
    buyerCommission: int
    sellerCommission: int
    tradeGroupId: int
    reduceOnlyAssets: list[str]


class Account(_AccountConditional):
    """``account.status``."""

    canTrade: bool
    canWithdraw: bool
    canDeposit: bool
    commissionRates: CommissionRates
    brokered: bool
    requireSelfTradePrevention: bool
    preventSor: bool
    updateTime: Timestamp
    accountType: str
    balances: list[Balance]
    permissions: list[Permission]
    uid: int


class Discount(TypedDict):
    """The discount on the standard commission when it is paid in ``discountAsset``."""

    enabledForAccount: bool
    enabledForSymbol: bool
    discountAsset: str
    discount: Number


class CommissionForOrder(TypedDict, total=False):
    maker: Number
    taker: Number


class OrderTest(TypedDict, total=False):
    """``order.test`` and ``sor.order.test``: empty without ``computeCommissionRates``.

    ``specialCommissionForOrder`` is not there for an order by smart order routing.
    """

    standardCommissionForOrder: CommissionForOrder
    specialCommissionForOrder: CommissionForOrder
    taxCommissionForOrder: CommissionForOrder
    discount: Discount


class _CommissionConditional(TypedDict, total=False):
    """It may be missing on an SBE connection."""

    specialCommission: CommissionRates


class Commission(_CommissionConditional):
    """``account.commission``."""

    symbol: str
    standardCommission: CommissionRates
    taxCommission: CommissionRates
    discount: Discount


class Trade(TypedDict):
    """A trade of ``myTrades``."""

    symbol: str
    id: int
    orderId: int
    orderListId: int
    price: Number
    qty: Number
    quoteQty: Number
    commission: Number
    commissionAsset: str
    time: Timestamp
    isBuyer: bool
    isMaker: bool
    isBestMatch: bool


class RateLimitCount(TypedDict):
    """An item of ``account.rateLimits.orders``."""

    rateLimitType: RateLimitType
    interval: RateLimitInterval
    intervalNum: int
    limit: int
    count: int


class _PreventedMatchConditional(TypedDict, total=False):
    """One of the two, or both, by the mode."""

    makerPreventedQuantity: Number
    takerPreventedQuantity: Number


class PreventedMatch(_PreventedMatchConditional):
    """A match of ``myPreventedMatches``."""

    symbol: str
    preventedMatchId: int
    takerOrderId: int
    makerSymbol: str
    makerOrderId: int
    tradeGroupId: int
    selfTradePreventionMode: SelfTradePreventionMode
    price: Number
    transactTime: Timestamp


class _AllocationConditional(TypedDict, total=False):
    """Keys that only SBE has."""

    sourceTradeId: int
    sourceAllocationId: int
    sourceSymbol: str


class Allocation(_AllocationConditional):
    """An allocation of ``myAllocations``."""

    symbol: str
    allocationId: int
    allocationType: AllocationType
    orderId: int
    orderListId: int
    price: Number
    qty: Number
    quoteQty: Number
    commission: Number
    commissionAsset: str
    time: Timestamp
    isBuyer: bool
    isMaker: bool
    isAllocator: bool


class MyFilters(TypedDict):
    """``myFilters``."""

    exchangeFilters: list[ExchangeFilter]
    symbolFilters: list[SymbolFilter]
    assetFilters: list[AssetFilter]
