"""Memory: whether a process that keeps 100 order books grows with the events that it reads.

Each number comes from a process of its own (market_memory.py), which looks at its resident memory ten times.
`python bench/market_memory.py 10000000` is the long run.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc/self/statm")

PROGRAM = Path(__file__).with_name("market_memory.py")
EVENTS = {"SBE": 1_000_000, "JSON": 400_000}
FLAT = 1_000_000  # bytes that may come between the third look and the last


def _weighed(kind: str) -> list[tuple[int, int]]:
    """(events so far, resident bytes), ten times."""
    command = [sys.executable, str(PROGRAM), str(EVENTS[kind]), *(["json"] if kind == "JSON" else [])]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=100)
    assert ran.returncode == 0, ran.stderr[-2000:]
    return [(events, size) for events, size in json.loads(ran.stdout)]


def test_books(benchmark: BenchmarkFixture) -> None:
    looks: dict[str, list[tuple[int, int]]] = {}

    def once() -> None:
        looks.update({kind: _weighed(kind) for kind in EVENTS})

    benchmark.pedantic(once, rounds=1)
    rows = []
    for kind, taken in looks.items():
        growth = taken[-1][1] - taken[2][1]
        assert growth < FLAT, f"{kind}: {growth} bytes came with {taken[-1][0] - taken[2][0]} events"
        rows.append(
            [kind, taken[-1][0], *(round(taken[at][1] / 1e6, 1) for at in (0, 2, -1)), round(growth / 1000)]
        )
    benchmark.extra_info["tables"] = [
        {
            "title": "Memory of 100 books while events come",
            "head": [
                "format",
                "events",
                "MB before",
                "MB after a fifth",
                "MB at the end",
                "kB between these",
            ],
            "rows": rows,
            "note": "Resident memory of a process with 100 books of 1,000 levels a side, kept by diffs of 20 levels"
            " over a socket.",
        }
    ]
