"""The web application firewall: it blocks texts that look like SQL."""

from __future__ import annotations

import re

__all__ = ["looks_like_sql"]

_sql = re.compile(
    r"""\b(?:
        select\b.{1,200}\bfrom\b | union\s+(?:all\s+)?select\b | insert\s+into\b | delete\s+from\b
        | update\b.{1,200}\bset\b | (?:drop|truncate|alter)\s+table\b | or\s+1\s*=\s*1\b
    )""",
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
).search


def looks_like_sql(text: str) -> bool:
    """Whether a text contains a phrase of SQL. A single keyword is not a phrase."""
    if " " not in text:
        return False
    # Each phrase contains one of these words. Nearly all texts contain none, so this check is quick.
    low = text.lower()
    if (
        "select" in low
        or "insert" in low
        or "delete" in low
        or "update" in low
        or " table" in low
        or "or 1" in low
    ):
        return _sql(low) is not None
    return False
