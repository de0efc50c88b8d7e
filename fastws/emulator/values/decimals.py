"""Decimals as integers: prices, quantities and amounts in units of 10^-8, so that sums are exact."""

from __future__ import annotations

from functools import lru_cache

__all__ = ["UNIT", "decimal_text", "short_text", "units"]

UNIT = 10**8


def units(text: str) -> int:
    """A decimal with up to eight places, as an integer in units of 10^-8."""
    whole, _, fraction = text.partition(".")
    return int(whole) * UNIT + int(fraction.ljust(8, "0")[:8] or 0)


@lru_cache(maxsize=8192)  # an order, its events and its replies show the same numbers
def decimal_text(value: int) -> str:
    """The decimal for an integer in units of 10^-8, with eight places like the exchange's decimals."""
    whole, fraction = divmod(value, UNIT)
    return f"{whole}.{fraction:08d}"


def short_text(value: int) -> str:
    """The decimal for an integer in units of 10^-8, without zeros at the end."""
    return decimal_text(value).rstrip("0").rstrip(".")
