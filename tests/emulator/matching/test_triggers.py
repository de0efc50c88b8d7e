"""Stop orders and trailing stop orders; the scenarios of faqs/trailing-stop-faq.md."""

from __future__ import annotations

import pytest

from helpers.emulator.floor import Floor

EXPIRY = "eR"


@pytest.mark.parametrize(
    ("kind", "side", "stop", "not_yet", "met"),
    [
        ("STOP_LOSS", "BUY", "110", "109.99", "110"),
        ("STOP_LOSS", "SELL", "90", "90.01", "90"),
        ("TAKE_PROFIT", "BUY", "90", "90.01", "89"),
        ("TAKE_PROFIT", "SELL", "110", "109.99", "111"),
    ],
)
def test_a_stop_order_trades_at_the_market_when_its_price_is_met(kind, side, stop, not_yet, met):
    """SEMANTICS 70"""
    floor = Floor()
    floor.trade("100")
    floor.order("b", "SELL", "5", "120")
    floor.order("c", "BUY", "5", "80")
    placed = floor.order("a", side, "2", type=kind, stopPrice=stop)
    assert (placed["status"], placed["workingTime"], placed["stopPrice"]) == ("NEW", -1, f"{float(stop):.8f}")
    floor.trade(not_yet)
    shown = floor.status("a", placed)
    assert (shown["status"], shown["isWorking"]) == ("NEW", False)
    floor.events("a")
    floor.trade(met)
    shown = floor.status("a", placed)
    assert (shown["status"], shown["isWorking"], shown["type"]) == ("FILLED", True, kind)
    assert shown["cummulativeQuoteQty"] == ("240.00000000" if side == "BUY" else "160.00000000")
    assert [row[1:3] for row in floor.told("a")[:2]] == [("NEW", "NEW"), ("TRADE", "FILLED")]


@pytest.mark.parametrize(
    ("kind", "side", "stop"),
    [
        ("STOP_LOSS", "BUY", "100"),
        ("STOP_LOSS", "SELL", "100"),
        ("TAKE_PROFIT", "BUY", "100.01"),
        ("TAKE_PROFIT_LIMIT", "SELL", "99"),
    ],
)
def test_a_stop_price_on_the_wrong_side_of_the_market(kind, side, stop):
    floor = Floor()
    floor.trade("100")
    price = "100" if kind.endswith("LIMIT") else None
    refused = floor.error(
        "a",
        "order.place",
        type=kind,
        side=side,
        quantity="1",
        stopPrice=stop,
        price=price,
        timeInForce="GTC" if price else None,
    )
    assert refused == (-2010, "Order would trigger immediately.")


def test_a_stop_limit_order_rests_at_its_price_and_holds_its_funds_meanwhile():
    floor = Floor()
    floor.trade("100")
    placed = floor.order("a", "BUY", "2", "105", type="STOP_LOSS_LIMIT", stopPrice="104")
    assert floor.balance("a", "USDT") == ("19790", "210")
    assert floor.depth() == ([], [])
    floor.trade("104")
    assert floor.depth() == ([("105", "2")], [])
    shown = floor.status("a", placed)
    assert shown["status"] == "NEW"
    assert shown["workingTime"] > shown["time"]
    reports = [event for event in floor.events("a", "executionReport") if event["i"] == placed["orderId"]]
    assert [(event["x"], event["w"], "W" in event) for event in reports] == [
        ("NEW", False, False),
        ("NEW", True, True),
    ]


def test_a_triggered_order_without_funds_or_liquidity_expires():
    floor = Floor(funds="200")
    floor.trade("100", "0.01")
    broke = floor.order("a", "BUY", "1.5", type="STOP_LOSS", stopPrice="120")
    alone = floor.order("a", "SELL", "1", type="STOP_LOSS", stopPrice="90")
    floor.order("b", "SELL", "2", "150")
    floor.trade("120", "0.01")
    shown = floor.status("a", broke)
    assert (shown["status"], shown["expiryReason"]) == ("EXPIRED", "REJECTED")
    floor.trade("90", "0.01")
    shown = floor.status("a", alone)
    assert (shown["status"], shown["expiryReason"]) == ("EXPIRED", "INSUFFICIENT_LIQUIDITY")
    assert floor.balance("a", "USDT") == ("200", "0")


