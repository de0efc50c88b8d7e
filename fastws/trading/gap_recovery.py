"""``GapRecovery``: asks the exchange what happened in a gap of the user data events.

It asks when the exchange's database shows all of the gap (``database_lag`` after its end): ``openOrders.status`` of all
symbols; for each symbol ``allOrders``, which selects by the time of the last change, up to now, and ``myTrades``;
``allOrderLists``, and ``orderList.status`` for lists of found orders that it does not show, because they are older;
and ``account.status``. Reads change nothing, so a question without an answer is repeated, if need be on the next
connection.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import Any, Protocol

from .._common.log import streams_log
from .._common.shown import shown
from ..errors import (
    ApiError,
    ConnectionLost,
    DecodeError,
    FastwsError,
    InvalidRequest,
    NotConnected,
    NotSent,
    RateLimited,
    RequestTimeout,
    ServerError,
    SessionRevoked,
)
from ..gaps import Gap, Recovery, checked_symbols
from ..signing import Signer
from .accounts import Accounts, key_digest, same
from .gap_pages import History, Pages
from .limits import weight_of
from .reconciliation import QuestionClient, is_generated_id
from .results import as_dicts, as_microseconds
from .weight_turns import Rank, WeightTurns

__all__ = ["GapRecovery"]

_ORDERS = History("allOrders", "orderId", "orderId", "updateTime", ordered=False)
_LISTS = History("allOrderLists", "fromId", "orderListId", "transactionTime", ordered=False)
_TRADES = History("myTrades", "fromId", "id", "time", ordered=True)

_NO_SUCH_LIST = frozenset((-2011, -2013))
_WINDOW_MS = 60_000  # recvWindow of the questions: they change nothing, so they may be executed late
_FUTURE = 60_000_000  # microseconds: the newest span ends so far ahead, to include what changes meanwhile
_AT_ONCE = 8  # questions on their way
_PAUSE, _LONGEST_PAUSE = 0.1, 2.0  # seconds before a question that failed is repeated
# A question that ended so is repeated. After a refusal for its weight, the next turn waits for the gate.
_REPEATED = (ConnectionLost, RequestTimeout, NotSent, ServerError, RateLimited, SessionRevoked)


class OpenGapLike(Protocol):
    """A gap that refuses placements until it is closed; see streams/open_gaps.py."""

    account: str | None
    signer: Signer | None
    gap: Gap | None
    trade_ids: dict[str, int]
    recovery: Recovery | None
    recovered_symbols: frozenset[str]


class OpenGapsLike(Protocol):
    """The gaps that nobody has looked into yet."""

    def told(self) -> list[Any]: ...

    def close(self, opened: Any) -> None: ...


class _TimeOver(Exception):
    """The timeout of ``recover_gap()`` is over."""


class GapRecovery:
    """Carries out ``client.recover_gap()``.

    Args:
        client: sends the questions.
        until_open: waits until the client is connected, for at most so many seconds. It raises TimeoutError, or
            NotConnected if the client is closed.
        signers: the keys of other accounts that the client has used.

    Attributes:
        lag_us: how far the database may be behind the engine, in microseconds.
    """

    def __init__(
        self,
        client: QuestionClient,
        turns: WeightTurns,
        accounts: Accounts,
        gaps: OpenGapsLike,
        signers: Callable[[], Iterable[Signer]],
        until_open: Callable[[float], Awaitable[None]],
    ) -> None:
        self._client = client
        self._turns = turns
        self._accounts = accounts
        self._gaps = gaps
        self._signers = signers
        self._until_open = until_open
        self.lag_us = 4_000_000
        self._locks: dict[str | None, asyncio.Lock] = {}  # by the digest of the account's key

    async def recover(self, gap: Gap, symbols: Iterable[str], timeout: float) -> Recovery:
        """Ask what happened in a gap, as Client.recover_gap() documents."""
        if not isinstance(gap, Gap):
            raise InvalidRequest(f"gap: expected a Gap, got {shown(gap)}")
        more = checked_symbols(symbols)
        if isinstance(timeout, bool) or not isinstance(timeout, (int, float)) or not timeout > 0:
            raise InvalidRequest(f"timeout: expected seconds above 0, got {shown(timeout)}")
        deadline = time.monotonic() + min(float(timeout), 1e9)
        signer = await self._signer_of(gap, deadline)
        digest = self._accounts.own_digest if signer is None else key_digest(signer.api_key)
        lock = self._locks.setdefault(digest, asyncio.Lock())
        try:
            await asyncio.wait_for(lock.acquire(), deadline - time.monotonic())
        except (TimeoutError, asyncio.TimeoutError):
            return Recovery(missing=["everything: another recover_gap() of this account took all the time"])
        try:
            return await self._recover(gap, more, signer, digest, deadline)
        finally:
            lock.release()

    async def _recover(
        self, gap: Gap, more: set[str], signer: Signer | None, digest: str | None, deadline: float
    ) -> Recovery:
        mine = [opened for opened in self._gaps.told() if self._is_of(opened, digest)]
        for opened in mine:
            if opened.gap == gap and opened.recovery is not None and more <= opened.recovered_symbols:
                self._gaps.close(opened)
                known: Recovery = opened.recovery
                return known
        start, end, overlapping = _union(gap, mine)
        symbols = {*gap.symbols, *more}.union(*(opened.gap.symbols for opened in overlapping))
        asking = _Asking(self._client, self._turns, self._until_open, signer, deadline)
        trade_ids: dict[str, int] = {}
        for opened in overlapping:
            for symbol, number in opened.trade_ids.items():
                trade_ids[symbol] = min(number, trade_ids.get(symbol, number))
        recovery = await asking.run(start, None if gap.open_ended else end, symbols, trade_ids, self.lag_us)
        if recovery.complete:
            for opened in overlapping:
                opened.recovery, opened.recovered_symbols = recovery, frozenset(symbols)
                if opened.gap == gap:
                    self._gaps.close(opened)
            streams_log.info("a gap is recovered: %s", gap)
        else:
            streams_log.warning(
                "a gap is not recovered: %s; missing: %s",
                gap,
                "; ".join(recovery.missing),
                code="gap-not-recovered",
                reason=gap.reason,
            )
        return recovery

    def _is_of(self, opened: OpenGapLike, digest: str | None) -> bool:
        theirs, uid = self._accounts.identity(opened.account)
        return same(theirs, uid, digest, self._accounts.uid_of(digest))

    async def _signer_of(self, gap: Gap, deadline: float) -> Signer | None:
        """The key to ask with; None for the client's own.

        Raises:
            InvalidRequest: the gap is of an account that the client has no key of.
        """
        for opened in self._gaps.told():
            if opened.gap == gap:
                signer: Signer | None = opened.signer
                return signer
        if gap.account is None:
            if self._accounts.own_digest is None:
                raise InvalidRequest("a gap is of an account, and this client has no key")
            return None
        if gap.account != self._accounts.own_digest:
            for each in self._signers():
                if key_digest(each.api_key) == gap.account:
                    return each

        async def ask() -> Any:
            asking = _Asking(self._client, self._turns, self._until_open, None, deadline)
            try:
                await asking.ask_time()
                return await asking.ask("account.status", {})
            except _TimeOver:
                raise RequestTimeout("account.status was not answered within the timeout") from None

        await self._accounts.refuse_others("the gap", gap.account, gap.uid, ask)
        return None


def _union(gap: Gap, opened: list[Any]) -> tuple[int, int, list[Any]]:
    """The span of a gap and of all that overlap with it; and these, itself included if it is open."""
    start, end = gap.start, gap.end
    found: list[Any] = []
    left = list(opened)
    while True:
        near = [each for each in left if each.gap.start <= end and each.gap.end >= start]
        if not near:
            return start, end, found
        found += near
        left = [each for each in left if each not in near]
        start = min(start, *(each.gap.start for each in near))
        end = max(end, *(each.gap.end for each in near))


class _Asking:
    """One asking about a gap, for one account, until a deadline by time.monotonic()."""

    def __init__(
        self,
        client: QuestionClient,
        turns: WeightTurns,
        until_open: Callable[[float], Awaitable[None]],
        signer: Signer | None,
        deadline: float,
    ) -> None:
        self._client = client
        self._turns = turns
        self._until_open = until_open
        self._signer = signer
        self._deadline = deadline
        self._behind = 0  # the exchange's microseconds less those of the monotonic clock, at least
        self._at_once = asyncio.Semaphore(_AT_ONCE)
        self._missing: list[str] = []
        self._orders: dict[tuple[str, int], dict[str, Any]] = {}
        self._trades: list[dict[str, Any]] = []
        self._lists: dict[int, dict[str, Any]] = {}
        self._account: dict[str, Any] | None = None

    # ----------------------------------------------------------------------------------------------- one question

    async def ask(self, method: str, params: dict[str, Any]) -> Any:
        """The answer to one question. It is repeated, also on the next connection, while time is left.

        Raises:
            _TimeOver: no time is left. FastwsError: the exchange refuses the question, or the client is closed.
        """
        if self._left() <= 0:
            raise _TimeOver
        try:
            return await asyncio.wait_for(self._repeat(method, params), self._left())
        except (TimeoutError, asyncio.TimeoutError) as error:
            if isinstance(error, FastwsError):
                raise
            raise _TimeOver from error

    async def _repeat(self, method: str, params: dict[str, Any]) -> Any:
        weight = weight_of(method, params)
        pause = _PAUSE
        async with self._at_once:
            while True:
                if not self._client.requester.connected:
                    await self._until_open(max(0.001, self._left()))
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
        self, start: int, end: int | None, symbols: set[str], trade_ids: dict[str, int], lag_us: int
    ) -> Recovery:
        """Ask everything; ``end`` None stands for now."""
        await self._all([("the time", self._ask_all(start, end, symbols, trade_ids, lag_us))])
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
        )

    async def ask_time(self) -> int:
        """The exchange's time, in microseconds. The questions that follow are stamped with it."""
        now = as_microseconds(int((await self.ask("time", {}))["serverTime"]))
        self._behind = now - time.monotonic_ns() // 1000
        return now

    async def _ask_all(
        self, start: int, end: int | None, symbols: set[str], trade_ids: dict[str, int], lag_us: int
    ) -> None:
        before = time.monotonic_ns() // 1000
        now = await self.ask_time()
        if end is None:
            end = now + 1000 + time.monotonic_ns() // 1000 - before
        await self._wait_for_database(end + lag_us - now)
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
            if isinstance(error, _TimeOver):
                self._missing.append(f"{name}: no time was left")
            elif isinstance(error, FastwsError):
                self._missing.append(f"{name}: {error}")
            elif isinstance(error, (TypeError, LookupError, ValueError)):
                self._missing.append(f"{name}: an answer that cannot be read: {error!r}")
            elif error is not None:
                raise error

    async def _ask_open(self) -> None:
        for row in _rows(await self.ask("openOrders.status", {})):
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

    async def _ask_list(self, number: int) -> None:
        try:
            row = await self.ask("orderList.status", {"orderListId": number})
        except ApiError as error:
            if error.code not in _NO_SUCH_LIST:
                raise
            return
        self._lists[row["orderListId"]] = row

    async def _question(self, method: str, params: dict[str, Any]) -> list[dict[str, Any]]:
        return _rows(await self.ask(method, params))

    def _take_order(self, row: dict[str, Any]) -> None:
        key = (row["symbol"], row["orderId"])
        known = self._orders.get(key)
        if known is None or row["updateTime"] > known["updateTime"]:
            self._orders[key] = row


def _rows(answer: Any) -> list[dict[str, Any]]:
    if not isinstance(answer, list) or not all(isinstance(row, dict) for row in answer):
        raise DecodeError("the reply is no list of rows")
    return answer


def _is_own(name: Any, prefix: str) -> bool:
    """Whether a client order id is one of this client's; see Recovery."""
    if not isinstance(name, str):
        return False
    return name.startswith(prefix) if prefix else is_generated_id(name, "")
