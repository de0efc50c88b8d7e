"""What ``watch`` and ``top`` share: their options, the session of market data, the exchange's clock, showing."""

from __future__ import annotations

import argparse
import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .. import connect, market_data
from ..errors import ApiError
from ..feeds.names import upper_symbol
from . import options
from .display import Shown, open_display
from .exchange import exchange_process

if TYPE_CHECKING:
    from .. import MarketData
    from ..client import Client

EMULATOR = "emulator"
_NAMES = "prod, testnet, demo, market_data_only or emulator"
_INVALID_SYMBOL = -1121
_SYNC_EVERY = 60.0  # seconds between two measurements of the exchange's clock
KEY_EPILOG = """\
SBE needs the API key of an Ed25519 key, but no secret and no permission:
FASTWS_API_KEY, or --api-key FILE. JSON and the emulator need no key.
"""


def add_feed_options(parser: argparse.ArgumentParser) -> None:
    """The options of both commands."""
    parser.add_argument("--sbe", action="store_true", help="ask for SBE, Binance's binary format")
    parser.add_argument(
        "--connections",
        type=options.count,
        default=1,
        metavar="N",
        help="open N connections, of which the first that brings an event wins (1)",
    )
    parser.add_argument(
        "--for", dest="seconds", type=options.seconds, metavar="SECONDS", help="end after so long"
    )
    parser.add_argument("--plain", action="store_true", help="print lines, also on a terminal")
    parser.add_argument(
        "--no-color", dest="color", action="store_false", help="print no colours, as with NO_COLOR=1"
    )
    options.add_connection_options(
        parser, f"{_NAMES}, or the URL of streams; emulator starts an exchange on this machine"
    )
    parser.add_argument("--api-key", metavar="FILE", help="file with the API key of an Ed25519 key, for SBE")
    parser.add_argument(
        "--api-url",
        metavar="URL",
        help="the WebSocket API beside the URL of streams, for snapshots and the clock",
    )


@dataclass
class Feed:
    """An open session of market data.

    Attributes:
        market: the session.
        client: of the WebSocket API of the same exchange, without a key; None if its address is not known.
        where: the endpoint and the format, for a title.
        gaps: how often events were missed, in any stream.
        reason: why the session has its state.
    """

    market: MarketData
    client: Client | None
    where: str
    gaps: int = 0
    reason: str = ""

    @property
    def clock(self) -> str:
        """Whose clock lags are by, for a text."""
        clock = None if self.client is None else self.client.clock
        if clock is None or not clock.synced:
            return "this machine's clock"
        return f"the exchange's clock (± {clock.uncertainty} µs)"

    def now_us(self) -> int:
        """The time of the exchange, in microseconds."""
        return time.time_ns() // 1000 if self.client is None else self.client.clock.now()

    @property
    def state(self) -> str:
        """The state of the session, and why it is not open."""
        state = self.market.state
        return state if state == "open" or not self.reason else f"{state}: {self.reason}"


@asynccontextmanager
async def open_feed(args: argparse.Namespace, symbols: Sequence[str], snapshots: bool) -> AsyncIterator[Feed]:
    """Open what the options say, and close it at the end.

    Args:
        symbols: which the emulator's crowd trades, and which must exist.
        snapshots: whether the WebSocket API is needed.

    Raises:
        UsageError: an option is wrong, or there is no such symbol. FastwsError: the session cannot be opened.
    """
    endpoint = options.endpoint_of(args, _NAMES)
    api_key = options.api_key_of(args) if args.sbe else None
    if args.sbe and api_key is None and endpoint != EMULATOR:
        raise options.UsageError(
            "--sbe needs the API key of an Ed25519 key (no secret, no permission): "
            "set FASTWS_API_KEY, or give --api-key FILE; JSON needs none"
        )
    api, stream = _addresses(args, endpoint, snapshots)
    format_ = "SBE" if args.sbe else "JSON"
    feed: Feed | None = None

    def on_gap(gap: object) -> None:
        if feed is not None:
            feed.gaps += 1

    def on_state(old: str, new: str, reason: str) -> None:
        if feed is not None:
            feed.reason = reason

    async with AsyncExitStack() as stack:
        if endpoint == EMULATOR:
            place = await stack.enter_async_context(exchange_process(_crowd_of(symbols)))
            api, stream = place.url, place.sbe_stream_url if args.sbe else place.stream_url
            api_key = place.api_key if args.sbe else None
        context, client = options.ssl_context_of(args), None
        if api is not None:
            client = await stack.enter_async_context(
                connect(api, timeout=args.timeout, ssl_context=context, sync_every=_SYNC_EVERY)
            )
            await _check_symbols(client, symbols, endpoint)
        market = await stack.enter_async_context(
            market_data(
                stream,
                sbe=args.sbe,
                api_key=api_key,
                connections=args.connections,
                time_unit="us",
                port=args.port,
                timeout=args.timeout,
                ssl_context=context,
                snapshots=client,
                on_gap=on_gap,
                on_state=on_state,
            )
        )
        several = f", {args.connections} connections" if args.connections > 1 else ""
        feed = Feed(market, client, f"{endpoint}, {format_}{several}")
        yield feed


