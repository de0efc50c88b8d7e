"""A connection of market data streams: its control requests and their replies, and its events."""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Iterable
from typing import Any, Protocol

from picows import WSFrame, WSMsgType, WSTransport

from ..feeds.events import Diff, Event, Partial, Top, Trades
from ..feeds.hub import Hub, Payload, Stream
from ..feeds.sbe import encode
from ..values.faults import Fault, Faults
from ..values.formats import JsonFormat
from ..values.limits import AddressLimits
from .connection import Connection, Host
from .frames import frame_bytes

__all__ = ["MAX_STREAMS", "StreamConnection", "StreamHost"]

MAX_STREAMS = 1024
MAX_MESSAGES = 5  # in a second (web-socket-streams.md)
_SECOND = 1_000_000
_TEXT, _BINARY = WSMsgType.TEXT, WSMsgType.BINARY
_id_text = re.compile(r"[a-zA-Z0-9]{1,36}").fullmatch
_dumps = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class StreamHost(Host, Protocol):
    """The server of market data streams, as its connections use it.

    Attributes:
        hub: the streams.
        faults: the faults that act on control requests and events.
        enforce_limits: whether a connection that sends too much is closed.
        nested_errors: whether errors are sent as ``{"error": {"code": …}}``, not at the top level.
    """

    hub: Hub
    faults: Faults
    enforce_limits: bool
    nested_errors: bool


class _Refused(Exception):
    """A control request is refused."""

    def __init__(self, code: int, text: str, request_id: Any = None, named: bool = False) -> None:
        super().__init__(text)
        self.code = code
        self.request_id = request_id
        self.named = named  # the error has an id


