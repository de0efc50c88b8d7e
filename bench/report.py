"""The ratios of a stored run: a table, the same in bench/README.md, and a chart.

    python bench/report.py                          print the table of the latest run
    python bench/report.py bench/results/DATE.json  print that of one that was kept
    python bench/report.py --save --readme          also keep it, with its chart, and write the README's table

`make bench` runs the benchmarks and does the last. Table and chart come from the same file. What is kept holds the
numbers and the facts of the machine, and neither its name nor paths.
"""

from __future__ import annotations

import argparse
import json
import ssl
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from importlib import metadata
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
RESULTS = FOLDER / "results"
RAW = RESULTS / "raw" / "latest.json"
README = FOLDER / "README.md"
BEGIN, END = "<!-- bench:begin -->", "<!-- bench:end -->"
PACKAGES = (
    "fastws",
    "picows",
    "aiofastnet",
    "uvloop",
    "cryptography",
    "orjson",
    "msgspec",
    "pysimdjson",
    "websockets",
    "aiohttp",
    "python-binance",
)
Json = dict[str, Any]


# ------------------------------------------------------------------------------------------------- the run


def slim(raw: Mapping[str, Any], versions: Mapping[str, str] | None = None) -> Json:
    """What is kept of a run: pytest-benchmark's JSON without its timings of batches, paths and names.

    ``versions`` are those of the packages; without it, those installed here, where the run was made.
    """
    machine = raw["machine_info"]
    cpu = machine.get("cpu", {})
    return {
        "date": raw["datetime"][:10],
        "commit": raw.get("commit_info", {}).get("id", "")[:12]
        + ("+" if raw.get("commit_info", {}).get("dirty") else ""),
        "machine": {
            "cpu": cpu.get("brand_raw") or machine.get("processor") or machine["machine"],
            "cores": cpu.get("count"),
            "system": f"{machine['system']} {machine['machine']}",
        },
        "versions": {
            machine["python_implementation"]: machine["python_version"],
            **(installed() if versions is None else versions),
        },
        "benchmarks": [
            {"name": benchmark["fullname"].rpartition("/")[2], **benchmark["extra_info"]}
            for benchmark in raw["benchmarks"]
            if "rows" in benchmark["extra_info"]
        ],
    }


def installed() -> dict[str, str]:
    found = {}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return {**found, "OpenSSL": ssl.OPENSSL_VERSION.split()[1]}


