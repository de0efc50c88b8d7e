"""The engine under random commands: sums of balances, books, and ends of orders."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fastws.emulator.values.decimals import UNIT
from fastws.emulator.values.errors import Refusal
from helpers.emulator.bare_engine import STEP, TICK, Market, new_order

owners = st.integers(0, 2)
sides = st.sampled_from(["BUY", "SELL"])
prices = st.integers(990, 1010).map(lambda n: n * TICK)
quantities = st.integers(1, 20).map(lambda n: n * STEP)
modes = st.sampled_from(["NONE", "EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH"])
limit_orders = st.builds(
    new_order,
    side=sides,
    type=st.sampled_from(["LIMIT", "LIMIT", "LIMIT", "LIMIT_MAKER"]),
    tif=st.just("GTC"),
    price=prices,
    quantity=quantities,
    stp=modes,
)
immediate_orders = st.builds(
    new_order, side=sides, tif=st.sampled_from(["IOC", "FOK"]), price=prices, quantity=quantities, stp=modes
)
market_orders = st.builds(
    new_order, side=sides, type=st.just("MARKET"), price=st.just(0), quantity=quantities, stp=modes
)
quote_orders = st.builds(
    new_order,
    side=sides,
    type=st.just("MARKET"),
    price=st.just(0),
    quantity=st.just(0),
    quote_quantity=st.integers(1, 30 * STEP * 1000 * TICK // UNIT),
    stp=modes,
)
commands = st.one_of(
    st.tuples(st.just("place"), owners, limit_orders | immediate_orders | market_orders | quote_orders),
    st.tuples(st.just("place"), owners, limit_orders),
    st.tuples(st.just("cancel"), st.integers(0, 200), st.none()),
    st.tuples(st.just("amend"), st.integers(0, 200), quantities),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(commands, max_size=60))
def test_sums_books_and_ends_hold_whatever_happens(steps):
    market = Market()
    for kind, who, what in steps:
        try:
            if kind == "place":
                market.place(who, what)
            elif market.orders:
                order = market.orders[who % len(market.orders)]
                market.now += 1
                if kind == "cancel":
                    market.engine.cancel(order, "", "", market.now)
                else:
                    market.engine.amend(order, what, "", market.now)
        except Refusal as refusal:
            if refusal.code not in (-2010, -2011, -2038):
                raise
        market.check()


@settings(max_examples=50, deadline=None)
@given(st.lists(commands, max_size=40))
def test_a_refused_command_changes_nothing(steps):
    market = Market()
    for kind, who, what in steps:
        if kind != "place":
            continue
        before = (
            market.sums(),
            market.book.update_id,
            market.book.last_order_id,
            [(b.free, b.locked) for a in market.accounts for b in a.balances.values()],
            [(order.id, order.status, order.executed) for order in market.orders],
        )
        try:
            market.place(who, what)
        except Refusal:
            after = (
                market.sums(),
                market.book.update_id,
                market.book.last_order_id,
                [(b.free, b.locked) for a in market.accounts for b in a.balances.values()],
                [(order.id, order.status, order.executed) for order in market.orders],
            )
            assert after == before


def test_older_orders_trade_first_at_a_price_and_better_prices_first():
    market = Market()
    worse = market.place(0, new_order("SELL", price=1001 * TICK))
    first = market.place(0, new_order("SELL"))
    second = market.place(1, new_order("SELL"))
    taker = market.place(2, new_order("BUY", quantity=25 * STEP, price=1001 * TICK))
    assert [fill.trade_id for fill in taker.fills] == [1, 2, 3]
    assert [first.status, second.status, worse.status] == ["FILLED", "FILLED", "PARTIALLY_FILLED"]
    assert taker.status == "FILLED"


def test_a_taker_gets_the_makers_price_and_its_surplus_back():
    market = Market()
    market.place(0, new_order("SELL", price=990 * TICK, quantity=STEP))
    before = market.accounts[1].balance("XYZ").free
    market.place(1, new_order("BUY", price=1000 * TICK, quantity=STEP, tif="IOC"))
    assert market.accounts[1].balance("XYZ").free == before - 990 * TICK * STEP // UNIT
    market.check()


@pytest.mark.parametrize(
    ("mode", "maker_status", "taker_status", "traded"),
    [
        ("NONE", "FILLED", "FILLED", True),
        ("EXPIRE_TAKER", "NEW", "EXPIRED_IN_MATCH", False),
        ("EXPIRE_MAKER", "EXPIRED_IN_MATCH", "NEW", False),
        ("EXPIRE_BOTH", "EXPIRED_IN_MATCH", "EXPIRED_IN_MATCH", False),
    ],
)
def test_self_trade_prevention(mode, maker_status, taker_status, traded):
    """faqs/stp_faq.md, scenarios A to E: the taker's mode decides."""
    market = Market()
    maker = market.place(0, new_order("BUY", stp="EXPIRE_MAKER"))
    taker = market.place(0, new_order("SELL", stp=mode))
    assert (maker.status, taker.status) == (maker_status, taker_status)
    assert bool(taker.fills) == traded
    if not traded:
        (match,) = taker.prevented_matches
        view = match.view()
        assert (view["preventedMatchId"], view["makerOrderId"]) == (0, maker.id)
        assert ("takerPreventedQuantity" in view) == (taker_status == "EXPIRED_IN_MATCH")
        assert ("makerPreventedQuantity" in view) == (maker_status == "EXPIRED_IN_MATCH")
        shown = taker.placed_view("FULL", 1)
        assert shown["preventedMatches"] == [view]
        assert ("preventedQuantity" in shown) == (taker_status == "EXPIRED_IN_MATCH")
        assert ("preventedMatchId" in maker.query_view(1)) == (maker_status == "EXPIRED_IN_MATCH")
    market.check()


def test_prevention_looks_at_the_own_account_only():
    market = Market()
    market.place(0, new_order("BUY", price=1001 * TICK, quantity=STEP))
    other = market.place(1, new_order("BUY", quantity=STEP))
    taker = market.place(0, new_order("SELL", quantity=STEP, stp="EXPIRE_MAKER"))
    assert other.status == taker.status == "FILLED"
    market.check()


def test_a_market_order_finds_nothing_after_its_makers_expired():
    """faqs/stp_faq.md, scenario F"""
    market = Market()
    maker = market.place(0, new_order("BUY", quantity=STEP))
    taker = market.place(0, new_order("SELL", type="MARKET", price=0, quantity=STEP, stp="EXPIRE_MAKER"))
    assert (maker.status, taker.status) == ("EXPIRED_IN_MATCH", "EXPIRED")
    assert taker.expiry_reason == "INSUFFICIENT_LIQUIDITY"


def test_finished_orders_beyond_the_history_are_forgotten():
    market = Market(history=2)
    for _ in range(5):
        order = market.place(0, new_order(client_id="again"))
        market.engine.cancel(order, "", "", market.now)
    assert len(market.book.orders) == 2
    assert len(market.book.by_client_id) == 2
    assert market.accounts[0].open_orders == {"ABCXYZ": 0}
    assert market.book.open_of(market.accounts[0]) == []
