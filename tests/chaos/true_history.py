"""A small true history, by hand: a loss with orders in flight, and the gap of its events; then a rotation."""

from __future__ import annotations

import dataclasses
from typing import Any

from .history import (
    Arrival,
    ClientHistory,
    End,
    Event,
    ExchangeHistory,
    GapStory,
    Mirrored,
    Order,
    Recovered,
    Request,
    Resources,
    Rotated,
    Said,
    Seen,
    Step,
    Told,
    Trade,
)

__all__ = ["LOST", "make"]

SECOND = 1_000_000
START = 1_000 * SECOND
LOST = ("FastwsError", "ConnectionLost", "ConnectionError")
UNKNOWN = ("FastwsError", "ExecutionUnknown")
PLACE, CANCEL, REPLACE = "order.place", "order.cancel", "order.cancelReplace"


def placed(number: int, at: int, *ends: End, name: str, connection: int = 1, **more: Any) -> Request:
    params = {"symbol": "BTCUSDT", "newClientOrderId": name}
    more = {"id": str(number), "trading": True, "placing": True, **more}
    return Request(
        number, at, PLACE, params, client_order_id=name, connection=connection, ends=list(ends), **more
    )


def result(at: int, **fields: Any) -> End:
    return End(at, "result", fields, state="open", connection=1)


def error(at: int, name: str, *kinds: str, **more: Any) -> End:
    return End(at, "error", error=name, kinds=("FastwsError", *kinds, name), **more)


def lost(at: int) -> End:
    """The end of an order in flight, when the connection is lost."""
    return End(
        at, "error", error="ExecutionUnknown", kinds=UNKNOWN, cause=LOST, state="connecting", connection=1
    )


def arrival(seq: int, request: Request, connection: int = 1, executed: bool = True, **more: Any) -> Arrival:
    return Arrival(seq, connection, request.id, request.method, request.params, "me", executed, **more)


def event(number: int, *connections: int) -> Event:
    return Event(("executionReport", number), START + number * SECOND, "me", connections)


def order(number: int, name: str, status: str = "NEW", updated: int = 0, *more: str) -> Order:
    time_us = START + number * SECOND
    return Order(number, "BTCUSDT", (name, *more), status, "0", time_us, START + (updated or number) * SECOND)


def shown(row: Order) -> dict[str, Any]:
    return {"symbol": row.symbol, "orderId": row.id, "clientOrderId": row.names[-1], "status": row.status}


