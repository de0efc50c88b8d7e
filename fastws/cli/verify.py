"""``python -m fastws verify``: tests how we read the documentation, where it is silent, on the exchange itself."""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from .. import __version__, run
from ..emulator.methods.readings import READINGS
from ..errors import FastwsError
from ..lifecycle.endpoints import Endpoint, is_loopback, resolve_endpoint
from . import options
from .screen import Screen, table
from .verify_judges import Finding
from .verify_run import PLACED, TOPICS, Place, Run

__all__ = ["add_parser"]

_EXAMPLES = """\
  python -m fastws verify testnet
  python -m fastws verify testnet --wait 86400
  python -m fastws verify --url ws://127.0.0.1:8765 --out emulator.json
"""
_GRACE = 20.0  # seconds for the clean-up after Ctrl-C


class Refuted(FastwsError):
    """Readings are refuted."""


def add_parser(commands: Any) -> None:
    parser = commands.add_parser(
        "verify",
        help="test our readings of the documentation on the exchange itself",
        description="Test how we read the documentation where it is silent or unclear, on the exchange itself.\n"
        f"It needs a key, places and cancels {PLACED} small orders far below the market, and opens two\n"
        "connections. All orders are canceled at the end, also after Ctrl-C. Nobody else should\n"
        "trade with the account meanwhile. A run takes about a minute.",
        epilog=options.keys_epilog(_EXAMPLES),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("where", metavar="ENDPOINT", nargs="?", help="the same as --endpoint")
    parser.add_argument(
        "--symbol", type=_symbol, default="BTCUSDT", help="the symbol of the orders (default: %(default)s)"
    )
    parser.add_argument(
        "--out",
        type=Path,
        metavar="FILE",
        help="write what was found to this file, JSON (default: verify-ENDPOINT.json)",
    )
    parser.add_argument(
        "--quiet",
        type=options.seconds,
        default=1.0,
        metavar="SECONDS",
        help="seconds without an event after which all events have come (1)",
    )
    parser.add_argument(
        "--wait",
        type=options.seconds,
        default=0.0,
        metavar="SECONDS",
        help="at the end, wait so long for serverShutdown and for the end of a connection (0)",
    )
    parser.add_argument(
        "--allow-prod",
        action="store_true",
        help="also run where money may be real: at any host but testnet, demo and this machine",
    )
    options.add_connection_options(parser)
    options.add_key_options(parser)
    parser.set_defaults(command=verify)


def verify(args: argparse.Namespace) -> None:
    if args.where is not None:
        if args.endpoint or args.url:
            raise options.UsageError(f"give the endpoint once: {args.where}, or --endpoint or --url")
        args.endpoint = args.where
    where = options.connection_of(args)
    endpoint = resolve_endpoint(where["endpoint"], port=where["port"])
    _check_allowed(endpoint, args.allow_prod)
    signer = options.signer_of(args)
    if signer is None:
        raise options.UsageError(
            "verify needs a key: set FASTWS_API_KEY and FASTWS_PRIVATE_KEY, or see --help"
        )
    kind = kind_of(endpoint)
    screen = Screen()
    screen.paragraph(
        f"Verifying at {kind if kind != 'other' else endpoint.url}: up to {PLACED} small orders of {args.symbol}, far "
        "below the market, are placed and canceled."
    )
    place = Place(endpoint.url, where["ssl_context"], signer, where["timeout"])
    found: dict[str, Finding] = {}
    left: list[str] = []
    began = datetime.now(timezone.utc)

    async def main() -> None:
        one = Run(place, args.symbol, args.quiet, args.wait, lambda text: screen.live([f"{text} …"]))
        try:
            await one.run()
        finally:
            found.update(one.findings)
            left.extend([one.left] if one.left else [])

    try:
        run(main(), loop=args.loop, grace=_GRACE)
    finally:
        # Also after Ctrl-C, and where it stopped half-way: each reading stands for itself.
        for text in left:
            print(f"fastws: {text}", file=sys.stderr)
        screen.live([])
        if any(finding.verdict != "unclear" for finding in found.values()):
            screen.lines(shown(found))
            out = args.out or Path(f"verify-{kind}.json")
            record = as_record(found, kind, args.symbol, began)
            out.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
            screen.line(f"Written to {out}; python -m fastws.emulator --readings {out} shows it")
    refuted = [topic for topic in TOPICS if topic in found and found[topic].verdict == "refuted"]
    if refuted:
        raise Refuted(f"refuted: {', '.join(refuted)}")


def _symbol(text: str) -> str:
    if re.fullmatch(r"\w{1,40}", text):
        return text
    raise argparse.ArgumentTypeError(f"{text!r} is not a symbol, such as BTCUSDT")


def kind_of(endpoint: Endpoint) -> str:
    """ "prod", "testnet" or "demo", also for a URL of its host; else "other"."""
    for name in ("prod", "testnet", "demo"):
        if endpoint.host == resolve_endpoint(name).host:
            return name
    return "other"


def _check_allowed(endpoint: Endpoint, allow_prod: bool) -> None:
    kind = kind_of(endpoint)
    if allow_prod or kind in ("testnet", "demo") or (kind == "other" and is_loopback(endpoint.host)):
        return
    raise options.UsageError(
        f"at {endpoint.host}, money may be real: verify places and cancels {PLACED} small orders far below the market "
        "there only with --allow-prod"
    )


def shown(found: Mapping[str, Finding]) -> list[str]:
    """The lines of the table."""
    statuses = {reading.topic: reading.status for reading in READINGS}
    rows = []
    for topic in TOPICS:
        finding = found.get(topic)
        verdict, text = ("-", "not reached") if finding is None else finding[:2]
        rows.append((topic, statuses[topic], verdict, text))
    return table(rows, head=("reading", "until now", "verdict", "what was observed"))


def as_record(found: Mapping[str, Finding], kind: str, symbol: str, began: datetime) -> dict[str, Any]:
    """What is written to the file; ``methods/observations.py`` reads it."""
    return {
        "date": began.strftime("%Y-%m-%d"),
        "began": began.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "build": f"fastws {__version__}",
        "endpoint": kind,
        "symbol": symbol,
        "readings": [
            {
                "topic": topic,
                "verdict": found[topic].verdict,
                "observed": found[topic].text,
                "facts": found[topic].facts,
            }
            for topic in TOPICS
            if topic in found
        ],
    }
