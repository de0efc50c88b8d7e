"""Contents of SBE messages: documented examples, captures of the real exchange, replies, errors, events."""

from __future__ import annotations

import io
import json
import struct

import pytest
import sbe

from fastws.emulator.values.errors import Refusal, refuse
from fastws.emulator.values.limits import Window
from fastws.emulator.wire.choice import EVENTS, RESULTS
from fastws.emulator.wire.layout import MESSAGES
from helpers import facts
from helpers.emulator.sbe_checks import check_same, embedded, form
from helpers.emulator.sbe_reader import EVENTS as EVENT_NAMES
from helpers.emulator.sbe_reader import Reader, xml
from helpers.schema_xml import schema_xml


@pytest.fixture(scope="module")
def reader():
    return Reader(xml())


@pytest.fixture(scope="module")
def package():
    return sbe.Schema.parse(io.BytesIO(schema_xml("spot", 5)))


class Usage:
    """A rate limit with a given count."""

    def __init__(self, usage):
        self._usage = usage

    def usage(self, now_us):
        return self._usage


def examples():
    """Each reply in the documentation, with its method."""
    rows = [(m["method"], m["method"], reply) for m in facts.methods() for reply in m["responses"]]
    rows += [("error", "", reply["json"]) for reply in facts.error_replies()]
    return [
        pytest.param(method, reply, id=f"{name}-{n}")
        for n, (name, method, reply) in enumerate(rows)
        if "id" in reply
    ]


EXAMPLES = examples()


def written(form, method, reply):
    """The bytes of a documented reply."""
    request_id = json.dumps(reply["id"])
    windows = [Usage(limit) for limit in reply["rateLimits"]] if "rateLimits" in reply else None
    if "result" in reply:
        return form.success(request_id, reply["result"], windows, 0, method)
    error = reply["error"]
    refusal = Refusal(reply["status"], error["code"], error["msg"], error.get("data"))
    return form.failure(request_id, refusal, windows, 0)


def test_there_are_examples_of_all_methods():
    assert {example.values[0] for example in EXAMPLES} - {""} == RESULTS.keys() - {
        "userDataStream.subscribe.listenToken"
    }


@pytest.mark.parametrize(("method", "reply"), EXAMPLES)
def test_a_documented_reply_says_the_same_in_sbe(reader, package, method, reply):
    """SEMANTICS 11, 21"""
    data = written(form(), method, reply)
    got = reader.reply(data)
    assert got.pop("deprecated") is False
    assert got["id"] == (reply["id"] or "")
    expected = {**reply, "id": got["id"]}
    if method == "sor.order.place":
        # One message in SBE, an array of one in JSON.
        (expected["result"],) = reply["result"]
    check_same(expected, got)
    check_with_package(package, reader, embedded(data))


def check_with_package(package, reader, message):
    """The root fields, where the package ``sbe`` finds them.

    The package reads a 128-bit mantissa as one byte, and expects bytes for a constant field.
    """
    (template,) = struct.unpack_from("<H", message, 2)
    if any(item.type == "big" for item in MESSAGES[template].fields):
        return
    found = {
        name: memoryview(message)[8 + pointer.offset :][: pointer.size].cast(pointer.value)[0]
        for name, pointer in package.message_wrappers[template].pointers.items()
        if name in {item.name for item in MESSAGES[template].fields}
    }
    native = reader.native(message)
    assert found.keys() == native.keys()
    for name, value in native.items():
        assert found[name] == value or (value != value and found[name] != found[name]), name


def test_ids_are_texts():
    """SEMANTICS 14"""
    for request_id, text in (
        ("1", b"1"),
        ('"1"', b"1"),
        ("-7", b"-7"),
        ("null", b""),
        ('"a-b_C9"', b"a-b_C9"),
    ):
        for data in (
            form().success(request_id, {}, None, 0, "ping"),
            form().failure(request_id, refuse(-1121), None, 0),
        ):
            assert data[15 : 16 + len(text)] == bytes([len(text)]) + text


def test_a_reply_byte_by_byte():
    window = Window("ORDERS", "SECOND", 10, 50)
    window.add(7, 1)
    got = form(deprecated=True).success("12", {"serverTime": 5}, [window], 1, "time")
    assert got == b"".join(
        [
            struct.pack("<HHHH", 3, 50, 3, 5) + b"\x01" + struct.pack("<H", 200),
            struct.pack("<HH", 19, 1) + struct.pack("<BBBqq", 3, 0, 10, 50, 7),
            b"\x0212",
            struct.pack("<I", 16) + struct.pack("<HHHHq", 8, 102, 3, 5, 5),
        ]
    )


def test_an_error_byte_by_byte():
    """SEMANTICS 96"""
    refusal = Refusal(429, -1003, "Zu viel", {"serverTime": 8, "retryAfter": 9})
    assert form().failure("null", refusal, None, 0) == b"".join(
        [
            struct.pack("<HHHH", 3, 50, 3, 5) + b"\x00" + struct.pack("<H", 429),
            struct.pack("<HH", 19, 0),
            b"\x00",
            struct.pack("<I", 8 + 18 + 9 + 4),
            struct.pack("<HHHH", 18, 100, 3, 5) + struct.pack("<hqq", -1003, 8, 9),
            b"\x07\x00Zu viel" + struct.pack("<I", 0),
        ]
    )


