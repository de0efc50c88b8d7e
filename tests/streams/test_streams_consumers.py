"""fastws.streams: consumers that are slow, stop, are cancelled, raise, or are gone."""

from __future__ import annotations

import asyncio
import gc
from typing import Any

import pytest

import fastws
from helpers.streaming import ended, event, event_of, make, numbers, subscribed
from helpers.support import reply, run


def test_an_iterator_that_is_too_slow_is_told_where_events_are_missing_and_goes_on(caplog):
    async def main():
        offline = make()
        subscription = await subscribed(offline, buffer=3)
        offline.send(*(event_of(0, number) for number in range(5)))
        assert (subscription.buffered, subscription.lost) == (3, 2)
        assert offline.client.stats["lost_events"] == 2
        offline.send(event_of(0, 5))
        seen = []
        lost = 0
        try:
            async for e in subscription:
                seen.append(e["E"])
        except fastws.EventOverflow as error:
            lost = error.lost
        assert (seen, lost) == ([0, 1, 2], 3)
        offline.send(event_of(0, 6), ended(0))
        assert numbers([e async for e in subscription]) == [6]
        assert subscription.lost == 3
        offline.lose()

    run(main())
    (record,) = caplog.records
    assert "subscription 0 are lost" in record.getMessage()


def test_a_gap_keeps_its_place_although_room_was_made_before_it_was_told():
    async def main():
        offline = make()
        subscription = await subscribed(offline, buffer=2)
        offline.send(event_of(0, 1), event_of(0, 2), event_of(0, 3))
        assert (await anext(subscription))["E"] == 1
        offline.send(event_of(0, 4))
        assert (await anext(subscription))["E"] == 2
        with pytest.raises(fastws.EventOverflow) as caught:
            await anext(subscription)
        assert caught.value.lost == 2
        offline.send(event_of(0, 5))
        assert (await anext(subscription))["E"] == 5
        offline.lose()

    run(main())


def test_an_overflow_may_end_the_subscription():
    async def main():
        offline = make()
        subscription = await subscribed(offline, 4, buffer=1, on_overflow="close")
        offline.requests()
        offline.send(event_of(4, 1), event_of(4, 2), event_of(4, 3))
        (request,) = offline.requests()
        assert (request["method"], request["params"]) == ("userDataStream.unsubscribe", {"subscriptionId": 4})
        offline.send(event_of(4, 4), reply(request), ended(4))
        assert (await anext(subscription))["E"] == 1
        with pytest.raises(fastws.EventOverflow) as caught:
            await anext(subscription)
        assert caught.value.lost == 3
        with pytest.raises(StopAsyncIteration):
            await anext(subscription)
        assert subscription.reason == "unsubscribed"
        offline.lose()

    run(main())


def test_an_overflow_may_be_the_users_to_deal_with():
    async def main():
        offline = make()
        reported = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context))
        spilled = []
        spill = await subscribed(
            offline, 0, buffer=2, on_overflow=lambda sub, e: spilled.append((sub, e["E"]))
        )
        newest = await subscribed(offline, 1, buffer=2, on_overflow=lambda sub, e: sub.take_all())
        broken = await subscribed(offline, 2, buffer=2, on_overflow=lambda sub, e: 1 / 0)
        offline.send(*(event_of(sub, number) for number in range(5) for sub in range(3)))
        assert numbers(spill.take_all()) == [0, 1]
        assert spilled == [(spill, 2), (spill, 3), (spill, 4)]
        assert numbers(newest.take_all()) == [4]
        assert (spill.lost, newest.lost, broken.lost) == (3, 0, 3)
        assert [type(context["exception"]) for context in reported] == [ZeroDivisionError] * 3
        offline.send(event_of(0, 5), ended(0))
        assert numbers([e async for e in spill]) == [5], "who dealt with it is not told again"
        offline.lose()

    run(main())


@pytest.mark.parametrize(
    "options",
    [
        {"buffer": 0},
        {"buffer": True},
        {"buffer": 1.5},
        {"on_event": 1},
        {"on_overflow": "drop"},
        {"on_event": print, "buffer": 1},
        {"on_event": print, "on_overflow": "close"},
    ],
)
def test_wrong_options_are_refused_at_once(options):
    async def main():
        offline = make()
        offline.requests()
        with pytest.raises(fastws.InvalidRequest, match=next(iter(options))):
            offline.client.user_data_stream_subscribe_signature(**options)
        assert offline.requests() == []
        offline.lose()

    run(main())


