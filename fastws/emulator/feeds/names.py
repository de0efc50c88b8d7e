"""The names of market data streams, as the exchange reads them (web-socket-streams.md, sbe-market-data-streams.md)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, TypeAlias

__all__ = ["Kind", "StreamName", "read_name"]

Kind: TypeAlias = Literal[
    "trade",
    "aggTrade",
    "blockTrade",
    "bookTicker",
    "depth",
    "partial",
    "kline",
    "miniTicker",
    "miniTickers",
    "ticker",
    "rolling",
    "rollings",
    "avgPrice",
    "referencePrice",
]

_HOURS_8 = 8 * 3600 * 1_000_000
_INTERVAL = r"(?P<interval>1s|[135]m|15m|30m|[1246]h|8h|12h|[13]d|1w|1M)"
_SYMBOL = r"(?P<symbol>[^@!\s/]+)"

_JSON: tuple[tuple[str, Kind, float | None], ...] = (
    (rf"{_SYMBOL}@trade", "trade", None),
    (rf"{_SYMBOL}@aggTrade", "aggTrade", None),
    (rf"{_SYMBOL}@blockTrade", "blockTrade", None),
    (rf"{_SYMBOL}@bookTicker", "bookTicker", None),
    (rf"{_SYMBOL}@depth", "depth", 1.0),
    (rf"{_SYMBOL}@depth@100ms", "depth", 0.1),
    (rf"{_SYMBOL}@depth(?P<levels>5|10|20)", "partial", 1.0),
    (rf"{_SYMBOL}@depth(?P<levels>5|10|20)@100ms", "partial", 0.1),
    (rf"{_SYMBOL}@kline_{_INTERVAL}(?P<zone>@\+08:00)?", "kline", 2.0),
    (rf"{_SYMBOL}@miniTicker", "miniTicker", 1.0),
    (r"!miniTicker@arr", "miniTickers", 1.0),
    (rf"{_SYMBOL}@ticker", "ticker", 1.0),
    (rf"{_SYMBOL}@ticker_(?P<window>1h|4h|1d)", "rolling", 1.0),
    (r"!ticker_(?P<window>1h|4h|1d)@arr", "rollings", 1.0),
    (rf"{_SYMBOL}@avgPrice", "avgPrice", 1.0),
    (rf"{_SYMBOL}@referencePrice", "referencePrice", 1.0),
)
_SBE: tuple[tuple[str, Kind, float | None], ...] = (
    (rf"{_SYMBOL}@trade", "trade", None),
    (rf"{_SYMBOL}@bestBidAsk", "bookTicker", None),
    (rf"{_SYMBOL}@depth", "depth", 0.02),
    (rf"{_SYMBOL}@depth(?P<levels>20)", "partial", 0.05),
)
_PATTERNS = {
    binary: tuple((re.compile(pattern), kind, speed) for pattern, kind, speed in rows)
    for binary, rows in ((False, _JSON), (True, _SBE))
}


@dataclass(frozen=True, slots=True)
class StreamName:
    """What a stream's name says.

    Attributes:
        text: the name.
        symbol: in upper case; "" for all symbols.
        seconds: from one event to the next; None: an event comes as soon as it happens.
        levels: of a partial depth.
        interval: of a kline; ``window`` of a rolling window ticker.
        offset: of a kline's time zone, in microseconds.
    """

    text: str
    kind: Kind
    symbol: str = ""
    seconds: float | None = None
    levels: int = 0
    interval: str = ""
    window: str = ""
    offset: int = 0


def read_name(text: str, binary: bool) -> StreamName | None:
    """Read a name; None if there is no such stream. ``binary``: on an SBE connection."""
    for pattern, kind, speed in _PATTERNS[binary]:
        found = pattern.fullmatch(text)
        if found is None:
            continue
        parts = found.groupdict()
        symbol = parts.get("symbol") or ""
        if symbol != _lower(symbol):
            return None
        interval = parts.get("interval") or ""
        return StreamName(
            text,
            kind,
            _upper(symbol),
            1.0 if interval == "1s" else speed,
            int(parts.get("levels") or 0),
            interval,
            parts.get("window") or "",
            _HOURS_8 if parts.get("zone") else 0,
        )
    return None


def _lower(symbol: str) -> str:
    """Lower-case letters of ASCII only: other scripts have no case that the exchange documents."""
    return "".join(c.lower() if c.isascii() else c for c in symbol)


def _upper(symbol: str) -> str:
    return "".join(c.upper() if c.isascii() else c for c in symbol)
