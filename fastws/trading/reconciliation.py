"""Reconciliation: one request of unknown outcome, and the questions about it that the exchange can answer.

resolve.py says which facts of the exchange the questions rest on; questions.py has the questions for each method.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from fractions import Fraction
from typing import Any

from .._native.request import random_length
from ..errors import ApiError
from ..verdicts import Order
from .answers import Answers, LookupDeferred
from .named_orders import NamedOrders
from .open_requests import OpenRequest
from .question_client import QuestionClient
from .records import DEFAULT_WINDOW_MS
from .results import as_microseconds, compare_decimals, method_without_version

__all__ = ["Reconciliation", "is_generated_id"]

NO_SUCH_ORDER = -2013
NO_SUCH_LIST = frozenset((-2011, -2013))
ORDER_ARCHIVED = -2026

# In microseconds: how far a timestamp may be ahead of the exchange's clock; how long the exchange may process a
# request; and a margin for what nobody has measured, such as differences between the exchange's own clocks.
_AHEAD = 1_000_000
_PROCESSING = 10_000_000
_MARGIN = 1_000_000
_NEVER = 1 << 62

# In microseconds: an order may be archived 90 days after its end (errors.md, -2026). Then only order.status shows that
# there was one.
_ARCHIVED_AFTER = 80 * 86_400_000_000
_RANDOM = re.compile(r"[0-9BCDFGHJKLMNPQRSTVWXZbc]+")


class Reconciliation:
    """One request of unknown outcome, and the questions about it.

    ``others``: ids of orders that other requests placed. ``decided``: symbols and ids of orders, with the
    ``identity`` of the request that placed each.

    Times are in microseconds of the exchange's clock, where nothing else is said.

    Attributes:
        name: the client order id that the request gives to an order.
        earliest, latest: the exchange can have executed the request only between these times.
        visible_from: after this time every answer of the exchange shows what the request did.
        answers: the answers of this round; None outside of a round.
        now: the exchange's time at the start of the latest round.
        identity: of the request, for ``decided``.
        archived: the latest order that was asked for is archived.
        ambiguous: an order with the name is archived. It may be another order that had the same name, so the outcome
            cannot be NeverExecuted.
        canceled: the order that a cancelReplace cancelled.
        open_orders: orders that openOrders.cancelAll could have cancelled, and that are still open.
    """

    def __init__(
        self,
        client: QuestionClient,
        request: OpenRequest,
        others: Collection[int],
        decided: Mapping[tuple[Any, int], object] | None = None,
        named: NamedOrders | None = None,
    ) -> None:
        self.client = client
        self.identity = request.identity
        self.method = method_without_version(request.method)
        self.params = params = request.params
        self.signer = request.signer
        self.name: str | None = params.get("newClientOrderId")
        self._others = frozenset(others)
        self._decided = {} if decided is None else decided
        self._named = named
        # the client order ids that the caller chose: other requests may have them, too
        self._chosen = [
            value
            for key, value in params.items()
            if key.endswith("ClientOrderId") and isinstance(value, str) and not self.is_generated_id(value)
        ]
        timestamp = params.get("timestamp")
        if timestamp:
            window = Fraction(str(params.get("recvWindow") or DEFAULT_WINDOW_MS)) * 1000  # exactly
            self.earliest = as_microseconds(int(timestamp)) - _AHEAD - _MARGIN
            self.latest = as_microseconds(int(timestamp)) + int(window) + _PROCESSING + _MARGIN
        else:
            self.earliest, self.latest = 0, _NEVER
        self.visible_from = self.latest + self._lag
        # of a clock that was measured it is known how wrong it may be
        clock, info = client.clock, request.info
        self._surely_from = self.earliest
        if timestamp and info is not None and timestamp == info.timestamp and clock.uncertainty is not None:
            self._surely_from = int(timestamp) - clock.uncertainty
        self.answers: Answers | None = None
        self.now = 0
        self.archived = self.ambiguous = False
        self.canceled: Order | None = None
        self.open_orders: list[Order] = []

    def is_of_another(self, order_id: Any) -> bool:
        """Whether another request placed the order with this id."""
        if order_id in self._others:
            return True
        symbol = self.params.get("symbol")
        if (
            self._named is not None
            and self._chosen
            and order_id in self._named.of_others(symbol, self._chosen, self.params.get("timestamp"))
        ):
            return True
        placed_by = self._decided.get((symbol, order_id))
        return placed_by is not None and placed_by != self.identity

    @property
    def _lag(self) -> int:
        return int(self.client.database_lag * 1e6)

    @property
    def is_late(self) -> bool:
        """Whether every answer of this round shows what the request did."""
        return self.now > self.visible_from

    def start_round(self, answers: Answers) -> None:
        """Start a round of questions, which shares these answers with other requests."""
        self.ambiguous = False
        self.answers = answers
        self.now = answers.now

    @property
    def _round(self) -> Answers:
        """The answers of this round.

        Raises:
            LookupDeferred: there is no round: the question has to wait for one.
        """
        if self.answers is None:
            raise LookupDeferred
        return self.answers

    async def _look_up(self, method: str, **params: Any) -> Any:
        """The answer to a question about a single order.

        Raises:
            LookupDeferred: it has to wait for another round.
        """
        return await self._round.look_up(method, params)

    async def find_order(self, **by: Any) -> Order | None:
        """The order with this orderId or origClientOrderId; None if there is none, or if it is ``archived``.

        In a round of many requests, None may also mean that the order is not open, and was over before the request
        could be executed.
        """
        self.archived = False
        if self._round.is_shared:
            shown = self._round.shown(by.get("orderId"), by.get("origClientOrderId"))
            if shown or self.now - self.earliest < _ARCHIVED_AFTER:
                return max(shown, key=self._fitness, default=None)
        return await self.look_up_order(**by)

    def shows_since(self, placed: Order | None) -> bool:
        """Whether find_order() finds what this request changed before it placed the order ``placed``."""
        if not self._round.is_shared or self.is_late:
            return True
        time = None if placed is None else placed.get("time")
        return time is not None and as_microseconds(time) + self._lag < self.now

    async def look_up_order(self, **by: Any) -> Order | None:
        """The order with this orderId or origClientOrderId, asked for by itself; None as in find_order().

        Raises:
            LookupDeferred: it has to wait for another round.
        """
        self.archived = False
        try:
            found: Order = await self._look_up("order.status", symbol=self.params.get("symbol"), **by)
        except ApiError as exc:
            self.archived = exc.code == ORDER_ARCHIVED
            if exc.code not in (ORDER_ARCHIVED, NO_SUCH_ORDER):
                raise
            return None
        return found

    def _fitness(self, order: Order) -> tuple[bool, bool, int]:
        """Of orders that had the same client order id, the largest fitness is that of the order that is meant."""
        return (
            not self.is_of_another(order["orderId"]),
            self.may_execute_at(order["time"]),
            as_microseconds(order["updateTime"]),
        )

    async def find_order_list(self, **by: Any) -> Order | None:
        """The order list with this orderListId or origClientOrderId; None if there is none.

        In a round of many requests, None may also mean that it was over before the request could be executed, or that
        it is too early to tell.
        """
        if self._round.is_shared:
            if not self.is_late:
                return None
            key = "orderListId" if "orderListId" in by else "listClientOrderId"
            wanted = str(by.get("orderListId", by.get("origClientOrderId")))
            return next((row for row in await self._round.order_lists() if str(row[key]) == wanted), None)
        try:
            found: Order = await self._look_up("orderList.status", **by)
        except ApiError as exc:
            if exc.code not in NO_SUCH_LIST:
                raise
            return None
        return found

    async def find_open_orders(self) -> list[Order]:
        """The open orders of the symbol."""
        return await self._round.open_orders()

    async def orders_placed(self) -> list[Order]:
        """The orders of the symbol that were placed while the request could be executed."""
        rows = (await self._round.history()).rows
        return [row for row in rows if self.may_execute_at(row["time"])]

    async def orders_alike(self) -> list[Order]:
        """Those of orders_placed() that may have the side and the price of the request's order."""
        history = await self._round.history()
        price = self.params.get("price")
        if price is None or self.params.get("pegPriceType") is not None:
            rows = history.rows
        else:
            rows = history.alike(self.params.get("side"), price)
        return [row for row in rows if self.may_execute_at(row["time"])]

    async def changed_order_lists(self) -> list[Order]:
        """The order lists that changed after the request could be executed, the newest first."""
        return await self._round.order_lists()

    async def amendments(self, order: Order) -> list[dict[str, Any]]:
        """The amendments of an order that the database shows already."""
        at, known = self._round.amendments.get(order["orderId"], (-1, []))
        if at == self.now or at > max(self.visible_from, as_microseconds(order["updateTime"]) + self._lag):
            return known
        try:
            rows: list[dict[str, Any]] = await self._look_up(
                "order.amendments", symbol=order["symbol"], orderId=order["orderId"]
            )
        except ApiError as exc:
            if exc.code != NO_SUCH_ORDER:  # the database does not show the order itself yet
                raise
            rows = []
        self._round.amendments[order["orderId"]] = self.now, rows
        return rows

    def is_history_complete(self, order: Order) -> bool:
        """Whether the database shows everything that happened to an order up to its last change."""
        return as_microseconds(order["updateTime"]) + self._lag < self.now

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

    def proves(self, order: Order) -> bool | None:
        """Whether an observed order that has the request's name is its order. None: a field that shows it is missing.

        It must have the request's side, type, price and quantity, and must have been placed after the request was sent.
        contradicts() is checked before.
        """
        if any(order.get(key) is None for key in ("side", "type", "price", "origQty", "time")):
            return None
        placed_at = as_microseconds(order["time"])
        if order["time"] < placed_at:  # in milliseconds: it was placed at some time in this one
            placed_at += 999
        return self._surely_from <= placed_at <= self.latest + 999 and (
            self.params.get("quantity") is None
            or compare_decimals(order["origQty"], self.params["quantity"]) == 0
        )

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
