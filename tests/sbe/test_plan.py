"""fastws.sbe.plan: messages of one version, read with the schema of another one; and what is not understood."""

import dataclasses
import re
from functools import reduce

import pytest
from hypothesis import given, settings

from fastws.sbe import Schema, SchemaError
from fastws.sbe.envelope import response_layout
from fastws.sbe.model import Group, merge
from fastws.sbe.plan import compile_all, compile_message, json_rule
from fastws.sbe.xml_reader import read_xml
from helpers.schema_models import VERSIONS, histories
from helpers.schema_xml import schema_xml, to_xml

TYPES = """\
dimension groups uint16 uint16
data text uint8 text
data note uint8 text?
type mantissa64 int64
type mantissa128 uint8[16]
type exponent8 int8
type utcTimestampUs int64
enum boolEnum uint8
  0 False
  1 True
enum side uint8
  0 Buy BUY
  1 Sell SELL
"""


def schema(message, versions="0", types=TYPES):
    """A schema with one message, of the lines of its block."""
    block = "\n".join(f"  {line}" for line in message.strip("\n").split("\n"))
    return Schema.from_text(f"schema 7:{versions} made_up\n{types}message 1 M\n{block}\n")


# --- messages of other versions


def native(schema, version, value, message="M"):
    """A message of an older version of a schema."""
    return Schema(schema.model.at(version)).encode(message, value)


def test_what_came_later_is_null():
    new = schema("a int64\nb int64? +1\nc int64? json=x default=-1 +1\ng[] groups +1\nt note +1", "0-1")
    data = native(new, 0, {"a": 5})
    assert new.decode(data) == {"a": 5, "x": -1, "g": []}
    assert new.decode_native(data) == {"a": 5, "b": None, "c": None, "g": [], "t": None}
    constant = schema("a int64\ns side=Sell +1", "0-1")
    assert constant.decode(native(constant, 0, {"a": 5})) == {"a": 5}
    assert constant.decode(native(constant, 1, {"a": 5})) == {"a": 5, "s": "SELL"}


def test_what_went_is_read_where_it_was():
    new = schema("a int64\ngone int64 -1\nb int64\nt text\nold text -1\nu text", "0-1")
    data = native(new, 0, {"a": 1, "gone": 2, "b": 3, "t": "t", "old": "o", "u": "u"})
    assert new.decode(data) == {"a": 1, "gone": 2, "b": 3, "t": "t", "old": "o", "u": "u"}
    assert new.decode(native(new, 1, {"a": 1, "b": 3, "t": "t", "u": "u"})) == {
        "a": 1,
        "b": 3,
        "t": "t",
        "u": "u",
    }


def test_what_came_in_between_moves_nothing():
    new = schema(
        "a int64\nnew int64? +1\nb int64\nh[] groups +1\n  x int8\n"
        "g[] groups\n  x int8\n  y int8? +1\n  z int8\nlate note +1\nt text",
        "0-1",
    )
    value = {"a": 1, "b": 2, "g": [{"x": 3, "z": 4}, {"x": 5, "z": 6}], "t": "t"}
    assert new.decode(native(new, 0, value)) == {**value, "h": []}
    both = {**value, "new": 9, "h": [{"x": 1}], "late": "l", "g": [{"x": 3, "y": 7, "z": 4}]}
    assert new.decode(native(new, 1, both)) == both


def test_what_took_the_place_of_something_is_left_out():
    new = schema("a int64 -1\na int32 +1\nkey text json=k -1\nother text json=k +1", "0-1")
    assert new.decode(native(new, 0, {"a": 1, "key": "old"})) == {"a": 1, "k": "old"}
    assert new.decode(native(new, 1, {"a": 1, "other": "new"})) == {"a": 1, "k": "new"}
    assert new.decode_native(native(new, 0, {"a": 1, "key": "old"})) == {"a": 1, "key": "old", "other": None}


def test_entries_have_nothing_at_their_end_that_could_be_missing():
    new = schema("g[] groups\n  a int8\n  h[] groups +1\n    b int8\n  t text +1", "0-1")
    value = {"g": [{"a": 1}, {"a": 2}]}
    assert new.decode(native(new, 0, value)) == value
    both = {"g": [{"a": 1, "h": [{"b": 3}], "t": "x"}, {"a": 2, "h": [], "t": ""}]}
    assert new.decode(native(new, 1, both)) == both


