"""fastws.streams.keeper: a subscription outlives its connection, and the gap is told in its place."""

from __future__ import annotations

import asyncio
import dataclasses
import gc
import json
import logging
from typing import Any

import pytest

import fastws
from fastws import ConnectionLost, EventGap, EventOverflow, Gap, GapOpen
from helpers.halting import LIMIT
from helpers.reconnecting import SERVER_TIME, Reconnecting
from helpers.streaming import ended, event_of
from helpers.support import KEY, reply, run

LATER = SERVER_TIME * 1000  # microseconds
OTHER = fastws.load_signer("o" * 64, secret="s" * 64)


async def taken(subscription: Any, count: int) -> list[Any]:
    """What a consumer gets: the numbers of events, and the types of errors."""
    found: list[Any] = []
    for _ in range(count):
        try:
            found.append((await anext(subscription))["E"])
        except (EventGap, EventOverflow) as error:
            found.append(type(error))
    return found


# ------------------------------------------------------------------------------------------------ it goes on


def test_the_iterator_goes_on_and_the_gap_is_told_between_the_events_of_the_two_connections() -> None:
    async def main() -> None:
        back = Reconnecting()
        subscription = await back.subscribe(3)
        assert (subscription.id, subscription.connection) == (3, 1)
        back.event(3, 1)
        back.event(3, 2)
        back.lose()
        assert (subscription.id, subscription.connection, subscription.active) == (-1, -1, True)
        waiting = asyncio.ensure_future(taken(subscription, 5))
        await asyncio.sleep(0)
        assert not waiting.done()
        await back.restore(0, 3, 4)
        assert (subscription.id, subscription.connection) == (0, 2)
        assert await waiting == [1, 2, EventGap, 3, 4]
        assert back.session.detached == []
        assert back.gaps[0].reason == "a test"
        assert (subscription.events, subscription.reason) == (4, None)
        back.end()

    run(main())


def test_a_callback_goes_on_and_on_gap_is_called_before_its_next_event() -> None:
    async def main() -> None:
        seen: list[Any] = []
        back = Reconnecting(on_gap=seen.append)
        await back.subscribe(3, on_event=lambda event: seen.append(event["E"]))
        back.event(3, 1)
        back.lose()
        await back.restore(0, 2)
        assert [each if isinstance(each, int) else type(each) for each in seen] == [1, Gap, 2]
        back.end()

    run(main())


def test_a_subscription_by_request_is_carried_over_likewise() -> None:
    async def main() -> None:
        seen: list[Any] = []
        back = Reconnecting(
            on_gap=lambda gap: seen.append("gap"),
            on_event=lambda event, number: seen.append((event["E"], number)),
        )
        asked = back.client.request("userDataStream.subscribe.signature")
        back.client.flush()
        back.wire.send(reply(asked.info.id, {"subscriptionId": 7}), event_of(7, 1))
        assert await asked == {"subscriptionId": 7}
        back.lose()
        await back.restore(0, 2)
        assert seen == [(1, 7), "gap", (2, 0)]
        assert back.client.stats["unknown_events"] == 0
        back.end()

    run(main())


def test_it_goes_on_over_several_losses_and_each_has_its_gap() -> None:
    async def main() -> None:
        back = Reconnecting()
        subscription = await back.subscribe(0)
        for number in range(1, 4):
            back.lose(f"loss {number}")
            await back.restore(number, number)
        assert await taken(subscription, 6) == [EventGap, 1, EventGap, 2, EventGap, 3]
        assert [gap.reason for gap in back.gaps] == ["loss 1", "loss 2", "loss 3"]
        assert subscription.connection == 4
        back.end()

    run(main())


