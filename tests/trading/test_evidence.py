"""fastws.trading.evidence: what the client itself saw of a request of unknown outcome is proof, and takes no
question.
"""

from __future__ import annotations

import asyncio

import pytest

import fastws
from fastws import Executed, NeverExecuted, Rejected, StillOpen
from helpers.offline import Offline
from helpers.resolving import LIMIT, OCO, SYMBOL, hurry, look, lose, trading, unknown  # noqa: F401
from helpers.support import KEY, ORDER, reply, run

pytestmark = pytest.mark.usefixtures("hurry")

FORMATS = [
    pytest.param({"sbe": sbe, "results": results}, id=f"{'sbe' if sbe else 'json'}-{results}")
    for sbe in (False, True)
    for results in ("dict", "view")
]
QUESTIONS = ("time", "order.status", "orderList.status", "allOrders", "allOrderLists", "order.amendments")


def asked(floor):
    return [record.method for record in floor.exchange.journal if record.method in QUESTIONS]


async def at_once(floor, error):
    """What resolve() says without a question."""
    before = len(asked(floor))
    verdict = await error.resolve(timeout=0.2)
    assert len(asked(floor)) == before, "nothing was asked"
    return verdict


async def heard(floor, count=1):
    """Wait until so many events were read."""
    while floor.client.stats["events"] < count:
        await floor.client.ping()


def lost_placement(floor):
    floor.fail("drop_reply", "order.place")
    return unknown(floor.client.order_place(**LIMIT, timeout=0.05))


# What a client may do that shows it an order of that name, and what the order's status is then.
SHOWN = {
    "cancel by name": (
        lambda client, name, number: client.order_cancel(symbol=SYMBOL, origClientOrderId=name),
        "CANCELED",
    ),
    "cancel by id": (
        lambda client, name, number: client.order_cancel(symbol=SYMBOL, orderId=number),
        "CANCELED",
    ),
    "cancelAll": (lambda client, name, number: client.open_orders_cancel_all(symbol=SYMBOL), "CANCELED"),
    "halt": (lambda client, name, number: client.halt(), "CANCELED"),
    "cancelReplace": (
        lambda client, name, number: client.order_cancel_replace(
            **LIMIT, cancelReplaceMode="STOP_ON_FAILURE", cancelOrderId=number
        ),
        "CANCELED",
    ),
    "half of a cancelReplace": (
        lambda client, name, number: client.order_cancel_replace(
            **{**LIMIT, "quantity": "100"}, cancelReplaceMode="STOP_ON_FAILURE", cancelOrderId=number
        ),
        "CANCELED",
    ),
    "amendment": (
        lambda client, name, number: client.order_amend_keep_priority(
            symbol=SYMBOL, orderId=number, newQty="0.0005"
        ),
        "NEW",
    ),
    "order.status": (lambda client, name, number: client.order_status(symbol=SYMBOL, orderId=number), "NEW"),
    "openOrders.status": (lambda client, name, number: client.open_orders_status(symbol=SYMBOL), "NEW"),
    "allOrders": (lambda client, name, number: client.all_orders(symbol=SYMBOL), "NEW"),
}


@pytest.mark.parametrize("options", FORMATS)
@pytest.mark.parametrize("how", SHOWN)
def test_a_reply_that_names_the_order_proves_that_it_was_placed(how, options):
    async def main():
        async with trading(**options) as floor:
            error = await lost_placement(floor)
            truth = floor.exchange.journal.find(method="order.place")[0]
            act, status = SHOWN[how]
            try:
                await act(floor.client, error.client_order_id, truth.order_id)
            except fastws.PartialFailure:
                assert how == "half of a cancelReplace"
            floor.later(60)
            verdict = await at_once(floor, error)
            assert isinstance(verdict, Executed)
            assert (verdict.order["orderId"], verdict.order["status"]) == (truth.order_id, status)
            assert error.client_order_id in (
                verdict.order["clientOrderId"],
                verdict.order.get("origClientOrderId"),
            )

    run(main())


