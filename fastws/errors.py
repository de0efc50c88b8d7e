"""The errors of fastws: what a request raises instead of returning a result.

    FastwsError
    ├─ InvalidRequest      a parameter is wrong; nothing was sent
    │  ├─ InvalidKey       a signing key cannot be used
    │  └─ UnknownSymbol    client.symbols does not have this symbol (trading/symbols.py)
    ├─ NotSent             given up before its bytes were handed to the transport
    │  ├─ NotConnected     there is no connection to send on
    │  ├─ ReadOnly         the client was opened with read_only=True
    │  ├─ Halted           client.halt() was called
    │  ├─ GapOpen          user data events were missed, and not asked for yet (gaps.py)
    │  └─ LocallyLimited   a rate limit is used up; the error says until when
    ├─ ConnectionLost      sent, and the connection ended before the reply; safe to repeat
    ├─ RequestTimeout      sent, and no reply came in time; safe to repeat
    ├─ DecodeError         a reply that cannot be read
    │  ├─ JsonError        at a byte position
    │  └─ SbeError         at a path
    ├─ ApiError            the exchange refused the request
    │  ├─ BadRequest 4xx · SessionRevoked 401 · Forbidden 403 · PartialFailure 409
    │  ├─ RateLimited 429 └─ Banned 418
    │  └─ ServerError 5xx
    ├─ EventOverflow       events were lost, because their consumer was too slow
    ├─ EventGap            events were missed, because the connection was lost (gaps.py)
    ├─ BookNotLive         an order book was read that is not live (book_errors.py)
    ├─ BookTooShallow      a question is about levels that an order book does not know (book_errors.py)
    └─ ExecutionUnknown    a trading request was sent, and its outcome is unknown

A trading request does not raise ConnectionLost, RequestTimeout, DecodeError or ServerError. It raises ExecutionUnknown
with one of these as its ``cause``.
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
from .api_errors import RequestRecord as RequestRecord
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
    """A parameter is wrong, and nothing was sent. The message names the parameter, its value and what was expected."""


class InvalidKey(InvalidRequest):
    """A signing key cannot be read or used. The message says which key and why, and never contains the key itself."""


class NotSent(FastwsError):
    """The request was given up before its bytes were handed to the transport, so it has no effect."""


class NotConnected(NotSent):
    """There is no connection to send the request on, or no connection could be opened."""

    _refusal = False  # the other side, or a proxy, refuses this client: to ask again soon is of no use


class ReadOnly(NotSent):
    """The client is read-only, and the request trades, or fastws does not know its method.

    ``connect(read_only=True)`` opens such a client.
    """


class Halted(NotSent):
    """The request places orders, and ``client.halt()`` was called."""


class LocallyLimited(NotSent):
    """A rate limit is used up. The exchange would refuse the request, and count it against the limit.

    Attributes:
        until: when the request may be sent: a ``datetime`` in UTC, by the exchange's clock.
    """

    def __init__(self, message: str, until_us: int = 0) -> None:
        self.until = time_of(until_us)
        self._message, self._until_us = message, until_us
        super().__init__(f"{message}; until {self.until:%Y-%m-%d %H:%M:%S.%f} UTC")

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._message, self._until_us)


class ConnectionLost(FastwsError, ConnectionError):
    """The connection ended before the reply came. The request changes nothing, so it can be repeated."""


class RequestTimeout(FastwsError, TimeoutError):
    """No reply came within the request's timeout. The request changes nothing, so it can be repeated."""


class DecodeError(FastwsError, ValueError):
    """A reply cannot be read, or its status and its content contradict each other."""


def contradiction(status: int, payload: Any, is_error: bool, is_result: bool) -> DecodeError:
    """The error for a reply whose status and content contradict each other."""
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
    """The text is no valid JSON document.

    Attributes:
        reason: what is wrong.
        position: the offset in bytes at which reading failed.
    """

    def __init__(self, message: str, position: int = 0) -> None:
        super().__init__(f"{message} (at byte {position})")
        self.reason = message
        self.position = position

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.reason, self.position)


class SbeError(DecodeError):
    """The bytes are no valid SBE message of the schema.

    Attributes:
        reason: what is wrong.
        path: where in the message, such as ``$.orders[3].price``.
    """

    def __init__(self, message: str, path: str = "$") -> None:
        super().__init__(f"{path}: {message}")
        self.reason = message
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.reason, self.path)


class EventOverflow(FastwsError):
    """Events are lost, because the buffer of their subscription was full.

    The consumer gets it in the place of the lost events. Query balances, open orders and trades to learn what the
    events said.

    Attributes:
        lost: how many events are lost.
    """

    def __init__(self, message: str, lost: int = 0) -> None:
        super().__init__(message)
        self.lost = lost


class Resolver(Protocol):
    """Finds out what became of requests of unknown outcome, with the requests of one client."""

    async def resolve(self, unknown: Any, timeout: float | None, others: Collection[int]) -> Verdict: ...


class Sender(Protocol):
    """The client that sent requests, as far as their errors use it."""

    @property
    def resolver(self) -> Resolver | None: ...
    def sent(self, request: RequestRecord) -> dict[str, Any]:
        """The parameters of a request as they were sent."""

    def is_foreign(self, request: RequestRecord) -> bool:
        """Whether the caller signed the request with a key that is not the client's."""


class ResolvingClient(Protocol):
    """A Client, as far as ``ExecutionUnknown.resolve(client=…)`` uses it."""

    @property
    def __resolver__(self) -> Resolver: ...


