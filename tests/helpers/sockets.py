"""TCP connections that a test makes by hand, and a reader of one, as the readers of transports are."""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import Any


def pair() -> tuple[socket.socket, socket.socket]:
    """Two ends of a TCP connection; the first does not block."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        ours = socket.create_connection(listening.getsockname())
        theirs, _ = listening.accept()
    ours.setblocking(False)
    return ours, theirs


def reset(sock: socket.socket) -> None:
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


class Reader:
    """Reads a few bytes a call, as a transport does; ``ended`` has what it read, and how the connection ended.

    Args:
        loop: what has add_reader() and remove_reader().
    """

    def __init__(self, loop: Any, sock: socket.socket, size: int = 1) -> None:
        self.loop = loop
        self.sock = sock
        self.size = size
        self.calls = 0
        self.read = b""
        self.ended: asyncio.Future[tuple[bytes, type[BaseException] | None]] = loop.create_future()

    def start(self) -> None:
        self.loop.add_reader(self.sock.fileno(), self.on_ready)

    def stop(self) -> None:
        self.loop.remove_reader(self.sock.fileno())

    def on_ready(self) -> None:
        self.calls += 1
        fault = None
        try:
            data = self.sock.recv(self.size)
        except BlockingIOError:
            return
        except OSError as exc:
            data, fault = b"", type(exc)
        self.read += data
        if not data:
            self.stop()
            self.ended.set_result((self.read, fault))
