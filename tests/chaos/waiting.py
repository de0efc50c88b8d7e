"""Waits for what no event tells."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

__all__ = ["until"]


async def until(
    condition: Callable[[], object], what: str, seconds: float = 5.0, pause: float = 0.001
) -> None:
    """Wait until a condition holds.

    Raises:
        AssertionError: it does not hold in time; the text says ``what`` should have been.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"after {seconds} s, {what}")
        await asyncio.sleep(pause)
