"""What became of a trading request whose outcome is open: the questions behind ``ExecutionUnknown.resolve()``.

The exchange may execute a request as late as its timestamp + recvWindow, and then has 10 s to process it
(web-socket-api.md, Timing security; errors.md, -1007). So an order that is not found is "never executed" only when the
exchange's own time is past that, and a second question agrees. A cancel and an amendment give the order a new client
order id, which fastws always chooses itself: an order under that id is proof.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from .errors import ApiError, ExecutionUnknown

if TYPE_CHECKING:
    from .client import Client

NO_SUCH_ORDER = -2013
ORDER_ARCHIVED = -2026

# The exchange's processing limit, and a margin for what was not measured; microseconds.
_PROCESSING = 10_000_000
_MARGIN = 1_000_000
_DEFAULT_WINDOW_MS = 5000
_FIRST_PAUSE = 0.05
_LONGEST_PAUSE = 1.0

_OPEN = frozenset(("NEW", "PARTIALLY_FILLED", "PENDING_NEW", "PENDING_CANCEL"))


@dataclass(frozen=True)
class Executed:
    """The request took effect. ``order`` is the order (or order list) as the exchange shows it now.

    It is None where there is nothing to show: after ``openOrders.cancelAll``, or for an archived order. ``canceled`` is
    the order that a cancelReplace cancelled, where that is known.
    """

    order: dict[str, Any] | None
    canceled: dict[str, Any] | None = None


@dataclass(frozen=True)
class Rejected:
    """The request had no effect, and can have none any more.

    ``error`` is the exchange's late answer, or None; ``order`` is the one that a cancel or an amendment came too late
    for.
    For a cancelReplace, ``canceled`` is the old order where that half did take effect.
    """

    error: ApiError | None = None
    order: dict[str, Any] | None = None
    canceled: dict[str, Any] | None = None


@dataclass(frozen=True)
class NeverExecuted:
    """The exchange knows nothing of it, and it is too old to be executed now."""


@dataclass(frozen=True)
class StillOpen:
    """Nothing is known yet, and it may still be executed: ask again. ``order`` is the untouched order of a cancel."""

    order: dict[str, Any] | None = None


Verdict = Executed | Rejected | NeverExecuted | StillOpen
_Question = Callable[["_Case"], Awaitable["Verdict | None"]]


async def resolve(client: Client, error: ExecutionUnknown, timeout: float) -> Verdict:
    """Find out what became of ``error``'s request; ask for up to ``timeout`` seconds while that is open."""
    case = _Case(client, error)
    loop = asyncio.get_running_loop()
    give_up = loop.time() + timeout
    pause = _FIRST_PAUSE
    misses = 0
    while True:
        late = _late_answer(error)
        if late is not None:
            return late
        too_late = await case.exchange_time() > case.last_chance
        verdict = await _QUESTIONS[error.method](case)
        if verdict is not None and not isinstance(verdict, StillOpen):
            return verdict
        if too_late:
            misses += 1
            if misses >= 2:
                return NeverExecuted() if case.canceled is None else Rejected(canceled=case.canceled)
        elif loop.time() + pause > give_up:
            return verdict or StillOpen()
        await asyncio.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE)


def resolvable(method: str) -> bool:
    """Whether there is a question to ask for this method."""
    return method in _QUESTIONS


def _late_answer(error: ExecutionUnknown) -> Verdict | None:
    """A reply that came after its waiter had given up is proof."""
    outcome = error.info.outcome if error.info is not None else None
    if isinstance(outcome, dict):
        return Executed(outcome)
    if isinstance(outcome, ApiError):
        return Rejected(outcome)
    return None


