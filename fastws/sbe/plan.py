"""Compiles a message of a Model to a decode plan: a flat list of operations, which ``_native/sbe.pyx`` executes.

A block (of a message, or of a group's entries) becomes one list of operations, in the order of its bytes: fields,
groups, data. ``_native/sbe.DecodePlan`` turns each operation into a C struct. A "json" plan makes the value that the
JSON API documents; a "native" plan makes a dict of the schema's names and raw values.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

from .._common.shown import shown
from .documented import Rule, closing_values, rule_for
from .model import (
    Choice,
    Data,
    Dimension,
    Enum,
    Field,
    Group,
    Message,
    Model,
    Part,
    Scalar,
    SchemaError,
    VarData,
)

__all__ = ["BlockPlan", "Operation", "compile_all", "compile_message", "json_rule"]

_TIME = "utcTimestampUs"
_BOOL = "boolEnum"
_EXPONENT = "exponent8"


@dataclass
class Operation:
    """One operation of a decode plan, about one element.

    Attributes:
        kind: what to do: the name of an operation in ``_native/sbe.pyx``.
        name: the name of the element, for the path in errors.
        role: where the value goes: "key" of an object, "item" of an array, the "value" of the whole block; "join": its
            keys become keys of an object; "aside": it belongs to the frame; "skip": nowhere.
        key: its key in the object.
        target: the slot of that object; 0 is the object of the block.
        slot: for an OBJECT: its own slot.
        offset, size: its place in the block, in bytes.
        optional: whether it has a null value.
        primitive: its primitive type; for a group that of the block length, for data that of the length.
        count: for a group: the primitive type of the number of entries.
        exponent: for a decimal: (how many blocks outward, offset) of its exponent.
        condition: (offset, size) of a field: if that one is null, this one is left out. A size of 0 means no condition.
        unless_zero: whether it is left out if it is 0.
        omit_empty: whether a group without entries is left out.
        added: the first version of the schema that has it.
        values: for an enum or a set: the value for each raw value or bit.
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
        least: bytes that a block has at least, of many.
        shape: what an entry becomes: "object"; "array" of its values; the one "value" it has.
        slots: how many objects within the object there are.
        event: the JSON API's name of the event, or None.
    """

    name: str
    block_length: int
    least: int = 0
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

    What was removed before that version is left out. What was added later stands behind the rest: it lies beyond the
    block, or behind the end, of such a message, and reads as null; unless it took the place of what was there.

    Raises:
        SchemaError: the message says what fastws does not understand.
    """
    compiler = _Compiler(model, message, version, mode == "native")
    return compiler.block(message, None, "", False)


def compile_all(model: Model) -> None:
    """Make all plans of a schema, to find out whether fastws understands it.

    Raises:
        SchemaError: as ``compile_message``.
    """
    kinds = [choice for kind in model.types.values() if isinstance(kind, Enum) for choice in kind.choices]
    elsewhere = _changes(kinds)
    for message in model.messages.values():
        for version in sorted(elsewhere | _changes([message]) | {model.version}):
            if message.in_version(version):
                for mode in ("json", "native"):
                    compile_message(model, message, version, mode)


def _changes(elements: Iterable[Choice | Message | Part]) -> set[int]:
    """The versions in which elements, or what stands in them, change."""
    versions = set()
    for element in elements:
        versions |= {element.added} if element.removed is None else {element.added, element.removed}
        if isinstance(element, (Message, Group)):
            versions |= _changes(element.parts)
    return versions


def json_rule(model: Model, message: Message, element: Part, path: str) -> Rule:
    """How an element of a message appears in JSON: what its attributes say, and what only the documentation does.

    Args:
        path: names of the groups that it stands in, each with a dot behind it.
    """
    json_path = element.json if element.json is not None else element.name
    rule = rule_for(model.id, message.name, path + element.name, json_path)
    default = getattr(element, "default", None)
    return dataclasses.replace(
        rule,
        path=json_path if rule.path is None else rule.path,
        default=default if rule.default is None else rule.default,
    )


