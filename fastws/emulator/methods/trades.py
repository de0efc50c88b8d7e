"""Trades, one by one and in aggregates, and block trades."""

from __future__ import annotations

from typing import Any

from ..exchange.state import Exchange
from ..values.decimals import UNIT, decimal_text
from ..values.errors import refuse
from .market_params import read_limit
from .request import Request

__all__ = ["aggregate", "block", "historical", "recent"]


def recent(exchange: Exchange, request: Request) -> list[dict[str, Any]]:
    """The last trades of a symbol, oldest first."""
    return _trades(exchange, request, None)


def historical(exchange: Exchange, request: Request) -> list[dict[str, Any]]:
    """The trades of a symbol from an id on; else the last ones."""
    return _trades(exchange, request, request.values.get("fromId"))


def _trades(exchange: Exchange, request: Request, from_id: int | None) -> list[dict[str, Any]]:
    tape = exchange.book(request.values["symbol"]).trades.read()
    limit, end = read_limit(request.values), len(tape)
    first = max(end - limit, 0) if from_id is None else tape.place_of_id(from_id)
    divisor = request.connection.time_divisor
    return [tape.public_view(place, divisor) for place in range(first, min(first + limit, end))]


def aggregate(exchange: Exchange, request: Request) -> list[dict[str, Any]]:
    """Aggregate trades: from an id on, or of a time span; else the last ones."""
    values = request.values
    start, end = values.get("startTime"), values.get("endTime")
    if "fromId" in values and (start is not None or end is not None):
        raise refuse(-1128)
    tape = exchange.book(values["symbol"]).trades.read()
    limit, divisor = read_limit(values), request.connection.time_divisor
    stop = len(tape.aggregates) if end is None else tape.aggregate_at(end + 1)
    if "fromId" in values:
        first = values["fromId"]
    elif start is not None:
        first = tape.aggregate_at(start)
    else:
        first = max(stop - limit, 0)
    return [tape.aggregate_view(number, divisor) for number in range(first, min(first + limit, stop))]


def block(exchange: Exchange, request: Request) -> list[dict[str, Any]]:
    """The block trades of a symbol from an id on."""
    values, divisor = request.values, request.connection.time_divisor
    rows = [row for row in exchange.book(values["symbol"]).trades.blocks if row.id >= values["fromId"]]
    return [
        {
            "id": row.id,
            "price": decimal_text(row.price),
            "qty": decimal_text(row.quantity),
            "quoteQty": decimal_text(row.price * row.quantity // UNIT),
            "time": row.time // divisor,
            "isBuyerMaker": row.buyer_is_maker,
        }
        for row in rows[: read_limit(values)]
    ]
