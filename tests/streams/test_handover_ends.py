"""Streams that end, and connections that close, in the middle of a hand-over."""

from __future__ import annotations

import asyncio
import gc
from typing import Any

import pytest

import fastws
from helpers.handing_over import HandingOver, begun, drained
from helpers.reconnecting import taken
from helpers.streaming import ended, event_of
from helpers.support import reply, run


def test_a_stream_that_the_user_ends_before_the_switch_ends_on_both() -> None:
    async def main() -> None:
        rotating, subscription = await begun()
        rotating.new_event(1)
        ending = asyncio.ensure_future(subscription.unsubscribe())
        await asyncio.sleep(0)
        (unsubscribe,) = rotating.unsubscribes(rotating.wire)
        rotating.switch()  # a notice: the switch does not wait
        await asyncio.sleep(0)
        (other,) = rotating.unsubscribes(rotating.new)
        assert other["params"] == {"subscriptionId": 7}
        rotating.finish_old(unsubscribe)
        await ending
        assert subscription.reason == "unsubscribed"
        rotating.new.send(reply(other, {}), ended(7))
        assert drained(subscription) == []
        assert rotating.gaps == []
        assert not rotating.keeper.handovers.all()
        rotating.end()

    run(main())


def test_a_stream_that_the_user_ends_behind_the_switch_brings_what_was_held_first() -> None:
    async def main() -> None:
        rotating, subscription = await begun()
        unsubscribe = await rotating.hand_over()
        rotating.new_event(2)
        ending = asyncio.ensure_future(subscription.unsubscribe())
        await asyncio.sleep(0)
        (own,) = rotating.unsubscribes(rotating.new)
        rotating.new.send(reply(own, {}), ended(7))
        assert subscription.active
        rotating.old_event(1)
        rotating.finish_old(unsubscribe)
        await ending
        assert drained(subscription) == [1, 2]
        assert subscription.reason == "unsubscribed"
        assert rotating.gaps == []
        assert not rotating.keeper.handovers.all()
        rotating.end()

    run(main())


def test_a_callback_that_ends_its_subscription_in_the_middle_of_what_was_held() -> None:
    async def main() -> None:
        seen: list[int] = []

        def on_event(event: Any) -> None:
            seen.append(event["T"])
            if event["T"] == 1:
                rotating.keeper.drop(subscription._stream)
            raise ValueError("a test")

        asyncio.get_running_loop().set_exception_handler(lambda loop, context: None)
        rotating, subscription = await begun(on_event=on_event)
        unsubscribe = await rotating.hand_over()
        rotating.new_event(1)
        rotating.new_event(2)
        rotating.finish_old(unsubscribe)
        assert seen == [1]
        assert not rotating.keeper.handovers.all()
        rotating.end()

    run(main())


def test_a_subscription_that_the_exchange_ends_on_the_old_connection_goes_on_with_the_successor() -> None:
    async def main() -> None:
        rotating, subscription = await begun()
        rotating.new_event(1)
        rotating.new_event(2)
        rotating.old_event(1)
        rotating.wire.send(ended(0))
        assert drained(subscription) == [1, 2]
        assert (subscription.active, subscription.connection) == (True, 2)
        assert rotating.keeper.prepared(rotating.new.connection, rotating.wire.connection)
        rotating.switch()
        rotating.new_event(3)
        assert drained(subscription) == [3]
        assert rotating.gaps == []
        rotating.end()

    run(main())


def test_a_subscription_that_is_answered_behind_the_switch_follows() -> None:
    async def main() -> None:
        rotating = HandingOver()
        waiting = rotating.client.user_data_stream_subscribe_signature()
        rotating.client.flush()
        await rotating.prepare()
        await rotating.preparing
        rotating.switch()
        rotating.wire.send(reply(waiting.info.id, {"subscriptionId": 0}))
        subscription = await waiting
        assert subscription.connection == 1
        while not await rotating.sent_on_new():
            pass
        rotating.old_event(1)
        rotating.accept_new(7)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert subscription.connection == 2
        rotating.new_event(2)
        (unsubscribe,) = rotating.unsubscribes(rotating.wire)
        rotating.finish_old(unsubscribe)
        assert drained(subscription) == [1, 2]
        assert rotating.gaps == []
        rotating.end()

    run(main())


