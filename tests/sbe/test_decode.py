"""Values as the JSON API writes them: decimals, times, enums, conditions, shapes that attributes do not tell."""

from __future__ import annotations

import locale
import math
import random
import struct
from decimal import Decimal

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fastws.sbe import SbeError, Schema
from helpers import facts
from helpers.emulator.sbe_reader import EVENTS, Reader, xml
from helpers.sbe_support import changed, fixed_point, header, samples

SPOT, STREAM = Schema.bundled("spot"), Schema.bundled("stream")
NUMBERS = ("str", "float", "decimal")
INT64 = st.integers(-(2**63), 2**63 - 1)
INT128 = st.integers(-(2**127), 2**127 - 1)
EXPONENT = st.integers(-128, 127)
# Around what is written in its own way: eight digits behind the point, up to eight before it, what a double holds.
EDGES = [
    0,
    1,
    9,
    10,
    99,
    10**8 - 1,
    10**8,
    10**16 - 1,
    10**16,
    2**53,
    2**53 + 1,
    2**63 - 1,
    -1,
    -(10**8),
    -(2**63),
]

DECIMALS = Schema.from_text("""
schema 9:0 decimals
type exponent8 int8
type mantissa64 int64
type mantissa128 uint8[16]
message 1 Narrow
  e exponent8
  d mantissa64^e
message 2 Wide
  e exponent8
  d mantissa128^e
message 3 Float
  d float
message 4 Double
  d double
message 5 Nullable
  e exponent8
  f float? default=0
  d mantissa64?^e default=0
  w mantissa128?^e default=0
  n mantissa64?^e
""")


def narrow(mantissa, exponent):
    return header(9, 1, 9, 0) + struct.pack("<bq", exponent, mantissa)


def wide(mantissa, exponent):
    return header(17, 2, 9, 0) + struct.pack("<b", exponent) + mantissa.to_bytes(16, "little", signed=True)


def check_decimal(data, mantissa, exponent):
    text = fixed_point(mantissa, exponent)
    assert DECIMALS.decode(data) == {"d": text}
    found = DECIMALS.decode(data, numbers="float")["d"]
    assert type(found) is float
    assert found == float(text)
    exact = DECIMALS.decode(data, numbers="decimal")["d"]
    assert type(exact) is Decimal
    assert str(exact.as_tuple()) == str(Decimal(text).as_tuple())
    for numbers in NUMBERS:
        assert repr(DECIMALS.view(data, numbers=numbers)["d"]) == repr(
            DECIMALS.decode(data, numbers=numbers)["d"]
        )


@settings(deadline=None)
@given(INT64, EXPONENT)
@example(-(2**63), -128)
@example(2**63 - 1, 127)
@example(-5, -1)
def test_a_decimal_of_64_bits_is_exact_in_texts_and_correctly_rounded_in_floats(mantissa, exponent):
    check_decimal(narrow(mantissa, exponent), mantissa, exponent)


@settings(deadline=None)
@given(INT128, EXPONENT)
@example(-(2**127), -128)
@example(2**127 - 1, 127)
@example(2**64, 0)
@example(10**38, -38)
def test_a_decimal_of_128_bits_is_exact_in_texts_and_correctly_rounded_in_floats(mantissa, exponent):
    check_decimal(wide(mantissa, exponent), mantissa, exponent)


@pytest.mark.parametrize("exponent", [*range(-128, 128, 15), -22, -23, -9, -8, -7, -1, 0, 1, 127])
def test_decimals_at_the_edges(exponent):
    for mantissa in EDGES:
        check_decimal(narrow(mantissa, exponent), mantissa, exponent)
        for far in (mantissa, mantissa + 2**64, mantissa - 2**64, mantissa * 10**19, -(2**127), 2**127 - 1):
            check_decimal(wide(far, exponent), far, exponent)


def test_the_common_decimals_are_all_written_right():
    rng = random.Random(3)
    mantissas = [rng.randrange(10**k) for k in range(1, 19) for _ in range(300)]
    mantissas += [10**k + d for k in range(19) for d in (-1, 0, 1)]
    for mantissa in mantissas:
        assert DECIMALS.decode(narrow(mantissa, -8))["d"] == f"{mantissa // 10**8}.{mantissa % 10**8:08}"


