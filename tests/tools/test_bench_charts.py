"""bench/charts.py: bars and linear axes begin at zero, nothing is cut off, and a chart says what it was made from."""

from __future__ import annotations

import importlib.util
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from types import ModuleType

import pytest

PATH = Path(__file__).parents[2] / "bench" / "charts.py"


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("bench_charts", PATH)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where dataclasses look for it
    spec.loader.exec_module(module)
    return module


charts = load()
FACTS = "2026-01-02; A CPU, 2 cores, Linux x86_64; CPython 3.11.7, orjson 3.11.0"
BARS = charts.Bars(
    "Clients",
    [
        charts.Panel("CPU (µs)", [charts.Bar("fastws", 10.0, 9.0, 40.0), charts.Bar("other <one>", 20.0)]),
        charts.Panel("p99 (µs)", [charts.Bar("fastws", 1234.5)]),
    ],
    FACTS,
    "Lines from the first to the third quartile.",
)
LINES = charts.Lines(
    "In flight",
    "requests",
    "µs a request",
    [charts.Line("fastws", [1, 10, 100], [3.0, 2.0, 2.5], [2.0, 1.5, 2.0], [9.0, 3.0, 3.0])],
    FACTS,
    x_scale="log",
)


def axes_of(chart, monkeypatch):
    """The axes that a chart is drawn on."""
    pytest.importorskip("matplotlib", reason="matplotlib is not installed: it draws the charts")
    from matplotlib.backends import backend_svg

    kept = []
    monkeypatch.setattr(
        backend_svg.FigureCanvasSVG, "print_svg", lambda canvas, *_, **__: kept.append(canvas.figure)
    )
    charts.as_svg(chart, "light")
    return kept[0].axes


def test_bars_begin_at_zero_and_end_within_the_picture(monkeypatch):
    cpu, p99 = axes_of(BARS, monkeypatch)
    assert [bar.get_x() for bar in cpu.patches] == [0, 0]
    assert [bar.get_width() for bar in cpu.patches] == [10.0, 20.0]
    assert cpu.get_xlim()[0] == p99.get_xlim()[0] == 0
    assert cpu.get_xlim()[1] > 40  # the quartile, not only the bar
    assert [label.get_text() for label in cpu.get_yticklabels()] == ["fastws", "other <one>"]
    ours, other = (bar.get_facecolor() for bar in cpu.patches)
    assert ours != other


def test_a_linear_axis_begins_at_zero_and_a_log_axis_says_that_it_is_one(monkeypatch):
    (axes,) = axes_of(LINES, monkeypatch)
    assert axes.get_ylim()[0] == 0
    assert axes.get_ylim()[1] >= 9
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("requests, log scale", "µs a request")
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "linear")


@pytest.mark.parametrize("chart", [BARS, LINES], ids=["bars", "lines"])
def test_the_same_numbers_make_the_same_bytes(chart):
    pytest.importorskip("matplotlib", reason="matplotlib is not installed: it draws the charts")
    light, dark = (charts.as_svg(chart, theme) for theme in charts.THEMES)
    assert charts.as_svg(chart, "light") == light
    assert charts.THEMES["dark"]["page"] in dark
    assert charts.THEMES["dark"]["page"] not in light
    texts = "".join(text.text for text in ET.fromstring(light).iter("{http://www.w3.org/2000/svg}text"))
    assert "A CPU, 2 cores" in texts
    assert "fastws" in dark


def test_a_file_made_from_other_numbers_is_found(tmp_path):
    pytest.importorskip("matplotlib", reason="matplotlib is not installed: it draws the charts")
    stem = tmp_path / "charts" / "clients"
    assert not charts.is_current(BARS, stem)
    charts.draw(BARS, stem)
    assert charts.is_current(BARS, stem)
    assert not charts.is_current(charts.Bars("Clients", BARS.panels, "another machine"), stem)
    charts.paths(stem)["dark"].unlink()
    assert not charts.is_current(BARS, stem)


def test_the_exponent_is_that_of_a_power():
    x = [1, 10, 100, 1000]
    assert charts.exponent(x, [3 * n for n in x]) == pytest.approx(1)
    assert charts.exponent(x, [5, 5, 5, 5]) == pytest.approx(0)
    assert charts.exponent(x, [2 * n**1.5 for n in x]) == pytest.approx(1.5)


def test_numbers_have_three_digits():
    assert [*map(charts.number, (0.5, 9.994, 12.34, 1234.5))] == ["0.50", "9.99", "12.3", "1,234"]
