"""Results in SBE that the documentation's examples do not cover."""

from __future__ import annotations

import struct

import pytest

from fastws.emulator.wire.layout import pack_message
from helpers.emulator.sbe_checks import check_same, embedded, form
from helpers.emulator.sbe_reader import Reader, null_of, xml


def read(data):
    return Reader(xml()).reply(data)


def test_filters_of_all_kinds():
    filters = [
        {"filterType": "PERCENT_PRICE", "multiplierUp": "1.30", "multiplierDown": "0.70", "avgPriceMins": 5},
        {
            "filterType": "PERCENT_PRICE_BY_SIDE",
            "bidMultiplierUp": "1.2",
            "bidMultiplierDown": "0.2",
            "askMultiplierUp": "5.0",
            "askMultiplierDown": "0.8",
            "avgPriceMins": 1,
        },
        {"filterType": "MARKET_LOT_SIZE", "minQty": "0.1", "maxQty": "9.0", "stepSize": "0.0"},
        {"filterType": "MIN_NOTIONAL", "minNotional": "0.5", "applyToMarket": True, "avgPriceMins": 5},
        {
            "filterType": "NOTIONAL",
            "minNotional": "10.0",
            "applyMinToMarket": False,
            "maxNotional": "99.9",
            "applyMaxToMarket": True,
            "avgPriceMins": 5,
        },
        {"filterType": "ICEBERG_PARTS", "limit": 10},
        {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": 25},
        {"filterType": "MAX_NUM_ALGO_ORDERS", "maxNumAlgoOrders": 5},
        {"filterType": "MAX_NUM_ICEBERG_ORDERS", "maxNumIcebergOrders": 6},
        {"filterType": "MAX_POSITION", "maxPosition": "10.5"},
        {
            "filterType": "TRAILING_DELTA",
            "minTrailingAboveDelta": 10,
            "maxTrailingAboveDelta": 2000,
            "minTrailingBelowDelta": 11,
            "maxTrailingBelowDelta": 2001,
        },
        {"filterType": "T_PLUS_SELL", "endTime": -1},
        {"filterType": "EXCHANGE_MAX_NUM_ALGO_ORDERS", "maxNumAlgoOrders": 200},
        {"filterType": "EXCHANGE_MAX_NUM_ICEBERG_ORDERS", "maxNumIcebergOrders": 10_000},
        {"filterType": "EXCHANGE_MAX_NUM_ORDER_LISTS", "maxNumOrderLists": 20},
        {"filterType": "MAX_NUM_ORDER_AMENDS", "maxNumOrderAmends": 10},
    ]
    result = {"exchangeFilters": [], "symbolFilters": filters, "assetFilters": []}
    assert read(form().success("1", result, None, 0, "myFilters"))["result"] == result


def test_tickers_without_trades():
    ticker = {
        "symbol": "BTCUSDT",
        "openPrice": "0.00000000",
        "highPrice": "0.00000000",
        "lowPrice": "0.00000000",
        "lastPrice": "0.00000000",
        "volume": "0.00000000",
        "quoteVolume": "0.00000000",
        "openTime": 1,
        "closeTime": 2,
        "firstId": -1,
        "lastId": -1,
        "count": 0,
    }
    data = form().success("1", ticker, None, 0, "ticker")
    native = Reader(xml()).native(embedded(data))
    assert native["openPrice"] == native["firstId"] == null_of("q")
    assert native["volume"] == b"\0" * 16
    assert read(data)["result"] == ticker
    whole = {
        **ticker,
        "priceChange": "0.00000000",
        "priceChangePercent": "0.000",
        "weightedAvgPrice": "0.00000000",
    }
    data = form().success("1", whole, None, 0, "ticker")
    assert Reader(xml()).native(embedded(data))["priceChange"] == 0, "no change is one, too"
    assert read(data)["result"] == whole


@pytest.mark.parametrize(
    ("method", "result", "template"),
    [
        ("ticker.24hr", [], 206),
        ("ticker", [], 214),
        ("ticker.price", [], 210),
        ("openOrders.status", [], 308),
        ("userDataStream.subscribe.listenToken", {"subscriptionId": 1, "expirationTime": 5}, 505),
    ],
)
def test_the_message_of_a_result(method, result, template):
    data = form().success("1", result, None, 0, method)
    assert struct.unpack_from("<H", embedded(data), 2) == (template,)
    assert read(data)["result"] == result


REPORT = {
    "symbol": "BTCUSDT",
    "orderId": 1,
    "orderListId": 9,
    "clientOrderId": "a",
    "transactTime": 5,
}
STATE = {
    "price": "1.00000000",
    "origQty": "2.00000000",
    "executedQty": "0.00000000",
    "origQuoteOrderQty": "0.00000000",
    "cummulativeQuoteQty": "0.00000000",
    "status": "NEW",
    "timeInForce": "GTC",
    "type": "LIMIT",
    "side": "SELL",
    "workingTime": -1,
    "selfTradePreventionMode": "NONE",
}
FILL = {
    "price": "1.00000000",
    "qty": "0.50000000",
    "commission": "0",
    "commissionAsset": "BNB",
    "tradeId": 4,
}
PREVENTED = {"preventedMatchId": 1, "makerOrderId": 2, "price": "1.00000000"}


@pytest.mark.parametrize(
    ("reports", "template"),
    [
        ([REPORT, {**REPORT, "orderId": 2}], 309),
        ([{**REPORT, **STATE}], 310),
        ([{**REPORT, **STATE, "fills": [FILL], "preventedMatches": [PREVENTED]}, {**REPORT, **STATE}], 311),
    ],
)
def test_order_lists_show_as_much_as_was_asked_for(reports, template):
    result = {
        "orderListId": 9,
        "contingencyType": "OTO",
        "listStatusType": "EXEC_STARTED",
        "listOrderStatus": "EXECUTING",
        "transactionTime": 5,
        "orders": [],
        "orderReports": reports,
        "listClientOrderId": "list",
        "symbol": "BTCUSDT",
    }
    data = form().success("1", result, None, 0, "orderList.place.oto")
    assert struct.unpack_from("<H", embedded(data), 2) == (template,)
    got = read(data)["result"]
    for report in got["orderReports"]:
        if "fills" in report and not report["fills"]:
            del report["fills"]
    check_same(result, got, exact=True)


def test_pegged_and_trailing_orders():
    order = {
        **REPORT,
        **STATE,
        "stopPrice": "0.90000000",
        "trailingDelta": 10,
        "trailingTime": 4,
        "icebergQty": "0.10000000",
        "strategyId": 1,
        "strategyType": 1_000_000,
        "pegPriceType": "PRIMARY_PEG",
        "tradeGroupId": 3,
        "pegOffsetType": "PRICE_LEVEL",
        "pegOffsetValue": 0,
        "peggedPrice": "0.99000000",
        "preventedQuantity": "1.00000000",
        "expiryReason": "EXCHANGE_CANCELED",
        "usedSor": True,
        "workingFloor": "SOR",
        "orderCapacity": "AGENCY",
    }
    got = read(form().success("1", order, None, 0, "order.place"))["result"]
    assert got == order


def test_a_message_that_nobody_knows_is_an_error():
    with pytest.raises(KeyError):
        pack_message(1000, {})
    with pytest.raises(KeyError):
        form().success("1", {}, None, 0, "order.teleport")
