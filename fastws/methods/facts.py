"""The results of the methods of Binance's WebSocket API, and their documented errors.

A part of the table in ``table.py``. Source: web-socket-api.md and errors.md of binance/binance-spot-api-docs, as of
2026-07-21. These documents do not list the errors of each method. The table has the errors that the method's section
names, and those whose text in errors.md fits the method or one of its parameters.
"""

from __future__ import annotations

from collections.abc import Iterable

from .. import codes

# The types of results, in fastws.types. If a method has several, each follows its condition: the newOrderRespType;
# whether the request names one symbol, several or none, and the ticker's type; whether the cancelled order belonged to
# a list; whether the symbol ever had a reference price.
_RESULTS = """
    ping Empty
    time Time
    exchangeInfo ExchangeInfo
    executionRules ExecutionRules
    depth Depth
    trades.recent list[PublicTrade]
    trades.historical list[PublicTrade]
    blockTrades.historical list[BlockTrade]
    trades.aggregate list[AggregateTrade]
    klines list[Kline]
    uiKlines list[Kline]
    avgPrice AveragePrice
    ticker.24hr symbol:Ticker24hr symbols:list[Ticker24hr] MINI:TickerMini
    ticker.tradingDay symbol:Ticker symbols:list[Ticker] MINI:TickerMini
    ticker symbol:Ticker symbols:list[Ticker] MINI:TickerMini
    ticker.price symbol:TickerPrice symbols:list[TickerPrice]
    ticker.book symbol:TickerBook symbols:list[TickerBook]
    referencePrice set:ReferencePrice unset:NoReferencePrice
    referencePrice.calculation ReferencePriceCalculation
    session.logon SessionStatus
    session.status SessionStatus
    session.logout SessionStatus
    order.place ACK:OrderAck RESULT:OrderResult FULL:OrderFull
    order.test OrderTest
    order.cancel order:CancelledOrder list:CancelledList
    order.cancelReplace ACK:CancelReplaceAck RESULT:CancelReplaceResult FULL:CancelReplaceFull
    order.amend.keepPriority Amendment
    openOrders.cancelAll list[CancelledOrder|CancelledList]
    orderList.place PlacedList
    orderList.place.oco PlacedList
    orderList.place.oto PlacedList
    orderList.place.otoco PlacedList
    orderList.place.opo PlacedList
    orderList.place.opoco PlacedList
    orderList.cancel CancelledList
    sor.order.place ACK:list[OrderAck] RESULT:list[OrderResult] FULL:list[SorOrder]
    sor.order.test OrderTest
    account.status Account
    order.status Order
    openOrders.status list[Order]
    allOrders list[Order]
    orderList.status OrderList
    openOrderLists.status list[OrderList]
    allOrderLists list[OrderList]
    myTrades list[Trade]
    account.rateLimits.orders list[RateLimitCount]
    myPreventedMatches list[PreventedMatch]
    myAllocations list[Allocation]
    account.commission Commission
    order.amendments list[AmendmentRecord]
    myFilters MyFilters
    userDataStream.subscribe ActiveSubscription
    userDataStream.unsubscribe Empty
    session.subscriptions list[ActiveSubscription]
    userDataStream.subscribe.signature ActiveSubscription"""

# Documented error codes, by their names in fastws.codes: those that a parameter can cause (by the parameter's name, or
# after a * by the end of its name), those of all signed methods, and those of single methods.
_PARAMETER_ERRORS = """
    symbol BAD_SYMBOL
    symbols BAD_SYMBOL DUPLICATE_SYMBOLS
    symbolStatus INVALID_SYMBOLSTATUS SYMBOL_DOES_NOT_MATCH_STATUS
    interval BAD_INTERVAL
    endTime MORE_THAN_XX_HOURS
    *side INVALID_SIDE
    *Side INVALID_SIDE
    *imeInForce INVALID_TIF
    *trategyType BAD_STRATEGY_TYPE
    *egPriceType INVALID_PEG_PRICE_TYPE
    *egOffsetType INVALID_PEG_OFFSET_TYPE
    cancelRestrictions INVALID_CANCEL_RESTRICTIONS"""
