"""The public interface under mypy and pyright: what is right passes, and each mistake is found where it stands."""

import json
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
MISTAKES = (HERE / "mistakes.py", HERE / "arguments.py")
# A terminal of 80 columns and 24 lines shows more.
SCREENFUL = 1500


def wrong_lines():
    """(file name, line) → what is wrong there."""
    return {
        (path.name, number): line.partition("# wrong: ")[2]
        for path in MISTAKES
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if "# wrong: " in line
    }


def run(*command):
    return subprocess.run(
        [sys.executable, "-m", *command],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


@cache
def mypy():
    """(file name, line) of what mypy finds."""
    pytest.importorskip("mypy", reason="mypy is not installed: make lint installs it")
    done = run(
        "mypy",
        "--strict",
        "--follow-imports=silent",
        "--no-error-summary",
        "tests/typing/uses.py",
        *map(str, MISTAKES),
    )
    assert done.stderr == ""
    found = re.findall(r"^(?:.*/)?(\w+\.py):(\d+): error", done.stdout, re.M)
    return {(file, int(line)) for file, line in found}, done.stdout


@cache
def pyright():
    """(file name, line) of what pyright finds, in its standard mode; basedpyright is pyright that needs no network."""
    pytest.importorskip("basedpyright", reason="basedpyright is not installed: make lint installs it")
    done = run("basedpyright", "--outputjson", "--project", str(HERE / "pyrightconfig.json"))
    report = json.loads(done.stdout)
    found = {
        (Path(each["file"]).name, each["range"]["start"]["line"] + 1)
        for each in report["generalDiagnostics"]
        if each["severity"] == "error"
    }
    return found, done.stdout


@pytest.mark.parametrize("checker", [mypy, pyright])
def test_a_type_checker_finds_the_mistakes_and_nothing_else(checker):
    found, said = checker()
    assert found == wrong_lines().keys(), said


def test_a_wrong_argument_is_named_in_less_than_a_screenful():
    """mypy prints all overloads of a method where no one of them nearly fits: 6,500 characters, of no name."""
    _, said = mypy()
    texts = {place: [] for place in wrong_lines() if place[0] == "arguments.py"}
    assert len(texts) > 15
    for line in said.splitlines():
        place = re.match(r"(?:.*/)?(\w+\.py):(\d+): ", line)
        assert place is not None, line
        texts.get((place[1], int(place[2])), []).append(line)
    for place, lines in texts.items():
        text = "\n".join(lines)
        assert f'Argument "{wrong_lines()[place]}" ' in text
        assert len(text) < 500, text


def test_pyright_names_a_wrong_argument_in_less_than_a_screenful():
    _, said = pyright()
    texts = {place: "" for place in wrong_lines() if place[0] == "arguments.py"}
    for each in json.loads(said)["generalDiagnostics"]:
        place = Path(each["file"]).name, each["range"]["start"]["line"] + 1
        if place in texts:
            texts[place] += each["message"] + "\n"
    for place, text in texts.items():
        assert f'parameter "{wrong_lines()[place]}"' in text
        assert len(text) < SCREENFUL, text
