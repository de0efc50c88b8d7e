"""The public face under mypy and pyright: what is right passes, and each mistake is found where it stands."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
MISTAKES = HERE / "mistakes.py"


def wrong_lines():
    return {i for i, line in enumerate(MISTAKES.read_text().splitlines(), 1) if "# wrong:" in line}


def run(*command):
    return subprocess.run(
        [sys.executable, "-m", *command],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def mypy():
    """(file name, line) of what mypy finds."""
    pytest.importorskip("mypy", reason="mypy is not installed: make lint installs it")
    done = run(
        "mypy",
        "--strict",
        "--follow-imports=silent",
        "--no-error-summary",
        "tests/typing/uses.py",
        str(MISTAKES),
    )
    assert done.stderr == ""
    found = re.findall(r"^(?:.*/)?(\w+\.py):(\d+): error", done.stdout, re.M)
    return {(file, int(line)) for file, line in found}, done.stdout


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
    assert {line for file, line in found if file == "mistakes.py"} == wrong_lines(), said
    assert {(file, line) for file, line in found if file != "mistakes.py"} == set(), said
