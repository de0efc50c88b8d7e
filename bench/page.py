"""docs/performance.md, its charts, and the README's, made from the kept runs and from nothing else.

The pages are written by hand around marks, `<!-- bench:NAME:begin -->` and `<!-- bench:NAME:end -->`. What stands
between them is made here. `problems()` tells what was not made from the runs that are kept.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from bench import charts, runs
from bench.runs import Json, Key, Row

ROOT = Path(__file__).resolve().parent.parent
PAGES = ("docs/performance.md", "README.md")
CHARTS = "docs/charts"
SECTIONS = {  # the first part of a file's name → its section
    "test_whole_clients": "whole-clients",
    "test_tail": "tail",
    "test_scale": "scale",
    "test_memory": "memory",
    "test_market": "market",
}
REST = "stages"
CLIENTS = "whole-clients"  # also the name of its chart


def section_of(benchmark: Mapping[str, Any]) -> str:
    return next((name for start, name in SECTIONS.items() if benchmark["name"].startswith(start)), REST)


def _of(run: Mapping[str, Any], section: str, what: str) -> list[Any]:
    """All that the benchmarks of a section have of one kind."""
    return [
        each
        for benchmark in run["benchmarks"]
        if section_of(benchmark) == section
        for each in benchmark.get(what, ())
    ]


# -------------------------------------------------------------------------------------------------- tables


def table(head: Sequence[str], rows: Iterable[Sequence[object]], left: int = 1) -> list[str]:
    """A table of Markdown; the first ``left`` columns are text."""

    def line(cells: Iterable[object]) -> str:
        return f"| {' | '.join(str(cell).replace('|', chr(92) + '|') for cell in cells)} |"

    rule = ["---" if column < left else "---:" for column in range(len(head))]
    return [line(head), line(rule), *map(line, rows)]


def _number(value: object) -> object:
    return f"{value:,}" if isinstance(value, int) else value


def _free_tables(tables: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    for each in tables:
        yield from ("", f"**{each['title']}**", "")
        yield from table(each["head"], [[_number(cell) for cell in row] for row in each["rows"]])
        if each.get("note"):
            yield from ("", each["note"])


def _tails(tails: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    if tails:
        rows = [
            [
                tail["stage"],
                tail["subject"],
                f"{tail['count']:,}",
                *[charts.number(tail[f"{what}_ns"] / 1000) for what in ("p50", "p99", "p999", "max")],
                *[charts.number(tail[f"{what}_ns"] / 1e6) for what in ("waited", "steal")],
            ]
            for tail in tails
        ]
        head = [
            "stage",
            "subject",
            "orders",
            "p50, µs",
            "p99, µs",
            "p99.9, µs",
            "max, µs",
            "waited, ms",
            "steal, ms",
        ]
        yield from ("", *table(head, rows, left=2))


class Compared:
    """The newest whole run, beside the run before it and the other machines."""

    def __init__(self, kept: Mapping[str, Json]) -> None:
        names = runs.newest(kept)
        self.name, self.run = names[0], kept[names[0]]
        self.before = (names[1], kept[names[1]]) if len(names) > 1 else None
        self.machine = runs.machine_of(self.run)
        others: dict[str, list[Json]] = {}
        for run in kept.values():
            if runs.machine_of(run) != self.machine:
                others.setdefault(runs.machine_of(run), []).append(run)
        self.others: dict[str, dict[Key, Row]] = {name: runs.gathered(of) for name, of in others.items()}
        self.second = runs.gathered([self.before[1]]) if self.before else {}

    def run_of(self, section: str, kept: Mapping[str, Json]) -> tuple[str, Json]:
        """The run that shows a section: the newest whole one; if that lacks it, the newest of the machine with it."""
        for name, run in [(self.name, self.run), *reversed(kept.items())]:
            if runs.machine_of(run) == self.machine and any(
                section_of(b) == section for b in run["benchmarks"]
            ):
                return name, run
        return self.name, self.run

    def rows(self, rows: Sequence[Row], name: str) -> Iterator[str]:
        """Two tables of a run's rows, with a budget and without; another run without any of them has no column."""
        before = {self.before[0].removesuffix(".json"): self.second} if self.before else {}
        all_others = {**before, **self.others}.items()
        other = {n: of for n, of in all_others if any(row.key in of for row in rows)}
        head = ["stage", "subject", "reference", f"{self.machine}, {name.removesuffix('.json')}", "quartiles"]

        def cells(row: Row) -> list[str]:
            found = [of[row.key].median if row.key in of else "" for of in other.values()]
            return [*row.names, row.median, row.quartiles, *found]

        promised = [row for row in rows if row.verdict]
        if promised:
            words = {"met": "met", "not met": "**not met**"}
            lines = [[*cells(row), row.limit, words[row.verdict]] for row in promised]
            yield from ("", *table([*head, *other, "budget", ""], lines, left=3))
        beside = [row for row in rows if not row.verdict]
        if beside:
            if promised:
                yield from ("", "Beside these:")
            yield from ("", *table([*head, *other], map(cells, beside), left=3))