def test_values_of_an_enum_are_those_of_the_message_s_version():
    text = TYPES.replace(
        "  1 Sell SELL", "  1 Sell SELL -1\n  1 Short SHORT +1\n  2 Gone GONE -1\n  3 New NEW +1"
    )
    new = Schema.from_text(f"schema 7:0-1 made_up\n{text}message 1 M\n  s side\n")
    assert [new.decode(native(new, 0, {"s": raw}))["s"] for raw in range(5)] == [
        "BUY",
        "SELL",
        "GONE",
        "NEW",
        4,
    ]
    assert [new.decode(native(new, 1, {"s": raw}))["s"] for raw in range(5)] == ["BUY", "SHORT", 2, "NEW", 4]


@pytest.mark.parametrize("name", ["Logon", "Status", "Logout"])
def test_session_replies_of_3_0(name):
    """Their apiKey has another name since 3:1."""
    value = {"authorizedSince": 1, "connectedSince": 2, "returnRateLimits": "True", "serverTime": 3}
    data = Schema.bundled("spot", version=0).encode(
        f"WebSocketSession{name}Response", {**value, "userDataStream": "False", "apiKey": "key"}
    )
    wanted = {**value, "returnRateLimits": True, "userDataStream": False, "apiKey": "key"}
    assert Schema.bundled("spot").decode(data) == wanted
    assert Schema.bundled("spot", version=0).decode(data) == wanted


def test_related_orders_of_3_0():
    """Their prices have exponents of their own, until 3:1."""
    prices = {"priceExponent": -2, "qtyExponent": -1}
    order = {
        "orderId": 1,
        "orderListId": None,
        "price": 12345,
        "qty": 67,
        "executedQty": 0,
        "preventedQty": 0,
    }
    order |= {
        "cumulativeQuoteQty": 0,
        "status": "New",
        "timeInForce": "Gtc",
        "orderType": "Limit",
        "side": "Buy",
    }
    order |= {"orderCapacity": "Principal", "workingFloor": "Exchange", "selfTradePreventionMode": "None"}
    order |= {"usedSor": "False", "symbol": "BNBBTC", "clientOrderId": "c"}
    for version, own in ((0, prices), (1, {}), (5, {})):
        old = Schema.bundled("spot", version=version)
        value = {
            **order,
            "priceExponent": -4,
            "qtyExponent": -3,
            "transactTime": 1,
            "executionId": 2,
            "price": 5,
        }
        value |= {"relatedOrders": [{**order, **own}], "origClientOrderId": "o"}
        data = old.encode("OrderAmendKeepPriorityResponse", value)
        for reader in (old, Schema.bundled("spot")):
            reply = reader.decode(data)
            related = reply["relatedOrders"][0]
            assert reply["amendedOrder"]["price"] == "0.0005"
            assert (related["price"], related["qty"]) == (("123.45", "6.7") if own else ("1.2345", "0.067"))


@settings(max_examples=25, deadline=None)
@given(histories())
def test_merged_plans_begin_as_those_of_the_version(versions):
    merged = reduce(merge, versions)
    for model in versions:
        for number, message in model.messages.items():
            wanted = _fields_and_rest(compile_message(model, _plain(message), model.version, "native"))
            found = compile_message(merged, _plain(merged.messages[number]), model.version, "native")
            for mine, its in zip(_fields_and_rest(found), wanted, strict=True):
                assert _same_start(mine, its)


def _plain(message):
    """Without exponents, which these models make up."""

    def strip(block):
        return dataclasses.replace(
            block,
            fields=tuple(dataclasses.replace(f, exponent=None, default=None) for f in block.fields),
            groups=tuple(map(strip, block.groups)),
        )

    return strip(message)


def _fields_and_rest(plan):
    behind = ("GROUP", "SINGLE", "TEXT", "MESSAGE")
    return [
        [op for op in plan.operations if (op.kind in behind) == at_the_end and op.kind != "CONST"]
        for at_the_end in (False, True)
    ]


def _same_start(mine, its):
    for one, other in zip(mine, its, strict=False):
        if (one.kind, one.name, one.offset, one.size) != (other.kind, other.name, other.offset, other.size):
            return False
        if one.sub is not None and not all(
            map(_same_start, _fields_and_rest(one.sub), _fields_and_rest(other.sub))
        ):
            return False
    return len(mine) >= len(its)


@pytest.mark.parametrize("mode", ["json", "native"])
@pytest.mark.parametrize("version", VERSIONS)
def test_all_bundled_messages_have_plans(version, mode):
    single = Schema.bundled("spot", version=version).model
    for number, message in single.messages.items():
        wanted = compile_message(single, message, version, mode)
        found = compile_message(
            Schema.bundled("spot").model, Schema.bundled("spot").model.messages[number], version, mode
        )
        for mine, its in zip(_fields_and_rest(found), _fields_and_rest(wanted), strict=True):
            assert _same_start(mine, its), message.name


