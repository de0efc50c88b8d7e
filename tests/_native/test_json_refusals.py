"""What is no JSON ends in JsonError, which names the byte at which json.loads gives up too."""

import json
import pickle

import pytest

import fastws
from fastws import DecodeError, JsonError
from helpers.json_support import DEPTH, each_kernel, expected_position, judge, nested, refusal  # noqa: F401

pytestmark = pytest.mark.usefixtures("each_kernel")

# by what is wrong with them
INVALID = {
    "brackets": r"""[ ] { } [[] []] {}} {{} [} {] [{]} {"a":[} {"a":[}] [1} {"a":1] [1]] {"a":1}}""".split(),
    "commas": r"""[,] [1,] [,1] [1,,2] {,} {"a":1,} {,"a":1} {"a":1,,"b":2} , 1,""".split(),
    "colons": r"""
        {"a"} {"a":} {"a",} {"a"::1} {:1} {"a":1:2} {"a":1:"b"} ["a":1] : {"a":,"b":1} {"a":"b":"c"} {"a":{}:1}
    """.split(),
    "keys": r"""
        {1:2} {null:1} {[]:1} {a:1} {'a':1} {true:1} {"a":1,2:3} {{}:1} {"a":1,"b"} {"a":1,"b":}
    """.split(),
    "quotes": r"""
        " "a ["a ["a] {"a {"a:1} {"a":"b} 'a' ["a""b"] ["a"b] "a"b \"\" ["a"1] ["a"[]] {"a""b"}
    """.split(),
    "garbage": r"""x [x] \ [1]\ \"a" [\"a"] ["a"\] # [1/*c*/] //c undefined () <a> ; [1;2] {"a"=1} `a`""".split(),
    "escapes": r"""
        "\" "\x" "\u" "\u1" "\u12" "\u123" "\u123g" "\uD83" "\U0041" "\u+123" "\u0x12" "\a" "\0" "\'" "\é" "\u-123"
        {"\x":1} {"\u12":1} ["\u12","34"] "\ud83d\u12" "\ud83d\x"
    """.split(),
    "spaces between": [
        "[1 2]",
        "[[] []]",
        '{"a" 1}',
        '{"a":1 "b":2}',
        '{"a" "b":2}',
        '["a" "b"]',
        "{} {}",
        "1 2",
    ],
    "spaces in escapes": [r'"\ "', r'"\u 123"', r'"\u12 3"', '"\\\n"', '"\\\t"'],
    "nothing": ["", " ", "\n\t\r "],
    "no spaces": [
        "\xa0[1]",
        "[1]\u2028",
        "\u3000",
        "[\u00a01]",
        "\ufeff",
        "[1]\ufeff",
        "[\ufeff1]",
        "\x85[]",
    ],
    "NUL": [
        "\x00",
        "[1]\x00",
        "\x00[1]",
        "[\x001]",
        "[1\x00]",
        '"\x00"',
        '"a\x00b"',
        '{"\x00":1}',
        '{"a":\x00}',
    ],
    "controls": [
        "[1,\x0c2]",
        "[1\x0c2]",
        '{"a"\x1a1}',
        "[1]\x0c",
        "[1]\x1a",
        "\x0b1",
        "\x7f",
        "[\x7f]",
        "\x0c",
        "\x1a",
    ],
    "controls in strings": ['"\n"', '"\t"', '"\r"', '"\x1f"', '{"a\nb":1}', '["a\x01"]'],
}


@pytest.mark.parametrize("kind", INVALID)
def test_what_json_refuses_is_refused_at_the_same_byte(kind):
    for document in INVALID[kind]:
        for pad in ("", " ", " " * 63, " " * 64, '["é\\n😀",{"k":', '{"a":true,"b":"', "[" * 70):
            data = (pad + document).encode()
            assert expected_position(data) is not None
            assert not judge(data)
        assert refusal(document).position == expected_position(document.encode())


def test_the_error_tells_what_was_expected_and_where():
    error = refusal('{"é": [1, 2,, 3]}')
    assert isinstance(error, (DecodeError, ValueError))
    assert (error.reason, error.position, str(error)) == (
        "Expecting value",
        13,
        "Expecting value (at byte 13)",
    )
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), copy.reason, copy.position) == (JsonError, error.reason, error.position)
    assert refusal("").position == 0


# --- what json.loads reads, and fastws refuses


@pytest.mark.parametrize("word", ["NaN", "Infinity", "-Infinity"])
def test_words_for_what_is_no_number_are_refused(word):
    assert json.loads(f"[{word}]")
    assert refusal(word).position == 0
    assert refusal(f"[1, {word}]").position == 4
    assert refusal(f'{{"a": [1], "b": {word}}}').position == 16


@pytest.mark.parametrize(
    "half",
    r"\ud83d \udE00 \ud83d\ud83d \ude00\ud83d \ud83dx\ude00 \ud83d\u0041 \uDBFF\\ude00 \ud83d\n \ud83d\u00e9".split(),
)
def test_a_surrogate_without_its_other_half_is_refused_where_its_string_begins(half):
    for document in (
        f'"{half}"',
        f'"é{half}"',
        f'{{"first": "1", "b": "x{half}y"}}',
        f'{{"é": 1, "b": "x{half}y", "c": 2}}',
        f'{{"first": [1], "{half}": 1}}',
        f'{{"{half}": 1}}',
        f'["a", "{half}", "b"]',
        f'[1, "{half}"]',
        f'[[], "{half}"]',
        f'[{{"a": {{}}, "b": "{half}"}}]',
    ):
        json.loads(document)
        error = refusal(document)
        quote = document.rindex('"', 0, document.index(half))
        assert (error.reason, error.position) == ("a lone surrogate", len(document[:quote].encode())), (
            document
        )


