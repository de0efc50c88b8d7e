"""fastws.trading.placement_questions: which order a request placed, and when a placement was never executed."""

from decimal import Decimal

import pytest

from fastws import Executed, NeverExecuted, Rejected, StillOpen
from fastws.trading import answers
from helpers.resolving import LIMIT, SYMBOL, an_order, hurry, look, trading, unknown  # noqa: F401
from helpers.support import KEY, ORDER, refusal, reply, run, talking

pytestmark = pytest.mark.usefixtures("hurry")

DAY_US = 86_400_000_000


# --- the order that was asked for


@pytest.mark.parametrize("time_unit", ["ms", "us"])
@pytest.mark.parametrize("numbers", ["str", "float", "decimal"])
@pytest.mark.parametrize(
    "params",
    [
        {"price": "50000", "quantity": "0.00100000"},
        {"price": Decimal("5E+4"), "quantity": Decimal("0.001")},
        {"price": 50000, "quantity": 1},
        {"price": "50000.01", "quantity": "0.12345"},
        {"type": "LIMIT_MAKER", "timeInForce": None},
        {"type": "MARKET", "timeInForce": None, "price": None},
        {"type": "MARKET", "timeInForce": None, "price": None, "quantity": None, "quoteOrderQty": "123.4"},
        {"type": "MARKET", "timeInForce": None, "price": None, "quantity": None, "quoteOrderQty": 100},
        {"price": "70000", "timeInForce": "IOC"},
        {"price": "45000", "timeInForce": "FOK"},
    ],
    ids=lambda params: ",".join(f"{name}={value}" for name, value in params.items()),
)
def test_an_order_is_known_again_in_every_form_of_its_numbers(params, numbers, time_unit):
    async def main():
        async with trading(numbers=numbers, time_unit=time_unit) as floor:
            # the caller's own name: nothing but the comparison tells
            floor.fail("unknown")
            error = await unknown(floor.client.order_place(**{**LIMIT, **params}, newClientOrderId="mine"))
            verdict = await look(error)
            truth = floor.exchange.journal.find(method="order.place")[0]
            if not truth.executed:  # MARKET orders of 1 BTC and the like are within the filters
                pytest.fail(f"the exchange refused it: {truth}")
            assert isinstance(verdict, Executed)
            assert verdict.order["orderId"] == truth.order_id

    run(main())


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ({}, {}),  # alike, but of another day
        ({"price": "51000"}, {}),
        ({"quantity": "0.002"}, {}),
        ({"side": "SELL", "price": "70000"}, {"side": "BUY"}),
    ],
)
@pytest.mark.parametrize("executed", [False, True])
def test_a_namesake_from_before_is_not_the_order(older, newer, executed):
    """A client order id is free again when its order is filled."""

    async def main():
        async with trading() as floor:
            namesake = await floor.placed(**{**LIMIT, **older}, newClientOrderId="mine")
            order = floor.engine_order(namesake["orderId"])
            order.time -= DAY_US
            order.update_time -= DAY_US
            floor.exchange.core.engine.close_order(order, "EXPIRED")
            floor.fail("unknown", executed=executed)
            error = await unknown(floor.client.order_place(**{**LIMIT, **newer}, newClientOrderId="mine"))
            verdict = await look(error)
            assert isinstance(verdict, Executed if executed else StillOpen)
            floor.later()
            verdict = await error.resolve()
            if executed:
                assert verdict.order["orderId"] == namesake["orderId"] + 1
            else:
                assert verdict == NeverExecuted()

    run(main())


def test_a_namesake_from_afterwards_does_not_hide_the_order():
    async def main():
        async with trading() as floor:
            market = {"symbol": SYMBOL, "side": "BUY", "type": "MARKET", "newClientOrderId": "mine"}
            floor.fail("unknown")
            error = await unknown(floor.client.order_place(**market, quantity="0.001"))
            await floor.client.order_place(**market, quantity="0.002")
            assert isinstance(await look(error), StillOpen)
            floor.later()
            verdict = await error.resolve()
            assert isinstance(verdict, Executed)
            assert verdict.order["origQty"] == "0.00100000"

    run(main())


