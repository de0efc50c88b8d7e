"""``python -m fastws call``: one request, and its reply as JSON or as a table."""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from typing import Any

from .. import connect, run
from .._native.request import encode
from ..errors import ExecutionUnknown, FastwsError
from ..methods import METHODS, Method
from ..methods.parameters import AUTH, values
from ..signing import Signer
from . import options
from .methods import called, nearest
from .screen import can_show, table
from .values import read_params

_EXAMPLES = """\
  python -m fastws call time --endpoint testnet
  python -m fastws call depth symbol=BTCUSDT limit=5 --endpoint prod --table
  python -m fastws call ticker.price symbols=BTCUSDT,ETHUSDT --endpoint prod
  python -m fastws call order.place symbol=BTCUSDT side=BUY type=LIMIT \\
      timeInForce=GTC price=52000 quantity=0.01 --endpoint testnet \\
      --api-key api-key.txt --private-key ed25519.pem
"""


def add_parser(commands: Any) -> None:
    parser = commands.add_parser(
        "call",
        help="send one request and print its reply",
        description="Send one request and print its result. With an Ed25519 key, it logs on first;\n"
        "with another key, it signs the request. Public requests need no key.",
        epilog=options.keys_epilog(_EXAMPLES),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "method",
        metavar="METHOD",
        help="the method: Binance's name, such as order.place, or fastws' name, order_place",
    )
    parser.add_argument("params", metavar="name=value", nargs="*", help="parameters, with Binance's names")
    parser.add_argument(
        "--unchecked",
        action="store_true",
        help="also send methods, parameters and values that fastws does not know",
    )
    parser.add_argument("--sbe", action="store_true", help="ask for replies in SBE, Binance's binary format")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", dest="table", action="store_false", help="print JSON (the default)")
    form.add_argument("--table", action="store_true", help="print a table")
    options.add_connection_options(parser)
    options.add_key_options(parser)
    parser.set_defaults(command=call, table=False)


def call(args: argparse.Namespace) -> None:
    version, slash, name = args.method.rpartition("v3/")
    method = called(name)
    if method is None and not args.unchecked:
        raise options.UsageError(f"fastws knows no method {name}{nearest(name, METHODS)}")
    params = read_params(args.params)
    if method is not None and not args.unchecked:
        check(method, params)
    where = options.connection_of(args) | {"sbe": args.sbe}
    # A key is used only if the documentation requires it: without a logon, a public request is faster.
    needs_key = method is None or method.security != "NONE" or name.startswith("session.")
    signer = options.signer_of(args) if needs_key else None
    if signer is None and method is not None and method.security != "NONE" and "signature" not in params:
        raise options.UsageError(
            f"{name} needs a key: set FASTWS_API_KEY and FASTWS_PRIVATE_KEY, or see --help"
        )
    sent = args.method if method is None else f"{version}{slash}{method.name}"
    try:
        result = run(_request(where, signer, sent, params), loop=args.loop)
    except ExecutionUnknown as error:
        raise OutcomeUnknown(error, args) from error
    if args.table:
        print("\n".join(as_table(result)))
    else:
        text = as_json(result)
        print(text if can_show(sys.stdout, text) else as_json(result, ascii=True))


def check(method: Method, params: dict[str, Any]) -> None:
    """Check parameters against the method table, before the connection is opened.

    Raises:
        UsageError: a name or a value is unknown; the text suggests a similar one. InvalidRequest: a value has a wrong
            type, or a parameter is missing.
    """
    known = {*method.params, *(AUTH if method.signed else ()), "returnRateLimits"}
    for name, value in params.items():
        if name not in known:
            raise options.UsageError(f"{method.name} takes no parameter {name}{nearest(name, known)}")
        allowed = values(method.name, name)
        if allowed and value not in allowed:
            raise options.UsageError(
                f"{name} must be one of {', '.join(allowed)}, not {value!r}{nearest(str(value), allowed)}"
            )
    encode(method.name, params, 1, strict=True)


