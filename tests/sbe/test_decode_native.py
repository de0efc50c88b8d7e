"""Native values: random ones of every message there and back, and bytes packed by hand."""

from __future__ import annotations

import math
import random
import struct

import pytest

from fastws.sbe import SbeError, Schema
from fastws.sbe.model import Model
from helpers.sbe_support import Values, encoded, header, samples
from helpers.schema_xml import schema_xml

SPOT, STREAM = Schema.bundled("spot"), Schema.bundled("stream")

# Every kind of field that SBE has here, most of which the exchange's schemas leave out.
KINDS = Schema.from_text("""
schema 9:4 kinds

type exponent8 int8
type mantissa64 int64
type mantissa128 uint8[16]
type name char[6]
type levels int16[3]
type ratios float[2]
type reals double
enum letter uint8
  1 Alpha ALPHA
  7 Beta
enum wide uint16
  300 Big
enum small int8
  5 Five
set flags uint8
  0 First FIRST
  6 Last LAST
set many uint64
  0 Low
  63 High
set short uint16
  0 A
  15 B
dimension groupSizeEncoding uint16 uint32
dimension groupSize16Encoding uint16 uint16
dimension groupSize8Encoding uint8 uint8
data text8 uint8 text
data text16 uint16 text
data text32 uint32 text
data maybe8 uint8 text?
data inner16 uint16 message
data maybe32 uint32 message?

message 1 Integers
  a int8
  b uint8
  c int16
  d uint16
  e int32
  f uint32
  g int64
  h uint64
  an int8?
  bn uint8?
  cn int16?
  dn uint16?
  en int32?
  fn uint32?
  gn int64?
  hn uint64?

message 2 Others
  f float
  fn float?
  r reals
  rn reals?
  n name
  nn name?
  c char
  cn char?
  l levels
  s ratios
  m mantissa128
  mn mantissa128?

message 3 Choices
  a letter
  an letter?
  w wide
  wn wide?
  s small
  sn small?
  fixed letter=Beta
  f flags
  fn flags?
  m many
  i short

message 4 Groups
  x uint8
  first[] groupSizeEncoding
    y uint8
    second[] groupSize16Encoding
      z uint8
      third[] groupSize8Encoding
        name text8
    tail text16
  bare[] groupSize16Encoding
    only text32
  last text8
  gone maybe8

message 5 Nest
  depth uint8
  inner maybe32

message 6 Needs
  inner inner16
""")


def kinds(template: int, *parts: bytes, length: int | None = None, version: int = 4) -> bytes:
    """A message; its block is the first part."""
    block = len(parts[0]) if length is None else length
    return header(block, template, 9, version) + b"".join(parts)


def models() -> list[tuple[str, Schema, Model]]:
    spot = [(f"spot-{version}", SPOT, SPOT.model.at(version)) for version in range(6)]
    return [*spot, ("stream-0", STREAM, STREAM.model.at(0)), ("kinds", KINDS, KINDS.model)]


@pytest.mark.parametrize(("schema", "model"), [pytest.param(s, m, id=name) for name, s, m in models()])
def test_random_values_of_every_message_come_back_and_are_encoded_alike(schema, model):
    """The bytes are those of one version; the schema that reads them knows all of them."""
    of_version = Schema(model)
    seen = set()
    for message, value, data in samples(of_version, model, 1, 12, strangers=model.version == schema.version):
        found = schema.decode_native(data)
        if model.version == schema.version:
            assert found == value, message.name
        else:
            assert_extends(schema, schema.model.messages[message.id], found, value)
        assert of_version.decode_native(data) == value
        assert of_version.encode(message.name, of_version.decode_native(data)) == data
        seen.add(message.id)
    assert seen == model.messages.keys()


@pytest.mark.parametrize("version", range(5))
def test_what_a_version_did_not_have_reads_as_null_or_empty(version):
    old = Schema(SPOT.model.at(version))
    for message, value, data in samples(old, old.model, 2, 4):
        newest = SPOT.model.messages[message.id]
        if newest.removed is not None or message.name == "OrderAmendKeepPriorityResponse":
            continue
        assert_extends(SPOT, newest, SPOT.decode_native(data), value)


