"""The values of parameters: numbers are written as they are, whatever their type and the decimal context."""

import decimal
import json
from decimal import Decimal

import pytest

from fastws import Signer
from fastws._request import check_recv_window, encode

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
