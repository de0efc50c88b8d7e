"""docs/logging.md: its table lists each code of the source, with its logger and level, and no other."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from fastws._common import log

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "logging.md").read_text(encoding="utf-8")
LOGGERS = {name: each.logger.name for name, each in vars(log).items() if isinstance(each, log.SafeLogger)}
LEVELS = {"warning": "WARNING", "error": "ERROR", "exception": "ERROR", "critical": "CRITICAL"}


class Coded(NamedTuple):
    """A call that logs: where it stands, its code, its logger and its level."""

    place: str
    code: str | None
    logger: str
    level: str


def sources(*kinds: str) -> Iterator[Path]:
    apart = [ROOT / "fastws" / "emulator", ROOT / "fastws" / "cli"]
    for kind in kinds:
        for path in sorted((ROOT / "fastws").rglob(f"*.{kind}")):
            if not any(folder in path.parents for folder in apart):
                yield path


def calls(path: Path) -> Iterator[Coded]:
    """The calls of a Python module that log a warning or worse."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in LEVELS:
            target = node.func.value
            name = target.id if isinstance(target, ast.Name) else getattr(target, "attr", "")
            if name in LOGGERS:
                codes = [each.value for each in node.keywords if each.arg == "code"]
                code = codes[0].value if codes and isinstance(codes[0], ast.Constant) else None
                place = f"{path.relative_to(ROOT)}:{node.lineno}"
                yield Coded(place, code, LOGGERS[name], LEVELS[node.func.attr])


def given_to_warn() -> Iterator[Coded]:
    """The calls of SessionOwner.warn(), also where it was handed on as `_warn`."""
    for path in sources("py", "pyx", "pxi"):
        for found in re.finditer(r"(?:owner\.|\b_)warn\(\s*(\"[a-z-]+\")?", path.read_text(encoding="utf-8")):
            code = found[1].strip('"') if found[1] else None
            yield Coded(str(path.relative_to(ROOT)), code, "fastws", "WARNING")


def all_calls() -> list[Coded]:
    # their warn() takes the code from its caller
    handed_on = ("fastws/session_handler.py", "fastws/feeds/market_reports.py")
    found = [each for path in sources("py") for each in calls(path)]
    found = [each for each in found if each.code is not None or not each.place.startswith(handed_on)]
    return found + list(given_to_warn())


def rows() -> dict[str, list[str]]:
    _, _, table = PAGE.partition("## Codes")
    lines = [line for line in table.splitlines() if line.startswith("| `")]
    cells = [[cell.strip(" `") for cell in line.strip("|").split("|")] for line in lines]
    return {row[0]: row[1:] for row in cells}


def test_each_warning_has_a_code() -> None:
    assert [each for each in all_calls() if each.code is None] == []
    assert len(all_calls()) >= 18


def test_each_code_has_its_row_and_each_row_its_code() -> None:
    found: dict[str | None, set[tuple[str, str]]] = {}
    for each in all_calls():
        found.setdefault(each.code, set()).add((each.logger, each.level))
    listed = {code: {(row[0], row[1])} for code, row in rows().items()}
    assert found == listed


def test_a_row_says_what_it_means_and_whether_it_wakes_a_person() -> None:
    table = rows()
    assert list(table) == sorted(table)
    for code, row in table.items():
        assert len(row) == 4, code
        assert row[2], code
        assert row[3] in ("yes", "no"), code


@pytest.mark.parametrize("name", sorted(LOGGERS.values()))
def test_the_page_lists_each_logger(name: str) -> None:
    assert f"| `{name}` |" in PAGE
