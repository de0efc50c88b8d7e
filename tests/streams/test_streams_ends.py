"""fastws.streams: how a subscription ends."""

from __future__ import annotations

import asyncio

import pytest

import fastws
from helpers.streaming import ended, event_of, logged_on, make, numbers, subscribed
from helpers.support import KEY, Peer, refusal, reply, run, talking


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
            messages = [event_of(number, 1), ended(number), reply(request)]
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
    monkeypatch.setattr("fastws._native.streams.GRACE", 0.02)

    async def main():
        offline = make()
        first, second = await subscribed(offline, 0), await subscribed(offline, 1)
        offline.requests()
        waiting = offline.client.user_data_stream_unsubscribe()
        offline.send(reply(waiting.info.id), event_of(0, 1))
        assert first.active
        assert numbers([e async for e in first]) == [1]
        assert [await each.wait_closed() for each in (first, second)] == ["unsubscribed"] * 2
        offline.lose()

    run(main())


def test_a_prepared_unsubscribe_ends_the_one_that_it_names(monkeypatch):
    monkeypatch.setattr("fastws._native.streams.GRACE", 0.02)

    async def main():
        offline = make()
        first, second = await subscribed(offline, 0), await subscribed(offline, 1)
        offline.requests()
        waiting = offline.client.prepare("userDataStream.unsubscribe", subscriptionId=1)()
        offline.send(reply(waiting.info.id))
        assert await second.wait_closed() == "unsubscribed"
        await asyncio.sleep(0.05)
        assert first.active
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
        offline.send(event_of(0, 1), refusal(None, 401, -2015))
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
        offline.send(event_of(0, 1))
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
        peer.send(event_of(1, 1), reply(request), ended(1))

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
