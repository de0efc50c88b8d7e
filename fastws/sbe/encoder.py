"""Encodes messages from the values of decode_native(): for tests, users of the emulator, and recordings."""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from typing import Any

from .._common.shown import shown
from ..errors import InvalidRequest
from .model import SIZES, Data, Dimension, Enum, Field, Group, Message, Model, Scalar, VarData

__all__ = ["encode"]

_FORMATS = dict(zip(SIZES, "cbBhHiIqQfd", strict=True))
_LARGEST = {name: 2 ** (8 * size) - 1 for name, size in SIZES.items() if name.startswith("uint")}


def encode(model: Model, message: str | int, value: Mapping[str, Any]) -> bytes:
    """The bytes of a message with its header; see ``Schema.encode``."""
    found: Message | None
    try:
        found = model.messages[message] if isinstance(message, int) else model.message(message)
    except KeyError:
        found = None
    if found is None or found.removed is not None:
        raise InvalidRequest(f"schema {model.id}:{model.version} has no message {shown(message)}")
    return _Encoder(model).message(found, value, found.name)


class _Encoder:
    def __init__(self, model: Model) -> None:
        self.model = model

    def message(self, message: Message, value: Mapping[str, Any], path: str) -> bytes:
        model = self.model
        length = sum(model.size_of(item) for item in message.fields if item.removed is None)
        header = struct.pack("<4H", length, message.id, model.id, model.version)
        return header + self._block(message, value, path)

    def _block(self, block: Message | Group, value: Mapping[str, Any], path: str) -> bytes:
        if not isinstance(value, Mapping):
            raise InvalidRequest(f"{path}: expected a mapping, got {shown(value)}")
        parts = [part for part in block.parts if part.removed is None]
        strangers = value.keys() - {part.name for part in parts}
        if strangers:
            raise InvalidRequest(f"{path} has no element {shown(sorted(map(str, strangers))[0])}")
        pieces = []
        for part in parts:
            given, place = value.get(part.name), f"{path}.{part.name}"
            if isinstance(part, Field):
                pieces.append(self._field(part, given, place))
            elif isinstance(part, Group):
                pieces.append(self._group(part, given or (), place))
            else:
                pieces.append(self._data(part, given, place))
        return b"".join(pieces)

    # ------------------------------------------------------------------------------------------- fields

    def _field(self, item: Field, value: Any, path: str) -> bytes:
        kind = self.model.type_of(item)
        assert isinstance(kind, (Scalar, Enum))
        if item.constant is not None:
            return b""
        if value is None:
            if not item.optional:
                raise InvalidRequest(f"{path}: a required field, which cannot be null")
            return _null(kind)
        if isinstance(kind, Enum):
            return _pack(kind.primitive, self._raw(kind, value, path), path)
        if kind.primitive == "char":
            text = str(value).encode()
            if len(text) > kind.length:
                raise InvalidRequest(f"{path}: {shown(value)} has more than {kind.length} bytes")
            return text.ljust(kind.length, b"\0")
        if kind.primitive == "uint8" and kind.length == 16:
            if type(value) is not int or not -(2**127) <= value < 2**127:
                raise InvalidRequest(f"{path}: expected an int of 128 bits, got {shown(value)}")
            return value.to_bytes(16, "little", signed=True)
        if kind.length != 1:
            if not isinstance(value, (list, tuple)) or len(value) != kind.length:
                raise InvalidRequest(f"{path}: expected {kind.length} numbers, got {shown(value)}")
            return b"".join(_pack(kind.primitive, entry, path) for entry in value)
        return _pack(kind.primitive, value, path)

    def _raw(self, kind: Enum, value: Any, path: str) -> int:
        names = {choice.name: choice.value for choice in kind.choices}
        if kind.is_set:
            if not isinstance(value, (list, tuple)):
                raise InvalidRequest(f"{path}: expected a list of names, got {shown(value)}")
            bits = {self._choice(names, entry, path) for entry in value}
            if any(not 0 <= bit < 8 * kind.size for bit in bits):
                raise InvalidRequest(f"{path}: {shown(value)} has a bit that there is not")
            return sum(1 << bit for bit in bits)
        return self._choice(names, value, path)

    def _choice(self, names: Mapping[str, int], value: Any, path: str) -> int:
        if type(value) is int:
            return value
        if value not in names:
            raise InvalidRequest(
                f"{path}: expected one of {', '.join(names)}, or a raw integer, got {shown(value)}"
            )
        return names[value]

    # --------------------------------------------------------------------------------- groups and data

    def _group(self, group: Group, value: Any, path: str) -> bytes:
        kind = self.model.types[group.dimension]
        assert isinstance(kind, Dimension)
        if not isinstance(value, (list, tuple)):
            raise InvalidRequest(f"{path}: expected a list, got {shown(value)}")
        length = sum(self.model.size_of(item) for item in group.fields if item.removed is None)
        entries = [self._block(group, entry, f"{path}[{i}]") for i, entry in enumerate(value)]
        return b"".join((_pack(kind.block, length, path), _pack(kind.count, len(entries), path), *entries))

    def _data(self, data: Data, value: Any, path: str) -> bytes:
        kind = self.model.types[data.type]
        assert isinstance(kind, VarData)
        if value is None:
            content = b""
            if not kind.optional and kind.holds == "message":
                raise InvalidRequest(f"{path}: a message is needed")
        elif kind.holds == "text":
            if not isinstance(value, str):
                raise InvalidRequest(f"{path}: expected a str, got {shown(value)}")
            content = value.encode()
        else:
            content = self._embedded(value, path)
        if len(content) > _LARGEST[kind.length]:
            raise InvalidRequest(f"{path}: {len(content)} bytes, more than its length can say")
        return _pack(kind.length, len(content), path) + content

    def _embedded(self, value: Any, path: str) -> bytes:
        if not isinstance(value, Mapping) or not value.keys() & {"template", "templateId"}:
            raise InvalidRequest(f"{path}: expected {{'template': …, 'value': …}}, got {shown(value)}")
        wanted = value.get("template", value.get("templateId"))
        try:
            message = self.model.messages[wanted] if isinstance(wanted, int) else self.model.message(wanted)
        except KeyError:
            raise InvalidRequest(f"{path}: there is no message {shown(wanted)}") from None
        return self.message(message, value.get("value", {}), f"{path}.{message.name}")


def _null(kind: Scalar | Enum) -> bytes:
    """SBE's null values: the smallest signed and the largest unsigned integer, NaN, and NUL."""
    if isinstance(kind, Scalar) and kind.length != 1:
        return b"\0" * 15 + b"\x80" if kind.length == 16 else b"\0" * kind.size
    if kind.primitive in ("float", "double"):
        return struct.pack("<" + _FORMATS[kind.primitive], math.nan)
    if kind.primitive == "char":
        return b"\0"
    if kind.primitive.startswith("u"):
        return b"\xff" * kind.size
    return (-1 << 8 * kind.size - 1).to_bytes(kind.size, "little", signed=True)


def _pack(primitive: str, value: Any, path: str) -> bytes:
    wanted: tuple[type, ...] = (int, float) if primitive in ("float", "double") else (int,)
    if isinstance(value, bool) or not isinstance(value, wanted):
        raise InvalidRequest(f"{path}: expected {primitive}, got {shown(value)}")
    try:
        return struct.pack("<" + _FORMATS[primitive], value)
    except (struct.error, OverflowError):
        raise InvalidRequest(f"{path}: {shown(value)} does not fit {primitive}") from None
