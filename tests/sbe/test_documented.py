"""fastws.sbe.documented: the rules that no attribute says name elements that there are, and do what they say."""

import pytest

from fastws.sbe import Schema, documented
from fastws.sbe.documented import PLAIN, closing_values, rule_for
from fastws.sbe.model import Group

SPOT = Schema.bundled("spot")


def paths(block, path=""):
    for part in block.parts:
        yield path + part.name
        if isinstance(part, Group):
            yield from paths(part, f"{path}{part.name}.")


@pytest.mark.parametrize("name", documented._ELEMENTS)
def test_rules_name_elements(name):
    known = set(paths(SPOT.model.message(name)))
    if name.startswith("WebSocketSession") and name != "WebSocketSessionSubscriptionsResponse":
        assert "loggedOnApiKey" in known
    assert documented._ELEMENTS[name].keys() <= known


def test_rules_by_name_name_fields():
    known = {path.rpartition(".")[2] for message in SPOT.model.messages.values() for path in paths(message)}
    assert documented._FIELDS.keys() <= known


def test_rules_name_messages():
    for name in documented._WITHIN:
        assert SPOT.model.message(name)
    for path in documented._CLOSING:
        message, _, group = path.partition(".")
        assert group in set(paths(SPOT.model.message(message)))
    for rules in documented._ELEMENTS.values():
        for rule in rules.values():
            assert rule.only_with is None or any(
                path.rpartition(".")[2] == rule.only_with
                for m in SPOT.model.messages.values()
                for path in paths(m)
            )


def test_other_schemas_have_no_rules():
    """A field of the same name in the stream schema is what it says."""
    assert rule_for(1, "ErrorResponse", "data", "data") is PLAIN
    assert rule_for(1, "TradeEvent", "subscriptionId", "subscriptionId") is PLAIN
    assert rule_for(3, "ErrorResponse", "data", "data").path == "data.*"
    assert closing_values(1, "KlinesResponse", "klines") == ()
    assert closing_values(3, "KlinesResponse", "klines") == ("0",)
    assert closing_values(3, "KlinesResponse", "other") == ()


@pytest.mark.parametrize(
    ("message", "path", "json_path", "attribute", "value"),
    [
        ("NewOrderFullResponse", "orderCapacity", "orderCapacity", "hidden", True),
        ("NewOrderListFullResponse", "orderReports.workingFloor", "workingFloor", "only_with", "usedSor"),
        ("NewOrderListResultResponse", "orderReports.origQty", "origQty", "unless_zero", True),
        ("NewOrderFullResponse", "origQty", "origQty", "unless_zero", False),
        ("NewOrderFullResponse", "fills.matchType", "matchType", "only_with", "allocId"),
        ("ExecutionReportEvent", "matchType", "b", "only_with", "allocId"),
        ("BalanceUpdateEvent", "subscriptionId", "subscriptionId", "aside", True),
        ("UserDataStreamSubscribeResponse", "subscriptionId", "subscriptionId", "aside", False),
        ("OrderAmendKeepPriorityResponse", "orderType", "type", "path", "amendedOrder.type"),
        ("OrderAmendKeepPriorityResponse", "transactTime", "transactTime", "path", None),
        ("OrderAmendKeepPriorityResponse", "listStatus.orders.symbol", "symbol", "path", None),
    ],
)
def test_rules(message, path, json_path, attribute, value):
    assert getattr(rule_for(3, message, path, json_path), attribute) == value


# --- what they do


def test_an_error_s_data():
    cancel = {"template": "PingResponse", "value": {}}
    attributes = {"code": -2022, "msg": "m", "serverTime": 5, "retryAfter": 6}
    assert SPOT.decode(SPOT.encode("ErrorResponse", {**attributes, "data": cancel})) == {
        "code": -2022,
        "msg": "m",
        "data": {"serverTime": 5, "retryAfter": 6},
    }
    assert SPOT.decode(SPOT.encode("ErrorResponse", {"code": -1, "msg": "m"})) == {"code": -1, "msg": "m"}


def test_an_event_and_its_subscription():
    data = SPOT.encode(
        "BalanceUpdateEvent",
        {
            "eventTime": 1,
            "clearTime": 2,
            "qtyExponent": -2,
            "freeQtyDelta": 5,
            "asset": "BTC",
            "subscriptionId": 3,
        },
    )
    event = {"e": "balanceUpdate", "E": 1, "T": 2, "d": "0.05", "a": "BTC"}
    assert SPOT.decode(data) == {"event": event, "subscriptionId": 3}
    assert next(iter(SPOT.decode(data)["event"])) == "e"


def test_klines_have_a_twelfth_column():
    kline = {"openTime": 1, "openPrice": 2, "highPrice": 3, "lowPrice": 4, "closePrice": 5, "volume": 6}
    kline |= {
        "closeTime": 7,
        "quoteVolume": 8,
        "numTrades": 9,
        "takerBuyBaseVolume": 10,
        "takerBuyQuoteVolume": 11,
    }
    data = SPOT.encode("KlinesResponse", {"priceExponent": -1, "qtyExponent": 0, "klines": [kline]})
    assert SPOT.decode(data) == [[1, "0.2", "0.3", "0.4", "0.5", "6", 7, "0.8", 9, "10", "1.1", "0"]]


def test_arrays_that_are_the_result():
    data = SPOT.encode(
        "WebSocketSessionSubscriptionsResponse",
        {"subscriptions": [{"subscriptionId": 1, "expirationTime": None}]},
    )
    assert SPOT.decode(data) == [{"subscriptionId": 1}]
    ping = {"response": {"template": "ServerTimeResponse", "value": {"serverTime": 5}}}
    data = SPOT.encode("CancelOpenOrdersResponse", {"responses": [ping, ping]})
    assert SPOT.decode(data) == [{"serverTime": 5}, {"serverTime": 5}]