def test_error_data_without_a_place_in_the_message_is_left_out(reader):
    refusal = Refusal(400, -1000, "x", {"retryAfter": 5, "more": 1})
    assert reader.reply(form().failure("1", refusal, None, 0))["error"] == {
        "code": -1000,
        "msg": "x",
        "data": {"retryAfter": 5},
    }


def documented_events():
    return [row["json"] for row in facts.events()]


ALLOCATION = {
    "e": "allocationReport",
    "E": 1_700_000_000_000_001,
    "T": 1_700_000_000_000_000,
    "s": "BTCUSDT",
    "x": "New",
    "r": "Accept",
    "X": "Accepted",
    "S": "BUY",
    "P": "Client",
    "h": 1,
    "I": 2,
    "R": 3,
    "a": 4,
    "i": 5,
    "g": -1,
    "t": 6,
    "Sa": 7,
    "p": "1.50000000",
    "q": "2.00000000",
    "Q": "3.00000000",
    "n": "0.00100000",
    "N": "BNB",
    "Ss": "BTCUSDC",
}
CONDITIONAL = {
    "d": 4,
    "D": 1_700_000_000_000_009,
    "j": 1,
    "J": 1_000_000,
    "v": 3,
    "A": "3.00000000",
    "B": "3.00000000",
    "u": 1,
    "U": 37,
    "Cs": "BTCUSDT",
    "pl": "2.12300000",
    "pL": "0.10000001",
    "pY": "0.21230000",
    "b": "ONE_PARTY_TRADE_REPORT",
    "a": 1234,
    "k": "SOR",
    "uS": True,
    "gP": "PRIMARY_PEG",
    "gOT": "PRICE_LEVEL",
    "gOV": 5,
    "gp": "1.00000000",
    "eR": "INSUFFICIENT_LIQUIDITY",
    "n": "0.01",
    "N": "BNB",
    "r": "WOULD_MATCH_IMMEDIATELY",
    "C": "old",
    "t": 77,
    "g": 2,
    "y": "AGENCY",
}


@pytest.mark.parametrize("event", documented_events())
def test_a_documented_event_says_the_same_in_sbe(reader, package, event):
    """SEMANTICS 64, 65, 66"""
    data = form().event(event["event"], event.get("subscriptionId"))
    check_same(event, reader.reply(data))
    check_with_package(package, reader, data)


def test_events_with_all_their_fields(reader):
    """SEMANTICS 67"""
    assert {name: template for template, name in EVENT_NAMES.items()} == EVENTS
    got = reader.reply(form().event(ALLOCATION, 65534))
    assert got == {"event": ALLOCATION, "subscriptionId": 65534}
    for event in documented_events():
        if event["event"]["e"] == "executionReport":
            whole = {**event["event"], **CONDITIONAL}
            got = reader.reply(form().event(whole, 3))
            check_same({"event": whole, "subscriptionId": 3}, got, exact=True)


def test_subscription_ids_can_be_nulls_as_in_the_captures(reader):
    event = {"e": "eventStreamTerminated", "E": 5}
    assert form().event(event, 0)[16:] == b"\x00\x00"
    assert form(subscription_ids=False).event(event, 0)[16:] == b"\xff\xff"
    assert form().event(event)[16:] == b"\xff\xff"
    assert "subscriptionId" not in event


def test_a_server_shutdown_is_message_610():
    """SEMANTICS 8"""
    assert form().event({"e": "serverShutdown", "E": 5}) == struct.pack("<HHHHq", 8, 610, 3, 5, 5)


# --- the captures of the real exchange, in 3:2


@facts.needs_official
def test_events_and_replies_are_what_the_real_exchange_sends():
    reader = Reader(xml(2))
    for name in ("execution_report_event_1", "execution_report_event_2", "outbound_account_position_event_1"):
        data = facts.capture(name)
        event = reader.reply(data)["event"]
        assert len(event.get("B", "BBB")) == 3
        check_extends(form().event(event), data)
    for name, method in (("web_socket_response_1", "order.place"), ("web_socket_response_2", "order.cancel")):
        data = facts.capture(name)
        if name == "web_socket_response_2":
            # The anonymised text in it is one byte longer than its length field says.
            data = data[:-1]
        reply = reader.reply(data)
        assert reply.pop("deprecated") is False
        mine = written(form(), method, reply)
        inner = embedded(mine)
        start = len(mine) - len(inner) - 4
        assert mine[8:start] == data[8:start]
        check_extends(inner, data[start + 4 :])


def check_extends(mine, captured):
    """The bytes are those of the capture; the fields that later versions appended are null."""
    length, *message = struct.unpack_from("<HHHH", captured)
    my_length, *my_message = struct.unpack_from("<HHHH", mine)
    assert (message[:2], my_message[:2]) == ([my_message[0], 3], [message[0], 3])
    assert (message[2], my_message[2]) == (2, 5)
    assert mine[8 : 8 + length] == captured[8 : 8 + length]
    assert mine[8 + length : 8 + my_length] == b"\xff" * (my_length - length)
    assert mine[8 + my_length :] == captured[8 + length :]
