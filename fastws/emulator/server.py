"""Connections: handshake and its URL parameters, frames, pings, ages, the close handshake."""

from __future__ import annotations

import asyncio
import itertools
import json
import logging
import ssl
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs, urlsplit

from picows import (
    WSCloseCode,
    WSFrame,
    WSListener,
    WSMsgType,
    WSTransport,
    WSUpgradeRequest,
    WSUpgradeResponse,
    WSUpgradeResponseWithListener,
    ws_create_server,
)

from .auth import ApiKey
from .errors import Refusal, refuse
from .exchange import Exchange
from .formats import Format, JsonFormat
from .gateway import Gateway
from .limits import AddressLimits
from .streams import Subscription

__all__ = ["Server", "Session"]

logger = logging.getLogger("fastws.emulator")

PATH = "/ws-api/v3"
CONNECT_WEIGHT = 2
_TIME_UNITS = {"MICROSECOND": 1, "microsecond": 1, "MILLISECOND": 1000, "millisecond": 1000}
_FLAGS = {"true": True, "false": False}
_CLOSE_TIMEOUT = 1.0
_TEXT, _BINARY, _CONTINUATION = WSMsgType.TEXT, WSMsgType.BINARY, WSMsgType.CONTINUATION


class Session(WSListener):
    """One connection.

    Attributes:
        number: counts the connections of the exchange, from 1.
        key: the key it is logged on with, or None.
        authorized_since: of that key, in microseconds; ``connected_since`` of the connection.
        return_rate_limits: whether replies show rate limits unless their request says otherwise.
        format: how its replies and events are written.
        subscriptions: the user data streams that it listens to, by their ids.
        next_subscription: the id of the next one; ids are never used again.
        loop: the event loop.
    """

    def __init__(
        self, server: Server, number: int, limits: AddressLimits, format: Format, return_rate_limits: bool
    ) -> None:
        super().__init__()
        self.number = number
        self.limits = limits
        self.format = format
        self._frame_type = _BINARY if format.binary else _TEXT
        self.return_rate_limits = return_rate_limits
        self.key: ApiKey | None = None
        self.authorized_since = 0
        self.connected_since = server.exchange.clock.now_us()
        self._server = server
        self._receive = server.gateway.receive
        self._transport: WSTransport | None = None
        self._fragments: list[bytes] | None = None
        self.loop = asyncio.get_running_loop()
        self.subscriptions: dict[int, Subscription] = {}
        self.next_subscription = 0
        self._unanswered: dict[bytes, float] = {}
        self._ping_timer: asyncio.TimerHandle | None = None
        self._pong_timer: asyncio.TimerHandle | None = None
        self._age_timer: asyncio.TimerHandle | None = None
        self._close_timer: asyncio.TimerHandle | None = None

    @property
    def time_divisor(self) -> int:
        """What timestamps in microseconds are divided by in this connection."""
        return self.format.time_divisor

    def log_on(self, key: ApiKey, now_us: int) -> None:
        """Make ``key`` the connection's own."""
        self.key = key
        self.authorized_since = now_us

    def log_out(self) -> None:
        """Forget the connection's key, and end the subscription that was made with it."""
        self.key = None
        self.authorized_since = 0
        if self.subscriptions:
            self._server.exchange.streams.end_all(self, lambda subscription: subscription.logon)

    def live_key(self) -> ApiKey | None:
        """The key that the connection is logged on with, or None.

        Raises:
            Refusal: -2015 with a null id: it is valid no more, and the session is revoked.
        """
        key = self.key
        if key is not None and key.revoked:
            self.log_out()
            refusal = refuse(-2015, status=401)
            refusal.null_id = True
            raise refusal
        return key

    # Sending

    def send(self, payload: bytes) -> bool:
        """Send a reply or an event. False if the connection is gone."""
        transport = self._transport
        if transport is None or transport.is_close_frame_sent or transport.is_disconnected:
            return False
        transport.send(self._frame_type, payload)
        return True

    def send_raw(self, data: bytes, frame: str) -> bool:
        """Send anything:

        as a "text" or "binary" frame, or with "wire" as it is. False if the connection is gone.
        """
        transport = self._transport
        if transport is None or transport.is_close_frame_sent or transport.is_disconnected:
            return False
        if frame == "wire":
            transport.underlying_transport.write(data)
        else:
            transport.send(_BINARY if frame == "binary" else _TEXT, data)
        return True

    def send_event(self, event: dict[str, Any], subscription_id: int | None = None) -> bool:
        """Send an event, of a subscription or of the connection itself; its times are in microseconds."""
        return self.send(self.format.event(event, subscription_id))

    def close(self, code: int, reason: str = "") -> None:
        """Begin the close handshake. A client that does not answer it is disconnected all the same."""
        transport = self._transport
        if transport is not None and not transport.is_close_frame_sent and not transport.is_disconnected:
            transport.send_close(WSCloseCode(code), reason.encode())
            self._close_timer = self.loop.call_later(_CLOSE_TIMEOUT, self.abort)

    def abort(self) -> None:
        """End the connection at once, without a close handshake."""
        if self._transport is not None:
            self._transport.disconnect(False)

    # picows callbacks

    def on_ws_connected(self, transport: WSTransport) -> None:
        self._transport = transport
        server = self._server
        server.sessions[self.number] = self
        if server.ping_interval > 0:
            self._ping_timer = self.loop.call_later(server.ping_interval, self._ping)
        if server.max_age > 0:
            self._age_timer = self.loop.call_later(server.max_age, self.close, 1008, "connection too old")

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        kind = frame.msg_type
        if transport.is_close_frame_sent:
            if kind == WSMsgType.CLOSE:
                transport.disconnect()
        elif kind == _TEXT:
            if self._fragments is not None:
                self.close(1002, "unfinished message")
            elif frame.fin:
                self._take(frame.get_payload_as_bytes())
            else:
                self._fragments = [frame.get_payload_as_bytes()]
        elif kind == _CONTINUATION:
            if self._fragments is None:
                self.close(1002, "nothing to continue")
                return
            self._fragments.append(frame.get_payload_as_bytes())
            if frame.fin:
                message, self._fragments = b"".join(self._fragments), None
                self._take(message)
        elif kind == WSMsgType.PONG:
            self._pong(frame.get_payload_as_bytes())
        elif kind == WSMsgType.CLOSE:
            code = frame.get_close_code()
            transport.send_close(WSCloseCode.OK if code == WSCloseCode.NO_INFO else code)
            transport.disconnect()
        elif kind == _BINARY:
            self.close(1003, "requests are sent in text frames")

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        for timer in (self._ping_timer, self._pong_timer, self._age_timer, self._close_timer):
            if timer is not None:
                timer.cancel()
        self._transport = None
        if self.subscriptions:
            self._server.exchange.streams.end_all(self, lambda _: True, tell=False)
        self._server.forget(self)

    def pause_writing(self) -> None:
        """A client that does not read keeps its replies waiting here."""

    def resume_writing(self) -> None:
        """See pause_writing."""

    def _take(self, message: bytes) -> None:
        try:
            text = message.decode()
        except UnicodeDecodeError:
            self.close(1007, "text that is not UTF-8")
        else:
            self._receive(self, text)

    # Pings

    def _ping(self) -> None:
        if self._transport is None or self._transport.is_close_frame_sent:
            return
        payload = b"%d" % (self._server.exchange.clock.now_us() // 1000)
        now = self.loop.time()
        self._unanswered.setdefault(payload, now)
        self._transport.send_ping(payload)
        self._ping_timer = self.loop.call_later(self._server.ping_interval, self._ping)
        if self._pong_timer is None:
            self._pong_timer = self.loop.call_later(self._server.pong_timeout, self._no_pong)

    def _pong(self, payload: bytes) -> None:
        """A pong with the payload of a ping answers it, and all before it; others change nothing."""
        if payload not in self._unanswered:
            return
        for earlier in list(itertools.takewhile(lambda sent: sent != payload, self._unanswered)):
            del self._unanswered[earlier]
        del self._unanswered[payload]
        if self._pong_timer is not None:
            self._pong_timer.cancel()
            self._pong_timer = None
        if self._unanswered:
            oldest = next(iter(self._unanswered.values()))
            self._pong_timer = self.loop.call_at(oldest + self._server.pong_timeout, self._no_pong)

    def _no_pong(self) -> None:
        self.close(1008, "no pong")


class Server:
    """Listens, and lets connections in.

    Attributes:
        sessions: the open connections, by number.
        ping_interval: seconds between pings, 0 for none.
        pong_timeout: seconds in which a ping must be answered.
        max_age: seconds that a connection may last, 0 for ever.
    """

    def __init__(
        self,
        exchange: Exchange,
        gateway: Gateway,
        *,
        ping_interval: float,
        pong_timeout: float,
        max_age: float,
    ) -> None:
        self.exchange = exchange
        self.gateway = gateway
        self.ping_interval = ping_interval
        self.pong_timeout = pong_timeout
        self.max_age = max_age
        self.sessions: dict[int, Session] = {}
        self.port = 0
        self._numbers = itertools.count(1)
        self._server: asyncio.AbstractServer | None = None
        self._empty = asyncio.Event()

    async def start(self, host: str, port: int, tls: ssl.SSLContext | None) -> None:
        """Begin to listen."""
        server = await ws_create_server(self._accept, host, port, ssl=tls, logger_name="emulator")
        self._server = server
        self.port = server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Let nobody in any more, and end all connections."""
        assert self._server is not None
        self._server.close()
        for session in list(self.sessions.values()):
            session.close(1001, "going away")
        if self.sessions:
            self._empty.clear()
            try:
                await asyncio.wait_for(self._empty.wait(), 1.0)
            except asyncio.TimeoutError:
                for session in list(self.sessions.values()):
                    session.abort()
        await self._server.wait_closed()

    def forget(self, session: Session) -> None:
        """A connection has ended."""
        self.sessions.pop(session.number, None)
        if not self.sessions:
            self._empty.set()

    def _accept(self, upgrade: WSUpgradeRequest) -> WSListener | WSUpgradeResponseWithListener:
        url = urlsplit(upgrade.path.decode("ascii", "replace"))
        if url.path.rstrip("/") != PATH:
            return _error_response(404, None)
        try:
            return self._admit(parse_qs(url.query, keep_blank_values=True))
        except Refusal as refusal:
            return _error_response(refusal.status, refusal)

    def _admit(self, query: dict[str, list[str]]) -> Session:
        exchange = self.exchange
        now_us = exchange.clock.now_us()
        # Every client is on this machine, so all share the counters of one address.
        limits = exchange.address("127.0.0.1")
        limits.connections.add(1, now_us)
        limits.weight.add(CONNECT_WEIGHT, now_us)
        window = limits.connections
        if exchange.enforce_limits and window.count(now_us) > window.limit:
            raise refuse(-1034, window.limit, window.label(), status=429)
        formats = query.get("responseFormat", [])
        if len(formats) > 1 or any(f not in ("json", "sbe") for f in formats):
            raise refuse(-1130, "responseFormat")
        format: Format | None = exchange.sbe.open(query) if formats == ["sbe"] else None
        unit = query.get("timeUnit", ["MILLISECOND"])[-1]
        if unit not in _TIME_UNITS:
            raise refuse(-1194)
        shown = query.get("returnRateLimits", ["true"])[-1]
        if shown not in _FLAGS:
            raise refuse(-1130, "returnRateLimits")
        if format is None:
            format = JsonFormat(_TIME_UNITS[unit])
        return Session(self, next(self._numbers), limits, format, _FLAGS[shown])


def _error_response(status: int, refusal: Refusal | None) -> WSUpgradeResponseWithListener:
    """A refused handshake. Its body is JSON, whatever format was asked for."""
    body = b"" if refusal is None else json.dumps(refusal.brief(), ensure_ascii=False).encode()
    headers = {"Content-Type": "application/json;charset=UTF-8", "Content-Length": "0"}
    if body:
        del headers["Content-Length"]
    response = WSUpgradeResponse.create_error_response(HTTPStatus(status), body, headers)
    return WSUpgradeResponseWithListener(response, None)
