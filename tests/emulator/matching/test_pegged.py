"""Pegged orders (faqs/pegged_orders.md)."""

from __future__ import annotations

import pytest

from helpers.emulator.floor import Floor


def market(**changes):
    floor = Floor(**changes)
    floor.trade("100")
    for price in ("99", "98", "97"):
        floor.order("b", "BUY", "1", price)
    for price in ("101", "102", "103"):
        floor.order("b", "SELL", "1", price)
    return floor


@pytest.mark.parametrize(
    ("side", "peg", "tif", "offset", "pegged", "status"),
    [
        ("BUY", "PRIMARY_PEG", "GTC", None, "99", "NEW"),
        ("BUY", "PRIMARY_PEG", "GTC", 2, "97", "NEW"),
        ("SELL", "PRIMARY_PEG", "GTC", None, "101", "NEW"),
        ("BUY", "MARKET_PEG", "IOC", None, "101", "FILLED"),
        ("SELL", "MARKET_PEG", "GTC", None, "99", "FILLED"),
        ("BUY", "MARKET_PEG", "GTC", 1, "102", "FILLED"),
    ],
)
def test_a_pegged_order_takes_its_price_from_the_book(side, peg, tif, offset, pegged, status):
    """SEMANTICS 73"""
    floor = market()
    more = {} if offset is None else {"pegOffsetType": "PRICE_LEVEL", "pegOffsetValue": offset}
    placed = floor.order("a", side, "1", type="LIMIT", timeInForce=tif, pegPriceType=peg, **more)
    assert (placed["price"], placed["peggedPrice"]) == ("0.00000000", f"{pegged}.00000000")
    assert (placed["status"], placed["pegPriceType"]) == (status, peg)
    assert ("pegOffsetType" in placed) == ("pegOffsetValue" in placed) == (offset is not None)
    (event, *_) = floor.events("a", "executionReport")
    assert (event["gP"], event["gp"], event["p"]) == (peg, f"{pegged}.00000000", "0.00000000")
    assert ("gOT" in event, event.get("gOV")) == (offset is not None, offset)


def test_the_price_stays_where_it_was_found():
    floor = market()
    placed = floor.order("a", "BUY", "1", type="LIMIT", pegPriceType="PRIMARY_PEG")
    floor.order("b", "BUY", "1", "99.50")
    assert floor.status("a", placed)["peggedPrice"] == "99.00000000"
    assert floor.depth()[0][:2] == [("99.5", "1"), ("99", "2")], "it queues up behind what was there"


@pytest.mark.parametrize(("price", "at"), [("98.50", "98.5"), ("120", "99")])
def test_a_price_limits_a_pegged_order(price, at):
    floor = market()
    floor.order("a", "BUY", "5", price, pegPriceType="PRIMARY_PEG")
    assert dict(floor.depth()[0])[at] in ("5", "6")


def test_a_pegged_stop_order_takes_its_price_when_it_is_triggered():
    floor = market()
    placed = floor.order("a", "BUY", "1", type="STOP_LOSS_LIMIT", stopPrice="101", pegPriceType="PRIMARY_PEG")
    assert "peggedPrice" not in placed
    floor.order("b", "BUY", "1", "99.90")
    floor.order("c", "BUY", "0.5", "101")
    shown = floor.status("a", placed)
    assert (shown["peggedPrice"], shown["isWorking"]) == ("99.90000000", True)


def test_a_pegged_stop_order_without_a_level_is_rejected_when_it_is_triggered():
    floor = Floor()
    floor.trade("100")
    placed = floor.order("a", "BUY", "1", type="STOP_LOSS_LIMIT", stopPrice="101", pegPriceType="MARKET_PEG")
    floor.trade("101")
    shown = floor.status("a", placed)
    assert (shown["status"], shown["expiryReason"]) == ("EXPIRED", "REJECTED")


@pytest.mark.parametrize(
    ("params", "code", "message"),
    [
        ({"type": "MARKET"}, -1013, "This order type may not use pegged price."),
        ({"type": "STOP_LOSS", "stopPrice": "90"}, -1013, "This order type may not use pegged price."),
        (
            {"type": "LIMIT_MAKER", "pegPriceType": "MARKET_PEG"},
            -1013,
            "This price peg cannot be used with this order type.",
        ),
        ({"timeInForce": "IOC"}, -1013, "Unsupported order combination"),
        ({"pegPriceType": "BEST"}, -1210, "Invalid pegPriceType."),
        ({"pegOffsetType": "TICKS", "pegOffsetValue": 1}, -1211, "Invalid pegOffsetType."),
        (
            {"pegOffsetValue": 1},
            -1128,
            "Combination of optional fields invalid. Recommendation: 'pegOffsetType' and 'pegOffsetValue' must "
            "both be sent.",
        ),
        (
            {"pegOffsetType": "PRICE_LEVEL", "pegOffsetValue": 101},
            -1130,
            "Data sent for parameter 'pegOffsetValue' is not valid.",
        ),
        (
            {"pegOffsetType": "PRICE_LEVEL", "pegOffsetValue": 3},
            -2010,
            "Order book liquidity is too low for this pegged order.",
        ),
        (
            {"pegPriceType": None, "price": "99", "pegOffsetType": "PRICE_LEVEL", "pegOffsetValue": 3},
            -1102,
            "Mandatory parameter 'pegPriceType' was not sent, was empty/null, or malformed.",
        ),
        ({"quantity": "0.0001", "price": None}, -1013, "Filter failure: NOTIONAL"),
    ],
)
def test_pegged_orders_that_are_refused(params, code, message):
    """SEMANTICS 73"""
    floor = market(min_notional="1")
    defaults = {"type": "LIMIT", "timeInForce": "GTC", "quantity": "1", "side": "BUY"}
    whole = {**defaults, "pegPriceType": "PRIMARY_PEG", **params}
    if whole["type"] != "LIMIT":
        del whole["timeInForce"]
    assert floor.error("a", "order.place", **whole) == (code, message)


def test_a_symbol_without_pegs():
    floor = market(pegs=False)
    assert floor.error(
        "a", "order.place", side="BUY", type="LIMIT_MAKER", quantity="1", pegPriceType="PRIMARY_PEG"
    ) == (-1013, "Pegged orders are not supported for this symbol.")


def test_pegged_orders_in_a_list():
    floor = market()
    placed = floor.call(
        "a",
        "orderList.place.oco",
        side="SELL",
        quantity="1",
        aboveType="LIMIT_MAKER",
        abovePegPriceType="PRIMARY_PEG",
        belowType="STOP_LOSS_LIMIT",
        belowStopPrice="98",
        belowTimeInForce="GTC",
        belowPegPriceType="MARKET_PEG",
        newOrderRespType="RESULT",
    )
    stop, limit = placed["orderReports"]
    assert "peggedPrice" not in stop
    assert limit["peggedPrice"] == "101.00000000"
