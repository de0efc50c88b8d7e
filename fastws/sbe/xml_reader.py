"""Reads Binance's schema files (FIX SBE 1.0 XML with mbx attributes) into a Model.

It reads everything that determines the meaning of bytes, and refuses what would change their meaning and is not
supported. ``sinceVersion`` becomes ``added``. The files lack it for several later additions, so fastws relies on it
only for data and groups at the end of a message.
"""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Any, NoReturn
from xml.etree import ElementTree as ET

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

__all__ = ["SchemaError", "read_xml"]

_HEADER = [("blockLength", "uint16"), ("templateId", "uint16"), ("schemaId", "uint16"), ("version", "uint16")]
_ENCODINGS = (None, "UTF-8", "ASCII", "US-ASCII")
_DEEPEST = 100  # how deep XML elements may nest, far more than in any schema


class _Builder(ET.TreeBuilder):
    """Builds the tree of elements with comments, and refuses a DOCTYPE, which could define entities."""

    def __init__(self) -> None:
        super().__init__(insert_comments=True)
        self._depth = 0

    def doctype(self, *_: object) -> NoReturn:
        raise SchemaError("a schema has no DOCTYPE, and so no entities of its own")

    def start(self, tag: Any, attrs: Any, /) -> ET.Element:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise SchemaError(f"<{tag}>: elements nest more than {_DEEPEST} deep")
        return super().start(tag, attrs)

    def end(self, tag: Any, /) -> ET.Element:
        self._depth -= 1
        return super().end(tag)


def read_xml(source: str | Path | bytes) -> Model:
    """Read a schema file into a Model.

    Args:
        source: the path of a file, or its bytes.

    Raises:
        SchemaError: it is no schema, or fastws does not support it; the message names the place.
        OSError: the file cannot be read.
    """
    text = source if isinstance(source, bytes) else Path(source).read_bytes()
    try:
        root = ET.fromstring(text, ET.XMLParser(target=_Builder()))
    except (ET.ParseError, LookupError, ValueError) as exc:
        raise exc if isinstance(exc, SchemaError) else SchemaError(f"not XML: {exc}") from None
    if _tag(root) != "messageSchema":
        raise SchemaError(f"expected <messageSchema>, got <{_tag(root)}>")
    if root.get("byteOrder", "littleEndian") != "littleEndian":
        raise SchemaError(f"byteOrder {shown(root.get('byteOrder'))}: only littleEndian is understood")
    if root.get("headerType", "messageHeader") != "messageHeader":
        raise SchemaError(f"headerType {shown(root.get('headerType'))}: only messageHeader is understood")
    types: dict[str, AnyType] = {}
    messages: dict[int, Message] = {}
    comment = ""
    for child in root:
        tag = _tag(child)
        if tag == "!":
            comment = child.text or ""
        elif tag == "types":
            _read_types(child, types)
        elif tag == "message":
            message = _message(child, comment, types)
            if message.id in messages:
                other = messages[message.id].name
                raise SchemaError(f"{other} and {message.name}: two messages with the id {message.id}")
            messages[message.id] = message
            comment = ""
        else:
            raise SchemaError(f"<{tag}> within <messageSchema> is not understood")
    version = _int(root, "version", 0)
    package = root.get("package", "").strip()
    model = Model(_int(root, "id"), version, package, types, messages, version)
    check(model)
    return model


# ------------------------------------------------------------------------------------------------ elements


def _tag(element: ET.Element) -> str:
    """The name of an element without its namespace, which differs between Binance's files; "!" for a comment."""
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else "!"


def _attribute(element: ET.Element, name: str) -> str | None:
    """The value of an mbx attribute, in any namespace."""
    for key, value in element.attrib.items():
        if key.rpartition("}")[2] == name and key != name:
            return value
    return None


def _place(element: ET.Element) -> str:
    name = element.get("name")
    return f"<{_tag(element)}>" if name is None else f"<{_tag(element)} {shown(name)}>"