def test_a_loop_that_is_left_goes_on_where_it_stopped():
    async def main():
        offline = make()
        subscription = await subscribed(offline)
        offline.send(*(event_of(0, number) for number in range(4)), ended(0))
        async for e in subscription:
            if e["E"] == 1:
                break
        assert numbers([e async for e in subscription]) == [2, 3]
        offline.lose()

    run(main())


def test_a_cancelled_consumer_loses_nothing():
    async def main():
        offline = make()
        subscription = await subscribed(offline)
        for number in range(2):
            task = asyncio.ensure_future(anext(subscription))
            await asyncio.sleep(0)
            if number == 1:
                offline.send(event_of(0, number))  # it was woken, but has not run yet
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(_third(subscription), 0.01)
        offline.send(event_of(0, 3), ended(0))
        assert numbers([e async for e in subscription]) == [3]
        offline.lose()

    async def _third(subscription):
        assert (await anext(subscription))["E"] == 1
        await anext(subscription)

    run(main())


def test_events_go_to_one_consumer():
    async def main():
        offline = make()
        subscription = await subscribed(offline)
        first = asyncio.ensure_future(anext(subscription))
        await asyncio.sleep(0)
        with pytest.raises(RuntimeError, match="another task"):
            await anext(subscription)
        offline.send(event_of(0, 1))
        assert (await first)["E"] == 1
        called = await subscribed(offline, 1, on_event=print)
        with pytest.raises(fastws.InvalidRequest, match="on_event"):
            await anext(called)
        offline.lose()

    run(main())


def test_a_consumer_that_never_waits_lets_the_event_loop_run():
    async def main():
        offline = make()
        subscription = await subscribed(offline)
        offline.send(*(event_of(0, number) for number in range(1000)), ended(0))
        turns = 0

        def count():
            nonlocal turns
            turns += 1
            asyncio.get_running_loop().call_soon(count)

        count()
        assert numbers([e async for e in subscription]) == list(range(1000))
        assert turns >= 7
        offline.lose()

    run(main())


def test_a_subscription_that_nobody_holds_is_ended(caplog):
    async def main():
        offline = make()
        await subscribed(offline, 7)
        offline.requests()
        gc.collect()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        (request,) = offline.requests()
        assert (request["method"], request["params"]) == ("userDataStream.unsubscribe", {"subscriptionId": 7})
        offline.send(event_of(7, 1), reply(request), ended(7))
        assert offline.client.stats["unknown_events"] == 0
        offline.lose()

    run(main())
    assert "no longer referred to" in caplog.text


@pytest.mark.parametrize("orphans", [False, True])
@pytest.mark.parametrize("options", [{}, {"on_event": print}])
def test_a_subscription_whose_waiter_gave_up_is_ended_or_goes_to_on_orphan(orphans, options):
    async def main():
        found = []
        offline = make(on_orphan=(lambda *orphan: found.append(orphan)) if orphans else None)
        waiting = offline.client.user_data_stream_subscribe_signature(**options)
        offline.client.flush()
        waiting.cancel()
        offline.requests()
        offline.send(reply(waiting.info.id, {"subscriptionId": 2}))
        requests = offline.requests()
        if orphans:
            assert requests == []
            ((info, subscription),) = found
            assert (info, subscription.id, subscription.active) == (waiting.info, 2, True)
        else:
            assert [r["method"] for r in requests] == ["userDataStream.unsubscribe"]
        offline.lose()

    run(main())


def test_a_callback_that_raises_or_is_a_coroutine_is_reported():
    async def main():
        reported = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context))
        offline = make()

        async def coroutine(e):
            raise AssertionError

        await subscribed(offline, 0, on_event=lambda e: 1 / 0)
        with pytest.raises(fastws.InvalidRequest, match="on_event: expected a plain function"):
            await subscribed(offline, 1, on_event=coroutine)
        await subscribed(offline, 1, on_event=lambda e: coroutine(e))
        offline.send(event_of(0, 1), event_of(1, 2), event_of(0, 3))
        assert [context["message"] for context in reported] == [
            "fastws: on_event raised an exception",
            "fastws: on_event did nothing",
            "fastws: on_event raised an exception",
        ]
        offline.lose()

    run(main())


def test_a_callback_may_request_unsubscribe_and_close():
    async def main():
        offline = make()
        heard: list[Any] = []

        def on_event(e):
            heard.append(e["E"])
            if e["E"] == 1:
                offline.client.user_data_stream_unsubscribe(on_reply=lambda *_: heard.append("reply"))
                offline.client.user_data_stream_subscribe_signature(on_event=heard.append)
            if e["E"] == 3:
                offline.connection.abort()

        await subscribed(offline, on_event=on_event)
        offline.requests()
        offline.send(event_of(0, 1), event_of(0, 2))
        unsubscribe, subscribe = offline.requests()
        offline.send(
            reply(unsubscribe),
            reply(subscribe, {"subscriptionId": 1}),
            event_of(1, 5),
            event_of(0, 3),
            ended(0),
        )
        assert heard[:4] == [1, 2, "reply", event(5)]
        offline.lose()

    run(main())


