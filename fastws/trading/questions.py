"""The questions behind ``ExecutionUnknown.resolve()``; resolve.py says what they rest on.

Each method has an asking function, which gives a final verdict only on proof and else StillOpen, and a concluding one,
which says what follows when the request can no longer act and asking has shown nothing, twice.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from typing import Any, TypeGuard

from .._native.clock import Clock
from .._native.request import random_length
from .._native.views import View
from ..errors import ApiError, ExecutionUnknown, LocallyLimited, NotConnected, NotSent, RequestTimeout
from ..requester import Requester
from ..signing import Signer
from ..types import Reply
from ..verdicts import Executed, NeverExecuted, Order, Rejected, StillOpen, Verdict

__all__ = ["QUESTIONS", "Asker", "Case", "OutOfTime", "ask_replaced", "compare", "plain", "plain_name"]

NO_SUCH_ORDER = -2013
NO_SUCH_LIST = frozenset((-2011, -2013))
ORDER_ARCHIVED = -2026

# Microseconds: how far a timestamp may be ahead of the exchange, its processing limit, and a margin for what nobody
# measured, as the differences between its own clocks.
_AHEAD = 1_000_000
_PROCESSING = 10_000_000
_MARGIN = 1_000_000
# How far the database may lag from which the exchange answers allOrders, allOrderLists, orderList.status and
# order.amendments (web-socket-api.md, Data Source): what it does not show after that is not there.
_DATABASE_LAG = 4_000_000
_DEFAULT_WINDOW_MS = 5000
_NEVER = 1 << 62

# A question changes nothing, so it may come late.
_QUESTION_WINDOW_MS = 60_000
_GATE_PAUSE = 0.05  # seconds, at the least, before a closed gate is tried again
_PAGE = 1000
_DAY = 86_400_000_000 - 1_000  # the longest span of one question, to the millisecond
_SOON = 60_000_000  # the newest span reaches so far into the future: what changes while it is asked for belongs to it

_OPEN = frozenset(("NEW", "PARTIALLY_FILLED", "PENDING_NEW", "PENDING_CANCEL"))
_RANDOM = re.compile(r"[0-9BCDFGHJKLMNPQRSTVWXZbc]+")


def plain(result: Any) -> Any:
    """A result as dicts, where it is made of views."""
    if isinstance(result, View):
        return result.to_dict()
    return [plain(entry) for entry in result] if isinstance(result, list) else result


class OutOfTime(Exception):
    """The time is over that was given to find out: nothing more is asked, or a question was cut short."""


@dataclass(frozen=True)
class Asker:
    """Who asks: a client, and how it does so.

    Attributes:
        clock: the exchange's time, as the client knows it.
        signing: gives the ``signer`` of a request for the account of a key; None stands for the client's own.
        patience: seconds that the client waits for an answer.
        client_order_id_prefix: how the client order ids begin that the client makes.
    """

    client: Requester
    clock: Clock
    signing: Callable[[Signer | None], Signer | None]
    patience: float
    client_order_id_prefix: str

    def ask(self, method: str, params: dict[str, Any], signer: Signer | None, timeout: float) -> Reply[Any]:
        """Send a request for the account of that key; None is the client's own, whoever is logged on."""
        return self.client.request(method, params, signer=self.signing(signer), timeout=timeout)


