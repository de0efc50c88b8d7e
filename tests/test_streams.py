"""fastws.streams: subscriptions, their events, their ends. The peer is scripted, byte by byte, in both formats."""

from __future__ import annotations

import asyncio
import gc
import json
from collections.abc import Callable
from typing import Any

import pytest
from offline import Offline

import fastws
from fastws.sbe import Schema
from support import BINARY, KEY, Peer, frame, refusal, reply, run, talking

SPOT = Schema.bundled("spot")


def event(number: int, kind: str = "balanceUpdate") -> dict[str, Any]:
    return {"e": kind, "E": number, "a": "BTC", "d": "0.10000000", "T": number}


def told(subscription: int | None, number: int, kind: str = "balanceUpdate") -> dict[str, Any]:
    """The message of an event."""
    of = {} if subscription is None else {"subscriptionId": subscription}
    return {**of, "event": event(number, kind)}


def ended(subscription: int | None, number: int = 9) -> dict[str, Any]:
    of = {} if subscription is None else {"subscriptionId": subscription}
    return {**of, "event": {"e": "eventStreamTerminated", "E": number}}


SHUTDOWN = {"event": {"e": "serverShutdown", "E": 1}}


def make(**options: Any) -> Offline:
    return Offline(**{**KEY, **options})


async def subscribed(offline: Offline, number: int = 0, **options: Any) -> fastws.Subscription:
    reply_ = offline.client.user_data_stream_subscribe_signature(**options)
    offline.client.flush()
    offline.send(reply(reply_.info.id, {"subscriptionId": number}))
    return await reply_


async def logged_on(offline: Offline, number: int | None = 0, **options: Any) -> Any:
    """The session's own subscription, on a connection that is logged on."""
    logon = offline.client.session_logon()
    offline.client.flush()
    offline.send(reply(logon.info.id, {"apiKey": "k" * 64}))
    await logon
    if number is None:
        return None
    reply_ = offline.client.user_data_stream_subscribe(**options)
    offline.client.flush()
    offline.send(reply(reply_.info.id, {"subscriptionId": number}))
    return await reply_


def numbers(events: list[Any]) -> list[int]:
    return [event["E"] for event in events]


def test_events_reach_their_subscription_in_the_order_of_the_wire():
    async def main():
        heard = []
        offline = make(on_event=lambda *seen: heard.append(seen))
        first, second = await subscribed(offline, 3), await subscribed(offline, 70)
        assert (first.id, second.id, first.active) == (3, 70, True)
        offline.send(told(3, 1), told(70, 2), told(3, 3), ended(3), told(70, 4), ended(70))
        assert [(e["E"], first.seq) async for e in first] == [(1, 3), (3, 5)]
        assert [(e["E"], second.seq) async for e in second] == [(2, 4), (4, 7)]
        assert (first.active, first.reason, first.error) == (False, "ended by the exchange", None)
        assert first.events == 2
        assert await second.wait_closed() == "ended by the exchange"
        assert heard == []
        offline.lose()

    run(main())


def test_a_consumer_that_waits_is_woken_once_a_burst():
    async def main():
        offline = make()
        subscription = await subscribed(offline)
        seen = []

        async def consume():
            async for e in subscription:
                seen.append(e["E"])

        task = asyncio.ensure_future(consume())
        for start in (0, 10):
            await asyncio.sleep(0)
            offline.send(*(told(0, number) for number in range(start, start + 10)))
            assert seen == list(range(start))
            for _ in range(3):
                await asyncio.sleep(0)
            assert len(seen) == start + 10
        offline.send(ended(0))
        await task
        assert seen == list(range(20))
        offline.lose()

    run(main())


def test_a_callback_gets_each_event_and_its_place_among_the_replies():
    async def main():
        offline = make()
        order: list[Any] = []
        subscription = await subscribed(
            offline, on_event=lambda e: order.append((e["e"], e["E"], offline.client.seq))
        )
        ping: Any = offline.client.ping(on_reply=lambda *_: order.append(("reply", ping.seq)))
        offline.client.flush()
        offline.send(told(0, 1), reply(ping.id), told(0, 2), ended(0))
        assert order == [
            ("balanceUpdate", 1, 2),
            ("reply", 3),
            ("balanceUpdate", 2, 4),
            ("eventStreamTerminated", 9, 5),
        ]
        assert subscription.seq == 5
        assert subscription.received_at >= ping.received_at
        assert (subscription.active, subscription.buffered) == (False, 0)
        offline.lose()

    run(main())


