"""Shapes of JSON: a comparison of a reply's keys and types with a documented one."""

from __future__ import annotations

import re

_decimal = re.compile(r"-?[0-9]+(\.[0-9]+)?").fullmatch


def kind(value):
    """The kind of a value; decimals as texts differ from other texts."""
    if isinstance(value, str):
        return "decimal" if _decimal(value) else "text"
    return type(value).__name__


def differences(expected, got, path="$", extra=(), missing=()):
    """The differences of a reply's keys and types from an example's, as texts.

    Every entry of an array is like the first one of the example's. ``extra`` and ``missing`` are paths, such as
    "$.result[].trailingDelta", at which (or below which) a difference has its reason.
    """
    if path in extra:
        return []
    if isinstance(expected, dict) and isinstance(got, dict):
        found = []
        for name in expected:
            where = f"{path}.{name}"
            if name in got:
                found += differences(expected[name], got[name], where, extra, missing)
            elif where not in missing:
                found.append(f"{where} is missing")
        found += [
            f"{path}.{name} is new" for name in got if name not in expected and f"{path}.{name}" not in extra
        ]
        shown = [name for name in expected if name in got]
        if not found and shown != [name for name in got if name in expected]:
            found.append(f"{path} has another order")
        return found
    if isinstance(expected, list) and isinstance(got, list):
        if expected and not got:
            return [f"{path} is empty"]
        if not expected:
            return []
        if len({kind(item) for item in expected}) > 1:
            # A tuple, such as a kline.
            if len(expected) != len(got):
                return [f"{path} has {len(got)} places"]
            pairs = zip(expected, got, strict=True)
        else:
            pairs = ((expected[0], item) for item in got)
        found = []
        for one, other in pairs:
            found += differences(one, other, f"{path}[]", extra, missing)
        return list(dict.fromkeys(found))
    # The name of an asset may look like a number.
    if kind(expected) != kind(got) and (kind(expected), kind(got)) != ("text", "decimal"):
        return [f"{path} is {kind(got)}, not {kind(expected)}"]
    return []
