"""fastws.streams: how events reach their subscription, before it and without one too; in JSON and in SBE."""

from __future__ import annotations

import asyncio
import gc
import json
from collections.abc import Callable
from typing import Any

import pytest

import fastws
from fastws.sbe import Schema
from helpers.offline import Offline
from helpers.streaming import SHUTDOWN, ended, event, event_of, logged_on, make, numbers, subscribed
from helpers.support import BINARY, KEY, Peer, frame, refusal, reply, run, talking

SPOT = Schema.bundled("spot")


def test_events_reach_their_subscription_in_the_order_of_the_wire():
    async def main():
        heard = []
        offline = make(on_event=lambda *seen: heard.append(seen))
        first, second = await subscribed(offline, 3), await subscribed(offline, 70)
        assert (first.id, second.id, first.active) == (3, 70, True)
        offline.send(event_of(3, 1), event_of(70, 2), event_of(3, 3), ended(3), event_of(70, 4), ended(70))
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
            offline.send(*(event_of(0, number) for number in range(start, start + 10)))
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
        offline.send(event_of(0, 1), reply(ping.id), event_of(0, 2), ended(0))
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
        offline.send(event_of(0, 1))
        assert numbers(heard) == [1]
        assert [r["method"] for r in offline.requests()] == ["userDataStream.subscribe.signature"]
        offline.lose()

    run(main())


def test_events_that_come_before_the_reply_are_held_and_lead():
    async def main():
        offline = make()
        heard = []
        first = offline.client.user_data_stream_subscribe_signature()
        second = offline.client.user_data_stream_subscribe_signature(on_event=heard.append)
        offline.client.flush()
        offline.send(
            event_of(1, 1), event_of(0, 2), event_of(1, 3),
            reply(second.info.id, {"subscriptionId": 1}), event_of(1, 4),
            reply(first.info.id, {"subscriptionId": 0}), event_of(0, 5),
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
            on_event=lambda e: order.append(e["E"]), on_reply=lambda *outcome: order.append(outcome)
        )
        offline.send(event_of(0, 1), reply(info.id, {"subscriptionId": 0}))
        (subscription, error), number = order
        assert (subscription.id, error, number) == (0, None, 1)
        offline.lose()

    run(main())


def test_a_subscription_that_ended_before_its_reply_gives_what_it_had():
    async def main():
        offline = make()
        waiting = offline.client.user_data_stream_subscribe_signature()
        offline.send(event_of(0, 1), ended(0), reply(waiting.info.id, {"subscriptionId": 0}))
        subscription = await waiting
        assert not subscription.active
        assert numbers([e async for e in subscription]) == [1]
        offline.lose()

    run(main())


def test_events_of_an_unknown_subscription_are_counted_reported_once_and_given_to_the_connection(caplog):
    async def main():
        heard = []
        offline = make(on_event=lambda *seen: heard.append(seen))
        offline.send(event_of(5, 1), event_of(5, 2))
        waiting = offline.client.user_data_stream_subscribe_signature()
        offline.send(event_of(5, 3), event_of(6, 4))
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
        "events of subscription 5, which this client did not make",
        "events of subscription 6, which this client did not make",
    ]


def test_held_events_go_on_when_the_subscribe_gets_no_reply():
    async def main(end: Callable[[Offline, Any], Any]) -> None:
        heard = []
        offline = make(on_event=lambda *seen: heard.append(seen))
        waiting = offline.client.user_data_stream_subscribe_signature(timeout=30)
        offline.send(event_of(0, 1))
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
        burst = b"".join(frame(1, json.dumps(event_of(0, number)).encode()) for number in range(1024))
        for _ in range(64):
            offline.feed(burst)
        offline.send(event_of(0, -1), reply(waiting.info.id, {"subscriptionId": 0}), event_of(0, -2))
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
            offline.send(event_of(number, number), reply(waiting.info.id, {"subscriptionId": number}))
            assert await waiting == {"subscriptionId": number}
        offline.send(event_of(None, 4), ended(1), ended(0), event_of(None, 5))
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
        offline.send(event_of(None, 1), {"subscriptionId": None, **SHUTDOWN})
        own = await logged_on(offline, 1)
        assert own.api_key == "k" * 64
        offline.send(event_of(None, 2), SHUTDOWN, ended(None), event_of(None, 3))
        assert [(e["E"], of) for e, of in heard] == [(1, None), (1, None), (1, None), (3, None)]
        assert numbers([e async for e in own]) == [2]
        assert (other.active, other.buffered) == (True, 0)
        offline.lose()

    run(main())
    assert sum("shut connection 1 down" in r.getMessage() for r in caplog.records) == 2


def test_an_event_before_the_reply_may_leave_out_the_subscription():
    async def main():
        offline = make()
        await logged_on(offline, None)
        waiting = offline.client.user_data_stream_subscribe()
        offline.client.flush()
        offline.send(event_of(None, 1), reply(waiting.info.id, {"subscriptionId": 0}), event_of(None, 2))
        assert numbers((await waiting).take_all()) == [1, 2]
        offline.lose()

    run(main())


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
