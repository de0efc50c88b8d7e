"""Commissions (faqs/commission_faq.md): what a trade costs, and in which asset."""

from __future__ import annotations

from typing import Any

from ..values.accounts import DISCOUNT_ASSET, Account
from ..values.decimals import UNIT, decimal_text
from ..values.orders import Order
from ..values.symbols import Rates, Symbol
from .book import Book

__all__ = ["account_rates", "commission", "order_rates"]


def commission(books: dict[str, Book], order: Order, asset: str, amount: int, maker: bool) -> tuple[int, str]:
    """The commission for receiving ``amount`` of an asset, and the asset in which it is paid."""
    account, symbol = order.account, order.symbol
    if order.buy:
        standard = account.buyer_rate + (account.maker_rate if maker else account.taker_rate)
    else:
        standard = account.seller_rate + (account.maker_rate if maker else account.taker_rate)
    extra = symbol.special_rates.of(maker, order.buy) + symbol.tax_rates.of(maker, order.buy)
    if account.bnb_discount and symbol.bnb_discount:
        # In units of 10^-16 of the asset: the standard rate times the discount.
        discounted = amount * (standard * account.discount // UNIT + extra) // UNIT
        fee = _in_bnb(books, asset, discounted)
        if fee is not None and (asset == DISCOUNT_ASSET or account.balance(DISCOUNT_ASSET).free >= fee):
            return fee, DISCOUNT_ASSET
    return amount * (standard + extra) // UNIT, asset


def _in_bnb(books: dict[str, Book], asset: str, amount: int) -> int | None:
    """An amount of an asset in BNB at the last price; None if no symbol trades the asset against BNB."""
    if asset == DISCOUNT_ASSET:
        return amount
    book = books.get(DISCOUNT_ASSET + asset)
    if book is not None and book.symbol.base == DISCOUNT_ASSET:
        return amount * UNIT // book.last_price
    book = books.get(asset + DISCOUNT_ASSET)
    if book is not None and book.symbol.base == asset:
        return amount * book.last_price // UNIT
    return None


def _standard(account: Account) -> Rates:
    return Rates(account.maker_rate, account.taker_rate, account.buyer_rate, account.seller_rate)


def _discount(account: Account, symbol: Symbol) -> dict[str, Any]:
    return {
        "enabledForAccount": account.bnb_discount,
        "enabledForSymbol": symbol.bnb_discount,
        "discountAsset": DISCOUNT_ASSET,
        "discount": decimal_text(account.discount),
    }


def account_rates(account: Account, symbol: Symbol) -> dict[str, Any]:
    """The rates as account.commission shows them."""
    return {
        "symbol": symbol.name,
        "standardCommission": _standard(account).view(),
        "specialCommission": symbol.special_rates.view(),
        "taxCommission": symbol.tax_rates.view(),
        "discount": _discount(account, symbol),
    }


def order_rates(account: Account, symbol: Symbol, buy: bool) -> dict[str, Any]:
    """The rates of an order as order.test shows them."""
    return {
        "standardCommissionForOrder": _standard(account).order_view(buy),
        "specialCommissionForOrder": symbol.special_rates.order_view(buy),
        "taxCommissionForOrder": symbol.tax_rates.order_view(buy),
        "discount": _discount(account, symbol),
    }
