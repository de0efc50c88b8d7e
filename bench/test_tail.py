"""Stage "tail": how late orders are under load, over TLS, beside a C client over OpenSSL; tails.py says how."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from bench import slowest, tails
from bench.native import Server

pytest.importorskip("hdrh.histogram", reason="needs hdrhistogram")

OURS: dict[str, Sequence[str]] = {"fastws": ()}
BOTH: dict[str, Sequence[str]] = {"fastws": (), "fastws, awaited": ("--way", "await")}
WARM_UP = "orders 0 1 0 500"
IDLE = 250  # connections


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with tails.make_server() as made:
        yield made


def run(
    benchmark: BenchmarkFixture,
    server: Server,
    stage: str,
    *,
    before: Sequence[str],
    line: str,
    rounds: int,
    ours: Mapping[str, Sequence[str]] = OURS,
    warm_up: str = WARM_UP,
) -> None:
    def measured() -> None:
        with tails.clients(server, ours) as made:
            found = tails.measure(server, made, before=before, line=line, rounds=rounds, warm_up=warm_up)
        tails.keep(benchmark, stage, found, "one order over TLS, from when it was due to its reply")

    benchmark.pedantic(measured, rounds=1)


def test_idle(benchmark: BenchmarkFixture, server: Server) -> None:
    """One order on each of many connections, after each of them was idle for 1 s, and for 60 s.

    Both clients' connections are idle at the same time.
    """

    def measured() -> None:
        with tails.clients(server, OURS) as made:
            for client in made.values():
                client.ask(f"open {IDLE} /ack")
            second = {name: tails.Taken() for name in made}
            minute = {name: tails.Taken() for name in made}
            for name, client in made.items():
                client.ask(f"orders 0 {IDLE} {IDLE} {IDLE}")
                tails.counted(server, client, second[name], f"orders 0 {IDLE} {IDLE} {4 * IDLE}")
            made["fastws"].ask("wait 56")  # the C client's round took the other seconds
            for name, client in made.items():
                client.ask("wait 0.2")
                tails.counted(server, client, minute[name], f"orders 0 {IDLE} {IDLE} {IDLE}")
        about = "one order over TLS, from when it was due to its reply"
        tails.keep(benchmark, "after 1 s idle", second, about)
        tails.keep(benchmark, "after 60 s idle", minute, about)

    benchmark.pedantic(measured, rounds=1)


@pytest.mark.parametrize("rate", [1000, 10_000])
def test_fixed_rate(benchmark: BenchmarkFixture, server: Server, rate: int) -> None:
    run(
        benchmark,
        server,
        f"{rate:,} orders a second",
        before=["open 1 /ack"],
        line=f"orders 0 1 {rate} {rate // 2}",
        rounds=5,
        ours=BOTH,
    )


@pytest.mark.parametrize("events", [5000, 50_000])
@pytest.mark.parametrize("where", ["same connection", "other thread"])
def test_events(benchmark: BenchmarkFixture, server: Server, events: int, where: str) -> None:
    elsewhere = where == "other thread"
    path = f"/ack?events={events}"
    run(
        benchmark,
        server,
        f"2,000 orders and {events:,} events a second, {where}",
        before=["open 1 /ack", f"thread {path}"] if elsewhere else [f"open 1 {path}", "subscribe 0"],
        line="orders 0 1 2000 1500",
        rounds=5,
    )


@pytest.mark.parametrize(
    ("kept", "line"), [(1000, "orders 0 1 20000 80000"), (50_000, "orders 0 1 10000 40000")]
)
def test_garbage_collector(benchmark: BenchmarkFixture, server: Server, kept: int, line: str) -> None:
    """A million objects live beside the client, and the strategy keeps the results of its latest orders."""
    load = ("--objects", "1000000", "--kept", str(kept))
    run(
        benchmark,
        server,
        f"{int(line.split()[3]):,} orders a second, a million live objects, {kept:,} results kept",
        before=["open 1 /full"],
        line=line,
        rounds=1,
        ours={
            "fastws, GC on": load,
            "fastws, GC frozen": (*load, "--gc", "freeze"),
            "fastws, GC off": (*load, "--gc", "off"),
        },
    )


@pytest.mark.parametrize("count", [1, 4, 8])
def test_connections(benchmark: BenchmarkFixture, server: Server, count: int) -> None:
    run(
        benchmark,
        server,
        f"10,000 orders a second on {count} connections",
        before=[f"open {count} /ack"],
        line=f"orders 0 {count} 10000 5000",
        rounds=5,
    )


def test_large_reply(benchmark: BenchmarkFixture, server: Server) -> None:
    run(
        benchmark,
        server,
        "2,000 orders a second, exchangeInfo of 16 MB on another connection",
        before=["open 2 /ack"],
        line="orders 0 1 2000 2000 1 2000",
        rounds=2,
        ours={"fastws": (), "fastws, GC off": ("--gc", "off"), "fastws, views": ("--views",)},
    )


def test_loss(benchmark: BenchmarkFixture, server: Server) -> None:
    run(
        benchmark,
        server,
        "2,000 orders a second, another connection is lost and made anew every 200 ms",
        before=["open 1 /ack", "open 1 /ack?drop=200"],
        line="orders 0 1 2000 2000",
        rounds=4,
    )


def test_slowest(benchmark: BenchmarkFixture) -> None:
    def measured() -> None:
        table, _ = slowest.slowest(slowest.ORDERS, slowest.SLOWEST)
        benchmark.extra_info.update(operation="the slowest orders of many, by cause", tables=[table])

    benchmark.pedantic(measured, rounds=1)
