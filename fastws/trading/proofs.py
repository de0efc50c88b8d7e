"""What follows for a request of unknown outcome from what its client saw (evidence.py).

Only what cannot be otherwise is a verdict; the rest is left to the questions. A client order id that fastws made is
nobody else's. One that the caller chose may have been used before: then the order must have been placed in time, for
which the exchange is asked where no sighting tells.
"""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable
from typing import Any

from ..errors import FastwsError
from ..verdicts import Executed, Order, Rejected, Verdict
from .evidence import Sighting
from .questions import Case, ask_replaced, compare

__all__ = ["proven"]

# An order that has one of these changes no more; nor does one that is CANCELED, which a cancel may have brought about.
_OVER = frozenset(("FILLED", "EXPIRED", "EXPIRED_IN_MATCH", "REJECTED"))


async def proven(case: Case, seen: list[Sighting]) -> Verdict | None:
    """The verdict that the sightings prove, or None."""
    rule = _RULES.get(case.method)
    mine = [sighting for sighting in seen if sighting.what.get("symbol") in (None, case.params.get("symbol"))]
    return await rule(case, mine) if rule is not None and mine else None


def _latest(seen: list[Sighting]) -> Order:
    """The last sighting that tells an order's state, if there is one."""
    return next(
        (found.what for found in reversed(seen) if found.what.get("status") is not None), seen[-1].what
    )


def _of(seen: list[Sighting], number: Any) -> list[Sighting]:
    return [sighting for sighting in seen if sighting.what.get("orderId") == number]


# --- placing


async def _placed(case: Case, seen: list[Sighting]) -> Verdict | None:
    orders = [
        sighting for sighting in seen if not sighting.is_list and sighting.what.get("status") is not None
    ]
    for number in dict.fromkeys(sighting.what.get("orderId") for sighting in orders):
        mine = _of(orders, number)
        if number in case.others or not isinstance(number, int) or number < 0:
            continue  # of another request; or refused, perhaps as a namesake
        if not any(case.name in sighting.names for sighting in mine):
            continue
        if not all(case.agrees(sighting.what) for sighting in mine):
            continue
        order = mine[-1].what
        timed = any(sighting.what.get("time") is not None for sighting in mine)
        if not timed and not case.made(case.name):
            await case.begin()
            found = await case.order(orderId=number)
            if found is not None and not case.in_span(found["time"]):
                continue
            order = found or order
        return Rejected(order=order) if order["status"] == "REJECTED" else Executed(order)
    return None


async def _replaced(case: Case, seen: list[Sighting]) -> Verdict | None:
    name = case.params.get("cancelNewClientOrderId")
    for sighting in seen:
        order = sighting.what
        if case.made(name) and (order.get("clientOrderId"), order.get("status")) == (name, "CANCELED"):
            case.canceled = order
    placed = await _placed(case, seen)
    if not isinstance(placed, Executed):
        return placed
    if case.canceled is None:
        with contextlib.suppress(FastwsError):  # it is no part of the proof
            await case.begin()
            old = await ask_replaced(case)
            case.canceled = old.order if isinstance(old, Executed) else None
    return Executed(placed.order, case.canceled)


async def _list_placed(case: Case, seen: list[Sighting]) -> Verdict | None:
    name = case.params.get("listClientOrderId")
    given = {value for key, value in case.params.items() if key.endswith("ClientOrderId")}
    for sighting in seen:
        of_it = sighting.names & given
        if not of_it or sighting.what.get("orderId") in case.others:
            continue
        number = sighting.what.get("orderListId")
        if not isinstance(number, int) or number < 0:
            continue
        alike = [other for other in seen if other.what.get("orderListId") == number]
        times = [other.what["time"] for other in alike if other.what.get("time") is not None]
        if not all(map(case.in_span, times)) or not (times or any(map(case.made, of_it))):
            continue
        lists = [other.what for other in alike if other.is_list]
        if not lists:
            return Executed(alike[-1].what)
        rejected = any(found.get("listOrderStatus") == "REJECT" for found in lists)
        return Rejected(order=lists[-1]) if rejected and name in of_it else Executed(lists[-1])
    return None


# --- cancelling and amending


async def _cancelled(case: Case, seen: list[Sighting]) -> Verdict | None:
    """The cancelled order has the name that the cancel gives; an order that is over otherwise was not cancelled."""
    number, old_name = case.params.get("orderId"), case.params.get("origClientOrderId")
    for sighting in seen:
        order = sighting.what
        if sighting.is_list or not (
            order.get("orderId") == int(number)
            if number is not None
            else case.made(case.name) or old_name == order.get("origClientOrderId")
        ):
            continue
        if order.get("status") == "CANCELED" and order.get("clientOrderId") == case.name:
            return Executed(order)
    for sighting in seen:
        order = sighting.what
        meant = (
            order.get("orderId") == int(number)
            if number is not None
            else case.made(old_name) and old_name in sighting.names
        )
        if sighting.is_list or not meant:
            continue
        if order.get("status") in _OVER or (
            order.get("status") == "CANCELED" and order.get("clientOrderId") != case.name
        ):
            return Rejected(order=order)
    return None


async def _amended(case: Case, seen: list[Sighting]) -> Verdict | None:
    """The amended order has the name that the amendment gives, and its quantity."""
    number, size = case.params.get("orderId"), case.params.get("newQty")
    for sighting in seen:
        order = sighting.what
        if sighting.is_list or (number is not None and order.get("orderId") != int(number)):
            continue
        if order.get("origQty") is None:
            continue
        if case.name not in sighting.names or compare(order["origQty"], size) > 0:
            continue
        exact = compare(order["origQty"], size) == 0
        # another quantity under this very name: of an earlier amendment that gave the same name
        if (case.made(case.name) and (exact or order.get("clientOrderId") != case.name)) or (
            number is not None and exact
        ):
            return Executed(_latest(_of(seen, order["orderId"])))
    if number is None:
        return None
    for sighting in seen:
        order = sighting.what
        if sighting.is_list or order.get("orderId") != int(number) or order.get("origQty") is None:
            continue
        over = order.get("status") in _OVER or order.get("status") == "CANCELED"
        if over and order["status"] != "EXPIRED" and compare(order["origQty"], size) > 0:
            return Rejected(order=order)  # whole to its end
    return None


async def _list_cancelled(case: Case, seen: list[Sighting]) -> Verdict | None:
    number = case.params.get("orderListId")
    for sighting in seen:
        found = sighting.what
        if not sighting.is_list or found.get("listOrderStatus") not in ("ALL_DONE", "REJECT"):
            continue
        meant = number is not None and found.get("orderListId") == int(number)
        if found.get("listClientOrderId") == case.name:
            if meant or (number is None and case.made(case.name)):
                return Executed(found)
        elif (
            meant and not sighting.in_event
        ):  # under which name an event shows a list that is over is not documented
            return Rejected(order=found)
    return None


_RULES: dict[str, Callable[[Case, list[Sighting]], Awaitable[Verdict | None]]] = {
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
