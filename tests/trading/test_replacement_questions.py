"""fastws.trading.change_questions: replacements and cancelling all orders."""

import pytest

import fastws
from fastws import Executed, NeverExecuted, Rejected, StillOpen
from helpers.resolving import LIMIT, SYMBOL, finish, hurry, look, lose, trading, unknown  # noqa: F401
from helpers.support import KEY, refusal, reply, run, talking

pytestmark = pytest.mark.usefixtures("hurry")


# --- order.cancelReplace


def replacing(floor, order, mode="STOP_ON_FAILURE", by="id", **params):
    names = (
        {"cancelOrderId": order["orderId"]}
        if by == "id"
        else {"cancelOrigClientOrderId": order["clientOrderId"]}
    )
    return floor.client.order_cancel_replace(
        **{**LIMIT, "price": "49000", **params}, cancelReplaceMode=mode, **names
    )


@pytest.mark.parametrize("by", ["id", "name"])
@pytest.mark.parametrize("mode", ["STOP_ON_FAILURE", "ALLOW_FAILURE"])
def test_a_replacement_whose_second_half_failed(mode, by):
    async def main():
        async with trading() as floor:
            order = await floor.placed()
            lose(floor, True)
            error = await unknown(replacing(floor, order, mode, by, quantity="100"))
            early = await look(error)
            assert isinstance(early, StillOpen)
            assert early.canceled["orderId"] == order["orderId"]
            floor.later()
            verdict = await error.resolve()
            assert isinstance(verdict, Rejected)
            assert verdict.canceled["orderId"] == order["orderId"]
            assert verdict.canceled["status"] == "CANCELED"

    run(main())


@pytest.mark.parametrize("by", ["id", "name"])
@pytest.mark.parametrize("mode", ["STOP_ON_FAILURE", "ALLOW_FAILURE"])
def test_a_replacement_whose_first_half_came_too_late(mode, by):
    async def main():
        async with trading() as floor:
            order = await floor.placed()
            finish(floor, order["orderId"], "FILLED")
            lose(floor, True)
            error = await unknown(replacing(floor, order, mode, by))
            verdict = await look(error)
            if mode == "STOP_ON_FAILURE":
                assert isinstance(verdict, Rejected)
                assert verdict.order["orderId"] == order["orderId"]
            else:
                assert isinstance(verdict, Executed)
                assert verdict.order["clientOrderId"] == error.client_order_id
                assert verdict.canceled is None

    run(main())


def test_a_replacement_that_was_cancelled_since_is_a_candidate():
    async def main():
        async with trading() as floor:
            order = await floor.placed()
            lose(floor, True)
            error = await unknown(replacing(floor, order))
            await floor.watcher.open_orders_cancel_all(symbol=SYMBOL)
            floor.later()
            verdict = await error.resolve()
            assert isinstance(verdict, StillOpen)
            assert verdict.canceled["orderId"] == order["orderId"]
            assert [found["orderId"] for found in verdict.candidates] == [order["orderId"] + 1]
            ruled_out = await error.resolve(others=[order["orderId"] + 1])
            assert isinstance(ruled_out, Rejected)
            assert ruled_out.canceled["orderId"] == order["orderId"]

    run(main())


def test_a_half_whose_outcome_is_open_leaves_the_whole_open():
    """The other half is known from the reply, and seen again."""

    async def main():
        async with trading() as floor:
            order = await floor.placed()
            data = {
                "cancelResult": "SUCCESS",
                "newOrderResult": "FAILURE",
                "cancelResponse": {"orderId": order["orderId"]},
                "newOrderResponse": {"code": -1007, "msg": "Timeout"},
            }
            floor.fail("error", status=409, code=-2021, data=data, executed=True)
            error = await unknown(replacing(floor, order))
            assert isinstance(error.cause, fastws.PartialFailure)
            verdict = await error.resolve()
            assert isinstance(verdict, Executed)
            assert verdict.canceled["orderId"] == order["orderId"]

    run(main())


# --- openOrders.cancelAll


def all_cancelled(floor):
    return floor.client.open_orders_cancel_all(symbol=SYMBOL)


async def aged(floor, seconds=5, **params):
    """An order that was there surely before what follows."""
    order = await floor.placed(**params)
    floor.engine_order(order["orderId"]).time -= seconds * 1_000_000
    return order


def test_orders_from_before_that_are_left_show_that_not_all_were_cancelled():
    async def main():
        async with trading() as floor:
            orders = [await aged(floor, seconds) for seconds in (5, 90_000)]
            lose(floor, False)
            error = await unknown(all_cancelled(floor))
            early = await look(error)
            assert isinstance(early, StillOpen)
            floor.later()
            verdict = await error.resolve(others=[order["orderId"] for order in orders])
            assert isinstance(verdict, NeverExecuted)
            assert verdict.order["orderId"] == orders[1]["orderId"]

    run(main())


@pytest.mark.parametrize("executed", [False, True])
def test_while_it_can_still_cancel_it_is_not_called_executed(executed):
    """No order is open, but it might cancel those that are placed next."""

    async def main():
        async with trading() as floor:
            lose(floor, executed)
            error = await unknown(all_cancelled(floor))
            assert await error.resolve(timeout=0.1) == StillOpen()
            floor.later()
            assert await error.resolve() == Executed(None)

    run(main())


@pytest.mark.parametrize("executed", [False, True])
def test_orders_placed_about_the_same_time_are_candidates_unless_they_are_known_to_be_later(executed):
    async def main():
        async with trading() as floor:
            await aged(floor)
            if not executed:
                # the old order ended otherwise; nothing of what is left is surely older
                await floor.watcher.open_orders_cancel_all(symbol=SYMBOL)
            lose(floor, executed)
            error = await unknown(all_cancelled(floor))
            newer = [await floor.placed(price=price) for price in ("49000", "48000")]
            floor.later()
            much_newer = await floor.watcher.order_place(
                **LIMIT, timestamp=floor.exchange.core.clock.now_us()
            )
            verdict = await error.resolve()
            ids = [order["orderId"] for order in newer]
            assert isinstance(verdict, StillOpen)
            assert [order["orderId"] for order in verdict.candidates] == ids
            assert much_newer["orderId"] not in ids
            assert len((await error.resolve(others=ids[:1])).candidates) == 1
            assert await error.resolve(others=ids) == Executed(None)

    run(main())


def test_a_wrong_clock_makes_no_order_older():
    """The exchange's clock is 4 s ahead of ours: an order from just before the request seems to be newer."""

    async def main():
        async with trading() as floor:
            floor.later(4)
            order = await floor.placed()
            lose(floor, False)
            error = await unknown(all_cancelled(floor))
            floor.later()
            verdict = await error.resolve()
            assert isinstance(verdict, StillOpen)
            assert verdict.candidates[0]["orderId"] == order["orderId"]

    run(main())


def test_a_refusal_of_cancelling_all_that_comes_late():
    async def script(peer):
        sent = await peer.request()
        now = await peer.request()
        peer.send(refusal(sent, 400, -2011), reply(now, {"serverTime": 1}))

    async def main():
        async with talking(script, **KEY) as client:
            error = await unknown(client.open_orders_cancel_all(symbol=SYMBOL, timeout=0.03))
            verdict = await error.resolve()
            assert isinstance(verdict, Rejected)
            assert verdict.error.code == -2011

    run(main())
