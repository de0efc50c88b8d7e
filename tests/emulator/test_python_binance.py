"""python-binance, as it is, against the exchange."""

from __future__ import annotations

import warnings

import pytest

from fastws.emulator import Emulator

from .wire import run

with warnings.catch_warnings():
    # The library imports deprecated parts of others.
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