# ------------------------------------------------------------------------------------------------- sections


def clients_of(run: Mapping[str, Any]) -> tuple[list[Json], Json]:
    """The whole clients that a run measured, and the floor."""
    for benchmark in run["benchmarks"]:
        if "clients" in benchmark:
            return benchmark["clients"], benchmark["floor"]
    raise ValueError("a whole run has whole clients")


def picture(stem: str, alternative: str, folder: str = "charts") -> list[str]:
    """A chart for both kinds of page."""
    return [
        "<picture>",
        f'  <source media="(prefers-color-scheme: dark)" srcset="{folder}/{stem}-dark.svg">',
        f'  <img alt="{alternative}" src="{folder}/{stem}-light.svg">',
        "</picture>",
    ]


def _whole_clients(run: Mapping[str, Any]) -> Iterator[str]:
    clients, floor = clients_of(run)
    head = ["client", "p50, µs", "p99, µs", "p99.9, µs", "CPU of an order, µs", "CPU, 64 at a time, µs"]
    head += ["orders a second, 64 at a time", "process, MB", "a connection, kB"]
    names = (
        "p50_us",
        "p99_us",
        "p99.9_us",
        "cpu_us",
        "cpu_64_us",
        "orders_a_second",
        "process_mb",
        "connection_kb",
    )

    def cell(client: Mapping[str, Any], name: str) -> str:
        value = client.get(name)
        return (
            ""
            if value is None
            else f"{value:,.0f}"
            if name in ("orders_a_second", "connection_kb")
            else f"{value:,.1f}"
        )

    yield from picture(CLIENTS, "Whole clients over TLS: fastws beside its peers")
    yield ""
    yield from table(head, [[each["client"], *[cell(each, n) for n in names]] for each in (*clients, floor)])
    yield ""
    yield from table(
        ["client", "its event loop", "versions"],
        [
            [each["client"], each["loop"], ", ".join(f"{n} {v}" for n, v in each["versions"].items())]
            for each in clients
        ],
        left=3,
    )


def headline(run: Mapping[str, Any]) -> Iterator[str]:
    clients, floor = clients_of(run)
    by_name = {each["client"]: each for each in clients}
    named = [
        by_name[name] for name in ("fastws", "python-binance", "binance-sdk-spot", "ccxt") if name in by_name
    ]
    yield (
        f"A signed order over TLS, from the call to its result ({runs.machine_of(run)}, {run['machine']['cores']} "
        f"cores, {run['date']}). For the latency, client and server poll; for the CPU time, the client sleeps between "
        "two orders. The C client neither signs nor decodes."
    )
    head = ["client", "median, µs", "p99.9, µs", "CPU time, µs"]
    lines = [
        [each["client"], f"{each['p50_us']:,.0f}", f"{each['p99.9_us']:,.0f}", f"{each['cpu_us']:,.0f}"]
        for each in named
    ]
    lines.append(["C client over OpenSSL", f"{floor['p50_us']:,.0f}", "", f"{floor['cpu_us']:,.0f}"])
    yield from ("", *table(head, lines))


def agreement(kept: Mapping[str, Json], compared: Compared) -> Iterator[str]:
    """Whether the two newest runs agree, and whether the order of peers is the same on the other machines."""
    if compared.before:
        name, before = compared.before
        common, apart = runs.disagreements(compared.run, before)
        yield (
            f"Runs {name.removesuffix('.json')} and {compared.name.removesuffix('.json')}, both on {compared.machine}: "
            f"{common - len(apart)} of {common} rows agree."
        )
        if apart:
            lines = [[*one.names, two.median, two.quartiles, one.median, one.quartiles] for one, two in apart]
            earlier, later = (each.removesuffix(".json") for each in (name, compared.name))
            head = ["stage", "subject", "reference", earlier, "quartiles", later, "quartiles"]
            yield from ("", "These do not:", "", *table(head, lines, left=3))
    else:
        yield f"There is one whole run on {compared.machine} so far."
    ours = runs.gathered([compared.run])
    for machine, rows in compared.others.items():
        pairs, wrong = runs.other_order(ours, rows)
        yield ""
        yield (
            f"On {machine}, {pairs - len(wrong)} of {pairs} pairs of references stand in the same order as on "
            f"{compared.machine}, by how fastws compares with them."
        )
        for slower, faster in wrong:
            yield f"- {slower.stage}, {slower.subject}: {slower.reference} and {faster.reference} change places."


