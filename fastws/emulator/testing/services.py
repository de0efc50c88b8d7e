"""The services of an exchange, the WebSocket API and the market data streams, as a part of Emulator."""

from __future__ import annotations

from ..exchange.state import Exchange
from ..matching.history import BlockTrade
from ..network.server import PATH, Server
from ..network.stream_server import StreamServers
from ..network.tls import Certificate
from ..values.checks import ServiceName, check_close_code, check_flag, check_seconds, check_service
from ..values.decimals import units

__all__ = ["EmulatorServices"]


class EmulatorServices:
    """The services of an Emulator: their ports, their connections, their end.

    ``service`` chooses one: "api", the WebSocket API; "streams", the market data streams in JSON and SBE. None stands
    for both.
    """

    core: Exchange
    host: str
    _hosts: list[str]
    _certificate: Certificate | None
    _server: Server | None
    _streams: StreamServers | None

    @property
    def stream_url(self) -> str:
        """The URL of the market data streams in JSON, e.g. ``ws://127.0.0.1:9443``, with the first port."""
        return self._url_of(self.host, self.stream_ports[0], "")

    @property
    def sbe_stream_url(self) -> str:
        """The URL of the market data streams in SBE, with the first port."""
        return self._url_of(self.host, self.sbe_stream_ports[0], "")

    @property
    def stream_urls(self) -> tuple[str, ...]:
        """The URLs of all ports of the streams in JSON, at all addresses; the first one is ``stream_url``."""
        return tuple(self._url_of(host, port, "") for host in self._hosts for port in self.stream_ports)

    @property
    def sbe_stream_urls(self) -> tuple[str, ...]:
        """The URLs of all ports of the streams in SBE, at all addresses; the first one is ``sbe_stream_url``."""
        return tuple(self._url_of(host, port, "") for host in self._hosts for port in self.sbe_stream_ports)

    @property
    def stream_ports(self) -> tuple[int, ...]:
        """All ports of the market data streams in JSON."""
        return self._stream_services.json.ports.numbers

    @property
    def sbe_stream_ports(self) -> tuple[int, ...]:
        """All ports of the market data streams in SBE."""
        return self._stream_services.sbe.ports.numbers

    @property
    def _stream_services(self) -> StreamServers:
        if self._streams is None:
            raise RuntimeError("the exchange is not running")
        return self._streams

    def add_block_trade(
        self, symbol: str, price: str, quantity: str, *, buyer_is_maker: bool = False
    ) -> None:
        """Add a trade that was negotiated outside the book, for ``trades.block`` and the stream ``blockTrade``.

        Args:
            price: a decimal as text; ``quantity`` as well.

        Raises:
            ValueError: there is no such symbol, or a number is no decimal.
        """
        book = self.core.engine.books.get(symbol)
        if book is None:
            raise ValueError(f"there is no symbol {symbol}; there are {', '.join(self.core.engine.books)}")
        for name, text in (("price", price), ("quantity", quantity)):
            if not isinstance(text, str) or units(text) <= 0:
                raise ValueError(f"{name} is a decimal above 0 as text, not {text!r}")
        blocks = book.trades.blocks
        now_us, number = self.core.clock.now_us(), blocks[-1].id + 1 if blocks else 0
        book.trades.add_block(BlockTrade(number, units(price), units(quantity), now_us, buyer_is_maker))
        self.core.publish()

    def _url_of(self, host: str, port: int, path: str = PATH) -> str:
        scheme = "ws" if self._certificate is None else "wss"
        return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}{path}"

    def listen(self, port: int, yes: bool = True) -> None:
        """Close one of its ports, so that connections to it are refused, or open it again. Connections stay.

        Raises:
            ValueError: it has no such port.
            OSError: in the meantime, another program took the port.
        """
        servers = self._servers(None)
        chosen = [server for server in servers if port in server.ports.numbers]
        if not chosen:
            known = ", ".join(str(number) for server in servers for number in server.ports.numbers)
            raise ValueError(f"there is no port {port!r}; there are {known}")
        chosen[0].ports.listen(port, yes)

    def answer_pings(self, yes: bool = True, *, service: ServiceName | None = None) -> None:
        """Answer the pings of clients, or stop answering them."""
        check_flag("yes", yes)
        for server in self._servers(service):
            server.answers_pings = yes

    def shutdown_notice(self, seconds: float | None = None, *, service: ServiceName | None = None) -> None:
        """Send ``serverShutdown`` to all connections; end them ``seconds`` later, unless that is None."""
        if seconds is not None:
            check_seconds("seconds", seconds)
        servers = self._servers(service)
        for server in servers:
            # The event log has one record, also if nobody is connected.
            if server.connections or server is servers[0]:
                server.announce_shutdown(seconds)

    def disconnect_all(
        self, code: int = 1001, reason: str = "", *, service: ServiceName | None = None
    ) -> None:
        """End all connections with a close frame with ``code``; 1006: without a close frame, also those that are
        frozen.
        """
        check_close_code(code, reason)
        for server in self._servers(service):
            for connection in list(server.connections.values()):
                if code == 1006:
                    connection.destroy()
                else:
                    connection.close(code, reason)

    def _servers(self, service: ServiceName | None) -> list[Server]:
        if service is not None:
            check_service(service)
        streams = self._stream_services
        servers = [] if service == "streams" else [self._live]
        return servers if service == "api" else [*servers, streams.json, streams.sbe]

    @property
    def _live(self) -> Server:
        if self._server is None:
            raise RuntimeError("the exchange is not running")
        return self._server
