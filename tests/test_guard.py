"""The guard of the compiled layout of picows."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import picows
import pytest

from fastws import _built_with, _guard

INSTALLED = Path(picows.__file__).parent


def test_the_picows_that_fastws_was_built_with_passes() -> None:
    _guard.check()
    _guard.check(INSTALLED / "picows.pxd")


def test_another_layout_is_refused_naming_both_versions(tmp_path: Path) -> None:
    (tmp_path / "picows.pxd").write_bytes((INSTALLED / "picows.pxd").read_bytes() + b"# one more line\n")
    (tmp_path / "version.py").write_text('__version__ = "9.9.9"\n')
    with pytest.raises(ImportError, match=r"built with picows 2\.3\.1, but picows 9\.9\.9") as caught:
        _guard.check(tmp_path / "picows.pxd")
    assert f"pip install picows=={_built_with.PICOWS_VERSION}" in str(caught.value)


def test_a_missing_layout_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ImportError, match="cannot read"):
        _guard.check(tmp_path / "picows.pxd")


def test_the_guard_runs_before_any_compiled_module_is_loaded(tmp_path: Path) -> None:
    fake = tmp_path / "picows"
    fake.mkdir()
    (fake / "__init__.py").write_text("")
    (fake / "picows.pxd").write_text("# another layout")
    (fake / "version.py").write_text('__version__ = "1.0.0"')
    root = Path(_guard.__file__).parent.parent
    code = f"import sys; sys.path[:0] = [{str(tmp_path)!r}, {str(root)!r}]\nimport fastws"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "but picows 1.0.0 is installed" in done.stderr
    assert "size changed" not in done.stderr


def test_an_unbuilt_tree_says_how_to_build(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fastws._built_with", None)
    monkeypatch.delattr("fastws._built_with")
    with pytest.raises(ImportError, match="make build"):
        _guard.check()


@pytest.mark.alone
def test_the_guard_costs_next_to_nothing() -> None:
    best = min(_timed() for _ in range(20))
    assert best < 0.002, f"the guard took {best * 1e3:.2f} ms"


def _timed() -> float:
    start = time.perf_counter()
    _guard.check()
    return time.perf_counter() - start


def test_a_checkout_that_shadows_an_installed_fastws_is_named(tmp_path: Path) -> None:
    checkout, installed = tmp_path / "checkout", tmp_path / "site"
    for place in (checkout, installed):
        (place / "fastws").mkdir(parents=True)
        (place / "fastws" / "__init__.py").write_text("from . import _guard\n")
        (place / "fastws" / "_guard.py").write_bytes(Path(_guard.__file__).read_bytes())
    alone = run_in(checkout, [])
    assert "fastws is not built" in alone
    assert str(checkout / "fastws") in alone
    (installed / "fastws" / "_built_with.py").write_text("")
    said = run_in(checkout, [str(installed)])
    assert f"the fastws in {checkout / 'fastws'}, a checkout that is not built" in said
    assert f"before the installed one in {installed / 'fastws'}" in said


def run_in(folder: Path, path: list[str]) -> str:
    """The last line of what `import fastws` says in a folder, with more folders to import from."""
    program = f"import sys; sys.path[1:1] = {path!r}; import fastws"
    done = subprocess.run(
        [sys.executable, "-S", "-c", program],
        cwd=folder,
        env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert done.returncode == 1
    return done.stderr.strip().splitlines()[-1]