def test_all_plans_of_the_bundled_schemas():
    for name in ("spot", "stream"):
        compile_all(Schema.bundled(name).model)


# --- a version that is published tomorrow


@pytest.fixture(scope="module")
def tomorrow():
    """A made-up 3:6 as XML: a field, a group and data, an enum value, a message and an event more."""
    xml = to_xml(Schema.bundled("spot", version=5).model).replace('version="5"', 'version="6"')

    def add(before, what):
        nonlocal xml
        assert xml.count(before) == 1, before
        xml = xml.replace(before, what + before)

    head, ack, tail = xml.partition('<sbe:message name="NewOrderAckResponse"')
    block, end, rest = tail.partition("</sbe:message>")
    place = block.index("<data")
    block = (
        block[:place]
        + '<field id="90" name="luckyNumber" type="int32" presence="optional" sinceVersion="6" mbx:jsonPath="lucky"/>'
        + '<group id="91" name="hints" sinceVersion="6"><field id="1" name="level" type="uint8"/></group>'
        + block[place:]
    )
    xml = head + ack + block + end + rest
    add("</sbe:messageSchema>", '<sbe:message name="WeatherResponse" id="700" sinceVersion="6">')
    add(
        "</sbe:messageSchema>",
        '<field id="1" name="exponent" type="exponent8"/><field id="2" name="degrees" type="mantissa64"'
        ' mbx:exponent="exponent"/><data id="3" name="where" type="varString8"/></sbe:message>',
    )
    add("</sbe:messageSchema>", '<!-- "weatherAlert" --><sbe:message name="WeatherAlertEvent" id="701"')
    add("</sbe:messageSchema>", ' sinceVersion="6"><field id="1" name="eventTime" type="utcTimestampUs"')
    add("</sbe:messageSchema>", ' mbx:jsonPath="E"/></sbe:message>')
    frozen = '<validValue name="Frozen" mbx:jsonValue="FROZEN">5</validValue>'
    return re.sub(r'(name="CancelOnly"[^>]*>4</validValue>)', rf"\1{frozen}", xml)


def of_xml(xml, tmp_path):
    path = tmp_path / "spot_3_6.xml"
    path.write_text(xml, encoding="utf-8")
    return Schema.from_xml(path)


def imported(xml, tmp_path):
    """The bundled description with the new version, as one command makes it."""
    from fastws.cli import main

    source, target = tmp_path / "spot_3_6.xml", tmp_path / "spot.sbe"
    source.write_text(xml, encoding="utf-8")
    target.write_text(bundled(), encoding="utf-8")
    assert main(["schema", "import", str(source), "--into", str(target)]) == 0
    return Schema.from_text(target.read_text(encoding="utf-8"))


def bundled():
    from importlib import resources

    return (resources.files("fastws.sbe") / "schemas" / "spot.sbe").read_text("utf-8")


@pytest.mark.parametrize("take_in", [of_xml, imported])
def test_a_version_of_tomorrow_is_decoded_at_once(tomorrow, take_in, tmp_path):
    new = take_in(tomorrow, tmp_path)
    assert (new.id, new.version) == (3, 6)
    ack = {"orderId": 1, "orderListId": None, "transactTime": 5, "symbol": "BNBBTC", "clientOrderId": "c"}
    value = {**ack, "orderListId": -1}
    data = new.encode("NewOrderAckResponse", {**ack, "luckyNumber": 7, "hints": [{"level": 3}, {"level": 4}]})
    assert new.decode(data) == {**value, "lucky": 7, "hints": [{"level": 3}, {"level": 4}]}
    view = new.view(data)
    assert (view["lucky"], view["hints"][1]["level"], view["symbol"]) == (7, 4, "BNBBTC")

    weather = new.encode("WeatherResponse", {"exponent": -1, "degrees": 215, "where": "Zug"})
    assert new.decode(weather) == {"degrees": "21.5", "where": "Zug"}
    envelope = {"sbeSchemaIdVersionDeprecated": "False", "status": 200, "id": "1"}
    inner = {"template": "WeatherResponse", "value": {"exponent": -1, "degrees": 215, "where": "Zug"}}
    response = new.encode("WebSocketResponse", {**envelope, "result": inner})
    assert new.decode(response)["result"] == {"degrees": "21.5", "where": "Zug"}

    assert new.decode(new.encode("WeatherAlertEvent", {"eventTime": 9}))["event"] == {
        "e": "weatherAlert",
        "E": 9,
    }
    symbols = {"symbols": [symbol("Frozen")]}
    assert new.decode(new.encode("ExchangeInfoResponse", symbols))["symbols"][0]["status"] == "FROZEN"

    # a session's reader has a place for it, and what 3:5 wrote is read as before
    assert new.response_reader(numbers="str", time_unit="ms", views=False) is not None
    old = Schema.bundled("spot").encode("NewOrderAckResponse", ack)
    if take_in is imported:
        assert new.decode(old) == {**value, "hints": []}
        assert Schema(new.model.at(5)).decode(old) == value
    # who has not taken it in reads on
    assert Schema.bundled("spot").decode(old) == value
    info = Schema.bundled("spot").decode(new.encode("ExchangeInfoResponse", symbols))
    assert info["symbols"][0]["status"] == 5


