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
from bench.native import Server
from bench.trip_rows import busy_polling, in_flight, round_trip
from bench.trips import CLIENTS, DELAY, ORDERS, name_of, open_all, serving
from fastws.lifecycle import watched_loop

OVER = " over TLS"
OWN_TLS = "fastws with uvloop's TLS"


@pytest.fixture(scope="module")
def servers() -> Iterator[dict[int, Server]]:
    with serving(tls=True) as by_delay:
        yield by_delay


async def _open_over_tls(server: Server, kind: str, names: Iterable[str] = CLIENTS) -> dict[str, Any]:
    """As open_all(); on uvloop also fastws with the TLS of uvloop, which it uses where there is no epoll."""
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
    promised = name_of(loop) == "uvloop" and kind == "full"
    budgets = {("fastws", "aiohttp"): 0.67, ("fastws", "websockets"): 0.48} if promised else {}
    server = servers[delay]
    round_trip(
        benchmark, loop, server, kind, delay, reply, over=OVER, opening=_open_over_tls, budgets=budgets
    )


@pytest.mark.parametrize("name", ["uvloop", "asyncio"])
def test_busy_polling_over_tls(benchmark: BenchmarkFixture, servers: dict[int, Server], name: str) -> None:
    budgets = {("fastws, callback", "C client, spinning"): 1.50} if name == "uvloop" else {}
    busy_polling(benchmark, servers[0], name, over=OVER, opening=_open_over_tls, budgets=budgets)


def test_64_in_flight_over_tls(
    benchmark: BenchmarkFixture, loop: asyncio.AbstractEventLoop, servers: dict[int, Server]
) -> None:
    in_flight(benchmark, loop, servers[0], over=OVER, opening=_open_over_tls, budgets={})
