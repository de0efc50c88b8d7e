"""``python -m fastws methods``: prints the reference of the API's methods, from the client's method table."""

from __future__ import annotations

import argparse
import dataclasses
import json
import re
import sys
import textwrap
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any, ForwardRef

from .. import codes, types
from ..methods import METHODS, Method
from ..methods.parameters import AUTH
from ..methods.texts import parameter_line, result_text
from .options import UsageError
from .screen import can_show, table

_EXAMPLES = """\
examples:
  python -m fastws methods                    all methods
  python -m fastws methods order.place        one method, with parameters,
                                              result and errors
  python -m fastws methods orderList          methods with this in their names
  python -m fastws methods order.place --json
"""


def add_parser(commands: Any) -> None:
    parser = commands.add_parser(
        "methods",
        help="list the API's methods, or show one in detail",
        description="Show the methods of the API: parameters, security, weight, result and errors.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "name",
        metavar="NAME",
        nargs="?",
        help="a method, such as order.place or order_place, or a part of its name",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(command=methods)


def methods(args: argparse.Namespace) -> None:
    found = find(args.name)
    if args.json:
        text = json.dumps([as_json(method) for method in found], ensure_ascii=False, indent=2)
    elif len(found) == 1 and args.name is not None:
        text = "\n".join(reference(found[0]))
    else:
        rows = [(method.name, method.security, method.summary) for method in found]
        text = "\n".join([*table(rows, head=("method", "security", f"what it does ({len(rows)})"))])
    print(text if can_show(sys.stdout, text) else text.encode("ascii", "backslashreplace").decode())


def find(name: str | None) -> list[Method]:
    """The method of this name, else all methods whose names contain it; all methods if there is no name.

    Raises:
        UsageError: there is none; the text suggests a similar name.
    """
    if name is None:
        return list(METHODS.values())
    name = name.removeprefix("v3/")
    exact = called(name)
    found = (
        [exact]
        if exact is not None
        else [
            method
            for method in METHODS.values()
            if name.lower() in method.name.lower() or name.lower() in method.wrapper
        ]
    )
    if not found:
        raise UsageError(f"fastws knows no method {name}{nearest(name, METHODS)}")
    return found


def called(name: str) -> Method | None:
    """The method of this name: Binance's name, or that of its wrapper."""
    return METHODS.get(name) or next((each for each in METHODS.values() if each.wrapper == name), None)


def nearest(name: str, names: Iterable[str]) -> str:
    """A hint at a similar name: "; did you mean order.place?"; "" if no name is similar."""
    by_case = {each.lower(): each for each in names}
    near = get_close_matches(name.lower(), by_case, 1)
    return f"; did you mean {by_case[near[0]]}?" if near else ""


def as_json(method: Method) -> dict[str, Any]:
    """A method as the table has it."""
    return {
        **dataclasses.asdict(method),
        "wrapper": method.wrapper,
        "signed": method.signed,
        "errors": {str(code): codes.name(code) for code in method.errors},
    }


def reference(method: Method) -> list[str]:
    """All facts of a method in the table, as lines for a terminal of 80 columns."""
    lines = [
        *textwrap.wrap(f"{method.name} — {method.summary}", 79, break_on_hyphens=False),
        "",
        f"client.{method.wrapper}(...)",
        f"security {method.security}; weight {method.weight}",
    ]
    names = list(dict.fromkeys((*method.required, *method.params)))
    if names:
        lines += ["", "parameters:"]
        for name in names:
            mark = " (required)" if name in method.required else ""
            for group in method.groups:
                if name in group:
                    mark = f" ({' or '.join(group)} is required)"
            lines += _wrapped(f"{parameter_line(method, name)}{mark}")
    if method.signed:
        lines += _wrapped(f"{', '.join(AUTH)}: added by fastws when it signs")
    lines += ["", "result:", *_wrapped(result_text(method))]
    for name in dict.fromkeys(re.findall(r"\w+", method.result.replace("list", ""))):
        lines += _wrapped(f"{name}: {_keys(name)}")
    if method.errors:
        lines += ["", "errors:"]
        for code in method.errors:
            lines += _wrapped(f"{code} {codes.name(code)}: {(codes.text(code) or '').splitlines()[0]}")
    return lines


def _keys(name: str) -> str:
    """The keys of a result's type; optional keys have a question mark."""
    kind = getattr(types, name)
    optional: frozenset[str] = getattr(kind, "__optional_keys__", frozenset())
    hints: dict[str, Any] = getattr(kind, "__annotations__", {})
    keys = []
    for key, hint in hints.items():
        text = hint.__forward_arg__ if isinstance(hint, ForwardRef) else str(hint)
        text = text.replace("Number", "decimal").replace("Timestamp", "time")
        keys.append(f"{key}{'?' if key in optional else ''} ({text})")
    return ", ".join(keys) or ("a list of twelve values" if name == "Kline" else "no keys")


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(
        text,
        79,
        initial_indent="  ",
        subsequent_indent="      ",
        break_long_words=False,
        break_on_hyphens=False,
    )