def test_a_subscription_whose_subscribe_the_caller_signed_stays_until_the_old_connection_ends() -> None:
    async def main() -> None:
        rotating = HandingOver()
        subscription = await rotating.subscribe(
            0, apiKey="k" * 64, timestamp=1_800_000_000_000, signature="s"
        )
        assert await rotating.prepare() == []
        await rotating.preparing
        assert rotating.keeper.prepared(rotating.new.connection, rotating.wire.connection)
        rotating.switch()
        rotating.old_event(1)
        assert drained(subscription) == [1]
        rotating.keeper.lost(rotating.wire.connection, "left")
        rotating.wire.lose()
        assert isinstance(subscription.error, fastws.ConnectionLost)
        rotating.end()

    run(main())


def test_a_full_buffer_loses_no_gap() -> None:
    async def main() -> None:
        rotating, subscription = await begun(buffer=2)
        await rotating.hand_over()
        for number in range(1, 5):
            rotating.old_event(number)
        rotating.new_event(9)
        rotating.wire.lose()
        assert await taken(subscription, 4) == [1, 2, fastws.EventOverflow, fastws.EventGap]
        rotating.end()

    run(main())


@pytest.mark.parametrize("moved", [False, True])
@pytest.mark.parametrize("first", ["wire", "new"])
def test_the_end_of_the_client_in_the_middle_ends_everything(first: str, moved: bool) -> None:
    async def main() -> None:
        rotating, subscription = await begun()
        if moved:
            await rotating.hand_over()
        rotating.new_event(1)
        rotating.session.keep_streams = False
        rotating.session.drain()
        if first == "new":
            rotating.new.lose()
        rotating.end()
        assert drained(subscription) == (["gap", 1] if moved or first == "wire" else [])
        assert not subscription.active
        assert not rotating.keeper.handovers._of
        with pytest.raises(StopAsyncIteration):
            await anext(subscription)

    run(main())


def test_an_event_behind_the_end_of_the_old_subscription_is_a_gap(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        rotating, subscription = await begun()
        unsubscribe = await rotating.hand_over()
        rotating.new_event(2)
        rotating.finish_old(unsubscribe)
        rotating.old_event(2)  # the successor has brought it
        assert rotating.gaps == []
        rotating.old_event(1)
        rotating.old_event(0)
        assert drained(subscription) == [2, "gap", "gap"]
        assert rotating.client.stats["unknown_events"] == 0
        rotating.end()

    run(main())
    assert caplog.text.count("behind the eventStreamTerminated of its subscription") == 1


def test_hand_overs_leave_nothing_behind() -> None:
    async def main() -> None:
        rotating = HandingOver()
        subscription = await rotating.subscribe(0)
        old_id = 0
        objects = 0
        for turn in range(60):
            await rotating.prepared(turn + 10)
            rotating.new_event(2 * turn, turn + 10)
            rotating.switch()
            await asyncio.sleep(0)
            (unsubscribe,) = rotating.unsubscribes(rotating.wire)
            rotating.wire.send(event_of(old_id, 2 * turn), reply(unsubscribe, {}), ended(old_id))
            rotating.new_event(2 * turn + 1, turn + 10)
            assert drained(subscription) == [2 * turn, 2 * turn + 1]
            rotating.wire.lose()
            rotating.wire, old_id = rotating.new, turn + 10
            assert len(rotating.keeper.handovers._of) <= 2
            if turn == 30:
                await asyncio.sleep(0)
                gc.collect()
                objects = len(gc.get_objects())
        await asyncio.sleep(0)
        gc.collect()
        assert len(gc.get_objects()) <= objects + 100
        assert rotating.gaps == []
        rotating.end()

    run(main())


def test_a_subscription_on_a_logon_that_the_caller_signed_stays_until_the_old_connection_ends() -> None:
    async def main() -> None:
        rotating = HandingOver()
        logon = rotating.client.session_logon(apiKey="k" * 64, timestamp=1_800_000_000_000, signature="s")
        rotating.client.flush()
        rotating.wire.send(reply(logon.info.id, {"apiKey": "k" * 64}))
        await logon
        waiting = rotating.client.user_data_stream_subscribe()
        rotating.client.flush()
        rotating.wire.send(reply(waiting.info.id, {"subscriptionId": 0}))
        subscription = await waiting
        assert await rotating.prepare() == []
        await rotating.preparing
        assert rotating.keeper.prepared(rotating.new.connection, rotating.wire.connection)
        rotating.switch()
        rotating.old_event(1)
        assert drained(subscription) == [1]
        rotating.keeper.lost(rotating.wire.connection, "left")
        rotating.wire.lose()
        await asyncio.sleep(0)
        assert "you signed the session.logon" in str(subscription.error)
        assert rotating.gaps == []
        rotating.end()

    run(main())
