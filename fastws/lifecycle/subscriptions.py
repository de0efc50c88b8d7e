"""``Subscriptions``: the interface of what carries user data streams from a connection to the next one."""

from __future__ import annotations

from typing import Any, Protocol, TypeVar

from ..requester import Requester
from .parts import LiveConnection

__all__ = ["NoSubscriptions", "Subscriptions"]


Carried = TypeVar("Carried", bound=LiveConnection, contravariant=True)


class Subscriptions(Protocol[Carried]):
    """Carries user data streams over connections.

    Attributes:
        keeps: whether streams outlive their connection.
    """

    keeps: bool

    def logon_changed(self, logged_on: bool, by_caller: bool) -> None:
        """The logon of the requests changed; see SessionOwner.logon_changed()."""

    def lost(self, connection: Carried | None, reason: str) -> None:
        """The connection of the requests was lost; its requests and streams have not ended yet."""

    def revoked(self, connection: Carried, reason: str) -> None:
        """The logon of a connection was revoked, and will be restored."""

    async def restore(self, requester: Requester, connection: Carried) -> None:
        """Subscribe on a new connection, which does not carry requests of the user yet, or after a logon was restored.

        Raises:
            FastwsError: a subscribe got no answer: the attempt to connect fails.
        """

    async def prepare(self, requester: Requester, successor: Carried, old: Carried) -> None:
        """Subscribe on ``successor``, which will take the place of ``old``, what ``old`` carries for the client.

        Streams that no connection carries are left out, and those whose subscribe the caller signed: these stay on
        ``old`` until it ends. It may be called again for the same successor: it does what is missing there.

        Raises:
            FastwsError: a subscribe was refused, or got no answer. The rotation has failed, and give_up() follows.
        """

    def prepared(self, successor: Carried, old: Carried) -> bool:
        """Whether nothing is left for prepare() to do."""

    def hand_over(self, old: Carried, successor: Carried) -> None:
        """``successor`` takes all requests from now on, within the same turn of the event loop: so do its Streams."""

    def give_up(self, successor: Carried, reason: str) -> None:
        """``successor`` is given up, before hand_over() or after it: the old connection carries everything again."""

    def closed(self, reason: str) -> None:
        """No connection will come any more."""


class NoSubscriptions:
    """Streams end with their connection."""

    keeps = False

    def logon_changed(self, logged_on: bool, by_caller: bool) -> None:
        """Nothing relies on it."""

    def lost(self, connection: Any, reason: str) -> None:
        """Nothing is kept."""

    def revoked(self, connection: Any, reason: str) -> None:
        """Nothing is kept."""

    async def restore(self, requester: Requester, connection: Any) -> None:
        """Nothing is restored."""

    async def prepare(self, requester: Requester, successor: Any, old: Any) -> None:
        """Nothing is carried over."""

    def prepared(self, successor: Any, old: Any) -> bool:
        """Nothing is missing."""
        return True

    def hand_over(self, old: Any, successor: Any) -> None:
        """Nothing is carried over."""

    def give_up(self, successor: Any, reason: str) -> None:
        """Nothing was carried over."""

    def closed(self, reason: str) -> None:
        """Nothing is left."""
