"""Which questions ``ExecutionUnknown.resolve()`` asks the exchange about a request of each method.

Each method has an asking function and a concluding one. The asking function gives a final verdict only on proof, and
StillOpen otherwise. The concluding function says what follows when the request can no longer be executed and the
questions have proven nothing; resolve.py accepts what two rounds conclude alike.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from ..verdicts import StillOpen, Verdict
from .change_questions import (
    ask_amendment,
    ask_cancel,
    ask_cancel_all,
    ask_replacement,
    conclude_amendment,
    conclude_cancel,
    conclude_cancel_all,
    conclude_replacement,
)
from .list_questions import ask_list_cancel, ask_list_placement, conclude_list_cancel, conclude_list_placement
from .placement_questions import ask_placement, conclude_placement
from .reconciliation import Reconciliation

__all__ = ["QUESTIONS"]

_Ask = Callable[[Reconciliation], Awaitable[Verdict]]
_Conclude = Callable[[Reconciliation, StillOpen], Awaitable[Verdict]]

QUESTIONS: dict[str, tuple[_Ask, _Conclude]] = {
    "order.place": (ask_placement, conclude_placement),
    "sor.order.place": (ask_placement, conclude_placement),
    "order.cancel": (ask_cancel, conclude_cancel),
    "order.amend.keepPriority": (ask_amendment, conclude_amendment),
    "order.cancelReplace": (ask_replacement, conclude_replacement),
    "openOrders.cancelAll": (ask_cancel_all, conclude_cancel_all),
    "orderList.cancel": (ask_list_cancel, conclude_list_cancel),
    **dict.fromkeys(
        (
            "orderList.place",
            "orderList.place.oco",
            "orderList.place.oto",
            "orderList.place.otoco",
            "orderList.place.opo",
            "orderList.place.opoco",
        ),
        (ask_list_placement, conclude_list_placement),
    ),
}
