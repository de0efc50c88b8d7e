"""Frames to whole messages, pings, the close handshake. The peer is tests/helpers/support.py, byte by byte."""

from __future__ import annotations

import asyncio
import json
import logging
import re
from typing import Any

import pytest

import fastws
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
    reply,
    run,
    talking,
)


@pytest.mark.parametrize("cut", [1, 2, 10, 30])
def test_a_message_of_several_frames_is_one(cut: int) -> None:
    text = "这是测试币456 ✓"

    async def script(peer: Peer) -> None:
        request = await peer.request()
        data = json.dumps(reply(request, {"symbol": text}), ensure_ascii=False).encode()
        parts = [data[i : i + cut] for i in range(0, len(data), cut)]  # cuts within UTF-8 sequences as well
        peer.send(frame(TEXT, parts[0], fin=False))
        for part in parts[1:-1]:
            peer.send(frame(CONTINUATION, part, fin=False), frame(PING, b"between"))
        peer.send(frame(CONTINUATION, parts[-1]))
        for _ in parts[1:-1]:
            assert await peer.frame() == (PONG, b"between")

    async def main() -> None:
        async with talking(script) as client:
            assert await client.ping() == {"symbol": text}

    run(main())


def test_empty_fragments_and_an_empty_first_frame_are_fine() -> None:
    async def script(peer: Peer) -> None:
        request = await peer.request()
        data = json.dumps(reply(request)).encode()
        peer.send(frame(TEXT, b"", fin=False), frame(CONTINUATION, data, fin=False), frame(CONTINUATION, b""))

    async def main() -> None:
        async with talking(script) as client:
            assert await client.ping() == {}

    run(main())


@pytest.mark.parametrize("payload", [b"", b"1785486997115", bytes(range(125))])
def test_a_ping_is_answered_with_its_payload_before_later_replies_are_read(payload: bytes) -> None:
    async def script(peer: Peer) -> None:
        request = await peer.request()
        peer.send(frame(PING, payload), reply(request))
        assert await peer.frame() == (PONG, payload)

    async def main() -> None:
        async with talking(script) as client:
            await client.ping()
            assert client.stats["pings"] == 1

    run(main())


def test_an_unsolicited_pong_is_ignored() -> None:
    async def script(peer: Peer) -> None:
        peer.send(frame(PONG, b"x"))
        peer.send(reply(await peer.request()))

    async def main() -> None:
        async with talking(script) as client:
            await client.ping()

    run(main())


@pytest.mark.parametrize(
    ("data", "code", "words"),
    [
        (frame(CONTINUATION, b"{}"), 1002, "continuation"),
        (frame(TEXT, b"{", fin=False) + frame(TEXT, b"}"), 1002, "within a fragmented"),
        (frame(TEXT, b"{", fin=False) + frame(BINARY, b"}"), 1002, "within a fragmented"),
        (frame(TEXT, b"{}", rsv=4), 1002, "reserved"),
        (frame(TEXT, b"{}", rsv=1), 1002, "reserved"),
        (frame(TEXT, b'{"id":\xff}'), 1007, "UTF-8"),
        (frame(TEXT, b'{"id":1,"x":"\xed\xa0\x80"}'), 1007, "UTF-8"),
        (frame(BINARY, b"\0" * 50), 1003, "binary"),
        (frame(3, b""), 1002, "opcode"),
        (frame(PING, b"", fin=False), 1002, "control"),
        (frame(CLOSE, b"\x03"), 1002, "close"),
        (frame(TEXT, b"x" * 3000), 1009, "size"),
        (frame(TEXT, b"x" * 600, fin=False) + frame(CONTINUATION, b"x" * 600, fin=False) * 2, 1009, "1500"),
    ],
)
def test_what_breaks_the_protocol_ends_the_connection_with_a_reason(
    data: bytes, code: int, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)  # picows reports some of these itself

    async def script(peer: Peer) -> None:
        await peer.request()
        peer.send(data)
        opcode, payload = await peer.frame()
        assert opcode == CLOSE
        assert int.from_bytes(payload[:2], "big") == code

    async def main() -> None:
        async with talking(script, max_message=1500) as client:
            with pytest.raises(fastws.ConnectionLost, match="(?i)" + words):
                await client.ping()
            assert not client.connected
            assert words.lower() in (await client.wait_closed()).lower()

    run(main())


