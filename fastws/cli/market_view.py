"""What ``watch`` and ``top`` show, as values, and as lines of plain text. Nothing here knows of connections.

market_panels.py shows the same values in colours, with rich.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from decimal import Decimal
from itertools import accumulate
from typing import NamedTuple

from .histogram import bar, duration
from .meters import Spread
from .screen import narrowed, pad, width

Level = tuple[str, str]  # price and quantity
_BAR = 8  # columns of a bar: at least so many beside trades, and twice as many at most
_BETWEEN = 10  # columns between bars, quantities and prices


class Trade(NamedTuple):
    """A trade: when it happened, in microseconds, what, and whether its taker sold."""

    time: int
    price: str
    quantity: str
    sold: bool


class Row(NamedTuple):
    """A level of the ladder: its texts, and the quantity up to here as a share (0 to 1) of the largest one shown."""

    price: str
    quantity: str
    share: float


@dataclass
class Ladder:
    """An order book, its latest trades, and what is measured beside them.

    Attributes:
        symbol, where: what is shown, and from where: "testnet, SBE".
        state, reason: of the book: "live", "syncing" or "stale", and why it is not live.
        bids, asks: the best levels, the best one first.
        trades: the latest ones, the newest first.
        update_id: of the book.
        changes, trades_per_second, quotes: how many a second.
        lag: how late events were, in seconds; None while none had a time.
        clock: whose clock ``lag`` is by.
        gaps: how often events were missed.
        seconds: since the start.
    """

    symbol: str
    where: str = ""
    state: str = "syncing"
    reason: str = ""
    bids: Sequence[Level] = ()
    asks: Sequence[Level] = ()
    trades: Sequence[Trade] = ()
    update_id: int = 0
    changes: float = 0.0
    trades_per_second: float = 0.0
    quotes: float = 0.0
    lag: Spread | None = None
    clock: str = "the exchange's clock"
    gaps: int = 0
    seconds: float = 0.0

    @property
    def spread(self) -> str:
        """The best ask less the best bid; "" if a side is empty."""
        if not self.bids or not self.asks:
            return ""
        return short(Decimal(self.asks[0][0]) - Decimal(self.bids[0][0]))


@dataclass
class StreamRow:
    """A stream: its events a second, now and since the start, all of them, how late they were, and how long ago."""

    name: str
    per_second: float = 0.0
    average: float = 0.0
    total: int = 0
    lag: Spread | None = None
    quiet: float | None = None


@dataclass
class Rates:
    """The rates of all streams.

    Attributes:
        where: from where: "testnet, SBE, 2 connections".
        state: of the session: "open", or why no events come.
        streams: a row for each.
        clock, gaps, seconds: as in Ladder.
    """

    where: str = ""
    state: str = "open"
    streams: list[StreamRow] = field(default_factory=list)
    clock: str = "the exchange's clock"
    gaps: int = 0
    seconds: float = 0.0

    @property
    def total(self) -> StreamRow:
        """The sum of all rows. Its lag is the worst of them."""
        lags = [row.lag for row in self.streams if row.lag is not None]
        quiet = [row.quiet for row in self.streams if row.quiet is not None]
        return StreamRow(
            "all",
            sum(row.per_second for row in self.streams),
            sum(row.average for row in self.streams),
            sum(row.total for row in self.streams),
            Spread(*map(max, zip(*lags, strict=True))) if lags else None,
            min(quiet) if quiet else None,
        )

    def by_rate(self) -> list[StreamRow]:
        """The rows, the busiest first; those that are alike by name."""
        return sorted(self.streams, key=lambda row: (-round(row.per_second, 1), row.name))


# ------------------------------------------------------------------------------------------------------- texts of both


def short(number: object) -> str:
    """A decimal without the zeros behind its last digit."""
    return f"{Decimal(str(number)).normalize():f}"


def even(texts: Sequence[str]) -> list[str]:
    """Decimals with as many digits behind the point as the one that needs most: "52000.10", "51999.95"."""
    shortest = [short(text) for text in texts]
    most = max((len(text.partition(".")[2]) for text in shortest), default=0)
    return [f"{Decimal(text):.{most}f}" for text in shortest]


def sides(ladder: Ladder, levels: int) -> tuple[list[Row], list[Row]]:
    """The rows of bids and of asks, the best first, with prices and quantities of equal length."""
    bids, asks = ladder.bids[:levels], ladder.asks[:levels]
    prices = iter(even([price for price, _ in [*bids, *asks]]))
    quantities = iter(even([quantity for _, quantity in [*bids, *asks]]))
    sums = [list(accumulate(Decimal(quantity) for _, quantity in side)) for side in (bids, asks)]
    largest = max((total for side in sums for total in side), default=Decimal(0))
    found = [
        [Row(next(prices), next(quantities), float(total / largest) if largest else 0.0) for total in side]
        for side in sums
    ]
    return found[0], found[1]


def span(lag: float) -> str:
    """Seconds with a unit; below 0 too, if a clock is off."""
    return f"-{duration(-lag * 1e9)}" if lag < 0 else duration(lag * 1e9)


def clock_time(microseconds: int) -> str:
    """UTC, to the millisecond."""
    moment = datetime.fromtimestamp(microseconds / 1e6, timezone.utc)
    return moment.strftime("%H:%M:%S.") + f"{moment.microsecond // 1000:03}"


def rate(value: float) -> str:
    """Events a second: one decimal below 100."""
    return f"{value:,.0f}" if value >= 99.95 else f"{value:.1f}"


def lag_text(lag: Spread | None, clock: str) -> str:
    if lag is None:
        return "no event with a time yet"
    return f"lag {span(lag.p50)}, p99 {span(lag.p99)}, max {span(lag.most)} by {clock}"


def status(ladder: Ladder) -> str:
    """The state of the book, and why it is not live."""
    return f"{ladder.state}: {ladder.reason}" if ladder.state != "live" and ladder.reason else ladder.state


def measures(ladder: Ladder) -> str:
    """The rates of a ladder as a text."""
    return (
        f"{rate(ladder.changes)} changes/s  {rate(ladder.trades_per_second)} trades/s  "
        f"{rate(ladder.quotes)} quotes/s  gaps {ladder.gaps}"
    )


# -------------------------------------------------------------------------------------------------------- plain lines


def line_of(ladder: Ladder, now: str) -> str:
    """The ladder as one line, for a file or a pipe."""
    parts = [now, ladder.symbol, status(ladder)]
    if ladder.bids and ladder.asks:
        (bid, bid_size), (ask, ask_size) = ladder.bids[0], ladder.asks[0]
        bid, ask = even([bid, ask])
        parts += [
            f"bid {bid} ({short(bid_size)})",
            f"ask {ask} ({short(ask_size)})",
            f"spread {ladder.spread}",
            f"update {ladder.update_id}",
        ]
    return "  ".join([*parts, measures(ladder), lag_text(ladder.lag, ladder.clock)])


def lines_of(ladder: Ladder, columns: int, levels: int, unicode: bool = True) -> list[str]:
    """The ladder as lines: bids at the left, asks at the right, trades behind them where there is room."""
    bids, asks = sides(ladder, levels)
    price = max([5, *(len(row.price) for row in [*bids, *asks])])
    size = max([6, *(len(row.quantity) for row in [*bids, *asks])])
    trades = trade_lines(ladder.trades, max(len(bids), len(asks)))
    room = columns - 2 * (price + size) - _BETWEEN
    beside = width(trades[0]) + 3 if trades else 0
    shows_trades = bool(trades) and room - beside >= 2 * _BAR
    bars = max(0, min(2 * _BAR, (room - beside if shows_trades else room) // 2))
    table = 2 * (price + size + bars) + _BETWEEN
    lines = [f"{ladder.symbol}  {status(ladder)}  spread {ladder.spread}  update {ladder.update_id}"]
    for i in range(max(len(bids), len(asks))):
        left = right = ""
        if i < len(bids):
            drawn = pad(bar(bids[i].share, bars, unicode)[:bars], bars)
            left = f"{drawn}  {bids[i].quantity:>{size}}  {bids[i].price:>{price}}"
        if i < len(asks):
            drawn = bar(asks[i].share, bars, unicode)[:bars]
            right = f"{asks[i].price:<{price}}  {asks[i].quantity:>{size}}  {drawn}"
        line = pad(left, bars + size + price + 4) + "  " + right
        if shows_trades and i < len(trades):
            line = f"{pad(line, table)}   {trades[i]}"
        lines.append(line.rstrip())
    lines.append(measures(ladder))
    return [*lines, lag_text(ladder.lag, ladder.clock)]


def trade_lines(trades: Sequence[Trade], count: int) -> list[str]:
    """The latest trades, with prices and quantities of equal length."""
    shown = list(trades[:count])
    prices, sizes = even([each.price for each in shown]), even([each.quantity for each in shown])
    longest = max(map(len, prices), default=0), max(map(len, sizes), default=0)
    return [
        f"{clock_time(each.time)}  {'sell' if each.sold else 'buy ':4}  {price:>{longest[0]}}  {size:>{longest[1]}}"
        for each, price, size in zip(shown, prices, sizes, strict=True)
    ]


HEAD = ("stream", "now/s", "mean/s", "events", "lag p50", "lag p99", "lag max", "last")


def cells(row: StreamRow) -> tuple[str, ...]:
    """The texts of a row of ``top``, as HEAD names them."""
    lags = ("", "", "") if row.lag is None else tuple(map(span, row.lag))
    ago = "never" if row.quiet is None else f"{max(row.quiet, 0.0):.1f} s ago"
    return (row.name, rate(row.per_second), rate(row.average), f"{row.total:,}", *lags, ago)


def table_of(rates: Rates, columns: int | None) -> list[str]:
    """The rates as a table."""
    body = [cells(row) for row in [*rates.by_rate(), rates.total]]
    return narrowed(body, HEAD, HEAD[1:], columns, drop=("lag p99", "mean/s", "last", "lag p50", "events"))


def summary(rates: Rates) -> str:
    """One line about all streams."""
    whole = rates.total
    return (
        f"{rates.state}  {len(rates.streams)} streams  {rate(whole.per_second)} events/s  "
        f"{whole.total:,} events in {rates.seconds:.0f} s  gaps {rates.gaps}"
    )
