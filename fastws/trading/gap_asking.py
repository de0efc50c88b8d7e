"""``GapAsking``: the questions about a gap of the user data events, for one account.

It asks when the exchange's database shows all of the gap (``database_lag`` after its end): ``openOrders.status`` of all
symbols; for each symbol ``allOrders``, which selects by the time of the last change, up to now, and ``myTrades``;
``myAllocations``, where a found order used smart order routing; ``allOrderLists``, and ``orderList.status`` for lists
of found orders that it does not show, because they are older; and ``account.status``. Reads change nothing, so a
question without an answer is repeated, if need be on the next connection.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Coroutine
from typing import Any

from .._common.shown import shown
from ..errors import (
    ApiError,
    ConnectionLost,
    DecodeError,
    FastwsError,
    NotConnected,
    NotSent,
    RateLimited,
    RequestTimeout,
    ServerError,
    SessionRevoked,
)
from ..gaps import Recovery
from ..signing import Signer
from .gap_pages import History, Pages
from .limits import weight_of
from .question_client import QuestionClient
from .reconciliation import is_generated_id
from .results import as_dicts, as_microseconds, progress
from .weight_turns import Rank, WeightTurns

__all__ = ["GapAsking", "TimeOver"]

_ORDERS = History("allOrders", "orderId", "orderId", "updateTime", ordered=False)
_LISTS = History("allOrderLists", "fromId", "orderListId", "transactionTime", ordered=False)
_TRADES = History("myTrades", "fromId", "id", "time", ordered=True)
_ALLOCATIONS = History("myAllocations", "fromAllocationId", "allocationId", "time", ordered=True)

# The fields of rows that have ids and times.
_NUMBERS = {
    "openOrders.status": ("orderId", "time", "updateTime"),
    "allOrders": ("orderId", "time", "updateTime"),
    "myTrades": ("id", "orderId", "time"),
    "myAllocations": ("allocationId", "orderId", "time"),
    "allOrderLists": ("orderListId", "transactionTime"),
    "orderList.status": ("orderListId", "transactionTime"),
}

_NO_SUCH_LIST = frozenset((-2011, -2013))
_WINDOW_MS = 60_000  # recvWindow of the questions: they change nothing, so they may be executed late
_FUTURE = 60_000_000  # microseconds: the newest span ends so far ahead, to include what changes meanwhile
_AT_ONCE = 8  # questions on their way
_PAUSE, _LONGEST_PAUSE = 0.1, 2.0  # seconds before a question that failed is repeated
# A question that ended so is repeated. After a refusal for its weight, the next turn waits for the gate.
_REPEATED = (ConnectionLost, RequestTimeout, NotSent, ServerError, RateLimited, SessionRevoked)


class TimeOver(Exception):
    """The timeout of ``recover_gap()`` is over."""


class GapAsking:
    """One asking about a gap, for one account, until a deadline by time.monotonic()."""

    def __init__(
        self,
        client: QuestionClient,
        turns: WeightTurns,
        signer: Signer | None,
        deadline: float,
    ) -> None:
        self._client = client
        self._turns = turns
        self._signer = signer
        self._deadline = deadline
        self._behind = 0  # the exchange's microseconds less those of the monotonic clock, at least
        self._at_once = asyncio.Semaphore(_AT_ONCE)
        self._missing: list[str] = []
        self._orders: dict[tuple[str, int], dict[str, Any]] = {}
        self._trades: list[dict[str, Any]] = []
        self._allocations: list[dict[str, Any]] = []
        self._lists: dict[int, dict[str, Any]] = {}
        self._account: dict[str, Any] | None = None

    # ----------------------------------------------------------------------------------------------- one question

    async def ask(self, method: str, params: dict[str, Any]) -> Any:
        """The answer to one question. It is repeated, also on the next connection, while time is left.

        Raises:
            TimeOver: no time is left. FastwsError: the exchange refuses the question, or the client is closed.
        """
        if self._left() <= 0:
            raise TimeOver
        asking = asyncio.ensure_future(self._repeat(method, params))
        try:
            await asyncio.wait(
                [asking], timeout=self._left()
            )  # wait_for() could lose a cancel up to Python 3.11
        finally:
            timely = asking.done()
            if not timely:
                asking.cancel()
                await asyncio.wait([asking])
            elif not asking.cancelled():
                asking.exception()  # retrieve it, or asyncio logs it
        if not timely:
            raise TimeOver
        return asking.result()

    async def _repeat(self, method: str, params: dict[str, Any]) -> Any:
        weight = weight_of(method, params)
        pause = _PAUSE
        async with self._at_once:
            while True:
                if not self._client.requester.connected:
                    await self._client.wait_open()
                async with self._turns.turn(Rank.RECOVER_GAP, weight):
                    try:
                        return as_dicts(await self._send(method, params))
                    except _REPEATED as error:
                        if isinstance(error, (ConnectionLost, NotConnected)):
                            continue  # the next connection
                await asyncio.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)

    def _send(self, method: str, params: dict[str, Any]) -> Awaitable[Any]:
        timeout = self._client.reply_timeout
        if method == "time":
            return self._client.requester.request(method, timeout=timeout)
        if self._behind:
            stamp = self._behind + time.monotonic_ns() // 1000
            params = {**params, "timestamp": stamp, "recvWindow": _WINDOW_MS}
        return self._client.ask(method, params, self._signer, timeout)

    def _left(self) -> float:
        return self._deadline - time.monotonic()

    # ---------------------------------------------------------------------------------------------- all questions

    async def run(
        self, start: int, end: int | None, symbols: set[str], trade_ids: dict[str, int]
    ) -> Recovery:
        """Ask everything; ``end`` None stands for now."""
        await self._all([("the time", self._ask_all(start, end, symbols, trade_ids))])
        prefix = self._client.client_order_id_prefix
        return Recovery(
            orders=[
                {**row, "ours": _is_own(row.get("clientOrderId"), prefix)}
                for row in sorted(self._orders.values(), key=lambda row: (row["time"], row["orderId"]))
            ],
            trades=sorted(self._trades, key=lambda row: (row["time"], row["id"])),
            lists=sorted(self._lists.values(), key=lambda row: (row["transactionTime"], row["orderListId"])),
            account=self._account,
            complete=not self._missing,
            missing=self._missing,
            allocations=sorted(self._allocations, key=lambda row: (row["time"], row["allocationId"])),
        )

    async def ask_time(self) -> int:
        """The exchange's time, in microseconds. The questions that follow are stamped with it."""
        now = as_microseconds(int((await self.ask("time", {}))["serverTime"]))
        self._behind = now - time.monotonic_ns() // 1000
        return now

    async def _ask_all(
        self, start: int, end: int | None, symbols: set[str], trade_ids: dict[str, int]
    ) -> None:
        before = time.monotonic_ns() // 1000
        now = await self.ask_time()
        if end is None:
            end = now + 1000 + time.monotonic_ns() // 1000 - before
        await self._wait_for_database(end + round(self._client.database_lag * 1e6) - now)
        until = now + _FUTURE + time.monotonic_ns() // 1000 - before
        await self._all(
            [
                ("openOrders.status", self._ask_open()),
                ("allOrderLists", self._ask_lists(start, until)),
                ("account.status", self._ask_account()),
            ]
        )
        wanted = sorted({*symbols, *(symbol for symbol, _ in self._orders)})
        await self._all(
            [
                *((f"allOrders of {each}", self._ask_orders(each, start, end, until)) for each in wanted),
                *((f"myTrades of {each}", self._ask_trades(each, start, end, trade_ids)) for each in wanted),
            ]
        )
        routed = sorted({row["symbol"] for row in self._orders.values() if row.get("usedSor")})
        await self._all(
            [(f"myAllocations of {each}", self._ask_allocations(each, start, end)) for each in routed]
        )
        shown_lists = {row.get("orderListId", -1) for row in self._orders.values()}
        await self._all(
            [
                (f"orderList.status of {number}", self._ask_list(number))
                for number in sorted(shown_lists - {-1} - self._lists.keys())
            ]
        )

    async def _wait_for_database(self, us: int) -> None:
        """Wait until the database shows the whole gap; if there is no time for that, say so and go on at once."""
        if us <= 0:
            return
        if us / 1e6 < self._left():
            await asyncio.sleep(us / 1e6)
        else:
            self._missing.append(
                f"what the exchange's database does not show yet: it may lag for {us / 1e6:.1f} s more"
            )

    async def _all(self, questions: list[tuple[str, Coroutine[Any, Any, None]]]) -> None:
        """Ask these at once. What fails, or is not answered in time, is missing."""
        outcomes = await asyncio.gather(*(each for _, each in questions), return_exceptions=True)
        for (name, _), error in zip(questions, outcomes, strict=True):
            if isinstance(error, TimeOver):
                self._missing.append(f"{name}: no time was left")
            elif isinstance(error, FastwsError):
                self._missing.append(f"{name}: {error}")
            elif isinstance(error, (TypeError, LookupError, ValueError, ArithmeticError)):
                self._missing.append(f"{name}: an answer that cannot be read: {error!r}")
            elif error is not None:
                raise error

    async def _ask_open(self) -> None:
        for row in _rows("openOrders.status", await self.ask("openOrders.status", {})):
            self._take_order(row)

    async def _ask_account(self) -> None:
        account = await self.ask("account.status", {})
        if not isinstance(account, dict):
            raise DecodeError("the reply is no account")
        self._account = account

    async def _ask_lists(self, start: int, until: int) -> None:
        pages = Pages(_LISTS, {}, self._question)
        try:
            await pages.span(start, until)
        finally:
            self._missing += [f"allOrderLists: {each}" for each in pages.missing]
            for row in pages.rows:
                if as_microseconds(row["transactionTime"]) + 999 >= start:
                    self._lists[row["orderListId"]] = row

    async def _ask_orders(self, symbol: str, start: int, end: int, until: int) -> None:
        pages = Pages(_ORDERS, {"symbol": symbol}, self._question)
        try:
            await pages.span(start, until)
        finally:
            self._missing += [f"allOrders of {symbol}: {each}" for each in pages.missing]
            for row in pages.rows:
                changed = as_microseconds(row["updateTime"]) + 999 >= start
                if changed and as_microseconds(row["time"]) <= end:
                    self._take_order(row)

    async def _ask_trades(self, symbol: str, start: int, end: int, trade_ids: dict[str, int]) -> None:
        pages = Pages(_TRADES, {"symbol": symbol}, self._question)
        try:
            if symbol in trade_ids:
                await pages.behind(trade_ids[symbol], end)
            await pages.span(start, end)
        finally:
            self._missing += [f"myTrades of {symbol}: {each}" for each in pages.missing]
            for row in pages.rows:
                at = as_microseconds(row["time"])
                if at + 999 >= start and at <= end:
                    self._trades.append(row)

    async def _ask_allocations(self, symbol: str, start: int, end: int) -> None:
        pages = Pages(_ALLOCATIONS, {"symbol": symbol}, self._question)
        try:
            await pages.span(start, end)
        finally:
            self._missing += [f"myAllocations of {symbol}: {each}" for each in pages.missing]
            for row in pages.rows:
                at = as_microseconds(row["time"])
                if at + 999 >= start and at <= end:
                    self._allocations.append(row)

    async def _ask_list(self, number: int) -> None:
        try:
            row = await self.ask("orderList.status", {"orderListId": number})
        except ApiError as error:
            if error.code not in _NO_SUCH_LIST:
                raise
            return
        (row,) = _rows("orderList.status", [row])
        self._lists[row["orderListId"]] = row

    async def _question(self, method: str, params: dict[str, Any]) -> list[dict[str, Any]]:
        return _rows(method, await self.ask(method, params))

    def _take_order(self, row: dict[str, Any]) -> None:
        key = (row["symbol"], row["orderId"])
        known = self._orders.get(key)
        if known is None or progress(row) > progress(known):
            self._orders[key] = row


def _rows(method: str, answer: Any) -> list[dict[str, Any]]:
    """The rows of an answer.

    Raises:
        DecodeError: it is no list of rows, or a row lacks what the order of rows needs.
    """
    if not isinstance(answer, list):
        raise DecodeError("the reply is no list of rows")
    for row in answer:
        if not isinstance(row, dict) or any(type(row.get(name)) is not int for name in _NUMBERS[method]):
            raise DecodeError(f"a row without {', '.join(_NUMBERS[method])}: {shown(row)}")
        if not isinstance(row.get("symbol"), str):
            raise DecodeError(f"a row without symbol: {shown(row)}")
    return answer


def _is_own(name: Any, prefix: str) -> bool:
    """Whether a client order id is one of this client's; see Recovery."""
    if not isinstance(name, str):
        return False
    return name.startswith(prefix) if prefix else is_generated_id(name, "")
