"""The same as market_view.py, for a terminal, by rich (the extra ``fastws[cli]``). Only display.py imports this."""

from __future__ import annotations

from rich import box
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from . import market_view as view
from .histogram import bar

__all__ = ["Console", "Live", "ladder_panels", "rates_panel"]

_STATES = {"live": "bold green", "syncing": "bold yellow", "stale": "bold red"}
_AROUND = 8  # lines of a ladder that are no levels: frames, head, spread, measures
_SIDE_BY_SIDE = 84  # columns
_FRAME = 8  # columns of a frame, and between three columns


def ladder_panels(ladder: view.Ladder, levels: int, columns: int, lines: int) -> RenderableType:
    """A ladder of at most ``levels`` levels a side, and trades beside it, in so many columns and lines."""
    levels = max(1, min(levels, (lines - _AROUND) // 2))
    height = 2 * levels + 3
    wide = columns >= _SIDE_BY_SIDE
    ladder_panel = Panel(
        _ladder(ladder, levels, (columns * 3 // 5 if wide else columns) - _FRAME),
        title=_title(ladder),
        border_style="dim",
        height=height,
        padding=(0, 1),
    )
    if not wide:
        return Group(ladder_panel, _measures(ladder))
    trades = Panel(
        _trades(ladder, height - 2),
        title=Text("trades", "bold"),
        border_style="dim",
        height=height,
        padding=(0, 1),
    )
    beside = Table.grid(expand=True)
    beside.add_column(ratio=3)
    beside.add_column(ratio=2)
    beside.add_row(ladder_panel, trades)
    return Group(beside, _measures(ladder))


def _title(ladder: view.Ladder) -> Text:
    return Text.assemble(
        (ladder.symbol, "bold"),
        "  ",
        (ladder.state, _STATES.get(ladder.state, "bold")),
        (f"  {ladder.where}" if ladder.where else "", "dim"),
    )


def _ladder(ladder: view.Ladder, levels: int, columns: int) -> RenderableType:
    bids, asks = view.sides(ladder, levels)
    texts = max((len(row.price) + len(row.quantity) for row in [*bids, *asks]), default=20)
    bars = max(4, columns - texts)
    table = Table.grid(padding=(0, 2))
    table.add_column(justify="right", no_wrap=True)
    table.add_column(justify="right", no_wrap=True)
    table.add_column(width=bars, no_wrap=True)
    for _ in range(levels - len(asks)):
        table.add_row()
    for row in reversed(asks):
        table.add_row(Text(row.price, "red"), row.quantity, Text(bar(row.share, bars), "red"))
    if ladder.state == "live" or not ladder.reason:
        table.add_row(
            Text("spread", "dim"), Text(ladder.spread, "dim"), Text(f"update {ladder.update_id}", "dim")
        )
    else:
        table.add_row("", "", Text(ladder.reason, _STATES.get(ladder.state, ""), overflow="ellipsis"))
    for row in bids:
        table.add_row(Text(row.price, "green"), row.quantity, Text(bar(row.share, bars), "green"))
    return table


def _trades(ladder: view.Ladder, count: int) -> RenderableType:
    shown = ladder.trades[:count]
    if not shown:
        return Text("none yet", "dim")
    table = Table.grid(expand=True, padding=(0, 1))
    table.add_column(no_wrap=True)
    table.add_column(justify="right", ratio=1, no_wrap=True)
    table.add_column(justify="right", ratio=1, no_wrap=True)
    prices = view.even([each.price for each in shown])
    quantities = view.even([each.quantity for each in shown])
    for each, price, quantity in zip(shown, prices, quantities, strict=True):
        style = "red" if each.sold else "green"
        table.add_row(Text(view.clock_time(each.time), "dim"), Text(price, style), quantity)
    return table


def _measures(ladder: view.Ladder) -> RenderableType:
    return Group(
        Text(f" {view.measures(ladder)}", no_wrap=True, overflow="ellipsis"),
        Text(f" {view.lag_text(ladder.lag, ladder.clock)}", "cyan", no_wrap=True, overflow="ellipsis"),
    )


def rates_panel(rates: view.Rates, columns: int, lines: int) -> RenderableType:
    """The rates of the busiest streams, as many as there are lines, and of all."""
    narrow = columns < 78
    left_out = {"lag p99", "mean/s", "last"} if narrow else set()
    shown = [i for i, name in enumerate(view.HEAD) if name not in left_out]
    table = Table(box=box.SIMPLE_HEAD, expand=True, pad_edge=False, show_footer=True, footer_style="bold")
    whole = view.cells(rates.total)
    for i in shown:
        table.add_column(
            view.HEAD[i], whole[i], justify="right" if i else "left", no_wrap=True, ratio=2 if i == 0 else 1
        )
    room = max(1, lines - 10)
    streams = rates.by_rate()
    for row in streams[:room]:
        quiet = row.quiet is None or row.quiet > 5
        cells = view.cells(row)
        table.add_row(*(cells[i] for i in shown), style="dim" if quiet else "")
    more = len(streams) - room
    said = [Text(f" and {more} more", "dim")] if more > 0 else []
    state_style = "bold green" if rates.state == "open" else "bold red"
    title = Text.assemble((rates.state, state_style), (f"  {rates.where}", "dim"))
    foot = Text(f" {view.summary(rates)}; lags by {rates.clock}", "cyan", no_wrap=True, overflow="ellipsis")
    return Group(Panel(Group(table, *said), title=title, border_style="dim", padding=(0, 1)), foot)
