"""What ``await error.resolve()`` finds out about a trading request whose outcome was open."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .api_errors import ApiError

__all__ = ["Executed", "NeverExecuted", "Order", "Rejected", "StillOpen", "Verdict"]

Order = dict[str, Any]


@dataclass(frozen=True)
class Executed:
    """The request took effect. ``order`` is the order (or order list) as its reply or the exchange's records show it.

    It is None for an archived order, and after ``openOrders.cancelAll``, of which it means: no order from before it is
    open, and it can cancel no more. ``canceled`` is the order that a cancelReplace cancelled; None where it did not, or
    that is not known.
    """

    order: Order | None
    canceled: Order | None = None


@dataclass(frozen=True)
class Rejected:
    """The request had no effect, and can have none any more.

    ``error`` is the exchange's late answer, or None; ``order`` is the one that a cancel or an amendment came too late
    for, or that the exchange took down as rejected. For a cancelReplace that placed nothing, ``canceled`` is the old
    order where that half did take effect.
    """

    error: ApiError | None = None
    order: Order | None = None
    canceled: Order | None = None


@dataclass(frozen=True)
class NeverExecuted:
    """The request left no trace, and is too old to be executed now. ``order`` is the untouched order of a cancel."""

    order: Order | None = None


@dataclass(frozen=True)
class StillOpen:
    """Nothing is proven. Where ``candidates`` is empty the request may still be executed: ask again.

    (Later than timestamp + recvWindow + 11 s it cannot, but no question may tell any more: where an order is archived,
    or an amendment named an order that neither its old name nor the new one leads to.)

    ``order`` is the order that a cancel or an amendment has not touched so far; ``canceled`` is the old order of a
    cancelReplace whose other half is open.

    ``candidates``: the request can no longer be executed, but may have been: one of these orders may be its order,
    cancelled meanwhile, which gave it another client order id (for openOrders.cancelAll: placed before it, and left).
    The exchange does not tell. Rule out those that you know, with ``resolve(others=…)``.
    """

    order: Order | None = None
    candidates: tuple[Order, ...] = ()
    canceled: Order | None = None


Verdict = Executed | Rejected | NeverExecuted | StillOpen
