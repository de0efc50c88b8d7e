"""Numbers of a JSON document: exact integers, correctly rounded floats, and the grammar in between."""

import json
import math
import random
import struct
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fastws
from helpers.json_support import judge, reads, refusal

# No kernel of simdjson reads numbers: one is enough here.

LIMIT = 4300


@pytest.mark.parametrize("digits", [*range(1, 24), 38, 39, 40, 100, LIMIT - 1, LIMIT])
def test_integers_of_any_size_are_exact(digits):
    for text in ("9" * digits, "1" + "0" * (digits - 1), "1234567890" * (digits // 10 + 1)):
        text = text[:digits]
        assert reads(text) == int(text)
        assert reads(f"[-{text},-{text} ]") == [-int(text)] * 2


def test_integers_at_the_borders_of_words_are_exact():
    for bits in (31, 32, 53, 63, 64, 65, 127, 128):
        for number in (2**bits - 1, 2**bits, 2**bits + 1):
            assert reads(f"[{number}, {-number}]") == [number, -number]


def test_an_integer_of_more_digits_than_python_converts_is_refused():
    assert sys.get_int_max_str_digits() == LIMIT
    for sign in ("", "-"):
        error = refusal(f'{{"a":[1,{sign}{"7" * (LIMIT + 1)}]}}')
        assert (error.reason, error.position) == ("a number out of range", 8)
    assert fastws.loads(f"0.{'7' * (LIMIT + 1)}") == 7 / 9


def test_zeros_keep_their_type_and_sign():
    for text in (
        "0",
        "-0",
        "0.0",
        "-0.0",
        "0e0",
        "-0e5",
        "0E-400",
        "-0e400",
        "0.000",
        "-0.0000000000000000000000",
    ):
        reads(text)
    assert math.copysign(1, fastws.loads("-0.0")) == -1
    assert type(fastws.loads("-0")) is int


BORDERS = """
    1e22 1e23 1e-22 1e-23 9007199254740992.0 9007199254740993.0 9007199254740994.0 9007199254740993e22
    9007199254740991e22 9007199254740991e-22 1e308 1.7976931348623157e308 1.7976931348623158e308
    17976931348623157e292 2.2250738585072014e-308 2.2250738585072011e-308 5e-324 4.9406564584124654e-324
    2.4703282292062327e-324 2.4703282292062328e-324 1e-400 0.1 0.2 0.3 0.30000000000000004
    1234567890123456789.0 12345678901234567890.0 0.1234567890123456789 8.5e15
    1.00000000000000011102230246251565404236316680908203124
    1.00000000000000011102230246251565404236316680908203125
    1.00000000000000011102230246251565404236316680908203126 6.9294956446009195e15 7.2057594037927933e16
    1E5 1e+5 1e-5 1e05 1e00000000000000000000022 0.000000000000000000000000000000000000000000001e45
    100000000000000000000000000000000e-32 1e-100000 1e-99999999999999999999 0e99999999999999999999
"""


@pytest.mark.parametrize("text", BORDERS.split())
def test_floats_at_the_borders_of_the_quick_path_are_correctly_rounded(text):
    assert reads(text) == float(text)
    assert reads(f"[-{text}]") == [-float(text)]
    for numbers in ("float", "decimal"):  # which are for texts alone
        assert repr(fastws.loads(text, numbers=numbers)) == repr(json.loads(text))


def test_many_zeros_are_no_reason_to_lose_the_exponent():
    zeros = "0" * 200_000
    for text in (f"0.{zeros}1e200001", f"1{zeros}.0e-200000", f"0.{zeros}", f"1{zeros}e-200000"):
        assert reads(text) == float(text)


@settings(deadline=None, max_examples=300)
@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_float_is_read_back_from_its_repr(number):
    assert repr(reads(repr(number))) == repr(
        number if "." in repr(number) or "e" in repr(number) else int(number)
    )


def test_floats_of_any_bits_and_decimals_of_any_length_are_correctly_rounded():
    rng = random.Random(3)
    texts = []
    for _ in range(6000):
        (number,) = struct.unpack("<d", rng.randbytes(8))
        if math.isfinite(number):
            texts += [repr(number), f"{number:.17e}", f"{number:.30e}"]
        digits = str(rng.randrange(10 ** rng.randrange(1, 24)))
        fraction = "".join(rng.choices("0123456789", k=rng.randrange(1, 24)))
        texts += [
            f"{digits}.{fraction}",
            f"{digits}.{fraction}e{rng.randrange(-40, 40)}",
            f"{digits}e{rng.randrange(-30, 30)}",
        ]
    reads("[" + ",".join(texts) + "]")


@pytest.mark.parametrize(
    "text", ["1e309", "1e400", "-1e400", "1.8e308", "1.797693134862315808e308", "1e99999999999999999999"]
)
def test_a_number_beyond_the_range_of_a_double_is_refused(text):
    document = f'{{"first": 1, "b": [2, {text}, 3]}}'
    error = refusal(document)
    assert (error.reason, error.position) == ("a number out of range", document.index(text))


NO_NUMBERS = r"""
    - + +1 -- --1 -a 00 01 -01 00.5 . .5 -.5 1. -1. 1.e5 1e 1e+ 1e- 1E 1.5e 1e5.5 1.2.3 1-2 1+2 1e1e1 0x10 1_000
    1a 1" 0" 1\ 1.\ 1e\ 1/2 NaN nan Infinity -Infinity -NaN inf -inf 1f 1d 1L 1n 1true 1null 1{ 1[ 1:
""".split()
NO_NUMBERS += [
    "1\x0c",
    "1\x0b",
    "1\x00",
    "1\x1a",
    "1\xa0",
    "1\u2028",
    "\u0661",
    "1\u066b5",
    "\uff11",
    "1\x7f",
]


@pytest.mark.parametrize("text", NO_NUMBERS)
@pytest.mark.parametrize("around", ["{}", "[{}]", "[1,{}]", '{{"a":{}}}', '{{"a":{} , "b":1}}', " {} "])
def test_what_is_no_number_is_refused_where_json_refuses_it(text, around):
    assert not judge(around.format(text).encode())


def test_words_are_read_whole_and_by_themselves():
    words = ("true", "false", "null")
    for word in words:
        for document in (word, f"[{word}]", f'{{"a":{word}}}', f"[{word} , {word}\n]"):
            reads(document)
        wrong = [word[:end] for end in range(1, len(word))]
        wrong += [
            word.upper(),
            word.title(),
            word + "e",
            word + word,
            word + "1",
            word + '"',
            word + "\\",
            word + "\x0c",
        ]
        wrong += [f"{word} {other}" for other in words] + [word[:-1] + "\x00", word + "\x00", word + "é"]
        for text in wrong:
            for around in ("{}", "[{}]", '{{"a":{}}}', "[0,{},0]"):
                assert not judge(around.format(text).encode()), text