class _Compiler:
    def __init__(self, model: Model, message: Message, version: int, native: bool) -> None:
        self.model = model
        self.message = message
        self.version = version
        self.native = native

    def block(self, block: Message | Group, outer: _Scope | None, path: str, nested: bool) -> BlockPlan:
        present = [part for part in block.parts if part.in_version(self.version)]
        later = self._later(block.parts, present, path)
        scope = _Scope({}, outer)
        offset = 0
        fields = [part for part in (*present, *later) if isinstance(part, Field)]
        for item in fields:
            scope.offsets[item.name] = (offset, item)
            offset += self.model.size_of(item)
        plan = BlockPlan(block.name, offset, event=getattr(block, "event", None))
        # Blocks are never much shorter than in their version; not exactly, because files forget what came later.
        plan.least = sum(self.model.size_of(item) for item in present if isinstance(item, Field)) // 4
        builder = _Builder(plan)
        if plan.event is not None and not self.native:
            builder.add("CONST", "e", Rule(path="e"), value=plan.event)
        for item in fields:
            self._field(builder, item, scope, path)
        # An entry has nothing behind its end that could be known to be missing.
        for part in present if nested else (*present, *later):
            if isinstance(part, Group):
                self._group(builder, part, scope, path)
            elif isinstance(part, Data):
                self._data(builder, part, path)
        if nested and not self.native:
            for value in closing_values(self.model.id, self.message.name, path.rstrip(".")):
                builder.add("CONST", "", Rule(path="[]"), value=value)
        return plan

    def _later(self, parts: Iterable[Part], present: Iterable[Part], path: str) -> list[Part]:
        """What later versions brought, but for constants, and what has the name or JSON key of something present."""
        taken = {key for part in present for key in self._keys(part, path)}
        later: list[Part] = []
        for part in parts:
            constant = isinstance(part, Field) and part.constant is not None
            if part.added > self.version and not constant and not taken & self._keys(part, path):
                later.append(part)
                taken |= self._keys(part, path)
        return later

    def _keys(self, part: Part, path: str) -> set[str]:
        place = None if self.native else self._rule(part, path).path
        return {part.name} if place in (None, "[]", "..") else {part.name, f"json {place}"}

    def _rule(self, element: Part, path: str) -> Rule:
        return (
            Rule(path=element.name, null=True)
            if self.native
            else json_rule(self.model, self.message, element, path)
        )

    def _fail(self, path: str, what: str) -> NoReturn:
        raise SchemaError(f"{self.message.name}.{path}: {what}")

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
            choices = kind.choices if isinstance(kind, Enum) else ()
            choice = next(
                (c for c in choices if c.name == item.constant and c.in_version(self.version)), None
            )
            if choice is None or not isinstance(kind, Enum):
                self._fail(path + item.name, f"{item.constant} is no value of {item.type}")
            builder.add("CONST", item.name, rule, value=self._choice_value(kind, choice))
        elif isinstance(kind, Enum):
            self._enum(builder, item, kind, rule, place)
        elif isinstance(kind, Scalar):
            self._scalar(builder, item, kind, rule, place, scope, path + item.name)
        else:
            self._fail(path + item.name, f"{item.type} is no type of a field")

    def _scalar(
        self,
        builder: _Builder,
        item: Field,
        kind: Scalar,
        rule: Rule,
        place: dict[str, Any],
        scope: _Scope,
        path: str,
    ) -> None:
        wide = kind.primitive == "uint8" and kind.length == 16
        if item.exponent is not None and not self.native:
            exponent = scope.find(item.exponent)
            if exponent is None:
                self._fail(
                    path, f"there is no exponent {shown(item.exponent)} in its block or those around it"
                )
            if not wide and (kind.primitive != "int64" or kind.length != 1):
                self._fail(path, f"{item.type} is no mantissa: int64, or uint8[16]")
            operation = "DECIMAL128" if wide else "DECIMAL64"
            zero = self._is_zero(rule, path)
            builder.add(operation, item.name, rule, **place, primitive="int64", exponent=exponent, zero=zero)
        elif wide:
            builder.add("INT128", item.name, rule, **place)
        elif kind.length != 1 and kind.primitive != "char":
            # no value of an array is null
            builder.add("ARRAY", item.name, rule, **{**place, "optional": False}, primitive=kind.primitive)
        elif kind.primitive in ("float", "double"):
            operation = "NATIVE_FLOAT" if self.native else "FLOAT"
            zero = self._is_zero(rule, path)
            builder.add(operation, item.name, rule, **place, primitive=kind.primitive, zero=zero)
        elif kind.primitive == "char":
            builder.add("CHARS", item.name, rule, **place, primitive="char")
        else:
            operation = "TIME" if item.type == _TIME and not self.native else "INT"
            if operation == "TIME" and kind.primitive != "int64":
                self._fail(path, f"a time of {kind.primitive} is not understood")
            builder.add(
                operation,
                item.name,
                rule,
                **place,
                primitive=kind.primitive,
                absent=self._default(rule, int, "whole number", path),
            )

    def _default(self, rule: Rule, convert: Callable[[str], Any], what: str, path: str) -> Any:
        """The value that null is shown as, or None."""
        try:
            return None if rule.default is None else convert(rule.default)
        except ValueError:
            self._fail(path, f"the default {shown(rule.default)} is no {what}")

    def _is_zero(self, rule: Rule, path: str) -> bool:
        """Whether null is shown as 0, which is the only default that a decimal can have."""
        default = self._default(rule, float, "number", path)
        if default:
            self._fail(path, f"a default other than 0 is not understood: {shown(rule.default)}")
        return default is not None

    def _enum(self, builder: _Builder, item: Field, kind: Enum, rule: Rule, place: dict[str, Any]) -> None:
        values: dict[int, object] = {}
        # A value that a later version brought may come all the same; one of this version has precedence.
        for choice in sorted(kind.choices, key=lambda choice: choice.in_version(self.version)):
            if choice.removed is None or self.version < choice.removed:
                values[choice.value] = self._choice_value(kind, choice)
        absent: object = rule.default
        if kind.name == _BOOL and not self.native and rule.default is not None:
            absent = rule.default == "true"
        operation = "SET" if kind.is_set else "ENUM"
        builder.add(
            operation, item.name, rule, **place, primitive=kind.primitive, values=values, absent=absent
        )

    def _choice_value(self, kind: Enum, choice: Choice) -> object:
        if self.native:
            return choice.name
        if kind.name == _BOOL:
            return choice.value == 1
        return choice.json if choice.json is not None else choice.name

    def _group(self, builder: _Builder, group: Group, scope: _Scope, path: str) -> None:
        rule = self._rule(group, path)
        kind = self.model.types.get(group.dimension)
        if not isinstance(kind, Dimension):
            self._fail(path + group.name, f"{shown(group.dimension)} is no dimension")
        # what stands in a group that came later is as that version has it
        inner = _Compiler(self.model, self.message, max(self.version, group.added), self.native)
        plan = inner.block(group, scope, f"{path}{group.name}.", True)
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
            self._fail(path + data.name, f"{shown(data.type)} is no type of data")
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
