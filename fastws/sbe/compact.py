"""The compact form of a schema: a readable text that can contain several versions. schemas/README.md has the grammar.

``loads`` reads it, and ``dumps`` writes it. Each is the inverse of the other, except for comments and the order of
types and messages, which have no meaning.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from .._common.shown import shown
from .checks import check
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
    SchemaError,
    VarData,
)

__all__ = ["HEADER", "dumps", "header_of", "line_of", "loads"]

_INDENT = "  "

# The default header that `dumps` writes.
HEADER = """\
# An SBE schema of Binance, in the compact form of fastws; README.md beside the bundled ones has its grammar.
# Made of the XML files that Binance publishes by `python -m fastws schema import FILE.xml --into THIS`.
# +N: came with version N. -N: went with it. Enums hold VALUE NAME JSON, sets BIT NAME JSON.
"""


# ------------------------------------------------------------------------------------------------- writing


def dumps(model: Model, header: str = HEADER) -> str:
    """The text of a schema: types by kind, messages by id, so that a new version moves no line.

    Args:
        model: a Model of one version, or of several merged versions.
        header: the comment lines at the top.

    Raises:
        SchemaError: the compact form cannot express a text: it has spaces, or looks like a version mark.
    """
    versions = str(model.version) if model.oldest == model.version else f"{model.oldest}-{model.version}"
    package = f" {_word(model.package, 'package')}" if model.package else ""
    lines = [f"schema {model.id}:{versions}{package}"]
    for kind in (Dimension, VarData, Scalar):
        found = [element for element in model.types.values() if isinstance(element, kind)]
        lines += ["", *_columns(map(line_of, found), "", 2)] if found else []
    for choices in (element for element in model.types.values() if isinstance(element, Enum)):
        lines += ["", line_of(choices), *_columns(map(line_of, choices.choices), _INDENT, 2)]
    for message in sorted(model.messages.values(), key=lambda message: message.id):
        lines += ["", line_of(message), *_block_lines(message, _INDENT)]
    return header + "\n" * bool(header) + "\n".join(lines) + "\n"


def header_of(text: str) -> str:
    """The comment lines at the top of a schema's text, to pass to ``dumps``."""
    found = re.match(r"(?:#.*\n)*", text)
    return found[0] if found else ""


def line_of(element: AnyType | Choice | Message | Field | Group | Data) -> str:
    """The line of an element with its version marks, without its parts and without indentation."""
    words = _words(element)
    if element.added:
        words.append(f"+{element.added}")
    if element.removed is not None:
        words.append(f"-{element.removed}")
    return " ".join(words)


def _words(element: AnyType | Choice | Message | Field | Group | Data) -> list[str]:
    name = element.name
    if isinstance(element, Scalar):
        return ["type", name, element.primitive + (f"[{element.length}]" if element.length != 1 else "")]
    if isinstance(element, Dimension):
        return ["dimension", name, element.block, element.count]
    if isinstance(element, VarData):
        return ["data", name, element.length, element.holds + "?" * element.optional]
    if isinstance(element, Enum):
        return ["set" if element.is_set else "enum", name, element.primitive]
    if isinstance(element, Choice):
        json = [] if element.json is None else [_word(element.json, name)]
        return [str(element.value), name, *json]
    if isinstance(element, Message):
        event = ["event", _word(element.event, name)] if element.event else []
        return ["message", str(element.id), name, *event]
    if isinstance(element, Group):
        words = [f"{name}[]", element.dimension]
    elif isinstance(element, Data):
        words = [name, element.type]
    else:
        kind = element.type + "?" * element.optional
        kind += f"^{element.exponent}" if element.exponent else ""
        words = [name, kind + (f"={element.constant}" if element.constant else "")]
    if element.json is not None:
        words.append("json=" + _word(element.json, name, empty=True))
    if isinstance(element, Group):
        return words + ["omit-empty"] * element.omit_empty
    if element.default is not None:
        words.append("default=" + _word(element.default, name, empty=True))
    return words


