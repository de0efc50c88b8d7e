"""Stages "round trip" and "64 in flight": an order to the compiled server and back.

The server polls, so that a round trip holds no wake-up of its process, and is never the bottleneck. The floor
is a C client on a plain socket that sleeps in recv(), as an event loop sleeps in epoll.

A server that answers within microseconds is often quicker than a client goes to sleep: a loop that looks at
its sockets once more before it sleeps finds the reply there, and pays for no wake-up. The exchange is farther
away. So there is a second server that waits before it answers, long enough for every client to be asleep; its
delay is subtracted.

With busy polling neither side ever sleeps: what is left beside the C client is the work of the client and of its
event loop.

A round trip is measured in time that passes; the value of a batch is the median of its trips. 64 in
flight are measured in CPU time of the client's process, by request: how much of a core a busy strategy
spends on its connection.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from bench.native import Server
from bench.trip_rows import busy_polling, in_flight, round_trip
from bench.trips import DELAY, name_of, serving


@pytest.fixture(scope="module")
def servers() -> Iterator[dict[int, Server]]:
    with serving() as by_delay:
        yield by_delay


@pytest.mark.parametrize(
    ("kind", "delay", "reply"),
    [("ack", 0, "ACK"), ("full", 0, "FULL"), ("ack", DELAY, "ACK after 0.1 ms")],
    ids=["ack", "full", "ack-delayed"],
)
def test_round_trip(
    benchmark: BenchmarkFixture,
    loop: asyncio.AbstractEventLoop,
    servers: dict[int, Server],
    kind: str,
    delay: int,
    reply: str,
) -> None:
    budgets = {("fastws", "aiohttp"): 0.60, ("fastws", "websockets"): 0.50} if kind == "ack" else {}
    if delay:
        budgets["fastws", "C client, blocking"] = {"uvloop": 1.12, "asyncio": 1.22}[name_of(loop)]
    round_trip(benchmark, loop, servers[delay], kind, delay, reply, budgets=budgets)


@pytest.mark.parametrize("name", ["uvloop", "asyncio"])
def test_busy_polling(benchmark: BenchmarkFixture, servers: dict[int, Server], name: str) -> None:
    floor = "C client, spinning"
    budgets = {("fastws", floor): 1.48, ("fastws, callback", floor): 1.35} if name == "uvloop" else {}
    busy_polling(benchmark, servers[0], name, budgets=budgets)


def test_64_in_flight(
    benchmark: BenchmarkFixture, loop: asyncio.AbstractEventLoop, servers: dict[int, Server]
) -> None:
    floor = "C client, one send a reply"
    budgets = (
        {("fastws", floor): 0.55, ("fastws, callback", floor): 0.42} if name_of(loop) == "uvloop" else {}
    )
    in_flight(benchmark, loop, servers[0], budgets=budgets)
