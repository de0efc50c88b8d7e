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

from .arguments import parser
from .methods.observations import RecordError
from .methods.readings import table
from .testing.demo import add_demo_account
from .testing.emulator import Emulator
from .testing.script import ACTIONS, ScriptError
from .values.auth import Credentials
from .values.clock import Clock
from .values.faults import KINDS
from .values.limits import Limits
from .values.logs import logger
from .values.named_symbols import with_named

__all__ = ["main"]


PIPE_CLOSED = 141  # 128 + SIGPIPE


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
        f"Market data streams in JSON at {' '.join(exchange.stream_urls)}",
        f"Market data streams in SBE at {' '.join(exchange.sbe_stream_urls)}",
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
        differing_fields=options.differing_fields,
        termination_overtakes=options.termination_overtakes,
        types_overtake=options.types_overtake,
        ping_interval=options.ping_interval,
        max_connection_age=options.max_age,
        processing_timeout=options.timeout,
        limits=Limits(**dict(options.limit)),
        enforce_limits=not options.no_limits,
        market=options.market,
        stream_ports=[options.stream_port, *[0] * (options.stream_ports - 1)],
        sbe_stream_ports=[options.sbe_stream_port, *[0] * (options.sbe_stream_ports - 1)],
        nested_stream_errors=options.nested_stream_errors,
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
                urls = {
                    "url": exchange.url,
                    "urls": exchange.urls,
                    "streamUrls": exchange.stream_urls,
                    "sbeStreamUrls": exchange.sbe_stream_urls,
                }
                print(json.dumps({**urls, "keys": keys, **ca_file}), flush=True)
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
        return _run(parser().parse_args(words))
    except BrokenPipeError:
        # The reader of our output is gone. The rest of the buffer must not raise the error again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PIPE_CLOSED


def _run(options: argparse.Namespace) -> int:
    if options.readings is not None:
        try:
            print(table(options.readings), flush=True)
        except RecordError as error:
            print(f"Cannot show the readings: {error}", file=sys.stderr)
            return 1
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
