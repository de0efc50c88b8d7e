"""order.place and order.test: what the gateway checks of a new order, and what the engine is asked to do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .book import Book
from .errors import Refusal, filter_failure, refuse
from .orders import NewOrder, Order, RespType
from .symbols import STP_MODES, UNIT, decimal_text

if TYPE_CHECKING:
    from .exchange import Exchange
    from .request import Request

__all__ = ["place", "place_now", "prepare_order", "test", "test_weight"]

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


def place(exchange: Exchange, request: Request) -> dict[str, Any]:
    """order.place"""
    order = place_now(exchange, request)
    return order.placed_view(request.new_order.resp_type, request.session.time_divisor)


def place_now(exchange: Exchange, request: Request) -> Order:
    """Give the request's new order to the engine."""
    order = exchange.engine.place(request.account, request.new_order, request.now_us)
    if order.fills:
        exchange.house.refill(exchange.engine.books[order.symbol.name], request.now_us)
    request.note_order(order)
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
