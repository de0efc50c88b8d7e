"""Methods that change existing orders: order.cancel, openOrders.cancelAll, order.amend.keepPriority, and
order.cancelReplace, which also places an order.
"""

from __future__ import annotations

from typing import Any

from ..exchange.state import Exchange
from ..matching.filters import check_notional, check_quantity
from ..values.decimals import UNIT
from ..values.errors import Refusal, refuse
from ..values.orders import OrderList
from .placement import MAY_NOT_TRADE, place_now, prepare_order
from .queries import require_order_reference
from .request import Request

__all__ = [
    "amend",
    "cancel",
    "cancel_all",
    "cancel_list",
    "cancel_replace",
    "cancels_over_limit",
    "prepare_amend",
    "prepare_cancel",
    "prepare_cancel_list",
    "prepare_cancel_replace",
    "prepare_symbol",
]

_ENGINE_REFUSED = -2010


def prepare_symbol(exchange: Exchange, request: Request) -> None:
    """Refuse an unknown symbol (-1121), or an account that may not trade (-2011)."""
    exchange.book(request.values["symbol"])
    if not request.account.can_trade:
        raise refuse(-2011, msg=MAY_NOT_TRADE)


def prepare_cancel(exchange: Exchange, request: Request) -> None:
    """Refuse a cancel that names no order, or no symbol."""
    require_order_reference(request.values, "orderId", "origClientOrderId")
    prepare_symbol(exchange, request)


def prepare_cancel_replace(exchange: Exchange, request: Request) -> None:
    """Check both halves, the filters of the new order included, before anything is canceled."""
    require_order_reference(request.values, "cancelOrderId", "cancelOrigClientOrderId")
    prepare_order(exchange, request)
    if not request.new_order.symbol.cancel_replace:
        raise refuse(-1013, msg="Order cancel-replace is not supported for this symbol.")


def prepare_amend(exchange: Exchange, request: Request) -> None:
    """Refuse an amendment that names no order, or whose quantity is invalid."""
    prepare_cancel(exchange, request)
    check_quantity(exchange.book(request.values["symbol"]).symbol, request.values["newQty"], market=False)


def cancels_over_limit(request: Request) -> bool:
    """Whether a cancelReplace still cancels if the unfilled order count is exceeded."""
    return request.values.get("orderRateLimitExceededMode") == "CANCEL_ONLY"


def cancel(exchange: Exchange, request: Request) -> dict[str, Any]:
    """order.cancel"""
    values = request.values
    return _cancel(
        exchange,
        request,
        values.get("orderId"),
        values.get("origClientOrderId"),
        values.get("newClientOrderId", ""),
    )


def _cancel(
    exchange: Exchange, request: Request, order_id: int | None, client_id: str | None, new_client_id: str
) -> dict[str, Any]:
    engine, values = exchange.engine, request.values
    order = engine.find(engine.books[values["symbol"]], request.account, order_id, client_id)
    if order is None:
        raise refuse(-2011)
    rows = None if order.order_list is None else order.order_list.rows()
    before = _client_ids(order.order_list)
    original = engine.cancel(order, new_client_id, values.get("cancelRestrictions", ""), request.now_us)
    request.note_order(order)
    divisor = request.connection.time_divisor
    if order.order_list is None:
        return order.canceled_view(original, divisor)
    return _canceled_list(order.order_list, rows, before, divisor)


def _client_ids(order_list: OrderList | None) -> dict[int, str]:
    """The client order ids of a list's open orders, before a cancel changes them."""
    return {} if order_list is None else {o.id: o.client_id for o in order_list.orders if o.is_open}


def _canceled_list(
    order_list: OrderList, rows: list[dict[str, Any]] | None, before: dict[int, str] | None, divisor: int
) -> dict[str, Any]:
    """The result for a canceled order list: its orders under their old client order ids, with their new states."""
    view = order_list.view(divisor)
    if rows is not None:
        view["orders"] = rows
    if before is None:
        reports = [order.canceled_view(None, divisor) for order in order_list.orders]
    else:
        reports = [o.canceled_view(before.get(o.id, o.client_id), divisor) for o in order_list.orders]
    view["orderReports"] = reports
    return view


def prepare_cancel_list(exchange: Exchange, request: Request) -> None:
    """Refuse a cancel that names no order list, or no symbol."""
    require_order_reference(request.values, "orderListId", "listClientOrderId")
    prepare_symbol(exchange, request)


