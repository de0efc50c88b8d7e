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
from typing import TYPE_CHECKING

from ._clock import Clock
from ._log import logger
from ._shown import shown
from .errors import DecodeError, FastwsError, InvalidRequest

if TYPE_CHECKING:
    from .client import Client

__all__ = ["Clock"]

# The background task looks this often, in seconds, whether the machine's clock was set.
LOOK_EVERY = 1.0

# No exchange is as far ahead: the year 2286.
_NEVER_US = 10**16


async def measure(client: Client, samples: int) -> Clock:
    """Measure the exchange's time by this many `time` requests, one after the other, and adopt it."""
    if isinstance(samples, bool) or not isinstance(samples, int) or not 1 <= samples <= 100:
        raise InvalidRequest(f"samples: expected a number from 1 to 100, got {shown(samples)}")
    clock = client.clock
    notice_jump(clock)
    unit = 1 if client._options.time_unit == "us" else 1000
    found = []
    for _ in range(samples):
        reply = client.time(urgent=True)
        result = await reply
        server = result.get("serverTime") if isinstance(result, Mapping) else None
        if type(server) is not int or not 0 < server * unit < _NEVER_US:
            raise DecodeError("the reply to time has no serverTime that can be one")
        server_us = server * unit
        sent, came = reply.info.written_at, reply.info.received_at
        found.append((came - sent, server_us * 1000 - came, (server_us + unit) * 1000 - sent))
    clock.adopt(*estimate(found))
    return clock


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


class Keeper:
    """Measures again and again in the background: every so many seconds, after a jump, and when `due` is set."""

    def __init__(self, client: Client, every: float) -> None:
        self.client = client
        self.every = every
        self.due = asyncio.Event()
        self.task = asyncio.ensure_future(self._run())

    async def _run(self) -> None:
        client, loop = self.client, asyncio.get_running_loop()
        next_at = loop.time() + (self.every if client.clock.synced else 0)
        while client.connected:
            if notice_jump(client.clock) or self.due.is_set() or loop.time() >= next_at:
                self.due.clear()
                next_at = loop.time() + self.every
                try:
                    await client.sync_time()
                except FastwsError as error:
                    logger.warning("the exchange's time could not be measured: %s", error)
            left = max(0.0, min(next_at - loop.time(), LOOK_EVERY))
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self.due.wait(), left)
