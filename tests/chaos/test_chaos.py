"""Seeded plans of requests and faults: the client's history and the exchange's break no rule of the checker.

`make chaos SEED=1 SECONDS=120` carries out more of them.
"""

from __future__ import annotations

import pytest

from chaos.runner import carry_out
from chaos.setting import Setting, loop_of

SEEDS = range(1, 7)


@pytest.mark.parametrize("seed", SEEDS)
def test_no_rule_breaks_whatever_happens(seed: int) -> None:
    assert carry_out(seed) > 50


@pytest.mark.parametrize("seed", SEEDS)
def test_ends_that_are_planned_or_announced_cost_nothing(seed: int) -> None:
    assert carry_out(seed, planned=True) > 50


def test_the_seeds_cover_formats_encryption_and_loops() -> None:
    assert {(Setting.of(seed).sbe, Setting.of(seed).tls) for seed in SEEDS} == {
        (sbe, tls) for sbe in (False, True) for tls in (False, True)
    }
    assert {Setting.of(seed).iterator for seed in SEEDS} == {False, True}
    assert "asyncio" in map(loop_of, SEEDS)
