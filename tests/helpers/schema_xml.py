"""Writes a Model as XML, in the form in which Binance publishes its schemas.

So every clone can test what reads such XML, with the bundled schemas: the published files are not ours to copy. That
this XML says what theirs says is tested where theirs is at hand, in ``tests/sbe/test_xml_reader.py``.
"""

from __future__ import annotations

from functools import cache
from xml.sax.saxutils import escape, quoteattr

from fastws.sbe import Schema
from fastws.sbe.model import Data, Dimension, Group, Scalar, VarData

FILES = (*(("spot", version) for version in range(6)), ("stream", 0))


@cache
def schema_xml(name, version):
    """The XML of a version of a bundled schema."""
    return to_xml(Schema.bundled(name, version=version).model).encode()


_MBX = "https://developers.binance.com/docs/binance-spot-api-docs"
_HEADER = """\
<composite name="messageHeader">
  <type name="blockLength" primitiveType="uint16"/><type name="templateId" primitiveType="uint16"/>
  <type name="schemaId" primitiveType="uint16"/><type name="version" primitiveType="uint16"/>
</composite>
"""


def element(tag, inner="", **attributes):
    given = "".join(
        f" {name.replace('mbx_', 'mbx:')}={quoteattr(str(value))}" for name, value in attributes.items()
    )
    return f"<{tag}{given}>{inner}</{tag}>\n" if inner else f"<{tag}{given}/>\n"


def given(**attributes):
    return {name: value for name, value in attributes.items() if value is not None}


def to_xml(model):
    """A Model of one version as Binance would publish it."""
    types = "".join(map(_type, model.types.values()))
    messages = ""
    for message in model.messages.values():
        messages += f'<!-- "{message.event}" -->\n' if message.event else "<!-- none -->\n"
        messages += element(
            "sbe:message", _parts(message), name=message.name, id=message.id, **_since(message)
        )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<sbe:messageSchema xmlns:mbx="{_MBX}" xmlns:sbe="http://fixprotocol.io/2016/sbe"'
        f' package="{model.package}" id="{model.id}" version="{model.version}" byteOrder="littleEndian">\n'
        f"<types>\n{_HEADER}{types}</types>\n{messages}</sbe:messageSchema>\n"
    )


def _since(part):
    return given(sinceVersion=part.added or None)


def _type(kind):
    named = {"name": kind.name, **_since(kind)}
    if isinstance(kind, Scalar):
        length = given(length=None if kind.length == 1 else kind.length)
        return element("type", **named, primitiveType=kind.primitive, **length)
    if isinstance(kind, Dimension):
        inner = element("type", name="blockLength", primitiveType=kind.block)
        inner += element("type", name="numInGroup", primitiveType=kind.count)
        return element("composite", inner, **named)
    if isinstance(kind, VarData):
        text = given(characterEncoding="UTF-8" if kind.holds == "text" else None)
        inner = element("type", name="length", primitiveType=kind.length)
        inner += element("type", name="varData", length=0, primitiveType="uint8", **text)
        return element("composite", inner, **named)
    char = kind.primitive == "char"
    inner = "".join(
        element(
            "choice" if kind.is_set else "validValue",
            escape(chr(choice.value)) if char else str(choice.value),
            name=choice.name,
            **given(mbx_jsonValue=choice.json),
            **_since(choice),
        )
        for choice in kind.choices
    )
    return element("set" if kind.is_set else "enum", inner, **named, encodingType=kind.primitive)


def _parts(block):
    lines = []
    for number, part in enumerate(block.parts, 1):
        attributes = {"id": number, "name": part.name, **given(mbx_jsonPath=part.json), **_since(part)}
        if isinstance(part, Group):
            omitted = given(mbx_jsonOmitNull="true" if part.omit_empty else None)
            lines.append(
                element("group", _parts(part), **attributes, dimensionType=part.dimension, **omitted)
            )
            continue
        attributes.update(given(mbx_jsonDefaultValue=part.default))
        if isinstance(part, Data):
            lines.append(element("data", **attributes, type=part.type))
            continue
        if part.constant is not None:
            attributes.update(presence="constant", valueRef=f"{part.type}.{part.constant}")
        elif part.optional:
            attributes.update(presence="optional")
        lines.append(element("field", **attributes, type=part.type, **given(mbx_exponent=part.exponent)))
    return "".join(lines)
