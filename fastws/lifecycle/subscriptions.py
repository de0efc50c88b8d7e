"""``Subscriptions``: the interface of what carries user data streams from a connection to the next one."""

from __future__ import annotations

from typing import Protocol

from .._native.connection import Connection
from ..requester import Requester

__all__ = ["NoSubscriptions", "Subscriptions"]


class Subscriptions(Protocol):
    """Carries user data streams over connections.

    Attributes:
        keeps: whether streams outlive their connection.
    """

    keeps: bool

    def lost(self, connection: Connection | None, reason: str) -> None:
        """The connection of the requests was lost; its requests and streams have not ended yet."""

    def revoked(self, connection: Connection, reason: str) -> None:
        """The logon of a connection was revoked, and will be restored."""

    async def restore(self, requester: Requester, connection: Connection) -> None:
        """Subscribe on a new connection, which does not carry requests of the user yet, or after a logon was restored.

        Raises:
            FastwsError: a subscribe got no answer: the attempt to connect fails.
        """

    def closed(self, reason: str) -> None:
        """No connection will come any more."""


class NoSubscriptions:
    """Streams end with their connection."""

    keeps = False

    def lost(self, connection: Connection | None, reason: str) -> None:
        """Nothing is kept."""

    def revoked(self, connection: Connection, reason: str) -> None:
        """Nothing is kept."""

    async def restore(self, requester: Requester, connection: Connection) -> None:
        """Nothing is restored."""

    def closed(self, reason: str) -> None:
        """Nothing is left."""
