"""The parameters of Binance's WebSocket API: their kinds, values and units, and which of them are free texts.

Source: web-socket-api.md of binance/binance-spot-api-docs, as of 2026-07-21. A name has the same kind in every method.
"""

from __future__ import annotations

import typing

from .. import types

PARAMETERS: dict[str, str] = {
    name: kind
    for kind, names in {
        "TEXT": """
            aboveClientOrderId abovePegOffsetType abovePegPriceType aboveTimeInForce aboveType apiKey
            belowClientOrderId belowPegOffsetType belowPegPriceType belowTimeInForce belowType
            cancelNewClientOrderId cancelOrigClientOrderId cancelReplaceMode cancelRestrictions interval
            limitClientOrderId listClientOrderId newClientOrderId newOrderRespType orderRateLimitExceededMode
            origClientOrderId pegOffsetType pegPriceType pendingAboveClientOrderId pendingAbovePegOffsetType
            pendingAbovePegPriceType pendingAboveTimeInForce pendingAboveType pendingBelowClientOrderId
            pendingBelowPegOffsetType pendingBelowPegPriceType pendingBelowTimeInForce pendingBelowType
            pendingClientOrderId pendingPegOffsetType pendingPegPriceType pendingSide pendingTimeInForce
            pendingType selfTradePreventionMode side signature stopClientOrderId stopLimitTimeInForce symbol
            symbolStatus timeInForce timeZone type windowSize workingClientOrderId workingPegOffsetType
            workingPegPriceType workingSide workingTimeInForce workingType""",
        "DECIMAL": """
            aboveIcebergQty abovePrice aboveStopPrice belowIcebergQty belowPrice belowStopPrice icebergQty
            limitIcebergQty newQty pendingAboveIcebergQty pendingAbovePrice pendingAboveStopPrice
            pendingBelowIcebergQty pendingBelowPrice pendingBelowStopPrice pendingIcebergQty pendingPrice
            pendingQuantity pendingStopPrice price quantity quoteOrderQty stopIcebergQty stopLimitPrice stopPrice
            workingIcebergQty workingPrice workingQuantity""",
        "INTEGER": """
            abovePegOffsetValue aboveStrategyId aboveStrategyType aboveTrailingDelta belowPegOffsetValue
            belowStrategyId belowStrategyType belowTrailingDelta cancelOrderId endTime fromAllocationId
            fromExecutionId fromId fromPreventedMatchId limit limitStrategyId limitStrategyType orderId
            orderListId pegOffsetValue pendingAbovePegOffsetValue pendingAboveStrategyId
            pendingAboveStrategyType pendingAboveTrailingDelta pendingBelowPegOffsetValue
            pendingBelowStrategyId pendingBelowStrategyType pendingBelowTrailingDelta pendingPegOffsetValue
            pendingStrategyId pendingStrategyType pendingTrailingDelta preventedMatchId startTime stopStrategyId
            stopStrategyType strategyId strategyType subscriptionId timestamp trailingDelta
            workingPegOffsetValue workingStrategyId workingStrategyType""",
        "BOOLEAN": "computeCommissionRates omitZeroBalances returnRateLimits showPermissionSets",
        "LIST": "permissions symbols",
        "WINDOW": "recvWindow",
    }.items()
    for name in names.split()
}

# The parameters that every signed method has; fastws adds them.
AUTH = ("apiKey", "recvWindow", "signature", "timestamp")

# The parameters with a fixed set of values: the end of the parameter's name, and the set's name in fastws.types. The
# first entry that matches counts.
_ENUMS = {
    "selfTradePreventionMode": "SelfTradePreventionMode",
    "orderRateLimitExceededMode": "OrderRateLimitExceededMode",
    "cancelReplaceMode": "CancelReplaceMode",
    "cancelRestrictions": "CancelRestrictions",
    "newOrderRespType": "NewOrderRespType",
    "symbolStatus": "SymbolStatusFilter",
    "interval": "Interval",
    "egPriceType": "PegPriceType",
    "egOffsetType": "PegOffsetType",
    "imeInForce": "TimeInForce",
    "side": "Side",
    "Side": "Side",
    "workingType": "LimitType",
    "pendingType": "OrderType",
    "boveType": "OcoType",
    "elowType": "OcoType",
}

# The meaning of a parameter, by its name or the end of its name. The first entry that matches counts.
_MEANINGS = {
    "recvWindow": "how long the exchange accepts the request, in ms; 5000 by default, at most 60000",
    "timestamp": "when the request was made, ms or us since 1970; fastws adds it",
    "apiKey": "fastws adds it",
    "signature": "fastws adds it",
    "returnRateLimits": "whether the reply carries the rate limits",
    "symbolStatus": "only symbols with this status",
    "symbols": "several symbols",
    "symbol": "e.g. BTCUSDT",
    "permissions": "only symbols with these permissions, e.g. SPOT",
    "showPermissionSets": "whether the result has permissionSets; true by default",
    "startTime": "ms or us since 1970",
    "endTime": "ms or us since 1970",
    "timeZone": "hours, e.g. 8 or -1:00; 0 (UTC) by default",
    "windowSize": "1m to 59m, 1h to 23h, 1d to 7d; 1d by default",
    "limit": "how many at most",
    "fromId": "the first id",
    "computeCommissionRates": "whether the result shows the commissions",
    "omitZeroBalances": "whether assets without a balance are left out",
    "subscriptionId": "the subscription to end; all of them by default",
    "rigClientOrderId": "the client order id of the order or list",
    "ClientOrderId": "1 to 36 of a-z A-Z 0-9 - _; fastws generates one if you give none",
    "quoteOrderQty": "in the quote asset",
    "newQty": "the new quantity, in the base asset",
    "IcebergQty": "the visible part of the quantity, in the base asset",
    "icebergQty": "the visible part of the quantity, in the base asset",
    "uantity": "in the base asset",
    "topPrice": "the price that triggers the order, in the quote asset",
    "rice": "in the quote asset",
    "railingDelta": "in basis points",
    "trategyId": "the number of the order within a strategy",
    "trategyType": "the number of the strategy; at least 1000000",
    "egOffsetValue": "in price levels; at most 100",
}


def choices(method: str, name: str) -> str | None:
    """The name in fastws.types of the fixed set of a parameter's values; None if it has no such set."""
    if name == "type":
        if method.startswith("ticker"):
            return "TickerType"
        return "FullType" if method.startswith("sor.") else "OrderType"
    return next((enum for end, enum in _ENUMS.items() if name.endswith(end)), None)


def values(method: str, name: str) -> tuple[str, ...]:
    """The values that a parameter accepts, if they are a fixed set; otherwise ()."""
    enum = choices(method, name)
    return () if enum is None else typing.get_args(getattr(types, enum))


def meaning(name: str) -> str:
    """The meaning of a parameter in a few words; "" if its name is clear enough."""
    return next((text for end, text in _MEANINGS.items() if name.endswith(end)), "")


# Free texts of the caller, in which trading/firewall.py looks for SQL keywords: the client order ids.
FREE_TEXTS = frozenset(name for name in PARAMETERS if name.lower().endswith("clientorderid"))
