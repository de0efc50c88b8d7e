"""A connection of market data streams: what it is subscribed to, and how events reach it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, Protocol

from picows import WSFrame, WSMsgType, WSTransport

from ..feeds.events import Diff, Payload, Top
from ..feeds.hub import Hub, Stream
from ..feeds.sbe import encode
from ..values.delays import Delay, DelayQueue
from ..values.faults import Faults
from ..values.formats import JsonFormat
from ..values.limits import AddressLimits
from .connection import Host
from .control_requests import ControlRequests, Subscriber, as_json
from .frames import frame_bytes

__all__ = ["StreamConnection", "StreamHost"]

_TEXT, _BINARY = WSMsgType.TEXT, WSMsgType.BINARY


class StreamHost(Host, Protocol):
    """The server of market data streams, as its connections use it.

    Attributes:
        hub: the streams.
        faults: the faults that act on control requests and events.
        requests: takes control requests.
    """

    hub: Hub
    faults: Faults
    requests: ControlRequests


class StreamConnection(Subscriber):
    """A client's connection of market data streams.

    Attributes:
        names: the streams that it is subscribed to.
        combined: whether events name their stream.
        binary: whether events are in SBE.
        event_delay: seconds by which its events are delayed, or None.
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
        self.names = dict.fromkeys(names)
        self._divisor = divisor
        most = server.exchange.limits
        self._most_streams = most.streams
        # The times of the last messages, one more than are allowed in a second.
        self._arrived: deque[float] = deque(maxlen=most.stream_messages + 1)
        self._joined: dict[Stream, Diff] = {}
        self._culled: dict[Stream, Top] = {}
        self._full = False  # whether the client reads too slowly
        self._delay = Delay(0.0, "")
        self._delayed: DelayQueue | None = None
        self._after_event: list[Callable[[], None]] = []

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
        if frame.msg_type != WSMsgType.CLOSE and self._too_many() and self.open:
            self.close(1008, "Too many requests")
        else:
            super().on_ws_frame(transport, frame)

    def pause_writing(self) -> None:
        """Keep only the newest best bid and ask of each symbol, in SBE; all else waits in the transport's buffer."""
        self._full = self.binary

    def resume_writing(self) -> None:
        """Send what was kept."""
        self._full = False
        culled, self._culled = self._culled, {}
        for stream, event in culled.items():
            if stream.name.text in self.names:
                self._show(stream, event)

    def _too_many(self) -> bool:
        arrived = self._arrived
        arrived.append(self.loop.time())
        if len(arrived) < (arrived.maxlen or 0) or arrived[-1] - arrived[0] >= 1.0:
            return False
        return self.server.exchange.enforce_limits

    # What it is subscribed to

    def subscribe(self, names: Iterable[str]) -> bool:
        """Subscribe to streams. False, and without an effect, if these are too many."""
        new = [name for name in dict.fromkeys(names) if name not in self.names]
        if self.server.exchange.enforce_limits and len(self.names) + len(new) > self._most_streams:
            return False
        for name in new:
            self.names[name] = None
            self.server.hub.subscribe(self, name)
        return True

    def unsubscribe(self, names: Iterable[str]) -> None:
        """Unsubscribe from streams. One that it is not subscribed to is ignored."""
        for name in names:
            if name in self.names:
                del self.names[name]
                self.server.hub.unsubscribe(self, name)

    # Events

    def send_event(self, event: dict[str, Any], subscription_id: int | None = None) -> bool:
        """Send an event of the connection itself, ``serverShutdown``: as text, also on a connection in SBE."""
        named = self.combined and not self.binary
        return self.send(as_json({"stream": f"!{event['e']}", "data": event} if named else event).encode())

    def after_event(self, seconds: float, call: Callable[[], None]) -> None:
        """Call after the next event, or after some seconds."""

        def once() -> None:
            if once in self._after_event:
                self._after_event.remove(once)
                call()

        self._after_event.append(once)
        self.loop.call_later(seconds, once)

    def receive(self, stream: Stream, event: Payload) -> None:
        """Send an event of a stream; see Receiver."""
        if self.server.faults or self._joined:
            self._receive_badly(stream, event)
        else:
            self._send(stream, event)

    def _receive_badly(self, stream: Stream, event: Payload) -> None:
        if isinstance(event, Diff) and stream in self._joined:
            event = self._joined.pop(stream).joined(event)
        fault = self.server.faults.of_stream(stream.fault_names, self.number)
        if fault is None:
            self._send(stream, event)
        elif fault.kind == "join_event" and isinstance(event, Diff):
            self._joined[stream] = event
        elif fault.kind == "delay_event":
            self._send(stream, event, fault.details["seconds"])
        elif fault.kind != "drop_event":
            if fault.kind == "stray_event":
                data = fault.details["data"]
                self.send_raw(data.encode() if isinstance(data, str) else data, fault.details["frame"])
            elif fault.kind == "duplicate_event":
                self._send(stream, event)
            self._send(stream, event)

    def _send(self, stream: Stream, event: Payload, seconds: float = 0.0) -> None:
        """Send an event after ``seconds``, and after the events before it."""
        if self.event_delay is not None:
            if self._delay.seconds != self.event_delay:
                self._delay = Delay(self.event_delay, f"streams {self.number}")
            seconds += self._delay.draw()
        if seconds and self._delayed is None:
            self._delayed = DelayQueue(self.loop)
        if self._delayed is None:
            self._show(stream, event)
        else:
            self._delayed.put(seconds, self._show, stream, event)

    def _show(self, stream: Stream, event: Payload) -> None:
        transport = self._writable()
        if transport is None:
            return
        if self.binary:
            if self._full and isinstance(event, Top):
                self._culled[stream] = event
                return
            if event.message is None:
                event.message = encode(event)
            self._send_message(transport, _BINARY, event.message)
        else:
            for text in event.texts(stream.name.text if self.combined else "", self._divisor):
                self._send_message(transport, _TEXT, text)
        for call in tuple(self._after_event):
            call()

    def _send_message(self, transport: WSTransport, kind: WSMsgType, payload: bytes) -> None:
        if self._behind is not None:
            self._behind.append(frame_bytes(kind.value, payload))
        else:
            transport.send(kind, payload)
