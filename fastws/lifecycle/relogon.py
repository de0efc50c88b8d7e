"""``Relogon``: restores a logon that the exchange revoked, on a connection that stays open."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from .._core import Session
from ..errors import FastwsError
from ..owner import SessionOwner
from .connector import Connector
from .pacing import Pace
from .subscriptions import Subscriptions

__all__ = ["Relogon"]


class Relogon:
    """Refuses trading locally, logs on again, and then subscribes again; the Supervisor says when.

    Args:
        failed: called with what follows from an attempt that failed: event, delay, and both in words.

    Attributes:
        wanted: whether the logon is to be restored.
    """

    def __init__(
        self,
        connector: Connector,
        pace: Pace,
        session: Session,
        owner: SessionOwner,
        subscriptions: Subscriptions,
        failed: Callable[[str, float, str], None],
    ) -> None:
        self._connector = connector
        self._pace = pace
        self._session = session
        self._owner = owner
        self._subscriptions = subscriptions
        self._failed = failed
        self._subscribing: asyncio.Task[None] | None = None
        self._task: asyncio.Task[None] | None = None
        self.wanted = False

    def hold(self, reason: str) -> None:
        """The logon was revoked: refuse what relies on it, corked requests too."""
        self.wanted = True
        self._stop_subscribing()
        if self._session.route is not None:
            self._subscriptions.revoked(self._session.route, reason)
        self._session.give_up_held(self._connector.logon.hold(reason, revoked=True))

    def release(self) -> None:
        """The logon is restored, or not wanted any more."""
        self.wanted = False
        self._connector.logon.release()
        self._stop_subscribing()
        self._subscribing = asyncio.ensure_future(self._subscribe())

    def start(self) -> None:
        """Log on now, unless only the caller can, or an attempt is under way."""
        if not self._connector.logon.by_caller and (self._task is None or self._task.done()):
            self._task = asyncio.ensure_future(self._log_on())

    def stop(self) -> None:
        """The connection has ended, or will be closed. What relies on the logon stays refused."""
        self.wanted = False
        self._stop_subscribing()
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
            except FastwsError as error:
                if connection is self._session.route:
                    await asyncio.sleep(self._pace.after_logon(error)[1])
            else:
                return

    async def _log_on(self) -> None:
        connection = self._session.route
        if connection is None:
            return
        try:
            await self._connector.logon.restore(self._connector.requester(connection))
        except FastwsError as error:
            if self.wanted and self._session.route is connection:
                self._failed(*self._pace.after_logon(error))
        except Exception as exc:
            self._owner.report("a logon could not be restored for a reason that fastws does not know", exc)