def cancel_list(exchange: Exchange, request: Request) -> dict[str, Any]:
    """orderList.cancel"""
    engine, values = exchange.engine, request.values
    order_list = engine.find_list(request.account, values.get("orderListId"), values.get("listClientOrderId"))
    if order_list is None or order_list.symbol.name != values["symbol"]:
        raise refuse(-2011)
    engine.cancel_list(order_list, values.get("newClientOrderId", ""), request.now_us)
    return _canceled_list(order_list, None, None, request.connection.time_divisor)


def cancel_all(exchange: Exchange, request: Request) -> list[dict[str, Any]]:
    """openOrders.cancelAll"""
    engine, divisor = exchange.engine, request.connection.time_divisor
    orders = exchange.book(request.values["symbol"]).open_of(request.account)
    if not orders:
        raise refuse(-2011)
    rows = []
    for order in orders:
        if not order.is_open:
            # It was canceled with another order of its list.
            continue
        order_list = order.order_list
        listed = None if order_list is None else order_list.rows()
        before = _client_ids(order_list)
        original = engine.cancel(order, "", "", request.now_us)
        if order_list is None:
            rows.append(order.canceled_view(original, divisor))
        else:
            rows.append(_canceled_list(order_list, listed, before, divisor))
    return rows


def amend(exchange: Exchange, request: Request) -> dict[str, Any]:
    """order.amend.keepPriority. Its weight is given back only if the amendment expires the order."""
    engine, values, divisor = exchange.engine, request.values, request.connection.time_divisor
    book = engine.books[values["symbol"]]
    order = engine.find(book, request.account, values.get("orderId"), values.get("origClientOrderId"))
    if order is None:
        raise refuse(-2038)
    if not order.is_market and order.price:
        check_notional(book.symbol, order.price * values["newQty"] // UNIT)
    original = engine.amend(order, values["newQty"], values.get("newClientOrderId", ""), request.now_us)
    request.note_order(order)
    if not order.is_open:
        request.connection.limits.weight.add(-request.weight, request.now_us)
    result = {
        "transactTime": request.now_us // divisor,
        "executionId": order.amendments[-1].execution_id,
        "amendedOrder": order.amended_view(original, divisor),
    }
    if order.order_list is not None:
        result["listStatus"] = order.order_list.amended_view()
    return result


def cancel_replace(exchange: Exchange, request: Request) -> dict[str, Any]:
    """order.cancelReplace: first the cancel, then the new order; this is not a transaction.

    If the unfilled order count is exceeded, only the cancel is carried out (CANCEL_ONLY). If it succeeds, the status
    is 409: the documentation's text and example say so, its table says 429. If it fails with STOP_ON_FAILURE, the
    status is 429: only the table has this case.
    """
    values = request.values
    cancel_response: dict[str, Any]
    new_response: dict[str, Any] | None
    canceled = placed = False
    try:
        cancel_response = _cancel(
            exchange,
            request,
            values.get("cancelOrderId"),
            values.get("cancelOrigClientOrderId"),
            values.get("cancelNewClientOrderId", ""),
        )
        canceled = True
    except Refusal as refusal:
        cancel_response = refusal.brief()
    attempted = canceled or values["cancelReplaceMode"] == "ALLOW_FAILURE"
    new_response = None
    if attempted:
        try:
            if request.over_order_limit is not None:
                raise request.over_order_limit
            order = place_now(exchange, request)
            new_response = order.placed_view(request.new_order.resp_type, request.connection.time_divisor)
            placed = True
            exchange.settle(request.now_us)
        except Refusal as refusal:
            new_response = refusal.brief()
            if canceled and refusal.code == _ENGINE_REFUSED:
                exchange.engine.report_rejected(request.account, request.new_order, refusal, request.now_us)
    data = {
        "cancelResult": "SUCCESS" if canceled else "FAILURE",
        "newOrderResult": "SUCCESS" if placed else "FAILURE" if attempted else "NOT_ATTEMPTED",
        "cancelResponse": cancel_response,
        "newOrderResponse": new_response,
    }
    if canceled and placed:
        return data
    if canceled or placed:
        raise refuse(-2021, status=409, data=data)
    limited = request.over_order_limit is not None and not attempted
    raise refuse(-2022, status=429 if limited else 400, data=data)
