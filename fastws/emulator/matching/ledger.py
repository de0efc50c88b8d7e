"""Balances: the amounts that orders lock, spend and receive."""

from __future__ import annotations

from collections.abc import Iterable

from ..values.accounts import Account
from ..values.errors import Refusal
from ..values.orders import Order
from ..values.symbols import Symbol
from .book import Book
from .commission import commission
from .events import Reporter

__all__ = ["Ledger", "rejected"]


def rejected(msg: str) -> Refusal:
    """The refusal of an order by the matching engine."""
    return Refusal(400, -2010, msg)


class Ledger:
    """All books, and the balances of their orders; see Matcher for the arguments."""

    def __init__(self, symbols: Iterable[Symbol], fees: Account, reporter: Reporter | None) -> None:
        self.books = {symbol.name: Book(symbol) for symbol in symbols}
        self.fees = fees
        self.reporter = reporter

    def touch(self, account: Account, asset: str) -> None:
        """Note that a balance has changed."""
        if self.reporter is not None:
            self.reporter.touch(account, asset)

    def lock(self, order: Order, amount: int, now_us: int) -> None:
        """Set the locked amount of an order to ``amount``.

        Raises:
            Refusal: -2010, the account does not have it.
        """
        account, asset = order.account, order.locked_asset
        more = amount - order.locked
        if not more:
            return
        balance = account.balance(asset)
        if balance.free < more:
            raise rejected("Account has insufficient balance for requested action.")
        balance.free -= more
        balance.locked += more
        order.locked = amount
        account.update_time = now_us
        self.touch(account, asset)

    def release(self, order: Order, needed: int) -> None:
        """Unlock the part of an order's locked amount beyond ``needed``."""
        surplus = order.locked - needed
        if surplus > 0:
            balance = order.account.balance(order.locked_asset)
            balance.locked -= surplus
            balance.free += surplus
            order.locked = needed
            self.touch(order.account, order.locked_asset)

    def spend(self, order: Order, amount: int) -> None:
        """Pay ``amount`` from an order's locked amount."""
        order.account.balance(order.locked_asset).locked -= amount
        order.locked -= amount
        self.touch(order.account, order.locked_asset)

    def receive(self, order: Order, asset: str, amount: int, maker: bool, now_us: int) -> tuple[int, str]:
        """Credit an order's account with what it bought or earned, less the commission.

        Returns:
            The commission and its asset.
        """
        account = order.account
        fee, fee_asset = commission(self.books, order, asset, amount, maker)
        balance = account.balance(asset)
        order_list = order.order_list
        if order_list is not None and order_list.opo and order is order_list.working:
            # What an OPO receives stays locked for its pending orders; the commission is paid from the free balance, if
            # that suffices (faqs/opo.md).
            kept = amount
            if fee_asset == asset and (fee_asset == "BNB" or balance.free < fee):
                kept -= fee
                balance.free += fee
            balance.locked += kept
            order_list.held += kept
        else:
            balance.free += amount
        account.balance(fee_asset).free -= fee
        self.fees.balance(fee_asset).free += fee
        self.touch(account, asset)
        if fee_asset != asset:
            self.touch(account, fee_asset)
        return fee, fee_asset
