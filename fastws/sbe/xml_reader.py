"""Binance's schema files, as published (FIX SBE 1.0 XML with mbx attributes) -> a Model.

Read are the parts that decide what bytes mean. ``sinceVersion`` becomes ``added``, though the files forget it for
several later additions: nothing but data and groups at the end of a message relies on it.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

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

__all__ = ["SchemaError", "read_xml"]


class SchemaError(ValueError):
    """A schema that cannot be read; the message names the place."""


def read_xml(source: str | Path | bytes) -> Model:
    """The Model of a schema file.

    Args:
        source: the path of a file, or its bytes.

    Raises:
        SchemaError: it is no schema, or one that fastws does not understand.
        OSError: the file cannot be read.
    """
    text = source if isinstance(source, bytes) else Path(source).read_bytes()
    if b"<!DOCTYPE" in text or b"<!ENTITY" in text:
        raise SchemaError("a schema has no document type and no entities")
    parser = ET.XMLParser(target=ET.TreeBuilder(insert_comments=True))
    try:
        root = ET.fromstring(text, parser)
    except ET.ParseError as exc:
        raise SchemaError(f"not XML: {exc}") from None
    if _tag(root) != "messageSchema":
        raise SchemaError(f"expected <messageSchema>, got <{_tag(root)}>")
    if root.get("byteOrder", "littleEndian") != "littleEndian":
        raise SchemaError("only little-endian schemas are known")
    types: dict[str, AnyType] = {}
    messages: dict[int, Message] = {}
    comment = ""
    for child in root:
        tag = _tag(child)
        if tag == "!":
            comment = child.text or ""
        elif tag == "types":
            for element in child:
                kind = _type(element)
                if kind is not None:
                    types[kind.name] = kind
        elif tag == "message":
            message = _message(child, comment, types)
            if message.id in messages:
                raise SchemaError(f"two messages have the id {message.id}")
            messages[message.id] = message
            comment = ""
    version = _int(root, "version", 0)
    return Model(_int(root, "id"), version, root.get("package", ""), types, messages, version)


def _tag(element: ET.Element) -> str:
    """The name without its namespace, which differs between Binance's files; "!" for a comment."""
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else "!"


def _attribute(element: ET.Element, name: str) -> str | None:
    """An mbx attribute, in whatever namespace."""
    for key, value in element.attrib.items():
        if key.rpartition("}")[2] == name and key != name:
            return value
    return None


def _int(element: ET.Element, name: str, default: int | None = None) -> int:
    text = element.get(name)
    if text is None and default is not None:
        return default
    try:
        return int(text or "")
    except ValueError:
        raise SchemaError(
            f"<{_tag(element)} {element.get('name', '')!r}>: {name} is no number: {text!r}"
        ) from None


def _name(element: ET.Element) -> str:
    name = element.get("name")
    if not name:
        raise SchemaError(f"a <{_tag(element)}> without a name")
    return name


def _primitive(element: ET.Element, attribute: str) -> str:
    name = element.get(attribute, "")
    if name not in SIZES:
        raise SchemaError(f"<{_tag(element)} {_name(element)!r}>: unknown primitive type {name!r}")
    return name


def _type(element: ET.Element) -> AnyType | None:
    tag = _tag(element)
    if tag == "!":
        return None
    name, added = _name(element), _int(element, "sinceVersion", 0)
    if tag == "type":
        return Scalar(name, _primitive(element, "primitiveType"), _int(element, "length", 1), added=added)
    if tag in ("enum", "set"):
        return Enum(
            name,
            _primitive(element, "encodingType"),
            tuple(_choice(child) for child in element if _tag(child) in ("validValue", "choice")),
            tag == "set",
            added=added,
        )
    if tag == "composite":
        return _composite(element, name, added)
    raise SchemaError(f"<{tag} {name!r}> is no type that fastws knows")


def _choice(element: ET.Element) -> Choice:
    try:
        value = int((element.text or "").strip())
    except ValueError:
        raise SchemaError(f"{_name(element)}: {element.text!r} is no number") from None
    return Choice(
        _name(element), value, _attribute(element, "jsonValue"), added=_int(element, "sinceVersion", 0)
    )


