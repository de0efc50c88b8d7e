"""Hand-overs that do not come to their end: what is not subscribed, not restored, and not left behind."""

from __future__ import annotations

import asyncio

import pytest

import fastws
from helpers.handing_over import HandingOver, begun, drained
from helpers.streaming import ended
from helpers.support import reply, run

SIGNED = {"apiKey": "k" * 64, "timestamp": 1_800_000_000_000, "signature": "s"}


async def subscribing(rotating: HandingOver) -> None:
    """Wait for the next subscribe on the successor."""
    rotating.asked_new = []
    while not rotating._subscribes():
        await rotating.sent_on_new()


def test_what_the_user_ends_on_the_old_connection_is_not_subscribed_on_the_successor() -> None:
    async def main() -> None:
        rotating = HandingOver()
        subscription = await rotating.subscribe(0)
        ending = asyncio.ensure_future(subscription.unsubscribe())
        await asyncio.sleep(0)
        (unsubscribe,) = rotating.unsubscribes(rotating.wire)
        assert await rotating.prepare() == []
        await rotating.preparing
        rotating.finish_old(unsubscribe)
        await ending
        rotating.end()

    run(main())


def test_what_the_user_ends_on_a_successor_that_is_given_up_does_not_come_back() -> None:
    async def main() -> None:
        rotating, subscription = await begun()
        await rotating.hand_over()
        ending = asyncio.ensure_future(subscription.unsubscribe())
        await asyncio.sleep(0)
        rotating.session.stop_draining()
        rotating.session.route = rotating.wire.connection
        rotating.keeper.give_up(rotating.new.connection, "a cable")
        rotating.new.lose()
        await ending
        assert subscription.reason == "unsubscribed"
        assert rotating.gaps == []
        rotating.end()

    run(main())


def test_a_subscription_that_the_caller_signed_ends_with_a_successor_that_is_given_up() -> None:
    async def main() -> None:
        rotating, _first = await begun()
        await rotating.hand_over()
        asked = rotating.client.user_data_stream_subscribe_signature(**SIGNED)
        rotating.client.flush()
        rotating.new.send(reply(asked.info.id, {"subscriptionId": 9}))
        subscription = await asked
        assert subscription.connection == 2
        rotating.session.stop_draining()
        rotating.session.route = rotating.wire.connection
        rotating.keeper.give_up(rotating.new.connection, "a cable")
        rotating.new.lose()
        assert isinstance(subscription.error, fastws.ConnectionLost)
        assert "you signed its subscribe yourself" in str(subscription.error)
        rotating.end()

    run(main())


def test_a_stream_that_could_not_follow_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fastws.streams.keeper._FOLLOW_AGAIN", 0.001)

    async def main() -> None:
        rotating = HandingOver()
        waiting = rotating.client.user_data_stream_subscribe_signature()
        rotating.client.flush()
        await rotating.prepare()
        await rotating.preparing
        rotating.switch()
        rotating.wire.send(reply(waiting.info.id, {"subscriptionId": 0}))
        subscription = await waiting
        for _ in range(2):
            await subscribing(rotating)
            rotating.refuse_new()
        await subscribing(rotating)
        rotating.accept_new(7)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert subscription.connection == 2
        assert rotating.gaps == []
        rotating.end()

    run(main())


def test_what_the_successor_answers_for_a_stream_that_has_ended_is_unsubscribed() -> None:
    async def main() -> None:
        rotating = HandingOver()
        subscription = await rotating.subscribe(0)
        await rotating.prepare()
        ending = asyncio.ensure_future(subscription.unsubscribe())
        await asyncio.sleep(0)
        rotating.finish_old(rotating.unsubscribes(rotating.wire)[0])
        await ending
        rotating.accept_new(7)
        await rotating.preparing
        await asyncio.sleep(0)
        (unsubscribe,) = rotating.unsubscribes(rotating.new)
        assert unsubscribe["params"] == {"subscriptionId": 7}
        rotating.end()

    run(main())


def test_a_hand_over_behind_another_one_leaves_nothing_of_it() -> None:
    async def main() -> None:
        rotating, subscription = await begun()
        unsubscribe = await rotating.hand_over()
        rotating.finish_old(unsubscribe)
        first = rotating.new
        rotating.session.stop_draining()
        rotating.wire.lose()
        rotating.new = rotating.offline.another()
        requester = rotating.client._supervisor.connector.requester(rotating.new.connection)
        preparing = asyncio.ensure_future(
            rotating.keeper.prepare(requester, rotating.new.connection, first.connection)
        )
        await rotating.sent_on_new()
        rotating.accept_new(8)
        await preparing
        rotating.session.switch(rotating.new.connection, 1.0)
        rotating.keeper.hand_over(first.connection, rotating.new.connection)
        await asyncio.sleep(0)
        (unsubscribe,) = rotating.unsubscribes(first)
        first.send(reply(unsubscribe, {}), ended(7))
        handovers = rotating.keeper.handovers
        assert len(handovers._of) == 1
        (handover,) = handovers.all()
        handover.over()
        assert not handovers._of
        assert drained(subscription) == []
        assert rotating.gaps == []
        first.lose()
        rotating.wire = rotating.new
        rotating.end()

    run(main())
