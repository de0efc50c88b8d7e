"""Decoding SBE keeps nothing: memory is flat over a hundred thousand messages, whatever they end in."""

from __future__ import annotations

import contextlib
import gc
import random
import sys
import tracemalloc
from collections.abc import Mapping

import pytest

from fastws._native.sbe import Reader
from fastws.sbe import SbeError, Schema
from helpers.sbe_support import header, opened, samples

pytestmark = pytest.mark.alone

SPOT = Schema.bundled("spot")


def messages():
    """Whole ones, cut ones, and ones with damage, of each kind."""
    rng = random.Random(1)
    found = []
    for _, _, data in samples(SPOT, SPOT.model.at(5), 51, 2, strangers=True, exponents=(-8, -8, 0, -20)):
        damaged = bytearray(data)
        damaged[rng.randrange(len(data))] ^= 0xFF
        found += [data, data[: rng.randrange(len(data))], bytes(damaged)]
    return found


def growth(work, rounds):
    """Bytes and blocks that stay after `rounds` more rounds, when the caches are warm."""
    for _ in range(3):
        work()
    gc.collect()
    tracemalloc.start()
    work()
    gc.collect()
    before, blocks = tracemalloc.get_traced_memory()[0], sys.getallocatedblocks()
    for _ in range(rounds):
        work()
    gc.collect()
    after, more = tracemalloc.get_traced_memory()[0], sys.getallocatedblocks()
    tracemalloc.stop()
    return after - before, more - blocks


READS = {
    "decode": lambda data, i: SPOT.decode(data, numbers=("str", "float", "decimal")[i % 3], time_unit="ms"),
    "native": lambda data, i: SPOT.decode_native(data),
    "view": lambda data, i: opened(SPOT.view(data, numbers=("str", "float", "decimal")[i % 3])),
    "part": lambda data, i: first_values(SPOT.view(data)),
}


def first_values(view):
    """A few fields of a view, which is then dropped."""
    if isinstance(view, list):
        return [first_values(entry) for entry in view[:2]]
    if not isinstance(view, Mapping):
        return view
    return [view.get(key) for key in ("symbol", "orders", "result", "event", "nothing")]


@pytest.mark.parametrize("read", READS)
def test_memory_is_flat_over_many_messages_and_errors(read):
    frames = messages()
    ends = {True: 0, False: 0}

    def work():
        for i, data in enumerate(frames):
            try:
                READS[read](data, i)
                ends[True] += 1
            except SbeError:
                ends[False] += 1

    rounds = 25_000 // len(frames) + 1
    grown, blocks = growth(work, rounds)
    assert min(ends.values()) > 5_000
    # texts that are kept, and the models of dicts, are replaced by others as large
    assert grown < 20_000
    assert blocks < 200


def test_an_error_on_the_way_drops_what_was_made():
    """At every field of a large message in turn."""
    fill = {
        "commissionExponent": -8,
        "matchType": "AutoMatch",
        "price": 1,
        "qty": 2,
        "commission": 3,
        "tradeId": 4,
    }
    order = {
        **dict.fromkeys("orderId transactTime price origQty executedQty cummulativeQuoteQty".split(), 10**17),
        "priceExponent": -8,
        "qtyExponent": -8,
        "status": "New",
        "timeInForce": "Gtc",
        "orderType": "Limit",
        "side": "Buy",
        "orderCapacity": "Agency",
        "workingFloor": "Sor",
        "selfTradePreventionMode": "None",
        "usedSor": "True",
        "symbol": "S" * 30,
        "clientOrderId": "9" * 30,
        "preventedQuantity": 5,
        "origQuoteOrderQty": 7,
        "fills": [{**fill, "commissionAsset": "0" * 40}] * 3,
    }
    data = SPOT.encode("NewOrderFullResponse", order)
    assert SPOT.decode(data)["workingFloor"] == "SOR"

    def work():
        for cut in range(len(data)):
            for read in (SPOT.decode, SPOT.decode_native, lambda d: opened(SPOT.view(d))):
                with contextlib.suppress(SbeError):
                    read(data[:cut])

    grown, blocks = growth(work, 20)
    assert grown < 10_000
    assert blocks < 100


def test_references_of_shared_values_stay_as_they_are():
    """Keys, enums, cached texts and zeros are handed out many times."""
    levels = [{"price": 0, "qty": 10**18}] * 50
    depth = {"lastUpdateId": 7, "priceExponent": -8, "qtyExponent": -8, "bids": levels, "asks": levels}
    limit = {
        "rateLimitType": "Orders",
        "interval": "Day",
        "intervalNum": 1,
        "rateLimit": 10,
        "numOrders": 300,
    }
    frames = [
        SPOT.encode("DepthResponse", depth),
        SPOT.encode("AccountOrderRateLimitResponse", {"rateLimits": [limit] * 20}),
        SPOT.encode("PriceTickerSymbolResponse", {"priceExponent": -8, "price": 0, "symbol": "BTCUSDT"}),
    ]
    ticker = SPOT.decode(frames[2])
    limits = SPOT.decode(frames[1])[0]
    shared = [*ticker, *ticker.values(), *limits, limits["rateLimitType"], None, True]
    before = [sys.getrefcount(value) for value in shared]
    for _ in range(1000):
        for data in frames:
            SPOT.decode(data)
            SPOT.view(data)
    after = [sys.getrefcount(value) for value in shared]
    assert all(abs(one - other) < 50 for one, other in zip(before, after, strict=True)), (before, after)


def test_unknown_templates_and_versions_leave_nothing():
    schema = Schema(SPOT.model)

    def work():
        for template in range(2000, 4000):
            with contextlib.suppress(SbeError):
                schema.decode(header(0, template, 3, template % 9))
        for version in range(5, 1000):
            assert schema.decode(header(0, 101, 3, version)) == {}

    grown, blocks = growth(work, 5)
    assert grown < 10_000
    assert blocks < 100


def test_a_reader_and_its_plans_are_freed():
    def work():
        schema = Schema(SPOT.model.at(5))
        for message, _, data in samples(schema, schema.model, 52, 1):
            if message.id in (302, 603, 200, 50):
                for _ in range(3):
                    schema.decode(data)
                    schema.view(data)
        del schema

    before = readers()
    grown, _ = growth(work, 5)
    assert grown < 60_000
    assert readers() == before


def readers():
    gc.collect()
    return sum(type(thing) is Reader for thing in gc.get_objects())
