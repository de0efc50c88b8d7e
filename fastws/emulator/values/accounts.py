"""Accounts: balances that add up, commission rates, open orders."""

from __future__ import annotations

from typing import Any

from .decimals import UNIT, decimal_text
from .limits import Window

__all__ = ["DISCOUNT_ASSET", "Account", "Balance"]

# What commissions may be paid in, and by what the standard ones are then multiplied.
DISCOUNT_ASSET = "BNB"
DEFAULT_DISCOUNT = UNIT * 3 // 4


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
    """A trading account. Several keys may belong to it. Rates are in units of 10^-8.

    Attributes:
        uid: its number.
        name: what the log calls it.
        balances: by asset.
        maker_rate: standard commission on what is received as a maker, ``taker_rate`` as a taker.
        buyer_rate: what is added to it as a buyer, ``seller_rate`` as a seller.
        can_trade: it may place and cancel orders.
        bnb_discount: commissions are paid in BNB where there is enough of it, and the standard ones are then
            multiplied by ``discount``.
        trade_group_id: accounts of one group do not trade with each other either; -1 is none.
        max_assets: the MAX_ASSET filters, by asset.
        open_orders: how many there are, by symbol; ``algo_orders`` and ``iceberg_orders`` how many of them are of
            that kind, ``open_lists`` how many order lists. The orders themselves are in the books.
        external_locks: what systems outside of the exchange have locked, by asset.
        order_windows: the unfilled order counts (10 seconds, 1 day).
        update_time: when a balance last changed, in microseconds.
    """

    __slots__ = (
        "algo_orders",
        "balances",
        "bnb_discount",
        "buyer_rate",
        "can_trade",
        "discount",
        "external_locks",
        "iceberg_orders",
        "maker_rate",
        "max_assets",
        "name",
        "open_lists",
        "open_orders",
        "order_windows",
        "seller_rate",
        "taker_rate",
        "trade_group_id",
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
        self.buyer_rate = 0
        self.seller_rate = 0
        self.can_trade = True
        self.bnb_discount = False
        self.discount = DEFAULT_DISCOUNT
        self.trade_group_id = -1
        self.max_assets: dict[str, int] = {}
        self.open_orders: dict[str, int] = {}
        self.algo_orders: dict[str, int] = {}
        self.iceberg_orders: dict[str, int] = {}
        self.open_lists: dict[str, int] = {}
        self.external_locks: dict[str, int] = {}
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
        status: dict[str, Any] = {
            "makerCommission": self.maker_rate * 10_000 // UNIT,
            "takerCommission": self.taker_rate * 10_000 // UNIT,
            "buyerCommission": self.buyer_rate * 10_000 // UNIT,
            "sellerCommission": self.seller_rate * 10_000 // UNIT,
            "canTrade": self.can_trade,
            "canWithdraw": True,
            "canDeposit": True,
            "commissionRates": {
                "maker": decimal_text(self.maker_rate),
                "taker": decimal_text(self.taker_rate),
                "buyer": decimal_text(self.buyer_rate),
                "seller": decimal_text(self.seller_rate),
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
        if self.trade_group_id != -1:
            status["tradeGroupId"] = self.trade_group_id
        return status

    def same_owner(self, other: Account) -> bool:
        """Whether a trade with that account would be a self-trade."""
        return self is other or (self.trade_group_id != -1 and self.trade_group_id == other.trade_group_id)
