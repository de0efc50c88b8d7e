"""Results about orders and order lists."""

from __future__ import annotations

from typing import Literal, TypedDict, final

from .common import Number, Timestamp
from .enums import (
    ContingencyType,
    ExpiryReason,
    ListOrderStatus,
    ListStatusType,
    OrderStatus,
    OrderType,
    PegOffsetType,
    PegPriceType,
    SelfTradePreventionMode,
    Side,
    TimeInForce,
    WorkingFloor,
)


class _Conditional(TypedDict, total=False):
    """Keys that appear when their condition holds (web-socket-api.md, Conditional fields in Order Responses).

    ``tradeGroupId`` is a key that only SBE has. ``selfTradePreventionMode`` and ``workingTime`` are not in all
    of the documented examples.
    """

    stopPrice: Number
    icebergQty: Number
    preventedMatchId: int
    preventedQuantity: Number
    strategyId: int
    strategyType: int
    trailingDelta: int
    trailingTime: Timestamp
    usedSor: bool
    workingFloor: WorkingFloor
    pegPriceType: PegPriceType
    pegOffsetType: PegOffsetType
    pegOffsetValue: int
    peggedPrice: Number
    expiryReason: ExpiryReason
    tradeGroupId: int
    selfTradePreventionMode: SelfTradePreventionMode
    workingTime: Timestamp


class _Terms(TypedDict):
    """What the kinds of order have in common."""

    symbol: str
    orderId: int
    orderListId: int
    clientOrderId: str
    price: Number
    executedQty: Number
    status: OrderStatus
    timeInForce: TimeInForce
    type: OrderType
    side: Side


# ------------------------------------------------------------------------------------------ placed orders


class OrderAck(TypedDict):
    """A placed order with ``newOrderRespType="ACK"``, the default of all types but LIMIT and MARKET."""

    symbol: str
    orderId: int
    orderListId: int
    clientOrderId: str
    transactTime: Timestamp


class OrderResult(_Terms, _Conditional):
    """A placed order with ``newOrderRespType="RESULT"``."""

    transactTime: Timestamp
    origQty: Number
    origQuoteOrderQty: Number
    cummulativeQuoteQty: Number


class Fill(TypedDict):
    """A trade of a placed order."""

    price: Number
    qty: Number
    commission: Number
    commissionAsset: str
    tradeId: int


class SorFill(Fill):
    """A fill by smart order routing; ``tradeId`` is -1."""

    matchType: str
    allocId: int


class _PlacedMatch(TypedDict, total=False):
    makerOrderId: int
    price: Number
    takerPreventedQuantity: Number
    makerPreventedQuantity: Number
    makerSymbol: str


class PlacedMatch(_PlacedMatch):
    """A match that self-trade prevention stopped; a key that only SBE has."""

    preventedMatchId: int


class _FullConditional(TypedDict, total=False):
    preventedMatches: list[PlacedMatch]


class OrderFull(OrderResult, _FullConditional):
    """A placed order with ``newOrderRespType="FULL"``, the default of LIMIT and MARKET."""

    fills: list[Fill]


PlacedOrder = OrderAck | OrderResult | OrderFull


class SorOrder(OrderResult, _FullConditional):
    """An order of ``sor.order.place`` with ``newOrderRespType="FULL"``, the default."""

    fills: list[SorFill | Fill]


# ------------------------------------------------------------------------------------- changes to orders


@final
class CancelledOrder(_Terms, _Conditional):
    """A cancelled order.

    ``clientOrderId`` is the id that the cancel gave the order; ``origClientOrderId`` is the one it had.
    """

    origClientOrderId: str
    transactTime: Timestamp
    origQty: Number
    origQuoteOrderQty: Number
    cummulativeQuoteQty: Number


class _CancelReplace(TypedDict):
    cancelResult: Literal["SUCCESS"]
    newOrderResult: Literal["SUCCESS"]
    cancelResponse: CancelledOrder


class CancelReplaceAck(_CancelReplace):
    """``order.cancelReplace``, both halves done, with ``newOrderRespType="ACK"``; all else is a PartialFailure."""

    newOrderResponse: OrderAck


