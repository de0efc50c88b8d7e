"""``client.halt()``: no new orders, and no open orders left.

1. Refuse new placements, and give up those that were not written yet.
2. Cancel all open orders of the symbols that the client used: at once, and again when the placements in flight have
   their replies.
3. Ask the exchange which orders are open.
4. Find out what became of placements without a reply.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .._common.log import logger
from .._common.shown import plain_text, short, shown
from .._core import Session
from .._native.limiter import RateLimiter
from .._native.waiters import RequestInfo
from ..errors import (
    ApiError,
    DecodeError,
    ExecutionUnknown,
    FastwsError,
    Halted,
    InvalidRequest,
    RequestTimeout,
)
from ..holds import PlacementHold
from ..signing import Signer
from ..verdicts import Executed, StillOpen
from .reconciliation import QuestionClient
from .results import as_dicts
from .unresolved import REMEMBERED, Unresolved

__all__ = ["HaltReport"]

Used = tuple[Signer | None, str]

_NOTHING_OPEN = -2011  # CANCEL_REJECTED, "Unknown order sent."
_ROUNDS = 5
_PAUSE = 0.1  # seconds before asking again: openOrders.status may lag
# In seconds. _SPARE of the timeout is kept for the steps after the wait for placements in flight, and half of it for
# those after the search for placements without a reply. A request waits for its reply for half of the time that is
# left, but at least _SHORT_REPLY_TIMEOUT. A cancel is sent even if no time is left, with _LEAST_TIMEOUT.
_SPARE = 2.0
_SHORT_REPLY_TIMEOUT = 1.0
_LEAST_TIMEOUT = 0.001


@dataclass
class HaltReport:
    """What ``client.halt()`` achieved, and what is left.

    Attributes:
        symbols: the symbols whose orders it cancelled.
        cancelled: the orders and order lists that it cancelled, as the exchange reported them.
        left: the orders that the exchange reported as open after the last cancel: of ``symbols``, or of all symbols if
            the client knew no symbol.
        unknown: placements whose outcome is still unknown, so they may yet be executed. ``await error.resolve()`` finds
            it out for each.
        errors: why the orders of a symbol could not be cancelled or queried, by symbol; "*" stands for all symbols. It
            also names the symbols of orders that you signed yourself (``signature=``) with a key that is not the
            client's: the client cannot cancel these.
    """

    symbols: tuple[str, ...] = ()
    cancelled: list[Any] = field(default_factory=list)
    left: list[Any] = field(default_factory=list)
    unknown: list[ExecutionUnknown] = field(default_factory=list)
    errors: dict[str, FastwsError] = field(default_factory=dict)

    @property
    def clean(self) -> bool:
        """Whether no order is open in any symbol, as the exchange confirmed, and no placement's outcome is unknown."""
        return not (self.left or self.unknown or self.errors)

    def __str__(self) -> str:
        if self.clean:
            return f"halted: nothing is open{' in ' if self.symbols else ''}{', '.join(self.symbols)}"
        parts = [f"{len(self.left)} orders are open"] if self.left else []
        parts += [f"{len(self.unknown)} placements have no known outcome"] if self.unknown else []
        parts += [f"{short(symbol)} is not verified ({error})" for symbol, error in self.errors.items()]
        return "halted, but " + "; ".join(parts)


