"""The rooms of fastws, as the tables of docs/architecture.md name them, and what breaks their rules.

A room is a package without its subpackages, or one module. A row names a room (or several that are one), says what it
holds, and names the rooms that it may import. `lint-imports` holds the Python modules to it (`rooms_contract.py`),
`check_cimports.py` the compiled ones.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "architecture.md"
PACKAGE = "fastws"

_HEADING = re.compile(r"## Rooms of ")
_NAME = re.compile(r"`([\w.]+)`")


class Import(NamedTuple):
    """That one module imports another."""

    importer: str
    imported: str
    where: str = ""  # the file and the line, where they are known

    def __str__(self) -> str:
        text = f"{self.importer} imports {self.imported}"
        return f"{self.where}: {text}" if self.where else text


class Rooms:
    """The rows of the tables."""

    def __init__(self, page: str) -> None:
        self._row: dict[str, int] = {}  # room → the row that names it
        self._may: list[list[str]] = []  # row → the rooms that it may import
        self._table: list[int] = []  # row → the first row of its table
        self.faults: list[str] = []
        table = 0  # the first row of the table
        inside = False
        for line in page.splitlines():
            if line.startswith("## "):
                inside, table = _HEADING.match(line) is not None, len(self._may)
            elif inside and line.startswith("| `"):
                names, _, may = (cell.strip() for cell in line.strip("|").split(" | "))
                self._row |= dict.fromkeys(_NAME.findall(names), len(self._may))
                self._may.append(_NAME.findall(may))
                self._table.append(table)
        for row, may_import in enumerate(self._may):
            for name in may_import:
                if name not in self._row:
                    self.faults.append(f"the table lets a room import `{name}`, which is no room")
                elif self._row[name] >= row and self._table[self._row[name]] == self._table[row]:
                    self.faults.append(
                        f"the table lets a room import `{name}`, which does not stand above it"
                    )

    def room(self, module: str, packages: set[str]) -> str | None:
        """The room that a module stands in; None where the table names none."""
        if module in self._row:
            return module
        package = module if module in packages else module.rpartition(".")[0]
        return package if package in self._row and package != PACKAGE else None

    def homeless(self, modules: Iterable[str], packages: set[str]) -> list[str]:
        """What to say of the modules that stand in no room."""
        return [
            f"{module} stands in no room: the table of docs/architecture.md has no row for it"
            for module in sorted(modules)
            if self.room(module, packages) is None
        ]

    def wrong_way(self, imports: Iterable[Import], packages: set[str]) -> list[str]:
        """What to say of the imports that the table does not allow."""
        faults = []
        for each in sorted(imports):
            here, there = self.room(each.importer, packages), self.room(each.imported, packages)
            if here is None or there is None or self._row[here] == self._row[there]:
                continue
            row = self._row[here]
            if self._row[there] not in {self._row[name] for name in self._may[row] if name in self._row}:
                faults.append(f"{each}, and room {here} may not import room {there}")
        return faults


def circles(imports: Iterable[Import]) -> list[str]:
    """What to say of the circles: the shortest one through each module that stands in one."""
    follows: dict[str, set[str]] = {}
    for each in imports:
        if each.importer != each.imported:
            follows.setdefault(each.importer, set()).add(each.imported)
    found: dict[frozenset[str], str] = {}
    for start in sorted(follows):
        came_from: dict[str, str] = {}
        edge = [start]
        while edge and start not in came_from:
            reached = [(name, before) for before in edge for name in sorted(follows.get(before, ()))]
            edge = []
            for name, before in reached:
                if name not in came_from:
                    came_from[name] = before
                    edge.append(name)
        if start in came_from:
            way = [start, came_from[start]]
            while way[-1] != start:
                way.append(came_from[way[-1]])
            found.setdefault(frozenset(way), " → ".join(reversed(way)))
    return [f"a circle of imports: {text}" for text in found.values()]
