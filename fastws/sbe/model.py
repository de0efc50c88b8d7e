"""The content of a schema as Python objects: types, enums, messages, and the versions that have them.

A Model can contain several versions of a schema: each element has the version that added it (``added``), and the one
that removed it (``removed``). ``at(version)`` returns the Model of one version, and ``merge()`` adds the next version.
The readers of the compact form and of Binance's XML create Models; the plan compiler and the encoder use them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

__all__ = [
    "SIZES",
    "AnyType",
    "Choice",
    "Data",
    "Dimension",
    "Enum",
    "Field",
    "Group",
    "Message",
    "Model",
    "Part",
    "Scalar",
    "SchemaError",
    "VarData",
    "merge",
]


class SchemaError(ValueError):
    """A schema cannot be read, or is not supported; the message names the place."""


# The sizes of SBE's primitive types, in bytes.
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
    """A named element. ``added`` is the first version that has it; ``removed`` is the first one without it, or None."""

    name: str
    added: int = field(default=0, kw_only=True)
    removed: int | None = field(default=None, kw_only=True)

    def in_version(self, version: int) -> bool:
        return self.added <= version and (self.removed is None or version < self.removed)


@dataclass(frozen=True)
class Scalar(_Versioned):
    """A named primitive type, or an array of ``length`` of them, as in mantissa128."""

    primitive: str
    length: int = 1

    @property
    def size(self) -> int:
        return SIZES[self.primitive] * self.length


@dataclass(frozen=True)
class Choice(_Versioned):
    """A value of an enum, or a bit of a set. ``json`` is its text in the JSON API; None if that is its name."""

    value: int
    json: str | None = None


@dataclass(frozen=True)
class Enum(_Versioned):
    """An enum; with ``is_set`` a set of bits."""

    primitive: str
    choices: tuple[Choice, ...]
    is_set: bool = False

    @property
    def size(self) -> int:
        return SIZES[self.primitive]


@dataclass(frozen=True)
class Dimension(_Versioned):
    """The header of a group: the size of an entry's block, and the number of entries."""

    block: str
    count: str


@dataclass(frozen=True)
class VarData(_Versioned):
    """Bytes after their length. They hold a "text" or a whole "message". With ``optional``, a length of 0 is null."""

    length: str
    holds: str
    optional: bool = False


AnyType = Scalar | Enum | Dimension | VarData


@dataclass(frozen=True)
class Field(_Versioned):
    """A field of a block.

    Attributes:
        type: the name of a type of the schema, or of a primitive type.
        optional: whether it can be null.
        exponent: for a decimal, the name of the field that has its exponent.
        json: mbx:jsonPath; None if it is the field's name.
        default: mbx:jsonDefaultValue: the value that the JSON API shows for null.
        constant: the name of its constant choice; such a field takes no bytes.
    """

    type: str
    optional: bool = False
    exponent: str | None = None
    json: str | None = None
    default: str | None = None
    constant: str | None = None


@dataclass(frozen=True)
class Data(_Versioned):
    """Data of variable length, after the groups of a block."""

    type: str
    json: str | None = None
    default: str | None = None


@dataclass(frozen=True)
class _Block(_Versioned):
    fields: tuple[Field, ...] = ()
    groups: tuple[Group, ...] = ()
    data: tuple[Data, ...] = ()

    @property
    def parts(self) -> tuple[Part, ...]:
        """All elements, in the order of their bytes."""
        return (*self.fields, *self.groups, *self.data)


@dataclass(frozen=True)
class Group(_Block):
    """A repeating group. ``omit_empty``: the JSON API leaves out the key if there are no entries."""

    dimension: str = "groupSizeEncoding"
    json: str | None = None
    omit_empty: bool = False


@dataclass(frozen=True)
class Message(_Block):
    """A message. ``event`` is the JSON API's name of the event (``e``), if it is an event."""

    id: int = 0
    event: str | None = None


K = TypeVar("K")
V = TypeVar("V", bound=_Versioned)
Part = Field | Group | Data  # of a message or a group


