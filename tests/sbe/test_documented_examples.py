"""Every reply and event of the documentation, packed by the emulator and decoded, is what the documentation shows.

The emulator's packer shares no code with the decoder. What SBE.md names under Gaps is in the tables, with reasons.
"""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from fastws.emulator.values.errors import Refusal
from fastws.emulator.wire.sbe import SbeFormat, SbeSettings
from fastws.sbe import Schema
from helpers import facts
from helpers.sbe_support import opened

SPOT = Schema.bundled("spot")

# In the JSON of the documentation, and in no SBE message.
JSON_ONLY = {
    "timezone": "exchangeInfo",
    "permissions": "symbols of exchangeInfo; permissionSets take their place",
    "quotePrecision": "symbols of exchangeInfo; quoteAssetPrecision is the same",
    "opoAllowed": "symbols of exchangeInfo",
    "makerCommission": "account.status; commissionRates say the same",
    "takerCommission": "as above",
    "buyerCommission": "as above",
    "sellerCommission": "as above",
    "quoteOrderQty": "amendedOrder, where it is 0",
}
JSON_ONLY_AT = {"$.result.serverTime": "exchangeInfo"}

# In every SBE message of its kind, and in the documentation's example under another condition, or left out there.
SBE_ALWAYS: dict[str, Any] = {
    "workingTime": -1,  # examples of orders that do not work yet leave it out
    "origQty": "0",  # an example of a SOR order
    "origClientOrderId": "",  # of cancels that are told in an order list
    "selfTradePreventionMode": "NONE",  # older examples
}


def replies():
    """(name, method, reply) of each example."""
    rows = [(m["method"], reply) for m in facts.methods() for reply in m["responses"] if "id" in reply]
    rows += [("", error["json"]) for error in facts.error_replies() if "id" in error["json"]]
    return [
        pytest.param(method, reply, id=f"{method or 'error'}-{n}") for n, (method, reply) in enumerate(rows)
    ]


def events():
    return [
        pytest.param(row["json"], id=f"{row['json']['event']['e']}-{n}")
        for n, row in enumerate(facts.events())
    ]


class Usage:
    def __init__(self, usage):
        self._usage = usage

    def usage(self, now_us):
        return self._usage


def packed(method, reply):
    form = SbeFormat(SbeSettings(), deprecated=False)
    windows = [Usage(limit) for limit in reply["rateLimits"]] if "rateLimits" in reply else None
    if "result" in reply:
        return form.success(json.dumps(reply["id"]), reply["result"], windows, 0, method)
    error = reply["error"]
    refusal = Refusal(reply["status"], error["code"], error["msg"], error.get("data"))
    return form.failure(json.dumps(reply["id"]), refusal, windows, 0)


