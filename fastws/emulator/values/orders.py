"""Orders and order lists, and how replies show them.

Both are in one module, since an order refers to its list and a list to its orders.
"""

from __future__ import annotations

from typing import Any

from .accounts import Account
from .decimals import UNIT, decimal_text
from .new_orders import NewOrder, NewOrderList, RespType, Side
from .records import Amendment, Fill, PreventedMatch
from .symbols import ALGO_TYPES, MARKET_TYPES

__all__ = ["OPEN", "Order", "OrderList"]

_ZERO = decimal_text(0)
OPEN = frozenset(("NEW", "PARTIALLY_FILLED", "PENDING_NEW"))


class Order:
    """An order from its acceptance to its end. Decimals are in units of 10^-8, times in microseconds.

    Attributes:
        price: the limit price; ``limit`` is the price that was sent, which differs for pegged orders.
        pegged_price: the price that a pegged order took from the book; 0 before.
        lock_price: the price for locking a buyer's funds: the limit price, or an estimate while it is not known.
        visible: the quantity that the book shows; less than the rest for iceberg orders.
        locked: the amount of ``locked_asset`` that the order locks.
        executed: the filled quantity; ``quote_executed``: its amount in the quote asset.
        fills: its trades as a taker; its trades as a maker are not kept here.
        prevented: the quantity that self-trade prevention removed; ``prevented_id``: the id of the last such match.
        expiry_reason: why it expired (enums.md), or "".
        working_time: the time since which it can trade; -1 before.
        trailing_time: the time since which a trailing order follows the price; -1 before.
        extreme: the highest or lowest price since then.
        resting: whether it is on the book; ``waiting``: whether it waits for its stop price.
        lacked_liquidity: whether the book had too little for a market order with a quote quantity.
        order_list: the list that it is part of; ``sibling`` is the other order of an OCO pair.
    """

    __slots__ = (
        "account",
        "amendments",
        "buy",
        "client_id",
        "executed",
        "expiry_reason",
        "extreme",
        "fills",
        "iceberg_qty",
        "id",
        "lacked_liquidity",
        "limit",
        "lock_price",
        "locked",
        "locked_asset",
        "order_list",
        "peg_offset_type",
        "peg_offset_value",
        "peg_price_type",
        "pegged_price",
        "prevented",
        "prevented_id",
        "prevented_matches",
        "price",
        "quantity",
        "quantity_known",
        "quote_executed",
        "quote_quantity",
        "resting",
        "sibling",
        "side",
        "status",
        "stop_price",
        "stp",
        "strategy_id",
        "strategy_type",
        "symbol",
        "tif",
        "time",
        "trailing_delta",
        "trailing_time",
        "type",
        "update_time",
        "used_sor",
        "visible",
        "waiting",
        "working_floor",
        "working_time",
    )

    def __init__(self, order_id: int, account: Account, new: NewOrder, client_id: str, now_us: int) -> None:
        self.id = order_id
        self.account = account
        self.symbol = new.symbol
        self.side: Side = new.side
        self.buy = new.side == "BUY"
        self.type = new.type
        self.tif = new.tif
        self.price = self.limit = self.lock_price = new.price
        self.quantity = new.quantity
        self.quote_quantity = new.quote_quantity
        self.client_id = client_id
        self.stp = new.stp
        self.strategy_id = new.strategy_id
        self.strategy_type = new.strategy_type
        self.stop_price = new.stop_price
        self.trailing_delta = new.trailing_delta
        self.iceberg_qty = new.iceberg_qty
        self.peg_price_type = new.peg_price_type
        self.peg_offset_type = new.peg_offset_type
        self.peg_offset_value = new.peg_offset_value
        self.quantity_known = new.quantity_known
        self.status = "NEW"
        self.time = self.update_time = now_us
        self.working_time = self.trailing_time = -1
        self.extreme = 0
        self.pegged_price = 0
        self.visible = 0
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
        self.resting = self.waiting = self.lacked_liquidity = False
        self.order_list: OrderList | None = None
        self.sibling: Order | None = None
        self.used_sor = False
        self.working_floor = ""

    def __repr__(self) -> str:
        return f"<order {self.id} {self.side} {self.type} {self.symbol.name} {self.status}>"

    @property
    def remaining(self) -> int:
        """The quantity that can still trade."""
        return self.quantity - self.executed - self.prevented

    @property
    def is_open(self) -> bool:
        return self.status in OPEN

    @property
    def is_market(self) -> bool:
        """Whether it trades at any price."""
        return self.type in MARKET_TYPES

    @property
    def is_algo(self) -> bool:
        return self.type in ALGO_TYPES

    @property
    def list_id(self) -> int:
        return -1 if self.order_list is None else self.order_list.id

    def cost(self) -> int:
        """The amount that must be locked for the remaining quantity."""
        return self.lock_price * self.remaining // UNIT if self.buy else self.remaining

    # How replies show it

    def ack_view(self, time_divisor: int) -> dict[str, Any]:
        """The order as an ACK reply of order.place shows it."""
        return {
            "symbol": self.symbol.name,
            "orderId": self.id,
            "orderListId": self.list_id,
            "clientOrderId": self.client_id,
            "transactTime": self.time // time_divisor,
        }

    def placed_view(self, resp_type: RespType, time_divisor: int) -> dict[str, Any]:
        """The order as a reply of order.place shows it, right after it was placed."""
        view = self.ack_view(time_divisor)
        if resp_type == "ACK":
            return view
        self._add_state(view)
        self._add_conditions(view, time_divisor)
        self._add_strategy(view)
        view["workingTime"] = _scaled(self.working_time, time_divisor)
        if resp_type == "FULL":
            view["fills"] = [fill.view() for fill in self.fills]
            if self.prevented_matches:
                view["preventedMatches"] = [match.view() for match in self.prevented_matches]
        if self.working_floor:
            view["workingFloor"] = self.working_floor
        view["selfTradePreventionMode"] = self.stp
        if self.prevented:
            if self.account.trade_group_id != -1:
                view["tradeGroupId"] = self.account.trade_group_id
            view["preventedQuantity"] = decimal_text(self.prevented)
        self._add_rest(view)
        return view

    def canceled_view(self, original_client_id: str | None, time_divisor: int) -> dict[str, Any]:
        """The order as a reply of order.cancel shows it; without an original client order id if there is none
        to show.
        """
        view: dict[str, Any] = {"symbol": self.symbol.name}
        if original_client_id is not None:
            view["origClientOrderId"] = original_client_id
        view["orderId"] = self.id
        view["orderListId"] = self.list_id
        view["clientOrderId"] = self.client_id
        view["transactTime"] = self.update_time // time_divisor
        self._add_state(view)
        self._add_conditions(view, time_divisor)
        self._add_strategy(view)
        if self.working_floor:
            view["workingFloor"] = self.working_floor
        view["selfTradePreventionMode"] = self.stp
        if self.prevented:
            view["preventedQuantity"] = decimal_text(self.prevented)
        self._add_rest(view)
        return view

    def query_view(self, time_divisor: int) -> dict[str, Any]:
        """The order as order.status and openOrders.status show it."""
        view: dict[str, Any] = {
            "symbol": self.symbol.name,
            "orderId": self.id,
            "orderListId": self.list_id,
            "clientOrderId": self.client_id,
            "price": decimal_text(self.limit),
            "origQty": decimal_text(self.quantity),
            "executedQty": decimal_text(self.executed),
            "cummulativeQuoteQty": decimal_text(self.quote_executed),
            "status": self.status,
            "timeInForce": self.tif,
            "type": self.type,
            "side": self.side,
            "stopPrice": decimal_text(self.stop_price),
        }
        self._add_trailing(view, time_divisor)
        view["icebergQty"] = decimal_text(self.iceberg_qty)
        view["time"] = self.time // time_divisor
        view["updateTime"] = self.update_time // time_divisor
        view["isWorking"] = self.working_time >= 0
        view["workingTime"] = _scaled(self.working_time, time_divisor)
        view["origQuoteOrderQty"] = decimal_text(self.quote_quantity)
        self._add_strategy(view)
        if self.working_floor:
            view["workingFloor"] = self.working_floor
        view["selfTradePreventionMode"] = self.stp
        if self.prevented:
            view["preventedMatchId"] = self.prevented_id
            view["preventedQuantity"] = decimal_text(self.prevented)
        self._add_rest(view)
        return view

    def amended_view(self, original_client_id: str, time_divisor: int) -> dict[str, Any]:
        """The order as ``amendedOrder`` of order.amend.keepPriority shows it."""
        view: dict[str, Any] = {
            "symbol": self.symbol.name,
            "orderId": self.id,
            "orderListId": self.list_id,
            "origClientOrderId": original_client_id,
            "clientOrderId": self.client_id,
            "price": decimal_text(self.limit),
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
        self._add_conditions(view, time_divisor)
        self._add_strategy(view)
        view["workingTime"] = _scaled(self.working_time, time_divisor)
        view["selfTradePreventionMode"] = self.stp
        self._add_rest(view)
        return view

    def _add_state(self, view: dict[str, Any]) -> None:
        view["price"] = decimal_text(self.limit)
        if self.quantity_known:
            view["origQty"] = decimal_text(self.quantity)
        view["executedQty"] = decimal_text(self.executed)
        view["origQuoteOrderQty"] = decimal_text(self.quote_quantity)
        view["cummulativeQuoteQty"] = decimal_text(self.quote_executed)
        view["status"] = self.status
        view["timeInForce"] = self.tif
        view["type"] = self.type
        view["side"] = self.side

    def _add_conditions(self, view: dict[str, Any], time_divisor: int) -> None:
        """stopPrice, trailingDelta, trailingTime and icebergQty, which placements and cancels show if sent."""
        if self.type in ALGO_TYPES:
            view["stopPrice"] = decimal_text(self.stop_price)
            self._add_trailing(view, time_divisor)
        if self.iceberg_qty:
            view["icebergQty"] = decimal_text(self.iceberg_qty)

    def _add_trailing(self, view: dict[str, Any], time_divisor: int) -> None:
        if self.trailing_delta:
            view["trailingDelta"] = self.trailing_delta
            view["trailingTime"] = _scaled(self.trailing_time, time_divisor)

    def _add_strategy(self, view: dict[str, Any]) -> None:
        if self.strategy_id is not None:
            view["strategyId"] = self.strategy_id
        if self.strategy_type is not None:
            view["strategyType"] = self.strategy_type

    def _add_rest(self, view: dict[str, Any]) -> None:
        if self.used_sor:
            view["usedSor"] = True
        if self.peg_price_type:
            view["pegPriceType"] = self.peg_price_type
            if self.peg_offset_type:
                view["pegOffsetType"] = self.peg_offset_type
                view["pegOffsetValue"] = self.peg_offset_value
            if self.pegged_price:
                view["peggedPrice"] = decimal_text(self.pegged_price)
        if self.expiry_reason:
            view["expiryReason"] = self.expiry_reason


class OrderList:
    """An order list from its acceptance to its end: OCO, or OTO with one pending order or with an OCO pair of them.

    Attributes:
        contingency: "OCO" or "OTO".
        orders: all of them, in the order of their ids.
        working: the working order of an OTO; None for an OCO.
        pending: the orders that wait for the working order; empty after they were placed, and for an OCO.
        held: the amount that an OPO has received and keeps locked for its pending orders.
        status_type: the listStatusType; ``order_status``: the listOrderStatus.
        time: the time of the last change of its status.
    """

    __slots__ = (
        "account",
        "client_id",
        "contingency",
        "held",
        "id",
        "opo",
        "order_status",
        "orders",
        "pending",
        "status_type",
        "symbol",
        "time",
        "working",
    )

    def __init__(
        self,
        list_id: int,
        account: Account,
        new: NewOrderList,
        client_id: str,
        orders: list[Order],
        now_us: int,
    ) -> None:
        self.id = list_id
        self.account = account
        self.symbol = new.symbol
        self.client_id = client_id
        self.contingency = new.contingency
        self.opo = new.opo
        self.orders = orders
        self.working = orders[0] if new.contingency == "OTO" else None
        self.pending = orders[1:] if new.contingency == "OTO" else []
        self.held = 0
        self.status_type = "EXEC_STARTED"
        self.order_status = "EXECUTING"
        self.time = now_us
        for order in orders:
            order.order_list = self
        pair = self.pending or orders
        if len(pair) == 2:
            pair[0].sibling, pair[1].sibling = pair[1], pair[0]

    def __repr__(self) -> str:
        return f"<order list {self.id} {self.contingency} {self.symbol.name} {self.order_status}>"

    @property
    def is_open(self) -> bool:
        return self.order_status == "EXECUTING"

    def rows(self) -> list[dict[str, Any]]:
        """The list's orders as all replies about a list show them."""
        return [{"symbol": o.symbol.name, "orderId": o.id, "clientOrderId": o.client_id} for o in self.orders]

    def view(self, time_divisor: int) -> dict[str, Any]:
        """The list as orderList.status shows it."""
        return {
            "orderListId": self.id,
            "contingencyType": self.contingency,
            "listStatusType": self.status_type,
            "listOrderStatus": self.order_status,
            "listClientOrderId": self.client_id,
            "transactionTime": self.time // time_divisor,
            "symbol": self.symbol.name,
            "orders": self.rows(),
        }

    def placed_view(self, resp_type: RespType, time_divisor: int) -> dict[str, Any]:
        """The list as a reply of orderList.place.* shows it."""
        view = self.view(time_divisor)
        view["orderReports"] = [order.placed_view(resp_type, time_divisor) for order in self.orders]
        return view

    def amended_view(self) -> dict[str, Any]:
        """The list as ``listStatus`` of order.amend.keepPriority shows it."""
        return {
            "orderListId": self.id,
            "contingencyType": self.contingency,
            "listOrderStatus": self.order_status,
            "listClientOrderId": self.client_id,
            "symbol": self.symbol.name,
            "orders": self.rows(),
        }


def _scaled(time_us: int, time_divisor: int) -> int:
    return time_us if time_us < 0 else time_us // time_divisor
