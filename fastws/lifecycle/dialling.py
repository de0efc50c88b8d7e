"""Connects a socket: with its options set before, and from the address that the user chose."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping
from typing import Any

from .socket_options import set_options

__all__ = ["connected_socket"]


async def connected_socket(
    loop: asyncio.AbstractEventLoop,
    address: str,
    port: int,
    local_addr: tuple[str, int] | None,
    options: Mapping[str, int],
) -> tuple[socket.socket, dict[str, str]]:
    """A socket that is connected to an address, and the options that the system did not accept, and why.

    Args:
        address: a numeric address, not a name.
        local_addr: the address and the port to connect from; None lets the system choose.
        options: the socket options to set before, as check_socket_options() returns them.

    Raises:
        OSError: it cannot be connected. No socket is left then, or after a cancel.
    """
    family, kind, proto, _, remote = _numeric(address, port)
    sock = socket.socket(family, kind, proto)
    try:
        sock.setblocking(False)
        refused = set_options(sock, options)
        if local_addr is not None:
            ours, _, _, _, local = _numeric(*local_addr)
            if ours != family:
                raise OSError(f"{local_addr[0]} and {address} are addresses of different families")
            sock.bind(local)
        await loop.sock_connect(sock, remote)
    except BaseException:
        sock.close()
        raise
    return sock, refused


def _numeric(address: str, port: int) -> tuple[int, int, int, str, tuple[Any, ...]]:
    """What getaddrinfo() makes of an address that is a number, which it does without a question to anybody."""
    return socket.getaddrinfo(address, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)[0]
