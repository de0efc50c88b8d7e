"""Integers of other types than int, such as those of numpy."""

from __future__ import annotations

import operator
from typing import SupportsIndex

__all__ = ["index_of"]


def index_of(value: object) -> int | None:
    """The int that ``__index__`` of a value returns; None for a bool, and for a value without it."""
    if isinstance(value, bool) or not isinstance(value, SupportsIndex):
        return None
    try:
        return operator.index(value)
    except Exception:  # such as for a numpy array of several numbers
        return None
