"""Questions about ``order.place`` and ``sor.order.place``; questions.py says what asking and concluding is."""

from __future__ import annotations

from dataclasses import replace

from ..verdicts import Executed, NeverExecuted, Order, Rejected, StillOpen, Verdict
from .reconciliation import Reconciliation, is_generated_id

__all__ = ["ask_placement", "conclude_placement", "verdict_of_archived"]


async def ask_placement(reconciliation: Reconciliation) -> Verdict:
    """Ask for the order with the request's client order id, and compare it with the request."""
    order = await reconciliation.find_order(origClientOrderId=reconciliation.name)
    if reconciliation.archived:
        return verdict_of_archived(reconciliation, reconciliation.name)
    if (
        order is None
        or reconciliation.is_of_another(order["orderId"])
        or not reconciliation.resembles(order)
        or order["type"] != reconciliation.params.get("type")
    ):
        return StillOpen()
    if reconciliation.has_requested_quantity(order) or await reconciliation.matched_before_amendment(order):
        return verdict_of_placed(order)
    return StillOpen()


def verdict_of_placed(order: Order) -> Verdict:
    """The verdict for the order that the request placed: the engine may have recorded it without accepting it."""
    return Rejected(order=order) if order["status"] == "REJECTED" else Executed(order)


def verdict_of_archived(reconciliation: Reconciliation, name: str | None) -> Verdict:
    """The verdict for an archived order: it has no fields to compare, so only a generated name is proof."""
    if is_generated_id(name, reconciliation.client.client_order_id_prefix):
        return Executed(None)
    reconciliation.ambiguous = True
    return StillOpen()


async def conclude_placement(reconciliation: Reconciliation, verdict: StillOpen) -> Verdict:
    """Look at all orders that were placed in time: a cancel or an amendment may have changed the order's name."""
    if reconciliation.ambiguous:
        return verdict
    candidates = []
    quantity = reconciliation.params.get("quantity")
    for order in await reconciliation.orders_alike():
        if reconciliation.is_of_another(order["orderId"]):
            continue
        named = order["clientOrderId"] == reconciliation.name
        if not named and order["status"] != "CANCELED" and order["origQty"] == quantity:
            continue  # neither renamed nor amended: the order of another request
        if not reconciliation.resembles(order):
            continue
        if not reconciliation.has_requested_quantity(order):
            if await reconciliation.matched_before_amendment(order):
                return Executed(order)
            if reconciliation.is_smaller(order) and not reconciliation.is_history_complete(order):
                candidates.append(order)  # the database may not show the latest amendment yet
        elif named and order["type"] == reconciliation.params.get("type"):
            return verdict_of_placed(order)
        elif named or order["status"] == "CANCELED":
            candidates.append(order)
    return replace(verdict, candidates=tuple(candidates)) if candidates else NeverExecuted(verdict.order)
