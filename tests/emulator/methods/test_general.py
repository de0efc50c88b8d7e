from __future__ import annotations

import pytest

from fastws.emulator import Emulator
from helpers.emulator.wire import now_ms, run, wire

SYMBOL = [
    "symbol",
    "status",
    "baseAsset",
    "baseAssetPrecision",
    "quoteAsset",
    "quotePrecision",
    "quoteAssetPrecision",
    "baseCommissionPrecision",
    "quoteCommissionPrecision",
    "orderTypes",
    "icebergAllowed",
    "ocoAllowed",
    "otoAllowed",
    "opoAllowed",
    "quoteOrderQtyMarketAllowed",
    "allowTrailingStop",
    "cancelReplaceAllowed",
    "amendAllowed",
    "pegInstructionsAllowed",
    "isSpotTradingAllowed",
    "isMarginTradingAllowed",
    "filters",
    "permissions",
    "permissionSets",
    "defaultSelfTradePreventionMode",
    "allowedSelfTradePreventionModes",
]


def test_ping_and_time():
    async def main():
        async with Emulator() as exchange, wire(exchange) as client:
            assert await client.result("ping") == {}
            server_time = await client.result("time")
            assert list(server_time) == ["serverTime"]
            assert abs(server_time["serverTime"] - now_ms()) < 5000

    run(main)


def test_the_shape_of_exchange_info():
    """SEMANTICS 20, 89"""

    async def main():
        async with Emulator() as exchange, wire(exchange) as client:
            info = await client.result("exchangeInfo")
            assert list(info) == ["timezone", "serverTime", "rateLimits", "exchangeFilters", "symbols"]
            assert [
                (r["rateLimitType"], r["interval"], r["intervalNum"], r["limit"]) for r in info["rateLimits"]
            ] == [
                ("REQUEST_WEIGHT", "MINUTE", 1, 6000),
                ("ORDERS", "SECOND", 10, 50),
                ("ORDERS", "DAY", 1, 160000),
                ("RAW_REQUESTS", "MINUTE", 5, 300000),
                ("CONNECTIONS", "MINUTE", 5, 300),
            ]
            assert [row["symbol"] for row in info["symbols"]] == [
                "BTCUSDT",
                "ETHUSDT",
                "BNBBTC",
                "这是测试币456",
                "BNBETH",
            ]
            assert all(list(row) == SYMBOL for row in info["symbols"])

    run(main)


def test_exchange_info_of_some_symbols():
    """SEMANTICS 88"""

    async def main():
        async with Emulator() as exchange, wire(exchange) as client:

            async def names(**params):
                return [row["symbol"] for row in (await client.result("exchangeInfo", params))["symbols"]]

            assert await names(symbol="BNBBTC") == ["BNBBTC"]
            assert await names(symbols=["这是测试币456", "BTCUSDT"]) == ["这是测试币456", "BTCUSDT"]
            assert len(await names(permissions="SPOT")) == 5
            assert len(await names(permissions=["MARGIN", "SPOT"])) == 5
            assert await names(permissions=["MARGIN"]) == []
            assert await names(permissions="TRD_GRP_004") == []
            assert len(await names(permissions=["SPOT"], symbolStatus="TRADING")) == 4
            assert len(await names()) == 5
            assert len(await names(symbolStatus="TRADING")) == 4
            assert await names(symbolStatus="HALT") == []
            bare = await client.result("exchangeInfo", symbol="BNBBTC", showPermissionSets=False)
            assert bare["symbols"][0]["permissionSets"] == []

    run(main)


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"symbol": "BNBBTC", "symbols": ["BNBBTC"]}, -1128),
        ({"symbol": "BNBBTC", "permissions": "SPOT"}, -1128),
        ({"symbols": ["BNBBTC"], "symbolStatus": "TRADING"}, -1128),
        ({"symbol": "NOPE"}, -1121),
        ({"symbols": ["BNBBTC", "BNBBTC"]}, -1151),
        ({"symbols": "BNBBTC"}, -1135),
        ({"symbolStatus": "SLEEPING"}, -1122),
        ({"symbol": "BNBBTC", "symbolStatus": "TRADING"}, -1128),
        ({"symbols": ["BNBBTC"], "permissions": ["SPOT"]}, -1128),
        ({"permissions": "FUTURES"}, -1130),
        ({"permissions": ["SPOT", "FUTURES"]}, -1130),
        ({"permissions": []}, -1105),
        ({"permissions": ""}, -1105),
        ({"symbols": []}, -1105),
        ({"symbols": [""]}, -1105),
        ({"symbols": [1]}, -1135),
        ({"symbol": ""}, -1105),
        ({"showPermissionSets": "yes"}, -1100),
        ({"symbolStatus": ""}, -1105),
        ({"limit": 1}, -1104),
    ],
)
def test_what_exchange_info_refuses(params, code):
    """SEMANTICS 88"""

    async def main():
        async with Emulator() as exchange, wire(exchange) as client:
            assert (await client.error("exchangeInfo", params))[:2] == (400, code)

    run(main)
