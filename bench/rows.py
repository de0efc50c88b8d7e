"""Times rows of the benchmarks for two commits, in alternation, and prints how their ratios moved.

    python bench/rows.py --base COMMIT -- -k "envelope or views"     what follows -- goes to pytest

`make bench-compare BASE=COMMIT ARGS="-k envelope"` does the same. Each tree runs its own benchmarks against its own
fastws, in processes that take turns. A ratio moves for reasons of the machine as well: read it with its spread, and
trust the counts of instructions (instructions.py) where they disagree.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench import trees

ROUNDS = 3
Key = tuple[str, str, str]  # stage, subject, reference


def rows_of(
    run: Mapping[str, list[Mapping[str, dict[str, list[dict[str, float | str]]]]]],
) -> Iterator[tuple[Key, float]]:
    """The ratios, and nanoseconds more, of one run of pytest-benchmark."""
    for benchmark in run["benchmarks"]:
        for row in benchmark["extra_info"].get("rows", []):
            value = row.get("ratio", row.get("added_ns"))
            yield (str(row["stage"]), str(row["subject"]), str(row["reference"])), float(value or 0)


def timed(tree: Path, arguments: Sequence[str]) -> dict[Key, float]:
    """The rows of one tree, timed once."""
    with tempfile.TemporaryDirectory() as folder:
        stored = Path(folder) / "run.json"
        command = [
            sys.executable,
            "-m",
            "pytest",
            "bench",
            "-q",
            "-p",
            "no:cacheprovider",
            "--benchmark-only",
        ]
        ran = subprocess.run(
            [*command, f"--benchmark-json={stored}", *arguments],
            cwd=tree,
            env={**os.environ, "PYTHONPATH": str(tree)},
            capture_output=True,
            text=True,
            check=False,
        )
        if ran.returncode:
            raise SystemExit(
                f"the benchmarks failed in {tree.name}:\n{ran.stdout[-4000:]}{ran.stderr[-2000:]}"
            )
        return dict(rows_of(json.loads(stored.read_text())))


def table(base: Sequence[Mapping[Key, float]], tree: Sequence[Mapping[Key, float]]) -> str:
    """What each row was and is (medians), and the quotient of both with its least and greatest value."""
    lines = [f"{'base':>10} {'tree':>10}  tree/base (least … greatest)  row"]
    for key in tree[0]:
        pairs = [(a[key], b[key]) for a, b in zip(base, tree, strict=True) if key in a and key in b]
        if not pairs:
            continue
        was, now = (statistics.median(values) for values in zip(*pairs, strict=True))
        moved = [b / a if a else 1.0 for a, b in pairs]
        spread = f"{statistics.median(moved):9.3f} ({min(moved):.3f} … {max(moved):.3f})"
        lines.append(f"{was:10.4g} {now:10.4g}  {spread:<29}  {key[0]}: {key[1]} / {key[2]}")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).split("\n")[0])
    parser.add_argument("--base", help="a commit; by default the merge base with origin/main or main")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"runs of each tree (default {ROUNDS})")
    parser.add_argument("pytest", nargs="*", help="arguments of pytest, behind --")
    arguments = parser.parse_args()
    commit = trees.base_commit(arguments.base)
    base, tree = trees.built(commit), trees.working_tree()
    taken: tuple[list[dict[Key, float]], list[dict[Key, float]]] = ([], [])
    for number in range(arguments.rounds):
        print(f"round {number + 1} of {arguments.rounds}", file=sys.stderr, flush=True)
        for each, runs in zip((base, tree), taken, strict=True):
            runs.append(timed(each, arguments.pytest))
    print(f"base: {commit[:12]}; tree: {trees.name_of_tree()}")
    print(table(*taken))


if __name__ == "__main__":
    main()
