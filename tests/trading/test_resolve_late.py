"""fastws.trading.resolve: a reply that comes after its waiter gave up is proof, whatever the lookups show."""

import pytest

import fastws
from fastws import Executed, Rejected, StillOpen
from helpers.resolving import LIMIT, REQUESTS, hurry, look, trading, unknown  # noqa: F401
from helpers.support import KEY, ORDER, refusal, reply, run, talking

pytestmark = pytest.mark.usefixtures("hurry")


@pytest.mark.parametrize("request_", REQUESTS)
def test_a_reply_that_comes_while_resolving_is_proof(request_):
    async def main():
        orphans = []
        async with trading(on_orphan=lambda info, outcome: orphans.append(outcome)) as floor:
            order = await floor.placed()
            floor.hide()
            floor.fail("delay", seconds=0.25)
            error = await unknown(REQUESTS[request_](floor.client, order))
            verdict = await error.resolve(timeout=5)
            assert isinstance(verdict, Executed)
            assert len(orphans) == 1
            truth = floor.exchange.journal.find(method=error.method)[-1]
            assert truth.executed
            if request_ == "openOrders.cancelAll":
                assert verdict.order is None
            else:
                assert verdict.order["orderId"] == truth.order_id
            if request_ == "order.cancelReplace":
                assert verdict.canceled["orderId"] == order["orderId"]
            if "amend" in request_:
                assert verdict.order["qty"] == "0.00050000"
            await floor.client.close()
            assert await error.resolve() == verdict, "what is known needs no connection"

    run(main())


def test_a_refusal_that_comes_late_is_a_rejection():
    async def main():
        async with trading() as floor:
            floor.fail("delay", seconds=0.15)
            error = await unknown(floor.client.order_place(**{**LIMIT, "quantity": "100"}, timeout=0.05))
            verdict = await error.resolve(timeout=5)
            assert isinstance(verdict, Rejected)
            assert verdict.error.code == -2010

    run(main())


@pytest.mark.parametrize("mode", ["STOP_ON_FAILURE", "ALLOW_FAILURE"])
@pytest.mark.parametrize("fails", ["cancel", "place"])
def test_the_halves_of_a_replacement_whose_reply_comes_late(mode, fails):
    async def main():
        async with trading() as floor:
            order = await floor.placed()
            params = {**LIMIT, "quantity": "100" if fails == "place" else "0.001"}
            target = 999_999 if fails == "cancel" else order["orderId"]
            floor.hide()
            floor.fail("delay", seconds=0.2)
            error = await unknown(
                floor.client.order_cancel_replace(
                    **params, cancelReplaceMode=mode, cancelOrderId=target, timeout=0.05
                )
            )
            verdict = await error.resolve(timeout=5)
            if fails == "place":
                assert isinstance(verdict, Rejected)
                assert verdict.canceled["orderId"] == order["orderId"]
                assert verdict.error.new_order_response["code"] == -2010
            elif mode == "ALLOW_FAILURE":
                assert isinstance(verdict, Executed)
                assert verdict.order["clientOrderId"] == error.client_order_id
                assert verdict.canceled is None
            else:
                assert isinstance(verdict, Rejected)
                assert verdict.error.code == -2022
                assert verdict.canceled is None

    run(main())


def test_a_late_reply_that_leaves_it_open_proves_nothing():
    async def script(peer):
        placed = await peer.request()
        now = (await peer.request())["id"]
        peer.send(refusal(placed, 504, -1007), reply(now, {"serverTime": placed["params"]["timestamp"]}))
        peer.send(refusal(await peer.request(), 400, -2013))

    async def main():
        async with talking(script, **KEY) as client:
            error = await unknown(client.order_place(**ORDER, timeout=0.03))
            assert await look(error) == StillOpen()
            assert isinstance(error.info.outcome, fastws.ExecutionUnknown)

    run(main())


def test_a_reply_that_comes_during_the_last_question_counts():
    async def script(peer):
        placed = await peer.request()
        for last in (False, True):
            later = {"serverTime": placed["params"]["timestamp"] + 21_000_000}
            peer.send(reply(await peer.request(), later))
            peer.send(refusal(await peer.request(), 400, -2013))
            history = await peer.request()
            assert history["method"] == "allOrders"
            if last:
                peer.send(reply(placed, {"orderId": 7}))
            peer.send(reply(history, []))

    async def main():
        async with talking(script, **KEY) as client:
            error = await unknown(client.order_place(**ORDER, timeout=0.03))
            assert await look(error) == Executed({"orderId": 7})

    run(main())


def test_a_late_reply_of_smart_order_routing_is_an_array():
    async def script(peer):
        placed = await peer.request()
        now = await peer.request()
        peer.send(reply(placed, [{"orderId": 7}]), reply(now, {"serverTime": 1}))

    async def main():
        async with talking(script, **KEY) as client:
            error = await unknown(client.sor_order_place(**ORDER, timeout=0.03))
            assert await error.resolve() == Executed({"orderId": 7})

    run(main())
