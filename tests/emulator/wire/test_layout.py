"""The layouts against the XML of the schema, and against bytes of the package ``sbe`` by others."""

from __future__ import annotations

import io
import struct

import pytest
import sbe

from fastws.emulator.wire.codes import ENUMS, NON_REPRESENTABLE, SETS
from fastws.emulator.wire.layout import SCHEMA_ID, SCHEMA_VERSION, Block, Group, Item, pack_message
from fastws.emulator.wire.messages import MESSAGES
from helpers.emulator.sbe_reader import PRIMITIVES, local, null_of, xml
from helpers.schema_xml import schema_xml

# Keys that differ from the XML's attributes (SBE.md, Gaps), by template and name.
KEYS = {
    (54, "subscriptions"): ".",
    (100, "serverTime"): "data.serverTime",
    (100, "retryAfter"): "data.retryAfter",
    (100, "data"): "replaced",
    (306, "response"): ".",
}
RETIRED = {500, 501, 502}
TYPES = {"boolEnum": "bool", "exponent8": "exp", "mantissa64": "dec", "mantissa128": "big", "float": "f32"}


def all_blocks(template):
    """Each block of a message with its XML, as (path, layout, element)."""

    def walk(path, block, element):
        yield path, block, element
        children = [child for row, child in xml().parts(element)[1]]
        assert len(children) == len(block.groups), path
        for group, child in zip(block.groups, children, strict=True):
            yield from walk(f"{path}.{group.name}", group.block, child)

    yield from walk(str(template), MESSAGES[template], xml().messages[template])


def test_all_messages_of_the_schema_but_retired_ones_are_there():
    schema = xml()
    assert (schema.id, schema.version) == (SCHEMA_ID, SCHEMA_VERSION)
    assert MESSAGES.keys() == schema.messages.keys() - RETIRED


@pytest.mark.parametrize("template", MESSAGES)
def test_a_layout_is_that_of_the_xml(template):
    schema = xml()
    for path, block, element in all_blocks(template):
        fields, groups, data = schema.parts(element)
        assert [item.name for item in block.fields] == [row["name"] for row in fields], path
        assert [group.name for group in block.groups] == [row["name"] for row, _ in groups], path
        assert [item.name for item in block.data] == [row["name"] for row in data], path
        assert block.length == schema.block(element).size, path
        position = 0
        for item, row in zip(block.fields, fields, strict=True):
            where = f"{path}.{item.name}"
            if item.type != "exp":
                assert item.optional == (row.get("presence") == "optional"), where
            assert "exponent" not in row or item.arg == row["exponent"].removesuffix("Exponent"), where
            assert ("exponent" in row) == (item.type in ("dec", "big")), where
            kind = TYPES.get(row["type"], row["type"])
            if item.type not in (kind, *ENUMS, *SETS):
                element_ = schema.types.get(row["type"])
                primitive = row["type"] if element_ is None else element_.get("primitiveType")
                assert item.type == primitive.replace("uint", "u").replace("int", "i"), where
            else:
                assert item.type == kind, where
            path_, is_element = row.get("jsonPath", row["name"]), row.get("jsonPath") == "[]"
            if item.type != "exp":
                expected = KEYS.get((template, item.name), str(position) if is_element else path_)
                assert item.key == expected, where
                position += 1
            if "jsonDefaultValue" in row and item.optional:
                # A change of zero is a change; see test_sbe.py.
                assert item.default == row["jsonDefaultValue"] or item.name.startswith("priceChange"), where
        for item, row in zip(block.data, data, strict=True):
            where = f"{path}.{item.name}"
            json_path = row.get("jsonPath", row["name"]).replace("..", ".")
            assert item.key == KEYS.get((template, item.name), json_path), where
            prefix = {"B": "8", "H": "16", "I": "32"}[
                PRIMITIVES[schema.types[row["type"]][0].get("primitiveType")]
            ]
            is_message = "essageData" in row["type"]
            kinds = {"msg" + prefix, "raw" + prefix} if is_message else {"str" + prefix}
            assert item.type in kinds, where
            assert item.optional == row["type"].startswith("optional"), where
            if item.optional and "jsonDefaultValue" in row:
                assert item.default == row["jsonDefaultValue"], where
        for group, (row, _) in zip(block.groups, groups, strict=True):
            where = f"{path}.{group.name}"
            json_path = row.get("jsonPath", row["name"]).replace("..", ".")
            assert group.key == KEYS.get((template, group.name), json_path), where
            assert group.size.format == schema.dimensions(row).format, where