def assert_extends(schema, block, found, value):
    """What an older version had is there, and nothing else is."""
    assert {
        key: found[key] for key in found.keys() & value.keys() if not isinstance(value[key], (list, dict))
    } == {key: entry for key, entry in value.items() if not isinstance(entry, (list, dict))}
    for part in (*block.fields, *block.groups, *block.data):
        if part.removed is not None:
            continue
        if part.name not in value:
            assert found[part.name] is None or found[part.name] == [], part.name
        elif part in block.groups:
            for one, other in zip(found[part.name], value[part.name], strict=True):
                assert_extends(schema, part, one, other)
        elif isinstance(value[part.name], dict):
            inner = schema.model.messages[value[part.name]["templateId"]]
            assert_extends(schema, inner, found[part.name]["value"], value[part.name]["value"])
        else:
            assert found[part.name] == value[part.name], part.name


def test_integers_are_what_struct_packs_and_null_is_for_optional_fields():
    ends = (-128, 254, -32768, 65534, -(2**31), 2**32 - 2, -(2**63), 2**64 - 2)
    nulls = (-128, 255, -32768, 65535, -(2**31), 2**32 - 1, -(2**63), 2**64 - 1)
    names = "a b c d e f g h".split()
    layout = "<bBhHiIqQ"
    block = struct.pack(layout, *nulls) + struct.pack(layout, *nulls)
    found = KINDS.decode_native(kinds(1, block))
    assert found == {**dict(zip(names, nulls, strict=True)), **{name + "n": None for name in names}}
    block = struct.pack(layout, *ends) + struct.pack(
        layout, 127, 254, 32767, 65534, 2**31 - 1, 2**32 - 2, 2**63 - 1, 0
    )
    found = KINDS.decode_native(kinds(1, block))
    assert [found[name] for name in names] == list(ends)
    assert [found[name + "n"] for name in names] == [
        127,
        254,
        32767,
        65534,
        2**31 - 1,
        2**32 - 2,
        2**63 - 1,
        0,
    ]


def test_floats_characters_arrays_and_mantissas():
    huge = 2**127 - 1
    block = struct.pack("<ffdd6s6sccxxx", 0.5, math.nan, 1e300, math.nan, b"abc", b"\0" * 6, b"x", b"\0")[:-3]
    block += struct.pack("<3h2f", 1, -2, 3, 0.25, -1.5)
    block += huge.to_bytes(16, "little", signed=True) + (-(2**127)).to_bytes(16, "little", signed=True)
    found = KINDS.decode_native(kinds(2, block))
    assert found == {
        "f": 0.5,
        "fn": None,
        "r": 1e300,
        "rn": None,
        "n": "abc",
        "nn": None,
        "c": "x",
        "cn": None,
        "l": [1, -2, 3],
        "s": [0.25, -1.5],
        "m": huge,
        "mn": None,
    }
    assert KINDS.encode("Others", found) == kinds(2, block)


def test_nulls_of_required_fields_are_values():
    block = struct.pack("<ff", math.nan, 0) + struct.pack("<dd", math.inf, -math.inf)
    block += b"\0" * 14 + struct.pack("<3h2f", 0, 0, 0, 0, 0) + b"\0" * 15 + b"\x80" + b"\0" * 16
    found = KINDS.decode_native(kinds(2, block))
    assert math.isnan(found["f"])
    assert (found["r"], found["rn"]) == (math.inf, -math.inf)
    assert (found["m"], found["mn"]) == (-(2**127), 0)
    assert (found["n"], found["c"]) == ("", "")


def test_enums_are_names_or_raw_integers_and_255_is_null_only_where_that_is_possible():
    def choices(*values):
        return KINDS.decode_native(kinds(3, struct.pack("<BBHHbbBBQH", *values)))

    found = choices(1, 255, 300, 65535, 5, -128, 0b1000001, 0, 1 << 63 | 1, 0x8001)
    assert found == {
        "a": "Alpha",
        "an": None,
        "w": "Big",
        "wn": None,
        "s": "Five",
        "sn": None,
        "fixed": "Beta",
        "f": ["First", "Last"],
        "fn": [],
        "m": ["Low", "High"],
        "i": ["A", "B"],
    }
    found = choices(255, 2, 65535, 301, -128, -1, 0b10, 255, 0b10, 0b10)
    assert found == {
        "a": 255,
        "an": 2,
        "w": 65535,
        "wn": 301,
        "s": -128,
        "sn": -1,
        "fixed": "Beta",
        "f": [1],
        "fn": None,
        "m": [1],
        "i": [1],
    }


