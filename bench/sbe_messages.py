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
        for limit in document["rateLimits"]
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


def _mantissa(text: str) -> int:
    whole, _, fraction = text.partition(".")
    return int(whole + fraction.ljust(-_EXPONENT, "0"))


def _name(word: str) -> str:
    """The name of a value in the schema: PARTIALLY_FILLED is PartiallyFilled."""
    return "".join(part.capitalize() for part in word.split("_"))