def test_a_subscription_of_the_logon_is_restored_where_the_connection_is_logged_on_for_its_account() -> None:
    async def main(logs_on: bool) -> None:
        back = Reconnecting()
        logon = back.client.session_logon()
        back.client.flush()
        back.wire.send(reply(logon.info.id, {"apiKey": KEY["api_key"]}))
        waiting = back.client.user_data_stream_subscribe()
        back.client.flush()
        back.wire.send(reply(waiting.info.id, {"subscriptionId": 0}))
        subscription = await waiting
        back.lose()
        back.wire = back.offline.another()
        back.session.route = back.wire.connection
        if logs_on:
            logon = back.client.session_logon()
            back.client.flush()
            back.wire.send(reply(logon.info.id, {"apiKey": KEY["api_key"]}))
            back.wire.requests()
        restoring = asyncio.ensure_future(back.keeper.restore(back.client, back.wire.connection))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        back.asked = back.wire.requests()
        if logs_on:
            assert [each["method"] for each in back.asked] == ["time", "userDataStream.subscribe"]
            back.accept(4)
            await restoring
            back.wire.send({"event": {"e": "balanceUpdate", "E": 5}})  # an event without id is the logon's
            assert await taken(subscription, 2) == [EventGap, 5]
        else:
            await restoring
            with pytest.raises(
                ConnectionLost, match=r"you signed the session\.logon that it relies on yourself"
            ):
                await anext(subscription)
            assert back.gaps == []
            assert back.asked == []
        back.end()

    run(main(True))
    run(main(False))


# ------------------------------------------------------------------------------------------------ it ends


def test_a_subscription_that_the_caller_signed_ends_with_an_error_that_says_so() -> None:
    async def main() -> None:
        back = Reconnecting()
        waiting = back.client.user_data_stream_subscribe_signature(
            apiKey="o" * 64, timestamp=1_700_000_000_000, signature="s"
        )
        back.client.flush()
        back.wire.send(reply(waiting.info.id, {"subscriptionId": 0}), event_of(0, 1))
        subscription = await waiting
        back.lose()
        assert await taken(subscription, 1) == [1]
        with pytest.raises(
            ConnectionLost, match="a test; you signed its subscribe yourself, so fastws cannot"
        ):
            await anext(subscription)
        assert await back.begin() == []
        assert (back.gaps, back.client._limiter.holds, back.session.detached) == ([], (), [])
        back.end()

    run(main())


def test_a_subscription_with_another_signer_is_signed_anew_with_it() -> None:
    async def main() -> None:
        back = Reconnecting()
        subscription = await back.subscribe(signer=OTHER)
        back.place()
        back.place(symbol="ETHUSDT", signer=OTHER)
        back.lose()
        await back.begin()
        assert [each.get("params", {}).get("apiKey") for each in back.asked] == [None, "o" * 64]
        with pytest.raises(GapOpen, match="not back since it was lost"):
            back.place(signer=OTHER)
        back.place()  # of the client's own account, which has no subscription
        back.answer_time()
        back.accept(1)
        await back.restoring  # type: ignore[misc]
        assert await taken(subscription, 1) == [EventGap]
        (gap,) = back.gaps
        assert gap.symbols == ("ETHUSDT",)
        assert (
            gap.account == "8d0a0b0ae7a5"[:0] + gap.account
        )  # the digest of its key, and not that of the own one
        assert "o" * 8 not in repr(gap)
        back.end()

    run(main())


def test_unsubscribing_without_a_connection_ends_it_and_nothing_is_asked_again() -> None:
    async def main() -> None:
        back = Reconnecting()
        subscription = await back.subscribe()
        back.event(0, 1)
        back.lose()
        with pytest.raises(fastws.NotConnected):
            back.place()
        await subscription.unsubscribe()
        assert (subscription.reason, subscription.error, subscription.active) == ("unsubscribed", None, False)
        assert await subscription.wait_closed() == "unsubscribed"
        await subscription.unsubscribe()
        assert [event["E"] async for event in subscription] == [1]
        assert await back.begin() == []
        back.place()
        assert (back.session.detached, back.gaps) == ([], [])
        back.end()

    run(main())


def test_unsubscribing_while_it_is_being_restored_ends_the_new_subscription_too() -> None:
    async def main() -> None:
        back = Reconnecting()
        subscription = await back.subscribe()
        back.lose()
        await back.begin()
        await subscription.unsubscribe()
        back.accept(4, 1)
        back.answer_time()
        await back.restoring  # type: ignore[misc]
        await asyncio.sleep(0)
        (asked,) = back.wire.requests()
        assert (asked["method"], asked["params"]) == ("userDataStream.unsubscribe", {"subscriptionId": 4})
        back.wire.send(reply(asked["id"]), ended(4))
        assert (back.gaps, back.client._limiter.holds) == ([], ())
        assert back.client.stats["unknown_events"] == 0
        assert [event async for event in subscription] == []
        back.end()

    run(main())


