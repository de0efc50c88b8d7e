"""Compares two versions of a schema, for people, and finds what readers of the older version would misread."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from .compact import line_of
from .model import AnyType, Choice, Enum, Group, Message, Model, Part

__all__ = ["Change", "compare", "summary"]


@dataclass
class Change:
    """A type or a message that was added, removed or changed.

    Attributes:
        sign: "+" for added, "-" for removed, "~" for changed.
        kind: "type" or "message".
        title: the line of the type or message.
        lines: the changes of its elements. Each begins with "+", "-" or "~", or with "!" if older readers misread it.
    """

    sign: str
    kind: str
    title: str
    lines: list[str] = field(default_factory=list)


def compare(old: Model, new: Model) -> list[Change]:
    """The changes from one version to another one, types first. Each Model has one version."""
    return [*_types(old, new), *_messages(old, new)]


def summary(changes: Iterable[Change]) -> str:
    """How many types and messages were added, removed or changed, in one line."""
    found = [(change.kind, change.sign) for change in changes]
    parts = []
    for kind in ("type", "message"):
        for sign, word in (("+", "new"), ("-", "gone"), ("~", "changed")):
            count = found.count((kind, sign))
            if count:
                parts.append(f"{count} {kind}{'s' * (count > 1)} {word}")
    return ", ".join(parts) or "nothing changed"


# ------------------------------------------------------------------------------------------------ types


def _types(old: Model, new: Model) -> Iterator[Change]:
    for name in dict.fromkeys([*new.types, *old.types]):
        before, after = old.types.get(name), new.types.get(name)
        if before is None and after is not None:
            yield Change("+", "type", line_of(after), [f"+ {line}" for line in _choices(after).values()])
        elif after is None and before is not None:
            yield Change("-", "type", line_of(before))
        elif before is not None and after is not None:
            title, was = line_of(after), line_of(before)
            lines = _entries(_choices(before), _choices(after))
            if lines or title != was:
                yield Change("~", "type", title if title == was else f"{was} -> {title}", lines)


def _choices(kind: AnyType) -> dict[str, str]:
    choices: tuple[Choice, ...] = kind.choices if isinstance(kind, Enum) else ()
    return {choice.name: line_of(choice) for choice in choices}


# --------------------------------------------------------------------------------------------- messages


def _messages(old: Model, new: Model) -> Iterator[Change]:
    for number in sorted({*old.messages, *new.messages}):
        before, after = old.messages.get(number), new.messages.get(number)
        if before is None and after is not None:
            lines = [f"+ {line}" for line in _elements(after).values()]
            yield Change("+", "message", f"{line_of(after)}, block {new.block_length(after)} bytes", lines)
        elif after is None and before is not None:
            yield Change("-", "message", line_of(before))
        elif before is not None and after is not None:
            lines = [
                *_entries(_elements(before), _elements(after)),
                *(f"! {text}" for text in _moved(old, before, new, after, "")),
            ]
            title, was = line_of(after), line_of(before)
            if title != was:
                title = f"{was} -> {title}"
            length, longer = old.block_length(before), new.block_length(after)
            if length != longer:
                title += f", block {length} -> {longer} bytes"
            if lines or line_of(after) != was or length != longer:
                yield Change("~", "message", title, lines)


def _elements(block: Message | Group, path: str = "") -> dict[str, str]:
    """The lines of the elements of a block and of its groups, by their path."""
    found: dict[str, str] = {}
    for item in block.fields:
        found[path + item.name] = path + line_of(item)
    for group in block.groups:
        found[f"{path}{group.name}[]"] = path + line_of(group)
        found.update(_elements(group, f"{path}{group.name}[]."))
    for data in block.data:
        found[path + data.name] = path + line_of(data)
    return found


def _entries(before: dict[str, str], after: dict[str, str]) -> list[str]:
    """The removed lines, then the added and changed ones in the order of the newer version."""
    lines = [f"- {line}" for key, line in before.items() if key not in after]
    for key, line in after.items():
        if key not in before:
            lines.append(f"+ {line}")
        elif before[key] != line:
            lines.append(f"~ {before[key]} -> {line.removeprefix(key).lstrip()}")
    return lines


def _moved(
    old: Model, before: Message | Group, new: Model, after: Message | Group, path: str
) -> Iterator[str]:
    """The places that a reader of the older version would misread, because more was changed than appended.

    A change of a name alone does not matter.
    """
    where = path or "the block"
    fields = [(offset, _wire(new, item)) for offset, item in new.layout(after) if item.constant is None]
    known = [(offset, item) for offset, item in old.layout(before) if item.constant is None]
    for i, (offset, item) in enumerate(known):
        if i < len(fields) and fields[i] != (offset, _wire(old, item)):
            yield f"{where}: older readers misread it from byte {offset} on, {item.name}"
            break
    behind: tuple[Part, ...] = (*after.groups, *after.data)
    parts: tuple[Part, ...] = (*before.groups, *before.data)
    for i, part in enumerate(parts):
        if i == len(behind) or _wire(new, behind[i]) != _wire(old, part):
            yield f"{path or 'behind the block'}: older readers misread it from {part.name} on"
            return
    if path and len(behind) > len(parts):
        yield f"{path}: older readers cannot pass over what its entries have at their end now"
    for group, same in zip(before.groups, after.groups, strict=False):
        yield from _moved(old, group, new, same, f"{path}{'.' if path else ''}{group.name}[]")


def _wire(model: Model, part: Part) -> object:
    """The part of an element's description that determines its bytes."""
    if isinstance(part, Group):
        return model.types[part.dimension]
    kind = model.type_of(part)
    return kind.primitive if isinstance(kind, Enum) else kind
