"""A client connected to nothing that changes from one connection to another, step by step."""

from __future__ import annotations

import json
from typing import Any

from helpers.halting import LIMIT
from helpers.offline import Offline, Wire
from helpers.support import KEY, frame, reply

# Trading requests: what each is made of, besides the names of orders.
OCO: dict[str, Any] = {
    "symbol": "BTCUSDT",
    "side": "SELL",
    "quantity": "0.001",
    "aboveType": "LIMIT_MAKER",
    "abovePrice": "60000.00",
    "belowType": "STOP_LOSS",
    "belowStopPrice": "40000.00",
}
SOR: dict[str, Any] = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.001"}
AMEND: dict[str, Any] = {"symbol": "BTCUSDT", "newQty": "0.0005"}
REPLACE: dict[str, Any] = {**SOR, "cancelReplaceMode": "ALLOW_FAILURE"}


class Leaving(Offline):
    """A client that changes from `self`, the old connection, to `new`.

    `left` has what SessionOwner.left() was called with, and `notices` what shutdown_notice() was.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**{**KEY, **options})
        self.new = self.another()
        self.left: list[Any] = []
        self.notices: list[int] = []
        self.client._handler.on_left = self.left.append
        self.client._handler.on_shutdown_notice = self.notices.append

    def switch(self, sticky_for: float = 1000.0) -> None:
        self.session.switch(self.new.connection, sticky_for)

    def place(self, symbol: str = "BTCUSDT", **changes: Any) -> Any:
        return self.client.order_place(**{**LIMIT, "symbol": symbol, **changes})

    def wire_of(self, asked: Any) -> Wire:
        """The connection that a request was written to; a request is a Future or a RequestInfo."""
        info = getattr(asked, "info", asked)
        return self if info.connection == self.connection.number else self.new

    def answer(self, *asked: Any) -> None:
        """Answer requests on their connections, with an order."""
        self.client.flush()
        for each in asked:
            info = getattr(each, "info", each)
            self.wire_of(each).send(reply(info.id, {"orderId": 1}))

    def log_on(self, wire: Wire, key: str, request: Any = None) -> None:
        """Let a connection be logged on with this key, by fastws itself if no request is given."""
        if request is None:
            kept, self.session.route = self.session.route, wire.connection
            request = self.client.session_logon(urgent=True)
            self.session.route = kept
        wire.feed(frame(1, json.dumps(reply(request.info.id, {"apiKey": key})).encode()))

    def lose_both(self) -> None:
        self.new.lose()
        self.lose()


def where(*asked: Any) -> str:
    """On which connections requests were written: "o" for the old one, "n" for the new one."""
    return "".join("on"[getattr(each, "info", each).connection - 1] for each in asked)


def methods(wire: Wire) -> list[str]:
    """The methods of the requests that were written to a connection since the last time."""
    return [asked["method"] for asked in wire.requests()]
