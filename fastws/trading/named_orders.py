"""Which orders other requests of the client placed under a client order id that the caller chose.

Such an id may be used again, so it alone does not tell which request placed an order. The reply to a placement does:
its order is of no other request.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from .._core import Session
from ..errors import FastwsError
from .results import as_dicts, as_microseconds

__all__ = ["NamedOrders"]

_NAMES = 10_000  # so many ids of the caller are remembered
_ORDERS = 100  # ... and so many orders of each
_UNREADABLE = (AttributeError, LookupError, TypeError, ValueError)


class NamedOrders:
    """The orders that a client's replies showed, by the client order ids that the caller chose."""

    def __init__(self, session: Session) -> None:
        self._session = session
        # by symbol and name: the timestamps of the requests, and the ids of their orders
        self._orders: dict[tuple[Any, str], list[tuple[Any, int]]] = {}

    def of_others(self, symbol: Any, names: Collection[str], timestamp: Any) -> set[int]:
        """The ids of a symbol's orders with these names, but for those of the request with this timestamp."""
        self._collect()
        return {
            number
            for name in names
            for stamp, number in self._orders.get((symbol, name), ())
            if not _is_same(stamp, timestamp)
        }

    def _collect(self) -> None:
        for info, result in self._session.take_named():
            stamp = (info.params or {}).get("timestamp") or info.timestamp
            try:
                orders = list(_placed(as_dicts(result)))
            except (FastwsError, *_UNREADABLE):
                continue
            for key, number in orders:
                while len(self._orders) >= _NAMES and key not in self._orders:
                    del self._orders[next(iter(self._orders))]
                found = self._orders.setdefault(key, [])
                found.append((stamp, number))
                del found[:-_ORDERS]


def _is_same(one: Any, other: Any) -> bool:
    """Whether two timestamps are the same; one may be in microseconds, and the other in milliseconds."""
    times = [int(one or 0), int(other or 0)]
    in_us = [as_microseconds(each) for each in times]
    return in_us[0] == in_us[1] if in_us == times else in_us[0] // 1000 == in_us[1] // 1000


def _placed(result: Any) -> list[tuple[tuple[Any, str], int]]:
    """The symbols, client order ids and ids of the orders that the reply to a placement shows."""
    if isinstance(result, list):
        return [found for each in result for found in _placed(each)]
    if not isinstance(result, dict):
        return []
    rows = [result.get("newOrderResponse", result), *result.get("orders", ())]
    return [
        ((row.get("symbol"), row["clientOrderId"]), row["orderId"])
        for row in rows
        if isinstance(row, dict) and type(row.get("orderId")) is int and "clientOrderId" in row
    ]