def test_the_callback_of_one_that_nobody_holds_is_called_all_the_same():
    async def main():
        offline = make()
        heard = []
        await subscribed(offline, on_event=heard.append)
        gc.collect()
        offline.send(told(0, 1))
        assert numbers(heard) == [1]
        assert [r["method"] for r in offline.requests()] == ["userDataStream.subscribe.signature"]
        offline.lose()

    run(main())


# ------------------------------------------------------------------------------- before and without a subscription


def test_events_that_come_before_the_reply_are_held_and_lead():
    async def main():
        offline = make()
        heard = []
        first = offline.client.user_data_stream_subscribe_signature()
        second = offline.client.user_data_stream_subscribe_signature(on_event=heard.append)
        offline.client.flush()
        offline.send(
            told(1, 1), told(0, 2), told(1, 3),
            reply(second.info.id, {"subscriptionId": 1}), told(1, 4),
            reply(first.info.id, {"subscriptionId": 0}), told(0, 5),
        )  # fmt: skip
        assert numbers(heard) == [1, 3, 4]
        subscription = await first
        assert numbers(subscription.take_all()) == [2, 5]
        assert offline.client.stats["unknown_events"] == 0
        offline.lose()

    run(main())


def test_the_reply_is_told_before_the_events_that_were_held():
    async def main():
        offline = make()
        order: list[Any] = []
        info: Any = offline.client.user_data_stream_subscribe_signature(
            on_event=lambda e: order.append(e["E"]), on_reply=lambda *told: order.append(told)
        )
        offline.send(told(0, 1), reply(info.id, {"subscriptionId": 0}))
        (subscription, error), number = order
        assert (subscription.id, error, number) == (0, None, 1)
        offline.lose()

    run(main())


def test_a_subscription_that_ended_before_its_reply_gives_what_it_had():
    async def main():
        offline = make()
        waiting = offline.client.user_data_stream_subscribe_signature()
        offline.send(told(0, 1), ended(0), reply(waiting.info.id, {"subscriptionId": 0}))
        subscription = await waiting
        assert not subscription.active
        assert numbers([e async for e in subscription]) == [1]
        offline.lose()

    run(main())


def test_events_of_an_unknown_subscription_are_counted_reported_once_and_given_to_the_connection(caplog):
    async def main():
        heard = []
        offline = make(on_event=lambda *seen: heard.append(seen))
        offline.send(told(5, 1), told(5, 2))
        waiting = offline.client.user_data_stream_subscribe_signature()
        offline.send(told(5, 3), told(6, 4))
        assert len(heard) == 2, "held, as long as they may belong to the subscription to be"
        offline.send(refusal(waiting.info.id, 400, -2035))
        with pytest.raises(fastws.BadRequest) as caught:
            await waiting
        assert caught.value.code == -2035
        assert [(e["E"], of) for e, of in heard] == [(1, 5), (2, 5), (3, 5), (4, 6)]
        assert offline.client.stats["unknown_events"] == 4
        offline.lose()

    run(main())
    assert [r.getMessage() for r in caplog.records] == [
        "events of subscription 5, which nobody here made",
        "events of subscription 6, which nobody here made",
    ]


def test_held_events_go_on_when_the_subscribe_gets_no_reply():
    async def main(end: Callable[[Offline, Any], Any]) -> None:
        heard = []
        offline = make(on_event=lambda *seen: heard.append(seen))
        waiting = offline.client.user_data_stream_subscribe_signature(timeout=30)
        offline.send(told(0, 1))
        assert heard == []
        end(offline, waiting)
        with pytest.raises((fastws.ConnectionLost, fastws.DecodeError)):
            await waiting
        assert heard == [(event(1), 0)]
        offline.lose()

    run(main(lambda offline, waiting: offline.lose()))
    for result in ({}, {"subscriptionId": -1}, {"subscriptionId": 65536}, {"subscriptionId": "0"}, [], None):
        run(main(lambda offline, waiting, result=result: offline.send(
            {"id": waiting.info.id, "status": 200, "result": result})))  # fmt: skip


def test_what_is_held_has_a_bound_beyond_which_events_go_to_the_connection():
    async def main():
        heard = []
        offline = make(on_event=lambda *seen: heard.append(seen))
        waiting = offline.client.user_data_stream_subscribe_signature()
        burst = b"".join(frame(1, json.dumps(told(0, number)).encode()) for number in range(1024))
        for _ in range(64):
            offline.feed(burst)
        offline.send(told(0, -1), reply(waiting.info.id, {"subscriptionId": 0}), told(0, -2))
        subscription = await waiting
        assert (heard, offline.client.stats["unknown_events"]) == ([(event(-1), 0)], 1)
        assert (subscription.buffered, subscription.lost) == (65_536, 1)
        offline.lose()

    run(main())


