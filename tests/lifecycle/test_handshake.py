"""fastws.lifecycle.handshake: what opens a connection, what does not, and that picows goes on where the head ends."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import urlsplit

import picows
import pytest

import fastws
from fastws import NotConnected
from fastws.emulator.network.tls import Certificate
from fastws.lifecycle.handshake import BadAnswer, Refused, Upgrade
from fastws.lifecycle.opening import Opener
from helpers.support import TEXT, Peer, answer_all, frame, run
from helpers.ways import GOOD, LOOPS, accept_of, answer, answering, run_on

CERTIFICATE = Certificate()


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("tls", [False, True])
@pytest.mark.parametrize(
    "connection",
    [
        "Upgrade",
        "keep-alive, Upgrade",
        "Upgrade, keep-alive",
        "keep-alive,\tupGRADE ,",
        "keep-alive\r\nConnection: upgrade",
    ],
)
def test_one_element_of_the_connection_field_is_enough(
    connection: str, tls: bool, loop: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> None:
        server = CERTIFICATE.server_context() if tls else None
        context = CERTIFICATE.client_context() if tls else None
        said = answer("Date: Sat, 28 Nov 2026 10:00:00 GMT", f"Connection: {connection}", GOOD[0], GOOD[2])
        async with answering(said, tls=server) as url, fastws.connect(url, ssl_context=context) as client:
            assert (await client.ping())["method"] == "ping"

    run_on(loop, main(), monkeypatch)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (answer(GOOD[0], GOOD[2]), ["expected 'Connection: Upgrade'", "got none"]),
        (answer(GOOD[0], "Connection: keep-alive", GOOD[2]), ["'Connection: Upgrade'", "got 'keep-alive'"]),
        (answer(GOOD[0], "Connection: upgraded", GOOD[2]), ["got 'upgraded'"]),
        (answer(GOOD[1], GOOD[2]), ["expected 'Upgrade: websocket'", "got none"]),
        (answer("Upgrade: h2c", GOOD[1], GOOD[2]), ["'Upgrade: websocket'", "got 'h2c'"]),
        (answer(*GOOD[:2]), ["expected 'Sec-WebSocket-Accept: ", "got none"]),
        (answer(*GOOD[:2], "Sec-WebSocket-Accept: AAAA"), ["got 'AAAA'"]),
        (answer(*GOOD, GOOD[2]), ["Sec-WebSocket-Accept"]),
        (answer(*GOOD, "Transfer-Encoding: chunked"), ["no body", "got transfer-encoding: 'chunked'"]),
        (answer(*GOOD, "Content-Length: 5", body=b"hello"), ["no body", "got content-length: '5'"]),
        (answer(*GOOD, " folded: x"), ["expected a header field", "got ' folded: x'"]),
        (answer(*GOOD, "no field"), ["expected a header field", "got 'no field'"]),
        (answer(*GOOD, "A b: c"), ["got 'A b: c'"]),
        (answer(*GOOD, "A: b\0c"), [r"got 'A: b\x00c'"]),
        (answer(*GOOD, *["A: b"] * 200), ["at most 128 header fields", "got 203"]),
        (answer(*GOOD, "A: " + "b" * 20_000), ["at most 16384 bytes"]),
        (b"x" * 20_000, ["at most 16384 bytes"]),
        (answer(*GOOD, status="HTTP/1.0 101 Switching Protocols"), ["HTTP/1.1", "got it of HTTP/1.0"]),
        (answer(*GOOD, status="HTTP/2 101"), ["expected the status line of HTTP/1.1", "got 'HTTP/2 101'"]),
        (answer(*GOOD, status="HTTP/1.1 1010"), ["got 'HTTP/1.1 1010'"]),
        (answer(*GOOD, status="HTTP/1.1 \xb2\xb2\xb2"), ["expected the status line"]),
        (answer(status="y" * 5000), ["got 'yyyy", "(5000 bytes)"]),
        (b"\x15\x03\x03\0\2\2\x32\r\n\r\n", ["got '\\x15\\x03", "wss://"]),
    ],
    ids=lambda value: repr(value)[-40:] if isinstance(value, bytes) else "",
)
def test_an_answer_that_opens_nothing_is_told_with_what_was_expected(said: bytes, words: list[str]) -> None:
    async def main() -> None:
        async with answering(said, stays=True) as url:
            with pytest.raises(NotConnected) as caught:
                await fastws.connect(url)
            text = str(caught.value)
            assert url in text
            for word in words:
                assert word in text
            assert len(text) < 500

    run(main())


@pytest.mark.parametrize(
    ("field", "words"),
    [
        ("Sec-WebSocket-Extensions: permessage-deflate", "no extension, .* got 'permessage-deflate'"),
        ("sec-websocket-extensions: ,x; y=1", "no extension, .* got ',x; y=1'"),
        ("Sec-WebSocket-Protocol: chat", "no subprotocol, .* got 'chat'"),
        ("Sec-WebSocket-Protocol: " + "c" * 5000, r"no subprotocol, .* \(5000 characters\)"),
    ],
)
def test_what_nobody_asked_for_opens_nothing(field: str, words: str) -> None:
    async def main() -> None:
        async with answering(answer(*GOOD, field), stays=True) as url:
            with pytest.raises(NotConnected, match=words):
                await fastws.connect(url)

    run(main())


def test_an_empty_list_of_extensions_names_none() -> None:
    async def main() -> None:
        said = answer(*GOOD, "Sec-WebSocket-Extensions:", "Sec-WebSocket-Protocol: ,")
        async with answering(said) as url, fastws.connect(url) as client:
            await client.ping()

    run(main())


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("tls", [False, True])
def test_what_comes_at_once_behind_the_answer_is_read_whole(
    tls: bool, loop: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In TLS the answer and each event are records of their own, which are read in one turn."""
    events = [{"event": {"e": "x", "n": number, "text": "y" * number}} for number in range(300)]

    async def script(peer: Peer) -> None:
        for event in events:
            peer.send(event)
        await answer_all(peer)

    async def main() -> None:
        seen: list[Any] = []
        server = CERTIFICATE.server_context() if tls else None
        context = CERTIFICATE.client_context() if tls else None
        async with (
            answering(answer(*GOOD), script, tls=server) as url,
            fastws.connect(url, ssl_context=context, on_event=lambda event, _: seen.append(event)) as client,
        ):
            await client.ping()
            assert seen == [event["event"] for event in events]

    run_on(loop, main(), monkeypatch)