def test_an_order_of_the_right_name_and_another_type_is_a_candidate():
    """Nothing says that the exchange never shows another type; and a repeated name may be the caller's."""

    async def main():
        async with trading() as floor:
            floor.fail("unknown", executed=False)
            market = {"symbol": SYMBOL, "side": "BUY", "type": "MARKET", "quantity": "0.001"}
            error = await unknown(floor.client.order_place(**market, newClientOrderId="mine"))
            order = await floor.watcher.order_place(**LIMIT, newClientOrderId="mine")
            assert await look(error) == StillOpen()
            floor.later()
            verdict = await error.resolve()
            assert [found["orderId"] for found in verdict.candidates] == [order["orderId"]]
            assert await error.resolve(others=[order["orderId"]]) == NeverExecuted()

    run(main())


@pytest.mark.parametrize("shown", ["by name", "among all"])
def test_an_order_that_the_engine_took_down_as_rejected(shown):
    async def script(peer):
        placed = await peer.request()
        stamp, name = placed["params"]["timestamp"], placed["params"]["newClientOrderId"]
        found = an_order(status="REJECTED", time=stamp // 1000, clientOrderId=name)
        peer.send(refusal(placed, 504, -1007))
        if shown == "by name":
            peer.send(reply(await peer.request(), {"serverTime": stamp}))
            peer.send(reply(await peer.request(), found))
            return
        peer.send(reply(await peer.request(), {"serverTime": stamp + 21_000_000}))
        peer.send(refusal(await peer.request(), 400, -2013))
        peer.send(reply(await peer.request(), [found]))

    async def main():
        async with talking(script, **KEY) as client:
            verdict = await (await unknown(client.order_place(**ORDER))).resolve()
            assert isinstance(verdict, Rejected)
            assert verdict.order["status"] == "REJECTED"

    run(main())


# --- "never" must be proven


@pytest.mark.parametrize("how", ["cancel", "cancelAll", "cancelReplace"])
def test_an_order_that_was_cancelled_since_is_a_candidate_and_never_never(how):
    """SEMANTICS 74: the cancel gave it another name."""

    async def main():
        async with trading() as floor:
            floor.fail("unknown")
            error = await unknown(floor.client.order_place(**LIMIT))
            order_id = floor.exchange.journal.find(method="order.place")[0].order_id
            if how == "cancel":
                await floor.watcher.order_cancel(symbol=SYMBOL, origClientOrderId=error.client_order_id)
            elif how == "cancelAll":
                await floor.watcher.open_orders_cancel_all(symbol=SYMBOL)
            else:
                await floor.watcher.order_cancel_replace(
                    **{**LIMIT, "price": "49000"}, cancelReplaceMode="STOP_ON_FAILURE", cancelOrderId=order_id
                )
            assert await look(error) == StillOpen(), "it is too early to look at all orders"
            floor.later()
            verdict = await error.resolve()
            assert isinstance(verdict, StillOpen)
            assert [order["orderId"] for order in verdict.candidates] == [order_id]
            assert verdict.candidates[0]["clientOrderId"] != error.client_order_id
            # who knows of another request that made it can rule it out
            assert await error.resolve(others=[order_id]) == NeverExecuted()

    run(main())


def test_orders_that_cannot_be_the_one_do_not_stand_in_the_way():
    async def main():
        async with trading() as floor:
            floor.fail("unknown", executed=False)
            error = await unknown(floor.client.order_place(**LIMIT))
            await floor.placed()  # alike, but with a name of its own, which it still has
            for other in (
                {"price": "49999"},
                {"quantity": "0.002"},
                {"quantity": "0.0005"},
                {"side": "SELL", "price": "70000"},
            ):
                await floor.placed(**other)
                await floor.client.open_orders_cancel_all(symbol=SYMBOL)
                await floor.placed()
            await floor.client.request(
                "order.place", {**LIMIT, "type": "MARKET", "price": None, "timeInForce": None}
            )
            floor.later()
            verdict = await error.resolve()
            # those alike that were cancelled are candidates, all else is ruled out
            assert len(verdict.candidates) == 4
            assert {order["status"] for order in verdict.candidates} == {"CANCELED"}
            assert {order["origQty"] for order in verdict.candidates} == {"0.00100000"}
            ids = [order["orderId"] for order in verdict.candidates]
            assert await error.resolve(others=set(ids)) == NeverExecuted()

    run(main())


@pytest.mark.parametrize("cancelled", [False, True])
@pytest.mark.parametrize("keeps_name", [False, True])
def test_an_order_that_was_amended_since_is_known_by_its_amendments(cancelled, keeps_name):
    async def main():
        async with trading() as floor:
            floor.fail("unknown")
            error = await unknown(floor.client.order_place(**LIMIT))
            order_id = floor.exchange.journal.find(method="order.place")[0].order_id
            amend = {"symbol": SYMBOL, "orderId": order_id, "newQty": "0.0005"}
            if keeps_name:
                amend["newClientOrderId"] = error.client_order_id
            await floor.watcher.order_amend_keep_priority(**amend)
            await floor.watcher.order_amend_keep_priority(symbol=SYMBOL, orderId=order_id, newQty="0.0003")
            if cancelled:
                await floor.watcher.order_cancel(symbol=SYMBOL, orderId=order_id)
            floor.later()
            verdict = await error.resolve()
            assert isinstance(verdict, Executed)
            assert verdict.order["orderId"] == order_id

    run(main())


def test_an_order_amended_under_its_own_name_is_found_at_once():
    async def main():
        async with trading() as floor:
            floor.fail("unknown")
            error = await unknown(floor.client.order_place(**LIMIT))
            name = error.client_order_id
            await floor.watcher.order_amend_keep_priority(
                symbol=SYMBOL, origClientOrderId=name, newClientOrderId=name, newQty="0.0005"
            )
            assert isinstance(await look(error), Executed)

    run(main())


def test_all_orders_of_the_span_are_looked_through_page_by_page(monkeypatch):
    async def main():
        async with trading() as floor:
            before = [await floor.placed(price=str(40000 + i)) for i in range(10)]
            floor.fail("unknown")
            error = await unknown(floor.client.order_place(**LIMIT))
            after = [await floor.placed(price=str(41000 + i)) for i in range(10)]
            assert len(before) == len(after)
            order_id = floor.exchange.journal.find(fault="unknown")[0].order_id
            await floor.watcher.order_cancel(symbol=SYMBOL, orderId=order_id)
            floor.later()
            verdict = await error.resolve()
            assert [order["orderId"] for order in verdict.candidates] == [order_id]
            pages = floor.exchange.journal.find(method="allOrders")
            assert len(pages) > 10
            starts = sorted(int(page.params["startTime"]) for page in pages)
            assert starts[0] == error.params["timestamp"] - 2_000_000
            ends = sorted(int(page.params["endTime"]) for page in pages)
            assert ends[-1] > pages[-1].received_at, "up to now"

    monkeypatch.setattr(answers, "_PAGE", 3)
    run(main())


@pytest.mark.parametrize("name", [None, "mine"])
def test_an_archived_order_is_not_called_never(name):
    """-2026: it says nothing but that there was one of that name, which for a name of fastws' own is proof."""

    async def main():
        async with trading() as floor:
            floor.fail("unknown")
            error = await unknown(floor.client.order_place(**LIMIT, newClientOrderId=name))
            floor.fail("error", "order.status", 100, code=-2026)
            floor.later(100 * 86400)
            verdict = await error.resolve()
            assert verdict == (Executed(None) if name is None else StillOpen())

    run(main())
