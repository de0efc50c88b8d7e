"""OPO and OPOCO: an order that sells what another one has bought (faqs/opo.md)."""

from __future__ import annotations

from helpers.emulator.floor import Floor
from helpers.emulator.order_lists import market, otoco


def opo(floor, **params):
    defaults = {
        "workingType": "LIMIT",
        "workingSide": "BUY",
        "workingPrice": "95",
        "workingQuantity": "2",
        "workingTimeInForce": "GTC",
        "pendingSide": "SELL",
        "pendingType": "LIMIT",
        "pendingPrice": "105",
        "pendingTimeInForce": "GTC",
    }
    return floor.call("a", "orderList.place.opo", **{**defaults, **params})


def test_an_opo_sells_what_it_has_bought():
    """SEMANTICS 84"""
    floor = market(rate=100_000)
    floor.accounts["a"].balance("BTC").free = 0
    placed = opo(floor, newOrderRespType="RESULT")
    assert placed["contingencyType"] == "OTO"
    working, pending = placed["orderReports"]
    assert "origQty" not in pending
    floor.order("b", "SELL", "1", "95")
    assert floor.balance("a", "BTC") == ("0", "0.999"), "kept for the pending order"
    floor.order("b", "SELL", "1", "95")
    # Two bought, less a commission of 0.1 %, in steps of 0.0001.
    assert floor.depth() == ([], [("105", "1.998")])
    assert floor.balance("a", "BTC") == ("0", "1.998")
    assert floor.status("a", pending)["origQty"] == "1.99800000"
    assert floor.status("a", working)["status"] == "FILLED"


def test_the_commission_of_an_opo_comes_from_what_is_free_if_there_is_enough():
    floor = market(rate=100_000)
    opo(floor)
    floor.order("b", "SELL", "2", "95")
    assert floor.depth() == ([], [("105", "2")])
    assert floor.balance("a", "BTC") == ("19999.998", "2")


def test_the_quantity_of_an_opo_is_cut_to_the_lot_size_and_the_rest_is_freed():
    floor = Floor(rate=100_000, step_size="0.5")
    floor.trade("100", "0.5")
    floor.accounts["a"].balance("BTC").free = 0
    floor.order("b", "SELL", "2", "95")
    opo(floor)
    assert floor.depth() == ([], [("105", "1.5")])
    assert floor.balance("a", "BTC") == ("0.498", "1.5")


def test_a_canceled_opo_frees_what_it_kept():
    floor = market()
    placed = opo(floor)
    floor.order("b", "SELL", "1", "95")
    assert floor.balance("a", "BTC") == ("20000", "1")
    floor.call("a", "orderList.cancel", orderListId=placed["orderListId"])
    assert (floor.balance("a", "BTC"), floor.balance("a", "USDT")) == (("20001", "0"), ("19905", "0"))


def test_an_opoco():
    floor = market()
    pair = {"pendingQuantity": None, "workingClientOrderId": "w"}
    placed = otoco(floor, "orderList.place.opoco", **pair)
    assert [row["type"] for row in placed["orderReports"]] == ["LIMIT", "STOP_LOSS", "LIMIT_MAKER"]
    floor.order("b", "SELL", "2", "95")
    shown = [floor.call("a", "order.status", orderId=row["orderId"])["origQty"] for row in placed["orders"]]
    assert shown == ["2.00000000"] * 3


def test_opos_that_are_refused():
    """SEMANTICS 84"""
    floor = market()
    params = {
        "workingType": "LIMIT",
        "workingTimeInForce": "GTC",
        "workingPrice": "95",
        "workingQuantity": "2",
        "pendingType": "MARKET",
    }
    bid = (-1222, "Working order in an OPO list must be a bid.")
    assert floor.error("a", "orderList.place.opo", **params, workingSide="SELL", pendingSide="BUY") == bid
    asks = (-1223, "Pending orders in an OPO list must be asks.")
    assert floor.error("a", "orderList.place.opo", **params, workingSide="BUY", pendingSide="BUY") == asks
    unread = floor.error(
        "a", "orderList.place.opo", **params, workingSide="BUY", pendingSide="SELL", pendingQuantity="1"
    )
    assert unread[0] == -1104
    placed = floor.call("a", "orderList.place.opo", **params, workingSide="BUY", pendingSide="SELL")
    pending = placed["orders"][1]["orderId"]
    assert floor.error("a", "order.amend.keepPriority", orderId=pending, newQty="1") == (
        -2038,
        "Order amend (pending OPO order) is not supported.",
    )
