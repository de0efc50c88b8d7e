"""fastws._native.request: the text of a request says what was given, and what is signed is what is sent."""

import enum
import json
import re
import subprocess
import sys
from base64 import b64decode
from decimal import Decimal

import pytest
from cryptography.hazmat.primitives import hashes, hmac, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa
from hypothesis import given, settings
from hypothesis import strategies as st

from fastws import InvalidKey, InvalidRequest, Signer, load_signer
from fastws._native.request import encode, make_client_order_id
from helpers import facts

API_KEY = "k" * 64
ORDER = {
    "symbol": "BTCUSDT",
    "side": "BUY",
    "type": "LIMIT",
    "timeInForce": "GTC",
    "price": "1",
    "quantity": "2",
}


class Raw(str):
    """A JSON number, as its text."""


def parse(text):
    """The document in ``text``; numbers keep their texts, and a name that comes twice fails."""

    def once(pairs):
        names = [name for name, _ in pairs]
        assert len(set(names)) == len(names), f"a name comes twice: {names}"
        return dict(pairs)

    return json.loads(text.decode(), object_pairs_hook=once, parse_int=Raw, parse_float=Raw)


def params_of(params, method="some.method", **options):
    return parse(encode(method, params, 7, **options)).get("params", {})


def raw_text(value):
    """The text of a parsed value, as it stands in the payload of a signature."""
    if isinstance(value, list):
        parts = [item if type(item) is Raw else json.dumps(item, ensure_ascii=False) for item in value]
        return f"[{','.join(parts)}]"
    return json.dumps(value) if isinstance(value, bool) else value


def payload_of(params):
    """What must have been signed, by the rule of the documentation, from what was sent."""
    return "&".join(
        f"{name}={raw_text(params[name])}" for name in sorted(params) if name != "signature"
    ).encode()


plain_text = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="".join(map(chr, [*range(32), 127])))
)
names = st.from_regex(r"[A-Za-z0-9_.-]{1,20}", fullmatch=True).filter(
    lambda name: name not in ("timestamp", "apiKey", "signature", "recvWindow")
)
unknown_names = names.map(lambda name: "x" + name)
decimals = st.decimals(
    allow_nan=False, allow_infinity=False, places=None, min_value=-(10**40), max_value=10**40
)
floats = st.floats(allow_nan=False, allow_infinity=False)
anything = st.one_of(
    plain_text, st.integers(), st.booleans(), decimals, floats, st.lists(st.one_of(plain_text, st.integers()))
)


# --- values go out as they are


@settings(deadline=None)
@given(st.dictionaries(unknown_names, anything, max_size=12), st.integers(0, 2**53 - 1))
def test_every_value_parses_back(params, request_id):
    text = encode("some.method", params, request_id)
    document = json.loads(text, parse_float=Decimal)
    assert list(document) == ["id", "method"] + ["params"] * bool(params)
    assert (document["id"], document["method"]) == (request_id, "some.method")
    sent = document.get("params", {})
    assert sent.keys() == params.keys()
    for name, value in params.items():
        if isinstance(value, Decimal):
            assert isinstance(sent[name], str), "a Decimal is sent as text"
            assert Decimal(sent[name]) == value
            assert re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", sent[name]), sent[name]
        elif isinstance(value, float):
            assert float(sent[name]) == value
        else:
            assert sent[name] == value
            assert type(sent[name]) is type(value)


@given(st.one_of(plain_text, st.lists(plain_text)))
def test_texts_and_lists_in_parameters_of_the_table(value):
    name = "symbols" if isinstance(value, list) else "symbol"
    assert params_of({name: value}, "exchangeInfo", strict=True) == {name: value}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1e-7, "0.0000001"),
        (1e22, "10000000000000000000000"),
        (1.5e300, "15" + "0" * 299),
        (5e-324, "0." + "0" * 323 + "5"),
        (0.1, "0.1"),
        (-2.5, "-2.5"),
        (2**63, "9223372036854775808"),
        (-(2**63), "-9223372036854775808"),
        (2**64 - 1, "18446744073709551615"),
        (10**400, "1" + "0" * 400),
        (-(10**4299), "-1" + "0" * 4299),
    ],
)
def test_numbers_are_written_in_full(value, text):
    assert params_of({"xNumber": value}) == {"xNumber": text}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Decimal("1E+3"), "1000"),
        (Decimal("1E-8"), "0.00000001"),
        (Decimal("0.10000000"), "0.10000000"),
        (Decimal("-5"), "-5"),
        ("0.01", "0.01"),
        ("00012.50", "00012.50"),
        ("-1", "-1"),
        (52000, "52000"),
        (10**30, "1" + "0" * 30),
    ],
)
def test_decimals_keep_their_digits(value, text):
    sent = params_of({**ORDER, "price": value}, "order.place")["price"]
    assert sent == text
    assert type(sent) is str, "a decimal goes out as text, like those of the documentation"


