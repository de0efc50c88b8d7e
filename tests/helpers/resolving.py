"""What the tests of ExecutionUnknown.resolve() share: requests that end in one, and what truly happened to them."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Iterator
from typing import Any, NamedTuple
from unittest import mock

import pytest

import fastws
import fastws.trading.cases
from fastws import Executed, ExecutionUnknown, NeverExecuted, Rejected
from fastws.emulator import Emulator
from fastws.trading.rounds import Group

SYMBOL = "BTCUSDT"
LIMIT = {
    "symbol": SYMBOL,
    "side": "BUY",
    "type": "LIMIT",
    "timeInForce": "GTC",
    "price": "50000.00",
    "quantity": "0.001",
}
OCO = {
    "symbol": SYMBOL,
    "side": "SELL",
    "quantity": "0.001",
    "aboveType": "LIMIT_MAKER",
    "abovePrice": "90000.00",
    "belowType": "STOP_LOSS",
    "belowStopPrice": "30000.00",
}
# Later than a request with the default recvWindow can be executed; seconds.
TOO_LATE = 24

# A request of each method, about an order that rests.
REQUESTS = {
    "order.place": lambda client, order: client.order_place(**LIMIT, timeout=0.1),
    "order.cancel": lambda client, order: client.order_cancel(
        symbol=SYMBOL, orderId=order["orderId"], timeout=0.1
    ),
    "order.cancel by name": lambda client, order: client.order_cancel(
        symbol=SYMBOL, origClientOrderId=order["clientOrderId"], timeout=0.1
    ),
    "order.cancelReplace": lambda client, order: client.order_cancel_replace(
        **LIMIT, cancelReplaceMode="STOP_ON_FAILURE", cancelOrderId=order["orderId"], timeout=0.1
    ),
    "order.amend.keepPriority": lambda client, order: client.order_amend_keep_priority(
        symbol=SYMBOL, orderId=order["orderId"], newQty="0.0005", timeout=0.1
    ),
    "amend by name": lambda client, order: client.order_amend_keep_priority(
        symbol=SYMBOL, origClientOrderId=order["clientOrderId"], newQty="0.0005", timeout=0.1
    ),
    "openOrders.cancelAll": lambda client, order: client.open_orders_cancel_all(symbol=SYMBOL, timeout=0.1),
}


@pytest.fixture
def hurry(monkeypatch):
    """The two questions that must agree follow each other at once."""
    monkeypatch.setattr(fastws.trading.cases, "_CONFIRMATION", 0.0)


class Floor(NamedTuple):
    """An exchange, a client that trades on it, and one of the same account whose connection nothing harms."""

    exchange: Emulator
    client: fastws.Client
    watcher: fastws.Client
    key: dict[str, Any]

    def later(self, seconds: float = TOO_LATE) -> None:
        """Let time pass at the exchange; no other clock moves."""
        self.exchange.core.clock.offset += seconds

    def fail(self, kind: str, method: str | None = None, times: int = 1, **details: Any) -> None:
        self.exchange.faults.add(kind, method, times, **details)

    def hide(self, times: int = 1000) -> None:
        """Let the lookups of orders lag behind the engine."""
        self.fail("error", "order.status", times, code=-2013)

    def questions(self, method: str = "order.status") -> int:
        return len(self.exchange.journal.find(method=method))

    def engine_order(self, order_id: int) -> Any:
        return self.exchange.core.engine.books[SYMBOL].orders[order_id]

    async def placed(self, **params: Any) -> dict[str, Any]:
        """An order that rests in the book."""
        return await self.client.order_place(**{**LIMIT, "newOrderRespType": "RESULT", **params})


@contextlib.asynccontextmanager
async def trading(clock: Any = None, kind: Any = "HMAC", **options: Any) -> AsyncIterator[Floor]:
    """A market with a client on it; `options` are connect()'s."""
    # Time jumps here, by weeks: connections outlive it.
    async with Emulator(clock=clock, enforce_limits=False, max_connection_age=0) as exchange:
        made = exchange.add_account(kind, name="me")
        proof = {"secret": made.secret} if made.secret else {"private_key": made.private_key}
        key = {"api_key": made.api_key, **proof}
        async with (
            fastws.connect(exchange.url, **key, **options) as client,
            fastws.connect(exchange.url, **key, **options) as watcher,
        ):
            yield Floor(exchange, client, watcher, key)


