"""The options of the command line ``python -m fastws.emulator``."""

from __future__ import annotations

import argparse
import contextlib
from pathlib import Path

from .methods.observations import RECORD
from .values.delays import Seconds
from .values.named_symbols import named_symbol

__all__ = ["parser"]


_EPILOG = """\
examples:
  python -m fastws.emulator                   serve at ws://127.0.0.1:8765
  python -m fastws.emulator --port 0 --json   a free port; JSON for a program
  python -m fastws.emulator --engine-delay 0.001-0.005 --verbose
  python -m fastws.emulator --symbols ETHBTC,LTCUSDT
  python -m fastws.emulator --fault drop_reply@order.place
  python -m fastws.emulator --ports 2 --fault "at 30 freeze connection=newest"
  python -m fastws.emulator --stream-port 9443 --fault drop_event@depth
  python -m fastws.emulator record testnet --out session.jsonl
  python -m fastws.emulator replay session.jsonl
  python -m fastws call time --endpoint ws://127.0.0.1:8765

exit codes: 0 ended by Ctrl-C or SIGTERM · 1 cannot listen or write files ·
            2 wrong usage
"""
_DELAYS = {
    "gateway-delay": "seconds that a request spends in the gateway, or a range such as 0.001-0.005 (0)",
    "engine-delay": "seconds from the gateway to the engine, or a range (0)",
    "reply-delay": "seconds from the engine to the reply, or a range (0)",
    "event-delay": "seconds from the engine to the event, or a range (0)",
    "query-lag": "seconds until order.status and openOrders.status show a change in the engine, or a range (0)",
    "database-lag": "seconds until allOrders and other queries of the past show it, or a range (0)",
}
_LIMITS = (
    "request_weight",
    "orders_10s",
    "orders_day",
    "raw_requests",
    "connections",
    "ban_after",
    "account_subscriptions",
    "streams",
    "stream_messages",
)


def _seconds(text: str) -> float:
    with contextlib.suppress(ValueError):
        if 0 <= (value := float(text)) < float("inf"):
            return value
    raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds, 0 or more")


def _speed(text: str) -> float:
    with contextlib.suppress(ValueError):
        if 0 < (value := float(text)) < float("inf"):
            return value
    raise argparse.ArgumentTypeError(f"{text!r} is not a speed above 0")


def _delay(text: str) -> Seconds:
    """A number of seconds, or two of them as in ``0.001-0.005``."""
    least, separator, most = text.partition("-")
    if least and separator:
        low, high = _seconds(least), _seconds(most)
        if low <= high:
            return low, high
        raise argparse.ArgumentTypeError(f"{text!r} is not a range from low to high")
    return _seconds(text)


def _limit(text: str) -> tuple[str, int]:
    name, _, value = text.partition("=")
    if name in _LIMITS and value.isdecimal():
        return name, int(value)
    raise argparse.ArgumentTypeError(f"{text!r} is not a limit, such as orders_10s=5")


def _symbols(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",")]
    for name in names:
        try:
            named_symbol(name)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None
    return names


def _port(text: str) -> int:
    if text.isdecimal() and int(text) < 65536:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is not a port from 0 to 65535")


def _count(text: str) -> int:
    if text.isdecimal() and 0 < int(text) < 65536:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is not a number of ports, 1 or more")


def _hosts(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",")]
    if all(names):
        return names
    raise argparse.ArgumentTypeError(f"{text!r} is not a list of hosts, such as 127.0.0.2,exchange.test")


def _fields(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",")]
    if all(map(str.isalnum, names)):
        return names
    raise argparse.ArgumentTypeError(f"{text!r} is not a list of fields, such as E,W")


