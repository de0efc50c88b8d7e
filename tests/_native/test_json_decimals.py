"""Texts of decimals as floats and as decimal.Decimal: in fields, in klines, and in events."""

from __future__ import annotations

import json
import math
import random
import re
import struct
from decimal import Decimal, localcontext
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fastws
from fastws._common.decimal_fields import KLINE_COLUMNS
from fastws._native.json import read_message
from fastws._native.methods import SHAPES
from helpers.json_support import same

DECIMAL = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]+)?").fullmatch


def expected(text: Any, numbers: str) -> Any:
    """What a value in the place of a decimal becomes."""
    if not isinstance(text, str) or not DECIMAL(text):
        return text
    number = float(text) if numbers == "float" else Decimal(text)
    finite = math.isfinite(number) if isinstance(number, float) else number.is_finite()
    return number if finite else text


def klines(rows: Any, numbers: str) -> Any:
    message = json.dumps({"id": 1, "status": 200, "result": rows}).encode()
    return read_message(message, numbers=numbers, shape=SHAPES["KLINES"])["value"]


def check(texts: list[str]) -> None:
    """Read texts as floats, in a field and in klines, bit by bit as float() reads them."""
    document = "[" + ",".join(f'{{"price":"{text}"}}' for text in texts) + "]"
    wanted = [expected(text, "float") for text in texts]
    width = max(KLINE_COLUMNS) + 1
    rows = [
        [texts[i] if column == KLINE_COLUMNS[0] else 0 for column in range(width)] for i in range(len(texts))
    ]
    for got in (
        [entry["price"] for entry in fastws.loads(document, numbers="float")],
        [row[KLINE_COLUMNS[0]] for row in klines(rows, "float")],
    ):
        if got != wanted or [math.copysign(1, n) for n in got if type(n) is float] != [
            math.copysign(1, n) for n in wanted if type(n) is float
        ]:
            text, value, right = next(
                three for three in zip(texts, got, wanted, strict=True) if repr(three[1]) != repr(three[2])
            )
            raise AssertionError(f"{text!r} became {value!r} instead of {right!r}")


def halfway(rng: random.Random) -> str:
    """The exact decimal in the middle of two neighbouring floats, or one a little above it."""
    (number,) = struct.unpack("<d", struct.pack("<Q", rng.randrange(0x7FEFFFFFFFFFFFFF)))
    if rng.random() < 0.7:  # few digits, as a mantissa of 64 bits can hold
        number = float(rng.randrange(2**53, 2**62))
    with localcontext() as context:
        context.prec = 1200
        middle = (Decimal(number) + Decimal(math.nextafter(number, math.inf))) / 2
    head, e, tail = f"{middle:f}".partition("e") if rng.random() < 0.5 else f"{middle:e}".partition("e")
    dot = "" if "." in head else "."
    return head + dot + rng.choice(("0", "1", "00000000000000000000000001")) + e + tail


def random_texts(rng: random.Random, count: int) -> list[str]:
    texts = []
    for _ in range(count):
        kind = rng.randrange(7)
        sign = "-" if rng.random() < 0.1 else ""
        if kind == 0:  # as Binance writes them
            texts.append(f"{sign}{rng.randrange(10 ** rng.randrange(1, 9))}.{rng.randrange(10**8):08}")
        elif kind == 1:
            digits = str(rng.randrange(10 ** rng.randrange(1, 20)))
            cut = rng.randrange(len(digits))
            texts.append(f"{sign}{digits[:cut] or 0}.{digits[cut:]}")
        elif kind == 2:
            texts.append(f"{sign}{rng.randrange(10 ** rng.randrange(1, 24))}e{rng.randrange(-345, 310)}")
        elif kind == 3:  # around 2^53, where the quick way ends
            texts.append(f"{sign}{(2**53 + rng.randrange(-3, 4)) / Decimal(10 ** rng.randrange(0, 9)):f}")
        elif kind == 4:  # subnormal
            texts.append(f"{sign}{rng.randrange(1, 10**18)}e{rng.randrange(-342, -322)}")
        elif kind == 5:
            texts.append(sign + halfway(rng))
        else:
            (number,) = struct.unpack("<d", rng.randbytes(8))
            texts.append(repr(number) if math.isfinite(number) else "0.1")
    return texts


def test_decimals_become_the_floats_that_float_makes():
    check(random_texts(random.Random(7), 20_000))


def test_decimals_of_any_place_of_the_point_become_the_floats_that_float_makes():
    digits = "9007199254740993"
    texts = [f"{digits[:cut]}.{digits[cut:end]}" for cut in range(1, 16) for end in range(cut + 1, 17)]
    texts += [text.replace("9", "0") for text in texts] + ["-" + text for text in texts]
    check(texts)


