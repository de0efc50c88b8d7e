"""Random trading requests of all kinds, to the gateway's checks and the engine, without a network."""

from __future__ import annotations

import random
from collections import Counter

from fastws.emulator import ManualClock, spot_symbol
from fastws.emulator.exchange.state import Exchange
from fastws.emulator.methods.request import Request
from fastws.emulator.methods.table import METHODS
from fastws.emulator.values.accounts import Account
from fastws.emulator.values.auth import Number
from fastws.emulator.values.decimals import units
from fastws.emulator.values.errors import Refusal
from fastws.emulator.values.journal import Record
from fastws.emulator.values.limits import Limits
from fastws.emulator.values.params import parse_all
from fastws.emulator.values.symbols import PriceRange, Rates

SIDES = ("BUY", "SELL")
TYPES = "LIMIT LIMIT LIMIT LIMIT_MAKER MARKET STOP_LOSS STOP_LOSS_LIMIT TAKE_PROFIT TAKE_PROFIT_LIMIT".split()
MODES = "NONE NONE EXPIRE_TAKER EXPIRE_MAKER EXPIRE_BOTH DECREMENT TRANSFER".split()
FINAL = {"FILLED", "CANCELED", "EXPIRED", "EXPIRED_IN_MATCH"}


def symbols():
    """Three symbols: two that are one SOR configuration, with a price range on one; and a BNB market."""
    common = {
        "base": "ABC",
        "reference_price": "1.00",
        "tick_size": "0.01",
        "step_size": "0.001",
        "min_notional": "0.01",
        "max_num_orders": 60,
        "max_num_algo_orders": 25,
        "max_num_iceberg_orders": 20,
        "liquidity": False,
        "sor": True,
        "tax_rates": Rates(taker=1000, seller=500),
    }
    return [
        spot_symbol("ABCXYZ", quote="XYZ", max_position="3000", **common),
        spot_symbol(
            "ABCXYC",
            quote="XYC",
            price_range=PriceRange(units("1.05"), units("0.95"), units("1.05"), units("0.95")),
            avg_price_mins=5,
            **common,
        ),
        spot_symbol(
            "BNBXYZ",
            base="BNB",
            quote="XYZ",
            reference_price="2.00",
            tick_size="0.01",
            step_size="0.001",
            min_notional="0.01",
            liquidity=False,
            default_stp="EXPIRE_MAKER",
        ),
    ]


class Listener(Exchange):
    """An exchange that takes every event, and builds the state of all accounts from the events alone."""

    def __init__(self, **changes):
        settings = {
            "clock": ManualClock(),
            "symbols": symbols(),
            "limits": Limits(),
            "enforce_limits": False,
            "seed": 1,
            "history": 2_000,
        }
        self.picture = {}
        self.heard = Counter()
        super().__init__(**{**settings, **changes})

    def listening(self, account):
        return True

    def emit(self, account, event):
        kind = event["e"]
        self.heard[kind] += 1
        picture = self.picture.setdefault(account.uid, {"orders": {}, "balances": {}, "lists": {}})
        if kind == "executionReport":
            self.heard[event["x"]] += 1
            key = (event["s"], event["i"])
            known = picture["orders"].get(key)
            if known is not None:
                assert known["X"] not in FINAL, ("an end is final", known, event)
                assert event["I"] > known["I"]
            else:
                assert event["x"] in ("NEW", "REJECTED"), event
            if event["x"] == "REJECTED":
                return
            picture["orders"][key] = event
        elif kind == "outboundAccountPosition":
            for row in event["B"]:
                picture["balances"][row["a"]] = (units(row["f"]), units(row["l"]))
        elif kind == "listStatus":
            picture["lists"][event["g"]] = event


