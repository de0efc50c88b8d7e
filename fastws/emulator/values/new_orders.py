"""New orders and new order lists: validated requests for the matching engine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from .symbols import Symbol

__all__ = ["NewOrder", "NewOrderList", "RespType", "Side"]

Side: TypeAlias = Literal["BUY", "SELL"]
RespType: TypeAlias = Literal["ACK", "RESULT", "FULL"]


@dataclass(slots=True)
class NewOrder:
    """A validated request for an order. Decimals are in units of 10^-8; absent ones are 0.

    With an empty ``client_id``, the exchange chooses one. ``quantity_known`` is False for the pending orders of an OPO.
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
    stop_price: int = 0
    trailing_delta: int = 0
    iceberg_qty: int = 0
    peg_price_type: str = ""
    peg_offset_type: str = ""
    peg_offset_value: int = 0
    quantity_known: bool = True


@dataclass(slots=True)
class NewOrderList:
    """A validated request for an order list.

    ``orders`` is in the order of their ids. OCO: the stop loss, then the other order. OTO: the working order, then the
    pending ones.
    """

    symbol: Symbol
    contingency: str
    opo: bool
    client_id: str
    resp_type: RespType
    orders: tuple[NewOrder, ...]