def described(run: Mapping[str, Any]) -> str:
    """Date, machine and versions, in one line."""
    machine = run["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in run["versions"].items())
    return f"{run['date']}; {machine['cpu']}, {machine['cores']} cores, {machine['system']}; {versions}"


# ----------------------------------------------------------------------------------------------- the table


@dataclass(frozen=True)
class Row:
    stage: str
    subject: str
    reference: str
    value: str
    quartiles: str
    budget: str
    verdict: str


def rows_of(run: Mapping[str, Any]) -> list[Row]:
    return [_row(row) for benchmark in run["benchmarks"] for row in benchmark["rows"]]


def _row(row: Mapping[str, Any]) -> Row:
    if "added_ns" in row:
        unit, value, low, high = " ns more", row["added_ns"], row["added_q1_ns"], row["added_q3_ns"]
        shown = f"{value:+.0f} ns"
        between = f"{low:+.0f} … {high:+.0f}"
    else:
        unit, value, low, high = "", row["ratio"], row["ratio_q1"], row["ratio_q3"]
        digits = 3 if value < 0.2 else 2
        shown = f"{value:.{digits}f}"
        between = f"{low:.{digits}f} … {high:.{digits}f}"
    budget = row["budget"]
    if budget is None:
        return Row(row["stage"], row["subject"], row["reference"], shown, between, "", "")
    limit = f"{budget:.0f}{unit}" if unit else f"{budget:.2f}"
    verdict = "met" if value <= budget else "not met"
    return Row(row["stage"], row["subject"], row["reference"], shown, between, limit, verdict)


def headline(run: Mapping[str, Any]) -> str:
    """What fastws adds to a client in C, and how much that is of a round trip to the exchange."""
    added = {
        row["subject"]: row["added_ns"] / 1000
        for benchmark in run["benchmarks"]
        for row in benchmark["rows"]
        if "busy polling" in row["stage"] and "uvloop" in row["stage"] and "added_ns" in row
    }
    if set(added) != {"fastws", "fastws, callback"}:
        return ""
    awaited, callback = added["fastws"], added["fastws, callback"]
    shares = ", ".join(f"{awaited / trip / 10:.2f} %" for trip in (0.5, 1, 5))
    return (
        f"Where both poll, fastws on uvloop adds {awaited:.1f} µs to the round trip of a C client when the reply is "
        f"awaited: {shares} of a round trip of 0.5, 1 and 5 ms. With a callback it adds {callback:.1f} µs."
    )


HEAD = Row("stage", "subject", "reference", "ratio", "quartiles", "budget", "")


def as_text(rows: Sequence[Row]) -> str:
    cells = [list(vars(row).values()) for row in (HEAD, *rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(cells[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in cells
    )


def as_markdown(run: Mapping[str, Any], rows: Sequence[Row]) -> str:
    lines = [headline(run), "", f"{described(run)}; fastws at {run['commit']}."]
    for title, chosen in (
        ("What was promised:", [row for row in rows if row.verdict]),
        ("Beside these:", [row for row in rows if not row.verdict]),
    ):
        last = "| |" if chosen and chosen[0].verdict else "|"
        lines += [
            "",
            title,
            "",
            f"| stage | subject | reference | ratio | quartiles {'| budget ' if last == '| |' else ''}{last}",
            f"| --- | --- | --- | ---: | ---: {'| ---: | --- ' if last == '| |' else ''}|",
        ]
        for row in chosen:
            verdict = "**not met**" if row.verdict == "not met" else row.verdict
            cells = [row.stage, row.subject, row.reference, row.value, row.quartiles]
            cells += [row.budget, verdict] if row.verdict else []
            lines.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
    return "\n".join(lines)


def in_readme(text: str, section: str) -> str:
    """The README with ``section`` between its marks."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the README has no {BEGIN} … {END}")
    return f"{before}{BEGIN}\n{section}\n{END}{after}"


# ----------------------------------------------------------------------------------------------- the chart

# benchmark, title of the panel, the unit's nanoseconds, its name
PANELS = (
    ("test_json.py::test_loads[ACK 0.4 kB]", "Reply of 0.4 kB to a dict", 1000, "µs"),
    ("test_request.py::test_unsigned", "One order to the text that is sent", 1000, "µs"),
    (
        "test_round_trip[uvloop-ack-delayed]",
        "One awaited round trip, uvloop, less the server's delay",
        1000,
        "µs",
    ),
    (
        "test_round_trip.py::test_64_in_flight[uvloop]",
        "CPU time of a request, 64 in flight, uvloop",
        1000,
        "µs",
    ),
)
WIDTH, LABEL, BAR, STEP = 760, 230, 14, 22
STYLE = """
  .page { fill: #ffffff } .text { fill: #1f2328 } .faint { fill: #59636e } .axis { stroke: #d1d9e0 }
  .bar { fill: #8c959f } .ours { fill: #0969da } .range { stroke: #1f2328; stroke-width: 1.5 }
  text { font: 12px system-ui, sans-serif } .title { font-weight: 600; font-size: 13px }
  @media (prefers-color-scheme: dark) {
    .page { fill: #0d1117 } .text { fill: #f0f6fc } .faint { fill: #9198a1 } .axis { stroke: #3d444d }
    .bar { fill: #656c76 } .ours { fill: #4493f8 } .range { stroke: #f0f6fc }
  }
"""


def as_svg(run: Mapping[str, Any]) -> str:
    """Bars from zero: medians, with the quartiles as a line; ours in colour, the floor in C among them."""
    by_name = {benchmark["name"]: benchmark for benchmark in run["benchmarks"]}
    parts: list[str] = []
    y = 24
    for name, title, unit, unit_name in PANELS:
        if name in by_name:
            drawn, height = _panel(by_name[name]["candidates"], f"{title} ({unit_name})", unit, y)
            parts += drawn
            y += height
    for line in _wrapped(f"Medians; lines from the first to the third quartile. {described(run)}", 105):
        parts.append(_text(16, y, line, "faint"))
        y += 16
    height = y + 4
    return "\n".join(
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" '
            f'height="{height}" role="img" aria-label="fastws beside other clients">',
            f"<style>{STYLE}</style>",
            f'<rect class="page" width="{WIDTH}" height="{height}"/>',
            *parts,
            "</svg>\n",
        )
    )


def _panel(
    candidates: Mapping[str, Mapping[str, float]], title: str, unit: int, y: int
) -> tuple[list[str], int]:
    parts = [_text(16, y, title, "text title")]
    top = y + 12
    longest = max(max(numbers["q3_ns"], numbers["median_ns"]) for numbers in candidates.values())
    room = WIDTH - LABEL - 80
    bottom = top + STEP * len(candidates)
    parts.append(f'<line class="axis" x1="{LABEL}" y1="{top}" x2="{LABEL}" y2="{bottom}"/>')
    ordered = sorted(candidates.items(), key=lambda item: item[1]["median_ns"])
    for i, (name, numbers) in enumerate(ordered):
        middle = top + STEP * i + STEP // 2
        width, low, high = (room * numbers[key] / longest for key in ("median_ns", "q1_ns", "q3_ns"))
        kind = "ours" if name.startswith("fastws") else "bar"
        parts += (
            _text(LABEL - 8, middle + 4, name, "text", "end"),
            f'<rect class="{kind}" x="{LABEL}" y="{middle - BAR // 2}" width="{width:.1f}" height="{BAR}"/>',
            f'<line class="range" x1="{LABEL + low:.1f}" y1="{middle}" x2="{LABEL + high:.1f}" y2="{middle}"/>',
            _text(LABEL + max(width, high) + 8, middle + 4, _number(numbers["median_ns"] / unit), "text"),
        )
    return parts, 12 + STEP * len(candidates) + 30


def _text(x: float, y: float, text: str, kind: str, anchor: str = "start") -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y}" text-anchor="{anchor}">{escape(text)}</text>'


def _number(value: float) -> str:
    return f"{value:.2f}" if value < 10 else f"{value:.1f}"


def _wrapped(text: str, width: int) -> list[str]:
    lines = [""]
    for word in text.split():
        if len(lines[-1]) + len(word) >= width:
            lines.append("")
        lines[-1] += f" {word}" if lines[-1] else word
    return lines


# -------------------------------------------------------------------------------------------------- command


def save(run: Mapping[str, Any]) -> None:
    """Keep a run, and its chart, in bench/results."""
    RESULTS.mkdir(exist_ok=True)
    text = json.dumps(run, indent=1, ensure_ascii=False) + "\n"
    (RESULTS / f"{run['date']}.json").write_text(text, encoding="utf-8")
    (RESULTS / "chart.svg").write_text(as_svg(run), encoding="utf-8")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "run",
        nargs="?",
        type=Path,
        default=RAW,
        help="a run's JSON, as pytest-benchmark wrote it or as it was kept",
    )
    parser.add_argument("--save", action="store_true", help="write results/DATE.json and results/chart.svg")
    parser.add_argument("--readme", action="store_true", help="write the table into bench/README.md")
    options = parser.parse_args(arguments)
    try:
        run = json.loads(options.run.read_text(encoding="utf-8"))
    except FileNotFoundError:
        print(f"there is no {options.run}: `make bench` makes it", file=sys.stderr)
        return 1
    if "machine_info" in run:
        run = slim(run)
    rows = rows_of(run)
    print(as_text(rows))
    print(f"\n{headline(run)}\n{described(run)}")
    budgets = [row for row in rows if row.verdict]
    print(f"{sum(row.verdict == 'met' for row in budgets)} of {len(budgets)} budgets are met")
    if options.save:
        save(run)
    if options.readme:
        text = in_readme(README.read_text(encoding="utf-8"), as_markdown(run, rows))
        README.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
