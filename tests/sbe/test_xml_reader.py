"""fastws.sbe.xml_reader: files as Binance publishes them, files with any content, and refusals that name the place."""

import re
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given, settings

from fastws.sbe import Schema, SchemaError
from fastws.sbe.model import Choice, Field, Group
from fastws.sbe.xml_reader import read_xml
from helpers import facts
from helpers.schema_models import models
from helpers.schema_xml import FILES, schema_xml, to_xml

XML = """\
<?xml version="1.0" encoding="UTF-8"?>
<sbe:messageSchema xmlns:mbx="https://example.com/mbx" xmlns:sbe="http://fixprotocol.io/2016/sbe"
                   package="made_up" id="7" version="3" byteOrder="littleEndian">
    <types>
        <!-- a comment -->
        <composite name="messageHeader">
            <type name="blockLength" primitiveType="uint16"/>
            <type name="templateId" primitiveType="uint16"/>
            <type name="schemaId" primitiveType="uint16"/>
            <type name="version" primitiveType="uint16"/>
        </composite>
        <composite name="groupSizeEncoding">
            <type name="blockLength" primitiveType="uint16"/>
            <type name="numInGroup" primitiveType="uint32"/>
        </composite>
        <composite name="varString8">
            <type name="length" primitiveType="uint8"/>
            <type name="varData" length="0" primitiveType="uint8" characterEncoding="UTF-8"/>
        </composite>
        <type name="price" primitiveType="int64"/>
        <type name="ticker" primitiveType="char" length="6"/>
        <enum name="side" encodingType="uint8">
            <validValue name="Buy" mbx:jsonValue="BUY">0</validValue>
            <!-- a comment -->
            <validValue name="Sell" sinceVersion="2"> 1 </validValue>
        </enum>
        <enum name="letter" encodingType="char"><validValue name="A">a</validValue></enum>
        <set name="flags" encodingType="uint8"><choice name="First">0</choice></set>
    </types>
    <!-- "order" -->
    <sbe:message name="OrderEvent" id="1" blockLength="17">
        <field id="1" name="side" type="side" presence="constant" valueRef="side.Buy"/>
        <field id="2" name="price" type="price" presence="optional" mbx:jsonPath="p" mbx:jsonDefaultValue="0"/>
        <field id="3" name="count" type="int64" sinceVersion="3"/>
        <field id="4" name="flags" type="flags"/>
        <group id="10" name="fills" mbx:jsonOmitNull="true">
            <field id="1" name="price" type="price"/>
        </group>
        <data id="20" name="note" type="varString8"/>
    </sbe:message>
    <message name="Plain" id="2"/>
</sbe:messageSchema>
"""


def changed(old, new, count=1):
    assert XML.count(old) >= 1, old
    return XML.replace(old, new, count).encode()


def test_a_schema(tmp_path):
    model = read_xml(XML.encode())
    assert (model.id, model.oldest, model.version, model.package) == (7, 3, 3, "made_up")
    assert model.types["side"].choices == (Choice("Buy", 0, "BUY"), Choice("Sell", 1, added=2))
    assert model.types["letter"].choices == (Choice("A", ord("a")),)
    assert model.types["ticker"].size == 6
    assert "messageHeader" not in model.types
    event, plain = model.messages.values()
    assert (event.name, event.event, plain.event) == ("OrderEvent", "order", None)
    assert event.fields[:3] == (
        Field("side", "side", constant="Buy"),
        Field("price", "price", True, json="p", default="0"),
        Field("count", "int64", added=3),
    )
    assert event.groups == (Group("fills", (Field("price", "price"),), omit_empty=True),)
    path = tmp_path / "made_up.xml"
    path.write_text(XML)
    assert read_xml(path) == read_xml(str(path)) == model
    assert Schema.from_xml(path).model == model
    with pytest.raises(FileNotFoundError):
        read_xml(tmp_path / "none.xml")


def test_the_namespace_of_attributes_may_be_any():
    assert read_xml(changed("https://example.com/mbx", "urn:other")) == read_xml(XML.encode())


@settings(max_examples=60, deadline=None)
@given(models(5))
def test_whatever_a_schema_says_is_read(model):
    assert read_xml(to_xml(model).encode()) == model


# --- the files, read by other means


def elements_of_xml(data):
    """(path, tag, and the attributes that count) of every element of every message, in their order."""

    def local(name):
        return name.rpartition("}")[2]

    def walk(block, path):
        for child in block:
            attributes = {local(name): value for name, value in child.attrib.items()}
            at = f"{path}.{attributes['name']}"
            kind = attributes.get("type") or attributes.get("dimensionType", "groupSizeEncoding")
            yield (
                at,
                local(child.tag),
                kind,
                attributes.get("presence", "required"),
                attributes.get("valueRef", ".").partition(".")[2] or None,
                *map(attributes.get, ("exponent", "jsonPath", "jsonDefaultValue")),
                attributes.get("jsonOmitNull") == "true",
            )
            yield from walk(child, at)

    for message in ET.fromstring(data):
        if local(message.tag) == "message":
            yield from walk(message, f"{message.get('id')} {message.get('name')}")