_made_of: Any = BaseException.args.__get__  # type: ignore[attr-defined]


def _without_secrets(params: dict[str, Any]) -> dict[str, Any]:
    return {
        name: value
        for name, value in params.items()
        if value is not None and name not in ("apiKey", "signature")
    }


class ExecutionUnknown(FastwsError):
    """A trading request was sent, and its outcome is unknown: the exchange may or may not have executed it.

    ``await error.resolve()`` finds out whether it did.

    Attributes:
        cause: what happened to the reply: ConnectionLost, RequestTimeout, DecodeError, ServerError, SessionRevoked, or
            an ApiError with one of the codes -1000, -1001, -1006, -1007, -1008, -1161.
        method: Binance's name of the method, such as "order.place".
        params: the parameters as they were sent, including ``timestamp`` and ``recvWindow``, without ``apiKey`` and
            ``signature``.
    """

    # A loss ends thousands of requests at once. So an error that a client makes has nothing but the ``args`` of
    # BaseException, as of_request() and _native/connection_faults.pxi give them: cause, RequestInfo, client.

    _cause: FastwsError | None = None
    _method: str | None = None
    _params: dict[str, Any] | None = None
    _record: dict[str, Any] | None = None  # of a request that has no ``info``

    def __init__(self, cause: FastwsError, method: str, params: dict[str, Any]) -> None:
        super().__init__(cause, None, None)
        self.__cause__ = cause
        self._method = method
        self._params = _without_secrets(params)

    @classmethod
    def of_request(cls, cause: FastwsError, info: RequestRecord, sender: Sender) -> ExecutionUnknown:
        """The error of a request that a client sent."""
        if cause.info is None:
            cause.info = info
        error: ExecutionUnknown = cls.__new__(cls, cause, info, sender)
        error.__cause__ = cause
        return error

    @property
    def cause(self) -> FastwsError:
        if self._cause is None:
            cause: FastwsError = _made_of(self)[0]
            if cause.info is None and self.info is not None:  # all requests of a lost connection share it
                self.__cause__ = cause = type(cause)(*cause.args)
                cause.info = self.info
            self._cause = cause
        return self._cause

    @property
    def info(self) -> RequestRecord | None:  # type: ignore[override]
        info: RequestRecord | None = _made_of(self)[1]
        return info

    @property
    def _sender(self) -> Sender | None:
        sender: Sender | None = _made_of(self)[2]
        return sender

    @property
    def method(self) -> str:
        if self._method is None:
            assert self.info is not None
            return self.info.method
        return self._method

    @property
    def params(self) -> dict[str, Any]:
        if self._params is None:
            assert self.info is not None
            assert self._sender is not None
            self._params = _without_secrets(self._sender.sent(self.info))
        return self._params

    @property
    def args(self) -> tuple[Any, ...]:  # type: ignore[override]
        return (str(self),)

    def __str__(self) -> str:
        name = self.client_order_id
        order = f" as {shown(name)}" if name else ""
        return (
            f"{short(self.method)}{order} was sent, but its outcome is unknown: {self.cause};"
            " `await error.resolve()` finds it out"
        )

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self)!r})"

    @property
    def _resolver(self) -> Resolver | None:
        """Of the client that sent the request."""
        return None if self._sender is None else self._sender.resolver

    @property
    def _foreign_key(self) -> bool:
        """Whether the caller signed the request with a key that is not the client's."""
        return self.info is not None and self._sender is not None and self._sender.is_foreign(self.info)

    def __reduce__(self) -> tuple[Any, ...]:
        record = self._record if self.info is None else self.info.record()
        return type(self), (self.cause, self.method, self.params), {"_record": record}

    def record(self) -> dict[str, Any]:
        """What ``client.resolve()`` needs to find out what became of the request: a dict that json.dumps() accepts.

        It is the record of ``RequestInfo.record()``, which documents its content.

        Raises:
            InvalidRequest: a client did not make this error, so the account of its request is not known.
        """
        if self.info is not None:
            return self.info.record()
        if self._record is None:
            raise InvalidRequest(
                "record(): no client made this error, so the account of its request is not known"
            )
        return {**self._record, "params": dict(self._record["params"])}

    @property
    def client_order_id(self) -> str | None:
        """The client order id that the request gives to an order or a list; None for openOrders.cancelAll."""
        return self.params.get("listClientOrderId" if "List.place" in self.method else "newClientOrderId")

    async def resolve(
        self,
        *,
        timeout: float | None = None,
        client: ResolvingClient | None = None,
        others: Collection[int] = (),
    ) -> Verdict:
        """Find out what became of the request: the same as ``client.resolve(error)``, which documents it.

        Args:
            timeout: seconds for everything; None waits until the outcome is decided.
            client: another client of the same account to ask with; by default the client that sent the request.
            others: orderIds of orders of the same symbol that other requests placed (for openOrders.cancelAll: that
                later requests placed). They cannot be ``candidates``. An orderId is unique in its symbol only: an id of
                another symbol may rule out the order itself.

        Returns:
            ``Executed(order)``, ``Rejected(…)`` or ``NeverExecuted()`` if it is proven; otherwise ``StillOpen(…)``.

        Raises:
            As ``client.resolve()``.
        """
        resolver = self._resolver if client is None else client.__resolver__
        if resolver is None:
            raise NotConnected("this error does not know a client to ask with; give client=")
        if client is None and self._foreign_key:
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