def test_what_a_plain_request_subscribes_to_goes_to_the_connection():
    async def main():
        heard = []
        offline = make(on_event=lambda *seen: heard.append(seen))
        await logged_on(offline, None)
        for name, number in (
            ("userDataStream.subscribe", 0),
            ("v3/userDataStream.subscribe.signature", 1),
            ("userDataStream.subscribe.listenToken", 2),
        ):
            waiting = offline.client.request(name)
            offline.client.flush()
            offline.send(told(number, number), reply(waiting.info.id, {"subscriptionId": number}))
            assert await waiting == {"subscriptionId": number}
        offline.send(told(None, 4), ended(1), ended(0), told(None, 5))
        assert [(e["E"], of) for e, of in heard] == [
            (0, 0),
            (1, 1),
            (2, 2),
            (4, 0),
            (9, 1),
            (9, 0),
            (5, None),
        ]
        assert offline.client.stats["unknown_events"] == 0
        offline.lose()

    run(main())


def test_an_event_without_a_subscription_is_the_sessions_own_or_the_connections(caplog):
    async def main():
        heard = []
        offline = make(on_event=lambda *seen: heard.append(seen))
        other = await subscribed(offline, 0)
        offline.send(told(None, 1), {"subscriptionId": None, **SHUTDOWN})
        own = await logged_on(offline, 1)
        assert own.api_key == "k" * 64
        offline.send(told(None, 2), SHUTDOWN, ended(None), told(None, 3))
        assert [(e["E"], of) for e, of in heard] == [(1, None), (1, None), (1, None), (3, None)]
        assert numbers([e async for e in own]) == [2]
        assert (other.active, other.buffered) == (True, 0)
        offline.lose()

    run(main())
    assert sum("shut this connection down" in r.getMessage() for r in caplog.records) == 2


def test_an_event_before_the_reply_may_leave_out_the_subscription():
    async def main():
        offline = make()
        await logged_on(offline, None)
        waiting = offline.client.user_data_stream_subscribe()
        offline.client.flush()
        offline.send(told(None, 1), reply(waiting.info.id, {"subscriptionId": 0}), told(None, 2))
        assert numbers((await waiting).take_all()) == [1, 2]
        offline.lose()

    run(main())


# -------------------------------------------------------------------------------------------------------- overflow


def test_an_iterator_that_is_too_slow_is_told_where_events_are_missing_and_goes_on(caplog):
    async def main():
        offline = make()
        subscription = await subscribed(offline, buffer=3)
        offline.send(*(told(0, number) for number in range(5)))
        assert (subscription.buffered, subscription.lost) == (3, 2)
        assert offline.client.stats["lost_events"] == 2
        offline.send(told(0, 5))
        seen = []
        lost = 0
        try:
            async for e in subscription:
                seen.append(e["E"])
        except fastws.EventOverflow as error:
            lost = error.lost
        assert (seen, lost) == ([0, 1, 2], 3)
        offline.send(told(0, 6), ended(0))
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
        offline.send(told(0, 1), told(0, 2), told(0, 3))
        assert (await anext(subscription))["E"] == 1
        offline.send(told(0, 4))
        assert (await anext(subscription))["E"] == 2
        with pytest.raises(fastws.EventOverflow) as caught:
            await anext(subscription)
        assert caught.value.lost == 2
        offline.send(told(0, 5))
        assert (await anext(subscription))["E"] == 5
        offline.lose()

    run(main())


def test_an_overflow_may_end_the_subscription():
    async def main():
        offline = make()
        subscription = await subscribed(offline, 4, buffer=1, on_overflow="close")
        offline.requests()
        offline.send(told(4, 1), told(4, 2), told(4, 3))
        (request,) = offline.requests()
        assert (request["method"], request["params"]) == ("userDataStream.unsubscribe", {"subscriptionId": 4})
        offline.send(told(4, 4), reply(request), ended(4))
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
        offline.send(*(told(sub, number) for number in range(5) for sub in range(3)))
        assert numbers(spill.take_all()) == [0, 1]
        assert spilled == [(spill, 2), (spill, 3), (spill, 4)]
        assert numbers(newest.take_all()) == [4]
        assert (spill.lost, newest.lost, broken.lost) == (3, 0, 3)
        assert [type(context["exception"]) for context in reported] == [ZeroDivisionError] * 3
        offline.send(told(0, 5), ended(0))
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