def microseconds(value):
    """A value whose times, which the documentation has in milliseconds, are in microseconds."""
    if isinstance(value, dict):
        return {key: microseconds(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [microseconds(entry) for entry in value]
    return value * 1000 if type(value) is int and 1_400_000_000_000 <= value < 2_000_000_000_000 else value


def is_decimal(value):
    return isinstance(value, str) and value.lstrip("-").replace(".", "", 1).isdigit()


def check(expected, found, numbers, path="$"):
    if isinstance(expected, dict):
        assert isinstance(found, dict), path
        for key in expected.keys() - found.keys():
            assert key in JSON_ONLY or f"{path}.{key}" in JSON_ONLY_AT, f"{path}.{key} is missing"
        for key in found.keys() - expected.keys():
            neutral = SBE_ALWAYS[key]
            assert found[key] == neutral or Decimal(found[key]) == Decimal(neutral), f"{path}.{key}"
        for key in expected.keys() & found.keys():
            if key in ("orderTypes", "allowedSelfTradePreventionModes"):  # the order of bits is another one
                assert sorted(expected[key]) == sorted(found[key])
            else:
                check(expected[key], found[key], numbers, f"{path}.{key}")
    elif isinstance(expected, list):
        assert isinstance(found, list), path
        assert len(found) == len(expected), path
        for i, (one, other) in enumerate(zip(expected, found, strict=True)):
            check(one, other, numbers, f"{path}[{i}]")
    elif isinstance(found, str) and is_decimal(expected) and found != expected:
        # decimals of one exponent have as many places as the longest of them
        assert numbers == "str", path
        assert Decimal(found) == Decimal(expected), path
        assert "." in found or "." in expected, path
    elif isinstance(found, float):
        assert found == float(expected), path
    elif isinstance(found, Decimal):
        assert found == Decimal(expected), path
    else:
        assert type(found) is type(expected), path
        assert found == expected, path


NUMBERS = ["str", "float", "decimal"]


@pytest.mark.parametrize("numbers", NUMBERS)
@pytest.mark.parametrize(("method", "reply"), replies())
def test_a_documented_reply_is_decoded_to_what_is_documented(method, reply, numbers):
    expected = {**reply, "id": "" if reply["id"] is None else str(reply["id"])}  # ids are texts
    if method == "sor.order.place":
        (expected["result"],) = reply["result"]  # a session puts it into an array again
    elif method == "referencePrice" and "msg" in reply["result"]:
        expected["error"] = expected.pop("result")  # printed so there
    data = packed(method, microseconds(reply))
    for unit, wanted in (("us", microseconds(expected)), ("ms", expected)):
        found = SPOT.decode(data, numbers=numbers, time_unit=unit)
        check(wanted, found, numbers)
        view = SPOT.view(data, numbers=numbers, time_unit=unit)
        assert view == found
        assert opened(view) == found


@pytest.mark.parametrize("numbers", NUMBERS)
@pytest.mark.parametrize("event", events())
def test_a_documented_event_is_decoded_to_what_is_documented(event, numbers):
    form = SbeFormat(SbeSettings(), deprecated=False)
    for unit, wanted in (("us", microseconds(event)), ("ms", event)):
        data = form.event(microseconds(event)["event"], event.get("subscriptionId"))
        found = SPOT.decode(data, numbers=numbers, time_unit=unit)
        check(wanted, found, numbers)
        assert opened(SPOT.view(data, numbers=numbers, time_unit=unit)) == found


# --------------------------------------------------------------------------- fields that appear under a condition

ORDER = {
    "symbol": "S",
    "orderId": 1,
    "orderListId": -1,
    "clientOrderId": "c",
    "transactTime": 5,
    "price": "1.0",
    "origQty": "1.0",
    "executedQty": "0.0",
    "cummulativeQuoteQty": "0.0",
    "status": "NEW",
    "timeInForce": "GTC",
    "type": "LIMIT",
    "side": "BUY",
    "workingTime": -1,
    "origQuoteOrderQty": "0.0",
    "selfTradePreventionMode": "NONE",
}
REPORT = {
    "e": "executionReport",
    "E": 1,
    "s": "S",
    "c": "c",
    "S": "BUY",
    "o": "LIMIT",
    "f": "GTC",
    "q": "1.0",
    "p": "1.0",
    "P": "0.0",
    "F": "0.0",
    "g": -1,
    "C": "",
    "x": "NEW",
    "X": "NEW",
    "r": "NONE",
    "i": 1,
    "l": "0.0",
    "z": "0.0",
    "L": "0.0",
    "n": "0",
    "N": None,
    "T": 1,
    "t": -1,
    "I": 1,
    "w": True,
    "m": False,
    "M": False,
    "O": 1,
    "Z": "0.0",
    "Y": "0.0",
    "Q": "0.0",
    "V": "NONE",
}


def round_trip(method, result):
    return SPOT.decode(packed(method, {"id": 1, "status": 200, "result": result}))["result"]


def round_trip_event(event):
    found = SPOT.decode(SbeFormat(SbeSettings(), deprecated=False).event(event, None))
    assert found.keys() == {"event"}
    return found["event"]


@pytest.mark.parametrize(
    "shown",
    [
        {},
        {"icebergQty": "0.5"},
        {"preventedQuantity": "1.2"},
        {"stopPrice": "0.5"},
        {"strategyId": 0, "strategyType": 1_000_000},
        {"trailingDelta": 10, "trailingTime": -1},
        {"usedSor": True, "workingFloor": "SOR"},
        {"usedSor": True, "workingFloor": "EXCHANGE"},
        {
            "pegPriceType": "PRIMARY_PEG",
            "pegOffsetType": "PRICE_LEVEL",
            "pegOffsetValue": 5,
            "peggedPrice": "9.0",
        },
        {"expiryReason": "INSUFFICIENT_LIQUIDITY"},
        {"workingTime": 5},
    ],
)
def test_conditional_fields_of_orders_appear_under_their_condition(shown):
    """ "Conditional fields in Order Responses" of web-socket-api.md."""
    order = {**ORDER, **shown}
    assert round_trip("order.place", order) == order
    full = {**order, "fills": []}
    assert round_trip("order.place", full) == full


def test_fields_of_fills_appear_under_their_condition():
    trade = {"price": "1.0", "qty": "1.0", "commission": "0.0", "commissionAsset": "A", "tradeId": 7}
    allocation = {**trade, "tradeId": -1, "allocId": 0, "matchType": "ONE_PARTY_TRADE_REPORT"}
    order = {**ORDER, "fills": [trade, allocation]}
    assert round_trip("order.place", order) == order
    prevented = {"preventedMatchId": 0, "makerOrderId": 3, "price": "1.0", "takerPreventedQuantity": "1.0"}
    order["preventedMatches"] = [prevented]
    assert round_trip("order.place", order) == order
    reports = {
        "orderListId": 1,
        "contingencyType": "OTO",
        "listStatusType": "EXEC_STARTED",
        "listOrderStatus": "EXECUTING",
        "listClientOrderId": "l",
        "transactionTime": 1,
        "symbol": "S",
        "orders": [{"symbol": "S", "orderId": 1, "clientOrderId": "c"}],
        "orderReports": [{**ORDER, "fills": [trade, allocation]}, {**ORDER, "fills": []}],
    }
    assert round_trip("orderList.place.oto", reports) == reports


@pytest.mark.parametrize(
    "shown",
    [
        {},
        {"d": 4, "D": 1668680518494},
        {"j": 1, "J": 1_000_000},
        {"v": 3, "A": "3.0", "B": "3.0", "u": 1, "U": 37, "Cs": "T", "pl": "2.5", "pL": "0.1", "pY": "0.2"},
        {"v": 0, "B": "0.0"},
        {"W": 1668683798379},
        {"b": "ONE_PARTY_TRADE_REPORT", "a": 1234},
        {"b": "AUTO_MATCH", "a": 0},
        {"k": "SOR", "uS": True},
        {"gP": "PRIMARY_PEG", "gOT": "PRICE_LEVEL", "gOV": 5, "gp": "1.0"},
        {"gP": "MARKET_PEG", "gp": "1.0"},
        {"eR": "INSUFFICIENT_LIQUIDITY"},
        {"n": "0.01", "N": "BNB"},
        {"C": "old", "r": "INSUFFICIENT_BALANCES", "t": 5, "g": 6},
    ],
)
def test_conditional_fields_of_execution_reports_appear_under_their_condition(shown):
    """ "Conditional Fields in Execution Report" of user-data-stream.md. ``y`` is documented nowhere."""
    report = {**REPORT, **shown}
    assert round_trip_event(report) == report


def test_nulls_that_the_documentation_shows_are_shown():
    assert round_trip("referencePrice", {"symbol": "S", "referencePrice": None, "timestamp": 1}) == {
        "symbol": "S",
        "referencePrice": None,
        "timestamp": 1,
    }
    nobody = {
        "apiKey": None,
        "authorizedSince": None,
        "connectedSince": 1,
        "returnRateLimits": True,
        "serverTime": 2,
    }
    nobody["userDataStream"] = False
    for method in ("session.status", "session.logout"):
        assert round_trip(method, nobody) == nobody
    halves = {
        "cancelResult": "SUCCESS",
        "newOrderResult": "FAILURE",
        "newOrderResponse": {"code": -1, "msg": "m"},
    }
    halves["cancelResponse"] = {**ORDER, "origClientOrderId": "o"}
    del halves["cancelResponse"]["workingTime"]
    assert round_trip("order.cancelReplace", halves) == halves
    error = {
        "cancelResult": "FAILURE",
        "newOrderResult": "NOT_ATTEMPTED",
        "cancelResponse": {"code": -2011, "msg": "u"},
    }
    error["newOrderResponse"] = None
    reply = {"id": 1, "status": 400, "error": {"code": -2022, "msg": "m", "data": error}}
    assert SPOT.decode(packed("", reply)) == {**reply, "id": "1"}


def test_the_tables_name_nothing_that_does_not_occur():
    """JSON_ONLY is what the examples have, not more."""
    text = facts.text("methods.json")
    assert all(f'"{key}"' in text for key in JSON_ONLY)
