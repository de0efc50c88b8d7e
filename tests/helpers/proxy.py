"""A TCP proxy that does harm, at any byte: it cuts, resets, delays, throttles, splits, merges or swallows what passes,
leaves connections half open, and refuses new ones, on one port or several."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

__all__ = ["KINDS", "Attempt", "Fault", "Proxy"]

Way = Literal["out", "in"]
Kind = Literal["cut", "reset", "hole", "half-open", "delay", "throttle", "split", "merge"]
KINDS: tuple[Kind, ...] = ("cut", "reset", "hole", "half-open", "delay", "throttle", "split", "merge")
Refusal = Literal["close", "reset", "silence"]

_WAYS: tuple[Way, ...] = ("out", "in")
# What needs no further byte to strike.
_ENDS = ("cut", "reset", "hole", "half-open")
_NO_LINGER = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)


@dataclass
class Fault:
    """What is to happen, once.

    Attributes:
        kind: "cut" ends the connection, and "reset" does so with RST; behind a "hole" nothing arrives any more; with
            "half-open", the server's end is reset, and the client hears nothing of it; a "delay" holds what comes for
            `seconds`; a "throttle" passes from now on `size` bytes each `seconds`; "split" passes what comes in pieces
            of `size` bytes; "merge" collects for `seconds`, and passes all at once.
        way: "out" is from the client to the server, "in" is back.
        after: how many bytes of that way pass before.
        connection: the number of the connection, from 1; None: whichever has the next bytes.
        struck: whether it has happened.
    """

    kind: Kind
    way: Way
    after: int = 0
    seconds: float = 0.0
    size: int = 1
    connection: int | None = None
    struck: bool = False


@dataclass(frozen=True)
class Attempt:
    """A connection of a client: its number from 1, when it came (by the loop's clock), its port, and its refusal."""

    number: int
    time: float
    port: int
    refused: Refusal | None = None


class _Link:
    """One connection: both ends of it, the ways on which nothing arrives any more, and those that are throttled."""

    def __init__(self, number: int, writers: dict[Way, asyncio.StreamWriter]) -> None:
        self.number = number
        self.writers = writers
        self.holes: set[Way] = set()
        self.rates: dict[Way, Fault] = {}
        self.held: dict[Way, asyncio.Event] = {}  # what waits for the event
        self.left = False  # by one of its ends, and the other one does not hear of it

    def close(self) -> None:
        for writer in self.writers.values():
            writer.close()

    def abort(self) -> None:
        for writer in self.writers.values():
            writer.transport.abort()

    async def reset(self, ways: tuple[Way, ...] = _WAYS) -> None:
        await asyncio.sleep(0)  # uvloop writes at the end of a turn
        for way in ways:
            _reset(self.writers[way])

    async def end(self, kind: Kind, way: Way) -> None:
        if kind == "cut":
            self.close()
        elif kind == "reset":
            await self.reset()
        elif kind == "hole":
            self.holes.add(way)
        else:
            self.holes.update(_WAYS)
            await self.reset(("out",))

    async def write(self, way: Way, data: bytes) -> None:
        """Write as much as the other end takes, and no faster than a throttle lets it."""
        if way in self.held:
            await self.held[way].wait()
        writer, rate = self.writers[way], self.rates.get(way)
        size = len(data) if rate is None else rate.size
        for start in range(0, len(data), size or 1):
            if rate is not None:
                await asyncio.sleep(rate.seconds)
            writer.write(data[start : start + size])
            await writer.drain()


class Proxy:
    """Passes connections on to a server of this machine: ``async with Proxy(url) as proxy``; clients take `proxy.url`.

    A fault waits for the bytes of its way; there is one a way at a time.

    Args:
        url: the server's URL.
        ports: on how many ports it listens.

    Attributes:
        attempts: each connection that a client made, refused ones too; not those that find a port closed.
        ports: the ports, which stay its own also while they are closed.
    """

    def __init__(self, url: str, *, ports: int = 1) -> None:
        self._target = urlsplit(url)
        self._count = ports
        self._faults: dict[Way, Fault] = {}
        self._refusals: list[Refusal] = []
        self._links: set[_Link] = set()
        self._all: list[_Link] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._servers: dict[int, asyncio.Server] = {}
        self.attempts: list[Attempt] = []
        self.ports: tuple[int, ...] = ()

    async def __aenter__(self) -> Proxy:
        self.ports = tuple([await self._listen(0) for _ in range(self._count)])
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        for server in self._servers.values():
            server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for link in self._all:
            link.abort()  # what an end does not read is not waited for

    @property
    def url(self) -> str:
        """The server's URL, with the proxy in its place, on the first of its ports."""
        return self.url_of(self.ports[0])

    def url_of(self, port: int) -> str:
        """The server's URL, with the proxy in its place, on one of its ports."""
        return self._target._replace(netloc=f"127.0.0.1:{port}").geturl()

    @property
    def waiting(self) -> bool:
        """Whether a fault has not struck yet."""
        return bool(self._faults)

    @property
    def connections(self) -> list[int]:
        """The numbers of the connections that are open, oldest first."""
        return sorted(link.number for link in self._links)

    def strike(self, fault: Fault) -> Fault:
        """Let this happen to the bytes that come from now on."""
        self._faults[fault.way] = fault
        return fault

    async def strike_now(self, kind: Kind, way: Way = "in") -> None:
        """Let this happen to all connections at once, whether or not bytes come: one of the kinds that end."""
        assert kind in _ENDS, kind
        for link in list(self._links):
            await link.end(kind, way)

    def hold(self, way: Way) -> Callable[[], None]:
        """Hold what comes on the newest connection from now on; the function that is returned lets all of it pass."""
        released = asyncio.Event()
        links = sorted(self._links, key=lambda link: link.number)[-1:]
        for link in links:
            self._release(link, way)
            link.held[way] = released

        def release() -> None:
            released.set()
            for link in links:
                if link.held.get(way) is released:
                    del link.held[way]

        return release

    def _release(self, link: _Link, way: Way) -> None:
        held = link.held.pop(way, None)
        if held is not None:
            held.set()

    def relieve(self) -> None:
        """Forget what has not struck yet, refusals too, lift the throttles, let pass what is held, and end what one end
        has left."""
        self._faults.clear()
        self._refusals.clear()
        for link in self._links:
            link.rates.clear()
            for way in _WAYS:
                self._release(link, way)
            if link.left:
                link.close()

    def refuse(self, times: int = 1, how: Refusal = "close") -> None:
        """Refuse the next connections: accept and close, accept and reset, or accept and say nothing."""
        self._refusals += [how] * times

    async def listen(self, port: int, yes: bool = True) -> None:
        """Close one of its ports, so that the system refuses who connects; or open it again. Connections stay."""
        if yes and port not in self._servers:
            await self._listen(port)
        elif not yes and port in self._servers:
            self._servers.pop(port).close()
            await asyncio.sleep(0)  # uvloop closes in the next turn

    async def _listen(self, port: int) -> int:
        server = await asyncio.start_server(
            lambda reader, writer: self._connected(reader, writer), "127.0.0.1", port
        )
        port = server.sockets[0].getsockname()[1]
        self._servers[port] = server
        return port

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        refused = self._refusals.pop(0) if self._refusals else None
        port = writer.get_extra_info("sockname")[1]
        attempt = Attempt(len(self.attempts) + 1, asyncio.get_running_loop().time(), port, refused)
        self.attempts.append(attempt)
        try:
            if refused is not None:
                await _refuse(reader, writer, refused)
            else:
                await self._pass_on(attempt.number, reader, writer)
        except (OSError, asyncio.CancelledError):
            writer.close()
        finally:
            self._tasks.discard(task)

    async def _pass_on(self, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert self._target.port is not None
        back, there = await asyncio.open_connection(self._target.hostname, self._target.port)
        link = _Link(number, {"out": there, "in": writer})
        self._links.add(link)
        self._all.append(link)
        pumps = {
            way: asyncio.ensure_future(self._pump(link, way, source))
            for way, source in (("out", reader), ("in", back))
        }
        try:
            await asyncio.wait(pumps.values(), return_when=asyncio.FIRST_COMPLETED)
            if any(pump.done() and way in link.holes for way, pump in pumps.items()):
                link.left = True
                await asyncio.wait(pumps.values())
        finally:
            self._links.discard(link)
            for pump in pumps.values():
                pump.cancel()
            link.close()
            await asyncio.gather(*pumps.values(), return_exceptions=True)

    async def _pump(self, link: _Link, way: Way, reader: asyncio.StreamReader) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65_536):
                if way not in link.holes:
                    await self._pass(link, way, reader, data)

    async def _pass(self, link: _Link, way: Way, reader: asyncio.StreamReader, data: bytes) -> None:
        fault = self._faults.get(way)
        if fault is None or fault.connection not in (None, link.number):
            await link.write(way, data)
            return
        head, data = data[: fault.after], data[fault.after :]
        fault.after -= len(head)
        if head:
            await link.write(way, head)
        if fault.after or not (data or fault.kind in _ENDS):
            return
        if self._faults.get(way) is fault:  # it may have been replaced meanwhile
            del self._faults[way]
        fault.struck = True
        if fault.kind in _ENDS:
            await link.end(fault.kind, way)
        elif fault.kind == "delay":
            await asyncio.sleep(fault.seconds)
            await link.write(way, data)
        elif fault.kind == "throttle":
            link.rates[way] = fault
            await link.write(way, data)
        elif fault.kind == "split":
            for start in range(0, len(data), fault.size):
                await asyncio.sleep(fault.seconds)
                await link.write(way, data[start : start + fault.size])
        else:
            await link.write(way, data + await _collect(reader, fault.seconds))


def _reset(writer: asyncio.StreamWriter) -> None:
    if writer.transport.is_closing():
        writer.transport.abort()
        return
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
    writer.transport.abort()


async def _refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, how: Refusal) -> None:
    if how == "reset":
        _reset(writer)
        return
    if how == "silence":
        while await reader.read(65_536):
            pass
    writer.close()


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