@pytest.mark.parametrize("numbers", ["str", "float", "decimal"])
@pytest.mark.parametrize("time_unit", ["ms", "us"])
@pytest.mark.parametrize("sbe", [False, True])
@pytest.mark.parametrize("then", ["rests", "cancelled", "filled"])
def test_an_event_that_names_the_order_proves_that_it_was_placed(then, sbe, time_unit, numbers):
    """Seen while the placement was in flight, before its outcome was unknown."""

    async def main():
        async with trading(sbe=sbe, time_unit=time_unit, numbers=numbers, kind="Ed25519") as floor:
            await floor.client.user_data_stream_subscribe(on_event=lambda event: None)
            floor.fail("drop_reply", "order.place")
            params = {**LIMIT, "price": "70000.00"} if then == "filled" else LIMIT
            placing = floor.client.order_place(**params, timeout=0.3)
            truth = await floor.exchange.journal.wait_for(method="order.place", outcome="executed")
            if then == "cancelled":
                await floor.watcher.order_cancel(symbol=SYMBOL, orderId=truth.order_id)
            await heard(floor, 2)
            error = await unknown(placing)
            verdict = await at_once(floor, error)
            assert isinstance(verdict, Executed)
            assert verdict.order["orderId"] == truth.order_id
            status = {"rests": "NEW", "cancelled": "CANCELED", "filled": "FILLED"}[then]
            assert verdict.order["status"] == status
            shown = await floor.watcher.order_status(symbol=SYMBOL, orderId=truth.order_id)
            for name in (
                "side",
                "type",
                "price",
                "origQty",
                "executedQty",
                "cummulativeQuoteQty",
                "time",
                "clientOrderId",
            ):
                assert verdict.order[name] == shown[name], name

    run(main())


def test_what_was_seen_needs_no_connection():
    async def main():
        async with trading() as floor:
            error = await lost_placement(floor)
            await floor.client.order_cancel(symbol=SYMBOL, origClientOrderId=error.client_order_id)
            await floor.client.close()
            assert isinstance(await error.resolve(), Executed)
        async with trading(kind="Ed25519") as floor:
            await floor.client.user_data_stream_subscribe()
            floor.fail("drop_reply", "order.place")
            placing = floor.client.order_place(**LIMIT)
            await heard(floor)
            floor.exchange.disconnect_all(1006)
            error = await unknown(placing)
            assert isinstance(error.cause, fastws.ConnectionLost)
            assert isinstance(await error.resolve(), Executed)

    run(main())


def test_what_another_client_saw_while_it_was_asked_counts():
    async def main():
        async with trading() as floor:
            error = await lost_placement(floor)
            floor.hide()
            assert isinstance(await look(error, client=floor.watcher), StillOpen)
            await floor.watcher.order_cancel(symbol=SYMBOL, origClientOrderId=error.client_order_id)
            before = len(asked(floor))
            verdict = await error.resolve(timeout=0, client=floor.watcher)
            assert isinstance(verdict, Executed)
            assert len(asked(floor)) == before

    run(main())


@pytest.mark.parametrize("sbe", [False, True])
@pytest.mark.parametrize("by", ["id", "name"])
def test_an_event_proves_what_a_cancel_did(by, sbe):
    async def main():
        async with trading(sbe=sbe, kind="Ed25519") as floor:
            await floor.client.user_data_stream_subscribe(on_event=lambda event: None)
            for executed, status in ((True, "CANCELED"), (False, "CANCELED"), (False, "EXPIRED")):
                order = await floor.placed()
                which = (
                    {"orderId": order["orderId"]}
                    if by == "id"
                    else {"origClientOrderId": order["clientOrderId"]}
                )
                events = floor.client.stats["events"]
                lose(floor, executed)
                error = await unknown(floor.client.order_cancel(symbol=SYMBOL, **which))
                if not executed and status == "CANCELED":
                    await floor.watcher.order_cancel(symbol=SYMBOL, orderId=order["orderId"])
                elif not executed:
                    core = floor.exchange.core
                    core.engine.evict(floor.engine_order(order["orderId"]), core.clock.now_us())
                await heard(floor, events + 1)
                verdict = await at_once(floor, error)
                assert isinstance(verdict, Executed if executed else Rejected), (executed, status)
                assert verdict.order["orderId"] == order["orderId"]
                assert verdict.order["status"] == status

    run(main())


