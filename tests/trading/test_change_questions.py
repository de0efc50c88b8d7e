"""fastws.trading.change_questions: cancels and amendments; which order is meant, and what became of it."""

import pytest

from fastws import Executed, NeverExecuted, Rejected, StillOpen
from helpers.resolving import LIMIT, SYMBOL, finish, hurry, look, lose, trading, unknown  # noqa: F401
from helpers.support import run

pytestmark = pytest.mark.usefixtures("hurry")

DAY_US = 86_400_000_000


def which(order, by):
    """The parameters that name an order."""
    return {"orderId": order["orderId"]} if by == "id" else {"origClientOrderId": order["clientOrderId"]}


# --- order.cancel


@pytest.mark.parametrize("by", ["id", "name"])
@pytest.mark.parametrize("status", ["FILLED", "EXPIRED"])
def test_a_cancel_that_came_too_late_is_a_rejection_with_the_order(by, status):
    async def main():
        async with trading() as floor:
            order = await floor.placed()
            finish(floor, order["orderId"], status)
            lose(floor, True)
            error = await unknown(floor.client.order_cancel(symbol=SYMBOL, **which(order, by)))
            verdict = await look(error)
            assert isinstance(verdict, Rejected)
            assert verdict.order["orderId"] == order["orderId"]
            assert verdict.order["status"] == status

    run(main())


def test_an_order_that_somebody_else_cancelled():
    async def main():
        async with trading() as floor:
            order = await floor.placed()
            theirs = await floor.watcher.order_cancel(symbol=SYMBOL, orderId=order["orderId"])
            lose(floor, False)
            by_id = await unknown(floor.client.order_cancel(symbol=SYMBOL, orderId=order["orderId"]))
            verdict = await look(by_id)
            assert isinstance(verdict, Rejected)
            assert verdict.order["clientOrderId"] == theirs["clientOrderId"]
            # by its old name, which is gone, nothing shows the order; but this cancel would have left its own
            lose(floor, False)
            name = order["clientOrderId"]
            by_name = await unknown(floor.client.order_cancel(symbol=SYMBOL, origClientOrderId=name))
            assert await look(by_name) == StillOpen()
            floor.later()
            assert await by_name.resolve() == NeverExecuted()

    run(main())


def test_an_order_that_never_was_cannot_be_cancelled():
    async def main():
        async with trading() as floor:
            lose(floor, True)
            error = await unknown(floor.client.order_cancel(symbol=SYMBOL, orderId=99))
            assert await look(error) == StillOpen()
            floor.later()
            assert await error.resolve() == NeverExecuted()

    run(main())


@pytest.mark.parametrize("by", ["id", "name"])
@pytest.mark.parametrize("executed", [False, True])
def test_a_name_for_the_cancelled_order_that_was_used_before(by, executed):
    async def main():
        async with trading() as floor:
            older = await floor.placed()
            await floor.client.order_cancel(symbol=SYMBOL, orderId=older["orderId"], newClientOrderId="gone")
            floor.engine_order(older["orderId"]).update_time -= DAY_US
            order = await floor.placed()
            lose(floor, executed)
            cancel = floor.client.order_cancel(symbol=SYMBOL, **which(order, by), newClientOrderId="gone")
            error = await unknown(cancel)
            verdict = await look(error)
            assert isinstance(verdict, Executed if executed else StillOpen)
            assert verdict.order["orderId"] == order["orderId"]
            floor.later()
            verdict = await error.resolve()
            assert isinstance(verdict, Executed if executed else NeverExecuted)
            assert verdict.order["orderId"] == order["orderId"]

    run(main())


@pytest.mark.parametrize("by", ["id", "name"])
@pytest.mark.parametrize("executed", [False, True])
def test_a_cancel_that_keeps_the_name(by, executed):
    """Found under the new name is no proof when that is the old one: its status is."""

    async def main():
        async with trading() as floor:
            order = await floor.placed(newClientOrderId="mine")
            lose(floor, executed)
            cancel = floor.client.order_cancel(symbol=SYMBOL, **which(order, by), newClientOrderId="mine")
            error = await unknown(cancel)
            verdict = await look(error)
            assert isinstance(verdict, Executed if executed else StillOpen)
            assert verdict.order["status"] == ("CANCELED" if executed else "NEW")

    run(main())


def test_an_older_namesake_that_is_over_does_not_make_a_cancel_too_late():
    """The order that is meant was cancelled, lookups by its new name lag, and by its old name show the namesake."""

    async def main():
        async with trading() as floor:
            older = await floor.placed(newClientOrderId="quote")
            finish(floor, older["orderId"], "FILLED", DAY_US)
            order = await floor.placed(newClientOrderId="quote")
            lose(floor, True)
            error = await unknown(floor.client.order_cancel(symbol=SYMBOL, origClientOrderId="quote"))
            book = floor.exchange.core.engine.books[SYMBOL]
            namesake = floor.engine_order(older["orderId"])
            book.by_client_id[(namesake.account.uid, "quote")] = namesake
            floor.hide(times=1)
            verdict = await look(error)
            assert isinstance(verdict, StillOpen)
            verdict = await look(error)
            assert isinstance(verdict, Executed)
            assert verdict.order["orderId"] == order["orderId"]

    run(main())


def test_a_cancel_by_name_that_came_long_after_the_end():
    async def main():
        async with trading() as floor:
            order = await floor.placed(newClientOrderId="quote")
            finish(floor, order["orderId"], "FILLED", DAY_US)
            lose(floor, True)
            error = await unknown(floor.client.order_cancel(symbol=SYMBOL, origClientOrderId="quote"))
            assert isinstance(await look(error), StillOpen), "it may be a namesake"
            floor.later()
            verdict = await error.resolve()
            assert isinstance(verdict, Rejected)
            assert verdict.order["status"] == "FILLED"

    run(main())


