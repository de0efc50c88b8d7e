"""Derives the verdict on a request of unknown outcome from what its client observed (evidence.py).

It gives a verdict only where the observations leave no other possibility; otherwise resolve.py asks the exchange. No
two requests share a client order id that fastws generated. A client order id of the caller may have been used before:
then the order counts only if it was placed while the request could be executed. If no observation has the order's time,
the exchange is asked for it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable
from typing import Any

from ..errors import FastwsError
from ..verdicts import Executed, Order, Rejected, Verdict
from .change_questions import ask_for_canceled
from .evidence import Observation
from .reconciliation import Reconciliation
from .results import compare_decimals

__all__ = ["find_proof"]

# An order with one of these statuses is over, and no cancel ended it. (CANCELED is the status that cancels give.)
_OVER = frozenset(("FILLED", "EXPIRED", "EXPIRED_IN_MATCH", "REJECTED"))


async def find_proof(reconciliation: Reconciliation, observations: list[Observation]) -> Verdict | None:
    """The verdict that the observations prove, or None."""
    rule = _RULES.get(reconciliation.method)
    mine = [
        observation
        for observation in observations
        if observation.fields.get("symbol") in (None, reconciliation.params.get("symbol"))
    ]
    return await rule(reconciliation, mine) if rule is not None and mine else None


def _latest(observations: list[Observation]) -> Order:
    """The fields of the last observation that has the order's status; of the last one if none has it."""
    return next(
        (found.fields for found in reversed(observations) if found.fields.get("status") is not None),
        observations[-1].fields,
    )


def _of_order(observations: list[Observation], number: Any) -> list[Observation]:
    return [observation for observation in observations if observation.fields.get("orderId") == number]


# --- placing


async def _placed(reconciliation: Reconciliation, observations: list[Observation]) -> Verdict | None:
    orders = [
        observation
        for observation in observations
        if not observation.is_list and observation.fields.get("status") is not None
    ]
    for number in dict.fromkeys(observation.fields.get("orderId") for observation in orders):
        mine = _of_order(orders, number)
        if reconciliation.is_of_another(number) or not isinstance(number, int) or number < 0:
            continue  # another request placed it; or the exchange refused it, perhaps for its name
        if not any(reconciliation.name in observation.names for observation in mine):
            continue
        if any(reconciliation.contradicts(observation.fields) for observation in mine):
            continue
        order = mine[-1].fields
        if not reconciliation.is_generated_id(reconciliation.name):
            known = [observation.fields for observation in mine]
            shown = {name: value for fields in known for name, value in fields.items() if value is not None}
            # an amendment may have changed the quantity since
            first = next((fields["origQty"] for fields in known if fields.get("origQty") is not None), None)
            proven = reconciliation.proves({**shown, "origQty": first})
            if proven is None:
                found = await reconciliation.find_order(orderId=number)
                if found is None or reconciliation.contradicts(found):
                    continue
                proven, order = reconciliation.proves(found), found
            if not proven:
                continue
        return Rejected(order=order) if order["status"] == "REJECTED" else Executed(order)
    return None


async def _replaced(reconciliation: Reconciliation, observations: list[Observation]) -> Verdict | None:
    name = reconciliation.params.get("cancelNewClientOrderId")
    for observation in observations:
        order = observation.fields
        if reconciliation.is_generated_id(name) and (order.get("clientOrderId"), order.get("status")) == (
            name,
            "CANCELED",
        ):
            reconciliation.canceled = order
    placed = await _placed(reconciliation, observations)
    if not isinstance(placed, Executed):
        return placed
    if reconciliation.canceled is None:
        with contextlib.suppress(FastwsError):  # the proof does not depend on it
            await ask_for_canceled(reconciliation, placed.order)
    return Executed(placed.order, reconciliation.canceled)


