"""Order lists: OCO, and OTO with one pending order or with an OCO pair of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..matching.triggers import is_above
from .errors import Refusal

if TYPE_CHECKING:
    from .accounts import Account
    from .orders import NewOrder, Order, RespType
    from .symbols import Symbol

__all__ = ["NewOrderList", "OrderList", "check_relation"]


@dataclass(slots=True)
class NewOrderList:
    """A validated request for an order list.

    ``orders`` are, in the order of their ids: of an OCO, the stop loss and the other order; of an OTO, the working
    order before what is pending.
    """

    symbol: Symbol
    contingency: str
    opo: bool
    client_id: str
    resp_type: RespType
    orders: tuple[NewOrder, ...]


class OrderList:
    """An order list from its acceptance to its end.

    Attributes:
        contingency: "OCO" or "OTO".
        orders: all of them, in the order of their ids.
        working: the working order of an OTO; None for an OCO.
        pending: the orders that wait for it; empty once they were placed, and for an OCO.
        held: what an OPO has received and keeps locked for its pending orders.
        status_type: listStatusType, ``order_status``: listOrderStatus.
        time: of the last change of its status.
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
        """The orders as every reply about a list shows them."""
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


def check_relation(orders: tuple[Order, Order], last_price: int) -> None:
    """Refuse an OCO pair whose prices are not on the right sides of the last price.

    Raises:
        Refusal: -2010.
    """
    for order in orders:
        prices = []
        if order.stop_price and order.is_algo:
            prices.append((order.stop_price, is_above(order)))
        elif not order.is_algo:
            prices.append((order.price, not order.buy))
        if order.type == "TAKE_PROFIT_LIMIT" and not order.buy and order.price:
            prices.append((order.price, True))
        for price, above in prices:
            if (price <= last_price) if above else (price >= last_price):
                raise Refusal(400, -2010, "The relationship of the prices for the orders is not correct.")
