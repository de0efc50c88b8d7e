"""fastws.loads: every valid document ends in what json.loads makes of it, under each kernel of simdjson."""

import contextlib
import gc
import json
import os
import random
import subprocess
import sys
import threading
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fastws
from fastws import JsonError
from fastws._native import json as _json
from helpers.json_support import DEPTH, each_kernel, is_infinite, nested, reads, same  # noqa: F401

pytestmark = pytest.mark.usefixtures("each_kernel")


# --- documents of every shape

SPACE = st.text(" \t\r\n", max_size=3)
NUMBER = st.one_of(
    st.integers().map(str),
    st.integers(-(2**70), 2**70).map(str),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.from_regex(r"-?(0|[1-9][0-9]{0,25})(\.[0-9]{1,25})?([eE][+-]?[0-9]{1,3})?", fullmatch=True),
).filter(lambda text: not is_infinite(text))
PIECE = st.one_of(
    st.characters(exclude_categories=["Cs"], exclude_characters='"\\', min_codepoint=0x20),
    st.sampled_from([r"\"", r"\\", r"\/", r"\b", r"\f", r"\n", r"\r", r"\t", r"\u0000", r"\ud83d\ude00"]),
    st.characters(exclude_categories=["Cs"], max_codepoint=0xFFFF).map(lambda c: f"\\u{ord(c):04x}"),
    st.characters(exclude_categories=["Cs"], max_codepoint=0xFFFF).map(lambda c: f"\\u{ord(c):04X}"),
)
STRING = st.one_of(
    st.lists(PIECE, max_size=20).map("".join),
    st.text("abcXYZ_019 .", max_size=80),
    st.sampled_from(["", "a", "symbol", "BTCUSDT", "id"]),
).map(lambda text: f'"{text}"')
SCALAR = st.one_of(NUMBER, STRING, st.sampled_from(["true", "false", "null", "[]", "{}", "[ ]", "{\n}"]))


def spaced(tokens):
    """The tokens, with white space between them."""
    return st.tuples(tokens, st.lists(SPACE, min_size=1, max_size=7)).map(
        lambda drawn: "".join(
            token + drawn[1][at % len(drawn[1])] for at, token in enumerate(("", *drawn[0]))
        )
    )


def containers(inner):
    arrays = st.lists(inner, max_size=6).map(lambda values: ["[", *_joined([[v] for v in values]), "]"])
    members = st.lists(st.tuples(STRING, inner), max_size=6)
    objects = members.map(lambda pairs: ["{", *_joined([[key, ":", value] for key, value in pairs]), "}"])
    return spaced(st.one_of(arrays, objects))


def _joined(groups):
    return [token for at, group in enumerate(groups) for token in ([","] if at else []) + group]


DOCUMENT = spaced(st.recursive(SCALAR, containers, max_leaves=25).map(lambda text: [text]))


@settings(deadline=None, max_examples=120)
@given(DOCUMENT)
def test_a_document_is_read_as_json_reads_it(document):
    reads(document)
    reads(document.encode())


@settings(deadline=None, max_examples=60)
@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(),
        lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=20), inner, max_size=5),
        max_leaves=25,
    ).filter(lambda value: "\\ud" not in ascii(value)),
    st.booleans(),
)
def test_what_json_writes_is_read_back(value, ensure_ascii):
    for indent in (None, 1):
        text = json.dumps(value, ensure_ascii=ensure_ascii, indent=indent)
        assert same(fastws.loads(text), value)


def test_order_and_the_last_of_equal_keys_win_as_in_json():
    document = '{"z": 1, "a": 2, "z": 3, "": 4, "a": {"b": [], "b": {}}, "\\u007a": 5}'
    for _ in range(4):
        assert list(reads(document)) == ["z", "a", ""]


def test_documents_that_are_one_value_need_no_container():
    for document in ("0", "-0", "-0.0", '""', '"x"', "true", "false", "null", "[]", "{}", " \n[ ]\t"):
        reads(document)


