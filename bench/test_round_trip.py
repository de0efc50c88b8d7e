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

from bench.harness import Added, Ratio, compare
from bench.native import Floor, Server
from bench.trips import (
    DELAY,
    POLLED,
    busy,
    close_all,
    cpu_awaited,
    cpu_callback,
    cpu_floor,
    name_of,
    open_all,
    run_async,
    serving,
    time_awaited,
    time_callback,
    time_floor,
)


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
    name = name_of(loop)
    server = servers[delay]
    stage, callback = f"round trip, awaited: {name}, {reply}", f"round trip, callback: {name}, {reply}"
    promised = kind == "ack"
    clients = loop.run_until_complete(open_all(server, kind))
    floor = Floor(server, kind, "block")
    try:
        candidates = {
            label: run_async(loop, time_awaited(client, delay)) for label, client in clients.items()
        }
        candidates["fastws, callback"] = run_async(loop, time_callback(clients["fastws"], delay))
        candidates["picows, raw, callback"] = run_async(loop, time_callback(clients["picows, raw"], delay))
        candidates["C client, blocking"] = time_floor(floor, delay)
        budget = {"uvloop": 1.12, "asyncio": 1.22}[name]
        compare(
            benchmark,
            candidates,
            [
                Ratio(stage, "fastws", "C client, blocking", budget if delay else None),
                Ratio(callback, "fastws, callback", "C client, blocking"),
                Ratio(stage, "fastws", "picows, raw"),
                Ratio(callback, "fastws, callback", "picows, raw, callback"),
                Ratio(stage, "fastws", "aiohttp", 0.60 if promised else None),
                Ratio(stage, "fastws", "websockets", 0.50 if promised else None),
                Ratio(stage, "C client, blocking", "aiohttp"),
                Ratio(stage, "C client, blocking", "websockets"),
            ],
            operation="one round trip of an order, in time that passes, less the server's delay",
            compared="the results of 500 distinct replies, of each client",
            rounds=40,
        )
    finally:
        floor.close()
        loop.run_until_complete(close_all(clients))


@pytest.mark.parametrize("name", ["uvloop", "asyncio"])
def test_busy_polling(benchmark: BenchmarkFixture, servers: dict[int, Server], name: str) -> None:
    server = servers[0]
    awaited_stage = f"round trip, busy polling, awaited: {name}"
    callback_stage = f"round trip, busy polling, callback: {name}"
    promised = name == "uvloop"
    with busy(name, spins=True) as loop, busy(name, spins=False) as polling:
        client = loop.run_until_complete(open_all(server, "ack", ["fastws"]))["fastws"]
        others = polling.run_until_complete(open_all(server, "ack", ["fastws", "picows, raw"]))
        floor = Floor(server, "ack", "spin")
        try:
            candidates = {
                "fastws": run_async(loop, time_awaited(client, 0)),
                "fastws, callback": run_async(loop, time_callback(client, 0)),
                POLLED: run_async(polling, time_awaited(others["fastws"], 0)),
                f"{POLLED}, callback": run_async(polling, time_callback(others["fastws"], 0)),
                "picows, raw": run_async(polling, time_awaited(others["picows, raw"], 0)),
                "picows, raw, callback": run_async(polling, time_callback(others["picows, raw"], 0)),
                "C client, spinning": time_floor(floor, 0),
            }
            compare(
                benchmark,
                candidates,
                [
                    Ratio(awaited_stage, "fastws", "C client, spinning", 1.48 if promised else None),
                    Ratio(
                        callback_stage, "fastws, callback", "C client, spinning", 1.35 if promised else None
                    ),
                    Ratio(awaited_stage, "fastws", POLLED),
                    Ratio(callback_stage, "fastws, callback", f"{POLLED}, callback"),
                    Ratio(awaited_stage, "fastws", "picows, raw"),
                    Ratio(callback_stage, "fastws, callback", "picows, raw, callback"),
                    Added(awaited_stage, "fastws", "C client, spinning"),
                    Added(callback_stage, "fastws, callback", "C client, spinning"),
                ],
                operation="one round trip of an order, in time that passes",
                compared="the results of 500 distinct replies, of each client",
                rounds=40,
            )
        finally:
            floor.close()
            loop.run_until_complete(client.close())
            polling.run_until_complete(close_all(others))


def test_64_in_flight(
    benchmark: BenchmarkFixture, loop: asyncio.AbstractEventLoop, servers: dict[int, Server]
) -> None:
    name = name_of(loop)
    server = servers[0]
    stage, callback = f"64 in flight, CPU, awaited: {name}", f"64 in flight, CPU, callback: {name}"
    promised = name == "uvloop"
    clients = loop.run_until_complete(open_all(server, "ack"))
    floor = Floor(server, "ack", "block")
    try:
        candidates = {label: run_async(loop, cpu_awaited(client)) for label, client in clients.items()}
        candidates["fastws, callback"] = run_async(loop, cpu_callback(clients["fastws"]))
        candidates["picows, raw, callback"] = run_async(loop, cpu_callback(clients["picows, raw"]))
        candidates["C client, one send a reply"] = cpu_floor(floor)
        compare(
            benchmark,
            candidates,
            [
                Ratio(stage, "fastws", "C client, one send a reply", 0.55 if promised else None),
                Ratio(callback, "fastws, callback", "C client, one send a reply", 0.42 if promised else None),
                Ratio(stage, "fastws", "picows, raw"),
                Ratio(callback, "fastws, callback", "picows, raw, callback"),
                Ratio(stage, "fastws", "aiohttp"),
                Ratio(stage, "fastws", "websockets"),
            ],
            operation="one request of 64 in flight, in CPU time of the client's process",
            compared="the results of 500 distinct replies, of each client",
            rounds=25,
        )
    finally:
        floor.close()
        loop.run_until_complete(close_all(clients))
