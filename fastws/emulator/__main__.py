"""The command line: ``python -m fastws.emulator``."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import logging
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

from fastws.run import run

from .methods.readings import table
from .testing.demo import add_demo_account
from .testing.emulator import Emulator
from .testing.script import ACTIONS, ScriptError
from .values.auth import Credentials
from .values.clock import Clock
from .values.delays import Seconds
from .values.faults import KINDS
from .values.limits import Limits
from .values.logs import logger
from .values.named_symbols import named_symbol, with_named

__all__ = ["main"]


_EPILOG = """\
examples:
  python -m fastws.emulator                   serve at ws://127.0.0.1:8765
  python -m fastws.emulator --port 0 --json   a free port; JSON for a program
  python -m fastws.emulator --engine-delay 0.001-0.005 --verbose
  python -m fastws.emulator --symbols ETHBTC,LTCUSDT
  python -m fastws.emulator --fault drop_reply@order.place
  python -m fastws.emulator --ports 2 --fault "at 30 freeze connection=newest"
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
_LIMITS = ("request_weight", "orders_10s", "orders_day", "raw_requests", "connections", "ban_after")
PIPE_CLOSED = 141  # 128 + SIGPIPE


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


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m fastws.emulator",
        description="Serve an embedded Binance Spot exchange: the WebSocket API, for any client.\n"
        "It has one account. The keys of this account are always the same, and are\nprinted at the start.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument(
        "--port", type=_port, default=8765, help="port; 0 takes a free one (default: %(default)s)"
    )
    parser.add_argument(
        "--ports",
        type=_count,
        default=1,
        metavar="N",
        help="number of ports: --port, and free ones (default: %(default)s)",
    )
    parser.add_argument(
        "--hosts",
        type=_hosts,
        default=[],
        metavar="HOSTS",
        help="more addresses to listen on, and names for the certificate, such as 127.0.0.2,exchange.test",
    )
    parser.add_argument("--tls", action="store_true", help="serve wss, with a new certificate")
    parser.add_argument(
        "--seed", type=int, default=1, help="seed of the random market, ids and delays (default: %(default)s)"
    )
    for name, what in _DELAYS.items():
        parser.add_argument(f"--{name}", type=_delay, default=0.0, metavar="S", help=what)
    parser.add_argument(
        "--ping-interval",
        type=_seconds,
        default=20.0,
        metavar="S",
        help="seconds between two pings; 0 sends none (20)",
    )
    parser.add_argument(
        "--symbols",
        type=_symbols,
        default=[],
        metavar="NAMES",
        help="additional symbols, such as ETHBTC,LTCUSDT",
    )
    parser.add_argument(
        "--market",
        choices=("live", "still", "quiet"),
        default="live",
        help="live: prices move by themselves; still: only your orders move them; quiet: nobody else trades "
        "(default: %(default)s)",
    )
    parser.add_argument(
        "--speed",
        type=_speed,
        default=1.0,
        metavar="N",
        help="seconds of the exchange's clock per real second; requests need timestamps of its clock (1)",
    )
    parser.add_argument(
        "--max-age",
        type=_seconds,
        default=86_400.0,
        metavar="S",
        help="seconds after which a connection is closed; 0: never (86400)",
    )
    parser.add_argument(
        "--timeout",
        type=_seconds,
        default=10.0,
        metavar="S",
        help="seconds without a result until -1007 is answered (10)",
    )
    parser.add_argument("--no-limits", action="store_true", help="count requests and orders, but refuse none")
    parser.add_argument(
        "--limit",
        type=_limit,
        action="append",
        default=[],
        metavar="NAME=N",
        help=f"change a limit: {', '.join(_LIMITS)}",
    )
    parser.add_argument(
        "--fault",
        action="append",
        default=[],
        metavar="LINE",
        help="a fault or an action, as a line of text; can be repeated",
    )
    parser.add_argument("--script", type=Path, metavar="FILE", help="a file with such lines")
    parser.add_argument("--control", action="store_true", help="also read such lines from standard input")
    parser.add_argument("--faults", action="store_true", help="print all faults and actions")
    parser.add_argument(
        "--keys-dir", type=Path, metavar="DIR", help="directory for the key files (default: a temporary one)"
    )
    parser.add_argument(
        "--json", action="store_true", help="print one line of JSON at the start, instead of text"
    )
    parser.add_argument(
        "--readings", action="store_true", help="print our reading of the documentation where it is silent"
    )
    parser.add_argument(
        "--verbose", action="store_true", help="print a line for each request, event and connection"
    )
    return parser


