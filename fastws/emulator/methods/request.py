"""A request on its way through the exchange."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..network.connection import Session
    from ..values.accounts import Account
    from ..values.auth import ApiKey
    from ..values.errors import Refusal
    from ..values.faults import Fault
    from ..values.journal import Record
    from ..values.order_lists import NewOrderList
    from ..values.orders import NewOrder, Order
    from .methods import Method

__all__ = ["Request"]

_DEFAULT_RECV_WINDOW_US = 5_000_000


class Request:
    """Filled in step by step.

    Attributes:
        id_json: the id, as JSON text.
        params: the parameters as they were sent; ``values``: parsed.
        key: the key that authorised it, None for what needs none; ``account`` is the key's.
        timestamp: in microseconds, as ``recv_window``.
        weight: what it was charged.
        now_us: when it takes effect.
        new_order: the order to place, once it is validated; ``new_list`` the order list.
        over_order_limit: the unfilled order count is exceeded; set only where the request goes on
            nevertheless.
        answered: its reply was given, or will not be.
    """

    __slots__ = (
        "account",
        "answered",
        "fault",
        "id_json",
        "key",
        "method",
        "new_list",
        "new_order",
        "now_us",
        "over_order_limit",
        "params",
        "record",
        "recv_window",
        "session",
        "show_limits",
        "timestamp",
        "values",
        "weight",
    )

    account: Account
    new_order: NewOrder
    new_list: NewOrderList

    def __init__(self, session: Session, record: Record) -> None:
        self.session = session
        self.record = record
        self.id_json = "null"
        self.method: Method | None = None
        self.params: dict[str, Any] = {}
        self.values: dict[str, Any] = {}
        self.key: ApiKey | None = None
        self.timestamp = 0
        self.recv_window = _DEFAULT_RECV_WINDOW_US
        self.weight = 0
        self.show_limits = session.return_rate_limits
        self.now_us = 0
        self.fault: Fault | None = None
        self.over_order_limit: Refusal | None = None
        self.answered = False

    def note_order(self, order: Order) -> None:
        """Tell the journal which order this is about."""
        self.record.order_id = order.id
        self.record.client_order_id = order.client_id
