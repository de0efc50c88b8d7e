"""How the exchange's time is measured, and kept.

A `time` request that left at t0 and came back at t1, with the exchange's time S in between, says: what the exchange is
ahead of the monotonic clock lies between S - t1 and S - t0 (and, since S is cut to a millisecond, up to 1 ms more). The
quickest requests say most; together they say more than one of them, since they meet the exchange's millisecond at
different moments.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from typing import Literal

from .._common.log import logger
from .._common.shown import shown
from .._native.clock import Clock
from ..errors import ApiError, ConnectionLost, DecodeError, FastwsError, InvalidRequest, NotConnected
from ..requester import Requester

__all__ = ["OUTSIDE_WINDOW", "Clock", "ClockKeeper"]

OUTSIDE_WINDOW = -1021  # INVALID_TIMESTAMP
# A clock that was measured within so many seconds is not what makes a request come too late.
_FRESH = 10.0

# The background task looks this often, in seconds, whether the machine's clock was set.
LOOK_EVERY = 1.0

# No exchange is as far ahead: the year 2286.
_NEVER_US = 10**16


def estimate(found: list[tuple[int, int, int]]) -> tuple[int, int]:
    """The middle of what is left, and half its width, in microseconds, of (duration, least, most) in nanoseconds.

    The quicker half counts. Where its intervals have nothing in common, as after a clock was set meanwhile, it is the
    quickest one alone.
    """
    found = sorted(found)
    quick = found[: max(1, (len(found) + 1) // 2)]
    least, most = max(row[1] for row in quick), min(row[2] for row in quick)
    if least > most:
        _, least, most = found[0]
    return (least + most) // 2000, max(1, -((least - most) // 2000))


def notice_jump(clock: Clock) -> bool:
    """Whether the machine's clock was set, or the machine asleep, since this was asked last; it is logged."""
    moved = clock.jumped()
    if moved:
        logger.warning(
            "this machine's clock jumped by %+.3f s (it was set, or the machine was asleep)", moved / 1e6
        )
    return bool(moved)


class ClockKeeper:
    """Measures the exchange's time for a client: on demand, in the background, and when a timestamp was refused.

    Attributes:
        clock: where the result goes.
        check: the latest measurement that a refused timestamp led to; whether it succeeded.
        task: the measurements in the background.
    """

    def __init__(self, client: Requester, clock: Clock, time_unit: Literal["ms", "us"]) -> None:
        self.clock = clock
        self.check: asyncio.Task[bool] | None = None
        self.task: asyncio.Task[None] | None = None
        self._client = client
        self._unit = 1 if time_unit == "us" else 1000  # microseconds
        self._due = asyncio.Event()

    async def measure(self, samples: int = 8) -> Clock:
        """Measure the exchange's time by this many `time` requests, one after the other, and adopt it."""
        if isinstance(samples, bool) or not isinstance(samples, int) or not 1 <= samples <= 100:
            raise InvalidRequest(f"samples: expected a number from 1 to 100, got {shown(samples)}")
        notice_jump(self.clock)
        found = []
        for _ in range(samples):
            reply = self._client.request("time", urgent=True)
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
        """Measure every so many seconds from now on, after a jump of this machine's clock, and after -1021."""
        self.task = asyncio.ensure_future(self._repeat(every))

    def stop(self) -> None:
        """Measure no more in the background."""
        for task in (self.task, self.check):
            if task is not None:
                task.cancel()

    async def correct(self) -> None:
        """Measure the time after the refusal of a timestamp, unless heed() does so."""
        if self.check is None or not await self.check:
            await self.measure()

    def heed(self, error: ApiError) -> None:
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
            if not isinstance(error, (NotConnected, ConnectionLost)):  # those were logged already
                logger.warning("the exchange's time could not be measured: %s", error)
            return False
        return True

    async def _repeat(self, every: float) -> None:
        loop = asyncio.get_running_loop()
        next_at = loop.time() + (every if self.clock.synced else 0)
        while self._client.connected:
            if notice_jump(self.clock) or self._due.is_set() or loop.time() >= next_at:
                self._due.clear()
                next_at = loop.time() + every
                try:
                    await self.measure()
                except FastwsError as error:
                    logger.warning("the exchange's time could not be measured: %s", error)
            left = max(0.0, min(next_at - loop.time(), LOOK_EVERY))
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._due.wait(), left)
