"""A Client is made of parts: they take what they need, and nothing outside of its own modules reaches into a Client."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import fastws
from fastws.client_requests import ClientRequests
from fastws.client_trading import ClientTrading
from fastws.methods import Methods

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "fastws"
MODULES = [
    *(path for path in PACKAGE.rglob("*.py") if "emulator" not in path.relative_to(PACKAGE).parts),
    *(ROOT / "tools").glob("*.py"),
    *(ROOT / "bench").glob("*.py"),
]
# bench/clients.py has peers
OF_A_CLIENT = ("client.py", "client_requests.py", "client_trading.py", "clients.py")
COMPILED = [*PACKAGE.rglob("*.pyx"), *PACKAGE.rglob("*.pxi"), *PACKAGE.rglob("*.pxd")]


def reaches(tree: ast.AST, hidden: set[str]) -> Iterator[str]:
    """What a module reaches for in a client that is not itself."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Attribute) or not node.attr.startswith("_"):
            continue
        of = node.value
        name = of.id if isinstance(of, ast.Name) else of.attr if isinstance(of, ast.Attribute) else ""
        is_client = re.fullmatch(r"_?clients?|.*_client", name) is not None
        if (is_client and not node.attr.endswith("__")) or (
            node.attr in hidden and name not in ("self", "cls")
        ):
            yield f"{node.lineno}: {name}.{node.attr}"


def test_nothing_reaches_into_a_client() -> None:
    hidden = {name for name in vars(fastws.connect("testnet")) if name.startswith("_")}
    assert {"_session", "_supervisor", "_halting"} <= hidden
    found = {
        path.name: list(reaches(ast.parse(path.read_text(encoding="utf-8")), hidden))
        for path in MODULES
        if path.name not in OF_A_CLIENT
    }
    assert {name: lines for name, lines in found.items() if lines} == {}
    for path in COMPILED:
        assert re.findall(r"client\._\w+", path.read_text(encoding="utf-8")) == [], path.name


def test_what_reaches_into_a_client_is_found() -> None:
    tree = ast.parse("client._a\nself._client._b\nself._session\nother._session\nself._c\nclient.__d__\nx._e")
    assert list(reaches(tree, {"_session"})) == ["1: client._a", "2: _client._b", "4: other._session"]


def test_its_base_classes_are_a_chain() -> None:
    chain = [fastws.Client, ClientTrading, ClientRequests, Methods, object]
    assert fastws.Client.mro() == chain


def test_types_are_not_talked_away() -> None:
    for path in PACKAGE.glob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert "type: ignore[arg-type]" not in text, path.name
        assert not re.search(r"(session|client|owner): Any", text), path.name