class Halting:
    """Carries out ``halt()`` for a client, one halt at a time."""

    def __init__(
        self,
        client: QuestionClient,
        session: Session,
        limiter: RateLimiter,
        unresolved: Unresolved,
        failure: Callable[[RequestInfo, FastwsError, bool], FastwsError],
        *,
        has_key: bool,
    ) -> None:
        self._client = client
        self._session = session
        self._limiter = limiter
        self._unresolved = unresolved
        self._failure = failure  # SessionOwner.failure()
        self._has_key = has_key
        self._hold = PlacementHold(_halted)
        self._named: set[str] = set()  # the symbols that callers named for the halt under way
        self.task: asyncio.Task[HaltReport] | None = None

    def start(self, timeout: float, symbols: Iterable[str]) -> asyncio.Future[HaltReport]:
        """Start to halt, or join the halt that is under way. The Future's result is the report."""
        more = _checked_symbols(symbols)
        if self._session.loop_guard is not None:
            self._session.loop_guard.check("halt")
        asyncio.get_running_loop()
        self._limiter.hold(self._hold, first=True)
        self._session.give_up_held(self._hold)
        if self.task is None or self.task.done():
            self._named = more
            self.task = asyncio.ensure_future(self._run(timeout, more))
        elif more - self._named:
            self._named |= more
            self.task = asyncio.ensure_future(self._after(self.task, timeout, set(self._named)))
        # a caller that cancels its wait must not cancel the halt
        return asyncio.shield(self.task)

    @property
    def halted(self) -> bool:
        """Whether placements are refused, because a halt was started."""
        return self._hold in self._limiter.holds

    def resume(self) -> None:
        """Allow placements again.

        Raises:
            RuntimeError: a halt is under way.
        """
        if self.task is not None and not self.task.done():
            raise RuntimeError("client.halt() is under way: await it before client.resume()")
        self._limiter.release(self._hold)

    async def _after(self, task: asyncio.Task[HaltReport], timeout: float, symbols: set[str]) -> HaltReport:
        """Halt again, for more symbols, when the halt ``task`` is over."""
        await asyncio.wait([task])
        return await self._run(timeout, symbols)

    async def _run(self, timeout: float, symbols: set[str]) -> HaltReport:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout
        spare = min(_SPARE, timeout / 2)
        used = sorted(
            {*self._limiter.used_symbols(), *((None, symbol) for symbol in symbols)},
            key=lambda key: (key[1], "" if key[0] is None else key[0].api_key),
        )
        report = HaltReport(symbols=tuple(dict.fromkeys(symbol for _, symbol in used)))
        placements = self._session.placements()
        faults: dict[Used, FastwsError] = {}
        await self._cancel(report, faults, used, deadline)
        if placements:
            await self._settle(placements, deadline - spare)
            await self._cancel(report, faults, used, deadline)
        await self._verify(report, faults, used, deadline)
        if not used and self._session.is_open and self._has_key and not self._limiter.read_only:
            # report orders that this client did not place; cancel none, since no symbol was named
            report.left = await self._open_orders(faults, None, None, deadline)
        if self._unresolved:
            executed = await self._resolve(report, deadline - spare / 2)
            if executed:
                await self._cancel(report, faults, used, deadline)
                await self._verify(report, faults, used, deadline)
        report.errors |= {symbol: error for (_, symbol), error in faults.items()}
        for symbol in sorted(self._limiter.unreachable_symbols()):
            beyond = FastwsError(
                "orders that you signed with another key: only a client with that key can cancel"
            )
            report.errors.setdefault(symbol, beyond)
        (logger.info if report.clean else logger.warning)("%s", report)
        return report

    def _error(self, info: RequestInfo) -> ExecutionUnknown:
        """The ExecutionUnknown of a request without a reply."""
        cause = RequestTimeout(f"no reply to {info.method} that says what became of it")
        error = self._failure(info, cause, True)
        assert isinstance(error, ExecutionUnknown)
        return error

    async def _settle(self, placements: list[RequestInfo], deadline: float) -> None:
        """Wait for the replies to placements in flight. The outcome of those without a reply is unknown."""
        loop = asyncio.get_running_loop()
        await asyncio.wait([self._session.settled()], timeout=max(0.0, deadline - loop.time()))
        for info in placements:
            if not info.received_at and info not in self._unresolved:
                # its waiter had given up, or it is still in flight
                self._unresolved.add(info)

    async def _cancel(
        self, report: HaltReport, faults: dict[Used, FastwsError], used: list[Used], deadline: float
    ) -> None:
        """Cancel all open orders of each symbol."""

        async def one(signer: Signer | None, symbol: str) -> None:
            try:
                report.cancelled += _orders(
                    await self._client.ask(
                        "openOrders.cancelAll", {"symbol": symbol}, signer, _reply_timeout(deadline)
                    )
                )
            except ApiError as error:
                if error.code != _NOTHING_OPEN:
                    faults[signer, symbol] = error
            except FastwsError as error:
                faults[signer, symbol] = error

        await asyncio.gather(*(one(*key) for key in used))

    async def _verify(
        self, report: HaltReport, faults: dict[Used, FastwsError], used: list[Used], deadline: float
    ) -> None:
        """Ask which orders are open, and cancel again as long as there are some."""
        loop = asyncio.get_running_loop()
        asked = used
        for number in range(_ROUNDS):
            report.left = []
            for key in asked:
                faults.pop(key, None)
            found = await asyncio.gather(*(self._open_orders(faults, *key, deadline) for key in asked))
            report.left = [order for orders in found for order in orders]
            asked = [key for key, orders in zip(asked, found, strict=True) if orders]
            if not asked or number == _ROUNDS - 1 or loop.time() + _PAUSE >= deadline:
                return
            await asyncio.sleep(_PAUSE)
            await self._cancel(report, faults, asked, deadline)

    async def _open_orders(
        self, faults: dict[Used, FastwsError], signer: Signer | None, symbol: str | None, deadline: float
    ) -> list[Any]:
        """The open orders of a symbol; of all symbols if it is None."""
        try:
            return _orders(
                await self._client.ask(
                    "openOrders.status", {"symbol": symbol}, signer, _reply_timeout(deadline)
                )
            )
        except FastwsError as error:
            faults[signer, "*" if symbol is None else symbol] = error
            return []

    async def _resolve(self, report: HaltReport, deadline: float) -> bool:
        """Find out what became of the placements without a reply; returns whether one of them was executed."""
        loop = asyncio.get_running_loop()
        placements = self._unresolved.placements()
        if self._unresolved.too_many():
            report.errors["*"] = FastwsError(
                f"more than {REMEMBERED} placements ended without a known outcome; they are not all looked for"
            )

        async def one(info: RequestInfo, error: ExecutionUnknown) -> bool:
            if error._foreign_key:
                return False  # only a client with that key can ask
            try:
                verdict = await error.resolve(timeout=max(0.0, deadline - loop.time()))
            except FastwsError:
                return False
            if isinstance(verdict, StillOpen) and not verdict.candidates:
                return False
            self._unresolved.discard_placement(info)
            # an order that is cancelled already needs no other cancel
            return isinstance(verdict, Executed) and (verdict.order or {}).get("status") != "CANCELED"

        errors = [(info, self._error(info)) for info in placements]
        executed = await asyncio.gather(*(one(*each) for each in errors))
        report.unknown = [error for info, error in errors if info in self._unresolved]
        return any(executed)


