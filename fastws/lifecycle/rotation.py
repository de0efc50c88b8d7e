"""``Rotation``: replaces the connection of a client by another one, which is made first.

A rotation is due ``rotate_after`` seconds after a connection was opened, when the exchange announces the end of the
connection, and when the user asks for it. The Supervisor makes the attempt and takes the steps of the table; here is
what belongs to rotations alone: when, what is carried over before the successor takes the requests, and how the old
connection ends.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import Generic

from .._common.log import connection_log
from ..errors import ConnectionLost, FastwsError, LocallyLimited, NotConnected
from ..requester import Requester
from .backoff import Backoff
from .connector import Connector, disconnected
from .machine import Machine
from .pacing import NotYet, Pace
from .parts import C, LiveOptions, LiveSession
from .shared import Member
from .subscriptions import Subscriptions
from .table import OPEN

__all__ = ["Rotation"]

_EARLIER = 0.05  # the share of rotate_after that chance takes off
# In seconds: for so long after the switch, requests follow an unanswered one of their symbol to the old connection;
# the second after a notice.
_STICKY = 1.0
_STICKY_AT_END = 0.25
# In seconds: after a notice, so long in all does the successor wait until the logon and the subscriptions rest.
_PATIENCE = 1.0
# In seconds: how long the old connection may take for the close handshake.
_FAREWELL = 0.5
_MOST_CHANGES = 20  # of the logon and the subscriptions, while the successor follows them


class Rotation(Generic[C]):
    """Says when a connection is replaced, makes its successor ready, and ends it.

    Args:
        machine: the states of the client; its events begin and end rotations.

    Attributes:
        backoff: how long a rotation waits that was tried in vain, or whose connection is announced to end at once.
        chance: gives a random number between 0 and 1.
        first_share: the share of ``rotate_after`` that the first connection has. So connections that bring the same are
            replaced at different times.
        old: the connection that was left and has replies or events to bring, while the client is draining.
        follows: there was a logon or a logout on the successor, which is later than what the old one still answers.
        late: the old connection answered one behind the switch.
    """

    def __init__(
        self,
        options: LiveOptions,
        session: LiveSession[C],
        connector: Connector[C],
        pace: Pace,
        subscriptions: Subscriptions[C],
        machine: Machine,
    ) -> None:
        self._options = options
        self._session = session
        self._connector = connector
        self._pace = pace
        self._subscriptions = subscriptions
        self._machine = machine
        self.backoff = Backoff()
        self.chance: Callable[[], float] = random.random
        self.first_share = 1.0
        self.old: C | None = None
        self.follows = self.late = False
        self._due_at: dict[int, float] = {}  # by the number of the connection; of the loop's time
        self._noticed: set[int] = set()  # the numbers of the connections whose end was announced
        self._not_before = 0.0  # the next rotation that nobody asked for; of the loop's time
        self._timer: asyncio.TimerHandle | None = None  # of the next rotation
        self._successor: C | None = None  # that prepare() of the subscriptions was called for
        self._taking: C | None = None  # the successor, until it has the subscriptions
        self._leaving: dict[C, asyncio.TimerHandle] = {}  # the timers that close, then abort them
        self._event = ""  # with which the old connection leaves
        self._revoked = False
        self._patient_until: float | None = None
        self._news: asyncio.Future[None] | None = None  # wakes the wait for the logon and the subscriptions
        self._asked = False  # the user wants one that has not begun
        self._callers: list[asyncio.Future[C | None]] = []  # of rotate(): of the rotation under way
        self._later: list[asyncio.Future[C | None]] = []  # of the next one
        self._error: FastwsError | None = None  # that rotate() raises

    @property
    def _loop(self) -> asyncio.AbstractEventLoop:
        assert self._session.loop_guard is not None
        return self._session.loop_guard.loop

    # ---------------------------------------------------------------------------------------------------------- when

    async def rotate(self) -> None:
        """See Client.rotate()."""
        state = self._machine.state
        if state not in OPEN:
            raise NotConnected(f"not rotated: {self._session.close_reason or f'the client is {state}'}")
        done: asyncio.Future[C | None] = self._loop.create_future()
        (self._later if state == "draining" else self._callers).append(done)
        self._asked = self._asked or state != "rotating"
        self._machine.fire("rotate", "rotate() was called")
        old = await done
        if old is not None:
            await disconnected([old], _FAREWELL)

    def opened(self, connection: C) -> None:
        """This connection carries the requests from now on. A rotation that was wanted is not wanted any more."""
        self.backoff.lost()  # the one before
        self.backoff.opened()
        self._not_before = 0.0
        self._asked = False
        if connection.number in self._noticed:
            self._put_off_at_notice()
        if self._options.rotate_after is not None:
            share, self.first_share = self.first_share, 1.0
            seconds = self._options.rotate_after * share * (1.0 - _EARLIER * self.chance())
            self._due_at[connection.number] = self._loop.time() + seconds

    def notice(self, number: int) -> None:
        """The exchange announced the end of this connection."""
        if number in self._noticed:
            return
        self._noticed.add(number)
        route = self._session.route
        if route is None or route.number != number:
            return
        self._put_off_at_notice()
        if self._machine.state == "open":
            self.plan()
        elif self._machine.state in OPEN:
            self._wake()
            self._machine.fire("notice", "the exchange announced the end of the connection")

    def plan(self) -> None:
        """Begin the rotation that is wanted, or set its timer; in the state draining, only the timer."""
        self._stop_timer()
        route, state = self._session.route, self._machine.state
        if route is None or state not in ("open", "draining"):
            return
        if self._asked and state == "open":
            self._machine.fire("rotate", "rotate() was called")
            return
        now = self._loop.time()
        noticed = route.number in self._noticed
        at = now if noticed else self._due_at.get(route.number)
        if at is None:
            return
        at = max(at, self._not_before)
        if at > now:
            self._timer = self._loop.call_at(at, self.plan)
        elif state == "open":
            event, why = ("notice", "the exchange announced its end") if noticed else ("due", "it is due")
            self._machine.fire(event, f"connection {route.number} is replaced: {why}")
        elif not noticed:
            self._machine.fire("due", f"connection {route.number} is to be replaced")

    def put_off(self, delay: float) -> None:
        """Make the next attempt that nobody asks for not before ``delay`` seconds have passed."""
        self._not_before = self._loop.time() + delay

    def _put_off_at_notice(self) -> None:
        """Rotate at once, unless each new connection gets a notice, or other clients of the process do."""
        self.put_off(max(self.backoff.delay(), self._pace.turn_to_rotate()))

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # --------------------------------------------------------------------------------------------------- the successor

    def begin(self) -> None:
        """A rotation begins. One that the user asks for does not count for the backoff."""
        self._stop_timer()
        if not self._asked:
            self.backoff.attempted()
        self._asked = False
        self._error = None
        self._patient_until = None
        self._revoked = False
        self._callers += self._later
        self._later = []

    async def open_successor(self, member: Member) -> C:
        """Open a connection that can take over from the one in use, in the turn in which this returns.

        If that one is lost meanwhile, the attempt goes on as any other.

        Raises:
            NotYet: no attempt may be made now. FastwsError: as the attempts to connect.
        """
        self._pace.check_rotation(member)
        return await self._connector.open_next(self._prepare)

    async def _prepare(self, requester: Requester, successor: C) -> None:
        for _ in range(_MOST_CHANGES):
            old = self._session.route
            if self._revoked:
                raise ConnectionLost("the exchange revoked the logon while the connection was opening")
            if self._machine.state != "rotating" or old is None:
                self._successor = None
                await self._connector.prepare(requester, successor)
                return
            self._successor = successor
            try:
                await self._rested(old, successor)
                await self._connector.logon.match(requester, successor)
                await self._subscriptions.prepare(requester, successor, old)
            except FastwsError:
                if old is self._session.route or not successor.is_open:
                    raise
            if successor.close_reason is not None or self._is_ready(successor, old):
                return
        raise ConnectionLost("the logon or the subscriptions of the connection did not rest")

    def _is_ready(self, successor: C, old: C) -> bool:
        return (
            old is self._session.route
            and not self._revoked
            and (not old.changing or self._patience() == 0.0)
            and self._connector.logon.matches(successor)
            and self._subscriptions.prepared(successor, old)
        )

    async def _rested(self, old: C, successor: C) -> None:
        """Wait until no request of the user's is in flight that changes the logon or subscriptions of ``old``."""
        while old.changing and old is self._session.route and successor.is_open and not self._revoked:
            patience = self._patience()
            if patience == 0.0:
                return
            self._news = self._loop.create_future()
            unchanged = self._session.unchanged(old)
            await asyncio.wait([unchanged, self._news], timeout=patience, return_when=asyncio.FIRST_COMPLETED)

    def revoked(self) -> None:
        """The logon of the connection in use was revoked, and so may be that of a successor that is being made."""
        self._revoked = True
        self._wake()

    def _patience(self) -> float | None:
        """For how many seconds to wait for that; None for any time."""
        route = self._session.route
        if route is None or route.number not in self._noticed:
            return None
        now = self._loop.time()
        if self._patient_until is None:
            self._patient_until = now + _PATIENCE
        return max(0.0, self._patient_until - now)

    def _wake(self) -> None:
        if self._news is not None and not self._news.done():
            self._news.set_result(None)

    def not_yet(self, exc: NotYet, limited: LocallyLimited) -> str:
        """The attempt may not be made yet; the reason in words. ``limited``: what rotate() raises."""
        self._error = limited
        if not self._is_wanted():
            return f"not rotated: {exc.reason}"
        self.put_off(exc.delay)
        return f"not rotated: {exc}"

    def failed(self, error: FastwsError, member: Member) -> tuple[str, str]:
        """The attempt failed; the event, and its reason. The old connection stays."""
        self._error = error
        wanted = self._is_wanted()
        event, delay, said = self._pace.after_rotation(error, member, self.backoff, repeated=wanted)
        if wanted:
            self.put_off(delay)
        return event, said

    def _is_wanted(self) -> bool:
        """Whether the connection in use is to be replaced, even if nobody asks for it."""
        route = self._session.route
        if route is None:
            return False
        due_at = self._due_at.get(route.number)
        return route.number in self._noticed or (due_at is not None and due_at <= self._loop.time())

    def abandon(self, connection: C, reason: str) -> None:
        """A connection has ended, or is about to: if it is the successor, the old one carries everything again."""
        if connection is self._successor:
            self._successor = None
            self._wake()
            if self._session.route is not None:
                self._subscriptions.give_up(connection, reason)

    # ---------------------------------------------------------------------------------------------- the old connection

    def switch(self, successor: C) -> None:
        """``successor`` takes the requests from now on."""
        old = self._session.route
        assert old is not None
        self._successor = None
        self.old = old
        self._event = "old lost"
        self.follows = self.late = False
        noticed = old.number in self._noticed
        self._session.note("rotations")
        self.opened(successor)
        self._leaving[old] = self._loop.call_later(self._options.drain_timeout, self._time_over, old)
        self._taking = successor
        self._session.switch(successor, _STICKY_AT_END if noticed else _STICKY)
        self.hand_over(old)

    def hand_over(self, old: C) -> None:
        """Give the successor the subscriptions of ``old``, once: behind the switch, or when ``old`` ended in it."""
        if self._taking is not None and old is self.old:
            successor, self._taking = self._taking, None
            self._subscriptions.hand_over(old, successor)

    def left(self, connection: C) -> None:
        """The old connection has nothing more to bring."""
        if connection is self.old:
            self._leave(connection, "drained")

    def _time_over(self, connection: C) -> None:
        if connection is self.old:
            connection_log.warning(
                "connection %d, which was replaced, is closed after drain_timeout: %d requests are unanswered there",
                connection.number,
                connection.in_flight,
                code="drain-timeout",
                connection=connection.number,
            )
        self._leave(connection, "time over")

    def _leave(self, connection: C, event: str) -> None:
        """End the old connection by the close handshake; without an answer, abort it."""
        if not connection.is_open:
            connection.abort()
            return
        self._leaving[connection].cancel()
        self._leaving[connection] = self._loop.call_later(_FAREWELL, connection.abort)
        if connection is self.old:
            self._event = event
        connection.close()

    def is_leaving(self, connection: C) -> bool:
        """Whether this connection was left."""
        return connection in self._leaving

    def gone(self, connection: C) -> str | None:
        """A connection that was left has ended. Returns the event that this is; None if nobody waits for it."""
        self._leaving.pop(connection).cancel()
        if connection is not self.old:
            return None
        self._session.stop_draining()
        return self._event

    def go_back(self) -> bool:
        """The successor has ended: let the old connection carry the requests again.

        Returns False if that one is about to end, has lost its logon, or is logged on for another account than the
        user wants now.
        """
        old, logon = self.old, self._connector.logon
        self._session.stop_draining()
        if (
            old is None
            or not old.is_open
            or old.number in self._noticed
            or (not logon.matches(old) if self.follows else logon.is_lost(old))
        ):
            self.old = None
            return False
        self._leaving.pop(old).cancel()
        self._session.route = old
        return True

    def successor_lost(self, reason: str) -> None:
        """The connection that took over has ended, before the old one did."""
        self._error = ConnectionLost(f"the successor was lost: {reason}")
        self.put_off(self.backoff.delay())

    def forget(self, connection: C) -> None:
        """This connection has ended."""
        self._due_at.pop(connection.number, None)
        self._noticed.discard(connection.number)

    # ------------------------------------------------------------------------------------------------------- its end

    def end(self) -> None:
        """The rotation has ended, well or not: the client is open."""
        old, self.old = self.old, None
        callers, self._callers = self._callers, []
        error, self._error = self._error, None
        for caller in callers:
            if caller.done():
                continue
            if error is None:
                caller.set_result(old)
            else:
                caller.set_exception(error)

    def lost(self) -> None:
        """No connection carries the requests any more. The next one is what those wait for who called rotate()."""
        if self._error is not None:
            self.end()  # of a rotation whose successor was lost
        self._halt()

    def fail(self, error: FastwsError) -> None:
        """The next connection does not come."""
        self._error = error
        self.end()

    def _halt(self) -> None:
        self._stop_timer()
        self._wake()
        self._callers += self._later
        self._later = []
        self._asked = False

    def stop(self, reason: str) -> None:
        """The client is closed: no rotation is begun or waited for any more."""
        self._halt()
        for timer in self._leaving.values():
            timer.cancel()
        self._leaving.clear()
        self._error = NotConnected(f"not rotated: {reason}")
        self.end()
