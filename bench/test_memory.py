"""Memory: bytes for a connection, for a request in flight, and for a result that is kept.

Each number comes from a process of its own (memory.py), which makes many of them and looks at its resident memory.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from bench import messages
from bench.native import Server

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc/self/statm")

PROGRAM = Path(__file__).with_name("memory.py")
CLIENTS = {"fastws": "fastws", "raw picows": "picows", "aiohttp": "aiohttp", "websockets": "websockets"}


def _weighed(*arguments: str) -> int:
    ran = subprocess.run(
        [sys.executable, str(PROGRAM), *arguments], capture_output=True, text=True, check=False, timeout=100
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
    return int(ran.stdout)


def _row(
    stage: str, weights: Mapping[str, int], reference: str, budget: float | None = None
) -> dict[str, Any]:
    ratio = round(weights["fastws"] / weights[reference], 4)
    return {
        "stage": stage,
        "subject": "fastws",
        "reference": reference,
        "budget": budget,
        "ratio": ratio,
        "ratio_q1": ratio,
        "ratio_q3": ratio,
    }


def _kilobytes(weight: int) -> float:
    return float(f"{weight / 1000:.3g}")


def test_connections(benchmark: BenchmarkFixture) -> None:
    replies = {
        "ack": messages.distinct(messages.order_ack, 500),
        "logon": messages.distinct(messages.logon, 1),
        "long": [messages.trades(8_000_000)],
    }
    weights: dict[str, dict[str, int]] = {}
    long: dict[str, int] = {}

    def once() -> None:
        for way in ("plain", "TLS"):
            with Server("block", replies, tls=way == "TLS") as server:
                weights[way] = {
                    label: _weighed("connections", name, server.url("ack"), str(server.authority or "-"))
                    for label, name in CLIENTS.items()
                }

                if way == "TLS":
                    long.update(
                        {
                            label: _weighed("long", name, server.url("long"), str(server.authority or "-"))
                            for label, name in CLIENTS.items()
                            if name in ("fastws", "picows")  # the others refuse so long a message
                        }
                    )

    benchmark.pedantic(once, rounds=1)
    benchmark.extra_info.update(
        tables=[
            {
                "title": "A connection",
                "head": ["client", "kB, plain", "kB, TLS"],
                "rows": [[label, *(_kilobytes(weights[way][label]) for way in weights)] for label in CLIENTS],
                "note": "Resident memory of the process for each of 200 more connections, on each of which an order was"
                " placed; all share one SSL context. A connection of fastws is a whole client: of its memory, 100 kB"
                " are the decoder's caches of keys and texts and its list of marks.",
            },
            {
                "title": "What stays after a reply of 8 MB, over TLS",
                "head": ["client", "MB"],
                "rows": [[label, float(f"{weight / 1e6:.3g}")] for label, weight in long.items()],
                "note": "Resident memory of the process that stays when the result is gone: buffers, and what the"
                " allocator keeps.",
            },
        ],
        rows=[
            _row(f"memory of a connection, {way}", weights[way], label)
            for way in weights
            for label in CLIENTS
            if label != "fastws"
        ],
    )


def test_requests_and_results(benchmark: BenchmarkFixture) -> None:
    requests = {"fastws, awaited": "awaited", "fastws, callback": "callback", "a future in a dict": "by hand"}
    results = ("JSON dict", "SBE dict", "JSON view", "SBE view", "orjson")
    weights: dict[str, int] = {}

    def once() -> None:
        weights.update({label: _weighed("in-flight", way) for label, way in requests.items()})
        weights.update({kind: _weighed("results", kind) for kind in results})

    benchmark.pedantic(once, rounds=1)
    shown = {kind: "orjson's dict" if kind == "orjson" else f"fastws, {kind}" for kind in results}
    benchmark.extra_info["tables"] = [
        {
            "title": "A request in flight",
            "head": ["", "bytes"],
            "rows": [[label, weights[label]] for label in requests],
            "note": "Resident memory for each of 29,000 order.place: Future, record of the request, its place among the"
            " waiters. The text was written.",
        },
        {
            "title": "A result that is kept",
            "head": ["", "bytes"],
            "rows": [[label, weights[kind]] for kind, label in shown.items()],
            "note": "Resident memory for each of 7,000 results of order.place with newOrderRespType=FULL, of two to"
            " four fills.",
        },
    ]
    benchmark.extra_info["rows"] = [
        _row(
            "memory of a result kept",
            {"fastws": weights["JSON dict"], "orjson's dict": weights["orjson"]},
            "orjson's dict",
        )
    ]
