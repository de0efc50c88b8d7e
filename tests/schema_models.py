"""What the tests of schemas share: the official files, XML of a Model, and Models made by hypothesis."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

import pytest
from hypothesis import strategies as st

from fastws.sbe.model import (
    SIZES,
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
from fastws.sbe.xml_reader import read_xml


def official_folder():
    """shared/binance/sbe, which stands beside the checkout (or above it)."""
    for folder in Path(__file__).resolve().parents[1:]:
        if (folder.parent / "shared" / "binance" / "sbe").is_dir():
            return folder.parent / "shared" / "binance" / "sbe"
    return None


OFFICIAL = official_folder()
needs_official = pytest.mark.skipif(OFFICIAL is None, reason="shared/binance/sbe is not beside this checkout")
VERSIONS = range(6)


@cache
def official(name):
    """The Model of an official file, such as spot_3_5."""
    return read_xml(OFFICIAL / f"{name}.xml")


# ------------------------------------------------------------------------------------------------- to XML

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
        '<sbe:messageSchema xmlns:mbx="https://example.com/mbx" xmlns:sbe="http://fixprotocol.io/2016/sbe"'
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
        told = {"id": number, "name": part.name, **given(mbx_jsonPath=part.json), **_since(part)}
        if isinstance(part, Group):
            omitted = given(mbx_jsonOmitNull="true" if part.omit_empty else None)
            lines.append(element("group", _parts(part), **told, dimensionType=part.dimension, **omitted))
            continue
        told.update(given(mbx_jsonDefaultValue=part.default))
        if isinstance(part, Data):
            lines.append(element("data", **told, type=part.type))
            continue
        if part.constant is not None:
            told.update(presence="constant", valueRef=f"{part.type}.{part.constant}")
        elif part.optional:
            told.update(presence="optional")
        lines.append(element("field", **told, type=part.type, **given(mbx_exponent=part.exponent)))
    return "".join(lines)


# --------------------------------------------------------------------------------------------- hypothesis

_NAMES = st.sampled_from("alpha beta gamma delta epsilon zeta eta theta".split())
_JSON = st.none() | st.sampled_from(["x", "a.b", "..", "[]", "NAME", "+", "=", "-1x", "ü", ""])
_DEFAULTS = st.none() | st.sampled_from(["", "0", "-1", "+1", "NONE", "a=b", "omit-empty"])
_UNSIGNED = ("uint8", "uint16", "uint32", "uint64")
_INTEGERS = tuple(name for name in SIZES if name not in ("float", "double", "char"))

# Types are what their names say in all versions; the choices of enums may change.
_TYPES = (
    *(Scalar(f"{name}Type", name) for name in SIZES),
    Scalar("mantissa128", "uint8", 16),
    Scalar("ticker", "char", 6),
    *(Dimension(f"dimension{i}", "uint16", count) for i, count in enumerate(_UNSIGNED)),
    *(
        VarData(
            ("optional" if optional else "plain") + holds.title() + str(8 * SIZES[length]),
            length,
            holds,
            optional,
        )
        for length in _UNSIGNED[:3]
        for holds in ("text", "message")
        for optional in (False, True)
    ),
)


def _limits(primitive, is_set):
    bits = 8 * SIZES[primitive]
    if is_set:
        return 0, bits - 1
    if primitive == "char":
        return 33, 126
    return (0, 2**bits - 1) if primitive.startswith("u") else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


@st.composite
def _enums(draw, name):
    is_set = name.startswith("set")
    primitive = name.removeprefix("set").removeprefix("enum").lower()
    least, most = _limits(primitive, is_set)
    names = draw(st.lists(_NAMES, unique=True, min_size=1, max_size=5))
    values = draw(
        st.lists(st.integers(least, most), unique=True, min_size=len(names), max_size=len(names))
        if most - least > 8
        else st.permutations(range(least, most + 1)).map(lambda all_: all_[: len(names)])
    )
    json = draw(
        st.lists(st.none() | st.sampled_from(["NEW", "a b".replace(" ", "_"), "x"]), min_size=5, max_size=5)
    )
    return Enum(name, primitive, tuple(map(Choice, names, values, json)), is_set)


_ENUM_NAMES = (
    *(f"enum{name.title()}" for name in (*_INTEGERS, "char")),
    *(f"set{name.title()}" for name in _UNSIGNED),
)


@st.composite
def _blocks(draw, types, depth):
    names = draw(st.lists(_NAMES, unique=True, max_size=6))
    cut = sorted(draw(st.lists(st.integers(0, len(names)), min_size=2, max_size=2)))
    values = [kind.name for kind in types.values() if isinstance(kind, (Scalar, Enum))]
    fields = tuple(draw(_fields(name, types, values)) for name in names[: cut[0]])
    dimensions = [kind.name for kind in types.values() if isinstance(kind, Dimension)]
    groups = tuple(
        Group(
            name,
            **draw(_blocks(types, depth - 1)),
            dimension=draw(st.sampled_from(dimensions)),
            json=draw(_JSON),
            omit_empty=draw(st.booleans()),
        )
        for name in (names[cut[0] : cut[1]] if depth else ())
    )
    data = tuple(
        Data(
            name,
            draw(st.sampled_from([kind.name for kind in types.values() if isinstance(kind, VarData)])),
            draw(_JSON),
            draw(_DEFAULTS),
        )
        for name in names[cut[1] :]
    )
    return {"fields": fields, "groups": groups, "data": data}


@st.composite
def _fields(draw, name, types, values):
    kind = draw(st.sampled_from([*values, *SIZES]))
    told = {"json": draw(_JSON), "default": draw(_DEFAULTS)}
    enum = types.get(kind)
    if isinstance(enum, Enum) and not enum.is_set and draw(st.booleans()):
        return Field(name, kind, constant=draw(st.sampled_from(enum.choices)).name, **told)
    return Field(name, kind, draw(st.booleans()), draw(st.none() | _NAMES), **told)


@st.composite
def models(draw, version=0, messages=None, types=_TYPES):
    """A Model of one version; its messages have those ids, and its types include those."""
    known = {kind.name: kind for kind in types}
    known.update({name: draw(_enums(name)) for name in _ENUM_NAMES})
    if messages is None:
        messages = draw(st.lists(st.integers(0, 65535), unique=True, max_size=4))
    made = {}
    for number in messages:
        is_event = number % 2 == 1
        name = f"M{number}Event" if is_event else f"M{number}"
        made[number] = Message(
            name,
            **draw(_blocks(known, 2)),
            id=number,
            event=f"event{number}" if is_event and number % 3 else None,
        )
    return Model(7, version, "made_up", known, made, version)


@st.composite
def histories(draw):
    """Versions of one schema. Messages and types come and go, but do not come back; their parts do as they like."""
    versions = sorted(draw(st.sets(st.integers(0, 12), min_size=2, max_size=4)))
    lives = st.tuples(st.integers(0, 12), st.integers(1, 14)).map(
        lambda life: range(life[0], life[0] + life[1])
    )
    messages = {number: draw(lives) for number in range(1, draw(st.integers(1, 4)) + 1)}
    extra = {f"extra{i}": draw(lives) for i in range(3)}
    return [
        draw(
            models(
                version,
                draw(st.permutations([number for number, life in messages.items() if version in life])),
                (*_TYPES, *(Scalar(name, "int64") for name, life in extra.items() if version in life)),
            )
        )
        for version in versions
    ]
