"""``Latency``: how long replies and events took, in percentiles."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Latency"]


@dataclass(frozen=True)
class Latency:
    """How long the replies or the events of a client took; ``client.latency()`` says from where to where.

    Attributes:
        count: how many were counted. If there are none, the other attributes are 0.
        p50, p90, p99, p999: nanoseconds; 50, 90, 99 and 99.9 % took at most so long. The error is below 1 %.
        max: nanoseconds of the longest one, exactly.
    """

    count: int
    p50: int
    p90: int
    p99: int
    p999: int
    max: int
