"""Write docs/methods.md, and the README's list of methods, from the table in fastws/methods/table.py.

`python tools/make_methods_page.py`; with --check, compare.
"""

from __future__ import annotations

import sys
from pathlib import Path

from fastws import codes
from fastws.methods import METHODS, Method

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "methods.md"
README = ROOT / "README.md"
BEGIN, END = "<!-- methods:begin -->", "<!-- methods:end -->"

HEAD = """\
# Methods

All {count} methods of Binance's WebSocket API, as `client.…`. **Bold** parameters are required; one of `a` / `b` is
required. Signed methods (TRADE, USER_DATA, and USER_STREAM and SIGNED except `userDataStream.subscribe`) also take
`apiKey`, `timestamp`, `recvWindow` and `signature`; fastws adds these. All methods take `returnRateLimits`.
`help(client.order_place)` and `python -m fastws methods order.place` describe parameters, results and errors. Results
are types of `fastws.types`; error codes have names in `fastws.codes`.

`tools/make_methods_page.py` writes this page from the table in `fastws/methods/table.py`, which follows
web-socket-api.md of [binance-spot-api-docs](https://github.com/binance/binance-spot-api-docs), as of 2026-07-21.

| method | `client.` | security | weight | parameters | result |
| --- | --- | --- | --- | --- | --- |
"""


def row(method: Method) -> str:
    parameters = []
    for name in dict.fromkeys((*method.required, *method.params)):
        group = next((group for group in method.groups if name in group), None)
        if group is None:
            parameters.append(f"**{name}**" if name in method.required else name)
        elif name == group[0]:
            parameters.append(" / ".join(f"`{each}`" for each in group))
    result = ", ".join(f"`{text}`" for text in dict.fromkeys(method.results.values())).replace("|", "\\|")
    cells = [
        f"`{method.name}`",
        f"`{method.wrapper}`",
        method.security,
        method.weight,
        ", ".join(parameters),
        result,
    ]
    return "| " + " | ".join(cells) + " |"


def page() -> str:
    lines = [row(method) for method in METHODS.values()]
    return HEAD.format(count=len(METHODS)) + "\n".join(lines) + "\n\n" + errors()


def errors() -> str:
    rows = []
    for code, name in sorted({code: codes.name(code) for code in codes.CODES.values()}.items(), reverse=True):
        of = [f"`{method.name}`" for method in METHODS.values() if code in method.errors]
        if of:
            signed = sum(method.signed for method in METHODS.values())
            rows.append(
                f"| {code} | `{name}` | {'every signed method' if len(of) == signed else ', '.join(of)} |"
            )
    return (
        "## Errors\n\nThe documented error codes of each method, without those that any request can get"
        " (errors.md).\n\n| code | `fastws.codes.` | of |\n| --- | --- | --- |\n" + "\n".join(rows) + "\n"
    )


def short_list() -> str:
    """The README's table: all methods, by their security."""
    lines = ["", "| security | methods of the client |", "| --- | --- |"]
    for security in dict.fromkeys(method.security for method in METHODS.values()):
        names = [f"`{method.wrapper}`" for method in METHODS.values() if method.security == security]
        lines.append(f"| {security} | {', '.join(names)} |")
    return "\n".join([*lines, ""])


def readme() -> str:
    text = README.read_text(encoding="utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise SystemExit(f"README.md has no {BEGIN} … {END}")
    return before + BEGIN + short_list() + END + after


def main() -> int:
    texts = {PAGE: page(), README: readme()}
    for file, text in texts.items():
        if "--check" in sys.argv:
            if not file.is_file() or file.read_text(encoding="utf-8") != text:
                print(f"{file.name} is not what the table says: run python tools/make_methods_page.py")
                return 1
        else:
            file.parent.mkdir(exist_ok=True)
            file.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
