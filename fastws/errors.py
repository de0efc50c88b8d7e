"""What a request can end in, other than its result.

    FastwsError
    ├─ InvalidRequest      a parameter is wrong; nothing was sent
    │  ├─ InvalidKey       a signing key cannot be used
    │  └─ UnknownSymbol    client.symbols does not have it (trading/symbols.py)
    ├─ NotSent             given up before its bytes were handed over
    │  ├─ NotConnected     there is no connection to send on
    │  ├─ ReadOnly         the client was opened with read_only=True
    │  ├─ Halted           client.halt() was called
    │  └─ LocallyLimited   a rate limit is used up, until a time that it says
    ├─ ConnectionLost      sent, unanswered, and harmless to repeat
    ├─ RequestTimeout      the same, after the timeout
    ├─ DecodeError         a reply that cannot be read
    │  ├─ JsonError        at a byte position
    │  └─ SbeError         at a path
    ├─ ApiError            the exchange said no
    │  ├─ BadRequest 4xx · SessionRevoked 401 · Forbidden 403 · PartialFailure 409
    │  ├─ RateLimited 429 └─ Banned 418
    │  └─ ServerError 5xx
    ├─ EventOverflow       events were lost, because their consumer was too slow
    └─ ExecutionUnknown    a trading request that was handed over and whose outcome is open

A trading request never raises ConnectionLost, RequestTimeout, DecodeError or ServerError itself: these are the
``cause`` of its ExecutionUnknown.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Protocol

from ._common.shown import short, shown
from ._common.times import time_of
from .api_errors import (
    ApiError,
    BadRequest,
    Banned,
    FastwsError,
    Forbidden,
    PartialFailure,
    RateLimited,
    ServerError,
    SessionRevoked,
)
from .api_errors import api_error as api_error
from .verdicts import Verdict

__all__ = [
    "ApiError",
    "BadRequest",
    "Banned",
    "ConnectionLost",
    "DecodeError",
    "EventOverflow",
    "ExecutionUnknown",
    "FastwsError",
    "Forbidden",
    "Halted",
    "InvalidKey",
    "InvalidRequest",
    "JsonError",
    "LocallyLimited",
    "NotConnected",
    "NotSent",
    "PartialFailure",
    "RateLimited",
    "ReadOnly",
    "RequestTimeout",
    "SbeError",
    "ServerError",
    "SessionRevoked",
]


class InvalidRequest(FastwsError, ValueError):
    """A parameter is wrong. Nothing was sent. The message names the parameter, its value and what was expected."""


class InvalidKey(InvalidRequest):
    """A signing key cannot be read or used: the message says which, and why. It never holds the key itself."""


class NotSent(FastwsError):
    """The request was given up before its bytes were handed to the transport: it had no effect."""


class NotConnected(NotSent):
    """There is no connection to send on, or none could be made."""


class ReadOnly(NotSent):
    """A trading request, or one that fastws does not know, of a client that was opened with ``read_only=True``."""


class Halted(NotSent):
    """A request that places orders, after ``client.halt()``."""


class LocallyLimited(NotSent):
    """A rate limit is used up, so the exchange would refuse the request, and count it all the same.

    ``until`` says when it may be sent again: a ``datetime`` in UTC, by the exchange's clock.
    """

    def __init__(self, message: str, until_us: int = 0) -> None:
        self.until = time_of(until_us)
        self._message, self._until_us = message, until_us
        super().__init__(f"{message}; until {self.until:%Y-%m-%d %H:%M:%S.%f} UTC")

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._message, self._until_us)


class ConnectionLost(FastwsError, ConnectionError):
    """The connection ended before the reply came. Harmless to repeat: the request changes nothing."""


class RequestTimeout(FastwsError, TimeoutError):
    """No reply came within the request's timeout. Harmless to repeat: the request changes nothing."""


class DecodeError(FastwsError, ValueError):
    """A reply that cannot be read, or whose status and content contradict each other."""


def contradiction(status: int, payload: Any, is_error: bool, is_result: bool) -> DecodeError:
    """The error for a reply whose status and content do not go together: neither of them can be believed."""
    said = f"status {status}" if status else "no status"
    if is_error:
        return DecodeError(
            f"a reply that contradicts itself: {said} and an error: {api_error(status, payload)}"
        )
    if is_result:
        what = " that is no object" if 200 <= status < 300 else ""
        return DecodeError(f"a reply with a result{what} and {said}")
    return DecodeError(f"a reply with {said} that has neither a result nor an error")


class JsonError(DecodeError):
    """Text that is no valid JSON document.

    ``position`` is the offset, in bytes, at which reading failed.
    """

    def __init__(self, message: str, position: int = 0) -> None:
        super().__init__(f"{message} (at byte {position})")
        self.reason = message
        self.position = position

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.reason, self.position)


