"""``python -m fastws schema``: show SBE schemas, compare them, and add a new version."""

from __future__ import annotations

import argparse
import os
import re
import tempfile
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from ..sbe import Schema, SchemaError, compact
from ..sbe.changes import compare, summary
from ..sbe.model import Field, Group, Message, Model, Part, merge
from ..sbe.plan import compile_all, json_rule
from ..sbe.xml_reader import read_xml
from .options import UsageError
from .screen import table

_BUNDLED = ("spot", "stream")
_SCHEMAS = """\
A schema is spot or stream, which come with fastws, or a file: Binance's XML,
or the compact form. Add :N for its version N, such as spot:3; without it, you
get its newest version.
"""
_EXAMPLES = """\
examples:
  python -m fastws schema diff spot:4 spot:5
  python -m fastws schema show NewOrderFullResponse
  python -m fastws schema show 302 --schema spot_3_6.xml
  python -m fastws schema import spot_3_6.xml --into fastws/sbe/schemas/spot.sbe
"""


def add_parser(commands: Any) -> None:
    parser = commands.add_parser(
        "schema",
        help="show SBE schemas, compare them, add a new version",
        description="Show the schemas of SBE messages, compare them, and add a new version.",
        epilog=f"{_SCHEMAS}\n{_EXAMPLES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    actions = parser.add_subparsers(metavar="ACTION", required=True)

    action = _add(actions, "diff", "show what a version added, removed or changed")
    action.add_argument("older", metavar="A", help="the older schema")
    action.add_argument("newer", metavar="B", help="the newer schema")
    action.set_defaults(command=diff)

    action = _add(actions, "show", "print a message: its fields, their offsets, and their names in JSON")
    action.add_argument("message", metavar="MESSAGE", help="its name or its template id")
    action.add_argument("--schema", default="spot", help="the schema (spot)")
    action.set_defaults(command=show)

    action = _add(actions, "import", "write Binance's XML in the compact form")
    action.add_argument("file", metavar="FILE.xml", help="a schema as Binance publishes it")
    action.add_argument("--into", metavar="FILE.sbe", help="add it to this file, as the next version")
    action.add_argument(
        "--output", metavar="FILE", help="the file to write; with --into, the file of --into stays unchanged"
    )
    action.set_defaults(command=import_)


def _add(actions: Any, name: str, what: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = actions.add_parser(
        name,
        help=what,
        description=f"{what[0].upper()}{what[1:]}.",
        epilog=_SCHEMAS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    return parser


# ------------------------------------------------------------------------------------------ which schema


def _schema(text: str) -> tuple[Model, int]:
    """The Model that an argument names, with the marks of all versions, and the version to show."""
    name, colon, number = text.rpartition(":")
    version = int(number) if colon and re.fullmatch(r"[0-9]{1,9}", number) else None
    name = text if version is None or Path(text).is_file() else name
    if name == text:
        version = None
    model = Schema.bundled(name).model if name in _BUNDLED else _read(name)  # type: ignore[arg-type]
    version = model.version if version is None else version
    if not model.oldest <= version <= model.version:
        raise UsageError(f"{name} has {_versions(model)}, not version {version}")
    return model, version


def _versions(model: Model) -> str:
    if model.oldest == model.version:
        return f"version {model.version}"
    return f"the versions {model.oldest} to {model.version}"


def _read(name: str) -> Model:
    data = _bytes_of(name)
    try:
        return read_xml(data) if data.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<") else _compact(data)
    except SchemaError as error:
        raise UsageError(f"{name}: {error}") from None


def _bytes_of(name: str) -> bytes:
    try:
        return Path(name).expanduser().read_bytes()
    except FileNotFoundError:
        near = get_close_matches(name.partition(":")[0], _BUNDLED, n=1)
        hint = f"did you mean {near[0]}?" if near else "a schema is spot, stream, or a file"
        raise UsageError(f"{name}: no such file; {hint}") from None
    except OSError as error:
        raise UsageError(f"{name}: {error.strerror}") from None


def _compact(data: bytes) -> Model:
    try:
        return compact.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise SchemaError("neither XML nor text in the compact form") from None


# -------------------------------------------------------------------------------------------------- diff


def diff(args: argparse.Namespace) -> None:
    older, newer = (model.at(version) for model, version in (_schema(args.older), _schema(args.newer)))
    print("\n".join(diff_lines(older, newer)))


def diff_lines(older: Model, newer: Model) -> Iterator[str]:
    """What changed from one version to the other, message by message."""
    yield f"{_title(older)} -> {_title(newer)}"
    changes = compare(older, newer)
    for change in changes:
        if change.lines or change.kind == "message":
            yield ""
        yield f"{change.sign} {change.title}"
        yield from (f"    {line}" for line in change.lines)
    if changes:
        yield ""
    yield summary(changes)


def _title(model: Model) -> str:
    return f"{model.package or 'schema'} {model.id}:{model.version}"


# -------------------------------------------------------------------------------------------------- show


def show(args: argparse.Namespace) -> None:
    model, version = _schema(args.schema)
    message = _message(model, args.message, args.schema)
    if not message.in_version(version):
        if args.schema.endswith(f":{version}"):
            raise UsageError(f"{message.name} is not in version {version}, but in {_since(model, message)}")
        version = (message.removed or 1) - 1  # the last one that had it
    print("\n".join(show_lines(model, message, version)))


def _message(model: Model, wanted: str, schema: str) -> Message:
    if re.fullmatch(r"[0-9]{1,9}", wanted):
        message = model.messages.get(int(wanted))
        if message is None:
            near = [str(number) for number in sorted(model.messages, key=lambda n: abs(n - int(wanted)))][:3]
            raise UsageError(f"{schema} has no message {wanted}; the nearest are {', '.join(near) or 'none'}")
        return message
    try:
        return model.message(wanted)
    except KeyError:
        names = {message.name.lower(): message.name for message in model.messages.values()}
        close = get_close_matches(wanted.lower(), names, n=1, cutoff=0.5)
        close = close or [name for name in names if wanted.lower() in name][:1]
        hint = f"; did you mean {names[close[0]]}?" if close else ""
        raise UsageError(f"{schema} has no message {wanted!r}{hint}") from None


def show_lines(model: Model, message: Message, version: int) -> Iterator[str]:
    """A message as it is in one version: offsets, bytes, compact form, name in JSON, and since when."""
    single = model.at(version)
    shown = single.messages[message.id]
    yield f"{compact.line_of(shown)}    {_title(single)}, in {_since(model, message)}"
    yield f"block of {single.block_length(shown)} bytes"
    rows = list(_rows(single, shown, shown, message, "", ""))
    if rows:
        yield ""
        yield from table(rows, ["offset", "bytes", "field", "JSON", "since"], right=(0, 1))
    gone = list(_gone(message, version, ""))
    if gone:
        yield ""
        yield from gone


def _since(model: Model, message: Message) -> str:
    last = model.version if message.removed is None else message.removed - 1
    first = max(message.added, model.oldest)
    return f"version {first}" if first == last else f"versions {first} to {last}"


def _rows(
    model: Model, message: Message, block: Message | Group, marked: Message | Group, path: str, indent: str
) -> Iterator[list[str]]:
    """Rows of a block; ``marked`` is the same block with the marks of all versions."""
    column = 0
    offsets = {item.name: offset for offset, item in model.layout(block)}
    for part in block.parts:
        known = _marked(marked, part)
        place = _json_name(model, message, part, path)
        if place == "[]":
            place, column = f"[{column}]", column + 1
        if isinstance(part, Field):
            where = [str(offsets[part.name]), str(model.size_of(part))]
        else:
            where = ["", f"{model.block_length(part)} each" if isinstance(part, Group) else ""]
        since = f"{model.id}:{known.added}" if known.added else ""
        yield [*where, indent + _without_json(part), place, since]
        if isinstance(part, Group):
            assert isinstance(known, Group)
            yield from _rows(model, message, part, known, f"{path}{part.name}.", indent + "  ")


def _marked(block: Message | Group, part: Part) -> Part:
    """The element of a block with marks that is meant: the newest one of that name that is as this one is."""
    parts = [p for p in block.parts if p.name == part.name]
    plain = [p for p in parts if compact.line_of(p).startswith(compact.line_of(part))]
    return (plain or parts)[-1]


def _without_json(part: Part) -> str:
    return " ".join(word for word in compact.line_of(part).split() if not word.startswith("json="))


def _json_name(model: Model, message: Message, part: Part, path: str) -> str:
    """Where an element stands in JSON; "-" for nowhere."""
    rule = json_rule(model, message, part, path)
    if rule.hidden or (isinstance(part, Field) and part.type == "exponent8"):
        return "-"
    if rule.aside:
        return f"{part.name} beside the event"
    if rule.path == "..":
        return "the entry itself" if path else "the result itself"
    place = rule.path or part.name
    if rule.only_with is not None:
        return f"{place}, only with {rule.only_with}"
    return f"{place}, unless 0" if rule.unless_zero else place


def _gone(block: Message | Group, version: int, path: str) -> Iterator[str]:
    """What earlier versions had."""
    for part in block.parts:
        if part.removed is not None and part.removed <= version:
            yield f"removed in version {part.removed}: {path}{compact.line_of(part).rpartition(' ')[0]}"
        elif isinstance(part, Group):
            yield from _gone(part, version, f"{path}{part.name}[].")


# ------------------------------------------------------------------------------------------------ import


def import_(args: argparse.Namespace) -> None:
    data = _bytes_of(args.file)
    try:
        model = read_xml(data)
        compile_all(model)
        header, older = compact.HEADER, None
        if args.into is not None:
            older, header = _description(args.into)
            model = _next_version(older, model, args)
            compile_all(model)
        text = compact.dumps(model, header)
    except SchemaError as error:
        raise UsageError(f"{args.file}: {error}") from None
    target = args.output if args.output is not None else args.into
    if target is None:
        print(text, end="")
        return
    _write(Path(target).expanduser(), text)
    lines = diff_lines(older.at(older.version), model.at(model.version)) if older is not None else iter(())
    print(
        "\n".join(
            [*lines, f"{target}: schema {model.id}, {_versions(model)}, {len(model.messages)} messages"]
        )
    )


def _description(name: str) -> tuple[Model, str]:
    """The Model of a file in the compact form, and its comment on top."""
    data = _bytes_of(name)
    try:
        model = _compact(data)
    except SchemaError as error:
        raise UsageError(f"{name}: {error}") from None
    text = data.decode("utf-8-sig").replace("\r\n", "\n")
    header = compact.header_of(text)
    if re.search(r"^ *#", text[len(header) :], re.MULTILINE):
        raise UsageError(
            f"{name}: comments below the first line `schema …` would be lost; move them to the top"
        )
    return model, header


def _next_version(older: Model, newer: Model, args: argparse.Namespace) -> Model:
    if older.id == newer.id and older.oldest <= newer.version <= older.version:
        same = older.at(newer.version) == newer.at(newer.version)
        what = "the same" if same else f"a different one: see schema diff {args.into} {args.file}"
        raise UsageError(f"{args.into} already has a version {newer.version}, {what}")
    merged = merge(older, newer)
    if merged.at(newer.version) != newer.at(newer.version) or merged.at(older.version) != older.at(
        older.version
    ):
        raise SchemaError(f"version {newer.version} and the earlier versions do not fit into one description")
    return merged


def _write(path: Path, text: str) -> None:
    """Replace a file as a whole, or leave it as it is."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        Path(name).chmod(path.stat().st_mode if path.exists() else 0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
