"""The server of market data streams: its handshakes. JSON and SBE have a server each, as on the real exchange."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from urllib.parse import parse_qs, unquote, urlsplit

from picows import WSListener, WSUpgradeRequest, WSUpgradeResponse, WSUpgradeResponseWithListener

from ..exchange.state import Exchange
from ..feeds.hub import Hub
from ..values.faults import Faults
from ..values.limits import AddressLimits
from .connection import Connection
from .control_requests import ControlRequests
from .handshake import error_response
from .server import Server
from .stream_connection import StreamConnection
from .upgrade import not_an_upgrade

__all__ = ["StreamServer", "StreamServers"]

_UNITS = ("MICROSECOND", "microsecond")
_NO_KEY = "No X-MBX-APIKEY header"


class StreamServer(Server):
    """Listens for connections of market data streams; see Server.

    Args:
        binary: whether events are in SBE.
    """

    def __init__(
        self,
        exchange: Exchange,
        hub: Hub,
        faults: Faults,
        requests: ControlRequests,
        *,
        binary: bool,
        ping_interval: float,
        pong_timeout: float,
        max_age: float,
    ) -> None:
        super().__init__(
            exchange, None, faults, ping_interval=ping_interval, pong_timeout=pong_timeout, max_age=max_age
        )
        self.requests = requests
        self.receive = self._take
        self.hub = hub
        self.binary = binary
        self._addresses: dict[str, AddressLimits] = {}

    def _take(self, connection: Connection, text: str) -> None:
        assert isinstance(connection, StreamConnection)
        self.requests.receive(connection, text)

    def _accept(
        self, port: int, upgrade: WSUpgradeRequest, peer: str
    ) -> WSListener | WSUpgradeResponseWithListener:
        url = urlsplit(upgrade.path.decode("ascii", "replace"))
        # a "+" is itself, as in the time zone of a kline
        query = parse_qs(url.query.replace("+", "%2B"), keep_blank_values=True)
        names = _names(url.path, query)
        if names is None:
            return error_response(404, None)
        wrong = not_an_upgrade(upgrade)
        if wrong is not None:
            return wrong
        if self.binary:
            unwanted = self._refusal_of_key(upgrade.headers.get("X-MBX-APIKEY"))
            if unwanted is not None:
                return _plain_text(400, unwanted)
        limits = self._limits(self._address(upgrade, peer))
        now_us = self.exchange.clock.now_us()
        window = limits.connections
        window.add(1, now_us)
        fault = self.faults.of_handshake(self.exchange.next_connection)
        if fault is not None and fault.kind != "shutdown_new":
            return self._fail(fault, now_us)
        if limits.banned_until > now_us:
            return error_response(418, None)
        if self.exchange.enforce_limits:
            if window.count(now_us) > window.limit:
                return error_response(429, None)
            if len(set(names)) > self.exchange.limits.streams:
                return _plain_text(400, "Too many subscriptions")
        combined = url.path.rstrip("/") == "/stream"
        unit = query.get("timeUnit", [""])[-1]
        number = self.exchange.next_connection
        self.exchange.next_connection += 1
        if fault is not None:
            self._to_announce[number] = fault
        divisor = 1 if unit in _UNITS or self.binary else 1000
        return StreamConnection(
            self, number, port, limits, divisor, binary=self.binary, combined=combined, names=names
        )

    def _limits(self, address: str) -> AddressLimits:
        """The counters of an address: this is a service of its own, which counts for itself."""
        limits = self._addresses.get(address)
        if limits is None:
            limits = self._addresses[address] = AddressLimits(self.exchange.limits)
        return limits

    def _refusal_of_key(self, api_key: str | None) -> str | None:
        """Why a key may not receive SBE streams; None if it may."""
        if api_key is None:
            return _NO_KEY
        key = self.exchange.keys.get(api_key)
        if key is None or key.revoked:
            return "Invalid API-key"
        return None if key.key_type == "Ed25519" else "Only Ed25519 keys are allowed"


class StreamServers:
    """The two services of market data streams, which show one market.

    Attributes:
        json, sbe: the servers.
        connections: their open connections, by number.
    """

    def __init__(
        self,
        exchange: Exchange,
        faults: Faults,
        requests: ControlRequests,
        *,
        ping_interval: float,
        pong_timeout: float,
        max_age: float,
    ) -> None:
        hub = Hub(exchange)
        self.json, self.sbe = (
            StreamServer(
                exchange,
                hub,
                faults,
                requests,
                binary=binary,
                ping_interval=ping_interval,
                pong_timeout=pong_timeout,
                max_age=max_age,
            )
            for binary in (False, True)
        )
        faults.open_connections = lambda: [n for n, connection in self.connections.items() if connection.open]

    @property
    def connections(self) -> dict[int, Connection]:
        return {**self.json.connections, **self.sbe.connections}

    def log_with(self, log: Callable[[str], None]) -> None:
        """Call ``log`` with a line for each connection that begins, ends or is refused."""
        self.json.log = self.sbe.log = log

    async def start(
        self, hosts: Sequence[str], ports: Sequence[Sequence[int]], tls: ssl.SSLContext | None
    ) -> None:
        """Begin to listen; ``ports`` has those in JSON, and those in SBE.

        Raises:
            OSError: a host is unknown, or a port is in use.
        """
        for server, numbers in zip((self.json, self.sbe), ports, strict=True):
            await server.start(hosts, numbers, tls)

    async def stop(self) -> None:
        """Stop listening, and end all connections."""
        await self.json.stop()
        await self.sbe.stop()


def _names(path: str, query: Mapping[str, list[str]]) -> list[str] | None:
    """The streams that a URL names; None if there is no such path."""
    path = path.rstrip("/")
    if path == "/ws":
        return []
    if path == "/stream":
        return [name for text in query.get("streams", ()) for name in text.split("/") if name]
    return [unquote(name) for name in path[4:].split("/") if name] if path.startswith("/ws/") else None


def _plain_text(status: int, text: str) -> WSUpgradeResponseWithListener:
    headers = {"Content-Type": "text/plain; charset=utf-8"}
    response = WSUpgradeResponse.create_error_response(HTTPStatus(status), text.encode(), headers)
    return WSUpgradeResponseWithListener(response, None)