@dataclass(frozen=True)
class Model:
    """A schema: one version, or the versions from ``oldest`` to ``version``."""

    id: int
    version: int
    package: str
    types: Mapping[str, AnyType]
    messages: Mapping[int, Message]
    oldest: int = 0

    def at(self, version: int) -> Model:
        """The Model of one version.

        Raises:
            ValueError: the schema does not have this version.
        """
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
        """The message of this name; of two, the one that was not removed.

        Raises:
            KeyError: there is no such message.
        """
        named = [message for message in self.messages.values() if message.name == name]
        if not named:
            raise KeyError(name)
        return next((message for message in named if message.removed is None), named[-1])

    def type_of(self, element: Field | Data) -> AnyType:
        """The type of a field or of data. The name of a primitive type is a type, too.

        Raises:
            KeyError: there is no such type.
        """
        known = self.types.get(element.type)
        if known is not None:
            return known
        if element.type in SIZES:
            return Scalar(element.type, element.type)
        raise KeyError(element.type)

    def size_of(self, element: Field) -> int:
        """How many bytes a field takes in its block."""
        if element.constant is not None:
            return 0
        kind = self.type_of(element)
        assert isinstance(kind, (Scalar, Enum))
        return kind.size

    def layout(self, block: Message | Group) -> Iterator[tuple[int, Field]]:
        """The fields of a block with their offsets, in a Model of one version."""
        offset = 0
        for item in block.fields:
            yield offset, item
            offset += self.size_of(item)

    def block_length(self, block: Message | Group) -> int:
        """Bytes of a block, in a Model of one version."""
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

    A version between the two that nobody merged is taken to be as the older one.

    Args:
        older: one version, or several merged before.
        newer: one later version.

    Raises:
        SchemaError: the two are not of the same schema id, or not in order; or a type or a message became another
            one under the same name or id, which one description cannot hold.
    """
    if older.id != newer.id:
        raise SchemaError(
            f"schema {newer.id} is not schema {older.id}: only versions of one schema can be merged"
        )
    if newer.oldest != newer.version:
        raise SchemaError(f"versions {newer.oldest} to {newer.version} in one: merge one version at a time")
    if newer.version <= older.version:
        raise SchemaError(
            f"version {newer.version} is not newer than version {older.version}: merge versions in their order"
        )
    version = newer.version
    newer = newer.at(version)  # its own marks say no more than the older one's
    types = _merged_by_key(older.types, newer.types, version, "the type")
    messages = _merged_by_key(older.messages, newer.messages, version, "message")
    return Model(older.id, version, newer.package, types, messages, older.oldest)


def _merged_by_key(older: Mapping[K, V], newer: Mapping[K, V], version: int, what: str) -> dict[K, V]:
    """Types, or messages, of both, whose order means nothing."""
    result = {key: old if key in newer else _gone(old, version) for key, old in older.items()}
    for key, element in newer.items():
        old = result.get(key)
        if old is None:
            result[key] = dataclasses.replace(element, added=version)
        elif old.removed is None and _same(old, element):
            result[key] = _joined(old, element, version)
        else:
            raise SchemaError(_clash(f"{what} {key}", old, element, version))
    return result


def _merged(older: Iterable[V], newer: Iterable[V], version: int) -> list[V]:
    """The parts of an element, in the order of the newer one; those that went stand where they stood."""
    result: list[V] = []
    rest = list(older)
    for element in newer:
        same = next((i for i, old in enumerate(rest) if old.removed is None and _same(old, element)), None)
        if same is not None:
            result += (_gone(old, version) for old in rest[:same])
            result.append(_joined(rest[same], element, version))
            del rest[: same + 1]
            continue
        changed = next(
            (i for i, old in enumerate(rest) if old.removed is None and old.name == element.name), None
        )
        if changed is not None:
            result += (_gone(old, version) for old in rest[: changed + 1])
            del rest[: changed + 1]
        result.append(dataclasses.replace(element, added=version))
    return result + [_gone(old, version) for old in rest]


def _gone(old: V, version: int) -> V:
    return old if old.removed is not None else dataclasses.replace(old, removed=version)


_PARTS = ("choices", "fields", "groups", "data")


def _differences(old: Any, new: Any) -> list[str]:
    """The attributes in which two elements of a kind differ, but for their marks and their parts."""
    return [
        f.name
        for f in dataclasses.fields(old)
        if f.name not in ("added", "removed", *_PARTS) and getattr(old, f.name) != getattr(new, f.name)
    ]


def _same(old: Any, new: Any) -> bool:
    return type(old) is type(new) and not _differences(old, new)


def _joined(old: V, new: V, version: int) -> V:
    changed: dict[str, Any] = {
        name: tuple(_merged(getattr(old, name), getattr(new, name), version))
        for name in _PARTS
        if hasattr(old, name)
    }
    return dataclasses.replace(new, added=old.added, removed=None, **changed)


def _clash(what: str, old: _Versioned, new: _Versioned, version: int) -> str:
    """Why an element and the one of the same name, or id, have no place in one description."""
    if old.removed is not None and _same(old, new):
        return (
            f"{what} went with version {old.removed} and comes back with version {version}; "
            f"if it is the same as before, take the mark -{old.removed} out of the older description"
        )
    if type(old) is not type(new):
        how = f"from {type(old).__name__.lower()} to {type(new).__name__.lower()}"
    else:
        how = ", ".join(
            f"its {name} from {getattr(old, name)} to {getattr(new, name)}" for name in _differences(old, new)
        )
    return f"{what} changes with version {version}: {how}; one description cannot hold both"
