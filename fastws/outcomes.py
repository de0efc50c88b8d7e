"""Decides with which error a request ends, from what happened to its reply. No I/O, no state."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from .errors import (
    ApiError,
    ConnectionLost,
    DecodeError,
    ExecutionUnknown,
    FastwsError,
    RequestRecord,
    RequestTimeout,
    Resolver,
    ServerError,
)

__all__ = ["OPEN_CODES", "Sender", "leaves_open", "outcome_of"]

# With these codes, and any status, the request may or may not have been executed: UNKNOWN, DISCONNECTED,
# UNEXPECTED_RESP, TIMEOUT, SERVER_BUSY (observed of an order that had been placed), and -1161: the reply could not be
# encoded in the requested SBE schema (errors.md).
OPEN_CODES = frozenset((-1000, -1001, -1006, -1007, -1008, -1161))
# With these statuses nothing was executed, whatever the code: the address is blocked, or sends too many requests.
_REFUSALS = frozenset((403, 418, 429))


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


@dataclass(frozen=True)
class Sender:
    """The client that sent a request.

    Attributes:
        recv_window: the default recvWindow in milliseconds, which fastws adds if the parameters have none.
        own_key: the client's API key.
        resolver: carries out ``ExecutionUnknown.resolve()``.
    """

    recv_window: float | None = None
    own_key: str | None = field(default=None, repr=False)
    resolver: Resolver | None = None

    def sent(self, request: RequestRecord) -> dict[str, Any]:
        """The parameters of a request as they were sent."""
        params = dict(request.params or {})
        if params.get("signature") is None:  # to a request that the caller signed fastws adds nothing
            added = {"timestamp": request.timestamp or None, "recvWindow": self.recv_window}
            params |= {name: value for name, value in added.items() if params.get(name) is None}
        return params

    def is_foreign(self, request: RequestRecord) -> bool:
        """Whether the caller signed the request with a key that is not the client's."""
        api_key = (request.params or {}).get("apiKey")
        signing_key = self.own_key if request.signer is None else request.signer.api_key
        return api_key is not None and api_key != signing_key


def outcome_of(
    request: RequestRecord, cause: FastwsError, may_be_executed: bool, sender: Sender
) -> FastwsError:
    """The error that a request ends in: the cause itself, or an ExecutionUnknown.

    Args:
        cause: what happened to its reply.
        may_be_executed: the exchange may have executed the request, even if ``cause`` does not leave this open.
        sender: the client that sent it.
    """
    if not request.trading or not request.sent or not (may_be_executed or leaves_open(cause)):
        return cause
    return ExecutionUnknown.of_request(cause, request, sender)
