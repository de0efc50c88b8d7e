"""What a schema says, as values: types, enums, messages, and since which version.

One History holds all versions of a schema id: each element knows the version that brought it (``added``) and the one
that took it away (``removed``). ``History.at(version)`` is the Model of one version. Both readers, of the compact form
and of Binance's XML, make these; the plan compiler and the encoder read them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

__all__ = [
    "SIZES",
    "Choice",
    "Data",
    "Dimension",
    "Enum",
    "Field",
    "Group",
    "Message",
    "Model",
    "Scalar",
    "VarData",
]

# Bytes of SBE's primitive types.
SIZES: Mapping[str, int] = {
    "char": 1,
    "int8": 1,
    "uint8": 1,
    "int16": 2,
    "uint16": 2,
    "int32": 4,
    "uint32": 4,
    "int64": 8,
    "uint64": 8,
    "float": 4,
    "double": 8,
}


@dataclass(frozen=True)
class _Versioned:
    """``added``: the version that brought this element; ``removed``: the first one without it, or None."""

    added: int = field(default=0, kw_only=True)
    removed: int | None = field(default=None, kw_only=True)

    def in_version(self, version: int) -> bool:
        return self.added <= version and (self.removed is None or version < self.removed)


@dataclass(frozen=True)
class Scalar(_Versioned):
    """A named primitive type; ``length`` of them in a row, as in mantissa128."""

    name: str
    primitive: str
    length: int = 1

    @property
    def size(self) -> int:
        return SIZES[self.primitive] * self.length


@dataclass(frozen=True)
class Choice(_Versioned):
    """A value of an enum, or a bit of a set; ``json`` is how the JSON API writes it, None for as it is named."""

    name: str
    value: int
    json: str | None = None


@dataclass(frozen=True)
class Enum(_Versioned):
    """An enum, or with ``is_set`` a set of bits."""

    name: str
    primitive: str
    choices: tuple[Choice, ...]
    is_set: bool = False

    @property
    def size(self) -> int:
        return SIZES[self.primitive]


@dataclass(frozen=True)
class Dimension(_Versioned):
    """What stands in front of a group: the size of an entry's block, and how many entries."""

    name: str
    block: str
    count: str


@dataclass(frozen=True)
class VarData(_Versioned):
    """Bytes behind their length: "text", or a whole "message". Where ``optional``, no bytes are null."""

    name: str
    length: str
    holds: str
    optional: bool = False


AnyType = Scalar | Enum | Dimension | VarData


@dataclass(frozen=True)
class Field(_Versioned):
    """A field of a block.

    Attributes:
        type: the name of a type, or of a primitive.
        optional: whether it can be null.
        exponent: the field that holds its exponent, for a decimal.
        json: mbx:jsonPath, None for its own name.
        default: mbx:jsonDefaultValue, what the JSON API shows for null.
        constant: the choice that is meant, where it takes no bytes.
    """

    name: str
    type: str
    optional: bool = False
    exponent: str | None = None
    json: str | None = None
    default: str | None = None
    constant: str | None = None


@dataclass(frozen=True)
class Data(_Versioned):
    """Bytes of any length, behind the groups."""

    name: str
    type: str
    json: str | None = None
    default: str | None = None


@dataclass(frozen=True)
class _Block(_Versioned):
    name: str
    fields: tuple[Field, ...] = ()
    groups: tuple[Group, ...] = ()
    data: tuple[Data, ...] = ()


@dataclass(frozen=True)
class Group(_Block):
    """A repeating group. ``omit_empty``: the JSON API leaves out the key where there are no entries."""

    dimension: str = "groupSizeEncoding"
    json: str | None = None
    omit_empty: bool = False


@dataclass(frozen=True)
class Message(_Block):
    """A message. ``event`` is the JSON API's name of an event, ``e``."""

    id: int = 0
    event: str | None = None


V = TypeVar("V", bound=_Versioned)


