"""A Stream moves from a connection to its successor, step by step, on a client that is connected to nothing."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

import fastws
from helpers.handing_over import HandingOver, begun, drained
from helpers.losing import until
from helpers.streaming import ended, event_of
from helpers.support import refusal, reply, run


def test_each_event_comes_once_and_in_order_over_a_hand_over() -> None:
    async def main() -> None:
        rotating = HandingOver()
        subscription = await rotating.subscribe(0)
        rotating.old_event(1)
        await rotating.prepare()
        rotating.new_event(2)  # before the reply to its subscribe
        rotating.old_event(2)
        rotating.old_event(3)
        assert not rotating.keeper.prepared(rotating.new.connection, rotating.wire.connection)
        rotating.accept_new(7)
        await rotating.preparing
        rotating.new_event(3)
        rotating.new_event(4)
        assert rotating.keeper.prepared(rotating.new.connection, rotating.wire.connection)
        assert drained(subscription) == [1, 2, 3]
        assert (subscription.id, subscription.connection) == (0, 1)
        unsubscribe = await rotating.hand_over()
        assert (subscription.id, subscription.connection) == (7, 2)
        rotating.old_event(4)
        rotating.new_event(5)
        rotating.new_event(6)
        rotating.old_event(5)
        assert drained(subscription) == [4, 5]
        rotating.finish_old(unsubscribe)
        rotating.new_event(7)
        assert drained(subscription) == [6, 7]
        assert rotating.gaps == []
        stats = rotating.client.stats
        assert (stats["held_events"], stats["merged_events"], stats["merge_mismatch"]) == (3, 4, 0)
        rotating.end()

    run(main())


def told(rotating: HandingOver) -> list[str]:
    """The reasons of the gaps that on_gap was called with."""
    return [gap.reason for gap in rotating.gaps]


def test_a_callback_gets_each_event_once_and_no_notice() -> None:
    async def main() -> None:
        seen: list[Any] = []
        rotating, subscription = await begun(on_event=seen.append)
        rotating.new_event(2)
        rotating.old_event(1)
        unsubscribe = await rotating.hand_over()
        rotating.old_event(2)
        rotating.new_event(3)
        rotating.finish_old(unsubscribe)
        assert [event["T"] for event in seen] == [1, 2, 3]
        rotating.new.send(ended(7))
        assert seen[3]["e"] == "eventStreamTerminated"
        assert subscription.reason == "ended by the exchange"
        rotating.end()

    run(main())


def test_the_notice_may_come_before_the_reply_to_the_unsubscribe() -> None:
    async def main() -> None:
        rotating, subscription = await begun()
        unsubscribe = await rotating.hand_over()
        rotating.new_event(1)
        rotating.wire.send(ended(0))
        assert drained(subscription) == [1]
        rotating.wire.send(reply(unsubscribe, {}))
        rotating.new_event(2)
        assert drained(subscription) == [2]
        assert rotating.gaps == []
        rotating.end()

    run(main())


def test_an_old_connection_that_is_lost_before_its_notice_is_a_gap_in_its_place() -> None:
    async def main() -> None:
        rotating, subscription = await begun()
        await rotating.hand_over()
        rotating.old_event(1)
        rotating.new_event(2)
        rotating.wire.lose()
        rotating.new_event(1)
        rotating.new_event(3)
        assert drained(subscription) == [1, "gap", 2, 3]
        assert told(rotating) == ["connection 1 ended before all its events had come"]
        rotating.end()

    run(main())


def test_an_event_that_waits_for_too_long_is_a_gap_and_the_stream_moves_at_once() -> None:
    async def main() -> None:
        rotating, subscription = await begun()
        rotating.new_event(2)
        assert drained(subscription) == []
        begun_at = time.monotonic()
        await until(lambda: subscription.buffered)
        assert 0.2 < time.monotonic() - begun_at < 2.0
        assert drained(subscription) == ["gap", 2]
        assert subscription.connection == 2
        (unsubscribe,) = rotating.unsubscribes(rotating.wire)
        rotating.old_event(1)  # the gap covers it
        rotating.finish_old(unsubscribe)
        rotating.switch()
        rotating.new_event(3)
        assert drained(subscription) == [3]
        assert told(rotating) == ["the events of connection 1 lag behind those of its successor"]
        rotating.end()

    run(main())


def test_no_gap_without_an_event_however_long_the_notice_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        rotating, subscription = await begun()
        unsubscribe = await rotating.hand_over()
        await asyncio.sleep(0.3)
        rotating.old_event(1)
        rotating.finish_old(unsubscribe)
        assert drained(subscription) == [1]
        assert rotating.gaps == []
        rotating.end()

    run(main())


def test_a_notice_that_never_comes_is_a_gap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fastws._native.streams.GRACE", 0.01)

    async def main() -> None:
        rotating, subscription = await begun()
        unsubscribe = await rotating.hand_over()
        rotating.wire.send(reply(unsubscribe, {}))
        await until(lambda: rotating.gaps)
        rotating.new_event(1)
        assert drained(subscription) == ["gap", 1]
        rotating.end()

    run(main())


def test_an_unsubscribe_that_is_refused_is_sent_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("fastws.streams.handover._REPEAT", 0.01)

    async def main() -> None:
        rotating, subscription = await begun()
        unsubscribe = await rotating.hand_over()
        rotating.wire.send(refusal(unsubscribe["id"], 400, -1191))
        again = await rotating.sent(1)
        rotating.old_event(1)
        rotating.finish_old(again[0])
        assert drained(subscription) == [1]
        assert rotating.gaps == []
        rotating.end()

    run(main())
    assert "could not be ended" in caplog.text


def test_an_unsubscribe_of_what_has_ended_is_a_gap() -> None:
    async def main() -> None:
        rotating, subscription = await begun()
        unsubscribe = await rotating.hand_over()
        rotating.wire.send(refusal(unsubscribe["id"], 400, -2036))
        rotating.new_event(1)
        assert drained(subscription) == ["gap", 1]
        rotating.end()

    run(main())


def test_an_old_connection_that_is_lost_before_the_switch() -> None:
    async def main() -> None:
        rotating, subscription = await begun()
        rotating.old_event(1)
        rotating.new_event(2)
        rotating.lose("a cable")
        rotating.new_event(3)
        assert drained(subscription) == [1, "gap", 2, 3]
        assert told(rotating) == ["a cable"]
        assert subscription.connection == 2
        rotating.end()

    run(main())


def test_an_old_connection_that_is_lost_before_the_reply_to_the_subscribe() -> None:
    async def main() -> None:
        rotating = HandingOver()
        subscription = await rotating.subscribe(0)
        await rotating.prepare()
        rotating.new_event(2)
        rotating.lose("a cable")
        assert subscription.connection == -1
        rotating.accept_new(7)
        rotating.new_event(3)
        await rotating.preparing
        assert drained(subscription) == ["gap", 2, 3]
        assert subscription.connection == 2
        assert told(rotating) == ["a cable"]
        rotating.end()

    run(main())


def test_a_successor_that_is_lost_before_the_switch_changes_nothing() -> None:
    async def main() -> None:
        rotating, subscription = await begun()
        rotating.new_event(2)
        rotating.keeper.lost(rotating.new.connection, "a cable")
        rotating.new.lose()
        rotating.old_event(1)
        rotating.old_event(2)
        await asyncio.sleep(0)
        assert drained(subscription) == [1, 2]
        assert rotating.gaps == []
        assert rotating.unsubscribes(rotating.wire) == []
        await rotating.prepared(3)  # another one, which is connection 3
        unsubscribe = await rotating.hand_over()
        rotating.finish_old(unsubscribe)
        rotating.new_event(3, 3)
        assert drained(subscription) == [3]
        rotating.end()

    run(main())


def test_a_successor_that_is_given_up_behind_the_switch_is_a_gap() -> None:
    async def main() -> None:
        rotating, subscription = await begun()
        unsubscribe = await rotating.hand_over()
        rotating.new_event(2)
        rotating.old_event(1)
        rotating.session.stop_draining()
        rotating.session.route = rotating.wire.connection
        rotating.keeper.give_up(rotating.new.connection, "a cable")
        rotating.new.lose()
        rotating.finish_old(unsubscribe)  # which proves that event 2 is behind event 1
        asked = await rotating.sent(2)
        assert [each["method"] for each in asked] == ["time", "userDataStream.subscribe.signature"]
        rotating.accept(8, 5)
        assert drained(subscription) == [1, 2, "gap", 5]
        assert (subscription.id, subscription.connection) == (8, 1)
        assert told(rotating) == ["a cable"]
        rotating.end()

    run(main())


def test_a_subscribe_that_is_refused_fails_the_attempt_and_the_old_connection_stays() -> None:
    async def main() -> None:
        rotating = HandingOver()
        subscription = await rotating.subscribe(0)
        await rotating.prepare()
        rotating.refuse_new()
        with pytest.raises(fastws.ApiError):
            await rotating.preparing
        rotating.keeper.give_up(rotating.new.connection, "refused")
        rotating.old_event(1)
        assert drained(subscription) == [1]
        assert subscription.connection == 1
        assert rotating.gaps == []
        assert not rotating.keeper.handovers.all()
        rotating.end()

    run(main())


def test_an_exchange_that_allows_one_subscription_of_an_account() -> None:
    async def main() -> None:
        rotating = HandingOver()
        subscription = await rotating.subscribe(0)
        await rotating.prepare()
        rotating.refuse_new(code=-2035)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        (unsubscribe,) = rotating.unsubscribes(rotating.wire)
        rotating.old_event(1)
        assert drained(subscription) == [1]
        rotating.finish_old(unsubscribe)
        while not await rotating.sent_on_new():
            pass
        rotating.accept_new(7, event_of(7, 2))
        await rotating.preparing
        assert rotating.keeper.prepared(rotating.new.connection, rotating.wire.connection)
        assert drained(subscription) == ["gap", 2]
        assert told(rotating) == ["the exchange allows one subscription of an account at a time"]
        rotating.switch()
        rotating.new_event(3)
        assert drained(subscription) == [3]
        rotating.end()

    run(main())


def test_no_room_for_the_only_subscription_leaves_the_old_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fastws.streams.keeper._ROOM", 0.01)

    async def main() -> None:
        rotating = HandingOver()
        subscription = await rotating.subscribe(0)
        await rotating.prepare()
        rotating.refuse_new(code=-2035)
        with pytest.raises(fastws.ConnectionLost, match="make room"):
            await rotating.preparing
        rotating.keeper.give_up(rotating.new.connection, "no room")
        rotating.old_event(1)
        assert drained(subscription) == [1]
        assert (subscription.id, subscription.connection) == (0, 1)
        assert rotating.gaps == []
        rotating.place()  # raises GapOpen while a gap is open
        rotating.end()

    run(main())
