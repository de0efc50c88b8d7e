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
import os
import selectors
import statistics
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

import orjson
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from bench import messages
from bench.clients import (
    Aiohttp,
    Awaited,
    Fastws,
    Picows,
    PythonBinance,
    Websockets,
    awaited,
    awaited_trips,
    by_callback,
    callback_trips,
)
from bench.harness import Added, Batch, Ratio, compare
from bench.native import Floor, Server

ORDERS = messages.order_params(1280)
TRIPS = 200
WARM_UP = 20  # untimed trips before each batch: they wake the server
IN_FLIGHT = 64
DELAY = 100_000  # nanoseconds, of the slow server
REPLIES = {"ack": messages.order_ack, "full": messages.order_full}


@pytest.fixture(params=["uvloop", "asyncio"])
def loop(request: pytest.FixtureRequest) -> Iterator[asyncio.AbstractEventLoop]:
    factory = asyncio.SelectorEventLoop
    if request.param == "uvloop":
        factory = pytest.importorskip("uvloop").new_event_loop
    made = factory()
    yield made
    made.close()


@pytest.fixture(scope="module")
def servers() -> Iterator[dict[int, Server]]:
    """The servers, by their delay in nanoseconds."""
    replies = {name: messages.distinct(make, 500) for name, make in REPLIES.items()}
    replies["logon"] = messages.distinct(messages.logon, 1)
    with Server("spin", replies) as prompt, Server("spin", replies, DELAY) as slow, _apart(prompt, slow):
        yield {0: prompt, DELAY: slow}


@contextmanager
def _apart(*servers: Server) -> Iterator[None]:
    """Keep the servers on one core and the clients on the others, where the system can do that: else the
    clients are now and then woken on the core that a server keeps busy."""
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_setaffinity") else []
    if len(cores) < 2:
        yield
        return
    for server in servers:
        os.sched_setaffinity(server.pid, cores[-1:])
    os.sched_setaffinity(0, cores[:-1])
    yield
    os.sched_setaffinity(0, cores)


def _name(loop: asyncio.AbstractEventLoop) -> str:
    return "uvloop" if "uvloop" in type(loop).__module__ else "asyncio"


async def _open(server: Server, kind: str) -> dict[str, Any]:
    """Each client, connected, and found to read the server's replies."""
    clients: dict[str, Any] = {
        "fastws": Fastws(),
        "picows, raw": Picows(),
        "aiohttp": Aiohttp(),
        "websockets": Websockets(),
    }
    expected = [orjson.loads(message)["result"] for message in messages.distinct(REPLIES[kind], 500)]
    for name, client in clients.items():
        await client.open(server.url(kind))
        got = [await client.place(params) for params in ORDERS[:500]]
        assert got == expected, f"{name} reads the replies differently"
    return clients


async def _close(clients: dict[str, Any]) -> None:
    for client in clients.values():
        await client.close()


def _run_async(loop: asyncio.AbstractEventLoop, run: Callable[[], Coroutine[Any, Any, float]]) -> Batch:
    return lambda: loop.run_until_complete(run())


def _time_awaited(client: Awaited, delay: int) -> Callable[[], Coroutine[Any, Any, float]]:
    async def run() -> float:
        await awaited_trips(client, ORDERS[:WARM_UP])
        return statistics.median(await awaited_trips(client, ORDERS[:TRIPS])) - delay

    return run


def _time_callback(client: Any, delay: int) -> Callable[[], Coroutine[Any, Any, float]]:
    async def run() -> float:
        await callback_trips(client, ORDERS[:WARM_UP])
        return statistics.median(await callback_trips(client, ORDERS[:TRIPS])) - delay

    return run


def _time_floor(floor: Floor, delay: int) -> Batch:
    def run() -> float:
        floor.run(WARM_UP)
        return float(floor.run(TRIPS)["median_ns"]) - delay

    return run


def _cpu_awaited(client: Awaited) -> Callable[[], Coroutine[Any, Any, float]]:
    async def run() -> float:
        await awaited_trips(client, ORDERS[:WARM_UP])
        start = time.process_time_ns()
        await awaited(client, ORDERS, IN_FLIGHT)
        return (time.process_time_ns() - start) / len(ORDERS)

    return run


def _cpu_callback(client: Any) -> Callable[[], Coroutine[Any, Any, float]]:
    async def run() -> float:
        await callback_trips(client, ORDERS[:WARM_UP])
        start = time.process_time_ns()
        await by_callback(client, ORDERS, IN_FLIGHT)
        return (time.process_time_ns() - start) / len(ORDERS)

    return run


