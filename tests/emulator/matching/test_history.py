"""Random trades of the past, and the tape that stores them."""

from __future__ import annotations

import itertools
import random
import time

import pytest

from fastws.emulator.matching import history
from fastws.emulator.matching.tape import PastTrades, Tape
from fastws.emulator.values.default_symbols import DEFAULT_SYMBOLS

OPENED = 1_700_000_000_000_000
DAY = 86_400_000_000


@pytest.mark.parametrize("symbol", DEFAULT_SYMBOLS, ids=lambda symbol: symbol.name)
def test_a_week_of_trades(symbol):
    rows = history.trades_before(symbol, 1, OPENED)
    assert len(rows) == history.count_before()
    assert rows == history.trades_before(symbol, 1, OPENED)
    assert rows != history.trades_before(symbol, 2, OPENED)
    times = [row[2] for row in rows]
    assert times == sorted(times)
    assert times[0] >= OPENED - history.DAYS * DAY
    assert times[-1] < OPENED
    assert rows[-1][0] == symbol.reference_price
    assert all(abs(row[0] / symbol.reference_price - 1) < 0.3 for row in rows)
    assert len({row[0] for row in rows}) > 100
    makers = sum(row[3] for row in rows)
    assert 0.45 < makers / len(rows) < 0.55
    worth = [row[0] * row[1] // 10**8 for row in rows]
    assert min(worth) >= symbol.min_notional
    assert max(row[1] for row in rows) <= symbol.max_qty


@pytest.mark.alone
@pytest.mark.parametrize("seconds", [0, 1, 10, 3_600, 86_400, 40 * 86_400])
def test_what_a_jump_leaves_out_costs_little(seconds):
    symbol = DEFAULT_SYMBOLS[0]
    end = OPENED + seconds * 1_000_000
    before = time.perf_counter()
    rows = list(history.trades_between(symbol, random.Random(1), symbol.reference_price, OPENED, end))
    assert time.perf_counter() - before < 0.5
    assert len(rows) <= 20_000
    assert (len(rows) > 0) == (seconds > 1)
    times = [row[2] for row in rows]
    assert times == sorted(times)
    assert all(OPENED <= at < end for at in times)


def test_block_trades():
    rows = history.block_trades(DEFAULT_SYMBOLS[0], 1, OPENED)
    assert [row.id for row in rows] == list(range(24))
    assert all(one.time < two.time < OPENED for one, two in itertools.pairwise(rows))


def test_nothing_is_made_up_before_somebody_asks():
    calls = []

    def make():
        calls.append(1)
        return [(100, 5, 1_000, True), (200, 5, 2_000, False)]

    tape = Tape(PastTrades(2, make))
    assert (len(tape), calls) == (2, [])
    tape.extend(2, [(300, 1, 1_500, False)])
    assert calls == [1]
    assert (len(tape.read()), calls) == (3, [1])
    assert list(tape.times) == [1_000, 2_000, 2_000], "never back in time"
    assert list(tape.ids) == [0, 1, 2]
    assert len(Tape()) == 0
    assert Tape().blocks == []


def test_sums_of_spans_agree_with_those_of_their_parts():
    rng = random.Random(3)
    times = sorted(rng.randrange(10 * 60_000_000) for _ in range(500))
    rows = [(rng.randint(90, 110), rng.randint(1, 9) * 10**8, at, rng.random() < 0.5) for at in times]
    tape = Tape()
    for n in range(0, 500, 50):
        tape.extend(n, rows[n : n + 50])
        start, end = sorted(rng.randrange(10 * 60_000_000) for _ in range(2))
        found = tape.sum_times(start, end)
        inside = [row for row in rows[: n + 50] if start <= row[2] < end]
        if not inside:
            assert found is None
            continue
        assert found.count == len(inside)
        assert (found.open, found.close) == (inside[0][0], inside[-1][0])
        assert (found.high, found.low) == (max(r[0] for r in inside), min(r[0] for r in inside))
        assert found.base == sum(row[1] for row in inside)
        assert found.quote == sum(row[0] * row[1] // 10**8 for row in inside)
        assert found.taker_base == sum(row[1] for row in inside if not row[3])
        assert found.taker_quote == sum(row[0] * row[1] // 10**8 for row in inside if not row[3])
