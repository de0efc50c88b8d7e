"""sor.order.place and sor.order.test; see matching/sor.py."""

from __future__ import annotations

from typing import Any

from ..exchange.state import Exchange
from ..matching import sor
from ..values.errors import refuse
from .placement import prepare_order, test
from .request import Request

__all__ = ["place", "prepare", "test_order"]


def prepare(exchange: Exchange, request: Request) -> None:
    """Refuse orders that SOR does not take, and check the others like any order."""
    book = exchange.book(request.values["symbol"])
    if request.values["type"] not in ("LIMIT", "MARKET"):
        raise refuse(-1116)
    if not book.symbol.sor:
        raise refuse(-1013, msg="SOR is not supported for this symbol.")
    prepare_order(exchange, request)


def place(exchange: Exchange, request: Request) -> list[dict[str, Any]]:
    """sor.order.place"""
    order = sor.submit(
        exchange.engine, exchange.sor_account, request.account, request.new_order, request.now_us
    )
    request.note_order(order)
    view = order.placed_view(request.new_order.resp_type, request.connection.time_divisor)
    exchange.settle(request.now_us)
    return [view]


def test_order(exchange: Exchange, request: Request) -> dict[str, Any]:
    """sor.order.test"""
    prepare(exchange, request)
    return test(exchange, request)
