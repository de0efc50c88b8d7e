"""Charts of measured numbers, drawn by matplotlib: one SVG for light pages and one for dark pages.

    charts.draw(charts.Lines("Requests in flight", "requests", "µs a request", [charts.Line("fastws", x, y)]), stem)

Bars and linear axes begin at zero, and nothing is cut off. The label of a logarithmic axis says so. The same chart
always gives the same bytes from one release of matplotlib. Each file also holds a digest of what it shows: with it,
`is_current()` finds out, without matplotlib, whether a file was made from the numbers that are kept.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import statistics
import textwrap
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Scale = Literal["linear", "log"]
THEMES = {
    "light": {"page": "#ffffff", "text": "#1f2328", "faint": "#59636e", "grid": "#d1d9e0", "bar": "#8c959f"},
    "dark": {"page": "#0d1117", "text": "#f0f6fc", "faint": "#9198a1", "grid": "#3d444d", "bar": "#656c76"},
}
# fastws comes first, in blue; then others, told apart without red beside green
COLOURS = {
    "light": ("#0969da", "#bf8700", "#8250df", "#1a7f37", "#cf222e", "#59636e"),
    "dark": ("#4493f8", "#d29922", "#ab7df8", "#3fb950", "#f85149", "#9198a1"),
}
MARKERS = "osD^vx"
WIDTH, BAR, LINE = 7.9, 0.23, 0.17  # inches: the page, a bar with its gap, a line of small text


@dataclass(frozen=True)
class Bar:
    """One bar: a median, and where there are quartiles, a line from the first to the third."""

    label: str
    value: float
    low: float | None = None
    high: float | None = None

    @property
    def ours(self) -> bool:
        return self.label.startswith("fastws")


@dataclass(frozen=True)
class Panel:
    """Bars of one quantity, whose unit stands in ``title``."""

    title: str
    bars: Sequence[Bar]


@dataclass(frozen=True)
class Bars:
    """A chart of panels, one below the other; ``note`` and ``facts`` (date, machine, versions) stand under them."""

    title: str
    panels: Sequence[Panel]
    facts: str
    note: str = ""


@dataclass(frozen=True)
class Line:
    """Measured points; the band from ``low`` to ``high`` is what the note of the chart says."""

    label: str
    x: Sequence[float]
    y: Sequence[float]
    low: Sequence[float] | None = None
    high: Sequence[float] | None = None


@dataclass(frozen=True)
class Lines:
    """A chart of lines over two axes; the labels hold the units."""

    title: str
    x_label: str
    y_label: str
    lines: Sequence[Line]
    facts: str
    x_scale: Scale = "linear"
    y_scale: Scale = "linear"
    note: str = ""


Chart = Bars | Lines


def exponent(x: Sequence[float], y: Sequence[float]) -> float:
    """The ``k`` of ``y ~ x**k`` by least squares of the logarithms: 1 is linear, 0 does not depend on x."""
    slope: float = statistics.linear_regression([*map(math.log, x)], [*map(math.log, y)]).slope
    return slope


def digest(chart: Chart) -> str:
    """The digest of all that a chart shows."""
    shown = json.dumps([type(chart).__name__, asdict(chart)], ensure_ascii=False, sort_keys=True)
    return hashlib.sha256(shown.encode()).hexdigest()[:16]


def paths(stem: Path) -> dict[str, Path]:
    """The files of a chart, by theme."""
    return {theme: stem.with_name(f"{stem.name}-{theme}.svg") for theme in THEMES}


def is_current(chart: Chart, stem: Path) -> bool:
    """Whether both files exist and were made from these numbers."""
    mark = _mark(chart)
    return all(path.exists() and mark in path.read_text(encoding="utf-8") for path in paths(stem).values())


def draw(chart: Chart, stem: Path) -> None:
    """Write ``stem``-light.svg and ``stem``-dark.svg."""
    stem.parent.mkdir(parents=True, exist_ok=True)
    for theme, path in paths(stem).items():
        path.write_text(as_svg(chart, theme), encoding="utf-8")


def as_svg(chart: Chart, theme: str) -> str:
    """The text of the SVG of a chart in one of the THEMES."""
    import matplotlib
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    colours = THEMES[theme]
    settings: Any = {
        "svg.hashsalt": "fastws",
        "svg.fonttype": "none",  # text stays text
        "font.family": ["DejaVu Sans", "sans-serif"],
        "font.size": 9,
        "text.color": colours["text"],
        "axes.labelcolor": colours["text"],
        "axes.edgecolor": colours["grid"],
        "axes.facecolor": colours["page"],
        "figure.facecolor": colours["page"],
        "grid.color": colours["grid"],
        "grid.linewidth": 0.6,
        "xtick.color": colours["faint"],
        "ytick.color": colours["faint"],
    }
    with matplotlib.rc_context(settings):
        figure = Figure(layout="constrained")
        canvas: Any = FigureCanvasSVG(figure)
        foot = _wrapped(chart.note) + _wrapped(chart.facts)
        if isinstance(chart, Bars):
            _draw_bars(chart, figure, colours, foot)
        else:
            _draw_lines(chart, figure, theme, foot)
        written = io.StringIO()
        canvas.print_svg(written, metadata={"Date": None, "Title": chart.title, "Description": _mark(chart)})
    return "\n".join(line.rstrip() for line in written.getvalue().splitlines()) + "\n"


def _mark(chart: Chart) -> str:
    return f"made from numbers with the digest {digest(chart)}"


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, 128, break_long_words=False, break_on_hyphens=False)


def _framed(figure: Figure, chart: Chart, height: float, foot: Sequence[str], faint: str) -> None:
    """Give the figure its size, with the title above what is drawn and ``foot`` below."""
    below = LINE * len(foot) + 0.15
    total = height + 0.35 + below
    figure.set_size_inches(WIDTH, total)
    engine: Any = figure.get_layout_engine()
    engine.set(rect=(0.01, below / total, 0.97, height / total), h_pad=0.05, w_pad=0.05)
    figure.text(0.015, 1 - 0.12 / total, chart.title, size=11, weight="bold", va="top")
    for number, line in enumerate(reversed(foot)):
        figure.text(0.015, (0.1 + LINE * number) / total, line, size=7.5, color=faint, va="bottom")


def _draw_bars(chart: Bars, figure: Figure, colours: dict[str, str], foot: Sequence[str]) -> None:
    heights = [BAR * len(panel.bars) + 0.55 for panel in chart.panels]
    _framed(figure, chart, sum(heights), foot, colours["faint"])
    grid = figure.subplots(len(heights), 1, squeeze=False, gridspec_kw={"height_ratios": heights})
    ours = COLOURS["light" if colours is THEMES["light"] else "dark"][0]
    for panel, (axes,) in zip(chart.panels, grid, strict=True):
        axes.set_title(panel.title, loc="left", size=9)
        ends = [max(bar.value, bar.high or 0) for bar in panel.bars]
        axes.set_xlim(0, max(ends) * 1.13)
        axes.set_yticks(range(len(ends)), [bar.label for bar in panel.bars])
        axes.set_ylim(len(ends) - 0.45, -0.55)
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.10g}")
        for place, (bar, end) in enumerate(zip(panel.bars, ends, strict=True)):
            axes.barh(place, bar.value, height=0.66, color=ours if bar.ours else colours["bar"])
            if bar.low is not None and bar.high is not None:
                axes.hlines(place, bar.low, bar.high, color=colours["text"], linewidth=1.1)
            axes.annotate(number(bar.value), (end, place), (4, 0), textcoords="offset points", va="center")
        _bare(axes)
        axes.tick_params(axis="y", length=0, labelcolor=colours["text"])


def _draw_lines(chart: Lines, figure: Figure, theme: str, foot: Sequence[str]) -> None:
    from matplotlib.ticker import LogFormatter

    colours = THEMES[theme]
    _framed(figure, chart, 3.6, foot, colours["faint"])
    axes: Axes = figure.subplots()
    for place, line in enumerate(chart.lines):
        look: dict[str, Any] = {"color": COLOURS[theme][place % 6], "marker": MARKERS[place % 6]}
        axes.plot(line.x, line.y, label=line.label, linewidth=1.4, markersize=3.5, **look)
        if line.low is not None and line.high is not None:
            axes.fill_between(line.x, line.low, line.high, color=look["color"], alpha=0.18, linewidth=0)
    for axis, scale, label in (("x", chart.x_scale, chart.x_label), ("y", chart.y_scale, chart.y_label)):
        axes.set(
            **{f"{axis}scale": scale, f"{axis}label": f"{label}, log scale" if scale == "log" else label}
        )
        if scale == "linear":
            axes.set(**{f"{axis}lim": (0, axes.get_xlim()[1] if axis == "x" else axes.get_ylim()[1])})
        ticks = getattr(axes, f"{axis}axis")
        ticks.set_major_formatter(lambda value, _: f"{value:,.10g}")
        if scale == "log":
            ticks.set_minor_formatter(LogFormatter())
    _bare(axes)
    axes.grid(axis="y")
    axes.legend(frameon=False, fontsize=8)


def _bare(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="x")
    axes.set_axisbelow(True)


def number(value: float) -> str:
    """Three digits of a number, and all those before the point."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"
