"""What changes an order that there is: order.cancel, openOrders.cancelAll, order.amend.keepPriority, and
order.cancelReplace, which also places one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .errors import Refusal, refuse
from .placement import place_now, prepare_order
from .queries import require_order_reference
from .symbols import UNIT

if TYPE_CHECKING:
    from .exchange import Exchange
    from .request import Request

__all__ = [
    "amend",
    "cancel",
    "cancel_all",
    "cancel_replace",
    "cancels_over_limit",
    "prepare_amend",
    "prepare_cancel",
    "prepare_cancel_replace",
    "prepare_symbol",
]


def prepare_symbol(exchange: Exchange, request: Request) -> None:
    """Refuse (-1121) an unknown symbol."""
    exchange.book(request.values["symbol"])


def prepare_cancel(exchange: Exchange, request: Request) -> None:
    """Refuse a cancel that names no order, or no symbol."""
    require_order_reference(request.values, "orderId", "origClientOrderId")
    prepare_symbol(exchange, request)


def prepare_cancel_replace(exchange: Exchange, request: Request) -> None:
    """Both halves: filters are looked at before anything is canceled."""
    require_order_reference(request.values, "cancelOrderId", "cancelOrigClientOrderId")
    prepare_order(exchange, request)


def prepare_amend(exchange: Exchange, request: Request) -> None:
    """Refuse an amendment that names no order, or whose quantity is none."""
    prepare_cancel(exchange, request)
    exchange.book(request.values["symbol"]).symbol.check_quantity(request.values["newQty"], market=False)


def cancels_over_limit(request: Request) -> bool:
    """Whether a cancelReplace still cancels when the unfilled order count is exceeded."""
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
    original = engine.cancel(order, new_client_id, values.get("cancelRestrictions", ""), request.now_us)
    request.note_order(order)
    return order.canceled_view(original, request.session.time_divisor)


def cancel_all(exchange: Exchange, request: Request) -> list[dict[str, Any]]:
    """openOrders.cancelAll"""
    engine, divisor = exchange.engine, request.session.time_divisor
    orders = list(request.account.open_orders.get(request.values["symbol"], {}).values())
    if not orders:
        raise refuse(-2011)
    rows = []
    for order in orders:
        original = engine.cancel(order, "", "", request.now_us)
        rows.append(order.canceled_view(original, divisor))
    return rows


def amend(exchange: Exchange, request: Request) -> dict[str, Any]:
    """order.amend.keepPriority. Its weight is given back only when the order expires by it."""
    engine, values, divisor = exchange.engine, request.values, request.session.time_divisor
    book = engine.books[values["symbol"]]
    order = engine.find(book, request.account, values.get("orderId"), values.get("origClientOrderId"))
    if order is None:
        raise refuse(-2038)
    symbol = book.symbol
    symbol.check_notional(order.price * values["newQty"] // UNIT)
    original = engine.amend(order, values["newQty"], values.get("newClientOrderId", ""), request.now_us)
    request.note_order(order)
    if not order.is_open:
        request.session.limits.weight.add(-request.weight, request.now_us)
    return {
        "transactTime": request.now_us // divisor,
        "executionId": book.last_execution_id,
        "amendedOrder": order.amended_view(original, divisor),
    }


def cancel_replace(exchange: Exchange, request: Request) -> dict[str, Any]:
    """order.cancelReplace: one after the other, not as a transaction.

    Over the unfilled order count only the cancel is tried (CANCEL_ONLY); the documentation gives 409 for the
    case in which it succeeds in its text and example, and 429 in its table, which alone tells of the case in
    which it fails with STOP_ON_FAILURE. So it is 409 here for the first, and 429 for the second.
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
            new_response = order.placed_view(request.new_order.resp_type, request.session.time_divisor)
            placed = True
        except Refusal as refusal:
            new_response = refusal.brief()
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