@pytest.mark.parametrize("sbe", [False, True])
@pytest.mark.parametrize("by", ["id", "name"])
@pytest.mark.parametrize("then", ["nothing", "cancelled"])
def test_an_event_proves_an_amendment(then, by, sbe):
    async def main():
        async with trading(sbe=sbe, kind="Ed25519") as floor:
            await floor.client.user_data_stream_subscribe(on_event=lambda event: None)
            order = await floor.placed()
            which = (
                {"orderId": order["orderId"]} if by == "id" else {"origClientOrderId": order["clientOrderId"]}
            )
            events = floor.client.stats["events"]
            lose(floor, True)
            error = await unknown(
                floor.client.order_amend_keep_priority(symbol=SYMBOL, newQty="0.0005", **which)
            )
            if then == "cancelled":
                await floor.watcher.order_cancel(symbol=SYMBOL, orderId=order["orderId"])
            await heard(floor, events + 1 + (then == "cancelled"))
            verdict = await at_once(floor, error)
            assert isinstance(verdict, Executed)
            assert verdict.order["orderId"] == order["orderId"]

    run(main())


@pytest.mark.parametrize("options", FORMATS)
def test_a_cancel_of_the_whole_order_shows_that_an_amendment_came_too_late(options):
    async def main():
        async with trading(**options) as floor:
            order = await floor.placed()
            lose(floor, False)
            amend = floor.client.order_amend_keep_priority(
                symbol=SYMBOL, orderId=order["orderId"], newQty="0.0005"
            )
            error = await unknown(amend)
            await floor.client.open_orders_cancel_all(symbol=SYMBOL)
            verdict = await at_once(floor, error)
            assert isinstance(verdict, Rejected)
            assert verdict.order["orderId"] == order["orderId"]

    run(main())


@pytest.mark.parametrize("sbe", [False, True])
def test_events_prove_what_a_replacement_did(sbe):
    """Its old order is asked for where no event tells."""

    async def main():
        async with trading(sbe=sbe, kind="Ed25519") as floor:
            await floor.client.user_data_stream_subscribe(on_event=lambda event: None)
            order = await floor.placed()
            events = floor.client.stats["events"]
            floor.fail("drop_reply", "order.cancelReplace")
            replacing = floor.client.order_cancel_replace(
                **LIMIT, cancelReplaceMode="STOP_ON_FAILURE", cancelOrderId=order["orderId"], timeout=0.1
            )
            await heard(floor, events + 3)
            error = await unknown(replacing)
            verdict = await at_once(floor, error)
            assert isinstance(verdict, Executed)
            assert (
                verdict.order["orderId"]
                == floor.exchange.journal.find(method="order.cancelReplace")[0].order_id
            )
            assert verdict.canceled["orderId"] == order["orderId"]

    run(main())


LISTS = {
    "orderList.cancel": lambda client, number, leg: client.order_list_cancel(
        symbol=SYMBOL, orderListId=number
    ),
    "a leg's cancel": lambda client, number, leg: client.order_cancel(symbol=SYMBOL, orderId=leg),
    "cancelAll": lambda client, number, leg: client.open_orders_cancel_all(symbol=SYMBOL),
    "halt": lambda client, number, leg: client.halt(),
    "orderList.status": lambda client, number, leg: client.order_list_status(orderListId=number),
    "openOrderLists.status": lambda client, number, leg: client.open_order_lists_status(),
    "openOrders.status": lambda client, number, leg: client.open_orders_status(symbol=SYMBOL),
}


