"""Calls with each documented parameter of each method, if the calls of SCRIPT do not have it."""

from __future__ import annotations

from typing import Any

from .session_script import MARKET, OCO, PLACED, SOR_ORDER, STOP

Params = dict[str, Any]


class IdOf(str):
    """A placeholder for the id of the order or list with this client order id."""


BTC = {"symbol": "BTCUSDT"}
TRADING = {"symbolStatus": "TRADING"}
SPAN = {"startTime": 1_699_990_000_000, "endTime": 1_700_000_000_001}
STRATEGY = {"strategyId": 7, "strategyType": 1_000_000}
STP = {"selfTradePreventionMode": "EXPIRE_MAKER"}
FULL = {"newOrderRespType": "FULL", **STP}
PEG = {"pegPriceType": "PRIMARY_PEG", "pegOffsetType": "PRICE_LEVEL", "pegOffsetValue": 1}
LIMIT = {"price": "50000", "icebergQty": "0.005", "timeInForce": "GTC", **STRATEGY}
STOPPED = {
    "stopPrice": "69000",
    "price": "70000",
    "trailingDelta": 100,
    "timeInForce": "GTC",
    "icebergQty": "0.005",
}
UNDER = {**STOPPED, "stopPrice": "41000", "price": "40000", **STRATEGY}
NEW_ORDERS: list[Params] = [
    {**PLACED, **LIMIT, **FULL},
    {**MARKET, **STRATEGY, **FULL},
    {**STOP, "type": "STOP_LOSS_LIMIT", **STOPPED},
    {**PLACED, **PEG},
]


def named(prefix: str, params: Params) -> Params:
    """Parameters with a prefix: price → abovePrice."""
    return {prefix + name[0].upper() + name[1:]: value for name, value in params.items()}


def leg(prefix: str, kind: str, params: Params) -> Params:
    return {f"{prefix}Type": kind, **named(prefix, params)}


def pairs(above: str, below: str, number: int) -> list[tuple[str, Params]]:
    """OCO pairs as (side, parameters) for each order: together, they have each parameter in each place."""
    maker = {"price": "80000", "icebergQty": "0.005", **STRATEGY, "clientOrderId": f"maker-{number}"}
    stop = {**STOPPED, **STRATEGY, "clientOrderId": f"stop-{number}"}
    pegged = {"stopPrice": "69000", "timeInForce": "GTC", **PEG}
    return [
        ("BUY", leg(above, "STOP_LOSS_LIMIT", stop) | leg(below, "LIMIT_MAKER", {**maker, "price": "50000"})),
        (
            "SELL",
            leg(above, "LIMIT_MAKER", {**maker, "clientOrderId": f"maker-up-{number}"})
            | leg(below, "STOP_LOSS_LIMIT", {**UNDER, "clientOrderId": f"stop-down-{number}"}),
        ),
        ("BUY", leg(above, "STOP_LOSS_LIMIT", pegged) | leg(below, "LIMIT_MAKER", PEG)),
    ]


def lists() -> list[tuple[str, Params]]:
    """Order lists of all kinds; each is canceled before the next."""
    working = {**BTC, **leg("working", "LIMIT", LIMIT), "workingSide": "BUY", "workingQuantity": "0.01"}
    pegged = {**BTC, **leg("working", "LIMIT", {"timeInForce": "GTC", "price": "50000", **PEG})}
    pegged |= {"workingSide": "BUY", "workingQuantity": "0.01"}
    made: list[tuple[str, Params]] = [
        (
            "orderList.place",
            {
                **STOP,
                **FULL,
                "price": "50000",
                "stopPrice": "69000",
                "stopLimitPrice": "70000",
                "stopLimitTimeInForce": "GTC",
                "trailingDelta": 100,
                "limitIcebergQty": "0.005",
                "stopIcebergQty": "0.005",
                "listClientOrderId": "deprecated",
                "limitClientOrderId": "limit",
                "stopClientOrderId": "stop",
                **named("limit", STRATEGY),
                **named("stop", STRATEGY),
            },
        )
    ]
    for number, (side, pair) in enumerate(pairs("above", "below", 1)):
        names = {"listClientOrderId": f"oco-{number}"}
        made.append(
            ("orderList.place.oco", {**BTC, **FULL, **names, "side": side, "quantity": "0.01", **pair})
        )
    for method, quantity in (("oto", {"pendingQuantity": "0.01"}), ("opo", {})):
        for number, (work, pending) in enumerate(
            [
                (working, leg("pending", "STOP_LOSS_LIMIT", {**UNDER, "clientOrderId": f"{method}-pending"})),
                (pegged, leg("pending", "LIMIT", {"timeInForce": "GTC", "price": "80000", **PEG})),
            ]
        ):
            names = {
                "listClientOrderId": f"{method}-{number}",
                "workingClientOrderId": f"{method}-working-{number}",
            }
            made.append(
                (
                    f"orderList.place.{method}",
                    {**work, **FULL, **names, "pendingSide": "SELL", **pending, **quantity},
                )
            )
    for number, (side, pair) in enumerate(pairs("pendingAbove", "pendingBelow", 2)):
        names = {"listClientOrderId": f"otoco-{number}", "workingClientOrderId": f"otoco-working-{number}"}
        work = pegged if number == 2 else working
        params = {**work, **FULL, **names, "pendingSide": side, "pendingQuantity": "0.01", **pair}
        made.append(("orderList.place.otoco", params))
    # A list that sells what its working order buys.
    over = {**UNDER, "stopPrice": "79000", "price": "80000", "clientOrderId": "opoco-over"}
    under = {**UNDER, "clientOrderId": "opoco-under"}
    ready = leg("pendingAbove", "TAKE_PROFIT_LIMIT", over) | leg("pendingBelow", "STOP_LOSS_LIMIT", under)
    pegs = {"timeInForce": "GTC", **PEG}
    moving = leg("pendingAbove", "TAKE_PROFIT_LIMIT", {**pegs, "stopPrice": "79000"})
    moving |= leg("pendingBelow", "STOP_LOSS_LIMIT", {**pegs, "stopPrice": "41000"})
    for number, (work, pair) in enumerate([(working, ready), (pegged, moving)]):
        names = {"listClientOrderId": f"opoco-{number}", "workingClientOrderId": f"opoco-working-{number}"}
        made.append(("orderList.place.opoco", {**work, **FULL, **names, "pendingSide": "SELL", **pair}))
    return made


