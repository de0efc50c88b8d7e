"""WebSocketResponse, the message around all replies: where a session finds what it needs of it."""

from __future__ import annotations

from typing import Any

from .model import Enum, Group, Message, Model, SchemaError

__all__ = ["response_layout"]


def response_layout(model: Model) -> dict[str, Any]:
    """Where the elements of a WebSocketResponse stand, for a session's reader.

    Raises:
        SchemaError: the schema has no such message, or one of another shape.
    """
    try:
        model = model.at(model.version)
        message = model.message("WebSocketResponse")
        offsets = _offsets(model, message)
        (limits,) = message.groups
        inner = _offsets(model, limits)
        kinds = {
            name: {choice.value: choice.json or choice.name for choice in _enum(model, limits, name).choices}
            for name in ("rateLimitType", "interval")
        }
        if [data.name for data in message.data] != ["id", "result"]:
            raise KeyError("data")
        return {
            "status": offsets["status"],
            "sbeSchemaIdVersionDeprecated": offsets["sbeSchemaIdVersionDeprecated"],
            "rateLimits": [
                inner[name] for name in ("rateLimitType", "interval", "intervalNum", "rateLimit", "current")
            ],
            "kinds": kinds["rateLimitType"],
            "intervals": kinds["interval"],
        }
    except (KeyError, ValueError) as exc:
        raise SchemaError(
            f"schema {model.id}:{model.version} has no WebSocketResponse as sessions need it: {exc}"
        ) from None


def _offsets(model: Model, block: Message | Group) -> dict[str, int]:
    return {item.name: offset for offset, item in model.layout(block)}


def _enum(model: Model, block: Group, name: str) -> Enum:
    for item in block.fields:
        kind = model.type_of(item)
        if item.name == name and isinstance(kind, Enum):
            return kind
    raise KeyError(name)
