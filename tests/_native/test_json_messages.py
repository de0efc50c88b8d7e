"""A session's way to read a message: the envelope in any order, rate limits without objects, the payload."""

import itertools
import json

import pytest

from fastws import JsonError
from fastws._native import json as _json
from helpers.json_support import each_kernel, expected_position, same  # noqa: F401

pytestmark = pytest.mark.usefixtures("each_kernel")

# What stands behind a message may be anything: the next frame, say.
BEHIND = (0, ord("0"), ord('"'), ord("\\"), ord("}"), ord("e"), 0xFF)

LIMITS = [
    {"rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10, "limit": 100, "count": 1},
    {"rateLimitType": "ORDERS", "interval": "DAY", "intervalNum": 1, "limit": 200000, "count": 2},
    {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 6000, "count": 3},
    {"rateLimitType": "RAW_REQUESTS", "interval": "HOUR", "intervalNum": 5, "limit": 61000, "count": 0},
    {"rateLimitType": "CONNECTIONS", "interval": "MINUTE", "intervalNum": 5, "limit": 300, "count": 12},
]
READ_LIMITS = [
    ("O", "S", 10, 100, 1),
    ("O", "D", 1, 200000, 2),
    ("R", "M", 1, 6000, 3),
    ("A", "H", 5, 61000, 0),
    ("C", "M", 5, 300, 12),
]


def message(document, **options):
    """The message, read with different bytes behind it."""
    data = document if isinstance(document, bytes) else document.encode()
    found = [_json.read_message(data, behind=byte, **options) for byte in BEHIND]
    assert all(same(other, found[0]) for other in found)
    return found[0]


def refused(document, **options):
    data = document if isinstance(document, bytes) else document.encode()
    with pytest.raises(JsonError) as caught:
        _json.read_message(data, **options)
    position = expected_position(data)
    assert position is None or caught.value.position == position
    return caught.value


# --- replies


@pytest.mark.parametrize("indent", [None, 2])
def test_the_keys_of_a_reply_may_come_in_any_order(indent):
    members = {
        "id": 77,
        "status": 200,
        "result": {"a": [1, {"b": "c"}]},
        "rateLimits": LIMITS,
        "unknown": [{"id": 1}],
    }
    for order in itertools.permutations(members):
        found = message(json.dumps({key: members[key] for key in order}, indent=indent))
        assert found == {
            "id": 77,
            "id_kind": "int",
            "status": 200,
            "payload": "result",
            "value": members["result"],
            "subscription": -1,
            "limits": READ_LIMITS,
        }


@pytest.mark.parametrize(
    ("text", "kind", "number"),
    [
        ("0", "int", 0),
        ("1", "int", 1),
        ("-1", "int", -1),
        ("-0", "int", 0),
        ("999999999999999999", "int", 10**18 - 1),
        ("-999999999999999999", "int", 1 - 10**18),
        ("1000000000000000000", "other", None),
        ("18446744073709551617", "other", None),
        ("1.0", "other", None),
        ("1e3", "other", None),
        ("null", "null", None),
        ("true", "other", None),
        ('""', "other", None),
        ('"1"', "other", None),
        ('"\\u0031"', "other", None),
        ("[1]", "other", None),
        ('{"id":1}', "other", None),
    ],
)
def test_an_id_is_an_integer_or_nobodys(text, kind, number):
    for document in (
        f'{{"id":{text},"status":200,"result":1}}',
        f'{{"id" : {text} , "status":200,"result":1}}',
        f'{{"status":200,"result":1,"id":{text}}}',
        f'{{"result":1,"id":{text} ,"status":200}}',
    ):
        found = message(document)
        assert (found["id_kind"], found["id"], found["status"], found["value"]) == (kind, number, 200, 1)


def test_a_message_without_an_id_has_none():
    found = message('{"status":200,"result":{"id":5}}')
    assert (found["id_kind"], found["id"], found["value"]) == ("absent", None, {"id": 5})


@pytest.mark.parametrize(
    "text", ["01", "-", "1a", "--1", "1.", "1 2", "0x1", "+1", "1\x00", "", "nul", "nulll", "tru"]
)
def test_an_id_or_a_status_that_is_no_json_is_refused(text):
    for document in (
        f'{{"id":{text},"status":200,"result":1}}',
        f'{{"id":1,"status":{text},"result":1}}',
        f'{{"result":1,"id":{text}}}',
        f'{{"result":1,"status":{text}}}',
    ):
        refused(document)


@pytest.mark.parametrize("text", ["0", "200", "400", "999"])
def test_a_status_has_up_to_three_digits(text):
    assert message(f'{{"id":1,"status":{text},"result":1}}')["status"] == int(text)
    assert message('{"id":1,"result":1}')["status"] == 0


@pytest.mark.parametrize(
    "text", ["1000", "-1", "null", '"200"', "200.0", "2e2", "true", "{}", "[200]", "9" * 30]
)
def test_another_status_is_refused_by_name(text):
    for document, position in ((f'{{"id":1,"status":{text},"result":1}}', 17), (f'{{"status":{text}}}', 10)):
        error = refused(document)
        assert (error.reason, error.position) == ("a status that is no number of three digits", position)


def test_an_error_is_a_payload_too():
    error = {"code": -1021, "msg": "Timestamp é", "data": {"serverTime": 1, "retryAfter": 2}}
    for document in (
        {"id": 1, "status": 400, "error": error, "rateLimits": LIMITS[:1]},
        {"error": error, "rateLimits": LIMITS[:1], "status": 400, "id": 1},
        {"id": None, "status": 400, "error": error, "rateLimits": LIMITS[:1]},
    ):
        found = message(json.dumps(document))
        assert (found["payload"], found["value"], found["status"]) == ("error", error, 400)
        assert found["limits"] == READ_LIMITS[:1]


def test_a_payload_may_be_any_value():
    for text in ("null", "[]", "{}", '"x"', "0", "-1.5", "true", "[[1]]", '{"result":{"error":1}}'):
        for document in (
            f'{{"id":1,"result":{text}}}',
            f'{{"result":{text},"id":1}}',
            f'{{"result": {text} }}',
        ):
            assert same(message(document)["value"], json.loads(text))


def test_a_message_may_have_no_payload():
    for document in ("{}", '{"id":1}', '{"id":1,"status":200}', '{"rateLimits":[],"id":1,"x":{"result":1}}'):
        found = message(document)
        assert (found["payload"], found["value"]) == (None, None)


@pytest.mark.parametrize("first", ["result", "error", "event"])
@pytest.mark.parametrize("second", ["result", "error", "event"])
def test_two_payloads_are_refused(first, second):
    reason = "a second result, error or event"
    assert refused(f'{{"id":1,"status":200,"{first}":{{}},"{second}":{{}}}}').reason == reason
    assert refused(f'{{"{first}":{{}},"{second}":{{}},"id":1,"status":200}}').reason == reason


def test_the_last_of_equal_keys_counts_as_in_json():
    found = message(
        '{"id":1,"status":200,"subscriptionId":3,"id":2,"status":400,"subscriptionId":null,"result":1}'
    )
    assert (found["id"], found["status"], found["subscription"]) == (2, 400, -1)
    found = message(f'{{"rateLimits":{json.dumps(LIMITS)},"rateLimits":{json.dumps(LIMITS[:2])}}}')
    assert found["limits"] == READ_LIMITS[:2]


@pytest.mark.parametrize("document", ["[]", "1", "null", '"id"', "[{}]", '[{"id":1,"result":1}]'])
def test_what_is_no_object_is_no_message(document):
    error = refused(document)
    assert (error.reason, error.position) == ("not an object", 0)


# --- events


def test_an_event_has_a_subscription_in_front_of_it_or_behind():
    event = {"e": "balanceUpdate", "E": 1, "a": "BTC", "d": "100.0", "T": 2}
    text = json.dumps(event)
    for document, subscription in (
        (f'{{"subscriptionId":0,"event":{text}}}', 0),
        (f'{{"event":{text},"subscriptionId":7}}', 7),
        (f'{{ "subscriptionId" : 12 , "event" : {text} }}', 12),
        (f'{{"subscriptionId":null,"event":{text}}}', -1),
        (f'{{"event":{text},"subscriptionId":null}}', -1),
        (f'{{"event":{text}}}', -1),
        (f'{{"id":5,"event":{text},"subscriptionId":3}}', 3),
        (f'{{"subscriptionId":"3","event":{text}}}', -1),
    ):
        found = message(document)
        assert (found["payload"], found["value"], found["subscription"]) == ("event", event, subscription)


# --- rate limits


def limits_of(text):
    found = message(f'{{"id":1,"status":200,"rateLimits":{text},"result":{{"a":1}}}}')
    assert found["value"] == {"a": 1}
    behind = message(f'{{"id":1,"status":200,"result":{{"a":1}},"rateLimits":{text}}}')
    assert behind == found
    return found["limits"]


def test_rate_limits_are_read_as_the_exchange_writes_them():
    assert limits_of("[]") == []
    for count in range(1, len(LIMITS) + 1):
        assert limits_of(json.dumps(LIMITS[:count], separators=(",", ":"))) == READ_LIMITS[:count]
        assert limits_of(json.dumps(LIMITS[:count], indent=1)) == READ_LIMITS[:count]
    assert limits_of(
        '[{"count":5,"limit":-1,"interval":"DAY","intervalNum":1,"rateLimitType":"ORDERS"}]'
    ) == [("O", "D", 1, -1, 5)]


@pytest.mark.parametrize("place", ["intervalNum", "limit", "count"])
def test_numbers_of_rate_limits_are_read_whatever_their_length(place):
    for number in (
        0,
        7,
        10,
        99999999,
        123456789,
        999999999,
        1000000000,
        2**31 - 1,
        2**31,
        10**17,
        10**18 - 1,
    ):
        limit = {**LIMITS[0], place: number}
        fields = tuple(limit[name] for name in ("intervalNum", "limit", "count"))
        kept = place != "intervalNum" or number < 2**31
        for text in (json.dumps([limit, LIMITS[1]], separators=(",", ":")), json.dumps([limit, LIMITS[1]])):
            assert limits_of(text) == ([("O", "S", *fields), READ_LIMITS[1]] if kept else [])
    for wrong in ("01", "00", "1x", "-", "", "1 2", "0123456789"):
        usual = json.dumps([{**LIMITS[0], place: 5}], separators=(",", ":"))
        text = usual.replace(f'"{place}":5', f'"{place}":{wrong}')
        refused(f'{{"id":1,"rateLimits":{text},"result":1}}')


LIMIT = '{"rateLimitType":"ORDERS","interval":"SECOND","intervalNum":10,"limit":100,"count":1'


@pytest.mark.parametrize(
    "text",
    [
        "null",
        "{}",
        '"none"',
        "1",
        "[1]",
        "[null]",
        "[[]]",
        "[{}]",
        "[{},{}]",
        f"[{LIMIT}}},1]",
        f"[{LIMIT}}},{{}}]",
        LIMIT + "}",
        f'[{LIMIT},"more":1}}]',
        f'[{LIMIT},"more":"1"}}]',
        f'[{LIMIT},"more":[]}}]',
        f'[{LIMIT},"limit":null}}]',
        f'[{LIMIT},"limit":"1"}}]',
        f'[{LIMIT},"limit":1.5}}]',
        f'[{LIMIT},"limit":{"9" * 30}}}]',
        f'[{LIMIT},"intervalNum":4294967297}}]',
        f'[{LIMIT},"interval":1}}]',
        f'[{LIMIT},"interval":null}}]',
        f'[{LIMIT},"interval":""}}]',
        f'[{LIMIT},"interval":"day"}}]',
        f'[{LIMIT},"interval":"É"}}]',
        f'[{LIMIT},"rateLimitType":""}}]',
        f'[{LIMIT},"rateLimitType":"é"}}]',
        f'[{LIMIT},"interval":"D\\u0041Y"}}]',
        f'[{LIMIT},"interval" :"DAY"}}]',
        f'[{LIMIT},"":"DAY"}}]',
        "[" + ",".join([LIMIT + "}"] * 17) + "]",
    ],
)
def test_rate_limits_of_another_shape_are_left_aside(text):
    assert limits_of(text) == []


def test_as_many_rate_limits_as_there_is_room_for_are_read():
    assert limits_of("[" + ",".join([LIMIT + "}"] * 16) + "]") == READ_LIMITS[:1] * 16


@pytest.mark.parametrize(
    "text",
    [
        "[",
        "[{",
        f"[{LIMIT}",
        f"[{LIMIT}}}",
        f"[{LIMIT}}},",
        f"[{LIMIT}}},]",
        f"[{LIMIT},}}]",
        f"[{LIMIT}]]",
        f"[{LIMIT}}}}}",
        f'[{LIMIT},"count"}}]',
        f'[{LIMIT},"count":}}]',
        f'[{LIMIT},"count" 1}}]',
        f'[{LIMIT},"count":01}}]',
        f'[{LIMIT},"count":1x}}]',
        f'[{LIMIT},"count":1 2}}]',
        f'[{LIMIT},"interval":"DAY"x}}]',
        f'[{LIMIT},"interval":"DAY" "DAY"}}]',
        f'[{LIMIT},"interval":"D\\AY"}}]',
        f'[{LIMIT},"interval":"DAY\\u12"}}]',
        f'[{LIMIT},"rateLimitType":"ORDERS\\x"}}]',
        f"[{LIMIT},count:1}}]",
        f"[{LIMIT}}} {LIMIT}}}]",
        f"[,{LIMIT}}}]",
    ],
)
def test_rate_limits_that_are_no_json_are_refused(text):
    for document in (
        f'{{"id":1,"status":200,"rateLimits":{text},"result":1}}',
        f'{{"id":1,"status":200,"result":1,"rateLimits":{text}}}',
        f'{{"result":1,"rateLimits":{text},"id":1}}',
    ):
        assert expected_position(document.encode()) is not None
        refused(document)


# --- what json.loads refuses, whatever a session looks at


@pytest.mark.parametrize("key", ["\\x", "a\\", "\\u12", "\\ud800", "id\\q", "\\u00e9\\z"])
def test_a_key_of_the_envelope_is_checked_even_if_nobody_asks_for_it(key):
    for document in (
        f'{{"{key}":1,"id":1,"result":1}}',
        f'{{"id":1,"result":1,"{key}":1}}',
        f'{{"{key}":1}}',
    ):
        refused(document)


def test_a_key_of_the_envelope_with_an_escape_is_unknown():
    """The exchange never writes one; a reply that cannot be told apart must not reach a waiter."""
    assert message('{"\\u0069d":1,"\\n":2,"é":3,"status":200}')["id_kind"] == "absent"


def test_a_refusal_in_the_envelope_names_the_string():
    error = refused('{"id": 1, "x": "\\ud800", "result": 1}')
    assert (error.reason, error.position) == ("a lone surrogate", 15)
    error = refused('{"id": 1, "x\\ud800": 1, "result": 1}')
    assert (error.reason, error.position) == ("a lone surrogate", 10)


SAMPLE = json.dumps(
    {"id": 5, "status": 200, "x": [1], "result": {"a": ["é", {}]}, "rateLimits": LIMITS[:2]}
).encode()


def test_no_prefix_of_a_message_is_a_message():
    assert message(SAMPLE)["limits"] == READ_LIMITS[:2]
    for end in range(len(SAMPLE)):
        refused(SAMPLE[:end])
    for garbage in (b"}", b"]", b",", b"1", b"x", b"\x00", b"{}", b'"', b"\xff", b',"a":1}'):
        refused(SAMPLE + garbage)


# --- the envelope alone


def test_the_envelope_is_read_up_to_the_payload():
    assert _json.envelope(SAMPLE) == (5, 200)
    assert _json.envelope(b'{"id":null,"status":400,"error":{}}') == (None, 400)
    assert _json.envelope(b'{"result":{},"status":201,"id":6}') == (6, 201)
    with pytest.raises(JsonError):
        _json.envelope(b'{"id":1,"status":200,')
    with pytest.raises(TypeError):
        _json.envelope(None)
