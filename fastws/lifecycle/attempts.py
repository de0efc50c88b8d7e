"""``Attempts``: makes the attempts of a client to connect, one after the other, and says what follows from each."""

from __future__ import annotations

import asyncio
from typing import Generic

from .._native.clock import Clock
from ..errors import FastwsError, LocallyLimited, NotConnected, RateLimited
from .connector import Connector
from .machine import Machine
from .pacing import NotYet, Pace
from .parts import C, LiveOwner
from .rotation import Rotation
from .shared import Share

__all__ = ["Attempts"]


class Attempts(Generic[C]):
    """Makes attempts for a Supervisor, and fires the events "up", "failed", "refused", "gave up" and "time".

    It is the shared.Member of its client.

    Attributes:
        connection: the connection of the event "up".
        succeeded: whether one has succeeded; the first opening of a client tries each port.
        error: why the first opening failed.
        task: the latest attempt.
    """

    def __init__(
        self,
        connector: Connector[C],
        pace: Pace,
        rotation: Rotation[C],
        machine: Machine,
        owner: LiveOwner,
        share: Share,
        clock: Clock,
    ) -> None:
        self._connector = connector
        self._pace = pace
        self._rotation = rotation
        self._machine = machine
        self._owner = owner
        self._share = share
        self._clock = clock
        self.connection: C | None = None
        self.succeeded = False
        self.error: FastwsError | None = None
        self.task: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._delay = 0.0  # seconds until the next attempt
        self._waited = False  # the attempt that begins now has had its delay

    def start(self) -> None:
        """Make an attempt now."""
        self._loop = asyncio.get_running_loop()
        self.task = asyncio.ensure_future(self._try())

    def wait(self) -> None:
        """Fire "time" when the time of the next attempt has come."""
        assert self._loop is not None
        self._stop_timer()
        self._timer = self._loop.call_later(self._delay, self._due)

    def stop(self) -> None:
        """Make no attempt any more."""
        self._share.leave(self)
        self._stop_timer()
        if self.task is not None:
            self.task.cancel()

    def came_up(self, connection: C) -> None:
        """Requests can be sent on this connection."""
        self.connection = connection
        self._machine.fire("up", f"connection {connection.number} is open")

    def wake(self, delay: float) -> None:
        """Make the next attempt after ``delay`` seconds; see shared.Member."""
        assert self._loop is not None
        try:
            self._loop.call_soon_threadsafe(self._woken, delay)
        except RuntimeError:  # its loop was closed, and the client was not
            self._share.leave(self)

    def _woken(self, delay: float) -> None:
        if self._machine.state == "waiting":
            self._delay = delay
            self.wait()
        elif self._machine.state == "open":
            self._rotation.put_off(delay)
            self._rotation.plan()

    def _due(self) -> None:
        self._timer = None
        self._waited = True
        self._machine.fire("time", "the time of the next attempt has come")

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    async def _try(self) -> None:
        """Make one attempt, or with the first opening one on each port, and fire what follows."""
        try:
            if self._machine.state == "rotating":
                connection = await self._rotation.open_successor(self)
            elif self.succeeded:
                waited, self._waited = self._waited, False
                self._pace.check(self, waited)
                connection = await self._connector.open_next()
            else:
                connection = await self._connector.open_first()
        except NotYet as exc:
            self._delay, said = exc.delay, str(exc)
            until_us = self._clock.now() + round(exc.delay * 1e6)
            limited = LocallyLimited(f"not rotated: {exc.reason}", until_us)
            if self._machine.state == "rotating":
                said = self._rotation.not_yet(exc, limited)
            else:
                self._rotation.fail(limited)
            self._machine.fire("failed", said)
        except FastwsError as error:
            self._failed(error)
        except asyncio.CancelledError:
            if self._machine.state == "connecting":  # by the program, not by close()
                self.error = NotConnected("the task that opened the client was cancelled")
                self._machine.fire("gave up", str(self.error))
            elif self._machine.state == "rotating":
                self._failed(NotConnected("the task that made the successor was cancelled"))
            raise
        except BaseException as exc:
            self._owner.report("an attempt to connect failed for a reason that fastws does not know", exc)
            self._failed(NotConnected(f"the attempt failed: {exc!r}"))
        else:
            self.came_up(connection)

    def _failed(self, error: FastwsError) -> None:
        """An attempt failed."""
        if isinstance(error, RateLimited) and error.method == "connect":
            self._owner.apply_refusal(error, None)  # a reply to a request did so already
        if not self.succeeded:
            self.error = error
            self._machine.fire("gave up", str(error))
            return
        self._connector.turn += 1
        if self._machine.state == "rotating":
            self._machine.fire(*self._rotation.failed(error, self))
            return
        self._rotation.fail(error)
        event, self._delay, said = self._pace.after(error, self)
        self._machine.fire(event, said)
