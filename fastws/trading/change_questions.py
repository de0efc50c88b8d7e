"""Questions about requests that cancel, amend and replace single orders, and about ``openOrders.cancelAll``.

questions.py says what asking and concluding is.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, TypeGuard

from ..verdicts import Executed, NeverExecuted, Order, Rejected, StillOpen, Verdict
from .placement_questions import ask_placement, conclude_placement, verdict_of_archived
from .reconciliation import Reconciliation
from .results import as_microseconds, compare_decimals

__all__ = [
    "ask_amendment",
    "ask_cancel",
    "ask_cancel_all",
    "ask_for_canceled",
    "ask_replacement",
    "conclude_amendment",
    "conclude_cancel",
    "conclude_cancel_all",
    "conclude_replacement",
    "verdict_of_unchanged",
]

OPEN_STATUSES = frozenset(("NEW", "PARTIALLY_FILLED", "PENDING_NEW", "PENDING_CANCEL"))


# --- cancelling


async def ask_cancel(
    reconciliation: Reconciliation,
    id_key: str = "orderId",
    name_key: str = "origClientOrderId",
    new_name_key: str = "newClientOrderId",
) -> Verdict:
    """Ask for the order by the client order id that the cancel gives, then by its id or its old client order id."""
    order_id, new_name = reconciliation.params.get(id_key), reconciliation.params.get(new_name_key)
    order = await reconciliation.find_order(origClientOrderId=new_name)
    if reconciliation.archived:
        return verdict_of_archived(reconciliation, new_name)
    if _is_canceled(order) and (
        reconciliation.may_execute_at(order["updateTime"])
        if order_id is None
        else order["orderId"] == int(order_id)
    ):
        return Executed(order)
    order = await find_target_order(reconciliation, order_id, reconciliation.params.get(name_key))
    if order_id is not None and _is_canceled(order) and order["clientOrderId"] == new_name:
        return Executed(order)
    return verdict_of_unchanged(reconciliation, order, order_id is not None)


def _is_canceled(order: Order | None) -> TypeGuard[Order]:
    return order is not None and order["status"] == "CANCELED"


async def find_target_order(reconciliation: Reconciliation, order_id: Any, name: Any) -> Order | None:
    """The order that the request cancels or amends."""
    by = {"origClientOrderId": name} if order_id is None else {"orderId": order_id}
    order = await reconciliation.find_order(**by)
    reconciliation.ambiguous = reconciliation.ambiguous or reconciliation.archived
    return order


def verdict_of_unchanged(reconciliation: Reconciliation, order: Order | None, by_id: bool) -> Verdict:
    """The verdict for an order that does not show the cancel or the amendment.

    ``by_id``: the request names the order by its orderId, so no other order can be meant.
    """
    if order is None or order["status"] in OPEN_STATUSES:
        return StillOpen(order)
    if by_id or as_microseconds(order["updateTime"]) >= reconciliation.earliest:
        return Rejected(order=order)
    return StillOpen(order)  # it was over before the request: another order with the same name may be meant


async def conclude_cancel(reconciliation: Reconciliation, verdict: StillOpen) -> Verdict:
    """The order is open, or missing, or was over before the cancel: the cancel had no effect."""
    order = verdict.order
    if reconciliation.ambiguous:
        return verdict
    if order is None or order["status"] in OPEN_STATUSES:
        # No order has the name that this cancel gives. If the order is missing, another request renamed it.
        return NeverExecuted(order)
    return Rejected(order=order)


# --- amending


async def ask_amendment(reconciliation: Reconciliation) -> Verdict:
    """Ask for the order and its amendments. An amendment with the request's name and quantity is the proof."""
    order_id, old_name = reconciliation.params.get("orderId"), reconciliation.params.get("origClientOrderId")
    order = await reconciliation.find_order(origClientOrderId=reconciliation.name)
    if order is not None and order_id is not None and order["orderId"] != int(order_id):
        order = None  # another order with the same name
    if order is not None and await _is_amended(reconciliation, order):
        return Executed(order)
    order = await find_target_order(reconciliation, order_id, old_name)
    if order is not None and await _is_amended(reconciliation, order):
        return Executed(order)
    verdict = verdict_of_unchanged(reconciliation, order, order_id is not None)
    if (
        isinstance(verdict, Rejected)
        and order is not None
        and _fits_amendment(reconciliation, order)
        and not reconciliation.is_history_complete(order)
    ):
        return StillOpen(order)  # the database may not show yet how the order was amended before it ended
    return verdict


def _fits_amendment(reconciliation: Reconciliation, order: Order) -> bool:
    """Whether an order's quantity can be the result of the amendment."""
    # an order expires if the new quantity was filled already
    return (
        order["status"] == "EXPIRED"
        or compare_decimals(order["origQty"], reconciliation.params.get("newQty")) <= 0
    )