def make() -> tuple[ClientHistory, ExchangeHistory]:
    """The two histories. All that is tampered with in them is a new object each time."""
    rests = placed(1, 10, result(12, symbol="BTCUSDT", orderId=1), name="rests")
    filled = placed(2, 11, result(13, symbol="BTCUSDT", orderId=2), name="filled")
    gone = {"symbol": "BTCUSDT", "orderId": 1, "newClientOrderId": "gone"}
    cancel = Request(3, 14, CANCEL, gone, True, False, "3", "gone", 1)
    cancel.ends.append(result(16, symbol="BTCUSDT", orderId=1))
    read = Request(
        4,
        15,
        "depth",
        {"symbol": "BTCUSDT", "limit": 2},
        id="4",
        connection=1,
        ends=[result(17, bids=[1, 2])],
    )
    given_up = placed(5, 18, End(19, "cancelled"), name="given-up")
    given_up.ends.append(End(21, "orphan", {"symbol": "BTCUSDT", "orderId": 3}))
    refused = placed(6, 20, error(22, "BadRequest", "ApiError", status=400, code=-2010), name="refused")
    halves = {"symbol": "BTCUSDT", "newClientOrderId": "new", "cancelNewClientOrderId": "old"}
    partial = Request(7, 23, REPLACE, halves, True, True, "7", "new", 1)
    partial.ends.append(error(24, "PartialFailure", "ApiError", status=409, code=-2021, new_order="SUCCESS"))
    # the connection is lost: one of the orders in flight was executed, one never arrived
    arrived = placed(8, 25, lost(32), name="arrived", resolved=[Said(50, "StillOpen")])
    arrived.resolved.append(Said(60, "Executed", {"orderId": 5}))
    perished = placed(9, 26, lost(33), name="perished", resolved=[Said(62, "NeverExecuted")])
    status = Request(
        *(10, 27, "order.status", {"symbol": "BTCUSDT", "orderId": 2}),
        id="10",
        connection=1,
        ends=[End(34, "error", error="ConnectionLost", kinds=LOST, state="connecting", connection=1)],
    )
    down = placed(
        *(11, 35, error(35, "NotConnected", "NotSent", state="connecting")),
        name="down",
        id=None,
        connection=0,
        state="connecting",
    )
    held = placed(12, 43, error(43, "GapOpen", "NotSent", state="open"), name="held", id=None, connection=0)
    last = placed(13, 57, result(58, symbol="BTCUSDT", orderId=6), name="last", connection=2)
    # connection 3 takes the place of connection 2: an order is in flight there, and the next one follows it
    early = placed(14, 70, result(76, symbol="BTCUSDT", orderId=7), name="early", connection=2, made=100.0)
    late = placed(15, 73, result(77, symbol="BTCUSDT", orderId=8), name="late", connection=2, made=100.02)
    moved = placed(16, 74, result(75, symbol="ETHUSDT", orderId=9), name="moved", connection=3, made=100.03)
    moved.params["symbol"] = "ETHUSDT"

    orders = {
        (row.symbol, row.id): row
        for row in (
            order(1, "rests", "CANCELED", 3, "gone"),
            order(2, "filled", "FILLED", 2),
            order(3, "given-up"),
            order(4, "new"),
            order(5, "arrived", "FILLED", 5),
            order(6, "last", "NEW", 12),
            order(7, "early", "NEW", 14),
            order(8, "late", "NEW", 15),
        )
    }
    trades = [Trade(71, 2, "BTCUSDT", START + 2 * SECOND), Trade(72, 5, "BTCUSDT", START + 5 * SECOND)]
    # the events 5 to 8 came while nobody was subscribed
    events = [
        *(event(n, 1) for n in (1, 2, 3, 4)),
        *(event(n) for n in (5, 6, 7, 8)),
        event(12, 2),
        event(13, 2),
        event(14, 2, 3),
        event(15, 3),
    ]
    shown_in_the_end: dict[str, Any] = {
        "orders": {("BTCUSDT", number): {"status": "NEW"} for number in (3, 4, 6)},
        "fills": {("BTCUSDT", trade.order_id, trade.id, -1): ("1",) for trade in trades},
        "commission": {"BTC": 2},
        "balances": {"BTC": (5, 1)},
    }
    rotated = [dataclasses.replace(each, heard=101.0 + n) for n, each in enumerate(events[-2:])]
    gap = GapStory("me", START - 6 * SECOND, START + 9 * SECOND, ("BTCUSDT",), 30, 41, 45, 55)
    rows = [shown(orders["BTCUSDT", n]) for n in (1, 2, 3, 4, 5)]
    fills = [{"symbol": "BTCUSDT", "id": trade.id, "orderId": trade.order_id} for trade in trades]
    gap.recovered.append(Recovered(54, rows, fills, True, ("BTCUSDT",)))
    client = ClientHistory(
        account="me",
        requests=[
            *(rests, filled, cancel, read, given_up, refused, partial),
            *(arrived, perished, status, down, held, last),
            *(early, late, moved),
        ],
        steps=[
            Step(1, "new", "connecting"),
            Step(5, "connecting", "open"),
            Step(30, "open", "connecting", "reset"),
            Step(36, "connecting", "waiting", "refused"),
            Step(38, "waiting", "connecting"),
            Step(40, "connecting", "open", connection=2),
            Step(71, "open", "rotating", time=100.0, connection=2),
            Step(72, "rotating", "draining", time=100.01, connection=3),
            Step(78, "draining", "open", time=100.05, connection=3),
        ],
        rotations=[Rotated(69, 2, 79, left=True)],
        stats={"rotations": 1, "losses": 1},
        streams=[[*(event(n) for n in (1, 2, 3, 4)), Told(0), event(12), event(13), *rotated]],
        seen=[Seen(each.key, 3, each.heard - 0.2) for each in rotated],
        gaps=[gap],
        budget=(3, 300.0),
        opened=[0.0],
        before=Resources(1, 3, 9),
        after=Resources(1, 3, 9),
        mirror=Mirrored({name: dict(rows) for name, rows in shown_in_the_end.items()}, unknown=()),
    )
    exchange = ExchangeHistory(
        arrivals=[
            arrival(1, rests, order_id=1, client_order_id="rests", status=200),
            arrival(2, filled, order_id=2, client_order_id="filled", status=200),
            arrival(3, cancel, order_id=1, client_order_id="gone", status=200),
            arrival(4, read, status=200),
            arrival(5, given_up, order_id=3, client_order_id="given-up", status=200),
            arrival(6, refused, executed=False, status=400, code=-2010),
            arrival(7, partial, order_id=4, client_order_id="new", status=409, code=-2021),
            arrival(8, arrived, order_id=5, client_order_id="arrived"),
            arrival(9, last, 2, order_id=6, client_order_id="last", status=200),
            arrival(11, early, 2, order_id=7, client_order_id="early", status=200),
            arrival(12, moved, 3, order_id=9, client_order_id="moved", status=200),
            arrival(13, late, 2, order_id=8, client_order_id="late", status=200),
        ],
        events=events,
        orders=orders,
        trades=trades,
        attempts=[0.0, 10.0, 11.0, 12.0],
        shown=shown_in_the_end,
        sent={1: [each.key for each in events[:4]], 2: [each.key for each in events[-4:-1]]},
    )
    return client, exchange