def _write_files(exchange: Emulator, key: Credentials, folder: Path, tls: bool) -> dict[str, str]:
    folder.mkdir(parents=True, exist_ok=True)
    assert key.private_key is not None
    key_file = folder / "demo-ed25519.pem"
    key_file.touch(mode=0o600)
    key_file.write_bytes(key.private_key)
    files = {"privateKeyFile": str(key_file)}
    if tls:
        ca_file = folder / "ca.pem"
        ca_file.write_bytes(exchange.ca_pem)
        files["caFile"] = str(ca_file)
    return files


def _describe(
    exchange: Emulator, hmac_key: Credentials, ed25519_key: Credentials, files: dict[str, str]
) -> str:
    lines = [
        f"Embedded Binance Spot exchange at {exchange.url}",
        *(f"  and at {url}" for url in exchange.urls[1:]),
        "",
        "Account demo, HMAC key",
        f"  API key      {hmac_key.api_key}",
        f"  secret       {hmac_key.secret}",
        "Account demo, Ed25519 key",
        f"  API key      {ed25519_key.api_key}",
        f"  private key  {files['privateKeyFile']}",
    ]
    if "caFile" in files:
        lines += ["Certificate authority", f"  certificate  {files['caFile']}"]
    return "\n".join([*lines, "", *_usage(exchange, ed25519_key, files), "", "Ctrl-C ends it."])


def _usage(exchange: Emulator, key: Credentials, files: dict[str, str]) -> list[str]:
    """Commands for another terminal, which use the exchange."""
    ca = f" --ca {files['caFile']}" if "caFile" in files else ""
    order = "symbol=BTCUSDT side=BUY type=LIMIT timeInForce=GTC price=52000 quantity=0.01"
    export = "set" if sys.platform == "win32" else "export"
    return [
        "In another terminal:",
        f"{export} FASTWS_ENDPOINT={exchange.url}",
        f"{export} FASTWS_API_KEY={key.api_key}",
        f"{export} FASTWS_PRIVATE_KEY={files['privateKeyFile']}",
        f"python -m fastws call time{ca}",
        f"python -m fastws call order.place{ca} {order}",
    ]


def _lines_help() -> str:
    """The faults and actions of a script, as text."""
    width = max(map(len, KINDS))
    kinds = [f"  {name:<{width}}  {kind.summary}" for name, kind in KINDS.items()]
    actions = [f"  {name:<{width}}  {summary}" for name, (summary, _) in ACTIONS.items()]
    return "\n".join(
        [
            "Faults: KIND[@METHOD] [times=N] [after=N] [chance=P] [connection=N|oldest|newest] [DETAIL=VALUE ...]",
            *kinds,
            "",
            "Actions: [at SECONDS] ACTION [DETAIL=VALUE ...]; connection is a number, oldest or newest",
            *actions,
            "",
            "shutdown, stall and freeze are both: as a fault, they are written shutdown@METHOD, or shutdown@ for any.",
        ]
    )


@contextlib.contextmanager
def _own_log() -> Iterator[None]:
    """Write the log of the exchange itself to standard error, without the mistakes of clients on the wire."""
    handler = logging.StreamHandler()
    handler.addFilter(lambda record: record.name == logger.name)
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)


@contextlib.contextmanager
def _stop_signals(stop: asyncio.Event) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    signals = (signal.SIGINT, signal.SIGTERM)
    try:
        for number in signals:
            loop.add_signal_handler(number, stop.set)
    except NotImplementedError:
        # Windows: Ctrl-C arrives as a KeyboardInterrupt.
        yield
        return
    try:
        yield
    finally:
        for number in signals:
            loop.remove_signal_handler(number)


