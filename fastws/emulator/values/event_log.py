"""The event log: the events of all accounts in the order in which they happened, and where each was sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .history import History

__all__ = ["EventLog", "EventRecord"]


class EventRecord:
    """The record of an event.

    Attributes:
        seq: the number of the event at the exchange, from 1, in the order in which the events happened.
        account: the name of its account; "" for ``serverShutdown``.
        event: the event as documented, with times in microseconds.
        connections: the numbers of the connections that it was sent on, in the order of sending; empty as long as it
            was not sent. A connection to which it was sent twice is in it twice.
    """

    __slots__ = ("account", "connections", "event", "seq")

    def __init__(self, seq: int, account: str, event: Mapping[str, Any]) -> None:
        self.seq = seq
        self.account = account
        self.event = event
        self.connections: tuple[int, ...] = ()

    @property
    def type(self) -> str:
        """Its type, e.g. "executionReport"."""
        return str(self.event["e"])

    @property
    def time(self) -> int:
        """Its time ``E``, in microseconds of the exchange's clock."""
        return int(self.event["E"])

    @property
    def order_id(self) -> int | None:
        """The order id of an executionReport, or None."""
        return self.event["i"] if self.event["e"] == "executionReport" else None

    @property
    def client_order_id(self) -> str | None:
        """The client order id of an executionReport (its key ``c``), or None."""
        return self.event["c"] if self.event["e"] == "executionReport" else None

    def __repr__(self) -> str:
        order = "" if self.order_id is None else f" order {self.order_id} {self.event['x']}"
        sent = ", ".join(map(str, self.connections))
        return (
            f"<{self.seq} {self.type}{order} of {self.account or 'all'}, sent on {sent or 'no connection'}>"
        )


class EventLog(History[EventRecord]):
    """The last events, oldest first. ``total`` counts all events since the start; without a size, it records nothing.

    Attributes:
        on: whether it records anything.
    """

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self.on = size > 0

    def new(self, account: str, event: Mapping[str, Any]) -> EventRecord:
        """Add the record of a new event, with its times in microseconds."""
        self.total += 1
        record = EventRecord(self.total, account, event)
        self._records.append(record)
        self.changed(record)
        return record

    def sent(self, record: EventRecord, connection: int) -> None:
        """Note that an event was written to a live connection."""
        record.connections = (*record.connections, connection)
        self.changed(record)
