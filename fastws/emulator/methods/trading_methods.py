"""The trading methods: placing, changing and querying orders and order lists; SOR."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ..exchange.state import Exchange
from ..values import params
from ..values.symbols import ORDER_TYPES
from . import changes, list_placement, market_params, placement, sor, trading_queries
from .method import Method, method
from .request import Request

__all__ = ["QUERIES", "TRADING"]

_one_symbol = {"symbol": params.symbol_name}
_one_order = {**_one_symbol, "orderId": params.integer, "origClientOrderId": params.text}
_NEW_ORDER: Mapping[str, params.Parser] = {
    "symbol": params.symbol_name,
    "side": params.enum("BUY", "SELL", code=-1117),
    "type": params.enum(*ORDER_TYPES, code=-1116),
    "timeInForce": params.enum("GTC", "IOC", "FOK", code=-1115),
    "price": params.decimal,
    "quantity": params.decimal,
    "quoteOrderQty": params.decimal,
    "newClientOrderId": params.client_order_id,
    "newOrderRespType": params.enum("ACK", "RESULT", "FULL"),
    "stopPrice": params.decimal,
    "trailingDelta": params.integer,
    "icebergQty": params.decimal,
    "strategyId": params.integer,
    "strategyType": params.strategy_type,
    "selfTradePreventionMode": params.enum(
        "NONE", "EXPIRE_MAKER", "EXPIRE_TAKER", "EXPIRE_BOTH", "DECREMENT", "TRANSFER"
    ),
    "pegPriceType": params.enum("PRIMARY_PEG", "MARKET_PEG", code=-1210),
    "pegOffsetValue": params.integer,
    "pegOffsetType": params.enum("PRICE_LEVEL", code=-1211),
}
_NO_SOR = ("quoteOrderQty", "stopPrice", "trailingDelta", "pegPriceType", "pegOffsetValue", "pegOffsetType")
_SOR_ORDER = {name: parser for name, parser in _NEW_ORDER.items() if name not in _NO_SOR}
_ORDER_LIST = {"orderListId": params.integer}


_WORKING = "workingType workingSide workingPrice workingQuantity pendingSide"


def _place_list(
    name: str,
    parameters: Mapping[str, params.Parser],
    prepare: Callable[[Exchange, Request], None],
    orders: int,
    mandatory: str,
) -> Method:
    return method(
        name,
        list_placement.place,
        1,
        parameters,
        security="TRADE",
        mandatory=("symbol", *mandatory.split()),
        engine=True,
        prepare=prepare,
        orders=orders,
        free=True,
    )


# Methods that need the permission TRADE.
TRADING: tuple[Method, ...] = (
    method(
        "order.place",
        placement.place,
        1,
        _NEW_ORDER,
        security="TRADE",
        mandatory=("symbol", "side", "type"),
        engine=True,
        prepare=placement.prepare_order,
        orders=1,
        free=True,
    ),
    method(
        "order.test",
        placement.test,
        placement.test_weight,
        {**_NEW_ORDER, "computeCommissionRates": params.boolean},
        security="TRADE",
        mandatory=("symbol", "side", "type"),
    ),
    method(
        "order.cancel",
        changes.cancel,
        1,
        {
            **_one_order,
            "newClientOrderId": params.client_order_id,
            "cancelRestrictions": params.cancel_restrictions,
        },
        security="TRADE",
        mandatory=("symbol",),
        engine=True,
        prepare=changes.prepare_cancel,
        free=True,
    ),
    method(
        "order.cancelReplace",
        changes.cancel_replace,
        1,
        {
            **_NEW_ORDER,
            "cancelReplaceMode": params.enum("STOP_ON_FAILURE", "ALLOW_FAILURE"),
            "cancelOrderId": params.integer,
            "cancelOrigClientOrderId": params.text,
            "cancelNewClientOrderId": params.client_order_id,
            "cancelRestrictions": params.cancel_restrictions,
            "orderRateLimitExceededMode": params.enum("DO_NOTHING", "CANCEL_ONLY"),
        },
        security="TRADE",
        mandatory=("symbol", "cancelReplaceMode", "side", "type"),
        engine=True,
        prepare=changes.prepare_cancel_replace,
        orders=1,
        survives_order_limit=changes.cancels_over_limit,
        free=True,
    ),
    method(
        "order.amend.keepPriority",
        changes.amend,
        4,
        {**_one_order, "newClientOrderId": params.client_order_id, "newQty": params.decimal},
        security="TRADE",
        mandatory=("symbol", "newQty"),
        engine=True,
        prepare=changes.prepare_amend,
    ),
    method(
        "openOrders.cancelAll",
        changes.cancel_all,
        1,
        _one_symbol,
        security="TRADE",
        mandatory=("symbol",),
        engine=True,
        prepare=changes.prepare_symbol,
        free=True,
    ),
    _place_list(
        "orderList.place",
        list_placement.OLD_OCO,
        list_placement.prepare_old_oco,
        1,
        "side price quantity",
    ),
    _place_list(
        "orderList.place.oco",
        list_placement.OCO,
        list_placement.prepare_oco,
        2,
        "side quantity aboveType belowType",
    ),
    _place_list(
        "orderList.place.oto",
        list_placement.OTO,
        list_placement.prepare_oto,
        2,
        f"{_WORKING} pendingType pendingQuantity",
    ),
    _place_list(
        "orderList.place.otoco",
        list_placement.OTOCO,
        list_placement.prepare_otoco,
        3,
        f"{_WORKING} pendingAboveType pendingQuantity",
    ),
    _place_list(
        "orderList.place.opo",
        list_placement.OPO,
        list_placement.prepare_opo,
        2,
        f"{_WORKING} pendingType",
    ),
    _place_list(
        "orderList.place.opoco",
        list_placement.OPOCO,
        list_placement.prepare_opoco,
        3,
        f"{_WORKING} pendingAboveType",
    ),
    method(
        "orderList.cancel",
        changes.cancel_list,
        1,
        {
            **_one_symbol,
            **_ORDER_LIST,
            "listClientOrderId": params.text,
            "newClientOrderId": params.client_order_id,
        },
        security="TRADE",
        mandatory=("symbol",),
        engine=True,
        prepare=changes.prepare_cancel_list,
        free=True,
    ),
    method(
        "sor.order.place",
        sor.place,
        1,
        _SOR_ORDER,
        security="TRADE",
        mandatory=("symbol", "side", "type", "quantity"),
        engine=True,
        prepare=sor.prepare,
        orders=1,
        free=True,
    ),
    method(
        "sor.order.test",
        sor.test_order,
        placement.test_weight,
        {**_SOR_ORDER, "computeCommissionRates": params.boolean},
        security="TRADE",
        mandatory=("symbol", "side", "type", "quantity"),
    ),
)

# Queries of an account about its trading.
QUERIES: tuple[Method, ...] = (
    method(
        "orderList.status",
        trading_queries.order_list_status,
        4,
        {**_ORDER_LIST, "origClientOrderId": params.text},
        security="USER_DATA",
    ),
    method("openOrderLists.status", trading_queries.open_order_lists, 6, security="USER_DATA"),
    method(
        "allOrderLists",
        trading_queries.all_order_lists,
        20,
        {
            "fromId": params.integer,
            "startTime": params.timestamp,
            "endTime": market_params.end_time,
            "limit": params.integer,
        },
        security="USER_DATA",
    ),
    method(
        "myPreventedMatches",
        trading_queries.prevented_matches,
        trading_queries.prevented_matches_weight,
        {
            **_one_symbol,
            "preventedMatchId": params.integer,
            "orderId": params.integer,
            "fromPreventedMatchId": params.integer,
            "limit": params.integer,
        },
        security="USER_DATA",
        mandatory=("symbol",),
    ),
    method(
        "myAllocations",
        trading_queries.allocations,
        20,
        {
            **_one_symbol,
            "startTime": params.timestamp,
            "endTime": market_params.end_time,
            "fromAllocationId": params.integer,
            "limit": params.integer,
            "orderId": params.integer,
        },
        security="USER_DATA",
        mandatory=("symbol",),
    ),
    method(
        "account.commission",
        trading_queries.commission_rates,
        20,
        _one_symbol,
        security="USER_DATA",
        mandatory=("symbol",),
    ),
    method(
        "myFilters", trading_queries.filters, 40, _one_symbol, security="USER_DATA", mandatory=("symbol",)
    ),
)