def calls() -> list[tuple[str, Params]]:
    script: list[tuple[str, Params]] = [
        ("exchangeInfo", {**BTC, "showPermissionSets": False}),
        ("exchangeInfo", TRADING),
        ("depth", {**BTC, **TRADING, "limit": 5}),
        ("blockTrades.historical", {"symbol": "这是测试币456", "fromId": 0, "limit": 2}),
        ("trades.aggregate", {"symbol": "BNBBTC", **SPAN, "limit": 2}),
        ("klines", {**BTC, **SPAN, "interval": "1h", "timeZone": "8", "limit": 2}),
        ("uiKlines", {**BTC, **SPAN, "interval": "1h", "timeZone": "8", "limit": 2}),
        ("ticker.tradingDay", {**BTC, **TRADING}),
        ("ticker", {**BTC, **TRADING, "windowSize": "1d"}),
        ("ticker.price", {"symbols": ["BTCUSDT", "BNBBTC"]}),
        ("ticker.book", {"symbols": ["BTCUSDT", "BNBBTC"]}),
        ("ticker.book", TRADING),
        ("referencePrice.calculation", {"symbol": "BNBBTC", **TRADING}),
    ]
    for number, order in enumerate(NEW_ORDERS):
        script += [
            ("order.test", {**order, "newClientOrderId": f"test-{number}"}),
            ("order.place", {**PLACED, "price": "50000", "newClientOrderId": f"replaced-{number}"}),
            (
                "order.cancelReplace",
                {
                    **order,
                    "cancelReplaceMode": "STOP_ON_FAILURE",
                    "cancelOrderId": IdOf(f"replaced-{number}"),
                    "cancelNewClientOrderId": f"canceled-{number}",
                    "cancelRestrictions": "ONLY_NEW",
                    "orderRateLimitExceededMode": "DO_NOTHING",
                    "newClientOrderId": f"new-{number}",
                },
            ),
        ]
    script += [
        (
            "order.amend.keepPriority",
            {**BTC, "orderId": IdOf("new-0"), "newClientOrderId": "less", "newQty": "0.006"},
        ),
        ("order.amendments", {**BTC, "orderId": IdOf("new-0"), "fromExecutionId": 0, "limit": 1}),
        ("order.status", {**BTC, "orderId": IdOf("new-0")}),
        (
            "order.cancel",
            {**BTC, "orderId": IdOf("new-0"), "newClientOrderId": "gone", "cancelRestrictions": "ONLY_NEW"},
        ),
        ("allOrders", {**BTC, "orderId": IdOf("new-0"), "limit": 3}),
        ("openOrders.cancelAll", BTC),
    ]
    for method, params in lists():
        script += [(method, params), ("openOrders.cancelAll", BTC)]
    new = {"symbol": "ABCUSDT", "newClientOrderId": "routed", "newOrderRespType": "FULL"}
    routed = {**SOR_ORDER, **LIMIT, **STP, "type": "LIMIT", "price": "101", "icebergQty": "0.05", **new}
    script += [
        ("orderList.place.oco", {**OCO, "listClientOrderId": "list"}),
        ("orderList.status", {"orderListId": IdOf("list")}),
        ("orderList.cancel", {**BTC, "orderListId": IdOf("list"), "newClientOrderId": "end"}),
        ("allOrderLists", {**SPAN, "limit": 2}),
        ("sor.order.test", routed),
        ("sor.order.place", routed),
        ("myAllocations", {"symbol": "ABCUSDT", **SPAN, "limit": 1}),
        ("myAllocations", {"symbol": "ABCUSDT", "fromAllocationId": 0, "limit": 1}),
        ("myAllocations", {"symbol": "ABCUSDT", "orderId": IdOf("routed")}),
        ("order.place", {**MARKET, "newClientOrderId": "taker"}),
        ("myTrades", {**BTC, "orderId": IdOf("taker")}),
        ("myTrades", {**BTC, **SPAN, "limit": 1}),
        ("myTrades", {**BTC, "fromId": 0, "limit": 1}),
        ("order.place", {**PLACED, "price": "59000", "newClientOrderId": "own"}),
        (
            "order.place",
            {
                **PLACED,
                "side": "SELL",
                "price": "59000",
                "newClientOrderId": "meets",
                "selfTradePreventionMode": "EXPIRE_BOTH",
            },
        ),
        ("myPreventedMatches", {**BTC, "orderId": IdOf("meets"), "limit": 1}),
        ("myPreventedMatches", {**BTC, "orderId": IdOf("meets"), "fromPreventedMatchId": 0, "limit": 1}),
        ("account.status", {"omitZeroBalances": True}),
    ]
    return script
