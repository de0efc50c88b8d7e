"""Klines: intervals, time zones, spans."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest

from fastws.emulator import Emulator, ManualClock
from fastws.emulator.methods.market_params import DAY, HOUR, MINUTE, interval, time_zone
from helpers.emulator.quiet_market import FUNDS, QUIET, market, order
from helpers.emulator.wire import run, signed, wire

INTERVALS = "1s 1m 3m 5m 15m 30m 1h 2h 4h 6h 8h 12h 1d 3d 1w 1M".split()


def us(*date):
    return int(datetime(*date, tzinfo=timezone.utc).timestamp()) * 1_000_000


@pytest.mark.parametrize(
    ("name", "zone", "opened", "after"),
    [
        ("1s", "0", us(2024, 2, 29, 13, 47, 31), us(2024, 2, 29, 13, 47, 32)),
        ("3m", "0", us(2024, 2, 29, 13, 45), us(2024, 2, 29, 13, 48)),
        ("1h", "05:45", us(2024, 2, 29, 13, 15), us(2024, 2, 29, 14, 15)),
        ("12h", "8", us(2024, 2, 29, 4), us(2024, 2, 29, 16)),
        ("1d", "0", us(2024, 2, 29), us(2024, 3, 1)),
        ("1d", "-12", us(2024, 2, 29, 12), us(2024, 3, 1, 12)),
        ("1d", "+14:00", us(2024, 2, 29, 10), us(2024, 3, 1, 10)),
        ("1w", "0", us(2024, 2, 26), us(2024, 3, 4)),
        ("1M", "0", us(2024, 2, 1), us(2024, 3, 1)),
        ("1M", "14", us(2024, 2, 29, 10), us(2024, 3, 31, 10)),
    ],
)
def test_where_an_interval_begins(name, zone, opened, after):
    found, offset = interval("interval", name), time_zone("timeZone", zone)
    now_us = us(2024, 2, 29, 13, 47, 31) + 5
    assert found.floor(now_us, offset) == opened == found.floor(opened, offset) == found.ceil(opened, offset)
    assert found.after(opened, offset) == after == found.ceil(now_us, offset)
    assert found.floor(after - 1, offset) == opened


def test_klines_add_up():
    """All intervals of one day have the same totals, which are those of the trades."""

    async def main():
        clock = ManualClock(us(2024, 2, 29, 12))
        day = us(2024, 2, 28) // 1000
        async with Emulator(clock=clock) as exchange, wire(exchange) as client:
            for symbol in ("BTCUSDT", "这是测试币456"):
                ((*whole,),) = await client.result(
                    "klines", symbol=symbol, interval="1d", startTime=day, limit=1
                )
                assert (whole[0], whole[6]) == (day, day + 86_399_999)
                for name in INTERVALS[2:13]:
                    rows = await client.result(
                        "klines", symbol=symbol, interval=name, startTime=day, endTime=day + 86_399_999
                    )
                    assert len(rows) in (DAY // interval("", name).length, 500)
                    if len(rows) < 480:
                        assert rows[0][1] == whole[1]
                        assert rows[-1][4] == whole[4]
                        assert max(float(row[2]) for row in rows) == float(whole[2])
                        assert min(float(row[3]) for row in rows) == float(whole[3])
                        for place in (5, 7, 8, 9, 10):
                            assert sum(float(row[place]) for row in rows) == pytest.approx(
                                float(whole[place])
                            )
            rows = await client.result("klines", symbol="BTCUSDT", interval="1s", limit=1000)
            trades = await client.result("trades.recent", symbol="BTCUSDT", limit=1000)
            total = sum(row[8] for row in rows)
            assert 500 < total <= 1000
            assert sum(float(row[5]) for row in rows) == pytest.approx(
                sum(float(row["qty"]) for row in trades[-total:])
            )

    run(main)


def test_the_rows_of_a_quiet_market():
    async def main():
        clock = ManualClock(us(2024, 2, 29, 12))
        async with Emulator(symbols=[QUIET], clock=clock) as exchange, wire(exchange) as client:
            maker, taker = (exchange.add_account("HMAC", balances=FUNDS) for _ in range(2))
            assert await client.result("klines", symbol="ABCXYZ", interval="1m") == []

            async def place(key, **params):
                now_ms = clock.now_us() // 1000
                await client.result("order.place", signed(key, **{**params, "timestamp": now_ms}))

            await place(maker, **order(side="SELL", price="100", quantity="1"))
            await place(maker, **order(side="SELL", price="103", quantity="1"))
            await place(maker, **order(side="BUY", price="99", quantity="1"))
            await place(taker, **market(quantity="1.5"))
            await place(taker, **market(side="SELL", quantity="0.25"))
            clock.advance(150)
            rows = await client.result("klines", symbol="ABCXYZ", interval="1m")
            start = us(2024, 2, 29, 12) // 1000
            assert rows[0] == [
                start,
                "100.00000000",
                "103.00000000",
                "99.00000000",
                "99.00000000",
                "1.75000000",
                start + 59_999,
                "176.25000000",
                3,
                "1.50000000",
                "151.50000000",
                "0",
            ]
            flat, zero = ["99.00000000"] * 4, "0.00000000"
            assert rows[1:] == [
                [start + n * 60_000, *flat, zero, start + n * 60_000 + 59_999, zero, 0, zero, zero, "0"]
                for n in (1, 2)
            ]
            assert await client.result("uiKlines", symbol="ABCXYZ", interval="1m") == rows

    run(main)


def test_spans_of_klines():
    async def main():
        now_us = us(2024, 2, 29, 12, 30)
        async with Emulator(clock=ManualClock(now_us)) as exchange, wire(exchange) as client:

            async def hours(**params):
                rows = await client.result("klines", symbol="BTCUSDT", interval="1h", **params)
                return [(row[0] * 1000 - now_us + 30 * MINUTE) // HOUR for row in rows]

            now = now_us // 1000
            assert await hours(limit=3) == [-2, -1, 0], "the last ones, with the one that is not over"
            assert await hours(startTime=now - 2 * 3_600_000) == [-1, 0]
            assert await hours(startTime=now - 2 * 3_600_000 - 30 * 60_000, limit=1) == [-2]
            assert await hours(endTime=now - 2 * 3_600_000, limit=2) == [-3, -2]
            assert await hours(startTime=now_us - 9 * HOUR, endTime=now_us - 7 * HOUR) == [-8, -7]
            assert await hours(startTime=now, endTime=now - 1) == []
            assert await hours(startTime=now + 3_600_000) == []
            assert await client.result("klines", symbol="BTCUSDT", interval="1M", startTime=2**63 - 1) == []
            assert len(await client.result("klines", symbol="BTCUSDT", interval="1M", endTime=2**63 - 1)) == 1
            first = await hours(startTime=0, limit=1)
            assert first == [-8 * 24]
            assert len(await hours(limit=5000)) == 8 * 24 + 1
            for name in INTERVALS:
                rows = await client.result("klines", symbol="BTCUSDT", interval=name)
                assert rows[0][8] > 0 or name == "1s"
                assert len(rows[0]) == 12
                assert rows[-1][6] >= now - 1000

    run(main)


def test_times_of_klines_follow_the_time_unit():
    """SEMANTICS 25"""

    async def main():
        async with Emulator() as exchange, wire(exchange, "?timeUnit=MICROSECOND") as client:
            (row,) = await client.result("klines", symbol="BTCUSDT", interval="1h", limit=1)
            assert row[0] % HOUR == 0
            assert row[6] == row[0] + HOUR - 1

    run(main)


@pytest.mark.parametrize("method", ["klines", "uiKlines"])
def test_the_weight_and_the_refusals_of(method):
    """SEMANTICS 45, 97"""
    needed = {"symbol": "BTCUSDT", "interval": "1m"}

    async def main():
        async with Emulator() as exchange, wire(exchange) as client:
            one, two = [(await client.call(method, needed))["rateLimits"][0]["count"] for _ in range(2)]
            assert two - one == 2
            for zone in ("0", "8", "-12:00", "14:00", "+14", "05:45", 4):
                await client.result(method, {**needed, "timeZone": zone})
            for params, code in (
                ({"symbol": "BTCUSDT"}, -1102),
                ({"interval": "1m"}, -1102),
                ({**needed, "interval": ""}, -1105),
                ({**needed, "interval": "1H"}, -1120),
                ({**needed, "interval": "60m"}, -1120),
                ({**needed, "symbol": "btcusdt"}, -1121),
                ({**needed, "limit": 0}, -1130),
                ({**needed, "startTime": "yesterday"}, -1100),
                ({**needed, "endTime": -1}, -1100),
                ({**needed, "timeZone": ""}, -1105),
                *(({**needed, "timeZone": z}, -1130) for z in ("-12:01", "14:01", "15", "x", "1:5", "1:60")),
            ):
                assert (await client.error(method, params))[:2] == (400, code), params

    run(main)