_SIGNED_ERRORS = "INVALID_TIMESTAMP INVALID_SIGNATURE BAD_API_KEY_FMT REJECTED_MBX_KEY"
_NEW = "INVALID_MESSAGE INVALID_ORDER_TYPE BAD_PRECISION"
_PLACE = f"{_NEW} TOO_MANY_ORDERS NEW_ORDER_REJECTED"
_OCO = (
    "OCO_ORDER_TYPE_REJECTED OCO_ICEBERGQTY_TIMEINFORCE BUY_OCO_LIMIT_MUST_BE_BELOW SELL_OCO_LIMIT_MUST_BE_ABOVE "
    "BOTH_OCO_ORDERS_CANNOT_BE_LIMIT BUY_OCO_STOP_LOSS_MUST_BE_ABOVE SELL_OCO_STOP_LOSS_MUST_BE_BELOW "
    "BUY_OCO_TAKE_PROFIT_MUST_BE_BELOW SELL_OCO_TAKE_PROFIT_MUST_BE_ABOVE"
)
_OPO = "OPO_WORKING_MUST_BE_BUY OPO_PENDING_MUST_BE_SELL WORKING_PARAM_REQUIRED PENDING_PARAM_NOT_REQUIRED"
_ERRORS = f"""
    ticker.24hr INVALID_TICKER_TYPE
    ticker.tradingDay INVALID_TICKER_TYPE
    ticker INVALID_TICKER_TYPE
    referencePrice NO_REFERENCE_PRICE
    referencePrice.calculation NO_REFERENCE_PRICE
    order.place {_PLACE}
    order.test {_NEW}
    order.cancel CANCEL_REJECTED CLIENT_ORDER_ID_INVALID
    order.cancelReplace {_PLACE} CANCEL_REJECTED CANCEL_REPLACE_PARTIALLY_FAILED CANCEL_REPLACE_FAILED
    order.amend.keepPriority CANCEL_REJECTED ORDER_AMEND_REJECTED
    openOrders.cancelAll CANCEL_REJECTED
    orderList.place {_PLACE}
    orderList.place.oco {_PLACE} {_OCO}
    orderList.place.oto {_PLACE}
    orderList.place.otoco {_PLACE} {_OCO}
    orderList.place.opo {_PLACE} {_OPO}
    orderList.place.opoco {_PLACE} {_OPO} {_OCO}
    orderList.cancel CANCEL_REJECTED
    sor.order.place {_PLACE}
    sor.order.test {_NEW}
    order.status NO_SUCH_ORDER ORDER_ARCHIVED CLIENT_ORDER_ID_INVALID
    userDataStream.subscribe SUBSCRIPTION_ACTIVE MAXIMUM_SUBSCRIPTION_IDS
    userDataStream.unsubscribe SUBSCRIPTION_INACTIVE
    userDataStream.subscribe.signature SUBSCRIPTION_ACTIVE MAXIMUM_SUBSCRIPTION_IDS"""


def _rows(text: str) -> dict[str, list[str]]:
    return {row.split()[0]: row.split()[1:] for row in text.strip().splitlines()}


_RESULTS_OF = _rows(_RESULTS)
_ERRORS_OF = _rows(_ERRORS)
_ERRORS_BY_PARAMETER = _rows(_PARAMETER_ERRORS)


def results_of(method: str) -> dict[str, str]:
    """The types of a method's result, in fastws.types, by their condition; a single type has the condition ""."""
    return {
        condition: result for condition, _, result in (word.rpartition(":") for word in _RESULTS_OF[method])
    }


def errors_of(method: str, params: Iterable[str], signed: bool) -> tuple[int, ...]:
    """The documented error codes of a method."""
    names = {*_ERRORS_OF.get(method, ()), *(_SIGNED_ERRORS.split() if signed else ())}
    for pattern, errors in _ERRORS_BY_PARAMETER.items():
        end = pattern.removeprefix("*")
        if any(param == pattern or (end != pattern and param.endswith(end)) for param in params):
            names.update(errors)
    return tuple(sorted((codes.CODES[name] for name in names), reverse=True))
