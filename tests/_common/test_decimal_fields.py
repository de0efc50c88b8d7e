"""Which values become numbers: exactly those that the documentation calls decimals, whatever others look like."""

import decimal
import json
import random
import xml.etree.ElementTree as ET
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fastws
from fastws._common.decimal_fields import (
    EVENT_ENTRY_FIELDS,
    EVENT_FIELDS,
    KLINE_COLUMNS,
    PAIR_FIELDS,
    RESULT_FIELDS,
)
from fastws._native import json as _json
from fastws._native.json_views import payload_view
from helpers import facts
from helpers.json_support import DECIMAL, MAKERS, agrees, same
from helpers.schema_xml import schema_xml

KLINES = 1  # Shape, in _native/envelope.pxd

EVENTS = {
    "ExecutionReportEvent": "executionReport",
    "BalanceUpdateEvent": "balanceUpdate",
    "ExternalLockUpdateEvent": "externalLockUpdate",
    "OutboundAccountPositionEvent": "outboundAccountPosition",
    "AllocationReportEvent": "allocationReport",
    "ListStatusEvent": "listStatus",
    "EventStreamTerminatedEvent": "eventStreamTerminated",
    "ServerShutdownEvent": "serverShutdown",
}


# --- the table, against the schema


@pytest.fixture(scope="module")
def schema():
    """By message: for each of its fields the group it stands in, its JSON name, and its type."""
    root = ET.fromstring(schema_xml("spot", 5))
    path = "{https://developers.binance.com/docs/binance-spot-api-docs}jsonPath"

    def fields(element, group):
        for child in element:
            name = child.get(path, child.get("name"))
            if child.tag in ("field", "data"):
                yield group, name.rpartition(".")[2] if name != ".." else name, child.get("type")
            elif child.tag == "group":
                yield from fields(child, name)

    messages = root.findall("{http://fixprotocol.io/2016/sbe}message")
    return {message.get("name"): list(fields(message, None)) for message in messages}


def is_decimal(kind):
    return kind.startswith("mantissa") or kind == "float"


def test_the_decimals_of_results_are_those_of_the_schema(schema):
    found = {
        name
        for message, fields in schema.items()
        if not message.endswith("Event")
        for _, name, kind in fields
        if is_decimal(kind) and name != "[]"
    }
    assert found == RESULT_FIELDS - {"quoteOrderQty"}


def test_no_decimal_of_a_result_shares_its_name_with_a_text(schema):
    for message, fields in schema.items():
        if not message.endswith("Event"):
            texts = {name for _, name, kind in fields if "String" in kind}
            assert not texts & (RESULT_FIELDS | PAIR_FIELDS), message


def test_the_decimals_by_position_are_those_of_the_schema(schema):
    columns = [is_decimal(kind) for _, name, kind in schema["KlinesResponse"] if name == "[]"]
    assert [at for at, decimal in enumerate(columns) if decimal] == list(KLINE_COLUMNS)
    pairs = {
        group
        for message, fields in schema.items()
        if message != "KlinesResponse"
        for group, name, kind in fields
        if name == "[]" and is_decimal(kind)
    }
    assert pairs == PAIR_FIELDS


def test_the_decimals_of_events_are_those_of_the_schema(schema):
    assert {name for name in schema if name.endswith("Event")} == set(EVENTS)
    for message, event in EVENTS.items():
        fields, entries = set(), {}
        for group, name, kind in schema[message]:
            if is_decimal(kind):
                (entries.setdefault(group, set()) if group else fields).add(name)
        assert EVENT_FIELDS.get(event, frozenset()) == fields, event
        assert EVENT_ENTRY_FIELDS.get(event, {}) == entries, event


