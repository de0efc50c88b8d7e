"""The exchange's clock, in microseconds since the epoch, and timers that follow it.

A client's clock always differs a little from the exchange's. This clock can be ahead of the machine's or behind it,
run faster, and jump. Code that waits for a time of the exchange uses this clock's timers, not those of the event loop:

    timer = clock.call_later(86_400, close)    # seconds of this clock; timer.cancel()
    await clock.sleep(0.5)
    timer = clock.every(1.0, move)             # move(now_us); timer.cancel()

Timers run in the order of their times, also when the clock jumps over several. A periodic timer calls once after
a jump, with the new time, and not once for each period that the jump left out.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import time
from collections.abc import Callable
from typing import Any

from .logs import logger

__all__ = ["Clock", "ManualClock", "PeriodicTimer", "Timer"]

# Seconds: the clock does not ask the event loop to wake it earlier than that, however fast it runs.
_SHORTEST_WAIT = 0.001
_SHORTEST_PERIOD = 0.01


class Timer:
    """A call that is due at ``when_us``, in microseconds of the clock."""

    __slots__ = ("_args", "_callback", "when_us")

    def __init__(self, when_us: int, callback: Callable[..., object], args: tuple[Any, ...]) -> None:
        self.when_us = when_us
        self._callback: Callable[..., object] | None = callback
        self._args = args

    @property
    def pending(self) -> bool:
        """Whether the call is still to be made."""
        return self._callback is not None

    def cancel(self) -> None:
        """Do not call. This has no effect on a timer that has run or was canceled."""
        self._callback = None
        self._args = ()

    def _run(self) -> None:
        callback, args = self._callback, self._args
        self.cancel()
        if callback is not None:
            _call(callback, *args)


class PeriodicTimer:
    """Calls every ``seconds`` of the clock."""

    __slots__ = ("_callback", "_length_us", "next_us")

    def __init__(self, seconds: float, callback: Callable[[int], object], now_us: int) -> None:
        self._length_us = max(round(seconds * 1_000_000), 1)
        self._callback: Callable[[int], object] | None = callback
        self.next_us = now_us + self._length_us

    @property
    def pending(self) -> bool:
        """Whether it still calls."""
        return self._callback is not None

    def cancel(self) -> None:
        """Stop calling."""
        self._callback = None

    def _run(self, now_us: int) -> None:
        late_us = now_us - self.next_us
        # Early by more than a period: the clock was set back, which counts as a jump.
        if self._callback is not None and (late_us >= 0 or late_us < -self._length_us):
            self.next_us += (late_us // self._length_us + 1) * self._length_us
            _call(self._callback, now_us)


class Clock:
    """The time of this machine, shifted by ``offset`` seconds, running ``speed`` times as fast."""

    def __init__(self, offset: float = 0.0, *, speed: float = 1.0) -> None:
        self._timers: list[tuple[int, int, Timer]] = []
        self._numbers = itertools.count()
        self._periodic: list[PeriodicTimer] = []
        self._alarm: asyncio.TimerHandle | None = None
        self._speed = 1.0
        self._start_us = 0
        self._offset_us = round(offset * 1_000_000)
        if speed != 1.0:
            self.speed = speed

    @property
    def offset(self) -> float:
        """Seconds that this clock is ahead of the machine's. It may be changed at any time."""
        if self._speed == 1.0:
            return self._offset_us / 1_000_000
        return (self.now_us() - _machine_us()) / 1_000_000

    @offset.setter
    def offset(self, seconds: float) -> None:
        self.set(_machine_us() + round(seconds * 1_000_000))
        if self._speed == 1.0:
            self._offset_us = round(seconds * 1_000_000)

    @property
    def speed(self) -> float:
        """Seconds of this clock in one of the machine's. It may be changed at any time."""
        return self._speed

    @speed.setter
    def speed(self, speed: float) -> None:
        if not 0 < speed < float("inf"):
            raise ValueError("the speed of a clock is a positive number")
        now_us = self.now_us()
        self._speed = speed
        self._rebase(now_us)
        self._schedule()

    def now_us(self) -> int:
        """Microseconds since 1970-01-01 00:00 UTC."""
        now_us = time.time_ns() // 1000
        if self._speed != 1.0:
            now_us = self._start_us + int((now_us - self._start_us) * self._speed)
        return now_us + self._offset_us

    def set(self, now_us: int) -> None:
        """Jump to a time, in microseconds. Timers that become due by it run now, in their order."""
        self._rebase(now_us)
        self._run_due()

    def advance(self, seconds: float) -> None:
        """Jump forward."""
        self.set(self.now_us() + round(seconds * 1_000_000))

    def _rebase(self, now_us: int) -> None:
        self._start_us = _machine_us()
        self._offset_us = now_us - self._start_us

    # Timers

    def call_at(self, when_us: int, callback: Callable[..., object], *args: Any) -> Timer:
        """Call once this clock shows ``when_us``."""
        timer = Timer(when_us, callback, args)
        heapq.heappush(self._timers, (when_us, next(self._numbers), timer))
        self._schedule()
        return timer

    def call_later(self, seconds: float, callback: Callable[..., object], *args: Any) -> Timer:
        """Call after ``seconds`` of this clock."""
        return self.call_at(self.now_us() + round(seconds * 1_000_000), callback, *args)

    async def sleep_until(self, when_us: int) -> None:
        """Wait until this clock shows ``when_us``."""
        if when_us <= self.now_us():
            await asyncio.sleep(0)
            return
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        timer = self.call_at(when_us, _wake, waiter)
        try:
            await waiter
        finally:
            timer.cancel()

    async def sleep(self, seconds: float) -> None:
        """Wait for ``seconds`` of this clock."""
        await self.sleep_until(self.now_us() + round(seconds * 1_000_000))

    def every(self, seconds: float, callback: Callable[[int], object]) -> PeriodicTimer:
        """Call ``callback(now_us)`` every ``seconds`` of this clock; once after a jump of any length."""
        timer = PeriodicTimer(seconds, callback, self.now_us())
        self._periodic.append(timer)
        self._schedule()
        return timer

    def _run_due(self) -> None:
        """Run the timers that are due, in their order, and the periodic timers once."""
        now_us = self.now_us()
        self._run_periodic(now_us)
        while self._timers and self._timers[0][0] <= now_us:
            heapq.heappop(self._timers)[2]._run()
        self._schedule()

    def _run_periodic(self, now_us: int) -> None:
        if self._periodic:
            self._periodic = [timer for timer in self._periodic if timer.pending]
            for timer in list(self._periodic):
                timer._run(now_us)

    def _schedule(self) -> None:
        """Have the event loop call ``_run_due`` when the next timer is due."""
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        while self._timers and not self._timers[0][2].pending:
            heapq.heappop(self._timers)
        now_us, waits = self.now_us(), []
        if self._timers:
            waits.append(max((self._timers[0][0] - now_us) / 1e6 / self._speed, _SHORTEST_WAIT))
        periods = [timer.next_us for timer in self._periodic if timer.pending]
        if periods:
            waits.append(max((min(periods) - now_us) / 1e6 / self._speed, _SHORTEST_PERIOD))
        if waits:
            try:
                loop = asyncio.get_running_loop()
            except RuntimeError:
                return
            self._alarm = loop.call_later(min(waits), self._run_due)


