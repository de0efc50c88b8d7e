"""fastws.streams.loss_keeper: a subscription outlives its connection, or ends."""

from __future__ import annotations

import asyncio
import gc
from typing import Any

import pytest

import fastws
from fastws import ConnectionLost, EventGap, Gap, GapOpen
from helpers.reconnecting import SERVER_TIME, Reconnecting, taken
from helpers.streaming import ended, event_of
from helpers.support import KEY, reply, run

LATER = SERVER_TIME * 1000  # microseconds
OTHER = fastws.load_signer("o" * 64, secret="s" * 64)


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
        assert "not on a connection" in repr(subscription)
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


async def of_a_logon(back: Reconnecting, **signed: Any) -> Any:
    """A subscription of the account that is logged on."""
    await log_on(back, **signed)
    waiting = back.client.user_data_stream_subscribe()
    back.client.flush()
    back.wire.send(reply(waiting.info.id, {"subscriptionId": 0}))
    return await waiting


async def log_on(back: Reconnecting, key: str = KEY["api_key"], **signed: Any) -> None:
    logon = back.client.session_logon(**signed)
    back.client.flush()
    back.wire.send(reply(logon.info.id, {"apiKey": key}))
    await logon


def next_wire(back: Reconnecting) -> None:
    back.wire = back.offline.another()
    back.session.route = back.wire.connection


def test_a_subscription_of_the_logon_is_restored_where_the_connection_is_logged_on_for_its_account() -> None:
    async def main() -> None:
        back = Reconnecting()
        subscription = await of_a_logon(back)
        back.lose()
        next_wire(back)
        await log_on(back)
        back.wire.requests()
        restoring = asyncio.ensure_future(back.keeper.restore(back.client, back.wire.connection))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        back.asked = back.wire.requests()
        assert [each["method"] for each in back.asked] == ["time", "userDataStream.subscribe"]
        back.accept(4)
        await restoring
        back.wire.send({"event": {"e": "balanceUpdate", "E": 5}})  # an event without id is the logon's
        assert await taken(subscription, 2) == [EventGap, 5]
        back.end()

    run(main())


def test_a_logon_that_the_caller_signed_ends_its_subscription_with_an_error_that_says_so() -> None:
    async def main() -> None:
        back = Reconnecting()
        subscription = await of_a_logon(back, apiKey="o" * 64, timestamp=1, signature="s")
        back.lose()
        assert await back.begin() == []
        with pytest.raises(ConnectionLost, match=r"you signed the session\.logon that it relies on yourself"):
            await anext(subscription)
        assert (back.gaps, back.client._limiter.holds) == ([], ())
        back.end()

    run(main())


def test_a_logon_for_another_account_ends_the_subscription() -> None:
    async def main() -> None:
        back = Reconnecting()
        subscription = await of_a_logon(back)
        back.lose()
        next_wire(back)
        await log_on(back, "o" * 64, signer=OTHER)
        await back.keeper.restore(back.client, back.wire.connection)
        with pytest.raises(ConnectionLost, match="the next one is logged on for another account"):
            await anext(subscription)
        back.end()

    run(main())


def test_a_logon_that_is_missing_fails_the_opening_and_the_stream_stays_wanted() -> None:
    """As when the exchange revokes the logon while the connection is being opened."""

    async def main() -> None:
        back = Reconnecting()
        subscription = await of_a_logon(back)
        back.lose()
        next_wire(back)
        with pytest.raises(ConnectionLost, match="not logged on any more"):
            await back.keeper.restore(back.client, back.wire.connection)
        assert (subscription.active, subscription.reason) == (True, None)
        back.end()

    run(main())


def test_a_logout_ends_the_subscription_of_the_logon_while_it_is_missing() -> None:
    async def main() -> None:
        back = Reconnecting()
        subscription = await of_a_logon(back)
        back.lose()
        next_wire(back)
        await log_on(back)
        back.wire.requests()
        restoring = asyncio.ensure_future(back.keeper.restore(back.client, back.wire.connection))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        back.asked = back.wire.requests()
        back.refuse()
        await restoring
        leaving = back.client.session_logout()
        back.client.flush()
        back.wire.send(reply(leaving.info.id))
        await leaving
        assert (subscription.reason, subscription.error) == ("logged out", None)
        assert (back.gaps, back.client._limiter.holds) == ([], ())
        back.end()

    run(main())


def test_a_subscription_that_is_answered_behind_the_logout_does_not_keep_the_client_from_opening() -> None:
    async def main() -> None:
        back = Reconnecting()
        await log_on(back)
        waiting, leaving = back.client.user_data_stream_subscribe(), back.client.session_logout()
        back.client.flush()
        back.wire.send(reply(leaving.info.id), reply(waiting.info.id, {"subscriptionId": 3}))
        subscription = await waiting
        back.lose()
        assert await back.begin() == []
        assert back.restoring is not None
        await back.restoring
        assert (subscription.reason, subscription.error) == ("logged out", None)
        assert (back.gaps, back.client._limiter.holds) == ([], ())
        back.end()

    run(main())


def test_a_new_connection_that_ends_before_the_subscribes_fails_the_opening_and_the_stream_stays_wanted() -> (
    None
):
    async def main() -> None:
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
        back.wire.lose()
        with pytest.raises(ConnectionLost, match="ended while it was opening"):
            await back.keeper.restore(back.client, back.wire.connection)
        assert subscription.active
        assert subscription.reason is None
        back.end()

    run(main())


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


def test_what_was_unsubscribed_while_it_was_restored_is_not_kept_over_the_next_loss() -> None:
    async def main() -> None:
        back = Reconnecting()
        subscription = await back.subscribe()
        back.lose()
        await back.begin()
        await subscription.unsubscribe()
        back.accept(4)
        await back.restoring  # type: ignore[misc]
        back.lose()  # before the new subscription is ended
        assert back.session.detached == []
        assert await back.begin() == []
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
