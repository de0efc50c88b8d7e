"""The exchange's rate limits, as replies show them (web-socket-api.md, Rate limits)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class RateLimit:
    """One limit: ``count`` of ``limit`` are used up in the current window of ``intervalNum`` ``interval``.

    Windows are aligned with the calendar: one of 10 SECOND starts at 0, 10, 20 … seconds.
    """

    rateLimitType: str
    interval: str
    intervalNum: int
    limit: int
    count: int