class SbeError(DecodeError):
    """Bytes that are no valid SBE message of the schema.

    ``path`` is the place, such as ``$.orders[3].price``.
    """

    def __init__(self, message: str, path: str = "$") -> None:
        super().__init__(f"{path}: {message}")
        self.reason = message
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.reason, self.path)


class EventOverflow(FastwsError):
    """Events found the buffer of their subscription full, and are lost. Raised in the consumer, where they are missing.

    ``lost`` is how many. What the events said is known to the exchange: query balances, open orders and trades.
    """

    def __init__(self, message: str, lost: int = 0) -> None:
        super().__init__(message)
        self.lost = lost


class Resolver(Protocol):
    """Finds out, for one client, what became of requests."""

    async def resolve(self, error: ExecutionUnknown, timeout: float, others: Collection[int]) -> Verdict: ...


class Asking(Protocol):
    """A Client, as ``ExecutionUnknown.resolve(client=…)`` sees it."""

    @property
    def __resolver__(self) -> Resolver: ...


class ExecutionUnknown(FastwsError):
    """A trading request was handed over and its outcome is not known: it may or may not have been executed.

    ``cause`` is what happened to the reply (ConnectionLost, RequestTimeout, DecodeError, ServerError, an ApiError
    with one of the codes -1000, -1001, -1006, -1007, -1008, -1161, or SessionRevoked). ``params`` are the parameters
    as they were sent, ``timestamp`` and ``recvWindow`` included, without ``apiKey`` and ``signature``.
    ``await error.resolve()`` finds out what is true.
    """

    def __init__(
        self,
        cause: FastwsError,
        method: str,
        params: dict[str, Any],
        *,
        resolver: Resolver | None = None,
        stranger: bool = False,
    ) -> None:
        self.cause = cause
        self.method = method
        self.params = {
            name: value
            for name, value in params.items()
            if value is not None and name not in ("apiKey", "signature")
        }
        name = self.client_order_id
        lost = isinstance(cause, ConnectionLost)
        way = "resolve(client=…)` on another connection" if lost else "resolve()`"
        super().__init__(
            f"{short(method)}{f' as {shown(name)}' if name else ''} was sent, but its outcome is unknown: {cause};"
            f" `await error.{way} finds it out"
        )
        self.__cause__ = cause
        self._resolver = resolver  # that of the client which sent the request
        self._stranger = stranger  # signed by the caller with a key that is not the client's

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.cause, self.method, self.params)

    @property
    def client_order_id(self) -> str | None:
        """The client order id that the request gives to an order or a list; None for openOrders.cancelAll."""
        return self.params.get("listClientOrderId" if "List.place" in self.method else "newClientOrderId")

    async def resolve(
        self, *, timeout: float = 2.0, client: Asking | None = None, others: Collection[int] = ()
    ) -> Verdict:
        """Find out what became of the request: by what its client saw of it, or by asking the exchange.

        Replies to other requests (cancels, amendments, queries) and events of the client that name the order are proof,
        and need no connection. They are looked at until the request is answered or resolved.

        Client order ids that you choose must not repeat within a minute or so, or an order cannot be told from its
        namesake.

        Args:
            timeout: seconds for all of it: the questions and the wait for their answers, the pauses between them, the
                wait for a rate limit that is over in time, and both rounds of questions. What is not proven by then is
                StillOpen; with 0 nothing is asked, and only what the client saw counts. While nothing is known, it
                asks again. A request can be executed until its timestamp + recvWindow + 10 s, and what it did may show
                4 s later; only after that (and a margin of a second) can a missing order be called NeverExecuted, by
                two rounds of questions a second apart, so with more than a second. For a request of long ago each
                round asks for one day after the other, which costs weight and time.
            client: ask on this client's connection, which must be of the same account; by default on that of the
                request.
            others: orderIds of orders that are known to come from other requests (for openOrders.cancelAll: from later
                ones), which rules them out as ``candidates``.

        Returns:
            ``Executed(order)``, ``Rejected(…)``, ``NeverExecuted()``, or ``StillOpen(…)`` while that is not proven.

        Raises:
            NotConnected: there is no connection to ask on.
            InvalidRequest: it was signed with another key than the client's; give ``client=``. Or ``timeout`` is wrong.
            LocallyLimited: a rate limit is used up for longer than is left.
            FastwsError: a question failed before the timeout: it was refused, the connection was lost, or no reply came
                within the client's own timeout. It may be asked again.
        """
        resolver = self._resolver if client is None else client.__resolver__
        if resolver is None:
            raise NotConnected("this error does not know a client to ask with; give client=")
        if client is None and self._stranger:
            raise InvalidRequest(
                f"{self.method} was signed with another key: give client= of the same account"
            )
        try:
            return await resolver.resolve(self, timeout, others)
        except NotConnected as error:
            if client is not None:
                raise
            fault = NotConnected(f"{error}; give client=, a client of the same account that is connected")
            raise fault from error
