"""The compact form of a schema: text that a person can read, and keep several versions in. schemas/README.md has its
grammar.

``loads`` reads it, ``dumps`` writes it: each is the other's inverse.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from .model import (
    SIZES,
    AnyType,
    Choice,
    Data,
    Dimension,
    Enum,
    Field,
    Group,
    Message,
    Model,
    Scalar,
    VarData,
)
from .xml_reader import SchemaError

__all__ = ["dumps", "loads"]

_INDENT = "  "


# ------------------------------------------------------------------------------------------------- writing


def dumps(model: Model) -> str:
    """The text of a schema."""
    versions = str(model.version) if model.oldest == model.version else f"{model.oldest}-{model.version}"
    lines = [f"schema {model.id}:{versions} {model.package}", ""]
    for kind in model.types.values():
        lines += _type_lines(kind)
    for message in model.messages.values():
        event = f" event {message.event}" if message.event else ""
        lines += ["", f"message {message.id} {message.name}{event}{_marks(message)}"]
        lines += _block_lines(message, 1)
    return "\n".join(lines) + "\n"


def _type_lines(kind: AnyType) -> Iterator[str]:
    if isinstance(kind, Scalar):
        length = f"[{kind.length}]" if kind.length != 1 else ""
        yield f"type {kind.name} {kind.primitive}{length}{_marks(kind)}"
    elif isinstance(kind, Dimension):
        yield f"dimension {kind.name} {kind.block} {kind.count}{_marks(kind)}"
    elif isinstance(kind, VarData):
        yield f"data {kind.name} {kind.length} {kind.holds}{'?' if kind.optional else ''}{_marks(kind)}"
    else:
        yield f"{'set' if kind.is_set else 'enum'} {kind.name} {kind.primitive}{_marks(kind)}"
        for choice in kind.choices:
            json = f" {choice.json}" if choice.json is not None else ""
            yield f"{_INDENT}{choice.value} {choice.name}{json}{_marks(choice)}"


def _block_lines(block: Message | Group, depth: int) -> Iterator[str]:
    space = _INDENT * depth
    for field in block.fields:
        kind = field.type + "?" * field.optional
        kind += f"^{field.exponent}" if field.exponent else ""
        kind += f"={field.constant}" if field.constant else ""
        yield f"{space}{field.name} {kind}{_json(field)}{_marks(field)}"
    for group in block.groups:
        omitted = " omit-empty" if group.omit_empty else ""
        yield f"{space}{group.name}[] {group.dimension}{_json(group)}{omitted}{_marks(group)}"
        yield from _block_lines(group, depth + 1)
    for data in block.data:
        yield f"{space}{data.name} {data.type}{_json(data)}{_marks(data)}"


def _json(element: Field | Group | Data) -> str:
    text = f" json={element.json}" if element.json is not None else ""
    default = getattr(element, "default", None)
    return text if default is None else f"{text} default={default}"


def _marks(element: Any) -> str:
    text = f" +{element.added}" if element.added else ""
    return text if element.removed is None else f"{text} -{element.removed}"


# ------------------------------------------------------------------------------------------------- reading


@dataclass
class _Line:
    number: int
    depth: int
    words: list[str]

    def fault(self, what: str) -> SchemaError:
        return SchemaError(f"line {self.number}: {what}")


def loads(text: str) -> Model:
    """Read a schema.

    Raises:
        SchemaError: the text is no schema; the message names the line.
    """
    lines = list(_lines(text))
    if not lines or lines[0].words[0] != "schema":
        raise SchemaError("line 1: expected `schema ID:VERSION PACKAGE`")
    head = lines.pop(0)
    match = re.fullmatch(r"(\d+):(?:(\d+)-)?(\d+)", head.words[1] if len(head.words) == 3 else "")
    if match is None:
        raise head.fault("expected `schema ID:VERSION PACKAGE` or `schema ID:OLDEST-NEWEST PACKAGE`")
    version = int(match[3])
    types: dict[str, AnyType] = {}
    messages: dict[int, Message] = {}
    while lines:
        line = lines.pop(0)
        if line.depth:
            raise line.fault("unexpected indentation")
        inner = []
        while lines and lines[0].depth:
            inner.append(lines.pop(0))
        if line.words[0] == "message":
            message = _read_message(line, inner, types)
            if message.id in messages:
                raise line.fault(f"a second message with the id {message.id}")
            messages[message.id] = message
        else:
            kind = _read_type(line, inner)
            if kind.name in types or kind.name in SIZES:
                raise line.fault(f"a second type {kind.name!r}")
            types[kind.name] = kind
    oldest = int(match[2]) if match[2] else version
    return Model(int(match[1]), version, head.words[2], types, messages, oldest)


def _lines(text: str) -> Iterator[_Line]:
    for number, raw in enumerate(text.splitlines(), 1):
        content = raw.lstrip(" ")
        if not content or content.startswith("#"):
            continue
        depth, rest = divmod(len(raw) - len(content), len(_INDENT))
        line = _Line(number, depth, content.split())
        if rest:
            raise line.fault("indent by two spaces")
        yield line


def _take_marks(line: _Line) -> dict[str, Any]:
    marks: dict[str, Any] = {}
    while line.words and re.fullmatch(r"[+-]\d+", line.words[-1]):
        word = line.words.pop()
        marks["added" if word[0] == "+" else "removed"] = int(word[1:])
    return marks


def _read_type(line: _Line, inner: list[_Line]) -> AnyType:
    marks = _take_marks(line)
    kind, *words = line.words
    if inner and kind not in ("enum", "set"):
        raise inner[0].fault("unexpected indentation")
    if kind == "type" and len(words) == 2:
        match = re.fullmatch(r"(\w+)(?:\[(\d+)\])?", words[1])
        if match and match[1] in SIZES:
            return Scalar(words[0], match[1], int(match[2] or 1), **marks)
    elif kind == "dimension" and len(words) == 3 and set(words[1:]) <= set(SIZES):
        return Dimension(*words, **marks)
    elif (
        kind == "data"
        and len(words) == 3
        and words[1] in SIZES
        and words[2].rstrip("?") in ("text", "message")
    ):
        return VarData(words[0], words[1], words[2].rstrip("?"), words[2].endswith("?"), **marks)
    elif kind in ("enum", "set") and len(words) == 2 and words[1] in SIZES:
        return Enum(words[0], words[1], tuple(map(_read_choice, inner)), kind == "set", **marks)
    raise line.fault(f"cannot read `{' '.join(line.words)}`")


def _read_choice(line: _Line) -> Choice:
    marks = _take_marks(line)
    if line.depth != 1 or not 2 <= len(line.words) <= 3 or not line.words[0].isdigit():
        raise line.fault("expected `VALUE NAME [JSON]`")
    return Choice(line.words[1], int(line.words[0]), line.words[2] if len(line.words) == 3 else None, **marks)


def _read_message(line: _Line, inner: list[_Line], types: dict[str, AnyType]) -> Message:
    marks = _take_marks(line)
    words = line.words
    event = None
    if len(words) == 5 and words[3] == "event":
        event = words[4]
        del words[3:]
    if len(words) != 3 or not words[1].isdigit():
        raise line.fault("expected `message ID NAME [event WORD]`")
    parts = _read_block(inner, 1, types)
    if inner:
        raise inner[0].fault("unexpected indentation")
    return Message(words[2], **parts, id=int(words[1]), event=event, **marks)


def _read_block(lines: list[_Line], depth: int, types: dict[str, AnyType]) -> dict[str, Any]:
    """Take the lines of one block from the front of ``lines``."""
    fields: list[Field] = []
    groups: list[Group] = []
    data: list[Data] = []
    while lines and lines[0].depth == depth:
        line = lines.pop(0)
        marks = _take_marks(line)
        options = _take_options(line)
        if len(line.words) != 2:
            raise line.fault("expected `NAME TYPE`, then json, default, marks")
        name, kind = line.words
        if name.endswith("[]"):
            if data:
                raise line.fault("groups come before data")
            if not isinstance(types.get(kind), Dimension):
                raise line.fault(f"{kind!r} is no dimension")
            parts = _read_block(lines, depth + 1, types)
            groups.append(Group(name[:-2], **parts, dimension=kind, **options, **marks))
        elif isinstance(types.get(kind), VarData):
            data.append(Data(name, kind, **options, **marks))
        else:
            if groups or data:
                raise line.fault("fields come before groups and data")
            fields.append(Field(name, **_field_type(line, kind, types), **options, **marks))
    return {"fields": tuple(fields), "groups": tuple(groups), "data": tuple(data)}


def _take_options(line: _Line) -> dict[str, Any]:
    options: dict[str, Any] = {}
    words = line.words
    if words[-1:] == ["omit-empty"]:
        words.pop()
        options["omit_empty"] = True
    for option in ("default", "json"):
        if len(words) > 2 and words[-1].startswith(f"{option}="):
            options[option] = words.pop().partition("=")[2]
    return options


def _field_type(line: _Line, text: str, types: dict[str, AnyType]) -> dict[str, Any]:
    match = re.fullmatch(r"(\w+)(\?)?(?:\^(\w+))?(?:=(\w+))?", text)
    if match is None:
        raise line.fault(f"cannot read the type {text!r}")
    if match[1] not in SIZES and not isinstance(types.get(match[1]), (Scalar, Enum)):
        raise line.fault(f"unknown type {match[1]!r}")
    return {
        "type": match[1],
        "optional": match[2] is not None,
        "exponent": match[3],
        "constant": match[4],
    }
