"""Views of an order that the tests of the methods do not cover."""

from __future__ import annotations

from helpers.emulator.bare_engine import Market, new_order


def test_times_follow_the_divisor():
    market = Market()
    market.now = 1_700_000_000_123_455
    order = market.place(0, new_order())
    assert order.ack_view(1000)["transactTime"] == 1_700_000_000_123
    assert order.ack_view(1)["transactTime"] == 1_700_000_000_123_456
    assert order.query_view(1)["workingTime"] == 1_700_000_000_123_456
    assert order.amended_view("x", 1)["workingTime"] == 1_700_000_000_123_456


def test_expiry_reasons_are_shown_unless_only_an_ack_was_asked_for():
    market = Market()
    order = market.place(0, new_order(tif="IOC"))
    assert order.status == "EXPIRED"
    assert order.query_view(1)["expiryReason"] == "UNFILLED_IOC_QUANTITY_EXPIRED"
    for resp_type in ("RESULT", "FULL"):
        assert order.placed_view(resp_type, 1)["expiryReason"] == "UNFILLED_IOC_QUANTITY_EXPIRED"
    assert "expiryReason" not in order.placed_view("ACK", 1)


def test_a_prevented_order_says_so_in_queries():
    market = Market()
    maker = market.place(0, new_order("BUY"))
    market.place(0, new_order("SELL", stp="EXPIRE_BOTH"))
    shown = maker.query_view(1)
    assert (shown["status"], shown["preventedMatchId"]) == ("EXPIRED_IN_MATCH", 0)
    assert shown["preventedQuantity"] == shown["origQty"]