def test_a_close_frame_ends_what_is_in_flight_with_its_code_and_reason() -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.request()
        peer.send(frame(CLOSE, (1001).to_bytes(2, "big") + "going, 再见".encode()))
        assert await peer.frame() == (CLOSE, (1001).to_bytes(2, "big"))

    async def main() -> None:
        async with talking(script, **KEY) as client:
            order = client.order_place(**ORDER)
            ping = client.ping()
            with pytest.raises(fastws.ConnectionLost, match=r"1001.*going, 再见"):
                await ping
            with pytest.raises(fastws.ExecutionUnknown) as caught:
                await order
            assert isinstance(caught.value.cause, fastws.ConnectionLost)
            assert caught.value.info is order.info
            with pytest.raises(fastws.NotConnected, match="1001"):
                client.ping()

    run(main())


@pytest.mark.parametrize("code", [1000, 1012, 3000, 4999])
def test_close_codes_of_servers_are_known_or_private(code: int) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        peer.send(frame(CLOSE, code.to_bytes(2, "big")))
        opcode, payload = await peer.frame()
        assert (opcode, int.from_bytes(payload[:2], "big")) == (CLOSE, code)

    async def main() -> None:
        async with talking(script) as client:
            with pytest.raises(fastws.ConnectionLost, match=str(code)):
                await client.ping()

    run(main())


@pytest.mark.parametrize("code", [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535])
def test_a_close_code_that_may_not_be_sent_is_answered_as_a_fault(
    code: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)  # picows reports some of these itself

    async def script(peer: Peer) -> None:
        await peer.request()
        peer.send(frame(CLOSE, code.to_bytes(2, "big") + b"bye"))
        opcode, payload = await peer.frame()
        assert (opcode, int.from_bytes(payload[:2], "big")) == (CLOSE, 1002)

    async def main() -> None:
        async with talking(script) as client:
            with pytest.raises(fastws.ConnectionLost, match=rf"(?i)close .*code:? {code}\b"):
                await client.ping()
            assert str(code) in await client.wait_closed()

    run(main())


