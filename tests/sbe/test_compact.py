"""fastws.sbe.compact: what is written is read back, what is wrong is refused with its line, files are as made."""

import dataclasses
import re
from functools import reduce
from importlib import resources

import pytest
from hypothesis import given, settings

from fastws.sbe import Schema, SchemaError
from fastws.sbe.compact import HEADER, dumps, header_of, line_of, loads
from fastws.sbe.model import Choice, Data, Enum, Field, Group, Message, Model, Scalar, merge
from helpers.schema_models import histories, models

TEXT = """\
schema 7:0-2 made_up

dimension groups uint16 uint32
data text uint8 text
data inner uint32 message?
type price int64
type wide uint8[16] +1
type exponent8 int8

enum side uint8
  0   Buy BUY
  254 Other +1 -2
enum temperature int8
  -5 Cold

set flags uint16
  15 Last LAST

message 1 Order event order +1
  exponent exponent8
  price price?^exponent json=p default=0
  side side=Buy
  qty wide^exponent -2
  count uint32 +2
  fills[] groups json=f omit-empty
    price price^exponent json=[]
    ids[] groups json=..
      id text json=..
  fees[] groups -2
  note text json=n default=
  detail inner
"""


def bundled_text(name):
    return (resources.files("fastws.sbe") / "schemas" / f"{name}.sbe").read_text("utf-8")


# --- reading


def test_a_schema():
    model = loads(TEXT)
    assert (model.id, model.oldest, model.version, model.package) == (7, 0, 2, "made_up")
    assert model.types["wide"] == Scalar("wide", "uint8", 16, added=1)
    assert model.types["side"] == Enum(
        "side", "uint8", (Choice("Buy", 0, "BUY"), Choice("Other", 254, added=1, removed=2))
    )
    assert model.types["temperature"].choices == (Choice("Cold", -5),)
    assert model.types["flags"].is_set
    assert model.types["inner"].optional
    order = model.messages[1]
    assert (order.name, order.event, order.added) == ("Order", "order", 1)
    assert order.fields[1:] == (
        Field("price", "price", True, "exponent", "p", "0"),
        Field("side", "side", constant="Buy"),
        Field("qty", "wide", exponent="exponent", removed=2),
        Field("count", "uint32", added=2),
    )
    fills, fees = order.groups
    assert (fills.json, fills.omit_empty, fees.removed) == ("f", True, 2)
    assert fills.groups[0].data == (Data("id", "text", ".."),)
    assert order.data == (Data("note", "text", "n", ""), Data("detail", "inner"))


def test_layout_means_nothing():
    spaced = (
        "\n# a comment\r\n" + re.sub(r"(?<=\S) ", "    ", TEXT).replace("\n", "   \r\n\r\n") + "  # another\n"
    )
    assert loads(spaced) == loads(TEXT)
    assert loads(TEXT.replace("0-2 made_up", "0-2")).package == ""
    assert loads("schema 1:4").oldest == 4