class _Case:
    """One request, and the questions about it."""

    def __init__(self, client: Client, error: ExecutionUnknown) -> None:
        self.client = client
        self.params = error.params
        self.symbol = error.params.get("symbol")
        sent_at = error.params.get("timestamp") or (error.info.timestamp if error.info is not None else 0)
        self.sent_at = _us(int(sent_at))
        window = error.params.get("recvWindow") or client.recv_window or _DEFAULT_WINDOW_MS
        self.last_chance = self.sent_at + int(Decimal(str(window)) * 1000) + _PROCESSING + _MARGIN
        self.canceled: dict[str, Any] | None = None

    async def exchange_time(self) -> int:
        return _us((await self.client.time())["serverTime"])

    async def order(self, **by: Any) -> dict[str, Any] | None:
        """The order with that orderId or origClientOrderId; None if there is none; {} if it is archived."""
        try:
            return dict(await self.client.order_status(symbol=self.symbol, **by))  # type: ignore[arg-type]
        except ApiError as exc:
            if exc.code == NO_SUCH_ORDER:
                return None
            if exc.code == ORDER_ARCHIVED:
                return {}
            raise

    async def old_order(self, id_name: str, client_id_name: str) -> dict[str, Any] | None:
        """The order that a cancel or an amendment is about."""
        if self.params.get(id_name) is not None:
            return await self.order(orderId=self.params[id_name])
        if self.params.get(client_id_name) is not None:
            return await self.order(origClientOrderId=self.params[client_id_name])
        return None

    def is_ours(self, order: dict[str, Any]) -> bool:
        """Whether an order found under the client order id is the one that was asked for, not an older namesake."""
        if not order:
            return True  # archived: nothing to compare
        params = self.params
        for ours, theirs in (("side", "side"), ("type", "type")):
            if ours in params and params[ours] != order.get(theirs):
                return False
        for ours, theirs in (
            ("price", "price"),
            ("quantity", "origQty"),
            ("quoteOrderQty", "origQuoteOrderQty"),
        ):
            if params.get(ours) is not None and Decimal(str(params[ours])) != Decimal(
                str(order.get(theirs, "NaN"))
            ):
                return False
        made_at = _us(order.get("time", self.sent_at))
        return self.sent_at - 2 * _MARGIN <= made_at <= self.last_chance


def _us(time: int) -> int:
    """A timestamp in microseconds, from milliseconds or microseconds."""
    return time if time >= 10**14 else time * 1000


async def _placed(case: _Case) -> Verdict | None:
    order = await case.order(origClientOrderId=case.params["newClientOrderId"])
    if order is None or not case.is_ours(order):
        return None
    return Executed(order or None)


async def _changed(case: _Case) -> Verdict | None:
    """A cancel or an amendment: the order stands under the new client order id, or under the old one."""
    new_id = case.params["newClientOrderId"]
    order = await case.order(origClientOrderId=new_id)
    if order:
        return Executed(order)
    order = await case.old_order("orderId", "origClientOrderId")
    if not order:
        return None
    if order.get("clientOrderId") == new_id:
        return Executed(order)
    return StillOpen(order) if order.get("status") in _OPEN else Rejected(order=order)


async def _replaced(case: _Case) -> Verdict | None:
    placed = await _placed(case)
    if case.canceled is None:
        cancel_id = case.params["cancelNewClientOrderId"]
        old = await case.order(origClientOrderId=cancel_id)
        if not old:
            old = await case.old_order("cancelOrderId", "cancelOrigClientOrderId")
        if old and old.get("clientOrderId") == cancel_id and old.get("status") == "CANCELED":
            case.canceled = old
    if isinstance(placed, Executed):
        return Executed(placed.order, case.canceled)
    return None


async def _all_cancelled(case: _Case) -> Verdict | None:
    orders = await case.client.open_orders_status(symbol=case.symbol)
    older = [order for order in orders if _us(order["time"]) <= case.sent_at]
    return None if older else Executed(None)


async def _list_placed(case: _Case) -> Verdict | None:
    try:
        found = await case.client.order_list_status(origClientOrderId=case.params["listClientOrderId"])
    except ApiError as exc:
        if exc.code == NO_SUCH_ORDER:
            return None
        raise
    return Executed(dict(found))


async def _list_cancelled(case: _Case) -> Verdict | None:
    by = {
        "orderListId": case.params.get("orderListId"),
        "origClientOrderId": case.params.get("listClientOrderId"),
    }
    found = dict(await case.client.order_list_status(**by))
    return Executed(found) if found.get("listOrderStatus") == "ALL_DONE" else StillOpen(found)


_QUESTIONS: dict[str, _Question] = {
    "order.place": _placed,
    "sor.order.place": _placed,
    "order.cancel": _changed,
    "order.amend.keepPriority": _changed,
    "order.cancelReplace": _replaced,
    "openOrders.cancelAll": _all_cancelled,
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

__all__ = ["Executed", "NeverExecuted", "Rejected", "StillOpen", "Verdict", "resolve"]
