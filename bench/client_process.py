"""A whole client in a process of its own, which test_whole_clients.py drives.

    python bench/client_process.py CLIENT URL AUTHORITY ORDERS

CLIENT is a name of whole_clients.CLIENTS. AUTHORITY is the PEM file of the authority of the server's certificate.
ORDERS is a JSON file: orders, each with its parameters, and the order id that the server answers the n-th request with.

It obeys the lines on its standard input, and answers each with a line of JSON:

    trips COUNT spin|sleep     one order after the other: {"took_ns": [...], "cpu_ns"}
    at once COUNT IN_FLIGHT    orders, as many at a time: {"elapsed_ns", "cpu_ns"}
    connections COUNT          more connections, each of a client of its own, one order each: {"grown_bytes"}

The order id and the client order id of every reply are compared with what was sent, while no clock runs. CPU time is
that of the process with all its threads.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import time
import warnings
from collections.abc import Sequence
from importlib import metadata
from itertools import cycle, islice
from pathlib import Path
from typing import Any

sys.path[0] = str(Path(__file__).resolve().parent.parent)

from bench.whole_clients import CLIENTS, Client, Json  # noqa: E402

WARM_UP = 20  # untimed trips: the server sleeps while nobody asks it
PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096


def resident() -> int:
    """Bytes of memory of this process that are in use; 0 where /proc does not tell."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE
    except OSError:
        return 0


class Driver:
    def __init__(self, client: Client, orders: Sequence[Json]) -> None:
        self.client = client
        self.orders = [(client.arguments(order["params"]), order) for order in orders]
        self.rest = cycle(self.orders)
        self.more: list[Client] = []

    def take(self, number: int) -> tuple[list[Any], list[Json]]:
        taken = list(islice(self.rest, number))
        return [arguments for arguments, _ in taken], [order for _, order in taken]

    def check(self, client: Client, replies: Sequence[Any], orders: Sequence[Json]) -> None:
        got = sorted(client.ids(reply) for reply in replies)
        sent = sorted((order["orderId"], order["params"]["newClientOrderId"]) for order in orders)
        if got != sent:
            wrong = [pair for pair in zip(got, sent, strict=False) if pair[0] != pair[1]]
            raise SystemExit(f"a reply is not that of its order: {len(got)} of {len(sent)}, {wrong[:1]}")

    def obey(self, line: str) -> Json:
        *words, last = line.split()
        if words[0] != "connections":
            self.client.trips(self.take(WARM_UP)[0], last == "spin")
        if words[0] == "trips":
            arguments, orders = self.take(int(words[1]))
            took, cpu, replies = self.client.trips(arguments, last == "spin")
            self.check(self.client, replies, orders)
            return {"took_ns": took, "cpu_ns": cpu}
        if words[0] == "at":
            arguments, orders = self.take(int(words[2]))
            start, cpu = time.perf_counter_ns(), time.process_time_ns()
            replies = self.client.at_once(arguments, int(last))
            elapsed, cpu = time.perf_counter_ns() - start, time.process_time_ns() - cpu
            self.check(self.client, replies, orders)
            return {"elapsed_ns": elapsed, "cpu_ns": cpu}
        return {"grown_bytes": self.grown(int(last))}

    def grown(self, number: int) -> int:
        """By how much the process grows with more connections, each of which has placed an order."""
        gc.collect()
        before = resident()
        for _ in range(number):
            more = self.client.another()
            arguments, order = more.arguments(self.orders[0][1]["params"]), self.orders[0][1]
            self.check(more, more.trips([arguments], False)[2], [order])
            self.more.append(more)
        gc.collect()
        return resident() - before


def main() -> None:
    name, url, authority, orders = sys.argv[1:]
    os.environ["SSL_CERT_FILE"] = authority
    warnings.simplefilter("ignore")  # some clients warn of what they import themselves
    client = CLIENTS[name](url, authority)
    client.start()
    driver = Driver(client, json.loads(Path(orders).read_text(encoding="utf-8")))
    driver.obey(f"trips {len(driver.orders)} sleep")  # all orders once: each reply is compared
    facts = {
        "loop": client.loop_used,
        "versions": {package: metadata.version(package) for package in client.packages},
        "python": ".".join(map(str, sys.version_info[:3])),
        "resident_bytes": resident(),
    }
    print(json.dumps(facts), flush=True)
    for line in sys.stdin:
        print(json.dumps(driver.obey(line)), flush=True)
    sys.stdout.flush()
    os._exit(0)  # the threads of some clients would not end


if __name__ == "__main__":
    main()