def symbol(status):
    message = Schema.bundled("spot", version=5).model.message("ExchangeInfoResponse")
    fields = next(group for group in message.groups if group.name == "symbols").fields
    flags = {f.name: "True" for f in fields if f.type == "boolEnum"}
    numbers = {f.name: 8 for f in fields if f.type == "uint8"}
    sets = {"orderTypes": [], "allowedSelfTradePreventionModes": [], "defaultSelfTradePreventionMode": "None"}
    return {"status": status, **flags, **numbers, **sets, "symbol": "S", "baseAsset": "B", "quoteAsset": "Q"}


def test_a_file_of_one_version_alone_decodes_as_the_bundled_schema():
    old, new = Schema(read_xml(schema_xml("spot", 5))), Schema.bundled("spot")
    data = new.encode("ServerTimeResponse", {"serverTime": 5})
    assert old.decode(data) == new.decode(data) == {"serverTime": 5}
    assert old.decode(data, time_unit="ms") == {"serverTime": 0}


# --- what is not understood


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ("p mantissa64^exponent", r"M\.p: there is no exponent 'exponent' in its block or those around it"),
        ("g[] groups\n  e exponent8\nh[] groups\n  p mantissa64^e", r"M\.h\.p: there is no exponent 'e'"),
        ("e exponent8\np int32^e", r"M\.p: int32 is no mantissa"),
        ("e exponent8\np mantissa64?^e default=1", r"M\.p: a default other than 0 is not understood: '1'"),
        ("e exponent8\np mantissa64?^e default=x", r"M\.p: the default 'x' is no number"),
        ("f float? default=1", r"M\.f: a default other than 0"),
        ("t utcTimestampUs", r"M\.t: a time of uint64 is not understood"),
        ("g[] groups\n  n int64? default=none", r"M\.g\.n: the default 'none' is no whole number"),
    ],
)
def test_what_the_decoder_could_not_follow(message, said):
    with pytest.raises(SchemaError, match=said):
        schema(message, types=TYPES.replace("Us int64", "Us uint64"))


@pytest.mark.parametrize(
    "text",
    [
        "schema 7:0 x",
        "schema 7:0 x\nmessage 50 WebSocketResponse",
        "schema 7:0 x\ndimension d uint16 uint16\nmessage 50 WebSocketResponse\n  status uint16\n  g[] d",
    ],
)
def test_a_schema_without_an_envelope_has_no_sessions(text):
    with pytest.raises(SchemaError, match="schema 7:0 has no WebSocketResponse as connections need it"):
        response_layout(Schema.from_text(text).model)


def test_the_layout_of_a_response():
    assert response_layout(Schema.bundled("spot").model) == {
        "status": 1,
        "sbeSchemaIdVersionDeprecated": 0,
        "rateLimits": [0, 1, 2, 3, 11],
        "kinds": {
            0: "RAW_REQUESTS",
            1: "CONNECTIONS",
            2: "REQUEST_WEIGHT",
            3: "ORDERS",
            254: "NON_REPRESENTABLE",
        },
        "intervals": {0: "SECOND", 1: "MINUTE", 2: "HOUR", 3: "DAY", 254: "NON_REPRESENTABLE"},
    }


def test_json_rule():
    model = Schema.bundled("spot").model
    message = model.message("NewOrderFullResponse")
    fills = next(part for part in message.parts if isinstance(part, Group) and part.name == "fills")
    trade = next(field for field in fills.fields if field.name == "tradeId")
    assert json_rule(model, message, fills, "").path == "fills"
    assert json_rule(model, message, trade, "fills.").default == "-1"