BLOCK = "schema 7:0-2 x\ndimension groups uint16 uint16\ndata text uint8 text\nenum side uint8\n  0 Buy\nmessage 1 M\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "line 1: expected `schema ID:VERSION PACKAGE`"),
        ("\n\ntype a int8", "line 3: expected `schema"),
        ("schema", "line 1: expected `schema"),
        ("schema 3 x", "line 1: expected `schema"),
        ("schema 3:1-2-3 x", "line 1: expected `schema"),
        ("schema ²:1 x", "line 1: expected `schema"),
        ("schema 3:1 x y", "line 1: expected `schema"),
        ("schema 99999:1 x", "have 16 bits"),
        ("schema 3:5-4 x", "have 16 bits"),
        ("schema 3:1 x\n type a int8", "line 2: indent by two spaces"),
        ("schema 3:1 x\n\ttype a int8", "line 2: indent by two spaces"),
        ("schema 3:1 x\n  type a int8", "line 2: unexpected indentation"),
        ("schema 3:1 x\ntype a int8\n  0 B", "line 3: unexpected indentation"),
        ("schema 3:1 x\ntype a int128", "line 2: unknown primitive type 'int128'"),
        ("schema 3:1 x\ntype a int8[x]", r"line 2: unknown primitive type 'int8\[x\]'"),
        ("schema 3:1 x\ntype a", "line 2: expected `type NAME PRIMITIVE`, got `type a`"),
        ("schema 3:1 x\ndimension a uint16", "line 2: expected `dimension NAME BLOCK-LENGTH COUNT`"),
        ("schema 3:1 x\ndimension a uint16 u", "line 2: unknown primitive type 'u'"),
        ("schema 3:1 x\ndata a uint8", "line 2: expected `data NAME LENGTH"),
        ("schema 3:1 x\ndata a u text", "line 2: unknown primitive type 'u'"),
        ("schema 3:1 x\ndata a uint8 bytes", "line 2: expected text, text.*, got 'bytes'"),
        ("schema 3:1 x\nenum a", "line 2: expected `enum NAME PRIMITIVE`"),
        ("schema 3:1 x\nset a u", "line 2: unknown primitive type 'u'"),
        ("schema 3:1 x\nenum a uint8\n  A 0", "line 3: expected `VALUE NAME`"),
        ("schema 3:1 x\nenum a uint8\n  ² A", "line 3: expected `VALUE NAME`"),
        ("schema 3:1 x\nenum a uint8\n  0", "line 3: expected `VALUE NAME`"),
        ("schema 3:1 x\nenum a uint8\n  0 A B C", "line 3: expected `VALUE NAME`"),
        ("schema 3:1 x\nenum a uint8\n    0 A", "line 3: expected `VALUE NAME`"),
        ("schema 3:1 x\nenum a uint8\n  256 A", "a.A: 256 does not fit uint8"),
        ("schema 3:1 x\ntype a int8\ntype a int8", "line 3: a second type 'a'"),
        ("schema 3:1 x\ntype int8 int8", "line 2: a second type 'int8'"),
        (
            "schema 3:1 x\nmassage 1 M",
            "line 2: expected type, dimension, data, enum, set or message, got `massage 1 M`",
        ),
        ("schema 3:1 x\n+1", "line 2: expected more than marks"),
        ("schema 3:1 x\ntype a int8 -1 +1", r"line 2: marks are `\+N`, `-N`, or `\+N -N`"),
        ("schema 3:1 x\ntype a int8 +1 +1", "line 2: marks are"),
        ("schema 3:1 x\ntype a int8 +2", r"a: \+2 is not among the versions up to 1"),
        ("schema 3:1 x\nmessage M 1", "line 2: expected `message ID NAME`"),
        ("schema 3:1 x\nmessage 1 M evnt e", "line 2: expected `message ID NAME`"),
        ("schema 3:1 x\nmessage 1 M\nmessage 1 N", "line 3: a second message with the id 1"),
        ("schema 3:1 x\nmessage 70000 M", "M: the id 70000"),
        (BLOCK + "  a", "line 7: expected `NAME TYPE`"),
        (BLOCK + "  a int8 b", "line 7: expected `NAME TYPE`.*, got `a int8 b`"),
        (BLOCK + "  a int8 default=1 json=b", "line 7: expected `NAME TYPE`"),
        (BLOCK + "  a int9", "line 7: unknown type 'int9'"),
        (BLOCK + "  a groups", "line 7: unknown type 'groups'"),
        (BLOCK + "  a int8!", "line 7: cannot read the type 'int8!'"),
        (BLOCK + "  a side=Sell", "line 7: 'Sell' is no value of side"),
        (BLOCK + "  a int8=Buy", "line 7: 'Buy' is no value of int8"),
        (BLOCK + "  a int8 omit-empty", "line 7: omit-empty is for groups"),
        (BLOCK + "  a[] groups default=1", "line 7: a group has no default"),
        (BLOCK + "  a[] text", "line 7: 'text' is no dimension"),
        (BLOCK + "  a[] groups\n  b int8", "line 8: fields come before groups and data"),
        (BLOCK + "  a text\n  b int8", "line 8: fields come before groups and data"),
        (BLOCK + "  a text\n  b[] groups", "line 8: groups come before data"),
        (BLOCK + "    a int8", "line 7: unexpected indentation"),
        (BLOCK + "  a int8\n    b int8", "line 8: unexpected indentation"),
        (BLOCK + "  a int8\n  a int8", "M: two elements named a"),
        (BLOCK + "".join(f"{'  ' * i}g[] groups\n" for i in range(1, 17)), "groups nest more than 15 deep"),
        (BLOCK + "".join(f"{'  ' * i}g[] groups\n" for i in range(1, 2000)), "groups nest too deep"),
    ],
)
def test_refusals_name_the_line(text, said):
    with pytest.raises(SchemaError, match=said):
        loads(text)