def _take_lines(exchange: Emulator) -> None:
    """Execute each line of standard input when it arrives; print its error to standard error."""
    loop = asyncio.get_running_loop()

    def carry_out(line: str) -> None:
        try:
            exchange.script(line)
        except ValueError as error:
            print(str(error).removeprefix("line 1: "), file=sys.stderr, flush=True)

    def read() -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed
            for line in sys.stdin:
                loop.call_soon_threadsafe(carry_out, line)

    threading.Thread(target=read, name="standard input", daemon=True).start()


async def _serve(options: argparse.Namespace, folder: Path) -> None:
    stop = asyncio.Event()
    unread: list[BrokenPipeError] = []

    def show(line: str) -> None:
        try:
            print(line, flush=True)
        except BrokenPipeError as error:
            unread.append(error)
            stop.set()

    script = "\n".join(options.fault)
    if options.script is not None:
        script = f"{options.script.read_text(encoding='utf-8')}\n{script}"
    exchange = Emulator(
        host=options.host,
        port=options.port,
        ports=options.ports,
        hosts=options.hosts,
        tls=options.tls,
        seed=options.seed,
        gateway_delay=options.gateway_delay,
        engine_delay=options.engine_delay,
        reply_delay=options.reply_delay,
        event_delay=options.event_delay,
        query_lag=options.query_lag,
        database_lag=options.database_lag,
        ping_interval=options.ping_interval,
        max_connection_age=options.max_age,
        processing_timeout=options.timeout,
        limits=Limits(**dict(options.limit)),
        enforce_limits=not options.no_limits,
        market=options.market,
        symbols=with_named(options.symbols),
        clock=Clock(speed=options.speed),
        log=show if options.verbose else None,
    )
    with _stop_signals(stop), _own_log():
        async with exchange:
            hmac_key, ed25519_key = add_demo_account(exchange)
            exchange.script(script)
            files = _write_files(exchange, ed25519_key, folder, options.tls)
            if options.json:
                keys = {
                    "HMAC": {"apiKey": hmac_key.api_key, "secret": hmac_key.secret},
                    "Ed25519": {"apiKey": ed25519_key.api_key, "privateKeyFile": files["privateKeyFile"]},
                }
                ca_file = {"caFile": files["caFile"]} if options.tls else {}
                print(
                    json.dumps({"url": exchange.url, "urls": exchange.urls, "keys": keys, **ca_file}),
                    flush=True,
                )
            else:
                print(_describe(exchange, hmac_key, ed25519_key, files), flush=True)
            if options.control:
                _take_lines(exchange)
            await stop.wait()
    if unread:
        raise unread[0]


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until SIGINT or SIGTERM.

    Returns:
        The exit code: 0; 1 if it cannot listen or write its key files; 141 if the reader of its output is gone.
    """
    try:
        words = sys.argv[1:] if argv is None else list(argv)
        if words[:1] == ["record"]:
            from .testing.record import main as record

            return record(words[1:])
        if words[:1] == ["replay"]:
            from .testing.replay import main as replay

            return replay(words[1:])
        return _run(_parser().parse_args(words))
    except BrokenPipeError:
        # The reader of our output is gone. The rest of the buffer must not raise the error again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PIPE_CLOSED


def _run(options: argparse.Namespace) -> int:
    if options.readings:
        print(table(), flush=True)
        return 0
    if options.faults:
        print(_lines_help(), flush=True)
        return 0
    with contextlib.ExitStack() as stack:
        folder = options.keys_dir
        if folder is None:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="fastws-")))
        try:
            run(_serve(options, folder))
        except KeyboardInterrupt:
            return 0
        except BrokenPipeError:
            raise
        except OSError as error:
            print(f"Cannot serve: {error}", file=sys.stderr)
            return 1
        except ScriptError as error:
            print(f"Cannot understand the script: {error}", file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
