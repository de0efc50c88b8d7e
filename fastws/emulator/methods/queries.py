"""Queries of an account: its orders, trades, balances and unfilled order counts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..exchange.state import Exchange
from ..values.errors import refuse
from ..values.orders import Order
from .market_params import check_span, read_limit
from .request import Request

__all__ = [
    "account_status",
    "all_orders",
    "amendments",
    "my_trades",
    "my_trades_weight",
    "open_orders",
    "open_orders_weight",
    "order_status",
    "unfilled_orders",
]

_ARCHIVED_AFTER_US = 90 * 86_400_000_000


def require_order_reference(values: Mapping[str, Any], order_id: str, client_id: str) -> None:
    """Refuse (-1102) a request that names no order."""
    if order_id not in values and client_id not in values:
        raise refuse(
            -1102, client_id, order_id, msg="Param '%s' or '%s' must be sent, but both were empty/null!"
        )


def order_status(exchange: Exchange, request: Request) -> dict[str, Any]:
    """One order, open or finished."""
    values = request.values
    require_order_reference(values, "orderId", "origClientOrderId")
    book = exchange.book(values["symbol"])
    order = exchange.engine.find(
        book, request.account, values.get("orderId"), values.get("origClientOrderId")
    )
    if order is None:
        raise refuse(-2013)
    if _archived(order, request.now_us):
        raise refuse(-2026)
    request.note_order(order)
    return order.query_view(request.connection.time_divisor)


def _archived(order: Order, now_us: int) -> bool:
    """Whether it ended without a trade more than 90 days ago, so that it cannot be queried."""
    return (
        not order.executed
        and not order.is_open
        and order.status != "PENDING_NEW"
        and now_us - order.update_time > _ARCHIVED_AFTER_US
    )


def open_orders_weight(values: Mapping[str, Any]) -> int:
    return 6 if "symbol" in values else 80


def open_orders(exchange: Exchange, request: Request) -> list[dict[str, Any]]:
    """All open orders of one symbol or of all symbols."""
    if "symbol" in request.values:
        books = [exchange.book(request.values["symbol"])]
    else:
        books = list(exchange.engine.books.values())
    divisor = request.connection.time_divisor
    return [order.query_view(divisor) for book in books for order in book.open_of(request.account)]


def all_orders(exchange: Exchange, request: Request) -> list[dict[str, Any]]:
    """The account's orders on a symbol, open and finished, in the order of their ids: from an id on, or those whose
    status last changed in a time span of 24 hours at most; else the last ones.
    """
    values, account = request.values, request.account
    start, end = values.get("startTime"), values.get("endTime")
    check_span(values, 24)
    limit = read_limit(values)
    timed = start is not None or end is not None
    first = 0 if timed else values.get("orderId", 0)
    rows = [
        order
        for order in exchange.database.orders(exchange.book(values["symbol"]))
        if order.account is account
        and order.id >= first
        and (start is None or order.update_time >= start)
        and (end is None or order.update_time <= end)
        and not _archived(order, request.now_us)
    ]
    divisor = request.connection.time_divisor
    rows = rows[:limit] if start is not None or "orderId" in values else rows[-limit:]
    return [order.query_view(divisor) for order in rows]


def amendments(exchange: Exchange, request: Request) -> list[dict[str, Any]]:
    """The amendments of an order, oldest first."""
    values = request.values
    order = exchange.database.find(exchange.book(values["symbol"]), request.account, values["orderId"])
    if order is None:
        raise refuse(-2013)
    first, divisor = values.get("fromExecutionId", 0), request.connection.time_divisor
    rows = [row for row in order.amendments if row.execution_id >= first]
    return [row.view(order, divisor) for row in rows[: read_limit(values)]]


def account_status(exchange: Exchange, request: Request) -> dict[str, Any]:
    """Balances and commission rates."""
    return request.account.status(
        request.values.get("omitZeroBalances", False), request.connection.time_divisor
    )


def unfilled_orders(exchange: Exchange, request: Request) -> list[dict[str, Any]]:
    """The unfilled order counts."""
    return [window.usage(request.now_us) for window in request.account.order_windows]


def my_trades_weight(values: Mapping[str, Any]) -> int:
    return 5 if "orderId" in values else 20


def my_trades(exchange: Exchange, request: Request) -> list[dict[str, Any]]:
    """The account's trades on a symbol, oldest first."""
    values, account = request.values, request.account
    start, end = values.get("startTime"), values.get("endTime")
    timed = start is not None or end is not None
    if timed and ("fromId" in values or "orderId" in values):
        raise refuse(-1128)
    check_span(values, 24)
    limit = read_limit(values)
    divisor = request.connection.time_divisor
    rows = []
    for trade in exchange.book(values["symbol"]).trades.of_account(account.uid):
        if (start is not None and trade.time < start) or (end is not None and trade.time > end):
            continue
        if trade.id < values.get("fromId", 0):
            continue
        for order in (trade.buyer, trade.seller):
            if order.account is account and values.get("orderId", order.id) == order.id:
                rows.append(trade.account_view(order, divisor))
    return rows[:limit] if start is not None or "fromId" in values else rows[-limit:]
