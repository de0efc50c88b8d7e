"""``python -m fastws demo``: the embedded exchange, a strategy on it, and timed round trips."""

from __future__ import annotations

import argparse
import asyncio
import platform
import time
from typing import Any

from .. import __version__, connect, run
from . import options
from .exchange import exchange_process
from .histogram import bar, duration, histogram, summarise
from .rounds import IN_FLIGHT, Rounds, in_flight, one_at_a_time
from .screen import Screen, narrowed, table
from .strategy import SYMBOL, Strategy

_EPILOG = """\
The exchange runs in its own process on this machine: it needs no account and
no network, and spends no money.

examples:
  python -m fastws demo
  python -m fastws demo --pace 2                     slower, easier to read
  python -m fastws demo --orders 500 --loop asyncio  short, without uvloop
"""
_WARM_UP = 100  # orders before anything is timed


def add_parser(commands: Any) -> None:
    parser = commands.add_parser(
        "demo",
        help="run a strategy on the embedded exchange, and measure round trips",
        description="Start the embedded exchange, log on, place, amend, cancel and query orders,\n"
        "then time a few thousand round trips.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "--orders",
        type=options.count,
        default=5000,
        metavar="N",
        help="orders to place and cancel, in each of two rounds (5000)",
    )
    parser.add_argument(
        "--seconds",
        type=options.seconds,
        default=4.0,
        metavar="SECONDS",
        help="longest time of a round, in seconds (4)",
    )
    parser.add_argument(
        "--pace",
        type=options.seconds,
        default=0.25,
        metavar="SECONDS",
        help="pause between two steps of the strategy, on a terminal (0.25); the first request "
        "after a pause takes longer",
    )
    options.add_loop_option(parser)
    parser.add_argument(
        "--no-color", dest="color", action="store_false", help="print no colours, as with NO_COLOR=1"
    )
    parser.set_defaults(command=demo)


def demo(args: argparse.Namespace) -> None:
    run(_demo(args, Screen(color=args.color)), loop=args.loop)


async def _demo(args: argparse.Namespace, screen: Screen) -> None:
    loop = type(asyncio.get_running_loop()).__module__.partition(".")[0]
    screen.line(f"fastws {__version__} on {loop}, Python {platform.python_version()}", "bold")
    async with exchange_process() as place:
        screen.paragraph(f"exchange at {place.url}, in its own process")
        started = time.perf_counter_ns()
        async with connect(
            place.url,
            api_key=place.api_key,
            private_key=place.private_key,
            on_orphan=lambda info, outcome: (
                None
            ),  # if the demo is interrupted, do not log the outcome of its last order
        ) as client:
            took = duration(time.perf_counter_ns() - started)
            screen.paragraph(f"connected, and logged on with an Ed25519 key, in {took}")
            screen.line()
            strategy = Strategy(client, screen, args.pace)
            await strategy.run()

            order = {
                "symbol": SYMBOL,
                "side": "BUY",
                "type": "LIMIT",
                "timeInForce": "GTC",
                "price": "50000.00",
                "quantity": "0.00100",
                "newOrderRespType": "ACK",
            }
            screen.line()
            await one_at_a_time(client, order, _WARM_UP, 1.0, lambda rounds: None)
            alone = await one_at_a_time(
                client, order, args.orders, args.seconds, _progress(screen, "one at a time", args.orders)
            )
            many = await in_flight(
                client,
                order,
                args.orders,
                args.seconds,
                _progress(screen, f"{IN_FLIGHT} in flight", args.orders),
            )
    _report(screen, alone, many)


def _progress(screen: Screen, name: str, orders: int) -> Any:
    all_ = f"{2 * orders:,} requests"
    room = (screen.columns or 80) - 1  # a full line would make a terminal go to the next one
    width = min(40, room - len(f"{name}    {all_}"))

    def show(rounds: Rounds) -> None:
        done = len(rounds.cancel) / orders
        count = f"{rounds.requests:,} requests".rjust(len(all_))
        if width >= 5:
            line = f"{name}  {bar(done, width, screen.unicode):{width}}  {count}"
        elif len(f"{name}  {all_}") <= room:
            line = f"{name}  {count}"
        else:
            line = count
        screen.live([line], "cyan")

    return show


def _report(screen: Screen, alone: Rounds, many: Rounds) -> None:
    rows = []
    for name, sample in (
        ("place", alone.place),
        ("cancel", alone.cancel),
        (f"place, {IN_FLIGHT} in flight", many.place),
        (f"cancel, {IN_FLIGHT} in flight", many.cancel),
    ):
        stats = summarise(sample)
        times = (stats.least, stats.p50, stats.p90, stats.p99, stats.most)
        rows.append((name, f"{stats.count:,}", *map(duration, times)))
    screen.line("Round trips of placing and cancelling", "bold")
    head = ("", "requests", "min", "p50", "p90", "p99", "max")
    lines = narrowed(rows, head, head[1:], screen.room, drop=("requests", "min", "p90", "max"))
    screen.lines(f"  {line}" for line in lines)
    screen.line()
    rows = [
        (name, f"{rounds.per_second:,.0f}", duration(rounds.cpu / rounds.requests))
        for name, rounds in (("one at a time", alone), (f"{IN_FLIGHT} in flight", many))
    ]
    screen.lines(f"  {line}" for line in table(rows, ("", "requests/s", "CPU each"), right=(1, 2)))
    screen.line()
    screen.line("order.place, one at a time", "bold")
    bars = max(8, min(40, (screen.columns or 80) - 30))
    screen.lines("  " + line for line in histogram(alone.place, rows=6, width=bars, unicode=screen.unicode))
    screen.line()
    screen.paragraph(
        f"A round trip includes client, sockets and exchange; {IN_FLIGHT} in flight wait for one another in the "
        "exchange. CPU is the client's, with system calls."
    )
