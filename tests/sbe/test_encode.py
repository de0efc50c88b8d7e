"""Encoding native values: what it writes, what it refuses, and what an independent package makes of the same."""

from __future__ import annotations

import io
import math
import random
import struct
from collections import Counter
from functools import cache

import pytest
import sbe

from fastws import InvalidRequest
from fastws.sbe import Schema
from fastws.sbe.model import Enum
from helpers.emulator.sbe_reader import Xml
from helpers.sbe_support import Values, header, samples
from helpers.schema_xml import schema_xml

SPOT = Schema.bundled("spot")
TIME = {"serverTime": 1_700_000_000_000_000}


def test_a_message_by_hand():
    assert SPOT.encode("ServerTimeResponse", TIME) == header(8, 102) + struct.pack("<q", TIME["serverTime"])
    assert SPOT.encode(102, TIME) == SPOT.encode("ServerTimeResponse", TIME)
    levels = [{"price": 5, "qty": -1}, {"price": 2**63 - 1, "qty": 0}]
    value = {"lastUpdateId": 1, "priceExponent": -2, "qtyExponent": 3, "bids": levels, "asks": []}
    assert SPOT.encode("DepthResponse", value) == b"".join(
        [
            header(10, 200) + struct.pack("<qbb", 1, -2, 3),
            struct.pack("<HI", 16, 2) + struct.pack("<4q", 5, -1, 2**63 - 1, 0),
            struct.pack("<HI", 16, 0),
        ]
    )


def test_what_is_not_given_is_null_or_empty():
    data = SPOT.encode("ErrorResponse", {"code": -1003, "msg": "ä"})
    assert data[8:] == struct.pack("<hqq", -1003, -(2**63), -(2**63)) + b"\x02\x00" + "ä".encode() + bytes(4)
    assert SPOT.encode("DepthResponse", {"lastUpdateId": 1, "priceExponent": 0, "qtyExponent": 0})[18:] == (
        struct.pack("<HIHI", 16, 0, 16, 0)
    )
    found = SPOT.decode_native(SPOT.encode("ListStatusEvent", {**LIST_STATUS, "rejectReason": None}))
    assert found == {**LIST_STATUS, "subscriptionId": None, "orders": [], "rejectReason": None}


LIST_STATUS = {
    "eventTime": 1,
    "transactTime": 2,
    "orderListId": 3,
    "contingencyType": "Oco",
    "listStatusType": "Response",
    "listOrderStatus": "Executing",
    "symbol": "S",
    "listClientOrderId": "",
}
KLINE = {
    **dict.fromkeys(
        ("openTime", "closeTime", "numTrades", "openPrice", "highPrice", "lowPrice", "closePrice"), 1
    ),
    **dict.fromkeys(("volume", "quoteVolume", "takerBuyBaseVolume", "takerBuyQuoteVolume"), 1),
}


def klines(**changes):
    return {"priceExponent": -2, "qtyExponent": -2, "klines": [{**KLINE, **changes}]}


@pytest.mark.parametrize(
    ("message", "value", "text"),
    [
        ("Nothing", {}, "no message 'Nothing'"),
        (4711, {}, "no message 4711"),
        ("ServerTimeResponse", None, "ServerTimeResponse: expected a mapping, got None"),
        ("ServerTimeResponse", {**TIME, "x": 1}, "ServerTimeResponse has no element 'x'"),
        ("ServerTimeResponse", {}, "ServerTimeResponse.serverTime: a required field"),
        ("ServerTimeResponse", {"serverTime": "1"}, "ServerTimeResponse.serverTime: expected int64, got '1'"),
        ("ServerTimeResponse", {"serverTime": True}, "expected int64, got True"),
        ("ServerTimeResponse", {"serverTime": 1.0}, "expected int64, got 1.0"),
        ("ServerTimeResponse", {"serverTime": 2**63}, "does not fit int64"),
        (
            "DepthResponse",
            {"lastUpdateId": 1, "priceExponent": 128, "qtyExponent": 0},
            "128 does not fit int8",
        ),
        ("KlinesResponse", klines(volume=2**127), r"klines\[0\].volume: expected an int of 128 bits"),
        ("KlinesResponse", klines(volume=1.5), r"klines\[0\].volume: expected an int of 128 bits"),
        ("KlinesResponse", {**klines(), "klines": KLINE}, "KlinesResponse.klines: expected a list"),
        ("KlinesResponse", {**klines(), "klines": [1]}, r"klines\[0\]: expected a mapping"),
        ("ListStatusEvent", {**LIST_STATUS, "contingencyType": "OCO"}, "expected one of Oco, Oto"),
        ("ListStatusEvent", {**LIST_STATUS, "contingencyType": 256}, "256 does not fit uint8"),
        ("ListStatusEvent", {**LIST_STATUS, "symbol": 1}, "ListStatusEvent.symbol: expected a str"),
        ("ListStatusEvent", {**LIST_STATUS, "symbol": "x" * 256}, "256 bytes, more than its length can say"),
        ("CancelOpenOrdersResponse", {"responses": [{}]}, r"responses\[0\].response: a message is needed"),
        ("CancelOpenOrdersResponse", {"responses": [{"response": 1}]}, r"response: expected \{'template'"),
        (
            "CancelOpenOrdersResponse",
            {"responses": [{"response": {"template": "X"}}]},
            "there is no message 'X'",
        ),
    ],
)
def test_a_value_that_does_not_fit_is_refused_by_its_path(message, value, text):
    with pytest.raises(InvalidRequest, match=text):
        SPOT.encode(message, value)


