"""ccxt as it is, against the exchange.

ccxt 4.5.90 is not among our packages, since it requires uvloop 0.22.1. These tests run where it is installed.
"""

from __future__ import annotations

import asyncio

import pytest

from fastws.emulator import Emulator
from helpers.emulator.ccxt_market import MARKET
from helpers.emulator.events import report
from helpers.emulator.wire import run

ccxt = pytest.importorskip("ccxt.pro", reason="ccxt is not among our packages: it demands an older uvloop")

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.mark.parametrize("key_type", ["HMAC", "Ed25519"])
def test_ccxt_trades_and_hears_of_it(key_type):
    """SEMANTICS 56, 64

    Its ``fetch_balance_ws`` (4.5.90) parses no spot balances: ``handle_account_status_ws`` calls
    ``parseBalanceCustom(result)`` without the type, whose branch for spot asks for it. The reply is in "info".
    """

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


# ccxt sends Binance's parameters and its own unified ones; the exchange does not know the latter.
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
