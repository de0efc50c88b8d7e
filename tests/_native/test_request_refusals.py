"""fastws._native.request: what is refused, always by an InvalidRequest that names the parameter."""

import decimal
import enum
import json
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fastws import InvalidRequest
from fastws._native.request import encode

ORDER = {
    "symbol": "BTCUSDT",
    "side": "BUY",
    "type": "LIMIT",
    "timeInForce": "GTC",
    "price": "1",
    "quantity": "2",
}


def hides_its_cause(error):
    return error.__cause__ is None and (error.__context__ is None or error.__suppress_context__)


def never_raises_but(wrong, params, method="order.place", **options):
    """Encode what must be refused; the message, which must name the parameter ``wrong``."""
    with pytest.raises(InvalidRequest) as caught:
        encode(method, params, 1, **options)
    message = str(caught.value)
    assert wrong in message, f"{message!r} does not name {wrong}"
    assert hides_its_cause(caught.value), "another exception shines through"
    return message


@pytest.mark.parametrize("code", [*range(32), 127])
def test_control_characters_are_refused(code):
    bad = f"a{chr(code)}b"
    never_raises_but("symbol", {**ORDER, "symbol": bad})
    never_raises_but("xNote", {"xNote": bad}, "some.method")
    never_raises_but("symbols", {"symbols": ["A", bad]}, "exchangeInfo")
    never_raises_but("price", {**ORDER, "price": bad})


@pytest.mark.parametrize("bad", ["\ud800", "a\udfffb", "\udc80\ud83d"])
def test_lone_surrogates_are_refused(bad):
    never_raises_but("symbol", {**ORDER, "symbol": bad})
    never_raises_but("symbols", {"symbols": [bad]}, "exchangeInfo")
    never_raises_but("price", {**ORDER, "price": bad})
    never_raises_but("recvWindow", {**ORDER, "recvWindow": bad})


NO_DECIMALS = [
    *(
        "1e5",
        "1E5",
        " 1",
        "1 ",
        "+1",
        ".5",
        "5.",
        "",
        "-",
        "--1",
        "1.2.3",
        "0x10",
        "1_000",
        "NaN",
        "Infinity",
    ),
    *("\uff11", "\u0663", "1,5", "-.5", "1.", "1\x00"),
    *(0.1, 1.0, float("nan"), float("inf"), True, False, b"1", bytearray(b"1"), [], ["1"], {}, object, 1j),
    *(Decimal("NaN"), Decimal("sNaN"), Decimal("Infinity"), Decimal("-Infinity")),
]


@pytest.mark.parametrize("bad", NO_DECIMALS, ids=repr)
def test_what_is_no_decimal_is_refused(bad):
    for name in ("price", "quantity", "quoteOrderQty", "stopPrice"):
        never_raises_but(name, {**ORDER, name: bad})
    never_raises_but("newQty", {"newQty": bad}, "order.amend.keepPriority")


def test_a_float_price_is_explained():
    message = never_raises_but("price", {**ORDER, "price": 0.1 + 0.2})
    assert "float" in message
    assert "0.30000000000000004" in message


@pytest.mark.parametrize(
    "bad", [1, 1.5, True, b"BTCUSDT", Decimal(1), ["BTCUSDT"], {}, enum.Enum("E", "A").A]
)
def test_what_is_no_text_is_refused(bad):
    never_raises_but("symbol", {**ORDER, "symbol": bad})
    never_raises_but("side", {**ORDER, "side": bad})


@pytest.mark.parametrize("bad", ["1", 1.0, True, Decimal(1), [1], b"1"], ids=repr)
def test_what_is_no_integer_is_refused(bad):
    never_raises_but("orderId", {"symbol": "X", "orderId": bad}, "order.status")
    never_raises_but("limit", {"symbol": "X", "limit": bad}, "depth")


@pytest.mark.parametrize("bad", ["true", 1, 0, 1.0, []], ids=repr)
def test_what_is_no_bool_is_refused(bad):
    never_raises_but("omitZeroBalances", {"omitZeroBalances": bad}, "account.status")


@pytest.mark.parametrize(
    "bad", ["BTCUSDT", [1], [b"A"], [None], [["A"]], {"A"}, {"A": 1}, {"A": 1}.keys(), True], ids=repr
)
def test_what_is_no_list_of_texts_is_refused(bad):
    never_raises_but("symbols", {"symbols": bad}, "exchangeInfo")


