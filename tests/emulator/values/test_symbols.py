from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastws.emulator import spot_symbol
from fastws.emulator.matching.filters import check_notional, check_price, check_quantity
from fastws.emulator.values.decimals import UNIT, decimal_text, units
from fastws.emulator.values.default_symbols import DEFAULT_SYMBOLS
from fastws.emulator.values.errors import Refusal

SYMBOL = spot_symbol(
    "ABCXYZ",
    base="ABC",
    quote="XYZ",
    reference_price="10",
    tick_size="0.01",
    step_size="0.1",
    min_notional="5",
    max_price="40",
    max_qty="1000",
    market_max_qty="100",
    max_notional="5000",
)


@given(st.integers(0, 10**20))
def test_decimals_survive_the_way_to_text_and_back(value):
    assert units(decimal_text(value)) == value


@pytest.mark.parametrize(
    ("text", "value"), [("0.01", 10**6), ("12", 12 * UNIT), ("12.", 12 * UNIT), ("0.00000001", 1)]
)
def test_decimals_of_any_length_are_read(text, value):
    assert units(text) == value


@pytest.mark.parametrize(
    ("price", "failure"),
    [
        ("0.00", "PRICE_FILTER"),
        ("10.001", "PRICE_FILTER"),
        ("40.01", "PRICE_FILTER"),
        ("1.99", "PERCENT_PRICE_BY_SIDE"),
        ("2.00", None),
        ("40.00", None),
    ],
)
def test_price_filters(price, failure):
    check(failure, check_price, SYMBOL, units(price), units("10"))


def test_percent_price_follows_the_last_price():
    check("PERCENT_PRICE_BY_SIDE", check_price, SYMBOL, units("30.00"), units("5"))
    check(None, check_price, SYMBOL, units("25.00"), units("5"))


@pytest.mark.parametrize(
    ("quantity", "market", "failure"),
    [
        ("0", False, "LOT_SIZE"),
        ("0.15", False, "LOT_SIZE"),
        ("1000.1", False, "LOT_SIZE"),
        ("1000", False, None),
        ("0.1", True, None),
        ("100.1", True, "MARKET_LOT_SIZE"),
    ],
)
def test_quantity_filters(quantity, market, failure):
    check(failure, check_quantity, SYMBOL, units(quantity), market)


@pytest.mark.parametrize(
    ("notional", "failure"),
    [("4.99999999", "NOTIONAL"), ("5", None), ("5000", None), ("5000.00000001", "NOTIONAL")],
)
def test_notional_filter(notional, failure):
    check(failure, check_notional, SYMBOL, units(notional))


def test_min_notional_has_no_upper_end():
    bnbbtc = next(s for s in DEFAULT_SYMBOLS if s.name == "BNBBTC")
    check("MIN_NOTIONAL", check_notional, bnbbtc, units("0.00009999"))
    check(None, check_notional, bnbbtc, 10**30)


def check(failure, function, *args):
    if failure is None:
        function(*args)
    else:
        with pytest.raises(Refusal) as caught:
            function(*args)
        assert (caught.value.code, caught.value.msg) == (-1013, f"Filter failure: {failure}")


@pytest.mark.parametrize("symbol", DEFAULT_SYMBOLS, ids=lambda s: s.name)
def test_every_filter_that_is_enforced_is_shown(symbol):
    shown = [f["filterType"] for f in symbol.info(True)["filters"]]
    assert shown == [
        "PRICE_FILTER",
        "LOT_SIZE",
        "MARKET_LOT_SIZE",
        "PERCENT_PRICE_BY_SIDE",
        symbol.notional_filter,
        "MAX_NUM_ORDERS",
        "MAX_NUM_ORDER_AMENDS",
        "ICEBERG_PARTS",
        "TRAILING_DELTA",
        "MAX_NUM_ALGO_ORDERS",
        "MAX_NUM_ORDER_LISTS",
    ]


def test_one_symbol_has_a_name_that_is_not_ascii():
    """SEMANTICS 20"""
    assert any(not s.name.isascii() and not s.base.isascii() for s in DEFAULT_SYMBOLS)
