"""``Ending``: ends the connections of a client, and knows those whose sockets are not closed yet."""

from __future__ import annotations

import asyncio

from .._core import Session
from .._native.connection import Connection
from .connector import disconnected

__all__ = ["Ending"]


class Ending:
    """Keeps the connections that have ended until their sockets are closed, and closes those that have not."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._ended: list[Connection] = []

    def keep(self, connection: Connection) -> None:
        """Keep a connection that has ended, or is about to."""
        self._ended = [*(each for each in self._ended if not each.is_disconnected), connection]

    def connections(self) -> list[Connection]:
        """All connections whose sockets may not be closed yet."""
        return list({*self._session.connections, *self._ended})

    def abort(self) -> None:
        """End all connections without a close handshake."""
        for each in self.connections():
            each.abort()

    async def close(
        self, attempt: asyncio.Task[None] | None, drained: asyncio.Future[None] | None, timeout: float
    ) -> None:
        """Wait for the attempt to end and for replies, then end all connections, within about ``timeout`` seconds."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout
        try:
            if attempt is not None:
                await asyncio.wait([attempt])
            if drained is not None:
                await asyncio.wait([drained], timeout=timeout)
            connections = self.connections()
            for each in connections:
                each.close()
            await disconnected(connections, max(0.1, deadline - loop.time()))
            self.abort()
            await disconnected(connections, None)
        except BaseException:
            self.abort()
            raise
