"""``SessionOwner``: what a session asks of the client that owns it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, Protocol

from ._native.waiters import RequestInfo
from .errors import ApiError, FastwsError

__all__ = ["EndsRevoked", "SessionOwner"]


class EndsRevoked(Protocol):
    """A connection, as ``SessionOwner.revoked()`` gets it."""

    def end_revoked(self, ids: list[int], cause: ApiError) -> None:
        """End the requests with these ids, which relied on the logon that was revoked."""


class SessionOwner(ABC):
    """What a session and its streams call; most calls come from inside the read callback.

    - Outcome: ``failure``, ``orphan``, ``seen``: what requests end in.
    - Event: ``event``, ``overflowed``, ``unwanted``: what subscriptions bring.
    - Report: ``report``, ``warn``, ``call``, ``worded``, ``deprecated``: what somebody should know.
    - Life: ``heed``, ``revoked``, ``lost``: what changes for the requests that follow.
    """

    # ------------------------------------------------------------------------------------------------- outcome

    @abstractmethod
    def failure(self, info: RequestInfo, cause: FastwsError, may_be_executed: bool) -> FastwsError:
        """The exception that a request ends in.

        ``may_be_executed``: the exchange may have executed it, whatever the cause says.
        """

    @abstractmethod
    def orphan(self, info: RequestInfo, outcome: Any) -> None:
        """A request has come to its end, its result or its error, and nobody awaits it any more."""

    @abstractmethod
    def seen(self, entries: list[tuple[Any, Any, int]]) -> None:
        """Take what was seen while a trading request was open: (result or event, account, when it was read)."""

    # --------------------------------------------------------------------------------------------------- event

    @abstractmethod
    def event(self, event: Any, subscription: int | None) -> None:
        """An event that no Subscription takes; ``subscription`` is the exchange's id, if the event has one."""

    @abstractmethod
    def overflowed(self, subscription_id: int, limit: int, close: bool) -> None:
        """The buffer of a subscription, of ``limit`` events, is full. ``close``: the subscription should be ended."""

    @abstractmethod
    def unwanted(self, subscription: Any) -> None:
        """A Subscription was made after its waiter had given up."""

    # -------------------------------------------------------------------------------------------------- report

    @abstractmethod
    def report(self, message: str, exception: BaseException | None) -> None:
        """A callback of the user's failed, or an event cannot be read."""

    @abstractmethod
    def warn(self, message: str) -> None:
        """The exchange sent what nobody can use."""

    @abstractmethod
    def call(self, name: str, callback: Callable[..., object], *args: object) -> None:
        """Call a callback of the user's, and report what it raises. ``name`` is for the report."""

    @abstractmethod
    def worded(self, method: str, name: str, text: str, word: str) -> None:
        """A text that the caller made, the parameter ``name``, holds the SQL keyword ``word``.

        Raises:
            InvalidRequest: the request is to be refused for it.
        """

    @abstractmethod
    def deprecated(self) -> None:
        """The exchange calls the SBE schema deprecated."""

    # ---------------------------------------------------------------------------------------------------- life

    @abstractmethod
    def heed(self, error: ApiError, info: RequestInfo | None) -> None:
        """Do what a refusal asks for beyond its request, as to wait until a rate limit's window ends."""

    @abstractmethod
    def revoked(self, connection: EndsRevoked, error: ApiError, ids: list[int]) -> None:
        """The logon was revoked; the requests with these ids relied on it."""

    @abstractmethod
    def lost(self, reason: str) -> None:
        """The connection is gone."""
