"""``Supervisor``: decides when a client connects, logs on and gives up. It handles no bytes.

Its steps are in table.py: the Machine follows the table, and calls the methods here whose names begin with ``_do_``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Generic

from .._common.log import connection_log
from ..errors import ConnectionLost, FastwsError, InvalidRequest, NotConnected
from ..signing import Signer
from .attempts import Attempts
from .backoff import Backoff
from .clock_keeper import ClockKeeper
from .connector import Connector
from .ending import Ending
from .machine import Machine
from .pacing import Pace
from .parts import C, LiveOptions, LiveOwner, LiveSession, Target
from .relogon import Relogon
from .rotation import Rotation
from .shared import Gates
from .subscriptions import NoSubscriptions, Subscriptions
from .table import OPEN

__all__ = ["Supervisor"]

_RECONNECTING = "; the client is reconnecting: `await client.wait_open()`"
_CLOSED = "the client was closed"


class Supervisor(Generic[C]):
    """Opens the connections of a client, replaces those that are to end, and closes them.

    Attributes:
        loop: the event loop that the client belongs to; None before open().
        error: why the client is closed for good; None before.
        backoff, pace: when the next attempt may be made.
        connector: opens connections.
        attempts: makes the attempts to connect.
        rotation: says when a connection is replaced, and how.
        on_state: the user's callback, or None.
        on_closed: called with the reason when the client is closed for good.
    """

    def __init__(
        self,
        options: LiveOptions,
        target: Target[C],
        session: LiveSession[C],
        owner: LiveOwner,
        clock_keeper: ClockKeeper,
        gates: Gates,
        subscriptions: Subscriptions[C] | None = None,
    ) -> None:
        self._options = options
        self._session = session
        self._owner = owner
        self._clock_keeper = clock_keeper
        self._gates = gates
        self._subscriptions: Subscriptions[C] = subscriptions or NoSubscriptions()
        self.connector = Connector(
            options, target, session, clock_keeper, self._subscriptions, gates, self._end
        )
        self.on_closed: Callable[[str], object] = lambda reason: None
        self.loop: asyncio.AbstractEventLoop | None = None
        self.error: FastwsError | None = None
        self.backoff = Backoff()
        self.pace = Pace(self.backoff, gates.share, clock_keeper.clock, options.connect_budget)
        self.on_state = options.on_state
        self._machine = Machine(
            {
                "attempt": self._do_attempt,
                "install": self._do_install,
                "wait": self._do_wait,
                "detach": self._do_detach,
                "stop": self._do_stop,
                "shut": self._do_shut,
                "finish": self._do_finish,
                "hold": self._do_hold,
                "log_on": self._do_log_on,
                "wait_to_log_on": self._do_wait_to_log_on,
                "release": self._do_release,
                "rotate": self._do_rotate,
                "switch": self._do_switch,
                "end_rotation": self._do_end_rotation,
            },
            self._tell,
            self._wake,
            owner.report,
        )
        self._lost: C | None = None  # the connection of the event "lost"
        self._close_timeout = 2.0
        self._relogon = Relogon(
            self.connector, self.pace, session, owner, self._subscriptions, self._machine.fire
        )
        self.rotation = Rotation(
            options, session, self.connector, self.pace, self._subscriptions, self._machine
        )
        self.attempts = Attempts(
            self.connector, self.pace, self.rotation, self._machine, owner, gates.share, clock_keeper.clock
        )
        self._shutting: asyncio.Task[None] | None = None
        self._ending = Ending(session)
        self._waiters: list[asyncio.Future[None]] = []  # of wait_open(), and of open()
        self._closed: asyncio.Future[str] | None = None

    @property
    def state(self) -> str:
        """One of the states in table.py."""
        return self._machine.state

    def is_at_home(self) -> bool:
        """Whether the client was opened in the event loop that is running."""
        return self.loop is not None and self.loop is _running_loop()

    # ------------------------------------------------------------------------------------------ what the client calls

    async def open(self) -> None:
        """Open the client.

        Raises:
            FastwsError: as connect() documents. No connection stays open.
        """
        loop = _running_loop()
        if self.state != "new":
            what = "closed" if self.loop is None else "opened"
            raise InvalidRequest(f"this client was {what} before; call connect() for another one")
        self.begin(loop)
        opened = loop.create_future()
        self._waiters.append(opened)
        try:
            await opened
        except asyncio.CancelledError:
            await self.close(0.0)
            raise
        if self.attempts.succeeded:
            return
        if self._shutting is not None:
            raise NotConnected("the client was closed while it was opening")
        assert self.error is not None
        raise self.error

    def begin(self, loop: asyncio.AbstractEventLoop) -> None:
        """Bind the client to this event loop, and begin to open it."""
        self.loop = loop
        self._closed = loop.create_future()
        self._session.bind(loop)
        self._gates.join()
        self._machine.fire("open", "connect() was called")

    async def close(self, timeout: float = 2.0) -> None:
        """Close the client, as Client.close() documents."""
        if self.loop is None:
            if self.state == "new":
                self._machine.fire("close", _CLOSED)
            return
        self._check_home("close")
        timeout = max(0.0, timeout)  # also turns NaN into 0.0
        self._close_timeout = timeout
        self._machine.fire("close", "close() was called")
        if self._shutting is None:  # it was closed before, by a loss or by a first opening that failed
            self._shutting = asyncio.ensure_future(self._shut(None, timeout))
        try:
            await asyncio.wait([self._shutting], timeout=timeout + 0.1)
            if not self._shutting.done():
                self._ending.abort()
                await asyncio.wait([self._shutting])
        except BaseException:
            self._ending.abort()
            raise

    async def rotate(self) -> None:
        """Replace the connection, as Client.rotate() documents."""
        if self.loop is not None:
            self._check_home("rotate")
        await self.rotation.rotate()

    async def wait_closed(self) -> str:
        """Wait until the client is closed for good; the result says why."""
        if self._closed is None:
            raise NotConnected("the client was never opened")
        if self._closed.done():
            return self._closed.result()
        self._check_home("wait_closed")
        return await asyncio.shield(self._closed)

    async def wait_open(self, timeout: float | None) -> None:
        """Wait until requests can be sent, as Client.wait_open() documents."""
        if self.loop is None:
            raise NotConnected("the client was never opened")
        self._check_home("wait_open")
        loop = self.loop
        deadline = None if timeout is None else loop.time() + timeout
        while not self._session.is_open:
            if self.state == "closed":
                raise NotConnected(f"the client is closed: {self._session.down_reason}")
            opened = loop.create_future()
            self._waiters.append(opened)
            try:
                left = None if deadline is None else max(0.0, deadline - loop.time())
                await asyncio.wait([opened], timeout=left)
            finally:
                if opened in self._waiters:
                    self._waiters.remove(opened)
            if not opened.done():
                why = (self._session.close_reason or self.state).removesuffix(_RECONNECTING)
                raise TimeoutError(f"the client is not open after {timeout:g} s: {why}")

    # ----------------------------------------------------------------------------------- what the session's owner calls

    def lost(self, connection: C, reason: str) -> None:
        """A connection has ended; ``reason`` says why. Its requests have not ended yet."""
        self._end(connection, reason)
        self.rotation.forget(connection)
        if self.rotation.is_leaving(connection):
            try:
                self.rotation.hand_over(connection)
                self._subscriptions.lost(connection, reason)
            finally:
                self._old_gone(connection, reason)
            return
        if self._session.route is not None:
            return  # another one carries the requests
        if self.state in OPEN:
            self._session.note("losses")
            if self.state == "draining" and self._successor_lost(connection, reason):
                return
            self._lost = connection
            self._machine.fire("lost" if self._options.reconnect else "lost for good", reason)
            self._lost = None
        elif self.state == "closing":
            self._machine.fire("lost", reason)

    def _old_gone(self, connection: C, reason: str) -> None:
        """A connection that was left has ended."""
        event = self.rotation.gone(connection)
        if event is not None:
            self._machine.fire(
                event, f"connection {connection.number}, which was replaced, has ended: {reason}"
            )

    def _successor_lost(self, connection: C, reason: str) -> bool:
        """The connection that took over has ended; whether the old one carries the requests again."""
        self.rotation.successor_lost(reason)
        if not self.rotation.go_back():
            return False
        try:
            self._subscriptions.give_up(connection, reason)
            self._relogon.moved(fresh=False)
        finally:
            self._machine.fire(
                "went back", f"connection {self._number()} carries the requests again: {reason}"
            )
        return True

    def notice(self, number: int) -> None:
        """The exchange announced the end of this connection."""
        if self.state not in ("closing", "closed"):
            self.rotation.notice(number)

    def revoked(self, connection: object, error: FastwsError) -> None:
        """The exchange revoked the logon of a connection."""
        in_use = self.state in OPEN and connection is self._session.route
        if in_use:
            self.rotation.revoked()
        if in_use and self.connector.logon.wanted and self._options.reconnect:
            self._machine.fire(
                "revoked", f"the logon was revoked; trading is refused until it is restored: {error}"
            )

    def logon_changed(
        self,
        connection: C,
        logged_on: bool,
        signer: Signer | None,
        by_caller: bool,
        api_key: str | None,
    ) -> None:
        """A ``session.logon`` or a ``session.logout`` succeeded; see SessionOwner.logon_changed()."""
        route = self._session.route
        late = connection is self.rotation.old
        if late and self.rotation.follows:
            return  # the user logged on or out on the successor since
        if connection is not route and not late:
            logon = self.connector.logon
            if route is not None or not (logged_on and logon.wanted and signer is logon.signer):
                return  # fastws logs a new connection on as the one in use was: the user may have changed that since
        self._subscriptions.logon_changed(logged_on, by_caller)
        self.connector.logon.changed(connection.number, logged_on, signer, by_caller, api_key)
        if late:
            if route is not None and (by_caller or not self.connector.logon.matches(route)):
                self.rotation.late = True
                self._relogon.follow()
            return
        self.rotation.follows = True
        if self._relogon.wanted:
            self._machine.fire("logged on", "logged on again" if logged_on else "logged out")

    # ------------------------------------------------------------------------------------------- actions of the table

    def _do_attempt(self, reason: str) -> None:
        self.attempts.start()

    def _do_wait(self, reason: str) -> None:
        self._session.down_reason = f"{reason}{_RECONNECTING}"
        self.attempts.wait()

    def _do_install(self, reason: str) -> None:
        connection = self.attempts.connection
        assert connection is not None
        self.attempts.succeeded = True
        self._session.note("connects")
        self._session.route = connection
        self.connector.logon.carries(connection)
        self.rotation.opened(connection)
        self.rotation.end()
        self._session.keep_streams = self._options.reconnect and self._subscriptions.keeps
        self.backoff.opened()
        self._gates.share.succeeded(self.backoff.uniform)
        every = self._options.sync_every
        if isinstance(every, float):  # else it is None, since Options has replaced "auto"
            self._clock_keeper.start(every)

    def _do_detach(self, reason: str) -> None:
        assert self._lost is not None
        self._relogon.stop()
        self.rotation.lost()
        self._subscriptions.lost(self._lost, reason)
        self._session.down_reason = f"{reason}{_RECONNECTING}"
        connection_log.warning(
            "connection %d: %s",
            self._lost.number,
            reason,
            code="connection-lost",
            connection=self._lost.number,
            state="connecting",
            reason=reason,
        )
        if self.backoff.lost() < self.backoff.stable:
            self.connector.turn += 1

    def _do_rotate(self, reason: str) -> None:
        self.rotation.begin()
        self.attempts.start()

    def _do_switch(self, reason: str) -> None:
        assert self.attempts.connection is not None
        self._session.note("connects")
        self.rotation.switch(self.attempts.connection)
        self._relogon.moved(fresh=True)
        self._gates.share.succeeded(self.backoff.uniform)

    def _do_end_rotation(self, reason: str) -> None:
        if self.rotation.late:
            self._relogon.old_gone()
        self.rotation.end()

    def _do_stop(self, reason: str) -> None:
        self.rotation.stop("the client is closing")
        self._session.keep_streams = False
        self._relogon.stop()
        self.attempts.stop()

    def _do_hold(self, reason: str) -> None:
        self._relogon.hold(reason)

    def _do_log_on(self, reason: str) -> None:
        self._relogon.start()

    def _do_wait_to_log_on(self, reason: str) -> None:
        self._relogon.wait()

    def _do_release(self, reason: str) -> None:
        self._relogon.release()

    def _do_shut(self, reason: str) -> None:
        self._session.down_reason = _CLOSED
        drained = self._session.drain()  # from here on, new requests are refused
        self._shutting = asyncio.ensure_future(self._shut(drained, self._close_timeout))

    def _do_finish(self, reason: str) -> None:
        self._session.keep_streams = False
        self._session.down_reason = reason
        self.error = self.attempts.error
        if self.error is None:
            self.error = (
                ConnectionLost if self._shutting is None and self.attempts.succeeded else NotConnected
            )(reason)
        self._relogon.stop()
        self.rotation.stop(reason)
        self._ending.abort()  # one that was left may still be open
        self._clock_keeper.stop()
        self._gates.leave()
        if self._closed is not None and not self._closed.done():
            self._closed.set_result(reason)
        self._subscriptions.closed(reason)
        self.on_closed(reason)

    def _tell(self, old: str, new: str, reason: str) -> None:
        """Tell the user of a step, and log it."""
        connection_log.info(
            "%s, was %s: %s", new, old, reason, state=new, reason=reason, connection=self._number()
        )
        if self.on_state is not None:
            self._owner.call("on_state", self.on_state, old, new, reason)

    def _number(self) -> int | None:
        return None if self._session.route is None else self._session.route.number

    def _wake(self) -> None:
        """Wake those who wait for the client to open, if it is open, or will never be."""
        self.rotation.plan()
        if self.state != "closed" and self.state not in OPEN:
            return
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)

    # -------------------------------------------------------------------------------------------------------- closing

    async def _shut(self, drained: asyncio.Future[None] | None, timeout: float) -> None:
        """Wait for replies, and end all connections and tasks."""
        try:
            await self._ending.close(self.attempts.task, drained, timeout)
        finally:
            if self.state == "closing":
                self._machine.fire("done", self._session.close_reason or _CLOSED)

    def _end(self, connection: C, reason: str) -> None:
        """A connection has ended, or is about to."""
        self._ending.keep(connection)
        self.rotation.abandon(connection, reason)

    def _check_home(self, what: str) -> None:
        assert self._session.loop_guard is not None
        self._session.loop_guard.check(what, "asyncio.run_coroutine_threadsafe")


def _running_loop() -> asyncio.AbstractEventLoop:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        raise RuntimeError(
            "fastws needs asyncio, and no asyncio event loop runs here: use fastws.run(main()) or asyncio.run(main());"
            ' trio has a loop of its own, and so has anyio with it (use backend="asyncio")'
        ) from None
