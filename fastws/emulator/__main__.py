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
from collections.abc import Iterator, Sequence
from datetime import datetime, timezone
from pathlib import Path

from ..run import run
from .auth import Credentials
from .clock import Clock
from .demo import add_demo_account
from .emulator import Emulator
from .journal import Record
from .readings import table

__all__ = ["main"]


_EPILOG = """\
examples:
  python -m fastws.emulator                   at ws://127.0.0.1:8765
  python -m fastws.emulator --port 0 --json   at a free port, for a program
  python -m fastws.emulator --engine-delay 0.005 --verbose
  python -m fastws call time --endpoint ws://127.0.0.1:8765

exit codes: 0 ended by Ctrl-C or SIGTERM · 1 it cannot listen or write files ·
            2 wrong usage
"""
PIPE_CLOSED = 141  # 128 + SIGPIPE


def _seconds(text: str) -> float:
    with contextlib.suppress(ValueError):
        if 0 <= (value := float(text)) < float("inf"):
            return value
    raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds, 0 or more")


def _speed(text: str) -> float:
    with contextlib.suppress(ValueError):
        if 0 < (value := float(text)) < float("inf"):
            return value
    raise argparse.ArgumentTypeError(f"{text!r} is no speed, more than 0")


def _port(text: str) -> int:
    if text.isdecimal() and int(text) < 65536:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is no port, 0 to 65535")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m fastws.emulator",
        description="Serve a Binance Spot exchange in a box: the WebSocket API, to any client.\n"
        "It opens with one account, whose keys are always the same and are printed at\nthe start.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument(
        "--port", type=_port, default=8765, help="port; 0 takes a free one (default: %(default)s)"
    )
    parser.add_argument(
        "--tls", action="store_true", help="serve wss, with a certificate made for the occasion"
    )
    parser.add_argument(
        "--seed", type=int, default=1, help="decides what the market looks like (default: %(default)s)"
    )
    parser.add_argument(
        "--gateway-delay",
        type=_seconds,
        default=0.0,
        metavar="S",
        help="seconds that a request spends in the gateway (0)",
    )
    parser.add_argument(
        "--engine-delay", type=_seconds, default=0.0, metavar="S", help="seconds from there to the engine (0)"
    )
    parser.add_argument(
        "--ping-interval",
        type=_seconds,
        default=20.0,
        metavar="S",
        help="seconds between pings, 0 for none (20)",
    )
    parser.add_argument(
        "--market",
        choices=("live", "still", "quiet"),
        default="live",
        help="live: prices move by themselves; still: only by your orders; quiet: nobody else trades "
        "(default: %(default)s)",
    )
    parser.add_argument(
        "--speed",
        type=_speed,
        default=1.0,
        metavar="N",
        help="seconds of the exchange's clock in one of yours; requests must go by its time (1)",
    )
    parser.add_argument("--no-limits", action="store_true", help="count requests and orders, but refuse none")
    parser.add_argument(
        "--keys-dir", type=Path, metavar="DIR", help="folder for the key files (default: a temporary one)"
    )
    parser.add_argument(
        "--json", action="store_true", help="print one line of JSON instead of text at the start"
    )
    parser.add_argument(
        "--readings", action="store_true", help="print how the documentation is read where it is silent"
    )
    parser.add_argument("--verbose", action="store_true", help="print a line for each request")
    return parser


def _print_record(record: Record) -> None:
    at = datetime.fromtimestamp(record.received_at / 1e6, timezone.utc).strftime("%H:%M:%S.%f")
    took = f"{record.replied_at - record.received_at} us" if record.reply_sent else "no reply"
    parts = [at, f"#{record.connection}", record.method or "?", f"id={record.id}", record.outcome]
    if record.status:
        parts.append(str(record.status))
    if record.code:
        parts.append(str(record.code))
    if record.order_id is not None:
        parts.append(f"order={record.order_id} ({record.client_order_id})")
    if record.fault:
        parts.append(f"fault={record.fault}")
    print(*parts, took, flush=True)


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
        f"Binance Spot exchange in a box, at {exchange.url}",
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
    """What can be pasted into another terminal, to use the exchange from there."""
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


def _in_one_line(record: logging.LogRecord) -> bool:
    """A client's failed TLS handshake is no fault of ours: no traceback of the event loop."""
    if str(record.msg).startswith("SSL handshake failed"):
        record.msg = "A client gave up during the TLS handshake: does it trust the certificate?"
        record.exc_info = None
    return True


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


async def _serve(options: argparse.Namespace, folder: Path) -> None:
    stop = asyncio.Event()
    unread: list[BrokenPipeError] = []

    def show(record: Record) -> None:
        try:
            _print_record(record)
        except BrokenPipeError as error:
            unread.append(error)
            stop.set()

    exchange = Emulator(
        host=options.host,
        port=options.port,
        tls=options.tls,
        seed=options.seed,
        gateway_delay=options.gateway_delay,
        engine_delay=options.engine_delay,
        ping_interval=options.ping_interval,
        enforce_limits=not options.no_limits,
        market=options.market,
        clock=Clock(speed=options.speed),
        on_record=show if options.verbose else None,
    )
    with _stop_signals(stop):
        async with exchange:
            hmac_key, ed25519_key = add_demo_account(exchange)
            files = _write_files(exchange, ed25519_key, folder, options.tls)
            logging.getLogger("asyncio").addFilter(_in_one_line)
            if options.json:
                keys = {
                    "HMAC": {"apiKey": hmac_key.api_key, "secret": hmac_key.secret},
                    "Ed25519": {"apiKey": ed25519_key.api_key, "privateKeyFile": files["privateKeyFile"]},
                }
                ca_file = {"caFile": files["caFile"]} if options.tls else {}
                print(json.dumps({"url": exchange.url, "keys": keys, **ca_file}), flush=True)
            else:
                print(_describe(exchange, hmac_key, ed25519_key, files), flush=True)
            await stop.wait()
    if unread:
        raise unread[0]


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until SIGINT or SIGTERM.

    Returns:
        The exit code: 0; 1 if it cannot listen or write its key files; 141 if nobody reads its output any more.
    """
    try:
        return _run(_parser().parse_args(argv))
    except BrokenPipeError:
        # Who read our output has gone. What is left in the buffer must not fail again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PIPE_CLOSED


def _run(options: argparse.Namespace) -> int:
    if options.readings:
        print(table(), flush=True)
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
    return 0


if __name__ == "__main__":
    sys.exit(main())