def elements_of_model(model):
    def walk(block, path):
        for part in block.parts:
            at = f"{path}.{part.name}"
            attributes = vars(part)
            presence = (
                "constant"
                if attributes.get("constant")
                else "optional"
                if attributes.get("optional")
                else "required"
            )
            yield (
                at,
                type(part).__name__.lower(),
                attributes.get("type") or attributes["dimension"],
                presence,
                attributes.get("constant"),
                *map(attributes.get, ("exponent", "json", "default")),
                attributes.get("omit_empty", False),
            )
            if isinstance(part, Group):
                yield from walk(part, at)

    for message in model.messages.values():
        yield from walk(message, f"{message.id} {message.name}")


def choices_of_xml(data):
    return {
        element.get("name"): [
            (
                choice.get("name"),
                int(choice.text),
                next((v for k, v in choice.attrib.items() if "jsonValue" in k), None),
            )
            for choice in element
            if choice.tag in ("validValue", "choice")
        ]
        for element in ET.fromstring(data).find("types")
        if element.tag in ("enum", "set")
    }


def choices_of_model(model):
    return {
        kind.name: [(c.name, c.value, c.json) for c in kind.choices]
        for kind in model.types.values()
        if hasattr(kind, "choices")
    }


def words_of_xml(data):
    return dict(re.findall(r'<!-- "(\w+)"[^>]*-->\s*<sbe:message name="(\w+Event)"', data.decode()))


SOURCES = [schema_xml, pytest.param(facts.official_schema, marks=facts.needs_official)]


@pytest.mark.parametrize("xml_of", SOURCES)
def test_the_bundled_schemas_say_what_the_files_say(xml_of):
    for name, version in FILES:
        data, model = xml_of(name, version), Schema.bundled(name, version=version).model
        wanted = sorted(elements_of_xml(data))
        assert len(wanted) > 20
        assert sorted(elements_of_model(model)) == wanted, (name, version)
        assert choices_of_model(model) == choices_of_xml(data), (name, version)
        words = {message.event: message.name for message in model.messages.values() if message.event}
        assert words == words_of_xml(data), (name, version)
        if (name, version) == ("spot", 5):
            assert len(words) == 8


