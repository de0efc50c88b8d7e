"""The trees that are compared: this one, and another commit of it, built in a folder of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build" / "guard"


def _git(*arguments: str) -> str:
    return subprocess.run(
        ["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.strip()


def base_commit(named: str | None = None, kept: Iterable[str] = ()) -> str:
    """The commit to compare with: the one that is named, else where this branch left main.

    On main itself it is HEAD where something is not committed; else the first of ``kept`` that HEAD descends from, else
    the commit before HEAD. SystemExit: there is none, as in a clone without history.
    """
    if named:
        try:
            return _git("rev-parse", "--verify", f"{named}^{{commit}}")
        except subprocess.CalledProcessError as error:
            raise SystemExit(f"{named} is no commit of this repository: {error.stderr.strip()}") from error
    head = _git("rev-parse", "HEAD")
    for branch in ("origin/main", "main"):
        try:
            base = _git("merge-base", "HEAD", branch)
        except subprocess.CalledProcessError:
            continue
        if base != head:
            return base
    if _git("status", "--porcelain", "--untracked-files=no"):
        return head
    for commit in (*kept, "HEAD~1"):
        try:
            found = _git("rev-parse", "--verify", f"{commit}^{{commit}}")
            _git("merge-base", "--is-ancestor", found, head)
        except subprocess.CalledProcessError:
            continue
        if found != head:
            return found
    raise SystemExit("there is no earlier commit to compare with: this clone has no history")


def differs(commit: str, *paths: str) -> bool:
    """Whether the working tree has something else than the commit in these files and folders."""
    command = ["git", "diff", "--quiet", commit, "--", *paths]
    return subprocess.run(command, cwd=ROOT, check=False).returncode != 0


def name_of_tree() -> str:
    """The commit of the working tree, with a + where something is not committed."""
    changed = _git("status", "--porcelain", "--untracked-files=no")
    return _git("rev-parse", "--short=12", "HEAD") + ("+" if changed else "")


def built(commit: str) -> Path:
    """The folder of this commit, with its modules compiled; kept under build/guard."""
    folder = BUILD / commit[:12]
    if not (folder / "built").exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        archive = subprocess.Popen(["git", "archive", commit], cwd=ROOT, stdout=subprocess.PIPE)
        subprocess.run(["tar", "-x", "-C", str(folder)], stdin=archive.stdout, check=True)
        if archive.wait():
            raise SystemExit(f"git cannot give the files of {commit}")
        compile_in(folder)
        (folder / "built").touch()
    return folder


def working_tree() -> Path:
    """This tree, by a name as long as that of another commit's: what a path costs is the same in both."""
    link = BUILD / "working-tree"
    link.parent.mkdir(parents=True, exist_ok=True)
    assert len(link.name) == 12
    if not link.is_symlink():
        link.symlink_to(ROOT)
    return link


def compile_in(folder: Path) -> None:
    """Compile the modules of a tree in place, with this Python and its packages."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = [sys.executable, "setup.py", "-q", "build_ext", "--inplace"]
    ran = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if ran.returncode:
        raise SystemExit(f"{folder.name} cannot be compiled:\n{ran.stdout[-2000:]}{ran.stderr[-2000:]}")
