"""Clients that others wrote, as they are, against the exchange: binance-sdk-spot, unicorn, ccxt.

python-binance has a file of its own. What a client cannot do by its own fault is said where it is. ccxt 4.5.90 is not
among our packages, since it demands uvloop 0.22.1; where it is installed, its test runs.
"""

from __future__ import annotations

import asyncio
import queue

import pytest

from fastws.emulator import Emulator, EmulatorThread
from fastws.emulator.values.symbols import ORDER_TYPES
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
                    # The type of its model stands for the "e" of the message.
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

    # It waits for ever for a reply that is there before it has begun to wait.
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


# --- ccxt

MARKET = {
    "id": "BTCUSDT",
    "lowercaseId": "btcusdt",
    "symbol": "BTC/USDT",
    "base": "BTC",
    "quote": "USDT",
    "baseId": "BTC",
    "quoteId": "USDT",
    "type": "spot",
    "spot": True,
    "margin": False,
    "swap": False,
    "future": False,
    "option": False,
    "contract": False,
    "active": True,
    "linear": None,
    "inverse": None,
    "precision": {"amount": 0.00001, "price": 0.01},
    "limits": {},
    "info": {"orderTypes": list(ORDER_TYPES)},
}


@pytest.mark.parametrize("key_type", ["HMAC", "Ed25519"])
def test_ccxt_trades_and_hears_of_it(key_type):
    """SEMANTICS 56, 64

    Its ``fetch_balance_ws`` (4.5.90) parses no spot balances: ``handle_account_status_ws`` calls
    ``parseBalanceCustom(result)`` without the type, whose branch for spot asks for it. The reply is in "info".
    """
    ccxt = pytest.importorskip("ccxt.pro", reason="ccxt is not installed")

    async def main():
        async with Emulator() as exchange:
            key = exchange.add_account(key_type, balances={"USDT": "1000", "BTC": "1"})
            secret = key.secret or key.private_key.decode()
            client = ccxt.binance({"apiKey": key.api_key, "secret": secret, "enableRateLimit": False})
            client.urls["api"]["ws"]["ws-api"]["spot"] = exchange.url
            client.set_markets([MARKET])
            try:
                placed = await client.create_order_ws("BTC/USDT", "limit", "buy", 0.01, 52000)
                number = placed["id"]
                assert (await client.fetch_order_ws(number, "BTC/USDT"))["status"] == "open"
                (order,) = await client.fetch_open_orders_ws("BTC/USDT")
                assert order["id"] == number
                rows = (await client.fetch_balance_ws())["info"]["balances"]
                assert {row["asset"]: row["locked"] for row in rows}["USDT"] == "520.00000000"

                orders = asyncio.ensure_future(client.watch_orders("BTC/USDT"))
                balance = asyncio.ensure_future(client.watch_balance())
                method = "userDataStream.subscribe.signature"
                await exchange.journal.wait_for(method=method, reply_sent=True)
                # The reply is there when the client's own request is answered behind it.
                await client.fetch_order_ws(number, "BTC/USDT")
                report(exchange, key.account, int(number))
                assert (await orders)[-1]["id"] == number
                assert (await balance)["BTC"]["total"] == 1.5
                canceled = await client.cancel_order_ws(number, "BTC/USDT")
                assert canceled["status"] == "canceled"
            finally:
                await client.close()

    run(main)


# What ccxt makes of its unified parameters is known to the exchange; that it sends them along as well is not.
@pytest.mark.parametrize(
    ("type_", "unified", "given"),
    [
        ("limit", {"postOnly": True}, ("limit_maker", {})),
        ("limit", {"stopLossPrice": 53000}, ("stop_loss_limit", {"stopPrice": 53000})),
        ("market", {"takeProfitPrice": 73000}, ("take_profit", {"stopPrice": 73000})),
        ("limit", {"triggerPrice": 53000}, ("limit", {"stopPrice": 53000})),
        ("market", {"cost": 100}, ("market", {"quoteOrderQty": 100})),
        ("limit", {"clientOrderId": "mine"}, ("limit", {"newClientOrderId": "mine"})),
        ("limit", {"icebergAmount": 0.001}, ("limit", {"icebergQty": 0.001})),
        (
            "limit",
            {"trailingPercent": 1, "stopLossOrTakeProfit": "stopLoss"},
            ("stop_loss_limit", {"trailingDelta": 100}),
        ),
        (
            "limit",
            {"selfTradePrevention": "EXPIRE_BOTH"},
            ("limit", {"selfTradePreventionMode": "EXPIRE_BOTH"}),
        ),
    ],
)
def test_ccxts_unified_parameters_are_refused_and_binances_own_are_taken(type_, unified, given):
    ccxt = pytest.importorskip("ccxt.pro", reason="ccxt is not installed")

    async def main():
        async with Emulator() as exchange:
            key = exchange.add_account("HMAC")
            client = ccxt.binance({"apiKey": key.api_key, "secret": key.secret, "enableRateLimit": False})
            client.urls["api"]["ws"]["ws-api"]["spot"] = exchange.url
            client.set_markets([MARKET])
            side = "sell" if {"stopPrice", "trailingDelta"} & given[1].keys() else "buy"
            try:
                for kind, params in ((type_, unified), given):
                    price = None if kind in ("market", "take_profit") else 52000
                    placing = client.create_order_ws("BTC/USDT", kind, side, 0.01, price, params)
                    if params is unified:
                        with pytest.raises(ccxt.BadRequest, match="-1104"):
                            await placing
                    else:
                        assert (await placing)["id"]
                assert [record.executed for record in exchange.journal] == [False, True]
            finally:
                await client.close()

    run(main)
