"""Decides with which error a request ends, from what happened to its reply. No I/O, no state."""

from __future__ import annotations

from typing import Any, Protocol

from .errors import (
    ApiError,
    ConnectionLost,
    DecodeError,
    ExecutionUnknown,
    FastwsError,
    RequestTimeout,
    Resolver,
    ServerError,
)
from .signing import Signer

__all__ = ["OPEN_CODES", "leaves_open", "outcome_of"]

# With these codes, and any status, the request may or may not have been executed: UNKNOWN, DISCONNECTED,
# UNEXPECTED_RESP, TIMEOUT, SERVER_BUSY (observed of an order that had been placed), and -1161: the reply could not be
# encoded in the requested SBE schema (errors.md).
OPEN_CODES = frozenset((-1000, -1001, -1006, -1007, -1008, -1161))
# With these statuses nothing was executed, whatever the code: the address is blocked, or sends too many requests.
_REFUSALS = frozenset((403, 418, 429))


class Request(Protocol):
    """The attributes of a RequestInfo that decide its outcome."""

    @property
    def method(self) -> str: ...
    @property
    def params(self) -> dict[str, Any] | None: ...
    @property
    def trading(self) -> bool: ...
    @property
    def sent(self) -> bool: ...
    @property
    def timestamp(self) -> int: ...
    @property
    def signer(self) -> Signer | None: ...


def leaves_open(cause: FastwsError) -> bool:
    """Whether a request that was sent may have been executed, although ``cause`` came instead of its result."""
    if isinstance(cause, (ConnectionLost, RequestTimeout, DecodeError, ServerError)):
        return True
    if not isinstance(cause, ApiError):
        return False
    codes = {cause.code}
    if not cause.code and cause.status not in _REFUSALS:
        return True  # its code cannot be read: it may be one of OPEN_CODES
    if isinstance(cause.data, dict):  # each half of a cancelReplace has its own code
        for half in (cause.data.get("cancelResponse"), cause.data.get("newOrderResponse")):
            if isinstance(half, dict) and isinstance(half.get("code"), int):
                codes.add(half["code"])
    return not codes.isdisjoint(OPEN_CODES)


def outcome_of(
    request: Request,
    cause: FastwsError,
    may_be_executed: bool,
    *,
    recv_window: float | None = None,
    own_key: str | None = None,
    resolver: Resolver | None = None,
) -> FastwsError:
    """The error that a request ends in: the cause itself, or an ExecutionUnknown.

    Args:
        cause: what happened to its reply.
        may_be_executed: the exchange may have executed the request, even if ``cause`` does not leave this open.
        recv_window: the default recvWindow in milliseconds, which fastws added if the parameters have none.
        own_key: the client's API key.
        resolver: carries out ``ExecutionUnknown.resolve()``.
    """
    if not request.trading or not request.sent or not (may_be_executed or leaves_open(cause)):
        return cause
    params = dict(request.params or {})
    if params.get("signature") is None:  # to a request that the caller signed fastws adds nothing
        added = {"timestamp": request.timestamp or None, "recvWindow": recv_window}
        params |= {name: value for name, value in added.items() if params.get(name) is None}
    api_key = params.get("apiKey")
    signing_key = own_key if request.signer is None else request.signer.api_key
    foreign_key = api_key is not None and api_key != signing_key
    return ExecutionUnknown(cause, request.method, params, resolver=resolver, foreign_key=foreign_key)