def _word(text: str, where: str, empty: bool = False) -> str:
    if re.search(r"\s", text) or not (text or empty) or (re.fullmatch(r"[+-]\d+", text) and not empty):
        raise SchemaError(f"{where}: {shown(text)} cannot be written in the compact form")
    return text


def _block_lines(block: Message | Group, space: str) -> Iterator[str]:
    for part, line in zip(block.parts, _columns(map(line_of, block.parts), space, 1), strict=True):
        yield line
        if isinstance(part, Group):
            yield from _block_lines(part, space + _INDENT)


def _columns(lines: Iterable[str], space: str, count: int) -> list[str]:
    """Lines with their first ``count`` words aligned in columns."""
    rows = [line.split(" ", count) for line in lines]
    widths = [max((len(row[i]) for row in rows if len(row) > i + 1), default=0) for i in range(count)]
    return [space + " ".join([*map(str.ljust, row, widths), *row[count:]]).rstrip() for row in rows]


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
        SchemaError: the text is no schema; the message names the line, or the element.
    """
    lines = list(_lines(text))
    if not lines or lines[0].words[0] != "schema":
        raise SchemaError(f"line {lines[0].number if lines else 1}: expected `schema ID:VERSION PACKAGE`")
    head = lines.pop(0)
    match = re.fullmatch(
        r"([0-9]{1,9}):(?:([0-9]{1,9})-)?([0-9]{1,9})", head.words[1] if head.words[1:] else ""
    )
    if match is None or len(head.words) > 3:
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
                raise line.fault(f"a second type {shown(kind.name)}")
            types[kind.name] = kind
    oldest = int(match[2]) if match[2] else version
    model = Model(int(match[1]), version, " ".join(head.words[2:]), types, messages, oldest)
    check(model)
    return model


def _lines(text: str) -> Iterator[_Line]:
    for number, raw in enumerate(text.split("\n"), 1):
        content = raw.rstrip().lstrip(" ")
        if not content or content.startswith("#"):
            continue
        depth, rest = divmod(len(raw.rstrip()) - len(content), len(_INDENT))
        line = _Line(number, depth, content.split())
        if rest or content[0].isspace():
            raise line.fault("indent by two spaces for each level")
        yield line


def _take_marks(line: _Line) -> dict[str, Any]:
    marks: dict[str, Any] = {}
    while line.words and re.fullmatch(r"[+-][0-9]{1,9}", line.words[-1], re.ASCII):
        word = line.words.pop()
        key = "added" if word[0] == "+" else "removed"
        if key in marks or "added" in marks:
            raise line.fault("marks are `+N`, `-N`, or `+N -N`")
        marks[key] = int(word[1:])
    if not line.words:
        raise line.fault("expected more than marks")
    return marks


def _read_type(line: _Line, inner: list[_Line]) -> AnyType:
    marks = _take_marks(line)
    kind, *words = line.words
    if inner and kind not in ("enum", "set"):
        raise inner[0].fault("unexpected indentation")
    if kind == "type" and len(words) == 2:
        match = re.fullmatch(r"(\w+)(?:\[([0-9]{1,9})\])?", words[1])
        if match and match[1] in SIZES:
            return Scalar(words[0], match[1], int(match[2] or 1), **marks)
        raise line.fault(f"unknown primitive type {shown(words[1])}")
    if kind == "dimension" and len(words) == 3:
        _known(line, *words[1:])
        return Dimension(*words, **marks)
    if kind == "data" and len(words) == 3:
        _known(line, words[1])
        if words[2] not in ("text", "text?", "message", "message?"):
            raise line.fault(f"expected text, text?, message or message?, got {shown(words[2])}")
        return VarData(words[0], words[1], words[2].rstrip("?"), words[2].endswith("?"), **marks)
    if kind in ("enum", "set") and len(words) == 2:
        _known(line, words[1])
        return Enum(words[0], words[1], tuple(map(_read_choice, inner)), kind == "set", **marks)
    expected = {
        "type": "`type NAME PRIMITIVE`",
        "dimension": "`dimension NAME BLOCK-LENGTH COUNT`",
        "data": "`data NAME LENGTH text|message`",
        "enum": "`enum NAME PRIMITIVE`",
        "set": "`set NAME PRIMITIVE`",
    }.get(kind, "type, dimension, data, enum, set or message")
    raise line.fault(f"expected {expected}, got `{' '.join(line.words)}`")


def _known(line: _Line, *primitives: str) -> None:
    for primitive in primitives:
        if primitive not in SIZES:
            raise line.fault(f"unknown primitive type {shown(primitive)}")


def _read_choice(line: _Line) -> Choice:
    marks = _take_marks(line)
    if line.depth != 1 or not 2 <= len(line.words) <= 3 or not re.fullmatch(r"-?[0-9]{1,20}", line.words[0]):
        raise line.fault("expected `VALUE NAME` or `VALUE NAME JSON`, then marks")
    return Choice(line.words[1], int(line.words[0]), line.words[2] if len(line.words) == 3 else None, **marks)


def _read_message(line: _Line, inner: list[_Line], types: dict[str, AnyType]) -> Message:
    marks = _take_marks(line)
    words = line.words
    event = None
    if len(words) == 5 and words[3] == "event":
        event = words[4]
        del words[3:]
    if len(words) != 3 or not re.fullmatch(r"[0-9]{1,9}", words[1]):
        raise line.fault("expected `message ID NAME` or `message ID NAME event WORD`, then marks")
    parts = _read_block(inner, 1, types)
    if inner:
        raise inner[0].fault("unexpected indentation")
    return Message(words[2], **parts, id=int(words[1]), event=event, **marks)


def _read_block(lines: list[_Line], depth: int, types: dict[str, AnyType]) -> dict[str, Any]:
    """Remove the lines of one block from the start of ``lines``, and read them."""
    fields: list[Field] = []
    groups: list[Group] = []
    data: list[Data] = []
    while lines and lines[0].depth == depth:
        line = lines.pop(0)
        marks = _take_marks(line)
        options = _take_options(line)
        if len(line.words) != 2:
            raise line.fault(
                f"expected `NAME TYPE`, then json=, default=, marks, got `{' '.join(line.words)}`"
            )
        name, kind = line.words
        is_group = name.endswith("[]")
        if is_group and "default" in options:
            raise line.fault("a group has no default")
        if not is_group and "omit_empty" in options:
            raise line.fault("omit-empty is for groups")
        if is_group:
            if data:
                raise line.fault("groups come before data")
            if not isinstance(types.get(kind), Dimension):
                raise line.fault(f"{shown(kind)} is no dimension")
            if depth > 100:
                raise line.fault("groups nest too deep")
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
    if len(words) > 2 and words[-1] == "omit-empty":
        words.pop()
        options["omit_empty"] = True
    for option in ("default", "json"):
        if len(words) > 2 and words[-1].startswith(f"{option}="):
            options[option] = words.pop().partition("=")[2]
    return options


def _field_type(line: _Line, text: str, types: dict[str, AnyType]) -> dict[str, Any]:
    match = re.fullmatch(r"(\w+)(\?)?(?:\^(\w+))?(?:=(\w+))?", text)
    if match is None:
        raise line.fault(f"cannot read the type {shown(text)}")
    kind = types.get(match[1])
    if match[1] not in SIZES and not isinstance(kind, (Scalar, Enum)):
        raise line.fault(f"unknown type {shown(match[1])}")
    if match[4] and (
        not isinstance(kind, Enum) or kind.is_set or match[4] not in {c.name for c in kind.choices}
    ):
        raise line.fault(f"{shown(match[4])} is no value of {match[1]}")
    return {
        "type": match[1],
        "optional": match[2] is not None,
        "exponent": match[3],
        "constant": match[4],
    }
