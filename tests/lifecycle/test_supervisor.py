"""fastws.lifecycle.supervisor: what it asks for when it opens a connection, and that it opens one, once."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from test_core import ed25519_key

import fastws
from fastws import BadRequest, InvalidRequest, NotConnected
from helpers.support import CLOSE, KEY, Peer, frame, refusal, reply, run, serving
from helpers.ways import GOOD, answering
from helpers.ways import answer as answer_with

ED25519 = {"api_key": KEY["api_key"], "private_key": ed25519_key()}


async def answer(peer: Peer, seen: list[str], refused: str = "") -> None:
    """Answer all requests, and note their methods; those of one method are refused for their timestamp."""
    while True:
        opcode, payload = await peer.frame()
        if opcode == CLOSE:
            peer.writer.write(frame(CLOSE, payload))
            return
        request = json.loads(payload)
        seen.append(request["method"])
        if request["method"] == refused:
            peer.send(
                refusal(request, 400, -1021, "Timestamp for this request is outside of the recvWindow.")
            )
        else:
            peer.send(reply(request, {"serverTime": 1_700_000_000_000, "apiKey": KEY["api_key"]}))


@pytest.mark.parametrize(
    ("options", "asked"),
    [
        ({}, []),
        (KEY, []),
        ({**ED25519, "logon": "never"}, []),
        (ED25519, ["session.logon"]),
        ({**ED25519, "sync_every": 60.0}, ["time"] * 8 + ["session.logon"]),
        ({"sync_every": 60.0}, ["time"] * 8),
    ],
)
def test_what_opening_asks_for(options: dict[str, Any], asked: list[str]) -> None:
    seen: list[str] = []

    async def main() -> None:
        async with serving(lambda peer: answer(peer, seen)) as url, fastws.connect(url, **options) as client:
            await client.ping()
            assert client.logged_on == ("session.logon" in asked)

    run(main())
    assert seen == [*asked, "ping"]


def test_a_timestamp_that_is_refused_is_corrected_once() -> None:
    seen: list[str] = []

    async def main() -> None:
        async with serving(lambda peer: answer(peer, seen, "session.logon")) as url:
            client = fastws.connect(url, **ED25519)
            with pytest.raises(BadRequest, match="-1021"):
                await client
            assert not client.connected
            assert await client.wait_closed()

    run(main())
    assert seen == ["session.logon", *["time"] * 8, "session.logon"]


@pytest.mark.parametrize(
    ("garbage", "why"),
    [
        (b"garbage garbage", "invalid opcode"),
        (b"\x88\x01a", "invalid close code"),
        (frame(1, b"\xff\xfe"), "not UTF-8"),
    ],
)
def test_garbage_behind_the_handshake_is_named(garbage: bytes, why: str) -> None:
    async def main() -> None:
        async with answering(answer_with(*GOOD, body=garbage), stays=True) as url:
            with pytest.raises(NotConnected, match=rf"ended while it was opening: .*{why}"):
                await fastws.connect(url, **ED25519)

    run(main())


@pytest.mark.parametrize("timeout", [None, "1", [1]])
def test_a_timeout_of_close_that_is_no_number(timeout: Any) -> None:
    async def main() -> None:
        async with serving(lambda peer: answer(peer, [])) as url, fastws.connect(url) as client:
            with pytest.raises(InvalidRequest, match="timeout: expected seconds, got"):
                await client.close(timeout)
            assert client.connected

    run(main())


def test_a_client_opens_once() -> None:
    async def main() -> None:
        async with serving(lambda peer: answer(peer, [])) as url:
            client = fastws.connect(url)
            with pytest.raises(NotConnected, match="never opened"):
                await client.wait_closed()
            async with client:
                with pytest.raises(InvalidRequest, match="opened before"):
                    await client
            with pytest.raises(InvalidRequest, match="opened before"):
                await client
            assert await client.wait_closed() == client.close_reason

    run(main())


def test_closing_ends_an_attempt_to_connect() -> None:
    async def main() -> None:
        async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            accepted.set()
            await reader.read()
            writer.close()

        accepted = asyncio.Event()
        async with await asyncio.start_server(accept, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            client = fastws.connect(f"ws://127.0.0.1:{port}")
            opening = asyncio.ensure_future(client.__aenter__())
            await accepted.wait()
            await client.close()
            with pytest.raises(NotConnected, match="closed while it was opening"):
                await opening

    run(main())
