"""bench/report.py: tables, pages and charts say what the kept runs say, and nothing of the machine's name."""

import json
import sys
from copy import deepcopy
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT))

from bench import page, report, runs  # noqa: E402


def row(stage, value, budget=None, reference="a | b", spread=0.1):
    return {
        "stage": stage,
        "subject": "fastws",
        "reference": reference,
        "budget": budget,
        "ratio": value,
        "ratio_q1": value - spread,
        "ratio_q3": value + spread,
    }


RAW = {
    "datetime": "2026-01-02T03:04:05.6+00:00",
    "commit_info": {"id": "0123456789abcdef", "dirty": True, "project": "secret-project"},
    "machine_info": {
        "node": "secret-host",
        "machine": "x86_64",
        "processor": "",
        "system": "Linux",
        "python_implementation": "CPython",
        "python_version": "3.11.7",
        "cpu": {"brand_raw": "A(R) CPU", "count": 2, "flags": ["sse2"]},
    },
    "benchmarks": [
        {
            "name": "test_unsigned",
            "fullname": "/home/secret-user/bench/test_request.py::test_unsigned",
            "stats": {"data": [1, 2]},
            "options": {},
            "extra_info": {
                "operation": "one order",
                "rows": [
                    row("quick", 0.25, 0.35),
                    row("slow", 0.5, 0.35),
                    row("unpromised", 0.75),
                    {
                        "stage": "more",
                        "subject": "fastws",
                        "reference": "less",
                        "budget": 300,
                        "added_ns": 180.4,
                        "added_q1_ns": 170.0,
                        "added_q3_ns": 190.0,
                    },
                ],
            },
        },
        {"name": "other", "fullname": "other", "extra_info": {}},
    ],
}
RUN = runs.slim(RAW, {"orjson": "3.11.0"})


def client(name, value):
    timed = dict.fromkeys(("p50_us", "p99_us", "p99.9_us", "cpu_us", "cpu_64_us"), value)
    spread = {"p50_us": [value * 0.9, value * 1.1]}
    return {
        "client": name,
        "loop": "uvloop, polling",
        "versions": {name: "1.2"},
        **timed,
        "orders_a_second": 1000.0,
        "process_mb": 50.0,
        "connection_kb": 20,
        "spread": spread,
    }


CLIENTS = {
    "name": "test_whole_clients.py::test_whole_clients",
    "clients": [client("fastws", 20.0), client("python-binance", 200.0)],
    "floor": {"client": "C client over OpenSSL", "p50_us": 10.0, "cpu_us": 9.0},
    "rows": [row("whole client", 0.12, 0.15, "python-binance")],
}
MORE = {
    "name": "test_scale.py::test_in_flight",
    "tables": [
        {"title": "A table", "head": ["what", "bytes"], "rows": [["one", 12345]], "note": "Its note."}
    ],
    "plots": [
        {
            "name": "in-flight",
            "title": "In flight",
            "x_label": "requests",
            "y_label": "µs",
            "x_scale": "log",
            "lines": [{"label": "fastws", "x": [1, 10], "y": [2.0, 2.5], "low": None, "high": None}],
        }
    ],
}
TAIL = {
    "name": "test_tail.py::test_idle",
    "tails": [
        {
            "stage": "after 1 s idle",
            "subject": "fastws",
            "count": 5000,
            "p50_ns": 20_000,
            "p99_ns": 30_000,
            "p999_ns": 40_000,
            "max_ns": 1_500_000,
            "waited_ns": 2_500_000,
            "steal_ns": 10_000_000,
        }
    ],
}


def whole(number=1, cpu="A(R) CPU", **rows):
    """A whole run: with the same rows, but for those that are given."""
    run = deepcopy(RUN)
    run["machine"]["cpu"] = cpu
    for each in run["benchmarks"][0]["rows"]:
        if each["stage"] in rows:
            each.update(row(each["stage"], rows[each["stage"]], each["budget"]))
    run["benchmarks"] += deepcopy([CLIENTS, MORE, TAIL])
    return run