class Case:
    """One request, and what may be asked about it. Times are microseconds of the exchange's clock.

    Attributes:
        give_up: until when all must be asked and answered, by time.monotonic().
        name: the client order id that the request gave to an order.
        earliest, last_chance: between these the request may have been executed.
        settled: from then on all that the exchange answers from shows it.
        others: ids of orders that other requests made.
        unsure: an order of that name is archived: it cannot be told from a namesake, and "never" cannot be said.
        canceled: the order that a cancelReplace cancelled.
        left: the orders that openOrders.cancelAll could have cancelled, and that are open.
    """

    def __init__(
        self, asker: Asker, error: ExecutionUnknown, others: Collection[int], give_up: float = 0.0
    ) -> None:
        self.asker = asker
        self.give_up = give_up
        self.method = plain_name(error.method)
        self.params = params = error.params
        self.signer = error.info.signer if error.info is not None else None
        self.name: str | None = params.get("newClientOrderId")
        self.others = frozenset(others)
        timestamp = params.get("timestamp")
        if timestamp:
            window = Fraction(str(params.get("recvWindow") or _DEFAULT_WINDOW_MS)) * 1000  # exactly
            self.earliest = _us(int(timestamp)) - _AHEAD - _MARGIN
            self.last_chance = _us(int(timestamp)) + int(window) + _PROCESSING + _MARGIN
        else:
            self.earliest, self.last_chance = 0, _NEVER
        self.settled = self.last_chance + _DATABASE_LAG
        self.now = 0
        self.archived = self.unsure = False
        self.canceled: Order | None = None
        self.left: list[Order] = []

    @property
    def time_left(self) -> float:
        """Seconds that are left."""
        return self.give_up - time.monotonic()

    async def begin(self) -> None:
        """Begin a round of questions: what time is it at the exchange?"""
        self.unsure = False
        self.now = _us((await self._answer("time", {}, None))["serverTime"])

    async def ask(self, method: str, **params: Any) -> Any:
        """One question, for the account that the request was for, with the exchange's own time."""
        params["timestamp"] = self.now
        params["recvWindow"] = _QUESTION_WINDOW_MS
        return await self._answer(method, params, self.asker.signing(self.signer))

    async def _answer(self, method: str, params: dict[str, Any], signer: Signer | None) -> Any:
        """The answer to a question, which waits for it as long as any request does, and never beyond the end."""
        patience = self.asker.patience
        while True:
            left = self.time_left
            if left <= 0:
                raise OutOfTime(f"no time is left to ask {method}")
            try:
                return plain(
                    await self.asker.client.request(
                        method, params, signer=signer, timeout=min(left, patience)
                    )
                )
            except LocallyLimited as exc:
                wait = max(_GATE_PAUSE, (exc._until_us - self.asker.clock.now()) / 1e6)
                if wait > self.time_left:
                    raise
                await asyncio.sleep(wait)
            except (RequestTimeout, NotSent) as exc:
                if left > patience or isinstance(exc, NotConnected):
                    raise
                raise OutOfTime(f"no answer to {method} in the time that was left") from exc

    async def order(self, **by: Any) -> Order | None:
        """The order with that orderId or origClientOrderId; None if there is none, or with ``archived`` set."""
        self.archived = False
        try:
            found: Order = await self.ask("order.status", symbol=self.params.get("symbol"), **by)
        except ApiError as exc:
            self.archived = exc.code == ORDER_ARCHIVED
            if exc.code not in (ORDER_ARCHIVED, NO_SUCH_ORDER):
                raise
            return None
        return found

    async def order_list(self, **by: Any) -> Order | None:
        """The order list with that orderListId or origClientOrderId; None if there is none."""
        try:
            found: Order = await self.ask("orderList.status", **by)
        except ApiError as exc:
            if exc.code not in NO_SUCH_LIST:
                raise
            return None
        return found

    async def orders_made(self) -> AsyncIterator[Order]:
        """The orders of the symbol that were made while the request could be executed.

        allOrders goes by the time of the last change, which is up to now; so the newest come first.
        """
        async for order in self._changed("allOrders", symbol=self.params.get("symbol")):
            if self.in_span(order["time"]):
                yield order

    def lists_changed(self) -> AsyncIterator[Order]:
        """The order lists that changed since the request could be executed, the newest first."""
        return self._changed("allOrderLists")

    async def _changed(self, method: str, **params: Any) -> AsyncIterator[Order]:
        end = self.now + _SOON
        while end >= self.earliest:
            start = max(self.earliest, end - _DAY)
            for row in await self._page(method, start, end, params):
                yield row
            end = start - 1

    async def _page(self, method: str, start: int, end: int, params: dict[str, Any]) -> list[Order]:
        page: list[Order] = await self.ask(method, startTime=start, endTime=end, limit=_PAGE, **params)
        if len(page) < _PAGE or start >= end:
            return page
        # Which end of a longer list a page shows is not documented.
        middle = (start + end) // 2
        newer = await self._page(method, middle + 1, end, params)
        return newer + await self._page(method, start, middle, params)

    async def amendments(self, order: Order) -> list[dict[str, Any]]:
        """How an order was amended, as far as that shows."""
        try:
            rows: list[dict[str, Any]] = await self.ask(
                "order.amendments", symbol=order["symbol"], orderId=order["orderId"]
            )
        except ApiError as exc:
            if exc.code != NO_SUCH_ORDER:  # the order itself does not show yet
                raise
            return []
        return rows

    def shows(self, order: Order) -> bool:
        """Whether all that happened to an order before its last change shows in the database, too."""
        return _us(order["updateTime"]) + _DATABASE_LAG < self.now

    def agrees(self, order: Order) -> bool:
        """Whether nothing that an order shows speaks against its being the one that was placed."""
        params = self.params
        for key in ("symbol", "side", "type"):
            if order.get(key) is not None and order[key] != params.get(key):
                return False
        price = None if params.get("pegPriceType") is not None else params.get("price")
        for key, ours, fits in (("price", price, (0,)), ("origQty", params.get("quantity"), (0, -1))):
            if ours is not None and order.get(key) is not None and compare(order[key], ours) not in fits:
                return False
        return order.get("time") is None or self.in_span(order["time"])

    def made(self, name: str | None) -> bool:
        """Whether fastws made a client order id: nobody else can have given it."""
        return _made_here(name, self.asker.client_order_id_prefix)

    def in_span(self, time: int) -> bool:
        """Whether the request may have been executed at that time."""
        return self.earliest <= _us(time) <= self.last_chance

    def resembles(self, order: Order) -> bool:
        """Whether an order agrees with what was asked for in what never changes, the type left aside."""
        params = self.params
        if order["side"] != params.get("side") or not self.in_span(order["time"]):
            return False
        price = params.get("price")  # that of a pegged order moves
        return price is None or params.get("pegPriceType") is not None or compare(order["price"], price) == 0

    def has_quantity(self, order: Order) -> bool:
        """Whether an order has the quantity that was asked for."""
        amount = self.params.get("quoteOrderQty")  # what it comes to in the base asset is known afterwards
        if amount is not None:
            return compare(order["origQuoteOrderQty"], amount) == 0
        return compare(order["origQty"], self.params.get("quantity")) == 0

    def is_smaller(self, order: Order) -> bool:
        """Whether an order has less than the quantity that was asked for, as amendments make it."""
        return compare(order["origQty"], self.params.get("quantity")) < 0

    async def was_ours(self, order: Order) -> bool:
        """Whether an order had our name and quantity until it was amended, which made it smaller."""
        quantity = self.params.get("quantity")
        if not self.is_smaller(order):
            return False
        rows = await self.amendments(order)
        return any(
            row["origClientOrderId"] == self.name and compare(row["origQty"], quantity) == 0 for row in rows
        )


