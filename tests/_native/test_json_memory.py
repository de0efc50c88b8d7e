"""fastws.loads keeps nothing of what a peer names, beyond caches of a fixed size."""

import gc
import json
import sys

import pytest

import fastws
from fastws._native import json as _json
from fastws._native.json_views import payload_view

pytestmark = pytest.mark.alone

READERS = {
    "loads": lambda key: fastws.loads(f'{{"{key}":1}}'),
    "loads as floats": lambda key: fastws.loads(f'{{"{key}":1}}', numbers="float"),
    "a reply": lambda key: _json.read_message(f'{{"id":1,"result":{{"{key}":1}}}}'.encode())["value"],
    "a view": lambda key: payload_view(f'{{"id":1,"result":{{"{key}":1}}}}'.encode()).to_dict(),
}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize(
    "name", ["never elsewhere", "x" * 45, "x" * 60, "x" * 1000, r"esc\u0061ped", "né name", "中" * 100]
)
def test_no_key_is_interned(name, reader):
    """On CPython 3.12 an interned text is never freed: each new key of a peer would stay."""
    key = f"{name}{sorted(READERS).index(reader)}"
    for _ in range(4):  # from the third on by a model
        (found,) = READERS[reader](key)
    same = json.loads(f'"{key}"')
    assert same == found
    assert sys.intern(same) is same, "the key was interned before"


def grown(documents):
    """By how many blocks of memory Python grows while it reads documents."""
    gc.collect()
    before = sys.getallocatedblocks()
    for document in documents:
        fastws.loads(document)
    gc.collect()
    return sys.getallocatedblocks() - before


def test_documents_of_new_keys_leave_nothing():
    grown(b'{"warm %d":1}' % i for i in range(10_000))  # the caches are full now
    left = grown(b'{"new %d":1}' % i for i in range(60_000))
    assert left < 10_000  # less than the caches hold in all


def test_keys_that_share_a_place_in_the_cache_are_one_text_all_the_same():
    """With 3,000 names in use many share one of 1,024 places; a dict still begins as a copy of the one before."""
    document = json.dumps([{f"name {i}": i, f"other {i}": i} for i in range(1500)])
    first, second = fastws.loads(document), fastws.loads(document)
    for one, other in zip(first, second, strict=True):
        for a, b in zip(one, other, strict=True):
            assert a is b
