"""Texts that are made by copying the header of a str: they must be like any other str, in all that a str can do."""

from __future__ import annotations

import copy
import gc
import json
import pickle
import sys
import tracemalloc

import pytest

import fastws
from fastws._native.json import read_message

SIZES = [*range(1, 40), 63, 64, 65, 255, 256, 511, 512, 513, 4095, 4096, 4097, 70_000]


def made(text: str) -> str:
    """The text as the decoder makes it: not from a cache, since it begins with a digit."""
    (value,) = fastws.loads(json.dumps([text]))
    assert type(value) is str
    return value


@pytest.mark.parametrize("size", SIZES)
def test_a_text_of_any_length_is_like_any_other(size):
    text = ("0123456789abcdefghijklmnop" * (size // 26 + 1))[:size]
    value = made(text)
    assert value == text
    assert hash(value) == hash(text)
    assert {text: 1}[value] == {value: 1}[text] == 1
    assert len(value) == size
    assert value.isascii()
    assert value.encode() == text.encode()
    assert sys.getsizeof(value) == sys.getsizeof(bytes(text, "ascii").decode())
    assert value + "é" == text + "é"
    assert value.upper() == text.upper()
    assert value[1:] == text[1:]
    assert f"{value}." == f"{text}."
    assert copy.copy(value) == pickle.loads(pickle.dumps(value)) == text
    assert value.ljust(size + 1, "x")[-1] == "x"
    grown = made(text)
    grown += "x"  # which may grow the str in place
    assert grown == text + "x"


def test_a_text_can_be_interned():
    value = made("1-never-seen-before-in-this-process")
    assert sys.intern(value) is sys.intern("1-never-seen" + "-before-in-this-process")


def test_texts_are_freed():
    document = json.dumps([f"{i}-{'x' * (i % 600)}" for i in range(3000)])
    for _ in range(2):
        fastws.loads(document)
    gc.collect()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for _ in range(5):
            fastws.loads(document)
        gc.collect()
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after - before < 20_000


@pytest.mark.parametrize("size", range(18))
def test_what_needs_care_is_found_at_any_place_of_a_short_text(size):
    for place in range(size):
        for other in ("é", "\\", '"', "\n", "\x7f", "€", "\U0001f600"):
            text = "1" * place + other + "2" * (size - place - 1)
            for document in (json.dumps([text]), json.dumps([text], ensure_ascii=False)):
                assert fastws.loads(document) == [text]
                message = f'{{"id":1,"status":200,"result":{document}}}'.encode()
                assert read_message(message, behind=0xFF)["value"] == [text]
