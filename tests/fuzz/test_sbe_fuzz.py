"""Damaged SBE messages: whatever arrives ends in SbeError, or in a value; neither costs more than its bytes may."""

from __future__ import annotations

import contextlib
import gc
import json
import random
import re
import struct
import sys
import time
import tracemalloc
from functools import cache

import pytest

from fastws.sbe import SbeError, Schema
from helpers.sbe_support import header, opened, samples

SPOT, STREAM = Schema.bundled("spot"), Schema.bundled("stream")
PATH = re.compile(r"\$(\.\w+|\[\d+\])*")
ROUNDS = 25_000  # a seed
NUMBERS = ("str", "float", "decimal")

READS = {
    "decode": lambda schema, data, rng: schema.decode(data, numbers=rng.choice(NUMBERS), time_unit="ms"),
    "native": lambda schema, data, rng: schema.decode_native(data),
    "view": lambda schema, data, rng: opened(schema.view(data, numbers=rng.choice(NUMBERS))),
}


@cache
def messages():
    """Each message of both schemas, in the newest version, and some of the older ones."""
    found = []
    for schema in (SPOT, STREAM):
        found += [(schema, data) for _, _, data in samples(schema, schema.model.at(schema.version), 41, 3)]
    for version in (0, 2):
        model = SPOT.model.at(version)
        found += [(SPOT, data) for _, _, data in samples(Schema(model), model, 42, 1)]
    return found


def refusal(schema, data, read, rng):
    """The error, or None and the value."""
    try:
        return None, READS[read](schema, data, rng)
    except SbeError as exc:
        error = exc
    assert PATH.fullmatch(error.path), error.path
    assert str(error) == f"{error.path}: {error.reason}"
    return error, None


def is_value(value):
    json.dumps(value, default=str)  # nothing but JSON's own values, and Decimal
    return True


@pytest.mark.parametrize("read", READS)
def test_every_prefix_of_every_message_is_refused(read):
    rng = random.Random(1)
    for schema, data in messages():
        if data[6] != schema.version:
            continue  # what an older version did not have may be missing at the end
        for cut in range(len(data)):
            error, value = refusal(schema, data[:cut], read, rng)
            assert error is not None, (cut, data, value)


def test_every_prefix_of_an_older_message_is_refused_or_read():
    rng = random.Random(2)
    for schema, data in messages():
        for cut in range(len(data) if data[6] != schema.version else 0):
            for read in READS:
                error, value = refusal(schema, data[:cut], read, rng)
                assert error is not None or is_value(value)


HEADS = [
    struct.pack("<HI", length, count)
    for length in (0, 1, 8, 65535)
    for count in (0, 1, 255, 2**31, 2**32 - 1)
]
HEADS += [struct.pack("<HH", length, count) for length in (0, 1, 65535) for count in (1, 65535)]
NUMBERS_64 = [struct.pack("<q", number) for number in (0, -1, 1, 2**63 - 1, -(2**63))]


def damaged(rng, pool):
    schema, data = rng.choice(pool)
    data = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 3, 8))):
        at = rng.randrange(len(data) + 1)
        what = rng.randrange(9)
        if what < 3:
            data[at : at + 1] = bytes((rng.randrange(256),))
        elif what == 3:
            data[at : at + rng.choice((1, 2, 4, 8, 40))] = b""
        elif what == 4:
            data[at:at] = rng.randbytes(rng.choice((1, 2, 8)))
        elif what == 5:
            head = rng.choice(HEADS)
            data[at : at + len(head)] = head
        elif what == 6:
            data[at : at + 8] = rng.choice(NUMBERS_64)
        elif what == 7:
            other = rng.choice(pool)[1]
            start = rng.randrange(len(other))
            data[at : at + rng.choice((0, 8))] = other[start : start + rng.choice((8, 40, 200))]
        else:
            data[: min(8, len(data))] = header(
                len(data) - 8 & 0xFFFF, rng.choice(pool)[1][2], schema.id, rng.randrange(8)
            )
    return schema, bytes(data)


@pytest.mark.parametrize("seed", range(4))
def test_a_damaged_message_is_refused_or_read_as_some_value(seed):
    rng = random.Random(seed)
    pool = messages()
    names = list(READS)
    read = refused = 0
    for i in range(ROUNDS):
        schema, data = damaged(rng, pool)
        error, value = refusal(schema, data, names[i % 3], rng)
        refused += error is not None
        if error is None:
            read += 1
            if i % 10 == 0:
                is_value(value)
    assert min(read, refused) > ROUNDS // 20


@pytest.mark.parametrize("seed", range(2))
def test_all_ways_to_read_a_damaged_message_agree(seed):
    """A view that is read whole, and field by field, ends as decode() does."""
    rng = random.Random(100 + seed)
    pool = messages()
    for _ in range(6_000):
        schema, data = damaged(rng, pool)
        error, _value = refusal(schema, data, "decode", random.Random(0))
        other, _ = refusal(schema, data, "native", rng)
        view_error = None
        try:
            shown = schema.view(data, numbers="float", time_unit="ms")
            shown = shown.to_dict() if hasattr(shown, "to_dict") else opened(shown)
        except SbeError as exc:
            view_error = exc
        if view_error is not None:
            assert error is not None, (data, view_error)
        elif error is None:
            expected = schema.decode(data, numbers="float", time_unit="ms")
            assert shown == expected
            assert opened(schema.view(data, numbers="float", time_unit="ms")) == expected
        else:
            # only a plain list of views can put the reading off
            assert not hasattr(schema.view(data), "to_dict"), (data, error)
        if other is not None and error is None:
            # a native value looks at everything, that of the JSON API not at what it does not show
            assert other.reason in ("not UTF-8", "the message ends within it") or "nest" in other.reason, (
                other
            )


