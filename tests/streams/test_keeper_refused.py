"""fastws.streams.loss_keeper: a subscribe that is refused after a loss, or gets no answer."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

import fastws
from fastws import ConnectionLost, EventGap, GapOpen
from helpers.reconnecting import SERVER_TIME, Reconnecting, taken
from helpers.support import reply, run

LATER = SERVER_TIME * 1000  # microseconds
OTHER = fastws.load_signer("o" * 64, secret="s" * 64)


def test_a_refused_subscribe_does_not_fail_the_opening_and_is_repeated_until_it_succeeds(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    delays: list[float] = []

    def longest(low: float, high: float) -> float:
        delays.append(high)
        return 0.0

    monkeypatch.setattr("fastws.streams.loss_keeper.random.uniform", longest)

    async def main() -> None:
        back = Reconnecting()
        subscription = await back.subscribe()
        back.event(0, 1)
        back.lose()
        await back.begin()
        back.answer_time()
        back.refuse(503, -1000)
        await back.restoring  # type: ignore[misc]
        assert back.gaps == []
        assert subscription.active
        with pytest.raises(
            GapOpen, match=r"the exchange refused to subscribe again: .* \(code -1000"
        ) as caught:
            back.place()
        assert caught.value.gap is None
        for _ in range(8):
            assert [each["method"] for each in await back.sent(2)] == [
                "time",
                "userDataStream.subscribe.signature",
            ]
            back.refuse()
        await back.sent(2)
        back.answer_time(SERVER_TIME + 5000)
        back.accept(3, 2)
        assert await taken(subscription, 3) == [1, EventGap, 2]
        assert back.gaps[0].end >= LATER + 5_000_000
        assert delays == [0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]
        back.end()

    run(main())
    refused = [record for record in caplog.records if getattr(record, "code", None) == "subscribe-refused"]
    assert len(refused) == 9
    assert {record.levelno for record in refused} == {logging.WARNING}


def test_a_closed_gate_delays_the_subscribe_and_does_not_fail_the_opening(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def main() -> None:
        back = Reconnecting()
        subscription = await back.subscribe()
        back.lose()
        back.client._limiter.close_gate("weight", 30_000_000, back.client.clock.now() + 30_000_000, "a test")
        assert await back.begin() == []
        await back.restoring  # type: ignore[misc]
        assert subscription.active
        (record,) = [each for each in caplog.records if getattr(each, "code", None) == "subscribe-refused"]
        assert 29 < record.delay < 30.3  # type: ignore[attr-defined]
        back.end()

    run(main())


@pytest.mark.parametrize("lost", [True, False])
def test_a_subscribe_without_an_answer_fails_the_opening_and_the_stream_stays_wanted(lost: bool) -> None:
    async def main() -> None:
        back = Reconnecting(timeout=5.0 if lost else 0.05)
        subscription = await back.subscribe()
        other = await back.subscribe(1, signer=OTHER)
        back.lose()
        await back.begin()
        back.answer_time()
        back.accept(5, 1)
        if lost:
            back.session.route = None
            back.wire.lose()  # nobody calls lost(): this connection never was in use
        with pytest.raises(ConnectionLost if lost else fastws.RequestTimeout):
            await back.restoring  # type: ignore[misc]
        back.session.route = None
        back.wire.lose()
        assert len(back.session.detached) == 2
        await back.begin()
        back.answer_time()
        back.accept(0, 2)
        back.accept(1, 3, which=1)
        await back.restoring  # type: ignore[misc]
        assert await taken(subscription, 4) == [EventGap, 1, EventGap, 2]
        assert await taken(other, 2) == [EventGap, 3]
        back.end()

    run(main())


def test_one_that_took_its_place_ends_the_old_one_and_the_gap_is_told() -> None:
    async def main() -> None:
        back = Reconnecting()
        subscription = await back.subscribe()
        back.lose()
        await back.begin()
        back.refuse(500, -1000)
        back.answer_time()
        await back.restoring  # type: ignore[misc]
        new = await back.subscribe(1)
        back.wire.requests()
        back.keeper._wanted[subscription._stream].stop()
        back.keeper._try_again(back.keeper._wanted[subscription._stream])
        back.client.flush()
        back.asked = back.wire.requests()
        back.answer_time()
        back.refuse(400, -2035)
        await asyncio.sleep(0)
        assert await taken(subscription, 1) == [EventGap]
        with pytest.raises(ConnectionLost, match="subscription 1 of the same account took its place"):
            await anext(subscription)
        assert len(back.gaps) == 1
        with pytest.raises(GapOpen):
            back.place()
        assert new.active
        back.end()

    run(main())


def test_a_subscription_whose_reply_is_lost_is_ended_so_that_the_next_subscribe_succeeds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("fastws.streams.loss_keeper.random.uniform", lambda low, high: high / 100)

    async def main() -> None:
        back = Reconnecting(timeout=0.05)
        subscription = await back.subscribe()
        other = await back.subscribe(1, signer=OTHER)
        back.lose()
        await back.begin()
        back.answer_time()
        back.refuse()
        back.accept(5, which=1)
        await back.restoring  # type: ignore[misc]
        asked = await back.sent(4)  # no answer to the second one, and the third one is sent
        assert [each["method"] for each in asked] == ["time", "userDataStream.subscribe.signature"] * 2
        back.asked = asked[2:]
        back.refuse(400, -2035)
        await asyncio.sleep(0)
        (asked_for,) = back.wire.requests()
        assert asked_for["method"] == "session.subscriptions"
        back.wire.send(reply(asked_for["id"], [{"subscriptionId": 5}, {"subscriptionId": 6}]))
        asked = back.wire.requests()
        assert [(each["method"], each["params"]) for each in asked] == [
            ("userDataStream.unsubscribe", {"subscriptionId": 6})
        ]
        await back.sent(2)
        back.accept(7, 1)
        assert await taken(subscription, 2) == [EventGap, 1]
        assert other.active
        back.end()

    run(main())


def test_a_subscription_that_nobody_wants_is_ended_where_it_stands_in_the_way(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nor is one ended that a subscribe in flight may have made, or one of another connection with the same id."""
    monkeypatch.setattr("fastws.streams.loss_keeper.random.uniform", lambda low, high: high / 100)

    async def main() -> None:
        back = Reconnecting()
        subscription = await back.subscribe()
        back.lose()
        await back.begin()
        back.answer_time()
        back.refuse(400, -2035)
        await back.restoring  # type: ignore[misc]
        (question,) = back.wire.requests()
        assert question["method"] == "session.subscriptions"
        made = back.client.user_data_stream_subscribe_signature(signer=OTHER)
        back.client.flush()
        back.wire.send(reply(question, [{"subscriptionId": 6}, {"subscriptionId": 7}]))
        back.wire.send(reply(made.info.id, {"subscriptionId": 7}))
        other = await made
        assert [each["method"] for each in back.wire.requests()] == ["userDataStream.subscribe.signature"]
        await back.sent(2)
        back.refuse(400, -2035)
        (question,) = await back.sent(1)
        new = back.offline.another()
        back.session.route = new.connection
        back.wire.send(reply(question, [{"subscriptionId": 6}, {"subscriptionId": 7}]))
        asked = [(each["method"], each["params"]) for each in back.wire.requests()]
        assert asked == [("userDataStream.unsubscribe", {"subscriptionId": 6})]
        assert new.requests() == []
        assert subscription.active
        assert other.connection == 2
        new.lose()
        back.end()

    run(main())