def test_codes_are_those_of_the_xml():
    schema = xml()
    enums = {
        name: schema.values(name)
        for name, element in schema.types.items()
        if local(element.tag) == "enum" and name != "boolEnum"
    }
    assert {name: {**codes, "NON_REPRESENTABLE": NON_REPRESENTABLE} for name, codes in ENUMS.items()} == enums
    sets = {
        name: (schema.code(name), schema.values(name))
        for name, element in schema.types.items()
        if local(element.tag) == "set"
    }
    mine = {}
    for name, (code, bits, other) in SETS.items():
        mine[name] = (
            code,
            {text: bit.bit_length() - 1 for text, bit in {**bits, "NON_REPRESENTABLE": other}.items()},
        )
    assert mine == sets


def test_later_versions_only_append_so_that_what_is_sent_suits_all_that_are_accepted():
    """SEMANTICS 32"""
    for older in (2, 3, 4):
        for template, element in xml(older).messages.items():
            if template in (608, *RETIRED):
                continue
            names = [row["name"] for row in xml(older).parts(element)[0]]
            assert [item.name for item in MESSAGES[template].fields][: len(names)] == names


# --- bytes of the package sbe, where it can write them: no texts, no nulls, no optional enumerations


@pytest.fixture(scope="module")
def package():
    return sbe.Schema.parse(io.BytesIO(schema_xml("spot", 5)))


T = 1_700_000_000_123_456
TRADE = {"id": 7, "quoteQty": "-0.50000000", "price": "1.00000001", "qty": "2.5", "time": T}
RAW_TRADE = {"id": 7, "quoteQty": -50_000_000, "price": 100_000_001, "qty": 25, "time": T}
LIMITS = {"rateLimitType": "ORDERS", "interval": "DAY", "intervalNum": 1, "limit": 5}
GOLDEN = [
    (101, {}, {}),
    (102, {"serverTime": T}, {"serverTime": T}),
    (
        200,
        {"lastUpdateId": 9, "bids": [["1.10", "2.0"], ["1.05", "3.5"]], "asks": [["1.20", "0.5"]]},
        {
            "lastUpdateId": 9,
            "priceExponent": -2,
            "qtyExponent": -1,
            "bids": [{"price": 110, "qty": 20}, {"price": 105, "qty": 35}],
            "asks": [{"price": 120, "qty": 5}],
        },
    ),
    (
        201,
        [{**TRADE, "isBuyerMaker": True, "isBestMatch": False}],
        {
            "priceExponent": -8,
            "qtyExponent": -1,
            "trades": [{**RAW_TRADE, "isBuyerMaker": "True", "isBestMatch": "False"}],
        },
    ),
    (
        204,
        {"mins": 5, "price": "9.35751834", "closeTime": T},
        {"mins": 5, "priceExponent": -8, "price": 935_751_834, "closeTime": T},
    ),
    (
        219,
        [{**TRADE, "isBuyerMaker": False}],
        {
            "priceExponent": -8,
            "qtyExponent": -1,
            "blockTrades": [{**RAW_TRADE, "isBuyerMaker": "False"}],
        },
    ),
    (303, {}, {}),
    (
        402,
        [{**LIMITS, "count": 4}, {**LIMITS, "interval": "SECOND", "intervalNum": 10, "count": 3}],
        {
            "rateLimits": [
                {
                    "rateLimitType": "Orders",
                    "interval": "Day",
                    "intervalNum": 1,
                    "rateLimit": 5,
                    "numOrders": 4,
                },
                {
                    "rateLimitType": "Orders",
                    "interval": "Second",
                    "intervalNum": 10,
                    "rateLimit": 5,
                    "numOrders": 3,
                },
            ]
        },
    ),
    (503, {"subscriptionId": 3}, {"subscriptionId": 3}),
    (504, {}, {}),
    (
        505,
        {"subscriptionId": 65534, "expirationTime": T},
        {"subscriptionId": 65534, "expirationTime": T},
    ),
    (602, {"e": "eventStreamTerminated", "E": T, "subscriptionId": 1}, {"eventTime": T, "subscriptionId": 1}),
    (610, {"e": "serverShutdown", "E": T}, {"eventTime": T}),
]


@pytest.mark.parametrize(("template", "value", "native"), GOLDEN, ids=[str(row[0]) for row in GOLDEN])
def test_bytes_are_those_of_the_sbe_package(package, template, value, native):
    block = {"blockLength": MESSAGES[template].length}
    message = package.messages[template]
    # It pads no block that is not announced.
    message.blockLength = block["blockLength"]
    assert pack_message(template, value) == package.encode(message, native, block)


# --- the items of layouts


