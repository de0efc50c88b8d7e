"""What a market session of another thread gains for the orders: their round trips while 300 streams burst.

Orders and market data go to one server. Market data comes in bursts of 500 events at once, every 2 ms; its callback
keeps the newest event of each symbol. The session runs on the loop of the orders, or on a loop of its own in another
thread, or not at all.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import threading
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from bench import market_feeds, messages
from bench.clients import Fastws, callback_trips
from bench.harness import Batch, Ratio, compare
from bench.market_clients import Market
from bench.native import Server
from bench.sweeps import fresh_uvloop
from bench.trips import apart

MIXED = market_feeds.mixed(4_000)
ORDERS = messages.order_params(400)
BURST = 500
PAUSE = 0.002  # seconds between bursts
SWITCH = 0.0001  # seconds after which a thread that waits for the GIL gets it


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    with fresh_uvloop() as made:
        yield made


class Thread:
    """An event loop in a thread of its own."""

    def __init__(self) -> None:
        import uvloop

        self._loop = uvloop.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(20)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()


def test_orders_while_streams_burst(benchmark: BenchmarkFixture, loop: asyncio.AbstractEventLoop) -> None:
    replies = {
        "ack": messages.distinct(messages.order_ack, 400),
        "logon": messages.distinct(messages.logon, 1),
    }
    feeds = {"mixed": market_feeds.recorded(MIXED, sbe=True)}
    names = market_feeds.streams(MIXED, sbe=True)
    trips: dict[str, list[float]] = {}

    with Server("spin", replies, feeds=feeds) as server, apart(server):
        orders = Fastws()
        loop.run_until_complete(orders.open(server.url("ack"), None))

        async def bursts(stop: asyncio.Event) -> None:
            while not stop.is_set():
                server.play("mixed", 0, BURST)
                await asyncio.sleep(PAUSE)

        async def timed(where: str, playing: bool) -> float:
            stop = asyncio.Event()
            player = asyncio.ensure_future(bursts(stop)) if playing else None
            took: list[float] = []
            for at in range(0, len(ORDERS), 20):
                took += await callback_trips(orders, ORDERS[at : at + 20])
                await asyncio.sleep(0)
            stop.set()
            if player is not None:
                await player
            trips.setdefault(where, []).extend(took)
            return statistics.mean(took)

        def here() -> float:
            market = Market(sbe=True)
            loop.run_until_complete(market.open(server, names))
            try:
                return loop.run_until_complete(timed("the same loop", True))
            finally:
                assert market.newest
                loop.run_until_complete(market.close())

        def elsewhere(where: str, interval: float) -> Callable[[], float]:
            def run() -> float:
                market, thread, before = Market(sbe=True), Thread(), sys.getswitchinterval()
                thread.run(market.open(server, names))
                sys.setswitchinterval(interval)
                try:
                    return loop.run_until_complete(timed(where, True))
                finally:
                    sys.setswitchinterval(before)
                    assert market.newest
                    thread.run(market.close())
                    thread.close()

            return run

        def without() -> float:
            return loop.run_until_complete(timed("no market data", False))

        candidates: dict[str, Batch] = {
            "another thread": elsewhere("another thread", sys.getswitchinterval()),
            "another thread, switch interval 0.1 ms": elsewhere(
                "another thread, switch interval 0.1 ms", SWITCH
            ),
            "the same loop": here,
            "no market data": without,
        }
        stage = "order while 300 streams burst: mean round trip"
        compare(
            benchmark,
            candidates,
            [
                Ratio(stage, "another thread", "the same loop"),
                Ratio(stage, "another thread, switch interval 0.1 ms", "the same loop"),
                Ratio(stage, "the same loop", "no market data"),
            ],
            operation="an order in the clear, from the call to its callback",
            compared="that market data came meanwhile",
            rounds=8,
            warmup_rounds=1,
        )
        loop.run_until_complete(orders.close())
    rows = []
    for where, all_of in trips.items():
        ordered = sorted(all_of)
        rows.append(
            [
                where,
                *(round(ordered[len(ordered) * share // 1000] / 1000, 1) for share in (500, 900, 990, 999)),
            ]
        )
    benchmark.extra_info["tables"] = [
        {
            "title": "An order's round trip while 300 streams burst",
            "head": ["the market session runs on", "p50, µs", "p90", "p99", "p99.9"],
            "rows": rows,
            "note": f"Bursts of {BURST} SBE events every {PAUSE * 1000:.0f} ms, as dicts to a callback; orders one"
            " after the other, in the clear. Threads of one process share the interpreter: a thread that waits for it"
            " gets it when the other sleeps, or after sys.setswitchinterval(), 5 ms by default. A process of its own"
            " shares nothing.",
        }
    ]