@pytest.mark.parametrize("first", [1000, 1001, 3000, 4999, None])
@pytest.mark.parametrize(
    "more",
    [
        frame(CLOSE, b"\x03\xe8"),
        frame(CLOSE, b"\x03\xea") * 3,
        frame(CLOSE),
        frame(CLOSE, b"\xff\xff"),
        frame(3),
        frame(TEXT, b"x" * 3000),
        frame(PING, b"", fin=False),
    ],
    ids=repr,
)
@pytest.mark.parametrize("before", [False, True])
def test_what_stands_behind_a_close_frame_in_the_same_piece_is_ignored(
    first: int | None, more: bytes, before: bool, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        offline = Offline(max_message=1500)
        answered, awaited = offline.client.ping(), offline.client.ping()
        offline.client.flush()
        list(offline.frames())
        payload = b"" if first is None else first.to_bytes(2, "big") + b"bye"
        offline.send(*([reply(answered.info.id)] if before else []), frame(CLOSE, payload) + more)
        assert [*offline.frames()] == [(CLOSE, (first or 1000).to_bytes(2, "big"))]
        said = f"the exchange closed the connection: {'no code' if first is None else f'{first} (bye)'}"
        if before:
            assert await answered == {}
        else:
            assert isinstance(answered.exception(), fastws.ConnectionLost)
        with pytest.raises(fastws.ConnectionLost, match=re.escape(said)):
            await awaited
        assert offline.client.close_reason == said
        assert not [record for record in caplog.records if record.levelno >= logging.WARNING]
        await offline.gone.wait()

    run(main())


def test_an_answer_to_the_own_close_frame_may_come_twice() -> None:
    async def main() -> None:
        offline = Offline()
        closing = asyncio.ensure_future(offline.client.close())
        await offline.close_frame.wait()
        offline.send(frame(CLOSE, b"\x03\xe8") * 2)
        await closing
        assert offline.client.close_reason == "the connection was closed by the client"
        assert [opcode for opcode, _ in offline.frames()] == [CLOSE]

    run(main())


def test_a_lost_connection_is_told_at_once() -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.drop()

    async def main() -> None:
        async with talking(script, **KEY) as client:
            with pytest.raises(fastws.ExecutionUnknown, match="lost"):
                await client.order_place(**ORDER)
            assert client.in_flight == 0

    run(main())


def test_a_pong_that_ends_a_read_ends_it_and_what_was_corked_in_it_leaves() -> None:

    async def script(peer: Peer) -> None:
        request = await peer.request()
        while (received := await peer.frame())[0] != PING:
            pass
        peer.send(reply(request), frame(PONG, received[1]))
        later = [await peer.request(), await peer.request()]
        assert [request["method"] for request in later] == ["time", "depth"]
        peer.send(*map(reply, later))
        opcode, payload = await peer.frame()  # the pong counted: a connection without one is given up
        assert opcode in (PING, CLOSE)
        peer.send(frame(opcode + 1 if opcode == PING else CLOSE, payload))

    async def main() -> None:
        async with talking(script, probe_interval=0.3, probe_timeout=0.2) as client:
            corked: list[Any] = []
            done = asyncio.get_running_loop().create_future()

            def more(result: Any, error: Any) -> None:
                client.time(on_reply=lambda result, error: None)
                corked.append(client.depth(symbol="X", on_reply=lambda result, error: done.set_result(error)))

            client.ping(on_reply=more)
            assert await done is None
            assert corked[0].written_at - corked[0].queued_at < 100e6, "the next ping took it along"
            assert client.connected

    run(main())


def test_what_is_corked_behind_a_close_frame_of_picows_own_ends_as_not_sent(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """picows reads one frame ahead, and says goodbye before the reply in front of the bad frame is delivered."""
    caplog.set_level(logging.CRITICAL)

    async def main() -> None:
        offline = Offline(**KEY)
        client = offline.client
        ends: list[Any] = []
        orders: list[Any] = []

        def more(result: Any, error: Any) -> None:
            try:
                orders.append(client.order_place(**ORDER))
            except fastws.NotConnected as exc:
                ends.append(exc)

        client.ping(on_reply=more)
        corked = client.order_place(**ORDER)
        offline.send(reply(FIRST_ID), frame(3))
        assert not orders
        assert len(ends) == 1, "behind a close frame nothing is accepted"
        assert not client.connected
        await offline.gone.wait()
        with pytest.raises(fastws.NotConnected, match="opcode"):
            await corked
        assert not corked.info.sent
        assert [opcode for opcode, _ in offline.frames()] == [TEXT, CLOSE]

    run(main())


@pytest.mark.parametrize("how", ["close", "abort of the peer", "ping", "protocol"])
def test_a_write_that_fails_is_the_reason_whatever_was_to_be_sent_behind_it(how: str) -> None:
    async def main() -> None:
        offline = Offline(**KEY)
        with offline.client.batch():
            order = offline.client.order_place(**ORDER)
        waiting = offline.client.order_place(**ORDER)  # corked behind it
        assert not waiting.info.sent
        offline.broken = OSError("broken pipe")
        if how == "close":
            offline.connection.close()
        elif how == "ping":
            offline.feed(frame(PING, b"x"))
        elif how == "protocol":
            offline.feed(frame(TEXT, b"{}", rsv=1))
        else:
            offline.feed(frame(CLOSE, b"\x03\xe8"))
        for reply_ in (order, waiting):
            with pytest.raises(fastws.ExecutionUnknown):
                await reply_
        assert offline.client.close_reason == "writing to the connection failed: broken pipe"
        await offline.client.close()
        assert offline.client.close_reason == "writing to the connection failed: broken pipe"
        offline.lose()

    run(main())


@pytest.mark.parametrize("how", ["close", "ping"])
def test_a_frame_of_the_connection_s_own_that_cannot_be_written_ends_it(how: str) -> None:
    async def main() -> None:
        offline = Offline()
        offline.broken = OSError("broken pipe")
        if how == "close":
            await offline.client.close()
        else:
            offline.feed(frame(PING, b"x"))
        assert offline.client.close_reason == "writing to the connection failed: broken pipe"
        offline.lose()

    run(main())
