"""The choice of the SBE message for a result, an event, a filter, or a part of a cancel-replace."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .layout import CHOICES

__all__ = ["EVENTS", "RESULTS"]

# NonRepresentableMessage
_OTHER = 999

_FILTER_TYPES = {
    "PRICE_FILTER": 1,
    "PERCENT_PRICE": 2,
    "PERCENT_PRICE_BY_SIDE": 3,
    "LOT_SIZE": 4,
    "MIN_NOTIONAL": 5,
    "NOTIONAL": 6,
    "ICEBERG_PARTS": 7,
    "MARKET_LOT_SIZE": 8,
    "MAX_NUM_ORDERS": 9,
    "MAX_NUM_ALGO_ORDERS": 10,
    "MAX_NUM_ICEBERG_ORDERS": 11,
    "MAX_POSITION": 12,
    "TRAILING_DELTA": 13,
    "T_PLUS_SELL": 14,
    "EXCHANGE_MAX_NUM_ORDERS": 15,
    "EXCHANGE_MAX_NUM_ALGO_ORDERS": 16,
    "EXCHANGE_MAX_NUM_ICEBERG_ORDERS": 17,
    "MAX_NUM_ORDER_LISTS": 18,
    "EXCHANGE_MAX_NUM_ORDER_LISTS": 19,
    "MAX_NUM_ORDER_AMENDS": 20,
    "MAX_ASSET": 21,
}


def _filter(value: Mapping[str, Any]) -> int:
    return _FILTER_TYPES.get(value["filterType"], _OTHER)


def _rule(value: Mapping[str, Any]) -> int:
    return 22 if value["ruleType"] == "PRICE_RANGE" else _OTHER


def _placed(value: Mapping[str, Any]) -> int:
    """The message of a placed order, by its newOrderRespType, or of the error instead of it."""
    if "fills" in value:
        return 302
    if "status" in value:
        return 301
    return 100 if "msg" in value else 300


def _canceled(value: Mapping[str, Any]) -> int:
    """The message of a canceled order or order list, or of the error instead of it."""
    if "orderReports" in value:
        return 312
    return 100 if "msg" in value else 305


def _list_placed(value: Mapping[str, Any]) -> int:
    reports = value["orderReports"]
    if any("fills" in report for report in reports):
        return 311
    return 310 if any("status" in report for report in reports) else 309


# The choices for messages inside messages; see layout.py.
CHOICES |= {
    "canceled": _canceled,
    "filter": _filter,
    "placed": _placed,
    "replaced": lambda value: 307,
    "rule": _rule,
}

_Choice = Callable[[Any], tuple[int, Any]]


def _always(template: int) -> _Choice:
    return lambda result: (template, result)


def _by(choose: Callable[[Any], int]) -> _Choice:
    return lambda result: (choose(result), result)


def _one_or_all(one: int, all_: int) -> _Choice:
    return _by(lambda result: all_ if isinstance(result, list) else one)


def _ticker(full: int, full_list: int, mini: int, mini_list: int) -> _Choice:
    def choose(result: Any) -> int:
        if isinstance(result, list):
            return mini_list if result and "priceChange" not in result[0] else full_list
        return full if "priceChange" in result else mini

    return _by(choose)


_ORDER_TEST = _by(lambda result: 315 if result else 303)
_LIST_PLACED = _by(_list_placed)
_SUBSCRIBED = _by(lambda result: 505 if "expirationTime" in result else 503)

# By method: the message of its result, and the value that is packed into it.
RESULTS: Mapping[str, _Choice] = {
    "ping": _always(101),
    "time": _always(102),
    "exchangeInfo": _always(103),
    "executionRules": _always(104),
    "depth": _always(200),
    "trades.recent": _always(201),
    "trades.historical": _always(201),
    "trades.aggregate": _always(202),
    "blockTrades.historical": _always(219),
    "klines": _always(203),
    "uiKlines": _always(203),
    "avgPrice": _always(204),
    "ticker.24hr": _ticker(205, 206, 207, 208),
    "ticker.tradingDay": _ticker(213, 214, 215, 216),
    "ticker": _ticker(213, 214, 215, 216),
    "ticker.price": _one_or_all(209, 210),
    "ticker.book": _one_or_all(211, 212),
    # The documented result is an error object.
    "referencePrice": _by(lambda result: 100 if "msg" in result else 217),
    "referencePrice.calculation": _always(218),
    "session.logon": _always(51),
    "session.status": _always(52),
    "session.logout": _always(53),
    "session.subscriptions": _always(54),
    "order.place": _by(_placed),
    "order.test": _ORDER_TEST,
    "order.status": _always(304),
    "order.cancel": _by(_canceled),
    "order.cancelReplace": _always(307),
    "order.amend.keepPriority": lambda result: (317, {**result, **result["amendedOrder"]}),
    "order.amendments": _always(316),
    "openOrders.status": _always(308),
    "openOrders.cancelAll": _always(306),
    "allOrders": _always(308),
    "orderList.place": _LIST_PLACED,
    "orderList.place.oco": _LIST_PLACED,
    "orderList.place.oto": _LIST_PLACED,
    "orderList.place.otoco": _LIST_PLACED,
    "orderList.place.opo": _LIST_PLACED,
    "orderList.place.opoco": _LIST_PLACED,
    "orderList.cancel": _always(312),
    "orderList.status": _always(313),
    "openOrderLists.status": _always(314),
    "allOrderLists": _always(314),
    # The JSON is an array of one order.
    "sor.order.place": lambda result: (_placed(result[0]), result[0]),
    "sor.order.test": _ORDER_TEST,
    "account.status": _always(400),
    "account.commission": _always(405),
    "account.rateLimits.orders": _always(402),
    "myTrades": _always(401),
    "myPreventedMatches": _always(403),
    "myAllocations": _always(404),
    "myFilters": _always(105),
    "userDataStream.subscribe": _SUBSCRIBED,
    "userDataStream.subscribe.signature": _SUBSCRIBED,
    "userDataStream.subscribe.listenToken": _SUBSCRIBED,
    "userDataStream.unsubscribe": _always(504),
}

# The message of an event, by its type "e".
EVENTS: Mapping[str, int] = {
    "allocationReport": 600,
    "balanceUpdate": 601,
    "eventStreamTerminated": 602,
    "executionReport": 603,
    "externalLockUpdate": 604,
    "listStatus": 606,
    "outboundAccountPosition": 607,
    "serverShutdown": 610,
}