def _addresses(args: argparse.Namespace, endpoint: str, snapshots: bool) -> tuple[str | None, str]:
    """Where requests go, and where streams come from."""
    if "://" not in endpoint:
        return args.api_url or ("prod" if endpoint == "market_data_only" else endpoint), endpoint
    if "/ws-api" in endpoint:
        raise options.UsageError(
            f"{endpoint} is the WebSocket API: give the URL of the streams with --url, and this one with --api-url; "
            f"--endpoint {EMULATOR} starts an exchange"
        )
    if snapshots and args.api_url is None:
        raise options.UsageError(
            "a book needs snapshots: give the URL of the WebSocket API beside these streams with --api-url"
        )
    return args.api_url, endpoint


def _crowd_of(symbols: Sequence[str]) -> list[str]:
    """The symbols of the emulator that its crowd trades."""
    known = ("BTCUSDT", "ETHUSDT", "BNBBTC")
    return [symbol for symbol in dict.fromkeys(symbols) if symbol in known] or ["BTCUSDT"]


async def _check_symbols(client: Client, symbols: Sequence[str], endpoint: str) -> None:
    """The exchange may accept a stream of a symbol that it does not have, and send nothing."""
    asked = {symbol: client.ticker_price(symbol=symbol) for symbol in dict.fromkeys(symbols)}
    answers = await asyncio.gather(*asked.values(), return_exceptions=True)
    for symbol, answer in zip(asked, answers, strict=True):
        if isinstance(answer, ApiError) and answer.code == _INVALID_SYMBOL:
            raise options.UsageError(f"{endpoint} has no symbol {symbol}")
        if isinstance(answer, BaseException):
            raise answer


def symbol_of(text: str) -> str:
    """A symbol as events have it: "btcusdt" is BTCUSDT."""
    return upper_symbol(text.strip())


class Shower(Shown, ABC):
    """What a command shows: it counts events, and is shown again and again."""

    @abstractmethod
    async def start(self) -> None:
        """Subscribe to what is shown."""

    @abstractmethod
    def final(self) -> list[str]:
        """Lines that stay at the end, where the last picture does not."""


async def show(args: argparse.Namespace, shower: Shower) -> None:
    """Show it until the time is over, or Ctrl-C."""
    display = open_display(plain=args.plain, color=args.color)
    loop = asyncio.get_running_loop()
    ends = None if args.seconds is None else loop.time() + args.seconds
    starting = asyncio.ensure_future(shower.start())
    try:
        display.show(shower)
        while ends is None or loop.time() < ends:
            pause = display.every if ends is None else min(display.every, max(0.0, ends - loop.time()))
            if starting.done():
                starting.result()
                await asyncio.sleep(pause)
            else:
                await asyncio.wait([starting], timeout=pause)
            display.show(shower)
        if starting.done():
            starting.result()
    finally:
        display.close()
        starting.cancel()
        if not display.stays:
            for line in shower.final():
                print(line)


def time_of(event: Any) -> int | None:
    """The exchange's time of an event, in microseconds; None if it has none."""
    value = event.get("E") if isinstance(event, dict) else None
    return value if isinstance(value, int) else None
