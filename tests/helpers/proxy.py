"""A TCP proxy that does harm: it cuts, resets, delays, splits, merges or swallows what passes, at any byte."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import sys
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

__all__ = ["KINDS", "Fault", "Proxy"]

Way = Literal["out", "in"]
Kind = Literal["cut", "reset", "hole", "delay", "split", "merge"]
KINDS: tuple[Kind, ...] = ("cut", "reset", "hole", "delay", "split", "merge")

# What needs no further byte to strike.
_ENDS = ("cut", "reset", "hole")
_NO_LINGER = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)


@dataclass
class Fault:
    """What is to happen, once.

    Attributes:
        kind: "cut" ends the connection, and "reset" does so with RST; behind a "hole" nothing arrives any more; a
            "delay" holds what comes for `seconds`; "split" passes it in pieces of `size` bytes; "merge" collects for
            `seconds`, and passes all at once.
        way: "out" is from the client to the server, "in" is back.
        after: how many bytes of that way pass before.
        struck: whether it has happened.
    """

    kind: Kind
    way: Way
    after: int = 0
    seconds: float = 0.0
    size: int = 1
    struck: bool = False


class _Link:
    """One connection: both ends of it, and the ways on which nothing arrives any more."""

    def __init__(self, writers: dict[Way, asyncio.StreamWriter]) -> None:
        self.writers = writers
        self.holes: set[Way] = set()

    def close(self) -> None:
        for writer in self.writers.values():
            writer.close()

    async def reset(self) -> None:
        await asyncio.sleep(0)  # uvloop writes at the end of a turn
        for writer in self.writers.values():
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
            writer.transport.abort()


class Proxy:
    """Passes connections on to a server of this machine: ``async with Proxy(url) as proxy``; clients take `proxy.url`.

    A fault waits for the bytes of its way, whichever connection they belong to; there is one a way at a time.
    """

    def __init__(self, url: str) -> None:
        self._target = urlsplit(url)
        self._faults: dict[Way, Fault] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Proxy:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def url(self) -> str:
        """The server's URL, with the proxy in its place."""
        assert self._server is not None
        port = self._server.sockets[0].getsockname()[1]
        return self._target._replace(netloc=f"127.0.0.1:{port}").geturl()

    @property
    def waiting(self) -> bool:
        """Whether a fault has not struck yet."""
        return bool(self._faults)

    def strike(self, fault: Fault) -> Fault:
        """Let this happen to the bytes that come from now on."""
        self._faults[fault.way] = fault
        return fault

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            assert self._target.port is not None
            back, there = await asyncio.open_connection(self._target.hostname, self._target.port)
            link = _Link({"out": there, "in": writer})
            pumps = [
                asyncio.ensure_future(self._pump(link, "out", reader)),
                asyncio.ensure_future(self._pump(link, "in", back)),
            ]
            try:
                await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for pump in pumps:
                    pump.cancel()
                link.close()
                await asyncio.gather(*pumps, return_exceptions=True)
        except (OSError, asyncio.CancelledError):
            writer.close()
        finally:
            self._tasks.discard(task)

    async def _pump(self, link: _Link, way: Way, reader: asyncio.StreamReader) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65_536):
                if way not in link.holes:
                    await self._pass(link, way, reader, data)

    async def _pass(self, link: _Link, way: Way, reader: asyncio.StreamReader, data: bytes) -> None:
        writer, fault = link.writers[way], self._faults.get(way)
        if fault is None:
            writer.write(data)
            return
        head, data = data[: fault.after], data[fault.after :]
        fault.after -= len(head)
        if head:
            writer.write(head)
        if fault.after or not (data or fault.kind in _ENDS):
            return
        del self._faults[way]
        fault.struck = True
        if fault.kind == "cut":
            link.close()
        elif fault.kind == "reset":
            await link.reset()
        elif fault.kind == "hole":
            link.holes.add(way)
        elif fault.kind == "delay":
            await asyncio.sleep(fault.seconds)
            writer.write(data)
        elif fault.kind == "split":
            for start in range(0, len(data), fault.size):
                await asyncio.sleep(fault.seconds)
                writer.write(data[start : start + fault.size])
        else:
            writer.write(data + await _collect(reader, fault.seconds))


async def _collect(reader: asyncio.StreamReader, seconds: float) -> bytes:
    """What comes within that time."""
    loop, data = asyncio.get_running_loop(), b""
    end = loop.time() + seconds
    while (left := end - loop.time()) > 0:
        try:
            more = await asyncio.wait_for(reader.read(65_536), left)
        except asyncio.TimeoutError:
            break
        if not more:
            break
        data += more
    return data
