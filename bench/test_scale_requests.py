"""Scale: requests in flight, from 1 to 100,000 on one connection.

All are placed in one turn of the event loop, and then awaited, or their callbacks are. The CPU time of the process for
one request is measured: to encode it, to write it, to find its waiter when its reply comes, to decode that, and to wake
the waiter.
"""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

import fastws
from bench import messages
from bench.clients import Picows, pem
from bench.native import Server
from bench.sweeps import Measure, fresh_uvloop, keep, sweep
from bench.trips import apart

POINTS = (1, 3, 10, 30, 100, 300, 1_000, 3_000, 10_000, 30_000, 100_000)
AT_LEAST = 2_000  # requests for each point
ORDERS = messages.order_params(1_280)


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    with fresh_uvloop() as made:
        yield made


async def _await_all(place: Callable[[Any], Awaitable[Any]], count: int) -> None:
    for reply in [place(ORDERS[number % 1_280]) for number in range(count)]:
        await reply


async def _call_back_all(client: fastws.Client, count: int) -> None:
    done = asyncio.get_running_loop().create_future()
    left = count

    def on_reply(result: Any, error: BaseException | None) -> None:
        nonlocal left
        left -= 1
        if error is not None:
            done.set_exception(error)
        elif not left:
            done.set_result(None)

    place = client.order_place
    for number in range(count):
        place(on_reply=on_reply, **ORDERS[number % 1_280])
    await done


def _without_gc(measure: Measure) -> Measure:
    def measured(point: int) -> float:
        gc.disable()
        try:
            return measure(point)
        finally:
            gc.enable()

    return measured


def _cpu(loop: asyncio.AbstractEventLoop, run: Callable[[int], Awaitable[None]]) -> Measure:
    async def repeated(in_flight: int) -> float:
        times = max(1, AT_LEAST // in_flight)
        await run(in_flight)
        start = time.process_time_ns()
        for _ in range(times):
            await run(in_flight)
        return (time.process_time_ns() - start) / (times * in_flight)

    return lambda in_flight: loop.run_until_complete(repeated(in_flight))


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_requests_in_flight(benchmark: BenchmarkFixture, loop: asyncio.AbstractEventLoop, tls: bool) -> None:
    replies = {
        "ack": messages.distinct(messages.order_ack, 500),
        "logon": messages.distinct(messages.logon, 1),
    }
    with Server("spin", replies, tls=tls) as server, apart(server):
        client = loop.run_until_complete(_connect(server))
        raw = loop.run_until_complete(_connect_by_hand(server))
        awaited = _cpu(loop, lambda n: _await_all(lambda order: client.order_place(**order), n))
        curves = sweep(
            benchmark,
            POINTS,
            {
                "fastws, awaited": awaited,
                "fastws, awaited, GC off": _without_gc(awaited),
                "fastws, callback": _cpu(loop, lambda n: _call_back_all(client, n)),
                "raw picows, awaited": _cpu(loop, lambda n: _await_all(raw.place, n)),
            },
            rounds=2,
        )
        assert client.stats["unknown"] == 0
        loop.run_until_complete(raw.close())
        loop.run_until_complete(client.close())
    over = " over TLS" if tls else ""
    keep(
        benchmark,
        curves,
        name=f"in-flight{'-tls' if tls else ''}",
        title=f"Requests in flight{over}",
        x_label="requests in flight",
        y_label="µs of CPU a request",
        note="order.place with an ACK, on one connection of a session that is logged on; uvloop. What grows from some"
        " thousands on is CPython's garbage collector, which visits what waits: Future, record and result.",
    )


async def _connect(server: Server) -> fastws.Client:
    return await fastws.connect(
        server.url("ack"),
        ssl_context=server.context(),
        api_key="k" * 64,
        private_key=pem(),
        sync_every=None,
        timeout=120.0,
        max_output=1 << 30,
    )


async def _connect_by_hand(server: Server) -> Picows:
    client = Picows()
    await client.open(server.url("ack"), server.context())
    return client
