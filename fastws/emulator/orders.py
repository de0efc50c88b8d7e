"""Orders, trades, and how replies show them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from .accounts import Account
from .symbols import UNIT, Symbol, decimal_text

__all__ = ["Amendment", "Fill", "NewOrder", "Order", "PreventedMatch", "Trade"]

Side = Literal["BUY", "SELL"]
RespType = Literal["ACK", "RESULT", "FULL"]

_ZERO = decimal_text(0)


@dataclass(slots=True)
class NewOrder:
    """A validated request for an order. Decimals are in units of 10^-8; absent ones are 0.

    ``client_id`` is empty when the exchange is to choose one.
    """

    symbol: Symbol
    side: Side
    type: str
    tif: str
    price: int
    quantity: int
    quote_quantity: int
    client_id: str
    resp_type: RespType
    stp: str
    strategy_id: int | None
    strategy_type: int | None


@dataclass(slots=True)
class Fill:
    """One trade of an order, seen from that order."""

    price: int
    quantity: int
    commission: int
    commission_asset: str
    trade_id: int


@dataclass(slots=True)
class PreventedMatch:
    """A trade that self-trade prevention kept from happening (faqs/stp_faq.md)."""

    id: int
    maker_order_id: int
    price: int
    taker_quantity: int | None
    maker_quantity: int | None

    def view(self) -> dict[str, Any]:
        view: dict[str, Any] = {
            "preventedMatchId": self.id,
            "makerOrderId": self.maker_order_id,
            "price": decimal_text(self.price),
        }
        if self.taker_quantity is not None:
            view["takerPreventedQuantity"] = decimal_text(self.taker_quantity)
        if self.maker_quantity is not None:
            view["makerPreventedQuantity"] = decimal_text(self.maker_quantity)
        return view


@dataclass(slots=True)
class Trade:
    """A trade, with what both sides paid. Times are in microseconds."""

    id: int
    price: int
    quantity: int
    quote_quantity: int
    time: int
    buyer_is_maker: bool
    buyer: Order
    seller: Order
    buyer_commission: int
    seller_commission: int

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

    def account_view(self, order: Order, time_divisor: int) -> dict[str, Any]:
        """The trade as myTrades shows it to the account of ``order``."""
        buyer = order is self.buyer
        commission = self.buyer_commission if buyer else self.seller_commission
        return {
            "symbol": order.symbol.name,
            "id": self.id,
            "orderId": order.id,
            "orderListId": -1,
            "price": decimal_text(self.price),
            "qty": decimal_text(self.quantity),
            "quoteQty": decimal_text(self.quote_quantity),
            "commission": decimal_text(commission),
            "commissionAsset": order.symbol.base if buyer else order.symbol.quote,
            "time": self.time // time_divisor,
            "isBuyer": buyer,
            "isMaker": buyer == self.buyer_is_maker,
            "isBestMatch": True,
        }


@dataclass(slots=True)
class Amendment:
    """What order.amend.keepPriority did to an order."""

    execution_id: int
    original_client_id: str
    new_client_id: str
    original_quantity: int
    new_quantity: int
    time: int

    def view(self, order: Order, time_divisor: int) -> dict[str, Any]:
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


class Order:
    """An order from its acceptance to its end. Decimals are in units of 10^-8, times in microseconds.

    Attributes:
        locked: what the order holds of its account's balance of ``locked_asset``.
        executed: the filled quantity; ``quote_executed`` what it came to.
        fills: the trades that it took at once; trades that it made later are not kept here.
        prevented: the quantity that expired by self-trade prevention; ``prevented_id`` names the match.
        expiry_reason: why it expired (enums.md), or "".
    """

    __slots__ = (
        "account",
        "amendments",
        "buy",
        "client_id",
        "executed",
        "expiry_reason",
        "fills",
        "id",
        "locked",
        "locked_asset",
        "prevented",
        "prevented_id",
        "prevented_matches",
        "price",
        "quantity",
        "quote_executed",
        "quote_quantity",
        "side",
        "status",
        "stp",
        "strategy_id",
        "strategy_type",
        "symbol",
        "tif",
        "time",
        "type",
        "update_time",
    )

    def __init__(self, order_id: int, account: Account, new: NewOrder, client_id: str, now_us: int) -> None:
        self.id = order_id
        self.account = account
        self.symbol = new.symbol
        self.side = new.side
        self.buy = new.side == "BUY"
        self.type = new.type
        self.tif = new.tif
        self.price = new.price
        self.quantity = new.quantity
        self.quote_quantity = new.quote_quantity
        self.client_id = client_id
        self.stp = new.stp
        self.strategy_id = new.strategy_id
        self.strategy_type = new.strategy_type
        self.status = "NEW"
        self.time = self.update_time = now_us
        self.executed = 0
        self.quote_executed = 0
        self.fills: list[Fill] = []
        self.prevented = 0
        self.prevented_id = -1
        self.prevented_matches: list[PreventedMatch] = []
        self.expiry_reason = ""
        self.amendments: list[Amendment] = []
        self.locked = 0
        self.locked_asset = new.symbol.quote if self.buy else new.symbol.base

    def __repr__(self) -> str:
        return f"<order {self.id} {self.side} {self.type} {self.symbol.name} {self.status}>"

    @property
    def remaining(self) -> int:
        """The quantity that may still trade."""
        return self.quantity - self.executed - self.prevented

    @property
    def is_open(self) -> bool:
        return self.status in ("NEW", "PARTIALLY_FILLED")

    def cost(self) -> int:
        """What the order must hold locked for its remaining quantity."""
        return self.price * self.remaining // UNIT if self.buy else self.remaining

    def ack_view(self, time_divisor: int) -> dict[str, Any]:
        """The order as an ACK reply of order.place shows it."""
        return {
            "symbol": self.symbol.name,
            "orderId": self.id,
            "orderListId": -1,
            "clientOrderId": self.client_id,
            "transactTime": self.time // time_divisor,
        }

    def placed_view(self, resp_type: RespType, time_divisor: int) -> dict[str, Any]:
        """The order as a reply of order.place shows it, right after it was placed."""
        view = self.ack_view(time_divisor)
        if resp_type == "ACK":
            return view
        self._add_state(view)
        self._add_strategy(view)
        view["workingTime"] = self.time // time_divisor
        if resp_type == "FULL":
            view["fills"] = [
                {
                    "price": decimal_text(fill.price),
                    "qty": decimal_text(fill.quantity),
                    "commission": decimal_text(fill.commission),
                    "commissionAsset": fill.commission_asset,
                    "tradeId": fill.trade_id,
                }
                for fill in self.fills
            ]
            if self.prevented_matches:
                view["preventedMatches"] = [match.view() for match in self.prevented_matches]
        view["selfTradePreventionMode"] = self.stp
        if self.prevented:
            view["preventedQuantity"] = decimal_text(self.prevented)
        return view

    def canceled_view(self, original_client_id: str, time_divisor: int) -> dict[str, Any]:
        """The order as a reply of order.cancel shows it."""
        view: dict[str, Any] = {
            "symbol": self.symbol.name,
            "origClientOrderId": original_client_id,
            "orderId": self.id,
            "orderListId": -1,
            "clientOrderId": self.client_id,
            "transactTime": self.update_time // time_divisor,
        }
        self._add_state(view)
        self._add_strategy(view)
        view["selfTradePreventionMode"] = self.stp
        return view

    def query_view(self, time_divisor: int) -> dict[str, Any]:
        """The order as order.status and openOrders.status show it."""
        time = self.time // time_divisor
        view: dict[str, Any] = {
            "symbol": self.symbol.name,
            "orderId": self.id,
            "orderListId": -1,
            "clientOrderId": self.client_id,
            "price": decimal_text(self.price),
            "origQty": decimal_text(self.quantity),
            "executedQty": decimal_text(self.executed),
            "cummulativeQuoteQty": decimal_text(self.quote_executed),
            "status": self.status,
            "timeInForce": self.tif,
            "type": self.type,
            "side": self.side,
            "stopPrice": _ZERO,
            "icebergQty": _ZERO,
            "time": time,
            "updateTime": self.update_time // time_divisor,
            "isWorking": True,
            "workingTime": time,
            "origQuoteOrderQty": decimal_text(self.quote_quantity),
        }
        self._add_strategy(view)
        view["selfTradePreventionMode"] = self.stp
        if self.status == "EXPIRED_IN_MATCH":
            view["preventedMatchId"] = self.prevented_id
            view["preventedQuantity"] = decimal_text(self.prevented)
        if self.expiry_reason:
            view["expiryReason"] = self.expiry_reason
        return view

    def amended_view(self, original_client_id: str, time_divisor: int) -> dict[str, Any]:
        """The order as ``amendedOrder`` of order.amend.keepPriority shows it."""
        view: dict[str, Any] = {
            "symbol": self.symbol.name,
            "orderId": self.id,
            "orderListId": -1,
            "origClientOrderId": original_client_id,
            "clientOrderId": self.client_id,
            "price": decimal_text(self.price),
            "qty": decimal_text(self.quantity),
            "executedQty": decimal_text(self.executed),
            "preventedQty": decimal_text(self.prevented),
            "quoteOrderQty": decimal_text(self.quote_quantity),
            "cumulativeQuoteQty": decimal_text(self.quote_executed),
            "status": self.status,
            "timeInForce": self.tif,
            "type": self.type,
            "side": self.side,
        }
        self._add_strategy(view)
        view["workingTime"] = self.time // time_divisor
        view["selfTradePreventionMode"] = self.stp
        return view

    def _add_state(self, view: dict[str, Any]) -> None:
        view["price"] = decimal_text(self.price)
        view["origQty"] = decimal_text(self.quantity)
        view["executedQty"] = decimal_text(self.executed)
        view["origQuoteOrderQty"] = decimal_text(self.quote_quantity)
        view["cummulativeQuoteQty"] = decimal_text(self.quote_executed)
        view["status"] = self.status
        view["timeInForce"] = self.tif
        view["type"] = self.type
        view["side"] = self.side

    def _add_strategy(self, view: dict[str, Any]) -> None:
        if self.strategy_id is not None:
            view["strategyId"] = self.strategy_id
        if self.strategy_type is not None:
            view["strategyType"] = self.strategy_type
