"""Stage "hand-over": what an order costs while the client leaves a connection for another one.

The connections have no sockets. The orders are corked, and leave after the clock was stopped; 40 of them are less than
the 16 kB at which they would leave. "stays": an order of the symbol is unanswered on the old connection, so all follow
it there. "names": the time of all is over, and each order names (cancels and replaces) an unanswered one.
"""

from __future__ import annotations

import asyncio
import operator
import sys
import time
from collections.abc import Callable
from pathlib import Path

from pytest_benchmark.fixture import BenchmarkFixture

from bench import messages
from bench.clients import Json
from bench.harness import Batch, Ratio, compare

sys.path.append(str(Path(__file__).resolve().parent.parent / "tests"))
from helpers.leaving import Leaving, where

CORKED = 40
ORDERS = [{**params, "symbol": "BTCUSDT"} for params in messages.order_params(CORKED)]
REPLACE: Json = {"cancelReplaceMode": "STOP_ON_FAILURE"}
NAMING = [
    {**params, **REPLACE, "cancelOrigClientOrderId": f"waits-{number}"}
    for number, params in enumerate(ORDERS)
]
PLAIN = [{**params, **REPLACE, "cancelOrigClientOrderId": f"never-{n}"} for n, params in enumerate(ORDERS)]


async def corked(way: str) -> float:
    """Nanoseconds that one order takes; a new client for each batch."""
    both = Leaving(timeout=600.0, logon="never")
    for wire in (both, both.new):
        both.log_on(wire, "k" * 64)
    place: Callable[..., object] = both.client.order_place
    orders = ORDERS
    if way in ("replaces", "names"):
        place, orders = both.client.order_cancel_replace, (PLAIN if way == "replaces" else NAMING)
        for number in range(CORKED if way == "names" else 0):
            both.place(newClientOrderId=f"waits-{number}", on_reply=operator.is_)
    elif way != "steady":
        both.place("BTCUSDT" if way == "stays" else "ETHUSDT", on_reply=operator.is_)
    if way not in ("steady", "replaces"):
        both.switch(0.0 if way == "names" else 1.0)
    both.client.flush()
    first = both.client.ping(urgent=True)  # what follows is corked
    place(**orders[0], on_reply=operator.is_)
    start = time.perf_counter_ns()
    for params in orders[1:]:
        last = place(**params, on_reply=operator.is_)
    took = time.perf_counter_ns() - start
    assert where(last) == ("n" if way == "moves" else "o")
    first.cancel()
    both.lose_both()
    return took / (CORKED - 1)


def test_handover(benchmark: BenchmarkFixture) -> None:
    def batch(way: str) -> Batch:
        return lambda: asyncio.run(corked(way))

    compare(
        benchmark,
        {way: batch(way) for way in ("stays", "moves", "names", "steady", "replaces")},
        [
            Ratio("an order that stays on the old connection", "stays", "steady", budget=1.3),
            Ratio("an order that goes to the successor", "moves", "steady", budget=1.3),
            Ratio("a cancelReplace that names an unanswered order", "names", "replaces"),
        ],
        operation="one order.place, or order.cancelReplace, from the call to its return",
        compared="the connection of the last one",
    )
