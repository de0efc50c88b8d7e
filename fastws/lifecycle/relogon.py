"""``Relogon``: restores a logon that the exchange revoked, or that a rotation left behind, on an open connection."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Generic

from ..errors import FastwsError, NotConnected
from .connector import Connector
from .pacing import Pace
from .parts import C, LiveOwner, LiveSession
from .subscriptions import Subscriptions

__all__ = ["Relogon"]


class Relogon(Generic[C]):
    """Refuses trading locally, logs on again, and then subscribes again; the Supervisor says when.

    Args:
        fire: called with an event of the table of states, and its reason.

    Attributes:
        wanted: whether the logon is to be restored.
    """

    def __init__(
        self,
        connector: Connector[C],
        pace: Pace,
        session: LiveSession[C],
        owner: LiveOwner,
        subscriptions: Subscriptions[C],
        fire: Callable[[str, str], None],
    ) -> None:
        self._connector = connector
        self._pace = pace
        self._session = session
        self._owner = owner
        self._subscriptions = subscriptions
        self._fire = fire
        self._subscribing: asyncio.Task[None] | None = None
        self._task: asyncio.Task[None] | None = None
        self._restored_at: float | None = None  # by time.monotonic()
        self._delay = 0.0  # seconds until the next attempt, for a logon that was revoked soon
        self._retry_in = 0.0  # the same, after an attempt that failed
        self._timer: asyncio.TimerHandle | None = None
        self.wanted = False

    def hold(self, reason: str) -> None:
        """The logon was revoked: refuse what relies on it, corked requests too."""
        if not self.wanted:
            self._end_attempt()  # it has its reply, to a logon that was revoked meanwhile
            if self._restored_at is not None:
                self._delay = self._pace.after_revocation(time.monotonic() - self._restored_at)
        self.wanted = True
        self._stop_subscribing()
        hold = self._connector.logon.hold(reason, revoked=True)  # its error comes before that of the gap
        if self._session.route is not None:
            self._subscriptions.revoked(self._session.route, reason)
        self._session.give_up_held(hold)

    def release(self) -> None:
        """The logon is restored, or not wanted any more."""
        self.wanted = False
        self._stop_timer()
        self._restored_at = time.monotonic()
        self._connector.logon.release()
        self._stop_subscribing()
        self._subscribing = asyncio.ensure_future(self._subscribe())

    def start(self) -> None:
        """Log on, unless only the caller can, an attempt is under way, or the next one has its time.

        It is done at once, but for a logon that was revoked soon after it had been restored.
        """
        if (
            self._timer is None
            and not self._connector.logon.by_caller
            and (self._task is None or self._task.done())
        ):
            delay, self._delay = self._delay, 0.0
            self._task = asyncio.ensure_future(self._log_on(delay))

    def wait(self) -> None:
        """Fire "logon due" when the time of the next attempt has come."""
        self._stop_timer()
        self._timer = asyncio.get_running_loop().call_later(self._retry_in, self._due)

    def _due(self) -> None:
        self._timer = None
        self._fire("logon due", "the time of the next attempt has come")

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _start_anew(self) -> None:
        """Log on on the connection that carries the requests now."""
        self._stop_timer()
        self._end_attempt()
        self.start()

    def moved(self, *, fresh: bool) -> None:
        """Another connection carries the requests now. ``fresh``: it was logged on behind a revocation."""
        route = self._session.route
        if route is None:
            return
        if self.wanted and not (fresh and route.logged_on):
            self._start_anew()
            return
        self._connector.logon.carries(route)
        if self.wanted:
            self.release()

    def old_gone(self) -> None:
        """The connection before has ended, whose latest logon or logout this one may not have followed yet.

        Until it has, refuse what would be for another account.
        """
        route, logon = self._session.route, self._connector.logon
        if route is None:
            return
        if logon.wanted and logon.by_caller:
            logon.carries(route)
        elif not logon.matches(route):
            self.hold("the logon of the connection before is not repeated yet")
            self._start_anew()

    def follow(self) -> None:
        """Log the connection of the requests on or out as the one before; nothing is refused meanwhile."""
        if not self._connector.logon.by_caller:
            self._end_attempt()
            self._task = asyncio.ensure_future(self._follow())

    def stop(self) -> None:
        """The connection has ended, or will be closed. What relies on the logon stays refused."""
        self.wanted = False
        self._stop_timer()
        self._restored_at = None
        self._delay = 0.0
        self._stop_subscribing()
        self._end_attempt()

    def _end_attempt(self) -> None:
        if self._task is not None:
            self._task.cancel()
            self._task = None

    def _stop_subscribing(self) -> None:
        if self._subscribing is not None:
            self._subscribing.cancel()
            self._subscribing = None

    async def _subscribe(self) -> None:
        """Restore the subscription of the logon."""
        connection = self._session.route
        while connection is not None and connection is self._session.route:
            try:
                await self._subscriptions.restore(self._connector.requester(connection), connection)
            except Exception as exc:
                if connection is self._session.route:
                    await asyncio.sleep(self._pace.after_logon(self._known(exc))[1])
            else:
                return

    async def _log_on(self, delay: float) -> None:
        connection = self._session.route
        if delay > 0:
            await asyncio.sleep(delay)
        while connection is not None and connection.changing and connection is self._session.route:
            await self._session.unchanged(connection)  # behind the user's, this logon would undo it
        if connection is None or not self.wanted:
            return
        logon, requester = self._connector.logon, self._connector.requester(connection)
        try:
            await (logon.restore(requester) if logon.wanted else logon.match(requester, connection))
        except Exception as exc:
            error = self._known(exc)
            if self.wanted and self._session.route is connection:
                event, self._retry_in, said = self._pace.after_logon(error)
                self._fire(event, said)

    async def _follow(self) -> None:
        connection = self._session.route
        assert connection is not None
        await self._session.unchanged(connection)  # the user may log on or out there as well
        try:
            await self._connector.logon.match(self._connector.requester(connection), connection)
        except Exception as exc:
            error = self._known(exc)
            if self._session.route is connection:
                self._fire("revoked", f"the logon of the connection before could not be repeated: {error}")

    def _known(self, exc: Exception) -> FastwsError:
        """The exception as one of fastws; another one is reported, such as that of a signer of the user's."""
        if isinstance(exc, FastwsError):
            return exc
        self._owner.report("a logon could not be restored for a reason that fastws does not know", exc)
        return NotConnected(f"the logon could not be restored: {exc!r}")
