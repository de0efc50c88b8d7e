"""Counts the instructions of the hot stages of two trees, and fails where the newer one needs more.

    python bench/instructions.py                  this tree beside the merge base with origin/main or main
    python bench/instructions.py --base COMMIT    beside another commit
    python bench/instructions.py --stage STAGE    this stage only; may be repeated
    python bench/instructions.py --keep           and keep the counts in results/instructions.jsonl
    python bench/instructions.py --ci             in two minutes, and more only where a stage fails

`make bench-guard` does the first. Time is noise on a shared machine, while the count of a fixed piece of work
(workloads.py) is the same in each run: under callgrind, with PYTHONHASHSEED=0 and one kernel of simdjson. What is
left moves with the addresses of objects: so each tree is run several times in alternation, with environments of
different size, and the median of the rounds' ratios counts. libc's copying and filling of memory, whose count depends
on how the bytes are aligned, is left out.

On main itself, the last commit whose counts were kept is what the tree is compared with: so many small steps cannot add
up. Who lands something that must cost more says so by --keep.

--ci counts once, and counts the stages above its bound again before it believes them. Where nothing can be counted, it
says why, and succeeds.
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
CI_LIMIT = 1.02  # one round is not as exact as three
CI_RECOUNTS = 2
COUNTED = ("fastws", "setup.py", "pyproject.toml")  # what decides the counts
KERNEL = "haswell"  # valgrind does not know the newer one's instructions
_MEMORY = re.compile(r"(__)?mem(cpy|move|set|pcpy)\w*$")


@dataclass(frozen=True)
class Row:
    """A stage in both trees: instructions for one operation, and the ratio; None where a tree cannot do the stage."""

    stage: str
    base: float | None
    tree: float | None
    ratio: float | None
    limit: float = LIMIT

    @property
    def verdict(self) -> str:
        if self.tree is None:
            return "**gone**"
        if self.ratio is None:
            return "new"
        return "**more**" if self.ratio > self.limit else "less" if self.ratio < 1 / self.limit else "same"

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


def count(tree: Path, stages: Sequence[str] = (), padding: int = 0) -> dict[str, float | None]:
    """Instructions for one operation of each stage, counted once; None for one that the tree cannot do."""
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
        cannot = re.findall(r"^(.+)\| (.*)$", ran.stderr, re.MULTILINE)
        if not padding:
            for name, why in cannot:
                print(f"{tree.name} cannot do {name!r}: {why}", file=sys.stderr)
        files = sorted(Path(folder).iterdir(), key=lambda path: int(path.suffix[1:] or 0))
        profiles = [path.read_text(errors="replace") for path in files]
    return {**dict(filter(None, map(counted, profiles))), **{name: None for name, _ in cannot}}


def compare(
    base: Path,
    tree: Path,
    stages: Sequence[str] = (),
    rounds: int = ROUNDS,
    *,
    limit: float = LIMIT,
    recounts: int = 0,
) -> list[Row]:
    """Both trees in alternation; stages that fail are counted in ``recounts`` more rounds."""
    taken: dict[Path, list[dict[str, float | None]]] = {base: [], tree: []}
    rows: list[Row] = []
    for i in range(rounds + recounts):
        if i >= rounds:
            stages = [row.stage for row in rows if row.failed and row.ratio is not None]
            if not stages:
                break
        for each in (base, tree):
            taken[each].append(count(each, stages, padding=i * 1000))
        rows = [
            _row(
                name,
                [each.get(name) for each in taken[base]],
                [each.get(name) for each in taken[tree]],
                limit,
            )
            for name in dict.fromkeys([*taken[tree][0], *taken[base][0]])
        ]
    return rows


def _row(name: str, base: Sequence[float | None], tree: Sequence[float | None], limit: float) -> Row:
    pairs = [(a, b) for a, b in zip(base, tree, strict=True) if a is not None and b is not None]
    ratio = statistics.median(b / a for a, b in pairs) if pairs else None
    return Row(name, _median(base), _median(tree), ratio, limit)


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


def kept_commits(path: Path = HISTORY) -> list[str]:
    """The commits whose counts were kept, the last one first; not what was not committed."""
    lines = path.read_text().splitlines() if path.exists() else []
    commits = [str(json.loads(line)["commit"]) for line in reversed(lines)]
    return [commit for commit in commits if not commit.endswith("+")]


def why_not() -> str | None:
    """Why nothing can be counted here."""
    if sys.platform != "linux" or platform.machine() != "x86_64":
        return f"instructions are counted on Linux on x86-64 only, and this is {sys.platform} on {platform.machine()}"
    if shutil.which("valgrind") is None:
        return "there is no valgrind here"
    if not Path("/usr/include/valgrind/callgrind.h").exists():
        return "there is no valgrind/callgrind.h here"
    return None


def count_for_ci(named: str | None) -> list[Row]:
    """One round, and more for the stages that fail; no rows, and a line that says why, where that cannot be done."""
    skipped = why_not()
    if skipped is None:
        try:
            commit = trees.base_commit(named, kept_commits())
            if not trees.differs(commit, *COUNTED):
                skipped = f"nothing that is counted has changed since {commit[:12]}"
            else:
                print(f"building {commit[:12]}", flush=True)
                base = trees.built(commit)
                count(base, ["frame"])
        except SystemExit as why:
            skipped = str(why)
    if skipped is not None:
        print(f"the guard of instructions does not run: {skipped}")
        return []
    rows = compare(base, trees.working_tree(), rounds=1, limit=CI_LIMIT, recounts=CI_RECOUNTS)
    print(table(rows, commit[:12], trees.name_of_tree()))
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).split("\n")[0])
    parser.add_argument("--base", help="a commit; by default the merge base with origin/main or main")
    parser.add_argument("--stage", action="append", default=[], help="count this stage only; may be repeated")
    parser.add_argument(
        "--rounds", type=int, default=ROUNDS, help=f"how often each tree is counted ({ROUNDS})"
    )
    parser.add_argument("--keep", action="store_true", help="append the counts to results/instructions.jsonl")
    parser.add_argument(
        "--ci", action="store_true", help=f"one round; fails above {CI_LIMIT}; skips with a reason"
    )
    arguments = parser.parse_args()
    if arguments.ci:
        rows, limit = count_for_ci(arguments.base), CI_LIMIT
    else:
        limit = LIMIT
        commit = trees.base_commit(arguments.base, kept_commits())
        print(f"building {commit[:12]}", flush=True)
        rows = compare(trees.built(commit), trees.working_tree(), arguments.stage, arguments.rounds)
        print(table(rows, commit[:12], trees.name_of_tree()))
        if arguments.keep:
            keep(rows, trees.name_of_tree())
    failed = [row for row in rows if row.failed]
    if failed:
        raise SystemExit(
            "\n".join(
                (
                    *(_told(row) for row in failed),
                    f"A stage may need {limit - 1:.0%} more instructions at most. `make bench-guard` counts exactly;"
                    " if the cost is wanted, `make bench-guard ARGS=--keep` makes it the new reference of main.",
                )
            )
        )


def _told(row: Row) -> str:
    if row.ratio is None:
        return f"{row.stage}: this tree cannot do the stage"
    return f"{row.stage}: {row.ratio - 1:.1%} more instructions than the base"


if __name__ == "__main__":
    main()
