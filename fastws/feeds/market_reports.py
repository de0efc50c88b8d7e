"""``MarketReports``: what a session of market data tells: counters, gaps, errors, and how its connections travel."""

from __future__ import annotations

import time
from abc import abstractmethod
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from .._common.log import logger, streams_log
from .._common.reports import call_back, report_to_loop
from .._native.loop_guard import LoopGuard
from .._native.market_router import MarketConnection, MarketEvents, MarketRouter
from ..gaps import EventGap, StreamGap
from ..lifecycle.transports import describe
from ..option_checks import check_callback
from ..transport_info import TransportInfo
from .feed import Feed
from .options import MarketOptions
from .session import COUNTERS
from .shard import Shard
from .wanted import Held, Wanted

__all__ = ["MarketReports"]

_SHOWN = (
    *(name for name in COUNTERS if name not in ("firsts", "first_ns")),
    *("lost_events", "skipped", "unknown_events", "streams", "subscriptions", "gaps"),
    *("attempts", "connects", "losses", "rotations"),
)


class MarketReports:
    """The part of MarketData that reports; its feeds and its streams report to it."""

    def _begin_reports(self, options: MarketOptions) -> None:
        self._router = MarketRouter(
            self,
            sbe=options.sbe,
            numbers=options.numbers,
            time_unit=options.time_unit,
            views=options.results == "view",
        )
        self._guard: LoopGuard | None = None
        self._number = 0  # of the connection that opened last
        self._events: dict[MarketEvents, list[Held]] = {}
        self._wanted = Wanted(self._router, lambda: Shard(options, self._router, self))
        self._gaps = 0
        self._reconnects = options.reconnect
        self._on_gap = options.on_gap
        self._on_state = options.on_state

    @abstractmethod
    def _book_stats(self) -> dict[str, int]:
        """Counters of order books."""

    @abstractmethod
    def _is_usable(self) -> bool:
        """Whether the session is open, and not about to close."""

    @abstractmethod
    def feed_stepped(self, feed: Feed, reason: str) -> None:
        """See FeedOwner."""

    @abstractmethod
    def feed_closed(self, feed: Feed, reason: str) -> None:
        """See FeedOwner."""

    @property
    def on_gap(self) -> Callable[[StreamGap], object] | None:
        """Called with each StreamGap, behind the last event before it; see market_data()."""
        return self._on_gap

    @on_gap.setter
    def on_gap(self, callback: Callable[[StreamGap], object] | None) -> None:
        check_callback("on_gap", callback)
        self._on_gap = callback

    @property
    def on_state(self) -> Callable[[str, str, str], object] | None:
        """Called with (old state, new state, reason) at each step of the session; see market_data()."""
        return self._on_state

    @on_state.setter
    def on_state(self, callback: Callable[[str, str, str], object] | None) -> None:
        check_callback("on_state", callback)
        self._on_state = callback

    @property
    def transport_info(self) -> dict[int, TransportInfo]:
        """How the bytes of each connection travel, by its number; each access asks the system anew.

        Raises:
            RuntimeError: the call comes from another event loop, thread or process than the session's.
        """
        if self._guard is None:
            return {}
        self._guard.check("transport_info")
        return {
            connection.number: describe(
                connection.transport, feed.supervisor.connector.opener.refused_options(connection)
            )
            for feed in self._feeds()
            for connection in feed.session.connections
            if connection.is_open
        }

    @property
    def stats(self) -> dict[str, Any]:
        """Counters, over all connections of the session:

        - ``messages`` received, and how many ``events`` were in them; ``pings`` answered;
        - ``duplicates``: events that another connection had brought, or that came again;
        - ``lost_events``: the buffer of their subscription was full; ``skipped``: newer ones replaced them
          (``conflate=True``); both of the subscriptions that have not ended;
        - ``unknown_events``: of streams that nobody subscribed to; ``unreadable`` messages;
        - ``streams``, ``subscriptions``: how many there are;
        - ``gaps`` that were told;
        - ``attempts`` to connect, ``connects``, ``losses``, ``rotations``: as of a client;
        - ``books``, and how many are live (``books_live``); ``book_faults``: how often one was out of sync or wrong;
        - ``snapshots`` of books that came, ``snapshots_waiting``, and the ``snapshots_weight`` of those that came;
        - ``connections``: of each open connection its ``number``, ``feed`` (which of the connections of the same
          streams it is, from 0), ``port``, ``address``, ``streams``, ``messages``, ``events``, ``duplicates``,
          ``firsts`` (events that it brought first, where another one brought them as well), and ``first_us``, by how
          many microseconds on average (None without any).
        """
        counts = Counter(self._wanted.ended)
        rows = []
        for feed in self._feeds():
            counts.update(feed.session.counts)
            for connection in feed.session.connections:
                counts.update({name: getattr(connection, name) for name in COUNTERS})
                rows.append(_row(feed, connection))
        counts["gaps"] = self._gaps
        counts["unknown_events"] = self._router.unknown_events
        counts["streams"] = len(self._wanted.held)
        counts["subscriptions"] = len(self._events)
        counts["lost_events"] = sum(events.lost for events in self._events)
        counts["skipped"] = sum(events.skipped for events in self._events)
        return {name: counts[name] for name in _SHOWN} | self._book_stats() | {"connections": rows}

    def _feeds(self) -> list[Feed]:
        return [feed for shard in self._wanted.shards for feed in shard.feeds]

    def next_number(self) -> int:
        """See FeedOwner."""
        self._number += 1
        return self._number

    def reply(
        self,
        connection: MarketConnection,
        request_id: int | str | None,
        result: Any,
        code: int | None,
        msg: str,
    ) -> None:
        """The router has read a reply to a control request of a connection."""
        connection.owner.reply(connection, request_id, result, code, msg)

    def shutdown_notice(self, connection: MarketConnection) -> None:
        """The router has read ``serverShutdown``."""
        connection.owner.shutdown_notice(connection)

    def report(self, message: str, exception: BaseException | None) -> None:
        """See FeedOwner."""
        assert self._guard is not None
        report_to_loop(self._guard.loop, self, message, exception)

    def call(self, name: str, callback: Callable[..., object], *args: object) -> None:
        """See FeedOwner."""
        call_back(self.report, name, callback, *args)

    def warn(self, code: str, message: str) -> None:
        """See FeedOwner."""
        logger.warning("%s", message, code=code)

    def overflowed(self, events: MarketEvents, close: bool) -> None:
        """The buffer of a subscription is full."""
        streams_log.warning(
            "events of %s are lost: the consumer left %d of them in the buffer",
            ", ".join(held.name.name for held in self._events.get(events, ())[:3]) or "a new subscription",
            events.limit,
            code="events-lost",
        )

    def stream_ended(self, events: MarketEvents) -> None:
        """A subscription has ended."""

    def feed_lost(self, feed: Feed, reason: str, names: set[str]) -> None:
        """See FeedOwner: tell of the streams that no connection brings any more."""
        if not self._is_usable():
            return
        held = [self._wanted.held[name] for name in sorted(names) if name in self._wanted.held]
        missing = {each.name.name: each for each in held if each.record.carriers == 0}
        if not missing:
            return
        if not self._reconnects:  # the session ends
            for each in missing.values():
                each.record.gap(None, time.monotonic_ns())
            return
        now, wall = time.monotonic_ns(), time.time_ns() // 1000
        gap = _gap(missing.values(), wall, reason)
        self._gaps += 1
        streams_log.warning("events may be missed %s", gap, code="market-gap", reason=reason)
        for events, streams in list(self._events.items()):
            concerned = [each for each in streams if each.name.name in missing]
            if concerned:
                own = _gap(concerned, wall, reason)
                events.put_gap(EventGap(f"events may be missed {own}", own), now)
        for each in missing.values():
            each.record.gap(None, now)
        if self._on_gap is not None:
            self.call("on_gap", self._on_gap, gap)


def _row(feed: Feed, connection: MarketConnection) -> dict[str, Any]:
    """What ``stats`` shows of a connection."""
    try:
        peer = connection.transport.underlying_transport.get_extra_info("peername") or (None, None)
    except (OSError, AttributeError):  # it ends just now
        peer = (None, None)
    return {
        "number": connection.number,
        "feed": feed.place,
        "address": peer[0],
        "port": peer[1],
        "streams": len(connection.names),
        "messages": connection.messages,
        "events": connection.events,
        "duplicates": connection.duplicates,
        "firsts": connection.firsts,
        "first_us": connection.first_ns / connection.firsts / 1000 if connection.firsts else None,
    }


def _gap(held: Iterable[Held], wall: int, reason: str) -> StreamGap:
    names = [each.name for each in held]
    symbols = {name.symbol for name in names if name.symbol}
    return StreamGap.beginning((name.name for name in names), symbols, wall, reason)
