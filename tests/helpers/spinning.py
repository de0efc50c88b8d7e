"""Sockets that a Spinner reads."""

from __future__ import annotations

import asyncio
import os
import socket
import struct
from collections.abc import Callable, Coroutine
from typing import Any

from fastws._native.spinner import Spinner


def run(loop: asyncio.AbstractEventLoop, main: Coroutine[Any, Any, Any], timeout: float = 5.0) -> Any:
    return loop.run_until_complete(asyncio.wait_for(main, timeout))


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
    """Reads a few bytes a call, as a transport does; ``ended`` has what it read, and how the connection ended."""

    def __init__(self, spun: Spinner, instead_of: Reader | None = None) -> None:
        self.spun = spun
        self.sock, self.theirs = pair()
        if instead_of is not None:  # it has the number of this one's descriptor, which is closed
            with self.sock as ours:
                number = instead_of.sock.detach()
                self.sock = socket.socket(fileno=os.dup2(ours.fileno(), number))
            instead_of.theirs.close()
        self.read = b""
        self.ended: asyncio.Future[tuple[bytes, type[BaseException] | None]] = spun.create_future()
        self.then: Callable[[], object] = bool
        self.start()

    async def has_read(self) -> None:
        """Wait for the first byte."""
        begun = self.spun.create_future()
        self.then = lambda: begun.done() or begun.set_result(None)
        await begun

    def start(self) -> None:
        self.spun.add_reader(self.sock.fileno(), self.on_ready)

    def stop(self) -> None:
        self.spun.remove_reader(self.sock.fileno())

    def on_ready(self) -> None:
        fault = None
        try:
            data = self.sock.recv(1)
        except BlockingIOError:
            return
        except OSError as exc:
            data, fault = b"", type(exc)
        self.read += data
        if not data:
            self.stop()
            self.ended.set_result((self.read, fault))
        self.then()

    def close(self) -> None:
        self.stop()
        self.sock.close()
        self.theirs.close()