@pytest.mark.parametrize(
    ("left", "right"), [("[", "]"), ('{"a":', "}"), ('[{"b":[', "]}]")], ids=["arrays", "objects", "both"]
)
def test_nesting_is_read_down_to_the_limit(left, right):
    levels = left.count("[") + left.count("{")
    value = fastws.loads(nested(DEPTH // levels, "7", left, right))
    depth = 0
    while isinstance(value, (list, dict)) and value:
        (value,) = value.values() if isinstance(value, dict) else value
        depth += 1
    assert depth == DEPTH // levels * levels


@pytest.mark.parametrize("core", ["1", "", "[]", "{}", '"x"'])
def test_nesting_beyond_the_limit_is_refused(core):
    text = nested(DEPTH + (core not in ("[]", "{}")), core)
    with pytest.raises(JsonError, match="nested more than 1024 deep") as caught:
        fastws.loads(text)
    assert caught.value.position == DEPTH
    with pytest.raises(JsonError, match="nested more than 1024 deep"):
        fastws.loads(nested(DEPTH + 1, core or "{}", '{"a":', "}"))


# --- strings around the borders of words, blocks and caches

SPECIALS = ["\\n", '\\"', "\\\\", "\\u0041", "\\u00e9", "\\ud83d\\ude00", "é", "中", "😀", "\x7f", "9"]
SIZES = [*range(20), 23, 24, 25, 31, 32, 33, 47, 48, 49, 63, 64, 65, 127, 128, 129]


@pytest.mark.parametrize("special", SPECIALS)
def test_strings_of_all_sizes_with_something_special_at_any_place(special):
    for size in SIZES:
        texts = ["a" * at + special + "b" * (size - at) for at in range(size + 1)]
        reads(json.dumps(["a" * size, "b" * size, "7" * size]))
        reads("[" + ",".join(f'"{text}"' for text in texts) + "]")
        reads("{" + ",".join(f'"{text}":"{text}"' for text in texts) + "}")


def test_quotes_and_backslashes_anywhere_in_a_block():
    for pad in range(66):
        for backslashes in (0, 2, 4, 62, 64, 66):
            slashes = "\\" * backslashes
            reads(" " * pad + f'["{slashes}","{slashes}\\"",1]')


def test_keys_and_values_that_differ_in_one_byte_are_told_apart():
    for size in range(1, 70):
        texts = ["k" * at + "x" + "k" * (size - at - 1) for at in range(size)]
        for _ in range(2):
            reads(json.dumps({text: text for text in texts}))
            reads(json.dumps([{text: text} for text in texts]))


def test_many_more_keys_and_values_than_the_caches_hold():
    rng = random.Random(1)
    for _ in range(30):
        words = ["".join(rng.choices("abcdefghijkl", k=rng.randrange(1, 24))) for _ in range(500)]
        document = json.dumps([{word: word[::-1], word[:3]: word} for word in words])
        for _ in range(2):
            reads(document)


# --- dicts that repeat

KEYS = [["a", "b"], ["b", "a"], ["a", "b", "c"], ["a", "é"], ["a", "a"], ["é", "a", "é"], ["x" * 60, "b", ""]]
KEYS += [[f"k{i}" for i in range(size)] for size in (1, 2, 39, 40, 41, 100)]
VALUES = [
    '"NEW"',
    '"FILLED"',
    "null",
    "true",
    "1",
    "1.5",
    "-1",
    "[]",
    "{}",
    '{"a":1,"b":2}',
    "[1,[2]]",
    '"é"',
]
VALUES += ['"' + "long" * 40 + '"']


def spoil(value):
    """Change everything that can be changed in a decoded value."""
    if isinstance(value, dict):
        for inner in value.values():
            spoil(inner)
        for key in value:
            value[key] = "spoilt"
        value["more"] = 1
        value.pop("a", None)
    elif isinstance(value, list):
        for inner in value:
            spoil(inner)
        value.append("spoilt")


def test_dicts_that_repeat_are_read_alike_whatever_happens_to_those_before():
    rng = random.Random(2)
    kept = []
    for _ in range(3000):
        keys = rng.choice(KEYS)
        members = ",".join(f"{json.dumps(key)}:{rng.choice(VALUES)}" for key in keys)
        document = f"[{{{members}}},{{{members}}}]" if rng.random() < 0.3 else f"{{{members}}}"
        value = reads(document)
        if rng.random() < 0.1:
            kept.append((document, value))
        else:
            spoil(value)
    for document, value in kept:
        assert same(value, json.loads(document))


def test_two_equal_parts_of_a_document_are_objects_of_their_own():
    part = '{"symbol":"BTCUSDT","list":[1],"dict":{"a":1,"b":2},"none":null}'
    for _ in range(3):
        first, second, third = reads(f"[{part},{part},{part}]")
        spoil(second)
        assert same(first, json.loads(part))
        assert same(third, json.loads(part))


def test_a_model_of_many_values_follows_each_of_them():
    keys = [f"key{i}" for i in range(40)]
    values = dict.fromkeys(keys, "NEW")
    for key in keys * 2:
        values[key] = {"NEW": None, None: "FILLED", "FILLED": "NEW"}[values[key]]
        reads(json.dumps(values))


# --- what is given, and what is used

SAMPLE = '{"symbol": "BTCUSDT", "price": "0.1", "name": "é中😀"}'


class Bytes(bytes):
    def __bytes__(self):
        raise AssertionError("its bytes are what it holds")


class Text(str):
    def encode(self, *args):
        raise AssertionError("its text is what it holds")


def test_every_kind_of_input_is_read_alike():
    data = SAMPLE.encode()
    padded = b"[[" + data + b"]]"
    strided = bytes(byte for one in data for byte in (one, 0))
    for document in (
        SAMPLE,
        Text(SAMPLE),
        data,
        Bytes(data),
        bytearray(data),
        memoryview(data),
        memoryview(bytearray(padded))[2:-2],
        memoryview(strided)[::2],
        memoryview(data[::-1])[::-1],
        memoryview(data.ljust(len(data) + -len(data) % 4)).cast("I"),
    ):
        assert same(fastws.loads(document), json.loads(SAMPLE))


@pytest.mark.parametrize("wrong", [None, 1, 1.5, [], {}, object()], ids=lambda value: type(value).__name__)
def test_another_type_is_refused_by_name(wrong):
    with pytest.raises(TypeError, match=f"bytes-like object is required, not '{type(wrong).__name__}'"):
        fastws.loads(wrong)


def test_numbers_has_three_values():
    with pytest.raises(ValueError, match="numbers: expected 'str', 'float' or 'decimal', got 'int'"):
        fastws.loads("1", numbers="int")
    with pytest.raises(TypeError):
        fastws.loads("1", numbers=None)


def test_the_kernel_in_use_is_the_one_that_was_selected(each_kernel):  # noqa: F811
    assert _json.kernel() == each_kernel
    assert "fallback" in _json.kernels()
    with pytest.raises(ValueError, match=r"no kernel 'abacus'; there are .*fallback"):
        _json.select_kernel("abacus")
    assert _json.kernel() == each_kernel


def test_the_environment_chooses_the_kernel(each_kernel):  # noqa: F811
    program = "import fastws, fastws._native.json as j; print(j.kernel(), fastws.loads('[1, \"é\"]'))"
    done = subprocess.run(
        [sys.executable, "-X", "utf8", "-c", program],
        env={**os.environ, "SIMDJSON_FORCE_IMPLEMENTATION": each_kernel},
        capture_output=True,
        encoding="utf-8",
        timeout=20,
        check=True,
    )
    assert done.stdout.strip() == f"{each_kernel} [1, 'é']"


# --- memory

MIX = [
    b'{"id":1,"status":200,"result":{"symbol":"BTCUSDT","orderId":12345678901,"list":[1.5,null,true,{}]}}',
    b'{"a":"\\u00e9\\ud83d\\ude00","b":12345678901234567890,"c":1.7976931348623157e308,"d":[[],{"x":-0.0}]}',
    json.dumps({f"key{i}": f"value {i}" * 5 for i in range(60)}).encode(),
    b'[{"a":1,"b":"NEW"},{"a":2,"b":[]},{"a":3,"b":"' + b"long" * 100 + b'"}]',
    b'[{"a":"x","b":[1,2,{"c":',
    b'[{"a":"x","b":[1,2,{"c":"\\ud800"}]}]',
    b'[{"a":"x","b":[1,2,{"c":"\xff"}]}]',
    b'{"a":{"b":{"c":[1,2,"three",NaN]}}}',
    b'["\\u00e9",1e400]',
    b'{"a":1,"b":2,"\\q":3}',
    b'[1,{"a":[' + b"7" * 5000 + b"]}]",
    b"",
]


def decode_mix(rounds):
    for _ in range(rounds):
        for document in MIX:
            with contextlib.suppress(JsonError):
                fastws.loads(document)


def largest_resident():
    """The most memory that the process ever had, in bytes; 0 where that cannot be asked."""
    if sys.platform == "win32":
        return 0
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


@pytest.mark.alone
def test_memory_does_not_grow_over_a_hundred_thousand_decodes():
    words = (None, True, False, sys.intern("symbol"))
    decode_mix(200)
    gc.collect()
    counts = [sys.getrefcount(word) for word in words]
    largest = largest_resident()  # the first call imports a module
    blocks = sys.getallocatedblocks()
    decode_mix(100_000 // len(MIX) // len(_json.kernels()) + 1)
    gc.collect()
    assert sys.getallocatedblocks() - blocks < 100
    for word, count in zip(words, counts, strict=True):
        assert abs(sys.getrefcount(word) - count) < 100, word
    assert largest_resident() - largest < 4_000_000


def kept_after(documents):
    """How many bytes the decoder keeps of documents that it has read."""
    for _ in range(3):
        fastws.loads('[{"a":"NEW","b":1}]')
    gc.collect()
    tracemalloc.start()
    try:
        for document in documents:
            fastws.loads(document)
        gc.collect()
        return tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()


@pytest.mark.alone
def test_texts_of_messages_are_not_kept():
    """Neither long keys by their cache, nor long values by the models of dicts."""
    documents = []
    for i in range(100):
        row = {f"key{i}": "x" * 10_000, f"{i}": 1, "other": "y" * 10_000}
        documents += [json.dumps([row, row, row]), json.dumps([{f"{i}" + "z" * 10_000: 1, "b": 2}] * 3)]
    assert kept_after(documents) < 500_000


@pytest.mark.alone
def test_the_buffer_of_a_huge_message_is_not_kept():
    assert kept_after([json.dumps(["x" * 100] * 50_000)]) < 500_000


# --- at work twice


def test_a_finaliser_may_decode_while_a_document_is_decoded():
    document = json.dumps([{"a": [i], "b": {"c": str(i)}} for i in range(300)])
    expected = json.loads(document)
    inner = []

    class Noisy:
        def __init__(self):
            self.self = self

        def __del__(self):
            inner.append(fastws.loads('{"a": [1], "b": {"c": "inner"}}'))

    thresholds = gc.get_threshold()
    gc.collect()
    try:
        gc.set_threshold(5)
        for _ in range(20):
            for _ in range(5):
                Noisy()
            assert same(fastws.loads(document), expected)
    finally:
        gc.set_threshold(*thresholds)
    gc.collect()
    assert len(inner) == 100
    assert all(same(value, {"a": [1], "b": {"c": "inner"}}) for value in inner)


def test_threads_may_decode_at_the_same_time():
    documents = [json.dumps([{"thread": n, "list": [str(i) for i in range(50)]}] * 5) for n in range(4)]
    wrong = []

    def work(document):
        expected = json.loads(document)
        for i in range(400):
            if not same(fastws.loads(document, numbers=("str", "float")[i % 2]), expected):
                wrong.append(document)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=work, args=(document,)) for document in documents]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert not wrong
