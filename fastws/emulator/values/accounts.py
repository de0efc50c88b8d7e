"""Accounts: balances, commission rates, and counts of open orders."""

from __future__ import annotations

from typing import Any

from .decimals import UNIT, decimal_text
from .limits import Window

__all__ = ["DISCOUNT_ASSET", "Account", "Balance"]

# The asset for discounted commissions, and the factor of standard commissions that are paid in it.
DISCOUNT_ASSET = "BNB"
DEFAULT_DISCOUNT = UNIT * 3 // 4


class Balance:
    """A balance of an asset, in units of 10^-8: ``free``, and ``locked`` by open orders."""

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
        name: its name in the log and the journal.
        balances: by asset.
        maker_rate: the standard commission as a maker; ``taker_rate``: as a taker.
        buyer_rate: the additional commission as a buyer; ``seller_rate``: as a seller.
        can_trade: whether it may place and cancel orders.
        bnb_discount: whether commissions are paid in BNB, if there is enough of it; standard commissions are then
            multiplied by ``discount``.
        trade_group_id: self-trade prevention applies between accounts of one group; -1 means no group.
        max_assets: the MAX_ASSET filters, by asset.
        open_orders: the number of open orders by symbol; ``algo_orders``, ``iceberg_orders`` and ``open_lists`` count
            those kinds. The orders themselves are in the books.
        external_locks: the amounts that systems outside the exchange have locked, by asset.
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
        """The balance of an asset; created at the first call."""
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