@pytest.mark.parametrize("options", FORMATS)
@pytest.mark.parametrize("how", LISTS)
def test_a_reply_that_names_the_list_proves_that_it_was_placed(how, options):
    async def main():
        async with trading(**options) as floor:
            floor.fail("drop_reply", "orderList.place.oco")
            error = await unknown(floor.client.order_list_place_oco(**OCO, timeout=0.05))
            (found,) = floor.exchange.core.engine.lists.values()
            await LISTS[how](floor.client, found.id, found.orders[0].id)
            verdict = await at_once(floor, error)
            assert isinstance(verdict, Executed)
            assert verdict.order["orderListId"] == found.id

    run(main())


@pytest.mark.parametrize("sbe", [False, True])
@pytest.mark.parametrize("results", ["dict", "view"])
def test_events_and_replies_prove_what_happened_to_a_list(results, sbe):
    async def main():
        async with trading(sbe=sbe, results=results, kind="Ed25519") as floor:
            await floor.client.user_data_stream_subscribe(on_event=lambda event: None)
            floor.fail("drop_reply", "orderList.place.oco")
            placing = floor.client.order_list_place_oco(**OCO, timeout=0.1)
            await heard(floor, 3)
            verdict = await at_once(floor, await unknown(placing))
            assert isinstance(verdict, Executed)
            number = verdict.order["orderListId"]

            events = floor.client.stats["events"]
            lose(floor, True)
            error = await unknown(floor.client.order_list_cancel(symbol=SYMBOL, orderListId=number))
            await heard(floor, events + 3)
            verdict = await at_once(floor, error)
            assert isinstance(verdict, Executed)
            assert verdict.order["listClientOrderId"] == error.client_order_id

            placed = await floor.watcher.order_list_place_oco(**OCO)
            lose(floor, False)
            error = await unknown(
                floor.client.order_list_cancel(symbol=SYMBOL, orderListId=placed["orderListId"])
            )
            await floor.client.order_cancel(symbol=SYMBOL, orderId=placed["orders"][0]["orderId"])
            verdict = await at_once(floor, error)
            assert isinstance(verdict, Rejected)
            assert verdict.order["orderListId"] == placed["orderListId"]

    run(main())


# --- what proves nothing


@pytest.mark.parametrize("age", [3600, 1])
def test_a_name_of_the_callers_is_looked_after(age):
    """An order of that name was there before: what names it is not about the one that was placed now."""

    async def main():
        async with trading() as floor:
            older = await floor.placed(newClientOrderId="quote")
            floor.engine_order(older["orderId"]).time -= age * 1_000_000
            lose(floor, False)
            error = await unknown(floor.client.order_place(**LIMIT, newClientOrderId="quote"))
            await floor.client.order_cancel(symbol=SYMBOL, origClientOrderId="quote")
            verdict = await error.resolve(timeout=0.2)
            assert isinstance(verdict, StillOpen), "the reply to the older one showed its orderId"
            floor.later()
            assert await look(error) == NeverExecuted()
            await floor.client.sync_time(1)

            floor.fail("drop_reply", "order.place")
            error = await unknown(floor.client.order_place(**LIMIT, newClientOrderId="mine", timeout=0.05))
            await floor.client.order_cancel(symbol=SYMBOL, origClientOrderId="mine")
            verdict = await error.resolve(timeout=0.2)
            assert isinstance(verdict, Executed)
            assert verdict.order["orderId"] != older["orderId"]

    run(main())


