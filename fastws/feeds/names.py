"""The names of market data streams: which there are, in JSON and in SBE, and what was meant by others.

Source: web-socket-streams.md and sbe-market-data-streams.md, as of 2026-07-21. A name is checked before anything is
sent, because the exchange does not document what it answers to a name that does not exist.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from .._common.shown import near, plain_text, shown
from ..errors import InvalidRequest

__all__ = [
    "DEPTH",
    "DIFF",
    "INTERVALS",
    "OTHER",
    "TOP",
    "TRADE",
    "WINDOWS",
    "StreamName",
    "lower_symbol",
    "parse",
    "stream_name",
    "upper_symbol",
]

# The kinds of values in C that a stream's events have: MarketKind of _native/market_values.pxd.
OTHER: Final = 0
TRADE: Final = 1
TOP: Final = 2
DIFF: Final = 3
DEPTH: Final = 4

INTERVALS: Final = tuple("1s 1m 3m 5m 15m 30m 1h 2h 4h 6h 8h 12h 1d 3d 1w 1M".split())
WINDOWS: Final = ("1h", "4h", "1d")
ZONE: Final = "+08:00"  # the other time zone in which klines begin

_TEMPLATES: Final = {"trade": 10000, "bestBidAsk": 10001, "depth20": 10002, "depth": 10003}

# What stands behind "@" in the names of one symbol: the values in C, the seconds from one event to the next (None: at
# once), and whether a newer event makes an older one worthless.
_JSON: Final[dict[str, tuple[int, float | None, bool]]] = {
    "trade": (TRADE, None, False),
    "aggTrade": (TRADE, None, False),
    "blockTrade": (TRADE, None, False),
    "bookTicker": (TOP, None, True),
    "depth": (DIFF, 1.0, False),
    "depth@100ms": (DIFF, 0.1, False),
    **{f"depth{levels}": (DEPTH, 1.0, True) for levels in (5, 10, 20)},
    **{f"depth{levels}@100ms": (DEPTH, 0.1, True) for levels in (5, 10, 20)},
    **{
        f"kline_{interval}{zone}": (OTHER, 1.0 if interval == "1s" else 2.0, True)
        for interval in INTERVALS
        for zone in ("", f"@{ZONE}")
    },
    "miniTicker": (OTHER, 1.0, True),
    "ticker": (OTHER, 1.0, True),
    **{f"ticker_{window}": (OTHER, 1.0, True) for window in WINDOWS},
    "avgPrice": (OTHER, 1.0, True),
    "referencePrice": (OTHER, 1.0, True),
}
_SBE: Final[dict[str, tuple[int, float | None, bool]]] = {
    "trade": (TRADE, None, False),
    "bestBidAsk": (TOP, None, True),
    "depth": (DIFF, 0.02, False),
    "depth20": (DEPTH, 0.05, True),
}
# Names of all symbols. An event holds only the symbols that changed, so a newer one does not replace an older one.
_ALL: Final = ("!miniTicker@arr", *(f"!ticker_{window}@arr" for window in WINDOWS))

_RETIRED: Final = {
    "!ticker@arr": "the exchange retired it on 2026-03-26; use <symbol>@ticker, or !miniTicker@arr",
    "!bookTicker": "the exchange retired it in 2022; use <symbol>@bookTicker",
}
_FUTURES: Final = re.compile(
    r"!?(markPrice|forceOrder|compositeIndex|contractInfo|assetIndex|indexPrice|continuousKline|openInterest|rpiDepth"
    r"|depth\d*@(0|250|500)ms)([@_].*)?"
)
# SBE's nearest to a stream that only JSON has.
_NEAREST_IN_SBE: Final = {
    "aggTrade": "trade",
    "bookTicker": "bestBidAsk",
    "depth@100ms": "depth",
    "depth5": "depth20",
    "depth10": "depth20",
    "depth5@100ms": "depth20",
    "depth10@100ms": "depth20",
    "depth20@100ms": "depth20",
}


@dataclass(frozen=True, slots=True)
class StreamName:
    """A stream's name, and what it says.

    Attributes:
        name: as the exchange takes it, such as ``btcusdt@depth5@100ms``.
        symbol: in upper case, as in events; "" for all symbols.
        event: which stream of the symbol: ``depth5@100ms``.
        kind: the values in C that its events have: one of TRADE, TOP, DIFF, DEPTH, OTHER.
        template_id: of its SBE messages; 0 in JSON.
        seconds: from one event to the next, by the documentation; None: an event comes as soon as it happens.
        conflates: whether a newer event makes an older one worthless. Trades and diffs of a book do not.
    """

    name: str
    symbol: str
    event: str
    kind: int
    template_id: int
    seconds: float | None
    conflates: bool


def upper_symbol(symbol: str) -> str:
    """A symbol as in events: its ASCII letters in upper case. The exchange documents no case of other letters."""
    return "".join(c.upper() if c.isascii() else c for c in symbol)


def lower_symbol(symbol: str) -> str:
    """A symbol as in the names of streams: its ASCII letters in lower case."""
    return "".join(c.lower() if c.isascii() else c for c in symbol)


def parse(name: object, *, sbe: bool = False) -> StreamName:
    """Read the name of a stream.

    Args:
        name: such as ``btcusdt@trade``.
        sbe: whether it is for an SBE session, whose streams differ.

    Raises:
        InvalidRequest: there is no such stream; the text says what was meant, as far as it can be known.
    """
    text = plain_text(name)
    if type(text) is not str:
        raise InvalidRequest(f'a stream: expected a name such as "btcusdt@trade", got {shown(name)}')
    known = _known(text, sbe)
    if known is None:
        raise InvalidRequest(f"there is no stream {shown(text)}: {_reason(text, sbe)}")
    return known


def stream_name(symbol: object, event: str, *, sbe: bool = False) -> StreamName:
    """The stream of a symbol, in upper or lower case: ``stream_name("BTCUSDT", "trade")`` is ``btcusdt@trade``.

    Raises:
        InvalidRequest: the symbol cannot be one, or there is no such stream.
    """
    text = plain_text(symbol)
    if type(text) is not str or _symbol_fault(lower_symbol(text)):
        fault = _symbol_fault(lower_symbol(text)) if type(text) is str else "it is no text"
        raise InvalidRequest(f'symbol: expected one such as "BTCUSDT", got {shown(symbol)}: {fault}')
    return parse(f"{lower_symbol(text)}@{event}", sbe=sbe)


def _known(name: str, sbe: bool) -> StreamName | None:
    if name in _ALL and not sbe:
        return StreamName(name, "", name, OTHER, 0, 1.0, False)
    symbol, _, event = name.partition("@")
    row = (_SBE if sbe else _JSON).get(event)
    if row is None or _symbol_fault(symbol):
        return None
    kind, seconds, conflates = row
    return StreamName(
        name, upper_symbol(symbol), event, kind, _TEMPLATES[event] if sbe else 0, seconds, conflates
    )


def _symbol_fault(symbol: str) -> str:
    """Why this cannot be a symbol in a stream's name; "" if it can."""
    if not symbol:
        return "a symbol is missing"
    if len(symbol) > 64:
        return "its symbol has more than 64 characters"
    for c in symbol:
        if c.isspace():
            return "its symbol has a space"
        if c.isascii() and c.isupper():
            return "symbols are in lower case here"
        if not (c.isalnum() or c in "-_.") and (c.isascii() or not c.isprintable()):
            return f"{c!r} cannot be in a symbol"
    return ""


