"""User data events, as the engine reports them (user-data-stream.md)."""

from __future__ import annotations

import pytest

from fastws.emulator.wire.choice import EVENTS
from fastws.emulator.wire.messages import pack_message
from helpers import facts
from helpers.emulator.floor import Floor, symbol

# The sample payload of faqs/market_orders_faq.md, in the order of its keys.
REPORT = "e E s c S o f q p P F g C x X r i l z L n N T t I w m M O Z Y Q W V".split()


def test_a_market_order_that_finds_too_little():
    """faqs/market_orders_faq.md; SEMANTICS 66, 67, 69"""
    floor = Floor(symbol("LTCBNB"), rate=50_000)
    floor.accounts["a"].bnb_discount = True
    for _ in range(2):
        floor.order("b", "SELL", "2", "1")
    placed = floor.order("a", "BUY", "6")
    events = floor.events("a")
    assert [event["e"] for event in events] == ["executionReport"] * 4 + ["outboundAccountPosition"]
    new, first, second, expired = events[:4]
    assert all(list(event) == REPORT for event in (new, first, second))
    assert list(expired) == [*REPORT, "eR"]
    assert [(e["x"], e["X"]) for e in events[:4]] == [
        ("NEW", "NEW"),
        ("TRADE", "PARTIALLY_FILLED"),
        ("TRADE", "PARTIALLY_FILLED"),
        ("EXPIRED", "EXPIRED"),
    ]
    # The makers' executions have the ids between them.
    assert [e["I"] - new["I"] for e in events[:4]] == [0, 1, 3, 5]
    assert [e["w"] for e in events[:4]] == [True, False, False, False]
    assert [e["M"] for e in events[:4]] == [False, True, True, False]
    assert [e["m"] for e in events[:4]] == [False] * 4
    assert [e["z"] for e in events[:4]] == ["0.00000000", "2.00000000", "4.00000000", "4.00000000"]
    assert (new["n"], new["N"], new["t"], new["g"], new["C"], new["r"]) == ("0", None, -1, -1, "", "NONE")
    assert (first["l"], first["L"], first["Y"], first["N"]) == (
        "2.00000000",
        "1.00000000",
        "2.00000000",
        "BNB",
    )
    assert first["n"] != "0"
    assert (expired["l"], expired["n"], expired["N"], expired["eR"]) == (
        "0.00000000",
        "0",
        None,
        "INSUFFICIENT_LIQUIDITY",
    )
    assert {row["a"] for row in events[4]["B"]} == {"LTC", "BNB"}
    assert placed["clientOrderId"] == new["c"]
    maker = floor.events("b", "executionReport")[-1]
    assert (maker["x"], maker["m"], maker["t"]) == ("TRADE", True, second["t"])


def test_a_cancel_names_the_order_by_its_new_and_its_old_id():
    """SEMANTICS 74"""
    floor = Floor()
    placed = floor.order("a", "BUY", "1", "1", newClientOrderId="old", strategyId=5, strategyType=1_000_000)
    floor.call("a", "order.cancel", orderId=placed["orderId"], newClientOrderId="new")
    new, canceled = floor.events("a", "executionReport")
    assert (new["c"], new["C"], new["j"], new["J"]) == ("old", "", 5, 1_000_000)
    assert (canceled["c"], canceled["C"], canceled["x"], canceled["w"]) == ("new", "old", "CANCELED", False)


def test_an_amendment_is_a_replacement():
    """SEMANTICS 82"""
    floor = Floor()
    placed = floor.order("a", "BUY", "2", "1", newClientOrderId="old")
    amended = floor.call("a", "order.amend.keepPriority", orderId=placed["orderId"], newQty="1")
    event = floor.events("a", "executionReport")[-1]
    assert (event["x"], event["X"], event["q"], event["C"]) == ("REPLACED", "NEW", "1.00000000", "old")
    assert (event["c"], event["I"]) == (amended["amendedOrder"]["clientOrderId"], amended["executionId"])


