"""ccxt's order book, trades and bids and asks on the market data streams: ccxt as it is, but for URLs.

It runs where ccxt is installed; see test_ccxt.py. It takes the snapshot of the book from the REST API, which the
exchange does not have: a stub answers from its method ``depth``.
"""

from __future__ import annotations

import asyncio

import pytest

import fastws
from fastws.emulator import Emulator
from helpers.emulator.books import change_the_book, levels
from helpers.emulator.ccxt_market import MARKET
from helpers.emulator.rest import rest_api
from helpers.emulator.wire import run

ccxt = pytest.importorskip("ccxt.pro", reason="ccxt is not among our packages: it demands an older uvloop")

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def trader(exchange):
    key = exchange.add_account("Ed25519")
    return fastws.connect(exchange.url, api_key=key.api_key, private_key=key.private_key)


def ccxt_client(exchange, rest=""):
    client = ccxt.binance({"enableRateLimit": False})
    # It knows streams of the spot market by "/stream" in the URL, and appends a number, which names no stream.
    client.urls["api"]["ws"]["spot"] = exchange.stream_url.replace("//", "//stream@") + "/ws"
    client.urls["api"]["public"] = f"{rest}/v3"
    client.set_markets([MARKET])
    return client


def test_its_order_book_is_the_exchanges_book():
    async def main():
        async with Emulator() as exchange, trader(exchange) as orders, rest_api(exchange.url) as rest:
            client = ccxt_client(exchange, rest)
            try:
                watched = asyncio.create_task(client.watch_order_book("BTC/USDT", 5000))
                await asyncio.wait({watched}, timeout=0.3)
                for _ in range(3):
                    await change_the_book(orders)
                    book = await orders.depth(symbol="BTCUSDT", limit=5000)
                    shown = await asyncio.wait_for(watched, 10)
                    while shown["nonce"] < book["lastUpdateId"]:
                        shown = await asyncio.wait_for(client.watch_order_book("BTC/USDT", 5000), 10)
                    assert shown["nonce"] == book["lastUpdateId"]
                    for side in ("bids", "asks"):
                        assert levels(shown[side]) == levels(book[side])
                    watched = asyncio.create_task(client.watch_order_book("BTC/USDT", 5000))
                watched.cancel()
            finally:
                await client.close()

    run(main)


def test_it_hears_of_trades_and_of_the_best_prices():
    async def main():
        async with Emulator() as exchange, trader(exchange) as orders:
            client = ccxt_client(exchange)
            try:
                trades = asyncio.create_task(client.watch_trades("BTC/USDT"))
                best = asyncio.create_task(client.watch_bids_asks(["BTC/USDT"]))
                await asyncio.wait({trades, best}, timeout=0.3)
                order = await orders.order_place(
                    symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.001"
                )
                (trade,) = await asyncio.wait_for(trades, 10)
                assert (trade["id"], trade["side"]) == (str(order["fills"][0]["tradeId"]), "buy")
                assert trade["price"] == float(order["fills"][0]["price"])
                shown = (await asyncio.wait_for(best, 10))["BTC/USDT"]
                ticker = await orders.ticker_book(symbol="BTCUSDT")
                assert (shown["bid"], shown["ask"]) == (float(ticker["bidPrice"]), float(ticker["askPrice"]))
            finally:
                await client.close()

    run(main)
