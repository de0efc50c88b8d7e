"""Iceberg orders: a part is visible; the next part joins the end of the queue."""

from __future__ import annotations

from helpers.emulator.floor import Floor


def test_the_book_shows_a_part_and_the_next_part_loses_its_place():
    """SEMANTICS 72"""
    floor = Floor()
    berg = floor.order("a", "SELL", "5", "100", icebergQty="2")
    assert berg["icebergQty"] == "2.00000000"
    other = floor.order("b", "SELL", "1", "100")
    assert floor.depth() == ([], [("100", "3")])
    taken = floor.order("c", "BUY", "2.5", "100")
    assert [fill["qty"] for fill in taken["fills"]] == ["2.00000000", "0.50000000"]
    assert floor.status("b", other)["executedQty"] == "0.50000000", "the second part stands behind it"
    assert floor.depth() == ([], [("100", "2.5")])
    taken = floor.order("c", "BUY", "3.5", "100")
    assert [fill["qty"] for fill in taken["fills"]] == ["0.50000000", "2.00000000", "1.00000000"]
    assert floor.status("a", berg)["status"] == "FILLED"
    assert floor.depth() == ([], [])


def test_an_iceberg_takes_with_all_of_it():
    floor = Floor()
    floor.order("b", "BUY", "4", "100")
    berg = floor.order("a", "SELL", "5", "100", icebergQty="0.6")
    assert berg["executedQty"] == "4.00000000"
    assert floor.depth() == ([], [("100", "0.6")])


def test_the_hidden_part_counts_for_fill_or_kill_and_for_market_orders():
    floor = Floor()
    floor.order("a", "SELL", "5", "100", icebergQty="1")
    assert floor.order("b", "BUY", "3", "100", timeInForce="FOK")["status"] == "FILLED"
    taken = floor.order("b", "BUY", "2")
    assert (taken["status"], len(taken["fills"])) == ("FILLED", 2)


def test_amending_changes_the_visible_part_only_if_less_is_left():
    """faqs/order_amend_keep_priority.md"""
    floor = Floor()
    berg = floor.order("a", "SELL", "5", "100", icebergQty="2")
    floor.call("a", "order.amend.keepPriority", orderId=berg["orderId"], newQty="3")
    assert floor.depth() == ([], [("100", "2")])
    floor.call("a", "order.amend.keepPriority", orderId=berg["orderId"], newQty="1.5")
    assert floor.depth() == ([], [("100", "1.5")])
    assert floor.status("a", berg)["icebergQty"] == "2.00000000"


def test_icebergs_that_are_refused():
    """SEMANTICS 72"""
    floor = Floor(iceberg_parts=10, max_num_iceberg_orders=2)
    base = {"side": "SELL", "type": "LIMIT", "price": "100", "quantity": "1", "timeInForce": "GTC"}
    for params, expected in (
        ({"icebergQty": "1.1"}, (-1013, "IcebergQty exceeds QTY.")),
        ({"icebergQty": "0.5", "timeInForce": "FOK"}, (-1013, "Unsupported order combination")),
        ({"icebergQty": "0.09"}, (-1013, "Filter failure: ICEBERG_PARTS")),
        ({"icebergQty": "0.10001"}, (-1013, "Filter failure: LOT_SIZE")),
    ):
        assert floor.error("a", "order.place", **{**base, **params}) == expected
    market = {"side": "SELL", "type": "MARKET", "quantity": "1", "icebergQty": "0.5"}
    assert floor.error("a", "order.place", **market)[0] == -1106
    for _ in range(2):
        floor.call("a", "order.place", **base, icebergQty="0.1")
    too_many = (-1013, "Filter failure: MAX_NUM_ICEBERG_ORDERS")
    assert floor.error("a", "order.place", **base, icebergQty="0.1") == too_many
    assert Floor(iceberg=False).error("a", "order.place", **base, icebergQty="0.1") == (
        -1013,
        "Iceberg orders are not supported for this symbol.",
    )