@pytest.fixture
def root(tmp_path, monkeypatch):
    """A checkout with pages that have all marks, and no run."""
    monkeypatch.setattr(runs, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(page, "ROOT", tmp_path)
    monkeypatch.setattr(runs, "installed", dict)
    (tmp_path / "docs").mkdir()
    for name in page.PAGES:
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    return tmp_path


def test_what_is_kept_names_neither_machine_nor_paths():
    text = json.dumps(RUN)
    assert "secret" not in text
    assert "/home" not in text
    assert [benchmark["name"] for benchmark in RUN["benchmarks"]] == ["test_request.py::test_unsigned"]
    assert runs.described(RUN) == "2026-01-02; A(R) CPU, 2 cores, Linux x86_64; CPython 3.11.7, orjson 3.11.0"
    assert RUN["commit"] == "0123456789ab+"


def test_the_versions_of_peers_with_an_environment_of_their_own_are_kept():
    raw = deepcopy(RAW)
    raw["benchmarks"][0]["extra_info"]["clients"] = [{"versions": {"ccxt": "4.5", "orjson": "1"}}]
    assert runs.slim(raw, {"orjson": "3.11.0"})["versions"] == {
        "CPython": "3.11.7",
        "ccxt": "4.5",
        "orjson": "3.11.0",
    }


def test_the_table_holds_every_row_against_its_budget():
    rows = runs.rows_of(RUN)
    assert [(r.stage, r.median, r.limit, r.verdict) for r in rows] == [
        ("quick", "0.25", "0.35", "met"),
        ("slow", "0.50", "0.35", "not met"),
        ("unpromised", "0.75", "", ""),
        ("more", "+180 ns", "300 ns more", "met"),
    ]
    assert "0.15 … 0.35" in report.as_text(rows).splitlines()[1]


def test_a_ratio_and_a_difference_of_the_same_two_are_two_rows():
    more = {
        **row("a", 1.5),
        "added_ns": 900.0,
        "added_q1_ns": 800.0,
        "added_q3_ns": 1000.0,
    }
    ratio, difference = runs.row_of(row("a", 1.5)), runs.row_of(more)
    assert ratio.names == difference.names
    assert ratio.key != difference.key


def test_runs_of_one_day_are_all_kept_and_the_newest_two_of_a_machine_are_compared(root):
    names = [runs.keep(whole()).name for _ in range(11)]
    runs.keep({**whole(cpu="Another CPU"), "date": "2026-01-01"})
    assert names[0] == "2026-01-02-1.json"
    assert runs.newest(runs.kept()) == ["2026-01-02-11.json", "2026-01-02-10.json"]


def test_runs_agree_where_their_quartiles_touch_when_they_are_widened():
    def agree(one, other):
        return runs.row_of(row("a", one, spread=0.05)).agrees(runs.row_of(row("a", other, spread=0.05)))

    assert agree(1.0, 1.0)
    assert agree(1.0, 1.19)
    assert agree(1.19, 1.0)
    assert not agree(1.0, 1.25)
    assert not agree(1.25, 1.0)
    common, apart = runs.disagreements(whole(), whole(quick=0.75))
    assert common == 5
    assert [(one.stage, two.median) for one, two in apart] == [("quick", "0.75")]


def test_an_order_of_peers_that_changes_is_found():
    def machine(first, second):
        rows = [row("a", first, reference="one", spread=0.01), row("a", second, reference="two", spread=0.01)]
        return {each.key: each for each in map(runs.row_of, rows)}

    assert runs.other_order(machine(0.2, 0.5), machine(0.3, 0.4)) == (1, [])
    assert runs.other_order(machine(0.2, 0.5), machine(0.4, 0.4)) == (1, [])  # too near to tell
    assert runs.other_order(machine(0.2, 0.21), machine(0.4, 0.3)) == (0, [])
    pairs, wrong = runs.other_order(machine(0.2, 0.5), machine(0.5, 0.3))
    assert pairs == 1
    assert [(one.reference, two.reference) for one, two in wrong] == [("one", "two")]


def test_the_pages_are_made_from_the_kept_runs(root):
    pytest.importorskip("matplotlib", reason="matplotlib is not installed: it draws the charts")
    runs.keep(whole(cpu="Other(R) Processor"))
    runs.keep(whole())
    runs.keep(whole(quick=0.75))
    page.write(runs.kept())
    assert page.problems(runs.kept()) == []
    text = (root / "docs" / "performance.md").read_text(encoding="utf-8")
    assert "| slow | fastws | a \\| b | 0.50 | 0.40 … 0.60 | 0.50 | 0.50 | 0.35 | **not met** |" in text
    assert "| unpromised | fastws | a \\| b | 0.75 | 0.65 … 0.85 | 0.75 | 0.75 |" in text
    assert "| one | 12,345 |" in text
    assert "| after 1 s idle | fastws | 5,000 | 20.0 | 30.0 | 40.0 | 1,500 |" in text
    assert "4 of 5 rows agree" in text
    assert "charts/in-flight-dark.svg" in text
    assert {path.name for path in (root / "docs" / "charts").iterdir()} == {
        f"{name}-{theme}.svg" for name in ("whole-clients", "in-flight") for theme in ("light", "dark")
    }
    assert "| python-binance | 200 | 200 | 200 |" in (root / "README.md").read_text(encoding="utf-8")


def test_a_section_that_the_newest_whole_run_lacks_is_shown_from_a_part_of_the_same_machine(root):
    pytest.importorskip("matplotlib", reason="matplotlib is not installed: it draws the charts")
    runs.keep(whole())
    market = {"name": "test_market_book.py::test_diff", "rows": [row("diff", 0.07, 0.10)]}
    part = {**deepcopy(RUN), "benchmarks": [market]}
    runs.keep({**part, "machine": {**part["machine"], "cpu": "Another CPU"}})
    page.write(runs.kept())
    text = (root / "docs" / "performance.md").read_text(encoding="utf-8")
    assert "| diff |" not in text
    runs.keep(part)
    page.write(runs.kept())
    text = (root / "docs" / "performance.md").read_text(encoding="utf-8")
    assert "| diff | fastws | a \\| b | 0.070 |" in text
    assert "Run 2026-01-02-3, of this part alone: 2026-01-02; A(R) CPU" in text
    assert "| quick | fastws |" in text  # the rest is of the whole run
    assert page.problems(runs.kept()) == []


def test_what_was_not_made_from_the_kept_runs_is_found(root):
    pytest.importorskip("matplotlib", reason="matplotlib is not installed: it draws the charts")
    runs.keep(whole())
    page.write(runs.kept())
    stray = root / "docs" / "charts" / "stray-light.svg"
    stray.write_text("<svg/>", encoding="utf-8")
    readme = root / "README.md"
    readme.write_text(readme.read_text(encoding="utf-8").replace("| 200 |", "| 300 |"), encoding="utf-8")
    assert page.problems(runs.kept()) == [
        "README.md was not made from 2026-01-02-1.json",
        "stray-light.svg is no chart of these",
    ]
    changed = whole()
    changed["benchmarks"][2]["plots"][0]["lines"][0]["y"] = [2.0, 9.9]
    runs.keep(changed)
    assert "docs/charts/in-flight was not drawn from these numbers" in page.problems(runs.kept())
    page.write(runs.kept())
    assert page.problems(runs.kept()) == []
    assert not stray.exists()


def test_the_command_keeps_a_run_of_several_parts_and_compares_two(root, capsys):
    pytest.importorskip("matplotlib", reason="matplotlib is not installed: it draws the charts")
    raw = deepcopy(RAW)
    raw["benchmarks"] += [
        {"fullname": each["name"], "extra_info": {k: v for k, v in each.items() if k != "name"}}
        for each in (CLIENTS, MORE, TAIL)
    ]
    one, other = deepcopy(raw), deepcopy(raw)
    one["benchmarks"], other["benchmarks"] = raw["benchmarks"][:1], raw["benchmarks"][1:]
    for name, part in (("one", one), ("other", other)):
        (root / f"{name}.json").write_text(json.dumps(part), encoding="utf-8")
    parts = [str(root / "one.json"), str(root / "other.json")]
    assert report.main([*parts, "--save"]) == 0
    assert "3 of 4 budgets are met" in capsys.readouterr().out
    assert report.main(["--check"]) == 0
    assert report.main(["--agree"]) == 1  # there is only one
    assert report.main([*parts, "--save"]) == 0
    capsys.readouterr()
    assert report.main(["--agree"]) == 0
    assert "5 of 5 rows agree" in capsys.readouterr().out
    assert report.main([str(root / "results" / "2026-01-02-1.json")]) == 0
    assert "python-binance" in capsys.readouterr().out
    assert report.main([str(root / "absent.json")]) == 1


def test_the_pages_of_this_tree_were_made_from_its_kept_runs():
    assert page.problems(runs.kept()) == []
