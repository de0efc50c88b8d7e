from __future__ import annotations

import pytest

from fastws.emulator.methods.table import METHODS
from helpers import facts

# methods with their documented parameters, apart from those that every SIGNED method takes.
NEW_ORDER = (
    "symbol side type timeInForce price quantity quoteOrderQty newClientOrderId newOrderRespType stopPrice "
    "trailingDelta icebergQty strategyId strategyType selfTradePreventionMode pegPriceType pegOffsetValue "
    "pegOffsetType"
)
_ORDER = (
    "Type ClientOrderId Price StopPrice TrailingDelta IcebergQty TimeInForce StrategyId StrategyType PegPriceType "
    "PegOffsetType PegOffsetValue"
)


def prefixed(*prefixes):
    return " ".join(f"{prefix}{name}" for prefix in prefixes for name in _ORDER.split())


NEW_LIST = "symbol listClientOrderId newOrderRespType selfTradePreventionMode "
WORKING = (
    " ".join(
        name
        for name in prefixed("working").split()
        if name not in ("workingStopPrice", "workingTrailingDelta")
    )
    + " workingSide workingQuantity pendingSide "
)
NOT_SOR = "quoteOrderQty stopPrice trailingDelta pegPriceType pegOffsetValue pegOffsetType".split()
SOR_ORDER = " ".join(name for name in NEW_ORDER.split() if name not in NOT_SOR)
DOCUMENTED = {
    "ping": "",
    "time": "",
    "exchangeInfo": "symbol symbols permissions showPermissionSets symbolStatus",
    "executionRules": "symbol symbols symbolStatus",
    "depth": "symbol limit symbolStatus",
    "ticker.price": "symbol symbols symbolStatus",
    "ticker.book": "symbol symbols symbolStatus",
    "trades.recent": "symbol limit",
    "trades.historical": "symbol fromId limit",
    "blockTrades.historical": "symbol fromId limit",
    "trades.aggregate": "symbol fromId startTime endTime limit",
    "klines": "symbol interval startTime endTime timeZone limit",
    "uiKlines": "symbol interval startTime endTime timeZone limit",
    "avgPrice": "symbol",
    "ticker.24hr": "symbol symbols type symbolStatus",
    "ticker.tradingDay": "symbol symbols timeZone type symbolStatus",
    "ticker": "symbol symbols type windowSize symbolStatus",
    "referencePrice": "symbol",
    "referencePrice.calculation": "symbol symbolStatus",
    "session.logon": "",
    "session.status": "",
    "session.logout": "",
    "session.subscriptions": "",
    "userDataStream.subscribe": "",
    "userDataStream.subscribe.signature": "",
    "userDataStream.unsubscribe": "subscriptionId",
    "order.place": NEW_ORDER,
    "order.test": NEW_ORDER + " computeCommissionRates",
    "order.cancel": "symbol orderId origClientOrderId newClientOrderId cancelRestrictions",
    "order.cancelReplace": NEW_ORDER + " cancelReplaceMode cancelOrderId cancelOrigClientOrderId "
    "cancelNewClientOrderId cancelRestrictions orderRateLimitExceededMode",
    "order.amend.keepPriority": "symbol orderId origClientOrderId newClientOrderId newQty",
    "openOrders.cancelAll": "symbol",
    "orderList.place": "symbol side price quantity listClientOrderId limitClientOrderId limitIcebergQty "
    "limitStrategyId limitStrategyType stopPrice trailingDelta stopClientOrderId stopLimitPrice "
    "stopLimitTimeInForce stopIcebergQty stopStrategyId stopStrategyType newOrderRespType "
    "selfTradePreventionMode",
    "orderList.place.oco": NEW_LIST + "side quantity " + prefixed("above", "below"),
    "orderList.place.oto": NEW_LIST + WORKING + "pendingQuantity " + prefixed("pending"),
    "orderList.place.otoco": NEW_LIST
    + WORKING
    + "pendingQuantity "
    + prefixed("pendingAbove", "pendingBelow"),
    "orderList.place.opo": NEW_LIST + WORKING + prefixed("pending"),
    "orderList.place.opoco": NEW_LIST + WORKING + prefixed("pendingAbove", "pendingBelow"),
    "orderList.cancel": "symbol orderListId listClientOrderId newClientOrderId",
    "orderList.status": "origClientOrderId orderListId",
    "openOrderLists.status": "",
    "allOrderLists": "fromId startTime endTime limit",
    "sor.order.place": SOR_ORDER,
    "sor.order.test": SOR_ORDER + " computeCommissionRates",
    "myPreventedMatches": "symbol preventedMatchId orderId fromPreventedMatchId limit",
    "myAllocations": "symbol startTime endTime fromAllocationId limit orderId",
    "account.commission": "symbol",
    "myFilters": "symbol",
    "order.status": "symbol orderId origClientOrderId",
    "openOrders.status": "symbol",
    "allOrders": "symbol orderId startTime endTime limit",
    "order.amendments": "symbol orderId fromExecutionId limit",
    "account.status": "omitZeroBalances",
    "account.rateLimits.orders": "",
    "myTrades": "symbol orderId startTime endTime fromId limit",
}
SIGNED = {"apiKey", "signature", "timestamp", "recvWindow"}


def test_these_methods_are_served():
    assert set(METHODS) == set(DOCUMENTED)


def test_they_are_all_that_the_documentation_lists():
    listed = {method["method"] for method in facts.methods()}
    assert len(listed) == 55
    assert listed == set(METHODS)


@pytest.mark.parametrize("name", DOCUMENTED)
def test_a_method_takes_its_documented_parameters(name):
    method = METHODS[name]
    own = set(method.params) - {"returnRateLimits"}
    assert own == set(DOCUMENTED[name].split()) | (SIGNED if method.signed else set())
    assert set(method.mandatory) <= own


@pytest.mark.parametrize("name", DOCUMENTED)
def test_signed_methods_are_those_with_a_security_type(name):
    """SEMANTICS 36"""
    public = (
        "ping",
        "time",
        "exchangeInfo",
        "executionRules",
        "depth",
        "klines",
        "uiKlines",
        "avgPrice",
        "ticker",
        "trades.",
        "blockTrades.",
        "referencePrice",
        "session.status",
        "session.logout",
        "session.subscriptions",
        "userDataStream.unsubscribe",
    )
    assert METHODS[name].signed == (not name.startswith(public) and name != "userDataStream.subscribe")


def test_successful_trading_methods_are_free():
    """SEMANTICS 94"""
    free = {name for name, method in METHODS.items() if method.free}
    lists = {"orderList.place" + kind for kind in ("", ".oco", ".oto", ".otoco", ".opo", ".opoco")}
    assert free == {
        "order.place",
        "order.cancel",
        "order.cancelReplace",
        "openOrders.cancelAll",
        "orderList.cancel",
        "sor.order.place",
        *lists,
    }
