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
        type: its type, e.g. "executionReport".
        account: the name of its account; "" for ``serverShutdown``.
        event: the event as documented, with times in microseconds.
        time: its time ``E``, in microseconds of the exchange's clock.
        order_id: the order id of an executionReport, or None.
        client_order_id: the client order id of an executionReport (its key ``c``), or None.
    """

    __slots__ = ("_sent", "account", "client_order_id", "event", "order_id", "seq", "time", "type")

    def __init__(self, seq: int, account: str, event: Mapping[str, Any]) -> None:
        self.seq = seq
        self.type: str = event["e"]
        self.account = account
        self.event = event
        self.time: int = event["E"]
        report = self.type == "executionReport"
        self.order_id: int | None = event["i"] if report else None
        self.client_order_id: str | None = event["c"] if report else None
        self._sent: list[int] = []

    @property
    def connections(self) -> tuple[int, ...]:
        """The numbers of the connections that it was sent on, in the order of sending; empty as long as it was not
        sent. A connection to which it was sent twice is in it twice.
        """
        return tuple(self._sent)

    def sent_on(self, connection: int) -> None:
        """Note that it was written to a live connection."""
        self._sent.append(connection)

    def __repr__(self) -> str:
        order = "" if self.order_id is None else f" order {self.order_id} {self.event['x']}"
        sent = ", ".join(map(str, self._sent))
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
        record.sent_on(connection)
        self.changed(record)
