"""The map from the statements of tests/data/SEMANTICS.md to the tests that show them.

A test names the numbers of the statements that it shows in its docstring, as in ``SEMANTICS 41, 44``. The test here
fails if a statement about the exchange has no test. ``PYTHONPATH=tests python -m emulator.test_semantics`` prints
the map.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

from helpers import facts

HERE = Path(__file__).parent
STATEMENTS = range(1, 105)

# Statements about clients only, or about neither side.
OF_CLIENTS = {
    15: "two requests in flight with one id: the exchange answers both",
    33: "how a client reads another version of the schema",
}

# Statements that no test shows yet, and the reason.
MISSING: dict[int, str] = {}


def shown_by() -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for path in sorted(HERE.rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                for numbers in re.findall(r"SEMANTICS ([0-9, ]+)", ast.get_docstring(node) or ""):
                    for number in re.findall(r"[0-9]+", numbers):
                        found.setdefault(int(number), []).append(f"{path.name}::{node.name}")
    return found


def test_each_statement_about_the_exchange_has_a_test():
    found = shown_by()
    without = set(STATEMENTS) - found.keys() - OF_CLIENTS.keys()
    assert without <= MISSING.keys(), f"no test names {sorted(without - MISSING.keys())}"
    assert not MISSING.keys() & found.keys(), f"no longer missing: {sorted(MISSING.keys() & found.keys())}"
    assert found.keys() <= set(STATEMENTS)


def test_the_statements_are_those_of_the_list():
    text = facts.text("SEMANTICS.md")
    assert [int(number) for number in re.findall(r"^([0-9]+)\. ", text, re.MULTILINE)] == list(STATEMENTS)


if __name__ == "__main__":
    for number, tests in sorted(shown_by().items()):
        print(number, *tests, sep="\n    ")
