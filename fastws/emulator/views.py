"""What the gateway knows of orders: order.status reads a memory that lags behind the matching engine.

A change of an order (which its executionReport tells) becomes visible after the lag. An order that is not visible
yet does not exist for who asks.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from .delays import Delay, Seconds
from .errors import Refusal, refuse

if TYPE_CHECKING:
    from .exchange import Exchange
    from .request import Request

__all__ = ["LaggingView"]

_SETTLED = 10_000
_Views = Mapping[int, dict[str, Any]]


class _History:
    """The states of an order: first the last visible one, then those that are not visible yet."""

    __slots__ = ("states", "uid")

    def __init__(self, uid: int) -> None:
        self.uid = uid
        # When it becomes visible, and the order as order.status shows it, by the time divisor; None before it was.
        self.states: deque[tuple[int, _Views | None]] = deque()

    def visible(self, now_us: int) -> _Views | None:
        while len(self.states) > 1 and self.states[1][0] <= now_us:
            self.states.popleft()
        return self.states[0][1]


class LaggingView:
    """The orders as the gateway sees them.

    Attributes:
        on: whether it lags at all.
    """

    def __init__(self, exchange: Exchange, lag: Seconds, seed: int) -> None:
        self._exchange = exchange
        self._lag = Delay(lag, f"queries {seed}")
        self.on = self._lag.seconds != 0
        self._changed: dict[tuple[str, int], bool] = {}
        self._histories: dict[tuple[str, int], _History] = {}
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
            self._histories.clear()
            self._changed.clear()

    def note(self, event: Mapping[str, Any]) -> None:
        """An event of an order: it has changed."""
        if event["e"] == "executionReport":
            key = (event["s"], event["i"])
            self._changed[key] = self._changed.get(key, False) or event["x"] == "NEW"

    def publish(self) -> None:
        """Take down the state of what has changed: it becomes visible after the lag."""
        if not self._changed:
            return
        now_us = self._exchange.clock.now_us()
        # What happened first is seen first.
        at = self._last = max(self._last, now_us + round(self._lag.draw() * 1e6))
        for (symbol, number), new in self._changed.items():
            order = self._exchange.engine.books[symbol].orders.get(number)
            if order is None:
                continue
            history = self._histories.get((symbol, number))
            if history is None:
                history = self._histories[symbol, number] = _History(order.account.uid)
                if new:
                    history.states.append((0, None))
            history.states.append((at, {divisor: order.query_view(divisor) for divisor in (1, 1000)}))
        self._changed.clear()
        if len(self._histories) > 2 * _SETTLED:
            for key in list(self._histories)[:_SETTLED]:
                del self._histories[key]

    def order_status(self, request: Request, handler: Callable[[Exchange, Request], Any]) -> Any:
        """What order.status shows, which its handler would answer from the engine's own state.

        Raises:
            Refusal: -2013, -2039.
        """
        self.publish()
        values, now_us = request.values, self._exchange.clock.now_us()
        symbol, client_id = values["symbol"], values.get("origClientOrderId")
        divisor = request.session.time_divisor
        try:
            result = handler(self._exchange, request)
        except Refusal:
            if client_id is None or "orderId" in values:
                raise
            result = None
        if result is not None:
            history = self._histories.get((symbol, result["orderId"]))
            views = {divisor: result} if history is None else history.visible(now_us)
            if views is not None and client_id in (None, views[divisor]["clientOrderId"]):
                return views[divisor]
            if views is not None and "orderId" in values:
                raise refuse(-2039)
        if client_id is not None and "orderId" not in values:
            # An id that an order had until a moment ago.
            for (of, _), history in self._histories.items():
                if of == symbol and history.uid == request.account.uid:
                    views = history.visible(now_us)
                    if views is not None and views[divisor]["clientOrderId"] == client_id:
                        return views[divisor]
        raise refuse(-2013)
