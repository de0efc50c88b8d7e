"""Hold the compiled modules to the table of rooms: `python tools/check_cimports.py`.

import-linter reads Python modules only. This reads `import`, `cimport` and `include` of .pyx, .pxd and .pxi files, and
what Python modules import of compiled ones, and says what the table in docs/architecture.md does not allow, and where
modules import one another in a circle. An included file belongs to the module that includes it.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from rooms import PACKAGE, PAGE, ROOT, Import, Rooms, circles

# Comments and texts in three quotes go, so that a sentence that begins with "from" is not read as an import.
_NO_CODE = re.compile(r'("""|\'\'\')(?:\\.|(?!\1).)*\1|#[^\n]*', re.DOTALL)
_FROM = re.compile(r"^[ \t]*from[ \t]+([\w.]+)[ \t]+c?import[ \t]*(?:\(([^)]*)\)|([^\n]*))", re.MULTILINE)
_PLAIN = re.compile(r"^[ \t]*c?import[ \t]+([^\n(]+)", re.MULTILINE)
_INCLUDE = re.compile(r"^[ \t]*include[ \t]+[\"']([^\"']+)[\"']", re.MULTILINE)

# A dotted name with its leading dots, the names imported from it, and the line.
Statement = tuple[str, list[str], int]


def _line(text: str, at: int) -> int:
    return text.count("\n", 0, at) + 1


def _names(text: str) -> list[str]:
    return [part.split()[0] for part in text.replace("\\\n", " ").split(",") if part.strip()]


def cython_statements(text: str) -> Iterator[Statement]:
    for match in _FROM.finditer(text):
        yield match[1], _names(match[2] or match[3] or ""), _line(text, match.start(1))
    for match in _PLAIN.finditer(text):
        for name in _names(match[1]):
            yield name, [], _line(text, match.start(1))


def python_statements(text: str) -> Iterator[Statement]:
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom):
            name = "." * node.level + (node.module or "")
            yield name, [alias.name for alias in node.names], node.lineno
        elif isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, [], node.lineno


class Tree:
    """The modules of the package, and which imports which."""

    def __init__(self, root: Path) -> None:
        self.imports: set[Import] = set()
        self.compiled: set[str] = set()
        self.packages: set[str] = set()
        self.faults: list[str] = []
        self._root = root
        files: list[tuple[Path, str]] = []
        for path in sorted((root / PACKAGE).rglob("*")):
            if path.suffix in (".py", ".pyx", ".pxd"):
                files.append((path, self._name(path)))
        self.modules = {name for _, name in files}
        included: set[Path] = set()
        for path, name in files:
            if path.suffix == ".py":
                self._add(path, name, python_statements(path.read_text(encoding="utf-8")))
            else:
                included |= self._read(path, name)
        for path in sorted(set((root / PACKAGE).rglob("*.pxi")) - included):
            self.faults.append(f"{path.relative_to(root)} is included by no module")

    def _name(self, path: Path) -> str:
        parts = path.relative_to(self._root).with_suffix("").parts
        if parts[-1] != "__init__":
            if path.suffix != ".py":
                self.compiled.add(".".join(parts))
            return ".".join(parts)
        self.packages.add(".".join(parts[:-1]))
        return ".".join(parts[:-1])

    def _read(self, path: Path, name: str) -> set[Path]:
        """Read a Cython file, and what it includes."""
        text = _NO_CODE.sub(lambda match: "\n" * match[0].count("\n"), path.read_text(encoding="utf-8"))
        self._add(path, name, cython_statements(text))
        included: set[Path] = set()
        for match in _INCLUDE.finditer(text):
            other = (path.parent / match[1]).resolve()
            if not other.is_file():
                self.faults.append(f"{path.relative_to(self._root)} includes {match[1]}, which is not there")
            elif other not in included:
                included |= {other} | self._read(other, name)
        return included

    def _add(self, path: Path, importer: str, statements: Iterator[Statement]) -> None:
        for source, names, line in statements:
            where = f"{path.relative_to(self._root).as_posix()}:{line}"
            base = source.lstrip(".")
            dots = len(source) - len(base)
            if dots:
                above = importer.split(".")[: None if dots == 1 and importer in self.packages else -dots]
                if importer in self.packages and dots > 1:
                    above = importer.split(".")[: 1 - dots]
                base = ".".join([*above, base] if base else above)
            if base.partition(".")[0] != PACKAGE:
                continue
            for imported in {f"{base}.{name}" for name in names} or {base}:
                found = imported if imported in self.modules else base
                if found in self.modules and found != importer:
                    self.imports.add(Import(importer, found, where))


def main(root: Path = ROOT) -> int:
    tree, rooms = Tree(root), Rooms(PAGE.read_text(encoding="utf-8"))
    seen_here = [each for each in tree.imports if not tree.compiled.isdisjoint(each[:2])]
    faults = [
        *tree.faults,
        *rooms.homeless(tree.compiled, tree.packages),
        *rooms.wrong_way(seen_here, tree.packages),
        *circles(tree.imports),
    ]
    for fault in faults:
        print(fault, file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    raise SystemExit(main())
