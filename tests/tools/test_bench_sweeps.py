"""bench/sweeps.py: what a curve says of how a cost grows."""

import json
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[2]))
pytest.importorskip("pytest_benchmark", reason="pytest-benchmark is not installed: sweeps run in it")

from bench.sweeps import Curve, keep


class Benchmark:
    def __init__(self):
        self.extra_info = {}


def curve(label, cost):
    made = Curve(label)
    for point in (1, 10, 100, 1_000, 10_000):
        for spread in (0.9, 1.0, 1.3):
            made.add(point, cost(point) * spread)
    return made


@pytest.mark.parametrize(
    ("cost", "exponent"),
    [(lambda n: 7.0, 1.0), (lambda n: 7.0 * n, 2.0), (lambda n: 7.0 / n, 0.0)],
    ids=["linear", "quadratic", "constant"],
)
def test_the_exponent_is_that_of_the_whole_cost(cost, exponent):
    assert curve("a", cost).exponent() == pytest.approx(exponent)


def test_a_cost_that_grows_only_at_the_end_shows_in_the_greater_half():
    made = curve("a", lambda n: max(1.0, n / 100))
    assert made.middle == 100
    assert made.exponent() < 1.6
    assert made.exponent(since=made.middle) == pytest.approx(2.0)


def test_plot_and_table_have_medians_ranges_and_exponents_as_json():
    benchmark = Benchmark()
    curves = [curve("ours", lambda n: 2.0), curve("theirs", lambda n: 2.0 * n)]
    keep(
        benchmark,
        curves,
        name="n",
        title="Things",
        x_label="things",
        y_label="µs a thing",
        note="On a table.",
    )
    info = json.loads(json.dumps(benchmark.extra_info))
    (plot,), (table,) = info["plots"], info["tables"]
    assert [line["label"] for line in plot["lines"]] == ["ours: n^1.00", "theirs: n^2.00"]
    assert plot["lines"][0]["x"] == [1, 10, 100, 1_000, 10_000]
    assert (plot["lines"][0]["low"][0], plot["lines"][0]["y"][0], plot["lines"][0]["high"][0]) == (
        1.8,
        2.0,
        2.6,
    )
    assert plot["note"] == "On a table. Lines: medians. Bands: from the least to the greatest of the rounds."
    assert table["rows"] == [["ours", 2.0, 2.0, 1.0, 1.0], ["theirs", 2.0, 20000.0, 2.0, 2.0]]
    assert table["head"][:3] == ["", "at 1", "at 10,000"]