def _int(element: ET.Element, name: str, default: int | None = None) -> int:
    text = element.get(name)
    if text is None and default is not None:
        return default
    if text is None:
        raise SchemaError(f"{_place(element)}: {name} is missing")
    if not re.fullmatch(r"\s*[0-9]{1,9}\s*", text, re.ASCII):
        raise SchemaError(f"{_place(element)}: {name} is no number: {shown(text)}")
    return int(text)


def _since(element: ET.Element) -> int:
    return _int(element, "sinceVersion", 0)


def _name(element: ET.Element) -> str:
    name = element.get("name")
    if not name:
        raise SchemaError(f"<{_tag(element)}> without a name")
    return name


# ------------------------------------------------------------------------------------------------ types


def _read_types(element: ET.Element, types: dict[str, AnyType]) -> None:
    for child in element:
        if _tag(child) == "!":
            continue
        kind = _type(child)
        if kind is None:
            continue
        if kind.name in types:
            raise SchemaError(f"{_place(child)}: a second type of that name")
        types[kind.name] = kind


def _type(element: ET.Element) -> AnyType | None:
    tag = _tag(element)
    if tag not in ("type", "enum", "set", "composite"):
        raise SchemaError(f"<{tag}> within <types> is not understood")
    name, added = _name(element), _since(element)
    if tag == "type":
        _refuse(element, _place(element), "presence", "required")
        primitive = _primitive(element, "primitiveType")
        return Scalar(name, primitive, _int(element, "length", 1), added=added)
    if tag == "composite":
        return _composite(element, name, added)
    primitive = _primitive(element, "encodingType")
    wanted = "choice" if tag == "set" else "validValue"
    choices = []
    for child in element:
        if _tag(child) == wanted:
            choices.append(_choice(child, name, primitive))
        elif _tag(child) != "!":
            raise SchemaError(f"{_place(element)}: {_place(child)} is not understood")
    return Enum(name, primitive, tuple(choices), tag == "set", added=added)


def _primitive(element: ET.Element, attribute: str) -> str:
    name = element.get(attribute, "")
    if name not in SIZES:
        raise SchemaError(f"{_place(element)}: unknown primitive type {shown(name)}")
    _refuse(element, _place(element), "nullValue", None)
    _refuse(element, _place(element), "offset", None)
    _refuse(element, _place(element), "byteOrder", None)
    return name


def _refuse(element: ET.Element, place: str, attribute: str, understood: str | None) -> None:
    """Refuse an attribute that changes the meaning of bytes, unless it has its default value."""
    value = element.get(attribute, understood)
    if value != understood:
        raise SchemaError(f"{place}: {attribute} {shown(value)} is not understood")


def _choice(element: ET.Element, enum: str, primitive: str) -> Choice:
    name, text = _name(element), (element.text or "").strip()
    if primitive == "char" and len(text) == 1 and text.isascii():
        value = ord(text)
    elif primitive != "char" and re.fullmatch(r"-?[0-9]{1,20}", text, re.ASCII):
        value = int(text)
    else:
        raise SchemaError(f"{enum}.{name}: {shown(text)} is no value of {primitive}")
    return Choice(name, value, _attribute(element, "jsonValue"), added=_since(element))


def _composite(element: ET.Element, name: str, added: int) -> AnyType | None:
    parts = [child for child in element if _tag(child) != "!"]
    names = [f"{_tag(part)} {_name(part)}" for part in parts]
    held = [(_name(part), _primitive(part, "primitiveType")) for part in parts if _tag(part) == "type"]
    if name == "messageHeader":
        if held != _HEADER or len(parts) != len(_HEADER):
            raise SchemaError(
                f"{_place(element)}: is not the header that is understood, but {', '.join(names)}"
            )
        return None
    if names == ["type blockLength", "type numInGroup"]:
        return Dimension(name, held[0][1], held[1][1], added=added)
    if names == ["type length", "type varData"] and held[1][1] in ("uint8", "char"):
        encoding = parts[1].get("characterEncoding")
        if encoding not in _ENCODINGS:
            raise SchemaError(f"{_place(element)}: characterEncoding {shown(encoding)} is not understood")
        # no attribute says that a length of 0 means null
        return VarData(
            name, held[0][1], "text" if encoding else "message", name.startswith("optional"), added=added
        )
    raise SchemaError(f"{_place(element)}: none that is understood: {', '.join(names) or 'empty'}")