def plain_name(method: str) -> str:
    """The method without its version, as in "v3/order.place"."""
    return method.rpartition("/")[2]


def _us(time: int) -> int:
    """A timestamp in microseconds, from milliseconds or microseconds."""
    return time if time >= 10**14 else time * 1000


def compare(theirs: Any, ours: Any) -> int:
    """Whether a decimal of the exchange is below (-1), at (0) or above (1) ours; 1 where there is none of ours."""
    if ours is None:
        return 1
    # numbers="float" rounds, and would have rounded ours likewise
    left, right = (
        (theirs, float(ours)) if isinstance(theirs, float) else (Decimal(theirs), Decimal(str(ours)))
    )
    return (left > right) - (left < right)


# --- placing


async def _ask_placed(case: Case) -> Verdict:
    order = await case.order(origClientOrderId=case.name)
    if case.archived:
        return _archived(case, case.name)
    if order is None or not case.resembles(order) or order["type"] != case.params.get("type"):
        return StillOpen()
    if case.has_quantity(order) or await case.was_ours(order):
        return _taken_down(order)
    return StillOpen()


def _taken_down(order: Order) -> Verdict:
    """For the order itself: the engine may have taken it down without accepting it."""
    return Rejected(order=order) if order["status"] == "REJECTED" else Executed(order)


