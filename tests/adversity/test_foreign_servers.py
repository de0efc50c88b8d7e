"""Servers that others wrote, `websockets` and `aiohttp`, serve fastws over loopback.

What such a server sends by itself is sent by it; what it refuses to send (slow bytes, cut frames) is written to its
transport. Either way fastws' frames, pongs and close frames are judged by a parser that is not ours.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import json
import logging
import socket
import struct
import threading
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import aiohttp
import aiohttp.web
import pytest
import websockets
from websockets.asyncio.server import ServerConnection, serve

import fastws
from helpers.support import CLOSE, FIRST_ID, KEY, ORDER, PING, TEXT, frame, reply, run

KINDS = ["websockets", "aiohttp"]


class WebsocketsPeer:
    """A connection of a server made with `websockets`."""

    def __init__(self, ws: ServerConnection) -> None:
        self.ws = ws

    async def request(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(await self.ws.recv())
        return document

    async def text(self, text: str) -> None:
        await self.ws.send(text)

    async def fragments(self, parts: list[bytes], ping: bytes) -> None:
        async def made() -> AsyncIterator[bytes]:
            for part in parts:
                yield part
                if part is not parts[-1]:
                    await (await self.ws.ping(ping))  # ends with the pong of that payload

        await self.ws.send(made(), text=True)

    async def ping(self, payload: bytes) -> None:
        await (await self.ws.ping(payload))

    async def close(self, code: int, reason: str) -> tuple[int, str]:
        """Close by handshake; what fastws answered."""
        await self.ws.close(code, reason)
        assert self.ws.protocol.close_rcvd is not None
        return self.ws.protocol.close_rcvd.code, self.ws.protocol.close_rcvd.reason

    async def closed(self) -> int | None:
        """Wait for fastws to close; its code."""
        with contextlib.suppress(websockets.ConnectionClosed):
            await self.ws.recv()
        return self.ws.close_code

    @property
    def transport(self) -> Any:
        return self.ws.transport


class AiohttpPeer:
    """A connection of a server made with `aiohttp`."""

    def __init__(self, ws: aiohttp.web.WebSocketResponse, transport: Any) -> None:
        self.ws = ws
        self.transport = transport

    async def request(self) -> dict[str, Any]:
        message = await self.ws.receive()
        while message.type is aiohttp.WSMsgType.PONG:
            message = await self.ws.receive()
        assert message.type is aiohttp.WSMsgType.TEXT
        document: dict[str, Any] = json.loads(message.data)
        return document

    async def text(self, text: str) -> None:
        await self.ws.send_str(text)

    async def fragments(self, parts: list[bytes], ping: bytes) -> None:
        for i, part in enumerate(parts):  # it cannot send fragments, but it reads our pongs
            self.transport.write(frame(TEXT if i == 0 else 0, part, fin=i == len(parts) - 1))
            if i < len(parts) - 1:
                await self.ping(ping)

    async def ping(self, payload: bytes) -> None:
        await self.ws.ping(payload)
        message = await self.ws.receive()
        assert message.type is aiohttp.WSMsgType.PONG
        assert message.data == payload

    async def close(self, code: int, reason: str) -> tuple[int, str]:
        self.transport.write(frame(CLOSE, code.to_bytes(2, "big") + reason.encode()))
        message = await self.ws.receive()
        assert message.type is aiohttp.WSMsgType.CLOSE
        return message.data, message.extra

    async def closed(self) -> int | None:
        message = await self.ws.receive()
        assert message.type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR)
        return self.ws.close_code


Script = Callable[[Any], Coroutine[Any, Any, None]]


@contextlib.asynccontextmanager
async def foreign(kind: str, script: Script) -> AsyncIterator[str]:
    """A server of that kind, whose connections run `script`; yields its URL. What a script raises fails the test."""
    failures: list[BaseException] = []

    async def scripted(peer: Any) -> None:
        try:
            await script(peer)
        except Exception as exc:
            failures.append(exc)

    if kind == "websockets":

        async def handler(ws: ServerConnection) -> None:
            await scripted(WebsocketsPeer(ws))

        async with serve(handler, "127.0.0.1", 0, ping_interval=None, close_timeout=1) as server:
            yield f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}/ws-api/v3"
    else:

        async def handle(request: aiohttp.web.Request) -> aiohttp.web.WebSocketResponse:
            ws = aiohttp.web.WebSocketResponse(autoping=False, timeout=1)
            await ws.prepare(request)
            await scripted(AiohttpPeer(ws, request.transport))
            return ws

        app = aiohttp.web.Application()
        app.router.add_get("/ws-api/v3", handle)
        runner = aiohttp.web.AppRunner(app, shutdown_timeout=1)
        await runner.setup()
        try:
            await aiohttp.web.TCPSite(runner, "127.0.0.1", 0).start()
            yield f"ws://127.0.0.1:{runner.addresses[0][1]}/ws-api/v3"
        finally:
            await runner.cleanup()
    if failures:
        raise failures[0]


Main = Callable[[fastws.Client], Coroutine[Any, Any, None]]


def against(kind: str, script: Script, main: Main, **options: Any) -> None:
    """Run `main` with a client of a foreign server; nothing may be reported to the loop's exception handler."""
    options.setdefault("reconnect", False)

    async def both() -> None:
        reported: list[Any] = []
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: reported.append(context))
        async with foreign(kind, script) as url, fastws.connect(url, **options) as client:
            await main(client)
        assert not reported

    run(both())


