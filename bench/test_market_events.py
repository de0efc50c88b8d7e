"""CPU time of a market data event from its frame to who takes it, beside orjson.loads, which only makes the dict.

A session without a socket reads the frames, as many in one read callback as its buffer holds. Ids rise from round to
round, as at the exchange, since a session drops what it has delivered before.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import orjson
from pytest_benchmark.fixture import BenchmarkFixture

from bench import market_feeds, native
from bench.harness import Batch, Ratio, compare
from bench.market_feeds import Twins
from bench.market_session import Session

EVENTS = 400  # in a round
ROUNDS = 40
WARM_UP = 3


def _rounds(messages: Sequence[Twins], count: int) -> list[list[Twins]]:
    """The messages in rounds; one more is for the comparison."""
    return [list(messages[at : at + count]) for at in range(0, len(messages), count)]


def _fed(session: Session, rounds: Sequence[Sequence[Twins]], events: int) -> Batch:
    """A batch that feeds the next round; the frames are made beforehand."""
    frames: Iterator[bytes] = iter([session.frames(each) for each in rounds])

    def batch() -> float:
        data = next(frames)
        start = time.process_time_ns()
        session.feed(data)
        return (time.process_time_ns() - start) / events

    return batch


def _loaded(rounds: Sequence[Sequence[bytes]], load: Callable[[bytes], object] = orjson.loads) -> Batch:
    """A batch that loads the texts of the next round, each into the place of the one before."""
    each = iter(rounds)

    def batch() -> float:
        texts = next(each)
        start = time.process_time_ns()
        deque(map(load, texts), maxlen=0)
        return (time.process_time_ns() - start) / len(texts)

    return batch


def _keep(into: list[Any]) -> Callable[[Any], None]:
    def on_event(event: Any) -> None:
        into[0] = event

    return on_event


async def _compare(
    benchmark: BenchmarkFixture, kind: str, messages: list[list[Twins]], texts: Any, **budgets: Any
) -> None:
    sum_of = native.market_parts_module().Sum
    sink, json_sink = sum_of(), sum_of()
    everything = [each for some in messages for each in some]
    events = sum(each.events for each in messages[0])
    by_json, by_sbe = Session(everything, sbe=False), Session(everything, sbe=True)
    for_sink, for_json_sink = Session(everything, sbe=True), Session(everything, sbe=False)
    got_json: list[Any] = []
    got_sbe: list[Any] = []
    subscriptions = by_json.subscribe(got_json.append), by_sbe.subscribe(got_sbe.append)
    for_sink.add(sink)
    for_json_sink.add(json_sink)
    sessions = (by_json, by_sbe, for_sink, for_json_sink)
    for session in sessions:
        session.feed(session.frames(messages[0]))
    expected = [orjson.loads(text)["data"] for text in texts[0]]
    assert got_json == expected
    assert [{**event, "E": 0} for event in got_sbe] == [{**event, "E": 0} for event in expected]
    assert sink.events == json_sink.events == events
    assert sink.total == json_sink.total
    for subscription, session in zip(subscriptions, sessions, strict=False):
        for stream in session.streams.values():
            stream.remove(subscription)
    by_json.subscribe(_keep([None]))
    by_sbe.subscribe(_keep([None]))
    stage = f"{kind}: frame to on_event"
    compare(
        benchmark,
        {
            "fastws, JSON": _fed(by_json, messages[1:], events),
            "fastws, SBE": _fed(by_sbe, messages[1:], events),
            "fastws, SBE, sink": _fed(for_sink, messages[1:], events),
            "fastws, JSON, sink": _fed(for_json_sink, messages[1:], events),
            "orjson.loads": _loaded(texts[1:]),
        },
        [
            Ratio(stage, "fastws, JSON", "orjson.loads", budgets.get("json")),
            Ratio(stage, "fastws, SBE", "orjson.loads"),
            Ratio(f"{kind}: frame to a sink in C", "fastws, SBE, sink", "orjson.loads"),
            Ratio(f"{kind}: frame to a sink in C", "fastws, JSON, sink", "orjson.loads"),
        ],
        operation=f"one {kind}, in CPU time",
        compared=f"the dicts of {events} distinct events, and what sinks got",
        rounds=ROUNDS,
        warmup_rounds=WARM_UP,
    )
    for session in sessions:
        session.close()
    await asyncio.sleep(0)


def test_top(benchmark: BenchmarkFixture) -> None:
    messages = _rounds(market_feeds.tops(EVENTS * (ROUNDS + WARM_UP + 1)), EVENTS)
    texts = [[each.text for each in some] for some in messages]
    asyncio.run(_compare(benchmark, "best bid and ask", messages, texts, json=0.80))


def test_trade(benchmark: BenchmarkFixture) -> None:
    recorded = market_feeds.trades(EVENTS * (ROUNDS + WARM_UP + 1))
    messages = _rounds([twins for twins, _ in recorded], EVENTS)
    texts = [[each.text for each in some] for some in messages]
    asyncio.run(_compare(benchmark, "trade", messages, texts))
