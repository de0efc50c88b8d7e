"""What ``await error.resolve()`` finds out about a trading request of unknown outcome."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from .api_errors import ApiError

__all__ = ["Executed", "NeverExecuted", "Order", "Rejected", "StillOpen", "Verdict"]

Order = dict[str, Any]


@dataclass(frozen=True)
class Executed:
    """The exchange executed the request.

    For ``openOrders.cancelAll`` it means: no order from before the request is open, and it can cancel no more orders.

    Attributes:
        order: the order or order list, as a reply or an event showed it. None for an archived order, and for
            ``openOrders.cancelAll``.
        canceled: the order that a cancelReplace cancelled; None if it cancelled none, or if that is unknown.
    """

    order: Order | None
    canceled: Order | None = None


@dataclass(frozen=True)
class Rejected:
    """The request had no effect, and cannot have one any more.

    Attributes:
        error: the exchange's error, if its reply came late; otherwise None.
        order: the order that was over before the cancel or the amendment, or that the exchange recorded as rejected.
        canceled: for a cancelReplace that placed no order: the old order, if it was cancelled.
    """

    error: ApiError | None = None
    order: Order | None = None
    canceled: Order | None = None


@dataclass(frozen=True)
class NeverExecuted:
    """The exchange did not execute the request, and cannot execute it any more.

    Attributes:
        order: the order that the request was to cancel or amend, and that is unchanged; otherwise None.
        waited: the seconds from the request's timestamp until the last question, by the exchange's clock.
        later_order_seen: whether the history of the symbol's orders, which the last question asked for, showed an order
            that was placed after the last moment at which the request could be executed. Then the history did not lag
            by so much.
    """

    order: Order | None = None
    waited: float = field(default=0.0, compare=False)
    later_order_seen: bool = field(default=False, compare=False)


@dataclass(frozen=True)
class StillOpen:
    """Nothing is proven yet.

    If ``candidates`` is empty, the request may still be executed: call ``resolve()`` again. (After timestamp +
    recvWindow + 11 s it cannot be executed any more. Even then the exchange's answers may prove nothing: if the order
    is archived, or if an amendment named the order by a client order id and the order has neither the old one nor the
    new one.)

    Attributes:
        order: the order that the request was to cancel or amend, and that is unchanged so far; otherwise None.
        candidates: orders of which one may be the order of the request. The request cannot be executed any more, but
            may have been: a later cancel may have given its order another client order id. (For openOrders.cancelAll:
            open orders that may be older than the request.) Name orders of other requests by ``resolve(others=…)`` to
            rule them out.
        canceled: the old order of a cancelReplace, if it was cancelled while the outcome of the other half is unknown.
    """

    order: Order | None = None
    candidates: tuple[Order, ...] = ()
    canceled: Order | None = None


Verdict = Executed | Rejected | NeverExecuted | StillOpen
