"""A request as the methods see it, and the part of its connection that they use."""

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
    """The connection of a request, as methods see it.

    Attributes:
        limits: the rate limit counters of its address.
        key: the API key that is logged on, or None.
        authorized_since: the time of the logon, in microseconds; ``connected_since``: of the connection's start.
        return_rate_limits: whether replies show rate limits if the request does not have returnRateLimits.
    """

    limits: AddressLimits
    key: ApiKey | None
    authorized_since: int
    connected_since: int
    return_rate_limits: bool

    @property
    def format(self) -> Format: ...

    def log_on(self, key: ApiKey, now_us: int) -> None:
        """Log the connection on with ``key``."""

    def log_out(self) -> None:
        """Log the connection off, and end the subscription of its logon."""

    def live_key(self) -> ApiKey | None:
        """The API key that is logged on, or None.

        Raises:
            Refusal: -2015 with a null id, the key was revoked; the connection is logged off.
        """


class Request:
    """A request; the gateway fills in the attributes step by step.

    Attributes:
        connection: the connection that it came on.
        values: its parsed parameters.
        key: the API key that authorised it, or None; ``account`` is the key's account.
        weight: the weight that was counted for it.
        now_us: the time at which it takes effect, in microseconds.
        new_order: the validated order to place; ``new_list``: the order list.
        over_order_limit: whether the request goes on although the unfilled order count is exceeded.
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
        """Note the request's order in the journal."""
        self.record.order_id = order.id
        self.record.client_order_id = order.client_id