@pytest.mark.parametrize(
    "text",
    [
        *"""
    . .5 5. -.5 -5. - -- -1.-5 1..5 1.5. +1 1,5 1.5x x1.5 1x.12345678 12345678.1234567x 12345678.x2345678
    1234567x.12345678 x2345678.12345678 /2345678.12345678 :2345678.12345678 12345678.1234567/ 12345678.1234567:
    1234567é.12345678 1e 1e+ 1.5e- e5 1e5x 1e400 -1e400 NaN Infinity -inf 0x10 1_000
    """.split(),
        *("", " ", "1.5 ", " 1.5", "1.5\n", "1.5\0", "\0", "9" * 400, "\u0661.\u0665"),
    ],
)
def test_a_text_that_is_no_decimal_or_out_of_range_stays(text):
    for numbers in ("float", "decimal"):
        for value in (text, text * 2):
            wanted = expected(value, numbers)
            for raw in (json.dumps({"price": value}), json.dumps({"price": value}, ensure_ascii=False)):
                assert same(fastws.loads(raw, numbers=numbers), {"price": wanted})
            assert same(klines([[0, value]], numbers), [[0, wanted]])


def test_a_decimal_that_is_written_with_escapes_is_the_same_decimal():
    for numbers, number in (("float", 1.5), ("decimal", Decimal("1.5"))):
        assert same(fastws.loads(r'{"price":"1\u002e5"}', numbers=numbers), {"price": number})
        message = rb'{"id":1,"status":200,"result":[[0,"\u0031.5","1\u002E5"]]}'
        assert same(
            read_message(message, numbers=numbers, shape=SHAPES["KLINES"])["value"], [[0, number, number]]
        )


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=4)
    | st.from_regex(r"-?[0-9]{1,12}(\.[0-9]{1,10})?", fullmatch=True),
    lambda inner: st.lists(inner, max_size=14) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=12,
)


@settings(deadline=None, max_examples=100)
@given(st.lists(st.lists(VALUES, max_size=13) | VALUES, max_size=5) | VALUES)
def test_klines_are_converted_by_their_columns_and_nothing_else_is(rows):
    for numbers in ("str", "float", "decimal"):
        wanted = json.loads(json.dumps(rows))
        if numbers != "str" and isinstance(wanted, list):
            for row in wanted:
                if isinstance(row, list):
                    for column in KLINE_COLUMNS:
                        if column < len(row):
                            row[column] = expected(row[column], numbers)
        assert same(klines(rows, numbers), wanted)


@pytest.mark.parametrize(
    "result",
    """
    [[ [[1 [[1, [[1,"2 [[1,"2" [[1,"2", [[1,"2"]  [[1,"2"], [[1,"2"],] [[1,"2",]] [[,]] [,] [[1 "2"]] [["1":"2"]]
    [[1,"2"}] [[1,"2"]} [{"a"}] [[1,"2"]]] [[1,"2"][1]] [[1,"2\\x"]] [[1,tru]] [[0,01]] [[0,"1"]["2"]
    """.split(),
)
def test_klines_that_are_not_json_are_refused(result):
    message = f'{{"id":1,"status":200,"result":{result}}}'.encode()
    with pytest.raises(json.JSONDecodeError):
        json.loads(message)
    errors = []
    for numbers in ("str", "float"):
        with pytest.raises(fastws.JsonError) as caught:
            read_message(message, numbers=numbers, shape=SHAPES["KLINES"])
        errors.append((caught.value.reason, caught.value.position))
    assert errors[0] == errors[1]


def test_klines_nest_as_deep_as_other_results():
    for depth, fits in ((1023, True), (1024, False)):
        rows = "[" * depth + "1" + "]" * depth
        message = f'{{"id":1,"status":200,"result":[{rows}]}}'.encode()
        for numbers in ("str", "float"):
            if fits:
                read_message(message, numbers=numbers, shape=SHAPES["KLINES"])
            else:
                with pytest.raises(fastws.JsonError, match="deep"):
                    read_message(message, numbers=numbers, shape=SHAPES["KLINES"])


@settings(deadline=None, max_examples=100)
@given(st.dictionaries(st.sampled_from("ALpqzBXc"), VALUES | st.text("0123456789.-eE", max_size=60)))
def test_fields_of_events_are_converted_by_their_type(fields):
    event = {"e": "executionReport", **fields}
    for numbers in ("float", "decimal"):
        message = json.dumps({"subscriptionId": 1, "event": event}).encode()
        got = read_message(message, numbers=numbers)["value"]
        wanted = {key: expected(value, numbers) if key in "ALpqzB" else value for key, value in event.items()}
        assert same(got, wanted)