class Wire:
    """A transport that leads nowhere."""

    def __init__(self) -> None:
        self.written = bytearray()
        self.protocol: Any = None
        self.aborted = False

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return {"socket": self}.get(name, default)

    def fileno(self) -> int:
        return -1

    def setsockopt(self, *args: object) -> None: ...

    def getsockopt(self, *args: object) -> int:
        return 0

    def get_write_buffer_size(self) -> int:
        return 1  # picows writes to the transport, not to the socket

    def write(self, data: bytes) -> None:
        self.written += data

    def set_protocol(self, protocol: Any) -> None:
        self.protocol = protocol

    def abort(self) -> None:
        self.aborted = True

    close = abort

    def feed(self, data: bytes) -> None:
        while data:
            room = memoryview(self.protocol.get_buffer(-1))
            size = min(len(room), len(data))
            room[:size] = data[:size]
            room.release()
            self.protocol.buffer_updated(size)
            data = data[size:]


class Listener(picows.WSListener):
    def __init__(self) -> None:
        self.messages: list[bytes] = []

    def on_ws_connected(self, transport: Any) -> None: ...

    def on_ws_frame(self, transport: Any, frame: Any) -> None:
        self.messages.append(frame.get_payload_as_bytes())


def started() -> tuple[Wire, Listener, Upgrade, str]:
    """An opening that waits for its answer, and the accept that is due in it."""
    wire, listener = Wire(), Listener()
    protocol = Opener().protocol(urlsplit("ws://host:1/x?y=1"), listener)
    upgrade = Upgrade(asyncio.get_running_loop(), protocol)
    wire.protocol = upgrade
    upgrade.connection_made(wire)
    head = wire.written.decode()
    assert head.startswith("GET /x?y=1 HTTP/1.1\r\nHost: host:1\r\n")
    return wire, listener, upgrade, accept_of(head.split("Sec-WebSocket-Key: ")[1].split("\r\n")[0])


