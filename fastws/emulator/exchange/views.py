"""What the gateway knows of orders: order.status reads a memory that lags behind the matching engine.

A change of an order (which its executionReport tells) becomes visible after the lag. An order that is not visible
yet does not exist for a request.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..matching.engine import Engine
from ..values.accounts import Account
from ..values.clock import Clock
from ..values.delays import Delay, Seconds
from ..values.errors import Refusal, refuse
from .lagging import LaggingTable

__all__ = ["LaggingView"]

# The uid of its account, and the order as order.status shows it, by the time divisor.
_State = tuple[int, Mapping[int, Mapping[str, Any]]]


class LaggingView:
    """The orders as the gateway sees them.

    Attributes:
        on: whether it lags at all.
    """

    def __init__(self, engine: Engine, clock: Clock, lag: Seconds, seed: int) -> None:
        self._engine = engine
        self._clock = clock
        self._lag = Delay(lag, f"queries {seed}")
        self.on = self._lag.seconds != 0
        self._orders: LaggingTable[tuple[str, int], _State] = LaggingTable()
        self._last = 0

    @property
    def lag(self) -> Seconds:
        """Seconds until a change is visible. What changed before the lag was set is visible."""
        return self._lag.seconds

    @lag.setter
    def lag(self, seconds: Seconds) -> None:
        self._lag.seconds = seconds
        self.on = seconds != 0
        if not self.on:
            self._orders.clear()

    def note(self, event: Mapping[str, Any]) -> None:
        """An event of an order: it has changed."""
        if event["e"] == "executionReport":
            self._orders.note((event["s"], event["i"]), event["x"] == "NEW")

    def publish(self) -> None:
        """Take down the state of what has changed: it becomes visible after the lag."""
        if not self._orders.changed:
            return
        now_us = self._clock.now_us()
        # What happened first is seen first.
        at = self._last = max(self._last, now_us + round(self._lag.draw() * 1e6))
        for symbol, number in self._orders.changed:
            order = self._engine.books[symbol].orders.get(number)
            if order is not None:
                views = {divisor: order.query_view(divisor) for divisor in (1, 1000)}
                self._orders.add((symbol, number), at, (order.account.uid, views))
        self._orders.changed.clear()

    def order_status(
        self,
        account: Account,
        values: Mapping[str, Any],
        divisor: int,
        now: Callable[[], Mapping[str, Any]],
    ) -> Mapping[str, Any]:
        """What order.status shows an account.

        Args:
            values: the request's parameters.
            divisor: what times are divided by.
            now: the reply from the engine's own state, which does not lag.

        Raises:
            Refusal: -2013, -2039.
        """
        self.publish()
        now_us = self._clock.now_us()
        symbol, client_id = values["symbol"], values.get("origClientOrderId")
        try:
            result = now()
        except Refusal:
            if client_id is None or "orderId" in values:
                raise
            result = None
        if result is not None:
            current = (account.uid, {divisor: result})
            state = self._orders.visible((symbol, result["orderId"]), current, now_us)
            if state is not None and client_id in (None, state[1][divisor]["clientOrderId"]):
                return state[1][divisor]
            if state is not None and "orderId" in values:
                raise refuse(-2039)
        if client_id is not None and "orderId" not in values:
            # An id that an order had until a moment ago.
            for (of, _), (uid, views) in self._orders.all_visible(now_us):
                if (of, uid) == (symbol, account.uid) and views[divisor]["clientOrderId"] == client_id:
                    return views[divisor]
        raise refuse(-2013)
