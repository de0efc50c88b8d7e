"""bench/report.py: table, README and chart say what the stored run says, and nothing of the machine's name."""

import importlib.util
import json
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

PATH = Path(__file__).parents[2] / "bench" / "report.py"
spec = importlib.util.spec_from_file_location("bench_report", PATH)
report = importlib.util.module_from_spec(spec)
sys.modules[spec.name] = report  # where dataclasses look for it
spec.loader.exec_module(report)


def numbers(median):
    return {"median_ns": median, "q1_ns": median * 0.9, "q3_ns": median * 1.1, "min_ns": median * 0.8}


def row(stage, value, budget=None):
    return {
        "stage": stage,
        "subject": "fastws",
        "reference": "a | b",
        "budget": budget,
        "ratio": value,
        "ratio_q1": value - 0.1,
        "ratio_q3": value + 0.1,
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
        "cpu": {"brand_raw": "A CPU", "count": 2, "flags": ["sse2"]},
    },
    "benchmarks": [
        {
            "name": "test_unsigned",
            "fullname": "/home/secret-user/bench/test_request.py::test_unsigned",
            "stats": {"data": [1, 2]},
            "options": {},
            "extra_info": {
                "operation": "one order",
                "candidates": {"fastws": numbers(100.0), "orjson <by hand>": numbers(400.0)},
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
RUN = report.slim(RAW, {"orjson": "3.11.0"})


def test_what_is_kept_names_neither_machine_nor_paths():
    text = json.dumps(RUN)
    assert "secret" not in text
    assert "/home" not in text
    assert [benchmark["name"] for benchmark in RUN["benchmarks"]] == ["test_request.py::test_unsigned"]
    assert report.described(RUN) == "2026-01-02; A CPU, 2 cores, Linux x86_64; CPython 3.11.7, orjson 3.11.0"
    assert RUN["commit"] == "0123456789ab+"


def test_the_table_holds_every_row_against_its_budget():
    rows = report.rows_of(RUN)
    assert [(r.stage, r.value, r.budget, r.verdict) for r in rows] == [
        ("quick", "0.25", "0.35", "met"),
        ("slow", "0.50", "0.35", "not met"),
        ("unpromised", "0.75", "", ""),
        ("more", "+180 ns", "300 ns more", "met"),
    ]
    assert "0.15 … 0.35" in report.as_text(rows).splitlines()[1]


def test_the_headline_is_what_a_polling_client_adds():
    def added(subject, value):
        stage = "round trip, busy polling: uvloop"
        return {"stage": stage, "subject": subject, "added_ns": value, "budget": None}

    run = {"benchmarks": [{"rows": [added("fastws", 3600.0), added("fastws, callback", 2800.0)]}]}
    assert "3.6 µs" in report.headline(run)
    assert "2.8 µs" in report.headline(run)
    assert "0.72 %, 0.36 %, 0.07 %" in report.headline(run)
    assert report.headline(RUN) == ""


def test_the_readme_changes_between_its_marks_only():
    markdown = report.as_markdown(RUN, report.rows_of(RUN))
    assert "| slow | fastws | a \\| b | 0.50 | 0.40 … 0.60 | 0.35 | **not met** |" in markdown
    assert "| unpromised | fastws | a \\| b | 0.75 | 0.65 … 0.85 |" in markdown
    once = report.in_readme(f"before\n{report.BEGIN}\nold\n{report.END}\nbehind\n", markdown)
    assert once == f"before\n{report.BEGIN}\n{markdown}\n{report.END}\nbehind\n"
    assert report.in_readme(once, markdown) == once
    with pytest.raises(ValueError, match="bench:begin"):
        report.in_readme("no marks", markdown)
    report.in_readme((PATH.parent / "README.md").read_text(encoding="utf-8"), markdown)


def test_the_bars_start_at_zero_and_stay_within_the_picture():
    svg = "{http://www.w3.org/2000/svg}"
    root = ET.fromstring(report.as_svg(RUN))
    bars = [bar for bar in root.iter(f"{svg}rect") if bar.get("class") != "page"]
    widths = {bar.get("class"): float(bar.get("width")) for bar in bars}
    assert {float(bar.get("x")) for bar in bars} == {report.LABEL}
    assert widths["bar"] == pytest.approx(4 * widths["ours"], rel=0.01)
    assert all(float(line.get("x2")) <= report.WIDTH - 60 for line in root.iter(f"{svg}line"))
    texts = "".join(text.text for text in root.iter(f"{svg}text"))
    assert "orjson <by hand>" in texts
    assert "2026-01-02; A CPU" in texts


def test_the_command_reads_a_raw_run_and_a_kept_one_alike(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(report, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(report, "README", tmp_path / "README.md")
    monkeypatch.setattr(report, "installed", dict)
    (tmp_path / "README.md").write_text(f"{report.BEGIN}\n{report.END}\n", encoding="utf-8")
    (tmp_path / "raw.json").write_text(json.dumps(RAW), encoding="utf-8")
    assert report.main([str(tmp_path / "raw.json"), "--save", "--readme"]) == 0
    first = capsys.readouterr().out
    assert "2 of 3 budgets are met" in first
    assert "| quick |" in (tmp_path / "README.md").read_text(encoding="utf-8")
    assert (tmp_path / "results" / "chart.svg").exists()
    assert report.main([str(tmp_path / "results" / "2026-01-02.json")]) == 0
    assert capsys.readouterr().out == first
    assert report.main([str(tmp_path / "absent.json")]) == 1
