"""``name=value`` on the command line: converts each value to the type that the method table has for its name."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from ..methods import PARAMETERS
from .options import UsageError


def read_params(pairs: Sequence[str]) -> dict[str, Any]:
    """The parameters that ``name=value`` texts stand for.

    The value of an unknown name stays a text, so new parameters work without a new release.
    """
    params: dict[str, Any] = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals or not name:
            raise UsageError(f"{pair!r} is not name=value, such as symbol=BTCUSDT")
        if name in params:
            raise UsageError(f"{name} is given twice")
        params[name] = _value(name, text)
    return params


def _value(name: str, text: str) -> Any:
    kind = PARAMETERS.get(name)
    if kind == "INTEGER":
        if not re.fullmatch(r"[+-]?[0-9]{1,19}", text):
            raise UsageError(f"{name} must be a whole number, not {text!r}")
        return int(text)
    if kind == "BOOLEAN":
        if text not in ("true", "false"):
            raise UsageError(f"{name} must be true or false, not {text!r}")
        return text == "true"
    if kind == "LIST":
        return _list(name, text)
    if kind == "WINDOW":
        if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", text):
            raise UsageError(f"{name} must be a number of milliseconds, not {text!r}")
        return Decimal(text) if "." in text else int(text)
    return text


def _list(name: str, text: str) -> list[str]:
    if not text.startswith("["):
        return [item.strip() for item in text.split(",")]
    try:
        items = json.loads(text)
    except ValueError:
        items = None
    if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
        raise UsageError(f'{name} must be a list: {name}=A,B or {name}=["A","B"], not {text!r}')
    return items
