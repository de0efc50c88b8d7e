"""The replies of messages.py in SBE: the same content, so that a decoder of each is asked for the same result."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from fastws.sbe import Schema

Json = dict[str, Any]

SPOT = Schema.bundled("spot")
_EXPONENT = -8


def order_full(reply: bytes) -> bytes:
    """A reply to order.place with newOrderRespType=FULL."""
    return _encoded(reply, "NewOrderFullResponse", _full)


def depth(reply: bytes) -> bytes:
    """A reply to depth."""
    return _encoded(reply, "DepthResponse", _depth)


def event(message: bytes) -> bytes:
    """The message of an executionReport, with the id of its subscription."""
    document = json.loads(message)
    report = _report(document["event"])
    return SPOT.encode("ExecutionReportEvent", {**report, "subscriptionId": document["subscriptionId"]})


def subscribed(reply: bytes) -> bytes:
    """The reply to a userDataStream.subscribe."""
    return _encoded(reply, "UserDataStreamSubscribeResponse", dict)


def _encoded(reply: bytes, template: str, convert: Callable[[Json], Json]) -> bytes:
    document = json.loads(reply)
    limits = [
        {
            "rateLimitType": _name(limit["rateLimitType"]),
            "interval": _name(limit["interval"]),
            "intervalNum": limit["intervalNum"],
            "rateLimit": limit["limit"],
            "current": limit["count"],
        }
        for limit in document.get("rateLimits", ())
    ]
    return SPOT.encode(
        "WebSocketResponse",
        {
            "sbeSchemaIdVersionDeprecated": "False",
            "status": document["status"],
            "rateLimits": limits,
            "id": str(document["id"]),
            "result": {"template": template, "value": convert(document["result"])},
        },
    )


def _full(order: Json) -> Json:
    decimals = ("price", "origQty", "executedQty", "cummulativeQuoteQty", "origQuoteOrderQty")
    return {
        **{name: _mantissa(order[name]) for name in decimals},
        "priceExponent": _EXPONENT,
        "qtyExponent": _EXPONENT,
        "orderId": order["orderId"],
        "transactTime": order["transactTime"] * 1000,
        "status": _name(order["status"]),
        "timeInForce": _name(order["timeInForce"]),
        "orderType": _name(order["type"]),
        "side": _name(order["side"]),
        "workingTime": order["workingTime"] * 1000,
        "orderCapacity": "Principal",
        "workingFloor": "Exchange",
        "selfTradePreventionMode": _name(order["selfTradePreventionMode"]),
        "preventedQuantity": 0,
        "usedSor": "False",
        "fills": [
            {
                "commissionExponent": _EXPONENT,
                "matchType": "AutoMatch",
                "price": _mantissa(fill["price"]),
                "qty": _mantissa(fill["qty"]),
                "commission": _mantissa(fill["commission"]),
                "tradeId": fill["tradeId"],
                "commissionAsset": fill["commissionAsset"],
            }
            for fill in order["fills"]
        ],
        "symbol": order["symbol"],
        "clientOrderId": order["clientOrderId"],
    }


def _depth(book: Json) -> Json:
    return {
        "lastUpdateId": book["lastUpdateId"],
        "priceExponent": _EXPONENT,
        "qtyExponent": _EXPONENT,
        **{
            side: [{"price": _mantissa(price), "qty": _mantissa(qty)} for price, qty in book[side]]
            for side in ("bids", "asks")
        },
    }


def _report(event: Json) -> Json:
    return {
        "priceExponent": _EXPONENT,
        "qtyExponent": _EXPONENT,
        "commissionExponent": _EXPONENT,
        **{name: event[letter] * 1000 for name, letter in _TIMES.items()},
        **{name: event[letter] for name, letter in _IDS.items()},
        **{name: _mantissa(event[letter]) for name, letter in _DECIMALS.items()},
        **{name: _name(event[letter]) for name, letter in _NAMES.items()},
        **{name: str(event[letter]) for name, letter in _FLAGS.items()},
        **{name: event[letter] for name, letter in _TEXTS.items()},
        "matchType": "AutoMatch",
        "orderCapacity": "Principal",
        "workingFloor": "Exchange",
        "preventedQty": 0,
        "usedSor": "False",
    }


# The fields of an executionReport: in SBE, and in JSON.
_TIMES = {"eventTime": "E", "transactTime": "T", "orderCreationTime": "O", "workingTime": "W"}
_IDS = {"orderId": "i", "orderListId": "g", "tradeId": "t", "executionId": "I", "preventedMatchId": "v"}
_DECIMALS = {
    "origQty": "q",
    "price": "p",
    "origQuoteOrderQty": "Q",
    "icebergQty": "F",
    "stopPrice": "P",
    "executedQty": "z",
    "cummulativeQuoteQty": "Z",
    "lastQty": "l",
    "lastPrice": "L",
    "quoteQty": "Y",
    "commission": "n",
}
_NAMES = {
    "orderType": "o",
    "side": "S",
    "timeInForce": "f",
    "executionType": "x",
    "orderStatus": "X",
    "selfTradePreventionMode": "V",
}
_FLAGS = {"isWorking": "w", "isMaker": "m", "isBestMatch": "M"}
_TEXTS = {
    "symbol": "s",
    "clientOrderId": "c",
    "origClientOrderId": "C",
    "commissionAsset": "N",
    "rejectReason": "r",
}


def _mantissa(text: str) -> int:
    whole, _, fraction = text.partition(".")
    return int(whole + fraction.ljust(-_EXPONENT, "0"))


def _name(word: str) -> str:
    """The name of a value in the schema: PARTIALLY_FILLED is PartiallyFilled."""
    return "".join(part.capitalize() for part in word.split("_"))