@pytest.mark.parametrize("method", ["userDataStream.unsubscribe", "session.logout"])
def test_what_the_user_was_ending_when_the_connection_was_lost_is_not_restored(method: str) -> None:
    async def main() -> None:
        back = Reconnecting()
        logon = back.client.session_logon()
        back.client.flush()
        back.wire.send(reply(logon.info.id, {"apiKey": KEY["api_key"]}))
        waiting = back.client.user_data_stream_subscribe()
        back.client.flush()
        back.wire.send(reply(waiting.info.id, {"subscriptionId": 0}))
        subscription = await waiting
        if method == "session.logout":
            leaving = asyncio.ensure_future(back.client.session_logout())
        else:
            leaving = asyncio.ensure_future(subscription.unsubscribe())
        await asyncio.sleep(0)
        back.client.flush()
        back.lose()
        if method == "session.logout":
            with pytest.raises(ConnectionLost):
                await leaving
        else:
            await leaving
        assert subscription.reason == ("logged out" if method == "session.logout" else "unsubscribed")
        assert await back.begin() == []
        assert (back.gaps, back.client._limiter.holds) == ([], ())
        back.end()

    run(main())


def test_one_that_nobody_refers_to_ends_while_no_connection_carries_it() -> None:
    async def main() -> None:
        back = Reconnecting()
        subscription = await back.subscribe()
        kept = await back.subscribe(1, signer=OTHER)
        back.lose()
        del subscription
        gc.collect()
        await asyncio.sleep(0)
        asked = await back.begin()
        assert [each.get("params", {}).get("apiKey") for each in asked] == [None, "o" * 64]
        assert len(back.session.detached) == 1
        assert kept.active
        back.end()

    run(main())


def test_one_that_nobody_refers_to_ends_while_its_subscribe_is_on_its_way() -> None:
    async def main() -> None:
        back = Reconnecting()
        subscription = await back.subscribe()
        back.lose()
        await back.begin()
        del subscription
        gc.collect()
        await asyncio.sleep(0)
        back.accept(2)
        await back.restoring  # type: ignore[misc]
        await asyncio.sleep(0)
        assert [each["method"] for each in back.wire.requests()] == ["userDataStream.unsubscribe"]
        back.end()

    run(main())


def test_closing_for_good_ends_what_has_no_connection_cleanly() -> None:
    async def main() -> None:
        back = Reconnecting()
        subscription = await back.subscribe()
        back.event(0, 1)
        back.lose()
        back.keeper.closed("the client was closed")
        assert [event["E"] async for event in subscription] == [1]
        assert (subscription.reason, subscription.error) == ("the client was closed", None)
        assert (back.session.detached, back.client._limiter.holds) == ([], ())

    run(main())


def test_the_exchange_ending_a_subscription_or_revoking_the_logon_ends_it_as_ever() -> None:
    async def main() -> None:
        back = Reconnecting()
        subscription = await back.subscribe()
        back.lose()
        await back.restore(1)
        back.wire.send(ended(1))
        assert await taken(subscription, 1) == [EventGap]
        assert [event async for event in subscription] == []
        assert subscription.reason == "ended by the exchange"
        back.lose()
        assert await back.begin() == []
        back.end()

    run(main())


# ------------------------------------------------------------------------------------------------ refused