def sections(kept: Mapping[str, Json]) -> dict[str, str]:
    """What stands between the marks, by their names."""
    compared = Compared(kept)
    run = compared.run
    made: dict[str, list[str]] = {
        "run": [
            f"Run {compared.name.removesuffix('.json')}: {runs.described(run)}; fastws at {run['commit']}."
        ],
        "headline": headline(run),
        "agreement": list(agreement(kept, compared)),
        "chart": picture(CLIENTS, "Whole clients over TLS: fastws beside its peers", CHARTS),
    }
    for name in (*SECTIONS.values(), REST):
        lines = list(_whole_clients(run)) if name == CLIENTS else []
        source, shown = compared.run_of(name, kept)
        for plot in _of(run, name, "plots"):
            lines += ["", *picture(plot["name"], plot["title"])]
        lines += _tails(_of(shown, name, "tails"))
        lines += _free_tables(_of(shown, name, "tables"))
        lines += compared.rows([runs.row_of(row) for row in _of(shown, name, "rows")], source)
        if shown is not run:
            lines += ["", f"Run {source.removesuffix('.json')}, of this part alone: {runs.described(shown)}."]
        made[name] = lines
    return {name: "\n".join(lines).strip() for name, lines in made.items()}


# --------------------------------------------------------------------------------------------------- charts


def drawn(kept: Mapping[str, Json]) -> dict[str, charts.Chart]:
    """The charts of the newest whole run, by the names of their files."""
    run = kept[runs.newest(kept)[0]]
    facts = f"{runs.described(run)}; fastws at {run['commit']}"
    made: dict[str, charts.Chart] = {CLIENTS: _clients_chart(run, facts)}
    for benchmark in run["benchmarks"]:
        for plot in benchmark.get("plots", ()):
            lines = [charts.Line(**line) for line in plot["lines"]]
            more = {name: plot[name] for name in ("x_scale", "y_scale", "note") if name in plot}
            made[plot["name"]] = charts.Lines(
                plot["title"], plot["x_label"], plot["y_label"], lines, facts, **more
            )
    return made


def _clients_chart(run: Mapping[str, Any], facts: str) -> charts.Chart:
    clients, _ = clients_of(run)
    panels = [
        charts.Panel(title, [_bar(each, name) for each in clients])
        for title, name in (
            ("Latency of a signed order, median (µs)", "p50_us"),
            ("Latency of a signed order, p99.9 (µs)", "p99.9_us"),
            ("CPU time of a signed order (µs)", "cpu_us"),
        )
    ]
    sleeping = [each["client"] for each in clients if "polling" not in each["loop"]]
    unless = f", except {sleeping[0]}, which cannot" if sleeping else ""
    note = (
        "Less is better. order.place, signed with HMAC, FULL reply, over TLS to one server on the same machine. "
        f"Latency: client and server poll{unless}. CPU time: one order after the other, and the client sleeps in "
        "between. Lines: from the first to the third quartile of the turns."
    )
    return charts.Bars("Whole clients over TLS", panels, facts, note)


def _bar(client: Mapping[str, Any], name: str) -> charts.Bar:
    low, high = client["spread"].get(name, (None, None))
    return charts.Bar(client["client"], client[name], low, high)


# ---------------------------------------------------------------------------------------- writing, checking

MARK = re.compile(r"<!-- bench:([\w-]+):begin -->\n(.*?)<!-- bench:\1:end -->", re.DOTALL)


def filled(text: str, made: Mapping[str, str]) -> str:
    """A page with what was made between its marks."""

    def section(found: re.Match[str]) -> str:
        name = found[1]
        return f"<!-- bench:{name}:begin -->\n{made[name]}\n<!-- bench:{name}:end -->"

    return MARK.sub(section, text)


def write(kept: Mapping[str, Json]) -> None:
    """Write the pages and their charts."""
    made, pictures = sections(kept), drawn(kept)
    for page in PAGES:
        path = ROOT / page
        path.write_text(filled(path.read_text(encoding="utf-8"), made), encoding="utf-8")
    wanted = {path for stem in pictures for path in charts.paths(ROOT / CHARTS / stem).values()}
    for path in (ROOT / CHARTS).glob("*.svg"):
        if path not in wanted:
            path.unlink()
    for stem, chart in pictures.items():
        if not charts.is_current(chart, ROOT / CHARTS / stem):
            charts.draw(chart, ROOT / CHARTS / stem)


def problems(kept: Mapping[str, Json]) -> list[str]:
    """What was not made from the runs that are kept."""
    made, pictures = sections(kept), drawn(kept)
    found = []
    seen: set[str] = set()
    for page in PAGES:
        text = (ROOT / page).read_text(encoding="utf-8")
        seen.update(name for name, _ in MARK.findall(text))
        if filled(text, made) != text:
            found.append(f"{page} was not made from {runs.newest(kept)[0]}")
    found += [f"no page has the marks of {name}" for name in made if name not in seen]
    found += [
        f"{CHARTS}/{stem} was not drawn from these numbers"
        for stem, chart in pictures.items()
        if not charts.is_current(chart, ROOT / CHARTS / stem)
    ]
    wanted = {path for stem in pictures for path in charts.paths(ROOT / CHARTS / stem).values()}
    found += [
        f"{path.name} is no chart of these" for path in (ROOT / CHARTS).glob("*.svg") if path not in wanted
    ]
    return found
