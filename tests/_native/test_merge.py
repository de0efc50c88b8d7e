"""fastws._native.merge: random hand-overs against a checker that knows what happened, and single rules by hand."""

from __future__ import annotations

import gc
import os
from decimal import Decimal
from typing import Any

import pytest

from fastws._native.merge import COMPARE, HOLD, Merge, MergeCounts
from fastws._native.streams import Stream
from fastws.errors import DecodeError
from helpers.merge_cases import random_case
from helpers.merge_checker import run_case
from helpers.merging import S

# FASTWS_MERGE_CASES: how many random hand-overs are run
CASES = int(os.environ.get("FASTWS_MERGE_CASES", "2000"))
PARTS = 4


@pytest.mark.parametrize("part", range(PARTS))
def test_each_event_comes_once_in_order_and_in_time_or_a_gap_is_told(part: int) -> None:
    for seed in range(part, CASES, PARTS):
        run_case(random_case(seed))


def test_the_random_cases_are_of_all_kinds() -> None:
    cases = [random_case(seed) for seed in range(CASES)]
    for kind in ("calm", "loses_old", "loses_new", "overtaking", "buffer", "differing", "twins"):
        assert 20 < sum(bool(getattr(case, kind)) for case in cases) < CASES * 0.7, kind
    models = [run_case(case) for case in cases[:200]]
    assert sum(model.counts.held for model in models) > 500
    assert sum(model.counts.merged for model in models) > 500
    assert any(model.warned for model in models)


class Bench:
    """A Merge whose two sides the test feeds. `got` has the events, and what the host was asked for."""

    def __init__(self, before: Merge | None = None, target: Stream | None = None) -> None:
        self.got: list[Any] = []
        self.warned: list[str] = []
        self.counts = MergeCounts(self.warned.append)
        self.target = target or Stream(self, None, self.got.append)
        self.now = S
        self.merge = Merge(self.target, self.target.shadow(), self, self.later, self.counts, before)

    def later(self, delay: float, call: Any) -> Any:
        return self

    def cancel(self) -> None: ...
    def stream_ended(self, stream: Stream) -> None: ...
    def report(self, message: str, exception: BaseException) -> None:
        self.got.append(exception)

    def old(self, event: Any) -> None:
        self.merge.feed(True, event, 1, self.now)

    def new(self, event: Any) -> None:
        self.merge.feed(False, event, 1, self.now)

    def after(self, seconds: float) -> None:
        """Time passes."""
        self.now += round(seconds * S)
        if 0 < self.merge.due <= self.now:
            self.merge.check(self.now)

    def finish(self) -> None:
        """The old connection says that its subscription has ended."""
        self.merge.release(self.now)

    # what a Merge calls
    def comes_back(self) -> bool:
        return False

    def old_ended(self) -> None: ...
    def expired(self) -> None:
        self.got.append("expired")
        self.merge.release(self.now)

    def disordered(self) -> None:
        self.got.append("disordered")

    def came_late(self) -> None:
        self.got.append("late")

    def conclude(self) -> None: ...
    def over(self) -> None:
        self.got.append("over")
        self.merge.stop()


def balance(amount: Any = "1", **more: Any) -> dict[str, Any]:
    return {"e": "balanceUpdate", "E": 1, "a": "BTC", "d": amount, "T": 1, **more}


