"""The engine under random commands: sums, books and ends."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fastws.emulator.matching.engine import Engine
from fastws.emulator.values.accounts import Account
from fastws.emulator.values.decimals import UNIT
from fastws.emulator.values.errors import Refusal
from fastws.emulator.values.new_orders import NewOrder
from fastws.emulator.values.symbols import spot_symbol

# Products of prices and quantities have more than eight places: sums must hold when amounts are cut.
SYMBOL = spot_symbol(
    "ABCXYZ",
    base="ABC",
    quote="XYZ",
    reference_price="0.00001000",
    tick_size="0.00000001",
    step_size="0.001",
    min_notional="0",
)
TICK, STEP = SYMBOL.tick_size, SYMBOL.step_size
FINAL = ("FILLED", "CANCELED", "EXPIRED", "EXPIRED_IN_MATCH")


def account(uid):
    return Account(uid, f"account {uid}", UNIT // 1000, UNIT // 500, ())


def new_order(side="BUY", **changes):
    values = {
        "symbol": SYMBOL,
        "side": side,
        "type": "LIMIT",
        "tif": "GTC",
        "price": 1000 * TICK,
        "quantity": 10 * STEP,
        "quote_quantity": 0,
        "client_id": "",
        "resp_type": "FULL",
        "stp": "NONE",
        "strategy_id": None,
        "strategy_type": None,
    }
    return NewOrder(**{**values, **changes})


class Market:
    """An engine with three accounts."""

    def __init__(self, history=10_000):
        self.fees = account(0)
        self.accounts = [account(uid) for uid in (1, 2, 3)]
        for one in self.accounts:
            one.deposit("ABC", 50 * STEP)
            one.deposit("XYZ", 50 * STEP * 1000 * TICK // UNIT)
        self.engine = Engine([SYMBOL], self.fees, history=history)
        self.book = self.engine.books["ABCXYZ"]
        self.now = 0
        self.orders = []
        self.ended = {}
        self.totals = self.sums()

    def sums(self):
        return {
            asset: sum(a.balances[asset].total for a in (*self.accounts, self.fees) if asset in a.balances)
            for asset in ("ABC", "XYZ")
        }

    def place(self, owner, new):
        self.now += 1
        order = self.engine.place(self.accounts[owner], new, self.now)
        self.orders.append(order)
        return order

    def check(self):
        assert self.sums() == self.totals, "assets were made or lost"
        for one in self.accounts:
            held = {"ABC": 0, "XYZ": 0}
            mine = self.book.open_of(one)
            assert one.open_orders.get("ABCXYZ", 0) == len(mine)
            for order in mine:
                assert order.is_open
                assert order.locked == order.cost(), "an order holds what it needs, no more and no less"
                held[order.locked_asset] += order.locked
            for asset, balance in one.balances.items():
                assert balance.free >= 0
                assert balance.locked == held[asset]
        bid, ask = self.book.bids.best(), self.book.asks.best()
        assert bid is None or ask is None or bid.price < ask.price, "the book is crossed"
        resting = 0
        for side in (self.book.bids, self.book.asks):
            prices = [level.price for level in side]
            assert prices == sorted(prices, reverse=side is self.book.bids)
            for level in side:
                assert level.orders
                assert level.quantity == sum(order.remaining for order in level.orders.values())
                assert all(order.is_open and order.remaining > 0 for order in level.orders.values())
                resting += len(level.orders)
        assert resting == sum(order.is_open for order in self.orders)
        for order in self.orders:
            assert 0 <= order.executed <= order.quantity
            assert order.prevented >= 0
            assert order.remaining >= 0
            if order.is_open:
                assert order.id not in self.ended
                assert (order.status == "PARTIALLY_FILLED") == (order.executed > 0)
            else:
                assert order.status in FINAL
                assert self.ended.setdefault(order.id, order.status) == order.status, "an end is final"
                assert order.locked == 0
                assert order.status != "FILLED" or order.executed == order.quantity


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
