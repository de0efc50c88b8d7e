"""The slowest of many orders, each with what happened meanwhile.

    python bench/slowest.py [--orders 100000] [--slowest 10] [-- options of tail_client.py, such as --gc freeze]

fastws (tail_client.py) places one order after the other, over TLS; both sides poll. Between two orders the client reads
what the kernel counts for its thread: CPU time, time in the run queue, involuntary context switches, page faults. It
also adds up how long Python's garbage collector ran, and notes the longest turn of its loop. The server notes each turn
of its own loop that took more than 50 µs. From these a cause is named: the largest of

    garbage collector       it ran so long
    preempted               another process had the client's core so long
    stolen from the client  neither this thread nor another one ran: the hypervisor, or an interrupt
    server late             the server's turn took so long: preempted or stolen, or its own work
    own work                the client's thread ran longer than for a median order, with no other cause: its own code,
                            page faults, cold caches
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench import tails

ORDERS, SLOWEST = 100_000, 10
HEAD = [
    "rank",
    "order",
    "µs",
    "cause",
    "of it, µs",
    "GC, µs",
    "run queue, µs",
    "stolen, µs",
    "server, µs",
    "longest turn, µs",
    "switches",
    "page faults",
]


@dataclass(frozen=True)
class Order:
    """One order and what was counted meanwhile; nanoseconds. The fields are those that tail_client.py gives."""

    number: int
    start: int
    took: int
    cpu: int
    queued: int
    collected: int
    turn: int
    switches: int
    faults: int

    def causes(self, median: int, server: Sequence[Sequence[int]]) -> dict[str, int]:
        """What each cause took of it, at most."""
        end = self.start + self.took
        late = sum(max(0, min(end, start + took) - max(self.start, start)) for start, took, *_ in server)
        stolen = max(0, self.took - self.cpu - self.queued)
        rest = self.took - median - self.collected - self.queued - stolen - late
        return {
            "garbage collector": self.collected,
            "preempted": self.queued,
            "stolen from the client": stolen,
            "server late": late,
            "own work": max(0, rest),
        }


def why_late(order: Order, server: Sequence[Sequence[int]]) -> str:
    """Of the server's turns within the order: what took them."""
    end = order.start + order.took
    for start, took, cpu, switches in sorted(server, key=lambda turn: -turn[1]):
        if start < end and start + took > order.start:
            if took - cpu > cpu:
                return "preempted" if switches else "stolen"
            return "its own work"
    return ""


def table(answer: dict[str, Any], server: Sequence[Sequence[int]], count: int, steal: int) -> dict[str, Any]:
    """The slowest orders as a table of the report."""
    orders = [Order(*each) for each in answer["slowest"]]
    median = int(statistics.median(answer["late"]))
    rows: list[list[Any]] = []
    for rank, order in enumerate(sorted(orders, key=lambda order: -order.took)[:count], 1):
        causes = order.causes(median, server)
        cause = max(causes, key=lambda name: causes[name])
        named = f"server late: {why_late(order, server)}" if cause == "server late" else cause
        micro = [round(each / 1000, 1) for each in (order.took, causes[cause])]
        parts = (
            order.collected,
            order.queued,
            causes["stolen from the client"],
            causes["server late"],
            order.turn,
        )
        rows.append(
            [rank, order.number, micro[0], named, micro[1]]
            + [round(part / 1000, 1) for part in parts]
            + [order.switches, order.faults]
        )
    total = len(answer["late"])
    return {
        "title": f"The {count} slowest of {total:,} orders, by cause",
        "head": HEAD,
        "rows": rows,
        "note": f"One order after the other, median {median / 1000:.1f} µs. The hypervisor reported "
        f"{steal / 1e6:.0f} ms of steal time meanwhile, on all cores.",
    }


def slowest(orders: int, count: int, options: Sequence[str] = ()) -> tuple[dict[str, Any], list[int]]:
    """The table of the slowest, and the latencies of all."""
    with tails.make_server() as server, tails.clients(server, {"fastws": options}) as made:
        client = made["fastws"]
        client.ask("open 1 /ack")
        client.ask("orders 0 1 0 2000")
        server.watch()
        server.late()
        stolen = tails.steal_ns()
        answer = client.ask(f"slowest {orders}")
        stolen = tails.steal_ns() - stolen
        return table(answer, server.late(), count, stolen), answer["late"]


def main() -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).split("\n")[0])
    parser.add_argument("--orders", type=int, default=ORDERS)
    parser.add_argument("--slowest", type=int, default=SLOWEST)
    parser.add_argument("client", nargs="*", help="options of tail_client.py, behind --")
    chosen = parser.parse_args()
    made, _ = slowest(chosen.orders, chosen.slowest, chosen.client)
    lines = [[str(cell) for cell in line] for line in (made["head"], *made["rows"])]
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    print(made["title"])
    for line in lines:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
    print(made["note"])


if __name__ == "__main__":
    main()
