"""The text of a parameter, as it is signed and sent.

The rule, for every kind of key (web-socket-api.md, "Request security"): take all parameters but ``signature``, sort
them by name, join them as ``name=value`` with ``&``, and sign the UTF-8 bytes. Nothing is percent-encoded; that is a
rule of the REST API.
"""

from __future__ import annotations

import json
import math
import re
from decimal import Decimal

from .._common.index import index_of
from .._common.shown import plain_text
from ..errors import InvalidRequest

_CONTROL = re.compile("[\x00-\x1f\x7f]")


def text(name: str, value: object) -> str:
    """The text of one parameter, as it is signed and sent."""
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(_json_text(name, item) for item in value) + "]"
    if isinstance(value, str):
        return _checked(name, value)
    return _scalar_text(name, value)


def _json_text(name: str, item: object) -> str:
    if isinstance(item, str):
        return json.dumps(_checked(name, item), ensure_ascii=False)
    return _scalar_text(name, item)


def _checked(name: str, value: str) -> str:
    if _CONTROL.search(value) is not None:
        raise InvalidRequest(f"{name} has a control character")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise InvalidRequest(f"{name} has a lone surrogate: no valid Unicode text") from None
    # A subclass of str (an enum member) may format itself differently.
    return str(plain_text(value))


def _scalar_text(name: str, value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    number = index_of(value)
    if number is not None:
        return int.__repr__(number)
    if isinstance(value, (Decimal, float)):
        # math.isfinite() makes a float of a Decimal first
        if not (value.is_finite() if isinstance(value, Decimal) else math.isfinite(value)):
            raise InvalidRequest(f"{name} is not finite: {value}")
        return format(value if isinstance(value, Decimal) else Decimal(repr(value)), "f")
    raise InvalidRequest(
        f"{name} must be a str, int, bool, Decimal, float or a list of these, not {type(value).__name__}"
    )