def test_orders_are_triggered_in_the_order_of_their_prices_and_may_trigger_others():
    floor = Floor()
    floor.trade("100")
    far = floor.order("a", "SELL", "1", type="STOP_LOSS", stopPrice="80")
    near = floor.order("a", "SELL", "1", type="STOP_LOSS", stopPrice="95")
    also = floor.order("a", "SELL", "1", type="STOP_LOSS", stopPrice="95")
    floor.order("b", "BUY", "1", "90")
    floor.order("b", "BUY", "1", "79")
    floor.order("b", "BUY", "1", "70")
    floor.events("a")
    floor.trade("95")
    traded = [row[0] for row in floor.told("a") if row[1] == "TRADE"]
    assert traded == [near["orderId"], also["orderId"], far["orderId"]]


SCENARIOS = {
    "A": ("STOP_LOSS_LIMIT", "BUY", 44_000, 500, 45_000, "37000 44000 45000 46000 42000 44099.99", "44100"),
    "B": ("STOP_LOSS_LIMIT", "SELL", 39_000, 1000, 38_000, "41500 39000 37000 41000 36900.01", "36900"),
    "C": ("TAKE_PROFIT_LIMIT", "BUY", 38_000, 850, 38_500, "42000 38000 37000 39000 38000 40144.99", "40145"),
    "D": (
        "TAKE_PROFIT_LIMIT",
        "SELL",
        42_000,
        750,
        41_000,
        "41500 39000 42000 45000 44000 46500 43012.51",
        "43012.50",
    ),
    "E": ("STOP_LOSS_LIMIT", "SELL", None, 700, 39_000, "42000 39500 45500 42315.01", "42315"),
}


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_trailing_scenarios(scenario):
    """faqs/trailing-stop-faq.md, Scenarios A to E"""
    kind, side, stop, delta, price, path, trigger = SCENARIOS[scenario]
    floor = Floor(funds="10000000")
    floor.trade("40000")
    placed = floor.order("a", side, "1", price, type=kind, stopPrice=stop, trailingDelta=delta)
    assert placed["trailingDelta"] == delta
    assert (placed["trailingTime"] == -1) == (stop is not None)
    for last in path.split():
        floor.trade(last)
        shown = floor.status("a", placed)
        assert not shown["isWorking"], last
    assert shown["trailingTime"] > 0
    floor.trade(trigger)
    shown = floor.status("a", placed)
    assert shown["isWorking"]
    assert shown["price"] == f"{price}.00000000"


def test_a_trailing_order_tells_since_when_it_follows_the_price():
    """SEMANTICS 67"""
    floor = Floor(funds="10000000")
    floor.trade("40000")
    floor.order("a", "SELL", "1", type="STOP_LOSS", trailingDelta=100, stopPrice="39000")
    floor.order("a", "SELL", "1", type="STOP_LOSS", trailingDelta=100)
    waits, follows = floor.events("a", "executionReport")
    assert (waits["d"], "D" in waits) == (100, False)
    assert (follows["d"], follows["D"]) == (100, follows["T"])


def test_a_waiting_order_can_be_canceled_and_amended():
    floor = Floor()
    floor.trade("100")
    placed = floor.order("a", "BUY", "2", "105", type="STOP_LOSS_LIMIT", stopPrice="104")
    amended = floor.call("a", "order.amend.keepPriority", orderId=placed["orderId"], newQty="1")
    assert (amended["amendedOrder"]["qty"], amended["amendedOrder"]["stopPrice"]) == (
        "1.00000000",
        "104.00000000",
    )
    assert floor.balance("a", "USDT") == ("19895", "105")
    canceled = floor.call("a", "order.cancel", orderId=placed["orderId"])
    assert (canceled["status"], canceled["stopPrice"]) == ("CANCELED", "104.00000000")
    assert floor.balance("a", "USDT") == ("20000", "0")
    floor.trade("105")
    assert floor.status("a", placed)["status"] == "CANCELED"