class OutcomeUnknown(FastwsError):
    """An ExecutionUnknown, with the command that queries the outcome of the request."""

    def __init__(self, error: ExecutionUnknown, args: argparse.Namespace) -> None:
        super().__init__(
            f"{error.method} was sent, but its outcome is unknown: {error.cause}; query it with "
            + shlex.join(["python", "-m", "fastws", "call", *question(error), *options.given(args)])
            + " (if it answers -2013, repeat it for 20 s)"
        )


def question(error: ExecutionUnknown) -> list[str]:
    """The method, and its ``name=value`` pairs, that queries the outcome of a trading request."""
    params = error.params
    symbol = f"symbol={params.get('symbol', '')}"
    if error.client_order_id is None:
        return ["openOrders.status", symbol]
    # A cancel or an amendment gives the order a new client order id, so an answer with this id is proof.
    by = f"origClientOrderId={error.client_order_id}"
    if error.method.startswith("orderList."):
        return ["orderList.status", f"orderListId={params['orderListId']}" if "orderListId" in params else by]
    return ["order.status", symbol, f"orderId={params['orderId']}" if "orderId" in params else by]


async def _request(where: dict[str, Any], signer: Signer | None, method: str, params: dict[str, Any]) -> Any:
    async with connect(**where, signer=signer) as client:
        return await client.request(method, params)


def as_json(value: Any, indent: str = "", ascii: bool = False) -> str:
    """JSON for people: objects and lists of them over several lines, a list of plain values on one."""
    deeper = indent + "  "
    if isinstance(value, dict) and value:
        parts = [
            f"{json.dumps(name, ensure_ascii=ascii)}: {as_json(item, deeper, ascii)}"
            for name, item in value.items()
        ]
        open_, close = "{}"
    elif isinstance(value, list) and any(isinstance(item, (dict, list)) for item in value):
        parts = [as_json(item, deeper, ascii) for item in value]
        open_, close = "[]"
    else:
        return json.dumps(value, ensure_ascii=ascii)
    return f"{open_}\n{deeper}" + f",\n{deeper}".join(parts) + f"\n{indent}{close}"


def as_table(result: Any, title: str = "") -> list[str]:
    """Lines for a result: rows for a list, name and value for an object, its lists as tables of their own."""
    if isinstance(result, dict) and result:
        nested = {name: value for name, value in result.items() if _is_rows(value)}
        rows = [(name, _cell(value)) for name, value in result.items() if name not in nested]
        lines = [*([title] if title else []), *table(rows)]
        for name, value in nested.items():
            lines += [*([""] if lines else []), *as_table(value, name)]
        return lines
    if not _is_rows(result):
        return [*([title] if title else []), _cell(result)]
    if len(result) == 1 and isinstance(result[0], dict):
        return as_table(result[0], title)
    count = f"{title} ({len(result)})" if title else f"({len(result)})"
    if not isinstance(result[0], dict):
        width = max(len(row) for row in result)
        return [count, *table([[*map(_cell, row), *[""] * (width - len(row))] for row in result])]
    names = list(dict.fromkeys(name for row in result for name in row))
    if 2 * sum(map(len, result)) < len(names) * len(result):  # rows of many kinds, such as filters
        return [count, *table([_sparse(row) for row in result])]
    return [count, *table([[_cell(row.get(name, "")) for name in names] for row in result], head=names)]


def _is_rows(value: Any) -> bool:
    """Whether a value is a list of objects or of lists, to be shown as rows."""
    return (
        isinstance(value, list)
        and bool(value)
        and (
            all(isinstance(row, dict) for row in value) or all(isinstance(row, list) and row for row in value)
        )
    )


def _sparse(row: dict[str, Any]) -> list[str]:
    """The first value of an object, and the others with their names."""
    first, *others = row.items()
    return [_cell(first[1]), "  ".join(f"{name}={_cell(value)}" for name, value in others)]


def _cell(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
