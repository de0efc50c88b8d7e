"""Measures the exchange's time, on demand and in the background.

A `time` request leaves at t0, its reply comes at t1, both by the monotonic clock, and contains the exchange's time S.
So the offset between both clocks is between S - t1 and S - t0 (plus up to 1 ms, since S is cut to a millisecond). The
quickest requests give the smallest intervals. Several requests give a smaller interval than one, since they reach the
exchange at different moments of its millisecond.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from typing import Literal

from .._common.log import connection_log
from .._common.shown import shown
from .._native.clock import Clock
from ..errors import ApiError, ConnectionLost, DecodeError, FastwsError, InvalidRequest, NotConnected
from ..requester import Requester

__all__ = ["OUTSIDE_WINDOW", "Clock", "ClockKeeper"]

OUTSIDE_WINDOW = -1021  # INVALID_TIMESTAMP
# In seconds: if the clock was measured so recently, a refused timestamp has another cause.
_FRESH = 10.0

# In seconds: how often the background task checks whether the machine's clock was set.
LOOK_EVERY = 1.0

# No time of an exchange is as late as this, the year 2286.
_NEVER_US = 10**16


def estimate(found: list[tuple[int, int, int]]) -> tuple[int, int]:
    """The offset and its uncertainty in microseconds, from measurements (duration, least, most) in nanoseconds.

    It intersects the intervals of the quicker half. If they have nothing in common, as after a clock was set during the
    measurement, only the quickest one counts.
    """
    found = sorted(found)
    quick = found[: max(1, (len(found) + 1) // 2)]
    least, most = max(row[1] for row in quick), min(row[2] for row in quick)
    if least > most:
        _, least, most = found[0]
    return (least + most) // 2000, max(1, -((least - most) // 2000))


def notice_jump(clock: Clock) -> bool:
    """Whether the machine's clock was set, or the machine slept, since the last call. Logs a warning if so."""
    moved = clock.jumped()
    if moved:
        connection_log.warning(
            "this machine's clock jumped by %+.3f s (it was set, or the machine was asleep)",
            moved / 1e6,
            code="clock-jumped",
        )
    return bool(moved)


class ClockKeeper:
    """Measures the exchange's time for a client: on demand, in the background, and when a timestamp was refused.

    Attributes:
        clock: gets the results.
        check: the task of the latest measurement after a refused timestamp; its result is whether it succeeded.
        task: the task of the measurements in the background.
    """

    def __init__(self, client: Requester, clock: Clock, time_unit: Literal["ms", "us"]) -> None:
        self.clock = clock
        self.check: asyncio.Task[bool] | None = None
        self.task: asyncio.Task[None] | None = None
        self._client = client
        self._unit = 1 if time_unit == "us" else 1000  # microseconds
        self._due = asyncio.Event()
        self._stopped = False

    async def measure(self, samples: int = 8, requester: Requester | None = None) -> Clock:
        """Measure the exchange's time by this many `time` requests, one after the other, and adopt it.

        ``requester`` sends them; by default it is the client.
        """
        if isinstance(samples, bool) or not isinstance(samples, int) or not 1 <= samples <= 100:
            raise InvalidRequest(f"samples: expected a number from 1 to 100, got {shown(samples)}")
        notice_jump(self.clock)
        found = []
        for _ in range(samples):
            reply = (requester or self._client).request("time", urgent=True)
            result = await reply
            server = result.get("serverTime") if isinstance(result, Mapping) else None
            if type(server) is not int or not 0 < server * self._unit < _NEVER_US:
                raise DecodeError("the reply to time has no serverTime that can be one")
            server_us = server * self._unit
            sent, came = reply.info.written_at, reply.info.received_at
            found.append((came - sent, server_us * 1000 - came, (server_us + self._unit) * 1000 - sent))
        self.clock.adopt(*estimate(found))
        return self.clock

    def start(self, every: float) -> None:
        """Measure in the background: every ``every`` seconds, after a jump of this machine's clock, and after -1021.

        Nothing is measured while there is no connection. A second start() changes nothing.
        """
        if self.task is None:
            self.task = asyncio.ensure_future(self._repeat(every))

    def stop(self) -> None:
        """Stop the measurements in the background."""
        self._stopped = True  # a task may miss its cancel: asyncio.wait_for() swallows one up to Python 3.11
        for task in (self.task, self.check):
            if task is not None:
                task.cancel()

    async def correct(self, requester: Requester) -> None:
        """Measure the time after the refusal of a timestamp on a connection that is opening."""
        self._due.clear()
        await self.measure(requester=requester)

    def apply_refusal(self, error: ApiError) -> None:
        """Have the time measured where a timestamp was refused (-1021)."""
        if error.code != OUTSIDE_WINDOW:
            return
        if self.task is not None:
            self._due.set()
            return
        checking = self.check is not None and not self.check.done()
        age = self.clock.age
        if not checking and age is not None and age < _FRESH:
            error._advice = (
                f"the exchange's time was measured {age:.1f} s ago: the request may have been too slow"
            )
            return
        error._advice = (
            "the exchange's time is being measured, once, for the requests that follow;"
            " connect(sync_every=60) measures it regularly"
        )
        if not checking:
            self.check = asyncio.ensure_future(self._check())

    async def _check(self) -> bool:
        try:
            await self.measure()
        except FastwsError as error:
            if not isinstance(error, (NotConnected, ConnectionLost)):  # these are logged elsewhere
                connection_log.warning(
                    "the exchange's time could not be measured: %s", error, code="clock-not-measured"
                )
            return False
        return True

    async def _repeat(self, every: float) -> None:
        loop = asyncio.get_running_loop()
        next_at = loop.time() + (every if self.clock.synced else 0)
        while not self._stopped:
            if not self._client.connected:
                await asyncio.sleep(LOOK_EVERY)
                continue
            if notice_jump(self.clock) or self._due.is_set() or loop.time() >= next_at:
                self._due.clear()
                next_at = loop.time() + every
                try:
                    await self.measure()
                except (NotConnected, ConnectionLost):  # these are logged elsewhere
                    next_at = loop.time()
                except FastwsError as error:
                    connection_log.warning(
                        "the exchange's time could not be measured: %s", error, code="clock-not-measured"
                    )
            left = max(0.0, min(next_at - loop.time(), LOOK_EVERY))
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._due.wait(), left)
