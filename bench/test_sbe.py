"""Stage "SBE": bytes of a reply to what a strategy reads, as a dict and as a view.

The reference is orjson.loads of the same content in JSON. Beside it stand fastws' own JSON decoder, a decoder of the
same message written by hand (by_hand.pyx), and the ``sbe`` package where it can decode the message at all.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from operator import itemgetter
from typing import Any

import orjson
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from bench import messages, native, sbe_messages
from bench.harness import Ratio, calls, compare
from fastws._native import json as _json
from fastws._native.json_views import payload_view
from fastws.sbe import Schema
from helpers.schema_xml import schema_xml

# kind, generator, the same in SBE, the decoder by hand, how many, budgets as a share of orjson.loads: str, float; those
# of order FULL are the decoder by hand (.63 and .62), which is the floor, and 10 %
MESSAGES = (
    ("order FULL", messages.order_full, sbe_messages.order_full, "order_full", 500, 0.69, 0.68),
    ("depth 100", messages.depth, sbe_messages.depth, "depth", 200, 0.86, 0.64),
)
BY_HAND = 1.10
FIELDS = ("orderId", "status", "executedQty")


def _decoder(numbers: str) -> Callable[[bytes], Any]:
    """What ``Schema.decode`` calls, with its options chosen beforehand, as a session does."""
    reader: Callable[[bytes], Any] = Schema.bundled("spot")._reader(numbers, "ms", False)
    return reader


@pytest.mark.parametrize("numbers", ["str", "float"])
@pytest.mark.parametrize(
    ("kind", "make", "encode", "name", "count", "in_str", "in_float"),
    MESSAGES,
    ids=[row[0] for row in MESSAGES],
)
def test_decode(
    benchmark: BenchmarkFixture,
    kind: str,
    make: Callable[..., bytes],
    encode: Callable[[bytes], bytes],
    name: str,
    count: int,
    in_str: float,
    in_float: float,
    numbers: str,
) -> None:
    texts = messages.distinct(make, count)
    data = [encode(text) for text in texts]
    decode = _decoder(numbers)
    written = getattr(native.by_hand_module(), name)
    by_hand = written if numbers == "str" else (lambda message: written(message, True))

    def of_json(text: bytes) -> Any:
        return _json.loads(text, numbers=numbers)

    for text, message in zip(texts, data, strict=True):
        expected = of_json(text)
        expected["id"] = str(expected["id"])
        assert decode(message) == expected, (
            f"the SBE of a {kind} reply is decoded to something else than its JSON"
        )
        assert by_hand(message) == expected
    stage = f"SBE → dict: {kind}, decimals as {numbers}"
    compare(
        benchmark,
        {
            "fastws": calls(decode, data),
            "orjson.loads": calls(orjson.loads, texts),
            "by hand": calls(by_hand, data),
            "fastws, JSON": calls(of_json, texts),
        },
        [
            Ratio(stage, "fastws", "orjson.loads", in_str if numbers == "str" else in_float),
            Ratio(stage, "fastws", "by hand", BY_HAND),
            Ratio(stage, "fastws", "fastws, JSON"),
        ],
        operation=f"one {kind} reply",
        compared=f"the objects of {count} distinct replies, with those of the same content in JSON",
        rounds=60,
    )


def test_views(benchmark: BenchmarkFixture) -> None:
    texts = messages.distinct(messages.order_full, 500)
    data = [sbe_messages.order_full(text) for text in texts]
    three = itemgetter(*FIELDS)
    order_view = native.by_hand_module().order_view
    reader = Schema.bundled("spot").response_reader(numbers="str", time_unit="ms", views=True)
    read = reader.read

    def in_sbe(message: bytes) -> Any:
        return three(read(message)[2])

    def in_json(text: bytes) -> Any:
        return three(payload_view(text))

    def by_hand(message: bytes) -> Any:
        return three(order_view(message)[2])

    for text, message in zip(texts, data, strict=True):
        expected = three(json.loads(text)["result"])
        assert in_sbe(message) == by_hand(message) == expected
        assert in_json(text) == expected
    compare(
        benchmark,
        {
            "fastws, SBE view": calls(in_sbe, data),
            "fastws, JSON view": calls(in_json, texts),
            "orjson.loads": calls(orjson.loads, texts),
            "view by hand": calls(by_hand, data),
        },
        [
            Ratio("SBE view: three fields of order FULL", "fastws, SBE view", "orjson.loads", 0.08),
            Ratio("JSON view: three fields of order FULL", "fastws, JSON view", "orjson.loads", 0.22),
            Ratio("SBE view: three fields of order FULL", "fastws, SBE view", "fastws, JSON view"),
            Ratio("SBE view: three fields of order FULL", "view by hand", "orjson.loads"),
        ],
        operation=f"envelope, view, and {', '.join(FIELDS)} of one reply",
        compared="the three fields of 500 distinct replies",
        rounds=60,
    )


def test_the_sbe_package(benchmark: BenchmarkFixture) -> None:
    """The package decodes fixed fields and flat groups: of the messages here, depth without its envelope."""
    package = pytest.importorskip("sbe")
    texts = messages.distinct(messages.depth, 50)
    data = [_embedded(sbe_messages.depth(text)) for text in texts]
    schema = package.Schema.parse(io.BytesIO(schema_xml("spot", 5)))
    decode = Schema.bundled("spot")._reader("str", "us", True)

    def of_package(message: bytes) -> Any:
        return schema.decode(message).value

    for message in data:
        assert decode(message) == of_package(message)
    compare(
        benchmark,
        {"fastws": calls(decode, data), "sbe": calls(of_package, data)},
        [Ratio("SBE → native dict: depth 100", "fastws", "sbe")],
        operation="one depth message",
        compared="the native values of 50 distinct messages",
        rounds=10,
    )


def _embedded(response: bytes) -> bytes:
    """The message within a response."""
    return response[response.index(b"\xc8\x00\x03\x00\x05\x00") - 2 :]
