"""fastws.trading.resolve: for each method and each cause, what became of a request whose outcome was open, and when
that can be told.
"""

import time
from decimal import Decimal

import pytest

import fastws
from fastws import Executed, NeverExecuted, StillOpen
from fastws.emulator import ManualClock
from helpers.resolving import LIMIT, REQUESTS, hurry, look, trading, unknown  # noqa: F401
from helpers.support import run

pytestmark = pytest.mark.usefixtures("hurry")

# How a reply is lost: the fault, its details, and what the error's cause is then.
CAUSES = {
    "no reply": ("drop_reply", {}, fastws.RequestTimeout),
    "-1007": ("unknown", {}, fastws.ServerError),
    "-1006": ("unknown", {"code": -1006, "status": 400}, fastws.BadRequest),
    "5xx": ("server_error", {"executed": True, "status": 503}, fastws.ServerError),
    "undecodable": ("raw", {"data": b"{not json"}, fastws.DecodeError),
    "connection lost": ("cut_after", {}, fastws.ConnectionLost),
}
LOST_ON_THE_WAY = {
    "-1007": ("unknown", {"executed": False}, fastws.ServerError),
    "5xx": ("server_error", {}, fastws.ServerError),
    "undecodable": ("raw", {"executed": False, "data": b"{not json"}, fastws.DecodeError),
    "connection lost": ("cut_before", {}, fastws.ConnectionLost),
}


async def outcome_of(floor, request, kind, details):
    """Send a request that goes wrong; its error, and what the journal says of it."""
    order = await floor.placed()
    sent = len(floor.exchange.journal)
    floor.fail(kind, **details)
    error = await unknown(REQUESTS[request](floor.client, order))
    return order, error, floor.exchange.journal[sent]


@pytest.mark.parametrize("request_", REQUESTS)
@pytest.mark.parametrize("cause", CAUSES)
def test_what_was_executed_is_found(cause, request_):
    async def main():
        kind, details, cls = CAUSES[cause]
        async with trading() as floor:
            order, error, truth = await outcome_of(floor, request_, kind, details)
            assert isinstance(error.cause, cls)
            assert truth.executed
            if request_ == "openOrders.cancelAll":
                assert isinstance(await look(error, client=floor.watcher), StillOpen)
                floor.later()
            verdict = await error.resolve(client=floor.watcher)
            assert isinstance(verdict, Executed)
            if request_ == "openOrders.cancelAll":
                assert verdict.order is None
                return
            assert verdict.order["orderId"] == truth.order_id
            assert verdict.order["clientOrderId"] == error.client_order_id == truth.client_order_id
            assert verdict.order["status"] == (
                "CANCELED" if "cancel" in request_ and "R" not in request_ else "NEW"
            )
            if request_ == "order.cancelReplace":
                assert verdict.canceled["orderId"] == order["orderId"]
                assert verdict.canceled["status"] == "CANCELED"

    run(main())


@pytest.mark.parametrize("request_", REQUESTS)
@pytest.mark.parametrize("cause", LOST_ON_THE_WAY)
def test_what_never_came_is_open_until_it_is_too_old(cause, request_):
    async def main():
        kind, details, cls = LOST_ON_THE_WAY[cause]
        async with trading() as floor:
            order, error, truth = await outcome_of(floor, request_, kind, details)
            assert isinstance(error.cause, cls)
            assert not truth.executed
            early = await look(error, client=floor.watcher)
            assert isinstance(early, StillOpen)
            assert early.candidates == ()
            if request_ != "order.place":
                assert early.order["orderId"] == order["orderId"]
            floor.later()
            verdict = await error.resolve(client=floor.watcher)
            if request_ == "openOrders.cancelAll":
                # the order that is left is too young to be surely older than the request
                assert [found["orderId"] for found in verdict.candidates] == [order["orderId"]]
                return
            assert isinstance(verdict, NeverExecuted)
            if request_ != "order.place":
                assert verdict.order["orderId"] == order["orderId"]
                assert verdict.order["status"] == "NEW"

    run(main())


@pytest.mark.parametrize("request_", [name for name in REQUESTS if name != "openOrders.cancelAll"])
def test_what_is_executed_after_the_first_question_is_found_by_a_later_one(request_):
    async def main():
        async with trading() as floor:
            order = await floor.placed()
            floor.exchange.gateway.timeout, floor.exchange.engine_delay = 0.0, 0.12
            error = await unknown(REQUESTS[request_](floor.client, order))
            assert error.cause.code == -1007
            assert isinstance(await look(error), StillOpen)
            verdict = await error.resolve(timeout=5)
            truth = floor.exchange.journal.find(method=error.method)[-1]
            assert isinstance(verdict, Executed)
            assert verdict.order["orderId"] == truth.order_id
            first = floor.exchange.journal.find(method="order.status")[0]
            assert first.received_at < truth.executed_at

    run(main())


