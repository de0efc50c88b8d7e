"""A connection: its frames, pings, age, and the close handshake."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Iterable
from typing import Any, Protocol

from picows import WSCloseCode, WSFrame, WSListener, WSMsgType, WSTransport

from ..exchange.state import Exchange
from ..exchange.streams import Subscription
from ..values.auth import ApiKey
from ..values.clock import Timer
from ..values.delays import DelayQueue, Seconds
from ..values.errors import refuse
from ..values.formats import Format
from ..values.journal import Record
from ..values.limits import AddressLimits
from .frames import frame_bytes
from .websocket import answer_to, close_code_of, close_read

__all__ = ["MAX_MESSAGE", "Connection", "Host"]

MAX_MESSAGE = 10 << 20  # bytes, in one frame or in several
MAX_UNREAD = 16 << 20  # bytes; a client that sends pings and leaves more than that unread is disconnected
_CLOSE_TIMEOUT = 1.0
_TEXT, _BINARY, _CONTINUATION = WSMsgType.TEXT, WSMsgType.BINARY, WSMsgType.CONTINUATION


class Host(Protocol):
    """The server, as its connections use it; see Server.

    Attributes:
        connections: the open connections, by number.
        receive: called with the text of each request.
    """

    exchange: Exchange
    connections: dict[int, Connection]
    receive: Callable[[Connection, str], None]
    ping_interval: float
    pong_timeout: float
    max_age: float
    answers_pings: bool

    def enter(self, connection: Connection) -> None:
        """Register a connection that begins."""

    def forget(self, connection: Connection) -> None:
        """Remove a connection that has ended."""

    def close_address(self, limits: AddressLimits) -> None:
        """End all connections of an IP address."""

    def announce_shutdown(
        self, seconds: float | None = None, connections: Iterable[Connection] | None = None
    ) -> None:
        """Send ``serverShutdown`` to these connections, by default to all; end them ``seconds`` later, unless that is
        None.
        """


class Connection(WSListener):
    """A client's connection.

    Attributes:
        number: the connection's number at the exchange, from 1.
        port: the port of the exchange that it came to.
        unanswered: the records of its requests that got no reply, by their numbers in the journal.
        key: the API key that is logged on, or None.
        authorized_since: the time of the logon, in microseconds; ``connected_since``: of the connection's start.
        return_rate_limits: whether replies show rate limits if the request does not have returnRateLimits.
        format: the encoding of its replies and events: JSON or SBE.
        subscriptions: its user data stream subscriptions, by their ids.
        next_subscription: the id of the next subscription; no id is used twice.
        names: its market data streams; see StreamConnection.
        event_delay: seconds by which its subscriptions delay events; None: as the exchange does.
        frozen: whether nothing is read or sent any more, while the socket stays open.
        stalled: whether it has stopped reading.
        loop: the event loop.
        server: the server that accepted it.
        to_gateway: the queue of its requests into the gateway; ``to_engine``: from the gateway to the engine.
        answers_pings: whether the client's pings are answered.
    """

    def __init__(
        self,
        server: Host,
        number: int,
        port: int,
        limits: AddressLimits,
        format: Format,
        return_rate_limits: bool,
    ) -> None:
        super().__init__()
        self.number = number
        self.port = port
        self.unanswered: dict[int, Record] = {}
        self.limits = limits
        self.format = format
        self._frame_type = _BINARY if format.binary else _TEXT
        self.return_rate_limits = return_rate_limits
        self.key: ApiKey | None = None
        self.authorized_since = 0
        self.connected_since = server.exchange.clock.now_us()
        self.server = server
        self.answers_pings = True
        self._receive = server.receive
        self._transport: WSTransport | None = None
        self._close_handled = False  # the client's close frame was delivered or answered
        self._cut = False  # whether reading and writing have stopped
        self.frozen = False
        self.stalled = False
        self._fragments: bytearray | None = None
        self.loop = asyncio.get_running_loop()
        self.to_gateway = DelayQueue(self.loop)
        self.to_engine = DelayQueue(self.loop)
        # Replies that wait for other replies: how many are left, and the function that sends the reply.
        self._after_replies: list[tuple[int, Callable[[], None]]] = []
        # Frames that wait until all pieces of another frame are sent.
        self._behind: list[bytes] | None = None
        self._pieces: list[bytes] = []
        self.subscriptions: dict[int, Subscription] = {}
        self.next_subscription = 0
        self.names: dict[str, None] = {}
        self.event_delay: Seconds | None = None
        self._unanswered_pings: dict[bytes, float] = {}
        self._ping_timer: asyncio.TimerHandle | None = None
        self._pong_timer: asyncio.TimerHandle | None = None
        self._age_timer: Timer | None = None
        self._close_timer: asyncio.TimerHandle | None = None

    @property
    def time_divisor(self) -> int:
        """1000 if the connection's timestamps are milliseconds, 1 if they are microseconds."""
        return self.format.time_divisor

    def log_on(self, key: ApiKey, now_us: int) -> None:
        """Log the connection on with ``key``."""
        self.key = key
        self.authorized_since = now_us

    def log_out(self) -> None:
        """Log the connection off, and end the subscription of its logon."""
        self.key = None
        self.authorized_since = 0
        if self.subscriptions:
            self.server.exchange.streams.end_all(self, lambda subscription: subscription.logon)

    def live_key(self) -> ApiKey | None:
        """The API key that is logged on, or None.

        Raises:
            Refusal: -2015 with a null id, the key was revoked; the connection is logged off.
        """
        key = self.key
        if key is not None and key.revoked:
            self.log_out()
            refusal = refuse(-2015, status=401)
            refusal.null_id = True
            raise refusal
        return key

    # Sending

    def _writable(self) -> WSTransport | None:
        """The transport, or None once nothing can be sent."""
        transport = self._transport
        if self._cut or self.frozen or transport is None:
            return None
        return None if transport.is_close_frame_sent or transport.is_disconnected else transport

    @property
    def open(self) -> bool:
        """Whether it has neither ended nor begun to close."""
        transport = self._transport
        if self._cut or transport is None:
            return False
        return not (transport.is_close_frame_sent or transport.is_disconnected)

    @property
    def ended(self) -> bool:
        """Whether reading and writing have stopped for good."""
        return self._cut or self._transport is None

    def send(self, payload: bytes) -> bool:
        """Send a reply or an event. False if the connection has ended."""
        transport = self._writable()
        if transport is None:
            return False
        if self._behind is not None:
            self._behind.append(self.frame(payload))
        else:
            transport.send(self._frame_type, payload)
        return True

    def send_reply(self, payload: bytes) -> bool:
        """Send a reply, and then the replies that waited for it."""
        sent = self.send(payload)
        if self._after_replies:
            waiting, self._after_replies = self._after_replies, []
            for count, send in waiting:
                if count > 1:
                    self._after_replies.append((count - 1, send))
                else:
                    send()
        return sent

    def after_replies(self, count: int, send: Callable[[], None]) -> None:
        """Call ``send`` after ``replies`` more replies."""
        self._after_replies.append((count, send))

    def after_event(self, seconds: float, call: Callable[[], None]) -> None:
        """Call after the next market data event, or after some seconds; see StreamConnection."""
        raise NotImplementedError

    def frame(self, payload: bytes, *, first: bool = True, fin: bool = True) -> bytes:
        """The bytes of a frame with a message or a part of one."""
        return frame_bytes(self._frame_type.value if first else 0, payload, fin=fin)

    def send_pieces(self, pieces: list[bytes], seconds: float) -> bool:
        """Write bytes to the TCP connection in pieces, each in its own turn of the event loop.

        Other frames wait until the last piece. False if the connection has ended.
        """
        if self._writable() is None:
            return False
        if self._behind is not None:
            self._behind += pieces
            return True
        self._behind, self._pieces = [], pieces
        self._next_piece(seconds)
        return True

    def _next_piece(self, seconds: float) -> None:
        transport = self._writable()
        if transport is None or self._behind is None:
            return
        if not self._pieces:
            self._finish_pieces()
            return
        transport.underlying_transport.write(self._pieces.pop(0))
        self.loop.call_later(seconds, self._next_piece, seconds)

    def _finish_pieces(self) -> None:
        """Write the rest of a frame in pieces, and the frames that wait for it, at once."""
        transport = self._writable()
        if self._behind is not None and transport is not None:
            left, self._pieces, self._behind = b"".join([*self._pieces, *self._behind]), [], None
            if left:
                transport.underlying_transport.write(left)

    def send_raw(self, data: bytes, frame: str) -> bool:
        """Send bytes as a "text" or "binary" frame, or unframed ("wire"). False if the connection has ended."""
        transport = self._writable()
        if transport is None:
            return False
        if frame != "wire":
            data = frame_bytes((_BINARY if frame == "binary" else _TEXT).value, data)
        if self._behind is not None:
            self._behind.append(data)
        else:
            transport.underlying_transport.write(data)
        return True

    def send_event(self, event: dict[str, Any], subscription_id: int | None = None) -> bool:
        """Send an event of a subscription or of the connection itself, with its times already divided."""
        return self.send(self.format.event(event, subscription_id))

    def close(self, code: int, reason: str = "") -> None:
        """Begin the close handshake. A client that does not answer it is disconnected after a while."""
        transport = self._writable()
        if transport is not None:
            self._finish_pieces()
            transport.send_close(WSCloseCode(code), reason.encode())
            self._close_timer = self.loop.call_later(_CLOSE_TIMEOUT, self.abort)

    def abort(self) -> None:
        """End the connection at once, without a close handshake. A frozen connection stays as it is."""
        if not self.frozen:
            self.destroy()

    def destroy(self) -> None:
        """End the connection at once, also if it is frozen."""
        self._cut = True
        if self._transport is not None:
            self._transport.disconnect(False)

    def cut_behind(self, data: bytes) -> None:
        """Write these bytes to the TCP connection, after all that was sent before, and end it."""
        transport = self._writable()
        if transport is not None:
            self._finish_pieces()
            if data:
                transport.underlying_transport.write(data)
            self._cut = True
            transport.disconnect(True)
            # Otherwise, a client that does not read would keep it open.
            self._close_timer = self.loop.call_later(_CLOSE_TIMEOUT, self.abort)

    def stall(self) -> None:
        """Stop reading. What the client writes fills the buffers of both sides; replies and events still go out."""
        if self._transport is not None and not self.stalled:
            self.stalled = True
            self._transport.underlying_transport.pause_reading()

    def resume(self) -> None:
        """Read again after ``stall``."""
        if self._transport is not None and self.stalled and not self.frozen:
            self.stalled = False
            self._transport.underlying_transport.resume_reading()

    def freeze(self) -> None:
        """Leave the connection half open: the socket stays, but nothing is read or sent on it any more."""
        self.stall()
        self.frozen = True

    def end_address(self, seconds: float) -> None:
        """Close all connections of this connection's address, in a later turn of the event loop."""
        self.loop.call_later(seconds, self.server.close_address, self.limits)

    # picows callbacks

    def on_ws_connected(self, transport: WSTransport) -> None:
        self._transport = transport
        server = self.server
        server.enter(self)
        if server.ping_interval > 0:
            self._ping_timer = self.loop.call_later(server.ping_interval, self._ping)
        if server.max_age > 0:
            clock = server.exchange.clock
            self._age_timer = clock.call_later(server.max_age, self.close, 1008, "connection too old")

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        kind = frame.msg_type
        if kind == WSMsgType.CLOSE:
            self._close_handled = True
        if self._cut or self.frozen:
            return  # it was in the same read as what ended or froze the connection
        if transport.is_close_frame_sent:
            if kind == WSMsgType.CLOSE:
                transport.disconnect()
        elif frame.rsv1 or frame.rsv2 or frame.rsv3:
            self.close(1002, "reserved bits without an extension")
        elif kind == _TEXT:
            if self._fragments is not None:
                self.close(1002, "unfinished message")
            elif frame.fin:
                self._take(frame.get_payload_as_bytes())
            else:
                self._fragments = bytearray(frame.get_payload_as_bytes())
        elif kind == _CONTINUATION:
            if self._fragments is None:
                self.close(1002, "nothing to continue")
                return
            if len(self._fragments) + frame.payload_size > MAX_MESSAGE:
                self._fragments = None
                self.close(1009, "message too big")
                return
            self._fragments += frame.get_payload_as_memoryview()
            if frame.fin:
                message, self._fragments = self._fragments, None
                self._take(message)
        elif kind == WSMsgType.PING:
            if self.answers_pings and self.server.answers_pings:
                payload = frame.get_payload_as_bytes()
                if transport.underlying_transport.get_write_buffer_size() > MAX_UNREAD:
                    self.abort()
                elif self._behind is not None:
                    self._behind.append(frame_bytes(10, payload))
                else:
                    transport.send_pong(payload)
        elif kind == WSMsgType.PONG:
            self._pong(frame.get_payload_as_bytes())
        elif kind == WSMsgType.CLOSE:
            self._answer(close_code_of(frame))
            transport.disconnect()
        elif kind == _BINARY:
            self.close(1003, "requests are sent in text frames")

    def answer_close(self) -> bool:
        """Answer the client's close frame if picows has read it and has not delivered it; see Peer."""
        if self._transport is None or self._close_handled:
            return False
        read, code = close_read(self._transport)
        if read:
            self._close_handled = True
            self._answer(code)
        return read

    def _answer(self, code: int | None) -> None:
        if self._transport is not None and not self._transport.is_close_frame_sent and not self.frozen:
            self._finish_pieces()
            self._transport.send_close(answer_to(code))

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        for timer in (self._ping_timer, self._pong_timer, self._age_timer, self._close_timer):
            if timer is not None:
                timer.cancel()
        self._transport = None
        self._cut = True
        if self.subscriptions:
            self.server.exchange.streams.end_all(self, lambda _: True, notify=False)
        self.server.forget(self)

    def pause_writing(self) -> None:
        """Do nothing: the replies to a client that does not read wait in the transport's buffer."""

    def resume_writing(self) -> None:
        """Do nothing; see pause_writing."""

    def _take(self, message: bytes | bytearray) -> None:
        try:
            text = message.decode()
        except UnicodeDecodeError:
            self.close(1007, "text that is not UTF-8")
        else:
            self._receive(self, text)

    # Pings

    def _ping(self) -> None:
        transport = self._writable()
        if transport is None:
            return
        if self._behind is not None:
            # While a frame is sent in pieces, the ping waits.
            self._ping_timer = self.loop.call_later(0.001, self._ping)
            return
        payload = b"%d" % (self.server.exchange.clock.now_us() // 1000)
        now = self.loop.time()
        self._unanswered_pings.setdefault(payload, now)
        transport.send_ping(payload)
        self._ping_timer = self.loop.call_later(self.server.ping_interval, self._ping)
        if self._pong_timer is None:
            self._pong_timer = self.loop.call_later(self.server.pong_timeout, self._no_pong)

    def _pong(self, payload: bytes) -> None:
        """Take a pong. It answers the ping with the same payload, and all earlier pings; others are ignored."""
        if payload not in self._unanswered_pings:
            return
        for earlier in list(itertools.takewhile(lambda sent: sent != payload, self._unanswered_pings)):
            del self._unanswered_pings[earlier]
        del self._unanswered_pings[payload]
        if self._pong_timer is not None:
            self._pong_timer.cancel()
            self._pong_timer = None
        if self._unanswered_pings:
            oldest = next(iter(self._unanswered_pings.values()))
            self._pong_timer = self.loop.call_at(oldest + self.server.pong_timeout, self._no_pong)

    def _no_pong(self) -> None:
        self.close(1008, "no pong")
