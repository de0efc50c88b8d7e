"""Stage "loss": what it costs to end the requests in flight when their connection is lost.

The connection has no socket, so nothing but the end of the requests is in the time. Each of them is an order, and
ends in an ExecutionUnknown; by hand it would be a future that gets a ConnectionLost.
"""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path

from pytest_benchmark.fixture import BenchmarkFixture

import fastws
from bench import messages
from bench.harness import Batch, Ratio, compare

sys.path.append(str(Path(__file__).resolve().parent.parent / "tests"))
from helpers.offline import Offline
from helpers.support import KEY

FEW, MANY = 1_000, 10_000
ORDERS = messages.order_params(MANY)


async def lose(count: int) -> float:
    offline = Offline(timeout=600.0, max_output=1 << 30, **KEY)
    replies = [offline.client.order_place(**params) for params in ORDERS[:count]]
    offline.client.flush()
    start = time.perf_counter_ns()
    offline.lose()
    took = time.perf_counter_ns() - start
    assert all(isinstance(reply.exception(), fastws.ExecutionUnknown) for reply in replies)
    return took / count


async def by_hand(count: int) -> float:
    loop = asyncio.get_running_loop()
    futures = [loop.create_future() for _ in range(count)]
    start = time.perf_counter_ns()
    for future in futures:
        future.set_exception(fastws.ConnectionLost())
    took = time.perf_counter_ns() - start
    assert all(isinstance(future.exception(), fastws.ConnectionLost) for future in futures)
    return took / count


def test_loss(benchmark: BenchmarkFixture) -> None:
    def batch(way: str, count: int) -> Batch:
        return lambda: asyncio.run(lose(count) if way == "lost" else by_hand(count))

    compare(
        benchmark,
        {
            "10,000 lost": batch("lost", MANY),
            "1,000 lost": batch("lost", FEW),
            "10,000 by hand": batch("by hand", MANY),
        },
        [
            Ratio("loss with 10,000 in flight", "10,000 lost", "1,000 lost", budget=1.3),
            Ratio("loss, beside set_exception()", "10,000 lost", "10,000 by hand", budget=5.0),
        ],
        operation="the end of one order.place in flight, when its connection is lost",
        compared="the kind of each exception",
        rounds=12,
        warmup_rounds=1,
    )