def _reason(name: str, sbe: bool) -> str:
    """Why there is no such stream, and which one may be meant."""
    trimmed = name.strip()
    if trimmed in _RETIRED:
        return _RETIRED[trimmed]
    symbol, at, event = trimmed.partition("@")
    if symbol.startswith("!"):
        if _FUTURES.fullmatch(trimmed):
            return f"{shown(trimmed)} is a stream of the futures, which fastws does not serve"
        if sbe:
            return "SBE has no streams of all symbols" + (
                "; JSON has this one: market_data(…, sbe=False)" if trimmed in _ALL else ""
            )
        return _did_you_mean(trimmed, _ALL) or f"of all symbols there are {', '.join(_ALL)}"
    if not at:
        if len(trimmed) > 40 and trimmed.isalnum():
            return (
                "a listenKey is no stream of market data; user data comes from user_data_stream_subscribe()"
            )
        meant = f"{lower_symbol(trimmed)}@trade"
        if _known(meant, sbe):
            return f'a name has a symbol and a stream, such as "{meant}"'
        return 'a name has a symbol and a stream, such as "btcusdt@trade"'
    if _FUTURES.fullmatch(event):
        return f'"@{event}" is a stream of the futures, which fastws does not serve' + (
            "; of Spot there are @depth and @depth@100ms" if event.startswith("depth") else ""
        )
    fault = _symbol_fault(symbol)
    table = _SBE if sbe else _JSON
    if event in table or (fault and fault != "symbols are in lower case here"):
        meant = f"{lower_symbol(symbol.strip())}@{event}"
        hint = f'; did you mean "{meant}"?' if _known(meant, sbe) else ""
        return (fault or "it has a space") + hint
    if sbe and event in _JSON:
        nearest = _NEAREST_IN_SBE.get(event)
        also = f', and SBE has "{lower_symbol(symbol)}@{nearest}"' if nearest else ""
        return f'only JSON has "{lower_symbol(symbol)}@{event}": market_data(…, sbe=False){also}'
    if not sbe and event == "bestBidAsk":
        return f'only SBE has it; JSON has "{lower_symbol(symbol)}@bookTicker"'
    for prefix, wanted in (("kline_", INTERVALS), ("ticker_", WINDOWS)):
        if event.startswith(prefix) and not sbe:
            return _ending(symbol, event, prefix, wanted)
    return (
        _did_you_mean(event, table, f"{lower_symbol(symbol)}@") or f"of a symbol there are {_listed(table)}"
    )


def _ending(symbol: str, event: str, prefix: str, wanted: tuple[str, ...]) -> str:
    """Which endings a kline's or a ticker's name may have."""
    ending, _, zone = event.removeprefix(prefix).partition("@")
    if prefix == "kline_" and ending in wanted:
        return f'{shown(zone)} is no time zone of klines; there is "{lower_symbol(symbol)}@{prefix}{ending}@{ZONE}"'
    hint = _did_you_mean(ending, wanted, f"{lower_symbol(symbol)}@{prefix}")
    what = "intervals" if prefix == "kline_" else "windows"
    return f"{what} are {', '.join(wanted)}" + (f"; {hint}" if hint else "")


def _did_you_mean(given: str, names: Iterable[str], prefix: str = "") -> str:
    by_case = {name.lower(): name for name in reversed(tuple(names))}
    found = near(given.lower(), by_case)
    return f'did you mean "{prefix}{by_case[found]}"?' if found else ""


def _listed(table: dict[str, tuple[int, float | None, bool]]) -> str:
    """The streams of a symbol, klines and tickers in short."""
    names = [f"@{event}" for event in table if not event.startswith(("kline_", "ticker_"))]
    if len(table) > len(_SBE):
        names += ["@kline_<interval>", "@ticker_<window>"]
    return ", ".join(names)