def report(
    execution: int, *, kind: str = "NEW", trade: int = -1, order: int = 5, **more: Any
) -> dict[str, Any]:
    return {
        "e": "executionReport",
        "E": 1,
        "s": "BTCUSDT",
        "i": order,
        "I": execution,
        "x": kind,
        "t": trade,
        **more,
    }


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (balance(), balance(E=2)),
        (balance(B=[{"a": "BTC", "f": "1"}]), balance(B=[{"f": "1", "a": "BTC"}], E=3)),
        (balance(1.5), balance(1.5, E=2)),
        (balance(Decimal("1.50")), balance(Decimal("1.50"), E=2)),
        (balance(None, w=True), balance(None, w=True, E=2)),
        (balance(10**30), balance(10**30, E=2)),
        (report(7), report(7, E=2, X="other")),
        (report(7, kind="TRADE", trade=3), report(8, kind="TRADE", trade=3, E=2)),
    ],
)
def test_the_same_event_of_both_connections_comes_once(one: Any, other: Any) -> None:
    bench = Bench()
    bench.old(dict(one))
    bench.new(dict(other))
    bench.finish()
    assert bench.got == [one]
    bench = Bench()
    bench.new(dict(other))
    bench.old(dict(one))
    bench.finish()
    assert bench.got == [one]
    assert (bench.counts.held, bench.counts.merged) == (1, 1)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (balance("1"), balance("2")),
        (balance(1), balance(1.0)),
        (balance(1), balance(True)),
        (balance(-1), balance(-2)),
        (balance("1"), balance(1)),
        (balance(Decimal("1")), balance(1.0)),
        (balance(None), balance("")),
        (balance(B=[1, 2]), balance(B=[2, 1])),
        (balance(B=[{"a": 1}]), balance(B=[{"b": 1}])),
        (balance(), balance(w=1)),
        (report(7), report(8)),
        (report(7), report(7, kind="CANCELED")),
        (report(7), report(7, order=6)),
        (report(7, kind="TRADE", trade=3), report(7, kind="TRADE", trade=4)),
        ({"e": "executionReport", "i": 1}, {"e": "executionReport", "i": 2}),
    ],
)
def test_different_events_both_come(one: Any, other: Any) -> None:
    bench = Bench()
    bench.old(dict(one))
    bench.new(dict(other))
    bench.finish()
    assert bench.got == [one, other]
    assert (bench.counts.held, bench.counts.merged) == (1, 0)


def test_identical_events_count() -> None:
    bench = Bench()
    for _ in range(3):
        bench.new(balance())
    bench.old(balance())
    bench.new(balance("2"))
    bench.finish()
    assert bench.got == [balance(), balance(), balance(), balance("2")]


def test_of_identical_held_events_the_first_is_the_one_that_the_old_connection_brings() -> None:
    bench = Bench()
    for event in (balance(E=1), balance("2"), balance(E=2)):
        bench.new(event)
    bench.old(balance(E=0))
    bench.finish()
    assert [event["E"] for event in bench.got] == [0, 1, 2]


def test_what_the_user_does_with_an_event_changes_nothing() -> None:
    bench = Bench()
    event = balance(B=[{"a": "BTC"}])
    bench.old(event)
    event["B"].clear()
    event.clear()
    bench.new(balance(B=[{"a": "BTC"}]))
    bench.finish()
    assert bench.got == [{}]


def test_the_successor_is_compared_behind_the_switch_for_some_seconds() -> None:
    bench = Bench()
    bench.old(balance("1"))
    bench.old(balance("2"))
    bench.finish()
    bench.after(COMPARE - 0.1)
    bench.new(balance("1"))
    assert bench.got == [balance("1"), balance("2")]
    bench.after(0.1)
    assert bench.got[2:] == ["over"]
    assert bench.merge.over


def test_an_event_is_held_for_hold_at_most() -> None:
    bench = Bench()
    bench.new(balance("1"))
    bench.after(HOLD / 2)
    bench.new(balance("2"))
    bench.old(balance("1"))
    bench.after(HOLD / 2)  # the first one was paired: the second one has its own time
    assert bench.got == [balance("1")]
    bench.after(HOLD / 2)
    assert bench.got[1:] == ["expired", balance("2")]
    bench.old(balance("3"))  # the gap covers it
    assert bench.got[3:] == []


def test_a_blocked_event_loop_is_no_delay_of_the_old_connection() -> None:
    bench = Bench()
    bench.new(balance("1"))
    bench.after(5.0)
    assert bench.got == []
    bench.old(balance("1"))  # it had come long ago, and is read now
    bench.after(0.02)
    assert bench.got == [balance("1")]
    bench.new(balance("2"))
    bench.after(5.0)
    bench.after(0.02)
    assert bench.got[1:] == ["expired", balance("2")]


def test_a_report_that_comes_before_one_that_was_delivered_is_a_gap() -> None:
    bench = Bench()
    bench.old(report(8))
    bench.finish()
    bench.new(report(7))
    bench.new(report(9))
    bench.new(report(6, order=4))
    assert bench.got == [report(8), "disordered", report(9), report(6, order=4)]


def test_an_event_behind_the_end_of_its_subscription() -> None:
    bench = Bench()
    bench.new(balance("1"))
    bench.old(balance("2"))
    bench.finish()
    bench.merge.feed_late(balance("1"))  # the successor has brought it
    bench.merge.feed_late(balance("2"))  # it came twice
    assert bench.got == [balance("2"), balance("1")]
    bench.merge.feed_late(balance("3"))
    assert bench.got[2:] == ["late"]
    bench.merge.stop()
    bench.merge.feed_late(balance("4"))
    assert bench.got[3:] == []


