"""Scale: messages from 0.1 kB to 16 MB, as time for a byte.

A reply is a list of trades, of as many as its size needs. "decode" is the time of fastws.loads() alone, beside orjson.
"receive" is the CPU time of the process for a reply that comes through a socket, decoded, plain and over TLS; a view
keeps the bytes and decodes no field. Request and event loop are included, so small messages cost more a byte.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import orjson
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

import fastws
from bench import messages
from bench.native import Server
from bench.sweeps import Measure, fresh_uvloop, keep, sweep
from bench.trips import apart

SIZES = (100, 400, 1_600, 6_400, 25_600, 100_000, 400_000, 1_600_000, 6_400_000, 16_000_000)
BYTES = 400_000  # decoded for each point, or one message of more
MESSAGES = 200  # at most


REPLIES = {size: messages.trades(size) for size in SIZES}


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    with fresh_uvloop() as made:
        yield made


def _times(size: int) -> int:
    return max(1, min(MESSAGES, BYTES // size))


def _decoding(decode: Any) -> Measure:
    def measure(size: int) -> float:
        message, times = REPLIES[size], range(_times(size))
        start = time.process_time_ns()
        for _ in times:
            decode(message)
        return (time.process_time_ns() - start) / (len(times) * len(message))

    return measure


def test_decode(benchmark: BenchmarkFixture) -> None:
    for message in REPLIES.values():
        assert fastws.loads(message) == json.loads(message)
    curves = sweep(
        benchmark,
        SIZES,
        {"fastws.loads": _decoding(fastws.loads), "orjson.loads": _decoding(orjson.loads)},
        unit=1.0,
    )
    keep(
        benchmark,
        curves,
        name="size-decode",
        title="Message size: JSON to a dict",
        x_label="bytes",
        y_label="ns of CPU a byte",
        note="A list of trades; the result of each size was compared with json.loads(). Above 1 MB the result, some"
        " four times as large, fits no cache, and its pages are new: what making the objects costs grows.",
    )


async def _connect(server: Server, results: str) -> dict[int, fastws.Client]:
    """A client for each size: a path of the server has replies of one size."""
    return {
        size: await fastws.connect(
            server.url(f"{size}"),
            ssl_context=server.context(),
            sync_every=None,
            results=results,
            timeout=60.0,
            connect_budget=300,
        )
        for size in SIZES
    }


def _receiving(loop: asyncio.AbstractEventLoop, clients: dict[int, fastws.Client]) -> Measure:
    async def receive(size: int) -> float:
        client, times = clients[size], range(_times(size))
        reply = await client.request("trades.historical", {"symbol": "BTCUSDT"})
        assert len(reply) == len(orjson.loads(REPLIES[size])["result"])
        del reply
        start = time.process_time_ns()
        for _ in times:
            await client.request("trades.historical", {"symbol": "BTCUSDT"})
        return (time.process_time_ns() - start) / (len(times) * len(REPLIES[size]))

    return lambda size: loop.run_until_complete(receive(size))


def test_receive(benchmark: BenchmarkFixture, loop: asyncio.AbstractEventLoop) -> None:
    replies = {f"{size}": [reply] for size, reply in REPLIES.items()}
    opened: list[dict[int, fastws.Client]] = []
    candidates: dict[str, Measure] = {}
    with ExitStack() as stack:
        servers = {
            "plain": stack.enter_context(Server("spin", replies)),
            "over TLS": stack.enter_context(Server("spin", replies, tls=True)),
        }
        stack.enter_context(apart(*servers.values()))
        for way, server in servers.items():
            for results in ("dict", "view"):
                opened.append(loop.run_until_complete(_connect(server, results)))
                candidates[f"{results}, {way}"] = _receiving(loop, opened[-1])
        curves = sweep(benchmark, SIZES, candidates, unit=1.0)
        for clients in opened:
            for client in clients.values():
                loop.run_until_complete(client.close())
    keep(
        benchmark,
        curves,
        name="size-receive",
        title="Message size: request and reply",
        x_label="bytes",
        y_label="ns of CPU a byte",
        note="The reply to one request at a time; uvloop. A view keeps the bytes and decodes a field when it is read.",
    )
