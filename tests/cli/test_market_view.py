"""fastws.cli.market_view and market_panels: what `watch` and `top` show of a state, as lines and with rich."""

import io
import re

import pytest

from fastws.cli.market_view import (
    Ladder,
    Rates,
    StreamRow,
    Trade,
    even,
    line_of,
    lines_of,
    sides,
    span,
    summary,
    table_of,
)
from fastws.cli.meters import Lags, Rate, Spread
from fastws.cli.screen import width

BIDS = [("52000.10000000", "0.50000000"), ("52000.05000000", "1.00000000"), ("51999.00000000", "2.50000000")]
ASKS = [("52000.20000000", "1.00000000"), ("52001.00000000", "0.00010000")]
NOON = 1_700_000_000_123_456


def ladder(**changed):
    trades = [Trade(NOON, "52000.10000000", "0.01000000", True), Trade(NOON, "52000.2", "0.5", False)]
    return Ladder(
        **{
            "symbol": "BTCUSDT",
            "where": "emulator, JSON",
            "state": "live",
            "bids": BIDS,
            "asks": ASKS,
            "trades": trades,
            "update_id": 77,
            "changes": 9.96,
            "trades_per_second": 120.4,
            "lag": Spread(0.0004, 0.002, 0.0101),
            **changed,
        }
    )


def rates():
    return Rates(
        "testnet, SBE",
        "open",
        [
            StreamRow("btcusdt@depth", 10.0, 9.5, 1000, None, 0.05),
            StreamRow("btcusdt@trade", 250.0, 240.0, 24000, Spread(0.001, 0.002, 0.5), 0.01),
            StreamRow("ethusdt@trade"),
        ],
        gaps=2,
        seconds=100.2,
    )


def test_decimals_stand_below_each_other():
    assert even(["52000.10000000", "51999", "0.050"]) == ["52000.10", "51999.00", "0.05"]
    assert even([]) == []


def test_bars_are_drawn_to_the_larger_side():
    bids, asks = sides(ladder(), 10)
    assert [row.price for row in bids] == ["52000.10", "52000.05", "51999.00"]
    assert [row.quantity for row in asks] == ["1.0000", "0.0001"]
    assert [row.share for row in bids] == [0.125, 0.375, 1.0]
    assert asks[0].share == 0.25
    assert sides(ladder(bids=[], asks=[]), 10) == ([], [])
    assert len(sides(ladder(), 1)[0]) == 1


def test_two_levels_that_are_alike_on_both_sides_stay_two():
    bids, asks = sides(ladder(bids=BIDS[:1], asks=BIDS[:1]), 5)
    assert bids == asks


def test_a_line_for_a_file():
    assert line_of(ladder(), "12:00:00.000") == (
        "12:00:00.000  BTCUSDT  live  bid 52000.1 (0.5)  ask 52000.2 (1)  spread 0.1  update 77  "
        "10.0 changes/s  120 trades/s  0.0 quotes/s  gaps 0  "
        "lag 400 µs, p99 2.00 ms, max 10.1 ms by the exchange's clock"
    )
    empty = line_of(Ladder("BTCUSDT", reason="the first snapshot has not come"), "12:00:00.000")
    assert "BTCUSDT  syncing: the first snapshot has not come" in empty
    assert "no event with a time yet" in empty


@pytest.mark.parametrize("unicode", [True, False])
@pytest.mark.parametrize("columns", [140, 100, 80, 60, 40])
def test_lines_for_a_terminal_without_rich(columns, unicode):
    lines = lines_of(ladder(), columns, 3, unicode)
    assert len(lines) == 1 + 3 + 2
    assert all(width(line) <= columns for line in lines[1:4])
    assert ("sell" in lines[1]) == (columns >= 100)
    assert re.search(r"0\.5000  52000\.10  52000\.20  1\.0000", lines[1])
    assert ("█" in lines[3]) == unicode
    assert lines_of(Ladder("X"), columns, 3, unicode)[0].startswith("X  syncing")


def test_a_book_that_is_not_live_says_why():
    lines = lines_of(ladder(state="stale", reason="updates 5 to 9 are missing"), 80, 3)
    assert lines[0].startswith("BTCUSDT  stale: updates 5 to 9 are missing")


