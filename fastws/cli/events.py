"""``python -m fastws events``: prints each event of an account's user data stream as one line."""

from __future__ import annotations

import argparse
import json
import sys
from datetime import datetime, timezone
from typing import Any

from .. import connect, run
from ..client import Client
from ..gaps import EventGap
from ..signing import Signer
from . import options
from .screen import can_show

_EXAMPLES = """\
  python -m fastws events --endpoint testnet
  python -m fastws events --url ws://127.0.0.1:8765 --table --count 10
  python -m fastws events --endpoint prod --sbe | jq .event.c
"""

# The fields that a line of the table shows of each event, in this order; user-data-stream.md explains the names.
_SHOWN = {
    "executionReport": ("s", "S", "o", "x", "X", "q", "p", "z", "l", "L", "n", "N", "i", "c", "r"),
    "outboundAccountPosition": ("B",),
    "balanceUpdate": ("a", "d"),
    "externalLockUpdate": ("a", "d"),
    "listStatus": ("s", "g", "c", "l", "L", "r", "C"),
}


def add_parser(commands: Any) -> None:
    parser = commands.add_parser(
        "events",
        help="print the events of an account, its user data stream",
        description="Subscribe to the events of an account, and print each as one line, until Ctrl-C.\n"
        "With an Ed25519 key, it logs on first; with another key, it signs the request.",
        epilog=options.keys_epilog(_EXAMPLES),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", dest="table", action="store_false", help="print JSON (the default)")
    form.add_argument(
        "--table", action="store_true", help="print time, type and the main fields of each event"
    )
    parser.add_argument("--sbe", action="store_true", help="ask for events in SBE, Binance's binary format")
    parser.add_argument(
        "-n", "--count", type=options.count, metavar="N", help="end after N events (default: never)"
    )
    options.add_connection_options(parser)
    options.add_key_options(parser)
    parser.set_defaults(command=events, table=False)


def events(args: argparse.Namespace) -> None:
    where = {**options.connection_of(args), "sbe": args.sbe, "reconnect": True}
    signer = options.signer_of(args)
    if signer is None:
        raise options.UsageError(
            "events needs a key: set FASTWS_API_KEY and FASTWS_PRIVATE_KEY, or see --help"
        )
    run(_follow(args, where, signer), loop=args.loop)


async def _follow(args: argparse.Namespace, where: dict[str, Any], signer: Signer) -> None:
    async with connect(**where, signer=signer, on_event=lambda event, of: _show(args, event, of)) as client:
        async with await _subscribe(client) as subscription:
            print(f"fastws: subscription {subscription.id} at {where['endpoint']}", file=sys.stderr)
            count = 0
            while True:
                try:
                    async for event in subscription:
                        _show(args, event, subscription.id)
                        count += 1
                        if count == args.count:
                            return
                    break
                except EventGap as error:
                    print(f"fastws: events are missing {error.gap}", file=sys.stderr)
        print(f"fastws: the subscription ended: {subscription.reason}", file=sys.stderr)


def _subscribe(client: Client) -> Any:
    if client.logged_on:
        return client.user_data_stream_subscribe()
    return client.user_data_stream_subscribe_signature()


def _show(args: argparse.Namespace, event: dict[str, Any], subscription: int | None) -> None:
    text = as_row(event) if args.table else _as_json(event, subscription)
    if not args.table and not can_show(sys.stdout, text):
        text = _as_json(event, subscription, ascii=True)
    print(text, flush=True)


def _as_json(event: dict[str, Any], subscription: int | None, ascii: bool = False) -> str:
    """The event as a connection that speaks JSON receives it."""
    of = {} if subscription is None else {"subscriptionId": subscription}
    return json.dumps({**of, "event": event}, ensure_ascii=ascii, separators=(",", ":"))


def as_row(event: dict[str, Any]) -> str:
    """Time, type, and the main fields of an event; all fields if its type is unknown."""
    kind = str(event.get("e"))
    names = _SHOWN.get(kind, tuple(name for name in event if name not in ("e", "E")))
    fields = "  ".join(f"{name}={_cell(event[name])}" for name in names if event.get(name) not in (None, ""))
    return f"{_time(event.get('E'))}  {kind:23}  {fields}".rstrip()


def _cell(value: Any) -> str:
    if isinstance(value, list):  # of balances, or of the orders of a list
        return " ".join("/".join(str(entry[name]) for name in entry) for entry in value)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _time(milliseconds: Any) -> str:
    """UTC, to the millisecond."""
    try:
        moment = datetime.fromtimestamp(milliseconds / 1000, timezone.utc)
    except (TypeError, ValueError, OverflowError, OSError):
        return str(milliseconds)
    return moment.strftime("%H:%M:%S.") + f"{moment.microsecond // 1000:03}"