@pytest.mark.parametrize("other", ["account", "symbol", "price", "side", "quantity"])
def test_an_order_of_the_same_name_that_is_another_one_proves_nothing(other):
    async def main():
        async with trading() as floor:
            made = floor.exchange.add_account("HMAC", name="other")
            signer = fastws.load_signer(api_key=made.api_key, secret=made.secret)
            lose(floor, False)
            error = await unknown(floor.client.order_place(**LIMIT, newClientOrderId="mine"))
            params = {
                **LIMIT,
                "newClientOrderId": "mine",
                **{
                    "account": {"signer": signer},
                    "symbol": {"symbol": "ETHUSDT", "price": "3000.00", "quantity": "0.01"},
                    "price": {"price": "49000.00"},
                    "side": {"side": "SELL", "price": "90000.00"},
                    "quantity": {"quantity": "0.002"},
                }[other],
            }
            await floor.client.order_place(**params)
            signed = {"signer": signer} if other == "account" else {}
            await floor.client.open_orders_status(**signed)
            await floor.client.order_cancel(symbol=params["symbol"], origClientOrderId="mine", **signed)
            assert await look(error) == StillOpen()

    run(main())


@pytest.mark.parametrize("whose", ["mine", "other"])
def test_events_of_another_account_prove_nothing(whose):
    async def main():
        async with trading() as floor:
            made = floor.exchange.add_account("HMAC", name="other")
            other = fastws.load_signer(api_key=made.api_key, secret=made.secret)
            await floor.client.user_data_stream_subscribe_signature(signer=other, on_event=lambda event: None)
            lose(floor, False)
            signed = {"signer": other} if whose == "other" else {}
            error = await unknown(floor.client.order_place(**LIMIT, newClientOrderId="mine", **signed))
            async with fastws.connect(floor.exchange.url, signer=other) as another:
                await another.order_place(**LIMIT, newClientOrderId="mine")
            await heard(floor)
            verdict = await look(error)
            assert isinstance(verdict, Executed if whose == "other" else StillOpen)

    run(main())


def test_orders_that_are_known_to_be_others_prove_nothing():
    async def main():
        async with trading() as floor:
            error = await lost_placement(floor)
            truth = floor.exchange.journal.find(method="order.place")[0]
            await floor.client.order_cancel(symbol=SYMBOL, orderId=truth.order_id)
            floor.hide()
            assert isinstance(await look(error, others=[truth.order_id]), StillOpen)

    run(main())


# --- what is held


def test_where_no_trading_request_is_open_nothing_is_held():
    async def main():
        async with trading(kind="Ed25519") as floor:
            await floor.client.user_data_stream_subscribe(on_event=lambda event: None)
            session = floor.client._session
            order = await floor.placed()
            await heard(floor)
            session.take_evidence()
            await floor.client.order_status(symbol=SYMBOL, orderId=order["orderId"])
            await floor.client.open_orders_status()
            floor.exchange.core.deposit(floor.exchange.core.accounts[-1], "USDT", "1")
            await heard(floor, 4)
            assert session.take_evidence() == []
            error = await lost_placement(floor)
            evidence = floor.client._handler._evidence
            await heard(floor, 5)
            seen = len(evidence.of(error.info))
            await floor.client.order_status(symbol=SYMBOL, orderId=order["orderId"])
            assert session.take_evidence() == [], "it concerns another order"
            lost = floor.exchange.journal.find(method="order.place")[-1].order_id
            await floor.client.order_status(symbol=SYMBOL, orderId=lost)
            assert len(evidence.of(error.info)) == seen + 1
            assert isinstance(await error.resolve(), Executed)
            await floor.client.order_status(symbol=SYMBOL, orderId=lost)
            assert session.take_evidence() == [], "its outcome is known"
            assert evidence._recent == []

    run(main())