@pytest.mark.parametrize(
    "bad",
    [
        float("nan"),
        float("inf"),
        float("-inf"),
        Decimal("NaN"),
        b"x",
        {},
        set(),
        object(),
        [1.5],
        [True],
        [None],
    ],
)
def test_parameters_of_no_table_are_checked_too(bad):
    never_raises_but("xThing", {"xThing": bad}, "some.method")


@pytest.mark.parametrize("bad", [10**5000, -(10**5000)], ids=["positive", "negative"])
def test_an_int_that_python_will_not_print_is_refused_by_name(bad):
    never_raises_but("orderId", {"orderId": bad}, "order.status")
    never_raises_but("xThing", {"xThing": bad}, "some.method")
    never_raises_but("price", {**ORDER, "price": bad})
    never_raises_but("recvWindow", {}, recv_window=bad)


@pytest.mark.parametrize("bad", ["1E+999999999", "1E-999999999", "-1E+100000"])
def test_a_decimal_of_a_million_digits_is_refused_by_name(bad):
    with decimal.localcontext(decimal.Context(Emax=decimal.MAX_EMAX, Emin=decimal.MIN_EMIN)):
        never_raises_but("price", {**ORDER, "price": Decimal(bad)})
        never_raises_but("xThing", {"xThing": Decimal(bad)}, "some.method")


def test_refusals_are_short_and_show_no_key():
    assert len(never_raises_but("symbol", {**ORDER, "symbol": "A" * 1_000_000 + "\n"})) < 300
    assert len(never_raises_but("price", {**ORDER, "price": "A" * 1_000_000})) < 300
    key = "q9" * 32
    for bad in (key + "\n", [key], key.encode(), key + "\ud800"):
        assert key not in never_raises_but("apiKey", {**ORDER, "apiKey": bad})
        assert key not in never_raises_but("signature", {**ORDER, "signature": bad})


class Shy:
    def __repr__(self):
        raise RuntimeError("no repr")


@pytest.mark.parametrize("bad", [[10**5000], [Shy()], Shy()], ids=["long", "shy list", "shy"])
def test_a_value_that_cannot_be_shown_is_refused_by_name(bad):
    for name in ("symbol", "price", "orderId"):
        never_raises_but(name, {name: bad})


@pytest.mark.parametrize("name", ["", 'a"b', "a\nb", "a b", "é", "a&b", "a=b", 1, None, b"symbol", ("a",)])
def test_names_that_are_no_names_are_refused(name):
    never_raises_but(repr(name), {name: "1"}, "some.method")
    with pytest.raises(InvalidRequest):
        encode("order.place", {**ORDER, name: "1"}, 1, strict=True)


@pytest.mark.parametrize("method", ["", 'a"b', "a b", "é", "a\n", "\x00"])
def test_a_method_that_is_no_name_is_refused(method):
    with pytest.raises(InvalidRequest, match="name of a method"):
        encode(method, {}, 1)


@pytest.mark.parametrize(
    "window",
    [0, -1, 60000.001, 60001, 0.0001, 1.2345, float("nan"), float("inf"), True, "", "5e3", b"1", []],
    ids=repr,
)
def test_windows_that_it_does_not_take(window):
    never_raises_but("recvWindow", {}, recv_window=window)


# --- no other exception, whatever comes


junk = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        st.text(),
        st.binary(),
        st.decimals(),
        st.complex_numbers(),
    ),
    lambda inner: st.one_of(
        st.lists(inner), st.tuples(inner), st.dictionaries(st.text(), inner), st.sets(st.text())
    ),
    max_leaves=5,
)


@settings(deadline=None)
@given(
    st.sampled_from(["order.place", "exchangeInfo", "depth", "x.y", "order.cancel"]),
    st.dictionaries(
        st.one_of(st.sampled_from([*ORDER, "symbols", "limit", "recvWindow", "timestamp"]), st.text()), junk
    ),
    st.booleans(),
)
def test_junk_is_encoded_or_refused(method, params, strict):
    try:
        text = encode(method, params, 1, strict=strict)
    except InvalidRequest as error:
        refusal = error
    else:
        given_names = {name for name, value in params.items() if value is not None}
        assert json.loads(text).get("params", {}).keys() == given_names
        return
    assert str(refusal)
    assert hides_its_cause(refusal)
