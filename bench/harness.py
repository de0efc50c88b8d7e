"""Times candidates in alternation, and takes ratios within the rounds.

Why alternation: on a machine with noisy neighbours and changing clock rates, the speed drifts by tens of
per cent within seconds. Two blocks, first all rounds of A and then all of B, put that drift into the
ratio. In alternation (A, B, A, B, …, a few milliseconds each) it falls on both alike.

Why the median of the rounds' ratios, and not the ratio of two medians: a machine that changes between two
speeds can leave the median of A in the one and the median of B in the other. The two batches of one round
lie milliseconds apart, so their ratio seldom holds such a step, and the median leaves out where it does.

pytest-benchmark times the subject alone; the references run in the ``setup`` of each of its rounds, which
it does not time. The numbers that count stand in ``extra_info``: nanoseconds for one operation of every
candidate, with quartiles, and the ratios.
"""

from __future__ import annotations

import gc
import statistics
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pytest_benchmark.fixture import BenchmarkFixture

# Runs one batch; returns nanoseconds for one operation.
Batch = Callable[[], float]


@dataclass(frozen=True)
class Ratio:
    """A row of the report: how long the subject takes, as a share of the reference.

    Attributes:
        stage: what is compared, in the words of the table.
        subject: a name of a candidate.
        reference: the name of another.
        budget: what the ratio should not exceed; None where nothing was promised.
    """

    stage: str
    subject: str
    reference: str
    budget: float | None = None


@dataclass(frozen=True)
class Added:
    """A row of the report: by how many nanoseconds the subject takes longer than the reference, which it contains."""

    stage: str
    subject: str
    reference: str
    budget: float | None = None


def calls(function: Callable[[Any], object], arguments: Sequence[object]) -> Batch:
    """A batch that calls ``function`` with each of ``arguments``; what it returns dies at once, as in a
    real client.

    The loop is in C (a map that a deque of no length consumes) and costs some 15 ns a call, for every
    candidate.
    """

    def batch() -> float:
        start = time.perf_counter_ns()
        deque(map(function, arguments), maxlen=0)
        return (time.perf_counter_ns() - start) / len(arguments)

    return batch


def compare(
    benchmark: BenchmarkFixture,
    candidates: Mapping[str, Batch],
    rows: Sequence[Ratio | Added],
    *,
    operation: str,
    compared: str,
    rounds: int = 60,
    warmup_rounds: int = 3,
) -> dict[str, float]:
    """Time the candidates in alternation and store what came out.

    Args:
        benchmark: the fixture; its own statistics are those of the first candidate's batches.
        candidates: name to batch. The first is the subject.
        rows: the ratios and differences to store.
        operation: what one operation is, and its unit, for a reader of the JSON.
        compared: what was found equal before the clock was started.
        rounds: how often each candidate runs.
        warmup_rounds: how often it runs before that, uncounted.

    Returns:
        The medians in nanoseconds, by candidate.
    """
    samples: dict[str, list[float]] = {name: [] for name in candidates}
    subject, *others = candidates
    turn = 0

    def run_others() -> None:
        nonlocal turn
        # A different one comes first each time, so that no candidate always follows the same neighbour.
        for i in range(len(others)):
            name = others[(turn + i) % len(others)]
            samples[name].append(candidates[name]())
        turn += 1

    def run_subject() -> None:
        samples[subject].append(candidates[subject]())

    gc.collect()
    pedantic: Callable[..., object] = benchmark.pedantic
    pedantic(run_subject, setup=run_others, rounds=rounds, warmup_rounds=warmup_rounds)
    for taken in samples.values():
        if len(taken) > warmup_rounds:
            del taken[:warmup_rounds]

    benchmark.extra_info.update(
        operation=operation,
        compared=compared,
        rounds=rounds,
        candidates={name: _summary(taken) for name, taken in samples.items()},
        rows=[row_of(row, samples) for row in rows],
    )
    return {name: statistics.median(taken) for name, taken in samples.items()}


def quartiles(values: Sequence[float]) -> tuple[float, float]:
    if len(values) < 2:
        return values[0], values[0]
    low, _, high = statistics.quantiles(values, n=4, method="inclusive")
    return low, high


def _summary(taken: Sequence[float]) -> dict[str, float]:
    low, high = quartiles(taken)
    return {
        "median_ns": round(statistics.median(taken), 1),
        "q1_ns": round(low, 1),
        "q3_ns": round(high, 1),
        "min_ns": round(min(taken), 1),
    }


def row_of(row: Ratio | Added, samples: Mapping[str, Sequence[float]]) -> dict[str, Any]:
    pairs = list(zip(samples[row.subject], samples[row.reference], strict=True))
    added = isinstance(row, Added)
    name, unit, digits = ("added", "_ns", 1) if added else ("ratio", "", 4)
    values = [a - b if added else a / b for a, b in pairs]
    low, high = quartiles(values)
    return {
        "stage": row.stage,
        "subject": row.subject,
        "reference": row.reference,
        "budget": row.budget,
        f"{name}{unit}": round(statistics.median(values), digits),
        f"{name}_q1{unit}": round(low, digits),
        f"{name}_q3{unit}": round(high, digits),
    }
