"""Records of orders: trades, allocations, prevented matches and amendments; and how replies show them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from .accounts import Account
from .decimals import decimal_text
from .symbols import Symbol

__all__ = ["Allocation", "Amendment", "Fill", "Party", "PreventedMatch", "Trade"]


class Party(Protocol):
    """The order of one side of a record; see Order."""

    @property
    def id(self) -> int: ...

    @property
    def account(self) -> Account: ...

    @property
    def symbol(self) -> Symbol: ...

    @property
    def buy(self) -> bool: ...

    @property
    def list_id(self) -> int: ...


@dataclass(slots=True)
class Fill:
    """A trade or an allocation of an order, from that order's side."""

    price: int
    quantity: int
    commission: int
    commission_asset: str
    trade_id: int
    allocation_id: int = -1

    def view(self) -> dict[str, Any]:
        """The fill as a FULL reply shows it."""
        view: dict[str, Any] = {
            "price": decimal_text(self.price),
            "qty": decimal_text(self.quantity),
            "commission": decimal_text(self.commission),
            "commissionAsset": self.commission_asset,
            "tradeId": self.trade_id,
        }
        if self.allocation_id < 0:
            return view
        return {"matchType": "ONE_PARTY_TRADE_REPORT", **view, "allocId": self.allocation_id}


@dataclass(slots=True)
class PreventedMatch:
    """A trade that self-trade prevention prevented (faqs/stp_faq.md).

    Attributes:
        mode: the mode that took effect.
        quantity: the quantity that would have been traded.
        taker_quantity: the taker's prevented quantity, or None; ``maker_quantity``: the maker's.
    """

    id: int
    taker: Party
    maker: Party
    mode: str
    price: int
    quantity: int
    taker_quantity: int | None
    maker_quantity: int | None
    time: int

    def view(self) -> dict[str, Any]:
        """The match as a FULL reply to the taker shows it."""
        view: dict[str, Any] = {
            "preventedMatchId": self.id,
            "makerSymbol": self.maker.symbol.name,
            "makerOrderId": self.maker.id,
            "price": decimal_text(self.price),
        }
        self._add_quantities(view)
        return view

    def account_view(self, time_divisor: int) -> dict[str, Any]:
        """The match as myPreventedMatches shows it."""
        view: dict[str, Any] = {
            "symbol": self.taker.symbol.name,
            "preventedMatchId": self.id,
            "takerOrderId": self.taker.id,
            "makerSymbol": self.maker.symbol.name,
            "makerOrderId": self.maker.id,
            "tradeGroupId": self.taker.account.trade_group_id,
            "selfTradePreventionMode": self.mode,
            "price": decimal_text(self.price),
        }
        self._add_quantities(view)
        view["transactTime"] = self.time // time_divisor
        return view

    def _add_quantities(self, view: dict[str, Any]) -> None:
        if self.taker_quantity is not None:
            view["takerPreventedQuantity"] = decimal_text(self.taker_quantity)
        if self.maker_quantity is not None:
            view["makerPreventedQuantity"] = decimal_text(self.maker_quantity)


@dataclass(slots=True)
class Trade:
    """A trade, with the commissions of both sides. Times are in microseconds."""

    id: int
    price: int
    quantity: int
    quote_quantity: int
    time: int
    buyer_is_maker: bool
    buyer: Party
    seller: Party
    buyer_commission: int
    seller_commission: int
    buyer_commission_asset: str
    seller_commission_asset: str

    def public_view(self, time_divisor: int) -> dict[str, Any]:
        """The trade as trades.recent shows it."""
        return {
            "id": self.id,
            "price": decimal_text(self.price),
            "qty": decimal_text(self.quantity),
            "quoteQty": decimal_text(self.quote_quantity),
            "time": self.time // time_divisor,
            "isBuyerMaker": self.buyer_is_maker,
            "isBestMatch": True,
        }

    def account_view(self, order: Party, time_divisor: int) -> dict[str, Any]:
        """The trade as myTrades shows it to the account of ``order``."""
        buyer = order is self.buyer
        return {
            "symbol": order.symbol.name,
            "id": self.id,
            "orderId": order.id,
            "orderListId": order.list_id,
            "price": decimal_text(self.price),
            "qty": decimal_text(self.quantity),
            "quoteQty": decimal_text(self.quote_quantity),
            "commission": decimal_text(self.buyer_commission if buyer else self.seller_commission),
            "commissionAsset": self.buyer_commission_asset if buyer else self.seller_commission_asset,
            "time": self.time // time_divisor,
            "isBuyer": buyer,
            "isMaker": buyer == self.buyer_is_maker,
            "isBestMatch": True,
        }


@dataclass(slots=True)
class Allocation:
    """A quantity that SOR allocated to an order (faqs/sor_faq.md)."""

    id: int
    order: Party
    price: int
    quantity: int
    quote_quantity: int
    commission: int
    commission_asset: str
    time: int

    @property
    def account(self) -> Account:
        return self.order.account

    def view(self, time_divisor: int) -> dict[str, Any]:
        """The allocation as myAllocations shows it."""
        return {
            "symbol": self.order.symbol.name,
            "allocationId": self.id,
            "allocationType": "SOR",
            "orderId": self.order.id,
            "orderListId": self.order.list_id,
            "price": decimal_text(self.price),
            "qty": decimal_text(self.quantity),
            "quoteQty": decimal_text(self.quote_quantity),
            "commission": decimal_text(self.commission),
            "commissionAsset": self.commission_asset,
            "time": self.time // time_divisor,
            "isBuyer": self.order.buy,
            "isMaker": False,
            "isAllocator": False,
        }


@dataclass(slots=True)
class Amendment:
    """A change of an order by order.amend.keepPriority."""

    execution_id: int
    original_client_id: str
    new_client_id: str
    original_quantity: int
    new_quantity: int
    time: int

    def view(self, order: Party, time_divisor: int) -> dict[str, Any]:
        """The amendment as order.amendments shows it."""
        return {
            "symbol": order.symbol.name,
            "orderId": order.id,
            "executionId": self.execution_id,
            "origClientOrderId": self.original_client_id,
            "newClientOrderId": self.new_client_id,
            "origQty": decimal_text(self.original_quantity),
            "newQty": decimal_text(self.new_quantity),
            "time": self.time // time_divisor,
        }
