"""The command line: ``python -m fastws.emulator``."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import signal
import sys
import tempfile
from collections.abc import Iterator, Sequence
from datetime import datetime, timezone
from pathlib import Path

from ..run import run
from .auth import Credentials
from .demo import add_demo_account
from .emulator import Emulator
from .journal import Record
from .readings import table

__all__ = ["main"]


def _seconds(text: str) -> float:
    with contextlib.suppress(ValueError):
        if 0 <= (value := float(text)) < float("inf"):
            return value
    raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds, 0 or more")


def _port(text: str) -> int:
    if text.isdecimal() and int(text) < 65536:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is no port, 0 to 65535")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m fastws.emulator",
        description="Serve a Binance Spot exchange in a box: the WebSocket API, to any client. "
        "It opens with one account, whose keys are always the same and are printed at the start.",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument(
        "--port", type=_port, default=8765, help="port; 0 takes a free one (default: %(default)s)"
    )
    parser.add_argument(
        "--tls", action="store_true", help="serve wss, with a certificate made for the occasion"
    )
    parser.add_argument(
        "--seed", type=int, default=1, help="of what the market looks like (default: %(default)s)"
    )
    parser.add_argument(
        "--gateway-delay", type=_seconds, default=0.0, metavar="S", help="seconds in the gateway"
    )
    parser.add_argument(
        "--engine-delay", type=_seconds, default=0.0, metavar="S", help="seconds on to the engine"
    )
    parser.add_argument(
        "--ping-interval", type=_seconds, default=20.0, metavar="S", help="seconds between pings, 0 for none"
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
    return "\n".join([*lines, "", "Ctrl-C ends it."])


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
    exchange = Emulator(
        host=options.host,
        port=options.port,
        tls=options.tls,
        seed=options.seed,
        gateway_delay=options.gateway_delay,
        engine_delay=options.engine_delay,
        ping_interval=options.ping_interval,
        enforce_limits=not options.no_limits,
        on_record=_print_record if options.verbose else None,
    )
    stop = asyncio.Event()
    with _stop_signals(stop):
        async with exchange:
            hmac_key, ed25519_key = add_demo_account(exchange)
            files = _write_files(exchange, ed25519_key, folder, options.tls)
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


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until SIGINT or SIGTERM.

    Returns:
        The exit code: 0, or 1 if it cannot listen or write its key files.
    """
    options = _parser().parse_args(argv)
    if options.readings:
        print(table())
        return 0
    with contextlib.ExitStack() as stack:
        folder = options.keys_dir
        if folder is None:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="fastws-")))
        try:
            run(_serve(options, folder))
        except KeyboardInterrupt:
            return 0
        except OSError as error:
            print(f"Cannot serve: {error}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
