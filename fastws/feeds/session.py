"""``FeedSession``: what outlives the connections of one Feed; the lifecycle keeps it up as the Session of a client.

In: a MarketConnection reports its opening, its end, replies to control requests, and notices. Out: a Control for each
connection; the feed hears of ends and of connections that were left.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from .._common.log import connection_log
from .._native.loop_guard import LoopGuard
from .._native.market_router import MarketConnection, MarketRouter
from ..errors import ConnectionLost, NotConnected
from ..holds import Hold
from .control import Control
from .options import MarketOptions

__all__ = ["FeedSession", "SessionOwner"]

# In seconds: so long do both connections deliver after a switch, each event once. Later, the old one could only bring
# what the new one, which was subscribed before, has brought as well.
OVERLAP = 1.0
# In seconds: how often a connection is looked at, at most.
_LOOK_EVERY = 1.0

COUNTERS = ("messages", "events", "duplicates", "firsts", "first_ns", "unreadable", "pings")


class SessionOwner(Protocol):
    """The MarketData, as its sessions use it."""

    def next_number(self) -> int:
        """The number of a connection that opens, from 1."""

    def report(self, message: str, exception: BaseException | None) -> None:
        """Something failed that nobody waits for."""

    def warn(self, code: str, message: str) -> None:
        """Log a warning."""


class FeedSession:
    """The connections of one Feed; see LiveSession.

    Attributes:
        on_lost: called with a connection that ended, the reason, and the streams that it carried.
        on_left: called with a connection that has nothing more to bring.
        on_notice: called with the number of a connection that the exchange will end.
        counts: what the ended connections counted, and what befell the feed.
    """

    def __init__(self, options: MarketOptions, router: MarketRouter, owner: SessionOwner) -> None:
        self._options = options
        self._router = router
        self._owner = owner
        self.warn = owner.warn
        self.route: MarketConnection | None = None
        self.down_reason = "the market data session is not open"
        self.keep_streams = True
        self.loop_guard: LoopGuard | None = None
        self.on_lost: Callable[[MarketConnection, str, set[str]], object] = lambda *ended: None
        self.on_left: Callable[[MarketConnection], object] = lambda connection: None
        self.on_notice: Callable[[int], object] = lambda number: None
        self.counts: Counter[str] = Counter()
        self._closing = False
        self._controls: dict[MarketConnection, Control] = {}
        self._looks: dict[MarketConnection, asyncio.TimerHandle] = {}
        self._draining: asyncio.TimerHandle | None = None

    # --------------------------------------------------------------------------------------- what the lifecycle calls

    @property
    def connections(self) -> Sequence[MarketConnection]:
        """The connections that have not ended, in the order of their opening."""
        return list(self._controls)

    @property
    def is_open(self) -> bool:
        """Whether streams can be subscribed to."""
        return self.route is not None and self.route.can_send and not self._closing

    @property
    def close_reason(self) -> str | None:
        """Why no connection is in use."""
        return self.down_reason if self.route is None else self.route.close_reason

    def bind(self, loop: asyncio.AbstractEventLoop) -> None:
        """Bind it to this event loop, and to the running thread and process."""
        self.loop_guard = LoopGuard(loop)

    def note(self, name: str) -> None:
        """Count what befalls the feed."""
        self.counts[name] += 1

    def drain(self) -> None:
        """No request is awaited when a market data session closes: it changes nothing at the exchange."""
        self._closing = True
        self.stop_draining()

    def switch(self, successor: MarketConnection, sticky_for: float = 1.0) -> None:
        """Use ``successor``; the connection before still delivers for OVERLAP seconds."""
        old, self.route = self.route, successor
        self.stop_draining()
        self._draining = self._loop.call_later(OVERLAP, self._left, old)

    def stop_draining(self) -> None:
        """The connection before is not waited for any more."""
        if self._draining is not None:
            self._draining.cancel()
            self._draining = None

    def _left(self, connection: MarketConnection | None) -> None:
        self._draining = None
        if connection is not None:
            self.on_left(connection)

    def unchanged(self, connection: MarketConnection) -> asyncio.Future[None]:
        """A future that is done: no request changes a logon here."""
        done: asyncio.Future[None] = self._loop.create_future()
        done.set_result(None)
        return done

    def give_up_held(self, hold: Hold) -> None:
        """Nothing is held."""

    # ------------------------------------------------------------------------------------------- what the feed calls

    def route_control(self) -> Control:
        """The control requests of the connection in use.

        Raises:
            NotConnected: there is none.
        """
        control = None if self.route is None else self._controls.get(self.route)
        if control is None or not self.is_open:
            raise NotConnected(f"not sent: {self.close_reason or 'the market data session is closing'}")
        return control

    def new_connection(self) -> MarketConnection:
        """A new connection, which is not open yet."""
        return MarketConnection(self._router, self, self._loop, max_message=self._options.max_message)

    def control(self, connection: MarketConnection) -> Control | None:
        """The control requests of a connection; None when it has ended."""
        return self._controls.get(connection)

    @property
    def controls(self) -> list[Control]:
        """Those of all connections."""
        return list(self._controls.values())

    @property
    def _loop(self) -> asyncio.AbstractEventLoop:
        assert self.loop_guard is not None
        return self.loop_guard.loop

    # ------------------------------------------------------------------------------------- what a connection reports

    def opened(self, connection: MarketConnection) -> None:
        """A connection was opened."""
        connection.opened(self._owner.next_number())
        self._controls[connection] = Control(
            self._loop, connection, min(self._options.timeout, self._options.connect_timeout), self.warn
        )
        self._look(connection)

    def _look(self, connection: MarketConnection) -> None:
        """Send a ping where nothing comes, and end a connection without an answer."""
        interval, timeout = self._options.probe_interval, self._options.probe_timeout
        now = time.monotonic_ns()
        if now >= connection.last_read_ns + round(interval * 1e9) and connection in self._controls:
            self._controls[connection].count()  # a ping is a message that the exchange counts
        at = connection.probe(now, round(interval * 1e9), round(timeout * 1e9))
        if connection in self._controls:
            delay = min(max(0.0, (at - now) / 1e9), _LOOK_EVERY)
            self._looks[connection] = self._loop.call_later(delay, self._look, connection)

    def lost(self, connection: MarketConnection, reason: str) -> None:
        """A connection ended."""
        control = self._controls.pop(connection, None)
        if control is None:
            return  # it was never open
        look = self._looks.pop(connection, None)
        if look is not None:
            look.cancel()
        for name in COUNTERS:
            self.counts[name] += getattr(connection, name)
        if self.route is connection:
            self.route = None
            self.down_reason = reason
        try:
            self.on_lost(connection, reason, control.names)
        finally:
            control.end(ConnectionLost(reason))

    def reply(
        self,
        connection: MarketConnection,
        request_id: int | str | None,
        result: Any,
        code: int | None,
        msg: str,
    ) -> None:
        """A reply to a control request was read."""
        control = self._controls.get(connection)
        if control is not None:
            control.replied(request_id, result, code, msg)

    def shutdown_notice(self, connection: MarketConnection) -> None:
        """``serverShutdown`` came."""
        connection_log.warning(
            "the exchange will shut connection %d down soon",
            connection.number,
            code="server-shutdown",
            connection=connection.number,
        )
        self.on_notice(connection.number)

    def report(self, message: str, exception: BaseException | None) -> None:
        """See SessionOwner."""
        self._owner.report(message, exception)
