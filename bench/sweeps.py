"""Sweeps: what one operation costs as one quantity grows, as a curve with its exponent.

The exponent is that of the whole cost: with n operations, 1 is linear, and below 1 an operation becomes cheaper. It is
fitted by least squares to the logarithms of the medians, and once more to the greater half of the points alone, where a
cost that does not depend on n is spread thin.

All curves of a sweep take turns at each point, and whole rounds repeat. The numbers go into ``extra_info``; report.py
makes tables and charts from them.
"""

from __future__ import annotations

import asyncio
import gc
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from bench.charts import exponent
from fastws.lifecycle.shared import forget_all

# Does the work of one point and returns what one operation cost, in nanoseconds.
Measure = Callable[[int], float]


@dataclass
class Curve:
    """What one operation costs, by point, in the unit of the chart."""

    label: str
    samples: dict[int, list[float]] = field(default_factory=dict)

    def add(self, point: int, cost: float) -> None:
        self.samples.setdefault(point, []).append(cost)

    @property
    def points(self) -> list[int]:
        return sorted(self.samples)

    @property
    def medians(self) -> list[float]:
        return [statistics.median(self.samples[point]) for point in self.points]

    def exponent(self, since: int = 0) -> float:
        """The exponent of the whole cost, from this point on."""
        pairs = [(x, y) for x, y in zip(self.points, self.medians, strict=True) if x >= since]
        return 1 + exponent(*zip(*pairs, strict=True))

    @property
    def middle(self) -> int:
        return self.points[len(self.points) // 2]

    def line(self) -> dict[str, Any]:
        return {
            "label": f"{self.label}: n^{self.exponent():.2f}",
            "x": self.points,
            "y": [_rounded(cost) for cost in self.medians],
            "low": [_rounded(min(self.samples[point])) for point in self.points],
            "high": [_rounded(max(self.samples[point])) for point in self.points],
        }


def sweep(
    benchmark: BenchmarkFixture,
    points: Sequence[int],
    candidates: Mapping[str, Measure],
    *,
    rounds: int = 3,
    unit: float = 1000.0,
    limits: Mapping[str, int] | None = None,
) -> list[Curve]:
    """Measure all candidates at all points, in turn.

    Args:
        benchmark: the fixture; its own statistics are those of the whole rounds.
        points: the quantity that grows.
        candidates: the label of a curve, and what measures one of its points.
        rounds: how often each point is measured.
        unit: nanoseconds of the chart's unit.
        limits: the last point of a curve that ends early.
    """
    curves = [Curve(label) for label in candidates]
    last = limits or {}

    def once() -> None:
        for point in points:
            for curve in curves:
                if point <= last.get(curve.label, point):
                    gc.collect()
                    curve.add(point, candidates[curve.label](point) / unit)

    pedantic: Callable[..., object] = benchmark.pedantic
    pedantic(once, rounds=rounds)
    return curves


@contextmanager
def fresh_uvloop() -> Iterator[asyncio.AbstractEventLoop]:
    """A new event loop of uvloop; no client of before counts in fastws' budgets."""
    forget_all()
    loop: asyncio.AbstractEventLoop = pytest.importorskip("uvloop").new_event_loop()
    yield loop
    loop.run_until_complete(asyncio.sleep(0.05))  # sockets that were closed leave the loop
    loop.close()
    forget_all()


def keep(
    benchmark: BenchmarkFixture,
    curves: Sequence[Curve],
    *,
    name: str,
    title: str,
    x_label: str,
    y_label: str,
    note: str,
    rows: Sequence[Mapping[str, Any]] = (),
) -> None:
    """Store the curves as a plot, and as a table of their ends and exponents."""
    first, last = curves[0].points[0], max(curve.points[-1] for curve in curves)
    plot = {
        "name": name,
        "title": title,
        "x_label": x_label,
        "y_label": y_label,
        "x_scale": "log",
        "y_scale": "log",
        "lines": [curve.line() for curve in curves],
        "note": f"{note} Lines: medians. Bands: from the least to the greatest of the rounds.",
    }
    table = {
        "title": f"{title}: {y_label}",
        "head": ["", f"at {first:,}", f"at {last:,}", "exponent", "exponent of the greater half"],
        "rows": [
            [
                curve.label,
                _rounded(curve.medians[0]),
                _rounded(curve.medians[-1]) if curve.points[-1] == last else "-",
                round(curve.exponent(), 2),
                round(curve.exponent(curve.middle), 2),
            ]
            for curve in curves
        ],
        "note": note,
    }
    info = benchmark.extra_info
    info.setdefault("plots", []).append(plot)
    info.setdefault("tables", []).append(table)
    if rows:
        info.setdefault("rows", []).extend(rows)


def _rounded(value: float) -> float:
    """Three digits."""
    return float(f"{value:.3g}")