@settings(deadline=None)
@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
@example(-0.0)
@example(0.0005)
@example(-0.0001)
@example(3.4028234663852886e38)
def test_a_float_has_three_decimals(number):
    data = header(4, 3, 9, 0) + struct.pack("<f", number)
    text = f"{number:.3f}"
    assert DECIMALS.decode(data) == {"d": text}
    assert repr(DECIMALS.decode(data, numbers="float")["d"]) == repr(float(text))
    assert repr(DECIMALS.decode(data, numbers="decimal")["d"]) == repr(Decimal(text))


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf, 1e101, -1e300])
def test_a_float_that_is_no_number_is_a_text_and_a_large_one_is_written_whole(number):
    data = header(8, 4, 9, 0) + struct.pack("<d", number)
    odd = {"inf": "Infinity", "-inf": "-Infinity", "nan": "NaN"}.get(str(number))
    text = odd or f"{number:.3f}"
    assert DECIMALS.decode(data)["d"] == text
    assert DECIMALS.decode(data, numbers="float")["d"] == (odd or number)
    assert repr(DECIMALS.decode(data, numbers="decimal")["d"]) == repr(odd or Decimal(text))
    assert DECIMALS.decode_native(data)["d"] == pytest.approx(number, nan_ok=True)


def test_a_float_does_not_follow_the_locale():
    before = locale.setlocale(locale.LC_NUMERIC)
    for name in ("de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8"):
        try:
            locale.setlocale(locale.LC_NUMERIC, name)
        except locale.Error:
            continue
        try:
            assert DECIMALS.decode(header(4, 3, 9, 0) + struct.pack("<f", 1.5)) == {"d": "1.500"}
            return
        finally:
            locale.setlocale(locale.LC_NUMERIC, before)
    pytest.skip("no locale with a decimal comma is installed")


def test_null_is_shown_as_its_default_with_the_exponent_of_the_field():
    block = struct.pack("<bfq", -8, math.nan, -(2**63)) + b"\0" * 15 + b"\x80" + struct.pack("<q", -(2**63))
    data = header(len(block), 5, 9, 0) + block
    zero = {"f": "0.000", "d": "0.00000000", "w": "0.00000000"}
    assert DECIMALS.decode(data) == zero
    assert DECIMALS.decode(data, numbers="float") == dict.fromkeys(zero, 0.0)
    assert DECIMALS.decode(data, numbers="decimal") == {key: Decimal(text) for key, text in zero.items()}
    assert DECIMALS.decode_native(data) == {"e": -8, "f": None, "d": None, "w": None, "n": None}


def test_a_decimal_whose_exponent_is_missing_is_an_error_at_its_place():
    schema = Schema.from_text("schema 9:0 x\ntype exponent8 int8\nmessage 1 A\n  d int64^e\n  e exponent8\n")
    with pytest.raises(SbeError, match="its exponent is not in the message") as caught:
        schema.decode(header(8, 1, 9, 0) + bytes(8))
    assert caught.value.path == "$.d"


