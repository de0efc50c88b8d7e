"""Scale: subscriptions of one connection, from 1 to 1,000: what subscribing costs, and what an event costs.

The connection has no socket, so the time is that of fastws alone: to write the request and read its reply; and to read
an event, find its subscription, and call its callback. The events come from all subscriptions in turn.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections import deque
from pathlib import Path
from typing import Any

from pytest_benchmark.fixture import BenchmarkFixture

from bench import messages
from bench.sweeps import keep, sweep

sys.path.append(str(Path(__file__).resolve().parent.parent / "tests"))
from helpers.offline import Offline
from helpers.support import KEY, frame

POINTS = (1, 3, 10, 30, 100, 300, 1_000)
EVENTS = 2_000
REPORTS = messages.distinct(messages.event, 500)


def _subscribe(offline: Offline, number: int, got: Any) -> None:
    reply = offline.client.user_data_stream_subscribe_signature(on_event=got)
    offline.client.flush()
    document = {"id": reply.info.id, "status": 200, "result": {"subscriptionId": number}}
    offline.feed(frame(1, messages.compact(document)))
    assert reply.done()


async def _subscribing(count: int) -> float:
    """Nanoseconds a subscription, until there are ``count``."""
    times = max(1, 100 // count)
    taken = 0
    for _ in range(times):
        offline = Offline(**KEY)
        start = time.process_time_ns()
        for number in range(count):
            _subscribe(offline, number, deque(maxlen=0).append)
        taken += time.process_time_ns() - start
        offline.lose()
    return taken / (times * count)


async def _receiving(count: int) -> float:
    """Nanoseconds an event, with ``count`` subscriptions."""
    offline = Offline(**KEY)
    got: deque[Any] = deque(maxlen=1)
    for number in range(count):
        _subscribe(offline, number, got.append)
    data = b"".join(
        frame(
            1, REPORTS[number % 500].replace(b'"subscriptionId":0', b'"subscriptionId":%d' % (number % count))
        )
        for number in range(EVENTS)
    )
    start = time.process_time_ns()
    offline.feed(data)
    taken = time.process_time_ns() - start
    assert got[0]["e"] == "executionReport"
    offline.lose()
    return taken / EVENTS


def test_subscriptions(benchmark: BenchmarkFixture) -> None:
    curves = sweep(
        benchmark,
        POINTS,
        {
            "an event": lambda count: asyncio.run(_receiving(count)),
            "a subscribe": lambda count: asyncio.run(_subscribing(count)),
        },
    )
    keep(
        benchmark,
        curves,
        name="subscriptions",
        title="Subscriptions of one connection",
        x_label="subscriptions",
        y_label="µs of CPU",
        note="An executionReport of 35 fields to a callback; userDataStream.subscribe.signature, signed with HMAC.",
    )