def test_a_table_of_rates_the_busiest_first_and_the_sum_last():
    lines = table_of(rates(), None)
    assert lines[0].split() == [*"stream now/s mean/s events lag p50 lag p99 lag max last".split()]
    assert [line.split()[0] for line in lines[1:]] == [
        "btcusdt@trade",
        "btcusdt@depth",
        "ethusdt@trade",
        "all",
    ]
    assert lines[1].split()[1:4] == ["250", "240", "24,000"]
    assert lines[3].endswith("never")
    assert "1.00 ms" in lines[4]
    assert summary(rates()) == "open  3 streams  260 events/s  25,000 events in 100 s  gaps 2"
    assert all(width(line) <= 60 for line in table_of(rates(), 60))
    assert Rates().total.total == 0


def test_a_lag_below_zero_says_that_a_clock_is_off():
    assert (span(-0.002), span(0.002)) == ("-2.00 ms", "2.00 ms")


def test_rates_are_those_of_the_last_seconds():
    rate = Rate(100.0)
    assert (rate.per_second(100.0), rate.last) == (0.0, None)
    for i in range(50):
        rate.add(100.0 + i / 10)
    assert (rate.total, round(rate.per_second(105.0)), rate.last) == (50, 10, 104.9)
    assert rate.per_second(200.0) == 0.0
    quick = Rate(0.0)
    quick.add(0.01)
    assert quick.per_second(0.02) == 1.0


def test_lags_forget_all_but_the_longest():
    lags = Lags()
    assert lags.spread is None
    lags.add(5_000_000)
    for _ in range(1000):
        lags.add(1000)
    assert lags.spread == Spread(0.001, 0.001, 5.0)


@pytest.fixture
def panels():
    pytest.importorskip("rich")
    from fastws.cli import market_panels

    return market_panels


def printed(panels, columns, renderable):
    stream = io.StringIO()
    console = panels.Console(file=stream, width=columns, height=40, force_terminal=True, color_system=None)
    console.print(renderable)
    return stream.getvalue().splitlines()


@pytest.mark.parametrize(("columns", "lines"), [(120, 40), (100, 24), (80, 24), (60, 15), (40, 10)])
def test_panels_fit_the_terminal(panels, columns, lines):
    many = ladder(
        bids=[(f"{50000 - i}", "1") for i in range(50)], asks=[(f"{50001 + i}", "1") for i in range(50)]
    )
    shown = printed(panels, columns, panels.ladder_panels(many, 50, columns, lines))
    assert len(shown) < lines
    assert all(width(line) <= columns for line in shown)
    assert "BTCUSDT" in shown[0]
    assert ("trades" in shown[0]) == (columns >= 84)
    text = "\n".join(shown)
    assert lines < 15 or text.index("50002") < text.index("50001") < text.index("50000") < text.index("49999")
    assert "update 77" in text


def test_panels_of_a_book_that_is_not_live(panels):
    stale = ladder(state="stale", reason="updates 5 to 9 are missing")
    text = "\n".join(printed(panels, 100, panels.ladder_panels(stale, 5, 100, 40)))
    assert "stale" in text
    assert "updates 5 to 9 are missing" in text
    text = "\n".join(printed(panels, 100, panels.ladder_panels(Ladder("X"), 5, 100, 40)))
    assert "syncing" in text
    assert "none yet" in text


@pytest.mark.parametrize(("columns", "lines"), [(120, 40), (80, 24), (60, 13)])
def test_a_panel_of_rates(panels, columns, lines):
    many = Rates("prod, JSON", "open", [StreamRow(f"s{i:02}usdt@trade", 100.0 - i) for i in range(60)])
    shown = printed(panels, columns, panels.rates_panel(many, columns, lines))
    assert len(shown) <= lines
    assert all(width(line) <= columns for line in shown)
    text = "\n".join(shown)
    assert "s00usdt@trade" in text
    assert "s59usdt@trade" not in text
    assert re.search(r"and \d+ more", text)
    assert ("mean/s" in text) == (columns >= 78)
