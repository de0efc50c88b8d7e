"""Whole clients over TLS: the same signed order, with a FULL reply, through fastws and through each of its peers.

Each client lives in a process of its own (client_process.py), some of them in an environment of their own. They take
turns within seconds, at one compiled TLS server. What is measured:

- latency: one order after the other, from the call to its result. Server and client poll, where the client's loop can.
- CPU of an order: the same, but the client sleeps between the orders, as it does in production.
- rate: 64 orders at a time, and the CPU of an order of those.
- memory: of a process with one open client, and of each further connection of that process.

The C client over OpenSSL is the floor of the latency. It sends a ready frame, so it neither signs nor decodes.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

import orjson
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from bench import messages
from bench.harness import Ratio, quartiles, row_of
from bench.native import ROOT, Floor, Program, Server
from bench.trips import WARM_UP, apart
from bench.whole_clients import CLIENTS

ORDERS = 400
BATCHES = 3  # of fresh processes: the addresses of a process alone can make a client half as fast again
TURNS = 14  # in a batch; short ones, since the machine changes its speed from second to second
TRIPS = 250  # in a turn, polling
SLEEPING = 60  # in a turn, one after the other
AT_ONCE, IN_FLIGHT = 192, 64
WARM_CONNECTIONS, CONNECTIONS = 2, 16
OWN_ENVIRONMENT = {"ccxt": ["ccxt"]}  # its packages would change the versions of others
BUDGETS = {"python-binance": 0.15, "binance-sdk-spot": 0.10, "ccxt": 0.07}
FLOOR = "C client over OpenSSL"
Json = dict[str, Any]


def orders_and_replies() -> tuple[list[Json], list[bytes]]:
    """Orders, and for each a FULL reply that names it."""
    orders, replies = [], []
    for params, message in zip(
        messages.order_params(ORDERS), messages.distinct(messages.order_full, ORDERS), strict=True
    ):
        params["symbol"] = "BTCUSDT"
        reply = orjson.loads(message)
        result = reply["result"]
        for name in ("symbol", "side", "price"):
            result[name] = params[name]
        result["clientOrderId"] = params["newClientOrderId"]
        orders.append({"params": params, "orderId": result["orderId"]})
        replies.append(orjson.dumps(reply))
    return orders, replies


def interpreter(name: str) -> Path | str:
    """The Python that has a client; its environment is made at its first use."""
    if name not in OWN_ENVIRONMENT:
        return sys.executable
    folder = ROOT / "build" / f"peers-{name}"
    python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    stamp = folder / "complete"
    if not stamp.exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
        pip = [str(python), "-m", "pip", "--disable-pip-version-check", "-q", "install"]
        subprocess.run([*pip, *OWN_ENVIRONMENT[name], "uvloop; sys_platform != 'win32'"], check=True)
        stamp.touch()
    return python


class Child(Program):
    """A client in its process."""

    def __init__(self, name: str, server: Server, orders: Path) -> None:
        assert server.authority is not None
        script = ROOT / "bench" / "client_process.py"
        super().__init__(
            str(interpreter(name)), str(script), name, server.url("full"), str(server.authority), str(orders)
        )

    def ready(self) -> Json:
        """Wait until it is connected and has checked the replies to all orders; what it says of itself."""
        facts: Json = json.loads(self.read_line())
        return facts

    def ask(self, line: str) -> Json:
        self.write_line(line)
        answer: Json = json.loads(self.read_line())
        return answer


@dataclass
class Samples:
    """What was measured of a client, by turns, in nanoseconds."""

    took: list[list[int]] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    elapsed_at_once: list[float] = field(default_factory=list)
    cpu_at_once: list[float] = field(default_factory=list)

    def add(self, child: Child) -> None:
        self.took.append(child.ask(f"trips {TRIPS} spin")["took_ns"])
        self.cpu.append(child.ask(f"trips {SLEEPING} sleep")["cpu_ns"] / SLEEPING)
        at_once = child.ask(f"at once {AT_ONCE} {IN_FLIGHT}")
        self.elapsed_at_once.append(at_once["elapsed_ns"] / AT_ONCE)
        self.cpu_at_once.append(at_once["cpu_ns"] / AT_ONCE)

    def medians(self) -> list[float]:
        return [statistics.median(took) for took in self.took]


def percentile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def memory(name: str, server: Server, orders: Path) -> tuple[int, float]:
    """Bytes of a fresh process with one open client, and of each further connection."""
    with closing(Child(name, server, orders)) as child:
        facts = child.ready()
        child.ask(f"connections {WARM_CONNECTIONS}")  # the first ones also fill what is made once
        grown = child.ask(f"connections {CONNECTIONS}")["grown_bytes"] / CONNECTIONS
        return facts["resident_bytes"], grown


def summary(name: str, facts: Json, samples: Samples, resident: int, connection: float) -> Json:
    took = list(chain.from_iterable(samples.took))
    return {
        "client": name,
        "versions": facts["versions"],
        "loop": facts["loop"],
        "p50_us": round(statistics.median(took) / 1e3, 1),
        "p99_us": round(percentile(took, 0.99) / 1e3, 1),
        "p99.9_us": round(percentile(took, 0.999) / 1e3, 1),
        "cpu_us": round(statistics.median(samples.cpu) / 1e3, 1),
        "cpu_64_us": round(statistics.median(samples.cpu_at_once) / 1e3, 1),
        "orders_a_second": round(1e9 / statistics.median(samples.elapsed_at_once), -1),
        "process_mb": round(resident / 1e6, 1),
        "connection_kb": round(connection / 1e3),
        "spread": {
            "p50_us": [round(value / 1e3, 2) for value in quartiles(samples.medians())],
            "cpu_us": [round(value / 1e3, 2) for value in quartiles(samples.cpu)],
        },
    }


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[Server, Path]]:
    orders, replies = orders_and_replies()
    with tempfile.TemporaryDirectory() as folder, Server("spin", {"full": replies}, tls=True) as made:
        path = Path(folder, "orders.json")
        path.write_text(json.dumps(orders), encoding="utf-8")
        with apart(made):
            yield made, path


def test_whole_clients(benchmark: BenchmarkFixture, server: tuple[Server, Path]) -> None:
    made, path = server
    unused = {name: memory(name, made, path) for name in CLIENTS}
    floor_took: list[float] = []
    floor_cpu: list[float] = []
    samples = {name: Samples() for name in CLIENTS}
    facts: dict[str, Json] = {}
    names = list(CLIENTS)
    pedantic: Any = benchmark.pedantic

    def batch() -> None:
        with ExitStack() as stack:
            floor, sleeping = (
                stack.enter_context(closing(Floor(made, "full", how))) for how in ("spin", "block")
            )
            children = {name: stack.enter_context(closing(Child(name, made, path))) for name in CLIENTS}
            facts.update({name: child.ready() for name, child in children.items()})
            for _ in range(TURNS):
                names.append(names.pop(0))  # another one comes first each time
                floor.run(WARM_UP)
                floor_took.append(floor.run(TRIPS)["median_ns"])
                sleeping.run(WARM_UP)
                floor_cpu.append(sleeping.run(SLEEPING)["cpu_ns"] / SLEEPING)
                for name in names:
                    samples[name].add(children[name])

    pedantic(batch, rounds=BATCHES)
    clients = [summary(name, facts[name], samples[name], *unused[name]) for name in CLIENTS]
    cpu = {FLOOR: floor_cpu, **{name: taken.cpu for name, taken in samples.items()}}
    at_once = {name: taken.cpu_at_once for name, taken in samples.items()}
    latency = {FLOOR: floor_took, **{name: taken.medians() for name, taken in samples.items()}}
    peers = [name for name in CLIENTS if name != "fastws"]
    stages = {
        "whole client, CPU of a signed order": (cpu, BUDGETS),
        "whole client, CPU of a signed order, 64 at a time": (at_once, BUDGETS),
        "whole client, p50, polling": (latency, {}),
    }
    benchmark.extra_info.update(
        operation="one signed order.place with a FULL reply, over TLS",
        compared="order id and client order id of every reply",
        rounds=BATCHES * TURNS,
        clients=clients,
        floor={
            "client": FLOOR,
            "p50_us": round(statistics.median(floor_took) / 1e3, 1),
            "cpu_us": round(statistics.median(floor_cpu) / 1e3, 1),
        },
        rows=[
            row_of(Ratio(stage, "fastws", name, budgets.get(name)), values)
            for stage, (values, budgets) in stages.items()
            for name in [FLOOR, *peers]
            if name in values
        ],
    )
