"""Durations: percentiles, texts, and histograms made of characters. All durations are nanoseconds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

_EIGHTHS = " ▏▎▍▌▋▊▉█"
_STEPS = (1, 2, 2.5, 5)


@dataclass(frozen=True)
class Summary:
    """The order statistics of a sample."""

    count: int
    least: int
    p50: int
    p90: int
    p99: int
    most: int


def percentile(ordered: Sequence[int], share: float) -> int:
    """The smallest value that a ``share`` (0 to 1) of an ascending sample does not exceed: nearest rank."""
    rank = -(-round(share * 1e6) * len(ordered) // 1_000_000)
    return ordered[max(0, min(len(ordered), rank) - 1)]


def summarise(sample: Sequence[int]) -> Summary:
    """The summary of a sample, which must not be empty."""
    ordered = sorted(sample)
    p50, p90, p99 = (percentile(ordered, share) for share in (0.5, 0.9, 0.99))
    return Summary(len(ordered), ordered[0], p50, p90, p99, ordered[-1])


def duration(nanoseconds: float) -> str:
    """Three significant digits and a unit: "812 ns", "64.3 µs", "1.28 ms", "12.0 s"."""
    if nanoseconds < 999.5:
        return f"{nanoseconds:.0f} ns"
    for limit, unit, scale in ((1e6, "µs", 1e3), (1e9, "ms", 1e6)):
        if nanoseconds < limit * 0.9995:
            return f"{_three_digits(nanoseconds / scale)} {unit}"
    return f"{_three_digits(nanoseconds / 1e9)} s"


def _three_digits(value: float) -> str:
    decimals = 0 if value >= 99.95 else 1 if value >= 9.995 else 2
    return f"{value:.{decimals}f}"


def bar(share: float, width: int, unicode: bool = True) -> str:
    """A bar of ``share`` (0 to 1) of ``width`` cells; what is not zero is seen."""
    if not unicode:
        return "#" * max(round(share * width), 1 if share > 0 else 0)
    eighths = max(round(share * width * 8), 1 if share > 0 else 0)
    full, rest = divmod(eighths, 8)
    return "█" * full + (_EIGHTHS[rest] if rest else "")


def histogram(sample: Sequence[int], rows: int = 12, width: int = 40, unicode: bool = True) -> list[str]:
    """Lines that show the spread of a sample: equal steps, then all beyond.

    The steps go up to the 99th percentile, but no further than three times the way to the 90th: a few that took
    very long leave the others their detail.
    """
    stats = summarise(sample)
    end = min(stats.p99, stats.least + 3 * (stats.p90 - stats.least))
    step = _nice_step(max(end - stats.least, 1) / rows)
    first = stats.least // step
    last = max(end // step, first)
    counts = [0] * (last - first + 1)
    beyond = 0
    for value in sample:
        if value // step > last:
            beyond += 1
        else:
            counts[value // step - first] += 1
    micro, more = ("µs", "≥") if unicode else ("us", ">=")
    edges = [_in_one_unit((first + i) * step, (last + 1) * step, micro) for i in range(len(counts) + 1)]
    unit = edges[0][1]
    labels = [f"{low} to {high} {unit}" for (low, _), (high, _) in pairwise(edges)]
    if beyond:
        labels.append(f"{more} {edges[-1][0]} {unit}")
        counts.append(beyond)
    most = max(counts)
    space = max(map(len, labels))
    digits = len(f"{most:,}")
    return [
        f"{label:>{space}} {count:>{digits},} {bar(count / most, width, unicode)}".rstrip()
        for label, count in zip(labels, counts, strict=True)
    ]


def _nice_step(least: float) -> int:
    """The smallest step of 1, 2, 2.5 or 5 times a power of ten that is an int and not below ``least``."""
    power = 1
    while True:
        for factor in _STEPS:
            step = factor * power
            if step >= least and step == int(step):
                return int(step)
        power *= 10


def _in_one_unit(value: int, most: int, micro: str) -> tuple[str, str]:
    """A number in the unit that suits ``most``, with as many decimals as tell steps apart."""
    for limit, unit, scale in (
        (10_000, "ns", 1),
        (10_000_000, micro, 1_000),
        (10_000_000_000, "ms", 1_000_000),
    ):
        if most < limit:
            return f"{value / scale:g}", unit
    return f"{value / 1_000_000_000:g}", "s"
