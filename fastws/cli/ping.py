"""``python -m fastws ping``: measures round trips to the exchange, one at a time."""

from __future__ import annotations

import argparse
import asyncio
import time
from typing import Any

from .. import connect, run
from . import options
from .histogram import duration, summarise
from .screen import Screen

_EXAMPLES = """\
  python -m fastws ping --endpoint prod
  python -m fastws ping -n 100 --interval 0.001 --url ws://127.0.0.1:8765
"""


def add_parser(commands: Any) -> None:
    parser = commands.add_parser(
        "ping",
        help="measure round trip times",
        description="Send ping requests, one at a time, and measure how long their replies take.\n"
        "Each request has a weight of 1.",
        epilog=f"examples:\n{_EXAMPLES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "-n", "--count", type=options.count, default=10, metavar="N", help="number of requests (10)"
    )
    parser.add_argument(
        "-i",
        "--interval",
        type=options.seconds,
        default=0.2,
        metavar="SECONDS",
        help="seconds between two requests (0.2)",
    )
    parser.add_argument("-q", "--quiet", action="store_true", help="print the summary only")
    options.add_connection_options(parser)
    parser.set_defaults(command=ping)


def ping(args: argparse.Namespace) -> None:
    where = options.connection_of(args)
    screen = Screen()
    sample: list[int] = []
    try:
        run(_measure(args, where, screen, sample), loop=args.loop)
    finally:
        # Report the measured times also after Ctrl-C or a lost connection.
        if sample:
            _report(screen, sample)


async def _measure(
    args: argparse.Namespace, where: dict[str, Any], screen: Screen, sample: list[int]
) -> None:
    started = time.perf_counter_ns()
    async with connect(**where) as client:
        took = duration(time.perf_counter_ns() - started)
        screen.line(f"{where['endpoint']}: connected in {took}")
        for number in range(1, args.count + 1):
            if number > 1:
                await asyncio.sleep(args.interval)
            sent = time.perf_counter_ns()
            await client.request("ping")
            sample.append(time.perf_counter_ns() - sent)
            if not args.quiet:
                screen.line(f"reply {number}: {duration(sample[-1])}")


def _report(screen: Screen, sample: list[int]) -> None:
    stats = summarise(sample)
    average = sum(sample) / len(sample)
    replies = "1 reply" if len(sample) == 1 else f"{len(sample)} replies"
    screen.line(
        f"{replies}: min {duration(stats.least)}, avg {duration(average)}, p50 {duration(stats.p50)}, "
        f"max {duration(stats.most)}"
    )