def _cpu_floor(floor: Floor) -> Batch:
    def run() -> float:
        floor.run(WARM_UP)
        return float(floor.run(len(ORDERS), IN_FLIGHT)["cpu_ns"]) / len(ORDERS)

    return run


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
    name = _name(loop)
    server = servers[delay]
    stage, callback = f"round trip, awaited: {name}, {reply}", f"round trip, callback: {name}, {reply}"
    promised = kind == "ack"
    clients = loop.run_until_complete(_open(server, kind))
    floor = Floor(server, kind, "block")
    try:
        candidates = {
            label: _run_async(loop, _time_awaited(client, delay)) for label, client in clients.items()
        }
        candidates["fastws, callback"] = _run_async(loop, _time_callback(clients["fastws"], delay))
        candidates["picows, raw, callback"] = _run_async(loop, _time_callback(clients["picows, raw"], delay))
        candidates["C client, blocking"] = _time_floor(floor, delay)
        budget = {"uvloop": 1.35, "asyncio": 1.60}[name]
        compare(
            benchmark,
            candidates,
            [
                Ratio(stage, "fastws", "C client, blocking", budget if promised else None),
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
        loop.run_until_complete(_close(clients))


def test_signed_round_trip(
    benchmark: BenchmarkFixture, loop: asyncio.AbstractEventLoop, servers: dict[int, Server]
) -> None:
    """Two whole clients, both of which sign each request: fastws without its logon."""
    pytest.importorskip("binance", exc_type=ImportError)
    name, server, secret = _name(loop), servers[DELAY], "s" * 64
    clients: dict[str, Awaited] = {"fastws": Fastws(secret), "python-binance": PythonBinance(secret)}
    expected = [orjson.loads(message)["result"] for message in messages.distinct(REPLIES["ack"], 500)]

    async def open_all() -> None:
        for label, client in clients.items():
            await client.open(server.url("ack"))
            got = [await client.place(params) for params in ORDERS[:500]]
            assert got == expected, f"{label} reads the replies differently"

    loop.run_until_complete(open_all())
    floor = Floor(server, "ack", "block")
    try:
        candidates = {
            label: _run_async(loop, _time_awaited(client, DELAY)) for label, client in clients.items()
        }
        candidates["C client, blocking"] = _time_floor(floor, DELAY)
        stage = f"round trip, awaited, signed with HMAC: {name}, ACK after 0.1 ms"
        compare(
            benchmark,
            candidates,
            [
                Ratio(stage, "fastws", "python-binance", 0.35),
                Ratio(stage, "C client, blocking", "python-binance"),
            ],
            operation="one round trip of a signed order, in time that passes, less the server's delay",
            compared="the results of 500 distinct replies, of each client",
            rounds=25,
        )
    finally:
        floor.close()
        loop.run_until_complete(_close(clients))


class _Eager(selectors.DefaultSelector):
    """Never sleeps."""

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        return super().select(0)


@contextmanager
def _busy(name: str) -> Iterator[asyncio.AbstractEventLoop]:
    """An event loop that polls its sockets without a rest."""
    if name == "asyncio":
        loop: asyncio.AbstractEventLoop = asyncio.SelectorEventLoop(_Eager())
        stop: list[bool] = []
    else:
        loop = pytest.importorskip("uvloop").new_event_loop()
        stop = []

        def again() -> None:
            if not stop:
                loop.call_soon(again)  # a loop with something to do does not sleep

        again()
    try:
        yield loop
    finally:
        stop.append(True)
        loop.close()


@pytest.mark.parametrize("name", ["uvloop", "asyncio"])
def test_busy_polling(benchmark: BenchmarkFixture, servers: dict[int, Server], name: str) -> None:
    server = servers[0]
    awaited_stage = f"round trip, busy polling, awaited: {name}"
    callback_stage = f"round trip, busy polling, callback: {name}"
    promised = name == "uvloop"
    with _busy(name) as loop:
        clients = loop.run_until_complete(_open(server, "ack"))
        floor = Floor(server, "ack", "spin")
        try:
            candidates = {
                "fastws": _run_async(loop, _time_awaited(clients["fastws"], 0)),
                "fastws, callback": _run_async(loop, _time_callback(clients["fastws"], 0)),
                "picows, raw": _run_async(loop, _time_awaited(clients["picows, raw"], 0)),
                "picows, raw, callback": _run_async(loop, _time_callback(clients["picows, raw"], 0)),
                "C client, spinning": _time_floor(floor, 0),
            }
            compare(
                benchmark,
                candidates,
                [
                    Ratio(awaited_stage, "fastws", "C client, spinning", 1.90 if promised else None),
                    Ratio(
                        callback_stage, "fastws, callback", "C client, spinning", 1.50 if promised else None
                    ),
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
            loop.run_until_complete(_close(clients))


def test_64_in_flight(
    benchmark: BenchmarkFixture, loop: asyncio.AbstractEventLoop, servers: dict[int, Server]
) -> None:
    name = _name(loop)
    server = servers[0]
    stage, callback = f"64 in flight, CPU, awaited: {name}", f"64 in flight, CPU, callback: {name}"
    promised = name == "uvloop"
    clients = loop.run_until_complete(_open(server, "ack"))
    floor = Floor(server, "ack", "block")
    try:
        candidates = {label: _run_async(loop, _cpu_awaited(client)) for label, client in clients.items()}
        candidates["fastws, callback"] = _run_async(loop, _cpu_callback(clients["fastws"]))
        candidates["picows, raw, callback"] = _run_async(loop, _cpu_callback(clients["picows, raw"]))
        candidates["C client, one send a reply"] = _cpu_floor(floor)
        compare(
            benchmark,
            candidates,
            [
                Ratio(stage, "fastws", "C client, one send a reply", 1.00 if promised else None),
                Ratio(callback, "fastws, callback", "C client, one send a reply", 0.55 if promised else None),
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
        loop.run_until_complete(_close(clients))
