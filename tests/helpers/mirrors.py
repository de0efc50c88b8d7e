"""What an OrderMirror shows, and what is true at the embedded exchange, in one form, to be compared."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import Any

from fastws import OrderMirror
from fastws.emulator import Emulator

__all__ = ["Shown", "shown_by", "true_of"]

Shown = dict[str, Any]

_TEXTS = ("clientOrderId", "orderListId", "status", "side", "type", "timeInForce")
_DECIMALS = ("price", "origQty", "executedQty", "cummulativeQuoteQty", "stopPrice", "icebergQty")


def _number(value: Any) -> Decimal:
    return Decimal(str(value)).normalize()


def _order(row: dict[str, Any]) -> dict[str, Any]:
    numbers = {name: _number(row[name]) for name in _DECIMALS}
    return (
        {name: row[name] for name in _TEXTS}
        | numbers
        | {"prevented": _number(row.get("preventedQuantity", 0))}
    )


def _fill(row: dict[str, Any]) -> tuple[Any, ...]:
    numbers = [_number(row[name]) for name in ("price", "qty", "quoteQty", "commission")]
    return *numbers, row["commissionAsset"], row["isBuyer"], row["isMaker"]


def shown_by(mirror: OrderMirror) -> Shown:
    """What a mirror shows: open orders, fills, commission, balances that are not zero."""
    fills = {key: _fill(row) for key, row in mirror.fills.items()}
    balances = {
        asset: (_number(row["free"]), _number(row["locked"])) for asset, row in mirror.balances.items()
    }
    return {
        "orders": {key: _order(row) for key, row in mirror.open_orders.items()},
        "fills": fills,
        "commission": {asset: _number(paid) for asset, paid in mirror.commission.items() if paid},
        "balances": {asset: amounts for asset, amounts in balances.items() if any(amounts)},
    }


def true_of(exchange: Emulator, name: str) -> Shown:
    """What a mirror of an account should show, if it was there from the beginning; events of fills must be kept."""
    account = next(each for each in exchange.core.accounts if each.name == name)
    fills: dict[Any, Any] = {}
    commission: Counter[str] = Counter()
    for record in exchange.events:
        event = record.event
        if record.account != name or event.get("x") != "TRADE":
            continue
        key = event["s"], event["i"], event["t"], event.get("a", -1)
        numbers = tuple(_number(event[name]) for name in ("L", "l", "Y", "n"))
        fills[key] = (*numbers, event["N"], event["S"] == "BUY", event["m"])
        commission[event["N"]] += Decimal(event["n"])  # type: ignore[assignment]
    balances = {row["asset"]: row for row in account.status(True, 1)["balances"]}
    return {
        "orders": {
            (symbol, order.id): _order(order.query_view(1))
            for symbol, book in exchange.core.engine.books.items()
            for order in book.open_of(account)
        },
        "fills": fills,
        "commission": {asset: _number(paid) for asset, paid in commission.items() if paid},
        "balances": {
            asset: (_number(row["free"]), _number(row["locked"])) for asset, row in balances.items()
        },
    }
