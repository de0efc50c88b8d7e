"""Clients that place orders at the compiled server, and how their trips are timed, in the clear and over TLS."""

from __future__ import annotations

import asyncio
import os
import selectors
import statistics
import time
from collections.abc import Callable, Coroutine, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import orjson
import pytest

from bench import messages
from bench.clients import (
    Aiohttp,
    Awaited,
    Fastws,
    Picows,
    Websockets,
    awaited,
    awaited_trips,
    by_callback,
    callback_trips,
)
from bench.harness import Batch
from bench.native import Floor, Server
from fastws.loop_thread import spin

ORDERS = messages.order_params(1280)
TRIPS = 200
WARM_UP = 20  # untimed trips before each batch: they wake the server
IN_FLIGHT = 64
DELAY = 100_000  # nanoseconds, of the slow server
POLLED = "fastws on a loop that polls by itself"
REPLIES = {"ack": messages.order_ack, "full": messages.order_full}


@contextmanager
def apart(*servers: Server) -> Iterator[None]:
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


@contextmanager
def serving(tls: bool = False) -> Iterator[dict[int, Server]]:
    """The servers of the round trips, by their delay in nanoseconds."""
    replies = {name: messages.distinct(make, 500) for name, make in REPLIES.items()}
    replies["logon"] = messages.distinct(messages.logon, 1)
    with (
        Server("spin", replies, tls=tls) as prompt,
        Server("spin", replies, DELAY, tls=tls) as slow,
        apart(prompt, slow),
    ):
        yield {0: prompt, DELAY: slow}


def name_of(loop: asyncio.AbstractEventLoop) -> str:
    return "uvloop" if "uvloop" in type(loop).__module__ else "asyncio"


CLIENTS = {"fastws": Fastws, "picows, raw": Picows, "aiohttp": Aiohttp, "websockets": Websockets}


async def open_all(server: Server, kind: str, names: Iterable[str] = CLIENTS) -> dict[str, Any]:
    """These clients, connected, and found to read the server's replies."""
    clients: dict[str, Any] = {name: CLIENTS[name]() for name in names}
    expected = [orjson.loads(message)["result"] for message in messages.distinct(REPLIES[kind], 500)]
    for name, client in clients.items():
        await client.open(server.url(kind), server.context())
        got = [await client.place(params) for params in ORDERS[:500]]
        assert got == expected, f"{name} reads the replies differently"
    return clients


async def close_all(clients: dict[str, Any]) -> None:
    for client in clients.values():
        await client.close()


class _Eager(selectors.DefaultSelector):
    """Never sleeps."""

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        return super().select(0)


@contextmanager
def busy(name: str, spins: bool) -> Iterator[asyncio.AbstractEventLoop]:
    """An event loop that polls its sockets without a rest: by itself, or as ``fastws.run(spin=True)`` lets it."""
    if name == "asyncio":
        loop: asyncio.AbstractEventLoop = asyncio.SelectorEventLoop(None if spins else _Eager())
    else:
        loop = pytest.importorskip("uvloop").new_event_loop()

    def again() -> None:
        loop.call_soon(again)  # a loop with something to do does not sleep

    end = spin(loop) if spins else None
    if not spins and name != "asyncio":
        again()
    try:
        yield loop
    finally:
        loop.close()
        if end is not None:
            end()


def run_async(loop: asyncio.AbstractEventLoop, run: Callable[[], Coroutine[Any, Any, float]]) -> Batch:
    return lambda: loop.run_until_complete(run())


def time_awaited(client: Awaited, delay: int) -> Callable[[], Coroutine[Any, Any, float]]:
    async def run() -> float:
        await awaited_trips(client, ORDERS[:WARM_UP])
        return statistics.median(await awaited_trips(client, ORDERS[:TRIPS])) - delay

    return run


def time_callback(client: Any, delay: int) -> Callable[[], Coroutine[Any, Any, float]]:
    async def run() -> float:
        await callback_trips(client, ORDERS[:WARM_UP])
        return statistics.median(await callback_trips(client, ORDERS[:TRIPS])) - delay

    return run


def time_floor(floor: Floor, delay: int) -> Batch:
    def run() -> float:
        floor.run(WARM_UP)
        return float(floor.run(TRIPS)["median_ns"]) - delay

    return run


def cpu_awaited(client: Awaited) -> Callable[[], Coroutine[Any, Any, float]]:
    async def run() -> float:
        await awaited_trips(client, ORDERS[:WARM_UP])
        start = time.process_time_ns()
        await awaited(client, ORDERS, IN_FLIGHT)
        return (time.process_time_ns() - start) / len(ORDERS)

    return run


def cpu_callback(client: Any) -> Callable[[], Coroutine[Any, Any, float]]:
    async def run() -> float:
        await callback_trips(client, ORDERS[:WARM_UP])
        start = time.process_time_ns()
        await by_callback(client, ORDERS, IN_FLIGHT)
        return (time.process_time_ns() - start) / len(ORDERS)

    return run


def cpu_floor(floor: Floor) -> Batch:
    def run() -> float:
        floor.run(WARM_UP)
        return float(floor.run(len(ORDERS), IN_FLIGHT)["cpu_ns"]) / len(ORDERS)

    return run
