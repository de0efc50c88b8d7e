"""Events among replies, terminations and losses in any order; floods, slow consumers, handlers that raise."""

from __future__ import annotations

import asyncio
import gc
import json
import random
from typing import Any

import pytest

import fastws
from helpers.offline import Offline
from helpers.support import KEY, PING, PONG, Peer, frame, refusal, reply, run, talking


def event_of(subscription: int, number: int, kind: str = "balanceUpdate") -> dict[str, Any]:
    return {"subscriptionId": subscription, "event": {"e": kind, "E": number}}


def encoded(*messages: dict[str, Any]) -> bytes:
    return b"".join(frame(1, json.dumps(message).encode()) for message in messages)


async def drained(subscription: fastws.Subscription, seen: list[Any]) -> None:
    """Take all events of a subscription; what it ends with is the last entry."""
    try:
        async for event in subscription:
            seen.append((event["E"], subscription.seq))
    except fastws.FastwsError as error:
        seen.append(type(error))
    else:
        seen.append(subscription.reason)


@pytest.mark.parametrize("seed", range(150))
def test_every_event_reaches_one_place_in_order_whatever_comes_when(seed: int) -> None:
    rng = random.Random(seed)

    async def main() -> None:
        strays: list[Any] = []
        offline = Offline(**KEY, on_event=lambda event, of: strays.append((of, event["E"])))
        client = offline.client
        subscriptions = rng.randint(1, 5)
        seen: dict[int, list[Any]] = {i: [] for i in range(subscriptions)}
        expected: dict[int, list[Any]] = {i: [] for i in range(subscriptions)}
        expected_strays: list[Any] = []
        replies = []
        for i in range(subscriptions):
            options: dict[str, Any] = {}
            if rng.random() < 0.5:
                options["on_event"] = lambda event, i=i: seen[i].append(event["E"])
            replies.append(client.user_data_stream_subscribe_signature(**options))
        client.flush()
        ids = rng.sample(range(100), subscriptions)
        # of each subscription: its reply, and its termination or not, somewhere among the events
        messages: list[tuple[str, int]] = [("reply", i) for i in range(subscriptions)]
        messages += [("event", rng.randrange(subscriptions)) for _ in range(rng.randint(0, 60))]
        messages += [("end", i) for i in range(subscriptions) if rng.random() < 0.6]
        messages += [("ping", 0)] * rng.randint(0, 3)
        rng.shuffle(messages)
        over: set[int] = set()
        data = b""
        for number, (what, i) in enumerate(messages, 1):
            if what == "reply":
                data += encoded(reply(replies[i].info.id, {"subscriptionId": ids[i]}))
            elif what == "ping":
                data += frame(PING, str(number).encode())
            else:
                data += encoded(
                    event_of(ids[i], number, "balanceUpdate" if what == "event" else "eventStreamTerminated")
                )
                if i in over:
                    expected_strays.append((ids[i], number))
                else:
                    expected[i].append(number if what == "event" else "end")
                over |= {i} if what == "end" else set()
        consumers: list[Any] = []
        while data:
            size = rng.choice((1, 7, 50, 1000, 100_000))
            offline.feed(data[:size])
            data = data[size:]
            if rng.random() < 0.3:
                await asyncio.sleep(0)
        handles = [await each for each in replies]
        for i, handle in enumerate(handles):
            if not handle._stream.on_event:
                consumers.append(asyncio.ensure_future(drained(handle, seen[i])))
        await asyncio.sleep(0)
        pongs = [payload for opcode, payload in offline.frames() if opcode == PONG]
        offline.lose()
        await asyncio.gather(*consumers)
        for i, handle in enumerate(handles):
            wanted = [number for number in expected[i] if number != "end"]
            if handle._stream.on_event:
                assert [n for n in seen[i] if messages[n - 1][0] == "event"] == wanted
                continue
            *events, last = seen[i]
            assert [number for number, _ in events] == wanted
            assert sorted(seq for _, seq in events) == [seq for _, seq in events]
            assert last == ("ended by the exchange" if "end" in expected[i] else fastws.ConnectionLost)
        assert sorted(strays) == sorted(expected_strays)
        assert client.stats["unknown_events"] == len(strays)
        assert len(pongs) == sum(what == "ping" for what, _ in messages)

    run(main())


