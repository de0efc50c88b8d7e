"""Converts values of the exchange's results, so that they can be compared with those of requests."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from .._native.views import View

__all__ = ["ENDED", "as_dicts", "as_microseconds", "compare_decimals", "method_without_version", "progress"]

# The statuses of orders that are over.
ENDED = frozenset(("FILLED", "CANCELED", "REJECTED", "EXPIRED", "EXPIRED_IN_MATCH"))
_STAGES = {"PENDING_NEW": 0, "NEW": 1} | dict.fromkeys(ENDED, 3)  # 2: any other status


def as_dicts(result: Any) -> Any:
    """A result with each View in it replaced by a dict."""
    if isinstance(result, View):
        return result.to_dict()
    return [as_dicts(entry) for entry in result] if isinstance(result, list) else result


def method_without_version(method: str) -> str:
    """The method without its version: "order.place" for "v3/order.place"."""
    return method.rpartition("/")[2]


def as_microseconds(time: int) -> int:
    """A timestamp of the exchange, in milliseconds or microseconds, as microseconds."""
    return time if time >= 10**14 else time * 1000


def compare_decimals(theirs: Any, ours: Any) -> int:
    """-1, 0 or 1: a decimal of the exchange is below, equal to or above ours. It is 1 if ours is None."""
    if ours is None:
        return 1
    # with numbers="float" theirs is rounded, so ours has to be rounded alike
    left, right = (
        (theirs, float(ours)) if isinstance(theirs, float) else (Decimal(theirs), Decimal(str(ours)))
    )
    return (left > right) - (left < right)


def progress(row: Mapping[str, Any]) -> tuple[Any, ...]:
    """How far an order is: of two rows of one order, the greater is the newer; each row may be late.

    An order only goes forward: status, executed and prevented quantity never go back. Where these are equal, the time
    of the last change decides, then what a change within the same millisecond can be: that the order begins to work, or
    that its quantity is reduced.
    """
    done, prevented, quantity = (
        Decimal(str(row.get(name) or 0)) for name in ("executedQty", "preventedQuantity", "origQty")
    )
    stage = _STAGES.get(row.get("status", ""), 2)
    return stage, done, prevented, row["updateTime"], bool(row.get("isWorking")), quantity.copy_negate()
