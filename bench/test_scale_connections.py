"""Scale: connections in one process, from 1 to 1,000, each a client of its own.

The CPU time of the process is measured: to open a connection, TLS and logon included; for a request, when all
connections take turns; and for a second in which nothing happens, which shows what timers cost. They leave from several
addresses of the loopback network, since the exchange allows 300 attempts in five minutes to one address.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Iterator

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

import fastws
from bench import messages
from bench.clients import pem
from bench.native import Server
from bench.sweeps import Curve, fresh_uvloop, keep
from bench.trips import apart

POINTS = (1, 3, 10, 30, 100, 300, 1_000)
AN_ADDRESS = 250  # connections from one address
REQUESTS = 1_000
SAMPLES = 3
IDLE = 0.3  # seconds
ORDER = messages.order_params(1)[0]


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    with fresh_uvloop() as made:
        yield made


async def _open(server: Server, number: int) -> fastws.Client:
    return await fastws.connect(
        server.url("ack"),
        ssl_context=server.context(),
        api_key="k" * 64,
        private_key=pem(),
        sync_every=None,
        connect_budget=300,
        local_addr=(f"127.0.0.{2 + number // AN_ADDRESS}", 0),
    )


async def _in_turn(clients: list[fastws.Client]) -> float:
    """One request at a time, on one connection after the other."""
    start = time.process_time_ns()
    for number in range(REQUESTS):
        await clients[number % len(clients)].order_place(**ORDER)
    return (time.process_time_ns() - start) / REQUESTS


async def _at_once(clients: list[fastws.Client]) -> float:
    """One request in flight on each connection."""
    times = max(1, REQUESTS // len(clients))
    start = time.process_time_ns()
    for _ in range(times):
        for reply in [client.order_place(**ORDER) for client in clients]:
            await reply
    return (time.process_time_ns() - start) / (times * len(clients))


async def _idle() -> float:
    """Nanoseconds of CPU time a second."""
    start = time.process_time_ns()
    await asyncio.sleep(IDLE)
    return (time.process_time_ns() - start) / IDLE


async def _measure(server: Server, curves: dict[str, Curve], idle: list[list[str | float]]) -> None:
    clients: list[fastws.Client] = []
    for point in POINTS:
        start, before = time.process_time_ns(), len(clients)
        while len(clients) < point:
            clients.append(await _open(server, len(clients)))
        curves["opening"].add(point, (time.process_time_ns() - start) / (point - before) / 1000)
        for _ in range(SAMPLES):
            curves["request, in turn"].add(point, await _in_turn(clients) / 1000)
            curves["request, one on each"].add(point, await _at_once(clients) / 1000)
        quiet = min([await _idle() for _ in range(SAMPLES)])
        idle.append([f"{point:,}", round(quiet / 1000), round(quiet / 1000 / point, 2)])
    for client in clients:
        await client.close()


@pytest.mark.skipif(sys.platform != "linux", reason="needs all addresses of 127.0.0.0/8")
def test_connections(benchmark: BenchmarkFixture, loop: asyncio.AbstractEventLoop) -> None:
    replies = {
        "ack": messages.distinct(messages.order_ack, 500),
        "logon": messages.distinct(messages.logon, 1),
    }
    curves = {label: Curve(label) for label in ("opening", "request, in turn", "request, one on each")}
    idle: list[list[str | float]] = []
    with Server("hot", replies, tls=True) as server, apart(server):
        benchmark.pedantic(lambda: loop.run_until_complete(_measure(server, curves, idle)), rounds=1)
    keep(
        benchmark,
        [curves["request, in turn"], curves["request, one on each"]],
        name="connections",
        title="Connections in one process",
        x_label="connections",
        y_label="µs of CPU a request",
        note="Over TLS; order.place with an ACK, one request at a time on one connection after the other, or one in"
        " flight on each; uvloop.",
    )
    keep(
        benchmark,
        [curves["opening"]],
        name="connections-opening",
        title="Opening connections, one after the other",
        x_label="connections that are open",
        y_label="µs of CPU a connection",
        note="TCP, TLS 1.3, WebSocket's handshake, and session.logon with an Ed25519 key.",
    )
    benchmark.extra_info["tables"].append(
        {
            "title": "Idle connections",
            "head": ["connections", "µs of CPU a second", "µs of CPU a second for each"],
            "rows": idle,
            "note": f"The least of {SAMPLES} times {IDLE} s in which nothing was sent or received.",
        }
    )
