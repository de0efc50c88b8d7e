"""The exchange's clock, in microseconds since the epoch, and timers that follow it.

A client's clock is never quite the exchange's: this one can be ahead or behind, run faster than this machine's, and
jump. Whatever is to happen "in a day" by the exchange's own time is asked of the clock, not of the event loop:

    timer = clock.call_later(86_400, close)    # seconds of this clock; timer.cancel()
    await clock.sleep(0.5)
    beat = clock.every(1.0, move)              # move(now_us); beat.cancel()

Timers run one after the other, each at its time. A beat keeps a rhythm as long as the clock goes evenly; after a jump
it is called once, with the new time, instead of once for each beat that was missed.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import time
from collections.abc import Callable
from typing import Any

from .logs import logger

__all__ = ["Beat", "Clock", "ManualClock", "Timer"]

# The event loop is not asked to wake up more often than this, however fast the clock runs.
_SHORTEST_WAIT = 0.001
_SHORTEST_BEAT = 0.01


class Timer:
    """A call at a time of the clock."""

    __slots__ = ("_args", "_callback", "when_us")

    def __init__(self, when_us: int, callback: Callable[..., object], args: tuple[Any, ...]) -> None:
        self.when_us = when_us
        self._callback: Callable[..., object] | None = callback
        self._args = args

    @property
    def pending(self) -> bool:
        """It has neither run nor been canceled."""
        return self._callback is not None

    def cancel(self) -> None:
        """Do not call. It may have been called or canceled before."""
        self._callback = None
        self._args = ()

    def _run(self) -> None:
        callback, args = self._callback, self._args
        self.cancel()
        if callback is not None:
            _call(callback, *args)


class Beat:
    """Calls with a rhythm, ``seconds`` apart by the clock."""

    __slots__ = ("_callback", "_length_us", "next_us")

    def __init__(self, seconds: float, callback: Callable[[int], object], now_us: int) -> None:
        self._length_us = max(round(seconds * 1_000_000), 1)
        self._callback: Callable[[int], object] | None = callback
        self.next_us = now_us + self._length_us

    @property
    def pending(self) -> bool:
        """It has not been canceled."""
        return self._callback is not None

    def cancel(self) -> None:
        """Call no more."""
        self._callback = None

    def _run(self, now_us: int) -> None:
        late_us = now_us - self.next_us
        # Early by more than a beat: the clock was set back, which is a jump as well.
        if self._callback is not None and (late_us >= 0 or late_us < -self._length_us):
            self.next_us += (late_us // self._length_us + 1) * self._length_us
            _call(self._callback, now_us)


class Clock:
    """The time of this machine, shifted by ``offset`` seconds, and ``speed`` times as fast."""

    def __init__(self, offset: float = 0.0, *, speed: float = 1.0) -> None:
        self._timers: list[tuple[int, int, Timer]] = []
        self._numbers = itertools.count()
        self._beats: list[Beat] = []
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
        self._wind()

    def now_us(self) -> int:
        """Microseconds since 1970-01-01 00:00 UTC."""
        now_us = time.time_ns() // 1000
        if self._speed != 1.0:
            now_us = self._start_us + int((now_us - self._start_us) * self._speed)
        return now_us + self._offset_us

    def set(self, now_us: int) -> None:
        """Jump to a time. What was to happen on the way there happens now, in its order."""
        self._rebase(now_us)
        self._run_due()

    def advance(self, seconds: float) -> None:
        """Jump forward."""
        self.set(self.now_us() + round(seconds * 1_000_000))

    def _rebase(self, now_us: int) -> None:
        self._start_us = _machine_us()
        self._offset_us = now_us - self._start_us

    # What is to happen

    def call_at(self, when_us: int, callback: Callable[..., object], *args: Any) -> Timer:
        """Call once this clock shows ``when_us``."""
        timer = Timer(when_us, callback, args)
        heapq.heappush(self._timers, (when_us, next(self._numbers), timer))
        self._wind()
        return timer

    def call_later(self, seconds: float, callback: Callable[..., object], *args: Any) -> Timer:
        """Call in so many seconds of this clock."""
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
        """Wait for so many seconds of this clock."""
        await self.sleep_until(self.now_us() + round(seconds * 1_000_000))

    def every(self, seconds: float, callback: Callable[[int], object]) -> Beat:
        """Call ``callback(now_us)`` in a rhythm; once after a jump, however far it goes."""
        beat = Beat(seconds, callback, self.now_us())
        self._beats.append(beat)
        self._wind()
        return beat

    def _run_due(self) -> None:
        """Run what is due: timers in their order, and beats as of now."""
        now_us = self.now_us()
        self._run_beats(now_us)
        while self._timers and self._timers[0][0] <= now_us:
            heapq.heappop(self._timers)[2]._run()
        self._wind()

    def _run_beats(self, now_us: int) -> None:
        if self._beats:
            self._beats = [beat for beat in self._beats if beat.pending]
            for beat in list(self._beats):
                beat._run(now_us)

    def _wind(self) -> None:
        """Have the event loop wake this clock when something is due next."""
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        while self._timers and not self._timers[0][2].pending:
            heapq.heappop(self._timers)
        now_us, waits = self.now_us(), []
        if self._timers:
            waits.append(max((self._timers[0][0] - now_us) / 1e6 / self._speed, _SHORTEST_WAIT))
        beats = [beat.next_us for beat in self._beats if beat.pending]
        if beats:
            waits.append(max((min(beats) - now_us) / 1e6 / self._speed, _SHORTEST_BEAT))
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
                self._run_beats(self._now_us)
                timer._run()
        self._now_us = now_us
        self._run_beats(now_us)

    def _wind(self) -> None:
        """It does not go on by itself."""


def _machine_us() -> int:
    return time.time_ns() // 1000


def _wake(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)


def _call(callback: Callable[..., object], *args: Any) -> None:
    """A call that cannot stop the clock."""
    try:
        callback(*args)
    except Exception:
        logger.exception("what was to happen at a time of the clock failed")