# --- refusals


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "not XML: no element found"),
        (b"<a>", "not XML: "),
        (b"schema 3:0 x", "not XML: "),
        (b"\xff\xfe<", "not XML: "),
        (b'<?xml version="1.0" encoding="no-such"?><a/>', "not XML: "),
        (b"<html/>", "expected <messageSchema>, got <html>"),
        (b"<!DOCTYPE a><a/>", "no DOCTYPE"),
        (b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "no DOCTYPE"),
        ('<?xml version="1.0" encoding="UTF-16"?><!DOCTYPE a><a/>'.encode("utf-16"), "no DOCTYPE"),
        (b"<a>&b;</a>", "not XML: undefined entity"),
        (b"<a>" * 200, "<a>: elements nest more than 100 deep"),
        (changed("littleEndian", "bigEndian"), "byteOrder 'bigEndian'"),
        (changed('id="7"', 'id="7" headerType="own"'), "headerType 'own'"),
        (changed('id="7"', ""), "<messageSchema>: id is missing"),
        (changed('id="7"', 'id="x"'), "<messageSchema>: id is no number: 'x'"),
        (changed('version="3"', 'version="-3"'), "version is no number: '-3'"),
        (changed('version="3"', 'version="70000"'), "have 16 bits"),
        (changed("<message ", "<massage "), "<massage> within <messageSchema>"),
        (changed('<type name="price"', '<include name="price"'), "<include> within <types>"),
        (changed('<type name="price"', "<type"), "<type> without a name"),
        (
            changed('"price" primitiveType="int64"', '"price" primitiveType="int46"'),
            "<type 'price'>: unknown primitive type 'int46'",
        ),
        (changed('"price" primitiveType="int64"', '"price"'), "<type 'price'>: unknown primitive type ''"),
        (
            changed('"price" primitiveType', '"price" nullValue="0" primitiveType'),
            "<type 'price'>: nullValue '0'",
        ),
        (
            changed('"price" primitiveType', '"price" presence="constant" primitiveType'),
            "<type 'price'>: presence 'constant'",
        ),
        (changed('<type name="ticker"', '<type name="price"'), "<type 'price'>: a second type of that name"),
        (changed('length="6"', 'length="x"'), "<type 'ticker'>: length is no number"),
        (changed('length="6"', 'length="0"'), "ticker: a length of 0"),
        (changed('primitiveType="uint16"', 'primitiveType="uint32"'), "<composite 'messageHeader'>"),
        (
            changed('name="numInGroup"', 'name="number"'),
            "<composite 'groupSizeEncoding'>: none that is understood: type blockLength, type number",
        ),
        (changed('UTF-8"/>', 'UTF-16"/>'), "<composite 'varString8'>: characterEncoding 'UTF-16'"),
        (
            changed('name="length" primitiveType', 'name="length" offset="1" primitiveType'),
            "<type 'length'>: offset '1'",
        ),
        (changed('encodingType="uint8"', 'encodingType="u"'), "<enum 'side'>: unknown primitive type 'u'"),
        (changed('encodingType="uint8"', 'encodingType="float"'), "side: float is no integer type"),
        (changed(">0</validValue>", ">zero</validValue>"), "side.Buy: 'zero' is no value of uint8"),
        (changed(">0</validValue>", "></validValue>"), "side.Buy: '' is no value of uint8"),
        (changed(">0</validValue>", ">1</validValue>"), "side: two elements with the value 1"),
        (changed(">0</validValue>", ">256</validValue>"), "side.Buy: 256 does not fit"),
        (changed(">a</validValue>", ">ab</validValue>"), "letter.A: 'ab' is no value of char"),
        (changed(">0</choice>", ">8</choice>"), "flags.First: uint8 has no bit 8"),
        (
            changed("<choice name", "<validValue name").replace(b"</choice>", b"</validValue>"),
            "<set 'flags'>: <validValue 'First'>",
        ),
        (
            changed('name="Sell" sinceVersion="2"', 'name="Sell" sinceVersion="4"'),
            r"side.Sell: \+4 is not among the versions up to 3",
        ),
        (
            changed('name="Plain" id="2"', 'name="Plain" id="1"'),
            "OrderEvent and Plain: two messages with the id 1",
        ),
        (changed('name="Plain" id="2"', 'name="Plain"'), "<message 'Plain'>: id is missing"),
        (changed('name="Plain"', 'name="OrderEvent"'), "two elements named OrderEvent"),
        (
            changed('blockLength="17"', 'blockLength="24"'),
            "OrderEvent: a blockLength of 24, but fields of 17 bytes",
        ),
        (
            changed('<field id="1" name="side"', '<ref id="1" name="side"'),
            "OrderEvent: <ref> is not understood",
        ),
        (
            changed('name="count" type="int64"', 'name="count" type="int65"'),
            "OrderEvent.count: 'int65' is no type of a field",
        ),
        (changed('name="count" type="int64"', 'name="count"'), "OrderEvent.count: '' is no type of a field"),
        (
            changed('name="count" type="int64"', 'name="count" type="varString8"'),
            "OrderEvent.count: 'varString8' is no type",
        ),
        (changed('name="count"', 'name="price"'), "OrderEvent: two elements named price"),
        (changed('name="count"', 'name="count" offset="8"'), "OrderEvent.count: offset '8'"),
        (changed('name="count"', 'name="count" nullValue="0"'), "OrderEvent.count: nullValue '0'"),
        (changed('presence="optional"', 'presence="sometimes"'), "OrderEvent.price: presence 'sometimes'"),
        (changed("side.Buy", "side.Bye"), "OrderEvent.side: valueRef 'side.Bye' names no value of side"),
        (changed("side.Buy", "letter.A"), "OrderEvent.side: valueRef 'letter.A' names no value of side"),
        (changed(' valueRef="side.Buy"', ""), "OrderEvent.side: valueRef '' names no value"),
        (
            changed('name="fills"', 'name="fills" dimensionType="price"'),
            "OrderEvent.fills: 'price' is no dimension",
        ),
        (
            changed('<group id="10" name="fills"', '<group id="10" name="fills" blockLength="9"'),
            "OrderEvent.fills: a blockLength of 9",
        ),
        (
            changed('name="note" type="varString8"', 'name="note" type="price"'),
            "OrderEvent.note: 'price' is no type of data",
        ),
        (
            changed("</group>", '</group><field name="late" type="int8"/>'),
            "OrderEvent.late: fields come before groups",
        ),
        (
            changed("    </sbe:message>", '<group name="late"/></sbe:message>'),
            "OrderEvent.late: fields come before groups, and",
        ),
        (
            changed('<field id="1" name="price" type="price"/>', '<field name="x" type="y"/>'),
            "OrderEvent.fills.x: 'y'",
        ),
    ],
)
def test_refusals_name_the_place(data, said):
    with pytest.raises(SchemaError, match=said):
        read_xml(data)


def test_no_file_is_read_for_an_entity(tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("secret")
    text = f'<!DOCTYPE a [<!ENTITY b SYSTEM "{secret.as_uri()}">]><messageSchema id="1" package="&b;"/>'
    with pytest.raises(SchemaError, match="no DOCTYPE"):
        read_xml(text.encode())
