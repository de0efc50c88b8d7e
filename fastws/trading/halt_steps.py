"""The steps of ``client.halt()``: what it cancels, asks and finds out, and its report. Each can be done again."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from .._common.shown import short
from .._core import Session
from .._native.limiter import RateLimiter
from .._native.waiters import RequestInfo
from ..errors import (
    ApiError,
    ConnectionLost,
    DecodeError,
    ExecutionUnknown,
    FastwsError,
    LocallyLimited,
    NotConnected,
    RateLimited,
    RequestTimeout,
)
from ..signing import Signer
from ..verdicts import Executed, StillOpen
from .limits import weight_of
from .question_client import QuestionClient
from .results import as_dicts
from .unresolved import REMEMBERED, Unresolved
from .weight_turns import Rank, WeightTurns

__all__ = ["HaltReport", "HaltSteps", "Orders", "Parts"]

Orders = Literal["all", "own"]
Used = tuple[
    Signer | None, str | None
]  # the key of an account, None for the client's own; a symbol, None for all

_NOTHING_OPEN = -2011  # CANCEL_REJECTED, "Unknown order sent."
_NO_LIST = -1  # the orderListId of an order that is in no list
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
            the client knew no symbol. With ``orders="own"``: those among them that have the client's prefix.
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


class Parts(NamedTuple):
    """What a halt uses of its client."""

    client: QuestionClient
    session: Session
    limiter: RateLimiter
    unresolved: Unresolved
    failure: Callable[[RequestInfo, FastwsError, bool], FastwsError]  # SessionOwner.failure()
    turns: WeightTurns
    wait_open: Callable[[float | None], Awaitable[None]]  # Client.wait_open()
    has_key: bool
    probe_within: float  # seconds for the answer to the ping that a halt sends at its start


class HaltSteps:
    """The steps of one halt, until ``deadline``, a time of the event loop's clock in seconds.

    ``report`` is complete when run() has ended. ``interrupted`` says whether the connection was lost meanwhile, so that
    the steps should be done again on the next one.
    """

    def __init__(
        self, parts: Parts, deadline: float, symbols: Iterable[str], orders: Orders, cancelled: list[Any]
    ) -> None:
        self._client = parts.client
        self._session = parts.session
        self._limiter = parts.limiter
        self._unresolved = parts.unresolved
        self._failure = parts.failure
        self._turns = parts.turns
        self._wait_open = parts.wait_open
        self._has_key = parts.has_key
        self._deadline = deadline
        self._own = orders == "own"
        used = sorted(
            {*self._limiter.used_symbols(), *((None, symbol) for symbol in symbols)},
            key=lambda key: (key[1], "" if key[0] is None else key[0].api_key),
        )
        self._used: list[Used] = [*used]
        self._faults: dict[Used, FastwsError] = {}
        names = dict.fromkeys(symbol for _, symbol in used)
        self.report = HaltReport(symbols=tuple(names), cancelled=cancelled)
        self.interrupted = False

    async def run(self) -> None:
        """Wait for a connection, if there is none; then carry out the steps."""
        with contextlib.suppress(TimeoutError, NotConnected):  # the steps report it
            await self._wait_open(self._left())
        await self._carry_out()
        if any(map(_is_loss, self._faults.values())):
            try:
                await self._wait_open(0.0)
            except NotConnected:
                return  # the client is closed for good
            except TimeoutError:
                pass
            self.interrupted = True

    async def _carry_out(self) -> None:
        report, used = self.report, self._used
        spare = min(_SPARE, self._left() / 2)
        asks = self._has_key and not self._limiter.read_only
        if not used and self._own and asks:
            used = [(None, None)]  # the prefix says which orders are its own, whatever their symbol
        placements = self._session.placements()
        await self._cancel(used)
        if placements:
            await self._settle(placements, self._deadline - spare)
            await self._cancel(used)
        await self._verify(used)
        if not used and asks:
            # report orders that this client did not place; cancel none, since no symbol was named
            report.left = await self._open_orders(None, None)
        if self._unresolved:
            executed = await self._resolve(self._deadline - spare / 2)
            if executed:
                await self._cancel(used)
                await self._verify(used)
        report.errors |= {_shown_symbol(symbol): error for (_, symbol), error in self._faults.items()}
        for symbol in sorted(self._limiter.unreachable_symbols()):
            beyond = FastwsError(
                "orders that you signed with another key: only a client with that key can cancel"
            )
            report.errors.setdefault(symbol, beyond)

    def _left(self) -> float:
        """Seconds until the deadline."""
        return max(0.0, self._deadline - asyncio.get_running_loop().time())

    def _reply_timeout(self) -> float:
        """The timeout of one request, in seconds. It leaves half of the remaining time to the requests after it."""
        left = self._deadline - asyncio.get_running_loop().time()
        return max(_LEAST_TIMEOUT, min(left, max(_SHORT_REPLY_TIMEOUT, left / 2)))

    def _error(self, info: RequestInfo) -> ExecutionUnknown:
        """The ExecutionUnknown of a request without a reply."""
        cause = RequestTimeout(f"no reply to {info.method} that says what became of it")
        unanswered = self._unresolved.is_unanswered(info)
        error = self._failure(info, cause, True)
        assert isinstance(error, ExecutionUnknown)
        if unanswered:
            self._unresolved.add_unanswered(info)
        return error

    async def _settle(self, placements: list[RequestInfo], deadline: float) -> None:
        """Wait for the replies to placements in flight. The outcome of those without a reply is unknown."""
        loop = asyncio.get_running_loop()
        await asyncio.wait([self._session.settled()], timeout=max(0.0, deadline - loop.time()))
        for info in placements:
            if not info.received_at and info not in self._unresolved:
                # its waiter had given up, or it is still in flight
                self._unresolved.add_unanswered(info)

    async def _cancel(self, used: list[Used]) -> None:
        """Cancel the open orders of each symbol: all, or the client's own."""
        cancel = self._cancel_own if self._own else self._cancel_all
        await asyncio.gather(*(cancel(*key) for key in used))

    async def _cancel_all(self, signer: Signer | None, symbol: str | None) -> None:
        await self._cancelled((signer, symbol), "openOrders.cancelAll", {"symbol": symbol})

    async def _cancel_own(self, signer: Signer | None, symbol: str | None) -> None:
        """Cancel the orders that have the client's prefix, one by one; a list of orders at once."""
        orders = await self._open_orders(signer, symbol)
        single = [order for order in orders if order["orderListId"] == _NO_LIST]
        lists = {order["orderListId"]: order for order in orders if order["orderListId"] != _NO_LIST}
        key = signer, symbol
        await asyncio.gather(
            *(
                self._cancelled(key, "order.cancel", {"symbol": order["symbol"], "orderId": order["orderId"]})
                for order in single
            ),
            *(
                self._cancelled(key, "orderList.cancel", {"symbol": order["symbol"], "orderListId": number})
                for number, order in lists.items()
            ),
        )

    async def _cancelled(self, key: Used, method: str, params: dict[str, Any]) -> None:
        """Send a cancel; note what it cancelled, or why it did not."""
        try:
            result = await self._client.ask(method, params, key[0], self._reply_timeout())
            self.report.cancelled += _orders(result if method == "openOrders.cancelAll" else [result])
        except ApiError as error:
            if error.code != _NOTHING_OPEN:
                self._faults[key] = error
        except FastwsError as error:
            self._faults[key] = error

    async def _verify(self, used: list[Used]) -> None:
        """Ask which orders are open, and cancel again as long as there are some."""
        asked = used
        for number in range(_ROUNDS):
            for key in asked:
                self._faults.pop(key, None)
            found = await asyncio.gather(*(self._open_orders(*key) for key in asked))
            self.report.left = [order for orders in found for order in orders]
            asked = [key for key, orders in zip(asked, found, strict=True) if orders]
            if not asked or number == _ROUNDS - 1 or self._left() <= _PAUSE:
                return
            await asyncio.sleep(_PAUSE)
            await self._cancel(asked)

    async def _open_orders(self, signer: Signer | None, symbol: str | None) -> list[Any]:
        """The open orders of a symbol, of all symbols if it is None: all of them, or the client's own."""
        try:
            orders = _orders(await self._question("openOrders.status", {"symbol": symbol}, signer))
        except FastwsError as error:
            self._faults[signer, symbol] = error
            return []
        return [order for order in orders if self._is_own(order)] if self._own else orders

    async def _question(self, method: str, params: dict[str, Any], signer: Signer | None) -> Any:
        """The answer to a read. It waits for a closed gate, if that opens before the deadline."""
        weight = weight_of(method, params)
        while True:
            if self._limiter.read_delay(weight) > self._left():
                return await self._client.ask(method, params, signer, self._reply_timeout())
            async with self._turns.turn(Rank.HALT, weight):
                try:
                    return await self._client.ask(method, params, signer, self._reply_timeout())
                except (LocallyLimited, RateLimited):
                    if not 0 < self._limiter.read_delay(weight) <= self._left():
                        raise  # no gate that a wait would open

    def _is_own(self, order: Mapping[str, Any]) -> bool:
        name = order.get("clientOrderId")
        return isinstance(name, str) and name.startswith(self._client.client_order_id_prefix)

    async def _resolve(self, deadline: float) -> bool:
        """Find out what became of the placements without a reply; returns whether one of them was executed."""
        loop = asyncio.get_running_loop()
        placements = self._unresolved.placements()
        if self._unresolved.too_many():
            self.report.errors["*"] = FastwsError(
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
        self.report.unknown = [error for info, error in errors if info in self._unresolved]
        return any(executed)


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


def _is_loss(error: FastwsError) -> bool:
    """Whether a request failed since the connection was lost, or was not there."""
    cause = error.cause if isinstance(error, ExecutionUnknown) else error
    return isinstance(cause, (ConnectionLost, NotConnected))


def _shown_symbol(symbol: str | None) -> str:
    return "*" if symbol is None else symbol