@pytest.mark.parametrize("size", [*range(1, 20), 31, 32, 33])
def test_every_byte_is_looked_at_wherever_it_stands(size):
    # the hot path looks at eight bytes at a time
    for at in range(size):
        for code in range(1, 128):
            text = "x" * at + chr(code) + "x" * (size - at - 1)
            if code < 32 or code == 127:
                with pytest.raises(InvalidRequest, match="control character"):
                    encode("order.place", {**ORDER, "newClientOrderId": text}, 7)
            else:
                assert (
                    params_of({**ORDER, "newClientOrderId": text}, "order.place")["newClientOrderId"] == text
                )


@pytest.mark.parametrize("pattern", ["2", "22.2", "-2.22222", "22222222.2", "2222222222.22222222"])
def test_decimals_are_what_their_grammar_says(pattern):
    grammar = re.compile(r"-?[0-9]+(\.[0-9]+)?", re.ASCII)
    for at in range(len(pattern)):
        for code in range(1, 128):
            text = pattern[:at] + chr(code) + pattern[at + 1 :]
            if grammar.fullmatch(text):
                assert params_of({**ORDER, "price": text}, "order.place")["price"] == text
            else:
                with pytest.raises(InvalidRequest, match="price"):
                    encode("order.place", {**ORDER, "price": text}, 7)


def test_integers_of_every_length():
    edges = {
        sign * (base**power + step)
        for base in (2, 10)
        for power in range(63)
        for step in (-1, 0, 1)
        for sign in (-1, 1)
    }
    for number in edges:
        assert params_of({"symbol": "BTCUSDT", "orderId": number}, "order.status")["orderId"] == str(number)
    for number in edges:
        if 0 < number < 2**53:
            request = parse(encode("order.status", {"symbol": "BTCUSDT"}, number, timestamp=number))
            assert request["id"] == request["params"]["timestamp"] == str(number)


class Side(str, enum.Enum):
    BUY = "BUY"


class Limit(enum.IntEnum):
    FEW = 5


class Shouting(str):
    def __str__(self):
        return "SHOUT"

    def encode(self, *args):
        return b"SHOUT"


class Three(int):
    def __str__(self):
        return "three"

    __repr__ = __str__


def test_subclasses_count_as_the_values_they_are():
    sent = params_of(
        {**ORDER, "side": Side.BUY, "symbol": Shouting("BTCUSDT"), "orderId": Three(3)}, "order.place"
    )
    assert (sent["side"], sent["symbol"], sent["orderId"]) == ("BUY", "BTCUSDT", "3")
    assert params_of({"symbol": "X", "limit": Limit.FEW}, "depth") == {"symbol": "X", "limit": "5"}
    assert params_of({"xBig": Three(10**30)}) == {"xBig": "1" + "0" * 30}
    assert params_of({"symbols": ("A", Side.BUY)}, "exchangeInfo") == {"symbols": ["A", "BUY"]}


def test_none_is_left_out_everywhere():
    assert parse(encode("order.place", {"price": None, "symbol": None}, 1)) == {
        "id": "1",
        "method": "order.place",
    }
    assert params_of({"symbol": "X", "limit": None}, "depth", strict=True) == {"symbol": "X"}
    with pytest.raises(InvalidRequest, match="symbol"):
        encode("depth", {"symbol": None}, 1, strict=True)


