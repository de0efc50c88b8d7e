"""The ports of the exchange: each listens at all its addresses, and can be closed and opened again."""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import os
import socket
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

__all__ = ["Ports", "chosen_ports", "listening_hosts"]

_ATTEMPTS = 20  # to find a number that is free at all addresses
_BACKLOG = 100


class Ports:
    """The listening sockets.

    Args:
        serve: begins to accept connections at a port, on a socket that is bound.
    """

    def __init__(
        self, serve: Callable[[int, socket.socket], Coroutine[Any, Any, asyncio.AbstractServer]]
    ) -> None:
        self._serve = serve
        self._addresses: dict[int, list[tuple[int, Any]]] = {}
        self._open: dict[int, list[asyncio.AbstractServer]] = {}
        self._closed: list[asyncio.AbstractServer] = []

    @property
    def numbers(self) -> tuple[int, ...]:
        """The numbers of all ports, open or closed."""
        return tuple(self._addresses)

    async def open(self, hosts: Sequence[str], ports: Sequence[int]) -> None:
        """Listen on these ports of all hosts; 0 chooses a number that is free at all of them.

        Raises:
            OSError: a host is unknown, or a port is in use.
        """
        try:
            for port in ports:
                sockets = await _bind(hosts, port)
                number = sockets[0].getsockname()[1]
                self._addresses[number] = [(bound.family, bound.getsockname()) for bound in sockets]
                await self._start(number, sockets)
        except BaseException:
            self.close()
            raise

    def listen(self, port: int, yes: bool) -> None:
        """Close a port, so that connections to it are refused, or open it again. Connections that exist stay.

        Raises:
            ValueError: there is no such port.
            OSError: in the meantime, another program took the port.
        """
        if port not in self._addresses:
            raise ValueError(f"there is no port {port!r}; there are {', '.join(map(str, self._addresses))}")
        if not isinstance(yes, bool):
            raise ValueError(f"listen is True or False, not {yes!r}")
        if not yes:
            self._stop(port)
        elif port not in self._open:
            sockets = _bind_all([(family, address[0], address) for family, address in self._addresses[port]])
            # With a socket that is bound, no event loop waits for anything before it accepts connections.
            starting = self._start(port, sockets)
            try:
                while True:
                    starting.send(None)
            except StopIteration:
                pass

    async def _start(self, port: int, sockets: list[socket.socket]) -> None:
        servers = self._open[port] = []
        for bound in sockets:
            servers.append(await self._serve(port, bound))

    def _stop(self, port: int) -> None:
        for server in self._open.pop(port, ()):
            server.close()

    def close(self) -> None:
        """Close all ports."""
        for port, servers in list(self._open.items()):
            self._closed += servers
            self._stop(port)

    async def wait_closed(self) -> None:
        """Wait until what ``close`` has closed is closed."""
        for server in self._closed:
            await server.wait_closed()
        self._closed.clear()


async def _bind(hosts: Sequence[str], port: int) -> list[socket.socket]:
    """Sockets that are bound to one port of all hosts."""
    loop = asyncio.get_running_loop()
    found: dict[tuple[int, Any], str] = {}
    for host in hosts:
        for family, _, _, _, address in await loop.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        ):
            found.setdefault((family, address), host)
    wanted = [(family, host, address) for (family, address), host in found.items()]
    for attempt in range(_ATTEMPTS):
        try:
            return _bind_all(wanted)
        except OSError as error:
            if port or error.errno != errno.EADDRINUSE or attempt == _ATTEMPTS - 1:
                raise
    raise AssertionError("the last attempt returns or raises")


def _bind_all(wanted: list[tuple[int, str, Any]]) -> list[socket.socket]:
    """Sockets that listen at these addresses, each a family, a name for errors, and the address.

    All have the same port: if it is 0, the one that the first socket got.
    """
    sockets: list[socket.socket] = []
    unusable: OSError | None = None
    port = 0
    try:
        for family, host, address in wanted:
            if port:
                address = (address[0], port, *address[2:])
            try:
                bound = _bind_one(family, address)
            except OSError as error:
                # A machine without IPv6 still knows the name of its IPv6 address.
                refused = OSError(
                    error.errno, f"cannot listen at {host!r}, port {address[1]}: {error.strerror}"
                )
                if error.errno != errno.EADDRNOTAVAIL:
                    raise refused from None
                unusable = refused
            else:
                sockets.append(bound)
                port = bound.getsockname()[1]
    except BaseException:
        for bound in sockets:
            bound.close()
        raise
    if not sockets:
        raise unusable or OSError("there is no address to listen at")
    return sockets


def _bind_one(family: int, address: Any) -> socket.socket:
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        if os.name == "posix":
            # The port can be opened again while connections to it exist.
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        bound.bind(address)
        bound.listen(_BACKLOG)
        bound.setblocking(False)
    except BaseException:
        bound.close()
        raise
    return bound


def chosen_ports(port: int, ports: int | Sequence[int], name: str = "ports") -> list[int]:
    """The ports to listen on; 0 stands for a free one.

    Raises:
        ValueError: ``ports`` is neither a number of ports nor a sequence of them, or ``port`` is beside them.
    """
    if isinstance(ports, int):
        if isinstance(ports, bool) or ports < 1:
            raise ValueError(
                f"{name} is how many ports there are, 1 or more, or a sequence of them, not {ports!r}"
            )
        chosen = [port, *[0] * (ports - 1)]
    elif not isinstance(ports, (list, tuple)):
        raise ValueError(
            f"{name} is how many ports there are, 1 or more, or a sequence of them, not {ports!r}"
        )
    else:
        chosen = list(ports)
        if not chosen or port:
            raise ValueError(
                f"{name} has all ports, without port beside them; not ports={chosen!r}, port={port!r}"
            )
    for number in chosen:
        if not isinstance(number, int) or isinstance(number, bool) or not 0 <= number < 65536:
            raise ValueError(f"a port is a number from 0 to 65535, not {number!r}")
    if len(set(filter(None, chosen))) < len([number for number in chosen if number]):
        raise ValueError(f"a port is in {name} twice: {chosen!r}")
    return chosen


def listening_hosts(host: str, more: Sequence[str]) -> list[str]:
    """The hosts to listen at: the first one, and those of the others that are addresses.

    Raises:
        ValueError: ``more`` is not a sequence of texts.
    """
    listed = isinstance(more, (list, tuple))
    if not listed or not all(isinstance(name, str) and name for name in more):
        raise ValueError(f"hosts is a sequence of names and addresses, not {more!r}")
    return list(dict.fromkeys([host, *filter(_is_address, more)]))


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
