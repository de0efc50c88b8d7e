"""``MarketData``: a session of market data streams. market_data() makes it."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Callable, Generator, Iterable
from typing import TYPE_CHECKING, Any

from .._common.shown import short, shown
from .._native.loop_guard import LoopGuard
from .._native.market_router import MarketEvents
from .._native.market_sink import MarketSink
from .._native.streams import check_consumer
from ..errors import ConnectionLost, FastwsError, InvalidRequest, NotConnected
from ..lifecycle.shared import use_for_market_data
from ..lifecycle.table import OPEN
from ..option_checks import checked_timeout
from .book_methods import BookMethods
from .feed import Feed
from .listening import MarketListening
from .names import DIFF, OTHER, StreamName, parse
from .options import MarketOptions
from .stream_methods import OnEvent, StreamMethods
from .subscription import MarketSubscription
from .wanted import Held

if TYPE_CHECKING:
    from ..market import MarketListener

__all__ = ["MarketData"]

_FROM_NEWEST = ("closed", "closing", "new", "waiting", "connecting", "draining", "rotating", "open")


class MarketData(StreamMethods, BookMethods):
    """A session of market data. market_data() makes it.

    It belongs to the event loop, the thread and the process that opened it, which need not be those of the clients that
    trade. A call from elsewhere raises RuntimeError. If a connection is lost, the session connects again and subscribes
    to all streams. You may change ``on_gap`` and ``on_state`` at any time.
    """

    def __init__(self, options: MarketOptions) -> None:
        self._options = options
        self._sbe = options.sbe
        self._endpoint = options.find_endpoint()
        self._begin_reports(options)
        self._begin_books()
        self._waiters: list[asyncio.Future[None]] = []
        self._closers: list[Callable[[], object]] = []
        self._state = "new"
        self._closing: asyncio.Task[None] | None = None
        self._reason: str | None = None  # why it is closed for good
        self._error: FastwsError | None = None

    def __repr__(self) -> str:
        if getattr(self, "_state", None) is None:
            return "<fastws.MarketData not built>"
        return (
            f"<fastws.MarketData {short(self._endpoint.url)} {self.state}, {len(self._wanted.held)} streams>"
        )

    def __del__(self) -> None:
        if getattr(self, "_state", "new") not in ("new", "closed"):
            warnings.warn(
                f"unclosed {self!r}: use `async with`, or `await market.close()`", ResourceWarning, 2, self
            )

    def __reduce__(self) -> Any:
        raise TypeError(
            "a MarketData cannot be copied or pickled: it is a connection; market_data() opens another one"
        )

    # ---------------------------------------------------------------------------------- opening and closing

    def __await__(self) -> Generator[Any, None, MarketData]:
        return self._open().__await__()

    async def __aenter__(self) -> MarketData:
        at_home = self._guard is not None and self._guard.loop is asyncio.get_running_loop()
        if at_home and self.state in (*OPEN, "connecting", "waiting"):
            return self  # async with await …
        return await self._open()

    async def __aexit__(self, *exc_info: object) -> None:
        await self.close()

    async def _open(self) -> MarketData:
        if self._state != "new" or self._guard is not None:
            what = "closed" if self._guard is None else "opened"
            raise InvalidRequest(f"this session was {what} before; call market_data() for another one")
        self._guard = LoopGuard(asyncio.get_running_loop())
        if self._sbe and self._options.api_key is not None:
            use_for_market_data(str.__str__(self._options.api_key))
        opening = self._wanted.shards[0].open()
        try:
            await asyncio.shield(opening)
        except BaseException as error:
            if isinstance(error, FastwsError):
                self._error = error
            await self.close(0.0)
            raise
        return self

    async def close(self, timeout: float = 2.0) -> None:
        """Close the session, for good: subscriptions end, and connections by WebSocket's close handshake.

        It aborts a connection if the exchange does not answer within ``timeout`` seconds (at least 0.1 s).

        Raises:
            InvalidRequest: ``timeout`` is no number; nothing was closed.
        """
        if isinstance(timeout, bool) or not isinstance(timeout, (int, float)):
            raise InvalidRequest(f"timeout: expected seconds, got {shown(timeout)}")
        if self._guard is None:
            self._finish("the market data session was closed")
            return
        self._guard.check("close", "asyncio.run_coroutine_threadsafe")
        if self._closing is None:
            self._closing = asyncio.ensure_future(self._close(timeout))
        await asyncio.shield(self._closing)

    async def _close(self, timeout: float) -> None:
        await self._close_books()
        for closer in self._closers:
            self.call("the end of a book", closer)
        for events in list(self._events):
            events.end("the market data session was closed", None)
        self._events.clear()
        try:
            await self._wanted.close(timeout)
        finally:
            self._finish("the market data session was closed")

    def _finish(self, reason: str) -> None:
        self._reason = self._reason or reason
        self._step(reason)

    async def wait_closed(self) -> str:
        """Wait until the session is closed for good; the result says why.

        A lost connection closes it only with ``market_data(reconnect=False)``.

        Raises:
            NotConnected: the session was never opened.
        """
        await self._wait(lambda: self.state == "closed", None, "wait_closed")
        return self._reason or "the market data session was closed"

    async def wait_open(self, timeout: float | None = None) -> None:
        """Wait until events come: until each stream has a connection.

        Raises:
            TimeoutError: not after ``timeout`` seconds; None waits without limit.
            NotConnected: the session is closed for good, or was never opened.
            InvalidRequest: ``timeout`` is wrong.
        """
        await self._wait(lambda: self.connected, checked_timeout(timeout), "wait_open")

    async def _wait(self, is_over: Callable[[], bool], timeout: float | None, what: str) -> None:
        if self._guard is None:
            raise NotConnected("the market data session was never opened")
        self._guard.check(what, "asyncio.run_coroutine_threadsafe")
        loop = self._guard.loop
        deadline = None if timeout is None else loop.time() + timeout
        while not is_over():
            if self.state == "closed":
                raise NotConnected(f"the market data session is closed: {self._reason}")
            waiter = loop.create_future()
            self._waiters.append(waiter)
            try:
                await asyncio.wait(
                    [waiter], timeout=None if deadline is None else max(0.0, deadline - loop.time())
                )
            finally:
                if waiter in self._waiters:
                    self._waiters.remove(waiter)
            if not waiter.done():
                raise TimeoutError(f"the market data session is not open after {timeout:g} s: {self._down()}")

    async def rotate(self) -> None:
        """Replace each connection by a new one, which is made and subscribed first: there is no gap.

        Raises:
            FastwsError: as Client.rotate().
        """
        self._check("rotate")
        for shard in list(self._wanted.shards):
            for feed in list(shard.feeds):
                if feed.is_open:
                    await feed.supervisor.rotate()

    # ------------------------------------------------------------------------------------------ subscribing

    async def subscribe(
        self, *streams: str, on_event: OnEvent = None, buffer: int = 65536, conflate: bool = False
    ) -> MarketSubscription[Any]:
        """Subscribe to streams. It returns when the exchange has subscribed to all of them.

        Streams that are subscribed to already are shared: the exchange sends them once. Requests of one turn of the
        event loop leave together, and at most 4 messages in any second. Beyond 1,024 streams, another connection is
        opened.

        Args:
            streams: their names, such as "btcusdt@trade".
            on_event: called with each event inside the read callback, in place of the iterator.
            buffer: how many events wait for the iterator at most; then EventOverflow tells how many were lost.
            conflate: keep the newest event of each stream only, so that a slow consumer sees what is now;
                ``subscription.skipped`` counts. It is refused for trades and diffs of a book, where an older event is
                no older state.

        Raises:
            InvalidRequest: there is no such stream, or another argument is wrong. Nothing was sent.
            NotConnected: there is no connection; ``await market.wait_open()`` waits.
            ApiError: the exchange refuses a stream. ConnectionLost, RequestTimeout: no answer came.
        """
        loop = self._check("subscribe")
        names = self._parse(streams)
        check_consumer(on_event, buffer, "error")
        if not isinstance(conflate, bool):
            raise InvalidRequest(f"conflate: expected True or False, got {shown(conflate)}")
        if conflate:
            _check_conflated(names)
        events = MarketEvents(self, loop, on_event, buffer, "error", conflate=conflate, router=self._router)
        texts = tuple(name.name for name in names)
        held: list[Held] = []
        self._events[events] = held
        try:
            await self._acquire(names, events, into=held)
        except BaseException as error:
            self._events.pop(events, None)
            events.end(f"not subscribed: {error}", None)
            raise
        if events.ended:
            raise NotConnected(f"not subscribed: {self._down()}")
        return MarketSubscription(events, texts, loop, self._unsubscribe, self._unsubscribe_soon)

    async def listen(self, listener: MarketListener, *streams: str) -> MarketListening:
        """Give the events of streams to a listener written in Cython, as values in C: see docs/cython.md.

        Args:
            listener: an instance of a subclass of fastws.market.MarketListener.
            streams: names of streams whose events are trades, the best bid and ask, diffs or partial depths.

        Raises:
            InvalidRequest, NotConnected, ApiError: as subscribe().
            ImportError: the listener's module was built against another release, or does not check it.
        """
        from ..market import ListenerSink

        self._check("listen")
        names = self._parse(streams)
        for name in names:
            if name.kind == OTHER:
                raise InvalidRequest(f"events of {shown(name.name)} have no values in C; use subscribe()")
        sink = ListenerSink(listener)
        held: list[Held] = []
        try:
            for tag, name in enumerate(names):
                held += await self._acquire([name], sink, tag)
        except BaseException:
            if held:
                self._wanted.do(self._release(held, sink))
            raise
        return MarketListening(tuple(name.name for name in names), sink, lambda: self._release(held, sink))

    def _parse(self, streams: Iterable[object]) -> list[StreamName]:
        names = {name.name: name for name in (parse(stream, sbe=self._sbe) for stream in streams)}
        if not names:
            raise InvalidRequest('streams: expected one or more names, such as "btcusdt@trade", got none')
        return list(names.values())

    async def _unsubscribe(self, events: MarketEvents) -> None:
        self._check("unsubscribe")
        held = self._events.pop(events, [])
        events.end("unsubscribed", None)
        await self._release(held, events)

    def _unsubscribe_soon(self, events: MarketEvents) -> None:
        if self._is_usable():
            self._wanted.do(self._unsubscribe(events))

    async def _acquire(
        self,
        names: Iterable[StreamName],
        consumer: MarketEvents | MarketSink,
        tag: int = 0,
        into: list[Held] | None = None,
    ) -> list[Held]:
        """Deliver streams to a consumer, such as a book: see Wanted.acquire()."""
        self._check("subscribe")
        if not self._is_usable():
            raise NotConnected(f"not subscribed: {self._down()}")
        return await self._wanted.acquire(names, consumer, tag, into)

    async def _release(self, held: Iterable[Held], consumer: MarketEvents | MarketSink) -> None:
        """Deliver streams to a consumer no longer: see Wanted.release()."""
        await self._wanted.release(held, consumer)

    def _on_close(self, closer: Callable[[], object]) -> None:
        """Call ``closer`` when the session is closed."""
        self._closers.append(closer)

    # ---------------------------------------------------------------------------------------------- properties

    @property
    def state(self) -> str:
        """What the session does: one of the states of a client (docs/lifecycle.md).

        Of several connections of the same streams the one that is the nearest to "open" counts; of several sets of
        streams, the one that is the farthest.
        """
        return self._state

    @property
    def error(self) -> FastwsError | None:
        """Why the session is closed for good; None before that."""
        return self._error

    @property
    def connected(self) -> bool:
        """Whether events of all streams come."""
        return self._is_usable() and all(shard.is_open for shard in self._wanted.shards)

    @property
    def streams(self) -> tuple[str, ...]:
        """The names of the streams that are subscribed to."""
        return tuple(self._wanted.held)

    # --------------------------------------------------------------------------------- what feeds and streams report

    def feed_stepped(self, feed: Feed, reason: str) -> None:
        """See FeedOwner."""
        self._step(reason)

    def feed_closed(self, feed: Feed, reason: str) -> None:
        """See FeedOwner: with reconnect=False, the session ends with the last feed of its streams."""
        shard = next((shard for shard in self._wanted.shards if feed in shard.feeds), None)
        opened = (
            any(each.supervisor.attempts.succeeded for each in shard.feeds) if shard is not None else False
        )
        if self._closing is not None or shard is None or shard.state != "closed" or not opened:
            return
        self._reason = reason
        self._error = ConnectionLost(reason)
        for events in list(self._events):
            events.end(reason, self._error)
        self._events.clear()
        self._closing = asyncio.ensure_future(self._close(2.0))

    # ------------------------------------------------------------------------------------------------- its state

    def _step(self, reason: str) -> None:
        """A part of the session has another state: tell it, if the whole has another one."""
        states = [shard.state for shard in self._wanted.shards]
        new = min(states, key=_FROM_NEWEST.index)
        if self._reason is not None and self._closing is None:
            new = "closed"
        elif self._closing is not None:
            new = "closing" if self._reason is None or set(states) != {"closed"} else "closed"
        old, self._state = self._state, new
        if old != new and self._on_state is not None:
            self.call("on_state", self._on_state, old, new, reason)
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)

    def _is_usable(self) -> bool:
        return self._guard is not None and self._closing is None and self._reason is None

    def _down(self) -> str:
        """Why no events come."""
        if self._reason is not None:
            return self._reason
        if self._closing is not None:
            return "the market data session is closing"
        if self._guard is None:
            return "the market data session is not open"
        down = [shard.down_reason for shard in self._wanted.shards if not shard.is_open]
        return down[0] if down else "the market data session is open"

    def _check(self, what: str) -> asyncio.AbstractEventLoop:
        """The session's event loop; RuntimeError if the caller is elsewhere."""
        if self._guard is None:
            raise NotConnected("the market data session is not open: `async with market_data(…)`")
        self._guard.check(what, "asyncio.run_coroutine_threadsafe")
        loop: asyncio.AbstractEventLoop = self._guard.loop
        return loop


def _check_conflated(names: Iterable[StreamName]) -> None:
    """Refuse to conflate streams of which an older event is no older state."""
    for name in names:
        if name.conflates:
            continue
        if name.kind == DIFF:
            hint = f'; did you mean market.book("{name.symbol}")?'
        else:
            hint = "; take them all: conflate=False"
        raise InvalidRequest(f"conflate: a newer event of {name.name} does not replace an older one{hint}")
