from __future__ import annotations

import base64
import hmac
import json
from decimal import Decimal
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastws.emulator import Emulator, ManualClock
from fastws.emulator.network.envelope import decode
from fastws.emulator.values.auth import Number, load_key, new_private_key, signature_payload, timestamp_us
from helpers.emulator.wire import limit_order, now_ms, run, sign, signed, wire

# The example keys of web-socket-api.md, "SIGNED request example (HMAC)".
EXAMPLE_KEY = "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A"
EXAMPLE_SECRET = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j"
EXAMPLES = [
    (
        '{"symbol":"BTCUSDT","side":"SELL","type":"LIMIT","timeInForce":"GTC","quantity":"0.01000000",'
        '"price":"52000.00","recvWindow":100,"timestamp":1645423376532,"apiKey":"%s"}',
        "aa1b5712c094bc4e57c05a1a5c1fd8d88dcd628338ea863fec7b88e59fe2db24",
    ),
    (
        '{"symbol":"\\uff11\\uff12\\uff13\\uff14\\uff15\\uff16","side":"BUY","type":"LIMIT","timeInForce":"GTC","quantity":"1.00000000",'
        '"price":"0.10000000","recvWindow":5000,"timestamp":1645423376532,"apiKey":"%s"}',
        "b33892ae8e687c939f4468c6268ddd4c40ac1af18ad19a064864c47bae0752cd",
    ),
]


@pytest.mark.parametrize(("text", "signature"), EXAMPLES, ids=["ascii", "non-ascii"])
def test_the_documented_signatures_are_accepted(text, signature):
    """SEMANTICS 37, 38, 39"""
    verify = load_key("HMAC", secret=EXAMPLE_SECRET, private_key=None)
    params = decode(text % EXAMPLE_KEY)
    assert verify(signature_payload(params), signature)
    assert verify(signature_payload({**params, "signature": signature}), signature.upper())
    assert not verify(signature_payload({**params, "quantity": "1"}), signature)
    assert not verify(signature_payload(params), signature[:-1])


def test_numbers_are_signed_as_the_text_that_was_sent():
    """SEMANTICS 40"""
    params = decode('{"a":6000.3460,"b":0.10,"c":1e3,"d":12345678901234567890123,"e":-0}')
    assert signature_payload(params) == b"a=6000.3460&b=0.10&c=1e3&d=12345678901234567890123&e=-0"


def test_lists_and_booleans_are_signed_as_compact_json():
    params = decode(
        '{"symbols": ["BTCUSDT", "这是测试币456", "a\\"b"], "omitZeroBalances": true, "x": [1.50, null]}'
    )
    assert (
        signature_payload(params).decode()
        == 'omitZeroBalances=true&symbols=["BTCUSDT","这是测试币456","a\\"b"]&x=[1.50,null]'
    )


@given(st.dictionaries(st.text("abcXYZ", min_size=1), st.text("ab/:%+é这 ") | st.integers(), min_size=1))
def test_the_payload_is_names_and_values_in_order(values):
    """SEMANTICS 37"""
    parts = signature_payload(decode(json.dumps(values))).decode().split("&")
    assert parts == [f"{name}={values[name]}" for name in sorted(values)]


def test_rsa_and_ed25519_signatures_are_case_sensitive_base64():
    """SEMANTICS 38"""
    for key_type in ("RSA", "Ed25519"):
        pem = new_private_key(key_type)
        verify = load_key(key_type, secret=None, private_key=pem)
        key = type("Key", (), {"secret": None, "private_key": pem})
        signature = sign(key, b"a=1")
        assert verify(b"a=1", signature)
        assert not verify(b"a=2", signature)
        assert not verify(b"a=1", signature.swapcase())
        assert not verify(b"a=1", "not base64!")
        assert not verify(b"a=1", base64.b64decode(signature).hex())
        assert not verify(b"a=1", "é")


def test_a_key_of_another_kind_is_refused():
    with pytest.raises(ValueError, match="needs a secret"):
        load_key("HMAC", secret=None, private_key=None)
    with pytest.raises(ValueError, match="needs a private key"):
        load_key("RSA", secret="x", private_key=None)
    with pytest.raises(ValueError, match="not an RSA key"):
        load_key("RSA", secret=None, private_key=new_private_key("Ed25519"))


@pytest.mark.parametrize("timestamp", [1645423376532, 1645423376532000])
def test_timestamps_are_milliseconds_or_microseconds(timestamp):
    """SEMANTICS 26"""
    assert timestamp_us(timestamp) == 1645423376532000


def test_a_number_is_its_text():
    assert Number("1.50") == "1.50"
    assert Decimal(Number("1.50")) == Decimal("1.5")