def _halted(method: str) -> Halted:
    return Halted(f"{method} was not sent: the client is halted; client.resume() ends that")


def _orders(result: Any) -> list[Any]:
    """The orders of a reply.

    Raises:
        DecodeError: the reply is no list of orders, or an order cannot be read.
    """
    orders = list(result) if isinstance(result, Sequence) and not isinstance(result, str) else [None]
    if not all(isinstance(order, Mapping) for order in orders):
        raise DecodeError("the reply is no list of orders")
    as_dicts(orders)  # reads each view, so that an unreadable one raises here
    return orders


def _checked_symbols(symbols: Iterable[str]) -> set[str]:
    """The symbols as a set of str.

    Raises:
        InvalidRequest: they are no iterable of texts.
    """
    if isinstance(symbols, (str, bytes)) or not isinstance(symbols, Iterable):
        raise InvalidRequest(f"symbols: expected several symbols, got {shown(symbols)}")
    found = list(symbols)
    for symbol in found:
        if not isinstance(symbol, str):
            raise InvalidRequest(f"symbols: expected texts such as 'BTCUSDT', got {shown(symbol)} among them")
    return set(map(plain_text, found))


def _reply_timeout(deadline: float) -> float:
    """The timeout of one request, in seconds. It leaves half of the remaining time to the requests after it."""
    left = deadline - asyncio.get_running_loop().time()
    return max(_LEAST_TIMEOUT, min(left, max(_SHORT_REPLY_TIMEOUT, left / 2)))
