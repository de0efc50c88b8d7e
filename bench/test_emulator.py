"""Stage "emulator": what an order costs the embedded exchange, from its frame to the frame of its reply.

The exchange runs in a process of its own, and its CPU time is what is measured: how many orders one core carries
through parsing, the session's rights, filters, limits, matching, the journal and the socket. fastws sends them, 64 in
flight, on one connection that is logged on. Rate limits count, but refuse nothing; TLS and delays are off.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

import fastws
from bench.harness import Batch, Ratio, compare
from bench.native import ROOT

IN_FLIGHT = 64
ORDERS = 1280
_HOST = """
import asyncio, json, sys, time
from fastws.emulator import Emulator, spot_symbol

async def main():
    symbol = spot_symbol("BTCUSDT", base="BTC", quote="USDT", reference_price="60000.00", tick_size="0.01",
                         step_size="0.00001", min_notional="5", max_num_orders=10**6)
    async with Emulator(symbols=[symbol], enforce_limits=False) as exchange:
        key = exchange.add_account("Ed25519", balances={"USDT": "9000000000", "BTC": "90000"})
        print(json.dumps([exchange.url, key.api_key, key.private_key.decode()]), flush=True)
        reader = asyncio.StreamReader()
        protocol = asyncio.StreamReaderProtocol(reader)
        await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, sys.stdin)
        while await reader.readline():
            print(time.process_time_ns(), flush=True)

asyncio.run(main())
"""


class Host:
    """The exchange's process."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _HOST], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.url, self.api_key, self.private_key = json.loads(self._read())

    def _read(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline()

    def cpu_ns(self) -> int:
        """The CPU time that it has used."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return int(self._read())

    def end(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(5)
        self._process.stdout.close()


@pytest.fixture
def host() -> Iterator[Host]:
    host = Host()
    yield host
    host.end()


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


def test_order_placement(benchmark: BenchmarkFixture, host: Host) -> None:
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
            start, begun = host.cpu_ns(), time.perf_counter()
            loop.run_until_complete(send(client, make, seen))
            wall.append((time.perf_counter() - begun) / ORDERS)
            return (host.cpu_ns() - start) / ORDERS

        return run

    async def connect() -> fastws.Client:
        return await fastws.connect(
            host.url, api_key=host.api_key, private_key=host.private_key.encode(), sync_every=None
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
