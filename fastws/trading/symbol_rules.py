"""Reads the rules of a symbol from exchangeInfo, each for itself: an unreadable rule does not affect the others.

In: the entry of a symbol, with decimals as texts. Out: the attributes of ``symbols.Symbol`` by name. If one cannot be
read, its value is an Unreadable, which says why. Values that fastws does not know stay as they are.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from .._common.decimal_fields import RESULT_FIELDS
from .._common.shown import shown

__all__ = ["Filter", "Range", "Unreadable", "read_filters", "read_symbol", "unreadable_symbol"]

_DECIMAL = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]{1,4})?")
_LONGEST_DECIMAL = 200  # characters
_MAX_EXPONENT = 1000  # of a number that is calculated with
_MAX_DIGITS = 100  # of an asset's precision

_RANGES = {
    "price_range": ("PRICE_FILTER", ("minPrice", "maxPrice", "tickSize")),
    "lot_size": ("LOT_SIZE", ("minQty", "maxQty", "stepSize")),
    "market_lot_size": ("MARKET_LOT_SIZE", ("minQty", "maxQty", "stepSize")),
}


class Unreadable(str):
    """The place of a rule that cannot be read; the text says why."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Range:
    """The rule of PRICE_FILTER, LOT_SIZE or MARKET_LOT_SIZE: a value is in [minimum, maximum], and a multiple of step.

    A bound or a step is None if it is switched off (0 in the filter).
    """

    filter: str
    minimum: Decimal | None
    maximum: Decimal | None
    step: Decimal | None


@dataclass(frozen=True, slots=True)
class Filter:
    """A filter of exchangeInfo, with its numbers as Decimals: ``filters["ICEBERG_PARTS"]["limit"]``.

    Values that are no numbers by the documentation, or that cannot be read as numbers, stay as they are.
    """

    name: str
    values: dict[str, Any]

    def __getitem__(self, name: str) -> Any:
        return self.values[name]


def read_symbol(info: dict[str, Any]) -> dict[str, Any]:
    """The attributes of a Symbol except ``info``. ``filters`` is None until read_filters() reads it."""
    given = _filters(info)
    read: dict[str, Any] = {
        "status": _given(info, "status", "a text", lambda value: value is not None),
        "base": _given(info, "baseAsset", "a text", lambda value: isinstance(value, str)),
        "quote": _given(info, "quoteAsset", "a text", lambda value: isinstance(value, str)),
        "order_types": _given(info, "orderTypes", "a list", lambda value: isinstance(value, list)),
        "price_digits": _given(info, "quoteAssetPrecision", "a number of digits", _is_precision),
        "quantity_digits": _given(info, "baseAssetPrecision", "a number of digits", _is_precision),
        "filters": given if isinstance(given, Unreadable) else None,
    }
    if isinstance(read["order_types"], list):
        read["order_types"] = tuple(read["order_types"])
    for name, (kind, fields) in _RANGES.items():
        read[name] = given if isinstance(given, Unreadable) else _range(kind, given.get(kind), fields)
    return read


def read_filters(info: dict[str, Any]) -> dict[str, Filter] | Unreadable:
    """The filters by their type. A filter without type, as from a newer SBE schema, is only in ``info``."""
    given = _filters(info)
    if isinstance(given, Unreadable):
        return given
    return {
        kind: Filter(
            kind, {name: _value(name, value) for name, value in entry.items() if name != "filterType"}
        )
        for kind, entry in given.items()
    }


def unreadable_symbol(why: object) -> dict[str, Any]:
    """The attributes of a Symbol of which only the name can be read; ``why`` is the reason."""
    names = ("info", "status", "base", "quote", "order_types", "price_digits", "quantity_digits", "filters")
    return dict.fromkeys((*names, *_RANGES), Unreadable(why))


def _given(info: dict[str, Any], name: str, expected: str, fits: Callable[[Any], bool]) -> Any:
    value = info.get(name)
    return value if fits(value) else _fault(info, name, expected)


def _fault(given: dict[str, Any], name: str, expected: str) -> Unreadable:
    if name not in given:
        return Unreadable(f"{name} is missing")
    return Unreadable(f"{name}: expected {expected}, got {shown(given[name], 80)}")


def _is_precision(value: object) -> bool:
    return type(value) is int and 0 <= value <= _MAX_DIGITS


def _filters(info: dict[str, Any]) -> dict[str, dict[str, Any]] | Unreadable:
    entries = info.get("filters")
    if not isinstance(entries, list):
        return _fault(info, "filters", "a list")
    return {
        entry["filterType"]: entry
        for entry in entries
        if isinstance(entry, dict) and isinstance(entry.get("filterType"), str)
    }


def _value(name: str, value: Any) -> Any:
    """A value of a filter: a number as a Decimal, anything else as it is."""
    if type(value) is int:
        return Decimal(value)
    if isinstance(value, float) and math.isfinite(value):
        return Decimal(repr(value))
    if isinstance(value, str) and name in RESULT_FIELDS and len(value) <= _LONGEST_DECIMAL:
        number = Decimal(value) if _DECIMAL.fullmatch(value) else None
        if number is not None and abs(number.adjusted()) <= _MAX_EXPONENT:
            return number
    return value


def _range(
    kind: str, entry: dict[str, Any] | None, fields: tuple[str, str, str]
) -> Range | Unreadable | None:
    if entry is None:
        return None
    bounds = []
    for name in fields:
        bound = _value(name, entry.get(name))
        if not isinstance(bound, Decimal) or bound < 0:
            return Unreadable(f"the filter {kind}: {_fault(entry, name, 'a decimal from 0 on')}")
        bounds.append(bound or None)
    return Range(kind, *bounds)
