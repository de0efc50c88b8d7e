"""fastws.trading.resolve against the exchange's journal: cancels of order lists, and whatever else ends a list."""

from __future__ import annotations

import pytest

from fastws import Executed, NeverExecuted, Rejected, StillOpen
from helpers.resolving import OCO, SYMBOL, hurry, look, lose, trading, unknown  # noqa: F401
from helpers.support import run

pytestmark = pytest.mark.usefixtures("hurry")


def cancel(client, placed, by):
    name = "orderListId" if by == "id" else "listClientOrderId"
    return client.order_list_cancel(symbol=SYMBOL, **{name: placed[name]})


OTHERS = {
    "a leg's cancel": lambda client, placed: client.order_cancel(
        symbol=SYMBOL, orderId=placed["orders"][0]["orderId"]
    ),
    "openOrders.cancelAll": lambda client, placed: client.open_orders_cancel_all(symbol=SYMBOL),
    "orderList.cancel": lambda client, placed: cancel(client, placed, "id"),
}


@pytest.mark.parametrize("sbe", [False, True])
@pytest.mark.parametrize("by", ["id", "name"])
@pytest.mark.parametrize("first", [False, True])
@pytest.mark.parametrize("how", OTHERS)
def test_a_list_that_something_else_cancelled_was_not_cancelled_by_this(how, first, by, sbe):
    """The cancel was refused, since the list was over; or it never arrived, and the list was cancelled then."""

    async def main():
        async with trading(sbe=sbe) as floor:
            placed = await floor.client.order_list_place_oco(**OCO)
            if first:
                await OTHERS[how](floor.watcher, placed)
            lose(floor, executed=first)
            error = await unknown(cancel(floor.client, placed, by))
            truth = floor.exchange.journal.find(method="orderList.cancel", fault="unknown")[0]
            assert not truth.executed
            if not first:
                verdict = await look(error)
                assert isinstance(verdict, StillOpen)
                await OTHERS[how](floor.watcher, placed)
            verdict = await look(error)
            if by == "name" and how == "orderList.cancel":  # the list has another name by now
                assert isinstance(verdict, StillOpen)
                assert verdict.candidates == ()
                floor.later()
                assert await error.resolve() == NeverExecuted()
            else:
                assert isinstance(verdict, Rejected)
                assert verdict.order["orderListId"] == placed["orderListId"]
                assert verdict.order["listOrderStatus"] == "ALL_DONE"

    run(main())


@pytest.mark.parametrize("sbe", [False, True])
@pytest.mark.parametrize("by", ["id", "name"])
@pytest.mark.parametrize("given", [None, "gone"])
@pytest.mark.parametrize("lag", [0.0, 2.0])
def test_a_list_that_this_cancelled_has_its_name(lag, given, by, sbe):
    async def main():
        async with trading(sbe=sbe) as floor:
            placed = await floor.client.order_list_place_oco(**OCO)
            floor.exchange.database_lag = lag
            lose(floor, executed=True)
            name = "orderListId" if by == "id" else "listClientOrderId"
            which = {name: placed[name], "newClientOrderId": given}
            error = await unknown(floor.client.order_list_cancel(symbol=SYMBOL, **which))
            assert floor.exchange.journal.find(method="orderList.cancel")[0].executed
            verdict = await look(error)
            if lag:
                assert isinstance(verdict, StillOpen)
                floor.later(2.0)
                verdict = await look(error)
            assert isinstance(verdict, Executed)
            assert verdict.order["listClientOrderId"] == error.client_order_id
            assert verdict.order["orderListId"] == placed["orderListId"]

    run(main())


@pytest.mark.parametrize("by", ["id", "name"])
def test_a_list_that_goes_on_and_a_cancel_that_never_arrived(by):
    async def main():
        async with trading() as floor:
            placed = await floor.client.order_list_place_oco(**OCO)
            lose(floor, executed=False)
            error = await unknown(cancel(floor.client, placed, by))
            assert isinstance(await look(error), StillOpen)
            floor.later()
            verdict = await error.resolve()
            assert isinstance(verdict, NeverExecuted)
            assert verdict.order["orderListId"] == placed["orderListId"]

    run(main())
