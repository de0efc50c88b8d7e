"""A market with only the test's own orders, and the fields of replies."""

from __future__ import annotations

from fastws.emulator import Emulator, spot_symbol

from .wire import limit_order, now_ms

ACK = ["symbol", "orderId", "orderListId", "clientOrderId", "transactTime"]
STATE = [
    "price",
    "origQty",
    "executedQty",
    "origQuoteOrderQty",
    "cummulativeQuoteQty",
    "status",
    "timeInForce",
    "type",
    "side",
]
RESULT = [*ACK, *STATE, "workingTime", "selfTradePreventionMode"]
FULL = [*ACK, *STATE, "workingTime", "fills", "selfTradePreventionMode"]
CANCELED = [
    "symbol",
    "origClientOrderId",
    "orderId",
    "orderListId",
    "clientOrderId",
    "transactTime",
    *STATE,
    "selfTradePreventionMode",
]

# A market with only the test's own orders.
QUIET = spot_symbol(
    "ABCXYZ",
    base="ABC",
    quote="XYZ",
    reference_price="100",
    tick_size="0.01",
    step_size="0.001",
    min_notional="5",
    max_num_orders=5,
    max_num_amends=2,
    liquidity=False,
)
# Two symbols that are one SOR configuration, with the liquidity provider on both.
SOR = [
    spot_symbol(
        f"ABC{quote}",
        base="ABC",
        quote=quote,
        reference_price=price,
        tick_size="0.01",
        step_size="0.001",
        min_notional="5",
        sor=True,
    )
    for quote, price in (("USDT", "100"), ("USDC", "99"))
]
FUNDS = {"ABC": "1000", "XYZ": "100000"}


def quiet():
    return Emulator(symbols=[QUIET])


def order(**params):
    return {**limit_order(symbol="ABCXYZ", price="100.00", quantity="1"), **params}


def without(params, *names):
    return {name: value for name, value in params.items() if name not in names}


def market(**params):
    return {**without(order(), "price", "quantity", "timeInForce"), "type": "MARKET", **params}


def reference(**params):
    return {"symbol": "ABCXYZ", "timestamp": now_ms(), **params}


async def balances(client):
    rows = (await client.result("account.status", timestamp=now_ms()))["balances"]
    return {row["asset"]: (row["free"], row["locked"]) for row in rows}
