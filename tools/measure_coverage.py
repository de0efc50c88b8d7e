"""Measures which lines of fastws the tests run: `make coverage`, or `make coverage ARGS=tests/_native/test_clock.py`.

    python tools/measure_coverage.py             the suite, without what is slow or measures time or memory
    python tools/measure_coverage.py tests/sbe   a part of it
    python tools/measure_coverage.py --report    the figures of the last run again

The tree is copied to build/coverage/tree and compiled there for gcov, without optimisation, so that the build in the
tree stays as it is. coverage.py counts the lines of Python, in all processes. gcov counts those of the generated C; the
comments that Cython writes into the C say from which line of a .pyx, .pxd or .pxi file each part was made. Needs gcc.

It fails below 95 % of Python's lines or 90 % of the compiled ones. With arguments it only reports.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TREE = ROOT / "build" / "coverage" / "tree"
WANTED = {"Python": 95.0, "compiled": 90.0}
GCOV = os.environ.get("GCOV", "gcov")
MARK = re.compile(r'\s*/\* "(fastws/[^"]+)":([0-9]+)$')
Lines = dict[str, dict[int, bool]]  # by file and line: whether it ran


def sources() -> Iterator[str]:
    listed = ["git", "ls-files", "-co", "--exclude-standard", "-z"]
    for name in subprocess.run(listed, cwd=ROOT, check=True, capture_output=True).stdout.decode().split("\0"):
        if name and (ROOT / name).is_file():
            yield name


def copy_tree() -> None:
    """Bring the copy up to date; what did not change keeps its time, so that only the rest is compiled."""
    names = set(sources())
    for name in names:
        source, target = ROOT / name, TREE / name
        if not target.is_file() or target.read_bytes() != source.read_bytes():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
            shutil.copymode(source, target)
    for path in [*(TREE / "fastws").rglob("*.*"), *(TREE / "tests").rglob("*.*")]:
        name = path.relative_to(TREE)
        known = name.as_posix() in names or name.name == "_built_with.py" or "__pycache__" in name.parts
        made = name.with_name(f"{name.name.partition('.')[0]}.pyx").as_posix() in names
        if path.is_file() and not known and not made:
            path.unlink()


def build(env: dict[str, str]) -> None:
    copy_tree()
    for counts in (*TREE.rglob("*.gcda"), *TREE.glob(".coverage*")):
        counts.unlink()
    program = [sys.executable, "setup.py", "-q", "build_ext", "--inplace"]
    subprocess.run(program, cwd=TREE, env=env, check=True)


def run_tests(arguments: list[str], env: dict[str, str]) -> int:
    suite = ["-n", "auto", "--dist", "worksteal", "-m", "not alone and not slow"]
    program = [sys.executable, "-m", "coverage", "run", "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    outcome = subprocess.run([*program, *(arguments or suite)], cwd=TREE, env=env, check=False)
    subprocess.run([sys.executable, "-m", "coverage", "combine", "-q"], cwd=TREE, check=True)
    return outcome.returncode


def python_lines() -> Lines:
    """What coverage.py counted."""
    report = [sys.executable, "-m", "coverage", "json", "-q", "-o", "-"]
    told = json.loads(subprocess.run(report, cwd=TREE, check=True, capture_output=True).stdout)
    found: Lines = {}
    for name, file in told["files"].items():
        found[Path(name).as_posix()] = {
            **dict.fromkeys(file["executed_lines"], True),
            **dict.fromkeys(file["missing_lines"], False),
        }
    return found


def origins(text: str) -> Iterator[tuple[int, str, int]]:
    """Each line of a generated file that was made from a line of ours: its number, our file, our line."""
    origin: tuple[str, int] | None = None
    for number, line in enumerate(text.splitlines(), 1):
        mark = MARK.match(line)
        if mark:
            origin = mark[1], int(mark[2])
        elif line.startswith("}") or "/* function exit code */" in line:
            origin = None
        elif origin is not None:
            yield number, *origin


def compiled_lines() -> Lines:
    """What gcov counted, by the lines that the C was generated from."""
    found: defaultdict[str, dict[int, bool]] = defaultdict(dict)
    for notes in sorted((TREE / "build").rglob("*.gcno")):
        module = TREE.joinpath(*notes.relative_to(TREE / "build").parts[1:])
        name = next((path for path in map(module.with_suffix, (".c", ".cpp")) if path.is_file()), None)
        if name is None:
            continue  # simdjson, or a module that is gone
        program = [GCOV, "--json-format", "--stdout", str(notes)]
        told = subprocess.run(program, cwd=TREE, check=True, capture_output=True).stdout
        counts: dict[int, int] = defaultdict(int)
        for file in json.loads(told)["files"]:
            if Path(file["file"]).name == name.name:
                for row in file["lines"]:
                    counts[row["line_number"]] += row["count"]
        for number, file, line in origins(name.read_text("utf-8")):
            if number in counts:
                found[file][line] = found[file].get(line, False) or counts[number] > 0
    return dict(found)


def share(lines: dict[int, bool]) -> float:
    return 100 * sum(lines.values()) / len(lines) if lines else 100.0


def ranges(numbers: list[int]) -> str:
    """3-5, 9."""
    parts: list[list[int]] = []
    for number in sorted(numbers):
        if parts and number == parts[-1][-1] + 1:
            parts[-1] = [parts[-1][0], number]
        else:
            parts.append([number])
    return ", ".join("-".join(map(str, part)) for part in parts)


def report(kind: str, found: Lines) -> bool:
    """Print the files below what is wanted of all; whether all together reach it."""
    wanted = WANTED[kind]
    total = dict(enumerate(ran for lines in found.values() for ran in lines.values()))
    whole = share(total)
    print(f"\n{kind}: {whole:.1f} % of {len(total):,} lines in {len(found)} files; wanted are {wanted:.0f} %")
    for name, lines in sorted(found.items(), key=lambda item: share(item[1])):
        if share(lines) < wanted:
            missing = ranges([line for line, ran in lines.items() if not ran])
            print(f"  {share(lines):5.1f} %  {name}: {missing}")
    return whole >= wanted


def main(arguments: list[str]) -> int:
    code = 0
    if arguments != ["--report"]:
        env = {**os.environ, "FASTWS_COVERAGE": "1", "PYTHONPATH": str(TREE)}
        build(env)
        code = run_tests(arguments, env)
    reached = [report("Python", python_lines()), report("compiled", compiled_lines())]
    return code or (not arguments and not all(reached))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
