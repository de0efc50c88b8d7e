"""Questions about requests that place and cancel order lists; questions.py says what asking and concluding is."""

from __future__ import annotations

from ..verdicts import Executed, NeverExecuted, Order, Rejected, StillOpen, Verdict
from .change_questions import verdict_of_unchanged
from .reconciliation import Reconciliation
from .results import compare_decimals

__all__ = ["ask_list_cancel", "ask_list_placement", "conclude_list_cancel", "conclude_list_placement"]


async def ask_list_placement(reconciliation: Reconciliation) -> Verdict:
    """Ask for the list by its client order id, then for its orders by theirs."""
    found = await reconciliation.find_order_list(
        origClientOrderId=reconciliation.params.get("listClientOrderId")
    )
    if found is not None:
        if reconciliation.is_generated_id(found["listClientOrderId"]):
            return _verdict_of_list(found)  # no other request gives this name
        leg = await reconciliation.find_order(orderId=found["orders"][0]["orderId"])
        if (
            leg is not None
            and leg["orderListId"] == found["orderListId"]
            and reconciliation.may_execute_at(leg["time"])
        ):
            return _verdict_of_list(found)
    for name in _leg_names(reconciliation):  # a cancel may have renamed the list
        leg = await reconciliation.find_order(origClientOrderId=name)
        if leg is not None and leg["orderListId"] != -1 and reconciliation.may_execute_at(leg["time"]):
            return Executed(await reconciliation.find_order_list(orderListId=leg["orderListId"]) or leg)
    return StillOpen()


def _verdict_of_list(found: Order) -> Verdict:
    return Rejected(order=found) if found["listOrderStatus"] == "REJECT" else Executed(found)


def _leg_names(reconciliation: Reconciliation) -> list[str]:
    return [
        value
        for key, value in reconciliation.params.items()
        if key.endswith("ClientOrderId") and key != "listClientOrderId"
    ]


async def conclude_list_placement(reconciliation: Reconciliation, verdict: StillOpen) -> Verdict:
    """Look at all orders of lists that were placed in time: a cancel or an amendment may have renamed them."""
    names = _leg_names(reconciliation)
    quantity = reconciliation.params.get("quantity", reconciliation.params.get("workingQuantity"))
    legs = [
        order
        for order in await reconciliation.orders_placed()
        if order["orderListId"] != -1 and not reconciliation.is_of_another(order["orderId"])
    ]
    if legs:
        ids = {order["orderListId"] for order in legs}
        for found in await reconciliation.changed_order_lists():
            if (
                found["listClientOrderId"] == reconciliation.params.get("listClientOrderId")
                and found["orderListId"] in ids
            ):
                return _verdict_of_list(found)
        for leg in legs:
            if leg["clientOrderId"] in names and reconciliation.is_generated_id(leg["clientOrderId"]):
                lists = await reconciliation.changed_order_lists()
                same = (found for found in lists if found["orderListId"] == leg["orderListId"])
                return Executed(next(same, leg))
    candidates = tuple(
        order
        for order in legs
        # a cancel or an amendment may have renamed it; an amendment also reduces the quantity
        if order["status"] == "CANCELED"
        or order["clientOrderId"] in names
        or compare_decimals(order["origQty"], quantity) < 0
    )
    return StillOpen(candidates=candidates) if candidates else NeverExecuted()


async def ask_list_cancel(reconciliation: Reconciliation) -> Verdict:
    """Ask for the list: if this request cancelled it, it has the client order id that the request gives."""
    list_id = reconciliation.params.get("orderListId")
    old_name = reconciliation.params.get("listClientOrderId")
    if list_id is not None:
        found = await reconciliation.find_order_list(orderListId=list_id)
        if found is None or found["listOrderStatus"] == "EXECUTING":
            return StillOpen(found)
        return Executed(found) if found["listClientOrderId"] == reconciliation.name else Rejected(order=found)
    found = await reconciliation.find_order_list(origClientOrderId=reconciliation.name)
    if found is not None and found["listOrderStatus"] != "EXECUTING" and reconciliation.name != old_name:
        legs = await _find_legs(reconciliation, found)
        if any(
            leg["status"] == "CANCELED" and reconciliation.may_execute_at(leg["updateTime"]) for leg in legs
        ):
            return Executed(found)
    found = await reconciliation.find_order_list(origClientOrderId=old_name)
    if found is None or found["listOrderStatus"] == "EXECUTING":
        return StillOpen(found)
    # if the cancel gives the list the name that it has already, the name does not show who cancelled it
    reconciliation.ambiguous = reconciliation.name == old_name
    legs = await _find_legs(reconciliation, found)
    if reconciliation.ambiguous or len(legs) < len(found["orders"]):
        return StillOpen(found)
    last = max(legs, key=lambda leg: int(leg["updateTime"]))
    in_time = isinstance(verdict_of_unchanged(reconciliation, last, False), Rejected)
    return Rejected(order=found) if in_time else StillOpen(found)


async def _find_legs(reconciliation: Reconciliation, found: Order) -> list[Order]:
    """The orders of a list that the exchange finds."""
    legs = [await reconciliation.find_order(orderId=leg["orderId"]) for leg in found["orders"]]
    return [leg for leg in legs if leg is not None]


async def conclude_list_cancel(reconciliation: Reconciliation, verdict: StillOpen) -> Verdict:
    """The list is open, or missing, or was over before the cancel; a missing list may have a new name."""
    found = verdict.order
    if reconciliation.ambiguous:
        return verdict
    if found is None:
        if reconciliation.params.get("orderListId") is None:  # the request names the list by client order id
            for changed in await reconciliation.changed_order_lists():
                if changed["listClientOrderId"] == reconciliation.name:
                    return Executed(changed)
        return NeverExecuted()
    return NeverExecuted(found) if found["listOrderStatus"] == "EXECUTING" else Rejected(order=found)