async def unknown(reply: Awaitable[Any]) -> ExecutionUnknown:
    """The ExecutionUnknown that a request ends in."""
    with pytest.raises(ExecutionUnknown) as caught:
        await reply
    return caught.value


def finish(floor, order_id, status="EXPIRED", ago_us=0):
    """End an order otherwise than by a cancel."""
    engine, order = floor.exchange.core.engine, floor.engine_order(order_id)
    engine.close_order(order, status)
    order.update_time = floor.exchange.core.clock.now_us() - ago_us


def lose(floor, executed):
    """Let the next request end in -1007."""
    floor.fail("unknown", executed=executed)


def an_order(**fields):
    """What order.status shows of support.ORDER, made a second after it was sent at 10^15 us."""
    return {
        "symbol": "BTCUSDT",
        "orderId": 7,
        "orderListId": -1,
        "clientOrderId": "mine",
        "price": "1.00000000",
        "origQty": "2.00000000",
        "origQuoteOrderQty": "0.00000000",
        "status": "NEW",
        "type": "LIMIT",
        "side": "BUY",
        "time": 1_000_000_001_000,
        "updateTime": 1_000_000_001_000,
        **fields,
    }


@contextlib.contextmanager
def only_what_is_due() -> Iterator[None]:
    """The first round of questions, or the two that must agree; when no other one is due, the time is over."""
    rest = Group._rest

    async def rest_briefly(self: Group, seconds: float) -> None:
        if not self._failures and seconds > fastws.trading.cases._CONFIRMATION:
            for case in list(self.cases):
                case.expire()
        await rest(self, seconds)

    with (
        mock.patch("fastws.trading.rounds._MERGED", 1e9),
        mock.patch.object(Group, "_rest", rest_briefly),
        mock.patch.object(fastws.trading.cases, "EARLY", (0.0,)),
    ):
        yield


_looks: list[
    Any
] = []  # several may look at the same time: the first one begins to patch, and the last one ends it


@contextlib.contextmanager
def _looking() -> Iterator[None]:
    if not _looks:
        patches = only_what_is_due()
        patches.__enter__()
        _looks.append(patches)
    _looks.append(None)
    try:
        yield
    finally:
        _looks.pop()
        if len(_looks) == 1:
            _looks.pop().__exit__(None, None, None)


async def look(error: ExecutionUnknown, **options: Any) -> Any:
    """What one round of questions finds out about it, or two where they must agree; however long they take."""
    with _looking():
        return await error.resolve(timeout=10, **options)


def agrees(verdict: object, error: ExecutionUnknown, record: Any, orders: Any) -> bool:
    """Whether a verdict says what the journal and the engine's own orders say."""
    truth = record.executed
    if error.method == "openOrders.cancelAll":
        # what it means is the state: executed, or nothing from before it is left
        return truth if isinstance(verdict, Executed) and not orders else True
    if error.method == "order.cancelReplace" and record.executed:
        placed = record.client_order_id == error.client_order_id
        if isinstance(verdict, (Executed, Rejected)):
            canceled = [
                order
                for order in orders.values()
                if order.client_id == error.params["cancelNewClientOrderId"]
            ]
            if bool(canceled) != (verdict.canceled is not None):
                return False
        truth = placed
    if isinstance(verdict, Executed):
        return truth and verdict.order["orderId"] == record.order_id
    if isinstance(verdict, (Rejected, NeverExecuted)):
        return not truth
    return True
