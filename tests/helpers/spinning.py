"""Sockets that a Spinner reads."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable, Coroutine
from typing import Any

from fastws._native.spinner import Spinner
from helpers.sockets import Reader, pair


def run(loop: asyncio.AbstractEventLoop, main: Coroutine[Any, Any, Any], timeout: float = 5.0) -> Any:
    return loop.run_until_complete(asyncio.wait_for(main, timeout))


class SpinnersReader(Reader):
    """A Reader of a connection of its own, which has begun."""

    def __init__(self, spun: Spinner, instead_of: SpinnersReader | None = None) -> None:
        sock, self.theirs = pair()
        if instead_of is not None:  # it has the number of this one's descriptor, which is closed
            with sock as ours:
                number = instead_of.sock.detach()
                sock = socket.socket(fileno=os.dup2(ours.fileno(), number))
            instead_of.theirs.close()
        super().__init__(spun, sock)
        self.then: Callable[[], object] = bool
        self.start()

    async def has_read(self) -> None:
        """Wait for the first byte."""
        begun = self.loop.create_future()
        self.then = lambda: begun.done() or begun.set_result(None)
        await begun

    def on_ready(self) -> None:
        before = len(self.read)
        super().on_ready()
        if len(self.read) > before or self.ended.done():
            self.then()

    def close(self) -> None:
        self.stop()
        self.sock.close()
        self.theirs.close()