def _made_here(name: str | None, prefix: str) -> bool:
    """Whether fastws made a client order id for a client with that prefix."""
    if name is None or not name.startswith(prefix):
        return False
    random = name[len(prefix) :]
    return len(random) == random_length(prefix) and _RANDOM.fullmatch(random) is not None


def _archived(case: Case, name: str | None) -> Verdict:
    """There is nothing to compare: only a name that nobody else can have given is proof."""
    if _made_here(name, case.asker.client_order_id_prefix):
        return Executed(None)
    case.unsure = True
    return StillOpen()


async def _conclude_placed(case: Case, verdict: StillOpen) -> Verdict:
    if case.unsure:
        return verdict
    candidates = []
    async for order in case.orders_made():
        if order["orderId"] in case.others or not case.resembles(order):
            continue
        named = order["clientOrderId"] == case.name
        if not case.has_quantity(order):
            if await case.was_ours(order):
                return Executed(order)
            if case.is_smaller(order) and not case.shows(order):
                candidates.append(order)  # amended just now, from what does not show yet
        elif named and order["type"] == case.params.get("type"):
            return _taken_down(order)
        elif named or order["status"] == "CANCELED":
            candidates.append(order)
    return replace(verdict, candidates=tuple(candidates)) if candidates else NeverExecuted(verdict.order)


# --- cancelling and amending


async def _ask_cancelled(
    case: Case,
    id_key: str = "orderId",
    name_key: str = "origClientOrderId",
    new_name_key: str = "newClientOrderId",
) -> Verdict:
    """The order is cancelled under the new client order id, or stands under its old one."""
    order_id, new_name = case.params.get(id_key), case.params.get(new_name_key)
    order = await case.order(origClientOrderId=new_name)
    if case.archived:
        return _archived(case, new_name)
    if _is_canceled(order) and (
        case.in_span(order["updateTime"]) if order_id is None else order["orderId"] == int(order_id)
    ):
        return Executed(order)
    order = await _old_order(case, order_id, case.params.get(name_key))
    if order_id is not None and _is_canceled(order) and order["clientOrderId"] == new_name:
        return Executed(order)
    return _untouched(case, order, order_id is not None)


def _is_canceled(order: Order | None) -> TypeGuard[Order]:
    return order is not None and order["status"] == "CANCELED"


async def _old_order(case: Case, order_id: Any, name: Any) -> Order | None:
    """The order that is to be cancelled or amended."""
    by = {"origClientOrderId": name} if order_id is None else {"orderId": order_id}
    order = await case.order(**by)
    case.unsure = case.unsure or case.archived
    return order


def _untouched(case: Case, order: Order | None, by_id: bool) -> Verdict:
    """What it means that an order was not cancelled or amended so far."""
    if order is None or order["status"] in _OPEN:
        return StillOpen(order)
    if by_id or _us(order["updateTime"]) >= case.earliest:
        return Rejected(order=order)
    return StillOpen(order)  # it was finished before: it may be a namesake, and hide the order that is meant


async def _conclude_cancelled(case: Case, verdict: StillOpen) -> Verdict:
    order = verdict.order
    if case.unsure:
        return verdict
    if order is None or order["status"] in _OPEN:
        # An order that is gone was renamed by something else, since nothing has the name that this one gives.
        return NeverExecuted(order)
    return Rejected(order=order)


async def _ask_amended(case: Case) -> Verdict:
    """An amendment that gave the order the new client order id, and its quantity, are the proof."""
    order_id, old_name = case.params.get("orderId"), case.params.get("origClientOrderId")
    order = await case.order(origClientOrderId=case.name)
    if order is not None and order_id is not None and order["orderId"] != int(order_id):
        order = None  # a namesake
    if order is not None and await _is_amended(case, order):
        return Executed(order)
    order = await _old_order(case, order_id, old_name)
    if order is not None and await _is_amended(case, order):
        return Executed(order)
    verdict = _untouched(case, order, order_id is not None)
    if (
        isinstance(verdict, Rejected)
        and order is not None
        and _may_be_amended(case, order)
        and not case.shows(order)
    ):
        return StillOpen(order)  # it ended just now, and how it was amended before may not show yet
    return verdict