def test_sets_refuse_names_and_bits_that_there_are_not():
    schema = Schema.from_text("schema 9:0 x\nset s uint8\n  0 A\n  7 B\nmessage 1 M\n  s s\n")
    assert schema.encode("M", {"s": ["B", 3]})[8:] == b"\x88"
    for wrong in (["C"], [8], [-1], "A", [None]):
        with pytest.raises(InvalidRequest, match=r"M\.s: "):
            schema.encode("M", {"s": wrong})


def test_an_embedded_message_is_named_by_its_template_or_its_id():
    by_name = {"template": "ServerTimeResponse", "value": TIME}
    whole = {"sbeSchemaIdVersionDeprecated": "False", "status": 200, "id": "1"}
    one = SPOT.encode("WebSocketResponse", {**whole, "result": by_name})
    assert one == SPOT.encode("WebSocketResponse", {**whole, "result": {"templateId": 102, "value": TIME}})
    assert one.endswith(struct.pack("<I", 16) + header(8, 102) + struct.pack("<q", TIME["serverTime"]))


# ------------------------------------------------------------------------------------------ the package sbe


@cache
def package(name, version):
    return sbe.Schema.parse(io.BytesIO(schema_xml(name, version)))


def raw(model, item, value, null):
    """A native value as the package tells it: the integer on the wire."""
    kind = model.type_of(item)
    if value is None:
        return null
    if isinstance(kind, Enum):
        codes = {choice.name: choice.value for choice in kind.choices}
        return sum(1 << codes[name] for name in value) if kind.is_set else codes[value]
    return value


@pytest.mark.parametrize(("name", "version"), [("spot", 5), ("stream", 0)])
def test_the_package_sbe_finds_the_fields_of_the_root_where_fastws_writes_them(name, version):
    """It takes a mantissa of 128 bits for one byte, and a constant for a field that has bytes."""
    schema = Schema.bundled(name)
    model = schema.model.at(schema.version)
    xml = Xml(schema_xml(name, version))
    compared = Counter()
    for message, value, data in samples(schema, model, 7, 5):
        if any(model.type_of(item).size == 16 or item.constant for item in message.fields):
            continue
        pointers = package(name, version).message_wrappers[message.id].pointers
        for item in message.fields:
            pointer = pointers[item.name]
            (found,) = memoryview(data)[8 + pointer.offset :][: pointer.size].cast(pointer.value)
            code = xml.code(item.type)
            null = (
                math.nan
                if code == "f"
                else (-1 if code.islower() else 2) * 2 ** (8 * pointer.size - 1) - code.isupper()
            )
            expected = raw(model, item, value[item.name], null)
            assert found == expected or (expected != expected and found != found), (message.name, item.name)
            compared[message.name] += 1
    assert len(compared) > (40 if name == "spot" else 3)


def same_as_package(model, block, found, value):
    """The package gives names of enums, and null as it stands on the wire."""
    for item in block.fields:
        kind = model.type_of(item)
        if isinstance(kind, Enum) and kind.is_set:
            assert sorted(found[item.name]) == sorted(value[item.name])
        else:
            assert found[item.name] == value[item.name], item.name
    for group in block.groups:
        assert len(found[group.name]) == len(value[group.name])
        for one, other in zip(found[group.name], value[group.name], strict=True):
            same_as_package(model, group, one, other)


def test_the_package_sbe_reads_what_fastws_writes_and_writes_the_same_where_it_can():
    """It knows no group with data, and no null."""
    rng = random.Random(11)
    model = SPOT.model.at(5)
    theirs = package("spot", 5)
    read, written = set(), set()

    def simple(block):
        return not block.data and all(
            model.type_of(item).size != 16
            and not item.constant
            and item.type not in ("int64", "uint8", "float")
            for item in block.fields
        )

    for message in model.messages.values():
        blocks = [message, *message.groups]
        if not all(map(simple, blocks)) or any(group.groups for group in message.groups):
            continue
        for _ in range(10):
            value = Values(model, rng, nulls=0).message(message)
            data = SPOT.encode(message.name, value)
            if any(not value[group.name] for group in message.groups):
                continue  # of an empty group it writes a block length of 0
            same_as_package(model, message, theirs.decode(data).value, value)
            read.add(message.name)
            if not message.groups:
                numbers = {
                    "templateId": message.id,
                    "schemaId": 3,
                    "version": 5,
                    "blockLength": len(data) - 8,
                }
                assert theirs.encode(theirs.messages[message.id], value, numbers) == data
                written.add(message.name)
    assert {"DepthResponse", "AggTradesResponse", "TradesResponse"} <= read
    assert {"ServerTimeResponse", "PingResponse", "ServerShutdownEvent"} <= written
