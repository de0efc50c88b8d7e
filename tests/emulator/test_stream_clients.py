"""Unmodified clients by others on the market data streams: python-binance, unicorn's depth cache, binance-sdk-spot.

Only their URLs are changed. python-binance and unicorn take snapshots of books from the REST API, which the exchange
does not have: a stub answers from its method ``depth``. ccxt has a file of its own.
"""

from __future__ import annotations

import asyncio
import time
import warnings
from functools import partial

import pytest

import fastws
from fastws.emulator import Emulator
from helpers.emulator.books import change_the_book, levels, until
from helpers.emulator.rest import rest_api
from helpers.emulator.wire import run

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

TRADE = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.001"}


def trader(exchange):
    key = exchange.add_account("Ed25519")
    return fastws.connect(exchange.url, api_key=key.api_key, private_key=key.private_key)


# --- python-binance


def python_binance():
    with warnings.catch_warnings():
        # The library imports deprecated parts of other libraries.
        warnings.simplefilter("ignore")
        return pytest.importorskip("binance", reason="python-binance is not installed")


def sockets_of(monkeypatch, binance, exchange, client):
    # A socket that is closed waits as long as it would for the next message.
    monkeypatch.setattr("binance.ws.reconnecting_websocket.ReconnectingWebsocket.TIMEOUT", 0.2)
    sockets = binance.BinanceSocketManager(client)
    sockets.STREAM_URL = exchange.stream_url + "/"
    return sockets


def test_python_binances_depth_cache_is_the_exchanges_book(monkeypatch):
    binance = python_binance()

    async def main():
        async with Emulator() as exchange, trader(exchange) as orders, rest_api(exchange.url) as rest:
            client = binance.AsyncClient()
            client.API_URL = rest
            sockets = sockets_of(monkeypatch, binance, exchange, client)
            manager = binance.DepthCacheManager(
                client, "BTCUSDT", bm=sockets, limit=5000, ws_interval=100, conv_type=str
            )
            try:
                async with manager:
                    for _ in range(3):
                        await change_the_book(orders)
                        book = await orders.depth(symbol="BTCUSDT", limit=5000)
                        while manager._last_update_id < book["lastUpdateId"]:
                            cache = await asyncio.wait_for(manager.recv(), 5)
                        assert manager._last_update_id == book["lastUpdateId"]
                        assert (levels(cache.get_bids()), levels(cache.get_asks())) == (
                            levels(book["bids"]),
                            levels(book["asks"]),
                        )
            finally:
                await client.close_connection()

    run(main)


def test_python_binances_sockets_hear_of_a_trade(monkeypatch):
    binance = python_binance()

    async def main():
        async with Emulator() as exchange, trader(exchange) as orders:
            client = binance.AsyncClient()
            sockets = sockets_of(monkeypatch, binance, exchange, client)
            names = ["btcusdt@aggTrade", "btcusdt@bookTicker"]
            try:
                async with (
                    sockets.trade_socket("BTCUSDT") as trades,
                    sockets.kline_socket("BTCUSDT", "1s") as klines,
                    sockets.multiplex_socket(names) as several,
                ):
                    order = await orders.order_place(**TRADE)
                    trade = await asyncio.wait_for(trades.recv(), 5)
                    assert (trade["e"], trade["s"]) == ("trade", "BTCUSDT")
                    assert trade["t"] == order["fills"][0]["tradeId"]
                    assert trade["p"] == order["fills"][0]["price"]
                    assert (await asyncio.wait_for(klines.recv(), 5))["k"]["i"] == "1s"
                    heard = [await asyncio.wait_for(several.recv(), 5) for _ in names]
                    assert sorted(each["stream"] for each in heard) == names
            finally:
                await client.close_connection()

    run(main)


# --- unicorn-binance-local-depth-cache


@pytest.mark.slow  # its manager takes many seconds to begin
def test_unicorns_local_depth_cache_is_the_exchanges_book(monkeypatch):
    unicorn = pytest.importorskip(
        "unicorn_binance_local_depth_cache", reason="unicorn-binance-local-depth-cache is not installed"
    )
    from unicorn_binance_rest_api import BinanceRestApiManager
    from unicorn_binance_websocket_api import connection_settings

    def manager_of(exchange, rest):
        settings = (1024, exchange.stream_url + "/", exchange.url)
        monkeypatch.setitem(connection_settings.CONNECTION_SETTINGS, "binance.com", settings)
        # Its constructor asks for the time already. With a tld, it takes the class's URL.
        monkeypatch.setattr(BinanceRestApiManager, "API_URL", rest)
        client = BinanceRestApiManager(tld="com", warn_on_update=False)
        return unicorn.BinanceLocalDepthCacheManager(
            exchange="binance.com",
            high_performance=True,
            init_interval=0.0,
            ubra_manager=client,
            warn_on_update=False,
        )

    def is_at(manager, book):
        return manager.depth_caches["btcusdt"]["last_update_id"] == book["lastUpdateId"]

    async def main():
        async with Emulator() as exchange, trader(exchange) as orders, rest_api(exchange.url) as rest:
            manager = await asyncio.to_thread(manager_of, exchange, rest)
            try:
                await asyncio.to_thread(manager.create_depthcache, markets="BTCUSDT")
                deadline = time.monotonic() + 20
                while not await asyncio.to_thread(manager.is_depth_cache_synchronized, market="BTCUSDT"):
                    # It begins with an event; without one, it asks for no snapshot.
                    assert time.monotonic() < deadline, "the depth cache is not synchronized"
                    await change_the_book(orders)
                    await asyncio.sleep(0.2)
                for _ in range(3):
                    await change_the_book(orders)
                    book = await orders.depth(symbol="BTCUSDT", limit=5000)
                    await until(partial(is_at, manager, book), "the book is late")
                    for side in ("bids", "asks"):
                        get = getattr(manager, f"get_{side}")
                        shown = await asyncio.to_thread(get, market="BTCUSDT")
                        assert levels(shown) == levels(book[side])
            finally:
                await asyncio.to_thread(manager.stop_manager)

    run(main)


# --- binance-sdk-spot


def test_binances_sdk_hears_of_a_trade_and_of_the_book():
    sdk = pytest.importorskip("binance_sdk_spot.spot", reason="binance-sdk-spot is not installed")

    async def main():
        async with Emulator() as exchange, trader(exchange) as orders:
            options = sdk.ConfigurationWebSocketStreams(stream_url=exchange.stream_url)
            connection = await sdk.Spot(config_ws_streams=options).websocket_streams.create_connection()
            events = asyncio.Queue()
            try:
                for stream in (
                    await connection.trade(symbol="btcusdt"),
                    await connection.book_ticker(symbol="btcusdt"),
                    await connection.diff_book_depth(symbol="btcusdt", update_speed="100ms"),
                    await connection.partial_book_depth(symbol="btcusdt", levels="5", update_speed="100ms"),
                ):
                    stream.on("message", events.put_nowait)
                order = await orders.order_place(**TRADE)
                heard = {}
                while len(heard) < 4:
                    event = await asyncio.wait_for(events.get(), 5)
                    heard[type(event).__name__] = event
                assert heard["TradeResponse"].t == order["fills"][0]["tradeId"]
                assert heard["TradeResponse"].p == order["fills"][0]["price"]
                assert heard["BookTickerResponse"].s == "BTCUSDT"
                assert heard["DiffBookDepthResponse"].a
                assert len(heard["PartialBookDepthResponse"].bids) == 5
            finally:
                await connection.close_connection()

    run(main)