class CancelReplaceResult(_CancelReplace):
    """The same with ``newOrderRespType="RESULT"``."""

    newOrderResponse: OrderResult


class CancelReplaceFull(_CancelReplace):
    """The same with ``newOrderRespType="FULL"``; one documented example has no ``fills``."""

    newOrderResponse: OrderFull | OrderResult


CancelReplace = CancelReplaceAck | CancelReplaceResult | CancelReplaceFull


class _AmendedConditional(TypedDict, total=False):
    """A key that is missing on an SBE connection."""

    quoteOrderQty: Number


class AmendedOrder(_Terms, _Conditional, _AmendedConditional):
    """An order after ``order.amend.keepPriority``; ``qty`` is the new quantity."""

    origClientOrderId: str
    qty: Number
    preventedQty: Number
    cumulativeQuoteQty: Number


class ListOrder(TypedDict):
    """How a list names its orders."""

    symbol: str
    orderId: int
    clientOrderId: str


class AmendedList(TypedDict):
    """The list of an amended order."""

    orderListId: int
    contingencyType: ContingencyType
    listOrderStatus: ListOrderStatus
    listClientOrderId: str
    symbol: str
    orders: list[ListOrder]


class RelatedOrder(_Terms, _Conditional, _AmendedConditional):
    """Another order of the list that changed with the amended one; a key that only SBE has."""

    qty: Number
    preventedQty: Number
    cumulativeQuoteQty: Number


class _AmendmentConditional(TypedDict, total=False):
    """``listStatus`` is there for the order of a list."""

    listStatus: AmendedList
    relatedOrders: list[RelatedOrder]


class Amendment(_AmendmentConditional):
    """``order.amend.keepPriority``."""

    transactTime: Timestamp
    executionId: int
    amendedOrder: AmendedOrder


class AmendmentRecord(TypedDict):
    """An amendment of ``order.amendments``."""

    symbol: str
    orderId: int
    executionId: int
    origClientOrderId: str
    newClientOrderId: str
    origQty: Number
    newQty: Number
    time: Timestamp


# ------------------------------------------------------------------------------------- orders as they stand


class Order(_Terms, _Conditional):
    """An order of ``order.status``, ``openOrders.status`` and ``allOrders``."""

    origQty: Number
    origQuoteOrderQty: Number
    cummulativeQuoteQty: Number
    time: Timestamp
    updateTime: Timestamp
    isWorking: bool


# -------------------------------------------------------------------------------------------- order lists


class _List(TypedDict):
    orderListId: int
    contingencyType: ContingencyType
    listStatusType: ListStatusType
    listOrderStatus: ListOrderStatus
    listClientOrderId: str
    transactionTime: Timestamp
    symbol: str
    orders: list[ListOrder]


class OrderList(_List):
    """A list of ``orderList.status``, ``openOrderLists.status`` and ``allOrderLists``."""


class _PlacedListConditional(TypedDict, total=False):
    """What an order has unless ``newOrderRespType`` is ACK; the pending orders of an OPO have no ``origQty``."""

    price: Number
    origQty: Number
    executedQty: Number
    origQuoteOrderQty: Number
    cummulativeQuoteQty: Number
    status: OrderStatus
    timeInForce: TimeInForce
    type: OrderType
    side: Side
    fills: list[Fill]


class PlacedListOrder(_PlacedListConditional, _Conditional, _FullConditional):
    """An order of a placed list."""

    symbol: str
    orderId: int
    orderListId: int
    clientOrderId: str
    transactTime: Timestamp


class PlacedList(_List):
    """A placed list."""

    orderReports: list[PlacedListOrder]


class _CancelledListConditional(TypedDict, total=False):
    """The id is not in the examples of ``orderList.cancel``; a pending order of an OPO has no quantity."""

    origClientOrderId: str
    origQty: Number


class CancelledListOrder(_Terms, _Conditional, _CancelledListConditional):
    """An order of a cancelled list."""

    transactTime: Timestamp
    origQuoteOrderQty: Number
    cummulativeQuoteQty: Number


@final
class CancelledList(_List):
    """A cancelled list: of ``orderList.cancel``, and where an order that was cancelled is the leg of a list."""

    orderReports: list[CancelledListOrder]
