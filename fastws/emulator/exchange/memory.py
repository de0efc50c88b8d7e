"""The gateway's memory of orders. It answers order.status and openOrders.status, and may lag behind the engine.

A change of an order, which an executionReport reports, becomes visible after the lag. For a request, an order that is
not visible yet does not exist.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ..matching.engine import Engine
from ..values.accounts import Account
from ..values.clock import Clock
from ..values.delays import Seconds
from ..values.errors import Refusal, refuse
from ..values.orders import OPEN
from .lagging import LaggingSource, LaggingTable

__all__ = ["Memory"]

# The uid of the order's account, and the result of order.status by the time divisor.
_State = tuple[int, Mapping[int, Mapping[str, Any]]]


class Memory(LaggingSource):
    """The orders as the gateway sees them."""

    def __init__(self, engine: Engine, clock: Clock, lag: Seconds, seed: int) -> None:
        super().__init__(clock, lag, f"queries {seed}")
        self._engine = engine
        self._orders: LaggingTable[tuple[str, int], _State] = LaggingTable()

    def _clear(self) -> None:
        self._orders.clear()

    def note(self, event: Mapping[str, Any]) -> None:
        """Note the change that an event of an order reports."""
        if event["e"] == "executionReport":
            self._orders.note((event["s"], event["i"]), event["x"] == "NEW")

    def publish(self) -> None:
        """Store the states of all orders that changed; they become visible after the lag."""
        if not self._orders.changed:
            return
        at = self._visible_us()
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
        """The result of order.status for an account.

        Args:
            values: the request's parameters.
            divisor: 1000 for times in milliseconds, 1 for microseconds.
            now: makes the result from the engine's state, which does not lag.

        Raises:
            Refusal: -2013, there is no such visible order; -2039, its two ids do not belong together.
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
            # A client order id that the engine has changed, and the memory still shows.
            for (of, _), state in self._orders.all_visible(now_us):
                if state is None or (of, state[0]) != (symbol, account.uid):
                    continue
                if state[1][divisor]["clientOrderId"] == client_id:
                    return state[1][divisor]
        raise refuse(-2013)

    def open_orders(
        self,
        account: Account,
        symbol: str | None,
        divisor: int,
        now: Callable[[], Iterable[Mapping[str, Any]]],
    ) -> list[Mapping[str, Any]]:
        """The result of openOrders.status for an account, oldest first.

        Args:
            symbol: the symbol; None means all.
            divisor: 1000 for times in milliseconds, 1 for microseconds.
            now: makes the result from the engine's state, which does not lag.

        Raises:
            Refusal: there is no such symbol.
        """
        self.publish()
        shown = {(row["symbol"], row["orderId"]): row for row in now()}
        for key, state in self._orders.all_visible(self._clock.now_us()):
            if symbol is not None and key[0] != symbol:
                continue
            if state is None:
                shown.pop(key, None)
            elif state[0] == account.uid:
                if state[1][divisor]["status"] in OPEN:
                    shown[key] = state[1][divisor]
                else:
                    shown.pop(key, None)
        order = {name: place for place, name in enumerate(self._engine.books)}
        return [shown[key] for key in sorted(shown, key=lambda key: (order[key[0]], key[1]))]
