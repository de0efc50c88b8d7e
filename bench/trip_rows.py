"""Who is timed in test_round_trip.py and test_round_trip_tls.py, and the rows of the table that follow."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping
from typing import Any

from pytest_benchmark.fixture import BenchmarkFixture

from bench.harness import Added, Batch, Ratio, compare
from bench.native import Floor, Server
from bench.trips import (
    CLIENTS,
    POLLED,
    busy,
    close_all,
    cpu_awaited,
    cpu_callback,
    cpu_floor,
    name_of,
    open_all,
    run_async,
    time_awaited,
    time_callback,
    time_floor,
)

Open = Callable[..., Coroutine[Any, Any, dict[str, Any]]]  # as open_all()
Budgets = Mapping[tuple[str, str], float]  # by subject and reference

COMPARED = "the results of 500 distinct replies, of each client"


def _callbacks(labels: Iterable[str]) -> list[str]:
    """The clients that can call back."""
    return [label for label in labels if label not in ("aiohttp", "websockets")]


def _rows(stage: str, name: str, others: Iterable[str], floor: str, budgets: Budgets) -> list[Ratio | Added]:
    """fastws beside the floor and each of the others; ``{}`` of the stage is how the reply is taken."""
    awaited, callback = f"{stage.format('awaited')}: {name}", f"{stage.format('callback')}: {name}"
    pairs = [(awaited, "fastws", floor), (callback, "fastws, callback", floor)]
    for label in others:
        pairs.append((awaited, "fastws", label))
        if _callbacks([label]):
            pairs.append((callback, "fastws, callback", f"{label}, callback"))
    return [Ratio(*pair, budgets.get(pair[1:])) for pair in pairs]


def round_trip(
    benchmark: BenchmarkFixture,
    loop: asyncio.AbstractEventLoop,
    server: Server,
    kind: str,
    delay: int,
    reply: str,
    *,
    over: str = "",
    opening: Open = open_all,
    budgets: Budgets,
) -> None:
    """``over``: " over TLS", where it is."""
    floor_name = "C client, blocking"
    clients = loop.run_until_complete(opening(server, kind))
    floor = Floor(server, kind, "block")
    try:
        candidates: dict[str, Batch] = {
            label: run_async(loop, time_awaited(client, delay)) for label, client in clients.items()
        }
        for label in _callbacks(clients):
            candidates[f"{label}, callback"] = run_async(loop, time_callback(clients[label], delay))
        candidates[floor_name] = time_floor(floor, delay)
        others = [label for label in clients if label != "fastws"]
        name = f"{name_of(loop)}, {reply}"
        rows = _rows(f"round trip{over}, {{}}", name, others, floor_name, budgets)
        for label in ("aiohttp", "websockets"):
            rows.append(Ratio(f"round trip{over}, awaited: {name}", floor_name, label))
        compare(
            benchmark,
            candidates,
            rows,
            operation=f"one round trip of an order{over}, in time that passes, less the server's delay",
            compared=COMPARED,
            rounds=40,
        )
    finally:
        floor.close()
        loop.run_until_complete(close_all(clients))


def busy_polling(
    benchmark: BenchmarkFixture,
    server: Server,
    name: str,
    *,
    over: str = "",
    opening: Open = open_all,
    budgets: Budgets,
) -> None:
    """One fastws is on a loop that fastws lets spin; another one and its peers are on one that polls by itself."""
    floor_name = "C client, spinning"
    with busy(name, spins=True) as loop, busy(name, spins=False) as polling:
        client = loop.run_until_complete(open_all(server, "ack", ["fastws"]))["fastws"]
        others = polling.run_until_complete(opening(server, "ack", ["fastws", "picows, raw"]))
        others[POLLED] = others.pop("fastws")
        floor = Floor(server, "ack", "spin")
        try:
            candidates: dict[str, Batch] = {
                "fastws": run_async(loop, time_awaited(client, 0)),
                "fastws, callback": run_async(loop, time_callback(client, 0)),
            }
            for label, other in others.items():
                candidates[label] = run_async(polling, time_awaited(other, 0))
                candidates[f"{label}, callback"] = run_async(polling, time_callback(other, 0))
            candidates[floor_name] = time_floor(floor, 0)
            stage = f"round trip{over}, busy polling, {{}}"
            rows = _rows(stage, name, others, floor_name, budgets)
            for way, subject in (("awaited", "fastws"), ("callback", "fastws, callback")):
                rows.append(Added(f"{stage.format(way)}: {name}", subject, floor_name))
            compare(
                benchmark,
                candidates,
                rows,
                operation=f"one round trip of an order{over}, in time that passes",
                compared=COMPARED,
                rounds=40,
            )
        finally:
            floor.close()
            loop.run_until_complete(client.close())
            polling.run_until_complete(close_all(others))


def in_flight(
    benchmark: BenchmarkFixture,
    loop: asyncio.AbstractEventLoop,
    server: Server,
    *,
    over: str = "",
    opening: Open = open_all,
    budgets: Budgets,
) -> None:
    """64 requests, in CPU time of the client's process."""
    floor_name = "C client, one send a reply"
    clients = loop.run_until_complete(opening(server, "ack", CLIENTS))
    floor = Floor(server, "ack", "block")
    try:
        candidates: dict[str, Batch] = {
            label: run_async(loop, cpu_awaited(client)) for label, client in clients.items()
        }
        for label in _callbacks(clients):
            candidates[f"{label}, callback"] = run_async(loop, cpu_callback(clients[label]))
        candidates[floor_name] = cpu_floor(floor)
        others = [label for label in clients if label != "fastws"]
        compare(
            benchmark,
            candidates,
            _rows(f"64 in flight{over}, CPU, {{}}", name_of(loop), others, floor_name, budgets),
            operation=f"one request of 64 in flight{over}, in CPU time of the client's process",
            compared=COMPARED,
            rounds=25,
        )
    finally:
        floor.close()
        loop.run_until_complete(close_all(clients))
