"""A WebSocket server under the test's full control, byte by byte, and a way to run a test's coroutine."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import functools
import hashlib
import json
import os
import struct
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import pytest

import fastws

try:
    import uvloop
except ImportError:
    uvloop = None

needs_uvloop = pytest.mark.skipif(uvloop is None, reason="uvloop is not installed")
LOOPS = ["asyncio", pytest.param("uvloop", marks=needs_uvloop)]

cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
needs_affinity = pytest.mark.skipif(
    not hasattr(os, "sched_setaffinity"), reason="this system pins no threads to cores"
)
needs_two_cores = pytest.mark.skipif(cores < 2, reason="fastws.run(spin=True) needs a second core")
# The loops, and the same that never sleep.
SPINNING = [
    pytest.param("asyncio-spin", marks=needs_two_cores),
    pytest.param("uvloop-spin", marks=[needs_uvloop, needs_two_cores]),
]
ALL_LOOPS = [*LOOPS, *SPINNING]

TEXT, BINARY, CLOSE, PING, PONG, CONTINUATION = 1, 2, 8, 9, 10, 0


def run(main: Coroutine[Any, Any, Any], *, timeout: float = 10.0, loop: str = "asyncio") -> Any:
    """Run a test's coroutine on a fresh event loop; it fails when it takes longer than `timeout` seconds."""
    return fastws.run(asyncio.wait_for(main, timeout), **way(loop))


def in_loop(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """A decorator: a coroutine function becomes a test, which ``run()`` runs."""

    @functools.wraps(test)
    def sync(*args: Any, **kwargs: Any) -> None:
        run(test(*args, **kwargs))

    return sync


def way(loop: str) -> dict[str, Any]:
    """The arguments of fastws.run() for one of ALL_LOOPS."""
    name, _, spin = loop.partition("-")
    return {"loop": name, "spin": True} if spin else {"loop": name}


def frame(opcode: int, payload: bytes = b"", *, fin: bool = True, rsv: int = 0) -> bytes:
    """One frame as a server sends it."""
    first = (0x80 if fin else 0) | rsv << 4 | opcode
    size = len(payload)
    if size < 126:
        head = struct.pack("!BB", first, size)
    elif size < 65536:
        head = struct.pack("!BBH", first, 126, size)
    else:
        head = struct.pack("!BBQ", first, 127, size)
    return head + payload


def unmasked(data: bytes, mask: bytes) -> bytes:
    """The payload of a client's frame."""
    pattern = (mask * (len(data) // 4 + 1))[: len(data)]
    return (int.from_bytes(data, "big") ^ int.from_bytes(pattern, "big")).to_bytes(len(data), "big")


def reply(
    request: dict[str, Any] | int, result: Any = None, *, status: int = 200, **more: Any
) -> dict[str, Any]:
    """The reply to a request, or to an id."""
    id_ = request if isinstance(request, int) else request["id"]
    return {"id": id_, "status": status, "result": {} if result is None else result, **more}


def refusal(
    request: dict[str, Any] | int | None, status: int, code: int, msg: str = "no", **data: Any
) -> dict[str, Any]:
    """The reply that refuses a request."""
    error: dict[str, Any] = {"code": code, "msg": msg}
    if data:
        error["data"] = data
    id_ = request["id"] if isinstance(request, dict) else request
    return {"id": id_, "status": status, "error": error}


class Peer:
    """One client's connection, seen from the server."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.target = ""
        self.reads = 0

    async def handshake(self) -> None:
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode()
        lines = head.split("\r\n")
        self.target = lines[0].split(" ")[1]
        headers = dict(line.lower().split(": ", 1) for line in lines[1:] if ": " in line)
        key = next(line.split(": ", 1)[1] for line in lines if line.lower().startswith("sec-websocket-key"))
        accept = base64.b64encode(
            hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()
        )
        assert headers["upgrade"] == "websocket"
        self.writer.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
        )

    async def frame(self) -> tuple[int, bytes]:
        """The client's next frame, unmasked: (opcode, payload)."""
        first, second = await self.reader.readexactly(2)
        assert first & 0x80, "the client sent a fragment"
        assert second & 0x80, "the client sent an unmasked frame"
        size = second & 0x7F
        if size == 126:
            (size,) = struct.unpack("!H", await self.reader.readexactly(2))
        elif size == 127:
            (size,) = struct.unpack("!Q", await self.reader.readexactly(8))
        mask = await self.reader.readexactly(4)
        data = await self.reader.readexactly(size)
        return first & 0x0F, unmasked(data, mask)

    async def request(self) -> dict[str, Any]:
        """The client's next request."""
        opcode, payload = await self.frame()
        assert opcode == TEXT, f"expected a request, got opcode {opcode} with {payload!r}"
        document: dict[str, Any] = json.loads(payload)
        return document

    def send(self, *messages: dict[str, Any] | str | bytes) -> None:
        """Send text messages, one a frame, in one write; bytes are sent as they are."""
        data = b""
        for message in messages:
            if isinstance(message, dict):
                message = json.dumps(message, ensure_ascii=False, separators=(",", ":"))
            data += frame(TEXT, message.encode()) if isinstance(message, str) else message
        self.writer.write(data)

    async def drop(self) -> None:
        """Cut the connection without a close handshake."""
        self.writer.transport.abort()

    async def end(self) -> None:
        """Answer the client's close frame, after whatever it sends before."""
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                opcode, payload = await self.frame()
                if opcode == CLOSE:
                    self.writer.write(frame(CLOSE, payload))
                    return


@contextlib.asynccontextmanager
async def serving(script: Callable[[Peer], Coroutine[Any, Any, Any]]) -> AsyncIterator[str]:
    """A server whose every connection runs `script`; yields its URL. What a script raises fails the test."""
    failures: list[BaseException] = []
    tasks: set[asyncio.Task[Any]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.current_task())  # type: ignore[arg-type]
        peer = Peer(reader, writer)
        try:
            await peer.handshake()
            await script(peer)
            await peer.end()
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        except BaseException as exc:
            failures.append(exc)
        finally:
            tasks.discard(asyncio.current_task())  # type: ignore[arg-type]
            writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield f"ws://127.0.0.1:{port}/ws-api/v3"
    finally:
        server.close()
        ending = list(tasks)
        for task in ending:
            task.cancel()
        await asyncio.gather(*ending, return_exceptions=True)
    if failures:
        raise failures[0]


@contextlib.asynccontextmanager
async def talking(
    script: Callable[[Peer], Coroutine[Any, Any, Any]], **options: Any
) -> AsyncIterator[fastws.Client]:
    """A client connected to a server that runs `script`; what it loses stays lost, unless `reconnect` is given."""
    options.setdefault("reconnect", False)
    async with serving(script) as url, fastws.connect(url, **options) as client:
        yield client


ORDER = {
    "symbol": "BTCUSDT",
    "side": "BUY",
    "type": "LIMIT",
    "timeInForce": "GTC",
    "price": "1",
    "quantity": "2",
}
KEY = {"api_key": "k" * 64, "secret": "s" * 64}
FIRST_ID = 1 << 17  # of a client's first request: serial 1, slot 0 (_native/waiters.pyx)


async def answer_all(peer: Peer) -> None:
    """Answer every request with its method and parameters."""
    while True:
        opcode, payload = await peer.frame()
        if opcode == CLOSE:
            peer.writer.write(frame(CLOSE, payload))
            return
        request = json.loads(payload)
        peer.send(reply(request, {"method": request["method"], "params": request.get("params")}))
