"""A message of a Model -> the flat operations that the walker in ``_sbe`` interprets.

A block (of a message, or of a group's entries) becomes one list of operations, in wire order: its fields, its groups,
its data. ``_sbe.Plan`` turns each into a C struct. Two kinds of plans exist: "json" makes the value that the JSON API
documents, "native" the message's own names and raw integers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .documented import Rule, closing_values, rule_for
from .model import Data, Dimension, Enum, Field, Group, Message, Model, Scalar, VarData
from .xml_reader import SchemaError

__all__ = ["BlockPlan", "Operation", "compile_message", "response_layout"]

_TIME = "utcTimestampUs"
_BOOL = "boolEnum"
_EXPONENT = "exponent8"


@dataclass
class Operation:
    """One step of the walker.

    Attributes:
        kind: what to do: a name of ``_sbe``'s kinds.
        name: of the element, for error paths.
        role: what becomes of the value: "key" of an object, "item" of an array, the "value" of the whole, "join" its
            keys with an object's, "aside" for what belongs to the frame, "skip" for nothing.
        key: the key in the object.
        target: the slot of that object; 0 is the block's own.
        slot: of an OBJECT: its own slot.
        offset: in the block, in bytes; ``size`` as well.
        optional: whether it has a null value.
        primitive: its primitive type; of a group, that of the block length, and of data, that of the length.
        count: of a group: the primitive type of the number of entries.
        exponent: (how many blocks outward, offset) of a decimal's exponent.
        condition: (offset, size) of a field without whose value this one is not shown; a size of 0 for none.
        unless_zero: not shown while it is 0.
        omit_empty: a group without entries is not shown.
        added: the version of the schema that brought it.
        values: of an enum or a set: what a raw value, or bit, becomes.
        value: of a constant.
        shows_null: whether null is shown, as ``absent``; ``zero`` shows a decimal 0 then.
        sub: of a group: the plan of an entry.
    """

    kind: str
    name: str
    role: str = "key"
    key: str | None = None
    target: int = 0
    slot: int = 0
    offset: int = 0
    size: int = 0
    optional: bool = False
    primitive: str = "uint8"
    count: str = "uint8"
    exponent: tuple[int, int] = (0, 0)
    condition: tuple[int, int] = (0, 0)
    unless_zero: bool = False
    omit_empty: bool = False
    added: int = 0
    values: Mapping[int, object] | None = None
    value: object = None
    shows_null: bool = False
    absent: object = None
    zero: bool = False
    sub: BlockPlan | None = None


@dataclass
class BlockPlan:
    """The operations of a block.

    Attributes:
        name: of the message or the group.
        block_length: bytes of the block in this version of the schema.
        shape: what an entry becomes: "object"; "array" of its values; the one "value" it has.
        slots: how many objects within the object there are.
        event: the JSON API's name of the event, or None.
    """

    name: str
    block_length: int
    shape: str = "object"
    operations: list[Operation] = field(default_factory=list)
    slots: int = 0
    event: str | None = None


@dataclass
class _Scope:
    """Where an element looks for what it refers to: its block, and those around it."""

    offsets: dict[str, tuple[int, Field]]
    outer: _Scope | None

    def find(self, name: str) -> tuple[int, int] | None:
        """(how many blocks outward, offset) of a field."""
        scope: _Scope | None = self
        level = 0
        while scope is not None:
            if name in scope.offsets:
                return level, scope.offsets[name][0]
            scope, level = scope.outer, level + 1
        return None


def compile_message(model: Model, message: Message, version: int, mode: str) -> BlockPlan:
    """The plan for a message that was encoded in ``version``.

    What was removed before that version is left out. What was added later is in the plan: it lies beyond the block,
    or behind the end, of such a message, and reads as null.
    """
    compiler = _Compiler(model, message, version, mode == "native")
    return compiler.block(message, None, "", False)


class _Compiler:
    def __init__(self, model: Model, message: Message, version: int, native: bool) -> None:
        self.model = model
        self.message = message
        self.version = version
        self.native = native

    def block(self, block: Message | Group, outer: _Scope | None, path: str, nested: bool) -> BlockPlan:
        fields = self._present(block.fields)
        scope = _Scope({}, outer)
        offset = 0
        for item in fields:
            scope.offsets[item.name] = (offset, item)
            offset += self.model.size_of(item)
        plan = BlockPlan(block.name, offset, event=getattr(block, "event", None))
        builder = _Builder(plan)
        if plan.event is not None and not self.native:
            builder.add("CONST", "e", Rule(path="e"), value=plan.event)
        for item in fields:
            self._field(builder, item, scope, path)
        for group in self._present(block.groups):
            self._group(builder, group, scope, path)
        for data in self._present(block.data):
            self._data(builder, data, path)
        if nested:
            for value in (
                () if self.native else closing_values(self.model.id, self.message.name, path.rstrip("."))
            ):
                builder.add("CONST", "", Rule(path="[]"), value=value)
        return plan

    def _present(self, elements: Sequence[Any]) -> list[Any]:
        """Those that a message of this version can have, and later ones that do not replace one of them."""
        version = self.version
        replaced = {
            (element.name, element.removed)
            for element in elements
            if element.removed is not None and version < element.removed
        }
        return [
            element
            for element in elements
            if (element.removed is None or version < element.removed)
            and (element.removed is not None or (element.name, element.added) not in replaced)
        ]

    def _rule(self, element: Field | Group | Data, path: str) -> Rule:
        if self.native:
            return Rule(path=element.name, null=True)
        json_path = element.json if element.json is not None else element.name
        rule = rule_for(self.model.id, self.message.name, path + element.name, json_path)
        changes: dict[str, Any] = {}
        if rule.path is None:
            changes["path"] = json_path
        default = getattr(element, "default", None)
        if rule.default is None and default is not None:
            changes["default"] = default
        return Rule(**{**vars(rule), **changes}) if changes else rule

    # ------------------------------------------------------------------------------------------- elements

    def _field(self, builder: _Builder, item: Field, scope: _Scope, path: str) -> None:
        rule = self._rule(item, path)
        kind = self.model.type_of(item)
        if item.type == _EXPONENT and not self.native:
            return
        place: dict[str, Any] = {
            "offset": scope.offsets[item.name][0],
            "size": self.model.size_of(item),
            "optional": item.optional,
        }
        if rule.only_with is not None:
            condition = scope.offsets.get(rule.only_with)
            if condition is not None:
                place["condition"] = (condition[0], self.model.size_of(condition[1]))
        if item.constant is not None:
            assert isinstance(kind, Enum)
            choice = next(c for c in kind.choices if c.name == item.constant)
            builder.add("CONST", item.name, rule, value=self._choice_value(kind, choice.value))
        elif isinstance(kind, Enum):
            self._enum(builder, item, kind, rule, place)
        elif isinstance(kind, Scalar):
            self._scalar(builder, item, kind, rule, place, scope)
        else:
            raise SchemaError(f"{self.message.name}.{path}{item.name}: {item.type} is no type of a field")

    def _scalar(
        self, builder: _Builder, item: Field, kind: Scalar, rule: Rule, place: dict[str, Any], scope: _Scope
    ) -> None:
        wide = kind.primitive == "uint8" and kind.length == 16
        if item.exponent is not None and not self.native:
            exponent = scope.find(item.exponent)
            if exponent is None:
                raise SchemaError(f"{self.message.name}.{item.name}: there is no exponent {item.exponent!r}")
            if not wide and (kind.primitive != "int64" or kind.length != 1):
                raise SchemaError(f"{self.message.name}.{item.name}: {kind.primitive} is no mantissa")
            operation = "DECIMAL128" if wide else "DECIMAL64"
            zero = rule.default is not None
            builder.add(operation, item.name, rule, **place, primitive="int64", exponent=exponent, zero=zero)
        elif wide:
            builder.add("INT128", item.name, rule, **place)
        elif kind.primitive in ("float", "double"):
            operation = "NATIVE_FLOAT" if self.native else "FLOAT"
            zero = rule.default is not None
            builder.add(operation, item.name, rule, **place, primitive=kind.primitive, zero=zero)
        elif kind.primitive == "char":
            builder.add("CHARS", item.name, rule, **place, primitive="char")
        elif kind.length != 1:
            builder.add("ARRAY", item.name, rule, **place, primitive=kind.primitive)
        else:
            operation = "TIME" if item.type == _TIME and not self.native else "INT"
            default = None if rule.default is None else int(rule.default)
            builder.add(operation, item.name, rule, **place, primitive=kind.primitive, absent=default)

    def _enum(self, builder: _Builder, item: Field, kind: Enum, rule: Rule, place: dict[str, Any]) -> None:
        values = {choice.value: self._choice_value(kind, choice.value) for choice in kind.choices}
        absent: object = rule.default
        if kind.name == _BOOL and not self.native and rule.default is not None:
            absent = rule.default == "true"
        operation = "SET" if kind.is_set else "ENUM"
        builder.add(
            operation, item.name, rule, **place, primitive=kind.primitive, values=values, absent=absent
        )

    def _choice_value(self, kind: Enum, value: int) -> object:
        choice = next(c for c in kind.choices if c.value == value)
        if self.native:
            return choice.name
        if kind.name == _BOOL:
            return value == 1
        return choice.json if choice.json is not None else choice.name

    def _group(self, builder: _Builder, group: Group, scope: _Scope, path: str) -> None:
        rule = self._rule(group, path)
        kind = self.model.types.get(group.dimension)
        if not isinstance(kind, Dimension):
            raise SchemaError(f"{self.message.name}.{group.name}: {group.dimension!r} is no dimension")
        plan = self.block(group, scope, f"{path}{group.name}.", True)
        builder.add(
            "SINGLE" if rule.single else "GROUP",
            group.name,
            rule,
            primitive=kind.block,
            count=kind.count,
            sub=plan,
            added=group.added,
            omit_empty=rule.omit_empty or (group.omit_empty and not self.native),
        )

    def _data(self, builder: _Builder, data: Data, path: str) -> None:
        rule = self._rule(data, path)
        kind = self.model.types.get(data.type)
        if not isinstance(kind, VarData):
            raise SchemaError(f"{self.message.name}.{data.name}: {data.type!r} is no type of data")
        builder.add(
            "TEXT" if kind.holds == "text" else "MESSAGE",
            data.name,
            rule,
            primitive=kind.length,
            optional=kind.optional,
            added=data.added,
            absent=rule.default,
        )


class _Builder:
    """Puts operations together, and makes the objects that dotted paths name."""

    def __init__(self, plan: BlockPlan) -> None:
        self.plan = plan
        self._objects: dict[str, int] = {}

    def add(self, kind: str, name: str, rule: Rule, *, absent: object = None, **options: Any) -> None:
        if rule.hidden and kind not in ("GROUP", "TEXT", "MESSAGE"):
            return  # a field is simply not looked at; a group and data must be passed over
        operation = Operation(
            kind,
            name,
            unless_zero=rule.unless_zero,
            shows_null=absent is not None or rule.null,
            absent=absent,
            **options,
        )
        self._place(operation, rule)
        self.plan.operations.append(operation)

    def _place(self, operation: Operation, rule: Rule) -> None:
        path = rule.path or ""
        outer, _, key = path.rpartition(".")
        if rule.hidden:
            operation.role = "skip"
        elif rule.aside:
            operation.role = "aside"
        elif path == "..":
            self.plan.shape = operation.role = "value"
        elif path == "[]":
            self.plan.shape = "array"
            operation.role = "item"
        else:
            operation.target = self._slot(outer) if outer else 0
            if key == "*":
                operation.role = "join"
            else:
                operation.key = key

    def _slot(self, path: str) -> int:
        """The slot of the object at a path; it stands where its first element does."""
        if path not in self._objects:
            outer, _, key = path.rpartition(".")
            around = self._slot(outer) if outer else 0
            self.plan.slots += 1
            self._objects[path] = self.plan.slots
            self.plan.operations.append(
                Operation("OBJECT", key, key=key, target=around, slot=self.plan.slots)
            )
        return self._objects[path]


def response_layout(model: Model) -> dict[str, Any]:
    """Where the elements of a WebSocketResponse stand, for a session's reader.

    Raises:
        SchemaError: the schema has no such message, or one of another shape.
    """
    try:
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
    offsets, at = {}, 0
    for item in block.fields:
        offsets[item.name] = at
        at += model.size_of(item)
    return offsets


def _enum(model: Model, block: Group, name: str) -> Enum:
    kind = model.type_of(next(item for item in block.fields if item.name == name))
    if not isinstance(kind, Enum):
        raise KeyError(name)
    return kind
