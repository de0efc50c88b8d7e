"""fastws.streams: events that cannot be read."""

from __future__ import annotations

import pytest

import fastws
from fastws.sbe import Schema
from helpers.streaming import event_of, make, numbers, subscribed
from helpers.support import BINARY, frame, run


def broken(subscription_id):
    return f'{{"subscriptionId":{subscription_id},"event":{{"e":"x","E":tru}}}}'


@pytest.mark.parametrize(
    "bad", [broken(0), '{"subscriptionId":0,"event":[1]}', '{"subscriptionId":0,"event":{"a":1}']
)
def test_the_consumer_of_an_event_that_cannot_be_read_is_told_in_its_place_and_goes_on(bad):
    async def main():
        offline = make()
        subscription = await subscribed(offline)
        offline.send(event_of(0, 1), bad, event_of(0, 2))
        assert (await anext(subscription))["E"] == 1
        with pytest.raises(fastws.DecodeError, match="an event that cannot be read") as caught:
            await anext(subscription)
        assert isinstance(caught.value.__cause__, fastws.DecodeError)
        assert subscription.seq == offline.client.seq - 1
        assert (await anext(subscription))["E"] == 2
        assert subscription.events == 3
        assert offline.client.stats["unreadable"] == 1
        assert subscription.active
        offline.lose()

    run(main())


def test_in_sbe_an_event_that_is_cut_anywhere_is_told_in_its_place():
    async def main():
        schema = Schema.bundled("spot")
        offline = make(sbe=True)
        pending = offline.client.user_data_stream_subscribe_signature()
        offline.client.flush()
        result = {"template": "UserDataStreamSubscribeResponse", "value": {"subscriptionId": 0}}
        envelope = {"sbeSchemaIdVersionDeprecated": "False", "status": 200, "rateLimits": []}
        told_so = schema.encode(
            "WebSocketResponse", {**envelope, "id": str(pending.info.id), "result": result}
        )
        offline.feed(frame(BINARY, told_so))
        subscription = await pending
        change = {"eventTime": 1, "clearTime": 2, "qtyExponent": -8, "freeQtyDelta": 5, "asset": "BTC"}
        event = schema.encode("BalanceUpdateEvent", {**change, "subscriptionId": 0})
        for size in range(8, len(event) + 1):
            offline.feed(frame(BINARY, event[:size]))
            if size < len(event):
                with pytest.raises(fastws.DecodeError, match="an event that cannot be read"):
                    await anext(subscription)
        assert (await anext(subscription))["a"] == "BTC"
        assert offline.client.stats["unreadable"] == len(event) - 8
        offline.lose()

    run(main())


def test_only_the_subscription_that_is_named_is_told_and_all_where_none_is():
    async def main():
        offline = make()
        first, second = await subscribed(offline), await subscribed(offline, 1)
        offline.send(broken(1))
        assert (first.buffered, second.buffered) == (0, 1)
        offline.send("{no json")
        assert (first.buffered, second.buffered) == (1, 2)
        reply = offline.client.ping()
        offline.client.ping()
        offline.client.flush()
        offline.send(f'{{"id":{reply.info.id},"status":200,"result":tru}}', '{"id":7,"status":tru}')
        assert (first.buffered, second.buffered) == (1, 2), "what has an id is no event"
        offline.lose()
        with pytest.raises(fastws.DecodeError):
            await reply

    run(main())


def test_a_callback_takes_events_alone_and_the_exception_handler_is_told(caplog):
    async def main():
        offline = make()
        reported = []
        offline.loop.set_exception_handler(lambda loop, context: reported.append(context))
        seen = []
        await subscribed(offline, on_event=seen.append)
        offline.send(event_of(0, 1), broken(0), event_of(0, 2))
        assert numbers(seen) == [1, 2]
        (context,) = reported
        assert "subscription 0" in context["message"]
        assert isinstance(context["exception"], fastws.DecodeError)
        offline.lose()

    run(main())


def test_an_unreadable_event_keeps_its_place_among_events_that_are_held():
    async def main():
        offline = make()
        pending = offline.client.user_data_stream_subscribe_signature()
        (request,) = offline.requests()
        offline.send(event_of(0, 1), broken(0), event_of(0, 2))
        offline.send({"id": request["id"], "status": 200, "result": {"subscriptionId": 0}})
        subscription = await pending
        assert (await anext(subscription))["E"] == 1
        with pytest.raises(fastws.DecodeError):
            await anext(subscription)
        assert (await anext(subscription))["E"] == 2
        offline.lose()

    run(main())


def test_what_is_taken_at_once_leaves_what_cannot_be_read_for_the_iterator():
    async def main():
        offline = make()
        subscription = await subscribed(offline)
        offline.send(event_of(0, 1), broken(0), event_of(0, 2))
        assert numbers(subscription.take_all()) == [1, 2]
        assert subscription.buffered == 1
        with pytest.raises(fastws.DecodeError):
            await anext(subscription)
        offline.send(event_of(0, 3))
        assert (await anext(subscription))["E"] == 3
        offline.lose()

    run(main())