def parser() -> argparse.ArgumentParser:
    """The options of ``python -m fastws.emulator``."""
    options = argparse.ArgumentParser(
        prog="python -m fastws.emulator",
        description="Serve an embedded Binance Spot exchange: the WebSocket API and market\n"
        "data streams, for any client.\n"
        "It has one account. The keys of this account are always the same, and are\nprinted at the start.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    options.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    options.add_argument(
        "--port", type=_port, default=8765, help="port; 0 takes a free one (default: %(default)s)"
    )
    options.add_argument(
        "--ports",
        type=_count,
        default=1,
        metavar="N",
        help="number of ports: --port, and free ones (default: %(default)s)",
    )
    for name, what in (
        ("stream", "market data streams in JSON"),
        ("sbe-stream", "market data streams in SBE"),
    ):
        options.add_argument(
            f"--{name}-port",
            type=_port,
            default=0,
            metavar="PORT",
            help=f"port of {what} (default: a free one)",
        )
        options.add_argument(
            f"--{name}-ports",
            type=_count,
            default=1,
            metavar="N",
            help=f"number of ports of {what}: --{name}-port, and free ones (default: %(default)s)",
        )
    options.add_argument(
        "--nested-stream-errors",
        action="store_true",
        help="refuse control requests of streams as it was seen, not as it is documented",
    )
    options.add_argument(
        "--hosts",
        type=_hosts,
        default=[],
        metavar="HOSTS",
        help="more addresses to listen on, and names for the certificate, such as 127.0.0.2,exchange.test",
    )
    options.add_argument("--tls", action="store_true", help="serve wss, with a new certificate")
    options.add_argument(
        "--seed", type=int, default=1, help="seed of the random market, ids and delays (default: %(default)s)"
    )
    for name, what in _DELAYS.items():
        options.add_argument(f"--{name}", type=_delay, default=0.0, metavar="S", help=what)
    options.add_argument(
        "--differing-fields",
        type=_fields,
        default=[],
        metavar="FIELDS",
        help="fields of events that differ between connections, such as E,W",
    )
    options.add_argument(
        "--termination-overtakes",
        action="store_true",
        help="send eventStreamTerminated before the events that wait",
    )
    options.add_argument(
        "--types-overtake", action="store_true", help="let events of different types overtake one another"
    )
    options.add_argument(
        "--ping-interval",
        type=_seconds,
        default=20.0,
        metavar="S",
        help="seconds between two pings; 0 sends none (20)",
    )
    options.add_argument(
        "--symbols",
        type=_symbols,
        default=[],
        metavar="NAMES",
        help="additional symbols, such as ETHBTC,LTCUSDT",
    )
    options.add_argument(
        "--market",
        choices=("live", "still", "quiet"),
        default="live",
        help="live: prices move by themselves; still: only your orders move them; quiet: nobody else trades "
        "(default: %(default)s)",
    )
    options.add_argument(
        "--speed",
        type=_speed,
        default=1.0,
        metavar="N",
        help="seconds of the exchange's clock per real second; requests need timestamps of its clock (1)",
    )
    options.add_argument(
        "--max-age",
        type=_seconds,
        default=86_400.0,
        metavar="S",
        help="seconds after which a connection is closed; 0: never (86400)",
    )
    options.add_argument(
        "--timeout",
        type=_seconds,
        default=10.0,
        metavar="S",
        help="seconds without a result until -1007 is answered (10)",
    )
    options.add_argument(
        "--no-limits", action="store_true", help="count requests and orders, but refuse none"
    )
    options.add_argument(
        "--limit",
        type=_limit,
        action="append",
        default=[],
        metavar="NAME=N",
        help=f"change a limit: {', '.join(_LIMITS)}",
    )
    options.add_argument(
        "--fault",
        action="append",
        default=[],
        metavar="LINE",
        help="a fault or an action, as a line of text; can be repeated",
    )
    options.add_argument("--script", type=Path, metavar="FILE", help="a file with such lines")
    options.add_argument("--control", action="store_true", help="also read such lines from standard input")
    options.add_argument("--faults", action="store_true", help="print all faults and actions")
    options.add_argument(
        "--keys-dir", type=Path, metavar="DIR", help="directory for the key files (default: a temporary one)"
    )
    options.add_argument(
        "--json", action="store_true", help="print one line of JSON at the start, instead of text"
    )
    options.add_argument(
        "--readings",
        nargs="?",
        const=RECORD,
        type=Path,
        metavar="FILE",
        help="print our reading of the documentation where it is silent, and what was observed of it; "
        "FILE: as written by python -m fastws verify",
    )
    options.add_argument(
        "--verbose", action="store_true", help="print a line for each request, event and connection"
    )
    return options