# --- writing


@settings(max_examples=40, deadline=None)
@given(models())
def test_a_version_is_read_back(model):
    assert loads(dumps(model)) == model


@settings(max_examples=20, deadline=None)
@given(histories())
def test_several_versions_are_read_back(versions):
    model = reduce(merge, versions)
    text = dumps(model)
    assert loads(text) == model
    assert dumps(loads(text)) == text


def test_columns():
    text = dumps(loads(TEXT), header="")
    assert text.startswith(
        "schema 7:0-2 made_up\n\ndimension groups uint16 uint32\n\ndata text  uint8 text\ndata inner "
    )
    assert "\n  0   Buy   BUY\n  254 Other +1 -2\n" in text
    assert "\n  exponent exponent8\n  price    price?^exponent json=p default=0\n" in text
    assert not re.search(r"[ \t]$", text, re.MULTILINE)


def test_messages_stand_by_id():
    model = Model(1, 0, "p", {}, {number: Message(f"M{number}", id=number) for number in (5, 2, 9)})
    assert re.findall(r"message (\d)", dumps(model)) == ["2", "5", "9"]


@pytest.mark.parametrize(
    ("element", "line"),
    [
        (Choice("Buy", 0), "0 Buy"),
        (
            Group("fills", dimension="d", json="..", omit_empty=True, added=1, removed=2),
            "fills[] d json=.. omit-empty +1 -2",
        ),
        (Field("a", "price", True, "e", "x", "", added=3), "a price?^e json=x default= +3"),
        (Message("M", id=5, event="word"), "message 5 M event word"),
    ],
)
def test_line(element, line):
    assert line_of(element) == line


@pytest.mark.parametrize("text", ["a b", "", "+1", "-12", "a\tb", "\u2003"])
def test_texts_that_the_form_cannot_hold(text):
    base = Model(1, 0, "p", {"e": Enum("e", "uint8", (Choice("A", 0, text),))}, {})
    with pytest.raises(SchemaError, match=f"A: {re.escape(repr(text))} cannot be written"):
        dumps(base)
    if text:
        with pytest.raises(SchemaError, match="cannot be written"):
            dumps(dataclasses.replace(base, package=text, types={}))
    if re.search(r"\s", text):
        with pytest.raises(SchemaError, match="cannot be written"):
            dumps(Model(1, 0, "p", {}, {1: Message("M", (Field("a", "int8", default=text),), id=1)}))


def test_header():
    text = dumps(loads(TEXT))
    assert text.startswith(HEADER)
    assert header_of(text) == HEADER
    own = "# mine\n#\n# too\n"
    assert header_of(dumps(loads(TEXT), own)) == own
    assert header_of(TEXT) == ""
    assert loads(own + TEXT) == loads(TEXT)


# --- the bundled files


@pytest.mark.parametrize("name", ["spot", "stream"])
def test_the_bundled_files_are_as_they_are_written(name):
    text = bundled_text(name)
    assert dumps(loads(text), header_of(text)) == text
    assert header_of(text) == HEADER
    assert loads(text) == Schema.bundled(name).model


def test_the_examples_of_the_grammar_are_read():
    readme = (resources.files("fastws.sbe") / "schemas" / "README.md").read_text("utf-8")
    example = readme.split("```")[1]
    model = loads(re.sub(r" *←.*", "", example))
    assert (model.id, model.oldest, model.version) == (3, 0, 5)
    assert model.types["orderSide"].choices == (Choice("Buy", 0, "BUY"), Choice("NonRepresentable", 254))
    report = model.messages[603]
    assert report.event == "executionReport"
    assert [field.name for field in report.fields] == ["priceExponent", "orderListId", "price", "peggedPrice"]
    assert [(data.removed, data.default) for data in report.data] == [(1, None), (None, "")]
