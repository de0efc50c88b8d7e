"""Reconciliation: one request of unknown outcome, and the questions about it that the exchange can answer.

resolve.py says which facts of the exchange the questions rest on; questions.py has the questions for each method.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Callable, Collection
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from .._native.clock import Clock
from .._native.request import random_length
from ..errors import ApiError, LocallyLimited, NotConnected, NotSent, RequestTimeout
from ..requester import Requester
from ..signing import Signer
from ..types import Reply
from ..verdicts import Order
from .open_requests import OpenRequest
from .records import DEFAULT_WINDOW_MS
from .results import as_dicts, as_microseconds, compare_decimals, method_without_version

__all__ = ["QuestionClient", "Reconciliation", "ReconciliationTimeout", "is_generated_id"]

NO_SUCH_ORDER = -2013
NO_SUCH_LIST = frozenset((-2011, -2013))
ORDER_ARCHIVED = -2026

# In microseconds: how far a timestamp may be ahead of the exchange's clock; how long the exchange may process a
# request; and a margin for what nobody has measured, such as differences between the exchange's own clocks.
_AHEAD = 1_000_000
_PROCESSING = 10_000_000
_MARGIN = 1_000_000
# In microseconds: how far the database may lag behind the engine. The exchange answers allOrders, allOrderLists,
# orderList.status and order.amendments from that database (web-socket-api.md, Data Source).
_DATABASE_LAG = 4_000_000
_NEVER = 1 << 62

# The longest recvWindow that the exchange accepts. A question changes nothing, so the exchange may execute it late.
_QUESTION_WINDOW_MS = 60_000
_GATE_PAUSE = 0.05  # seconds: the shortest wait before a request is tried again that a rate limit refused
_PAGE = 1000  # rows: the most that one answer has
_DAY = 86_400_000_000 - 1_000  # microseconds: the longest time range of one question
# In microseconds: the newest range ends so far in the future. It includes what changes while the question is answered.
_FUTURE = 60_000_000
_RANDOM = re.compile(r"[0-9BCDFGHJKLMNPQRSTVWXZbc]+")


class ReconciliationTimeout(Exception):
    """The timeout of ``resolve()`` is over: a question was not sent, or its answer did not come in time."""


@dataclass(frozen=True)
class QuestionClient:
    """A client, as ``resolve()`` and ``halt()`` use it to ask the exchange about orders.

    Attributes:
        requester: sends the requests.
        clock: the exchange's time, as the client knows it.
        signer_for: maps the key of an account to the ``signer`` of a request for that account. None stands for the
            client's own key.
        reply_timeout: how long the client waits for a reply, in seconds.
        client_order_id_prefix: the prefix of the client order ids that the client generates.
    """

    requester: Requester
    clock: Clock
    signer_for: Callable[[Signer | None], Signer | None]
    reply_timeout: float
    client_order_id_prefix: str

    def ask(self, method: str, params: dict[str, Any], signer: Signer | None, timeout: float) -> Reply[Any]:
        """Send a request for the account of the key ``signer``; None stands for the client's own key.

        ``timeout`` is in seconds.
        """
        return self.requester.request(method, params, signer=self.signer_for(signer), timeout=timeout)


class Reconciliation:
    """One request of unknown outcome, and the questions about it.

    Times are in microseconds of the exchange's clock, where nothing else is said.

    Attributes:
        deadline: when the last answer must be there, by time.monotonic(), in seconds.
        name: the client order id that the request gives to an order.
        earliest, latest: the exchange can have executed the request only between these times.
        visible_from: after this time every answer of the exchange shows what the request did.
        now: the exchange's time at the start of this round.
        other_order_ids: ids of orders that other requests placed.
        archived: the latest order that was asked for is archived.
        ambiguous: an order with the name is archived. It may be another order that had the same name, so the outcome
            cannot be NeverExecuted.
        canceled: the order that a cancelReplace cancelled.
        open_orders: orders that openOrders.cancelAll could have cancelled, and that are still open.
    """

    def __init__(
        self, client: QuestionClient, request: OpenRequest, others: Collection[int], deadline: float = 0.0
    ) -> None:
        self.client = client
        self.deadline = deadline
        self.method = method_without_version(request.method)
        self.params = params = request.params
        self.signer = request.signer
        self.name: str | None = params.get("newClientOrderId")
        self.other_order_ids = frozenset(others)
        timestamp = params.get("timestamp")
        if timestamp:
            window = Fraction(str(params.get("recvWindow") or DEFAULT_WINDOW_MS)) * 1000  # exactly
            self.earliest = as_microseconds(int(timestamp)) - _AHEAD - _MARGIN
            self.latest = as_microseconds(int(timestamp)) + int(window) + _PROCESSING + _MARGIN
        else:
            self.earliest, self.latest = 0, _NEVER
        self.visible_from = self.latest + _DATABASE_LAG
        self.now = 0
        self.archived = self.ambiguous = False
        self.canceled: Order | None = None
        self.open_orders: list[Order] = []

    @property
    def time_left(self) -> float:
        """The seconds until the deadline."""
        return self.deadline - time.monotonic()

    async def start_round(self) -> None:
        """Start a round of questions: ask for the exchange's time."""
        self.ambiguous = False
        self.now = as_microseconds((await self._answer("time", {}, None))["serverTime"])

    async def ask(self, method: str, **params: Any) -> Any:
        """The answer to one question about the account of the request, which the exchange's own time stamps.

        Raises:
            ReconciliationTimeout: the deadline passed. FastwsError: the question failed.
        """
        params["timestamp"] = self.now
        params["recvWindow"] = _QUESTION_WINDOW_MS
        return await self._answer(method, params, self.client.signer_for(self.signer))

    async def _answer(self, method: str, params: dict[str, Any], signer: Signer | None) -> Any:
        """The answer to a question. It waits as long as the client's timeout says, but not beyond the deadline."""
        reply_timeout = self.client.reply_timeout
        while True:
            left = self.time_left
            if left <= 0:
                raise ReconciliationTimeout(f"no time is left to ask {method}")
            try:
                return as_dicts(
                    await self.client.requester.request(
                        method, params, signer=signer, timeout=min(left, reply_timeout)
                    )
                )
            except LocallyLimited as exc:
                wait = max(_GATE_PAUSE, (exc._until_us - self.client.clock.now()) / 1e6)
                if wait > self.time_left:
                    raise
                await asyncio.sleep(wait)
            except (RequestTimeout, NotSent) as exc:
                if left > reply_timeout or isinstance(exc, NotConnected):
                    raise
                raise ReconciliationTimeout(f"no answer to {method} in the time that was left") from exc

    async def find_order(self, **by: Any) -> Order | None:
        """The order with this orderId or origClientOrderId; None if there is none, or if it is ``archived``."""
        self.archived = False
        try:
            found: Order = await self.ask("order.status", symbol=self.params.get("symbol"), **by)
        except ApiError as exc:
            self.archived = exc.code == ORDER_ARCHIVED
            if exc.code not in (ORDER_ARCHIVED, NO_SUCH_ORDER):
                raise
            return None
        return found

    async def find_order_list(self, **by: Any) -> Order | None:
        """The order list with this orderListId or origClientOrderId; None if there is none."""
        try:
            found: Order = await self.ask("orderList.status", **by)
        except ApiError as exc:
            if exc.code not in NO_SUCH_LIST:
                raise
            return None
        return found

    async def orders_placed(self) -> AsyncIterator[Order]:
        """The orders of the symbol that were placed while the request could be executed.

        allOrders selects orders by the time of their last change, which may be any time up to now. So the search starts
        now and goes back.
        """
        async for order in self._changed("allOrders", symbol=self.params.get("symbol")):
            if self.may_execute_at(order["time"]):
                yield order

    def changed_order_lists(self) -> AsyncIterator[Order]:
        """The order lists that changed after the request could be executed, the newest first."""
        return self._changed("allOrderLists")

    async def _changed(self, method: str, **params: Any) -> AsyncIterator[Order]:
        end = self.now + _FUTURE
        while end >= self.earliest:
            start = max(self.earliest, end - _DAY)
            for row in await self._page(method, start, end, params):
                yield row
            end = start - 1

    async def _page(self, method: str, start: int, end: int, params: dict[str, Any]) -> list[Order]:
        page: list[Order] = await self.ask(method, startTime=start, endTime=end, limit=_PAGE, **params)
        if len(page) < _PAGE or start >= end:
            return page
        # The documentation does not say which end of a longer list the exchange returns, so ask for both halves.
        middle = (start + end) // 2
        newer = await self._page(method, middle + 1, end, params)
        return newer + await self._page(method, start, middle, params)

    async def amendments(self, order: Order) -> list[dict[str, Any]]:
        """The amendments of an order that the database shows already."""
        try:
            rows: list[dict[str, Any]] = await self.ask(
                "order.amendments", symbol=order["symbol"], orderId=order["orderId"]
            )
        except ApiError as exc:
            if exc.code != NO_SUCH_ORDER:  # the database does not show the order itself yet
                raise
            return []
        return rows

    def is_history_complete(self, order: Order) -> bool:
        """Whether the database shows everything that happened to an order up to its last change."""
        return as_microseconds(order["updateTime"]) + _DATABASE_LAG < self.now

    def contradicts(self, order: Order) -> bool:
        """Whether a field of an order shows that it is not the order that the request placed.

        The order may lack fields, as in a reply with newOrderRespType=ACK.
        """
        params = self.params
        for key in ("symbol", "side", "type"):
            if order.get(key) is not None and order[key] != params.get(key):
                return True
        price = None if params.get("pegPriceType") is not None else params.get("price")
        for key, ours, fits in (("price", price, (0,)), ("origQty", params.get("quantity"), (0, -1))):
            if (
                ours is not None
                and order.get(key) is not None
                and compare_decimals(order[key], ours) not in fits
            ):
                return True
        return order.get("time") is not None and not self.may_execute_at(order["time"])

    def is_generated_id(self, name: str | None) -> bool:
        """Whether fastws generated a client order id: then no other request has used it."""
        return is_generated_id(name, self.client.client_order_id_prefix)

    def may_execute_at(self, time: int) -> bool:
        """Whether the exchange may have executed the request at this time, in milliseconds or microseconds."""
        return self.earliest <= as_microseconds(time) <= self.latest

    def resembles(self, order: Order) -> bool:
        """Whether an order has the side, the price and the time of the request's order. Its type is not compared."""
        params = self.params
        if order["side"] != params.get("side") or not self.may_execute_at(order["time"]):
            return False
        price = params.get("price")  # the exchange moves the price of a pegged order
        return (
            price is None
            or params.get("pegPriceType") is not None
            or compare_decimals(order["price"], price) == 0
        )

    def has_requested_quantity(self, order: Order) -> bool:
        """Whether an order has the quantity that the request asked for."""
        amount = self.params.get(
            "quoteOrderQty"
        )  # in the quote asset; origQty is known only after the execution
        if amount is not None:
            return compare_decimals(order["origQuoteOrderQty"], amount) == 0
        return compare_decimals(order["origQty"], self.params.get("quantity")) == 0

    def is_smaller(self, order: Order) -> bool:
        """Whether an order has a smaller quantity than the request asked for. Amendments reduce the quantity."""
        return compare_decimals(order["origQty"], self.params.get("quantity")) < 0

    async def matched_before_amendment(self, order: Order) -> bool:
        """Whether an order had the request's name and quantity before an amendment reduced the quantity."""
        quantity = self.params.get("quantity")
        if not self.is_smaller(order):
            return False
        rows = await self.amendments(order)
        return any(
            row["origClientOrderId"] == self.name and compare_decimals(row["origQty"], quantity) == 0
            for row in rows
        )


def is_generated_id(name: str | None, prefix: str) -> bool:
    """Whether fastws generated a client order id, for a client with this prefix."""
    if name is None or not name.startswith(prefix):
        return False
    random = name[len(prefix) :]
    return len(random) == random_length(prefix) and _RANDOM.fullmatch(random) is not None
