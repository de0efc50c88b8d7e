"""The control requests of market data streams: SUBSCRIBE and others, their replies, their errors and their faults."""

from __future__ import annotations

import asyncio
import json
import re
from abc import abstractmethod
from collections.abc import Callable, Iterable
from typing import Any

from ..exchange.state import Exchange
from ..values.delays import Delay
from ..values.errors import Refusal
from ..values.fault_kinds import CONTROL_METHODS
from ..values.faults import Faults
from ..values.journal import Journal, Record
from .connection import Connection
from .delivery import respond_badly
from .inbound import InboundRequest

__all__ = ["ControlRequests", "Subscriber", "as_json"]

_KEYS = frozenset(("id", "method", "params"))
# Binance's own SDK sends UUIDs with their hyphens, so "alphanumeric" must be what the WebSocket API takes it for.
_id_text = re.compile(r"[a-zA-Z0-9_-]{1,36}").fullmatch
as_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class Subscriber(Connection):
    """A connection, as control requests use it.

    Attributes:
        names: the streams that it is subscribed to.
        combined: whether events name their stream.
    """

    names: dict[str, None]
    combined: bool

    @abstractmethod
    def subscribe(self, names: Iterable[str]) -> bool:
        """Subscribe to streams. False, and without an effect, if these are too many."""

    @abstractmethod
    def unsubscribe(self, names: Iterable[str]) -> None:
        """Unsubscribe from streams. One that it is not subscribed to is ignored."""

    @abstractmethod
    def after_event(self, seconds: float, call: Callable[[], None]) -> None:
        """Call after the next event, or after some seconds."""


