"""order.place and order.test: the gateway's checks of a new order, and the order that the engine gets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..exchange.state import Exchange
from ..matching.book import Book
from ..matching.commission import order_rates
from ..matching.filters import check_counts, check_order
from ..values.accounts import Account
from ..values.errors import Refusal, filter_failure, refuse
from ..values.new_orders import NewOrder, RespType, Side
from ..values.orders import Order
from ..values.symbols import ALGO_TYPES
from .request import Request

__all__ = [
    "MAY_NOT_TRADE",
    "Leg",
    "check_tradable",
    "new_order",
    "place",
    "place_now",
    "prepare_order",
    "test",
    "test_weight",
]

# The parameters that each type needs, and those that it does not take.
_NEEDS: Mapping[str, tuple[str, ...]] = {
    "LIMIT": ("timeInForce", "price", "quantity"),
    "LIMIT_MAKER": ("price", "quantity"),
    "MARKET": (),
    "STOP_LOSS": ("quantity",),
    "STOP_LOSS_LIMIT": ("timeInForce", "price", "quantity"),
    "TAKE_PROFIT": ("quantity",),
    "TAKE_PROFIT_LIMIT": ("timeInForce", "price", "quantity"),
}
_NO_STOP = ("quoteOrderQty", "stopPrice", "trailingDelta")
_NO_LIMIT = ("timeInForce", "price", "icebergQty")
_REFUSED: Mapping[str, tuple[str, ...]] = {
    "LIMIT": _NO_STOP,
    "LIMIT_MAKER": ("timeInForce", *_NO_STOP),
    "MARKET": ("timeInForce", "price", "stopPrice", "trailingDelta", "icebergQty"),
    "STOP_LOSS": (*_NO_LIMIT, "quoteOrderQty"),
    "STOP_LOSS_LIMIT": ("quoteOrderQty",),
    "TAKE_PROFIT": (*_NO_LIMIT, "quoteOrderQty"),
    "TAKE_PROFIT_LIMIT": ("quoteOrderQty",),
}
_UNSUPPORTED: Mapping[str, str] = {
    "LIMIT": "Limit",
    "LIMIT_MAKER": "Limit maker",
    "MARKET": "Market",
    "STOP_LOSS": "Stop loss",
    "STOP_LOSS_LIMIT": "Stop loss limit",
    "TAKE_PROFIT": "Take profit",
    "TAKE_PROFIT_LIMIT": "Take profit limit",
}
_BOTH_EMPTY = "Param '%s' or '%s' must be sent, but both were empty/null!"
_MAX_PEG_OFFSET = 100
MAY_NOT_TRADE = "This account may not place or cancel orders."


_PLAIN_NAMES = (
    "type",
    "timeInForce",
    "price",
    "quantity",
    "quoteOrderQty",
    "newClientOrderId",
    "stopPrice",
    "trailingDelta",
    "icebergQty",
    "strategyId",
    "strategyType",
    "pegPriceType",
    "pegOffsetType",
    "pegOffsetValue",
)


class Leg:
    """The parameters of one order, under the names of order.place.

    Args:
        values: all parameters of the request, parsed.
        name: returns a parameter's name in the request.

    Attributes:
        own: the parameters of this order, of all that the request has.
    """

    __slots__ = ("name", "own", "values")

    def __init__(self, values: Mapping[str, Any], name: Callable[[str], str] | None = None) -> None:
        self.values = values
        self.name: Callable[[str], str] = str if name is None else name
        self.own = values
        if name is not None:
            sent = ((plain, name(plain)) for plain in _PLAIN_NAMES)
            self.own = {plain: values[name] for plain, name in sent if name in values}


def _invalid(msg: str) -> Refusal:
    """The refusal of an order before the engine, with a text of errors.md."""
    return Refusal(400, -1013, msg)


def prepare_order(exchange: Exchange, request: Request) -> None:
    """Make the new order of order.place; refuse invalid combinations of parameters, and filter failures."""
    values = request.values
    book = exchange.book(values["symbol"])
    leg = Leg(values)
    order_type = values["type"]
    default: RespType = "FULL" if order_type in ("LIMIT", "MARKET") else "ACK"
    new = new_order(book, leg, order_type, values["side"], values.get("newOrderRespType", default))
    check_tradable(book, request.account)
    check_order(book, request.account, new, exchange.clock.now_us())
    check_counts(book.symbol, exchange.filters, request.account, (new,), 0)
    request.new_order = new
    request.record.client_order_id = new.client_id or None


def check_tradable(book: Book, account: Account) -> None:
    """Refuse orders on a symbol that is not traded (-1013), or of an account that may not trade (-2010)."""
    if not account.can_trade:
        raise refuse(-2010, msg=MAY_NOT_TRADE)
    if book.symbol.status != "TRADING":
        raise _invalid("Market is closed.")


def new_order(
    book: Book, leg: Leg, order_type: str, side: Side, resp_type: RespType, quantity_known: bool = True
) -> NewOrder:
    """An order from its parameters.

    Raises:
        Refusal: a parameter is missing, not for this type or not allowed on the symbol, or a combination is invalid.
    """
    symbol = book.symbol
    own = leg.own
    for name in _NEEDS[order_type]:
        if name not in own:
            if name == "price" and "pegPriceType" in own:
                continue
            if name == "quantity" and not quantity_known:
                continue
            raise refuse(-1102, leg.name(name))
    for name in _REFUSED[order_type]:
        if name in own:
            raise refuse(-1106, leg.name(name))
    if order_type == "MARKET":
        _check_market(book, leg, quantity_known)
    elif order_type in ALGO_TYPES:
        if "stopPrice" not in own and "trailingDelta" not in own:
            raise refuse(-1102, leg.name("stopPrice"), leg.name("trailingDelta"), msg=_BOTH_EMPTY)
        if own.get("stopPrice") == 0:
            raise filter_failure("PRICE_FILTER")
        if "trailingDelta" in own:
            if not symbol.trailing_stop:
                raise _invalid("Trailing stop orders are not supported for this symbol.")
            if own.get("trailingDelta") == 0:
                raise filter_failure("TRAILING_DELTA")
    if order_type not in symbol.order_types:
        raise _invalid(f"{_UNSUPPORTED[order_type]} orders are not supported for this symbol.")
    _check_iceberg(book, leg, quantity_known)
    _check_peg(book, leg, order_type)
    stp = leg.values.get("selfTradePreventionMode", symbol.default_stp)
    if stp not in symbol.stp_modes:
        raise _invalid("This symbol does not allow the specified self-trade prevention mode.")
    return NewOrder(
        symbol=symbol,
        side=side,
        type=order_type,
        tif=own.get("timeInForce", "GTC"),
        price=own.get("price", 0),
        quantity=own.get("quantity", 0),
        quote_quantity=own.get("quoteOrderQty", 0),
        client_id=own.get("newClientOrderId", ""),
        resp_type=resp_type,
        stp=stp,
        strategy_id=own.get("strategyId"),
        strategy_type=own.get("strategyType"),
        stop_price=own.get("stopPrice", 0),
        trailing_delta=own.get("trailingDelta", 0),
        iceberg_qty=own.get("icebergQty", 0),
        peg_price_type=own.get("pegPriceType", ""),
        peg_offset_type=own.get("pegOffsetType", ""),
        peg_offset_value=own.get("pegOffsetValue", 0),
        quantity_known=quantity_known,
    )


def _check_market(book: Book, leg: Leg, quantity_known: bool) -> None:
    own = leg.own
    if not quantity_known:
        return
    if "quantity" not in own and "quoteOrderQty" not in own:
        raise refuse(-1102, leg.name("quantity"), leg.name("quoteOrderQty"), msg=_BOTH_EMPTY)
    if "quantity" in own and "quoteOrderQty" in own:
        raise refuse(-1128)
    if "quoteOrderQty" in own:
        if not book.symbol.quote_order_qty:
            raise _invalid("Quote order qty market orders are not support for this symbol.")
        if own.get("quoteOrderQty") == 0:
            raise filter_failure(book.symbol.notional_filter)


def _check_iceberg(book: Book, leg: Leg, quantity_known: bool) -> None:
    own = leg.own
    iceberg = own.get("icebergQty", 0)
    if not iceberg:
        return
    if not book.symbol.iceberg:
        raise _invalid("Iceberg orders are not supported for this symbol.")
    if own.get("timeInForce", "GTC") != "GTC":
        raise _invalid("Unsupported order combination")
    if quantity_known and iceberg > own.get("quantity"):
        raise _invalid("IcebergQty exceeds QTY.")


def _check_peg(book: Book, leg: Leg, order_type: str) -> None:
    own = leg.own
    kind = own.get("pegPriceType")
    offset_sent, value_sent = "pegOffsetType" in own, "pegOffsetValue" in own
    if offset_sent != value_sent:
        raise refuse(
            -1128,
            leg.name("pegOffsetType"),
            leg.name("pegOffsetValue"),
            msg="Combination of optional fields invalid. Recommendation: '%s' and '%s' must both be sent.",
        )
    if kind is None:
        if offset_sent:
            raise refuse(-1102, leg.name("pegPriceType"))
        return
    if not book.symbol.pegs:
        raise _invalid("Pegged orders are not supported for this symbol.")
    if order_type in ("MARKET", "STOP_LOSS", "TAKE_PROFIT"):
        raise _invalid("This order type may not use pegged price.")
    if order_type == "LIMIT_MAKER" and kind == "MARKET_PEG":
        raise _invalid("This price peg cannot be used with this order type.")
    if order_type == "LIMIT" and kind == "PRIMARY_PEG" and own.get("timeInForce") != "GTC":
        raise _invalid("Unsupported order combination")
    if own.get("pegOffsetValue", 0) > _MAX_PEG_OFFSET:
        raise refuse(-1130, leg.name("pegOffsetValue"))


def place(exchange: Exchange, request: Request) -> dict[str, Any]:
    """order.place"""
    view = place_now(exchange, request).placed_view(
        request.new_order.resp_type, request.connection.time_divisor
    )
    exchange.settle(request.now_us)
    return view


def place_now(exchange: Exchange, request: Request) -> Order:
    """Give the request's new order to the engine. What follows from it waits for ``exchange.settle``."""
    order = exchange.engine.submit(request.account, request.new_order, request.now_us)
    request.note_order(order)
    return order


def test_weight(values: Mapping[str, Any]) -> int:
    return 20 if values.get("computeCommissionRates") else 1


def test(exchange: Exchange, request: Request) -> dict[str, Any]:
    """order.test: all checks of order.place that do not need the engine."""
    prepare_order(exchange, request)
    if not request.values.get("computeCommissionRates"):
        return {}
    new = request.new_order
    return order_rates(request.account, new.symbol, new.side == "BUY")
