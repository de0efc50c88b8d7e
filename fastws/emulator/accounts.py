"""Accounts: balances that add up, commission rates, open orders."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .limits import Window
from .symbols import UNIT, decimal_text

if TYPE_CHECKING:
    from .orders import Order

__all__ = ["Account", "Balance"]


class Balance:
    """What an account has of an asset, in units of 10^-8: ``free``, and ``locked`` by its open orders."""

    __slots__ = ("free", "locked")

    def __init__(self, free: int = 0) -> None:
        self.free = free
        self.locked = 0

    @property
    def total(self) -> int:
        return self.free + self.locked

    def __repr__(self) -> str:
        return f"Balance(free={decimal_text(self.free)}, locked={decimal_text(self.locked)})"


class Account:
    """A trading account. Several keys may belong to it.

    Attributes:
        uid: its number.
        name: what the log calls it.
        balances: by asset.
        maker_rate: commission on what is received as a maker, in units of 10^-8.
        taker_rate: the same, as a taker.
        open_orders: by symbol, then by order id.
        order_windows: the unfilled order counts (10 seconds, 1 day).
        update_time: when a balance last changed, in microseconds.
    """

    __slots__ = (
        "balances",
        "maker_rate",
        "name",
        "open_orders",
        "order_windows",
        "taker_rate",
        "uid",
        "update_time",
    )

    def __init__(
        self, uid: int, name: str, maker_rate: int, taker_rate: int, order_windows: tuple[Window, ...]
    ) -> None:
        self.uid = uid
        self.name = name
        self.balances: dict[str, Balance] = {}
        self.maker_rate = maker_rate
        self.taker_rate = taker_rate
        self.open_orders: dict[str, dict[int, Order]] = {}
        self.order_windows = order_windows
        self.update_time = 0

    def __repr__(self) -> str:
        return f"<account {self.name}>"

    def balance(self, asset: str) -> Balance:
        """The balance of an asset, made on first use."""
        balance = self.balances.get(asset)
        if balance is None:
            balance = self.balances[asset] = Balance()
        return balance

    def deposit(self, asset: str, amount: int) -> None:
        """Add to the free balance, in units of 10^-8."""
        self.balance(asset).free += amount

    def status(self, omit_zero: bool, time_divisor: int) -> dict[str, Any]:
        """The account as account.status shows it."""
        return {
            "makerCommission": self.maker_rate * 10_000 // UNIT,
            "takerCommission": self.taker_rate * 10_000 // UNIT,
            "buyerCommission": 0,
            "sellerCommission": 0,
            "canTrade": True,
            "canWithdraw": True,
            "canDeposit": True,
            "commissionRates": {
                "maker": decimal_text(self.maker_rate),
                "taker": decimal_text(self.taker_rate),
                "buyer": decimal_text(0),
                "seller": decimal_text(0),
            },
            "brokered": False,
            "requireSelfTradePrevention": False,
            "preventSor": False,
            "updateTime": self.update_time // time_divisor,
            "accountType": "SPOT",
            "balances": [
                {"asset": asset, "free": decimal_text(b.free), "locked": decimal_text(b.locked)}
                for asset, b in sorted(self.balances.items())
                if b.total or not omit_zero
            ],
            "permissions": ["SPOT"],
            "uid": self.uid,
        }
