"""A request on its way through the gateway."""

from __future__ import annotations

from typing import Any

from ..methods.method import Method
from ..methods.request import Request
from ..values.faults import Fault
from ..values.journal import Record
from .connection import Connection

__all__ = ["InboundRequest"]

_DEFAULT_RECV_WINDOW_US = 5_000_000


class InboundRequest(Request):
    """What the gateway knows of a request besides; it is filled in step by step.

    Attributes:
        id_json: the id, as JSON text.
        method: how it is served; None where there is no such method.
        params: the parameters as they were sent.
        timestamp: in microseconds, as ``recv_window``.
        show_limits: whether its reply shows rate limits.
        fault: what goes wrong with it, or None.
        answered: its reply was given, or will not be.
    """

    __slots__ = (
        "answered",
        "fault",
        "id_json",
        "method",
        "params",
        "recv_window",
        "show_limits",
        "timestamp",
    )

    connection: Connection

    def __init__(self, connection: Connection, record: Record) -> None:
        super().__init__(connection, record)
        self.id_json = "null"
        self.method: Method | None = None
        self.params: dict[str, Any] = {}
        self.timestamp = 0
        self.recv_window = _DEFAULT_RECV_WINDOW_US
        self.show_limits = connection.return_rate_limits
        self.fault: Fault | None = None
        self.answered = False
