"""The commands, and what their ends mean: exit codes and sentences, never a traceback."""

from __future__ import annotations

import argparse
import io
import os
import sys
import traceback
from collections.abc import Sequence

from ..errors import FastwsError, InvalidRequest
from . import call, demo, ping
from .options import UsageError

OK, FAILED, USAGE = 0, 1, 2
INTERRUPTED = 130  # 128 + SIGINT, as shells have it
PIPE_CLOSED = 141  # 128 + SIGPIPE

_EPILOG = """\
exit codes: 0 done · 1 the exchange or the connection refused or failed · 2 wrong usage · 130 Ctrl-C

first steps:
  python -m fastws demo                            a strategy at work, against an exchange in a box
  python -m fastws emulator --port 8080            that exchange, for your own client
  python -m fastws call time --endpoint testnet    one request, to the test network
"""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m fastws",
        description="Binance Spot's WebSocket API from the command line.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for command in (demo, call, ping):
        command.add_parser(commands)
    commands.add_parser(
        "emulator", help="serve the embedded exchange to any client", add_help=False, prefix_chars="\0"
    )
    return parser


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
    args = parser.parse_args(argv)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a name in Chinese is no reason to fail
    try:
        args.command(args)
        sys.stdout.flush()
    except KeyboardInterrupt:
        if sys.stderr.isatty():
            print(file=sys.stderr)  # behind the terminal's ^C
        return INTERRUPTED
    except BrokenPipeError:
        # Who read our output has gone. What is left in the buffer must not fail again at exit.
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
        return _say(f"{kind}: {error} (a fault of fastws; FASTWS_TRACEBACK=1 shows where)", FAILED)
    return OK


def _say(error: object, code: int) -> int:
    print(f"fastws: {error}", file=sys.stderr)
    return code
