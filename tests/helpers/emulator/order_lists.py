"""A floor for tests of order lists, and an OTOCO on it."""

from __future__ import annotations

from helpers.emulator.floor import Floor


def market(**changes):
    floor = Floor(**changes)
    floor.trade("100")
    floor.events("a")
    return floor


def otoco(floor, method="orderList.place.otoco", **params):
    defaults = {
        "workingType": "LIMIT",
        "workingSide": "BUY",
        "workingPrice": "95",
        "workingQuantity": "2",
        "workingTimeInForce": "GTC",
        "pendingSide": "SELL",
        "pendingQuantity": "2",
        "pendingAboveType": "LIMIT_MAKER",
        "pendingAbovePrice": "110",
        "pendingBelowType": "STOP_LOSS",
        "pendingBelowStopPrice": "80",
    }
    return floor.call("a", method, **{**defaults, **params})
