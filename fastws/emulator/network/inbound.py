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
    """A request with the attributes that only the gateway uses; the gateway fills them in step by step.

    Attributes:
        id_json: the id, as JSON text.
        method: its method, or None if there is no such method.
        params: its parameters as they were sent.
        timestamp: its timestamp in microseconds; ``recv_window`` as well.
        show_limits: whether its reply shows rate limits.
        fault: the fault that acts on it, or None.
        answered: whether it was answered, or never will be.
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
