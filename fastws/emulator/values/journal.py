"""The journal: a record of what truly happened to each request."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any, Literal

from .history import History

__all__ = ["Journal", "Record", "clock_text"]

Outcome = Literal["pending", "accepted", "rejected", "executed"]


def clock_text(time_us: int) -> str:
    """A time in microseconds as text for logs: in UTC, without the date."""
    seconds, fraction = divmod(time_us, 1_000_000)
    return f"{datetime.fromtimestamp(seconds, timezone.utc):%H:%M:%S}.{fraction:06}"


class Record:
    """The record of a request. Times are in microseconds of the exchange's clock; 0 means that it did not happen.

    Attributes:
        seq: the number of the request at the exchange, from 1.
        connection: the number of the connection that it came on.
        id: its id as it was sent, as text (also for numbers), or None.
        method: its method, without a version prefix; "" if none could be read.
        params: its parameters as they were sent, without the signature; numbers are texts.
        account: the name of its account, or "".
        outcome: "pending" while it is in the gateway; "accepted" on its way to the engine; "rejected" if it was
            refused and changed nothing; "executed" if it took effect, with any reply or none. The placement of
            an order that expires at once is "executed", too.
        order_id: the id of the order that it placed, canceled, amended or found.
        client_order_id: the client order id of that order, after the request.
        status: the ``status`` of its reply; 0 without a reply.
        code: the error code of its reply, or 0.
        reply_sent: whether its reply was written to a live connection.
        fault: the kind of the fault that acted on it, or "".
        received_at: the time at which it arrived.
        accepted_at: the time at which the gateway accepted it.
        executed_at: the time at which it took effect.
        replied_at: the time at which its reply was sent.
    """

    __slots__ = (
        "accepted_at",
        "account",
        "client_order_id",
        "code",
        "connection",
        "executed_at",
        "fault",
        "id",
        "method",
        "order_id",
        "outcome",
        "params",
        "received_at",
        "replied_at",
        "reply_sent",
        "seq",
        "status",
    )

    def __init__(self, seq: int, connection: int, received_at: int) -> None:
        self.seq = seq
        self.connection = connection
        self.received_at = received_at
        self.id: str | None = None
        self.method = ""
        self.params: Mapping[str, Any] = {}
        self.account = ""
        self.outcome: Outcome = "pending"
        self.order_id: int | None = None
        self.client_order_id: str | None = None
        self.status = 0
        self.code = 0
        self.reply_sent = False
        self.fault = ""
        self.accepted_at = 0
        self.executed_at = 0
        self.replied_at = 0

    @property
    def executed(self) -> bool:
        return self.outcome == "executed"

    def line(self) -> str:
        """The record as a line of text for logs."""
        parts = [
            clock_text(self.received_at),
            f"#{self.connection}",
            self.method or "?",
            f"id={self.id}",
            self.outcome,
        ]
        if self.status:
            parts.append(str(self.status))
        if self.code:
            parts.append(str(self.code))
        if self.order_id is not None:
            parts.append(f"order={self.order_id} ({self.client_order_id})")
        if self.fault:
            parts.append(f"fault={self.fault}")
        parts.append(f"{self.replied_at - self.received_at} us" if self.reply_sent else "no reply")
        return " ".join(parts)

    def __repr__(self) -> str:
        order = "" if self.order_id is None else f" order {self.order_id}"
        error = f" {self.code}" if self.code else ""
        reply = "replied" if self.reply_sent else "no reply"
        fault = f" ({self.fault})" if self.fault else ""
        return f"<{self.seq} {self.method} {self.outcome}{order} {self.status}{error} {reply}{fault}>"


class Journal(History[Record]):
    """The last records, oldest first. ``total`` counts all records since the start."""

    def new(self, connection: int, received_at: int) -> Record:
        """Add the record of a new request."""
        self.total += 1
        record = Record(self.total, connection, received_at)
        self._records.append(record)
        return record