def test_the_id_of_an_active_subscription_that_is_given_again():
    async def main():
        offline = make()
        first, second = await subscribed(offline, 0), await subscribed(offline, 0)
        offline.send(event_of(0, 1))
        assert [e async for e in first] == []
        assert "another subscription" in first.reason
        assert (first.active, second.active, second.buffered) == (False, True, 1)
        offline.lose()

    run(main())


def test_ids_up_to_the_last_one():
    async def main():
        offline = make()
        for number in (65535, 65534, 0, 17):
            subscription = await subscribed(offline, number)
            offline.send(event_of(number, number))
            assert (await anext(subscription))["E"] == number
        offline.send(event_of(2**40, 1), event_of(65536, 1))
        assert offline.client.stats["unknown_events"] == 2
        offline.lose()

    run(main())


def test_what_is_no_object_is_no_event(caplog):
    async def main():
        offline = make()
        subscription = await subscribed(offline)
        for broken in ("5", "null", "[]", '"eventStreamTerminated"'):
            offline.send(f'{{"subscriptionId":0,"event":{broken}}}')
        for odd in ({}, {"e": None}, {"e": 5}, {"e": "e" * 21}):
            offline.send({"subscriptionId": 0, "event": odd})
        assert (offline.client.stats["unreadable"], subscription.buffered) == (4, 8)
        for _ in range(4):
            with pytest.raises(fastws.DecodeError):
                await anext(subscription)
        assert len(subscription.take_all()) == 4
        offline.lose()

    run(main())


def test_a_subscription_shows_neither_its_key_nor_more_than_it_knows():
    async def main():
        offline = make()
        subscription = await subscribed(offline)
        assert repr(subscription) == "<fastws.Subscription 0 of kkkk…kkkk active>"
        signer = fastws.load_signer("z" * 64, secret="y")
        other = await subscribed(offline, 1, signer=signer)
        assert other.api_key == "z" * 64
        assert offline.requests()[-1]["params"]["apiKey"] == "z" * 64
        with pytest.raises(fastws.InvalidRequest, match="signature"):
            offline.client.user_data_stream_subscribe(signer=signer)
        offline.lose()
        assert "lost" in repr(subscription)
        with pytest.raises(fastws.NotConnected):
            fastws.connect("testnet").user_data_stream_subscribe()

    run(main())


def test_a_consumer_that_takes_all_goes_on_after_an_overflow_and_hears_of_it_when_it_iterates(caplog):
    async def main():
        offline = make()
        subscription = await subscribed(offline, buffer=2)
        for first in (0, 10):
            offline.send(*(event_of(0, first + number) for number in range(3)))
            assert numbers(subscription.take_all()) == [first, first + 1]
        offline.send(event_of(0, 20))
        with pytest.raises(fastws.EventOverflow) as overflow:
            await subscription.__anext__()
        assert overflow.value.lost == 2
        assert (await subscription.__anext__())["E"] == 20
        offline.lose()

    run(main())


def test_a_buffer_says_whether_it_is_whole():
    async def main():
        offline = make()
        subscription = await subscribed(offline, buffer=2)
        assert subscription.whole
        offline.send(event_of(0, 1))
        assert subscription.whole
        offline.send('{"subscriptionId":0,"event":{"e":"balanceUpdate","E":NaN}}')
        assert not subscription.whole
        assert (await anext(subscription))["E"] == 1
        assert not subscription.whole
        with pytest.raises(fastws.DecodeError):
            await anext(subscription)
        assert subscription.whole
        offline.send(*(event_of(0, number) for number in range(3)))
        assert not subscription.whole  # the third one is lost
        assert numbers(subscription.take_all()) == [0, 1]
        assert not subscription.whole
        with pytest.raises(fastws.EventOverflow):
            await anext(subscription)
        assert subscription.whole
        offline.lose()

    run(main())


def test_a_subscription_says_whose_it_is():
    async def main():
        offline = make()
        other = fastws.load_signer("o" * 64, secret="s")
        for number, (options, own) in enumerate(
            [({}, True), ({"signer": other}, False), ({"on_event": print}, True)]
        ):
            subscription = await subscribed(offline, number, **options)
            assert (subscription.own, subscription.client) == (own, offline.client)
            assert subscription.on_event is options.get("on_event")
        offline.lose()

    run(main())
