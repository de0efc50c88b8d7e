"""Unmodified python-binance, against the exchange."""

from __future__ import annotations

import warnings

import pytest

from fastws.emulator import Emulator
from helpers.emulator.events import report, until
from helpers.emulator.wire import run

with warnings.catch_warnings():
    # The library imports deprecated parts of other libraries.
    warnings.simplefilter("ignore")
    binance = pytest.importorskip("binance", reason="python-binance is not installed")

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


async def connected(exchange, key):
    """python-binance's client, pointed to the exchange."""
    if key.secret is None:
        client = binance.AsyncClient(key.api_key, private_key=key.private_key.decode())
    else:
        client = binance.AsyncClient(key.api_key, key.secret)
    client.ws_api._url = exchange.url
    client.ws_api.TIMEOUT = 0.2
    return client


@pytest.mark.parametrize("key_type", ["HMAC", "RSA", "Ed25519"])
def test_it_places_queries_and_cancels_an_order(key_type):
    async def main():
        async with Emulator() as exchange:
            client = await connected(exchange, exchange.add_account(key_type))
            try:
                order = await client.ws_order_limit_buy(symbol="BTCUSDT", quantity="0.01", price="52000.00")
                assert order["status"] == "NEW"
                shown = await client.ws_get_order(symbol="BTCUSDT", orderId=order["orderId"])
                assert shown["clientOrderId"] == order["clientOrderId"]
                assert len(await client.ws_get_open_orders(symbol="BTCUSDT")) == 1
                canceled = await client.ws_cancel_order(symbol="BTCUSDT", orderId=order["orderId"])
                assert canceled["status"] == "CANCELED"
                assert (await client.ws_get_account())["accountType"] == "SPOT"
            finally:
                await client.close_connection()
            (record,) = exchange.journal.find(method="order.cancel")
            assert record.executed

    run(main)


@pytest.mark.parametrize("key_type", ["HMAC", "RSA", "Ed25519"])
def test_its_socket_manager_hears_of_an_order(key_type):
    """SEMANTICS 56, 60, 64"""

    async def main():
        async with Emulator() as exchange:
            key = exchange.add_account(key_type)
            client = await connected(exchange, key)
            try:
                async with binance.BinanceSocketManager(client).user_socket() as stream:
                    order = await client.ws_order_limit_buy(
                        symbol="BTCUSDT", quantity="0.01", price="52000.00"
                    )
                    report(exchange, key.account, order["orderId"])
                    heard = await until(stream.recv, "executionReport")
                    assert heard["i"] == order["orderId"]
                    assert (await until(stream.recv, "outboundAccountPosition"))["B"]
            finally:
                await client.close_connection()
            assert [record.method for record in exchange.journal] == [
                "userDataStream.subscribe.signature",
                "order.place",
                "userDataStream.unsubscribe",
            ]

    run(main)


def test_it_trades_and_reads_the_market():
    async def main():
        async with Emulator() as exchange:
            client = await connected(exchange, exchange.add_account("HMAC"))
            try:
                filled = await client.ws_create_order(
                    symbol="ETHUSDT", side="BUY", type="MARKET", quantity="0.5"
                )
                assert filled["status"] == "FILLED"
                assert (await client.ws_get_order_book(symbol="ETHUSDT"))["bids"]
                assert (await client.ws_get_symbol_ticker(symbol="ETHUSDT"))["price"] == filled["fills"][-1][
                    "price"
                ]
                with pytest.raises(binance.exceptions.BinanceAPIException) as caught:
                    await client.ws_create_order(symbol="NOPE", side="BUY", type="MARKET", quantity="1")
                assert caught.value.code == -1121
            finally:
                await client.close_connection()

    run(main)


def test_it_reads_a_market_that_lives():
    async def main():
        async with Emulator(market="live") as exchange:
            client = await connected(exchange, exchange.add_account("HMAC"))
            client.ws_api.TIMEOUT = 2
            symbol = {"symbol": "BTCUSDT"}
            try:
                await client.ws_ping()
                assert (
                    abs((await client.ws_get_time())["serverTime"] - exchange.core.clock.now_us() // 1000)
                    < 2000
                )
                assert len((await client.ws_get_exchange_info())["symbols"]) == 5
                assert len(await client.ws_get_recent_trades(**symbol, limit=7)) == 7
                assert (await client.ws_get_historical_trades(**symbol, fromId=0))[0]["id"] == 0
                assert (await client.ws_get_aggregate_trades(**symbol, fromId=5))[0]["a"] == 5
                for klines in (client.ws_get_klines, client.ws_get_uiKlines):
                    assert len(await klines(**symbol, interval="1h", limit=24)) == 24
                assert (await client.ws_get_avg_price(**symbol))["mins"] == 5
                assert (await client.ws_get_ticker(**symbol))["count"] > 5000
                assert (await client.ws_get_trading_day_ticker(**symbol))["count"] > 0
                window = await client.ws_get_symbol_ticker_window(**symbol, windowSize="2h")
                assert float(window["volume"]) > 0
                book = await client.ws_get_orderbook_ticker(**symbol)
                assert float(book["bidPrice"]) < float(book["askPrice"])
                await client.ws_order_market_buy(**symbol, quantity="0.01")
                assert float((await client.ws_get_my_trades(**symbol))[0]["qty"]) > 0
                assert (await client.ws_get_all_orders(**symbol))[0]["status"] == "FILLED"
                assert (await client.ws_get_account_rate_limits_orders())[0]["rateLimitType"] == "ORDERS"
            finally:
                await client.close_connection()

    run(main)