# ------------------------------------------------------------------------------------------------ messages


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
        added=_since(element),
    )


def _parts(element: ET.Element, where: str, types: dict[str, AnyType]) -> dict[str, Any]:
    """The fields, groups and data of a block, which must have this order."""
    fields: list[Field] = []
    groups: list[Group] = []
    data: list[Data] = []
    for child in element:
        tag = _tag(child)
        if tag == "!":
            continue
        if tag not in ("field", "group", "data"):
            raise SchemaError(f"{where}: <{tag}> is not understood")
        place = f"{where}.{_name(child)}"
        if (tag == "field" and (groups or data)) or (tag == "group" and data):
            raise SchemaError(f"{place}: fields come before groups, and groups before data")
        _refuse(child, place, "offset", None)
        if tag == "field":
            fields.append(_field(child, place, types))
        elif tag == "group":
            groups.append(_group(child, place, types))
        else:
            data.append(_data(child, place, types))
    length = sum(map(Model(0, 0, "", types, {}).size_of, fields))
    if _int(element, "blockLength", length) != length:
        raise SchemaError(
            f"{where}: a blockLength of {element.get('blockLength')}, but fields of {length} bytes"
        )
    return {"fields": tuple(fields), "groups": tuple(groups), "data": tuple(data)}


def _field(element: ET.Element, place: str, types: dict[str, AnyType]) -> Field:
    kind = element.get("type", "")
    if kind not in SIZES and not isinstance(types.get(kind), (Scalar, Enum)):
        raise SchemaError(f"{place}: {shown(kind)} is no type of a field")
    _refuse(element, place, "nullValue", None)
    presence = element.get("presence", "required")
    if presence not in ("required", "optional", "constant"):
        raise SchemaError(f"{place}: presence {shown(presence)} is not understood")
    item = Field(
        _name(element),
        kind,
        presence == "optional",
        _attribute(element, "exponent"),
        _attribute(element, "jsonPath"),
        _attribute(element, "jsonDefaultValue"),
        added=_since(element),
    )
    if presence != "constant":
        return item
    enum, _, constant = element.get("valueRef", "").partition(".")
    meant = types.get(kind)
    if (
        not isinstance(meant, Enum)
        or meant.is_set
        or enum != kind
        or constant not in {c.name for c in meant.choices}
    ):
        raise SchemaError(f"{place}: valueRef {shown(element.get('valueRef', ''))} names no value of {kind}")
    return dataclasses.replace(item, constant=constant)


def _group(element: ET.Element, place: str, types: dict[str, AnyType]) -> Group:
    dimension = element.get("dimensionType", "groupSizeEncoding")
    if not isinstance(types.get(dimension), Dimension):
        raise SchemaError(f"{place}: {shown(dimension)} is no dimension of a group")
    return Group(
        _name(element),
        **_parts(element, place, types),
        dimension=dimension,
        json=_attribute(element, "jsonPath"),
        omit_empty=_attribute(element, "jsonOmitNull") == "true",
        added=_since(element),
    )


def _data(element: ET.Element, place: str, types: dict[str, AnyType]) -> Data:
    kind = element.get("type", "")
    if not isinstance(types.get(kind), VarData):
        raise SchemaError(f"{place}: {shown(kind)} is no type of data")
    return Data(
        _name(element),
        kind,
        _attribute(element, "jsonPath"),
        _attribute(element, "jsonDefaultValue"),
        added=_since(element),
    )
