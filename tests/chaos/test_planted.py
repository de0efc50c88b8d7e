"""Bugs that are planted in the client: the short run finds each of them, by its rule, within three seeds."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import fastws
from chaos.runner import violations
from fastws import NeverExecuted, NotSent, OrderMirror, StillOpen
from fastws._native import connection, merge
from fastws.lifecycle import rotation, shared
from fastws.lifecycle.rotation import Rotation
from fastws.lifecycle.supervisor import Supervisor
from fastws.session_handler import SessionHandler
from fastws.streams.open_gaps import OpenGaps
from fastws.trading.resolve import Resolver

SEEDS = range(1, 4)
Plant = Callable[[pytest.MonkeyPatch], object]
BUGS: list[tuple[int, Plant, dict[str, Any]]] = []


def breaks(rule: int, **run: Any) -> Callable[[Plant], Plant]:
    """A decorator: the bug that the function plants breaks this rule, in such a run."""

    def add(plant: Plant) -> Plant:
        BUGS.append((rule, plant, run))
        return plant

    return add


@breaks(3)
def a_loss_is_called_not_sent(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(connection, "ExecutionUnknown", NotSent)


@breaks(5)
def never_is_said_too_early(patch: pytest.MonkeyPatch) -> None:
    resolve = Resolver.resolve

    async def mistaken(self: Any, *args: Any, **options: Any) -> Any:
        verdict = await resolve(self, *args, **options)
        return NeverExecuted() if isinstance(verdict, StillOpen) else verdict

    patch.setattr(Resolver, "resolve", mistaken)


@breaks(6)
def a_lost_order_is_sent_again(patch: pytest.MonkeyPatch) -> None:
    left_open = SessionHandler.left_open
    tasks: set[Any] = set()

    def mistaken(self: Any, infos: list[Any]) -> None:
        for info in infos:
            if info.placing:
                params = {name: value for name, value in info.params.items() if name != "timestamp"}
                tasks.add(asyncio.ensure_future(repeat(self._client, info.method, params)))
        left_open(self, infos)

    async def repeat(client: fastws.Client, method: str, params: dict[str, Any]) -> None:
        while client.state != "closed":
            try:
                await client.wait_open()
                client.request(method, params, on_reply=lambda result, error: None)
            except NotSent:  # the gap is open
                await asyncio.sleep(0.005)
            else:
                return

    patch.setattr(SessionHandler, "left_open", mistaken)


@breaks(8)
def a_gap_is_told_too_short(patch: pytest.MonkeyPatch) -> None:
    complete = OpenGaps.complete
    patch.setattr(
        OpenGaps, "complete", lambda self, opened, start, end: complete(self, opened, end - 1000, end)
    )


@breaks(9)
def the_hold_is_forgotten(patch: pytest.MonkeyPatch) -> None:
    open_ = OpenGaps.open

    def mistaken(self: Any, *args: Any) -> Any:
        opened = open_(self, *args)
        self._limiter.release(opened.hold)
        return opened

    patch.setattr(OpenGaps, "open", mistaken)


@breaks(10)
def there_is_no_budget(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(shared.Share, "wait_for_budget", lambda self, budget: 0.0)


@breaks(11)
def a_state_is_skipped(patch: pytest.MonkeyPatch) -> None:
    tell = Supervisor._tell

    def mistaken(self: Any, old: str, new: str, reason: str) -> None:
        if new != "connecting":
            tell(self, old, new, reason)

    patch.setattr(Supervisor, "_tell", mistaken)


@breaks(13)
def the_mirror_counts_a_fill_of_an_answer_again(patch: pytest.MonkeyPatch) -> None:
    take = OrderMirror._take_recovery

    def mistaken(self: OrderMirror, found: Any, heard: int) -> None:
        known, self.fills = self.fills, {}
        take(self, found, heard)
        self.fills = known | self.fills

    patch.setattr(OrderMirror, "_take_recovery", mistaken)


@breaks(13)
def the_mirror_keeps_balances_from_before_a_gap(patch: pytest.MonkeyPatch) -> None:
    take = OrderMirror._take_recovery

    def mistaken(self: OrderMirror, found: Any, heard: int) -> None:
        known = self._balances
        take(self, found, heard)
        self._balances = known or self._balances

    patch.setattr(OrderMirror, "_take_recovery", mistaken)


@breaks(13)
def the_mirror_believes_that_nothing_was_missed(patch: pytest.MonkeyPatch) -> None:
    doubt = OrderMirror._doubt

    def mistaken(self: OrderMirror, gap: Any = None, stale: bool = True) -> None:
        if gap is None:
            doubt(self, gap, stale)

    patch.setattr(OrderMirror, "_doubt", mistaken)


@breaks(8, planned=True)
def nothing_is_compared_behind_the_switch(patch: pytest.MonkeyPatch) -> None:
    merge.set_times(merge.HOLD, 0.0)


@breaks(14, planned=True)
def the_old_connection_is_closed_at_once(patch: pytest.MonkeyPatch) -> None:
    switch = Rotation.switch

    def mistaken(self: Any, successor: Any) -> None:
        switch(self, successor)
        self._leave(self.old, "drained")

    patch.setattr(Rotation, "switch", mistaken)


@breaks(14, planned=True)
def a_notice_is_ignored(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Supervisor, "notice", lambda self, number: None)


@breaks(15, planned=True)
def no_request_follows_another_to_the_old_connection(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(rotation, "_STICKY", 0.0)
    patch.setattr(rotation, "_STICKY_AT_END", 0.0)


@breaks(16, drain_timeout=2.0)
def events_are_held_for_ever(patch: pytest.MonkeyPatch) -> None:
    merge.set_times(1e6, merge.COMPARE)


@pytest.fixture
def times() -> Iterator[None]:
    """The times of merges are afterwards as before."""
    yield
    merge.set_times(merge.HOLD, merge.COMPARE)


@pytest.mark.slow
@pytest.mark.usefixtures("times")
@pytest.mark.parametrize(("rule", "plant", "run"), BUGS, ids=[plant.__name__ for _, plant, _ in BUGS])
def test_the_short_run_finds_a_planted_bug(
    rule: int, plant: Plant, run: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(monkeypatch)
    found: list[Any] = []
    for seed in SEEDS:
        found += violations(seed, **run)[1]
        if any(violation.rule == rule for violation in found):
            return
    pytest.fail(f"rule {rule} did not break; found was {[str(each) for each in found]}")