@pytest.mark.parametrize("name", [None, "gone"])
@pytest.mark.parametrize("method", ["cancel", "amend"])
def test_archived_orders_prove_little(name, method):
    async def main():
        async with trading() as floor:
            order = await floor.placed()
            lose(floor, True)
            params = {"symbol": SYMBOL, "orderId": order["orderId"], "newClientOrderId": name}
            if method == "cancel":
                error = await unknown(floor.client.order_cancel(**params))
            else:
                error = await unknown(floor.client.order_amend_keep_priority(**params, newQty="0.0005"))
            floor.fail("error", "order.status", 100, code=-2026)
            floor.later(100 * 86400)
            proven = method == "cancel" and name is None
            assert await error.resolve() == (Executed(None) if proven else StillOpen())

    run(main())


# --- order.amend.keepPriority


@pytest.mark.parametrize("by", ["id", "name"])
@pytest.mark.parametrize("then", ["filled", "cancelled", "amended"])
def test_an_amended_order_that_changed_since(by, then):
    async def main():
        async with trading() as floor:
            order = await floor.placed()
            lose(floor, True)
            amend = floor.client.order_amend_keep_priority(symbol=SYMBOL, **which(order, by), newQty="0.0005")
            error = await unknown(amend)
            if then == "filled":
                finish(floor, order["orderId"], "FILLED")
            elif then == "cancelled":
                await floor.watcher.order_cancel(symbol=SYMBOL, orderId=order["orderId"])
            else:
                await floor.watcher.order_amend_keep_priority(
                    symbol=SYMBOL, orderId=order["orderId"], newQty="0.0004"
                )
            floor.later()
            verdict = await error.resolve()
            if by == "name" and then != "filled":
                # neither name leads to it any more
                assert verdict == StillOpen()
            else:
                assert isinstance(verdict, Executed)
                assert verdict.order["orderId"] == order["orderId"]

    run(main())


@pytest.mark.parametrize("by", ["id", "name"])
@pytest.mark.parametrize("executed", [False, True])
def test_an_amendment_that_keeps_the_name(by, executed):
    async def main():
        async with trading() as floor:
            order = await floor.placed()
            lose(floor, executed)
            amend = floor.client.order_amend_keep_priority(
                symbol=SYMBOL, **which(order, by), newClientOrderId=order["clientOrderId"], newQty="0.0005"
            )
            error = await unknown(amend)
            verdict = await look(error)
            assert isinstance(verdict, Executed if executed else StillOpen)
            assert verdict.order["orderId"] == order["orderId"]
            floor.later()
            assert isinstance(await error.resolve(), Executed if executed else NeverExecuted)

    run(main())


@pytest.mark.parametrize("queried", [False, True])
def test_an_earlier_amendment_under_the_same_name_is_not_this_one(queried):
    """The later one asked for more than is left, and was refused; the client saw what the earlier one left."""

    async def main():
        async with trading() as floor:
            order = await floor.placed()
            same = {
                "symbol": SYMBOL,
                "orderId": order["orderId"],
                "newClientOrderId": order["clientOrderId"],
            }
            await floor.client.order_amend_keep_priority(newQty="0.0003", **same)
            floor.fail("drop_reply", "order.amend.keepPriority")
            error = await unknown(
                floor.client.order_amend_keep_priority(newQty="0.0008", **same, timeout=0.1)
            )
            if queried:
                await floor.client.order_status(symbol=SYMBOL, orderId=order["orderId"])
            assert not isinstance(await look(error), Executed)
            floor.later()
            assert isinstance(await error.resolve(), (NeverExecuted, Rejected))

    run(main())


@pytest.mark.parametrize("by", ["id", "name"])
def test_an_amendment_to_what_was_filled_ends_the_order(by):
    async def main():
        async with trading() as floor:
            order = await floor.placed(quantity="0.002")
            inner = floor.engine_order(order["orderId"])
            inner.executed = inner.quantity // 2
            lose(floor, True)
            amend = floor.client.order_amend_keep_priority(symbol=SYMBOL, **which(order, by), newQty="0.0005")
            error = await unknown(amend)
            verdict = await look(error)
            assert isinstance(verdict, Executed)
            assert verdict.order["status"] == "EXPIRED"

    run(main())


@pytest.mark.parametrize("by", ["id", "name"])
def test_an_amendment_that_somebody_else_made_is_not_ours(by):
    async def main():
        async with trading() as floor:
            order = await floor.placed()
            name = order["clientOrderId"]
            await floor.watcher.order_amend_keep_priority(
                symbol=SYMBOL, orderId=order["orderId"], newClientOrderId=name, newQty="0.0005"
            )
            lose(floor, True)  # the exchange refuses it: there is nothing to change
            amend = floor.client.order_amend_keep_priority(symbol=SYMBOL, **which(order, by), newQty="0.0005")
            error = await unknown(amend)
            assert isinstance(await look(error), StillOpen)
            floor.later()
            verdict = await error.resolve()
            assert isinstance(verdict, NeverExecuted)
            assert verdict.order["origQty"] == "0.00050000"

    run(main())


@pytest.mark.parametrize("by", ["id", "name"])
def test_an_amendment_that_came_too_late(by):
    async def main():
        async with trading() as floor:
            order = await floor.placed()
            finish(floor, order["orderId"], "FILLED")
            lose(floor, True)
            amend = floor.client.order_amend_keep_priority(symbol=SYMBOL, **which(order, by), newQty="0.0005")
            verdict = await look(await unknown(amend))
            assert isinstance(verdict, Rejected)
            assert verdict.order["status"] == "FILLED"

    run(main())