@settings(deadline=None)
@given(st.integers(-(2**63) + 1, 2**63 - 1))
@example(-1)
@example(-1000)
@example(999)
def test_times_are_microseconds_or_milliseconds_rounded_down(time):
    data = header(8, 102) + struct.pack("<q", time)
    assert SPOT.decode(data) == {"serverTime": time}
    assert SPOT.decode(data, time_unit="ms") == {"serverTime": time // 1000}


def test_arguments_are_checked():
    with pytest.raises(ValueError, match="numbers: expected"):
        SPOT.decode(header(0, 101), numbers="int")
    with pytest.raises(ValueError, match="time_unit: expected"):
        SPOT.decode(header(0, 101), time_unit="s")
    for wrong in ("text", None, 5):
        with pytest.raises(TypeError):
            SPOT.decode(wrong)


def test_any_bytes_are_read():
    class Bytes(bytes):
        pass

    data = header(8, 102) + struct.pack("<q", 7)
    doubled = bytes(byte for byte in data for _ in range(2))
    for given_ in (Bytes(data), bytearray(data), memoryview(data), memoryview(doubled)[::2]):
        assert SPOT.decode(given_) == SPOT.decode_native(given_) == {"serverTime": 7}
        assert SPOT.view(given_)["serverTime"] == 7


# ------------------------------------------------------------------- against a reader that knows the XML alone

# What the documentation shows under a condition: the field, and whether its object shows it.
ALWAYS_HIDDEN = {"orderCapacity", "y", "sbeSchemaIdVersionDeprecated"}


def is_zero(text):
    return Decimal(text) == 0


def as_documented(shown):
    """What the documentation shows of all that the attributes of the schema tell."""
    shown = {key: value for key, value in shown.items() if key not in ALWAYS_HIDDEN}
    for used, floor in (("usedSor", "workingFloor"), ("uS", "k")):
        if used in shown and floor in shown and shown[used] is not True:
            del shown[floor]
        if shown.get(used) is False:
            del shown[used]
    if "preventedQuantity" in shown and is_zero(shown["preventedQuantity"]):
        del shown["preventedQuantity"]
    for report in shown.get("orderReports", ()):
        if "origQty" in report and is_zero(report["origQty"]):
            del report["origQty"]  # of an order whose quantity follows from its working order
    if "fills" in shown:
        for fill in shown["fills"]:
            if "allocId" not in fill:
                del fill["matchType"]
            fill.setdefault("tradeId", -1)
        if not shown["preventedMatches"]:
            del shown["preventedMatches"]
    for name in ("relatedOrders", "reduceOnlyAssets"):
        if name in shown and not shown[name]:
            del shown[name]
    if {"symbol", "referencePrice", "timestamp"} >= shown.keys() and "timestamp" in shown:
        shown.setdefault("referencePrice", None)
    if shown.keys() >= {"cancelResult", "newOrderResult"}:
        shown.setdefault("cancelResponse", None)
    if shown.get("rateLimits") == [] and "status" in shown:
        del shown["rateLimits"]
    return shown


def as_documented_of(template, shown):
    if template == 603:
        shown.setdefault("N", None)
        if "a" not in shown:
            del shown["b"]
        if is_zero(shown["A"]):
            del shown["A"]
    return shown


class Documented(Reader):
    """The reader of the emulator's tests, and the conditions of the documentation."""

    def reply_part(self, data):
        value = super().reply_part(data)
        (template,) = struct.unpack_from("<H", data, 2)
        if template == 317:
            # shown though the documentation's example has none
            value["relatedOrders"] = self.message(data)[1]["relatedOrders"]
        if template not in EVENTS:
            return value
        value.pop("subscriptionId", None)  # a frame has it, and there is none
        return {"e": EVENTS[template], **as_documented_of(template, value)}


def test_random_messages_are_shown_as_a_reader_of_the_xml_and_the_documentation_shows_them():
    reader = Documented(xml())
    model = SPOT.model.at(5)
    seen = set()
    for message, _, data in samples(SPOT, model, 21, 30, exponents=(-8, -8, -2, 0, 3, -18)):
        if message.id == 50:
            continue  # its status says which key its payload has; see below
        if message.event:
            shown = reader.message(data)[1]
            shown = {"event": {"e": message.event, **as_documented_of(message.id, shown)}}
            if "subscriptionId" in shown["event"]:
                shown["subscriptionId"] = shown["event"].pop("subscriptionId")
        else:
            shown = reader.reply_part(data)
        assert SPOT.decode(data) == changed(shown, as_documented), message.name
        seen.add(message.id)
    assert len(seen) == len(model.messages) - 1


def response(template, status, payload):
    value = {"sbeSchemaIdVersionDeprecated": "True", "status": status, "id": "x", "rateLimits": []}
    return SPOT.encode("WebSocketResponse", {**value, "result": {"template": template, "value": payload}})


def test_a_response_shows_its_result_or_its_error():
    """By what the payload is: a reply without a payload of its own has an error in a 200, too."""
    limit = {"rateLimitType": "Orders", "interval": "Day", "intervalNum": 1, "rateLimit": 10, "current": 2}
    shown = {"rateLimitType": "ORDERS", "interval": "DAY", "intervalNum": 1, "limit": 10, "count": 2}
    found = SPOT.decode(response("PingResponse", 200, {}))
    assert found == {"id": "x", "status": 200, "result": {}}
    found = SPOT.decode(response("ErrorResponse", 400, {"code": -1121, "msg": "m"}))
    assert found == {"id": "x", "status": 400, "error": {"code": -1121, "msg": "m"}}
    value = SPOT.decode_native(response("PingResponse", 200, {}))
    assert SPOT.decode(SPOT.encode("WebSocketResponse", {**value, "rateLimits": [limit]}))["rateLimits"] == [
        shown
    ]


def test_the_data_of_an_error_are_one_object():
    error = {"code": -1003, "msg": "m", "serverTime": 5, "retryAfter": 7}
    assert SPOT.decode(SPOT.encode("ErrorResponse", error))["data"] == {"serverTime": 5, "retryAfter": 7}
    halves = {"cancelResult": "Failure", "newOrderResult": "NotAttempted"}
    halves["cancelResponse"] = {
        "template": "ErrorResponse",
        "value": {"code": -2011, "msg": "Unknown order sent."},
    }
    both = {
        "cancelResult": "FAILURE",
        "newOrderResult": "NOT_ATTEMPTED",
        "cancelResponse": {"code": -2011, "msg": "Unknown order sent."},
        "newOrderResponse": None,
    }
    data = {"template": "CancelReplaceOrderResponse", "value": halves}
    assert (
        SPOT.decode(SPOT.encode("ErrorResponse", {"code": -2022, "msg": "m", "data": data}))["data"] == both
    )
    found = SPOT.decode(SPOT.encode("ErrorResponse", {**error, "data": data}))
    assert found["data"] == {"serverTime": 5, "retryAfter": 7, **both}
    assert "data" not in SPOT.decode(SPOT.encode("ErrorResponse", {"code": 1, "msg": ""}))


@pytest.mark.parametrize("template", [999, 54, 1234])
def test_the_data_of_an_error_may_be_any_message(template):
    """An object joins it, anything else stands for it alone, and what is unknown is told as such."""
    block = struct.pack("<hqq", -1, -(2**63), -(2**63)) + b"\0\0"
    inner = header(0, template) + (struct.pack("<HI", 10, 0) if template == 54 else b"")
    data = header(18, 100) + block + struct.pack("<I", len(inner)) + inner
    expected = {999: {}, 54: [], 1234: {"templateId": 1234, "$unknownTemplate": True}}
    assert SPOT.decode(data)["data"] == SPOT.view(data)["data"] == expected[template]


def amended(**changes):
    order = {
        **dict.fromkeys(
            "transactTime executionId orderId price qty executedQty preventedQty cumulativeQuoteQty".split(),
            1,
        ),
        "priceExponent": -1,
        "qtyExponent": 0,
        "status": "New",
        "timeInForce": "Gtc",
        "orderType": "Limit",
        "side": "Buy",
        "orderCapacity": "Agency",
        "workingFloor": "Sor",
        "selfTradePreventionMode": "None",
        "usedSor": "False",
        "symbol": "S",
    }
    return SPOT.encode("OrderAmendKeepPriorityResponse", {**order, **changes})


def test_an_amended_order_stands_in_an_object_of_its_own_and_its_list_is_one_object():
    found = SPOT.decode(amended())
    assert found.keys() == {"transactTime", "executionId", "amendedOrder"}
    assert found["amendedOrder"]["price"] == "0.1"
    assert found["amendedOrder"]["preventedQty"] == "1"
    assert (
        found["amendedOrder"].keys() & {"usedSor", "workingFloor", "orderCapacity", "origClientOrderId"}
        == set()
    )
    assert SPOT.decode(amended(usedSor="True"))["amendedOrder"]["workingFloor"] == "SOR"
    status = {"orderListId": 1, "contingencyType": "Oto", "listOrderStatus": "Executing", "orders": []}
    status |= {"listClientOrderId": "l", "symbol": "S"}
    assert SPOT.decode(amended(listStatus=[status]))["listStatus"] == {**status, **LIST}
    # never seen; nothing of it may be lost
    assert SPOT.decode(amended(listStatus=[status] * 2))["listStatus"] == [{**status, **LIST}] * 2


LIST = {"contingencyType": "OTO", "listOrderStatus": "EXECUTING"}


def test_an_event_has_its_name_and_stands_in_a_frame_with_its_subscription():
    value = {"eventTime": 5_000, "subscriptionId": 3}
    data = SPOT.encode("EventStreamTerminatedEvent", value)
    event = {"e": "eventStreamTerminated", "E": 5}
    assert SPOT.decode(data, time_unit="ms") == {"event": event, "subscriptionId": 3}
    data = SPOT.encode("EventStreamTerminatedEvent", {"eventTime": 5_000})
    assert SPOT.decode(data, time_unit="ms") == {"event": event}
    # within a reply it is the reply's
    found = SPOT.decode(response("EventStreamTerminatedEvent", 200, value), time_unit="ms")
    assert found["result"] == event


@pytest.mark.parametrize("subscription", ["int8", "uint64", "varText"])
def test_a_subscription_of_another_type_does_not_break_an_event(subscription):
    """A later version may change it."""
    text = "schema 3:9 x\ntype utcTimestampUs int64\ndata varText uint8 text\n"
    text += "message 602 EventStreamTerminatedEvent event over\n  eventTime utcTimestampUs json=E\n"
    text += f"  subscriptionId {subscription}\n"
    schema = Schema.from_text(text)
    if subscription == "varText":
        data = header(8, 602, 3, 9) + bytes(8) + b"\x02ab"
        assert schema.decode(data) == {"event": {"e": "over", "E": 0}}
    else:
        size = 1 if subscription == "int8" else 8
        data = header(8 + size, 602, 3, 9) + bytes(8) + b"\x7f" + bytes(size - 1)
        assert schema.decode(data) == {"event": {"e": "over", "E": 0}, "subscriptionId": 127}
        data = header(8 + size, 602, 3, 9) + bytes(8) + b"\xff" * size
        assert schema.decode(data)["event"] == {"e": "over", "E": 0}


def test_unknown_enum_values_are_raw_integers_and_unknown_bits_their_numbers():
    data = bytearray(
        SPOT.encode("PriceTickerSymbolResponse", {"priceExponent": -2, "price": 1, "symbol": "S"})
    )
    assert SPOT.decode(bytes(data)) == {"symbol": "S", "price": "0.01"}
    limit = struct.pack("<BBBqq", 250, 1, 5, 7, 9)
    data = header(0, 402) + struct.pack("<HI", 19, 1) + limit
    (found,) = SPOT.decode(data)
    assert found["rateLimitType"] == 250
    assert found["interval"] == "MINUTE"


def test_another_schema_with_a_message_50_has_no_envelope():
    text = "schema 3:0 x\ndata t uint8 text\nmessage 50 A\n  t t json=..\nmessage 100 B\n  x uint8\n"
    schema = Schema.from_text(text)
    data = header(0, 50, 3, 0) + b"\x02ab"
    assert schema.decode(data) == "ab"
    assert schema.view(data) == "ab"


def test_two_elements_with_one_name_in_the_json_show_the_later_one():
    """Such a schema is no good one, but what comes out must not depend on the message before."""
    schema = Schema.from_text("schema 9:0 x\nmessage 1 A\n  a uint8 json=k\n  b uint8 json=k\n  c uint8\n")
    for a, b in ((1, 2), (1, 2), (1, 2), (3, 2), (3, 2), (4, 5)):
        assert schema.decode(header(3, 1, 9, 0) + bytes((a, b, 0))) == {"k": b, "c": 0}


def test_more_keys_than_a_mask_has_bits():
    count = 80
    text = "schema 9:0 x\nmessage 1 A\n" + "".join(f"  f{i} uint8?\n" for i in range(count))
    schema = Schema.from_text(text)
    rng = random.Random(5)
    for _ in range(300):
        values = [rng.choice((1, 2, 255)) for _ in range(count)]
        expected = {f"f{i}": value for i, value in enumerate(values) if value != 255}
        assert schema.decode(header(count, 1, 9, 0) + bytes(values)) == expected


def test_what_is_done_to_a_result_does_not_change_later_ones():
    rng = random.Random(9)
    frames = [data for message, _, data in samples(SPOT, SPOT.model.at(5), 13, 2, exponents=(-8,))]
    first = [repr(SPOT.decode(data)) for data in frames]
    native = [repr(SPOT.decode_native(data)) for data in frames]

    def ruin(value):
        for entry in list(value.values() if isinstance(value, dict) else value):
            if isinstance(entry, (dict, list)):
                ruin(entry)
        if isinstance(value, dict):
            for key in list(value):
                value[key] = rng.choice(("ruined", [], None))
            value["more"] = 1
        else:
            value.append("ruined")

    for _ in range(4):  # the same message again and again is what models are kept for
        for data, text, native_text in zip(frames, first, native, strict=True):
            for found, expected in ((SPOT.decode(data), text), (SPOT.decode_native(data), native_text)):
                assert repr(found) == expected
                ruin(found)


# ------------------------------------------------------------------------------------------------ captures


def check_some_values_of_the_captures():
    found = SPOT.decode(facts.capture("web_socket_response_1"), time_unit="ms")
    limits = found.pop("rateLimits")
    result = found.pop("result")
    assert found == {"status": 200, "id": "ws-place"}
    assert [limit["rateLimitType"] for limit in limits] == ["ORDERS", "ORDERS", "REQUEST_WEIGHT"]
    assert result["clientOrderId"].startswith("test-order-id-")
    assert result["fills"] == []
    assert result.keys().isdisjoint({"expiryReason", "stopPrice", "icebergQty", "usedSor", "workingFloor"})
    # one that was overwritten with a byte too many
    data = facts.capture("web_socket_response_2")
    found = SPOT.decode(data, time_unit="ms")
    assert found == SPOT.decode(data[:-1], time_unit="ms")
    assert found["id"] == "ws-cancel"
    assert found["result"]["status"] == "CANCELED"
    assert found["result"]["origClientOrderId"].startswith("test-order-id-")
    found = SPOT.decode(facts.capture("outbound_account_position_event_1"), numbers="decimal")
    event = found["event"]
    assert found.keys() == {"event"}
    assert event["e"] == "outboundAccountPosition"
    assert [balance["a"] for balance in event["B"]] == ["BTC", "BNB", "USDT"]
    assert all(type(balance["f"]) is Decimal for balance in event["B"])


CAPTURES = (
    *("execution_report_event_1", "execution_report_event_2", "outbound_account_position_event_1"),
    *("web_socket_response_1", "web_socket_response_2"),
)


@facts.needs_official
def test_the_captures_decode_to_what_their_own_version_and_the_xml_say():
    check_some_values_of_the_captures()
    for name in CAPTURES:
        data = facts.capture(name)
        whole = data[:-1] if name.endswith("response_2") else data
        shown = Documented(xml(2)).reply(whole)
        shown.pop("deprecated", None)
        if "event" in shown:
            as_documented_of(struct.unpack_from("<H", data, 2)[0], shown["event"])
        found = SPOT.decode(data)
        assert found == changed(shown, as_documented), name
        assert found == Schema.bundled("spot", 2).decode(data), name
        native = drop_later(SPOT.decode_native(data))
        assert Schema.bundled("spot", 2).encode(struct.unpack_from("<H", data, 2)[0], native) == whole, name


def drop_later(value):
    """The native value without what came after 3:2."""

    def change(value):
        return {key: entry for key, entry in value.items() if key != "expiryReason"}

    return changed(value, change)


def test_a_captured_frame_of_the_stream():
    """BestBidAsk, known from public code up to here."""
    data = bytes.fromhex("32001127010000000e1b7ae078400600cbb5970812000000f8f8c002feb23a0b0000")
    data = data.ljust(58, b"\0") + b"\x07BTCUSDT"
    found = STREAM.decode(data)
    assert STREAM.decode_native(data)["priceExponent"] == -8
    assert struct.unpack_from("<H", data, 2)[0] in STREAM.model.messages
    assert "BTCUSDT" in found.values()
