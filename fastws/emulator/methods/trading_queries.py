"""Queries of an account besides its orders: order lists, prevented matches, allocations, commission rates, filters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..exchange.state import Exchange
from ..matching.commission import account_rates
from ..matching.filters import asset_filters
from ..values.errors import refuse
from ..values.orders import OrderList
from .market_params import check_span, read_limit
from .queries import require_order_reference
from .request import Request

__all__ = [
    "all_order_lists",
    "allocations",
    "commission_rates",
    "filters",
    "open_order_lists",
    "order_list_status",
    "prevented_matches",
    "prevented_matches_weight",
]


def order_list_status(exchange: Exchange, request: Request) -> dict[str, Any]:
    """orderList.status; if both ids are given, the client id counts."""
    values = request.values
    require_order_reference(values, "orderListId", "origClientOrderId")
    order_list = exchange.database.find_list(
        request.account, values.get("orderListId"), values.get("origClientOrderId")
    )
    return order_list.view(request.connection.time_divisor)


def _of(request: Request, lists: Iterable[OrderList]) -> list[OrderList]:
    return [row for row in lists if row.account is request.account]


def open_order_lists(exchange: Exchange, request: Request) -> list[dict[str, Any]]:
    """openOrderLists.status"""
    divisor = request.connection.time_divisor
    return [row.view(divisor) for row in _of(request, exchange.engine.lists.values()) if row.is_open]


def all_order_lists(exchange: Exchange, request: Request) -> list[dict[str, Any]]:
    """allOrderLists: from an id on, or of a time span of 24 hours at most; else the last ones."""
    values, divisor = request.values, request.connection.time_divisor
    start, end = values.get("startTime"), values.get("endTime")
    check_span(values, 24)
    limit = read_limit(values)
    timed = start is not None or end is not None
    first = 0 if timed else values.get("fromId", 0)
    rows = [
        row
        for row in _of(request, exchange.database.lists())
        if row.id >= first and (start is None or row.time >= start) and (end is None or row.time <= end)
    ]
    oldest_first = start is not None or (not timed and "fromId" in values)
    rows = rows[:limit] if oldest_first else rows[-limit:]
    return [row.view(divisor) for row in rows]


def prevented_matches_weight(values: Mapping[str, Any]) -> int:
    return 20 if "orderId" in values else 2


def prevented_matches(exchange: Exchange, request: Request) -> list[dict[str, Any]]:
    """myPreventedMatches"""
    values, account = request.values, request.account
    book = exchange.book(values["symbol"])
    by_order = "orderId" in values
    if ("preventedMatchId" in values) == by_order:
        raise refuse(-1128)
    if not by_order and ("fromPreventedMatchId" in values or "limit" in values):
        raise refuse(-1128)
    limit = read_limit(values)
    divisor = request.connection.time_divisor
    rows = []
    for match in book.prevented:
        mine = [order for order in (match.taker, match.maker) if order.account is account]
        if by_order:
            found = any(order.id == values["orderId"] for order in mine)
            if found and match.id >= values.get("fromPreventedMatchId", 0):
                rows.append(match.account_view(divisor))
        elif mine and match.id == values["preventedMatchId"]:
            rows.append(match.account_view(divisor))
    return rows[:limit]


def allocations(exchange: Exchange, request: Request) -> list[dict[str, Any]]:
    """myAllocations"""
    values, account = request.values, request.account
    book = exchange.book(values["symbol"])
    start, end = values.get("startTime"), values.get("endTime")
    check_span(values, 24)
    if (start is not None or end is not None) and ("orderId" in values or "fromAllocationId" in values):
        raise refuse(-1128)
    limit = read_limit(values)
    divisor = request.connection.time_divisor
    rows = [
        row
        for row in book.allocations
        if row.account is account
        and row.id >= values.get("fromAllocationId", 0)
        and values.get("orderId", row.order.id) == row.order.id
        and (start is None or row.time >= start)
        and (end is None or row.time <= end)
    ]
    newest = end is not None and start is None
    return [row.view(divisor) for row in (rows[-limit:] if newest else rows[:limit])]


def commission_rates(exchange: Exchange, request: Request) -> dict[str, Any]:
    """account.commission"""
    return account_rates(request.account, exchange.book(request.values["symbol"]).symbol)


def filters(exchange: Exchange, request: Request) -> dict[str, Any]:
    """myFilters"""
    symbol = exchange.book(request.values["symbol"]).symbol
    return {
        "exchangeFilters": exchange.filters.rows(),
        "symbolFilters": symbol.filters(),
        "assetFilters": asset_filters(request.account, symbol),
    }
