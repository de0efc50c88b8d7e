"""Views over JSON show what json.loads reads, one field at a time, and look at no byte that is not theirs."""

from __future__ import annotations

import copy
import gc
import json
import pickle
import random
from collections.abc import Mapping

import pytest

from fastws import JsonError
from fastws._native.json_views import payload_view
from helpers.sbe_support import opened

ORDER = {
    "symbol": "BTCUSDT",
    "orderId": 12569099453,
    "price": "23416.10000000",
    "empty": {},
    "none": None,
    "yes": [True, False],
    "fills": [{"price": "1.5", "qty": "0.00635", "commissionAsset": "é"}, {"price": "-2"}],
    "nested": {"a": {"b": [{"c": [1, 2.5]}, 7]}},
    "": "empty key",
}


def view_of(payload, **options):
    document = {"id": 1, "status": 200, "result": payload}
    return payload_view(json.dumps(document, ensure_ascii=False).encode(), **options)


def test_a_view_shows_what_json_reads():
    view = view_of(ORDER)
    assert isinstance(view, Mapping)
    assert view == ORDER
    assert opened(view) == ORDER
    assert list(view) == list(ORDER)
    assert type(view["fills"][0]) is type(view)
    assert type(view["nested"]["a"]) is type(view)
    assert repr(view) == f"JsonView({ORDER!r})"
    for same in (copy.copy(view), pickle.loads(pickle.dumps(view))):
        assert type(same) is dict
        assert same == ORDER
    assert view_of([ORDER, ORDER]) == [ORDER, ORDER]
    assert view_of([1, "x"]) == [1, "x"]
    assert view_of({}) == {}


def test_views_are_matched_as_mappings_are():
    match view_of(ORDER):
        case {"orderId": order_id, "nested": {"a": _}}:
            assert order_id == ORDER["orderId"]
        case _:
            pytest.fail("a view is a mapping for `match`, too")


def test_keys_that_are_not_there():
    view = view_of(ORDER)
    for key in (
        "symb",
        "symbolx",
        "b",
        "é",
        "orderId\0",
        'symbol":"',
        5,
        None,
        b"symbol",
        "\ud800",
        "x" * 100_000,
    ):
        assert key not in view
        assert view.get(key, 7) == 7
        with pytest.raises(KeyError):
            view[key]


def test_a_long_key_is_not_compared_beyond_the_text():
    """Only the sanitizers can see it."""
    for key in ("k", "key"):
        view = view_of({key: 1})
        for size in (*range(1, 300), 100_000):
            wanted = (key + '":1}' + "\0" * size)[:size]
            assert (wanted in view) == (wanted == key)


def test_of_same_keys_the_last_counts_and_escaped_keys_are_found():
    view = payload_view(b'{"id":1,"result":{"a":1,"b":2,"a":3,"\\u0063":4,"d\\"":{"e":5}}}')
    assert view["a"] == 3
    assert view["c"] == 4
    assert view['d"'] == {"e": 5}
    assert opened(view) == {"a": 3, "b": 2, "c": 4, 'd"': {"e": 5}}


def test_decimals_are_converted_where_the_documentation_has_them():
    assert view_of(ORDER, numbers="float")["price"] == 23416.1
    assert view_of(ORDER, numbers="float")["symbol"] == "BTCUSDT"
    assert view_of(ORDER, numbers="float")["fills"][1]["price"] == -2.0


def test_the_bytes_are_the_views_own():
    view = view_of(ORDER)
    fills = view["fills"]
    del view
    gc.collect()
    view_of({"other": "x" * 5000})
    assert fills == ORDER["fills"]


def test_a_repr_never_fails():
    view = payload_view(b'{"id":1,"result":{"a":[1,],"b":2}}')
    assert "cannot be read" in repr(view)
    assert view["b"] == 2
    with pytest.raises(JsonError):
        view["a"]


def test_views_are_made_of_messages_alone():
    with pytest.raises(TypeError, match="views are made of messages"):
        type(view_of(ORDER))()


def test_a_damaged_document_is_shown_as_json_reads_it_or_refused():
    rng = random.Random(5)
    text = json.dumps({"id": 1, "result": ORDER}, ensure_ascii=False).encode()
    shown = 0
    for _ in range(6_000):
        data = bytearray(text)
        for _ in range(rng.choice((1, 1, 2, 4))):
            at = rng.randrange(19, len(data))
            what = rng.randrange(4)
            if what == 0:
                data[at] = rng.choice(b'"\\{}[]:,01-.e \n\xc3\xa9x')
            elif what == 1:
                del data[at : at + rng.choice((1, 3, 20))]
            elif what == 2:
                data[at:at] = rng.choice((b'"', b"{", b"}", b"]", b",", b'"a":', b"[[[", b"\\u0041"))
            else:
                del data[at:]
            if len(data) < 25:
                break
        try:
            view = payload_view(bytes(data))
            value = opened(view)
        except JsonError:
            continue
        try:
            expected = json.loads(data)
        except (ValueError, UnicodeDecodeError):
            continue  # what is behind the payload is looked at later
        assert value == expected.get("result"), data
        shown += 1
    assert shown > 500
