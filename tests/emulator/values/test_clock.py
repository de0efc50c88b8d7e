from __future__ import annotations

import asyncio
import itertools
import time

import pytest

from fastws.emulator import Clock, Emulator, ManualClock
from helpers.emulator.wire import run, wire


def test_the_clock_is_this_machines_time_in_microseconds_plus_an_offset():
    before = time.time_ns() // 1000
    assert before <= Clock().now_us() <= time.time_ns() // 1000
    assert Clock(offset=60.5).now_us() >= before + 60_500_000


def test_a_manual_clock_moves_only_when_it_is_told_to():
    clock = ManualClock(5_000_000)
    assert clock.now_us() == clock.now_us() == 5_000_000
    clock.advance(0.25)
    assert clock.now_us() == 5_250_000


def test_the_offset_may_be_changed():
    clock = Clock(offset=1.5)
    assert clock.offset == 1.5
    clock.offset = -3600
    assert clock.now_us() < time.time_ns() // 1000 - 3_500_000_000
    manual = ManualClock()
    manual.offset = 3600
    assert 3590 < manual.offset <= 3600


@pytest.mark.parametrize("speed", [0, -1, float("inf"), float("nan")])
def test_a_clock_goes_forward(speed):
    with pytest.raises(ValueError, match="positive"):
        Clock(speed=speed)


def test_a_clock_that_runs_faster():
    clock = Clock(speed=1000)
    assert clock.speed == 1000
    start, machine = clock.now_us(), time.time_ns() // 1000
    time.sleep(0.02)
    assert clock.now_us() - start >= 20_000_000
    clock.speed = 1
    here = clock.now_us()
    time.sleep(0.001)
    assert here < clock.now_us() < here + 5_000_000
    assert clock.offset > 15
    assert clock.now_us() - machine > 15_000_000
    clock.offset = 2.5
    assert clock.offset == 2.5


def test_timers_of_a_manual_clock_run_in_their_order_each_at_its_time():
    clock, seen = ManualClock(0), []

    def note(name):
        seen.append((name, clock.now_us()))
        if name == "first":
            clock.call_later(1, note, "made meanwhile")

    clock.call_later(3, note, "last")
    clock.call_later(1, note, "first")
    clock.call_later(2.5, note, "never").cancel()
    clock.call_at(1_000_000, note, "second")
    clock.advance(0.5)
    assert seen == []
    clock.advance(9.5)
    assert seen == [
        ("first", 1_000_000),
        ("second", 1_000_000),
        ("made meanwhile", 2_000_000),
        ("last", 3_000_000),
    ]
    assert clock.now_us() == 10_000_000


def test_beats_are_called_once_after_a_jump_and_before_the_timers_on_the_way():
    clock, seen = ManualClock(0), []
    beat = clock.every(1, seen.append)
    for _ in range(3):
        clock.advance(0.5)
    assert seen == [1_000_000]
    clock.call_at(50_000_000, seen.append, "timer")
    clock.advance(86_400)
    assert seen[1:] == [50_000_000, "timer", 86_401_500_000]
    clock.set(10_250_000)
    clock.advance(0.5)
    clock.advance(0.5)
    assert seen[4:] == [10_250_000, 11_250_000], "a clock that is set back has jumped as well"
    beat.cancel()
    clock.advance(10)
    assert len(seen) == 6


def test_what_fails_does_not_stop_the_clock(caplog):
    clock, seen = ManualClock(0), []
    clock.call_later(1, lambda: 1 / 0)
    clock.call_later(2, seen.append, "next")
    clock.advance(3)
    assert seen == ["next"]
    assert "ZeroDivisionError" in caplog.text


def test_a_day_passes_in_a_moment_for_what_waits_for_the_clock():
    async def main():
        clock = Clock(speed=86_400 * 20)
        start = clock.now_us()
        beats = []
        beat = clock.every(1, beats.append)
        timer = clock.call_later(3600, beats.append, "hour")
        await asyncio.wait_for(clock.sleep(86_400), 2)
        assert clock.now_us() - start >= 86_400_000_000
        assert not timer.pending
        assert beats[-1] != "hour"
        assert 2 <= len(beats) <= 20
        beat.cancel()

    run(main)


def test_a_jump_wakes_what_waits_and_a_cancelled_sleep_leaves_nothing():
    async def main():
        clock = Clock()
        waiting = asyncio.create_task(clock.sleep(3600))
        given_up = asyncio.create_task(clock.sleep(7200))
        await asyncio.sleep(0)
        given_up.cancel()
        clock.advance(3600)
        await asyncio.wait_for(waiting, 1)
        await clock.sleep(0)
        with pytest.raises(asyncio.CancelledError):
            await given_up
        clock.call_later(0.005, waiting.cancel)
        assert clock._alarm is not None
        await clock.sleep(0.01)

    run(main)


def test_the_limits_of_an_exchange_go_by_its_clock():
    """SEMANTICS 90"""

    async def main():
        async with (
            Emulator(clock=Clock(speed=1200), max_connection_age=0) as exchange,
            wire(exchange) as client,
        ):
            counts = []
            for _ in range(12):
                counts.append((await client.call("exchangeInfo", symbol="BTCUSDT"))["rateLimits"][0]["count"])
                await asyncio.sleep(0.025)
            assert len(counts) - 1 > sum(one < two for one, two in itertools.pairwise(counts))
            assert counts.count(20) >= 2, "a minute passes in 50 milliseconds"

    run(main)
