"""The base class of all errors, and the errors that the exchange sends. ``fastws.errors`` has all errors."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Protocol

from ._common.shown import short
from ._common.times import microseconds, time_in, time_of
from .codes import name as code_name

__all__ = [
    "ApiError",
    "BadRequest",
    "Banned",
    "FastwsError",
    "Forbidden",
    "PartialFailure",
    "RateLimited",
    "RequestRecord",
    "ServerError",
    "SessionRevoked",
    "api_error",
]

_LONGEST_MSG = 1000  # characters: str(error) repeats so much of ``msg``


class RequestRecord(Protocol):
    """The record of a request that an error carries. It is a ``fastws.RequestInfo``, which documents the attributes.

    Annotate a function that takes ``error.info`` with ``fastws.errors.RequestRecord``: a RequestInfo fits, too.
    """

    @property
    def id(self) -> int: ...
    @property
    def method(self) -> str: ...
    @property
    def trading(self) -> bool: ...
    @property
    def placing(self) -> bool: ...
    @property
    def client_order_id(self) -> str | None: ...
    @property
    def params(self) -> dict[str, Any] | None: ...
    @property
    def sent(self) -> bool: ...
    @property
    def queued_at(self) -> int: ...
    @property
    def written_at(self) -> int: ...
    @property
    def received_at(self) -> int: ...
    @property
    def latency(self) -> int | None: ...
    @property
    def seq(self) -> int: ...
    @property
    def timestamp(self) -> int: ...
    @property
    def outcome(self) -> Any: ...
    @property
    def signer(self) -> Any: ...
    @property
    def account(self) -> str | None: ...
    def record(self) -> dict[str, Any]: ...


class FastwsError(Exception):
    """The base class of every error that fastws raises.

    Attributes:
        info: the record of the failed request (id, method, client order id, times). None if there is no request, and in
            an error that was pickled.
    """

    info: RequestRecord | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), self.args, {name: value for name, value in vars(self).items() if name != "info"}


class ApiError(FastwsError):
    """The exchange refused the request.

    Attributes:
        status: the reply's ``status``, a status code of HTTP.
        code: Binance's error code, e.g. -1121 (errors.md).
        name: the code's name, e.g. "BAD_SYMBOL" (``fastws.codes``); None for a code that errors.md does not have.
        msg: Binance's text.
        data: the ``data`` of the error, or None.
        method: Binance's name of the method, or "connect" for the handshake.
        retry_after: when the request may be repeated: a ``datetime`` in UTC, by the exchange's clock. It comes from
            ``data.retryAfter``, from the ``Retry-After`` of a refused handshake, or from the "until" in the text. None
            if the exchange says no time.
    """

    def __init__(self, status: int, code: int, msg: str, data: Any = None, method: str = "") -> None:
        super().__init__(status, code, msg, data, method)
        self.status = status
        self.code = code
        self.msg = msg
        self.data = data
        self.method = method

    _advice = ""  # what fastws adds to Binance's text
    # microseconds: from the Retry-After of the handshake, or the end of the window of the rate limit
    _until_us: int | None = None

    @property
    def name(self) -> str | None:
        return code_name(self.code)

    @property
    def retry_after(self) -> datetime | None:
        after = self.data.get("retryAfter") if isinstance(self.data, dict) else None
        if type(after) is int:
            return time_of(microseconds(after))
        until = time_in(self.msg) if self._until_us is None else self._until_us
        return None if until is None else time_of(until)

    def __str__(self) -> str:
        where = f"{short(self.method)}: " if self.method else ""
        name = f" {self.name}" if self.name else ""
        code = f"code {self.code}{name}, " if self.code else ""
        advice = f"; {self._advice}" if self._advice else ""
        return f"{where}{short(self.msg, _LONGEST_MSG)} ({code}status {self.status}){advice}"


class BadRequest(ApiError):
    """Status 4xx: the request is wrong, and had no effect."""


class SessionRevoked(ApiError):
    """Status 401: the exchange does not accept the key of the logon or of the request, or accepts it no longer."""


class Forbidden(ApiError):
    """Status 403: the exchange's web application firewall blocked the request."""


class PartialFailure(ApiError):
    """Status 409: one half of an ``order.cancelReplace`` succeeded, and the other half did not.

    If both halves failed, the error is a BadRequest (status 400), with the same four values in ``data``.

    Attributes:
        cancel_result, new_order_result: "SUCCESS", "FAILURE" or "NOT_ATTEMPTED".
        cancel_response, new_order_response: the result of the half, or its error as ``{"code", "msg"}``.
    """

    def _half(self, name: str) -> Any:
        return self.data.get(name) if isinstance(self.data, dict) else None

    @property
    def cancel_result(self) -> str | None:
        return self._half("cancelResult")  # type: ignore[no-any-return]

    @property
    def new_order_result(self) -> str | None:
        return self._half("newOrderResult")  # type: ignore[no-any-return]

    @property
    def cancel_response(self) -> dict[str, Any] | None:
        return self._half("cancelResponse")  # type: ignore[no-any-return]

    @property
    def new_order_response(self) -> dict[str, Any] | None:
        return self._half("newOrderResponse")  # type: ignore[no-any-return]


class RateLimited(ApiError):
    """Status 429: a rate limit was exceeded. ``retry_after`` says until when.

    If the exchange says no time, as with -1015, it is the end of the limit's window, if fastws knows the window.
    """


class Banned(RateLimited):
    """Status 418: the exchange has banned this address until ``retry_after``."""


class ServerError(ApiError):
    """Status 5xx: the exchange failed. For a trading request it is the cause of an ExecutionUnknown."""


_BY_STATUS: dict[int, type[ApiError]] = {
    401: SessionRevoked,
    403: Forbidden,
    409: PartialFailure,
    418: Banned,
    429: RateLimited,
}


def api_error(status: int, error: Any, method: str = "") -> ApiError:
    """The exception for a reply with this ``status`` and this ``error`` object (code, msg, data)."""
    if not isinstance(error, dict):
        error = {"code": 0, "msg": f"a reply with status {status} and no error object"}
    cls = _BY_STATUS.get(status) or (ServerError if status >= 500 else BadRequest)
    code, msg = error.get("code"), error.get("msg")
    if type(code) is not int:
        code = 0
    return cls(status, code, msg if isinstance(msg, str) else "", error.get("data"), method)
