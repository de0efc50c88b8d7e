"""Scale: user data events a second, until a core is busy with them.

The server sends executionReports at a rate, on one connection. The CPU time of the process for an event is measured,
and how many a second arrive: where the core is the limit, fewer do than are sent.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

import fastws
from bench import messages
from bench.clients import pem
from bench.native import Server
from bench.sweeps import Curve, fresh_uvloop, keep
from bench.trips import apart

RATES = (100, 300, 1_000, 3_000, 10_000, 30_000, 100_000, 200_000)
SECONDS = 0.25
SAMPLES = 2
WAYS = ("callback", "callback, over TLS", "iterator, over TLS")


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    with fresh_uvloop() as made:
        yield made


async def _receive(server: Server, rate: int, iterator: bool) -> tuple[float, float]:
    """Microseconds of CPU time for an event, and events a second."""
    client = await fastws.connect(
        server.url(f"ack?events={rate}"),
        ssl_context=server.context(),
        api_key="k" * 64,
        private_key=pem(),
        sync_every=None,
        connect_budget=300,
        reconnect=False,
    )
    got = 0

    def count(event: Any) -> None:
        nonlocal got
        got += 1

    async def consume(subscription: fastws.Subscription) -> None:
        nonlocal got
        async for _ in subscription:
            got += 1

    reader: asyncio.Task[None] | None = None
    if iterator:
        reader = asyncio.ensure_future(consume(await client.user_data_stream_subscribe(buffer=1 << 20)))
    else:
        await client.user_data_stream_subscribe(on_event=count)
    await asyncio.sleep(0.05)
    before, start, cpu = got, time.perf_counter_ns(), time.process_time_ns()
    await asyncio.sleep(SECONDS)
    events = got - before
    cpu, took = time.process_time_ns() - cpu, time.perf_counter_ns() - start
    assert events
    if reader is not None:
        reader.cancel()
        await asyncio.wait([reader])
    await client.close()
    return cpu / events / 1000, events / took * 1e9


def test_events(benchmark: BenchmarkFixture, loop: asyncio.AbstractEventLoop) -> None:
    curves = {way: Curve(way) for way in WAYS}
    arrived: dict[tuple[str, int], float] = {}
    replies = {
        "ack": messages.distinct(messages.order_ack, 10),
        "logon": messages.distinct(messages.logon, 1),
        "userDataStream.subscribe": [b'{"id":1,"status":200,"result":{"subscriptionId":0}}'],
    }
    events = messages.distinct(messages.event, 500)
    with ExitStack() as stack:
        plain = stack.enter_context(Server("spin", replies, events=events))
        secure = stack.enter_context(Server("spin", replies, events=events, tls=True))
        stack.enter_context(apart(plain, secure))

        def once() -> None:
            for rate in RATES:
                for way, curve in curves.items():
                    server = secure if "TLS" in way else plain
                    cost, got = loop.run_until_complete(_receive(server, rate, "iterator" in way))
                    curve.add(rate, cost)
                    arrived[way, rate] = max(got, arrived.get((way, rate), 0))

        benchmark.pedantic(once, rounds=SAMPLES)
    keep(
        benchmark,
        list(curves.values()),
        name="events",
        title="User data events a second",
        x_label="events a second that are sent",
        y_label="µs of CPU an event",
        note="executionReports of 35 fields as dicts, on one connection; uvloop.",
    )
    benchmark.extra_info["tables"].append(
        {
            "title": "Events that arrive in a second",
            "head": ["sent", *WAYS],
            "rows": [[f"{rate:,}", *(round(arrived[way, rate]) for way in WAYS)] for rate in RATES],
            "note": "Where fewer arrive than are sent, a core is the limit. An iterator that cannot keep up fills its"
            " buffer: the event loop reads on, so that replies and pongs are not late, and the iterator gets 128 events"
            " a turn.",
        }
    )