# ------------------------------------------------------------------------------------------------------------ ends


def test_unsubscribing_waits_for_the_end_and_keeps_what_is_buffered():
    async def main():
        offline = make()
        for number, early in enumerate((True, False)):
            subscription = await subscribed(offline, number)
            offline.requests()
            task = asyncio.ensure_future(subscription.unsubscribe())
            await asyncio.sleep(0)
            (request,) = offline.requests()
            assert request["params"] == {"subscriptionId": number}
            messages = [told(number, 1), ended(number), reply(request)]
            if not early:
                messages.reverse()
            offline.send(messages[0])
            await asyncio.sleep(0)
            assert not task.done()
            offline.send(messages[1], messages[2])
            await task
            assert (subscription.active, subscription.reason) == (False, "unsubscribed")
            assert numbers([e async for e in subscription]) == ([1] if early else [])
            await subscription.unsubscribe()  # nothing is left to do
            assert offline.requests() == []
        offline.lose()

    run(main())


def test_an_end_that_the_exchange_does_not_tell_comes_a_little_later(monkeypatch):
    monkeypatch.setattr("fastws._streams.GRACE", 0.02)

    async def main():
        offline = make()
        first, second = await subscribed(offline, 0), await subscribed(offline, 1)
        offline.requests()
        waiting = offline.client.user_data_stream_unsubscribe()
        offline.send(reply(waiting.info.id), told(0, 1))
        assert first.active
        assert numbers([e async for e in first]) == [1]
        assert [await each.wait_closed() for each in (first, second)] == ["unsubscribed"] * 2
        offline.lose()

    run(main())


def test_a_refused_unsubscribe_says_so_and_one_of_what_ended_does_not():
    async def main():
        offline = make()
        subscription = await subscribed(offline)
        for code in (-1000, -2036):
            task = asyncio.ensure_future(subscription.unsubscribe())
            await asyncio.sleep(0)
            offline.send(refusal(offline.requests()[-1], 400, code))
            if code == -2036:
                await task
            else:
                with pytest.raises(fastws.BadRequest):
                    await task
            assert subscription.active
        offline.lose()

    run(main())


def test_a_logout_ends_the_sessions_own_subscription_only():
    async def main():
        offline = make()
        own, other = await logged_on(offline, 0), await subscribed(offline, 1)
        logout = offline.client.session_logout()
        offline.client.flush()
        offline.send(ended(0), reply(logout.info.id))
        assert [e async for e in own] == []
        assert own.reason == "logged out"
        assert other.active
        with pytest.raises(fastws.InvalidRequest, match=r"session\.logon"):
            offline.client.user_data_stream_subscribe()
        offline.lose()

    run(main())


def test_a_revoked_session_ends_its_own_subscription_with_that_error():
    async def main():
        offline = make()
        own, other = await logged_on(offline, 0), await subscribed(offline, 1)
        offline.send(told(0, 1), refusal(None, 401, -2015))
        assert numbers([await anext(own)]) == [1]
        for _ in range(2):
            with pytest.raises(fastws.SessionRevoked):
                await anext(own)
        assert isinstance(own.error, fastws.SessionRevoked)
        assert other.active
        offline.lose()

    run(main())


def test_a_lost_connection_ends_all_behind_what_was_buffered():
    async def main():
        offline = make()
        subscription = await subscribed(offline)
        waiting = await subscribed(offline, 1)
        task = asyncio.ensure_future(anext(waiting))
        await asyncio.sleep(0)
        offline.send(told(0, 1))
        offline.lose()
        assert (await anext(subscription))["E"] == 1
        with pytest.raises(fastws.ConnectionLost, match="user data stream"):
            await anext(subscription)
        with pytest.raises(fastws.ConnectionLost):
            await task
        assert subscription.reason == offline.client.close_reason
        await subscription.unsubscribe()
        with pytest.raises(fastws.NotConnected):
            offline.client.user_data_stream_subscribe_signature()

    run(main())


def test_a_client_that_is_closed_ends_them_cleanly_and_async_with_unsubscribes():
    async def script(peer: Peer) -> None:
        for number in range(2):
            peer.send(reply(await peer.request(), {"subscriptionId": number}))
        request = await peer.request()
        assert (request["method"], request["params"]) == ("userDataStream.unsubscribe", {"subscriptionId": 1})
        peer.send(told(1, 1), reply(request), ended(1))

    async def main():
        async with talking(script, **KEY) as client:
            first = await client.user_data_stream_subscribe_signature()
            async with await client.user_data_stream_subscribe_signature() as second:
                pass
            assert not second.active
            assert numbers([e async for e in second]) == [1]
            consumer = asyncio.ensure_future(first.wait_closed())
        assert [e async for e in first] == []
        assert first.error is None
        assert "closed by the client" in await consumer
        async with first:
            pass

    run(main())


