from __future__ import annotations

import time

from fastws.emulator import Clock, ManualClock


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
