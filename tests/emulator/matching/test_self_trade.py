"""Self-trade prevention: the scenarios of faqs/stp_faq.md."""

from __future__ import annotations

import pytest

from helpers.emulator.floor import Floor

EXPIRED = "EXPIRED_IN_MATCH"


def test_scenario_a():
    floor = Floor()
    maker = floor.order("a", "BUY", "1", "1", selfTradePreventionMode="NONE")
    taker = floor.order("a", "SELL", "1", "1", selfTradePreventionMode="NONE")
    assert (floor.status("a", maker)["status"], taker["status"]) == ("FILLED", "FILLED")
    assert "preventedMatchId" not in floor.status("a", maker)


def makers(floor):
    return [floor.order("a", "BUY", q, p) for q, p in (("1.2", "1.2"), ("1.3", "1.1"), ("8.1", "1"))]


def test_scenario_b():
    floor = Floor()
    resting = makers(floor)
    taker = floor.order("a", "SELL", "3", "1", selfTradePreventionMode="EXPIRE_MAKER")
    for number, (maker, quantity) in enumerate(zip(resting, ("1.2", "1.3", "8.1"), strict=True)):
        shown = floor.status("a", maker)
        assert (shown["status"], shown["preventedMatchId"]) == (EXPIRED, number)
        assert shown["preventedQuantity"] == f"{quantity}0000000"
    assert taker["status"] == "NEW"
    assert taker["fills"] == []
    assert taker["preventedMatches"] == [
        {
            "preventedMatchId": number,
            "makerSymbol": "BTCUSDT",
            "makerOrderId": maker["orderId"],
            "price": maker["price"],
            "makerPreventedQuantity": maker["origQty"],
        }
        for number, maker in enumerate(resting)
    ]
    assert "preventedQuantity" not in taker
    assert floor.depth() == ([], [("1", "3")])


def test_scenario_c():
    floor = Floor()
    resting = makers(floor)
    taker = floor.order("a", "SELL", "3", "1", selfTradePreventionMode="EXPIRE_TAKER")
    assert [floor.status("a", maker)["status"] for maker in resting] == ["NEW"] * 3
    assert (taker["status"], taker["preventedQuantity"]) == (EXPIRED, "3.00000000")
    (match,) = taker["preventedMatches"]
    assert match["takerPreventedQuantity"] == "3.00000000"
    assert "makerPreventedQuantity" not in match


def test_scenario_d():
    floor = Floor()
    floor.accounts["a"].trade_group_id = 1
    maker = floor.order("a", "BUY", "1", "1")
    taker = floor.order("a", "SELL", "3", "1", selfTradePreventionMode="EXPIRE_BOTH")
    shown = floor.status("a", maker)
    assert (shown["status"], shown["preventedQuantity"]) == (EXPIRED, "1.00000000")
    assert (taker["status"], taker["preventedQuantity"], taker["tradeGroupId"]) == (EXPIRED, "3.00000000", 1)
    (match,) = taker["preventedMatches"]
    assert (match["takerPreventedQuantity"], match["makerPreventedQuantity"]) == ("3.00000000", "1.00000000")


def test_scenario_e():
    floor = Floor()
    maker = floor.order("a", "BUY", "1", "1", selfTradePreventionMode="EXPIRE_MAKER")
    taker = floor.order("a", "SELL", "1", "1", selfTradePreventionMode="EXPIRE_TAKER")
    assert (floor.status("a", maker)["status"], taker["status"]) == ("NEW", EXPIRED)


def test_scenario_f():
    floor = Floor()
    maker = floor.order("a", "BUY", "1", "1")
    taker = floor.order("a", "SELL", "1", selfTradePreventionMode="EXPIRE_MAKER")
    assert floor.status("a", maker)["status"] == EXPIRED
    assert (taker["status"], taker["expiryReason"]) == ("EXPIRED", "INSUFFICIENT_LIQUIDITY")


def test_scenario_g():
    floor = Floor()
    maker = floor.order("a", "BUY", "6", "2")
    taker = floor.order("a", "SELL", "2", "2", selfTradePreventionMode="DECREMENT")
    shown = floor.status("a", maker)
    assert (shown["status"], shown["preventedQuantity"], shown["origQty"]) == (
        "NEW",
        "2.00000000",
        "6.00000000",
    )
    assert (taker["status"], taker["preventedQuantity"]) == (EXPIRED, "2.00000000")
    assert floor.depth() == ([("2", "4")], [])
    assert floor.balance("a", "USDT") == ("19992", "8")


