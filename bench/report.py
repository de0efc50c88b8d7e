"""The ratios of a run of the benchmarks, and the pages that are made from the kept runs.

    python bench/report.py                          print the table of the latest run
    python bench/report.py bench/results/DATE.json  print that of one that was kept
    python bench/report.py --save                   also keep it, and write docs/performance.md, its charts, the README
    python bench/report.py --pages                  write the pages and charts from the kept runs
    python bench/report.py --check                  say what in them was not made from the kept runs
    python bench/report.py --agree [ONE OTHER]      compare the two newest whole runs of this machine, or these two

`make bench` runs all benchmarks and does the third, `make bench-agree` the last.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent
sys.path.insert(0, str(FOLDER.parent))

from bench import page, runs  # noqa: E402
from bench.runs import Json, Row  # noqa: E402

RAW = FOLDER / "results" / "raw" / "latest.json"
HEAD = ("stage", "subject", "reference", "ratio", "quartiles", "budget", "")


def as_text(rows: Sequence[Row]) -> str:
    cells = [HEAD, *[(*row.names, row.median, row.quartiles, row.limit, row.verdict) for row in rows]]
    widths = [max(len(line[column]) for line in cells) for column in range(len(HEAD))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in cells
    )


def show(run: Mapping[str, Any]) -> None:
    rows = runs.rows_of(run)
    print(as_text(rows))
    print(f"\n{runs.described(run)}")
    promised = [row.verdict for row in rows if row.verdict]
    print(f"{promised.count('met')} of {len(promised)} budgets are met")


def agree(names: Sequence[str]) -> int:
    """Print on which rows two runs do not agree; 1 if more than a tenth of them."""
    kept = runs.kept()
    if not names:
        names = runs.newest(kept)[::-1]
    if len(names) != 2:
        print("there are no two whole runs of this machine: `make bench` makes one", file=sys.stderr)
        return 1
    one, other = (kept[Path(name).name] for name in names)
    common, apart = runs.disagreements(one, other)
    for first, second in apart:
        print(
            f"{', '.join(first.names)}: {first.median} ({first.quartiles}), {second.median} ({second.quartiles})"
        )
    print(f"{common - len(apart)} of {common} rows agree: {names[0]}, {names[1]}")
    return int(len(apart) > common / 10)


def loaded(path: Path) -> Json:
    run: Json = json.loads(path.read_text(encoding="utf-8"))
    return runs.slim(run) if "machine_info" in run else run


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "runs", nargs="*", help="a run's JSON, as pytest-benchmark wrote it or as it was kept"
    )
    parser.add_argument("--save", action="store_true", help="keep the run, and write the pages")
    parser.add_argument("--pages", action="store_true", help="write the pages from the kept runs")
    parser.add_argument("--check", action="store_true", help="compare the pages with the kept runs")
    parser.add_argument("--agree", action="store_true", help="compare two runs")
    options = parser.parse_args(arguments)
    if options.agree:
        return agree(options.runs)
    if options.check:
        found = page.problems(runs.kept())
        print("\n".join(found) or "the pages were made from the kept runs")
        return int(bool(found))
    if options.pages:
        page.write(runs.kept())
        return 0
    try:
        run = runs.joined([loaded(Path(name)) for name in options.runs or [RAW]])
    except FileNotFoundError as error:
        print(f"there is no {error.filename}: `make bench` makes it", file=sys.stderr)
        return 1
    show(run)
    if options.save:
        print(f"kept as {runs.keep(run).name}")
        page.write(runs.kept())
    return 0


if __name__ == "__main__":
    sys.exit(main())
