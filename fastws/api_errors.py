"""The base of all errors, and those that the exchange sends; ``fastws.errors`` has them all, and their tree."""

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

_LONGEST_MSG = 1000  # characters of the exchange's text that an error's text repeats; ``msg`` has all of it


class RequestRecord(Protocol):
    """A RequestInfo, as errors carry it: what it holds is explained there."""

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


class FastwsError(Exception):
    """Base of every error that fastws raises.

    ``info`` is the record of the request that failed (its id, method, client order id, times), or None where there
    is no request, and in an error that comes from another process.
    """

    info: RequestRecord | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), self.args, {name: value for name, value in vars(self).items() if name != "info"}


class ApiError(FastwsError):
    """The exchange refused the request.

    Attributes:
        status: the reply's ``status``, as of HTTP.
        code: Binance's error code, e.g. -1121 (errors.md).
        name: the code's name, e.g. "BAD_SYMBOL" (``fastws.codes``), or None for a code that errors.md does not have.
        msg: Binance's text.
        data: the ``data`` of the error, or None.
        retry_after: when the request may be repeated, by the exchange's clock: a ``datetime`` in UTC, from
            ``data.retryAfter``, or the ``Retry-After`` of a handshake that was refused, or the "until" of the text;
            None where the exchange does not say it.
    """

    def __init__(self, status: int, code: int, msg: str, data: Any = None, method: str = "") -> None:
        super().__init__(status, code, msg, data, method)
        self.status = status
        self.code = code
        self.msg = msg
        self.data = data
        self.method = method

    _advice = ""  # what fastws adds to Binance's text
    _until_us: int | None = None  # by the handshake's Retry-After, or by what fastws knows of the limit

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
    """Status 4xx: the request is at fault, and had no effect."""


class SessionRevoked(ApiError):
    """Status 401: the key of the session, or of the request, is not accepted (any more)."""


class Forbidden(ApiError):
    """Status 403: blocked by the web application firewall."""


class PartialFailure(ApiError):
    """Status 409: one half of an ``order.cancelReplace`` succeeded and the other did not.

    ``cancel_result`` and ``new_order_result`` are "SUCCESS", "FAILURE" or "NOT_ATTEMPTED"; ``cancel_response`` and
    ``new_order_response`` hold the result of a half, or its ``{"code", "msg"}``. The same four are in ``data`` when
    both halves failed (status 400, a BadRequest).
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
    """Status 429: a rate limit was exceeded; ``retry_after`` says until when.

    Where the exchange does not (with -1015), that is the end of the limit's window, as far as fastws knows it.
    """


class Banned(RateLimited):
    """Status 418: the address is banned until ``retry_after``."""


class ServerError(ApiError):
    """Status 5xx: the exchange failed; for a trading request the outcome is open (see ExecutionUnknown)."""


_BY_STATUS: dict[int, type[ApiError]] = {
    401: SessionRevoked,
    403: Forbidden,
    409: PartialFailure,
    418: Banned,
    429: RateLimited,
}


def api_error(status: int, error: Any, method: str = "") -> ApiError:
    """The exception for a reply with ``status`` and the ``error`` object (code, msg, data) that came with it."""
    if not isinstance(error, dict):
        error = {"code": 0, "msg": f"a reply with status {status} and no error object"}
    cls = _BY_STATUS.get(status) or (ServerError if status >= 500 else BadRequest)
    code, msg = error.get("code"), error.get("msg")
    if type(code) is not int:
        code = 0
    return cls(status, code, msg if isinstance(msg, str) else "", error.get("data"), method)
