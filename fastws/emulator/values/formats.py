"""Formats of replies and events: JSON here, SBE in wire/sbe.py. A connection has one format.

A format gets results with texts, numbers and lists as in the documented JSON, and with timestamps that are already
divided by its ``time_divisor``.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Protocol

from .errors import Refusal
from .limits import Window

__all__ = ["Format", "JsonFormat"]

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), check_circular=False).encode


class Format(Protocol):
    """The format of a connection's messages.

    Attributes:
        binary: whether messages are sent in binary frames, not in text frames.
        time_divisor: 1000 if timestamps are milliseconds, 1 if they are microseconds.
        schema: the id and version of the SBE schema that the client requested; None in JSON.
    """

    @property
    def binary(self) -> bool: ...

    @property
    def time_divisor(self) -> int: ...

    @property
    def schema(self) -> tuple[int, int] | None: ...

    def success(
        self, request_id: str, result: Any, windows: Sequence[Window] | None, now_us: int, method: str
    ) -> bytes:
        """Encode a reply with a result.

        ``request_id`` is JSON text; ``windows`` are the rate limits to show, if any.
        """

    def failure(
        self, request_id: str, refusal: Refusal, windows: Sequence[Window] | None, now_us: int
    ) -> bytes:
        """Encode a reply with an error."""

    def event(self, event: dict[str, Any], subscription_id: int | None = None) -> bytes:
        """Encode an event of a subscription or of the connection."""


class JsonFormat:
    """JSON in text frames; see Format."""

    binary = False
    schema = None

    def __init__(self, time_divisor: int) -> None:
        self.time_divisor = time_divisor

    def success(
        self, request_id: str, result: Any, windows: Sequence[Window] | None, now_us: int, method: str
    ) -> bytes:
        return _reply(request_id, 200, f'"result":{_encode(result)}', windows, now_us)

    def failure(
        self, request_id: str, refusal: Refusal, windows: Sequence[Window] | None, now_us: int
    ) -> bytes:
        return _reply(request_id, refusal.status, f'"error":{_encode(refusal.body())}', windows, now_us)

    def event(self, event: dict[str, Any], subscription_id: int | None = None) -> bytes:
        if subscription_id is None:
            return _encode({"event": event}).encode()
        return _encode({"subscriptionId": subscription_id, "event": event}).encode()


def _reply(request_id: str, status: int, body: str, windows: Sequence[Window] | None, now_us: int) -> bytes:
    if windows is None:
        return f'{{"id":{request_id},"status":{status},{body}}}'.encode()
    limits = ",".join([window.usage_json(now_us) for window in windows])
    return f'{{"id":{request_id},"status":{status},{body},"rateLimits":[{limits}]}}'.encode()