async def _is_amended(reconciliation: Reconciliation, order: Order) -> bool:
    """Whether the order's amendments include that of the request."""
    if not _fits_amendment(reconciliation, order):
        return False
    if (
        order["clientOrderId"] == reconciliation.name
        and reconciliation.is_generated_id(reconciliation.name)
        and compare_decimals(order["origQty"], reconciliation.params.get("newQty")) == 0
    ):
        return True  # no other request gives this name
    rows = await reconciliation.amendments(order)
    return any(
        row["newClientOrderId"] == reconciliation.name
        and reconciliation.may_execute_at(row["time"])
        # if the order had this name before, the name alone proves nothing
        and (
            row["origClientOrderId"] != reconciliation.name
            or compare_decimals(row["newQty"], reconciliation.params.get("newQty")) == 0
        )
        for row in rows
    )


async def conclude_amendment(reconciliation: Reconciliation, verdict: StillOpen) -> Verdict:
    """As for a cancel, but a missing order that the request names by client order id stays open."""
    if verdict.order is None and reconciliation.params.get("orderId") is None:
        return verdict  # the order may have been amended, and renamed once more after that
    return await conclude_cancel(reconciliation, verdict)


# --- replacing


async def ask_cancel_of_replacement(reconciliation: Reconciliation) -> Verdict:
    """Ask about the cancel of a cancelReplace."""
    return await ask_cancel(
        reconciliation, "cancelOrderId", "cancelOrigClientOrderId", "cancelNewClientOrderId"
    )


async def ask_for_canceled(reconciliation: Reconciliation, placed: Order | None) -> None:
    """Find the order that a cancelReplace cancelled, after it placed the order ``placed``.

    Raises:
        LookupDeferred: another round has to ask for it.
    """
    old = await ask_cancel_of_replacement(reconciliation)
    if isinstance(old, Executed):
        reconciliation.canceled = old.order
    elif not reconciliation.shows_since(placed):
        found = await reconciliation.look_up_order(
            origClientOrderId=reconciliation.params.get("cancelNewClientOrderId")
        )
        if _is_canceled(found) and reconciliation.may_execute_at(found["updateTime"]):
            reconciliation.canceled = found


async def ask_replacement(reconciliation: Reconciliation) -> Verdict:
    """Ask about both halves of a cancelReplace: the new order, and the cancel of the old one."""
    placed = await ask_placement(reconciliation)
    old: Verdict = Executed(None)
    if reconciliation.canceled is None:
        old = await ask_cancel_of_replacement(reconciliation)
        if isinstance(old, Executed):
            reconciliation.canceled = old.order
    if isinstance(placed, Executed) and reconciliation.canceled is None:
        await ask_for_canceled(reconciliation, placed.order)
    if isinstance(placed, (Executed, Rejected)):
        return replace(placed, canceled=reconciliation.canceled)
    if isinstance(old, Rejected) and reconciliation.params.get("cancelReplaceMode") == "STOP_ON_FAILURE":
        return old
    untouched = None if isinstance(old, Executed) else old.order
    return StillOpen(untouched, canceled=reconciliation.canceled)


async def conclude_replacement(reconciliation: Reconciliation, verdict: StillOpen) -> Verdict:
    """As for a placement; the verdict also says which order the cancel half cancelled."""
    placed = await conclude_placement(reconciliation, verdict)
    if isinstance(placed, (Executed, Rejected)):
        return replace(placed, canceled=reconciliation.canceled)
    if isinstance(placed, NeverExecuted) and reconciliation.canceled is not None:
        return Rejected(canceled=reconciliation.canceled)
    return placed


# --- cancelling all open orders


async def ask_cancel_all(reconciliation: Reconciliation) -> Verdict:
    """Ask which orders of the symbol are open that the request could have cancelled."""
    orders = await reconciliation.find_open_orders()
    reconciliation.open_orders = sorted(
        (order for order in orders if as_microseconds(order["time"]) <= reconciliation.latest),
        key=lambda order: int(order["time"]),
    )
    return StillOpen(reconciliation.open_orders[0] if reconciliation.open_orders else None)


async def conclude_cancel_all(reconciliation: Reconciliation, verdict: StillOpen) -> Verdict:
    """An open order that is older than the request proves that it was never executed; no open order, that it was."""
    for order in reconciliation.open_orders:
        if as_microseconds(order["time"]) < reconciliation.earliest:
            return NeverExecuted(order)
    candidates = tuple(
        order for order in reconciliation.open_orders if not reconciliation.is_of_another(order["orderId"])
    )
    return StillOpen(candidates=candidates) if candidates else Executed(None)