@pytest.mark.parametrize("step", [1, 2, 7, 1000, 10**6])
@pytest.mark.parametrize("size", [10, 100_000])
def test_messages_behind_the_answer_are_picows_wherever_it_is_cut(step: int, size: int) -> None:
    async def main() -> None:
        wire, listener, upgrade, accept = started()
        messages = [b"a" * size, b"b", b""]
        data = answer(*GOOD).replace(b"{accept}", accept.encode())
        if step == 1 and size == 10:
            for end in range(1, len(data)):
                cut, _, other, _ = started()
                cut.feed(data[:end])
                assert not other.done.done()
                assert cut.protocol is other
        data += b"".join(frame(TEXT, message) for message in messages)
        for start in range(0, len(data), step):
            wire.feed(data[start : start + step])
        await upgrade.done
        assert wire.protocol is upgrade.protocol
        assert listener.messages == messages

    run(main())


def test_a_transport_that_goes_on_with_the_protocol_it_began_with_loses_nothing() -> None:
    """As asyncio's do that read a whole piece first, and then give it to a buffered protocol."""

    async def main() -> None:
        wire, listener, upgrade, accept = started()
        message = bytes(range(256)) * 1000
        data = (
            answer(*GOOD).replace(b"{accept}", accept.encode()) + frame(TEXT, message) + frame(TEXT, b"more")
        )
        while data:
            room = memoryview(upgrade.get_buffer(len(data)))
            size = min(len(room), len(data))
            room[:size] = data[:size]
            room.release()
            upgrade.buffer_updated(size)
            data = data[size:]
        assert wire.protocol is upgrade.protocol
        assert listener.messages == [message, b"more"]

    run(main())


def test_the_body_of_a_refusal_is_read_to_its_end_in_all_its_forms() -> None:
    body = b'{"code":-1,"msg":"no"}'
    chunked = b"5;x=y\r\n" + body[:5] + b"\r\n%x\r\n" % (len(body) - 5) + body[5:] + b"\r\n0\r\n\r\n"
    refusal = "HTTP/1.1 400 Bad Request"
    length = f"Content-Length: {len(body)}"

    async def main() -> None:
        for data, ended in (
            (answer(length, status=refusal, body=body), False),
            (answer("Transfer-Encoding: chunked", status=refusal, body=chunked), False),
            (answer(status=refusal, body=body), True),
            (answer("Content-Length: 1000", status=refusal, body=body), True),
            (answer("Content-Length: x", status=refusal, body=body), True),
            (answer("Content-Length: " + "9" * 5000, status=refusal, body=body), True),
        ):
            wire, _, upgrade, _ = started()
            for byte in data[:-1]:
                wire.feed(bytes([byte]))
            assert not upgrade.done.done()
            wire.feed(data[-1:])
            if ended:
                assert not upgrade.done.done()
                upgrade.connection_lost(None)
            with pytest.raises(Refused) as caught:
                await upgrade.done
            assert caught.value.body == body
            assert wire.aborted is not ended
            upgrade.connection_lost(None)

    run(main())


def test_a_body_that_does_not_end_is_waited_for_a_moment_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fastws.lifecycle.handshake._BODY_WITHIN", 0.02)

    async def main() -> None:
        wire, _, upgrade, _ = started()
        wire.feed(answer(status="HTTP/1.1 500 Oh", body=b"some"))
        with pytest.raises(Refused) as caught:
            await upgrade.done
        assert caught.value.body == b"some"
        wire, _, upgrade, _ = started()
        wire.feed(answer(status="HTTP/1.1 500 Oh", body=bytes(70_000)))
        assert upgrade.done.done(), "a body without end is not kept"

    run(main())


def test_an_end_before_the_answer_says_what_came() -> None:
    async def main() -> None:
        wire, _, upgrade, _ = started()
        wire.feed(b"HTTP/1.1 101 Swi")
        upgrade.connection_lost(ConnectionResetError("reset"))
        with pytest.raises(BadAnswer, match=r"in place of a handshake, after 'HTTP/1.1 101 Swi': reset"):
            await upgrade.done

    run(main())
