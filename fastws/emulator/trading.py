"""Trading: what the gateway checks of an order, and what the engine is then asked to do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .book import Book
from .errors import Refusal, filter_failure, refuse
from .orders import NewOrder, Order, RespType
from .queries import require_order_reference
from .symbols import STP_MODES, UNIT, decimal_text

if TYPE_CHECKING:
    from .exchange import Exchange
    from .request import Request

__all__ = [
    "amend",
    "cancel",
    "cancel_all",
    "cancel_replace",
    "cancels_over_limit",
    "place",
    "prepare_amend",
    "prepare_cancel",
    "prepare_cancel_replace",
    "prepare_order",
    "prepare_symbol",
    "test",
    "test_weight",
]

# Which parameters each type needs, and which it takes besides those that every order takes.
_NEEDS: Mapping[str, tuple[str, ...]] = {
    "LIMIT": ("timeInForce", "price", "quantity"),
    "LIMIT_MAKER": ("price", "quantity"),
    "MARKET": (),
}
_REFUSED: Mapping[str, tuple[str, ...]] = {
    "LIMIT": ("quoteOrderQty", "stopPrice", "trailingDelta"),
    "LIMIT_MAKER": ("timeInForce", "quoteOrderQty", "stopPrice", "trailingDelta"),
    "MARKET": ("timeInForce", "price", "stopPrice", "trailingDelta", "icebergQty"),
}
_UNSUPPORTED: Mapping[str, str] = {
    "STOP_LOSS": "Stop loss",
    "STOP_LOSS_LIMIT": "Stop loss limit",
    "TAKE_PROFIT": "Take profit",
    "TAKE_PROFIT_LIMIT": "Take profit limit",
}
_PEG = ("pegPriceType", "pegOffsetType", "pegOffsetValue")


# Checks of the gateway


def prepare_symbol(exchange: Exchange, request: Request) -> None:
    """Refuse (-1121) an unknown symbol."""
    exchange.book(request.values["symbol"])


def prepare_order(exchange: Exchange, request: Request) -> None:
    """Make the order of order.place, or refuse it: parameters that do not go together, filters."""
    values = request.values
    book = exchange.book(values["symbol"])
    new = _new_order(book, values)
    _check_filters(book, new)
    if len(request.account.open_orders.get(book.symbol.name, ())) >= book.symbol.max_num_orders:
        raise filter_failure("MAX_NUM_ORDERS")
    request.new_order = new
    request.record.client_order_id = new.client_id or None


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


def _new_order(book: Book, values: Mapping[str, Any]) -> NewOrder:
    order_type: str = values["type"]
    if order_type in _UNSUPPORTED:
        raise _rejected(f"{_UNSUPPORTED[order_type]} orders are not supported for this symbol.")
    for name in _NEEDS[order_type]:
        if name not in values:
            raise refuse(-1102, name)
    for name in _REFUSED[order_type]:
        if name in values:
            raise refuse(-1106, name)
    if order_type == "MARKET":
        if "quantity" not in values and "quoteOrderQty" not in values:
            raise refuse(
                -1102,
                "quantity",
                "quoteOrderQty",
                msg="Param '%s' or '%s' must be sent, but both were empty/null!",
            )
        if "quantity" in values and "quoteOrderQty" in values:
            raise refuse(-1128)
    if "icebergQty" in values:
        raise _rejected("Iceberg orders are not supported for this symbol.")
    if any(name in values for name in _PEG):
        raise _rejected("Pegged orders are not supported for this symbol.")
    stp = values.get("selfTradePreventionMode", "NONE")
    if stp not in STP_MODES:
        raise refuse(-1013, msg="This symbol does not allow the specified self-trade prevention mode.")
    resp_type: RespType = values.get("newOrderRespType", "ACK" if order_type == "LIMIT_MAKER" else "FULL")
    return NewOrder(
        symbol=book.symbol,
        side=values["side"],
        type=order_type,
        tif=values.get("timeInForce", "GTC"),
        price=values.get("price", 0),
        quantity=values.get("quantity", 0),
        quote_quantity=values.get("quoteOrderQty", 0),
        client_id=values.get("newClientOrderId", ""),
        resp_type=resp_type,
        stp=stp,
        strategy_id=values.get("strategyId"),
        strategy_type=values.get("strategyType"),
    )


def _check_filters(book: Book, new: NewOrder) -> None:
    symbol = book.symbol
    if symbol.status != "TRADING":
        raise _rejected("Market is closed.")
    market = new.type == "MARKET"
    if not market:
        symbol.check_price(new.price, book.last_price)
    if new.quote_quantity or (market and not new.quantity and not new.quote_quantity):
        symbol.check_notional(new.quote_quantity)
        return
    symbol.check_quantity(new.quantity, market)
    symbol.check_notional((book.last_price if market else new.price) * new.quantity // UNIT)


def _rejected(msg: str) -> Refusal:
    return Refusal(400, -2010, msg)


# Effects


def place(exchange: Exchange, request: Request) -> dict[str, Any]:
    """order.place"""
    order = _place(exchange, request)
    request.note_order(order)
    return order.placed_view(request.new_order.resp_type, request.session.time_divisor)


def _place(exchange: Exchange, request: Request) -> Order:
    order = exchange.engine.place(request.account, request.new_order, request.now_us)
    if order.fills:
        exchange.house.refill(exchange.engine.books[order.symbol.name], request.now_us)
    return order


def test_weight(values: Mapping[str, Any]) -> int:
    return 20 if values.get("computeCommissionRates") else 1


def test(exchange: Exchange, request: Request) -> dict[str, Any]:
    """order.test: all checks of order.place that need no engine."""
    prepare_order(exchange, request)
    if not request.values.get("computeCommissionRates"):
        return {}
    account = request.account
    none = {"maker": decimal_text(0), "taker": decimal_text(0)}
    return {
        "standardCommissionForOrder": {
            "maker": decimal_text(account.maker_rate),
            "taker": decimal_text(account.taker_rate),
        },
        "specialCommissionForOrder": none,
        "taxCommissionForOrder": none,
        "discount": {
            "enabledForAccount": False,
            "enabledForSymbol": False,
            "discountAsset": "BNB",
            "discount": decimal_text(0),
        },
    }


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
            order = _place(exchange, request)
            request.note_order(order)
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
