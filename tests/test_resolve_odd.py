"""fastws.resolve and halt() on answers that no exchange should give."""

from __future__ import annotations

import json

import pytest

import fastws
from resolving import unknown
from support import CLOSE, KEY, ORDER, frame, refusal, reply, run, talking

NOW = object()  # a time that can be one
ODD = [None, 5, "text", [], [5], {}, {"serverTime": None}, {"serverTime": "x"}, {"serverTime": [1]}]


def answering(time, order):
    async def script(peer):
        sent = None
        while True:
            opcode, payload = await peer.frame()
            if opcode == CLOSE:
                peer.writer.write(frame(CLOSE, payload))
                return
            request = json.loads(payload)
            method = request["method"]
            if method == "order.place":
                sent = request["params"]
                peer.send(refusal(request, 504, -1007))
            elif method == "time":
                peer.send(reply(request, {"serverTime": sent["timestamp"]} if time is NOW else time))
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
