"""Layouts of SBE messages as texts, and the packing of documented JSON values by a layout.

A layout is a text with the fields (or the data elements) in the order of the wire, each written as

    name[@key]:type[?][=default]

``key`` is the place in the JSON, if not ``name``: another name, a path ``a.b``, the index in an array, or
``.`` for the value itself. ``?`` marks a field that can be null. A default is used if the JSON does not have the value;
with ``?``, it is the JSON's value for null. The types:

    i8 … u64, f32        numbers
    bool, orderSide …    enumerations and sets, by their names in the schema
    exp                  the exponent ``xExponent`` of the decimals ``dec.x`` and ``big.x``, also in groups below;
                         it has as many places as their texts, so that a reader gets the same texts
    dec.x, big.x         mantissas of 64 and of 128 bits
    str8, str16          texts, after a length of so many bits; empty for null
    msg8.c … msg32.c     a message with its own header, chosen by CHOICES[c]; empty for null
    raw32                bytes as they are
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from .codes import ENUMS, NON_REPRESENTABLE, SETS

__all__ = ["CHOICES", "MESSAGES", "SCHEMA_ID", "SCHEMA_VERSION", "Block", "Group", "Item", "pack_message"]

# Messages are always of this version, the highest, also for clients that requested another version.
SCHEMA_ID = 3
SCHEMA_VERSION = 5

Places: TypeAlias = Mapping[str, int]
_Get: TypeAlias = Callable[[Any], Any]
_Read: TypeAlias = Callable[[Any, Places], Any]

_DEFAULT_PLACES = 8
_NUMBERS = {"i8": "b", "u8": "B", "i16": "h", "u16": "H", "i32": "i", "u32": "I", "i64": "q", "u64": "Q"}
_LENGTHS = {"8": struct.Struct("<B"), "16": struct.Struct("<H"), "32": struct.Struct("<I")}
_HEADER = struct.Struct("<HHHH")
_item = re.compile(r"(\w+)(?:@([\w.]+))?:(\w+)(?:\.(\w+))?(\?)?(?:=(\S*))?").fullmatch


class Item:
    """A field, or a data element, of a layout.

    Attributes:
        name: as in the schema.
        key: its place in the JSON.
        type: one of the types above; ``arg`` is the part after the dot.
        optional: whether it can be null.
        default: the text of its default, or None.
    """

    __slots__ = ("arg", "default", "key", "name", "optional", "type")

    def __init__(self, text: str) -> None:
        match = _item(text)
        if match is None:
            raise ValueError(f"not an item of a layout: {text!r}")
        name, key, kind, arg, mark, default = match.groups()
        self.name: str = name
        self.key: str = key or name
        self.type: str = kind
        self.arg: str = arg or ""
        self.default: str | None = default
        self.optional = mark is not None


class Group:
    """A repeating group. The JSON can have an array of entries, one object, or nothing."""

    def __init__(
        self, name: str, fields: str = "", *groups: Group, data: str = "", small: bool = False
    ) -> None:
        self.name, _, key = name.partition("@")
        self.key = key or self.name
        self.block = Block(fields, *groups, data=data)
        self.size = struct.Struct("<HH" if small else "<HI")
        self._get = _getter(self.key)

    def entries(self, value: Any) -> list[Any]:
        found = self._get(value)
        if found is None:
            return []
        return [found] if isinstance(found, dict) else list(found)

    def pack(self, value: Any, places: Places) -> bytes:
        entries = self.entries(value)
        block = self.block
        size = self.size.pack(block.length, len(entries))
        return size + b"".join([block.pack(entry, places) for entry in entries])


class Block:
    """The layout of a message, or of a group's entry: its fields, groups and data."""

    def __init__(self, fields: str = "", *groups: Group, data: str = "") -> None:
        self.fields = tuple(Item(text) for text in fields.split())
        self.groups = groups
        self.data = tuple(Item(text) for text in data.split())
        self.exponents = [_exponent(item) for item in self.fields if item.type == "exp"]
        self._decimals: dict[str, list[_Get]] = {}
        for item in self.fields:
            if item.type in ("dec", "big"):
                self._decimals.setdefault(item.arg, []).append(_getter(item.key))
        # The exponents that an outer block has.
        below = {name for group in groups for name in group.block.outer}
        self.outer: set[str] = (below | self._decimals.keys()) - set(self.exponents)
        pairs = [_field(item) for item in self.fields]
        self._reads = [read for _, read in pairs]
        layout = struct.Struct("<" + "".join(code for code, _ in pairs))
        self.length = layout.size
        self._pack = layout.pack
        self._writes = [_data(item) for item in self.data]
        self._flat = not (groups or data)

    def pack(self, value: Any, places: Places) -> bytes:
        """Pack a JSON value. ``places`` has the decimal places of exponents that an outer block has."""
        if not self.exponents:
            return self._pack_all(value, places)
        try:
            return self._pack_all(value, {**places, **self._measure(value, _digits)})
        except struct.error:
            # The mantissa is too large; without zeros at the end, it may fit.
            return self._pack_all(value, {**places, **self._measure(value, _significant_digits)})

    def _pack_all(self, value: Any, places: Places) -> bytes:
        block = self._pack(*[read(value, places) for read in self._reads])
        if self._flat:
            return block
        parts = [block]
        parts += [group.pack(value, places) for group in self.groups]
        parts += [write(value) for write in self._writes]
        return b"".join(parts)

    def _measure(self, value: Any, count: Callable[[str], int]) -> dict[str, int]:
        return {
            name: max(map(count, self._texts(name, value)), default=_DEFAULT_PLACES)
            for name in self.exponents
        }

    def _texts(self, name: str, value: Any) -> list[str]:
        texts = [text for get in self._decimals.get(name, ()) if (text := get(value)) is not None]
        for group in self.groups:
            if name in group.block.outer:
                for entry in group.entries(value):
                    texts += group.block._texts(name, entry)
        return texts


