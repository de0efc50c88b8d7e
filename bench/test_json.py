"""Stages "envelope" and "JSON to Python objects": bytes of a reply to what a strategy reads."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import msgspec
import orjson
import pytest
import simdjson
from pytest_benchmark.fixture import BenchmarkFixture

from bench import messages, native
from bench.harness import Ratio, calls, compare
from fastws._common.decimal_fields import KLINE_COLUMNS
from fastws._native import json as _json
from fastws._native.methods import SHAPES

envelope = getattr(_json, "envelope", None)

# kind, generator, how many distinct messages, budget as a share of orjson.loads; that of exchangeInfo is the floor
# (.83: the objects alone, made of ready values) and 10 %
MESSAGES = (
    ("ACK 0.4 kB", messages.order_ack, 500, 0.70),
    ("FULL 1 kB", messages.order_full, 500, 0.72),
    ("exchangeInfo 21 kB", messages.exchange_info, 100, 0.91),
    ("depth 100", messages.depth, 200, 0.90),
    ("klines 500", messages.klines, 100, 0.90),
)
FLOOR = "the objects alone"


def _pysimdjson() -> Callable[[bytes], Any]:
    parser = simdjson.Parser()

    def loads(data: bytes) -> Any:
        return parser.parse(data, True)

    return loads


@pytest.mark.skipif(envelope is None, reason="fastws._native.json has no envelope() in this build")
def test_envelope(benchmark: BenchmarkFixture) -> None:
    assert envelope is not None
    data = messages.distinct(messages.order_ack, 500)
    for message in data:
        reply = orjson.loads(message)
        assert envelope(message) == (reply["id"], reply["status"])
    compare(
        benchmark,
        {"fastws": calls(envelope, data), "orjson.loads": calls(orjson.loads, data)},
        [Ratio("envelope: bytes → id, status", "fastws", "orjson.loads", 0.10)],
        operation="one ACK reply",
        compared="id and status of 500 distinct replies",
        rounds=100,
    )


@pytest.mark.parametrize(("kind", "make", "count", "budget"), MESSAGES, ids=[row[0] for row in MESSAGES])
def test_loads(
    benchmark: BenchmarkFixture, kind: str, make: Callable[..., bytes], count: int, budget: float
) -> None:
    data = messages.distinct(make, count)
    candidates: dict[str, Callable[[bytes], Any]] = {
        "fastws": _json.loads,
        "orjson.loads": orjson.loads,
        "msgspec.json.decode": msgspec.json.Decoder().decode,
        "pysimdjson": _pysimdjson(),
        "json.loads": json.loads,
    }
    for message in data:
        expected = json.loads(message)
        for name, loads in candidates.items():
            assert loads(message) == expected, f"{name} reads a {kind} message differently from json.loads"
    by_hand = native.by_hand_module()
    ready = [by_hand.Objects(json.loads(message)) for message in data]
    for message, objects in zip(data, ready, strict=True):
        assert by_hand.make(objects) == json.loads(message)
    compare(
        benchmark,
        {
            **{name: calls(loads, data) for name, loads in candidates.items()},
            FLOOR: calls(by_hand.make, ready),
        },
        [
            Ratio(f"JSON → dict: {kind}", "fastws", name, budget if name == "orjson.loads" else None)
            for name in candidates
            if name != "fastws"
        ]
        + [Ratio(f"JSON → dict: {kind}", FLOOR, "orjson.loads")],
        operation=f"one {kind} reply",
        compared=f"the objects of {count} distinct replies, with those of json.loads",
        rounds=40,
    )


def test_klines_as_floats(benchmark: BenchmarkFixture) -> None:
    data = messages.distinct(messages.klines, 20)

    def read(message: bytes, numbers: str) -> Any:
        return _json.read_message(message, numbers=numbers, shape=SHAPES["KLINES"])["value"]

    def by_hand(message: bytes) -> Any:
        rows = orjson.loads(message)["result"]
        for row in rows:
            for column in KLINE_COLUMNS:
                row[column] = float(row[column])
        return rows

    for message in data:
        assert read(message, "float") == by_hand(message)
        assert read(message, "str") == orjson.loads(message)["result"]
    compare(
        benchmark,
        {
            "fastws, decimals as float": calls(lambda message: read(message, "float"), data),
            "fastws, decimals as str": calls(lambda message: read(message, "str"), data),
            "orjson.loads + float()": calls(by_hand, data),
        },
        [
            Ratio("JSON → klines 500", "fastws, decimals as float", "fastws, decimals as str", 1.00),
            Ratio("JSON → klines 500", "fastws, decimals as float", "orjson.loads + float()"),
        ],
        operation="one reply of 500 klines",
        compared="the objects of 20 distinct replies, with those of orjson and float()",
        rounds=40,
    )
