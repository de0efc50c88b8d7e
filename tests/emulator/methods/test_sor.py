"""Smart order routing: the examples of faqs/sor_faq.md."""

from __future__ import annotations

import pytest

from helpers.emulator.floor import Floor, symbol

ASKS = {
    "BTCUSDT": (("3", "30800"), ("3", "30500")),
    "BTCUSDC": (("1", "30000"), ("1", "28000")),
    "BTCUSDP": (("1", "35000"), ("1", "29000")),
}
BIDS = {
    "BTCUSDT": (("5", "29500"),),
    "BTCUSDC": (("5", "35000"), ("5", "30000")),
    "BTCUSDP": (("5", "28000"),),
}


def market(side, orders):
    floor = Floor(
        *(symbol(name, reference_price="30000", sor=True) for name in ASKS),
        symbol("ETHUSDT"),
        funds="1000000",
    )
    for name, rows in orders.items():
        for quantity, price in rows:
            floor.order("b", side, quantity, price, symbol=name)
    return floor


def route(floor, side, quantity, price=None, **params):
    if price is not None:
        params |= {"type": "LIMIT", "timeInForce": "GTC", "price": price}
    whole = {"type": "MARKET", "side": side, "quantity": quantity, **params}
    (order,) = floor.call("a", "sor.order.place", **whole)
    return order


def fills(order):
    return [(fill["price"].split(".")[0], fill["qty"].rstrip("0").rstrip(".")) for fill in order["fills"]]


def test_example_1():
    """SEMANTICS 85"""
    floor = market("SELL", ASKS)
    order = route(floor, "BUY", "0.5", "31000")
    assert (order["status"], order["cummulativeQuoteQty"]) == ("FILLED", "14000.00000000")
    assert order["fills"] == [
        {
            "matchType": "ONE_PARTY_TRADE_REPORT",
            "price": "28000.00000000",
            "qty": "0.50000000",
            "commission": "0.00000000",
            "commissionAsset": "BTC",
            "tradeId": -1,
            "allocId": 0,
        }
    ]
    assert (order["workingFloor"], order["usedSor"]) == ("SOR", True)
    assert floor.balance("a", "USDT") == ("986000", "0"), "it pays with the quote asset of its own symbol"
    assert floor.balance("a", "USDC") == ("1000000", "0")
    assert floor.balance("b", "USDC") == ("1014000", "0")


def test_example_2():
    floor = market("SELL", ASKS)
    order = route(floor, "BUY", "5", "31000")
    assert fills(order) == [("28000", "1"), ("29000", "1"), ("30000", "1"), ("30500", "2")]
    assert [fill["allocId"] for fill in order["fills"]] == [0, 1, 2, 3]
    assert (order["status"], order["cummulativeQuoteQty"]) == ("FILLED", "148000.00000000")


def test_example_3():
    floor = market("SELL", ASKS)
    order = route(floor, "BUY", "11")
    assert [price for price, _ in fills(order)] == ["28000", "29000", "30000", "30500", "30800", "35000"]
    assert (order["status"], order["executedQty"]) == ("EXPIRED", "10.00000000")
    assert order["cummulativeQuoteQty"] == "305900.00000000"
    assert order["expiryReason"] == "INSUFFICIENT_LIQUIDITY"


def test_example_4():
    floor = market("BUY", BIDS)
    order = route(floor, "SELL", "10", "29000")
    assert fills(order) == [("35000", "5"), ("30000", "5")]
    assert floor.balance("a", "USDT") == ("1325000", "0"), "it receives the quote asset of its own symbol"


def test_what_remains_rests_on_its_own_book_and_trades_there():
    floor = market("SELL", ASKS)
    order = route(floor, "BUY", "3", "29500")
    assert (order["status"], order["workingFloor"]) == ("PARTIALLY_FILLED", "EXCHANGE")
    assert floor.depth()[0] == [("29500", "1")]
    floor.order("b", "SELL", "1", "29500")
    shown = floor.status("a", order)
    assert (shown["status"], shown["usedSor"], shown["workingFloor"]) == ("FILLED", True, "EXCHANGE")
    assert len(floor.call("a", "myTrades")) == 1


def test_fill_or_kill():
    floor = market("SELL", ASKS)
    params = {"type": "LIMIT", "timeInForce": "FOK", "price": "29500", "side": "BUY"}
    (order,) = floor.call("a", "sor.order.place", **params, quantity="3", newOrderRespType="FULL")
    assert (order["status"], order["fills"]) == ("EXPIRED", [])
    (order,) = floor.call("a", "sor.order.place", **params, quantity="2", newOrderRespType="FULL")
    assert order["status"] == "FILLED"


def test_allocations_and_events():
    """SEMANTICS 67"""
    floor = market("SELL", ASKS)
    order = route(floor, "BUY", "2", "31000")
    rows = floor.call("a", "myAllocations")
    assert list(rows[0]) == [
        "symbol",
        "allocationId",
        "allocationType",
        "orderId",
        "orderListId",
        "price",
        "qty",
        "quoteQty",
        "commission",
        "commissionAsset",
        "time",
        "isBuyer",
        "isMaker",
        "isAllocator",
    ]
    assert [row["allocationId"] for row in rows] == [0, 1]
    assert floor.call("a", "myAllocations", orderId=order["orderId"], fromAllocationId=1) == rows[1:]
    assert floor.call("a", "myAllocations", orderId=77) == floor.call("b", "myAllocations") == []
    assert floor.call("a", "myAllocations", endTime=rows[0]["time"], limit=1) == rows[1:]
    assert floor.call("a", "myAllocations", startTime=rows[0]["time"], limit=1) == rows[:1]
    assert floor.error("a", "myAllocations", startTime=1, orderId=1)[0] == -1128
    new, first, second = floor.events("a", "executionReport")
    assert (new["k"], new["uS"], "b" in new) == ("SOR", True, False)
    for number, event in enumerate((first, second)):
        assert (event["x"], event["t"], event["b"], event["a"]) == (
            "TRADE",
            -1,
            "ONE_PARTY_TRADE_REPORT",
            number,
        )


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"type": "LIMIT_MAKER", "price": "1"}, -1116),
        ({"symbol": "ETHUSDT"}, -1013),
        ({"quoteOrderQty": "5"}, -1104),
        ({"pegPriceType": "PRIMARY_PEG"}, -1104),
        ({"quantity": None}, -1102),
        ({"symbol": "NO"}, -1121),
    ],
)
def test_orders_that_sor_does_not_take(params, code):
    """SEMANTICS 85"""
    floor = market("SELL", ASKS)
    whole = {"type": "MARKET", "side": "BUY", "quantity": "1", **params}
    assert floor.error("a", "sor.order.place", **whole)[0] == code
    assert floor.error("a", "sor.order.test", **whole)[0] == code


def test_exchange_info_names_the_configurations():
    floor = market("SELL", ASKS)
    assert floor.call("a", "exchangeInfo", symbol=None)["sors"] == [
        {"baseAsset": "BTC", "symbols": list(ASKS)}
    ]
    assert "sors" not in Floor().call("a", "exchangeInfo", symbol=None)
