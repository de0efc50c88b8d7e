"""Counts the instructions of the hot stages of two trees, and fails where the newer one needs more.

    python bench/instructions.py                 this tree beside the merge base with origin/main or main
    python bench/instructions.py --base COMMIT   beside another commit
    python bench/instructions.py --keep          and keep the counts in results/instructions.jsonl

`make bench-guard` does the first. Time is noise on a shared machine, while the count of a fixed piece of work
(workloads.py) is the same in each run: under callgrind, with PYTHONHASHSEED=0 and one kernel of simdjson. What is
left moves with the addresses of objects: so each tree is run several times in alternation, with environments of
different size, and the median of the rounds' ratios counts. libc's copying and filling of memory, whose count depends
on how the bytes are aligned, is left out.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent
sys.path.insert(0, str(FOLDER.parent))

from bench import native, trees  # noqa: E402

HISTORY = FOLDER / "results" / "instructions.jsonl"
LIMIT = 1.01  # more than one per cent is more
ROUNDS = 3
KERNEL = "haswell"  # valgrind does not know the newer one's instructions
_MEMORY = re.compile(r"(__)?mem(cpy|move|set|pcpy)\w*$")


@dataclass(frozen=True)
class Row:
    """A stage in both trees: instructions for one operation, and the ratio; None where a tree cannot do the stage."""

    stage: str
    base: float | None
    tree: float | None
    ratio: float | None

    @property
    def verdict(self) -> str:
        if self.ratio is None:
            return "new" if self.base is None else "**gone**"
        return "**more**" if self.ratio > LIMIT else "less" if self.ratio < 1 / LIMIT else "same"

    @property
    def failed(self) -> bool:
        return self.verdict.startswith("**")


# ------------------------------------------------------------------------------------------------------ counting


def counted(profile: str) -> tuple[str, float] | None:
    """The stage of one of callgrind's files, and its instructions for one operation."""
    trigger = re.search(r"^desc: Trigger: Client Request: (.*)\|(\d+)$", profile, re.MULTILINE)
    if trigger is None:
        return None
    return trigger[1], _own_cost(profile.splitlines()) / int(trigger[2])


def _own_cost(lines: Iterable[str]) -> int:
    """The sum of what functions cost without those that they call, but for the memory functions of libc."""
    names: dict[str, str] = {}
    total = 0
    counts = True
    inclusive = (
        False  # the line behind "calls=" is the cost of the callee, which counts where it is the caller
    )
    for line in lines:
        if line.startswith("fn="):
            number, _, name = line[3:].partition(" ")
            if name:
                names[number] = name
            counts = _MEMORY.match(names[number]) is None
        elif line.startswith("cfn="):
            number, _, name = line[4:].partition(" ")
            if name:
                names[number] = name
        elif line.startswith("calls="):
            inclusive = True
        elif line[:1].isdigit() or line[:1] in "+-*":
            if inclusive:
                inclusive = False
            elif counts:
                total += int(cost) if (cost := line.partition(" ")[2]) else 0  # a zero is not written
    return total


def count(tree: Path, stages: Sequence[str] = (), padding: int = 0) -> dict[str, float]:
    """Instructions for one operation of each stage, counted once."""
    valgrind = shutil.which("valgrind")
    if valgrind is None:
        raise SystemExit("counting instructions needs valgrind")
    marks = native.shared_library("callgrind_marks")
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONHASHSEED": "0",
        "SIMDJSON_FORCE_IMPLEMENTATION": KERNEL,
        "PADDING": "x" * padding,
    }
    with tempfile.TemporaryDirectory() as folder:
        command = [valgrind, "-q", "--tool=callgrind", "--instr-atstart=no", "--callgrind-out-file=profile"]
        program = [sys.executable, str(FOLDER / "workloads.py"), str(marks), str(tree), *stages]
        ran = subprocess.run(
            [*command, *program], cwd=folder, env=environment, stderr=subprocess.PIPE, text=True, check=False
        )
        if ran.returncode:
            raise SystemExit(f"the workloads failed in {tree.name}:\n{ran.stderr}")
        if ran.stderr and not padding:
            print(f"{tree.name} lacks some stages:\n{ran.stderr}", file=sys.stderr)
        files = sorted(Path(folder).iterdir(), key=lambda path: int(path.suffix[1:] or 0))
        profiles = [path.read_text(errors="replace") for path in files]
    return dict(filter(None, map(counted, profiles)))


def compare(base: Path, tree: Path, stages: Sequence[str] = (), rounds: int = ROUNDS) -> list[Row]:
    """Both trees in alternation."""
    taken: dict[Path, list[dict[str, float]]] = {base: [], tree: []}
    for i in range(rounds):
        for each in (base, tree):
            taken[each].append(count(each, stages, padding=i * 1000))
    return [
        _row(name, [each.get(name) for each in taken[base]], [each.get(name) for each in taken[tree]])
        for name in dict.fromkeys([*taken[tree][0], *taken[base][0]])
    ]


def _row(name: str, base: Sequence[float | None], tree: Sequence[float | None]) -> Row:
    pairs = [(a, b) for a, b in zip(base, tree, strict=True) if a is not None and b is not None]
    ratio = statistics.median(b / a for a, b in pairs) if pairs else None
    return Row(name, _median(base), _median(tree), ratio)


def _median(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return round(statistics.median(known), 1) if known else None


# ------------------------------------------------------------------------------------------------------- telling


def table(rows: Sequence[Row], base_name: str, tree_name: str) -> str:
    width = max(len(row.stage) for row in rows)
    lines = [f"{'instructions an operation':<{width}}  {base_name:>12}  {tree_name:>12}   ratio"]
    for row in rows:
        base, tree = ("-" if value is None else f"{value:,.0f}" for value in (row.base, row.tree))
        ratio = "     -" if row.ratio is None else f"{row.ratio:6.3f}"
        lines.append(f"{row.stage:<{width}}  {base:>12}  {tree:>12}  {ratio}  {row.verdict}")
    return "\n".join(lines)


def facts() -> dict[str, str]:
    """What the counts depend on, beside the code."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang") or ""
    version = subprocess.run([compiler, "--version"], capture_output=True, text=True, check=True).stdout
    return {
        "compiler": version.splitlines()[0],
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "libc": " ".join(platform.libc_ver()),
        "machine": platform.machine(),
    }


def keep(rows: Sequence[Row], commit: str, path: Path = HISTORY) -> None:
    """Append the tree's counts to the history."""
    entry: dict[str, Any] = {"date": f"{date.today()}", "commit": commit, **facts()}
    counts: Mapping[str, float | None] = {row.stage: row.tree for row in rows}
    with path.open("a") as file:
        file.write(json.dumps({**entry, "instructions": counts}) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).split("\n")[0])
    parser.add_argument("--base", help="a commit; by default the merge base with origin/main or main")
    parser.add_argument("--stage", action="append", default=[], help="count this stage only; may be repeated")
    parser.add_argument("--keep", action="store_true", help="append the counts to results/instructions.jsonl")
    arguments = parser.parse_args()
    commit = trees.base_commit(arguments.base)
    print(f"building {commit[:12]}", flush=True)
    rows = compare(trees.built(commit), trees.working_tree(), arguments.stage)
    print(table(rows, commit[:12], trees.name_of_tree()))
    if arguments.keep:
        keep(rows, trees.name_of_tree())
    if any(row.failed for row in rows):
        raise SystemExit(f"at least one stage needs more than {LIMIT - 1:.0%} more instructions, or is gone")


if __name__ == "__main__":
    main()