async def _list_placed(reconciliation: Reconciliation, observations: list[Observation]) -> Verdict | None:
    name = reconciliation.params.get("listClientOrderId")
    given = {value for key, value in reconciliation.params.items() if key.endswith("ClientOrderId")}
    for observation in observations:
        of_it = observation.names & given
        if not of_it or reconciliation.is_of_another(observation.fields.get("orderId")):
            continue
        number = observation.fields.get("orderListId")
        if not isinstance(number, int) or number < 0:
            continue
        alike = [other for other in observations if other.fields.get("orderListId") == number]
        times = [other.fields["time"] for other in alike if other.fields.get("time") is not None]
        if not all(map(reconciliation.may_execute_at, times)) or not (
            times or any(map(reconciliation.is_generated_id, of_it))
        ):
            continue
        lists = [other.fields for other in alike if other.is_list]
        if not lists:
            return Executed(alike[-1].fields)
        rejected = any(found.get("listOrderStatus") == "REJECT" for found in lists)
        return Rejected(order=lists[-1]) if rejected and name in of_it else Executed(lists[-1])
    return None


# --- cancelling and amending


async def _cancelled(reconciliation: Reconciliation, observations: list[Observation]) -> Verdict | None:
    """The cancelled order has the name that the cancel gives; an order that is over otherwise was not cancelled."""
    number, old_name = reconciliation.params.get("orderId"), reconciliation.params.get("origClientOrderId")
    for observation in observations:
        order = observation.fields
        if observation.is_list or not (
            order.get("orderId") == int(number)
            if number is not None
            else reconciliation.is_generated_id(reconciliation.name)
            or old_name == order.get("origClientOrderId")
        ):
            continue
        if order.get("status") == "CANCELED" and order.get("clientOrderId") == reconciliation.name:
            return Executed(order)
    for observation in observations:
        order = observation.fields
        meant = (
            order.get("orderId") == int(number)
            if number is not None
            else reconciliation.is_generated_id(old_name) and old_name in observation.names
        )
        if observation.is_list or not meant:
            continue
        if order.get("status") in _OVER or (
            order.get("status") == "CANCELED" and order.get("clientOrderId") != reconciliation.name
        ):
            return Rejected(order=order)
    return None


async def _amended(reconciliation: Reconciliation, observations: list[Observation]) -> Verdict | None:
    """The amended order has the name that the amendment gives, and its quantity."""
    number, size = reconciliation.params.get("orderId"), reconciliation.params.get("newQty")
    for observation in observations:
        order = observation.fields
        if observation.is_list or (number is not None and order.get("orderId") != int(number)):
            continue
        if order.get("origQty") is None:
            continue
        if reconciliation.name not in observation.names or compare_decimals(order["origQty"], size) > 0:
            continue
        exact = compare_decimals(order["origQty"], size) == 0
        # another quantity under this very name: of an earlier amendment that gave the same name
        if (
            reconciliation.is_generated_id(reconciliation.name)
            and (exact or order.get("clientOrderId") != reconciliation.name)
        ) or (number is not None and exact):
            return Executed(_latest(_of_order(observations, order["orderId"])))
    if number is None:
        return None
    for observation in observations:
        order = observation.fields
        if observation.is_list or order.get("orderId") != int(number) or order.get("origQty") is None:
            continue
        over = order.get("status") in _OVER or order.get("status") == "CANCELED"
        if over and order["status"] != "EXPIRED" and compare_decimals(order["origQty"], size) > 0:
            return Rejected(order=order)  # whole to its end
    return None


async def _list_cancelled(reconciliation: Reconciliation, observations: list[Observation]) -> Verdict | None:
    number = reconciliation.params.get("orderListId")
    for observation in observations:
        found = observation.fields
        if not observation.is_list or found.get("listOrderStatus") not in ("ALL_DONE", "REJECT"):
            continue
        meant = number is not None and found.get("orderListId") == int(number)
        if found.get("listClientOrderId") == reconciliation.name:
            if meant or (number is None and reconciliation.is_generated_id(reconciliation.name)):
                return Executed(found)
        elif (
            meant and not observation.in_event
        ):  # under which name an event shows a list that is over is not documented
            return Rejected(order=found)
    return None


_RULES: dict[str, Callable[[Reconciliation, list[Observation]], Awaitable[Verdict | None]]] = {
    "order.place": _placed,
    "sor.order.place": _placed,
    "order.cancelReplace": _replaced,
    "order.cancel": _cancelled,
    "order.amend.keepPriority": _amended,
    "orderList.cancel": _list_cancelled,
    **dict.fromkeys(
        (
            "orderList.place",
            "orderList.place.oco",
            "orderList.place.oto",
            "orderList.place.otoco",
            "orderList.place.opo",
            "orderList.place.opoco",
        ),
        _list_placed,
    ),
}
