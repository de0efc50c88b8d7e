"""The stages "round trip" and "64 in flight" of test_round_trip.py, over TLS, as the exchange is used.

The server speaks TLS by OpenSSL in its own process. The floor is a C client over OpenSSL. On uvloop, fastws uses
aiofastnet's TLS; beside it stands fastws with uvloop's own TLS.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from bench.clients import Fastws
from bench.harness import Added, Ratio, compare
from bench.native import Floor, Server
from bench.trips import (
    CLIENTS,
    DELAY,
    ORDERS,
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
from fastws.lifecycle import watched_loop


@pytest.fixture(scope="module")
def servers() -> Iterator[dict[int, Server]]:
    with serving(tls=True) as by_delay:
        yield by_delay


OWN_TLS = "fastws with uvloop's TLS"


async def _open_over_tls(server: Server, kind: str, names: Iterable[str] = CLIENTS) -> dict[str, Any]:
    """The same; on uvloop also fastws with the TLS of uvloop, which it uses where there is no epoll."""
    clients = await open_all(server, kind, names)
    if name_of(asyncio.get_running_loop()) == "uvloop":
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(watched_loop, "EXISTS", False)
            clients[OWN_TLS] = client = Fastws()
            await client.open(server.url(kind), server.context())
        for params in ORDERS[:500]:
            await client.place(params)
    return clients


@pytest.mark.parametrize(
    ("kind", "delay", "reply"),
    [("ack", 0, "ACK"), ("full", 0, "FULL"), ("ack", DELAY, "ACK after 0.1 ms")],
    ids=["ack", "full", "ack-delayed"],
)
def test_round_trip_over_tls(
    benchmark: BenchmarkFixture,
    loop: asyncio.AbstractEventLoop,
    servers: dict[int, Server],
    kind: str,
    delay: int,
    reply: str,
) -> None:
    name = name_of(loop)
    server = servers[delay]
    promised = name == "uvloop" and kind == "full"
    stage = f"round trip over TLS, awaited: {name}, {reply}"
    callback = f"round trip over TLS, callback: {name}, {reply}"
    clients = loop.run_until_complete(_open_over_tls(server, kind))
    floor = Floor(server, kind, "block")
    try:
        candidates = {
            label: run_async(loop, time_awaited(client, delay)) for label, client in clients.items()
        }
        for label in ("fastws", "picows, raw", OWN_TLS):
            if label in clients:
                candidates[f"{label}, callback"] = run_async(loop, time_callback(clients[label], delay))
        candidates["C client, blocking"] = time_floor(floor, delay)
        rows = [
            Ratio(stage, "fastws", "C client, blocking"),
            Ratio(callback, "fastws, callback", "C client, blocking"),
            Ratio(stage, "fastws", "picows, raw"),
            Ratio(callback, "fastws, callback", "picows, raw, callback"),
            Ratio(stage, "fastws", "aiohttp", 0.67 if promised else None),
            Ratio(stage, "fastws", "websockets", 0.48 if promised else None),
        ]
        if OWN_TLS in clients:
            rows.append(Ratio(stage, "fastws", OWN_TLS))
            rows.append(Ratio(callback, "fastws, callback", f"{OWN_TLS}, callback"))
        compare(
            benchmark,
            candidates,
            rows,
            operation="one round trip of an order over TLS, in time that passes, less the server's delay",
            compared="the results of 500 distinct replies, of each client",
            rounds=40,
        )
    finally:
        floor.close()
        loop.run_until_complete(close_all(clients))


@pytest.mark.parametrize("name", ["uvloop", "asyncio"])
def test_busy_polling_over_tls(benchmark: BenchmarkFixture, servers: dict[int, Server], name: str) -> None:
    server = servers[0]
    stage = f"round trip over TLS, busy polling, awaited: {name}"
    callback = f"round trip over TLS, busy polling, callback: {name}"
    promised = name == "uvloop"
    with busy(name, spins=True) as loop, busy(name, spins=False) as polling:
        client = loop.run_until_complete(open_all(server, "ack", ["fastws"]))["fastws"]
        others = polling.run_until_complete(_open_over_tls(server, "ack", ["fastws", "picows, raw"]))
        others[POLLED] = others.pop("fastws")
        floor = Floor(server, "ack", "spin")
        try:
            candidates = {
                "fastws": run_async(loop, time_awaited(client, 0)),
                "fastws, callback": run_async(loop, time_callback(client, 0)),
            }
            for label, other in others.items():
                candidates[label] = run_async(polling, time_awaited(other, 0))
                candidates[f"{label}, callback"] = run_async(polling, time_callback(other, 0))
            candidates["C client, spinning"] = time_floor(floor, 0)
            rows: list[Ratio | Added] = [
                Ratio(stage, "fastws", "C client, spinning"),
                Ratio(callback, "fastws, callback", "C client, spinning", 1.50 if promised else None),
                Added(stage, "fastws", "C client, spinning"),
                Added(callback, "fastws, callback", "C client, spinning"),
            ]
            for label in others:
                rows.append(Ratio(stage, "fastws", label))
                rows.append(Ratio(callback, "fastws, callback", f"{label}, callback"))
            compare(
                benchmark,
                candidates,
                rows,
                operation="one round trip of an order over TLS, in time that passes",
                compared="the results of 500 distinct replies, of each client",
                rounds=40,
            )
        finally:
            floor.close()
            loop.run_until_complete(client.close())
            polling.run_until_complete(close_all(others))


def test_64_in_flight_over_tls(
    benchmark: BenchmarkFixture, loop: asyncio.AbstractEventLoop, servers: dict[int, Server]
) -> None:
    name = name_of(loop)
    server = servers[0]
    stage = f"64 in flight over TLS, CPU, awaited: {name}"
    callback = f"64 in flight over TLS, CPU, callback: {name}"
    clients = loop.run_until_complete(_open_over_tls(server, "ack"))
    floor = Floor(server, "ack", "block")
    try:
        candidates = {label: run_async(loop, cpu_awaited(client)) for label, client in clients.items()}
        for label in ("fastws", "picows, raw", OWN_TLS):
            if label in clients:
                candidates[f"{label}, callback"] = run_async(loop, cpu_callback(clients[label]))
        candidates["C client, one send a reply"] = cpu_floor(floor)
        rows = [
            Ratio(stage, "fastws", "C client, one send a reply"),
            Ratio(callback, "fastws, callback", "C client, one send a reply"),
            Ratio(stage, "fastws", "picows, raw"),
            Ratio(callback, "fastws, callback", "picows, raw, callback"),
            Ratio(stage, "fastws", "aiohttp"),
            Ratio(stage, "fastws", "websockets"),
        ]
        if OWN_TLS in clients:
            rows.append(Ratio(stage, "fastws", OWN_TLS))
            rows.append(Ratio(callback, "fastws, callback", f"{OWN_TLS}, callback"))
        compare(
            benchmark,
            candidates,
            rows,
            operation="one request of 64 in flight over TLS, in CPU time of the client's process",
            compared="the results of 500 distinct replies, of each client",
            rounds=25,
        )
    finally:
        floor.close()
        loop.run_until_complete(close_all(clients))