def test_nulls_and_defaults():
    codes = {"i8": "b", "u8": "B", "i16": "h", "u16": "H", "i32": "i", "u32": "I", "i64": "q", "u64": "Q"}
    for kind, code in codes.items():
        absent = Block(f"x:{kind}?").pack({}, {})
        assert absent == Block(f"x:{kind}?").pack({"x": None}, {}) == struct.pack("<" + code, null_of(code))
        assert Block(f"x:{kind}?=1").pack({"x": 1}, {}) == absent
    assert Block("x:i64?=-1").pack({"x": -2}, {}) == struct.pack("<q", -2)
    assert Block("a:bool? b:orderSide? c:bool=true d:orderSide=SELL").pack({}, {}) == b"\xff\xff\x01\x01"
    assert Block("x:u16=7").pack({}, {}) == b"\x07\x00"
    assert Block("x:f32?").pack({}, {}) == struct.pack("<f", float("nan"))
    assert Block("", data="a:str8? b:str16?=NONE c:str8= d:msg32.any?").pack({"b": "NONE"}, {}) == b"\0" * 8
    assert Block("xExponent:exp x:dec.x?").pack({}, {}) == struct.pack("<bq", -8, -(2**63))


def test_what_must_be_there_is_missed():
    with pytest.raises(KeyError, match="price"):
        Block("priceExponent:exp price:dec.price").pack({}, {})
    with pytest.raises(KeyError, match="symbol"):
        Block("", data="symbol:str8").pack({}, {})


def test_what_the_schema_cannot_name_is_called_so():
    assert Block("x:orderSide").pack({"x": "SIDEWAYS"}, {}) == b"\xfe"
    assert Block("x:orderTypes").pack({"x": ["LIMIT", "PERHAPS"]}, {}) == struct.pack("<H", 1 << 15 | 2)
    assert Block("", data="filter@.:msg8.filter").pack({"filterType": "MOON"}, {}) == (
        b"\x08" + struct.pack("<HHHH", 0, 999, 3, 5)
    )


@pytest.mark.parametrize(
    ("texts", "exponent", "mantissas"),
    [
        (("0", "0"), 0, (0, 0)),
        (("0.00000000", "1.00000000"), -8, (0, 100_000_000)),
        (("5", "0.2"), -1, (50, 2)),
        (("-0.50", "-12.00"), -2, (-50, -1200)),
        (("92233720368.54775807", "0.00000000"), -8, (2**63 - 1, 0)),
        (("92233720368.54775810", "0.10000000"), -7, (922_337_203_685_477_581, 1_000_000)),
        (("1000000000000000.00000000", "3.00000000"), 0, (10**15, 3)),
    ],
)
def test_exponents_follow_from_the_texts(texts, exponent, mantissas):
    block = Block("xExponent:exp a:dec.x b:dec.x")
    assert block.pack(dict(zip("ab", texts, strict=True)), {}) == struct.pack("<bqq", exponent, *mantissas)


def test_an_exponent_counts_for_the_groups_below_unless_they_have_their_own():
    block = Block(
        "xExponent:exp", Group("rows", "a:dec.x"), Group("own", "xExponent:exp a:dec.x", small=True)
    )
    value = {"rows": [{"a": "1.5"}, {"a": "0.25"}], "own": [{"a": "7"}]}
    assert block.outer == set()
    assert block.pack(value, {}) == struct.pack("<bHIqqHHbq", -2, 8, 2, 150, 25, 9, 1, 0, 7)


def test_what_cannot_be_written_at_all_is_an_error():
    with pytest.raises(struct.error):
        Block("xExponent:exp a:dec.x").pack({"a": "92233720368547758.08000001"}, {})
    with pytest.raises(struct.error):
        Block("", data="a:str8").pack({"a": "x" * 256}, {})


def test_128_bits():
    block = Block("xExponent:exp a:big.x")
    number = 10**30 + 1
    assert block.pack({"a": f"-{number}.5"}, {}) == b"\xff" + (-number * 10 - 5).to_bytes(
        16, "little", signed=True
    )


def test_keys():
    block = Block("a@1:i64 b@x.y:i64 c@x.z:i64?", Group("g@.", "d@.:u8"), data="e@w:str8")
    assert [item.key for item in block.fields] == ["1", "x.y", "x.z"]
    assert Block("a@1:u8 b@0:u8").pack([5, 6], {}) == b"\x06\x05"
    assert Block("b@x.y:u8 c@x.z:u8?").pack({"x": {"y": 1}}, {}) == b"\x01\xff"
    assert Block("", Group("g@.", "d@.:u8")).pack([1, 2, 3], {}) == struct.pack("<HI3B", 1, 3, 1, 2, 3)
    assert Block("", Group("g", "d:u8")).pack({"g": {"d": 4}}, {}) == struct.pack("<HIB", 1, 1, 4)
    assert Block("", Group("g", "d:u8")).pack({}, {}) == struct.pack("<HI", 1, 0)


def test_a_slip_in_a_layout_is_found_when_it_is_made():
    for text in ("price", "price:", "a b:u8", "a:nothing"):
        with pytest.raises((ValueError, KeyError)):
            Block(text)
    item = Item("a@b.c:dec.price?=0")
    assert (item.name, item.key, item.type, item.arg, item.optional, item.default) == (
        *("a", "b.c", "dec", "price"),
        *(True, "0"),
    )