def leaves(value, key=None):
    """Every text of a value, with the key that it stands under."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from leaves(inner, name)
    elif isinstance(value, list):
        for inner in value:
            yield from leaves(inner, key)
    else:
        yield key, value


def test_every_documented_decimal_becomes_a_number():
    methods = facts.methods()
    count = 0
    for method in methods:
        shape = KLINES if method["method"] in ("klines", "uiKlines") else 0
        for response in method["responses"]:
            if not isinstance(response, dict) or "id" not in response:
                continue
            found = _json.read_message(json.dumps(response).encode(), numbers="decimal", shape=shape)
            for key, value in leaves(found["value"]):
                count += isinstance(value, Decimal)
                # a symbol of the documentation is 1712544378871; the last column of a kline is an unused "0"
                if key == "symbol" or (shape == KLINES and value == "0"):
                    continue
                assert not isinstance(value, str) or not DECIMAL.fullmatch(value), key
            assert agrees(found["value"], response.get("result", response.get("error")), "decimal")
    assert count > 400


def test_every_documented_decimal_of_an_event_becomes_a_number():
    count = 0
    for event in facts.events():
        found = _json.read_message(json.dumps(event["json"]).encode(), numbers="decimal")["value"]
        for key, value in leaves(found):
            count += isinstance(value, Decimal)
            assert not isinstance(value, str) or not DECIMAL.fullmatch(value), (event["type"], key)
        assert agrees(found, event["json"]["event"], "decimal")
    assert count > 30


# --- what is converted


@pytest.mark.parametrize("numbers", MAKERS)
def test_only_decimals_are_converted(numbers):
    make = MAKERS[numbers]
    document = {
        "symbol": "123",
        "clientOrderId": "123",
        "price": "0.10",
        "qty": "-5",
        "unknown": "1.5",
        "orderId": 7,
        "fills": [{"price": "1.0", "commissionAsset": "1", "nested": {"qty": "2", "price": None}}],
        "limit": 6000,
        "stopPrice": 1.5,
        "p": {"p": "3", "a": "4"},
        "q": ["5", {"q": "6"}],
    }
    expected = {
        **document,
        "price": make("0.10"),
        "qty": make("-5"),
        "fills": [
            {"price": make("1.0"), "commissionAsset": "1", "nested": {"qty": make("2"), "price": None}}
        ],
        "p": {"p": make("3"), "a": "4"},
        "q": ["5", {"q": make("6")}],
    }
    text = json.dumps(document)
    for _ in range(4):  # from the third on by a model
        assert same(fastws.loads(text, numbers=numbers), expected)
        assert same(fastws.loads(text), document)
        assert same(
            _json.read_message(f'{{"id":1,"result":{text}}}'.encode(), numbers=numbers)["value"], expected
        )
        assert same(
            _json.read_message(f'{{"result":{text},"id":1}}'.encode(), numbers=numbers)["value"], expected
        )


@pytest.mark.parametrize("numbers", MAKERS)
def test_pairs_of_price_and_quantity_are_converted_and_what_follows_them_is_not(numbers):
    make = MAKERS[numbers]
    text = '{"bids":[["0.1","2"],["3","x",4,null,{"a":"5","qty":"6"},"7"]],"asks":[],"a":["1"],"asks ":["1"]}'
    found = fastws.loads(text, numbers=numbers)
    rows = [[make("0.1"), make("2")], [make("3"), "x", 4, None, {"a": "5", "qty": make("6")}, make("7")]]
    assert same(found, {"bids": rows, "asks": [], "a": ["1"], "asks ": ["1"]})
    assert fastws.loads('{"bids":"1","asks":{"a":"1"},"x":"2"}', numbers=numbers) == {
        "bids": "1",
        "asks": {"a": "1"},
        "x": "2",
    }


NO_DECIMALS = [
    "",
    "-",
    "+1",
    ".5",
    "5.",
    "e5",
    "1e",
    "1e-",
    "1E+",
    "1ee5",
    "1e5.0",
    "1e5e5",
    "1.e5",
    "1e 5",
    "1e5 ",
    "0x1",
    "1_0",
    " 1",
    "1 ",
    "--1",
    "1.2.3",
    "NaN",
    "inf",
    "1,5",
]
NO_DECIMALS += ["x", "\u0661", "\uff11", "1\u066b5", "1\\n", "-.", "1.x", "1.-2"]


@pytest.mark.parametrize("numbers", MAKERS)
@pytest.mark.parametrize("text", NO_DECIMALS)
def test_a_text_that_is_no_decimal_stays_a_text(numbers, text):
    stays = json.loads(f'"{text}"')
    row = f'[0,"{text}"]'
    assert fastws.loads(f'{{"price":"{text}","bids":[["{text}"]]}}', numbers=numbers) == {
        "price": stays,
        "bids": [[stays]],
    }
    message = f'{{"id":1,"result":[{row},[],[0],7,"{text}"]}}'.encode()
    assert _json.read_message(message, numbers=numbers, shape=KLINES)["value"] == [
        [0, stays],
        [],
        [0],
        7,
        stays,
    ]
    message = f'{{"event":{{"e":"executionReport","q":"{text}","L":"{text}"}}}}'.encode()
    assert _json.read_message(message, numbers=numbers)["value"] == {
        "e": "executionReport",
        "q": stays,
        "L": stays,
    }


@pytest.mark.parametrize("numbers", MAKERS)
def test_klines_have_their_decimals_by_column(numbers):
    make = MAKERS[numbers]
    row = [1655971200000, "0.1", "0.2", "0.3", "0.4", "5", 1655974799999, "6.0", 77, "8", "9.9", "0"]
    expected = [make(cell) if at in KLINE_COLUMNS else cell for at, cell in enumerate(row)]
    data = json.dumps({"id": 1, "status": 200, "result": [row, row[:3], []]}).encode()
    found = _json.read_message(data, numbers=numbers, shape=KLINES)["value"]
    assert same(found, [expected, expected[:3], []])
    assert same(_json.read_message(data, shape=KLINES)["value"], [row, row[:3], []])
    refusal = b'{"id":1,"status":400,"error":{"code":-1,"msg":"1"}}'
    assert _json.read_message(refusal, numbers=numbers, shape=KLINES)["value"] == {"code": -1, "msg": "1"}


@pytest.mark.parametrize("numbers", MAKERS)
def test_events_have_their_decimals_by_their_type(numbers):
    make = MAKERS[numbers]
    position = {
        "e": "outboundAccountPosition",
        "u": "1",
        "B": [{"a": "1", "f": "2.0", "l": "0"}, {"a": "B", "f": "1"}],
    }
    report = {
        "e": "executionReport",
        "c": "123",
        "B": "2.5",
        "C": "",
        "f": "1",
        "q": "1",
        "L": "0.5",
        "N": None,
        "d": "4",
    }
    for event, expected in (
        (
            position,
            {
                **position,
                "B": [{"a": "1", "f": make("2.0"), "l": make("0")}, {"a": "B", "f": make("1")}],
            },
        ),
        (report, {**report, "B": make("2.5"), "q": make("1"), "L": make("0.5")}),
        ({"e": "balanceUpdate", "d": "-1.5", "a": "1"}, {"e": "balanceUpdate", "d": make("-1.5"), "a": "1"}),
        ({"e": "news", "d": "1", "B": [{"f": "1"}]}, {"e": "news", "d": "1", "B": [{"f": "1"}]}),
    ):
        for document in ({"subscriptionId": 1, "event": event}, {"event": event, "subscriptionId": 1}):
            found = _json.read_message(json.dumps(document).encode(), numbers=numbers)
            assert same(found["value"], expected)
            assert same(_json.read_message(json.dumps(document).encode())["value"], event)


@pytest.mark.parametrize("numbers", MAKERS)
@pytest.mark.parametrize(
    "kind", ['"outboundAccountPosition"', '"executionReport"', "[]", "{}", "null", "1", '"x"']
)
@pytest.mark.parametrize(
    "odd", ["null", "1", '"fl"', "{}", '{"f":"1"}', "[]", "[1]", '["f"]', "[[]]", "[null]", "true"]
)
def test_events_of_odd_shapes_are_left_as_they_are(numbers, kind, odd):
    for event in (f'{{"e":{kind},"B":{odd},"d":{odd}}}', odd, f'{{"B":{odd}}}'):
        found = _json.read_message(f'{{"event":{event}}}'.encode(), numbers=numbers)
        assert found["value"] == json.loads(event)


# --- their values


@settings(deadline=None, max_examples=300)
@given(st.from_regex(r"-?[0-9]{1,25}(\.[0-9]{1,30})?([eE][-+]?[0-9]{1,2})?", fullmatch=True))
def test_numbers_are_rounded_correctly_and_decimals_are_exact(text):
    document = f'{{"price":"{text}","bids":[["{text}"]]}}'
    number = fastws.loads(document, numbers="float")["price"]
    assert repr(number) == repr(float(text))
    exact = fastws.loads(document, numbers="decimal")
    assert repr(exact["price"]) == repr(exact["bids"][0][0]) == repr(Decimal(text))
    kline = f'{{"id":1,"result":[[0,"{text}"]]}}'.encode()
    assert repr(_json.read_message(kline, numbers="float", shape=KLINES)["value"][0][1]) == repr(float(text))


def test_prices_as_the_exchange_writes_them_are_rounded_correctly():
    rng = random.Random(4)
    texts = [f"{rng.randrange(10 ** rng.randrange(1, 18))}.{rng.randrange(10**8):08d}" for _ in range(5000)]
    found = fastws.loads(json.dumps({"bids": texts}), numbers="float")["bids"]
    assert found == [float(text) for text in texts]


def test_decimals_do_not_depend_on_the_context():
    text = "1234567890.12345678901234567890"
    with decimal.localcontext(decimal.Context(prec=3)):
        assert str(fastws.loads(f'{{"price":"{text}"}}', numbers="decimal")["price"]) == text


@pytest.mark.parametrize("numbers", MAKERS)
@pytest.mark.parametrize(
    "text", ["1E-8", "1e-8", "-1.50E+3", "0e0", "0.1e1", "12345678901234567890e-10", "1e0000000008"]
)
def test_a_decimal_with_an_exponent_is_a_decimal(numbers, text):
    make = MAKERS[numbers]
    for found in everywhere(text, numbers):
        assert repr(found) == repr(make(text))


@pytest.mark.parametrize(
    "text", ["9" * 400, "-" + "9" * 400, "1e309", "-1E+400", "1.8e308", "1" + 200 * "0" + "e200"]
)
def test_a_decimal_beyond_the_range_of_a_double_stays_its_exact_text(text):
    for found in everywhere(text, "float"):
        assert found == text
    for found in everywhere(text, "decimal"):
        assert repr(found) == repr(Decimal(text))


@pytest.mark.parametrize("text", ["1e-400", "0." + 400 * "0" + "1"])
def test_a_decimal_below_the_range_of_a_double_is_rounded_as_every_other(text):
    for found in everywhere(text, "float"):
        assert found == 0.0


@pytest.mark.parametrize("traps", [None, []])
@pytest.mark.parametrize("text", ["1e99999999999999999999", "1E-99999999999999999999"])
def test_a_decimal_beyond_the_range_of_decimals_stays_its_exact_text(text, traps):
    with decimal.localcontext(decimal.Context(traps=traps)):
        for found in everywhere(text, "decimal"):
            assert found == text


def everywhere(text, numbers):
    """What a text becomes in each place where decimals stand; what stands beside it is read as ever."""
    pairs = f'{{"price":"{text}","bids":[["{text}","2"]],"symbol":"{text}","qty":"0.5"}}'
    make = MAKERS[numbers]
    for document in (
        fastws.loads(pairs, numbers=numbers),
        _json.read_message(f'{{"id":1,"result":{pairs}}}'.encode(), numbers=numbers)["value"],
        payload_view(f'{{"id":1,"result":{pairs}}}'.encode(), numbers=numbers),
    ):
        assert (document["symbol"], document["qty"], document["bids"][0][1]) == (text, make("0.5"), make("2"))
        yield document["price"]
        yield document["bids"][0][0]
    rows = f'{{"id":1,"result":[[0,"{text}","2"]]}}'.encode()
    ((_, found, other),) = _json.read_message(rows, numbers=numbers, shape=KLINES)["value"]
    assert other == make("2")
    yield found
    event = f'{{"event":{{"e":"balanceUpdate","d":"{text}","a":"{text}"}}}}'.encode()
    event = _json.read_message(event, numbers=numbers)["value"]
    assert event["a"] == text
    yield event["d"]
