"""How late orders are under load: fastws (tail_client.py) and the C client (tail.c) run in turn; percentiles are kept.

Both are programs of their own that obey the same lines. They poll, on one core, and take turns there: the other one
sleeps meanwhile. The server polls on a second core. So no order waits for a wake-up of a process, and what is late is
late because of the load, the interpreter, or the machine. They have the highest priority that the system allows. What
the machine takes for itself all the same stands beside: how long client and server waited while other processes had
their cores, and the steal time of the virtual machine.

Latency is from when an order was due, by the clock, until its reply was in the callback. An order that is sent late,
since the client was busy, is late by that as well: there is no coordinated omission. HdrHistogram counts. A percentile
is the median of those of the rounds, so that one round in which the machine was busy with something else does not
decide; the maximum is that of all rounds.
"""

from __future__ import annotations

import contextlib
import json
import os
import statistics
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from bench import messages
from bench.native import Program, Server, with_tls

Json = dict[str, Any]
FOLDER = Path(__file__).parent
C = "C client"
HIGHEST = 60_000_000_000  # nanoseconds that a histogram counts


def make_server() -> Server:
    """A server over TLS that never sleeps."""
    replies = {
        "ack": messages.distinct(messages.order_ack, 500),
        "full": messages.distinct(messages.order_full, 500),
        "logon": messages.distinct(messages.logon, 1),
        "userDataStream.subscribe": messages.distinct(messages.subscribed, 1),
        "exchangeInfo": messages.distinct(messages.large_exchange_info, 1),
    }
    events = messages.distinct(messages.user_data_event, 500)
    return Server("hot", replies, events=events, tls=True)


def cores() -> tuple[int, int]:
    """The cores of the clients and of the server; a benchmark is skipped where there are no two to choose."""
    found = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    if len(found) < 2:
        pytest.skip("needs Linux and two cores: both sides poll")
    return found[0], found[-1]


class Client(Program):
    """A client that obeys lines, and answers each by JSON."""

    def ask(self, line: str) -> Json:
        self.write_line(line)
        answer: Json = json.loads(self.read_line())
        return answer


@contextmanager
def clients(server: Server, ours: Mapping[str, Sequence[str]]) -> Iterator[dict[str, Client]]:
    """fastws, with the options of tail_client.py by name, and the C client, on the clients' core."""
    own, other = cores()
    os.sched_setaffinity(server.pid, [other])
    made: dict[str, Client] = {}
    try:
        for name, options in ours.items():
            words = [str(FOLDER / "tail_client.py"), server.url("")[:-1], str(server.authority), str(own)]
            made[name] = Client(sys.executable, *words, *options)
        made[C] = Client(
            with_tls("tail", "-pthread"),
            str(server.port),
            *([str(server.authority)] * bool(server.authority)),
        )
        os.sched_setaffinity(made[C].pid, [own])
        first_in_line(server, *made.values())
        yield made
    finally:
        for client in made.values():
            client.close()


def steal_ns() -> int:
    """Time that the hypervisor took from this machine's cores since it started; 10 ms are its unit."""
    with open("/proc/stat") as file:
        ticks = int(file.readline().split()[8])
    return ticks * 1_000_000_000 // os.sysconf("SC_CLK_TCK")


def waited_ns(*processes: Program) -> int:
    """How long the main threads of these processes waited for a core that others had."""
    return sum(int(Path(f"/proc/{each.pid}/schedstat").read_text().split()[1]) for each in processes)


def first_in_line(*processes: Program) -> None:
    """Give them the highest priority of ordinary processes, where that is allowed: each, and its session, which Linux
    schedules as one group."""
    for each in processes:
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, each.pid, -20)
            Path(f"/proc/{each.pid}/autogroup").write_text("-20")


@dataclass
class Taken:
    """What one client needed, over all rounds."""

    late: list[list[int]] = field(default_factory=list)
    steal: int = 0
    waited: int = 0
    more: Json = field(default_factory=dict)


def counted(server: Server, client: Client, taken: Taken, line: str) -> None:
    """Let the client obey a line with orders, and keep how late they were, and what the machine took meanwhile."""
    stolen, waited = steal_ns(), waited_ns(client, server)
    answer = client.ask(line)
    taken.steal += steal_ns() - stolen
    taken.waited += waited_ns(client, server) - waited
    taken.late.append(answer.pop("late"))
    for key, value in answer.items():
        taken.more[key] = taken.more.get(key, 0) + value


def percentile(values: Sequence[int], share: float) -> int:
    """By HdrHistogram, with three digits."""
    return int(histogram(values).get_value_at_percentile(share))


def histogram(values: Sequence[int]) -> Any:
    from hdrh.histogram import HdrHistogram

    made = HdrHistogram(1, HIGHEST, 3)
    for value in values:
        made.record_value(min(value, HIGHEST))
    return made


def measure(
    server: Server,
    made: Mapping[str, Client],
    *,
    before: Sequence[str],
    line: str,
    rounds: int,
    warm_up: str = "",
) -> dict[str, Taken]:
    """Let each client in turn obey the lines ``before``, then ``line``, whose orders count, then "close".

    Args:
        warm_up: a line before ``line`` whose orders do not count.
    """
    found = {name: Taken() for name in made}
    for turn in range(rounds):
        names = list(made)
        for name in names if turn % 2 == 0 else reversed(names):
            client, taken = made[name], found[name]
            for each in (*before, *([warm_up] if warm_up else [])):
                client.ask(each)
            counted(server, client, taken, line)
            client.ask("close")
    return found


def keep(benchmark: BenchmarkFixture, stage: str, found: Mapping[str, Taken], about: str) -> None:
    """Store percentiles of each client beside the C client's, and the ratio of the 99th, for the report."""
    tails, rows = [], []
    for name, taken in found.items():
        histograms = [histogram(values) for values in taken.late]
        shares = {"p50_ns": 50, "p99_ns": 99, "p999_ns": 99.9}
        tails.append(
            {
                "stage": stage,
                "subject": name,
                "count": sum(map(len, taken.late)),
                **{
                    key: int(statistics.median(each.get_value_at_percentile(share) for each in histograms))
                    for key, share in shares.items()
                },
                "max_ns": max(map(max, taken.late)),
                "waited_ns": taken.waited,
                "steal_ns": taken.steal,
                **taken.more,
            }
        )
        if name == C:
            continue
        ratios = [
            percentile(ours, 99) / percentile(theirs, 99)
            for ours, theirs in zip(taken.late, found[C].late, strict=True)
        ]
        low, _, high = (
            statistics.quantiles(ratios, n=4, method="inclusive") if len(ratios) > 1 else ratios * 3
        )
        rows.append(
            {
                "stage": f"p99: {stage}",
                "subject": name,
                "reference": C,
                "budget": None,
                "ratio": round(statistics.median(ratios), 4),
                "ratio_q1": round(low, 4),
                "ratio_q3": round(high, 4),
            }
        )
    benchmark.extra_info.setdefault("rows", []).extend(rows)
    benchmark.extra_info.setdefault("tails", []).extend(tails)
    benchmark.extra_info.setdefault("operation", about)
