"""The matching engine alone, with three accounts and one symbol, and a check of what must always hold."""

from __future__ import annotations

from fastws.emulator.matching.engine import Engine
from fastws.emulator.values.accounts import Account
from fastws.emulator.values.decimals import UNIT
from fastws.emulator.values.new_orders import NewOrder
from fastws.emulator.values.symbols import spot_symbol

# Products of prices and quantities have more than eight places, so that sums are tested with truncated amounts.
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