@pytest.mark.parametrize("key_type", ["HMAC", "RSA", "Ed25519"])
def test_a_wrong_signature_is_refused(key_type):
    """SEMANTICS 43"""

    async def main():
        async with Emulator() as exchange, wire(exchange) as client:
            key = exchange.add_account(key_type)
            params = signed(key, **limit_order())
            wrong = (400, -1022, "Signature for this request is not valid.")
            assert await client.error("order.place", {**params, "quantity": "0.02"}) == wrong
            assert await client.error("order.place", {**params, "signature": "AAAA"}) == wrong
            assert await client.error("order.place", {**params, "signature": "ключ"}) == wrong
            assert not any(record.executed for record in exchange.journal)
            await client.result("order.place", params)

    run(main)


def test_return_rate_limits_is_part_of_what_is_signed():
    """SEMANTICS 39"""

    async def main():
        async with Emulator() as exchange, wire(exchange) as client:
            key = exchange.add_account("HMAC")
            params = signed(key, **limit_order())
            assert (await client.error("order.place", params, returnRateLimits=True))[1] == -1022
            await client.result("order.place", signed(key, **limit_order(), returnRateLimits=True))

    run(main)


def test_percent_encoded_payloads_are_refused():
    """SEMANTICS 37"""

    async def main():
        async with Emulator() as exchange, wire(exchange) as client:
            key = exchange.add_account("HMAC")
            order = limit_order(symbol="这是测试币456", price="0.9", quantity="10")
            await client.result("order.place", signed(key, **order))
            params = {**order, "apiKey": key.api_key}
            encoded = urlencode(sorted(params.items())).encode()
            signature = hmac.new(key.secret.encode(), encoded, "sha256").hexdigest()
            assert (await client.error("order.place", {**params, "signature": signature}))[1] == -1022

    run(main)


def test_keys_that_do_not_exist_or_may_not():
    """SEMANTICS 43"""

    async def main():
        async with Emulator() as exchange, wire(exchange) as client:
            reader = exchange.add_account("HMAC", permissions=["USER_DATA"])
            unknown = (401, -2015, "Invalid API-key, IP, or permissions for action.")
            params = signed(reader, **limit_order())
            malformed = (401, -2014, "API-key format invalid.")
            assert await client.error("order.place", {**params, "apiKey": "short"}) == malformed
            assert await client.error("order.place", {**params, "apiKey": "x" * 64}) == unknown
            assert await client.error("order.place", params) == unknown
            await client.result("account.status", signed(reader))
            exchange.revoke(reader.api_key)
            assert await client.error("account.status", signed(reader)) == unknown

    run(main)


@pytest.mark.parametrize("missing", ["apiKey", "signature", "timestamp"])
def test_what_a_signed_request_cannot_do_without(missing):
    """SEMANTICS 41, 45"""

    async def main():
        async with Emulator() as exchange, wire(exchange) as client:
            params = signed(exchange.add_account("HMAC"), **limit_order())
            del params[missing]
            assert await client.error("order.place", params) == (
                400,
                -1102,
                f"Mandatory parameter '{missing}' was not sent, was empty/null, or malformed.",
            )

    run(main)


LATE = (400, -1021, "Timestamp for this request is outside of the recvWindow.")
AHEAD = (400, -1021, "Timestamp for this request was 1000ms ahead of the server's time.")


@pytest.mark.parametrize(
    ("age_us", "recv_window", "error"),
    [
        (0, None, None),
        (5_000_000, None, None),
        (5_000_001, None, LATE),
        (-999_999, None, None),
        (-1_000_000, None, AHEAD),
        (60_000_000, 60000, None),
        (60_000_001, 60000, LATE),
        (1_500, 1.5, None),
        (1_501, 1.5, LATE),
        (1, 0, LATE),
    ],
)
@pytest.mark.parametrize("in_ms", [False, True])
def test_timestamps_must_be_within_the_window(age_us, recv_window, error, in_ms):
    """SEMANTICS 41, 42, 43"""

    async def main():
        clock = ManualClock(1_700_000_000_000_000)
        async with Emulator(clock=clock) as exchange, wire(exchange) as client:
            key = exchange.add_account("HMAC")
            timestamp = clock.now_us() - age_us
            if in_ms:
                clock.advance((-timestamp % 1000) / 1_000_000)
                timestamp += -timestamp % 1000
                timestamp //= 1000
            window = {} if recv_window is None else {"recvWindow": recv_window}
            params = signed(key, timestamp=timestamp, **window)
            if error is None:
                await client.result("account.status", params)
            else:
                assert await client.error("account.status", params) == error

    run(main)


@pytest.mark.parametrize(
    ("recv_window", "code", "message"),
    [
        (60000.001, -1102, "'recvWindow' contains unexpected value. Cannot be greater than 60000."),
        ("5000.0001", -1111, "Parameter 'recvWindow' has too much precision."),
        (-1, -1100, None),
        ("soon", -1100, None),
    ],
)
def test_windows_that_are_none(recv_window, code, message):
    """SEMANTICS 42"""

    async def main():
        async with Emulator() as exchange, wire(exchange) as client:
            params = signed(exchange.add_account("HMAC"), recvWindow=recv_window, timestamp=now_ms())
            status, got, text = await client.error("account.status", params)
            assert (status, got) == (400, code)
            assert message in (None, text)

    run(main)