def text_of(request: dict[str, Any], result: Any) -> str:
    return json.dumps(reply(request, result), ensure_ascii=False)


@pytest.mark.parametrize("kind", KINDS)
def test_requests_of_every_length_of_frame_are_read_and_answered(kind: str) -> None:
    sizes = [0, 1, 60, 80, 100, 125, 126, 1000, 65_000, 65_536, 300_000]

    async def script(peer: Any) -> None:
        for _ in range(2 * len(sizes)):
            request = await peer.request()
            await peer.text(text_of(request, len(request["params"]["symbol"])))

    async def main(client: fastws.Client) -> None:
        corked = [client.depth(symbol="é" * size) for size in sizes]
        assert await asyncio.gather(*corked) == sizes
        for size in sizes:  # one by one, each at once
            assert await client.depth(symbol="x" * size) == size

    against(kind, script, main)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("cut", [1, 3, 7])
def test_fragments_cut_within_utf_8_with_pings_between_make_one_message(kind: str, cut: int) -> None:
    result = {"symbol": "这是测试币456", "note": "€ 🙂 ñ"}

    async def script(peer: Any) -> None:
        data = text_of(await peer.request(), result).encode()
        await peer.fragments([data[i : i + cut] for i in range(0, len(data), cut)], b"between")
        await peer.text(text_of(await peer.request(), 2))

    async def main(client: fastws.Client) -> None:
        assert await client.ping() == result
        assert await client.ping() == 2
        assert client.stats["pings"] > 10
        assert client.stats["messages"] == 2

    against(kind, script, main)


@pytest.mark.parametrize("kind", KINDS)
def test_a_ping_of_any_payload_is_answered_with_it(kind: str) -> None:
    async def script(peer: Any) -> None:
        request = await peer.request()
        for payload in (b"", b"1785486997115", bytes(range(125))):
            await peer.ping(payload)
        await peer.text(text_of(request, 1))

    async def main(client: fastws.Client) -> None:
        assert await client.ping() == 1

    against(kind, script, main)


@pytest.mark.parametrize("kind", KINDS)
def test_a_frame_that_comes_byte_by_byte_is_read_when_it_is_whole(kind: str) -> None:
    async def script(peer: Any) -> None:
        for size in (10, 200):
            data = frame(PING, b"p") + frame(TEXT, text_of(await peer.request(), "€" * size).encode())
            for byte in data:
                peer.transport.write(bytes([byte]))
                await asyncio.sleep(0)

    async def main(client: fastws.Client) -> None:
        assert await client.ping() == "€" * 10
        assert await client.ping() == "€" * 200
        assert client.stats["pings"] == 2

    against(kind, script, main)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("fragmented", [False, True])
def test_an_exchange_info_of_many_megabytes_is_read_whole(kind: str, fragmented: bool) -> None:
    symbol = {
        "symbol": "BTCUSDT",
        "status": "TRADING",
        "filters": [{"filterType": "PRICE_FILTER", "minPrice": "0.01"}],
    }
    result = {"timezone": "UTC", "symbols": [{**symbol, "symbol": f"S{i}USDT"} for i in range(60_000)]}

    async def script(peer: Any) -> None:
        text = text_of(await peer.request(), result)
        assert len(text) > 6 << 20
        if fragmented:
            data = text.encode()
            await peer.fragments(
                [data[i : i + 1_000_001] for i in range(0, len(data), 1_000_001)], b"still here"
            )
        else:
            await peer.text(text)
        await peer.text(text_of(await peer.request(), 2))

    async def main(client: fastws.Client) -> None:
        assert await client.exchange_info() == result
        assert await client.ping() == 2, "the connection lives on"

    against(kind, script, main)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("code", [1000, 1001, 1008, 1011, 1012, 4000])
def test_a_close_code_is_answered_with_itself_and_named_in_every_error(kind: str, code: int) -> None:
    async def script(peer: Any) -> None:
        await peer.request()
        await peer.request()
        assert (await peer.close(code, "再见"))[0] == code

    async def main(client: fastws.Client) -> None:
        order, ping = client.order_place(**ORDER), client.ping()
        with pytest.raises(fastws.ConnectionLost, match=f"{code}.*再见"):
            await ping
        with pytest.raises(fastws.ExecutionUnknown, match=str(code)):
            await order
        with pytest.raises(fastws.NotConnected, match=str(code)):
            client.ping()

    against(kind, script, main, **KEY)


@pytest.mark.parametrize("kind", KINDS)
def test_a_close_frame_without_a_code_is_a_close(kind: str) -> None:
    async def script(peer: Any) -> None:
        await peer.request()
        peer.transport.write(frame(CLOSE))
        assert await peer.closed() == 1000

    async def main(client: fastws.Client) -> None:
        with pytest.raises(fastws.ConnectionLost, match="no code"):
            await client.ping()

    against(kind, script, main)


