"""The embedded exchange for users: the class Emulator."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from types import TracebackType

from ..exchange.state import DEFAULT_BALANCES, Exchange
from ..market.simulation import MarketMode
from ..methods.table import METHODS
from ..network.control import Connections
from ..network.control_requests import ControlRequests
from ..network.gateway import Gateway
from ..network.ports import chosen_ports, listening_hosts
from ..network.server import Server
from ..network.stream_server import StreamServers
from ..network.tls import Certificate
from ..values.accounts import Account
from ..values.auth import PERMISSIONS, Credentials, KeyType
from ..values.checks import check_seconds
from ..values.clock import Clock
from ..values.default_symbols import DEFAULT_SYMBOLS
from ..values.delays import Seconds
from ..values.event_log import EventLog
from ..values.fault_kinds import CONTROL_METHODS, STREAM_EVENTS
from ..values.faults import Faults
from ..values.journal import Journal, Record, clock_text
from ..values.limits import Limits
from ..values.symbols import Symbol
from ..wire.sbe import SCHEMAS, SbeSettings, SchemaStatus
from .delays import EmulatorDelays
from .script import run_script
from .services import EmulatorServices

__all__ = ["Emulator"]


class Emulator(EmulatorServices, EmulatorDelays):
    """An embedded Binance Spot exchange: it serves the WebSocket API, in JSON and SBE, to any client.

        async with Emulator() as exchange:
            key = exchange.add_account("HMAC")
            ...  # connect to exchange.url with key.api_key and key.secret

    It runs in the current event loop. It checks signatures, matches orders and keeps balances like the real exchange.
    ``journal`` has what truly happened to each request.

    Args:
        host: the address to listen on.
        port: the port; 0 chooses a free one.
        ports: the number of ports, of which ``port`` is the first and the others are free ones; or all of them, and
            then ``port`` is not given.
        hosts: more hosts. It listens at those that are addresses, at the same ports; those that are names are only
            in the certificate, for clients that resolve them by other means.
        tls: serve wss with a new certificate; ``client_ssl_context()`` trusts it. It is for localhost, 127.0.0.1,
            ::1 and ``hosts``.
        seed: the random seed of the market, of the delays, and of the ids that the exchange chooses.
        gateway_delay: seconds that every request spends in the gateway. This and the next five arguments are a
            number, or a pair (minimum, maximum) between which each delay is random.
        engine_delay: seconds from the gateway to the matching engine.
        reply_delay: seconds from the engine back to the client; longer than ``event_delay``, replies come after
            their events.
        event_delay: seconds by which events are delayed, separately for each subscription.
        query_lag: seconds after which ``order.status`` and ``openOrders.status`` see a change.
        database_lag: seconds after which ``allOrders``, ``allOrderLists``, ``orderList.status`` and
            ``order.amendments`` see a change.
        differing_fields: fields of events whose values differ between connections, such as "E" or ("E", "W").
        termination_overtakes: whether ``eventStreamTerminated`` overtakes the events of its subscription that wait.
        types_overtake: whether events of different types overtake one another on the way to a subscription, if
            ``event_delay`` is a range.
        ping_interval: seconds between pings; 0 means no pings.
        pong_timeout: seconds in which a ping must be answered.
        max_connection_age: seconds of the exchange's clock that a connection may last; 0 means for ever.
        processing_timeout: seconds after which a request that waits for the engine is answered with -1007.
        symbols: the symbols, made by ``spot_symbol``; by default BTCUSDT, ETHUSDT, BNBBTC,
            这是测试币456, and BNBETH, whose status is CANCEL_ONLY.
        clock: the exchange's clock.
        limits: the rate limits.
        enforce_limits: whether requests over a limit are refused; they are counted in any case.
        journal_size: how many requests ``journal`` keeps.
        events_size: how many events ``events`` keeps; 0: none, and events that nobody subscribed to are not made.
        order_history: how many finished orders can be queried.
        log: called with a line of text for each request, event and connection, e.g. ``print``.
        on_record: called with the journal's record of each request once it is answered.
        schemas: the SBE schemas that clients may request, as in ``{"3:5": "latest", "3:4": "deprecated"}``; by
            default those of the real exchange. Others are refused, and so are those that are "retired".
        market: "live": there are trades of the last eight days, and prices move while the clock goes on; "still":
            there are the same trades, and only orders of users move prices; "quiet": only users trade.
        stream_ports, sbe_stream_ports: like ``ports``, for market data streams in JSON and in SBE.
        nested_stream_errors: whether control requests of streams are refused with ``{"error": {"code": …}}``, as has
            been seen, not with ``{"code": …}``, as is documented.

    Attributes:
        journal: a record of what truly happened to each request.
        events: a record of each event of a user's account, in the order in which the events happened, and of each
            ``serverShutdown``; with the connections that it was sent on.
        connections: the open connections, oldest first: what is in flight on each, and how to shut down, close, abort,
            stall or freeze one of them.
        faults: the faults to inject, at requests, handshakes and events.
        stream_faults, stream_connections: the same for market data streams; connections in JSON come first.
        sbe: whether SBE is ``enabled``, its ``schemas``, and whether events name their subscription
            (``subscription_ids``). All three can be changed at any time.
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        ports: int | Sequence[int] = 1,
        hosts: Sequence[str] = (),
        tls: bool = False,
        seed: int = 1,
        gateway_delay: Seconds = 0.0,
        engine_delay: Seconds = 0.0,
        reply_delay: Seconds = 0.0,
        event_delay: Seconds = 0.0,
        query_lag: Seconds = 0.0,
        database_lag: Seconds = 0.0,
        differing_fields: Collection[str] = (),
        termination_overtakes: bool = False,
        types_overtake: bool = False,
        ping_interval: float = 20.0,
        pong_timeout: float = 60.0,
        max_connection_age: float = 86_400.0,
        processing_timeout: float = 10.0,
        symbols: Iterable[Symbol] | None = None,
        clock: Clock | None = None,
        limits: Limits | None = None,
        enforce_limits: bool = True,
        journal_size: int = 10_000,
        events_size: int = 10_000,
        order_history: int = 10_000,
        log: Callable[[str], None] | None = None,
        on_record: Callable[[Record], None] | None = None,
        schemas: Mapping[str, SchemaStatus] = SCHEMAS,
        market: MarketMode = "still",
        stream_ports: int | Sequence[int] = 1,
        sbe_stream_ports: int | Sequence[int] = 1,
        nested_stream_errors: bool = False,
    ) -> None:
        for what, seconds in (
            ("ping_interval", ping_interval),
            ("pong_timeout", pong_timeout),
            ("max_connection_age", max_connection_age),
            ("processing_timeout", processing_timeout),
        ):
            check_seconds(what, seconds)
        self.host = host
        self.journal = Journal(journal_size)
        self.events = EventLog(events_size)
        self.connections = Connections(lambda: self._live)
        self.faults = Faults(seed, METHODS)
        self.stream_faults = Faults(seed, CONTROL_METHODS, STREAM_EVENTS)
        self.stream_connections = Connections(lambda: self._stream_services)
        self.sbe = SbeSettings(schemas)
        self.core = Exchange(
            clock=clock or Clock(),
            symbols=DEFAULT_SYMBOLS if symbols is None else symbols,
            limits=limits or Limits(),
            enforce_limits=enforce_limits,
            seed=seed,
            history=order_history,
            market=market,
            faults=self.faults,
            event_delay=event_delay,
            query_lag=query_lag,
            database_lag=database_lag,
            events=self.events,
        )
        self.differing_fields = differing_fields
        self.termination_overtakes = termination_overtakes
        self.types_overtake = types_overtake
        self._wanted_ports = chosen_ports(port, ports)
        self._wanted_stream_ports = (
            chosen_ports(0, stream_ports, "stream_ports"),
            chosen_ports(0, sbe_stream_ports, "sbe_stream_ports"),
        )
        self._nested_stream_errors = nested_stream_errors
        self._hosts = listening_hosts(host, hosts)
        self._certificate = Certificate(hosts) if tls else None
        self._seed = seed
        self._delays = (gateway_delay, engine_delay, reply_delay)
        self._timeout = processing_timeout
        self._pings = (ping_interval, pong_timeout, max_connection_age)
        self._log = log
        self._on_record = on_record
        self._gateway: Gateway | None = None
        self._server: Server | None = None
        self._streams: StreamServers | None = None

    async def __aenter__(self) -> Emulator:
        await self.start()
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """Start to listen."""
        gateway_delay, engine_delay, reply_delay = self._delays
        ping_interval, pong_timeout, max_age = self._pings
        gateway = Gateway(
            self.core,
            self.journal,
            self.faults,
            self.sbe,
            gateway_delay=gateway_delay,
            engine_delay=engine_delay,
            reply_delay=reply_delay,
            seed=self._seed,
            timeout=self._timeout,
            on_record=self._recorded if self._log else self._on_record,
        )
        server = Server(
            self.core,
            gateway,
            self.faults,
            ping_interval=ping_interval,
            pong_timeout=pong_timeout,
            max_age=max_age,
        )
        streams = StreamServers(
            self.core,
            self.stream_faults,
            ControlRequests(
                self.core,
                self.stream_faults,
                self.journal,
                nested_errors=self._nested_stream_errors,
                on_record=self._recorded if self._log else self._on_record,
            ),
            ping_interval=ping_interval,
            pong_timeout=pong_timeout,
            max_age=max_age,
        )
        if self._log is not None:
            server.log = self.core.streams.log = self._say
            streams.log_with(self._say)
        tls = None if self._certificate is None else self._certificate.server_context()
        await server.start(self._hosts, self._wanted_ports, tls)
        try:
            await streams.start(self._hosts, self._wanted_stream_ports, tls)
        except BaseException:
            await streams.stop()
            await server.stop()
            raise
        self._gateway, self._server, self._streams = gateway, server, streams
        self.core.market.start()

    async def stop(self) -> None:
        """End all connections and stop listening."""
        self.core.market.stop()
        server, self._server, streams, self._streams = self._server, None, self._streams, None
        if streams is not None:
            await streams.stop()
        if server is not None:
            await server.stop()

    def _say(self, line: str) -> None:
        assert self._log is not None
        self._log(f"{clock_text(self.core.clock.now_us())} {line}")

    def _recorded(self, record: Record) -> None:
        assert self._log is not None
        self._log(record.line())
        if self._on_record is not None:
            self._on_record(record)

    @property
    def port(self) -> int:
        """The first port that it listens on."""
        return self.ports[0]

    @property
    def ports(self) -> tuple[int, ...]:
        """All its ports, also those that ``listen`` has closed."""
        return self._live.ports.numbers

    @property
    def url(self) -> str:
        """The URL for clients, e.g. ``ws://127.0.0.1:8443/ws-api/v3``, with the first port."""
        return self._url_of(self.host, self.port)

    @property
    def urls(self) -> tuple[str, ...]:
        """The URLs of all ports at all addresses that it listens at; the first one is ``url``."""
        return tuple(self._url_of(host, port) for host in self._hosts for port in self.ports)

    @property
    def ca_pem(self) -> bytes:
        """The certificate of the authority that signed the server's."""
        return self._tls.ca_pem

    def client_ssl_context(self) -> ssl.SSLContext:
        """An SSL context for a client of this exchange: it trusts only the exchange's own authority."""
        return self._tls.client_context()

    def add_account(
        self,
        key_type: KeyType = "Ed25519",
        *,
        name: str = "",
        api_key: str | None = None,
        secret: str | None = None,
        private_key: bytes | None = None,
        balances: Mapping[str, str] | None = None,
        permissions: Iterable[str] = PERMISSIONS,
    ) -> Credentials:
        """Open an account with a key.

        Args:
            key_type: "HMAC", "RSA" or "Ed25519".
            name: the account's name in the journal.
            api_key: 64 letters and digits; generated if not given.
            secret: for HMAC; generated if not given.
            private_key: for RSA and Ed25519, unencrypted PEM; generated if not given.
            balances: decimals as texts, by asset; large ones if not given.
            permissions: the key's permissions: "TRADE", "USER_DATA", "USER_STREAM".

        Returns:
            The key: ``api_key``, and ``secret`` or ``private_key``; its ``account`` is the account.
        """
        account = self.core.new_account(name, DEFAULT_BALANCES if balances is None else balances)
        return self.add_key(
            account,
            key_type,
            api_key=api_key,
            secret=secret,
            private_key=private_key,
            permissions=permissions,
        )

    def add_key(
        self,
        account: Account | str,
        key_type: KeyType = "Ed25519",
        *,
        api_key: str | None = None,
        secret: str | None = None,
        private_key: bytes | None = None,
        permissions: Iterable[str] = PERMISSIONS,
    ) -> Credentials:
        """Give an account one more key, so that both have the same ``uid`` in ``account.status``; see ``add_account``.

        Args:
            account: the account, or its name.
        """
        if isinstance(account, str):
            account = self.core.account(account)
        elif not isinstance(account, Account):
            raise ValueError(f"account is an account of this exchange or its name, not {account!r}")
        return self.core.new_key(
            account,
            key_type,
            api_key=api_key,
            secret=secret,
            private_key=private_key,
            permissions=permissions,
        )

    def revoke(self, api_key: str) -> None:
        """Make a key invalid, also for connections that are logged on with it.

        Raises:
            ValueError: there is no such key.
        """
        self.core.revoke(self.core.key(api_key))

    def restore(self, api_key: str) -> None:
        """Make a key valid again that was revoked. Connections that were logged on with it have to log on again, and
        the subscriptions that it lost do not come back.

        Raises:
            ValueError: there is no such key.
        """
        self.core.restore(self.core.key(api_key))

    def set_status(self, symbol: str, status: str) -> None:
        """Set the status of a symbol, such as "CANCEL_ONLY", for requests from now on.

        Raises:
            ValueError: there is no such symbol, or no such status.
        """
        self.core.set_status(symbol, status)

    def script(self, text: str) -> None:
        """Add faults and carry out actions from lines of text; see testing/script.py.

        Raises:
            ValueError: a line is neither a fault nor an action; then no line has an effect.
        """
        run_script(self, text)

    def ban(self, seconds: float | None = None, address: str = "127.0.0.1") -> None:
        """Ban an address of the WebSocket API and end its connections: for ``seconds``, or for as long as its next ban
        would last.
        """
        if seconds is not None:
            check_seconds("seconds", seconds)
        limits = self.core.address(address)
        limits.ban(self.core.clock.now_us(), seconds)
        self._live.close_address(limits)

    def unban(self, address: str = "127.0.0.1") -> None:
        """Lift an address's ban."""
        self.core.address(address).unban()

    @property
    def _tls(self) -> Certificate:
        if self._certificate is None:
            raise RuntimeError("the exchange runs without TLS")
        return self._certificate
