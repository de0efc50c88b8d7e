"""Damaged messages: whatever arrives ends in JsonError, or in exactly what json.loads makes of it."""

import json
import random
import re

import pytest

import fastws
from fastws import JsonError
from fastws._native import json as _json
from helpers.json_support import agrees, each_kernel, expected_position, judge, justified, same  # noqa: F401

pytestmark = pytest.mark.usefixtures("each_kernel")

ROUNDS = 3000  # a test and kernel

LIMITS = [
    {"rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10, "limit": 100, "count": 1},
    {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 6000, "count": 2},
]
ORDER = {
    "symbol": "BTCUSDT",
    "orderId": 12569099453,
    "orderListId": -1,
    "clientOrderId": "4d96324ff9d44481926157ec08158a40",
    "price": "23416.10000000",
    "fills": [{"price": "23416.1", "qty": "0.00635", "commission": "0", "commissionAsset": "BNB"}] * 2,
}
KLINE = [
    1655971200000,
    "0.01086000",
    "0.01086600",
    "0.01083600",
    "0.01083800",
    "2290.5",
    1655974799999,
    "24.8",
]
REFUSAL = {"code": -1, "msg": "", "data": {"serverTime": 1, "retryAfter": 2.5e10}}
REPORT = {
    "e": "executionReport",
    "E": 1499405658658,
    "s": "ETHBTC",
    "q": "1.0",
    "C": "",
    "N": None,
    "m": False,
}
POSITION = {"e": "outboundAccountPosition", "E": 1, "B": [{"a": "ETH", "f": "10000.0", "l": "0.0"}]}
BOOK = {"lastUpdateId": 2731179239, "bids": [["0.01", "3"]] * 3, "asks": []}
MESSAGES = [
    {"id": 77, "status": 200, "result": ORDER, "rateLimits": LIMITS},
    {"result": [KLINE, KLINE], "id": -5, "rateLimits": LIMITS[:1], "status": 200},
    {"id": 1, "status": 400, "error": {"code": -1121, "msg": 'Ungültig 😀 \t"x" \\ /'}, "rateLimits": []},
    {"id": None, "status": 401, "error": REFUSAL},
    {"subscriptionId": 0, "event": REPORT},
    {"event": POSITION, "subscriptionId": None},
    {"id": 3, "status": 200, "result": BOOK},
    {
        "id": 4,
        "result": [[], {}, "", 0, -0.0, 1e-7, 12345678901234567890, [True, [None]], {"é": {"": "\x7f"}}],
    },
]
SAMPLES = [
    json.dumps(message, separators=separators, ensure_ascii=ascii_only).encode()
    for message in MESSAGES
    for separators, ascii_only in (((",", ":"), False), ((", ", ": "), True), ((" ,", " : "), False))
]

TEXTS = r"""
    \u \u00 \u0041 \ud83d \ude00 \ud83d\ude00 \n \x \\ \" null true false NaN Infinity -Infinity 1e400 1e-400 0.1 -0
    00 [] {} "" "id": "id":null, "status": "result": "error":{}, "event":{}, "rateLimits":[], "rateLimits": "B": "e":
    "e":"executionReport", "price": "bids": "a":1,"a":2, "intervalNum": "subscriptionId":1, é 中 😀
"""
PIECES = [
    *(bytes([byte]) for byte in b'"\\{}[]:,0189-+.eEtfnul/ \n\t\r\x00\x0b\x0c\x1a\x1f\x7f\x80\xa0\xc3\xff'),
    *TEXTS.encode().split(),
    *(b"\xed\xa0\x80", b"\xc0\xaf", b"\xf4\x90\x80\x80", b"\xef\xbb\xbf", b"\xe4\xb8", b"\xf0\x9f\x98"),
    *(b"9" * 18, b"9" * 19, b"9" * 20, b"9" * 400, b"9" * 4301, b" " * 64, b"a" * 16, b"[" * 40),
]


def damaged(rng):
    """A sample with one or a few changes."""
    data = bytearray(rng.choice(SAMPLES))
    for _ in range(rng.choice((1, 1, 1, 2, 3, 8))):
        at = rng.randrange(len(data) + 1)
        end = min(len(data), at + rng.choice((1, 1, 2, 5, 20, 70)))
        what = rng.randrange(8)
        if what == 0:
            del data[at:end]
        elif what == 1:
            data[at:end] = data[at:end] * 2
        elif what == 2:
            data[at:end] = rng.randbytes(end - at)
        elif what == 3:
            data[at:at] = rng.choice(PIECES)
        elif what == 4:
            data[at:end] = rng.choice(PIECES)
        elif what == 5:
            other = rng.choice(SAMPLES)
            start = rng.randrange(len(other))
            data[at:end] = other[start : start + rng.choice((1, 5, 20, 100))]
        elif what == 6:
            marks = [match.start() for match in re.finditer(rb'[",:\[\]{}]', data)] or [0]
            at = rng.choice(marks)
            data[at : at + 1] = rng.choice(PIECES)
        else:
            del data[at:]
    return bytes(data)


def fuzzed(seed):
    rng = random.Random(seed)
    for _ in range(ROUNDS):
        yield rng, damaged(rng)


def test_a_damaged_document_is_read_as_json_reads_it_or_refused():
    assert all(map(judge, SAMPLES))
    read = sum(judge(data) for _, data in fuzzed(1))
    assert ROUNDS // 20 < read < ROUNDS


def test_a_damaged_document_gives_numbers_or_json_error():
    for rng, data in fuzzed(2):
        numbers = rng.choice(("float", "decimal"))
        try:
            found = fastws.loads(data, numbers=numbers)
        except JsonError:
            continue
        assert agrees(found, json.loads(data), numbers), data


def envelope_of(document):
    """What read_message() must find in a document that json.loads has read."""
    number, subscription = document.get("id"), document.get("subscriptionId")
    is_int = type(number) is int and abs(number) < 10**18
    kind = "absent" if "id" not in document else "int" if is_int else "null" if number is None else "other"
    (payload,) = [key for key in ("result", "error", "event") if key in document] or [None]
    return {
        "id": number if is_int else None,
        "id_kind": kind,
        "status": document.get("status", 0),
        "payload": payload,
        "value": document.get(payload),
        "subscription": subscription if type(subscription) is int and abs(subscription) < 10**18 else -1,
    }


def test_a_damaged_message_is_read_as_json_reads_it_or_refused():
    read = 0
    for rng, data in fuzzed(3):
        error = None
        try:
            found = _json.read_message(data, behind=rng.randrange(256))
        except JsonError as exc:
            error = exc
        if error is None:
            document = json.loads(data)
            limits = found.pop("limits")
            if rb"\u" not in data:  # a key that is written with an escape is none of the envelope's
                assert same(found, envelope_of(document)), data
                if limits and document["rateLimits"] in (LIMITS, LIMITS[:1]):
                    assert limits == [("O", "S", 10, 100, 1), ("R", "M", 1, 6000, 2)][: len(limits)]
            read += 1
        elif expected_position(data) is not None:
            assert error.position == expected_position(data), data
        elif error.reason == "not an object":
            assert not data.lstrip().startswith(b"{"), data
        elif error.reason == "a second result, error or event":
            assert len(re.findall(rb'"(result|error|event)"\s*:', data)) > 1, data
        elif error.reason == "a status that is no number of three digits":
            assert len(re.findall(rb'"status"\s*:', data)) > len(
                re.findall(rb'"status"\s*:\s*\d{1,3}\s*[,}]', data)
            )
        else:
            assert justified(error, data), (data, error)
    assert read > ROUNDS // 20


@pytest.mark.parametrize("numbers", ["float", "decimal"])
def test_a_damaged_message_gives_numbers_or_json_error(numbers):
    for rng, data in fuzzed(4):
        shape, behind = rng.randrange(2), rng.randrange(256)
        try:
            found = _json.read_message(data, numbers=numbers, shape=shape, behind=behind)
        except JsonError:
            continue
        if found["payload"] and rb"\u" not in data:
            assert agrees(found["value"], json.loads(data)[found["payload"]], numbers), data


def test_the_envelope_of_a_damaged_message_is_read_or_refused():
    for _, data in fuzzed(5):
        try:
            number, status = _json.envelope(data)
        except JsonError:
            continue
        assert number is None or type(number) is int
        assert 0 <= status < 1000


def test_bytes_without_any_sense_are_refused():
    rng = random.Random(6)
    for _ in range(ROUNDS):
        size = rng.randrange(150)
        judge(rng.randbytes(size))
        judge(bytes(rng.choices(b'"\\{}[]:,01-.e tfn\xc3\xa9', k=size)))
        judge(b"".join(rng.choices(PIECES, k=size // 10)))
