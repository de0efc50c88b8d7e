"""The commands: parse the arguments, run one command, print its error as one sentence, return its exit code."""

from __future__ import annotations

import argparse
import io
import logging
import os
import platform
import sys
import traceback
from collections.abc import Sequence

from picows.version import __version__ as picows_version

from .. import __version__
from ..errors import FastwsError, InvalidRequest
from . import call, demo, events, methods, ping, schema, top, verify, watch
from .options import UsageError

OK, FAILED, USAGE = 0, 1, 2
INTERRUPTED = 130  # 128 + SIGINT, as shells have it
PIPE_CLOSED = 141  # 128 + SIGPIPE

_EPILOG = """\
exit codes: 0 success · 1 refused by the exchange, or the connection failed ·
            2 wrong usage · 130 Ctrl-C · 143 SIGTERM

first steps:
  python -m fastws demo                          run a strategy on the
                                                 embedded exchange
  python -m fastws watch BTCUSDT --endpoint emulator
                                                 show a live order book
  python -m fastws emulator --port 8765          serve this exchange to clients
  python -m fastws call time --endpoint testnet  send a request to testnet
  python -m fastws methods                       list the API's methods

python -m fastws COMMAND --help shows the options of a command.
"""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m fastws",
        description="Binance Spot's WebSocket API from the command line.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=_versions())
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for command in (demo, watch, top, call, events, methods, ping, schema, verify):
        command.add_parser(commands)
    commands.add_parser(
        "emulator", help="serve the embedded exchange to any client", add_help=False, prefix_chars="\0"
    )
    return parser


def _versions() -> str:
    return f"fastws {__version__}, picows {picows_version}, Python {platform.python_version()}"


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; return its exit code."""
    argv = sys.argv[1:] if argv is None else list(argv)
    if argv[:1] == ["emulator"]:
        from ..emulator.__main__ import main as serve

        return serve(argv[1:])
    parser = _parser()
    if not argv:
        parser.print_help(sys.stderr)
        return USAGE
    args, more = parser.parse_known_args(argv)
    if more:
        # argparse accepts name=value only directly after METHOD; users also write options between them.
        if not hasattr(args, "params") or any(text.startswith("-") for text in more):
            parser.error(f"unrecognized arguments: {' '.join(more)}")
        args.params += more
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a character that the encoding lacks is no error
    logging.getLogger("asyncio").addFilter(_is_no_handshake)
    try:
        args.command(args)
        sys.stdout.flush()
    except KeyboardInterrupt:
        if sys.stderr.isatty():
            print(file=sys.stderr)  # the terminal has printed ^C: end that line
        return INTERRUPTED
    except BrokenPipeError:
        # The reader of our output is gone. The rest of the buffer must not raise the error again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PIPE_CLOSED
    except (UsageError, InvalidRequest) as error:
        return _say(error, USAGE)
    except (FastwsError, OSError, ImportError) as error:
        return _say(error, FAILED)
    except Exception as error:
        if os.environ.get("FASTWS_TRACEBACK"):
            traceback.print_exc()
        kind = type(error).__name__
        return _say(f"{kind}: {error} (a bug in fastws; FASTWS_TRACEBACK=1 shows the traceback)", FAILED)
    finally:
        logging.getLogger("asyncio").removeFilter(_is_no_handshake)
    return OK


def _is_no_handshake(record: logging.LogRecord) -> bool:
    """False for the event loop's message about a failed TLS handshake: the command prints its own error for it."""
    return not str(record.msg).startswith("SSL handshake failed")


def _say(error: object, code: int) -> int:
    print(f"fastws: {error}", file=sys.stderr)
    return code
