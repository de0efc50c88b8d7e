"""orderList.place and orderList.place.*: the parameters of order lists, and the order lists that the engine gets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..exchange.state import Exchange
from ..matching.book import Book
from ..matching.filters import check_counts, check_order
from ..values import params
from ..values.errors import Refusal, refuse
from ..values.new_orders import NewOrder, NewOrderList
from .placement import Leg, check_tradable, new_order
from .request import Request

__all__ = [
    "OCO",
    "OLD_OCO",
    "OPO",
    "OPOCO",
    "OTO",
    "OTOCO",
    "place",
    "prepare_oco",
    "prepare_old_oco",
    "prepare_opo",
    "prepare_opoco",
    "prepare_oto",
    "prepare_otoco",
]

_STOP_LOSSES = ("STOP_LOSS", "STOP_LOSS_LIMIT")
_TAKE_PROFITS = ("TAKE_PROFIT", "TAKE_PROFIT_LIMIT")
_OCO_TYPES = ("LIMIT_MAKER", *_STOP_LOSSES, *_TAKE_PROFITS)

_type = params.enum("LIMIT", "MARKET", *_OCO_TYPES, code=-1116)
_side = params.enum("BUY", "SELL", code=-1117)
_tif = params.enum("GTC", "IOC", "FOK", code=-1115)

_LIST: Mapping[str, params.Parser] = {
    "symbol": params.symbol_name,
    "listClientOrderId": params.client_order_id,
    "newOrderRespType": params.enum("ACK", "RESULT", "FULL"),
    "selfTradePreventionMode": params.enum(
        "NONE", "EXPIRE_MAKER", "EXPIRE_TAKER", "EXPIRE_BOTH", "DECREMENT", "TRANSFER"
    ),
}
# The parameters of one order of a list; in the request, they have the order's prefix.
_ORDER: Mapping[str, params.Parser] = {
    "Type": _type,
    "ClientOrderId": params.client_order_id,
    "Price": params.decimal,
    "StopPrice": params.decimal,
    "TrailingDelta": params.integer,
    "IcebergQty": params.decimal,
    "TimeInForce": _tif,
    "StrategyId": params.integer,
    "StrategyType": params.strategy_type,
    "PegPriceType": params.enum("PRIMARY_PEG", "MARKET_PEG", code=-1210),
    "PegOffsetType": params.enum("PRICE_LEVEL", code=-1211),
    "PegOffsetValue": params.integer,
}
_NO_STOP = ("StopPrice", "TrailingDelta")


def _order(prefix: str, *without: str) -> Mapping[str, params.Parser]:
    return {f"{prefix}{name}": parser for name, parser in _ORDER.items() if name not in without}


_WORKING = {
    **_order("working", *_NO_STOP),
    "workingType": params.enum("LIMIT", "LIMIT_MAKER", code=-1116),
    "workingSide": _side,
    "workingQuantity": params.decimal,
}
_PENDING = {"pendingSide": _side}
_PENDING_PAIR = {**_PENDING, **_order("pendingAbove"), **_order("pendingBelow")}

OCO = {**_LIST, "side": _side, "quantity": params.decimal, **_order("above"), **_order("below")}
OPO = {**_LIST, **_WORKING, **_PENDING, **_order("pending")}
OTO = {**OPO, "pendingQuantity": params.decimal}
OPOCO = {**_LIST, **_WORKING, **_PENDING_PAIR}
OTOCO = {**OPOCO, "pendingQuantity": params.decimal}
OLD_OCO = {
    **_LIST,
    "side": _side,
    "price": params.decimal,
    "quantity": params.decimal,
    "limitClientOrderId": params.client_order_id,
    "limitIcebergQty": params.decimal,
    "limitStrategyId": params.integer,
    "limitStrategyType": params.strategy_type,
    "stopPrice": params.decimal,
    "trailingDelta": params.integer,
    "stopClientOrderId": params.client_order_id,
    "stopLimitPrice": params.decimal,
    "stopLimitTimeInForce": _tif,
    "stopIcebergQty": params.decimal,
    "stopStrategyId": params.integer,
    "stopStrategyType": params.strategy_type,
}

# Parameters with another name than in order.place; for all others, the prefix and a capital letter are put before it.
_NAMES = {"newClientOrderId": "ClientOrderId"}
_OLD_LIMIT = {
    "newClientOrderId": "limitClientOrderId",
    "icebergQty": "limitIcebergQty",
    "strategyId": "limitStrategyId",
    "strategyType": "limitStrategyType",
    "price": "price",
    "quantity": "quantity",
}
_OLD_STOP = {
    "newClientOrderId": "stopClientOrderId",
    "icebergQty": "stopIcebergQty",
    "strategyId": "stopStrategyId",
    "strategyType": "stopStrategyType",
    "price": "stopLimitPrice",
    "timeInForce": "stopLimitTimeInForce",
    "stopPrice": "stopPrice",
    "trailingDelta": "trailingDelta",
    "quantity": "quantity",
}


def _leg(values: Mapping[str, Any], prefix: str, quantity: str) -> Leg:
    def name(plain: str) -> str:
        if plain == "quantity":
            return quantity
        return prefix + _NAMES.get(plain, plain[0].upper() + plain[1:])

    return Leg(values, name)


def _check_iceberg(leg: Leg, order_type: str) -> None:
    """Refuse an iceberg order in a list that is not GTC."""
    if "icebergQty" in leg.own and order_type != "LIMIT_MAKER" and leg.own.get("timeInForce", "GTC") != "GTC":
        raise refuse(-1160, leg.name("icebergQty"), leg.name("timeInForce"))


def _new(book: Book, leg: Leg, order_type: str, side: Any, quantity_known: bool = True) -> NewOrder:
    _check_iceberg(leg, order_type)
    return new_order(book, leg, order_type, side, "FULL", quantity_known)


def _pair(
    book: Book, values: Mapping[str, Any], prefix: str, side: Any, quantity: str, known: bool = True
) -> tuple[NewOrder, NewOrder]:
    """The two orders of an OCO, the stop loss first.

    Raises:
        Refusal: the types do not form a pair, or one is on the wrong side of the other.
    """
    above, below = ("Above", "Below") if prefix else ("above", "below")
    legs = {True: _leg(values, prefix + above, quantity), False: _leg(values, prefix + below, quantity)}
    types: dict[bool, str] = {}
    for is_above, leg in legs.items():
        if "type" not in leg.own:
            raise refuse(-1102, leg.name("type"))
        types[is_above] = leg.own["type"]
    if any(kind not in _OCO_TYPES for kind in types.values()):
        raise refuse(-1158)
    if types[True] == types[False] == "LIMIT_MAKER":
        raise refuse(-1168)
    buy = side == "BUY"
    for is_above, kind in types.items():
        if kind in _STOP_LOSSES:
            if is_above != buy:
                raise refuse(-1196 if buy else -1197)
        elif is_above == buy:
            if kind == "LIMIT_MAKER":
                raise refuse(-1165 if buy else -1166)
            raise refuse(-1198 if buy else -1199)
    orders = {is_above: _new(book, leg, types[is_above], side, known) for is_above, leg in legs.items()}
    return orders[buy], orders[not buy]


def _prepare(
    exchange: Exchange, request: Request, contingency: str, orders: tuple[NewOrder, ...], opo: bool = False
) -> None:
    values, account = request.values, request.account
    book = exchange.book(values["symbol"])
    check_tradable(book, account)
    now_us = exchange.clock.now_us()
    for order in orders:
        check_order(book, account, order, now_us)
    check_counts(book.symbol, exchange.filters, account, orders, 1)
    request.new_list = NewOrderList(
        symbol=book.symbol,
        contingency=contingency,
        opo=opo,
        client_id=values.get("listClientOrderId", ""),
        resp_type=values.get("newOrderRespType", "FULL"),
        orders=orders,
    )


def _unsupported(kind: str) -> Refusal:
    return Refusal(400, -1013, f"{kind} orders are not supported for this symbol")


def _book(exchange: Exchange, request: Request, oco: bool, oto: bool, opo: bool) -> Book:
    book = exchange.book(request.values["symbol"])
    symbol = book.symbol
    if oto and not symbol.oto:
        raise _unsupported("OTO")
    if opo and not symbol.opo:
        raise _unsupported("OPO")
    if oco and not symbol.oco:
        raise _unsupported("OCO")
    return book


def prepare_oco(exchange: Exchange, request: Request) -> None:
    """Make the order list of orderList.place.oco, or refuse it."""
    book = _book(exchange, request, oco=True, oto=False, opo=False)
    values = request.values
    _prepare(exchange, request, "OCO", _pair(book, values, "", values["side"], "quantity"))


def prepare_old_oco(exchange: Exchange, request: Request) -> None:
    """Make the order list of the deprecated orderList.place, or refuse it."""
    book = _book(exchange, request, oco=True, oto=False, opo=False)
    values = request.values
    limit = Leg(values, lambda plain: _OLD_LIMIT.get(plain, f"limit {plain}"))
    stop = Leg(values, lambda plain: _OLD_STOP.get(plain, f"stop {plain}"))
    stop_type = "STOP_LOSS_LIMIT" if "stopLimitPrice" in values else "STOP_LOSS"
    side = values["side"]
    orders = (_new(book, stop, stop_type, side), _new(book, limit, "LIMIT_MAKER", side))
    _prepare(exchange, request, "OCO", orders)


def _working(book: Book, values: Mapping[str, Any]) -> NewOrder:
    return _new(
        book, _leg(values, "working", "workingQuantity"), values["workingType"], values["workingSide"]
    )


def prepare_oto(exchange: Exchange, request: Request) -> None:
    """Make the order list of orderList.place.oto, or refuse it."""
    book = _book(exchange, request, oco=False, oto=True, opo=False)
    values = request.values
    pending = _leg(values, "pending", "pendingQuantity")
    orders = (_working(book, values), _new(book, pending, values["pendingType"], values["pendingSide"]))
    _prepare(exchange, request, "OTO", orders)


def prepare_otoco(exchange: Exchange, request: Request) -> None:
    """Make the order list of orderList.place.otoco, or refuse it."""
    book = _book(exchange, request, oco=True, oto=True, opo=False)
    values = request.values
    pair = _pair(book, values, "pending", values["pendingSide"], "pendingQuantity")
    _prepare(exchange, request, "OTO", (_working(book, values), *pair))


def _check_opo(values: Mapping[str, Any]) -> None:
    if values["workingSide"] != "BUY":
        raise refuse(-1222)
    if values["pendingSide"] != "SELL":
        raise refuse(-1223)


def prepare_opo(exchange: Exchange, request: Request) -> None:
    """Make the order list of orderList.place.opo, or refuse it."""
    book = _book(exchange, request, oco=False, oto=True, opo=True)
    values = request.values
    _check_opo(values)
    pending = _new(book, _leg(values, "pending", "quantity"), values["pendingType"], "SELL", False)
    _prepare(exchange, request, "OTO", (_working(book, values), pending), opo=True)


def prepare_opoco(exchange: Exchange, request: Request) -> None:
    """Make the order list of orderList.place.opoco, or refuse it."""
    book = _book(exchange, request, oco=True, oto=True, opo=True)
    values = request.values
    _check_opo(values)
    pair = _pair(book, values, "pending", "SELL", "quantity", False)
    _prepare(exchange, request, "OTO", (_working(book, values), *pair), opo=True)


def place(exchange: Exchange, request: Request) -> dict[str, Any]:
    """orderList.place and orderList.place.*: the reply shows pending orders as they were placed."""
    new = request.new_list
    order_list = exchange.engine.submit_list(request.account, new, request.now_us)
    request.note_order(order_list.orders[0])
    view = order_list.placed_view(new.resp_type, request.connection.time_divisor)
    exchange.settle(request.now_us)
    return view
