"""fastws.cli.histogram: percentiles by nearest rank, durations with three digits, bars that add up."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastws.cli.histogram import bar, duration, histogram, percentile, summarise

SAMPLES = st.lists(st.integers(0, 10**11), min_size=1, max_size=200)


def test_percentiles():
    ordered = range(1, 101)
    assert [percentile(ordered, share) for share in (0, 0.01, 0.5, 0.9, 0.99, 1)] == [1, 1, 50, 90, 99, 100]
    assert percentile([7], 0.5) == 7
    assert percentile([1, 2], 0.5) == 1
    assert percentile([1, 2], 0.51) == 2


@given(SAMPLES)
def test_summary_is_ordered(sample):
    stats = summarise(sample)
    assert stats.count == len(sample)
    assert stats.least == min(sample)
    assert stats.most == max(sample)
    assert stats.least <= stats.p50 <= stats.p90 <= stats.p99 <= stats.most
    assert {stats.p50, stats.p90, stats.p99} <= set(sample)
    assert sum(value <= stats.p90 for value in sample) >= 0.9 * len(sample)


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [
        (0, "0 ns"),
        (812, "812 ns"),
        (999.6, "1.00 µs"),
        (64_321, "64.3 µs"),
        (99_960, "100 µs"),
        (999_600, "1.00 ms"),
        (1_280_000, "1.28 ms"),
        (12_000_000_000, "12.0 s"),
        (123_400_000_000, "123 s"),
    ],
)
def test_duration(nanoseconds, text):
    assert duration(nanoseconds) == text


def test_bar():
    assert bar(0, 10) == ""
    assert bar(1, 4) == "████"
    assert bar(0.5, 5) == "██▌"
    assert bar(0.0001, 10) == "▏"
    assert bar(0.0001, 10, unicode=False) == "#"
    assert bar(0.5, 10, unicode=False) == "#####"


def test_histogram():
    assert histogram([51_000] * 200 + [57_000] * 400 + [61_000] * 100 + [900_000], rows=2, width=8) == [
        "50 to 55 µs 200 ████",
        "55 to 60 µs 400 ████████",
        "60 to 65 µs 100 ██",
        "    ≥ 65 µs   1 ▏",
    ]
    assert histogram([5], unicode=False) == ["5 to 6 ns 1 " + "#" * 40]


@given(SAMPLES)
def test_histogram_counts_everything_in_few_lines(sample):
    lines = histogram(sample)
    assert len(lines) <= 15
    counts = [int(re.search(r"(?:ns|µs|ms|s) +([0-9,]+)", line).group(1).replace(",", "")) for line in lines]
    assert sum(counts) == len(sample)