class ManualClock(Clock):
    """A clock that stands still until it is moved: for tests of intervals, windows and ages."""

    def __init__(self, start_us: int = 1_700_000_000_000_000) -> None:
        super().__init__()
        self._now_us = start_us

    @property
    def offset(self) -> float:
        """Seconds that this clock is ahead of the machine's."""
        return (self._now_us - _machine_us()) / 1_000_000

    @offset.setter
    def offset(self, seconds: float) -> None:
        self.set(_machine_us() + round(seconds * 1_000_000))

    def now_us(self) -> int:
        return self._now_us

    def set(self, now_us: int) -> None:
        """Move to a time, stopping at each timer on the way. A clock that is set back runs no timers."""
        while self._timers and self._timers[0][0] <= now_us:
            when_us, _, timer = heapq.heappop(self._timers)
            if timer.pending:
                self._now_us = max(self._now_us, when_us)
                self._run_periodic(self._now_us)
                timer._run()
        self._now_us = now_us
        self._run_periodic(now_us)

    def _schedule(self) -> None:
        """Do nothing: this clock moves only when it is set."""


def _machine_us() -> int:
    return time.time_ns() // 1000


def _wake(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)


def _call(callback: Callable[..., object], *args: Any) -> None:
    """Call, and log an exception instead of raising it, so that other timers run."""
    try:
        callback(*args)
    except Exception:
        logger.exception("a timer of the exchange's clock failed")
