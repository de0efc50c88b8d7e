"""``BookMethods``: the part of MarketData that keeps order books."""

from __future__ import annotations

import asyncio
import sys
import time
from abc import abstractmethod
from collections.abc import Callable, Iterable
from typing import Any

from .._common.shown import shown
from .._native.book_core import BookCore
from .._native.market_router import MarketConnection, MarketStream
from ..client import Client
from ..errors import InvalidRequest
from ..option_checks import check_callback
from .book import Book
from .book_keeper import BookKeeper
from .market_reports import MarketReports
from .names import StreamName, stream_name
from .options import MarketOptions
from .snapshots import Snapshots
from .wanted import Held

__all__ = ["BookMethods"]

# The clock of _native/clock.pxd.
_now_ns = time.perf_counter_ns if sys.platform == "win32" else time.monotonic_ns
_TICK = 0.1  # seconds
_UNPROVEN = 1.0  # seconds without a sign of life
_PROBE_AFTER = 500_000_000  # ns
_MOST_LEVELS = 5000
_NAMED = {"prod": "prod", "testnet": "testnet", "demo": "demo", "market_data_only": "prod"}


class BookMethods(MarketReports):
    """See the module's docstring."""

    _options: MarketOptions
    _sbe: bool

    @abstractmethod
    async def _acquire(self, names: Iterable[StreamName], consumer: Any, tag: int = 0) -> list[Held]:
        raise NotImplementedError

    @abstractmethod
    async def _release(self, held: Iterable[Held], consumer: Any) -> None:
        raise NotImplementedError

    @abstractmethod
    def _check(self, what: str) -> asyncio.AbstractEventLoop:
        raise NotImplementedError

    def _begin_books(self) -> None:
        self._keepers: dict[tuple[Any, ...], BookKeeper] = {}
        self._snapshots: dict[Any, Snapshots] = {}
        self._ticking: asyncio.TimerHandle | None = None
        self._probed: dict[int, int] = {}  # by the number of a connection: what was read before it was pinged

    async def book(
        self,
        symbol: str,
        depth: int = 1000,
        *,
        snapshots: Client | str | None = None,
        max_lag: float = 0.5,
        stale_ok: bool = False,
        wait: bool = True,
        on_change: Callable[[Book], object] | None = None,
        on_state: Callable[[Book, str, str, str], object] | None = None,
    ) -> Book:
        """A local order book, kept up to date by the diff stream and a snapshot of the WebSocket API's ``depth``.

        It returns when the book is live. Books of the same symbol, ``depth``, ``max_lag`` and ``snapshots`` share their
        levels. docs/order-books.md has the rules.

        Args:
            symbol: such as "BTCUSDT".
            depth: how many levels a side its snapshots have, 1 to 5,000; they weigh 5 (up to 100), 25 (500), 50 (1,000)
                or 250. Levels beyond the snapshot are not known: see ``book.depth_known``.
            snapshots: where to ask for them: a client, or an endpoint or URL of the WebSocket API; None: as
                market_data(snapshots=) says, or a client without a key, which is opened when it is needed.
            max_lag: seconds by which an event may be behind the exchange's clock; later ones make the book stale.
            stale_ok: whether the book can be read while it is not live. Otherwise BookNotLive is raised.
            wait: whether to wait until the book is live; ``await book.wait_live()`` waits as well.
            on_change: called with the book inside the read callback, once for each event that was applied.
            on_state: called with (book, old state, new state, reason).

        Raises:
            InvalidRequest: an argument is wrong; with a URL as endpoint, ``snapshots`` must be given.
            NotConnected: there is no connection. ApiError: the exchange refuses the stream, or the snapshot.
        """
        loop = self._check("book")
        event = "depth" if self._sbe else "depth@100ms"
        name = stream_name(symbol, event, sbe=self._sbe)
        top_name = stream_name(symbol, "bestBidAsk" if self._sbe else "bookTicker", sbe=self._sbe).name
        if type(depth) is not int or not 0 < depth <= _MOST_LEVELS:
            raise InvalidRequest(f"depth: expected a number of levels from 1 to 5000, got {shown(depth)}")
        if isinstance(max_lag, bool) or not isinstance(max_lag, (int, float)) or not max_lag > 0:
            raise InvalidRequest(f"max_lag: expected seconds above 0, got {shown(max_lag)}")
        for option, value in (("stale_ok", stale_ok), ("wait", wait)):
            if not isinstance(value, bool):
                raise InvalidRequest(f"{option}: expected True or False, got {shown(value)}")
        check_callback("on_change", on_change)
        check_callback("on_state", on_state)
        source = self._snapshots_of(snapshots)
        key = (name.name, depth, max_lag, source)
        keeper = self._keepers.get(key)
        if keeper is None:
            keeper = self._keepers[key] = BookKeeper(
                _Books(self, key), source, name, top_name, depth, max_lag
            )
            source.open()  # the exchange's time is measured by it as well
        book = Book(
            keeper.core,
            keeper=keeper,
            numbers=self._options.numbers,
            stale_ok=stale_ok,
            on_change=on_change,
            on_state=on_state,
            report=self.report,
        )
        keeper.books.append(book)
        if self._ticking is None:
            self._ticking = loop.call_later(_TICK, self._tick)
        try:
            await asyncio.shield(keeper.open())
            if wait:
                await book.wait_live()
        except BaseException:
            await keeper.leave(book)
            raise
        return book

    def _snapshots_of(self, given: Client | str | None) -> Snapshots:
        source = self._options.snapshots if given is None else given
        if source is None:
            source = _NAMED.get(self._options.endpoint)
            if source is None:
                raise InvalidRequest(
                    "snapshots is missing: the endpoint is a URL of streams, which does not tell where the WebSocket"
                    " API is; give snapshots=, a client or a URL, here or to market_data()"
                )
        if not isinstance(source, (str, Client)):
            raise InvalidRequest(f"snapshots: expected a client, an endpoint or a URL, got {shown(source)}")
        found = self._snapshots.get(source)
        if found is None:
            found = self._snapshots[source] = Snapshots(source, self._options)
        return found

    # ------------------------------------------------------------------------------------------------ from time to time

    def _tick(self) -> None:
        """Look for what makes books stale without an event."""
        if not self._keepers:
            self._ticking = None
            return
        self._ticking = asyncio.get_running_loop().call_later(_TICK, self._tick)
        now = _now_ns()
        proofs: dict[int, str | None] = {}
        for keeper in list(self._keepers.values()):
            if keeper.held is None:
                continue
            shard = keeper.held[0].shard
            if id(shard) not in proofs:
                proofs[id(shard)] = self._proof(shard, now)
            try:
                keeper.tick(now, proofs[id(shard)])
            except Exception as error:
                self.report(f"the book of {keeper.name.symbol} could not be looked at", error)

    def _proof(self, shard: Any, now: int) -> str | None:
        """Why the connections of these streams may be dead; None if one is alive. Asks those that are silent."""
        latest = 0
        for feed in [] if shard is None else shard.feeds:
            for connection in feed.session.connections:
                latest = max(latest, connection.last_read_ns)
                if now - connection.last_read_ns > _PROBE_AFTER:
                    self._probe(feed, connection, now)
        if latest == 0:
            return "there is no connection"
        silent = (now - latest) / 1e9
        return f"nothing came for {silent:.1f} s" if silent > _UNPROVEN else None

    def _probe(self, feed: Any, connection: MarketConnection, now: int) -> None:
        control = feed.session.control(connection)
        if control is not None and self._probed.get(connection.number) != connection.last_read_ns:
            self._probed[connection.number] = connection.last_read_ns
            control.count()  # a ping is a message that the exchange counts
        connection.probe(now, _PROBE_AFTER, round(self._options.probe_timeout * 1e9))

    # ------------------------------------------------------------------------------------------------------- its end

    async def _close_books(self) -> None:
        """Close all books and the connections for snapshots."""
        if self._ticking is not None:
            self._ticking.cancel()
            self._ticking = None
        for keeper in list(self._keepers.values()):
            keeper.end("the market data session was closed")
        sources, self._snapshots = list(self._snapshots.values()), {}
        for source in sources:
            await source.close()

    def _book_stats(self) -> dict[str, int]:
        keepers = list(self._keepers.values())
        sources = list(self._snapshots.values())
        return {
            "books": len(keepers),
            "books_live": sum(keeper.core.state_name == "live" for keeper in keepers),
            "book_faults": sum(
                keeper.core.gaps + keeper.core.crossed + keeper.core.impossible + keeper.core.disagreements
                for keeper in keepers
            ),
            "snapshots": sum(source.taken for source in sources),
            "snapshots_waiting": sum(source.waiting for source in sources),
            "snapshots_weight": sum(source.weight for source in sources),
        }


class _Books:
    """A BookMarket: the session, for one keeper."""

    def __init__(self, market: BookMethods, key: tuple[Any, ...]) -> None:
        self._market = market
        self._key = key

    async def acquire(self, name: StreamName, core: BookCore) -> list[Held]:
        return await self._market._acquire([name], core)

    async def release(self, held: list[Held], core: BookCore) -> None:
        await self._market._release(held, core)

    def find_stream(self, name: str) -> MarketStream | None:
        return self._market._router.find_stream(name)

    def left(self, keeper: BookKeeper) -> None:
        if self._market._keepers.get(self._key) is keeper:
            del self._market._keepers[self._key]