def _may_be_amended(case: Case, order: Order) -> bool:
    """Whether an order's quantity agrees with the amendment."""
    # it expires where so much had been filled before
    return order["status"] == "EXPIRED" or compare(order["origQty"], case.params.get("newQty")) <= 0


async def _is_amended(case: Case, order: Order) -> bool:
    if not _may_be_amended(case, order):
        return False
    rows = await case.amendments(order)
    return any(
        row["newClientOrderId"] == case.name
        and case.in_span(row["time"])
        # a name that is given again says nothing by itself
        and (row["origClientOrderId"] != case.name or compare(row["newQty"], case.params.get("newQty")) == 0)
        for row in rows
    )


async def _conclude_amended(case: Case, verdict: StillOpen) -> Verdict:
    if verdict.order is None and case.params.get("orderId") is None:
        return verdict  # it may have been amended, and have got yet another name since
    return await _conclude_cancelled(case, verdict)


# --- the others


async def ask_replaced(case: Case) -> Verdict:
    """What became of the cancel of a cancelReplace."""
    return await _ask_cancelled(case, "cancelOrderId", "cancelOrigClientOrderId", "cancelNewClientOrderId")


async def _ask_replaced(case: Case) -> Verdict:
    placed = await _ask_placed(case)
    old: Verdict = Executed(None)
    if case.canceled is None:
        old = await ask_replaced(case)
        if isinstance(old, Executed):
            case.canceled = old.order
    if isinstance(placed, (Executed, Rejected)):
        return replace(placed, canceled=case.canceled)
    if isinstance(old, Rejected) and case.params.get("cancelReplaceMode") == "STOP_ON_FAILURE":
        return old
    untouched = None if isinstance(old, Executed) else old.order
    return StillOpen(untouched, canceled=case.canceled)


async def _conclude_replaced(case: Case, verdict: StillOpen) -> Verdict:
    placed = await _conclude_placed(case, verdict)
    if isinstance(placed, (Executed, Rejected)):
        return replace(placed, canceled=case.canceled)
    if isinstance(placed, NeverExecuted) and case.canceled is not None:
        return Rejected(canceled=case.canceled)
    return placed


async def _ask_all_cancelled(case: Case) -> Verdict:
    orders = await case.ask("openOrders.status", symbol=case.params.get("symbol"))
    case.left = sorted(
        (order for order in orders if _us(order["time"]) <= case.last_chance),
        key=lambda order: int(order["time"]),
    )
    return StillOpen(case.left[0] if case.left else None)


async def _conclude_all_cancelled(case: Case, verdict: StillOpen) -> Verdict:
    """It names no order and chooses no ids: only what is left, and whether that was there before, tells."""
    for order in case.left:
        if _us(order["time"]) < case.earliest:
            return NeverExecuted(order)
    unsure = tuple(order for order in case.left if order["orderId"] not in case.others)
    return StillOpen(candidates=unsure) if unsure else Executed(None)


async def _ask_list_placed(case: Case) -> Verdict:
    found = await case.order_list(origClientOrderId=case.params.get("listClientOrderId"))
    if found is not None:
        leg = await case.order(orderId=found["orders"][0]["orderId"])
        if leg is not None and leg["orderListId"] == found["orderListId"] and case.in_span(leg["time"]):
            return _list_taken_down(found)
    for name in _leg_names(case):  # a list that was cancelled may have another name, too
        leg = await case.order(origClientOrderId=name)
        if leg is not None and leg["orderListId"] != -1 and case.in_span(leg["time"]):
            return Executed(await case.order_list(orderListId=leg["orderListId"]) or leg)
    return StillOpen()


def _list_taken_down(found: Order) -> Verdict:
    return Rejected(order=found) if found["listOrderStatus"] == "REJECT" else Executed(found)


def _leg_names(case: Case) -> list[str]:
    return [
        value
        for key, value in case.params.items()
        if key.endswith("ClientOrderId") and key != "listClientOrderId"
    ]


