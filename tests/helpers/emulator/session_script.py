"""Requests of every method, as one session sends them in both formats."""

from __future__ import annotations

from .market_script import MARKET_SCRIPT

PLACED = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.01"}
MARKET = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quoteOrderQty": "900"}
REPLACED = {**PLACED, "price": "51000", "cancelReplaceMode": "STOP_ON_FAILURE"}
STOP = {"symbol": "BTCUSDT", "side": "BUY", "quantity": "0.01"}
OCO = {**STOP, "aboveType": "STOP_LOSS_LIMIT", "abovePrice": "70000", "aboveStopPrice": "69000"}
OCO |= {"aboveTimeInForce": "GTC", "belowType": "LIMIT_MAKER", "belowPrice": "50000"}
WORKING = {"symbol": "BTCUSDT", "workingType": "LIMIT", "workingSide": "BUY", "workingTimeInForce": "GTC"}
RESTS = {**WORKING, "workingPrice": "50000", "workingQuantity": "0.01", "pendingSide": "SELL"}
FILLS = {**RESTS, "workingPrice": "61000"}
PAIR = {"pendingAboveType": "LIMIT_MAKER", "pendingAbovePrice": "80000", "pendingBelowType": "STOP_LOSS"}
PAIR |= {"pendingBelowStopPrice": "40000"}
OWN = {"symbol": "BNBBTC", "type": "LIMIT", "timeInForce": "GTC", "quantity": "1", "price": "0.010001"}
SOR_ORDER = {"symbol": "ABCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.1"}
# Every method, several times if it has several kinds of answers.
SCRIPT = [
    ("ping", {}),
    ("time", {}),
    ("exchangeInfo", {"symbols": ["BTCUSDT", "这是测试币456"]}),
    ("exchangeInfo", {"permissions": ["MARGIN"]}),
    ("depth", {"symbol": "这是测试币456", "limit": 5}),
    ("ticker.price", {"symbol": "BTCUSDT"}),
    ("ticker.price", {}),
    ("ticker.price", {"symbolStatus": "HALT"}),
    ("ticker.book", {"symbol": "ETHUSDT"}),
    ("ticker.book", {}),
    *MARKET_SCRIPT,
    ("depth", {"symbol": "NO"}),
    ("depth", {}),
    ("nothing", {}),
    ("session.status", {}),
    ("session.logon", None),
    ("session.status", {}),
    ("userDataStream.subscribe", {}),
    ("userDataStream.subscribe", {}),
    ("userDataStream.subscribe.signature", None),
    ("session.subscriptions", {}),
    ("session.status", {}),
    ("userDataStream.unsubscribe", {"subscriptionId": 7}),
    ("order.test", {**PLACED, "price": "52000"}),
    ("order.test", {**PLACED, "price": "52000", "computeCommissionRates": True}),
    ("order.place", {**PLACED, "price": "52000", "newOrderRespType": "ACK", "newClientOrderId": "one"}),
    ("order.place", {**PLACED, "price": "52001", "newOrderRespType": "RESULT", "strategyId": 2**60}),
    ("order.place", {**PLACED, "price": "52002", "strategyType": 1_000_000, "newClientOrderId": "two"}),
    ("order.place", {**PLACED, "price": "52003", "newClientOrderId": "three"}),
    ("order.place", {**MARKET, "newClientOrderId": "taker"}),
    ("order.place", {**PLACED, "timeInForce": "FOK", "price": "52000", "newClientOrderId": "expired"}),
    ("order.place", {**PLACED, "price": "1"}),
    ("order.place", {**PLACED, "side": "SELL", "price": "70000", "quantity": "11"}),
    ("trades.recent", {"symbol": "BTCUSDT", "limit": 2}),
    ("order.status", {"symbol": "BTCUSDT", "origClientOrderId": "one"}),
    ("order.status", {"symbol": "BTCUSDT", "origClientOrderId": "taker"}),
    ("order.status", {"symbol": "BTCUSDT", "origClientOrderId": "expired"}),
    ("order.status", {"symbol": "BTCUSDT", "origClientOrderId": "never"}),
    ("openOrders.status", {}),
    ("order.amend.keepPriority", {"symbol": "BTCUSDT", "origClientOrderId": "two", "newQty": "0.005"}),
    ("order.amendments", {"symbol": "BTCUSDT", "orderId": 3}),
    ("allOrders", {"symbol": "BTCUSDT", "limit": 2}),
    ("allOrders", {"symbol": "BTCUSDT", "startTime": 1, "endTime": 86_400_002}),
    ("order.cancelReplace", {**REPLACED, "cancelOrigClientOrderId": "three"}),
    ("order.cancelReplace", {**REPLACED, "cancelOrigClientOrderId": "never"}),
    (
        "order.cancelReplace",
        {
            **REPLACED,
            "cancelOrigClientOrderId": "never",
            "cancelReplaceMode": "ALLOW_FAILURE",
            "newClientOrderId": "half",
        },
    ),
    (
        "order.cancelReplace",
        {**REPLACED, "cancelOrigClientOrderId": "half", "type": "LIMIT", "quantity": "1000"},
    ),
    ("order.cancel", {"symbol": "BTCUSDT", "origClientOrderId": "one"}),
    ("order.cancel", {"symbol": "BTCUSDT", "origClientOrderId": "one"}),
    ("openOrders.cancelAll", {"symbol": "BTCUSDT"}),
    ("openOrders.cancelAll", {"symbol": "BTCUSDT"}),
    ("openOrders.status", {"symbol": "BTCUSDT"}),
    ("account.status", {}),
    ("account.rateLimits.orders", {}),
    ("myTrades", {"symbol": "BTCUSDT"}),
    ("allOrders", {"symbol": "BTCUSDT"}),
    ("order.amendments", {"symbol": "BTCUSDT", "orderId": 43}),
    ("executionRules", {"symbol": "BTCUSDT"}),
    ("order.place", {**STOP, "type": "STOP_LOSS", "stopPrice": "69000", "newOrderRespType": "RESULT"}),
    ("order.place", {**STOP, "type": "STOP_LOSS", "trailingDelta": 100, "newClientOrderId": "trail"}),
    ("order.status", {"symbol": "BTCUSDT", "origClientOrderId": "trail"}),
    ("order.place", {**PLACED, "price": "50000", "icebergQty": "0.005", "newClientOrderId": "berg"}),
    ("order.cancel", {"symbol": "BTCUSDT", "origClientOrderId": "berg"}),
    (
        "order.place",
        {**PLACED, "pegPriceType": "PRIMARY_PEG", "pegOffsetType": "PRICE_LEVEL", "pegOffsetValue": 3},
    ),
    ("orderList.place.oco", {**OCO, "listClientOrderId": "list"}),
    ("orderList.place.oco", {**OCO, "newOrderRespType": "ACK"}),
    ("orderList.place.oco", {**OCO, "newOrderRespType": "RESULT"}),
    ("orderList.place.oco", {**OCO, "belowPrice": "69000"}),
    ("orderList.status", {"origClientOrderId": "list"}),
    ("openOrderLists.status", {}),
    ("allOrderLists", {"fromId": 0, "limit": 2}),
    ("orderList.cancel", {"symbol": "BTCUSDT", "listClientOrderId": "list"}),
    ("openOrders.cancelAll", {"symbol": "BTCUSDT"}),
    ("orderList.place", {**STOP, "price": "50000", "stopPrice": "69000"}),
    ("orderList.place.oto", {**RESTS, "pendingType": "MARKET", "pendingQuantity": "0.01"}),
    ("orderList.place.opo", {**FILLS, "pendingType": "MARKET"}),
    ("orderList.place.opoco", {**RESTS, **PAIR, "workingClientOrderId": "work"}),
    ("order.amend.keepPriority", {"symbol": "BTCUSDT", "origClientOrderId": "work", "newQty": "0.005"}),
    ("openOrders.cancelAll", {"symbol": "BTCUSDT"}),
    ("orderList.place.otoco", {**FILLS, **PAIR, "pendingQuantity": "0.01"}),
    ("openOrders.status", {}),
    ("allOrders", {"symbol": "BTCUSDT"}),
    ("order.place", {**OWN, "side": "SELL", "newOrderRespType": "ACK"}),
    ("order.place", {**OWN, "side": "BUY", "selfTradePreventionMode": "EXPIRE_BOTH"}),
    ("myPreventedMatches", {"symbol": "BNBBTC", "preventedMatchId": 0}),
    ("sor.order.place", SOR_ORDER),
    (
        "sor.order.place",
        {**SOR_ORDER, "type": "LIMIT", "timeInForce": "GTC", "price": "99", "quantity": "9000"},
    ),
    ("sor.order.test", {**SOR_ORDER, "computeCommissionRates": True}),
    ("sor.order.test", SOR_ORDER),
    ("myAllocations", {"symbol": "ABCUSDT"}),
    ("account.commission", {"symbol": "BTCUSDT"}),
    ("myFilters", {"symbol": "BTCUSDT"}),
    ("exchangeInfo", {}),
    ("ping", {"returnRateLimits": False}),
    ("session.logout", {}),  # the last: an event follows its reply
]
