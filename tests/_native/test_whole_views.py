"""results="view": a trading reply counts once its bytes are whole, in JSON and in SBE."""

from __future__ import annotations

import struct
from typing import Any

import pytest

import fastws
from fastws.sbe import Schema
from helpers.offline import Offline
from helpers.support import BINARY, KEY, ORDER, frame, run

SPOT = Schema.bundled("spot")
FILLS = {
    "orderId": 1,
    "orderListId": None,
    "transactTime": 1,
    "symbol": "BTCUSDT",
    "clientOrderId": "abcdefgh",
}


def response(id_: int, payload: bytes) -> bytes:
    """A whole WebSocketResponse around these bytes."""
    text = str(id_).encode()
    head = struct.pack("<4HBHHH", 3, 50, 3, 5, 0, 200, 0, 0)
    return head + bytes([len(text)]) + text + struct.pack("<I", len(payload)) + payload


def made(**options: Any) -> Offline:
    return Offline(results="view", **options, **KEY)


async def ends(offline: Offline, reply: Any, error: type[Exception]) -> None:
    with pytest.raises(fastws.ExecutionUnknown) as caught:
        await reply
    assert isinstance(caught.value.cause, error)
    assert offline.client.connected


def test_an_order_whose_sbe_reply_is_cut_anywhere_is_unknown() -> None:
    async def main() -> None:
        offline = made(sbe=True)
        whole = SPOT.encode("NewOrderAckResponse", FILLS)
        lengths = 0
        for size in range(8, len(whole) + 1):
            reply = offline.client.order_place(**ORDER)
            offline.feed(frame(BINARY, response(reply.info.id, whole[:size])))
            if size == len(whole):
                assert (await reply)["symbol"] == "BTCUSDT"
            else:
                await ends(offline, reply, fastws.SbeError)
                lengths += 1
        assert lengths > 20
        offline.lose()

    run(main())


def test_the_orders_within_an_sbe_reply_are_looked_through_as_well() -> None:
    async def main() -> None:
        offline = made(sbe=True)
        order = SPOT.encode("NewOrderAckResponse", FILLS)
        value = {
            "cancelResult": "Success",
            "newOrderResult": "Success",
            "cancelResponse": {"template": "NewOrderAckResponse", "value": FILLS},
            "newOrderResponse": {"template": "NewOrderAckResponse", "value": FILLS},
        }
        whole = SPOT.encode("CancelReplaceOrderResponse", value)
        assert whole.count(order) == 2
        # the last text of the inner message is said to be longer than the message is
        inner = order.replace(b"\x08abcdefgh", b"\x09abcdefgh")
        assert inner != order
        for payload, good in ((whole, True), (whole.replace(order, inner, 1), False)):
            reply = offline.client.order_cancel_replace(
                **ORDER, cancelReplaceMode="STOP_ON_FAILURE", cancelOrderId=1
            )
            offline.feed(frame(BINARY, response(reply.info.id, payload)))
            if good:
                assert (await reply).to_dict()["newOrderResponse"]["symbol"] == "BTCUSDT"
            else:
                await ends(offline, reply, fastws.SbeError)
        offline.lose()

    run(main())


@pytest.mark.parametrize(
    "result",
    [
        '{"symbol":"X","orderId":}',
        '{"symbol":"X","orderId"}',
        '{"symbol":"X",}',
        '{"symbol"}',
        '{"fills":[{"price":"1"]}}',
        '{"fills":[{"price":"1"},]}',
        '{"fills":[,{"price":"1"}]}',
        '{"fills":{"price":"1"]}',
        '{"fills":["1" "2"]}',
        '{"a":1 "b":2}',
        "{1:2}",
        '[{"symbol":"X"},{"symbol":}]',
    ],
)
def test_an_order_whose_json_reply_lacks_a_part_is_unknown(result: str) -> None:
    async def main() -> None:
        offline = made()
        reply = offline.client.order_place(**ORDER)
        offline.send(f'{{"id":{reply.info.id},"status":200,"result":{result}}}')
        await ends(offline, reply, fastws.JsonError)
        offline.lose()

    run(main())


@pytest.mark.parametrize(
    "result", ["{}", "[]", '{"a":[]}', '{"a":{"b":[1,{"c":null}]},"d":"e"}', "[[],{},1]"]
)
def test_a_whole_json_reply_counts(result: str) -> None:
    async def main() -> None:
        offline = made()
        reply = offline.client.order_place(**ORDER)
        offline.send(f'{{"id":{reply.info.id},"status":200,"result":{result},"rateLimits":[]}}')
        await reply
        offline.lose()

    run(main())
