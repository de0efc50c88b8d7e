"""Messages of market data: bytes to dicts, and to values in C.

The reference is orjson.loads of the same content in JSON, as a connection to /stream brings it; "data alone" is the
same without the name of the stream around it, which SBE messages do not have. Beside them stand decoders of one message
by hand (market_by_hand.pyx), which check nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import orjson
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from bench import market_feeds, native
from bench.harness import Batch, Ratio, calls, compare

COUNT = 500
PADDING = bytes(64)


def _alone(text: bytes) -> bytes:
    """What the exchange sends on /ws: the event without the name of its stream."""
    return text[text.index(b'"data":') + 7 : -1]


def _per_event(batch: Batch, events: int) -> Batch:
    return lambda: batch() / events


def _whole(function: Callable[[list[bytes]], object], data: list[bytes]) -> Batch:
    """A batch whose loop is the function's own."""

    def batch() -> float:
        start = time.perf_counter_ns()
        function(data)
        return (time.perf_counter_ns() - start) / len(data)

    return batch


def test_top(benchmark: BenchmarkFixture) -> None:
    parts, by_hand = native.market_parts_module(), native.market_by_hand_module()
    twins = market_feeds.tops(COUNT)
    sbe, texts = [each.sbe for each in twins], [each.text for each in twins]
    alone, padded = [_alone(text) for text in texts], [text + PADDING for text in texts]
    in_sbe, in_json = parts.SbeDecoder(), parts.JsonDecoder()
    for each in twins:
        expected = orjson.loads(each.text)["data"]
        got = in_sbe(each.sbe)
        assert got == by_hand.top(each.sbe)
        assert got.pop("E") > 0
        assert got == expected == by_hand.json_top(each.text) == in_json(each.text + PADDING)
    assert in_sbe.tops(sbe) == in_json.tops(padded) == by_hand.tops(sbe) != 0
    stage, values = "bestBidAsk: SBE → dict", "bestBidAsk: SBE → values in C"
    compare(
        benchmark,
        {
            "fastws, SBE": calls(in_sbe, sbe),
            "fastws, JSON": calls(in_json, padded),
            "fastws, SBE, values in C": _whole(in_sbe.tops, sbe),
            "fastws, JSON, values in C": _whole(in_json.tops, padded),
            "orjson.loads": calls(orjson.loads, texts),
            "orjson.loads, data alone": calls(orjson.loads, alone),
            "by hand": calls(by_hand.top, sbe),
            "by hand, JSON": calls(by_hand.json_top, texts),
            "by hand, values in C": _whole(by_hand.tops, sbe),
        },
        [
            Ratio(stage, "fastws, SBE", "orjson.loads", 0.70),
            Ratio(stage, "fastws, SBE", "orjson.loads, data alone"),
            Ratio(stage, "fastws, SBE", "by hand"),
            Ratio(values, "fastws, SBE, values in C", "orjson.loads", 0.05),
            Ratio(values, "fastws, SBE, values in C", "by hand, values in C"),
            Ratio("bookTicker: JSON → dict", "fastws, JSON", "orjson.loads"),
            Ratio("bookTicker: JSON → dict", "fastws, JSON", "by hand, JSON"),
            Ratio("bookTicker: JSON → values in C", "fastws, JSON, values in C", "orjson.loads"),
        ],
        operation="one change of the best bid and ask",
        compared=f"the dicts and the values of {COUNT} distinct messages, in JSON and SBE",
    )


@pytest.mark.parametrize("each", [1, 5])
def test_trades(benchmark: BenchmarkFixture, each: int) -> None:
    parts, by_hand = native.market_parts_module(), native.market_by_hand_module()
    recorded = market_feeds.trades(COUNT // each, each)
    sbe = [twins.sbe for twins, _ in recorded]
    texts = [text for _, all_texts in recorded for text in all_texts]
    alone, padded = [_alone(text) for text in texts], [text + PADDING for text in texts]
    in_sbe, in_json = parts.SbeDecoder(), parts.JsonDecoder()

    def events(made: Any) -> Sequence[Any]:
        return made if isinstance(made, list) else [made]

    for twins, all_texts in recorded:
        expected = [orjson.loads(text)["data"] for text in all_texts]
        assert events(in_sbe(twins.sbe)) == events(by_hand.trades(twins.sbe)) == expected
        assert [in_json(text + PADDING) for text in all_texts] == expected
    stage = f"trade x{each}: SBE → dicts"
    compare(
        benchmark,
        {
            "fastws, SBE": _per_event(calls(in_sbe, sbe), each),
            "fastws, JSON": calls(in_json, padded),
            "orjson.loads": calls(orjson.loads, texts),
            "orjson.loads, data alone": calls(orjson.loads, alone),
            "by hand": _per_event(calls(by_hand.trades, sbe), each),
        },
        [
            Ratio(stage, "fastws, SBE", "orjson.loads", 0.75),
            Ratio(stage, "fastws, SBE", "orjson.loads, data alone"),
            Ratio(stage, "fastws, SBE", "by hand"),
            *([Ratio("trade: JSON → dict", "fastws, JSON", "orjson.loads")] if each == 1 else []),
        ],
        operation=f"one trade, of SBE messages of {each}",
        compared=f"the dicts of {COUNT} distinct trades, in JSON and SBE",
    )
