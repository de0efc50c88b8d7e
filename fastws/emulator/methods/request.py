"""A request as the methods see it, and what they need of the connection that it came on."""

from __future__ import annotations

from typing import Any, Protocol

from ..exchange.streams import Subscriber
from ..values.accounts import Account
from ..values.auth import ApiKey
from ..values.errors import Refusal
from ..values.formats import Format
from ..values.journal import Record
from ..values.limits import AddressLimits
from ..values.new_orders import NewOrder, NewOrderList
from ..values.orders import Order

__all__ = ["Caller", "Request"]


class Caller(Subscriber, Protocol):
    """The connection of a request.

    Attributes:
        limits: the counters of its address.
        key: the key that it is logged on with, or None.
        authorized_since: of that key, in microseconds; ``connected_since`` of the connection.
        return_rate_limits: whether replies show rate limits unless their request says otherwise.
    """

    limits: AddressLimits
    key: ApiKey | None
    authorized_since: int
    connected_since: int
    return_rate_limits: bool

    @property
    def format(self) -> Format: ...

    def log_on(self, key: ApiKey, now_us: int) -> None:
        """Make ``key`` the connection's own."""

    def log_out(self) -> None:
        """Forget the connection's key, and end the subscription that was made with it."""

    def live_key(self) -> ApiKey | None:
        """The key that the connection is logged on with, or None.

        Raises:
            Refusal: -2015 with a null id: it is valid no more, and the logon is revoked.
        """


class Request:
    """Filled in step by step.

    Attributes:
        connection: the one that it came on.
        values: its parameters, parsed.
        key: the key that authorised it, None for what needs none; ``account`` is the key's.
        weight: what it was charged.
        now_us: when it takes effect.
        new_order: the order to place, once it is validated; ``new_list`` the order list.
        over_order_limit: the unfilled order count is exceeded; set only where the request goes on
            nevertheless.
    """

    __slots__ = (
        "account",
        "connection",
        "key",
        "new_list",
        "new_order",
        "now_us",
        "over_order_limit",
        "record",
        "values",
        "weight",
    )

    connection: Caller
    account: Account
    new_order: NewOrder
    new_list: NewOrderList

    def __init__(self, connection: Caller, record: Record) -> None:
        self.connection = connection
        self.record = record
        self.values: dict[str, Any] = {}
        self.key: ApiKey | None = None
        self.weight = 0
        self.now_us = 0
        self.over_order_limit: Refusal | None = None

    def note_order(self, order: Order) -> None:
        """Tell the journal which order this is about."""
        self.record.order_id = order.id
        self.record.client_order_id = order.client_id
