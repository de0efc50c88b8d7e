"""Events of market data streams (web-socket-streams.md, as of 2026-07-21), in JSON and in SBE.

    trades = await market.trades("BTCUSDT")
    async for trade in trades:
        print(trade["p"], trade["q"])       # trade is a TradeEvent

The events of trades, diffs, klines and tickers say in ``e`` what they are. BookTicker and PartialDepth have no ``e``.
"""

from __future__ import annotations

from typing import Literal, TypedDict

from .common import Number, Timestamp
from .enums import Interval


class TradeEvent(TypedDict):
    """One trade: ``<symbol>@trade``. E: time of the event · s: symbol · t: id · p: price · q: quantity · T: time.

    m: whether the buyer was the maker · M: ignore.
    """

    e: Literal["trade"]
    E: Timestamp
    s: str
    t: int
    p: Number
    q: Number
    T: Timestamp
    m: bool
    M: bool


class AggTradeEvent(TypedDict):
    """Trades of one taker order at one price: ``<symbol>@aggTrade``. a: id · f, l: ids of its first and last trade.

    The others as in TradeEvent.
    """

    e: Literal["aggTrade"]
    E: Timestamp
    s: str
    a: int
    p: Number
    q: Number
    f: int
    l: int  # noqa: E741  # Binance's name
    T: Timestamp
    m: bool
    M: bool


class BlockTradeEvent(TypedDict):
    """A block trade: ``<symbol>@blockTrade``. Its keys are those of TradeEvent, without M."""

    e: Literal["blockTrade"]
    E: Timestamp
    s: str
    t: int
    p: Number
    q: Number
    T: Timestamp
    m: bool


class BookTicker(TypedDict):
    """The best bid and ask: ``<symbol>@bookTicker``.

    u: update id of the order book · s: symbol · b, B: price and quantity of the best bid · a, A: of the best ask.
    """

    u: int
    s: str
    b: Number
    B: Number
    a: Number
    A: Number


class BestBidAsk(BookTicker):
    """The best bid and ask in SBE: ``<symbol>@bestBidAsk``. E: time of the event."""

    E: Timestamp


class DepthUpdate(TypedDict):
    """Levels of the order book that changed: ``<symbol>@depth``.

    U, u: first and last update id · b: bids · a: asks, each [price, quantity]; a quantity of zero removes the level.
    """

    e: Literal["depthUpdate"]
    E: Timestamp
    s: str
    U: int
    u: int
    b: list[list[Number]]
    a: list[list[Number]]


class PartialDepth(TypedDict):
    """The best levels of the order book: ``<symbol>@depth<levels>``. Levels are [price, quantity]."""

    lastUpdateId: int
    bids: list[list[Number]]
    asks: list[list[Number]]


class Depth20(PartialDepth):
    """The best 20 levels in SBE: ``<symbol>@depth20``. E: time of the event · s: symbol."""

    E: Timestamp
    s: str


class StreamKline(TypedDict):
    """A kline. t, T: when it begins and ends · s: symbol · i: interval · f, L: ids of its first and last trade.

    o, c, h, l: open, close, high, low · v, q: volume in base and quote asset · n: number of trades · x: whether it is
    closed · V, Q: what takers bought, in base and quote asset · B: ignore.
    """

    t: Timestamp
    T: Timestamp
    s: str
    i: Interval
    f: int
    L: int
    o: Number
    c: Number
    h: Number
    l: Number  # noqa: E741  # Binance's name
    v: Number
    n: int
    x: bool
    q: Number
    V: Number
    Q: Number
    B: str


class KlineEvent(TypedDict):
    """A kline that changed: ``<symbol>@kline_<interval>``. k: the kline."""

    e: Literal["kline"]
    E: Timestamp
    s: str
    k: StreamKline


class MiniTickerEvent(TypedDict):
    """24 hours in short: ``<symbol>@miniTicker``, and the entries of ``!miniTicker@arr``.

    c: close · o: open · h: high · l: low · v, q: volume in base and quote asset.
    """

    e: Literal["24hrMiniTicker"]
    E: Timestamp
    s: str
    c: Number
    o: Number
    h: Number
    l: Number  # noqa: E741  # Binance's name
    v: Number
    q: Number


class _Window(TypedDict):
    """What tickers of all windows have."""

    E: Timestamp
    s: str
    p: Number
    P: Number
    w: Number
    c: Number
    o: Number
    h: Number
    l: Number  # noqa: E741  # Binance's name
    v: Number
    q: Number
    O: Timestamp  # noqa: E741  # Binance's name
    C: Timestamp
    F: int
    L: int
    n: int


class TickerEvent(_Window):
    """24 hours: ``<symbol>@ticker``.

    p, P: change of the price, in percent · w: weighted average price · x: the price before · c, Q: last price and
    quantity · b, B, a, A: best bid and ask · o, h, l: open, high, low · v, q: volumes · O, C: times of the window ·
    F, L: ids of its first and last trade · n: number of trades.
    """

    e: Literal["24hrTicker"]
    x: Number
    Q: Number
    b: Number
    B: Number
    a: Number
    A: Number


class RollingTickerEvent(_Window):
    """A rolling window: ``<symbol>@ticker_<window>``, and the entries of ``!ticker_<window>@arr``.

    Its keys are those of TickerEvent, without x, Q, b, B, a and A.
    """

    e: Literal["1hTicker", "4hTicker", "1dTicker"]


class AvgPriceEvent(TypedDict):
    """The average price: ``<symbol>@avgPrice``. i: interval · w: the price · T: time of the last trade."""

    e: Literal["avgPrice"]
    E: Timestamp
    s: str
    i: str
    w: Number
    T: Timestamp


class ReferencePriceEvent(TypedDict):
    """The reference price: ``<symbol>@referencePrice``. r: the price, None where there is none · t: its time."""

    e: Literal["referencePrice"]
    s: str
    r: Number | None
    t: Timestamp


# The events that say in ``e`` what they are.
MarketEvent = (
    TradeEvent
    | AggTradeEvent
    | BlockTradeEvent
    | DepthUpdate
    | KlineEvent
    | MiniTickerEvent
    | TickerEvent
    | RollingTickerEvent
    | AvgPriceEvent
    | ReferencePriceEvent
)
