"""docs/architecture.md and docs/decisions: what they name exists, and a stranger is led to it in one step."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "architecture.md"
DECISIONS = sorted((ROOT / "docs" / "decisions").glob("*.md"))
TEXT = PAGE.read_text(encoding="utf-8")

_PATH = re.compile(r"`([\w.-]+/[\w./-]*)`")
_LINK = re.compile(r"\]\((?!https?:)([^)#]+)\)")


def tour() -> list[tuple[str, str, str]]:
    """What is asked, the file, and the name to look for there."""
    _, _, section = TEXT.partition("## Where is")
    rows = [line.strip("| ").split(" | ") for line in section.splitlines() if line.startswith("| ")]
    return [(row[0], row[1].strip("`"), row[2].strip("`")) for row in rows[1:] if not row[0].startswith("-")]


def test_the_tour_has_at_least_ten_stops() -> None:
    assert len({asked for asked, _, _ in tour()}) >= 10


@pytest.mark.parametrize(("asked", "file", "name"), tour(), ids=[row[0] for row in tour()])
def test_the_tour_leads_to_one_place(asked: str, file: str, name: str) -> None:
    assert (ROOT / file).is_file(), f"{asked}: there is no {file}"
    found = (ROOT / file).read_text(encoding="utf-8").count(name)
    assert found == 1, f"{asked}: {file} has {name} {found} times, and should lead to one place"


@pytest.mark.parametrize("page", [PAGE, *DECISIONS], ids=lambda page: page.name)
def test_the_paths_that_a_page_names_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for name in _PATH.findall(text):
        found = ROOT / name
        assert found.exists() or list(ROOT.glob(name)) or name == "fastws/_built_with.py", (
            f"{page.name}: {name}"
        )
    for name in _LINK.findall(text):
        assert (page.parent / name).exists(), f"{page.name}: {name}"


@pytest.mark.parametrize("page", DECISIONS, ids=lambda page: page.name)
def test_a_decision_says_why_and_what_follows_and_is_listed(page: Path) -> None:
    headings = re.findall(r"^#+ .*$", page.read_text(encoding="utf-8"), re.MULTILINE)
    assert headings[1:] == ["## Context", "## Decision", "## What follows"]
    assert f"(decisions/{page.name})" in TEXT


def test_there_are_decisions() -> None:
    assert len(DECISIONS) >= 8


def test_the_listing_of_compiled_code_is_complete() -> None:
    folder = ROOT / "fastws" / "_native"
    listed = set(
        re.findall(r"^\| `([\w.]+)`", (folder / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    )
    there = {path.stem for kind in ("*.pyx", "*.pxd") for path in folder.glob(kind)}
    there |= {path.name for path in folder.glob("*.pxi")} | {"stage1.cpp"}
    assert there == listed
