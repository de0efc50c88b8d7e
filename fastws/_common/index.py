"""Integers of other types than int, as numpy's."""

from __future__ import annotations

import operator
from typing import SupportsIndex

__all__ = ["index_of"]


def index_of(value: object) -> int | None:
    """The int that a value stands for, by its ``__index__``; None for a bool, and for what stands for none."""
    if isinstance(value, bool) or not isinstance(value, SupportsIndex):
        return None
    try:
        return operator.index(value)
    except Exception:  # as of an array of several numbers
        return None
