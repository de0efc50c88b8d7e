"""The parameters of Binance's WebSocket API: kinds, closed sets, units, and which of them the caller words freely.

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

# Signed methods take these; fastws fills them in.
AUTH = ("apiKey", "recvWindow", "signature", "timestamp")

# Parameters with a closed set of values: its name in fastws.types, by how their own names end; the first that fits.
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

# What a parameter is, by its name or by how it ends; the first that fits.
_MEANINGS = {
    "recvWindow": "how long the request is good for, in ms; 5000 by default, 60000 at most",
    "timestamp": "when the request was made, ms or us since 1970; fastws fills it in",
    "apiKey": "fastws fills it in",
    "signature": "fastws fills it in",
    "returnRateLimits": "whether the reply carries the rate limits",
    "symbolStatus": "only symbols with this status",
    "symbols": "several symbols",
    "symbol": "e.g. BTCUSDT",
    "permissions": "only symbols with these permissions, e.g. SPOT",
    "showPermissionSets": "whether permissionSets are filled; true by default",
    "startTime": "ms or us since 1970",
    "endTime": "ms or us since 1970",
    "timeZone": "hours, e.g. 8 or -1:00; 0 (UTC) by default",
    "windowSize": "1m to 59m, 1h to 23h, 1d to 7d; 1d by default",
    "limit": "how many at most",
    "fromId": "from this id on",
    "computeCommissionRates": "whether the result shows the commissions",
    "omitZeroBalances": "whether assets without a balance are left out",
    "subscriptionId": "which subscription; all of them by default",
    "rigClientOrderId": "a client order id by which it is known",
    "ClientOrderId": "1 to 36 of a-z A-Z 0-9 - _; fastws makes one where none is given",
    "quoteOrderQty": "in the quote asset",
    "newQty": "the new quantity, in the base asset",
    "IcebergQty": "the visible part of the quantity, in the base asset",
    "icebergQty": "the visible part of the quantity, in the base asset",
    "uantity": "in the base asset",
    "topPrice": "the price that triggers it, in the quote asset",
    "rice": "in the quote asset",
    "railingDelta": "in basis points",
    "trategyId": "names the order within a strategy",
    "trategyType": "names the strategy; 1000000 at least",
    "egOffsetValue": "in price levels; 100 at most",
}


def choices(method: str, name: str) -> str | None:
    """The name, in fastws.types, of the closed set of a parameter's values; None where it has none."""
    if name == "type":
        if method.startswith("ticker"):
            return "TickerType"
        return "FullType" if method.startswith("sor.") else "OrderType"
    return next((enum for end, enum in _ENUMS.items() if name.endswith(end)), None)


def values(method: str, name: str) -> tuple[str, ...]:
    """The values of a parameter with a closed set; none for any other."""
    enum = choices(method, name)
    return () if enum is None else typing.get_args(getattr(types, enum))


def meaning(name: str) -> str:
    """What a parameter is, in a few words; "" where its name says it."""
    return next((text for end, text in _MEANINGS.items() if name.endswith(end)), "")


# Texts that a caller words as they please, and that a firewall may dislike (trading/firewall.py): the client order ids.
FREE_TEXTS = frozenset(name for name in PARAMETERS if name.lower().endswith("clientorderid"))
