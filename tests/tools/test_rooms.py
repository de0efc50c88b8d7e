"""`make lint` holds the table of rooms: what is planted in a copy of the tree is found, and nothing else."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = (".py", ".pyx", ".pxd", ".pxi")
LINT_IMPORTS = "from importlinter.cli import lint_imports_command; lint_imports_command()"


class Copy:
    """A copy of the sources, in which an import can be planted."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for path in (ROOT / "fastws").rglob("*"):
            if path.suffix in SOURCES:
                self._take(path)
        for path in [
            *(ROOT / "tools").glob("*.py"),
            ROOT / "docs" / "architecture.md",
            ROOT / "pyproject.toml",
        ]:
            self._take(path)

    def _take(self, path: Path) -> None:
        target = self.root / path.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)

    def plant(self, name: str, line: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        text = path.read_text(encoding="utf-8") if path.is_file() else ""
        path.write_text(f"{text}\n{line}\n", encoding="utf-8")

    def forget(self, room: str) -> None:
        """Take a room's row out of the table."""
        page = self.root / "docs" / "architecture.md"
        lines = page.read_text(encoding="utf-8").splitlines()
        left = [line for line in lines if not line.startswith(f"| `{room}`")]
        assert len(left) < len(lines)
        page.write_text("\n".join(left) + "\n", encoding="utf-8")

    def lint_imports(self) -> tuple[int, str]:
        return self._run("-c", LINT_IMPORTS, "--no-cache", "--no-logo")

    def check_cimports(self) -> tuple[int, str]:
        return self._run("tools/check_cimports.py")

    def _run(self, *arguments: str) -> tuple[int, str]:
        paths = os.pathsep.join((str(self.root), str(self.root / "tools")))
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=self.root,
            env={**os.environ, "PYTHONPATH": paths, "PYTHONUTF8": "1", "COLUMNS": "1000"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            check=False,
            timeout=60,
        )
        return done.returncode, " ".join(done.stdout.split())


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    return Copy(tmp_path)


LINTS = pytest.mark.parametrize("lint", [Copy.lint_imports, Copy.check_cimports])
Lint = Callable[[Copy], tuple[int, str]]


@LINTS
def test_the_tree_keeps_to_its_table(copy: Copy, lint: Lint) -> None:
    assert lint(copy)[0] == 0, lint(copy)[1]


@pytest.mark.parametrize(
    "line",
    ["from fastws import cli", "import typing\nif typing.TYPE_CHECKING:\n    from .cli import main"],
    ids=["at run time", "for type checkers"],
)
def test_an_upward_import_is_found(copy: Copy, line: str) -> None:
    copy.plant("fastws/codes.py", line)
    code, said = copy.lint_imports()
    assert code == 1
    assert "room fastws.codes may not import room fastws.cli" in said


@pytest.mark.parametrize("name", ["fastws/_native/clock.pyx", "fastws/_native/clock.pxd"])
@pytest.mark.parametrize("line", ["from .._core cimport Session", "from .. cimport _core"])
def test_an_upward_cimport_is_found(copy: Copy, name: str, line: str) -> None:
    copy.plant(name, line)
    code, said = copy.check_cimports()
    assert code == 1
    assert (
        "fastws._native.clock imports fastws._core, and room fastws._native.clock may not import room fastws._core"
        in said
    )
    assert f"{name}:" in said


@pytest.mark.parametrize(
    "line",
    ["from fastws.client import connect", "import fastws.client", "    from ..client import (\n connect)"],
)
def test_an_upward_import_of_a_compiled_module_is_found(copy: Copy, line: str) -> None:
    copy.plant("fastws/_native/clock.pyx", line)
    code, said = copy.check_cimports()
    assert code == 1
    assert "room fastws._native.clock may not import room fastws.client" in said


def test_what_a_module_includes_is_read_with_it(copy: Copy) -> None:
    copy.plant("fastws/_native/planted.pxi", "from .._core cimport Session")
    assert "fastws/_native/planted.pxi is included by no module" in copy.check_cimports()[1]
    copy.plant("fastws/_native/clock.pyx", 'include "planted.pxi"')
    code, said = copy.check_cimports()
    assert code == 1
    assert "fastws/_native/planted.pxi:2: fastws._native.clock imports fastws._core, and room" in said


def test_a_python_module_may_not_import_a_compiled_one_above_it(copy: Copy) -> None:
    copy.plant("fastws/codes.py", "from ._native.clock import Clock")
    code, said = copy.check_cimports()
    assert code == 1
    assert (
        "fastws.codes imports fastws._native.clock, and room fastws.codes may not import room fastws._native.clock"
        in said
    )


def test_a_circle_of_python_modules_is_found(copy: Copy) -> None:
    copy.plant("fastws/sbe/model.py", "from . import plan")
    code, said = copy.lint_imports()
    assert code == 1
    assert "a circle of imports: fastws.sbe.model → fastws.sbe.plan → fastws.sbe.model" in said


def test_a_circle_of_compiled_modules_is_found(copy: Copy) -> None:
    copy.plant("fastws/_native/views.pxd", "from .sbe cimport Context")
    code, said = copy.check_cimports()
    assert code == 1
    assert "a circle of imports: fastws._native.sbe → fastws._native.views → fastws._native.sbe" in said


@pytest.mark.parametrize(
    "name", ["fastws/planted.py", "fastws/planted/__init__.py", "fastws/planted/inner.py"]
)
def test_a_python_module_without_a_room_is_found(copy: Copy, name: str) -> None:
    copy.plant("fastws/planted/__init__.py", "") if "/planted/" in name else None
    copy.plant(name, "")
    code, said = copy.lint_imports()
    assert code == 1
    assert "fastws.planted stands in no room" in said


def test_a_compiled_module_without_a_room_is_found(copy: Copy) -> None:
    copy.plant("fastws/_native_planted.pyx", "")
    code, said = copy.check_cimports()
    assert code == 1
    assert "fastws._native_planted stands in no room" in said


def test_a_room_that_the_table_forgot_is_found(copy: Copy) -> None:
    copy.forget("fastws.sbe")
    code, said = copy.lint_imports()
    assert code == 1
    assert "fastws.sbe.model stands in no room" in said
    assert "lets a room import `fastws.sbe`, which is no room" in said


def test_a_room_that_may_import_one_below_it_is_found(copy: Copy) -> None:
    page = copy.root / "docs" / "architecture.md"
    text = page.read_text(encoding="utf-8")
    page.write_text(text.replace("codes | nothing |", "codes | `fastws.cli` |"), encoding="utf-8")
    code, said = copy.lint_imports()
    assert code == 1
    assert "lets a room import `fastws.cli`, which does not stand above it" in said


def test_a_sentence_of_a_comment_is_no_import(copy: Copy) -> None:
    copy.plant(
        "fastws/_native/clock.pyx", '"""\nfrom .._core cimport Session\n"""\n# from .._core cimport Session'
    )
    assert copy.check_cimports() == (0, "")