class StreamConnection(Connection):
    """A client's connection of market data streams.

    Attributes:
        names: the streams that it is subscribed to.
        combined: whether events name their stream.
        binary: whether events are in SBE.
    """

    server: StreamHost

    def __init__(
        self,
        server: StreamHost,
        number: int,
        port: int,
        limits: AddressLimits,
        divisor: int,
        *,
        binary: bool,
        combined: bool,
        names: Iterable[str],
    ) -> None:
        super().__init__(server, number, port, limits, JsonFormat(divisor), False)
        self.binary = binary
        self.combined = combined
        self.names: dict[str, None] = dict.fromkeys(names)
        self._arrived: deque[int] = deque(maxlen=MAX_MESSAGES + 1)
        self._joined: dict[Stream, Diff] = {}

    # picows callbacks

    def on_ws_connected(self, transport: WSTransport) -> None:
        super().on_ws_connected(transport)
        for name in self.names:
            self.server.hub.subscribe(self, name)

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        for name in self.names:
            self.server.hub.unsubscribe(self, name)
        super().on_ws_disconnected(transport)

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type != WSMsgType.CLOSE and self.server.enforce_limits and self._too_many():
            self.close(1008, "Too many requests")
            return
        super().on_ws_frame(transport, frame)

    def _too_many(self) -> bool:
        now_us = self.server.exchange.clock.now_us()
        arrived = self._arrived
        arrived.append(now_us)
        return len(arrived) > MAX_MESSAGES and now_us - arrived[0] < _SECOND

    # Control requests

    def take(self, text: str) -> None:
        """Carry out a control request, and reply to it."""
        try:
            request_id, method, params = _read(text)
        except _Refused as refused:
            self._refuse(refused)
            return
        fault = self.server.faults.take(method, self.number)
        if fault is None:
            self._reply(request_id, method, params)
        else:
            self._reply_badly(fault, request_id, method, params)

    def _reply(self, request_id: Any, method: str, params: Any) -> None:
        try:
            result = self._carry_out(method, params)
        except _Refused as refused:
            refused.request_id, refused.named = request_id, True
            self._refuse(refused)
        else:
            self.send_text({"result": result, "id": request_id})

    def _reply_badly(self, fault: Fault, request_id: Any, method: str, params: Any) -> None:
        """Reply in the way of a fault."""
        kind, details = fault.kind, fault.details
        if kind == "cut_before":
            self.abort()
        elif kind == "error":
            code, text = details["code"], details["msg"] or "Invalid request"
            self._refuse(_Refused(code, text, request_id, details["data"] is None))
        elif kind == "freeze":
            self.freeze()
        elif kind in ("drop_reply", "cut_after", "raw", "delay", "close", "duplicate_reply"):
            if kind == "delay":
                # the subscription is made now, so its events come before the reply
                self._carry_out(method, params)
                self.loop.call_later(details["seconds"], self.send_text, {"result": None, "id": request_id})
                return
            if kind in ("close", "duplicate_reply"):
                self._reply(request_id, method, params)
                if kind == "duplicate_reply":
                    self.send_text({"result": None, "id": request_id})
                elif details["code"] == 1006:
                    self.abort()
                else:
                    self.close(details["code"], details["reason"])
                return
            self._carry_out(method, params)
            if kind == "cut_after":
                self.abort()
            elif kind == "raw":
                data = details["data"]
                self.send_raw(data.encode() if isinstance(data, str) else data, details["frame"])
        else:
            raise ValueError(f"a fault of kind {kind!r} cannot act on a control request")

    def _carry_out(self, method: str, params: Any) -> Any:
        if method == "LIST_SUBSCRIPTIONS":
            return list(self.names)
        if method in ("GET_PROPERTY", "SET_PROPERTY"):
            return self._property(method, params)
        if method not in ("SUBSCRIBE", "UNSUBSCRIBE"):
            raise _Refused(2, f"Invalid request: unknown variant {method}")
        if not isinstance(params, list) or not all(isinstance(name, str) for name in params):
            raise _Refused(2, "Invalid request: params must be an array of strings")
        if not params or not all(params):
            raise _Refused(2, "Invalid request: streams must have non-zero length")
        if method == "SUBSCRIBE":
            new = [name for name in dict.fromkeys(params) if name not in self.names]
            if len(self.names) + len(new) > MAX_STREAMS:
                raise _Refused(4, "Too many subscriptions")
            for name in new:
                self.names[name] = None
                self.server.hub.subscribe(self, name)
        else:
            for name in params:
                if name in self.names:
                    del self.names[name]
                    self.server.hub.unsubscribe(self, name)
        return None

    def _property(self, method: str, params: Any) -> Any:
        wanted = 1 if method == "GET_PROPERTY" else 2
        if not isinstance(params, list) or len(params) < wanted:
            raise _Refused(2, "Invalid request: too few parameters")
        if len(params) > wanted:
            raise _Refused(2, "Invalid request: too many parameters")
        if not isinstance(params[0], str):
            raise _Refused(2, "Invalid request: property name must be a string")
        if params[0] != "combined":
            raise _Refused(0, "Unknown property")
        if method == "GET_PROPERTY":
            return self.combined
        if not isinstance(params[1], bool):
            raise _Refused(1, "Invalid value type: expected Boolean")
        self.combined = params[1]
        return None

    def _refuse(self, refused: _Refused) -> None:
        error = {"code": refused.code, "msg": str(refused)}
        named = {"id": refused.request_id} if refused.named else {}
        self.send_text({"error": error, **named} if self.server.nested_errors else {**error, **named})

    # Events

    def send_text(self, value: Any) -> bool:
        """Send a JSON text, also on a connection in SBE."""
        return self.send_raw(_dumps(value).encode(), "text")

    def send_event(self, event: dict[str, Any], subscription_id: int | None = None) -> bool:
        """Send an event of the connection itself: ``serverShutdown``."""
        named = self.combined and not self.binary
        return self.send_text({"stream": f"!{event['e']}", "data": event} if named else event)

    def receive(self, stream: Stream, event: Payload) -> None:
        """Send an event of a stream; see Receiver."""
        faults = self.server.faults
        if faults or self._joined:
            self._receive_badly(stream, event)
        else:
            self._show(stream, event)

    def _receive_badly(self, stream: Stream, event: Payload) -> None:
        if isinstance(event, Diff) and stream in self._joined:
            event = self._joined.pop(stream).joined(event)
        fault = self.server.faults.of_stream(stream.name.kind, self.number)
        if fault is None:
            self._show(stream, event)
        elif fault.kind == "join_event" and isinstance(event, Diff):
            self._joined[stream] = event
        elif fault.kind == "delay_event":
            self.loop.call_later(fault.details["seconds"], self._show, stream, event)
        elif fault.kind != "drop_event":
            if fault.kind == "stray_event":
                data = fault.details["data"]
                self.send_raw(data.encode() if isinstance(data, str) else data, fault.details["frame"])
            elif fault.kind == "duplicate_event":
                self._show(stream, event)
            self._show(stream, event)

    def _show(self, stream: Stream, event: Payload) -> None:
        transport = self._writable()
        if transport is None:
            return
        if self.binary:
            assert isinstance(event, (Trades, Top, Partial, Diff))
            self._send_message(transport, _BINARY, encode(event))
            return
        for one in event.events() if isinstance(event, Trades) else (event,):
            assert isinstance(one, Event)
            text = one.text(self.time_divisor)
            if self.combined:
                text = f'{{"stream":{_dumps(stream.name.text)},"data":{text}}}'
            self._send_message(transport, _TEXT, text.encode())

    def _send_message(self, transport: WSTransport, kind: WSMsgType, payload: bytes) -> None:
        if self._behind is not None:
            self._behind.append(frame_bytes(kind.value, payload))
        else:
            transport.send(kind, payload)


def _read(text: str) -> tuple[Any, str, Any]:
    """The id, the method and the params of a control request.

    Raises:
        _Refused: it is malformed.
    """
    try:
        request = json.loads(text)
    except ValueError as error:
        raise _Refused(3, f"Invalid JSON: {error}") from None
    if not isinstance(request, dict):
        raise _Refused(3, "Invalid JSON: expected an object")
    request_id = request.get("id")
    good = request_id is None or (
        _id_text(request_id) is not None
        if isinstance(request_id, str)
        else type(request_id) is int and 0 <= request_id < 1 << 63
    )
    if not good:
        raise _Refused(
            2, "Invalid request: request ID must be an unsigned integer, an alphanumeric string or null"
        )
    method = request.get("method")
    if not isinstance(method, str):
        raise _Refused(2, "Invalid request: missing field `method`", request_id, "id" in request)
    unknown = request.keys() - {"id", "method", "params"}
    if unknown:
        raise _Refused(2, "Invalid request: unknown field", request_id, "id" in request)
    return request_id, method, request.get("params")
