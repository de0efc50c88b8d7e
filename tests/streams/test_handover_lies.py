"""An exchange that gives one id twice, ends what it has just begun, or says so twice, while a Stream moves."""

from __future__ import annotations

import asyncio

import pytest

import fastws
from fastws._native.methods import method_spec
from helpers.handing_over import HandingOver, drained
from helpers.streaming import ended, event_of
from helpers.support import reply, run


async def prepare_again(rotating: HandingOver) -> None:
    """Do what prepare() is called for again, on the same successor."""
    requester = rotating.client._supervisor.connector.requester(rotating.new.connection)
    rotating.preparing = asyncio.ensure_future(
        rotating.keeper.prepare(requester, rotating.new.connection, rotating.wire.connection)
    )
    await rotating.sent_on_new()


def is_prepared(rotating: HandingOver) -> bool:
    return rotating.keeper.prepared(rotating.new.connection, rotating.wire.connection)


def test_one_id_for_two_subscriptions() -> None:
    async def main() -> None:
        rotating = HandingOver()
        first, second = await rotating.subscribe(0), await rotating.subscribe(1)
        await rotating.prepare()
        rotating.accept_new(7, which=0)
        rotating.accept_new(7, which=1)
        await rotating.preparing
        assert not is_prepared(rotating)
        await prepare_again(rotating)
        rotating.accept_new(8)
        await rotating.preparing
        assert is_prepared(rotating)
        rotating.switch()
        assert (first.id, second.id) == (8, 7)
        rotating.end()

    run(main())


def test_a_subscription_that_the_successor_is_about_to_end_carries_nothing() -> None:
    async def main() -> None:
        rotating = HandingOver()
        subscription = await rotating.subscribe(0)
        await rotating.prepared(7)
        spec = method_spec("userDataStream.unsubscribe")
        ends = rotating.session.send_to(
            rotating.new.connection, spec, {"subscriptionId": 7}, None, None, None, None
        )
        assert not is_prepared(rotating)
        rotating.new.send(reply(ends.info.id, {}))
        assert not is_prepared(rotating)
        rotating.new_event(1)
        await prepare_again(rotating)
        rotating.accept_new(8)
        rotating.new.send(ended(7))
        await rotating.preparing
        rotating.old_event(1)
        rotating.new_event(1, 8)
        unsubscribe = await rotating.hand_over()
        assert (subscription.id, subscription.connection) == (8, 2)
        rotating.finish_old(unsubscribe)
        rotating.new_event(2, 8)
        assert drained(subscription) == [1, 2]
        assert rotating.gaps == []
        rotating.end()

    run(main())


def test_an_old_subscription_that_ends_while_the_new_one_is_about_to_end() -> None:
    async def main() -> None:
        rotating = HandingOver()
        subscription = await rotating.subscribe(0)
        await rotating.prepared(7)
        spec = method_spec("userDataStream.unsubscribe")
        ends = rotating.session.send_to(
            rotating.new.connection, spec, {"subscriptionId": 7}, None, None, None, None
        )
        rotating.new.send(reply(ends.info.id, {}))
        rotating.wire.send(ended(0))
        assert subscription.reason == "ended by the exchange"
        rotating.end()

    run(main())


def test_an_end_that_is_said_twice_is_no_gap() -> None:
    async def main() -> None:
        rotating = HandingOver()
        subscription = await rotating.subscribe(0)
        unsubscribe = await rotating.switched()
        rotating.wire.send(ended(0), ended(0))
        rotating.finish_old(unsubscribe)
        rotating.new_event(1)
        assert drained(subscription) == [1]
        assert rotating.gaps == []
        rotating.end()

    run(main())


def test_a_subscription_that_the_user_ends_is_not_made_again_to_make_room() -> None:
    async def main() -> None:
        rotating = HandingOver()
        subscription = await rotating.subscribe(0)
        await rotating.prepare()
        ending = asyncio.ensure_future(subscription.unsubscribe())
        await asyncio.sleep(0)
        (unsubscribe,) = rotating.unsubscribes(rotating.wire)
        rotating.refuse_new(code=-2035)
        await rotating.preparing
        rotating.finish_old(unsubscribe)
        await ending
        assert subscription.reason == "unsubscribed"
        assert rotating.unsubscribes(rotating.wire) == []
        assert await rotating.sent_on_new() == []
        assert rotating.gaps == []
        rotating.end()

    run(main())


def test_a_new_subscription_that_takes_the_place_of_the_old_one_before_its_reply() -> None:
    async def main() -> None:
        rotating = HandingOver()
        subscription = await rotating.subscribe(0)
        rotating.old_event(1)
        await rotating.prepare()
        rotating.wire.send(ended(0))
        assert (subscription.active, subscription.connection) == (True, -1)
        rotating.new_event(2)
        rotating.accept_new(7, event_of(7, 3))
        await rotating.preparing
        assert drained(subscription) == [1, "gap", 2, 3]
        assert len(rotating.gaps) == 1
        assert (
            rotating.gaps[0].reason == "the exchange ended the subscription while connection 1 was replaced"
        )
        assert is_prepared(rotating)
        rotating.switch()
        rotating.new_event(4)
        assert drained(subscription) == [4]
        assert (subscription.id, subscription.connection) == (7, 2)
        rotating.end()

    run(main())


def test_it_ends_if_the_new_one_was_refused() -> None:
    async def main() -> None:
        rotating = HandingOver()
        subscription = await rotating.subscribe(0)
        await rotating.prepare()
        rotating.refuse_new()
        with pytest.raises(fastws.ApiError):
            await rotating.preparing
        rotating.wire.send(ended(0))
        assert subscription.reason == "ended by the exchange"
        rotating.end()

    run(main())
