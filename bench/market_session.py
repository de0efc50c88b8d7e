"""A market session without a socket that subscribes to a recording, for benchmarks: bytes of frames are fed to it."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).resolve().parent.parent / "tests"))
from bench.market_feeds import DIFF, TOP, TRADES, Twins, template_of
from helpers.market import Market
from helpers.support import frame

KINDS = {TRADES: 1, TOP: 2, DIFF: 3}  # MarketKind of market_values.pxd


class Session:
    """One connection that carries the streams of ``messages``, in JSON or in SBE.

    Make it within a running event loop.
    """

    def __init__(self, messages: Iterable[Twins], *, sbe: bool, **options: Any) -> None:
        self.sbe = sbe
        self.market = Market(asyncio.get_running_loop(), sbe=sbe, **options)
        self.streams: dict[str, Any] = {}
        for each in messages:
            name, template = (each.sbe_stream if sbe else each.stream), template_of(each)
            if name not in self.streams:
                symbol = name.partition("@")[0].upper()
                self.streams[name] = self.market.stream(name, KINDS[template], symbol, template if sbe else 0)

    def subscribe(self, on_event: Callable[[Any], object] | None, **options: Any) -> Any:
        """Events of all streams, to the callback, or into a buffer."""
        return self.market.events(*self.streams.values(), on_event=on_event, **options)

    def add(self, sink: Any) -> None:
        """Give the values of all events to a sink, tagged by the number of the stream."""
        for number, stream in enumerate(self.streams.values()):
            stream.add(sink, number)

    def frames(self, messages: Sequence[Twins]) -> bytes:
        """What the exchange sends for these messages."""
        if self.sbe:
            return b"".join(frame(2, each.sbe) for each in messages)
        return b"".join(frame(1, each.text) for each in messages)

    def feed(self, data: bytes) -> None:
        """Let the client read frames."""
        self.market.wires[0].feed(data)

    def close(self) -> None:
        for wire in self.market.wires:
            wire.lose()