MESSAGES: dict[int, Block] = {}
CHOICES: dict[str, Callable[[Any], int]] = {}


def pack_message(template: int, value: Any) -> bytes:
    """Pack a message with its header."""
    block = MESSAGES[template]
    return _HEADER.pack(block.length, template, SCHEMA_ID, SCHEMA_VERSION) + block.pack(value, {})


def _exponent(item: Item) -> str:
    return item.name.removesuffix("Exponent")


def _digits(text: str) -> int:
    point = text.rfind(".")
    return 0 if point < 0 else len(text) - point - 1


def _significant_digits(text: str) -> int:
    return len(text.partition(".")[2].rstrip("0"))


def _mantissa(text: str, places: int) -> int:
    if places and text[-places - 1 : -places] == ".":
        return int(text[: -places - 1] + text[-places:])
    whole, _, fraction = text.partition(".")
    # Only zeros are cut off; see Block.pack.
    return int(whole + fraction.ljust(places, "0")[:places])


def _getter(key: str) -> _Get:
    if key == ".":
        return lambda value: value
    if key.isdecimal():
        index = int(key)
        return lambda value: value[index]
    first, _, rest = key.partition(".")
    if rest:
        return lambda value: (value.get(first) or {}).get(rest)
    return lambda value: value.get(first)


def _field(item: Item) -> tuple[str, _Read]:
    """The struct code of a field, and the function that reads its number from a JSON value."""
    if item.type == "exp":
        exponent = _exponent(item)
        return "b", lambda value, places: -places[exponent]
    code, convert, null = _kind(item)
    get = _getter(item.key)
    if item.optional:
        return code, _nullable(get, convert, null, item.default)
    default: Any = item.default
    if default is not None and item.type == "bool":
        default = default == "true"
    elif default is not None and item.type in _NUMBERS:
        default = int(default)
    return code, _required(item.name, get, convert, default)


def _kind(item: Item) -> tuple[str, _Read, Any]:
    """The struct code of a field, its conversion, and its null value."""
    kind, arg = item.type, item.arg
    if kind == "dec":
        return "q", _decimal(arg), -(2**63)
    if kind == "big":
        # No message has a null number of this type.
        return "16s", _big(_decimal(arg)), None
    if kind == "f32":
        return "f", lambda raw, places: float(raw), float("nan")
    if kind == "bool":
        return "B", lambda raw, places: 1 if raw else 0, 255
    if kind in ENUMS:
        codes = ENUMS[kind]
        return "B", lambda raw, places: codes.get(raw, NON_REPRESENTABLE), 255
    if kind in SETS:
        code, bits, other = SETS[kind]
        return code, _bits(bits, other), None
    code = _NUMBERS[kind]
    width = 8 * struct.calcsize("<" + code)
    null = -(1 << width - 1) if code.islower() else (1 << width) - 1
    return code, lambda raw, places: raw, null


def _required(name: str, get: _Get, convert: _Read, default: Any) -> _Read:
    def read(value: Any, places: Places) -> Any:
        raw = get(value)
        if raw is None:
            if default is None:
                raise KeyError(name)
            raw = default
        return convert(raw, places)

    return read


def _nullable(get: _Get, convert: _Read, null: Any, default: str | None) -> _Read:
    if default is None:

        def read(value: Any, places: Places) -> Any:
            raw = get(value)
            return null if raw is None else convert(raw, places)

        return read
    number = float(default)

    def read_number(value: Any, places: Places) -> Any:
        raw = get(value)
        return null if raw is None or float(raw) == number else convert(raw, places)

    return read_number


def _decimal(exponent: str) -> _Read:
    return lambda raw, places: _mantissa(raw, places[exponent])


def _big(decimal: _Read) -> _Read:
    return lambda raw, places: decimal(raw, places).to_bytes(16, "little", signed=True)


def _bits(bits: Mapping[str, int], other: int) -> _Read:
    def convert(raw: Any, places: Places) -> int:
        total = 0
        for name in raw:
            total |= bits.get(name, other)
        return total

    return convert


def _data(item: Item) -> Callable[[Any], bytes]:
    """The function that packs a data element from a JSON value."""
    kind, bits = item.type.rstrip("0123456789"), item.type.lstrip("strmgaw")
    length = _LENGTHS[bits]
    get = _getter(item.key)

    def write(value: Any) -> bytes:
        raw = get(value)
        if raw is None or (item.optional and raw == item.default):
            if not item.optional and item.default is None:
                raise KeyError(item.name)
            content = b"" if item.optional else str(item.default).encode()
        elif kind == "str":
            content = raw.encode()
        elif kind == "msg":
            content = pack_message(CHOICES[item.arg](raw), raw)
        else:
            content = raw
        return length.pack(len(content)) + content

    return write
