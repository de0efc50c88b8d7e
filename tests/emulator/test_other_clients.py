"""Unmodified clients by others, against the exchange: binance-sdk-spot and unicorn-binance-websocket-api.

python-binance and ccxt have their own files. Comments name what a client cannot do because of its own bugs.
"""

from __future__ import annotations

import asyncio
import queue

import pytest

from fastws.emulator import Emulator, EmulatorThread
from helpers.emulator.events import report, until
from helpers.emulator.wire import run

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

# --- binance-sdk-spot


def sdk_spot():
    return pytest.importorskip("binance_sdk_spot.spot", reason="binance-sdk-spot is not installed")


async def sdk_session(sdk, exchange, key):
    """A connection of Binance's own SDK, and a function that closes it."""
    options = sdk.ConfigurationWebSocketAPI(
        api_key=key.api_key,
        api_secret=key.secret,
        private_key=key.private_key and key.private_key.decode(),
        stream_url=exchange.url,
        timeout=2000,
    )
    return await sdk.Spot(config_ws_api=options).websocket_api.create_connection()


@pytest.mark.parametrize("key_type", ["HMAC", "RSA", "Ed25519"])
def test_binances_sdk_logs_on_trades_and_hears_of_it(key_type):
    """SEMANTICS 55, 56, 64"""
    sdk = sdk_spot()

    async def main():
        async with Emulator() as exchange:
            key = exchange.add_account(key_type, balances={"USDT": "1000", "BTC": "1"})
            client = await sdk_session(sdk, exchange, key)
            try:
                if key_type == "Ed25519":
                    logon = (await client.session_logon()).data().result
                    assert logon.api_key == key.api_key
                    subscribed = await client.user_data_stream_subscribe()
                else:
                    subscribed = await client.user_data_stream_subscribe_signature()
                events = asyncio.Queue()
                subscribed.stream.on("message", events.put_nowait)

                async def event():
                    # The type of its model replaces the message's "e".
                    instance = (await events.get()).actual_instance
                    name = type(instance).__name__
                    return {"e": name[0].lower() + name[1:], **vars(instance)}

                order = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "time_in_force": "GTC"}
                placed = (await client.order_place(**order, price=52000.0, quantity=0.01)).data().result
                assert placed.status == "NEW"
                report(exchange, key.account, placed.order_id)
                assert (await until(event, "executionReport"))["i"] == placed.order_id
                assert (await until(event, "outboundAccountPosition"))["B"]
                reference = {"symbol": "BTCUSDT", "order_id": placed.order_id}
                assert (await client.order_status(**reference)).data().result.status == "NEW"
                balances = (await client.account_status()).data().result.balances
                assert {row.asset: row.locked for row in balances}["USDT"] == "520.00000000"
                assert (await client.order_cancel(**reference)).data().result.status == "CANCELED"
            finally:
                await client.close_connection()
            assert all(record.status == 200 for record in exchange.journal)

    run(main)


# --- unicorn-binance-websocket-api


def test_unicorn_trades_and_hears_of_it(monkeypatch):
    """SEMANTICS 56, 64"""
    unicorn = pytest.importorskip("unicorn_binance_websocket_api", reason="unicorn is not installed")
    from unicorn_binance_websocket_api import connection_settings

    # It waits for ever if a reply arrives before it begins to wait.
    with EmulatorThread(reply_delay=0.05) as exchange:
        key = exchange.add_account("HMAC", balances={"USDT": "1000", "BTC": "1"})
        keys = {"api_key": key.api_key, "api_secret": key.secret}
        settings = (1024, "ws://127.0.0.1:1/", exchange.url)
        monkeypatch.setitem(connection_settings.CONNECTION_SETTINGS, "binance.com", settings)
        options = {"output_default": "dict", "warn_on_update": False}
        manager = unicorn.BinanceWebSocketApiManager(exchange="binance.com", **options)
        try:
            stream = manager.create_stream(api=True, **keys)
            ask = {"stream_id": stream, "return_response": True}
            order = {"symbol": "BTCUSDT", "side": "BUY", "order_type": "LIMIT", "time_in_force": "GTC"}
            _, reply = manager.api.spot.create_order(**order, price=52000.0, quantity=0.01, **ask)
            reference = {"symbol": "BTCUSDT", "order_id": reply["result"]["orderId"]}
            shown = manager.api.spot.get_order(**reference, **ask)
            assert shown["result"]["status"] == "NEW"
            rows = manager.api.spot.get_account_status(**ask)["result"]["balances"]
            assert {row["asset"]: row["locked"] for row in rows}["USDT"] == "520.00000000"

            messages = queue.Queue()
            heard = {"process_stream_data": lambda data, **_: messages.put(data)}
            manager.create_stream(channels="arr", markets="!userData", **keys, **heard)
            method = "userDataStream.subscribe.signature"
            exchange.journal.wait_for(method=method, reply_sent=True)
            exchange.call(lambda e: report(e, key.account, reference["order_id"]))
            kinds = set()
            while not kinds >= {"executionReport", "outboundAccountPosition"}:
                kinds.add(messages.get(timeout=3).get("event", {}).get("e"))
            canceled = manager.api.spot.cancel_order(**reference, **ask)
            assert (canceled[1] if isinstance(canceled, tuple) else canceled)["result"][
                "status"
            ] == "CANCELED"
        finally:
            manager.stop_manager()