def _composite(element: ET.Element, name: str, added: int) -> AnyType | None:
    parts = {_name(child): child for child in element if _tag(child) == "type"}
    if name == "messageHeader":
        return None  # always the same eight bytes
    if set(parts) == {"blockLength", "numInGroup"}:
        return Dimension(
            name,
            _primitive(parts["blockLength"], "primitiveType"),
            _primitive(parts["numInGroup"], "primitiveType"),
            added=added,
        )
    if set(parts) == {"length", "varData"}:
        return VarData(
            name,
            _primitive(parts["length"], "primitiveType"),
            "text" if parts["varData"].get("characterEncoding") else "message",
            name.startswith("optional"),  # no attribute says it
            added=added,
        )
    raise SchemaError(f"the composite {name!r} is none that fastws knows: {', '.join(parts)}")


def _message(element: ET.Element, comment: str, types: dict[str, AnyType]) -> Message:
    name = _name(element)
    word = (
        re.search(r'"(\w+)"', comment)
        if name.endswith("Event") and not name.endswith("StreamEvent")
        else None
    )
    return Message(
        name,
        **_parts(element, name, types),
        id=_int(element, "id"),
        event=word[1] if word else None,
        added=_int(element, "sinceVersion", 0),
    )


def _parts(element: ET.Element, where: str, types: dict[str, AnyType]) -> dict[str, Any]:
    """Fields, groups and data of a block, which stand in this order."""
    fields: list[Field] = []
    groups: list[Group] = []
    data: list[Data] = []
    for child in element:
        tag = _tag(child)
        if tag == "!":
            continue
        place = f"{where}.{_name(child)}"
        if (tag == "field" and (groups or data)) or (tag == "group" and data):
            raise SchemaError(f"{place}: fields come before groups, and groups before data")
        if child.get("offset") is not None:
            raise SchemaError(f"{place}: an offset is not understood")
        if tag == "field":
            fields.append(_field(child, place, types))
        elif tag == "group":
            groups.append(_group(child, place, types))
        elif tag == "data":
            if not isinstance(types.get(child.get("type", "")), VarData):
                raise SchemaError(f"{place}: {child.get('type')!r} is no type of data")
            data.append(
                Data(
                    _name(child),
                    child.get("type", ""),
                    _attribute(child, "jsonPath"),
                    _attribute(child, "jsonDefaultValue"),
                    added=_int(child, "sinceVersion", 0),
                )
            )
        else:
            raise SchemaError(f"{place}: <{tag}> is not understood")
    return {"fields": tuple(fields), "groups": tuple(groups), "data": tuple(data)}


def _field(element: ET.Element, place: str, types: dict[str, AnyType]) -> Field:
    kind = element.get("type", "")
    if kind not in SIZES and not isinstance(types.get(kind), (Scalar, Enum)):
        raise SchemaError(f"{place}: {kind!r} is no type of a field")
    presence = element.get("presence", "required")
    constant = None
    if presence == "constant":
        constant = element.get("valueRef", "").partition(".")[2]
        enum = types.get(kind)
        if not isinstance(enum, Enum) or constant not in {choice.name for choice in enum.choices}:
            raise SchemaError(f"{place}: {element.get('valueRef')!r} names no value")
    elif presence not in ("required", "optional"):
        raise SchemaError(f"{place}: presence {presence!r} is not understood")
    return Field(
        _name(element),
        kind,
        presence == "optional",
        _attribute(element, "exponent"),
        _attribute(element, "jsonPath"),
        _attribute(element, "jsonDefaultValue"),
        constant,
        added=_int(element, "sinceVersion", 0),
    )


def _group(element: ET.Element, place: str, types: dict[str, AnyType]) -> Group:
    dimension = element.get("dimensionType", "groupSizeEncoding")
    if not isinstance(types.get(dimension), Dimension):
        raise SchemaError(f"{place}: {dimension!r} is no dimension of a group")
    return Group(
        _name(element),
        **_parts(element, place, types),
        dimension=dimension,
        json=_attribute(element, "jsonPath"),
        omit_empty=_attribute(element, "jsonOmitNull") == "true",
        added=_int(element, "sinceVersion", 0),
    )
