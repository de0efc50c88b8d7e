"""Hostile bytes: garbage, cuts and mutations of what a server sends.

Whatever comes, everything in flight ends, once, in a documented way; nothing crashes, hangs, or is reported to the
event loop. Seeds are fixed: a failure names its seed and case.
"""

from __future__ import annotations

import asyncio
import json
import logging
import random
from typing import Any

import pytest

import fastws
from fastws.lifecycle.shared import forget_all
from helpers.offline import Offline
from helpers.support import (
    BINARY,
    CLOSE,
    CONTINUATION,
    FIRST_ID,
    KEY,
    ORDER,
    PING,
    PONG,
    TEXT,
    Peer,
    frame,
    refusal,
    reply,
    run,
    serving,
)

# What a trading request never raises itself: each is the cause of an ExecutionUnknown.
OPEN = (fastws.ConnectionLost, fastws.RequestTimeout, fastws.DecodeError, fastws.ServerError)


class Ends:
    """What requests of each kind ended in."""

    def __init__(self, client: fastws.Client, **options: Any) -> None:
        self.calls: list[list[tuple[Any, Any]]] = []
        self.futures: list[Any] = []
        self.infos: list[Any] = []
        self.called = asyncio.Event()  # all callbacks were
        for i in range(6):
            call: list[tuple[Any, Any]] = []
            self.calls.append(call)
            order = i % 2 == 0
            arguments: dict[str, Any] = {**ORDER} if order else {}
            made: Any = (client.order_place if order else client.ping)(
                **arguments, on_reply=lambda *end, call=call: self._end(call, end), **options
            )
            self.infos.append(made)
            made = (client.order_place if order else client.ping)(**arguments, **options)
            self.futures.append(made)
            self.infos.append(made.info)

    def _end(self, call: list[tuple[Any, Any]], end: tuple[Any, Any]) -> None:
        call.append(end)
        if all(self.calls):
            self.called.set()

    def check(self) -> None:
        assert [len(call) for call in self.calls] == [1] * 6, "a callback was not called once"
        assert all(future.done() for future in self.futures)
        outcomes = [call[0][1] for call in self.calls]
        outcomes += [future.exception() for future in self.futures]
        for i, error in enumerate(outcomes):
            assert error is None or isinstance(error, fastws.FastwsError), repr(error)
            if error is not None:
                assert str(error)
                if i % 2 == 0:
                    assert not isinstance(error, OPEN), repr(error)