# ------------------------------------------------------------------------------------------------------- consumers


def test_a_loop_that_is_left_goes_on_where_it_stopped():
    async def main():
        offline = make()
        subscription = await subscribed(offline)
        offline.send(*(told(0, number) for number in range(4)), ended(0))
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
                offline.send(told(0, number))  # it was woken, but has not run yet
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(_third(subscription), 0.01)
        offline.send(told(0, 3), ended(0))
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
        offline.send(told(0, 1))
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
        offline.send(*(told(0, number) for number in range(1000)), ended(0))
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
        offline.send(told(7, 1), reply(request), ended(7))
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
        await subscribed(offline, 1, on_event=coroutine)
        offline.send(told(0, 1), told(1, 2), told(0, 3))
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
                offline.session.abort()

        await subscribed(offline, on_event=on_event)
        offline.requests()
        offline.send(told(0, 1), told(0, 2))
        unsubscribe, subscribe = offline.requests()
        offline.send(
            reply(unsubscribe), reply(subscribe, {"subscriptionId": 1}), told(1, 5), told(0, 3), ended(0)
        )
        assert heard[:4] == [1, 2, "reply", event(5)]
        offline.lose()

    run(main())


def test_the_id_of_an_active_subscription_that_is_given_again():
    async def main():
        offline = make()
        first, second = await subscribed(offline, 0), await subscribed(offline, 0)
        offline.send(told(0, 1))
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
            offline.send(told(number, number))
            assert (await anext(subscription))["E"] == number
        offline.send(told(2**40, 1), told(65536, 1))
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
        assert (offline.client.stats["unreadable"], subscription.buffered) == (4, 4)
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


# ------------------------------------------------------------------------------------------------------------- SBE


def sbe_response(number: int, template: str, value: dict[str, Any]) -> bytes:
    return frame(
        BINARY,
        SPOT.encode(
            "WebSocketResponse",
            {
                "sbeSchemaIdVersionDeprecated": "False",
                "status": 200,
                "rateLimits": [],
                "id": str(number),
                "result": {"template": template, "value": value},
            },
        ),
    )


def sbe_balance(subscription: int | None, number: int) -> bytes:
    return frame(
        BINARY,
        SPOT.encode(
            "BalanceUpdateEvent",
            {
                "eventTime": number,
                "clearTime": number,
                "qtyExponent": -8,
                "freeQtyDelta": 10_000_000,
                "subscriptionId": subscription,
                "asset": "BTC",
            },
        ),
    )


def test_the_same_in_sbe():
    async def script(peer: Peer) -> None:
        number = json.loads((await peer.frame())[1])["id"]
        peer.writer.write(
            sbe_balance(0, 1_000)
            + sbe_response(number, "UserDataStreamSubscribeResponse", {"subscriptionId": 0})
            + sbe_balance(0, 2_000)
            + sbe_balance(9, 3_000)
            + frame(BINARY, SPOT.encode("ServerShutdownEvent", {"eventTime": 4_000}))
            + frame(
                BINARY, SPOT.encode("EventStreamTerminatedEvent", {"eventTime": 5_000, "subscriptionId": 0})
            )
        )

    async def main(views: str, numbers_: str, time_unit: str, divisor: int) -> None:
        heard = []
        async with talking(
            script, sbe=True, results=views, numbers=numbers_, time_unit=time_unit,
            on_event=lambda *seen: heard.append(seen), **KEY
        ) as client:  # fmt: skip
            subscription = await client.user_data_stream_subscribe_signature()
            events = [e async for e in subscription]
            assert numbers(events) == [1_000 // divisor, 2_000 // divisor]
            assert [type(e["d"]).__name__ for e in events] == [
                {"decimal": "Decimal"}.get(numbers_, numbers_)
            ] * 2
            assert (subscription.reason, subscription.seq) == ("ended by the exchange", 3)
            assert [(e["e"], of) for e, of in heard] == [("balanceUpdate", 9), ("serverShutdown", None)]
            assert client.stats["unknown_events"] == 1

    run(main("dict", "str", "ms", 1000))
    run(main("view", "float", "us", 1))
    run(main("dict", "decimal", "us", 1))
