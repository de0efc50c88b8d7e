"""Market data over a socket: events a second on one core, and a burst.

The compiled server plays recorded bytes from the other core (market_feeds.py, feeds.h): the same content in JSON and in
SBE. Each client keeps the newest event of each symbol, in a callback.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from bench import market_feeds, native
from bench.harness import Batch, Ratio, calls, compare
from bench.market_clients import Aiohttp, Market
from bench.native import Server
from bench.sweeps import fresh_uvloop
from bench.trips import apart

TOPS = market_feeds.tops(4_000)
MIXED = market_feeds.mixed(8_000)
FLOOD = 8_000  # events of a batch
BURST = len(MIXED)
PADDING = bytes(64)


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    with fresh_uvloop() as made:
        yield made


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    feeds = {
        f"{name}-{kind}": market_feeds.recorded(recording, sbe=kind == "sbe")
        for name, recording in (("tops", TOPS), ("mixed", MIXED))
        for kind in ("json", "sbe")
    }
    with Server("spin", {}, feeds=feeds) as made, apart(made):
        yield made


async def _flooded(client: Any, server: Server, feed: str, count: int, *, ping: bool = False) -> int:
    """When the last of ``count`` events came, monotonic ns; the server sends as fast as the client reads."""
    done = client.expect(count)
    server.play(feed, 0, count, ping=ping)
    return await asyncio.wait_for(done, 20)


async def _alone(
    client: Any, server: Server, streams: list[str], run: Callable[[], Awaitable[float]]
) -> float:
    """Open the client for one batch only, since a feed goes to all that are subscribed in its format."""
    await client.open(server, streams)
    try:
        return await run()
    finally:
        await client.close()


def _clients(*, keep: bool) -> dict[str, Any]:
    return {
        "fastws, SBE": Market(sbe=True, keep=keep),
        "fastws, JSON": Market(sbe=False, keep=keep),
        "aiohttp + orjson": Aiohttp(keep=keep),
    }


def _kind(name: str) -> str:
    return "sbe" if "SBE" in name else "json"


def test_events_a_second(
    benchmark: BenchmarkFixture, loop: asyncio.AbstractEventLoop, server: Server
) -> None:
    clients = {
        **_clients(keep=True),
        'fastws, SBE, results="view"': Market(sbe=True, results="view"),
    }

    def cpu(name: str) -> Batch:
        client, kind = clients[name], _kind(name)
        streams = market_feeds.streams(TOPS, sbe=kind == "sbe")

        async def run() -> float:
            await _flooded(client, server, f"tops-{kind}", FLOOD)  # a connection that has been used
            start = time.process_time_ns()
            await _flooded(client, server, f"tops-{kind}", FLOOD)
            return (time.process_time_ns() - start) / FLOOD

        return lambda: loop.run_until_complete(_alone(client, server, streams, run))

    newest: dict[str, dict[str, Any]] = {}
    for name, client in clients.items():
        cpu(name)()
        newest[name] = {s: {k: event[k] for k in "bBaA"} for s, event in client.newest.items()}
        assert newest[name] == newest["fastws, SBE"]
    stage = f"{len(newest['fastws, SBE'])} symbols' best bid and ask, as fast as they come"
    medians = compare(
        benchmark,
        {name: cpu(name) for name in clients},
        [
            Ratio(stage, "fastws, SBE", "aiohttp + orjson", 0.20),
            Ratio(stage, "fastws, JSON", "aiohttp + orjson"),
            Ratio(stage, 'fastws, SBE, results="view"', "aiohttp + orjson"),
        ],
        operation="one event, in CPU time of the client",
        compared="the newest event of each symbol",
        rounds=15,
    )
    benchmark.extra_info["tables"] = [
        {
            "title": "Events a second on one core",
            "head": ["client", "events a second", "µs of CPU an event"],
            "rows": [
                [name, round(1e9 / median / 1000) * 1000, round(median / 1000, 2)]
                for name, median in medians.items()
            ],
            "note": "Best bid and ask of 200 symbols on one connection, as fast as the client reads; each event is a"
            " dict that a callback keeps. In the clear.",
        }
    ]


def test_burst(benchmark: BenchmarkFixture, loop: asyncio.AbstractEventLoop, server: Server) -> None:
    clients = _clients(keep=False)
    parts = native.market_parts_module()
    decoders = {
        "sbe": (parts.SbeDecoder(), [each.sbe for each in MIXED]),
        "json": (parts.JsonDecoder(), [each.text + PADDING for each in MIXED]),
    }
    pongs: dict[str, list[float]] = {name: [] for name in clients}
    lags: dict[str, list[float]] = {name: [] for name in clients}

    def lag(name: str) -> Batch:
        client, kind = clients[name], _kind(name)
        streams = market_feeds.streams(MIXED, sbe=kind == "sbe")
        assert len(streams) == 300

        async def run() -> float:
            await _flooded(client, server, f"mixed-{kind}", BURST)  # a connection that has been used
            came = await _flooded(client, server, f"mixed-{kind}", BURST, ping=True)
            for _ in range(1000):
                played = server.played()
                if played["pong"]:
                    break
                await asyncio.sleep(0.001)
            assert played["pong"]
            pongs[name].append(played["pong"] / 1e6)
            lags[name].append((came - played["began"]) / 1e6)
            return (came - played["began"]) / BURST

        return lambda: loop.run_until_complete(_alone(client, server, streams, run))

    def steady(name: str) -> list[float]:
        """The lags of 8,000 events that come evenly within a second, in µs, in their order by size."""
        client, kind = clients[name], _kind(name)
        came: list[int] = []

        async def run() -> float:
            done = client.expect(BURST)
            server.play(f"mixed-{kind}", 8_000, BURST)
            await asyncio.wait_for(done, 20)
            return float(server.played()["began"])

        streams = market_feeds.streams(MIXED, sbe=kind == "sbe")
        client.seen = came
        began = loop.run_until_complete(_alone(client, server, streams, run))
        client.seen = None
        return sorted((at - began) / 1000 - i * 125 for i, at in enumerate(came))

    for name in clients:
        lag(name)()
        pongs[name].clear()
        lags[name].clear()
    stage = "burst of 8,000 events of 300 streams: lag of the last"
    compare(
        benchmark,
        {
            **{name: lag(name) for name in clients},
            "decoding alone, SBE": calls(*decoders["sbe"]),
            "decoding alone, JSON": calls(*decoders["json"]),
        },
        [
            Ratio(stage, "fastws, SBE", "decoding alone, SBE", 1.5),
            Ratio(stage, "fastws, JSON", "decoding alone, JSON", 1.5),
            Ratio(stage, "fastws, SBE", "aiohttp + orjson"),
            Ratio(stage, "fastws, JSON", "aiohttp + orjson"),
        ],
        operation="one event of a burst: the time from the first write to the last callback, divided by their number",
        compared="that all 8,000 came",
        rounds=12,
    )
    rows = []
    for name in clients:
        even = steady(name)
        rows.append(
            [
                name,
                *(round(statistics.median(values), 1) for values in (lags[name], pongs[name])),
                *(round(even[len(even) * share // 1000]) for share in (500, 990, 999)),
                round(even[-1]),
            ]
        )
    benchmark.extra_info["tables"] = [
        {
            "title": "8,000 events of 300 streams",
            "head": [
                "client",
                "at once: lag of the last, ms",
                "pong to a ping halfway, ms",
                "evenly in 1 s: p50, µs",
                "p99",
                "p99.9",
                "max",
            ],
            "rows": rows,
            "note": "Best bids and asks, trades, and diffs of 20 levels of 100 symbols, as dicts to a callback. The"
            " lag is from the server's first write (at once) or from when an event was due (evenly). None was dropped."
            " The ping is put behind half of the events, so its delay holds the reading of these.",
        }
    ]
