"""The listening socket: handshakes and their URL parameters, and the open connections."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable, Coroutine, Iterable, Sequence
from functools import partial
from typing import Any
from urllib.parse import parse_qs, unquote_plus, urlsplit

from picows import WSListener, WSUpgradeRequest, WSUpgradeResponseWithListener

from ..exchange.state import Exchange
from ..values.errors import Refusal, refuse
from ..values.faults import Fault, Faults
from ..values.formats import Format, JsonFormat
from ..values.limits import AddressLimits, banned
from ..values.logs import one_line_for_handshakes
from .connection import MAX_MESSAGE, Connection
from .gateway import Gateway
from .handshake import BrokenHandshake, broken, error_response
from .ports import Ports
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
        ports: the ports that it listens on.
        ping_interval: seconds between pings; 0 means no pings.
        pong_timeout: seconds in which a ping must be answered.
        max_age: seconds of the exchange's clock that a connection may last; 0 means for ever.
        log: called with a line for each connection that begins, ends or is refused, or None.
        answers_pings: whether the pings of clients are answered.
    """

    def __init__(
        self,
        exchange: Exchange,
        gateway: Gateway | None,
        faults: Faults,
        *,
        ping_interval: float,
        pong_timeout: float,
        max_age: float,
    ) -> None:
        self.exchange = exchange
        self.faults = faults
        if gateway is not None:
            self.gateway = gateway
            self.receive: Callable[[Connection, str], None] = gateway.receive
        self.ping_interval = ping_interval
        self.pong_timeout = pong_timeout
        self.max_age = max_age
        self.answers_pings = True
        self.log: Callable[[str], None] | None = None
        self.connections: dict[int, Connection] = {}
        self.ports = Ports(self._serve)
        faults.open_connections = self._open_numbers
        self._broken: set[BrokenHandshake] = set()
        self._to_announce: dict[
            int, Fault
        ] = {}  # by the numbers of connections that begin with serverShutdown
        self._tls: ssl.SSLContext | None = None
        self._empty = asyncio.Event()

    async def start(self, hosts: Sequence[str], ports: Sequence[int], tls: ssl.SSLContext | None) -> None:
        """Begin to listen on these ports of these hosts; 0 chooses a port.

        Raises:
            OSError: a host is unknown, or a port is in use.
        """
        if tls is not None:
            one_line_for_handshakes()
        self._tls = tls
        await self.ports.open(hosts, ports)

    def _serve(self, port: int, bound: socket.socket) -> Coroutine[Any, Any, asyncio.AbstractServer]:
        accept = partial(self._accept, port)
        return listen(accept, bound, self.connections.values, tls=self._tls, max_message=MAX_MESSAGE)

    async def stop(self) -> None:
        """Stop listening, and end all connections."""
        self.ports.close()
        for handshake in list(self._broken):
            handshake.destroy()
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
        await self.ports.wait_closed()

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
        fault = self._to_announce.pop(connection.number, None)
        if fault is not None:
            delay, seconds = fault.details["delay"], fault.details["seconds"]
            connection.loop.call_later(delay, self.announce_shutdown, seconds, (connection,))

    def forget(self, connection: Connection) -> None:
        """Remove a connection that has ended."""
        if self.log is not None:
            self.log(f"#{connection.number} disconnected")
        self.connections.pop(connection.number, None)
        if not self.connections:
            self._empty.set()

    def _open_numbers(self) -> list[int]:
        return [number for number, connection in self.connections.items() if connection.open]

    def _accept(
        self, port: int, upgrade: WSUpgradeRequest, peer: str
    ) -> WSListener | WSUpgradeResponseWithListener:
        path = upgrade.path.decode("ascii", "replace")
        url = urlsplit(path)
        if url.path.rstrip("/") != PATH:
            return error_response(404, None)
        if looks_like_sql(unquote_plus(path)):
            return error_response(403, None)
        wrong = not_an_upgrade(upgrade)
        if wrong is not None:
            return wrong
        limits = self.exchange.address(self._address(upgrade, peer))
        try:
            return self._admit(port, limits, parse_qs(url.query, keep_blank_values=True))
        except Refusal as refusal:
            if self.log is not None:
                self.log(f"handshake refused with {refusal.status} {refusal.code or ''}".rstrip())
            retry_after = (refusal.data or {}).get("retryAfter")
            seconds = None
            if retry_after is not None:
                seconds = max(0, retry_after - self.exchange.clock.now_us() // 1000) / 1000
            return error_response(refusal.status, refusal, seconds)

    @staticmethod
    def _address(upgrade: WSUpgradeRequest, peer: str) -> str:
        """The IP address of a client. With this header, tests have several addresses on any machine."""
        address: str = upgrade.headers.get("X-Forwarded-For", _plain(peer))
        return address

    def _admit(
        self, port: int, limits: AddressLimits, query: dict[str, list[str]]
    ) -> WSListener | WSUpgradeResponseWithListener:
        exchange = self.exchange
        now_us = exchange.clock.now_us()
        limits.connections.add(1, now_us)
        limits.weight.add(CONNECT_WEIGHT, now_us)
        if limits.banned_until > now_us:
            raise banned(limits, now_us, 1000)
        fault = self.faults.of_handshake(exchange.next_connection)
        if fault is not None and fault.kind != "shutdown_new":
            return self._fail(fault, now_us)
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
        number = exchange.next_connection
        exchange.next_connection += 1
        if fault is not None:
            self._to_announce[number] = fault
        return Connection(self, number, port, limits, format, _FLAGS[shown])

    def _fail(self, fault: Fault, now_us: int) -> WSUpgradeResponseWithListener:
        """The answer to a handshake with a fault."""
        if self.log is not None:
            self.log(f"handshake with the fault {fault.kind}")
        if fault.kind != "refuse":
            return broken(fault, self._broken.add, self._broken.discard)
        details, data = fault.details, None
        retry_after = details["retry_after"]
        if isinstance(retry_after, (int, float)):
            now_ms = now_us // 1000
            data = {"serverTime": now_ms, "retryAfter": now_ms + round(retry_after * 1000)}
        refusal = Refusal(details["status"], details["code"] or 0, details["msg"] or "", data)
        return error_response(refusal.status, refusal, retry_after)


def _plain(peer: str) -> str:
    """The address of a client as the limits know it: both loopback addresses are one, the machine itself."""
    return "127.0.0.1" if peer == "::1" else peer.removeprefix("::ffff:")