def test_a_flood_of_events_delays_neither_replies_nor_pongs() -> None:
    count, burst = 200_000, 1_000
    rows = encoded(*(event_of(0, number) for number in range(burst)))

    flooded = asyncio.Event()

    async def script(peer: Peer) -> None:
        peer.send(reply(await peer.request(), {"subscriptionId": 0}))
        for number in range(count // burst):
            peer.writer.write(rows)
            if number % 20 == 0:
                peer.writer.write(frame(PING, b"%d" % number))
                await peer.writer.drain()
                assert await peer.frame() == (PONG, b"%d" % number)
        flooded.set()
        peer.send(reply(await peer.request()), event_of(0, 0, "eventStreamTerminated"))

    async def main() -> None:
        async with talking(script, **KEY) as client:
            subscription = await client.user_data_stream_subscribe_signature()
            await flooded.wait()  # the consumer sleeps through most of it
            ping = client.ping()
            got = lost = 0
            while True:
                try:
                    async for _ in subscription:
                        got += 1
                        if got % 20_000 == 0:
                            await asyncio.sleep(0)
                    break
                except fastws.EventOverflow as error:
                    assert got >= 65_536
                    lost += error.lost
            assert await ping == {}
            assert got + lost == count == subscription.events
            assert lost == subscription.lost == client.stats["lost_events"] > 0

    run(main(), timeout=60)


def test_a_flood_through_a_callback_that_raises_now_and_then() -> None:
    async def main() -> None:
        reported: list[Any] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context))
        offline = Offline(**KEY)
        seen = 0

        def on_event(event: dict[str, Any]) -> None:
            nonlocal seen
            seen += 1
            if seen % 1_000 == 0:
                raise (ValueError, StopIteration, asyncio.CancelledError)[seen // 1_000 % 3]

        waiting = offline.client.user_data_stream_subscribe_signature(on_event=on_event)
        offline.send(reply(waiting.info.id, {"subscriptionId": 0}))
        rows = encoded(*(event_of(0, number) for number in range(1_000)))
        for _ in range(20):
            offline.feed(rows)
        assert (seen, len(reported)) == (20_000, 20)
        assert offline.client.connected
        offline.lose()

    run(main())


@pytest.mark.alone
def test_events_are_freed_however_a_subscription_ends() -> None:
    async def main() -> None:
        gc.collect()
        before = len(gc.get_objects())
        for end in range(4):
            offline = Offline(**KEY)
            waiting = offline.client.user_data_stream_subscribe_signature(buffer=500)
            offline.send(reply(waiting.info.id, {"subscriptionId": 0}))
            subscription = await waiting
            # an event that the garbage collector tracks, for its list
            event = {"e": "outboundAccountPosition", "B": [{"a": "BTC", "f": ["1"]}]}
            offline.feed(encoded(*({"subscriptionId": 0, "event": event} for _ in range(700))))
            assert subscription.buffered == 500
            if end == 0:
                offline.send(event_of(0, 1, "eventStreamTerminated"))
            elif end == 1:
                subscription.take_all()
            elif end == 2:
                offline.send(refusal(None, 401, -2015))
            elif end == 3:
                offline.client.user_data_stream_subscribe_signature().cancel()
            offline.lose()
            del offline, waiting, subscription
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        gc.collect()
        assert len(gc.get_objects()) - before < 300

    run(main())


def test_many_subscriptions_at_once() -> None:
    async def main() -> None:
        offline = Offline(**KEY)
        waiting = [offline.client.user_data_stream_subscribe_signature() for _ in range(1_000)]
        offline.client.flush()
        order = list(range(1_000))
        random.Random(1).shuffle(order)
        offline.send(*(event_of(number, number) for number in order))
        offline.send(*(reply(waiting[number].info.id, {"subscriptionId": number}) for number in order))
        subscriptions = await asyncio.gather(*waiting)
        assert [(await anext(each))["E"] for each in subscriptions] == list(range(1_000))
        unsubscribe = offline.client.user_data_stream_unsubscribe()
        offline.client.flush()
        offline.send(
            *(event_of(number, 0, "eventStreamTerminated") for number in order), reply(unsubscribe.info.id)
        )
        assert {each.reason for each in subscriptions} == {"unsubscribed"}
        offline.lose()

    run(main())
