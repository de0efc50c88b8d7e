"""Stage "emulator": what an order costs the embedded exchange, from its frame to the frame of its reply.

The exchange runs in a process of its own, and its CPU time is what is measured: how many orders one core carries
through parsing, the session's rights, filters, limits, matching, the journal and the socket. fastws sends them, 64 in
flight, on one connection that is logged on. Rate limits count, but refuse nothing; TLS and delays are off.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

import fastws
from bench.harness import Batch, Ratio, compare
from fastws.emulator import Emulator, EmulatorProcess, spot_symbol

IN_FLIGHT = 64
ORDERS = 1280


def cpu_ns(exchange: Emulator) -> int:
    """The CPU time that the exchange's process has used."""
    return time.process_time_ns()


@pytest.fixture
def host() -> Iterator[EmulatorProcess]:
    symbol = spot_symbol(
        "BTCUSDT",
        base="BTC",
        quote="USDT",
        reference_price="60000.00",
        tick_size="0.01",
        step_size="0.00001",
        min_notional="5",
        max_num_orders=10**6,
    )
    with EmulatorProcess(symbols=[symbol], enforce_limits=False) as host:
        yield host


def _orders(kind: str) -> Callable[[int], dict[str, Any]]:
    """The parameters of the order of a number: it expires, it trades with the one before, or it rests."""
    common = {"symbol": "BTCUSDT", "type": "LIMIT", "quantity": "0.001"}

    def make(number: int) -> dict[str, Any]:
        if kind == "expires":
            price = f"{30000 + number % 20000}.00"
            return {**common, "side": "BUY", "timeInForce": "IOC", "price": price}
        if kind == "trades":
            side = "BUY" if number % 2 else "SELL"
            return {**common, "side": side, "timeInForce": "GTC", "price": "60000.00"}
        return {**common, "side": "BUY", "timeInForce": "GTC", "price": f"{30000 + number % 20000}.00"}

    return make


def test_order_placement(benchmark: BenchmarkFixture, host: EmulatorProcess) -> None:
    loop = asyncio.SelectorEventLoop()
    numbers = count(1)
    statuses: dict[str, set[str]] = {}
    walls: dict[str, list[float]] = {}

    async def send(client: fastws.Client, make: Callable[[int], dict[str, Any]], seen: set[str]) -> None:
        for _ in range(ORDERS // IN_FLIGHT):
            replies = [client.order_place(**make(next(numbers))) for _ in range(IN_FLIGHT)]
            seen.update([reply["status"] for reply in await asyncio.gather(*replies)])

    def batch(client: fastws.Client, kind: str) -> Batch:
        make, seen, wall = _orders(kind), statuses.setdefault(kind, set()), walls.setdefault(kind, [])

        def run() -> float:
            start, begun = host.call(cpu_ns), time.perf_counter()
            loop.run_until_complete(send(client, make, seen))
            wall.append((time.perf_counter() - begun) / ORDERS)
            return (host.call(cpu_ns) - start) / ORDERS

        return run

    key = host.add_account("Ed25519", balances={"USDT": "9000000000", "BTC": "90000"})

    async def connect() -> fastws.Client:
        return await fastws.connect(
            host.url, api_key=key.api_key, private_key=key.private_key, sync_every=None
        )

    client = loop.run_until_complete(connect())
    try:
        bound = "10,000 a second"
        candidates: dict[str, Batch] = {
            f"order that {kind}": batch(client, kind) for kind in ("expires", "trades", "rests")
        }
        candidates[bound] = lambda: 100_000.0
        compare(
            benchmark,
            candidates,
            [
                Ratio("emulator, CPU an order", name, bound, budget=1.0)
                for name in candidates
                if name != bound
            ],
            operation="one order.place in a session, from its frame to its reply's: CPU time of the exchange",
            compared="every order has the status that it must have",
            rounds=12,
        )
        assert statuses == {
            "expires": {"EXPIRED"},
            "trades": {"NEW", "FILLED"},
            "rests": {"NEW"},
        }
        benchmark.extra_info["wall_us"] = {
            kind: round(sorted(taken)[len(taken) // 2] * 1e6, 1) for kind, taken in walls.items()
        }
    finally:
        loop.run_until_complete(client.close())
        loop.close()