def test_a_refused_subscribe_does_not_fail_the_opening_and_is_repeated_until_it_succeeds(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    delays: list[float] = []

    def longest(low: float, high: float) -> float:
        delays.append(high)
        return 0.0

    monkeypatch.setattr("fastws.streams.keeper.random.uniform", longest)

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
            await asyncio.sleep(0.001)
            back.asked = back.wire.requests()
            assert [each["method"] for each in back.asked] == ["time", "userDataStream.subscribe.signature"]
            back.refuse()
        await asyncio.sleep(0.001)
        back.asked = back.wire.requests()
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


# ------------------------------------------------------------------------------------------------ its place, its times


def test_the_gap_is_told_behind_a_full_buffer_and_behind_what_that_lost() -> None:
    async def main() -> None:
        for overflows in (False, True):
            back = Reconnecting()
            subscription = await back.subscribe(buffer=3)
            for number in range(1, 6 if overflows else 4):
                back.event(0, number)
            back.lose()
            await back.restore(1)
            assert await taken(subscription, 4) == [1, 2, 3, EventOverflow if overflows else EventGap]
            back.event(1, 6)
            assert await taken(subscription, 2 if overflows else 1) == ([EventGap, 6] if overflows else [6])
            for number in range(7, 12):
                back.event(1, number)
            assert await taken(subscription, 4) == [7, 8, 9, EventOverflow]
            assert subscription.lost == (4 if overflows else 2)
            back.end()

    run(main())


def test_take_all_stops_at_a_gap_tells_it_and_goes_on() -> None:
    async def main() -> None:
        back = Reconnecting()
        subscription = await back.subscribe(buffer=3)
        for number in range(1, 6):
            back.event(0, number)
        back.wire.send('{"subscriptionId": 0, "event": 1}')
        back.lose()
        await back.restore(1)
        assert [event["E"] for event in subscription.take_all()] == [1, 2, 3]
        back.event(1, 6)
        with pytest.raises(EventGap):
            subscription.take_all()
        assert [event["E"] for event in subscription.take_all()] == [6]
        back.end()

    run(main())


def test_take_all_keeps_what_cannot_be_read_in_front_of_the_gap() -> None:
    async def main() -> None:
        back = Reconnecting()
        subscription = await back.subscribe()
        back.event(0, 1)
        back.wire.send('{"subscriptionId": 0, "event": 1}')
        back.lose()
        await back.restore(1, 2)
        assert [event["E"] for event in subscription.take_all()] == [1]
        with pytest.raises(fastws.DecodeError):
            await anext(subscription)
        assert await taken(subscription, 2) == [EventGap, 2]
        back.end()

    run(main())


def test_the_start_is_the_last_event_less_ten_seconds_and_the_end_is_never_before_the_new_reply() -> None:
    async def main() -> None:
        for unit in (1000, 1):
            back = Reconnecting()
            subscription = await back.subscribe()
            at = SERVER_TIME - 3_600_000
            back.event(0, at * 1000 // unit)
            back.lose()
            await back.restore(1)
            (gap,) = back.gaps
            assert gap.start == at * 1000 - 10_000_000
            assert LATER <= gap.end < LATER + 1_000_000
            assert subscription.active
            back.end()

    run(main())


def test_without_an_event_the_start_is_the_subscribe_and_an_absurd_event_time_is_not_believed() -> None:
    async def main() -> None:
        for absurd in (None, SERVER_TIME * 2, -1, 1 << 70):
            back = Reconnecting()
            back.client.clock.adopt(LATER - 60_000_000, 1)
            before = back.client.clock.now()
            subscription = await back.subscribe()
            if absurd is not None:
                back.event(0, absurd)
            back.lose()
            await back.begin()
            back.answer_time(before // 1000 + 30_000)
            back.accept(1)
            await back.restoring  # type: ignore[misc]
            (gap,) = back.gaps
            assert before - 10_000_000 <= gap.start < before - 9_000_000
            assert before + 29_999_000 <= gap.end < before + 31_000_000
            assert subscription.active
            back.end()

    run(main())


def test_without_any_measurement_the_start_is_counted_back_from_the_exchange_s_time() -> None:
    async def main() -> None:
        back = Reconnecting()
        subscription = await back.subscribe()
        back.lose()
        await back.restore(1)
        (gap,) = back.gaps
        assert LATER - 11_000_000 <= gap.start <= LATER - 10_000_000
        assert subscription.active
        back.end()

    run(main())


def test_a_subscribe_that_is_answered_before_the_time_makes_the_gap_longer_and_not_shorter() -> None:
    async def main() -> None:
        back = Reconnecting()
        back.client.clock.adopt(LATER, 1)
        subscription = await back.subscribe()
        back.lose()
        await back.begin()
        before = back.client.clock.now()
        back.accept(1)
        assert back.restoring is not None
        await back.restoring
        assert back.gaps[0].end >= before + 10_000_000
        assert subscription.active
        back.answer_time()
        back.end()

    run(main())


def test_a_gap_is_json_and_the_same_when_it_is_read_again() -> None:
    async def main() -> None:
        back = Reconnecting()
        subscription = await back.subscribe()
        for symbol in ("ETHUSDT", "BTCUSDT"):
            back.place(symbol=symbol)
        back.lose()
        await back.restore(1)
        (gap,) = back.gaps
        stored = json.dumps(dataclasses.asdict(gap))
        assert Gap(**json.loads(stored)) == gap
        assert json.loads(stored).keys() == {"account", "start", "end", "reason", "symbols", "uid"}
        assert gap.symbols == ("BTCUSDT", "ETHUSDT")
        assert "k" * 8 not in stored
        with pytest.raises(dataclasses.FrozenInstanceError):
            gap.start = 1  # type: ignore[misc]
        assert subscription.active
        back.end()

    run(main())


# ------------------------------------------------------------------------------------------------ the hold


def test_placements_are_refused_from_the_loss_until_the_gap_is_accepted() -> None:
    async def main() -> None:
        back = Reconnecting()
        subscription = await back.subscribe()
        back.lose()
        await back.restore(1)
        with pytest.raises(GapOpen, match=r"recover_gap\(error\.gap\).*error\.gap\.accept\(\)") as caught:
            back.place()
        assert caught.value.gap == back.gaps[0]
        with pytest.raises(GapOpen):
            back.client.order_cancel_replace(**LIMIT, cancelReplaceMode="STOP_ON_FAILURE", cancelOrderId=1)
        back.client.order_cancel(symbol="BTCUSDT", orderId=1)
        back.client.order_amend_keep_priority(symbol="BTCUSDT", orderId=1, newQty="1")
        back.client.open_orders_cancel_all(symbol="BTCUSDT")
        back.client.open_orders_status()
        with pytest.raises(EventGap) as told:
            await anext(subscription)
        told.value.gap.accept()
        told.value.gap.accept()
        back.place()
        back.end()

    run(main())


def test_each_of_two_gaps_holds_until_it_is_accepted_itself() -> None:
    async def main() -> None:
        back = Reconnecting()
        subscription = await back.subscribe()
        for number in (1, 2):
            back.lose(f"loss {number}")
            await back.restore(number)
        first, second = back.gaps
        second.accept()
        with pytest.raises(GapOpen, match="loss 1"):
            back.place()
        first.accept()
        back.place()
        assert await taken(subscription, 2) == [EventGap, EventGap]
        back.end()

    run(main())


def test_after_gap_go_tells_gaps_and_holds_nothing() -> None:
    async def main() -> None:
        back = Reconnecting(after_gap="go")
        subscription = await back.subscribe()
        back.lose()
        await back.restore(1)
        back.place()
        assert await taken(subscription, 1) == [EventGap]
        back.gaps[0].accept()
        back.end()

    run(main())


def test_without_a_subscription_there_is_no_gap() -> None:
    async def main() -> None:
        back = Reconnecting()
        back.place()
        back.lose()
        assert await back.begin() == []
        back.place()
        assert back.gaps == []
        back.end()

    run(main())


def test_what_on_gap_raises_is_reported_and_the_stream_goes_on() -> None:
    async def main() -> None:
        reported: list[Any] = []
        asyncio.get_running_loop().set_exception_handler(
            lambda loop, context: reported.append(context["exception"])
        )
        error = ValueError("mine")

        def on_gap(gap: Gap) -> None:
            raise error

        back = Reconnecting(on_gap=on_gap)
        subscription = await back.subscribe()
        back.lose()
        await back.restore(1, 1)
        assert await taken(subscription, 2) == [EventGap, 1]
        assert reported == [error]
        back.end()

    run(main())


def test_a_late_reply_to_a_repeated_subscribe_brings_the_stream_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fastws.streams.keeper.random.uniform", lambda low, high: high / 100)

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
        await asyncio.sleep(0.01)
        first = back.wire.requests()
        assert [each["method"] for each in first] == ["time", "userDataStream.subscribe.signature"]
        await asyncio.sleep(0.1)  # no answer: it is sent again
        again = back.wire.requests()
        assert [each["method"] for each in again][:2] == ["time", "userDataStream.subscribe.signature"]
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