def stream(chance: random.Random, infos: list[Any]) -> list[bytes]:
    """What a server might well send: frames, in order."""
    frames = []
    for info in chance.sample(infos, len(infos)):
        document = (
            reply(
                info.id,
                {
                    "orderId": 12345678901,
                    "price": "0.01000000",
                    "text": '币 "\\u20ac"',
                    "n": [1, -2.5e3, None],
                },
            )
            if chance.random() < 0.6
            else refusal({"id": info.id}, chance.choice([400, 409, 429, 500]), -1003, "no", retryAfter=1)
        )
        document["rateLimits"] = [
            {"rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10, "limit": 50, "count": 1}
        ]
        data = json.dumps(document, ensure_ascii=chance.random() < 0.5).encode()
        if chance.random() < 0.3:
            cut = chance.randrange(len(data))
            frames += [frame(TEXT, data[:cut], fin=False), frame(PING, b"p"), frame(CONTINUATION, data[cut:])]
        else:
            frames.append(frame(TEXT, data))
        if chance.random() < 0.3:
            frames.append(
                chance.choice(
                    [
                        frame(PING, b"1785486997115"),
                        frame(PONG, b""),
                        frame(TEXT, b'{"subscriptionId":0,"event":{"e":"balanceUpdate","d":"1.00"}}'),
                        frame(TEXT, json.dumps(refusal(None, 400, -1135)).encode()),
                        frame(TEXT, json.dumps(refusal(None, 401, -2015)).encode()),
                        frame(BINARY, b"\0" * 8),
                    ]
                )
            )
    if chance.random() < 0.5:
        frames.append(frame(CLOSE, (1001).to_bytes(2, "big") + b"bye"))
    return frames


def mutated(chance: random.Random, frames: list[bytes]) -> bytes:
    """The stream after something happened to it."""
    kind = chance.randrange(9)
    if kind == 0:
        return chance.randbytes(chance.randrange(1, 400))
    if kind == 1:  # a frame of garbage
        frames.insert(chance.randrange(len(frames)), frame(TEXT, chance.randbytes(chance.randrange(200))))
    elif kind == 2:
        chance.shuffle(frames)
    elif kind == 3:
        frames += chance.choices(frames, k=5)
    data = bytearray(b"".join(frames))
    if kind == 4:
        del data[chance.randrange(len(data)) :]
    elif kind == 5:
        start = chance.randrange(len(data))
        del data[start : start + chance.randrange(1, 20)]
    elif kind == 6:
        start = chance.randrange(len(data))
        data[start:start] = chance.randbytes(chance.randrange(1, 20))
    else:
        for _ in range(chance.randrange(1, 6)):
            at = chance.randrange(len(data))
            data[at] = chance.choice(
                [chance.randrange(256), data[at] ^ 1 << chance.randrange(8), *b'"{}[]:,\\\0\xff']
            )
    return bytes(data)


def pieces(chance: random.Random, data: bytes) -> list[bytes]:
    """The stream as the socket happens to give it."""
    if chance.random() < 0.3:
        return [data]
    size = chance.choice([1, 3, 20, 300])
    cut = []
    while data:
        take = chance.randrange(1, size + 1)
        cut.append(data[:take])
        data = data[take:]
    return cut


@pytest.mark.parametrize("seed", range(8))
def test_whatever_comes_each_request_ends_once_in_a_documented_way(
    seed: int, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.CRITICAL)
    monkeypatch.setattr("fastws.session_handler.REVOKED_GRACE", 0.001)

    async def case(chance: random.Random, reported: list[Any]) -> None:
        forget_all()  # a gate that one case closed would refuse the requests of the next
        offline = Offline(numbers=chance.choice(["str", "float", "decimal"]), max_message=5000, **KEY)
        client = offline.client
        waits = chance.random() < 0.05
        ends = Ends(client, timeout=0.005 if waits else None)
        if chance.random() < 0.8:
            client.flush()
        for piece in pieces(chance, mutated(chance, stream(chance, ends.infos))):
            if offline.closed:
                break
            offline.feed(piece)
        if waits:
            await asyncio.wait(ends.futures)
            await ends.called.wait()
        else:
            await asyncio.sleep(0)
            offline.lose()
        ends.check()
        offline.lose()
        assert not client.connected
        assert client.in_flight == 0
        with pytest.raises(fastws.NotConnected):
            client.ping()
        assert (await client.wait_closed()) == client.close_reason
        assert not reported, reported

    async def main() -> None:
        reported: list[Any] = []
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: reported.append(context))
        for number in range(250):
            try:
                await case(random.Random(f"{seed}/{number}"), reported)
            except BaseException:
                print(f"seed {seed}, case {number}")
                raise

    run(main(), timeout=60)


def test_over_a_socket_as_well_and_the_socket_is_closed(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)
    chance = random.Random(7)

    async def script(peer: Peer) -> None:
        ids = [(await peer.request())["id"] for _ in range(12)]
        infos = [type("Info", (), {"id": id_}) for id_ in ids]
        for piece in pieces(chance, mutated(chance, stream(chance, infos))):
            peer.writer.write(piece)
        if chance.random() < 0.5:
            peer.writer.write_eof()
            while await peer.reader.read(1 << 16):
                pass
        else:
            await peer.drop()

    async def main() -> None:
        reported: list[Any] = []
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: reported.append(context))
        async with serving(script) as url:
            for _ in range(80):
                client = await fastws.connect(url, reconnect=False, **KEY)
                ends = Ends(client)
                await asyncio.wait_for(client.wait_closed(), 5)
                ends.check()
                await asyncio.wait_for(client.close(), 5)
        assert not reported, reported

    run(main(), timeout=60)


def test_every_single_byte_cut_off_a_stream_and_every_bit_of_it_turned() -> None:
    """Exhaustive, for one short reply: no prefix and no flipped bit brings an order anything but a documented end."""
    logging.disable(logging.CRITICAL)
    try:

        async def main() -> None:
            reported: list[Any] = []
            asyncio.get_running_loop().set_exception_handler(lambda loop, context: reported.append(context))
            whole = frame(
                TEXT, b'{"id":%d,"status":200,"result":{"a":["\xe2\x82\xac",1.5]}}' % FIRST_ID
            ) + frame(CLOSE, b"\x03\xe8")
            streams = [whole[:size] for size in range(len(whole))]
            for at in range(len(whole)):
                for bit in range(8):
                    streams.append(whole[:at] + bytes([whole[at] ^ 1 << bit]) + whole[at + 1 :])
            for data in streams:
                offline = Offline(**KEY)
                order = offline.client.order_place(**ORDER)
                offline.feed(data)
                offline.lose()
                error = order.exception()
                assert error is None or isinstance(error, fastws.FastwsError)
                assert not isinstance(error, OPEN)
                assert not (isinstance(error, fastws.NotSent)), "it was sent"
            assert len(streams) > 500
            assert not reported, reported

        run(main(), timeout=60)
    finally:
        logging.disable(logging.NOTSET)
