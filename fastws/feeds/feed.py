"""``Feed``: one connection of market data that is kept up, with the streams of its shard."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any, NoReturn, Protocol

from .._common.log import streams_log
from .._native.clock import Clock
from .._native.limiter import RateLimiter
from .._native.market_router import MarketConnection, MarketRouter
from ..errors import ApiError, BadRequest, FastwsError, InvalidRequest
from ..lifecycle.clock_keeper import ClockKeeper
from ..lifecycle.handshake import Headers
from ..lifecycle.shared import Gates
from ..lifecycle.supervisor import Supervisor
from ..lifecycle.table import OPEN
from ..requester import Requester
from ..trading.limits import apply_refusal, weight_of
from .control import Control
from .options import MarketOptions
from .session import FeedSession, SessionOwner

__all__ = ["Feed", "FeedOwner"]

_LONGEST_RETRY = 30.0  # seconds


class FeedOwner(SessionOwner, Protocol):
    """The MarketData, as its feeds use it."""

    def call(self, name: str, callback: Callable[..., object], *args: object) -> None:
        """Call a callback of the user, and report the exception that it raises."""

    def feed_stepped(self, feed: Feed, reason: str) -> None:
        """The state of a feed has changed."""

    def feed_lost(self, feed: Feed, reason: str, names: set[str]) -> None:
        """A connection of a feed ended, which carried these streams."""

    def feed_closed(self, feed: Feed, reason: str) -> None:
        """A feed is closed for good."""


class Feed:
    """See the module's docstring. It is the Target and the Subscriptions of its Supervisor.

    Args:
        place: which of the connections of the same streams it is, from 0.
        names: the names of the streams of the shard, which change.

    Attributes:
        session, supervisor: what outlives its connections, and what keeps them up.
    """

    keeps = True
    logs_on = False

    def __init__(
        self,
        options: MarketOptions,
        router: MarketRouter,
        owner: FeedOwner,
        place: int,
        names: Collection[str],
    ) -> None:
        self._options = options
        self._owner = owner
        self._names = names
        self._refused: set[str] = set()  # that the exchange refused to subscribe to again
        self._retrying: asyncio.Task[None] | None = None
        self.place = place
        self.endpoint = options.find_endpoint()
        key = options.api_key if options.sbe else None
        self.headers = Headers({} if key is None else {"X-MBX-APIKEY": str.__str__(key)})
        self.session = FeedSession(options, router, owner)
        self._clock = Clock()
        clock_keeper = ClockKeeper(_NO_REQUESTS, self._clock, options.time_unit)
        self._limiter = RateLimiter(self._clock, None, read_only=False, reserve=0, weigh=weight_of)
        self._gates = Gates(options.find_share(), self._limiter, None)
        self.supervisor: Supervisor[MarketConnection] = Supervisor(
            options, self, self.session, self, clock_keeper, self._gates, self
        )
        connector = self.supervisor.connector
        connector.turn = place
        connector.opener.address_turn = place
        self.supervisor.rotation.first_share = (place + 1) / options.connections
        self.supervisor.on_state = self._stepped
        self.supervisor.on_closed = self._closed
        self.session.on_lost = self._lost
        self.session.on_left = self.supervisor.rotation.left
        self.session.on_notice = self.supervisor.notice

    @property
    def state(self) -> str:
        """One of the states in lifecycle/table.py."""
        return self.supervisor.state

    @property
    def is_open(self) -> bool:
        """Whether it brings events."""
        return self.state in OPEN and self.session.route is not None

    def keep_trying(self) -> None:
        """Try to open until it succeeds: another feed brings the same streams meanwhile."""
        self.supervisor.attempts.succeeded = True

    # ----------------------------------------------------------------------------------------------- as a LiveOwner

    def report(self, message: str, exception: BaseException | None) -> None:
        """See LiveOwner."""
        self._owner.report(message, exception)

    def call(self, name: str, callback: Callable[..., object], *args: object) -> None:
        """See LiveOwner."""
        self._owner.call(name, callback, *args)

    def apply_refusal(self, error: ApiError, info: None) -> None:
        """See LiveOwner."""
        apply_refusal(self._limiter, self._clock, error, info, self._gates.close)

    def _stepped(self, old: str, new: str, reason: str) -> None:
        self._owner.feed_stepped(self, reason)

    def _lost(self, connection: MarketConnection, reason: str, names: set[str]) -> None:
        self._owner.feed_lost(self, reason, names)
        self.supervisor.lost(connection, reason)

    def _closed(self, reason: str) -> None:
        if self._retrying is not None:
            self._retrying.cancel()
        self._owner.feed_closed(self, reason)

    # -------------------------------------------------------------------------------------------------- as a Target

    def new_connection(self) -> MarketConnection:
        """A new connection, which is not open yet."""
        return self.session.new_connection()

    def requester(self, connection: MarketConnection, timeout: float) -> Requester:
        """Nothing but control requests is sent."""
        requests: Requester = _NO_REQUESTS
        return requests

    async def explain(self, refusal: BadRequest, serves: Callable[[str], Awaitable[bool]]) -> BadRequest:
        """The error for a handshake that was refused with HTTP 400."""
        if not self._options.sbe:
            return refusal
        said = f"{refusal.msg}; SBE market data takes the API key of an Ed25519 key only, as X-MBX-APIKEY"
        return BadRequest(refusal.status, refusal.code, said, refusal.data, "connect")

    # ------------------------------------------------------------------------------------------- as its Subscriptions

    def logon_changed(self, logged_on: bool, by_caller: bool) -> None:
        """There is no logon."""

    def lost(self, connection: MarketConnection | None, reason: str) -> None:
        """feed_lost() of the owner has told of it."""

    def revoked(self, connection: MarketConnection, reason: str) -> None:
        """There is no logon."""

    async def restore(self, requester: Requester, connection: MarketConnection) -> None:
        """Subscribe to all streams of the shard on a new connection."""
        await self._subscribe_all(connection)

    async def prepare(self, requester: Requester, successor: MarketConnection, old: MarketConnection) -> None:
        """Subscribe on the successor to all streams of the shard."""
        await self._subscribe_all(successor)

    def prepared(self, successor: MarketConnection, old: MarketConnection) -> bool:
        """Whether the successor brings all streams."""
        control = self.session.control(successor)
        return control is not None and not self._missing(control)

    def hand_over(self, old: MarketConnection, successor: MarketConnection) -> None:
        """Both deliver, the first one wins."""

    def give_up(self, successor: MarketConnection, reason: str) -> None:
        """The old connection brings everything."""

    def closed(self, reason: str) -> None:
        """on_closed() of the Supervisor tells of it."""

    # ------------------------------------------------------------------------------------------------------- streams

    async def subscribe(self, names: list[str]) -> None:
        """Subscribe on the connection in use.

        Raises:
            FastwsError: as Control.subscribe(), or NotConnected.
        """
        control = self.session.route_control()
        missing = [name for name in names if name not in control.names]
        await asyncio.shield(control.subscribe(missing))

    async def unsubscribe(self, names: list[str]) -> None:
        """Unsubscribe on all connections."""
        self._refused.difference_update(names)
        asked = [control.unsubscribe(names) for control in self.session.controls]
        for each in asked:
            await asyncio.wait([each])
        for each in asked:
            each.result()

    def take_back(self, names: list[str], *, unknown: bool) -> None:
        """Unsubscribe from what was subscribed to in vain. ``unknown``: the exchange may have subscribed to any."""
        for control in self.session.controls:
            subscribed = [name for name in names if unknown or name in control.names]
            if subscribed:
                control.unsubscribe(subscribed)

    def retry(self, names: list[str], error: FastwsError) -> None:
        """The exchange refused to subscribe to these streams, which are wanted: repeat it."""
        streams_log.warning(
            "the exchange refused to subscribe to %s; it is repeated: %s",
            ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else ""),
            error,
            code="stream-refused",
        )
        self._refused.update(names)
        if self._retrying is None or self._retrying.done():
            self._retrying = asyncio.ensure_future(self._retry())

    async def _retry(self) -> None:
        delay = 1.0
        while self._refused and self.state not in ("closing", "closed"):
            await asyncio.sleep(delay)
            delay = min(2 * delay, _LONGEST_RETRY)
            for name in sorted(self._refused):
                route = self.session.route
                control = None if route is None else self.session.control(route)
                if control is None:
                    break
                with contextlib.suppress(FastwsError):
                    if name in self._names and name not in control.names:
                        await asyncio.shield(control.subscribe([name]))
                    self._refused.discard(name)

    def _missing(self, control: Control) -> list[str]:
        return [name for name in self._names if name not in control.names and name not in self._refused]

    async def _subscribe_all(self, connection: MarketConnection) -> None:
        """Subscribe to what is missing; what the exchange refuses, it is asked for again later.

        Raises:
            FastwsError: the connection has ended, or no reply came.
        """
        control = self.session.control(connection)
        while control is not None and (missing := self._missing(control)):
            await self._subscribe(control, missing)

    async def _subscribe(self, control: Control, names: list[str]) -> None:
        try:
            await asyncio.shield(control.subscribe(names))
        except ApiError as error:
            if len(names) == 1:
                self.retry(names, error)
                return
            missing = [name for name in names if name not in control.names]
            middle = (len(missing) + 1) // 2
            for half in (missing[:middle], missing[middle:]):
                if half:
                    await self._subscribe(control, half)


class _NoRequests:
    """A Requester of connections that take control requests only."""

    connected = False

    def request(self, method: str, params: Mapping[str, Any] | None = None, **options: Any) -> NoReturn:
        raise InvalidRequest(f"{method} is no control request of market data")


_NO_REQUESTS: Any = _NoRequests()
