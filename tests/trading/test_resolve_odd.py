"""fastws.trading.resolve and halt() on answers that no exchange should give."""

from __future__ import annotations

import datetime
import json

import pytest

import fastws
from helpers.resolving import LIMIT, SYMBOL, trading, unknown
from helpers.support import CLOSE, KEY, ORDER, PING, PONG, frame, refusal, reply, run, talking

NOW = "now"  # a time that can be one
ODD = [None, 5, "text", [], [5], {}, {"serverTime": None}, {"serverTime": "x"}, {"serverTime": [1]}]


def answering(time, order):
    async def script(peer):
        sent = None
        while True:
            opcode, payload = await peer.frame()
            if opcode == CLOSE:
                peer.writer.write(frame(CLOSE, payload))
                return
            if opcode == PING:
                peer.writer.write(frame(PONG, payload))
                continue
            request = json.loads(payload)
            method = request["method"]
            if method == "order.place":
                sent = request["params"]
                peer.send(refusal(request, 504, -1007))
            elif method == "time":
                peer.send(reply(request, {"serverTime": sent["timestamp"]} if time == NOW else time))
            else:
                name = None if sent is None else sent["newClientOrderId"]
                shown = {**order, "clientOrderId": name} if isinstance(order, dict) else order
                peer.send(reply(request, shown if method == "order.status" else []))

    return script


@pytest.mark.parametrize("results", ["dict", "view"])
@pytest.mark.parametrize(
    ("time", "order"),
    [(odd, None) for odd in ODD]
    + [
        (NOW, odd)
        for odd in (None, 5, "text", [], [5], {}, {"orderId": 1, "side": "BUY", "time": "x"}, {"side": []})
    ],
    ids=repr,
)
def test_an_odd_answer_is_a_decode_error_and_never_ends_a_halt(time, order, results):
    async def main():
        async with talking(answering(time, order), results=results, **KEY) as client:
            error = await unknown(client.order_place(**ORDER))
            try:
                verdict = await error.resolve(timeout=0.1)
            except fastws.DecodeError:
                verdict = None
            assert verdict is None or isinstance(verdict, fastws.StillOpen)
            report = await client.halt(0.5)
            assert not report.clean
            assert [found.info for found in report.unknown] == [error.info]

    run(main())


# What a strategy may do to an event that it was given.
CHANGES = {
    "times as datetimes": lambda event: event.update(O=datetime.datetime.fromtimestamp(event["O"] / 1000)),
    "a price that is none": lambda event: event.update(p="dear"),
    "a list in the place of a number": lambda event: event.update(q=[event["q"]]),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_an_event_that_was_changed_keeps_the_exchange_from_nothing_that_it_can_answer(change):
    async def main():
        async with trading() as floor:
            await floor.client.user_data_stream_subscribe_signature(on_event=change)
            floor.fail("drop_reply", "order.place")
            placing = floor.client.order_place(**LIMIT, timeout=0.3)
            truth = await floor.exchange.journal.wait_for(method="order.place", outcome="executed")
            while not floor.client.stats["events"]:
                await floor.client.ping()
            error = await unknown(placing)
            verdict = await error.resolve(timeout=0.2)
            assert isinstance(verdict, fastws.Executed)
            assert verdict.order["orderId"] == truth.order_id
            report = await floor.client.halt(timeout=2, symbols=[SYMBOL])
            assert report.clean

    run(main())
