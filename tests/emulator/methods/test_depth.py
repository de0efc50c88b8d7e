from __future__ import annotations

import pytest

from fastws.emulator import Emulator
from fastws.emulator.methods.depth import depth_weight
from helpers.emulator.quiet_market import FUNDS, market, order, quiet
from helpers.emulator.wire import logged_on, run, wire


@pytest.mark.parametrize(
    ("limit", "weight"),
    [(1, 5), (100, 5), (101, 25), (500, 25), (501, 50), (1000, 50), (1001, 250), (9999, 250)],
)
def test_the_weight_of_depth(limit, weight):
    """SEMANTICS 97"""
    assert depth_weight({"limit": limit}) == weight
    assert depth_weight({}) == 5


def test_depth_is_sorted_and_never_crossed():
    async def main():
        async with Emulator() as exchange, wire(exchange) as client:
            for name in ("BTCUSDT", "ETHUSDT", "BNBBTC", "这是测试币456"):
                book = await client.result("depth", symbol=name)
                assert list(book) == ["lastUpdateId", "bids", "asks"]
                bids, asks = ([float(price) for price, _ in book[side]] for side in ("bids", "asks"))
                assert len(bids) == len(asks) == 20
                assert bids == sorted(bids, reverse=True)
                assert asks == sorted(asks)
                assert bids[0] < asks[0]
                assert len((await client.result("depth", symbol=name, limit=3))["asks"]) == 3

    run(main)


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({}, -1102),
        ({"symbol": ""}, -1105),
        ({"symbol": "btcusdt"}, -1121),
        ({"symbol": "BTCUSDT", "limit": 0}, -1130),
        ({"symbol": "BTCUSDT", "limit": -1}, -1100),
        ({"symbol": "BTCUSDT", "limit": "x"}, -1100),
        ({"symbol": "BTCUSDT", "symbolStatus": "HALT"}, -1220),
        ({"symbol": "BTCUSDT", "symbolStatus": "ASLEEP"}, -1122),
    ],
)
def test_what_depth_refuses(params, code):
    """SEMANTICS 45, 88"""

    async def main():
        async with Emulator() as exchange, wire(exchange) as client:
            assert (await client.error("depth", params))[:2] == (400, code)

    run(main)


def test_every_change_of_a_book_moves_its_update_id():
    async def main():
        async with quiet() as exchange, logged_on(exchange, balances=FUNDS) as client:
            ids = []
            for side in ("SELL", "BUY"):
                await client.result("order.place", order(side=side))
                ids.append((await client.result("depth", symbol="ABCXYZ"))["lastUpdateId"])
            assert ids == sorted(set(ids))

    run(main)


def test_tickers_of_one_of_several_and_of_all():
    """SEMANTICS 88, 97"""

    async def main():
        async with Emulator() as exchange, wire(exchange) as client:
            for method, fields in (
                ("ticker.price", ["symbol", "price"]),
                ("ticker.book", ["symbol", "bidPrice", "bidQty", "askPrice", "askQty"]),
            ):
                one = await client.result(method, symbol="BTCUSDT")
                assert list(one) == fields
                several = await client.result(method, symbols=["BNBBTC", "这是测试币456"])
                assert [row["symbol"] for row in several] == ["BNBBTC", "这是测试币456"]
                assert len(await client.result(method)) == 4
                assert await client.result(method, symbols=["BTCUSDT"]) == [one]
                assert await client.result(method, symbolStatus="HALT") == []
                assert (await client.error(method, symbol="BTCUSDT", symbolStatus="HALT"))[1] == -1220
                assert (await client.error(method, symbol="BTCUSDT", symbols=["BTCUSDT"]))[1] == -1128
                assert (await client.error(method, symbols=["BTCUSDT", "NOPE"]))[1] == -1121
                assert (await client.error(method, symbols='["BTCUSDT"]'))[1] == -1135
            counts = [
                (await client.call("ticker.price", **params))["rateLimits"][0]["count"]
                for params in ({}, {"symbol": "BTCUSDT"}, {"symbols": ["BTCUSDT"]})
            ]
            assert [counts[1] - counts[0], counts[2] - counts[1]] == [2, 4]

    run(main)


def test_the_price_is_that_of_the_last_trade():
    async def main():
        async with quiet() as exchange, logged_on(exchange, balances=FUNDS) as client:
            assert (await client.result("ticker.price", symbol="ABCXYZ"))["price"] == "100.00000000"
            empty = await client.result("ticker.book", symbol="ABCXYZ")
            assert (empty["bidPrice"], empty["askQty"]) == ("0.00000000", "0.00000000")
            await client.result("order.place", order(side="SELL", price="101.50"))
            await client.result("order.place", market(quantity="0.5"))
            assert (await client.result("ticker.price", symbol="ABCXYZ"))["price"] == "101.50000000"

    run(main)


def test_recent_trades():
    async def main():
        async with quiet() as exchange, logged_on(exchange, balances=FUNDS) as client:
            assert await client.result("trades.recent", symbol="ABCXYZ") == []
            await client.result("order.place", order(side="SELL"))
            await client.result("order.place", market(quantity="0.25"))
            await client.result("order.place", market(quantity="0.75"))
            rows = await client.result("trades.recent", symbol="ABCXYZ")
            assert [row["id"] for row in rows] == [1, 2]
            time = rows[0].pop("time")
            assert isinstance(time, int)
            assert rows[0] == {
                "id": 1,
                "price": "100.00000000",
                "qty": "0.25000000",
                "quoteQty": "25.00000000",
                "isBuyerMaker": False,
                "isBestMatch": True,
            }
            assert [row["id"] for row in await client.result("trades.recent", symbol="ABCXYZ", limit=1)] == [
                2
            ]

    run(main)