def test_bytes_without_any_sense_are_refused_or_read():
    rng = random.Random(7)
    ids = list(SPOT.model.messages)
    for _ in range(4_000):
        data = header(rng.randrange(300), rng.choice(ids), 3, rng.randrange(8)) + rng.randbytes(
            rng.randrange(400)
        )
        for read in READS:
            refusal(SPOT, data, read, rng)


# ------------------------------------------------------------------------------- absurd counts and lengths


def groups(block, path=()):
    for group in block.groups:
        yield (*path, group)
        yield from groups(group, (*path, group))


def absurd(message, path, length, count, filler):
    """A message whose groups up to the last of the path claim one entry, and that one as many as there may be."""
    model = SPOT.model

    def dimension(group, length, count):
        kind = model.types[group.dimension]
        wide = kind.count == "uint32"
        return struct.pack("<HI" if wide else "<HH", length, min(count, 2**31 if wide else 65535))

    data = header(model.block_length(message), message.id) + bytes(model.block_length(message))
    block = message
    for group in path:
        for before in block.groups:
            if before is group:
                break
            data += dimension(before, model.block_length(before), 0)
        if group is path[-1]:
            return data + dimension(group, length, count) + filler
        data += dimension(group, model.block_length(group), 1) + bytes(model.block_length(group))
        block = group
    raise AssertionError


@pytest.mark.alone
def test_absurd_counts_cost_no_more_memory_than_a_multiple_of_the_bytes():
    """What costs most is a group of two integers that claims blocks of two bytes: each becomes a dict of its own."""
    size = 5_000
    limit = (sys.getsizeof({"a": 1}) + 16) // 2  # 100, or 124 on CPython 3.10
    limits = (
        (SPOT.decode, limit),
        (SPOT.decode_native, limit),
        (lambda data: opened(SPOT.view(data)), 2 * limit),
    )
    for message in SPOT.model.messages.values():
        if message.removed is not None:
            continue
        for path in groups(message):
            for length in (0, 1, 2, 5, 9, 40):
                group = path[-1]
                entry = length + 5 * len(group.data) + 6 * len(group.groups)
                least = SPOT.model.block_length(group) // 4 + entry
                for count in (2**32 - 1, size // max(entry, 1), size // max(least, 1)):
                    data = absurd(message, path, length, count, bytes(size))
                    for read, limit in limits:
                        tracemalloc.start()
                        with contextlib.suppress(SbeError):
                            read(data)
                        peak = tracemalloc.get_traced_memory()[1]
                        tracemalloc.stop()
                        assert peak < limit * len(data) + 5_000, (message.name, length, count)


@pytest.mark.alone
def test_a_claim_that_the_bytes_do_not_bear_costs_nothing():
    message = SPOT.model.message("OrdersResponse")
    for length in (0, 1, 151, 65535):
        data = absurd(message, message.groups, length, 2**31, b"")
        tracemalloc.start()
        for read in (SPOT.decode, SPOT.decode_native, SPOT.view):
            with pytest.raises(SbeError, match="2147483648 entries") as caught:
                read(data)
            assert caught.value.path == "$.orders"
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 20_000


def best_of(read, data, times=3):
    """Seconds, without those of the collector, which grow with all that lives."""
    best = 9.0
    gc.disable()
    for _ in range(times):
        begin = time.perf_counter()
        read(data)
        best = min(best, time.perf_counter() - begin)
    gc.enable()
    return best


@pytest.mark.alone
@pytest.mark.parametrize("read", READS)
def test_time_grows_with_the_bytes_and_no_faster(read):
    def reading(data):
        return READS[read](SPOT, data, random.Random(1))

    for name, entry in (("AccountResponse", b"\0"), ("ExchangeInfoResponse", b"\x08" + header(0, 999))):
        message = SPOT.model.message(name)
        path = next(path for path in groups(message) if path[-1].name in ("permissions", "exchangeFilters"))
        seconds = []
        for count in (2_000, 20_000):
            data = absurd(message, path, 0, count, entry * count) + bytes(12)
            seconds.append(best_of(reading, data))
        assert seconds[1] < 40 * seconds[0] + 0.01


@pytest.mark.alone
@pytest.mark.parametrize("read", READS)
def test_messages_that_nest_without_end_cost_no_more_than_their_bytes(read):
    data = header(18, 100) + bytes(18) + bytes(2) + bytes(4)
    while len(data) < 100_000:
        # an error whose data is an error; the halves of a cancel-replace take turns
        data = header(18, 100) + bytes(18) + bytes(2) + struct.pack("<I", len(data)) + data
    begin = time.perf_counter()
    error, _ = refusal(SPOT, data, read, random.Random(1))
    assert error is not None
    assert "nest more than 16 deep" in error.reason
    assert time.perf_counter() - begin < 1
