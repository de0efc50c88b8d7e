"""The exchange's answers in one round of questions about the requests of one account and symbol.

The requests of a round share its answers. A round of few requests looks up each order by itself (order.status), which
takes little weight. A round of many asks once for all open orders of the symbol (openOrders.status) and once for all
orders that changed since the first of the requests (allOrders), and finds the orders of the requests in these.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from ..errors import FastwsError, LocallyLimited
from ..signing import Signer
from ..verdicts import Order
from .limits import weight_of
from .question_client import QuestionClient
from .results import as_dicts, as_microseconds
from .weight_turns import Rank, WeightTurns

__all__ = ["Answers", "Asker", "History", "LookupDeferred"]

# The longest recvWindow that the exchange accepts. A question changes nothing, so the exchange may execute it late.
_QUESTION_WINDOW_MS = 60_000
_LONGEST_WAIT = 5.0  # seconds for the answer to a question, which can be asked again
_GATE_PAUSE = 0.05  # seconds until a question is sent again that a rate limit refused
_PAGE = 1000  # rows: the most that one answer has
_DAY = 86_400_000_000 - 1_000  # microseconds: the longest time range of one question
# In microseconds: the newest range ends so far in the future. It includes what changes while the question is answered.
_FUTURE = 60_000_000
_LOOKUPS = 5  # questions about single orders in a round of many


class LookupDeferred(Exception):
    """The question about a single order has to wait for another round."""


class Asker:
    """Sends the questions about one account. A question waits until the rate limits let it go.

    Attributes:
        is_limited: whether a question waits for a rate limit.
    """

    def __init__(self, client: QuestionClient, turns: WeightTurns, signer: Signer | None) -> None:
        self._client, self._turns, self._signer = client, turns, signer
        self._waiting = 0

    @property
    def is_limited(self) -> bool:
        return self._waiting > 0

    async def ask(self, method: str, params: dict[str, Any]) -> Any:
        """The answer to one question, with dicts in the place of Views."""
        signer = None if method == "time" else self._client.signer_for(self._signer)
        weight = weight_of(method, params)
        timeout = min(self._client.reply_timeout, _LONGEST_WAIT)
        while True:
            self._waiting += 1
            is_waiting = True
            try:
                async with self._turns.turn(Rank.RESOLVE, weight):
                    answer = asyncio.get_running_loop().create_future()
                    # with a callback: when nobody waits for the answer any more, it is not reported as an orphan
                    info = self._client.requester.request(
                        method, params, on_reply=partial(_settle, answer), signer=signer, timeout=timeout
                    )
                    info.is_question = True
                    self._waiting -= 1
                    is_waiting = False
                    return as_dicts(await answer)
            except LocallyLimited:
                await asyncio.sleep(_GATE_PAUSE)
            finally:
                if is_waiting:
                    self._waiting -= 1


def _settle(answer: asyncio.Future[Any], result: Any, error: FastwsError | None) -> None:
    if answer.done():
        return
    if error is None:
        answer.set_result(result)
    else:
        answer.set_exception(error)


class History:
    """The orders of a symbol that changed since some time, the newest change first."""

    def __init__(self, rows: list[Order]) -> None:
        self.rows = rows
        self.latest = max((as_microseconds(row["time"]) for row in rows), default=0)
        self._alike: dict[tuple[str, float], list[Order]] | None = None

    def alike(self, side: Any, price: Any) -> list[Order]:
        """The orders of this side and price. ``price`` is a decimal as it was sent."""
        if self._alike is None:
            self._alike = {}
            for row in self.rows:
                self._alike.setdefault((row["side"], float(row["price"])), []).append(row)
        return self._alike.get((side, float(price)), [])


class Answers:
    """The answers of one round; each question is sent once, when it is first needed.

    Attributes:
        now: the exchange's time at the start of the round, in microseconds.
        is_shared: whether orders are found in openOrders.status and allOrders, and not looked up by themselves.
        amendments: the amendments of orders, with the time when they were asked for; the rounds of a group share it.
    """

    def __init__(
        self,
        asker: Asker,
        symbol: Any,
        now: int,
        since: int,
        *,
        is_shared: bool,
        amendments: dict[int, tuple[int, list[dict[str, Any]]]],
    ) -> None:
        self.amendments = amendments
        self._asker = asker
        self._symbol = symbol
        self.now = now
        self._since = since
        self.is_shared = is_shared
        self._once: dict[str, asyncio.Task[Any]] = {}
        self._lookups = 0
        self._by_id: dict[Any, list[Order]] = {}
        self._by_name: dict[Any, list[Order]] = {}

    async def ask(self, method: str, params: dict[str, Any]) -> Any:
        """The answer to one question about the account, which the exchange's own time stamps."""
        return await self._asker.ask(
            method, {**params, "timestamp": self.now, "recvWindow": _QUESTION_WINDOW_MS}
        )

    async def look_up(self, method: str, params: dict[str, Any]) -> Any:
        """The answer to a question about a single order.

        Raises:
            LookupDeferred: a round of many has asked as many of these as it may.
        """
        if self.is_shared:
            if self._lookups >= _LOOKUPS:
                raise LookupDeferred
            self._lookups += 1
        return await self.ask(method, params)

    async def _asked_once(self, what: str, ask: Callable[[], Awaitable[Any]]) -> Any:
        task = self._once.get(what)
        if task is None:
            task = self._once[what] = asyncio.ensure_future(ask())
        return await task

    async def open_orders(self) -> list[Order]:
        """The open orders of the symbol."""
        found: list[Order] = await self._asked_once("open", self._open_orders)
        return found

    async def _open_orders(self) -> Any:
        return await self.ask("openOrders.status", {"symbol": self._symbol})

    async def history(self) -> History:
        """The orders of the symbol that changed since the first request of the round could be executed."""
        found: History = await self._asked_once("orders", self._history)
        return found

    async def _history(self) -> History:
        return History(await self._changed("allOrders", {"symbol": self._symbol}))

    async def order_lists(self) -> list[Order]:
        """The order lists of the account that changed since then, the newest change first."""
        found: list[Order] = await self._asked_once("lists", lambda: self._changed("allOrderLists", {}))
        return found

    @property
    def seen_history(self) -> History | None:
        """The history, if this round asked for it."""
        task = self._once.get("orders")
        return task.result() if task is not None and task.done() and not task.exception() else None

    async def _changed(self, method: str, params: dict[str, Any]) -> list[Order]:
        """The rows that changed since then. Histories select by the time of the last change, which may be any time up
        to now. So the search starts now and goes back, a day with each question."""
        found: list[Order] = []
        end = self.now + _FUTURE
        while end >= self._since:
            start = max(self._since, end - _DAY)
            found += await self._page(method, start, end, params)
            end = start - 1
        return found

    async def _page(self, method: str, start: int, end: int, params: dict[str, Any]) -> list[Order]:
        page: list[Order] = await self.ask(
            method, {**params, "startTime": start, "endTime": end, "limit": _PAGE}
        )
        if len(page) < _PAGE or start >= end:
            return page
        # The documentation does not say which end of a longer list the exchange returns, so ask for both halves.
        middle = (start + end) // 2
        newer = await self._page(method, middle + 1, end, params)
        return newer + await self._page(method, start, middle, params)

    # ------------------------------------------------------------------------------------------------ shared

    async def gather(self) -> None:
        """Ask what the requests of a round of many share."""
        open_orders, history = await asyncio.gather(self.open_orders(), self.history())
        for row in (*open_orders, *history.rows):
            self._by_id.setdefault(row["orderId"], []).append(row)
            self._by_name.setdefault(row["clientOrderId"], []).append(row)

    def shown(self, order_id: Any, name: Any) -> list[Order]:
        """What gather() found of orders with this id, or else with this client order id. It may show an order twice, as
        open orders are those of the engine, and the history comes from a database that lags behind it."""
        if order_id is not None:
            return self._by_id.get(int(order_id), [])
        return self._by_name.get(name, [])

    def end(self) -> None:
        """End the questions that nobody waits for any more."""
        for task in self._once.values():
            task.cancel()