class Requests:
    """Random requests to a market, and checks of what must hold at any time."""

    def __init__(self, seed, accounts=3):
        self.random = random.Random(seed)
        self.exchange = Listener(seed=seed)
        self.engine = self.exchange.engine
        self.accounts = []
        for number in range(accounts):
            funds = {"ABC": "500", "XYZ": "500", "XYC": "500", "BNB": "20" if number else "0.5"}
            account = self.exchange.new_account(f"{number}", funds)
            account.bnb_discount = number != 2
            account.trade_group_id = 7 if number < 2 else -1
            self.accounts.append(account)
        self.everybody = self.exchange.accounts
        for account in self.accounts:
            for asset, balance in account.balances.items():
                self._picture(account)["balances"][asset] = (balance.free, balance.locked)
        for asset in ("ABC", "XYZ", "XYC"):
            self.exchange.sor_account.deposit(asset, 10**23)
        self.engine.books["ABCXYC"].reference_price_at = lambda now_us: units("1")
        self.totals = self.sums()
        self.codes = Counter()
        self.served = Counter()
        self.connection = Connection()
        self.ended = {}

    def _picture(self, account):
        empty = {"orders": {}, "balances": {}, "lists": {}}
        return self.exchange.picture.setdefault(account.uid, empty)

    def sums(self):
        totals = Counter()
        for account in self.everybody:
            for asset, balance in account.balances.items():
                totals[asset] += balance.total
        return totals

    # Requests

    def send(self, account, method, params):
        """Carry out a request as the gateway does.

        Returns:
            Its result, or the Refusal.
        """
        self.exchange.clock.advance(0.001)
        served = METHODS[method]
        request = Request(self.connection, Record(1, 1, 0))
        request.account = account
        request.now_us = self.exchange.clock.now_us()
        texts = {name: Number(v) if isinstance(v, int) else v for name, v in params.items()}
        try:
            request.values = parse_all(texts, served.params, served.mandatory)
            if callable(served.weight):
                served.weight(request.values)
            if served.prepare is not None:
                served.prepare(self.exchange, request)
            result = served.handler(self.exchange, request)
        except Refusal as refusal:
            self.codes[refusal.code] += 1
            return refusal
        self.served[method] += 1
        return result

    def step(self):
        """Send one random request."""
        pick = self.random.random()
        account = self.random.choice(self.accounts)
        if pick < 0.52:
            return self.send(account, "order.place", self.order())
        if pick < 0.62:
            return self.send(account, *self.list())
        if pick < 0.78:
            return self.send(account, "order.cancel", self.reference(account))
        if pick < 0.83:
            params = {**self.order(), **self.reference(account, "cancelOrderId", "cancelOrigClientOrderId")}
            params["cancelReplaceMode"] = self.random.choice(("STOP_ON_FAILURE", "ALLOW_FAILURE"))
            return self.send(account, "order.cancelReplace", params)
        if pick < 0.89:
            params = {**self.reference(account), "newQty": self.quantity()}
            return self.send(account, "order.amend.keepPriority", params)
        if pick < 0.92:
            return self.send(account, "sor.order.place", self.sor_order())
        if pick < 0.93:
            params = {"symbol": self.symbol(), "orderListId": self.random.randint(0, 2000)}
            mine = [row for row in self.engine.lists.values() if row.account is account and row.is_open]
            if mine:
                row = self.random.choice(mine)
                params = {"symbol": row.symbol.name, "orderListId": row.id}
            return self.send(account, "orderList.cancel", params)
        if pick < 0.932:
            return self.send(account, "openOrders.cancelAll", {"symbol": self.symbol()})
        if pick < 0.94:
            return self.transfer(account)
        return self.query(account)

    def symbol(self):
        return self.random.choice(("ABCXYZ", "ABCXYZ", "ABCXYC", "BNBXYZ"))

    def price(self, spread=8):
        return f"{1 + self.random.randint(-spread, spread) / 100:.2f}"

    def quantity(self):
        return f"{self.random.randint(1, 4000) / 1000:.3f}"

    def maybe(self, chance):
        return self.random.random() < chance

    def client_id(self):
        return f"c{self.random.randint(0, 300)}"

    def order(self):
        rnd = self.random
        kind = rnd.choice(TYPES)
        params = {
            "symbol": self.symbol(),
            "side": rnd.choice(SIDES),
            "type": kind,
            "quantity": self.quantity(),
        }
        self.add_terms(params, kind, "")
        if kind == "MARKET" and self.maybe(0.3):
            params["quoteOrderQty"] = params.pop("quantity")
        if self.maybe(0.3):
            params["newClientOrderId"] = self.client_id()
        if self.maybe(0.7):
            params["selfTradePreventionMode"] = rnd.choice(MODES)
        if self.maybe(0.5):
            params["newOrderRespType"] = rnd.choice(("ACK", "RESULT", "FULL"))
        if self.maybe(0.02):
            params[rnd.choice(("price", "stopPrice", "timeInForce", "quantity", "nothing"))] = "GTC"
        return params

    def add_terms(self, params, kind, prefix):
        """Price, stop price and so on, as a type needs them, under a prefix."""
        rnd = self.random

        def put(name, value):
            params[prefix + name[0].upper() + name[1:] if prefix else name] = value

        if kind in ("LIMIT", "STOP_LOSS_LIMIT", "TAKE_PROFIT_LIMIT"):
            put("timeInForce", rnd.choice(("GTC", "GTC", "GTC", "IOC", "FOK")))
        pegged = False
        if kind in ("LIMIT", "LIMIT_MAKER", "STOP_LOSS_LIMIT", "TAKE_PROFIT_LIMIT"):
            if self.maybe(0.1):
                pegged = True
                put("pegPriceType", rnd.choice(("PRIMARY_PEG", "MARKET_PEG")))
                if self.maybe(0.3):
                    put("pegOffsetType", "PRICE_LEVEL")
                    put("pegOffsetValue", rnd.randint(0, 3))
            if not pegged or self.maybe(0.3):
                put("price", self.price())
            if self.maybe(0.15):
                put("icebergQty", f"{rnd.randint(1, 800) / 1000:.3f}")
        if kind.startswith(("STOP", "TAKE")):
            trailing = self.maybe(0.3)
            if trailing:
                put("trailingDelta", rnd.randint(5, 600))
            if not trailing or self.maybe(0.5):
                put("stopPrice", self.price(12))

    def list(self):
        rnd = self.random
        name = rnd.choice(("", ".oco", ".oto", ".otoco", ".opo", ".opoco"))
        side = rnd.choice(SIDES)
        params = {"symbol": self.symbol()}
        if self.maybe(0.3):
            params["listClientOrderId"] = self.client_id()
        if self.maybe(0.5):
            params["selfTradePreventionMode"] = rnd.choice(MODES)
        if name == "":
            low, high = self.price(), self.price(14)
            params.update(side=side, quantity=self.quantity(), price=low, stopPrice=high)
            if self.maybe(0.5):
                params.update(stopLimitPrice=self.price(), stopLimitTimeInForce="GTC")
        elif name == ".oco":
            params.update(side=side, quantity=self.quantity())
            self.add_pair(params, side, "above", "below")
        else:
            params.update(workingType=rnd.choice(("LIMIT", "LIMIT_MAKER")), workingSide=side)
            params.update(workingPrice=self.price(), workingQuantity=self.quantity())
            if params["workingType"] == "LIMIT":
                params["workingTimeInForce"] = rnd.choice(("GTC", "GTC", "IOC", "FOK"))
            if self.maybe(0.2):
                params["workingClientOrderId"] = self.client_id()
            opo = name.startswith(".opo")
            if opo and self.maybe(0.9):
                side = params["workingSide"] = "BUY"
            pending = params["pendingSide"] = "SELL" if side == "BUY" else "BUY"
            if not opo:
                params["pendingQuantity"] = self.quantity()
            if name in (".oto", ".opo"):
                kind = params["pendingType"] = rnd.choice(TYPES)
                self.add_terms(params, kind, "pending")
            else:
                self.add_pair(params, pending, "pendingAbove", "pendingBelow")
        return f"orderList.place{name}", params

    def add_pair(self, params, side, above, below):
        rnd = self.random
        stop, profit = (above, below) if side == "BUY" else (below, above)
        if self.maybe(0.05):
            stop, profit = profit, stop
        kinds = {stop: rnd.choice(("STOP_LOSS", "STOP_LOSS_LIMIT"))}
        kinds[profit] = rnd.choice(("LIMIT_MAKER", "LIMIT_MAKER", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT"))
        for prefix, kind in kinds.items():
            params[f"{prefix}Type"] = kind
            self.add_terms(params, kind, prefix)
            last = self.engine.books[params["symbol"]].last_price / 1e8
            if self.maybe(0.8):
                away = rnd.randint(1, 6) / 100
                price = f"{last + away if prefix.lower().endswith('above') else last - away:.2f}"
                for name in ("Price", "StopPrice"):
                    if f"{prefix}{name}" in params and (kind != "STOP_LOSS_LIMIT" or name == "StopPrice"):
                        params[f"{prefix}{name}"] = price

    def sor_order(self):
        params = {
            "symbol": self.random.choice(("ABCXYZ", "ABCXYC", "BNBXYZ")),
            "side": self.random.choice(SIDES),
        }
        params.update(type="MARKET", quantity=self.quantity())
        if self.maybe(0.6):
            tif = self.random.choice(("GTC", "IOC", "FOK"))
            params.update(type="LIMIT", timeInForce=tif, price=self.price())
        return params

    def reference(self, account, order_id="orderId", client_id="origClientOrderId"):
        symbol = self.symbol()
        mine = self.engine.books[symbol].open_of(account)
        params = {"symbol": symbol}
        if mine and self.maybe(0.9):
            order = self.random.choice(mine)
            params.update({order_id: order.id} if self.maybe(0.7) else {client_id: order.client_id})
        elif self.maybe(0.8):
            params[order_id] = self.random.randint(1, 5000)
        else:
            params[client_id] = self.client_id()
        return params

    def transfer(self, account):
        asset = self.random.choice(("ABC", "XYZ", "XYC", "BNB"))
        amount = f"{self.random.randint(-900, 1000) / 100:.2f}"
        try:
            if self.maybe(0.5):
                self.exchange.deposit(account, asset, amount)
                self.totals[asset] += units(amount) if amount[0] != "-" else -units(amount[1:])
            else:
                self.exchange.lock_externally(account, asset, amount)
        except ValueError:
            self.codes["ValueError"] += 1

    def query(self, account):
        name, params = self.random.choice(
            (
                ("openOrders.status", {}),
                ("order.status", self.reference(account)),
                ("openOrderLists.status", {}),
                ("orderList.status", {"orderListId": self.random.randint(0, 1000)}),
                ("myPreventedMatches", {"symbol": "ABCXYZ", "orderId": self.random.randint(1, 3000)}),
                ("myAllocations", {"symbol": "ABCXYZ", "limit": 3}),
                ("order.test", {**self.order(), "computeCommissionRates": "true"}),
                ("account.status", {}),
                ("myFilters", {"symbol": "ABCXYZ"}),
            )
        )
        return self.send(account, name, params)

    # What must hold

    def check(self):
        assert self.sums() == self.totals, "assets were made or lost"
        for account in self.accounts:
            self.check_account(account)
        for book in self.engine.books.values():
            self.check_book(book)
        assert not self.engine._triggered
        assert not self.engine._phase_two

    def check_account(self, account: Account):
        held = Counter(account.external_locks)
        for row in self.engine.lists.values():
            if row.account is account:
                held[row.symbol.base] += row.held
                assert row.is_open == any(order.is_open for order in row.orders), row
                assert row.is_open or not row.held
        for name, count in account.open_orders.items():
            orders = self.engine.books[name].open_of(account)
            assert len(orders) == count
            names = [order.client_id for order in orders]
            assert len(set(names)) == len(names), "client order ids are unique among open orders"
            assert sum(order.is_algo for order in orders) == account.algo_orders.get(name, 0)
            assert sum(o.iceberg_qty > 0 for o in orders) == account.iceberg_orders.get(name, 0)
            for order in orders:
                assert order.is_open
                held[order.locked_asset] += order.locked
        for asset, balance in account.balances.items():
            assert balance.free >= 0
            assert balance.locked == held[asset], (asset, account)

    def check_book(self, book):
        bid, ask = book.bids.best(), book.asks.best()
        assert bid is None or ask is None or bid.price < ask.price, "the book is crossed"
        resting = set()
        for side in (book.bids, book.asks):
            for level in side:
                assert level.quantity == sum(order.visible for order in level.orders.values())
                for order in level.orders.values():
                    resting.add(order.id)
                    assert order.is_open
                    assert order.resting
                    assert not order.waiting
                    assert 0 < order.visible <= order.remaining
                    assert order.price == level.price
                    assert order.working_time > 0
                    sibling = order.sibling
                    if sibling is None or not sibling.is_open:
                        assert order.locked == order.cost()
                    else:
                        assert order.locked + sibling.locked == max(order.cost(), sibling.cost())
        for order in book.orders.values():
            assert order.remaining >= 0 <= order.executed <= order.quantity
            assert (order.id in resting) == order.resting
            assert (order.id in book.triggers.orders) == order.waiting
            if order.is_open:
                assert order.resting or order.waiting or order.status == "PENDING_NEW", order
            else:
                assert order.status in FINAL
                assert order.locked == 0
                assert self.ended.setdefault((book.symbol.name, order.id), order.status) == order.status
                assert order.status != "FILLED" or not order.remaining

    def check_picture(self):
        """Check that the state from the events is the real state."""
        for account in self.accounts:
            picture = self._picture(account)
            for asset, balance in account.balances.items():
                assert picture["balances"][asset] == (balance.free, balance.locked), (account, asset)
            told = {key: event for key, event in picture["orders"].items() if event["X"] not in FINAL}
            for name, book in self.engine.books.items():
                for order in book.open_of(account):
                    event = told.pop((name, order.id))
                    assert event["X"] == order.status
                    assert event["c"] == order.client_id
                    assert units(event["q"]) == order.quantity
                    assert units(event["z"]) == order.executed
                    assert units(event["Z"]) == order.quote_executed
                    assert units(event.get("A", "0")) == order.prevented
                    assert event["w"] == (order.working_time >= 0)
                    assert event["g"] == order.list_id
            assert not told, "orders of which the events do not tell the end"
            open_lists = {g for g, event in picture["lists"].items() if event["L"] == "EXECUTING"}
            assert open_lists == {
                row.id for row in self.engine.lists.values() if row.account is account and row.is_open
            }


class Connection:
    """The attributes of a connection that handlers use."""

    time_divisor = 1000
    return_rate_limits = True

    def __init__(self):
        self.limits = Listener().address("")
