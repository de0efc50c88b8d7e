"""setup.py: what it says before it starts to build."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="setuptools looks for the compiler itself there"
)


def setup(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    pytest.importorskip("Cython", reason="Cython is not installed: it is a build requirement")
    pytest.importorskip("setuptools", reason="setuptools is not installed: it is a build requirement")
    pytest.importorskip("simdjson", reason="pysimdjson is not installed: it is a build requirement")
    return subprocess.run(
        [sys.executable, "setup.py", *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize(("variable", "language"), [("CC", "C"), ("CXX", "C++")])
@pytest.mark.parametrize("command", ["build_ext", "bdist_wheel", "editable_wheel"])
def test_a_missing_compiler_is_told_in_one_sentence_before_cython_works(
    tmp_path: Path, command: str, variable: str, language: str
) -> None:
    done = setup(command, **{variable: "no-such-compiler -O2"})
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert f"building fastws needs a {language} compiler, and there is no no-such-compiler" in done.stderr
    assert "Cython" not in done.stdout
    assert "Compiling" not in done.stdout


def test_names_and_versions_need_no_compiler() -> None:
    done = setup("--name", "--version", CC="no-such-compiler", CXX="no-such-compiler")
    assert (done.returncode, done.stdout.splitlines()[0]) == (0, "fastws")
