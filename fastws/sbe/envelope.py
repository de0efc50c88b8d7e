"""The layout of WebSocketResponse, the message that contains every reply, for the reader of a connection."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .model import Enum, Group, Message, Model, Scalar, SchemaError

__all__ = ["response_layout"]

RESPONSE = 50  # the template id of a WebSocketResponse
LIMIT_TYPES = {
    "rateLimitType": "enum",
    "interval": "enum",
    "intervalNum": "uint8",
    "rateLimit": "int64",
    "current": "int64",
}


def response_layout(model: Model) -> dict[str, Any]:
    """The byte offsets of the elements of a WebSocketResponse, for the reader of a connection.

    Raises:
        SchemaError: the schema has no such message, or one in another form.
    """
    try:
        model = model.at(model.version)
        message = model.message("WebSocketResponse")
        if message.id != RESPONSE:
            raise ValueError(f"its template id is {message.id}, not {RESPONSE}")
        offsets = _offsets(model, message, {"status": "uint16", "sbeSchemaIdVersionDeprecated": "enum"})
        (limits,) = message.groups
        if limits.groups or limits.data:
            raise ValueError("an entry of rateLimits has more than fields")
        inner = _offsets(model, limits, LIMIT_TYPES)
        kinds = {
            name: {choice.value: choice.json or choice.name for choice in _enum(model, limits, name).choices}
            for name in ("rateLimitType", "interval")
        }
        holds = [(data.name, getattr(model.type_of(data), "holds", None)) for data in message.data]
        if holds != [("id", "text"), ("result", "message")]:
            raise ValueError(f"its data are {holds}")
        return {
            "status": offsets["status"],
            "sbeSchemaIdVersionDeprecated": offsets["sbeSchemaIdVersionDeprecated"],
            "rateLimits": [inner[name] for name in LIMIT_TYPES],
            "kinds": kinds["rateLimitType"],
            "intervals": kinds["interval"],
        }
    except (KeyError, ValueError) as exc:
        raise SchemaError(
            f"schema {model.id}:{model.version} has no WebSocketResponse as connections need it: {exc}"
        ) from None


def _offsets(model: Model, block: Message | Group, types: Mapping[str, str]) -> dict[str, int]:
    """The byte offsets of fields, after a check that they have the types that the reader expects."""
    offsets = {}
    for offset, item in model.layout(block):
        expected = types.get(item.name)
        if expected is None:
            continue
        kind = model.type_of(item)
        if isinstance(kind, Enum) and not kind.is_set:
            actual = "enum" if kind.primitive == "uint8" else f"enum of {kind.primitive}"
        else:
            actual = kind.primitive if isinstance(kind, Scalar) and kind.length == 1 else "of another kind"
        if item.constant is not None or actual != expected:
            raise ValueError(f"{item.name} is {'constant' if item.constant else actual}, not {expected}")
        offsets[item.name] = offset
    return offsets


def _enum(model: Model, block: Group, name: str) -> Enum:
    for item in block.fields:
        kind = model.type_of(item)
        if item.name == name and isinstance(kind, Enum):
            return kind
    raise KeyError(name)