# --- time


@pytest.mark.parametrize(
    ("by_client", "by_request", "window_us"),
    [
        (None, None, 5_000_000),
        (1500.5, None, 1_500_500),
        (1500.5, 250.25, 250_250),
        (None, "60000", 60_000_000),
        (100, Decimal("3000.125"), 3_000_125),
    ],
)
def test_never_is_said_only_past_timestamp_window_processing_limit_margin_and_lag(
    by_client, by_request, window_us
):
    async def main():
        clock = ManualClock(time.time_ns() // 1000)
        async with trading(clock, recv_window=by_client, time_unit="us") as floor:
            floor.fail("unknown", executed=False)
            error = await unknown(floor.client.order_place(**LIMIT, recvWindow=by_request))
            last = error.params["timestamp"] + window_us + 15_000_000
            clock.advance((last - clock.now_us()) / 1_000_000)
            assert clock.now_us() == last
            # whichever client asks
            async with fastws.connect(floor.exchange.url, **floor.key, recv_window=50) as another:
                assert await look(error, client=another) == StillOpen()
                clock.advance(0.001)
                assert await look(error, client=another) == NeverExecuted()

    run(main())


def test_the_two_questions_that_must_agree_are_a_second_apart(monkeypatch):
    async def main():
        async with trading() as floor:
            floor.fail("unknown", executed=False)
            error = await unknown(floor.client.order_place(**LIMIT))
            floor.later()
            # there is no time for the second one
            assert await error.resolve(timeout=0.9) == StillOpen()
            assert [record.method for record in floor.exchange.journal[1:]] == [
                "time",
                "order.status",
                "allOrders",
            ]
            assert await error.resolve() == NeverExecuted()
            _, first, second = floor.exchange.journal.find(method="order.status")
            assert second.received_at - first.received_at > 900_000
            assert first.received_at > error.params["timestamp"] + 20_000_000
            assert floor.exchange.journal[-1].method == "allOrders"

    monkeypatch.setattr(fastws.trading.cases, "_CONFIRMATION", 1.0)
    run(main())


def test_an_order_that_shows_between_the_two_questions_is_found():
    async def main():
        async with trading() as floor:
            floor.fail("drop_reply")
            error = await unknown(floor.client.order_place(**LIMIT, timeout=0.05))
            floor.later()
            floor.hide(times=1)
            assert isinstance(await error.resolve(), Executed)
            # and one that lookups by name do not show at all, among the orders of that time
            floor.hide()
            assert isinstance(await error.resolve(), Executed)

    run(main())


@pytest.mark.parametrize("offset", [-0.9, 4.0, 30.0])
def test_the_local_clock_may_be_wrong(offset):
    """By as much as the exchange takes, and by more when it is asked: only its own time counts."""

    async def main():
        async with trading(recv_window=60_000) as floor:
            floor.later(offset)
            floor.fail("drop_reply")
            placed = await unknown(floor.client.order_place(**LIMIT, timeout=0.05))
            floor.fail("unknown", executed=False)
            lost = await unknown(floor.client.order_place(**LIMIT))
            found = await placed.resolve()
            assert isinstance(found, Executed)
            assert isinstance(await look(lost), StillOpen)
            # 60 + 15 s from the timestamp, of which `offset` s are over
            floor.later(74 - offset)
            assert isinstance(await look(lost), StillOpen)
            floor.later(600)
            assert await lost.resolve() == NeverExecuted()
            assert (await placed.resolve()).order == found.order

    run(main())


def test_resolve_asks_for_as_long_as_it_was_told():
    async def main():
        async with trading() as floor:
            floor.fail("unknown", executed=False)
            error = await unknown(floor.client.order_place(**LIMIT))
            for timeout, least, most in ((0, 0, 0), (0.4, 3, 5)):
                before = floor.questions()
                start = time.monotonic()
                assert await error.resolve(timeout=timeout) == StillOpen()
                assert time.monotonic() - start < timeout + 0.3
                assert least <= floor.questions() - before <= most

    run(main())


def test_an_outcome_without_a_timestamp_is_never_called_never():
    async def main():
        async with trading() as floor:
            error = fastws.ExecutionUnknown(
                fastws.RequestTimeout("late"), "order.place", {**LIMIT, "newClientOrderId": "x"}
            )
            assert await look(error, client=floor.watcher) == StillOpen()

    run(main())