@pytest.mark.parametrize("size", [4096, 65536, 1 << 20])
def test_texts_longer_than_the_buffer(size):
    signer = load_signer(API_KEY, secret="s")
    text = 'ß"\\€' * (size // 4)
    sent = params_of({"symbol": text, "xNote": text}, "some.method", signer=signer, timestamp=1)
    assert sent["symbol"] == text == sent["xNote"]
    assert sent["signature"] == signer.sign(payload_of(sent))
    many = [f"SYMBOL{i}" for i in range(size // 10)]
    assert params_of({"symbols": many}, "exchangeInfo") == {"symbols": many}


def test_any_number_of_parameters(keys):
    signer, _ = keys["HMAC"]
    many = {f"x{i}": str(i) for i in range(5000)}
    sent = params_of({**ORDER, **many}, "order.place", signer=signer, timestamp=1)
    assert {name: sent[name] for name in many} == many
    assert sent["signature"] == signer.sign(payload_of(sent))


# --- signatures


def _pem(key):
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


@pytest.fixture(scope="module")
def keys():
    """A signer of each kind, and the check of its signatures, which knows nothing of fastws."""
    rsa_key = rsa.generate_private_key(65537, 2048)
    ed_key = ed25519.Ed25519PrivateKey.generate()

    def check_hmac(signature, payload):
        state = hmac.HMAC(b"secret", hashes.SHA256())
        state.update(payload)
        state.verify(bytes.fromhex(signature))

    def check_rsa(signature, payload):
        rsa_key.public_key().verify(
            b64decode(signature, validate=True), payload, padding.PKCS1v15(), hashes.SHA256()
        )

    def check_ed25519(signature, payload):
        ed_key.public_key().verify(b64decode(signature, validate=True), payload)

    return {
        "HMAC": (load_signer(API_KEY, secret="secret"), check_hmac),
        "RSA": (load_signer(API_KEY, private_key=_pem(rsa_key)), check_rsa),
        "Ed25519": (load_signer(API_KEY, private_key=_pem(ed_key)), check_ed25519),
    }


@pytest.mark.parametrize("kind", ["HMAC", "RSA", "Ed25519"])
@settings(max_examples=25, deadline=None)
@given(params=st.dictionaries(unknown_names, anything, max_size=8))
def test_the_signed_text_is_the_sent_text(keys, kind, params):
    signer, check = keys[kind]
    sent = params_of(params, signer=signer, timestamp=1_700_000_000_123_456, recv_window=2500.5)
    assert sent.keys() == {*params, "apiKey", "signature", "timestamp", "recvWindow"}
    assert (sent["apiKey"], sent["timestamp"], sent["recvWindow"]) == (API_KEY, "1700000000123456", "2500.5")
    check(sent["signature"], payload_of(sent))


@pytest.mark.parametrize("kind", ["HMAC", "RSA", "Ed25519"])
@pytest.mark.parametrize("method", ["order.place", "v3/order.place"])
def test_orders_are_signed_as_sent(keys, kind, method):
    signer, check = keys[kind]
    order = {
        **ORDER,
        "symbol": "这是测试币456",
        "price": Decimal("1E+2"),
        "quantity": 3,
        "newClientOrderId": 'a/b:c"d\\e+f%20 g',
    }
    text = encode(method, order, 1, signer=signer, timestamp=1_700_000_000_000_000)
    sent = parse(text)["params"]
    check(sent["signature"], payload_of(sent))
    assert "这是测试币456" in text.decode(), "symbols are sent in UTF-8, not escaped"
    assert "%" not in text.decode().replace("%20", ""), "nothing is percent-encoded"
    assert sent["newClientOrderId"] == order["newClientOrderId"]


def test_the_order_of_the_parameters_does_not_matter(keys):
    signer, _ = keys["HMAC"]
    one = params_of(ORDER, "order.place", signer=signer, timestamp=5)
    other = params_of(dict(reversed(ORDER.items())), "order.place", signer=signer, timestamp=5)
    assert one == other
    mixed = params_of({**ORDER, "zz": 1, "Aa": 2, "symbol1": 3}, "order.place", signer=signer, timestamp=5)
    assert mixed["signature"] == signer.sign(payload_of(mixed))


def test_a_timestamp_and_a_window_of_the_caller_win(keys):
    signer, _ = keys["HMAC"]
    given = {**ORDER, "timestamp": 1_600_000_000_000, "recvWindow": 10, "apiKey": "other"}
    sent = params_of(given, "order.place", signer=signer, timestamp=5, recv_window=7)
    assert (sent["timestamp"], sent["recvWindow"], sent["apiKey"]) == ("1600000000000", "10", "other")
    assert sent["signature"] == signer.sign(payload_of(sent))


def test_published_signatures_come_out_of_whole_requests():
    vectors = facts.signatures()
    checked = 0
    for vector in vectors:
        if vector["api"] != "websocket" or "params" not in vector:
            continue
        method = vector["id"].removeprefix("example-")
        integers = ("timestamp", "recvWindow")
        params = {
            name: int(value) if name in integers else value
            for name, value in vector["params"].items()
            if name != "signature"
        }
        if "secretKey" in vector:
            signer = load_signer(vector["apiKey"], secret=vector["secretKey"])
        else:
            signer = load_signer(vector["apiKey"], private_key=vector["private_key_pem"])
        method = "order.place" if method == vector["id"] else method
        sent = params_of(params, method, signer=signer)
        assert payload_of(sent).decode() == vector["payload"], vector["id"]
        assert sent["signature"] == vector["signature"], vector["id"]
        checked += 1
    assert checked >= 10, f"only {checked} vectors were found"


class Odd(Signer):
    """A signer from outside, which returns what it was told to."""

    def __init__(self, signature, api_key=API_KEY):
        super().__init__(api_key, "HMAC")
        self.signature = signature

    def sign(self, payload):
        if isinstance(self.signature, Exception):
            raise self.signature
        return self.signature


def test_a_signature_is_quoted_like_any_text():
    assert params_of({}, signer=Odd('a"b\\c'))["signature"] == 'a"b\\c'


@pytest.mark.parametrize("key", ['a"b', "a\\b", "a\nb", "é", "a b"])
def test_an_api_key_that_would_break_the_text_is_refused(key):
    with pytest.raises(InvalidKey, match="api_key"):
        Odd("x", key)
    with pytest.raises(InvalidKey, match="api_key"):
        load_signer(key, secret="s")


@pytest.mark.parametrize("bad", [b"bytes", None, 1, "\ud800", "a\nb"], ids=repr)
def test_a_signature_that_is_no_text_is_refused(bad):
    with pytest.raises(InvalidRequest, match="signature"):
        encode("order.place", ORDER, 1, signer=Odd(bad))


def test_what_a_signer_raises_comes_through():
    with pytest.raises(RuntimeError, match="module is locked"):
        encode("order.place", ORDER, 1, signer=Odd(RuntimeError("module is locked")))


# --- recvWindow


@pytest.mark.parametrize(
    "window", [1, 5000, 60000, 0.001, 59999.999, "5000", "2500.125", Decimal("100.5"), 1e3]
)
def test_windows_that_the_exchange_takes(window):
    sent = params_of({}, "order.place", timestamp=1, recv_window=window)["recvWindow"]
    assert type(sent) is Raw
    assert Decimal(sent) == Decimal(str(window))
    assert re.fullmatch(r"[0-9]+(\.[0-9]+)?", sent)


def test_a_window_is_sent_with_a_timestamp_only():
    assert "recvWindow" not in params_of({"xA": 1}, recv_window=5000)
    assert params_of({"recvWindow": 1.5}, "order.place", timestamp=1)["recvWindow"] == "1.5"


# --- client order ids


def test_client_order_ids():
    made = [make_client_order_id() for _ in range(100_000)]
    assert len(set(made)) == len(made)
    fits = re.compile(r"[a-zA-Z0-9_-]{1,36}").fullmatch
    assert all(map(fits, made))
    letters = set("".join(made))
    assert not letters & set("aeiouAEIOU"), "vowels make words"
    assert len(letters) == 32, "five random bits a character"
    assert {len(text) for text in made} == {22}


FORK = """
import os, sys
from fastws._native.request import make_client_order_id
make_client_order_id()
reader, writer = os.pipe()
if os.fork() == 0:
    os.write(writer, "".join(make_client_order_id() for _ in range(50)).encode())
    os._exit(0)
mine = [make_client_order_id() for _ in range(50)]
os.wait()
theirs = os.read(reader, 50 * 22).decode()
assert len(theirs) == 50 * 22, theirs
assert not set(mine) & {theirs[i:i + 22] for i in range(0, len(theirs), 22)}
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork on Windows")
def test_a_forked_child_makes_other_ids():
    done = subprocess.run([sys.executable, "-c", FORK], capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