def nested(second=b"\x01\x00\x00\x00", first_count=1):
    return (
        b"\x09"
        + struct.pack("<HI", 1, first_count)
        + (b"\x05" + second + b"\x02\x00hi") * first_count
        + struct.pack("<HH", 0, 2)
        + b"\x01\0\0\0x\x00\0\0\0"
        + b"\x03abc"
        + b"\x00"
    )


def test_groups_nest_in_all_sizes_and_data_have_all_lengths():
    third = b"\x00\x02" + b"\x01a\x00"
    data = nested(struct.pack("<HH", 1, 1) + b"\x07" + third)
    found = KINDS.decode_native(kinds(4, data, length=1))
    assert found == {
        "x": 9,
        "first": [{"y": 5, "second": [{"z": 7, "third": [{"name": "a"}, {"name": ""}]}], "tail": "hi"}],
        "bare": [{"only": "x"}, {"only": ""}],
        "last": "abc",
        "gone": None,
    }
    assert KINDS.encode("Groups", found) == kinds(4, data, length=1)
    empty = kinds(4, b"\x09" + b"\0" * 6 + b"\0" * 4 + b"\0" + b"\0", length=1)
    assert KINDS.decode_native(empty) == {"x": 9, "first": [], "bare": [], "last": "", "gone": None}


def test_blocks_are_as_long_as_they_say():
    """A newer version appended fields; in an older one they were not there yet."""
    longer = b"\x09new" + struct.pack("<HI", 3, 1) + b"\x05no" + struct.pack("<HH", 0, 0) + b"\x00\x00"
    longer += struct.pack("<HH", 2, 1) + b"??" + b"\0\0\0\0" + b"\x00\x00"
    found = KINDS.decode_native(kinds(4, longer, length=4, version=7))
    assert found["x"] == 9
    assert found["first"] == [{"y": 5, "second": [], "tail": ""}]
    assert found["bare"] == [{"only": ""}]
    shorter = (
        struct.pack("<HI", 0, 1) + struct.pack("<HH", 0, 0) + b"\x00\x00" + struct.pack("<HH", 0, 0) + b"\0\0"
    )
    found = KINDS.decode_native(kinds(4, shorter, length=0, version=1))
    assert found["x"] is None
    assert found["first"] == [{"y": None, "second": [], "tail": ""}]


@pytest.mark.parametrize("version", [0, 3, 4, 5, 6, 65535])
def test_any_version_in_the_header_is_read(version):
    data = kinds(1, bytes(30), version=version)
    assert KINDS.decode_native(data)["a"] == 0


def test_what_follows_the_last_known_element_is_passed_over():
    inner = kinds(5, b"\x01" + struct.pack("<I", 0), length=1)
    outer = kinds(5, b"\x00" + struct.pack("<I", len(inner) + 5) + inner + b"later", length=1)
    found = KINDS.decode_native(outer + struct.pack("<HI", 1, 3) + b"abc" + b"\x02xy")
    assert found == {
        "depth": 0,
        "inner": {
            "template": "Nest",
            "templateId": 5,
            "schemaId": 9,
            "version": 4,
            "value": {"depth": 1, "inner": None},
        },
    }


def matryoshka(depth):
    data = kinds(5, b"\x00" + struct.pack("<I", 0), length=1)
    for _ in range(depth):
        data = kinds(5, b"\x00" + struct.pack("<I", len(data)) + data, length=1)
    return data


def test_messages_nest_sixteen_deep():
    for depth in (3, 16):
        found = KINDS.decode_native(matryoshka(depth))
        for _ in range(depth):
            found = found["inner"]["value"]
        assert found == {"depth": 0, "inner": None}
    for depth in (17, 1000):
        with pytest.raises(SbeError, match="nest more than 16 deep") as caught:
            KINDS.decode_native(matryoshka(depth))
        assert caught.value.path == "$" + ".inner" * 17