@pytest.mark.parametrize("kind", KINDS)
def test_closing_the_client_ends_with_a_clean_handshake(kind: str) -> None:
    codes: list[int | None] = []

    async def script(peer: Any) -> None:
        request = await peer.request()
        await peer.text(text_of(request, 1))
        codes.append(await peer.closed())

    async def main(client: fastws.Client) -> None:
        assert await client.ping() == 1
        await client.close()
        assert client.close_reason == "the connection was closed by the client"

    against(kind, script, main)
    assert codes == [1000]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("kept", [1, 3, 40])
def test_a_connection_cut_in_the_midst_of_a_frame_ends_what_is_in_flight(kind: str, kept: int) -> None:
    async def script(peer: Any) -> None:
        data = frame(TEXT, text_of(await peer.request(), "x" * 200).encode())
        peer.transport.write(data[:kept])
        await asyncio.sleep(0)
        peer.transport.close()
        if kind == "websockets":
            await peer.ws.wait_closed()

    async def main(client: fastws.Client) -> None:
        with pytest.raises(fastws.ExecutionUnknown, match="lost") as caught:
            await client.order_place(**ORDER)
        assert isinstance(caught.value.cause, fastws.ConnectionLost)
        assert client.in_flight == 0
        assert not client.connected

    against(kind, script, main, **KEY)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("fragmented", [False, True])
def test_a_message_beyond_the_limit_is_refused_as_too_big(
    kind: str, fragmented: bool, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)  # picows reports one of these itself
    codes: list[int | None] = []

    async def script(peer: Any) -> None:
        text = text_of(await peer.request(), "x" * 200_000)
        if fragmented:
            data = text.encode()
            with contextlib.suppress(websockets.ConnectionClosed, aiohttp.ClientError, AssertionError):
                await peer.fragments([data[i : i + 40_000] for i in range(0, len(data), 40_000)], b"p")
        else:
            await peer.text(text)
        codes.append(await peer.closed())

    async def main(client: fastws.Client) -> None:
        with pytest.raises(fastws.ConnectionLost, match="100000"):
            await client.ping()

    against(kind, script, main, max_message=100_000)
    assert codes == [1009]


@pytest.mark.parametrize("kind", KINDS)
def test_a_binary_message_is_refused_with_the_code_for_it(kind: str) -> None:
    codes: list[int | None] = []

    async def script(peer: Any) -> None:
        await peer.request()
        if kind == "websockets":
            await peer.ws.send(b"\0" * 50)
        else:
            await peer.ws.send_bytes(b"\0" * 50)
        codes.append(await peer.closed())

    async def main(client: fastws.Client) -> None:
        with pytest.raises(fastws.ConnectionLost, match="binary"):
            await client.ping()

    against(kind, script, main)
    assert codes == [1003]


@pytest.mark.parametrize("kind", KINDS)
def test_thousands_of_requests_in_flight_are_answered_in_reverse(kind: str) -> None:
    count = 3000

    async def script(peer: Any) -> None:
        requests = [await peer.request() for _ in range(count)]
        for request in reversed(requests):
            await peer.text(text_of(request, request["params"]["symbol"]))

    async def main(client: fastws.Client) -> None:
        futures = [client.depth(symbol=str(i)) for i in range(count)]
        assert await asyncio.gather(*futures) == [str(i) for i in range(count)]
        assert client.stats["replies"] == count
        assert client.stats["writes"] < count / 50

    against(kind, script, main)


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_a_reset_that_comes_together_with_a_reply_is_noticed_at_once(loop: str) -> None:
    """uvloop tells of both only once, so that who reads just the reply never hears of the reset."""
    factory: Any = asyncio.new_event_loop
    if loop == "uvloop":
        factory = pytest.importorskip("uvloop").new_event_loop
    sent, done = threading.Event(), threading.Event()

    def serve_one(listening: socket.socket) -> None:
        connection, _ = listening.accept()
        head = connection.recv(65536)
        key = head.split(b"Sec-WebSocket-Key: ")[1].split(b"\r\n")[0]
        accept = base64.b64encode(hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())
        connection.sendall(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
        )
        assert sent.wait(5)
        connection.sendall(frame(TEXT, b'{"id":%d,"status":200,"result":{"a":1}}' % FIRST_ID))
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()  # with a reset
        done.set()

    async def main(url: str) -> None:
        client = await fastws.connect(url, **KEY)
        first, order = client.ping(), client.order_place(**ORDER)
        client.flush()
        sent.set()
        assert done.wait(5)  # the loop is blocked meanwhile: it sees both at once
        assert await first == {"a": 1}
        with pytest.raises(fastws.ExecutionUnknown, match="lost"):
            await asyncio.wait_for(order, 2)
        assert not client.connected
        await client.close()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = threading.Thread(target=serve_one, args=(listening,), daemon=True)
        server.start()
        runner = factory()
        try:
            runner.run_until_complete(main(f"ws://127.0.0.1:{listening.getsockname()[1]}"))
        finally:
            runner.close()
        server.join(5)
