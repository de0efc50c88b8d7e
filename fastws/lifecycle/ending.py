"""``Ending``: ends the connections of a client, and knows those whose sockets are not closed yet."""

from __future__ import annotations

import asyncio
from typing import Generic

from .connector import disconnected
from .parts import C, LiveSession

__all__ = ["Ending"]


class Ending(Generic[C]):
    """Keeps the connections that have ended until their sockets are closed, and closes those that have not."""

    def __init__(self, session: LiveSession[C]) -> None:
        self._session = session
        self._ended: list[C] = []

    def keep(self, connection: C) -> None:
        """Keep a connection that has ended, or is about to."""
        self._ended = [*(each for each in self._ended if not each.is_disconnected), connection]

    def connections(self) -> list[C]:
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