def test_an_embedded_message_of_an_unknown_template_is_told_as_such():
    inner = header(3, 77, 9) + b"abc"
    data = kinds(6, struct.pack("<H", len(inner)) + inner, length=0)
    assert KINDS.decode_native(data) == {"inner": {"templateId": 77, "$unknownTemplate": True}}
    assert KINDS.decode(data) == {"inner": {"templateId": 77, "$unknownTemplate": True}}


def test_a_message_that_cannot_be_represented_is_empty():
    filters = SPOT.encode(
        "MyFiltersResponse", {"symbolFilters": [{"filter": {"template": "NonRepresentableMessage"}}]}
    )
    (found,) = SPOT.decode_native(filters)["symbolFilters"]
    assert found["filter"]["value"] == {}
    assert found["filter"]["templateId"] == 999
    assert SPOT.decode(filters)["symbolFilters"] == [{}]


@pytest.mark.parametrize(
    ("data", "reason", "path"),
    [
        (b"", "ends", "$"),
        (b"\0" * 7, "ends", "$"),
        (header(0, 1, 8), "schema 8, where 9 is expected", "$"),
        (header(0, 99, 9), "no message has the template id 99", "$"),
        (header(31, 1, 9) + bytes(30), "ends", "$"),
        (kinds(5, b"\0", b"\x01\0\0"), "ends", "$.inner"),
        (kinds(5, b"\0", b"\x01\0\0\0"), "ends", "$.inner"),
        (kinds(5, b"\0", b"\x01\0\0\0x"), "ends", "$.inner"),
        (kinds(5, b"\0", b"\x08\0\0\0" + header(0, 5, 3)), "schema 3, where 9", "$.inner"),
        (kinds(6, b"", b"\0\0"), "ends", "$.inner"),
        (kinds(4, b"\0", b"\x01\0"), "ends", "$.first"),
        (kinds(4, b"\0", struct.pack("<HI", 1, 2) + b"\x01\0\0\0\0\0\0" + b"\0" * 6), "2 entries", "$.first"),
        (kinds(4, b"\0", struct.pack("<HI", 1, 2**32 - 1) + bytes(99)), "4294967295 entries", "$.first"),
        (kinds(4, nested(b"\x01\0\x50\0"), length=1), "80 entries", "$.first[0].second"),
        (
            kinds(4, b"\0", struct.pack("<HI", 1, 2) + b"\0\0\0\0\0\0\0" + b"\0\0\0\0\0\x09\0" + b"x" * 8),
            "ends",
            "$.first[1].tail",
        ),
        (
            kinds(4, b"\0", bytes(6) + b"\0\0\x01\0\x02\0\0\0\xff\xff" + b"\0\0"),
            "not UTF-8",
            "$.bare[0].only",
        ),
        (kinds(4, b"\0", bytes(6) + bytes(4) + b"\x05abc"), "ends", "$.last"),
        (kinds(2, struct.pack("<ffdd6s", 0, 0, 0, 0, b"\xff") + bytes(100)), "not UTF-8", "$.n"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(data, reason, path):
    with pytest.raises(SbeError, match=reason) as caught:
        KINDS.decode_native(data)
    assert caught.value.path == path
    assert str(caught.value) == f"{path}: {caught.value.reason}"


@pytest.mark.parametrize("length", [2**64 - 1, 2**63, 2**64 - 8, 2**32])
def test_lengths_of_64_bits_are_held_against_what_is_there(length):
    schema = Schema.from_text(
        "schema 9:0 x\ndimension big uint64 uint64\ndata text uint64 text\n"
        "message 1 A\n  g[] big\n    x uint8\n    t text\nmessage 2 B\n  t text\n"
    )
    for count in (1, 2, 2**64 - 1):
        data = header(0, 1, 9, 0) + struct.pack("<QQ", length, count) + bytes(64)
        for read in (schema.decode, schema.decode_native, lambda d: schema.view(d)["g"]):
            with pytest.raises(SbeError, match="entries of at least"):
                read(data)
    with pytest.raises(SbeError, match="ends"):
        schema.decode(header(0, 2, 9, 0) + struct.pack("<Q", length) + bytes(64))
    assert schema.decode_native(header(0, 1, 9, 0) + struct.pack("<QQ", length, 0)) == {"g": []}


def test_a_group_entry_without_bytes_is_bounded():
    schema = Schema.from_text("schema 9:0 x\ndimension d uint16 uint32\nmessage 1 A\n  g[] d\n    x uint8\n")
    data = header(0, 1, 9, 0) + struct.pack("<HI", 0, 16)
    assert schema.decode_native(data) == {"g": [{"x": None}] * 16}
    with pytest.raises(SbeError, match="17 entries"):
        schema.decode_native(header(0, 1, 9, 0) + struct.pack("<HI", 0, 17))


def test_relatedOrders_had_exponents_of_their_own_in_version_0():
    rng = random.Random(5)
    for version, own in ((0, True), (1, False), (5, False)):
        schema = Schema(SPOT.model.at(version))
        message = schema.model.message("OrderAmendKeepPriorityResponse")
        while True:
            value, data = encoded(schema, message, Values(schema.model, rng, exponents=(-8, -2)))
            if value["relatedOrders"]:
                break
        assert ("priceExponent" in value["relatedOrders"][0]) is own
        found = SPOT.decode_native(data)
        for one, other in zip(found["relatedOrders"], value["relatedOrders"], strict=True):
            assert {key: one[key] for key in other} == other
            assert all(one[key] is None for key in one.keys() - other.keys())
        shown = SPOT.decode(data)["relatedOrders"]
        for one, other in zip(shown, value["relatedOrders"], strict=True):
            around = other if own else value
            places = -around["priceExponent"]
            assert len(one["price"].partition(".")[2]) == places


def test_a_message_that_a_version_took_away_is_read_in_the_version_that_had_it():
    old = Schema.bundled("spot", 2)
    value = {
        "eventTime": 1,
        "qtyExponent": -1,
        "subscriptionId": 2,
        "symbol": "S",
        "baseAsset": "B",
        "unlockData": [{"unlockTime": 3, "qty": 45}],
    }
    data = old.encode("TPlusFilterLockEvent", value)
    assert SPOT.decode_native(data) == old.decode_native(data) == value
    with pytest.raises(SbeError, match="template id 608"):
        SPOT.decode_native(data[:6] + b"\x03\x00" + data[8:])
    with pytest.raises(ValueError, match="no message 'TPlusFilterLockEvent'"):
        SPOT.encode("TPlusFilterLockEvent", value)
    with pytest.raises(ValueError, match="no message 608"):
        SPOT.encode(608, value)


@pytest.mark.slow
def test_every_schema_file_reads_what_the_bundled_schema_reads(tmp_path):
    for version in range(6):
        path = tmp_path / f"spot_3_{version}.xml"
        path.write_bytes(schema_xml("spot", version))
        of_file = Schema.from_xml(path)
        for _, value, data in samples(of_file, of_file.model, 3, 2):
            assert of_file.decode_native(data) == value
            assert Schema(SPOT.model.at(version)).decode_native(data) == value
            if version == 5:
                assert of_file.decode(data) == SPOT.decode(data)


def test_templates_that_share_a_place_in_the_cache_do_not_mix():
    schema = Schema.from_text(
        "schema 9:3 x\n" + "".join(f"message {i} M{i}\n  f{i} uint8\n" for i in (5, 5 + 1024, 5 + 2048))
    )
    rng = random.Random(1)
    for _ in range(300):
        template, version = 5 + 1024 * rng.randrange(4), rng.randrange(6)
        data = header(1, template, 9, version) + b"\x01"
        if template == 5 + 3072:
            with pytest.raises(SbeError, match=f"template id {template}"):
                schema.decode_native(data)
        else:
            assert schema.decode_native(data) == {f"f{template}": 1}


def test_versions_of_one_template_do_not_mix():
    schema = Schema.from_text("schema 9:0-3 x\nmessage 1 A\n  a uint8 -2\n  a int8 +2\n  c uint8\n")
    for version, a in ((0, 254), (3, -2), (1, 254), (2, -2), (9, -2), (0, 254)):
        assert schema.decode_native(header(2, 1, 9, version) + b"\xfe\x02") == {"a": a, "c": 2}
