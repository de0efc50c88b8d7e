"""Ways to a server under the test's control: event loops, TLS, proxies, answers to the handshake word by word."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import ipaddress
import ssl
import struct
import traceback
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from fastws.loop_thread import spin
from helpers.support import SPINNING, Peer, answer_all

try:
    import uvloop
except ImportError:
    uvloop = None

needs_uvloop = pytest.mark.skipif(uvloop is None, reason="uvloop is not installed")
LOOPS = ["asyncio", "aiofastnet", pytest.param("uvloop", marks=needs_uvloop)]
# "uvloop alone" has its own TLS, as where there is no epoll.
ALL_LOOPS = [*LOOPS, pytest.param("uvloop alone", marks=needs_uvloop), *SPINNING]


def run_on(
    kind: str, main: Coroutine[Any, Any, Any], monkeypatch: pytest.MonkeyPatch, *, timeout: float = 10.0
) -> Any:
    """Run a test's coroutine on an event loop of this kind, whose transports fastws then uses."""
    if kind in ("asyncio", "uvloop alone"):
        monkeypatch.setattr("fastws.lifecycle.engines.aiofastnet", None)
    loop = uvloop.new_event_loop() if kind.startswith("uvloop") else asyncio.new_event_loop()
    end = spin(loop) if kind.endswith("-spin") else None
    try:
        return loop.run_until_complete(asyncio.wait_for(main, timeout))
    finally:
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()
        if end is not None:
            end()


def accept_of(key: str) -> str:
    """The Sec-WebSocket-Accept that is due."""
    digest = hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()
    return base64.b64encode(digest).decode()


def answer(*fields: str, status: str = "HTTP/1.1 101 Switching Protocols", body: bytes = b"") -> bytes:
    """An answer to a handshake; "{accept}" in it stands for what is due."""
    return "\r\n".join([status, *fields, "", ""]).encode() + body


GOOD = ("Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Accept: {accept}")


@contextlib.asynccontextmanager
async def answering(
    said: bytes,
    script: Callable[[Peer], Coroutine[Any, Any, Any]] | None = answer_all,
    *,
    tls: ssl.SSLContext | None = None,
    stays: bool = False,
) -> AsyncIterator[str]:
    """A server that says this in answer to a handshake, then runs a script, or goes, or stays silent."""
    tasks: set[asyncio.Task[Any]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.current_task())  # type: ignore[arg-type]
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            key = next(line[19:] for line in head.split("\r\n") if line.startswith("Sec-WebSocket-Key: "))
            writer.write(said.replace(b"{accept}", accept_of(key).encode()))
            if stays:
                await reader.read()
            elif script is not None:
                await script(Peer(reader, writer))
        writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=tls)
    port = server.sockets[0].getsockname()[1]
    try:
        yield f"{'ws' if tls is None else 'wss'}://127.0.0.1:{port}/ws-api/v3"
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class ProxyServer:
    """A proxy on this machine: HTTP, SOCKS4(a) or SOCKS5, by what the client says.

    Attributes:
        port: where it listens.
        asked: what it was asked for, one "host:port" for each connection.
        heads: the first bytes of each client.
        open: how many clients are connected.
        idle: set while there is none; ``reached`` when one has come.
        answer: said in place of an own answer: to CONNECT, or to the request of SOCKS; None for a way through.
        silent: whether it says nothing at all.
    """

    def __init__(self) -> None:
        self.port = 0
        self.asked: list[str] = []
        self.heads: list[bytes] = []
        self.answer: bytes | None = None
        self.silent = False
        self.user: bytes | None = None
        self.open = 0
        self.idle = asyncio.Event()
        self.idle.set()
        self.reached = asyncio.Event()
        self.sources: list[str] = []

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open += 1
        self.idle.clear()
        self.reached.set()
        self.sources.append(writer.get_extra_info("peername")[0])
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
                if self.silent:
                    await reader.read(1)
                    self.heads.append(b"")
                    await reader.read()
                    return
                first = await reader.readexactly(1)
                host, port, good = await {b"\4": self._socks4, b"\5": self._socks5}.get(first, self._http)(
                    first, reader, writer
                )
                self.asked.append(f"{host}:{port}")
                if self.answer is not None:
                    writer.write(self.answer)
                    return
                way = await asyncio.open_connection(host, port)
                writer.write(good)
                try:
                    await asyncio.gather(_pass(reader, way[1]), _pass(way[0], writer))
                finally:
                    way[1].close()
        finally:
            writer.close()
            self.open -= 1
            if not self.open:
                self.idle.set()

    async def _http(
        self, first: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> tuple[str, int, bytes]:
        head = first + await reader.readuntil(b"\r\n\r\n")
        self.heads.append(head)
        host, _, port = head.split(b" ")[1].decode().rpartition(":")
        return host.strip("[]"), int(port), b"HTTP/1.0 200 Connection established\r\nVia: test\r\n\r\n"

    async def _socks4(
        self, first: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> tuple[str, int, bytes]:
        _, port, address = struct.unpack("!BH4s", await reader.readexactly(7))
        self.user = (await reader.readuntil(b"\0"))[:-1]
        host = str(ipaddress.ip_address(address))
        if host.startswith("0.0.0."):
            host = (await reader.readuntil(b"\0"))[:-1].decode()
        return host, port, b"\0\x5a" + bytes(6)

    async def _socks5(
        self, first: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> tuple[str, int, bytes]:
        methods = await reader.readexactly((await reader.readexactly(1))[0])
        writer.write(b"\5\2" if 2 in methods else b"\5\0")
        if 2 in methods:
            await reader.readexactly(1)
            self.user = await reader.readexactly((await reader.readexactly(1))[0])
            password = await reader.readexactly((await reader.readexactly(1))[0])
            self.heads.append(password)
            writer.write(b"\1" + (b"\0" if password != b"wr0ng" else b"\1"))
        *_, kind = await reader.readexactly(4)
        if kind == 3:
            host = (await reader.readexactly((await reader.readexactly(1))[0])).decode()
        else:
            host = str(ipaddress.ip_address(await reader.readexactly(4 if kind == 1 else 16)))
        (port,) = struct.unpack("!H", await reader.readexactly(2))
        return host, port, b"\5\0\0\1" + bytes(6)


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(65536):
            writer.write(data)
    writer.close()


@contextlib.asynccontextmanager
async def proxying(tls: ssl.SSLContext | None = None) -> AsyncIterator[ProxyServer]:
    """A proxy that runs."""
    proxy = ProxyServer()
    tasks: set[asyncio.Task[Any]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.current_task())  # type: ignore[arg-type]
        await proxy.connected(reader, writer)

    server = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=tls)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def everything(error: BaseException) -> str:
    """The text of an error, of what led to it, and of the locals of every frame but those of tests."""
    shown = []
    seen: list[BaseException] = [error]
    for fault in seen:
        shown += [repr(fault), str(vars(fault))]
        for frame, _ in traceback.walk_tb(fault.__traceback__):
            if Path(__file__).parents[1] not in Path(frame.f_code.co_filename).parents:
                for value in list(frame.f_locals.values()):
                    with contextlib.suppress(Exception):
                        shown.append(repr(value))
                    with contextlib.suppress(Exception):
                        shown.append(str(vars(value)))
        seen += [other for other in (fault.__cause__, fault.__context__) if other and other not in seen]
    return "\n".join(shown)