def test_events_that_cannot_be_read_pair_with_one_another() -> None:
    bench = Bench()
    bench.old(DecodeError("one"))
    bench.new(DecodeError("one"))
    bench.new(DecodeError("two"))
    bench.old(DecodeError("two"))
    assert [str(error) for error in bench.got] == ["one", "two"]
    bench.new(DecodeError("three"))
    bench.after(HOLD)  # the old connection goes on, and brings it, too
    assert len(bench.got) == 2
    assert bench.merge.held == 0
    bench.merge.moved(bench.target.shadow())
    bench.new(DecodeError("four"))
    bench.finish()
    assert [str(error) for error in bench.got[2:]] == ["four"]


def test_fields_that_differ_are_counted_and_logged_once() -> None:
    bench = Bench()
    bench.new(report(7, z="1", q="1"))
    bench.old(report(7, z="2", q="1"))
    bench.old(report(8, z="1"))
    bench.new(report(8, z="1", extra=1))
    assert bench.counts.mismatches == 2
    (message,) = bench.warned
    assert "executionReport of BTCUSDT, in z;" in message


def test_a_merge_takes_the_place_of_the_one_before_it() -> None:
    first = Bench()
    first.old(balance("1"))
    first.merge.moved(first.target.shadow())
    first.finish()
    second = Bench(first.merge, first.target)
    assert first.merge.over
    second.old(balance("1"))  # the old connection still lags behind the one before it
    second.old(balance("2"))
    assert first.got == [balance("1"), balance("2")]
    third = Bench(target=first.target)
    third.merge.stop()


def test_a_successor_that_is_given_up_leaves_the_comparison_before_it() -> None:
    first = Bench()
    first.old(balance("1"))
    first.merge.moved(first.target.shadow())
    first.finish()
    second = Bench(first.merge, first.target)
    second.new(balance("9"))
    second.merge.withdraw()
    assert second.merge.live
    second.new(balance("1"))
    second.new(balance("2"))
    assert first.got == [balance("1"), balance("2")]
    second.now = first.now
    second.after(COMPARE)
    assert second.merge.over


def test_a_successor_that_is_given_up_leaves_nothing() -> None:
    bench = Bench()
    bench.new(balance("9"))
    bench.merge.withdraw()
    assert bench.merge.over
    assert bench.merge.held == 0
    assert bench.got == []


@pytest.mark.parametrize("side", ["old", "new"])
def test_too_much_to_remember_is_a_gap(side: str) -> None:
    bench = Bench()
    feed = bench.old if side == "old" else bench.new
    for number in range(100_001):
        feed(balance(number))
    if side == "old":  # from here on the successor brings it
        assert bench.got[100_000:] == ["expired"]
        bench.new(balance(0))
        bench.new(balance(100_000))
        assert bench.got[100_001:] == [balance(100_000)]
    else:
        assert bench.got[0] == "expired"
        assert len(bench.got) == 100_002


def test_keys_are_forgotten_after_ten_minutes() -> None:
    bench = Bench()
    bench.old(balance("1"))
    for minute in range(12):
        bench.now += 60 * S
        bench.old(balance(str(minute + 2)))
    bench.got.clear()
    bench.finish()
    for event in ("1", "2", "9"):
        bench.new(balance(event))
    assert bench.got == [balance("1"), balance("2")]


def test_the_end_of_a_stream_in_the_middle_of_a_release_ends_the_merge() -> None:
    bench = Bench()

    def stop(event: Any) -> None:
        bench.got.append(event)
        bench.merge.stop()

    bench.target = Stream(bench, None, stop)
    bench.merge = Merge(bench.target, bench.target.shadow(), bench, bench.later, bench.counts)
    bench.new(balance("1"))
    bench.new(balance("2"))
    bench.finish()
    assert bench.got == [balance("1")]
    assert bench.merge.held == 0


def test_a_thousand_merges_leave_nothing() -> None:
    bench = Bench()
    bench.merge.stop()

    def merge_once() -> None:
        merge = Merge(bench.target, bench.target.shadow(), bench, bench.later, bench.counts)
        for number in range(10):
            merge.feed(False, balance(number), 1, S)
            merge.feed(True, balance(number + 5), 1, S)
        merge.moved(bench.target.shadow())
        merge.release(S)
        merge.stop()
        bench.got.clear()

    for _ in range(10):
        merge_once()
    gc.collect()
    before = len(gc.get_objects())
    for _ in range(1000):
        merge_once()
    gc.collect()
    assert len(gc.get_objects()) <= before + 10
