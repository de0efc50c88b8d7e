"""fastws.trading.unresolved: the placements of unknown outcome, for as long as they may yet be executed."""

from __future__ import annotations

import time
from typing import Any

import pytest

from fastws.trading.unresolved import REMEMBERED, Unresolved


class Info:
    def __init__(self, *, placing: bool = True, age: float = 0.0) -> None:
        self.placing = placing
        self.account = None
        self.received_at = 0
        self.written_at = time.monotonic_ns() - int(age * 1e9)


class Watched(list[Any]):
    """What is watched, in the place of an Evidence."""

    def watch_all(self, infos: list[Info]) -> None:
        self.extend(infos)

    def forget(self, info: Info) -> None:
        self.remove(info)


@pytest.fixture
def watched() -> Watched:
    return Watched()


@pytest.fixture
def unresolved(watched: Watched) -> Any:
    return Unresolved(watched)  # type: ignore[arg-type]


def test_placements_are_remembered_and_all_is_watched(unresolved: Any, watched: Watched) -> None:
    first, cancel, second = Info(), Info(placing=False), Info()
    assert not unresolved
    for info in (first, cancel, second, first):
        unresolved.add(info)
    assert unresolved.placements() == [first, second]
    assert watched == [first, cancel, second, first]
    assert (first in unresolved, cancel in unresolved) == (True, False)
    unresolved.discard(first)
    assert unresolved.placements() == [second]
    assert watched == [cancel, second, first], "it was watched twice"
    unresolved.discard_placement(second)
    assert not unresolved
    assert second in watched, "what is seen of it may still matter"


def test_what_is_too_old_to_be_executed_is_left_out(unresolved: Any) -> None:
    old, new = Info(age=131), Info(age=129)
    for info in (old, new):
        unresolved.add(info)
    assert unresolved.placements() == [new]


@pytest.mark.parametrize(("age", "too_many"), [(0.0, True), (129.0, True), (131.0, False)])
def test_the_oldest_goes_when_there_are_too_many(unresolved: Any, age: float, too_many: bool) -> None:
    oldest = Info(age=age)
    others = [Info() for _ in range(REMEMBERED)]
    unresolved.add(oldest)
    for info in others[:-1]:
        unresolved.add(info)
    assert oldest in unresolved
    assert not unresolved.too_many()
    unresolved.add(others[-1])
    assert unresolved.placements() == others
    assert unresolved.too_many() == too_many
    for info in others:
        unresolved.discard(info)
    assert unresolved, "one was forgotten"


def test_a_placement_in_flight_is_forgotten_with_its_reply(unresolved: Any, watched: Watched) -> None:
    answered, unknown, waiting = Info(), Info(), Info()
    for info in (answered, unknown, waiting):
        unresolved.add_unanswered(info)
    assert unresolved.placements() == [answered, unknown, waiting]
    answered.received_at = unknown.received_at = 1
    unresolved.add(unknown)  # its reply says that nobody knows what became of it
    assert answered not in unresolved
    assert unresolved.placements() == [unknown, waiting]
    assert answered not in watched
