"""A market data session without a network: its router, connections that bytes are fed to, and an owner that notes."""

from __future__ import annotations

import json
import struct
from typing import Any

from fastws._native.market_router import MarketConnection, MarketEvents, MarketRouter, MarketStream
from helpers.offline import Wire
from helpers.support import BINARY, frame

TRADE, TOP, DIFF, DEPTH = 1, 2, 3, 4


class Owner:
    """Notes what the router and its connections report."""

    def __init__(self) -> None:
        self.said: list[tuple[Any, ...]] = []
        self.numbered = 0

    def opened(self, connection: MarketConnection) -> None:
        self.numbered += 1
        connection.opened(self.numbered)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return lambda *args: self.said.append((name, *args))

    def of(self, name: str) -> list[tuple[Any, ...]]:
        return [said[1:] for said in self.said if said[0] == name]


class Market:
    """A router with connections; it runs within an event loop."""

    def __init__(self, loop: Any, connections: int = 1, **options: Any) -> None:
        self.owner = Owner()
        self.loop = loop
        self.router = MarketRouter(self.owner, **options)
        self.wires: list[Wire] = []
        self.connections: list[MarketConnection] = []
        for _ in range(connections):
            self.connect()

    def connect(self) -> MarketConnection:
        connection = MarketConnection(self.router, self.owner, self.loop)
        self.wires.append(Wire(connection))
        self.connections.append(connection)
        return connection

    def stream(self, name: str, kind: int = 0, symbol: str = "BTCUSDT", template: int = 0) -> MarketStream:
        stream = self.router.stream(name, kind, symbol, template)
        for connection in self.connections:
            connection.carries(name)
        return stream

    def events(self, *streams: MarketStream, **options: Any) -> MarketEvents:
        events = MarketEvents(self.owner, self.loop, router=self.router, **options)
        for stream in streams:
            stream.add(events)
        return events

    def send(self, name: str, data: Any, *, by: int = 0) -> None:
        self.wires[by].send(json.dumps({"stream": name, "data": data}, separators=(",", ":")))

    def send_binary(self, message: bytes, *, by: int = 0) -> None:
        self.wires[by].feed(frame(BINARY, message))


def trade(trade_id: int, price: str = "1.00000000") -> dict[str, Any]:
    return {
        "e": "trade", "E": 1, "s": "BTCUSDT", "t": trade_id, "p": price, "q": "2.00000000", "T": 1, "m": True,
        "M": True,
    }  # fmt: skip


def top(update_id: int) -> dict[str, Any]:
    return {"u": update_id, "s": "BTCUSDT", "b": "1.00000000", "B": "2.0", "a": "3.00000000", "A": "4.0"}


def diff(first: int, last: int, bids: Any = (), asks: Any = ()) -> dict[str, Any]:
    return {
        "e": "depthUpdate", "E": 1, "s": "BTCUSDT", "U": first, "u": last, "b": list(bids), "a": list(asks)
    }  # fmt: skip


def sbe_trades(*ids: int, symbol: bytes = b"BTCUSDT") -> bytes:
    rows = b"".join(struct.pack("<qqqB", trade_id, 100, 200, 1) for trade_id in ids)
    head = struct.pack("<HHHHqqbb", 18, 10000, 1, 0, 1, 1, -2, -2) + struct.pack("<HI", 25, len(ids))
    return head + rows + bytes([len(symbol)]) + symbol