def test_scenario_h():
    floor = Floor()
    for name in "ab":
        floor.accounts[name].trade_group_id = 1
    transfer = {"selfTradePreventionMode": "TRANSFER"}
    maker = floor.order("a", "BUY", "0.6", "0.2", **transfer)
    taker = floor.order("b", "SELL", "0.2", "0.2", **transfer)
    assert floor.status("a", maker)["preventedQuantity"] == "0.20000000"
    assert (taker["status"], taker["tradeGroupId"], taker["fills"]) == (EXPIRED, 1, [])
    assert (floor.balance("a", "BTC"), floor.balance("a", "USDT")) == (("20000.2", "0"), ("19999.88", "0.08"))
    assert (floor.balance("b", "BTC"), floor.balance("b", "USDT")) == (("19999.8", "0"), ("20000.04", "0"))


@pytest.mark.parametrize(
    ("taker", "maker", "effective"),
    [
        ("TRANSFER", "TRANSFER", "TRANSFER"),
        ("TRANSFER", "NONE", "DECREMENT"),
        ("EXPIRE_BOTH", "TRANSFER", "EXPIRE_BOTH"),
        ("DECREMENT", "EXPIRE_TAKER", "DECREMENT"),
    ],
)
def test_the_effective_mode(taker, maker, effective):
    floor = Floor()
    for name in "ab":
        floor.accounts[name].trade_group_id = 3
    floor.order("a", "BUY", "1", "1", selfTradePreventionMode=maker)
    floor.order("b", "SELL", "1", "1", selfTradePreventionMode=taker)
    (row,) = floor.call("a", "myPreventedMatches", preventedMatchId=0)
    assert (row["selfTradePreventionMode"], row["tradeGroupId"]) == (effective, 3)
    assert floor.call("b", "myPreventedMatches", orderId=row["takerOrderId"]) == [row]
    assert floor.call("c", "myPreventedMatches", preventedMatchId=0) == []


def test_prevention_in_events():
    """SEMANTICS 67"""
    floor = Floor()
    maker = floor.order("a", "BUY", "6", "2")
    floor.events("a")
    taker = floor.order("a", "SELL", "2", "2", selfTradePreventionMode="DECREMENT")
    _, first, second = floor.events("a", "executionReport")
    assert (first["i"], first["x"], first["X"]) == (taker["orderId"], "TRADE_PREVENTION", EXPIRED)
    assert (second["i"], second["x"], second["X"]) == (maker["orderId"], "TRADE_PREVENTION", "NEW")
    for event, counter in ((first, maker), (second, taker)):
        assert {name: event[name] for name in ("v", "A", "B", "u", "U", "Cs", "pl", "pL", "pY")} == {
            "v": 0,
            "A": "2.00000000",
            "B": "2.00000000",
            "u": -1,
            "U": counter["orderId"],
            "Cs": "BTCUSDT",
            "pl": "2.00000000",
            "pL": "2.00000000",
            "pY": "4.00000000",
        }
        assert (event["l"], event["L"], event["Y"]) == ("0.00000000",) * 3


def test_a_mode_that_the_symbol_does_not_allow():
    floor = Floor(stp_modes=("NONE", "EXPIRE_TAKER"), default_stp="EXPIRE_TAKER")
    assert floor.order("a", "BUY", "1", "1")["selfTradePreventionMode"] == "EXPIRE_TAKER"
    assert floor.error(
        "a",
        "order.place",
        side="BUY",
        type="MARKET",
        quantity="1",
        selfTradePreventionMode="EXPIRE_MAKER",
    ) == (-1013, "This symbol does not allow the specified self-trade prevention mode.")


def test_the_combinations_of_my_prevented_matches():
    floor = Floor()
    wrong = (-1128, "Combination of optional parameters invalid.")
    for params in ({}, {"preventedMatchId": 0, "orderId": 1}, {"preventedMatchId": 0, "limit": 5}):
        assert floor.error("a", "myPreventedMatches", **params) == wrong
    assert floor.call("a", "myPreventedMatches", orderId=1, fromPreventedMatchId=3, limit=5) == []
