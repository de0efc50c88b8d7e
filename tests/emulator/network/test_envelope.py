"""The JSON of requests: numbers keep their text; a request without a valid id is refused without an id."""

from __future__ import annotations

import pytest

from fastws.emulator.network.envelope import DuplicateNames, decode, read_envelope
from fastws.emulator.values.auth import Number
from fastws.emulator.values.errors import Refusal


def test_numbers_keep_their_text():
    value = decode('{"a": 0.10, "b": [12345678901234567890123, "1"]}')
    assert value == {"a": "0.10", "b": ["12345678901234567890123", "1"]}
    assert isinstance(value["a"], Number)
    assert not isinstance(value["b"][1], Number)


def test_a_name_that_comes_twice_is_noticed():
    assert type(decode('{"a": 1, "b": 2}')) is dict
    assert type(decode('{"a": 1, "a": 2}')) is DuplicateNames
    assert type(read_envelope('{"id": 1, "params": {"a": 1, "a": 2}}')["params"]) is DuplicateNames


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '"text"', "NaN", '{"id": Infinity}', "[" * 100_000, '{"id": 1} 2']
)
def test_what_is_no_object_is_refused(text):
    with pytest.raises(Refusal) as caught:
        read_envelope(text)
    assert (caught.value.code, caught.value.msg, caught.value.null_id) == (
        -1135,
        "Invalid JSON Request",
        True,
    )


@pytest.mark.parametrize("given", ["{}", '{"id": 1.5}', '{"id": [1]}', '{"id": true}', '{"id": "a b"}'])
def test_an_id_that_cannot_be_echoed_is_refused(given):
    with pytest.raises(Refusal, match="Invalid 'id' in JSON request") as caught:
        read_envelope(given)
    assert caught.value.null_id


@pytest.mark.parametrize("given", ["1", "null", '"my-id_1"'])
def test_the_id_is_there(given):
    assert "id" in read_envelope(f'{{"id": {given}}}')
