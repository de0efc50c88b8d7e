"""The exchange without its network: requests executed like in the gateway, and their events."""

from __future__ import annotations

from fastws.emulator import ManualClock, spot_symbol
from fastws.emulator.exchange.state import Exchange
from fastws.emulator.methods.request import Request
from fastws.emulator.methods.table import METHODS
from fastws.emulator.values.auth import Number
from fastws.emulator.values.decimals import decimal_text
from fastws.emulator.values.errors import Refusal
from fastws.emulator.values.journal import Record
from fastws.emulator.values.limits import Limits
from fastws.emulator.values.params import parse_all


class _Exchange(Exchange):
    def __init__(self, symbols):
        self.emitted = {}
        super().__init__(
            clock=ManualClock(),
            symbols=symbols,
            limits=Limits(),
            enforce_limits=False,
            seed=1,
            history=1000,
        )

    def listening(self, account):
        return True

    def emit(self, account, event):
        self.emitted.setdefault(account.name, []).append(event)


class _Connection:
    time_divisor = 1000
    return_rate_limits = True

    def __init__(self, limits):
        self.limits = limits


def symbol(name="BTCUSDT", **changes):
    """A symbol with wide filters, on which only the test trades."""
    settings = {
        "base": name[:3],
        "quote": name[3:],
        "reference_price": "1",
        "tick_size": "0.01",
        "step_size": "0.0001",
        "min_notional": "0.00000001",
        "multiplier_up": "1000000",
        "multiplier_down": "0",
        "max_num_algo_orders": 50,
        "liquidity": False,
    }
    return spot_symbol(name, **{**settings, **changes})


class Floor:
    """Accounts "a", "b" and "c", rich unless told otherwise, on one symbol or on several."""

    def __init__(self, *symbols, funds="20000", rate=0, **changes):
        symbols = symbols or (symbol(**changes),)
        self.exchange = _Exchange(symbols)
        self.engine = self.exchange.engine
        self.symbol = symbols[0].name
        self.accounts = {}
        for name in "abc":
            assets = {asset for s in symbols for asset in (s.base, s.quote)}
            account = self.exchange.new_account(name, dict.fromkeys(assets, funds))
            account.maker_rate = account.taker_rate = rate
            self.accounts[name] = account
        self._connection = _Connection(self.exchange.address(""))

    def call(self, name, method, **params):
        """Carry out a request of an account; None stands for a parameter that is not sent."""
        self.exchange.clock.advance(1)
        served = METHODS[method]
        request = Request(self._connection, Record(1, 1, 0))
        request.account = self.accounts[name]
        request.now_us = self.exchange.clock.now_us()
        if "symbol" in served.params:
            params = {"symbol": self.symbol, **params}
        texts = {
            key: Number(value) if isinstance(value, int | float) and value is not True else value
            for key, value in params.items()
            if value is not None
        }
        request.values = parse_all(texts, served.params, served.mandatory)
        if served.prepare is not None:
            served.prepare(self.exchange, request)
        return served.handler(self.exchange, request)

    def error(self, name, method, **params):
        """The error code and message of a request that must be refused."""
        try:
            self.call(name, method, **params)
        except Refusal as refusal:
            return refusal.code, refusal.msg
        raise AssertionError("it was not refused")

    def order(self, name, side, quantity, price=None, **params):
        """order.place: a LIMIT order, or with another type; FULL."""
        defaults = {"type": "LIMIT" if price else "MARKET", "newOrderRespType": "FULL"}
        if (params.get("type") or defaults["type"]).removeprefix("STOP_LOSS_").removeprefix(
            "TAKE_PROFIT_"
        ) == "LIMIT":
            defaults["timeInForce"] = "GTC"
        whole = {**defaults, "side": side, "quantity": quantity, "price": price, **params}
        return self.call(name, "order.place", **whole)

    def status(self, name, order):
        """order.status of an order that was placed."""
        return self.call(name, "order.status", orderId=order["orderId"])

    def trade(self, price, quantity="0.01"):
        """Let "b" and "c" trade at a price, which must have no orders on the book."""
        self.order("b", "SELL", quantity, price)
        self.order("c", "BUY", quantity, price)

    def depth(self):
        """The bids and the asks: prices and quantities."""
        book = self.engine.books[self.symbol]
        return tuple(
            [(_short(level.price), _short(level.quantity)) for level in side]
            for side in (book.bids, book.asks)
        )

    def balance(self, name, asset):
        """The free and the locked balance."""
        balance = self.accounts[name].balance(asset)
        return _short(balance.free), _short(balance.locked)

    def events(self, name, *kinds):
        """The events of an account since the last call, of these kinds."""
        events = self.exchange.emitted.pop(name, [])
        return [event for event in events if not kinds or event["e"] in kinds]

    def told(self, name):
        """A short form of an account's events since the last call: order, execution, status, expiry."""
        rows = []
        for event in self.events(name):
            if event["e"] == "executionReport":
                rows.append((event["i"], event["x"], event["X"], event.get("eR", "")))
            elif event["e"] == "listStatus":
                rows.append((event["e"], event["l"], event["L"]))
            else:
                rows.append(event["e"])
        return rows


def _short(value):
    return decimal_text(value).rstrip("0").rstrip(".")