class _Refused(Exception):
    """A control request is refused."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


class ControlRequests:
    """Takes the control requests of all connections of a service, and replies to them.

    Attributes:
        nested_errors: whether errors are sent as ``{"error": {"code": …}}``, not with the code at the top level.
        reply_delay: the delay of replies.
    """

    def __init__(
        self,
        exchange: Exchange,
        faults: Faults,
        journal: Journal,
        *,
        nested_errors: bool,
        on_record: Callable[[Record], None] | None = None,
    ) -> None:
        self.exchange = exchange
        self.nested_errors = nested_errors
        self.reply_delay = Delay(0.0, "replies of streams")
        self._faults = faults
        self._journal = journal
        self._on_record = on_record
        self._loop = asyncio.get_running_loop()

    def receive(self, connection: Subscriber, text: str) -> None:
        """Take the text of a control request."""
        record = self._journal.new(connection.number, self.exchange.clock.now_us())
        connection.unanswered[record.seq] = record
        request = InboundRequest(connection, record)
        request.id_json = ""
        try:
            self._read(request, text)
        except _Refused as refused:
            self._end(request, refused)
            return
        fault = request.fault = self._faults.take(record.method, connection.number)
        if fault is not None:
            record.fault = fault.kind
        if fault is not None and fault.kind == "hold":
            self._loop.call_later(fault.details["seconds"], self._execute, connection, request)
        else:
            self._execute(connection, request)

    def _read(self, request: InboundRequest, text: str) -> None:
        try:
            sent = json.loads(text)
        except ValueError as error:
            raise _Refused(3, f"Invalid JSON: {error}") from None
        if not isinstance(sent, dict):
            raise _Refused(3, "Invalid JSON: expected an object")
        request_id = sent.get("id")
        if not _good_id(request_id):
            raise _Refused(
                2, "Invalid request: request ID must be an unsigned integer, an alphanumeric string or null"
            )
        if "id" in sent:
            request.id_json = as_json(request_id)
        record = request.record
        record.id = None if request_id is None else str(request_id)
        if "method" not in sent:
            raise _Refused(2, "Invalid request: missing field `method`")
        method = sent["method"]
        if not isinstance(method, str) or method not in CONTROL_METHODS:
            raise _Refused(
                2,
                f"Invalid request: unknown variant `{method}`, expected one of {', '.join(CONTROL_METHODS)}",
            )
        record.method = method
        if sent.keys() - _KEYS:
            raise _Refused(2, "Invalid request: too many parameters")
        request.params = record.params = {"params": sent["params"]} if "params" in sent else {}

    def _execute(self, connection: Subscriber, request: InboundRequest) -> None:
        fault, record = request.fault, request.record
        outcome: Any = None
        if fault is None or not fault.before:
            try:
                outcome = _carry_out(connection, record.method, request.params.get("params"))
            except _Refused as refused:
                outcome = refused
            else:
                record.outcome = "executed"
                record.executed_at = self.exchange.clock.now_us()
        self._end(request, outcome)

    def _end(self, request: InboundRequest, outcome: Any) -> None:
        fault, record = request.fault, request.record
        if record.outcome != "executed":
            record.outcome = "rejected"
        if fault is None:
            self.send(request, self.reply(request, outcome))
        elif fault.kind == "late_reply":
            reply, connection = self.reply(request, outcome), request.connection
            connection.after_event(fault.details["seconds"], lambda: self.send(request, reply))
        else:
            respond_badly(self, request, fault, outcome)
        if self._on_record is not None:
            self._on_record(record)
        self._journal.changed(record)

    # The reply, as faults use it; see Replier

    def reply(self, request: InboundRequest, outcome: Any) -> bytes:
        """Encode the reply to a request: its result, or an error."""
        record, named = request.record, request.id_json
        if isinstance(outcome, Refusal):
            code, text = outcome.code, outcome.msg
        elif isinstance(outcome, _Refused):
            code, text = outcome.code, str(outcome)
        else:
            record.status = 200
            return f'{{"result":{as_json(outcome)},"id":{named or "null"}}}'.encode()
        record.status, record.code = 400, code
        error = f'"code":{code},"msg":{as_json(text)}'
        if self.nested_errors:
            error = f'"error":{{{error}}}'
        return f'{{{error},"id":{named}}}'.encode() if named else f"{{{error}}}".encode()

    def send(self, request: InboundRequest, reply: bytes, then: Callable[[], None] | None = None) -> None:
        """Send a reply, and call ``then``."""
        self.deliver(self._send_now, request, reply, then)

    def deliver(self, send: Callable[..., Any], *args: Any) -> None:
        """Call ``send`` after the reply delay."""
        if self.reply_delay.most:
            self._loop.call_later(self.reply_delay.draw(), send, *args)
        else:
            send(*args)

    def _send_now(self, request: InboundRequest, reply: bytes, then: Callable[[], None] | None) -> None:
        if request.connection.send_reply(reply):
            self.sent(request)
        if then is not None:
            then()

    def sent(self, request: InboundRequest) -> None:
        """Note that a reply was written to a live connection."""
        record = request.record
        request.connection.unanswered.pop(record.seq, None)
        record.reply_sent = True
        record.replied_at = self.exchange.clock.now_us()
        self._journal.changed(record)


def _good_id(request_id: Any) -> bool:
    """Whether it is null, a signed integer of 64 bits, or an alphanumeric text of 36 characters at most."""
    if request_id is None:
        return True
    if isinstance(request_id, str):
        return _id_text(request_id) is not None
    return type(request_id) is int and -(1 << 63) <= request_id < 1 << 63


def _carry_out(connection: Subscriber, method: str, params: Any) -> Any:
    """The result of a control request.

    Raises:
        _Refused: its params are wrong, or there would be too many streams.
    """
    if method == "LIST_SUBSCRIPTIONS":
        return list(connection.names)
    if method in ("GET_PROPERTY", "SET_PROPERTY"):
        return _property(connection, method, params)
    if not isinstance(params, list) or not all(isinstance(name, str) for name in params):
        raise _Refused(2, "Invalid request: params must be an array of strings")
    if not params or not all(params):
        raise _Refused(2, "Invalid request: streams must have non-zero length")
    if method == "UNSUBSCRIBE":
        connection.unsubscribe(params)
    elif not connection.subscribe(params):
        raise _Refused(4, "Too many subscriptions")
    return None


def _property(connection: Subscriber, method: str, params: Any) -> Any:
    wanted = 1 if method == "GET_PROPERTY" else 2
    if not isinstance(params, list) or not params or not isinstance(params[0], str):
        raise _Refused(2, "Invalid request: property name must be a string")
    if len(params) > wanted:
        raise _Refused(2, "Invalid request: too many parameters")
    if params[0] != "combined":
        raise _Refused(0, "Unknown property")
    if method == "GET_PROPERTY":
        return connection.combined
    if len(params) < wanted or not isinstance(params[1], bool):
        raise _Refused(1, "Invalid value type: expected Boolean")
    connection.combined = params[1]
    return None