async def _conclude_list_placed(case: Case, verdict: StillOpen) -> Verdict:
    names = _leg_names(case)
    quantity = case.params.get("quantity", case.params.get("workingQuantity"))
    legs = [
        order
        async for order in case.orders_made()
        if order["orderListId"] != -1 and order["orderId"] not in case.others
    ]
    if legs:
        ids = {order["orderListId"] for order in legs}
        async for found in case.lists_changed():
            if (
                found["listClientOrderId"] == case.params.get("listClientOrderId")
                and found["orderListId"] in ids
            ):
                return _list_taken_down(found)
    candidates = tuple(
        order
        for order in legs
        # renamed by a cancel, or by an amendment, which makes it smaller
        if order["status"] == "CANCELED"
        or order["clientOrderId"] in names
        or compare(order["origQty"], quantity) < 0
    )
    return StillOpen(candidates=candidates) if candidates else NeverExecuted()


async def _ask_list_cancelled(case: Case) -> Verdict:
    """A list that this request cancelled has the client order id that it gives; one that is over has another one."""
    list_id, old_name = case.params.get("orderListId"), case.params.get("listClientOrderId")
    if list_id is not None:
        found = await case.order_list(orderListId=list_id)
        if found is None or found["listOrderStatus"] == "EXECUTING":
            return StillOpen(found)
        return Executed(found) if found["listClientOrderId"] == case.name else Rejected(order=found)
    found = await case.order_list(origClientOrderId=case.name)
    if found is not None and found["listOrderStatus"] != "EXECUTING" and case.name != old_name:
        legs = await _legs(case, found)
        if any(leg["status"] == "CANCELED" and case.in_span(leg["updateTime"]) for leg in legs):
            return Executed(found)
    found = await case.order_list(origClientOrderId=old_name)
    if found is None or found["listOrderStatus"] == "EXECUTING":
        return StillOpen(found)
    case.unsure = case.name == old_name  # whoever cancelled it, it has that name
    legs = await _legs(case, found)
    if case.unsure or len(legs) < len(found["orders"]):
        return StillOpen(found)
    last = max(legs, key=lambda leg: int(leg["updateTime"]))
    in_time = isinstance(_untouched(case, last, False), Rejected)
    return Rejected(order=found) if in_time else StillOpen(found)


async def _legs(case: Case, found: Order) -> list[Order]:
    """The orders of a list, as far as they show."""
    legs = [await case.order(orderId=leg["orderId"]) for leg in found["orders"]]
    return [leg for leg in legs if leg is not None]


async def _conclude_list_cancelled(case: Case, verdict: StillOpen) -> Verdict:
    found = verdict.order
    if case.unsure:
        return verdict
    if found is None:
        if case.params.get("orderListId") is None:  # by its name: it may have got another one
            async for changed in case.lists_changed():
                if changed["listClientOrderId"] == case.name:
                    return Executed(changed)
        return NeverExecuted()
    return NeverExecuted(found) if found["listOrderStatus"] == "EXECUTING" else Rejected(order=found)


_Ask = Callable[[Case], Awaitable[Verdict]]
_Conclude = Callable[[Case, StillOpen], Awaitable[Verdict]]

QUESTIONS: dict[str, tuple[_Ask, _Conclude]] = {
    "order.place": (_ask_placed, _conclude_placed),
    "sor.order.place": (_ask_placed, _conclude_placed),
    "order.cancel": (_ask_cancelled, _conclude_cancelled),
    "order.amend.keepPriority": (_ask_amended, _conclude_amended),
    "order.cancelReplace": (_ask_replaced, _conclude_replaced),
    "openOrders.cancelAll": (_ask_all_cancelled, _conclude_all_cancelled),
    "orderList.cancel": (_ask_list_cancelled, _conclude_list_cancelled),
    **dict.fromkeys(
        (
            "orderList.place",
            "orderList.place.oco",
            "orderList.place.oto",
            "orderList.place.otoco",
            "orderList.place.opo",
            "orderList.place.opoco",
        ),
        (_ask_list_placed, _conclude_list_placed),
    ),
}
