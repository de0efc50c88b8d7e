"""The listening socket: handshakes and their URL parameters, and the open connections."""

from __future__ import annotations

import asyncio
import itertools
import json
import ssl
from collections.abc import Callable, Iterable
from http import HTTPStatus
from urllib.parse import parse_qs, unquote_plus, urlsplit

from picows import (
    WSListener,
    WSUpgradeRequest,
    WSUpgradeResponse,
    WSUpgradeResponseWithListener,
)

from ..exchange.state import Exchange
from ..values.errors import Refusal, refuse
from ..values.formats import Format, JsonFormat
from ..values.limits import AddressLimits, banned
from ..values.logs import one_line_for_handshakes
from .connection import MAX_MESSAGE, Connection
from .gateway import Gateway
from .upgrade import not_an_upgrade
from .waf import looks_like_sql
from .websocket import listen

__all__ = ["Server"]

PATH = "/ws-api/v3"
CONNECT_WEIGHT = 2
_TIME_UNITS = {"MICROSECOND": 1, "microsecond": 1, "MILLISECOND": 1000, "millisecond": 1000}
_FLAGS = {"true": True, "false": False}


class Server:
    """Listens, and accepts or refuses handshakes.

    Attributes:
        connections: the open connections, by number.
        ping_interval: seconds between pings; 0 means no pings.
        pong_timeout: seconds in which a ping must be answered.
        max_age: seconds of the exchange's clock that a connection may last; 0 means for ever.
        log: called with a line for each connection that begins, ends or is refused, or None.
        answers_pings: whether the pings of clients are answered.
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
        self.receive: Callable[[Connection, str], None] = gateway.receive
        self.ping_interval = ping_interval
        self.pong_timeout = pong_timeout
        self.max_age = max_age
        self.answers_pings = True
        self.log: Callable[[str], None] | None = None
        self.connections: dict[int, Connection] = {}
        self.port = 0
        self._numbers = itertools.count(1)
        self._server: asyncio.AbstractServer | None = None
        self._empty = asyncio.Event()

    async def start(self, host: str, port: int, tls: ssl.SSLContext | None) -> None:
        """Begin to listen."""
        if tls is not None:
            one_line_for_handshakes()
        server = await listen(
            self._accept, host, port, self.connections.values, tls=tls, max_message=MAX_MESSAGE
        )
        self._server = server
        self.port = server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Stop listening, and end all connections."""
        assert self._server is not None
        self._server.close()
        for connection in list(self.connections.values()):
            if connection.stalled:
                connection.destroy()  # it would not read the answer to a close frame
            else:
                connection.close(1001, "going away")
        if self.connections:
            self._empty.clear()
            try:
                await asyncio.wait_for(self._empty.wait(), 1.0)
            except asyncio.TimeoutError:
                for connection in list(self.connections.values()):
                    connection.destroy()
        await self._server.wait_closed()

    def close_address(self, limits: AddressLimits) -> None:
        """End all connections of an IP address."""
        for connection in list(self.connections.values()):
            if connection.limits is limits:
                connection.close(1008, "IP banned")

    def announce_shutdown(
        self, seconds: float | None = None, connections: Iterable[Connection] | None = None
    ) -> None:
        """Send ``serverShutdown`` to these connections, by default to all; end them ``seconds`` later, unless that is
        None.
        """
        now_us, events = self.exchange.clock.now_us(), self.exchange.events
        event = {"e": "serverShutdown", "E": now_us}
        record = events.new("", event) if events.on else None
        for connection in list(self.connections.values() if connections is None else connections):
            sent = connection.send_event({**event, "E": now_us // connection.time_divisor})
            if sent and record is not None:
                events.sent(record, connection.number)
            if seconds is not None:
                connection.loop.call_later(seconds, connection.close, 1001, "going away")

    def enter(self, connection: Connection) -> None:
        """Register a connection that begins."""
        self.connections[connection.number] = connection
        if self.log is not None:
            self.log(f"#{connection.number} connected, {'SBE' if connection.format.binary else 'JSON'}")

    def forget(self, connection: Connection) -> None:
        """Remove a connection that has ended."""
        if self.log is not None:
            self.log(f"#{connection.number} disconnected")
        self.connections.pop(connection.number, None)
        if not self.connections:
            self._empty.set()

    def _accept(self, upgrade: WSUpgradeRequest) -> WSListener | WSUpgradeResponseWithListener:
        path = upgrade.path.decode("ascii", "replace")
        url = urlsplit(path)
        if url.path.rstrip("/") != PATH:
            return _error_response(404, None)
        if looks_like_sql(unquote_plus(path)):
            return _error_response(403, None)
        wrong = not_an_upgrade(upgrade)
        if wrong is not None:
            return wrong
        # All clients are on this machine; with this header, tests can have several addresses.
        limits = self.exchange.address(upgrade.headers.get("X-Forwarded-For", "127.0.0.1"))
        try:
            return self._admit(limits, parse_qs(url.query, keep_blank_values=True))
        except Refusal as refusal:
            if self.log is not None:
                self.log(f"handshake refused with {refusal.status} {refusal.code or ''}".rstrip())
            retry_after = (refusal.data or {}).get("retryAfter")
            seconds = None
            if retry_after is not None:
                seconds = max(0, retry_after - self.exchange.clock.now_us() // 1000 + 999) // 1000
            return _error_response(refusal.status, refusal, seconds)

    def _admit(self, limits: AddressLimits, query: dict[str, list[str]]) -> Connection:
        exchange = self.exchange
        now_us = exchange.clock.now_us()
        limits.connections.add(1, now_us)
        limits.weight.add(CONNECT_WEIGHT, now_us)
        if limits.banned_until > now_us:
            raise banned(limits, now_us, 1000)
        fault = self.gateway.faults.of_handshake()
        if fault is not None:
            details = fault.details
            raise Refusal(details["status"], details["code"] or 0, details["msg"] or "")
        window = limits.connections
        if exchange.enforce_limits and window.count(now_us) > window.limit:
            limits.refused(now_us)
            if limits.banned_until > now_us:
                raise banned(limits, now_us, 1000)
            raise refuse(-1034, window.limit, window.label(), status=429)
        formats = query.get("responseFormat", [])
        if len(formats) > 1 or any(f not in ("json", "sbe") for f in formats):
            raise refuse(-1130, "responseFormat")
        format: Format | None = self.gateway.sbe.open(query) if formats == ["sbe"] else None
        unit = query.get("timeUnit", ["MILLISECOND"])[-1]
        if unit not in _TIME_UNITS:
            raise refuse(-1194)
        shown = query.get("returnRateLimits", ["true"])[-1]
        if shown not in _FLAGS:
            raise refuse(-1130, "returnRateLimits")
        if format is None:
            format = JsonFormat(_TIME_UNITS[unit])
        return Connection(self, next(self._numbers), self.port, limits, format, _FLAGS[shown])


def _error_response(
    status: int, refusal: Refusal | None, retry_after: int | None = None
) -> WSUpgradeResponseWithListener:
    """The response to a refused handshake. Its body is JSON, also if SBE was requested."""
    known = refusal is not None and refusal.code
    body = json.dumps(refusal.body(), ensure_ascii=False).encode() if refusal and known else b""
    headers = {"Content-Type": "application/json;charset=UTF-8"}
    if not body:
        headers["Content-Length"] = "0"
    if retry_after is not None:
        headers["Retry-After"] = str(retry_after)
    response = WSUpgradeResponse.create_error_response(HTTPStatus(status), body, headers)
    return WSUpgradeResponseWithListener(response, None)
