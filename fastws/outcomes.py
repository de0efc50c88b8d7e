"""What a request ends in: what happened to its reply becomes the error that its caller gets. No I/O, no state."""

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

# The codes that leave open whether a request was executed, whatever the status: UNKNOWN, DISCONNECTED, UNEXPECTED_RESP,
# TIMEOUT, SERVER_BUSY (seen of an order that had been placed), and a reply that could not be encoded in the requested
# SBE schema (errors.md).
OPEN_CODES = frozenset((-1000, -1001, -1006, -1007, -1008, -1161))
# The statuses that say by themselves that nothing was executed: who asks is blocked, or asks too often.
_REFUSALS = frozenset((403, 418, 429))


class Request(Protocol):
    """What matters of a request: a RequestInfo has it."""

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
    """Whether a request that was sent may have been executed, although its reply was this error, or none came."""
    if isinstance(cause, (ConnectionLost, RequestTimeout, DecodeError, ServerError)):
        return True
    if not isinstance(cause, ApiError):
        return False
    codes = {cause.code}
    if not cause.code and cause.status not in _REFUSALS:
        return True  # an error without a code that can be read: it may be one of those
    if isinstance(cause.data, dict):  # the halves of a cancelReplace have codes of their own
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
        may_be_executed: the exchange may have executed it whatever the cause says.
        recv_window: what fastws gave the request where its parameters have no ``recvWindow``.
        own_key: the client's API key.
        resolver: what ``ExecutionUnknown.resolve()`` asks.
    """
    if not request.trading or not request.sent or not (may_be_executed or leaves_open(cause)):
        return cause
    params = dict(request.params or {})
    if params.get("signature") is None:  # else nothing was added to it
        added = {"timestamp": request.timestamp or None, "recvWindow": recv_window}
        params |= {name: value for name, value in added.items() if params.get(name) is None}
    api_key = params.get("apiKey")
    signing_key = own_key if request.signer is None else request.signer.api_key
    stranger = api_key is not None and api_key != signing_key
    return ExecutionUnknown(cause, request.method, params, resolver=resolver, stranger=stranger)