@pytest.mark.parametrize(
    ("params", "reason"),
    [
        ({"quantity": "9000", "price": "3"}, "INSUFFICIENT_BALANCES"),
        ({"type": "LIMIT_MAKER", "timeInForce": None, "price": "5"}, "WOULD_MATCH_IMMEDIATELY"),
        ({"type": "STOP_LOSS_LIMIT", "stopPrice": "0.5"}, "STOP_PRICE_WOULD_TRIGGER_IMMEDIATELY"),
    ],
)
def test_a_replacement_that_is_rejected_is_reported(params, reason):
    floor = Floor()
    floor.order("b", "SELL", "1", "4")
    placed = floor.order("a", "BUY", "1", "1")
    floor.events("a")
    whole = {"side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "1", "price": "2", **params}
    refused = floor.error(
        "a",
        "order.cancelReplace",
        cancelReplaceMode="STOP_ON_FAILURE",
        cancelOrderId=placed["orderId"],
        **whole,
    )
    assert refused[0] == -2021
    canceled, rejected = floor.events("a", "executionReport")
    assert canceled["x"] == "CANCELED"
    assert (rejected["x"], rejected["X"], rejected["r"]) == ("REJECTED", "REJECTED", reason)


def test_deposits_and_locks_from_outside():
    """SEMANTICS 65"""
    floor = Floor()
    exchange, account = floor.exchange, floor.accounts["a"]
    exchange.deposit(account, "BTC", "1.5")
    exchange.deposit(account, "BTC", "-0.5")
    exchange.lock_externally(account, "BTC", "100")
    exchange.lock_externally(account, "BTC", "-40")
    events = floor.events("a")
    assert [event["e"] for event in events] == [
        "outboundAccountPosition",
        "balanceUpdate",
        "outboundAccountPosition",
        "balanceUpdate",
        "outboundAccountPosition",
        "externalLockUpdate",
        "outboundAccountPosition",
        "externalLockUpdate",
    ]
    assert [event["d"] for event in events[1::2]] == [
        "1.50000000",
        "-0.50000000",
        "100.00000000",
        "-40.00000000",
    ]
    assert events[-2]["B"] == [{"a": "BTC", "f": "19941.00000000", "l": "60.00000000"}]
    for call in (exchange.deposit, exchange.lock_externally):
        with pytest.raises(ValueError, match="the account has less BTC than that"):
            call(account, "BTC", "-20000" if call == exchange.deposit else "20000")
    with pytest.raises(ValueError, match="cannot unlock more than is locked"):
        exchange.lock_externally(account, "BTC", "-61")


def test_nothing_is_built_for_accounts_that_nobody_listens_to():
    floor = Floor()
    floor.exchange.listening = lambda account: account.name == "b"
    floor.order("a", "BUY", "1", "1")
    floor.order("b", "SELL", "1", "1")
    assert floor.events("a") == []
    assert [event["e"] for event in floor.events("b")] == [
        "executionReport",
        "executionReport",
        "outboundAccountPosition",
    ]


def test_every_event_can_be_packed_in_sbe():
    """SEMANTICS 65"""
    from helpers.emulator.random_requests import Requests

    market, packed = Requests(5), set()
    emit = market.exchange.emit

    def pack(account, event):
        if account in market.accounts:
            pack_message(EVENTS[event["e"]], {**event, "subscriptionId": 3})
            packed.add((event["e"], event.get("x")))
        emit(account, event)

    market.exchange.emit = pack
    for _ in range(1500):
        market.step()
    assert {kind for kind, _ in packed} == {
        "executionReport",
        "listStatus",
        "outboundAccountPosition",
        "balanceUpdate",
        "externalLockUpdate",
    }


@pytest.mark.parametrize(
    "kind", ["outboundAccountPosition", "balanceUpdate", "externalLockUpdate", "listStatus"]
)
def test_the_documented_events(kind):
    """SEMANTICS 65"""
    documented = next(row["json"]["event"] for row in facts.events() if row["type"] == kind)
    floor = Floor()
    floor.exchange.deposit(floor.accounts["a"], "BTC", "1")
    floor.exchange.lock_externally(floor.accounts["a"], "BTC", "1")
    pair = {"aboveType": "LIMIT_MAKER", "abovePrice": "2", "belowType": "STOP_LOSS", "belowStopPrice": "0.5"}
    floor.call("a", "orderList.place.oco", side="SELL", quantity="1", **pair)
    event = floor.events("a", kind)[0]
    assert list(event) == list(documented)
    assert {name: type(value) for name, value in event.items()} == {
        name: type(value) for name, value in documented.items()
    }


def test_a_balance_event_says_when_the_balance_changed_last():
    """SEMANTICS 65; also for what only unlocks an amount: cancels, expiries, amendments"""
    from helpers.emulator.random_requests import Requests

    market, seen = Requests(6), []
    emit = market.exchange.emit

    def check(account, event):
        if event["e"] == "outboundAccountPosition" and account in market.accounts:
            seen.append(event["u"] == event["E"] == account.update_time)
        emit(account, event)

    market.exchange.emit = check
    for _ in range(1500):
        market.step()
    assert len(seen) > 100
    assert all(seen)
