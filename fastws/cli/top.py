"""``python -m fastws top``: the rates of market data streams, and how late their events are."""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Sequence
from functools import partial
from typing import Any

from .. import run
from ..feeds.names import parse, stream_name
from . import market_view as view
from .feeds import KEY_EPILOG, Feed, Shower, add_feed_options, open_feed, show, symbol_of, time_of
from .meters import Lags, Rate

_EXAMPLES = """\
  python -m fastws top BTCUSDT ETHUSDT --endpoint emulator
  python -m fastws top btcusdt@trade btcusdt@kline_1m --endpoint prod
  python -m fastws top BTCUSDT --endpoint testnet --sbe --for 60
"""
_OF_A_SYMBOL = {False: ("trade", "bookTicker", "depth@100ms"), True: ("trade", "bestBidAsk", "depth")}


def add_parser(commands: Any) -> None:
    parser = commands.add_parser(
        "top",
        help="show the rates of market data streams",
        description="Subscribe to streams, and show how many events come of each, and how late they\n"
        "are by the exchange's clock, until Ctrl-C. On anything but a terminal, it\n"
        "prints one line a second, and a table at the end.",
        epilog=f"examples:\n{_EXAMPLES}\n{KEY_EPILOG}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "streams",
        metavar="STREAM|SYMBOL",
        nargs="+",
        help="a stream such as btcusdt@trade, or a symbol, which stands for its trades, quotes and depth",
    )
    add_feed_options(parser)
    parser.set_defaults(command=top)


def top(args: argparse.Namespace) -> None:
    run(_top(args), loop=args.loop)


async def _top(args: argparse.Namespace) -> None:
    names, symbols = streams_of(args.streams, args.sbe)
    async with open_feed(args, symbols, snapshots=False) as feed:
        await show(args, Counts(feed, names))


def streams_of(texts: Sequence[str], sbe: bool) -> tuple[list[str], list[str]]:
    """The names of streams, and the symbols that they are of.

    Raises:
        InvalidRequest: there is no such stream.
    """
    names = []
    for text in texts:
        if "@" in text or text.startswith("!"):
            names.append(parse(text, sbe=sbe))
        else:
            names += [stream_name(symbol_of(text), event, sbe=sbe) for event in _OF_A_SYMBOL[sbe]]
    symbols = [name.symbol for name in names if name.symbol]
    return list(dict.fromkeys(name.name for name in names)), list(dict.fromkeys(symbols))


class Counts(Shower):
    """Counts the events of each stream."""

    def __init__(self, feed: Feed, names: Sequence[str]) -> None:
        self._feed = feed
        self._started = now = time.monotonic()
        self._counts = {name: (Rate(now), Lags()) for name in names}

    async def start(self) -> None:
        """Subscribe to all streams; requests of one moment leave together."""
        market = self._feed.market
        await asyncio.gather(
            *(
                market.subscribe(name, on_event=partial(self._on_event, count, lags))
                for name, (count, lags) in self._counts.items()
            )
        )

    def _on_event(self, count: Rate, lags: Lags, event: Any) -> None:
        count.add(time.monotonic())
        happened = time_of(event[0] if isinstance(event, list) and event else event)
        if happened is not None:
            lags.add(self._feed.now_us() - happened)

    @property
    def rates(self) -> view.Rates:
        """What there is to show now."""
        now = time.monotonic()
        seconds = now - self._started
        rows = [
            view.StreamRow(
                name,
                count.per_second(now),
                count.total / max(seconds, 1.0),
                count.total,
                lags.spread,
                None if count.last is None else now - count.last,
            )
            for name, (count, lags) in self._counts.items()
        ]
        feed = self._feed
        return view.Rates(feed.where, feed.state, rows, feed.clock, feed.gaps, seconds)

    def panels(self, columns: int, lines: int) -> Any:
        """See Shown."""
        from .market_panels import rates_panel

        return rates_panel(self.rates, columns, lines)

    def lines(self, columns: int, unicode: bool) -> list[str]:
        """See Shown."""
        rates = self.rates
        return [*view.table_of(rates, columns), view.summary(rates)]

    def line(self) -> list[str]:
        """See Shown."""
        return [f"{view.clock_time(time.time_ns() // 1000)}  {view.summary(self.rates)}"]

    def final(self) -> list[str]:
        """See Shower."""
        return view.table_of(self.rates, None)
