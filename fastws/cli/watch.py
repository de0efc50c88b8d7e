"""``python -m fastws watch``: the order book of a symbol as a ladder, its trades, and how late events are."""

from __future__ import annotations

import argparse
import time
from collections import deque
from typing import TYPE_CHECKING, Any

from .. import run
from ..feeds.names import stream_name
from . import market_view as view
from . import options
from .feeds import KEY_EPILOG, Feed, Shower, add_feed_options, open_feed, show, symbol_of, time_of
from .meters import Lags, Rate

if TYPE_CHECKING:
    from .. import Book

_EXAMPLES = """\
  python -m fastws watch BTCUSDT --endpoint emulator
  python -m fastws watch BTCUSDT --endpoint prod --book 20
  python -m fastws watch ETHUSDT --endpoint testnet --sbe --connections 2
  python -m fastws watch BTCUSDT --endpoint emulator --for 10 --plain
"""
_TRADES = 100  # are kept
_LEVELS = 10
_DEPTH = 1000  # levels of the snapshot


def add_parser(commands: Any) -> None:
    parser = commands.add_parser(
        "watch",
        help="show an order book as a live ladder, and its trades",
        description="Keep the order book of a symbol, and show it as a ladder, with trades,\n"
        "rates and how late events are by the exchange's clock, until Ctrl-C. On\n"
        "anything but a terminal, it prints one line a second.",
        epilog=f"examples:\n{_EXAMPLES}\n{KEY_EPILOG}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("symbol", metavar="SYMBOL", help="such as BTCUSDT")
    parser.add_argument(
        "--book",
        type=options.count,
        default=_LEVELS,
        metavar="N",
        help=f"levels of each side, as far as they fit ({_LEVELS})",
    )
    add_feed_options(parser)
    parser.set_defaults(command=watch)


def watch(args: argparse.Namespace) -> None:
    run(_watch(args), loop=args.loop)


async def _watch(args: argparse.Namespace) -> None:
    symbol = symbol_of(args.symbol)
    stream_name(symbol, "trade", sbe=args.sbe)  # refuses what can be no symbol
    async with open_feed(args, [symbol], snapshots=True) as feed:
        await show(args, Watcher(feed, symbol, args.book))


class Watcher(Shower):
    """Counts what comes of a symbol, and makes a Ladder of it."""

    def __init__(self, feed: Feed, symbol: str, levels: int) -> None:
        self._feed = feed
        self._symbol = symbol
        self._levels = levels
        self._started = now = time.monotonic()
        self._changes, self._trades, self._quotes = Rate(now), Rate(now), Rate(now)
        self._lags = Lags()
        self._latest: deque[view.Trade] = deque(maxlen=_TRADES)
        self._book: Book | None = None

    async def start(self) -> None:
        """Subscribe to trades and quotes, and keep the book."""
        market = self._feed.market
        await market.trades(self._symbol, on_event=self._on_trade)
        await market.quotes(self._symbol, on_event=self._on_quote)
        self._book = await market.book(
            self._symbol,
            depth=max(_DEPTH, self._levels),
            stale_ok=True,
            wait=False,
            on_change=self._on_change,
        )

    def _on_trade(self, event: Any) -> None:
        self._trades.add(time.monotonic())
        self._late(time_of(event))
        self._latest.appendleft(view.Trade(event["T"], event["p"], event["q"], event["m"]))

    def _on_quote(self, event: Any) -> None:
        self._quotes.add(time.monotonic())
        self._late(time_of(event))

    def _on_change(self, book: Book) -> None:
        self._changes.add(time.monotonic())
        self._late(book.event_time)

    def _late(self, happened: int | None) -> None:
        if happened:
            self._lags.add(self._feed.now_us() - happened)

    @property
    def ladder(self) -> view.Ladder:
        """What there is to show now."""
        feed, book, now = self._feed, self._book, time.monotonic()
        ladder = view.Ladder(
            self._symbol,
            feed.where,
            reason="the first snapshot has not come",
            trades=tuple(self._latest),
            changes=self._changes.per_second(now),
            trades_per_second=self._trades.per_second(now),
            quotes=self._quotes.per_second(now),
            lag=self._lags.spread,
            clock=feed.clock,
            gaps=feed.gaps,
            seconds=now - self._started,
        )
        if book is not None:
            ladder.state, ladder.reason = book.state, book.reason or ""
            if book.state != "syncing":
                ladder.bids = book.bids(self._levels)
                ladder.asks = book.asks(self._levels)
                ladder.update_id = book.update_id
        return ladder

    def panels(self, columns: int, lines: int) -> Any:
        """See Shown."""
        from .market_panels import ladder_panels

        return ladder_panels(self.ladder, self._levels, columns, lines)

    def lines(self, columns: int, unicode: bool) -> list[str]:
        """See Shown."""
        return view.lines_of(self.ladder, columns, self._levels, unicode)

    def line(self) -> list[str]:
        """See Shown."""
        return [view.line_of(self.ladder, view.clock_time(time.time_ns() // 1000))]

    def final(self) -> list[str]:
        """See Shower."""
        return []
