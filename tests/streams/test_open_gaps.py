"""fastws.streams.open_gaps: the place and the times of a gap, and the placements that it refuses."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import time
from typing import Any

import pytest

import fastws
from fastws import EventGap, EventOverflow, Gap, GapOpen
from helpers.halting import LIMIT
from helpers.reconnecting import SERVER_TIME, Reconnecting, taken
from helpers.support import reply, run

LATER = SERVER_TIME * 1000  # microseconds
OTHER = fastws.load_signer("o" * 64, secret="s" * 64)


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


def test_a_machine_that_slept_makes_the_gap_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    """The monotonic clock does not count the sleep, and so the measured clock is behind."""

    async def main() -> None:
        slept = 0
        monkeypatch.setattr("fastws.streams.gap_times.uptime", lambda: time.monotonic_ns() + slept)
        back = Reconnecting()
        back.client.clock.adopt(LATER, 1)
        subscription = await back.subscribe()
        slept = 3600 * 10**9
        back.lose()
        await back.begin()
        before = back.client.clock.now()
        back.accept(1)
        assert back.gaps[0].end >= before + 3600 * 1_000_000
        back.answer_time()
        assert back.restoring is not None
        await back.restoring
        assert subscription.active
        back.end()

    run(main())


@pytest.mark.parametrize("by", ["callback", "request"])
def test_an_event_that_a_callback_got_was_delivered(by: str) -> None:
    async def main() -> None:
        back = Reconnecting(on_event=lambda event, number: None)
        if by == "callback":
            await back.subscribe(0, on_event=lambda event: None)
        else:
            asked = back.client.request("userDataStream.subscribe.signature")
            back.client.flush()
            back.wire.send(reply(asked.info.id, {"subscriptionId": 0}))
            await asked
        at = SERVER_TIME - 3_600_000
        back.event(0, at)
        back.lose()
        await back.restore(1)
        assert back.gaps[0].start == at * 1000 - 10_000_000
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
        assert before + 1_000_000 <= back.gaps[0].end < before + 2_000_000
        assert subscription.active
        back.answer_time()
        back.end()

    run(main())


@pytest.mark.parametrize("absurd", [1, 10**16, 10**17 - 1, 10**17, -5, None, "x", True, 1.5])
def test_an_absurd_time_of_the_exchange_does_no_harm(absurd: Any) -> None:
    async def main() -> None:
        back = Reconnecting()
        subscription = await back.subscribe()
        back.event(0, SERVER_TIME)
        back.lose()
        await back.begin()
        back.answer_time(absurd)
        back.accept(1, 2)
        assert back.restoring is not None
        await back.restoring
        assert await taken(subscription, 3) == [SERVER_TIME, EventGap, 2]
        (gap,) = back.gaps
        assert 0 < gap.start <= gap.end
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
