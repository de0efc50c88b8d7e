"""The envelope of a request: the JSON object with its id, method and parameters."""

from __future__ import annotations

import json
from typing import Any

from ..values.auth import Number
from ..values.errors import Refusal
from ..values.params import is_request_id

__all__ = ["DuplicateNames", "decode", "read_envelope"]


class DuplicateNames(dict[str, Any]):
    """A JSON object in which a name occurs twice."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    return value if len(value) == len(pairs) else DuplicateNames(value)


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


decode = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=Number, parse_float=Number, parse_constant=_no_constant
).decode


def read_envelope(text: str) -> dict[str, Any]:
    """Read the envelope of a request, and check its id."""
    try:
        message = decode(text)
    except (ValueError, RecursionError):
        raise _malformed("Invalid JSON Request") from None
    if type(message) is not dict:
        raise _malformed("Invalid JSON Request")
    if "id" not in message or not is_request_id(message["id"]):
        raise _malformed(
            "Invalid 'id' in JSON request; expected an integer, a string matching "
            "'^[a-zA-Z0-9-_]{1,36}$', or null."
        )
    return message


def _malformed(message: str) -> Refusal:
    return Refusal(400, -1135, message, null_id=True)
