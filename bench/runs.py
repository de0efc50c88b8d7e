"""Runs of the benchmarks, as bench/results keeps them: numbers and facts of the machine, without its name or paths.

Each run of `make bench` gets a file of its own, DATE-1.json, DATE-2.json and so on. A row is a ratio (or a difference)
with its quartiles. Two runs agree on a row if their quartile ranges overlap when each is widened by SPREAD.
"""

from __future__ import annotations

import json
import re
import ssl
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"
SPREAD = 0.05
SHOWN = ("rows", "tables", "plots", "tails", "clients")  # what a benchmark has to show, in its extra_info
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
    "binance-sdk-spot",
)
Json = dict[str, Any]
Key = tuple[str, str, str, str]


# ------------------------------------------------------------------------------------------------- the run


def slim(raw: Mapping[str, Any], versions: Mapping[str, str] | None = None) -> Json:
    """What is kept of a run: pytest-benchmark's JSON without its timings of batches, paths and names.

    ``versions`` are those of the packages; without it, those installed here, where the run was made.
    """
    machine = raw["machine_info"]
    cpu = machine.get("cpu", {})
    clients = [each for one in raw["benchmarks"] for each in one["extra_info"].get("clients", ())]
    theirs = {name: version for each in clients for name, version in each["versions"].items()}
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
            **theirs,
            **(installed() if versions is None else versions),
        },
        "benchmarks": [
            {"name": benchmark["fullname"].rpartition("/")[2], **benchmark["extra_info"]}
            for benchmark in raw["benchmarks"]
            if any(what in benchmark["extra_info"] for what in SHOWN)
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


def machine_of(run: Mapping[str, Any]) -> str:
    """The kind of processor, in few words."""
    return re.sub(r"\((R|TM)\)| Processor| CPU", "", run["machine"]["cpu"]).strip()


def described(run: Mapping[str, Any]) -> str:
    """Date, machine and versions, in one line."""
    machine = run["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in run["versions"].items())
    return f"{run['date']}; {machine['cpu']}, {machine['cores']} cores, {machine['system']}; {versions}"


# ------------------------------------------------------------------------------------------------ its rows


@dataclass(frozen=True)
class Row:
    """A ratio, or nanoseconds more, with its quartiles; ``budget`` is None where nothing was promised."""

    stage: str
    subject: str
    reference: str
    value: float
    low: float
    high: float
    budget: float | None
    unit: str  # "" of a ratio, else " ns"

    @property
    def names(self) -> tuple[str, str, str]:
        return self.stage, self.subject, self.reference

    @property
    def key(self) -> Key:
        """A ratio and a difference of the same two are two rows."""
        return *self.names, self.unit

    @property
    def verdict(self) -> str:
        return "" if self.budget is None else "met" if self.value <= self.budget else "not met"

    def shown(self, value: float) -> str:
        if self.unit:
            return f"{value:+.0f}"
        return f"{value:.{3 if self.value < 0.2 else 2}f}"

    @property
    def median(self) -> str:
        return self.shown(self.value) + self.unit

    @property
    def quartiles(self) -> str:
        return f"{self.shown(self.low)} … {self.shown(self.high)}"

    @property
    def limit(self) -> str:
        if self.budget is None:
            return ""
        return f"{self.budget:.0f} ns more" if self.unit else f"{self.budget:.2f}"

    def agrees(self, other: Row) -> bool:
        """Whether both runs say the same, within the spread that they state."""
        low, high = (max(self.low, other.low), min(self.high, other.high))
        return low - SPREAD * abs(low) <= high + SPREAD * abs(high)


def row_of(row: Mapping[str, Any]) -> Row:
    names = (
        ("added_ns", "added_q1_ns", "added_q3_ns") if "added_ns" in row else ("ratio", "ratio_q1", "ratio_q3")
    )
    value, low, high = (float(row[name]) for name in names)
    unit = " ns" if "added_ns" in row else ""
    return Row(row["stage"], row["subject"], row["reference"], value, low, high, row["budget"], unit)


def rows_of(run: Mapping[str, Any]) -> list[Row]:
    return [row_of(row) for benchmark in run["benchmarks"] for row in benchmark.get("rows", ())]


def gathered(runs: Iterable[Mapping[str, Any]]) -> dict[Key, Row]:
    """The newest row of each kind; ``runs`` begin with the oldest."""
    return {row.key: row for run in runs for row in rows_of(run)}


# --------------------------------------------------------------------------------------------- what is kept


def joined(parts: Iterable[Mapping[str, Any]]) -> Json:
    """One run of the parts that were run one after the other on one machine."""
    first, *rest = parts
    more = [benchmark for part in rest for benchmark in part["benchmarks"]]
    versions = {name: version for part in rest for name, version in part["versions"].items()}
    return {
        **first,
        "versions": {**versions, **first["versions"]},
        "benchmarks": [*first["benchmarks"], *more],
    }


def kept() -> dict[str, Json]:
    """The kept runs by the name of their file, the oldest first."""
    names = sorted((path.name for path in RESULTS.glob("*.json")), key=_in_time)
    return {name: json.loads((RESULTS / name).read_text(encoding="utf-8")) for name in names}


def _in_time(name: str) -> tuple[str, int]:
    """By day, and by number within a day; other names of a day come first."""
    number = name.removesuffix(".json")[11:]
    return name[:10], int(number) if number.isdecimal() else 0


def keep(run: Mapping[str, Any]) -> Path:
    """Keep a run beside those of its day."""
    RESULTS.mkdir(exist_ok=True)
    number = 1
    while (path := RESULTS / f"{run['date']}-{number}.json").exists():
        number += 1
    path.write_text(json.dumps(run, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return path


def is_whole(run: Mapping[str, Any]) -> bool:
    """Whether it is a run of all tables, whole clients among them, and not of a part."""
    return any("clients" in benchmark for benchmark in run["benchmarks"])


def newest(runs: Mapping[str, Json]) -> list[str]:
    """The names of the newest whole run and, if there is one, of the run before it, on the same machine."""
    whole = [name for name, run in runs.items() if is_whole(run)]
    same = [name for name in whole if machine_of(runs[name]) == machine_of(runs[whole[-1]])]
    return same[-2:][::-1]


# ---------------------------------------------------------------------------------------------- comparisons


def disagreements(one: Mapping[str, Any], other: Mapping[str, Any]) -> tuple[int, list[tuple[Row, Row]]]:
    """How many rows two runs have in common, and those on which they do not agree."""
    first, second = gathered([one]), gathered([other])
    common = [key for key in first if key in second]
    return len(common), [(first[k], second[k]) for k in common if not first[k].agrees(second[k])]


def ladders(rows: Iterable[Row]) -> Iterator[tuple[tuple[str, str], list[Row]]]:
    """For each stage and subject: its rows beside several references, the slowest reference first."""
    found: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        if not row.unit:
            found.setdefault((row.stage, row.subject), []).append(row)
    for key, steps in found.items():
        if len(steps) > 1:
            yield key, sorted(steps, key=lambda row: row.value)


def other_order(one: Mapping[Key, Row], other: Mapping[Key, Row]) -> tuple[int, list[tuple[Row, Row]]]:
    """How many pairs of references two machines have in common, and those in the other order on the second.

    References whose quartile ranges overlap on either machine stand in no order.
    """
    pairs, wrong = 0, []
    for _, steps in ladders(row for key, row in one.items() if key in other):
        for place, slower in enumerate(steps):
            for faster in steps[place + 1 :]:
                if slower.high < faster.low:
                    pairs += 1
                    if other[slower.key].low > other[faster.key].high:
                        wrong.append((slower, faster))
    return pairs, wrong