def test_a_str_with_a_lone_surrogate_is_refused():
    for document, position in (('"\ud83d"', 1), ('["é", "\ude00"]', 8), ("\ud83d", 0)):
        error = refusal(document)
        assert (error.reason, error.position) == ("a lone surrogate", position)


def test_a_byte_order_mark_is_refused_for_bytes_and_for_str():
    for document in (b"\xef\xbb\xbf[1]", "\ufeff[1]"):
        assert refusal(document).position == 0


def test_deep_nesting_that_is_not_closed_is_refused():
    for text in (
        "[" * 500,
        "[" * DEPTH,
        "[" * 100_000,
        nested(2000, "")[:-1],
        '{"a":' * 5000,
        '[{"a":' * 900 + "1",
    ):
        assert 0 <= refusal(text).position <= len(text)


# --- UTF-8

BAD_UTF8 = {
    "a lone continuation": b"\x80",
    "a lead without its rest": b"\xc3",
    "a lead before ASCII": b"\xc3a",
    "two leads": b"\xc3\xc3\xa9",
    "two of three bytes": b"\xe4\xb8",
    "three of four bytes": b"\xf0\x9f\x98",
    "one byte too many": b"\xc3\xa9\xa9",
    "an overlong slash": b"\xc0\xaf",
    "an overlong NUL": b"\xe0\x80\x80",
    "an overlong euro": b"\xf0\x82\x82\xac",
    "a surrogate": b"\xed\xa0\x80",
    "beyond Unicode": b"\xf4\x90\x80\x80",
    "five bytes": b"\xf8\x88\x80\x80\x80",
    "0xFE": b"\xfe",
    "0xFF": b"\xff",
}


@pytest.mark.parametrize("kind", BAD_UTF8)
def test_bad_utf8_is_refused_inside_and_outside_of_strings(kind):
    bad = BAD_UTF8[kind]
    for size in (0, 1, 2, 3, 13, 14, 15, 16, 30, 31, 32, 47, 61, 62, 63, 64, 65, 127):
        fill = b"a" * size
        for before, after in (
            (b'"' + fill, b'"'),
            (b'["\xc3\xa9' + fill, fill + b'"]'),
            (b'{"' + fill, b'":1}'),
            (b'["\\n' + fill, b'\\n"]'),
            (b'["\\u00e9' + fill, b'\\u00e9"]'),
            (b" " * size, b"[1]"),
            (b"[1]" + b" " * size, b""),
            (b"[1," + b" " * size, b"]"),
            (b"[1" + b" " * size, b"]"),
            (b'["a"' + b" " * size, b",1]"),
            (b'{"a"' + b" " * size, b":1}"),
            (b'{"a":' + b" " * size, b"1}"),
            (b"[tru", b"]"),
            (b"[true", b"]"),
            (b"", b""),
        ):
            document = before + bad + after
            error = refusal(document)
            assert (error.reason, error.position) == ("not UTF-8", expected_position(document)), document


def test_good_utf8_of_every_length_is_read_across_the_borders_of_blocks():
    for text in ("\x7f", "\x80", "߿", "ࠀ", "\ud7ff", "\ue000", "\uffff", "𐀀", "\U0010ffff", "\u2028"):
        for size in range(70):
            assert fastws.loads(json.dumps(["a" * size + text], ensure_ascii=False)) == ["a" * size + text]


# --- damage

SAMPLES = [
    b'{"id":1,"status":200,"result":{"symbol":"BTCUSDT","fills":[{"price":"0.1","qty":"1"}]},"rateLimits":[]}',
    b'{"a":[1,-2.5e-3,true,false,null,"x\\n\\u00e9\\ud83d\\ude00\xc3\xa9"],"b":{},"c":[[],[{}]],"":"", "d" : 12 }',
    b'\t[ "caf\xc3\xa9" , { "k\\"ey" : [ ] } , 1e5 , 0.25 ]\r\n',
    b'"just a text that is longer than one block of sixty-four bytes, \\\\\\" and its end"',
]


@pytest.mark.parametrize("sample", SAMPLES)
def test_every_prefix_ends_in_json_error_or_in_what_json_reads(sample):
    assert judge(sample)
    for end in range(len(sample)):
        judge(sample[:end])
        judge(sample[end:])


@pytest.mark.parametrize("sample", SAMPLES)
def test_every_byte_matters(sample):
    for at in range(len(sample)):
        judge(sample[:at] + sample[at + 1 :])
        for byte in b'"\\{}[]:, \n0-e.u\x00\x0c\x1a\x80\xc3\xff':
            judge(sample[:at] + bytes([byte]) + sample[at + 1 :])
            judge(sample[:at] + bytes([byte]) + sample[at:])


def test_a_refusal_leaves_nothing_behind():
    good = '{"a":[1,{"b":"x"}],"c":"0.5"}'
    for bad in (
        '{"a":[1,{"b":"x"',
        '{"a":[1,{"b":"\\ud800"}]}',
        "[1e400]",
        '{"price":"1","qty":{"a":',
        "\xff",
    ):
        with pytest.raises(JsonError):
            fastws.loads(bad, numbers="float")
        assert fastws.loads(good) == json.loads(good)