@pytest.mark.parametrize("late", [False, True])
def test_what_is_held_is_bounded_and_what_counts_is_kept(late):
    """Thousands of replies, and the one that counts among them; while the request is in flight, or afterwards."""

    async def main():
        offline = Offline(**KEY)
        client = offline.client
        placing = client.order_place(**ORDER, timeout=0.2 if not late else 0.01)
        error = await unknown(placing) if late else None
        name = placing.info.client_order_id

        def show(shown, count):
            for number in range(count):
                query = client.order_status(symbol="BTCUSDT", orderId=number + 1)
                order = {"symbol": "BTCUSDT", "orderId": number + 1, "clientOrderId": shown, "status": "NEW"}
                offline.send(reply(query.info.id, order))

        show(name, 1)
        for _ in range(20):
            show("another", 300)
            await asyncio.sleep(0)
        assert len(client._session.take_evidence()) <= 64
        assert len(client._handler._evidence._pending) == 0
        error = error or await unknown(placing)
        show(name, 200)
        verdict = await error.resolve()
        assert isinstance(verdict, Executed)
        assert len(client._handler._evidence.of(error.info)) <= 64

    run(main())


# --- names that are used twice


@pytest.mark.parametrize("executed", [False, True])
@pytest.mark.parametrize("seen", ["reply and event", "event"])
def test_a_late_event_of_an_older_order_of_that_name_proves_nothing(seen, executed):
    """One client order id, used twice; the event of the first order comes when the second is in doubt."""

    async def main():
        async with trading(kind="Ed25519", sync_every=60) as floor:
            await floor.client.user_data_stream_subscribe(on_event=lambda event: None)
            first_client = floor.client if seen == "reply and event" else floor.watcher
            market = {"symbol": SYMBOL, "side": "BUY", "type": "MARKET", "quantity": "0.001"}
            connection = floor.exchange.connections.pick("oldest")
            connection.event_delay = 0.3
            first = await first_client.order_place(**market, newClientOrderId="twice")
            assert first["status"] == "FILLED"
            if seen == "event":
                await asyncio.sleep(0.01)  # without the reply, only the time tells the two apart
            lose(floor, executed)
            error = await unknown(floor.client.order_place(**market, newClientOrderId="twice"))
            assert floor.client.stats["events"] == 0
            floor.hide()
            verdict = await error.resolve(timeout=0.8)
            await heard(floor, 3 if not executed else 6)
            if executed:
                truth = floor.exchange.journal.find(method="order.place")[1]
                assert verdict.order["orderId"] == truth.order_id != first["orderId"]
            else:
                assert verdict == StillOpen(), "it was the event of the first"

    run(main())


def test_an_event_of_the_request_itself_proves_it_at_any_name():
    async def main():
        async with trading(kind="Ed25519", sync_every=60) as floor:
            await floor.client.user_data_stream_subscribe(on_event=lambda event: None)
            await floor.placed(newClientOrderId="twice")
            await floor.client.order_cancel(symbol=SYMBOL, origClientOrderId="twice")
            await heard(floor, 2)
            await asyncio.sleep(0.002)  # times of events are in milliseconds
            error = await lost_placement_named(floor, "twice")
            await heard(floor, 3)
            verdict = await at_once(floor, error)
            truth = floor.exchange.journal.find(method="order.place")[-1]
            assert verdict.order["orderId"] == truth.order_id

    run(main())


def lost_placement_named(floor, name):
    floor.fail("drop_reply", "order.place")
    return unknown(floor.client.order_place(**LIMIT, newClientOrderId=name, timeout=0.05))


def test_what_was_seen_counts_over_connections():
    """The request was lost with its connection; the event comes over the next one."""

    async def main():
        async with trading(kind="Ed25519") as floor:
            await floor.client.user_data_stream_subscribe(on_event=lambda event: None)
            floor.fail("cut_after", "order.place")
            error = await unknown(floor.client.order_place(**LIMIT))
            await floor.client.wait_open()
            assert floor.client.connection == 2
            truth = floor.exchange.journal.find(method="order.place")[0]
            before = floor.client.stats["events"]
            await floor.watcher.order_cancel(symbol=SYMBOL, orderId=truth.order_id)
            await heard(floor, before + 1)
            verdict = await at_once(floor, error)
            assert verdict.order["orderId"] == truth.order_id
            assert verdict.order["status"] == "CANCELED"

    run(main())