def test_a_late_reply_to_a_repeated_subscribe_brings_the_stream_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fastws.streams.loss_keeper.random.uniform", lambda low, high: high / 100)

    async def main() -> None:
        orphans: list[Any] = []
        back = Reconnecting(
            timeout=0.05, on_orphan=lambda info, outcome: orphans.append((info.method, outcome))
        )
        subscription = await back.subscribe()
        back.lose()
        await back.begin()
        back.answer_time()
        back.refuse()
        await back.restoring  # type: ignore[misc]
        first = await back.sent(2)
        assert [each["method"] for each in first] == ["time", "userDataStream.subscribe.signature"]
        again = await back.sent(2)  # no answer: it is sent again
        assert [each["method"] for each in again] == ["time", "userDataStream.subscribe.signature"]
        back.asked = first
        back.accept(4, 1)
        assert subscription.connection == 2
        back.asked = again
        back.refuse(400, -2035)
        await asyncio.sleep(0)
        assert await taken(subscription, 2) == [EventGap, 1]
        assert subscription.active
        assert [outcome for _, outcome in orphans if not isinstance(outcome, fastws.FastwsError)] == []
        assert not any(each["method"] == "userDataStream.unsubscribe" for each in back.wire.requests())
        assert len(back.gaps) == 1
        back.end()

    run(main())
