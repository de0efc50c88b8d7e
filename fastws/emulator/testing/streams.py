"""The market data streams of an exchange, as attributes and methods of Emulator."""

from __future__ import annotations

from ..exchange.state import Exchange
from ..matching.history import BlockTrade
from ..network.server import PATH
from ..network.stream_server import StreamServers
from ..network.tls import Certificate
from ..values.decimals import units

__all__ = ["EmulatorStreams"]


class EmulatorStreams:
    """The part of an Emulator with its market data streams: they are services with ports of their own."""

    core: Exchange
    host: str
    _hosts: list[str]
    _certificate: Certificate | None
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
            raise RuntimeError("the exchange has not been started")
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
