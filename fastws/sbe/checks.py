"""``check()``: the rules for every schema that fastws reads, in XML and in the compact form."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from .._common.shown import shown
from .model import (
    SIZES,
    AnyType,
    Choice,
    Dimension,
    Enum,
    Group,
    Message,
    Model,
    Scalar,
    SchemaError,
    VarData,
)

__all__ = ["check"]

_DEEPEST = 15  # how deep groups may nest: a View looks for exponents in so many blocks
_LONGEST = 65535  # bytes of a block: headers and dimensions have 16 bits for it


def check(model: Model) -> None:
    """Refuse a schema that contradicts itself, or that the decoder does not support.

    Raises:
        SchemaError: the message names the place.
    """
    if not 0 <= model.oldest <= model.version <= 65535 or not 0 <= model.id <= 65535:
        raise SchemaError(f"schema {model.id}:{model.oldest}-{model.version}: ids and versions have 16 bits")
    for kind in model.types.values():
        _check_type(model, kind)
    _check_unique(model.messages.values(), "the schema")
    for message in model.messages.values():
        if not 0 <= message.id <= 65535:
            raise SchemaError(f"{message.name}: the id {message.id} does not fit 16 bits")
        _check_marks(model, message, message.name)
        _check_block(model, message, message.name, 0)


def _check_type(model: Model, kind: AnyType) -> None:
    _check_name(kind, f"the type {shown(kind.name)}")
    _check_marks(model, kind, kind.name)
    if kind.name in SIZES:
        raise SchemaError(f"the type {kind.name} has the name of a primitive type")
    if isinstance(kind, Scalar) and not 1 <= kind.length <= _LONGEST:
        raise SchemaError(f"{kind.name}: a length of {kind.length} is not understood")
    if isinstance(kind, Dimension):
        _check_primitive(kind.name, "unsigned", kind.block, kind.count)
    elif isinstance(kind, VarData):
        _check_primitive(kind.name, "unsigned", kind.length)
    elif isinstance(kind, Enum):
        _check_primitive(kind.name, "unsigned" if kind.is_set else "integer", kind.primitive)
        _check_unique(kind.choices, kind.name)
        for choice in kind.choices:
            _check_choice(model, kind, choice)


def _check_primitive(where: str, wanted: str, *primitives: str) -> None:
    for primitive in primitives:
        fits = primitive.startswith("uint") or (
            wanted == "integer" and (primitive.startswith("int") or primitive == "char")
        )
        if not fits:
            raise SchemaError(f"{where}: {primitive} is no {wanted} type")


def _check_choice(model: Model, kind: Enum, choice: Choice) -> None:
    where = f"{kind.name}.{choice.name}"
    _check_name(choice, where)
    _check_marks(model, choice, where)
    if kind.is_set:
        if not 0 <= choice.value < 8 * kind.size:
            raise SchemaError(f"{where}: {kind.primitive} has no bit {choice.value}")
        return
    signed = kind.primitive.startswith("int")
    least, most = (
        (-(2 ** (8 * kind.size - 1)), 2 ** (8 * kind.size - 1)) if signed else (0, 2 ** (8 * kind.size))
    )
    if not least <= choice.value < most:
        raise SchemaError(f"{where}: {choice.value} does not fit {kind.primitive}")


def _check_block(model: Model, block: Message | Group, where: str, depth: int) -> None:
    if depth > _DEEPEST:
        raise SchemaError(f"{where}: groups nest more than {_DEEPEST} deep")
    _check_name(block, where)
    _check_unique(block.parts, where)
    for part in block.parts:
        _check_name(part, f"{where}.{part.name}")
        _check_marks(model, part, f"{where}.{part.name}")
    if model.block_length(block) > _LONGEST:
        raise SchemaError(f"{where}: a block of more than {_LONGEST} bytes")
    for group in block.groups:
        _check_block(model, group, f"{where}.{group.name}", depth + 1)


def _check_name(element: Any, where: str) -> None:
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", element.name):
        raise SchemaError(f"{where}: {shown(element.name)} is no name: letters, digits and _ make one")


def _check_marks(model: Model, element: Any, where: str) -> None:
    removed = model.version if element.removed is None else element.removed
    if not 0 <= element.added <= removed <= model.version or element.added == element.removed:
        marks = f"+{element.added}" if element.removed is None else f"+{element.added} -{element.removed}"
        raise SchemaError(f"{where}: {marks} is not among the versions up to {model.version}")


def _check_unique(elements: Iterable[Any], where: str) -> None:
    """No version may have two elements with the same name, or two choices with the same value."""
    seen: dict[object, list[Any]] = {}
    for element in elements:
        keys = [element.name] if not isinstance(element, Choice) else [element.name, element.value]
        for key in keys:
            for other in seen.setdefault(key, []):
                if other.in_version(element.added) or element.in_version(other.added):
                    what = f"named {key}" if isinstance(key, str) else f"with the value {key}"
                    raise SchemaError(f"{where}: two elements {what}")
            seen[key].append(element)