@dataclass(frozen=True)
class Model:
    """A schema: of one version, or with the marks of several, up to ``version``."""

    id: int
    version: int
    package: str
    types: Mapping[str, AnyType]
    messages: Mapping[int, Message]
    oldest: int = 0

    def at(self, version: int) -> Model:
        """The schema as it was in one version, without marks."""
        if not self.oldest <= version <= self.version:
            raise ValueError(
                f"schema {self.id} has the versions {self.oldest} to {self.version}, not {version}"
            )
        return Model(
            self.id,
            version,
            self.package,
            {t.name: t for t in _pick(self.types.values(), version)},
            {m.id: m for m in _pick(self.messages.values(), version)},
            version,
        )

    def message(self, name: str) -> Message:
        """The message of that name.

        Raises:
            KeyError: there is none.
        """
        for message in self.messages.values():
            if message.name == name:
                return message
        raise KeyError(name)

    def type_of(self, element: Field | Data) -> AnyType:
        """The type of a field or of data; a primitive's own name is a type, too."""
        known = self.types.get(element.type)
        if known is not None:
            return known
        if element.type in SIZES:
            return Scalar(element.type, element.type)
        raise KeyError(element.type)

    def size_of(self, element: Field) -> int:
        """Bytes that a field takes in its block."""
        if element.constant is not None:
            return 0
        kind = self.type_of(element)
        assert isinstance(kind, (Scalar, Enum))
        return kind.size

    def block_length(self, block: Message | Group) -> int:
        """Bytes of a block."""
        return sum(map(self.size_of, block.fields))


def _pick(elements: Iterable[V], version: int) -> tuple[V, ...]:
    """The elements of one version, and of each its own parts of that version; marks are gone."""
    return tuple(_unmarked(element, version) for element in elements if element.in_version(version))


def _unmarked(element: V, version: int) -> V:
    changed: dict[str, Any] = {"added": 0, "removed": None}
    for name in ("choices", "fields", "groups", "data"):
        parts = getattr(element, name, None)
        if parts:
            changed[name] = _pick(parts, version)
    return dataclasses.replace(element, **changed)


# ---------------------------------------------------------------------------------------- several versions


def merge(older: Model, newer: Model) -> Model:
    """One description of both: what the newer version brought, took away or changed is marked.

    Args:
        older: one version, or several merged before.
        newer: the next version.

    Raises:
        ValueError: the two are not of the same schema id, or not in order.
    """
    if older.id != newer.id:
        raise ValueError(f"schema {newer.id} is not schema {older.id}: versions of one id can be merged")
    if newer.version <= older.version:
        raise ValueError(f"version {newer.version} is not newer than version {older.version}")
    version = newer.version
    types = _merged(older.types.values(), newer.types.values(), version)
    messages = _merged(older.messages.values(), newer.messages.values(), version)
    by_id: dict[int, Message] = {}
    for message in messages:
        if message.id in by_id:
            raise ValueError(f"message {message.id} is {by_id[message.id].name}, then {message.name}")
        by_id[message.id] = message
    by_name: dict[str, AnyType] = {}
    for kind in types:
        if kind.name in by_name:
            raise ValueError(f"the type {kind.name} is another one in version {version}")
        by_name[kind.name] = kind
    return Model(older.id, version, newer.package, by_name, by_id, older.oldest)


def _merged(older: Iterable[V], newer: Iterable[V], version: int) -> list[V]:
    """Elements of both, in the order of the newer one; those that went stand where they stood."""
    result: list[V] = []
    rest = list(older)
    for element in newer:
        at = next((i for i, old in enumerate(rest) if old.removed is None and _same(old, element)), None)
        if at is None:
            changed = next(
                (i for i, o in enumerate(rest) if o.removed is None and _key(o) == _key(element)), None
            )
            if changed is not None:
                result += (_gone(old, version) for old in rest[: changed + 1])
                del rest[: changed + 1]
            result.append(dataclasses.replace(element, added=version))
            continue
        result += (_gone(old, version) for old in rest[:at])
        result.append(_joined(rest[at], element, version))
        del rest[: at + 1]
    return result + [_gone(old, version) for old in rest]


def _key(element: Any) -> Any:
    return getattr(element, "id", None) or element.name


def _gone(old: V, version: int) -> V:
    return old if old.removed is not None else dataclasses.replace(old, removed=version)


_PARTS = ("choices", "fields", "groups", "data")


def _same(old: Any, new: Any) -> bool:
    """Whether two elements are the same, but for their marks and their parts."""
    return type(old) is type(new) and all(
        getattr(old, f.name) == getattr(new, f.name)
        for f in dataclasses.fields(old)
        if f.name not in ("added", "removed", *_PARTS)
    )


def _joined(old: V, new: V, version: int) -> V:
    changed = {
        name: tuple(_merged(getattr(old, name), getattr(new, name), version))
        for name in _PARTS
        if hasattr(old, name)
    }
    return dataclasses.replace(new, added=old.added, removed=None, **changed)
