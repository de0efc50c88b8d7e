"""What ``resolve()`` takes: a trading request of unknown outcome, as an error, a RequestInfo or a record shows it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .._common.shown import shown
from .._native.clock import Clock
from .._native.waiters import RequestInfo
from ..api_errors import RequestRecord
from ..errors import ExecutionUnknown, InvalidRequest
from ..signing import Signer
from .records import check_record
from .results import as_microseconds

__all__ = ["OpenRequest", "Watched", "open_request"]


class Watched:
    """A request of a record, for the evidence about it: what it shares with a RequestInfo.

    Attributes:
        params: the parameters as they were sent.
        written_at: about when it was written, in ns of time.monotonic_ns().
        outcome: None; no late reply can come.
    """

    outcome = None

    def __init__(self, params: dict[str, Any], written_at: int) -> None:
        self.params: dict[str, Any] | None = params
        self.written_at = written_at


@dataclass(frozen=True, eq=False)
class OpenRequest:
    """A trading request whose outcome is to be found out.

    Attributes:
        method: Binance's name of the method.
        params: the parameters as they were sent, with ``timestamp`` and ``recvWindow``, without apiKey and signature.
        key: the request, for the evidence about it.
        info: its RequestInfo; None for a request of another process.
        signer: the signer to ask with; None for the client's own key.
        account, uid: of its account: the digest of the key, and the uid if it is known; None for what is unknown.
    """

    method: str
    params: dict[str, Any]
    key: RequestRecord | Watched
    info: RequestRecord | None = None
    signer: Signer | None = None
    account: str | None = None
    uid: int | None = None

    @property
    def identity(self) -> tuple[Any, ...]:
        """What tells it from other requests, also when it is resolved again."""
        names = (value for name, value in self.params.items() if name.endswith("lientOrderId"))
        return (self.method, self.params.get("timestamp"), *names)


def open_request(given: object, clock: Clock) -> OpenRequest:
    """The request that an ExecutionUnknown, a RequestInfo or a record is about.

    Raises:
        InvalidRequest: it is none of these; it is no trading request; or it is a record that cannot be used.
    """
    if isinstance(given, RequestInfo):
        return _of_record(given.record(), given, clock)
    if isinstance(given, ExecutionUnknown):
        if given.info is not None:
            return _of_record(given.info.record(), given.info, clock)
        if given._record is None:  # made by other code than a client
            return OpenRequest(given.method, given.params, _watched(given.params, clock))
        given = given._record
    if isinstance(given, Mapping):
        check_record(given)
        return _of_record(given, None, clock)
    raise InvalidRequest(
        f"resolve: expected an ExecutionUnknown, a RequestInfo or a record, got {shown(given)}"
    )


def _of_record(record: Mapping[str, Any], info: RequestRecord | None, clock: Clock) -> OpenRequest:
    times = {"timestamp": record["timestamp"], "recvWindow": record["recvWindow"]}
    params = {**record["params"], **times}
    return OpenRequest(
        record["method"],
        params,
        _watched(params, clock) if info is None else info,
        info,
        None if info is None else info.signer,
        record["account"],
        record["uid"],
    )


def _watched(params: dict[str, Any], clock: Clock) -> Watched:
    timestamp = params.get("timestamp")
    ago = clock.now() - as_microseconds(int(timestamp)) if timestamp else 0
    return Watched(params, time.monotonic_ns() - max(0, ago) * 1000)
