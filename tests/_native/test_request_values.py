"""The values of parameters: numbers are written as they are, whatever their type and the decimal context."""

import decimal
import json
from decimal import Decimal

import pytest

import fastws
from fastws import InvalidRequest, Signer
from fastws._native.calls import encode_prepared
from fastws._native.request import check_recv_window, encode


class Int64:
    """An integer as numpy's are: no int, and one by ``__index__``."""

    def __init__(self, number):
        self.number = number

    def __index__(self):
        return self.number

    def __str__(self):
        return str(self.number)


class Several(Int64):
    """As an array of several numbers."""

    def __index__(self):
        raise TypeError("only size-1 arrays can be converted")


STRICT = [signal for signal in decimal.getcontext().traps if signal is not decimal.FloatOperation]


def sent(method="order.place", **params):
    """The parameters of a request, numbers as their texts."""
    text = encode(method, params, 1)
    return json.loads(text, parse_int=str, parse_float=str)["params"]


@pytest.mark.parametrize(
    "context",
    [
        decimal.Context(prec=1, Emin=0, Emax=0, traps=STRICT),
        decimal.Context(prec=1, Emin=0, Emax=0, traps=[]),
    ],
    ids=["strict", "lax"],
)
def test_what_is_sent_does_not_depend_on_the_decimal_context(context):
    price = Decimal("123456789.123456789")
    with decimal.localcontext(context):
        assert sent(price=price, quantity=Decimal("1E+20")) == {
            "price": f"{price}",
            "quantity": "1" + 20 * "0",
        }
        assert sent("new.method", a=0.1 + 0.2, b=Decimal("1E-9")) == {
            "a": "0.30000000000000004",
            "b": "0.000000001",
        }
        for window in ("5000.123", 5000.5, Decimal("59999.999"), 60000, "0.001"):
            check_recv_window(window)
            assert sent(recvWindow=window) == {"recvWindow": f"{window}"}
        for window in ("5000.1234", "60000.001", "0", "0.0005"):
            with pytest.raises(ValueError, match="recvWindow"):
                check_recv_window(window)
        assert Signer.payload({"a": 0.1 + 0.2, "b": price}) == b"a=0.30000000000000004&b=123456789.123456789"
        assert Signer.payload({"a": Decimal("1E+400")}) == b"a=1" + 400 * b"0"


@pytest.mark.parametrize("number", [0, 7, -7, 2**63 - 1, 2**64, 10**30])
def test_integers_of_other_types_are_sent_as_integers(number):
    value, text = Int64(number), str(number)
    assert encode("klines", {"limit": value}, 1) == encode("klines", {"limit": number}, 1)
    assert encode("order.place", {"quantity": value}, 1) == encode("order.place", {"quantity": number}, 1)
    assert sent("order.place", orderId=value, quantity=value) == {"orderId": text, "quantity": text}
    assert sent("new.method", a=value, b=[value, "x"]) == {"a": text, "b": [text, "x"]}
    prepared = fastws.connect("ws://127.0.0.1:1").prepare("klines", symbol="S", interval="1m", limit=value)
    found = json.loads(encode_prepared(prepared, {"startTime": value}, 1), parse_int=str)
    assert found["params"] == {"symbol": "S", "interval": "1m", "limit": text, "startTime": text}
    assert Signer.payload({"a": value, "b": [value]}) == f"a={number}&b=[{number}]".encode()


def test_integers_of_other_types_are_signed_as_they_are_sent():
    signer = fastws.load_signer("k" * 64, secret="s" * 64)
    times = {"timestamp": 1_700_000_000_000_000}
    given = {"symbol": "BTCUSDT", "orderId": 5, "recvWindow": 5000}
    other = {name: Int64(value) if name != "symbol" else value for name, value in given.items()}
    assert encode("order.status", other, 1, signer, **times) == encode(
        "order.status", given, 1, signer, **times
    )
    assert encode("order.status", {}, 1, signer, recv_window=Int64(5000), **times) == encode(
        "order.status", {}, 1, signer, recv_window=5000, **times
    )


@pytest.mark.parametrize("value", [True, False, Several(1), Int64("no integer"), Int64(1.5)])
@pytest.mark.parametrize("name", ["limit", "quantity", "recvWindow", "symbols"])
def test_a_bool_and_what_is_no_integer_is_refused_as_a_number(name, value):
    with pytest.raises(InvalidRequest, match=f"^{name}: expected"):
        encode("klines", {name: value}, 1)


def test_an_integer_of_another_type_is_no_text_and_no_bool():
    for name in ("symbol", "computeCommissionRates"):
        with pytest.raises(InvalidRequest, match=f"^{name}: expected"):
            encode("order.test", {name: Int64(1)}, 1)
