"""``SessionOwner``: the interface through which a session reports to the client that owns it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, Protocol

from ._native.connection import Connection
from ._native.waiters import RequestInfo
from .errors import ApiError, FastwsError, Sender
from .signing import Signer

__all__ = ["EndsRevoked", "SessionOwner"]


class EndsRevoked(Protocol):
    """A connection, as far as ``SessionOwner.revoked()`` uses it."""

    @property
    def number(self) -> int:
        """The number of the connection."""

    def end_revoked(self, ids: list[int], cause: ApiError) -> None:
        """End the requests with these ids: they relied on the logon that the exchange revoked."""


class SessionOwner(ABC):
    """The methods that a session and its streams call, most of them inside the read callback.

    - Outcome: ``failure``, ``left_open``, ``orphan``, ``evidence``, ``evidence_kept``: what requests end in.
    - Event: ``event``, ``shutdown_notice``, ``subscribed``, ``stream_ended``, ``overflowed``, ``unclaimed``: what
      subscriptions bring.
    - Report: ``report``, ``warn``, ``call``, ``firewall_word``, ``deprecated``: what somebody should know.
    - Life: ``apply_refusal``, ``logon_changed``, ``revoked``, ``account_shown``, ``lost``, ``left``: what changes for
      requests that follow.

    Attributes:
        sender: the client, for the errors that the session makes itself.
    """

    sender: Sender

    # ------------------------------------------------------------------------------------------------- outcome

    @abstractmethod
    def failure(self, info: RequestInfo, cause: FastwsError, may_be_executed: bool) -> FastwsError:
        """The exception with which a request ends.

        Args:
            info: the record of the request.
            cause: what happened to its reply.
            may_be_executed: the exchange may have executed the request, even if ``cause`` does not leave this open.
        """

    @abstractmethod
    def left_open(self, infos: list[RequestInfo]) -> None:
        """These trading requests have unknown outcomes, since their connection is lost, or they timed out. They end
        afterwards, in errors that the session makes itself: there may be thousands."""

    @abstractmethod
    def orphan(self, info: RequestInfo, outcome: Any) -> None:
        """A request ended, and its caller does not wait for it any more. ``outcome`` is its result or its error."""

    @abstractmethod
    def evidence(self, entries: list[tuple[Any, Any, int, bool]]) -> None:
        """Take what was read while a trading request was open.

        Each entry is (result or event, API key of its account or None, time in ns of time.monotonic_ns(), whether it
        may concern an order of unknown outcome).
        """

    @abstractmethod
    def evidence_kept(self) -> None:
        """Something was read that may concern an order of unknown outcome."""

    # --------------------------------------------------------------------------------------------------- event

    @abstractmethod
    def event(self, event: Any, subscription: int | None) -> None:
        """An event came that belongs to no Subscription. ``subscription`` is its subscriptionId, if it has one."""

    @abstractmethod
    def shutdown_notice(self, connection_number: int) -> None:
        """``serverShutdown`` came on the connection of that number; event() has got it before."""

    @abstractmethod
    def subscribed(self, stream: Any, info: RequestInfo) -> None:
        """A reply made a Stream, or attached a detached one. The events behind the reply have not been read yet."""

    @abstractmethod
    def stream_ended(self, stream: Any) -> None:
        """A Stream has ended: no event comes any more."""

    @abstractmethod
    def overflowed(self, stream: Any, close: bool) -> None:
        """The buffer of a Stream is full. ``close``: end its subscription."""

    @abstractmethod
    def unclaimed(self, subscription: Any) -> None:
        """A Subscription was created after its caller had stopped waiting for it."""

    # -------------------------------------------------------------------------------------------------- report

    @abstractmethod
    def report(self, message: str, exception: BaseException | None) -> None:
        """A callback of the user failed, or an event cannot be read."""

    @abstractmethod
    def warn(self, code: str, message: str) -> None:
        """The exchange sent a message that has no use; log a warning with this code (docs/logging.md)."""

    @abstractmethod
    def call(self, name: str, callback: Callable[..., object], *args: object) -> None:
        """Call a callback of the user, and report the exception that it raises. ``name`` is for the report."""

    @abstractmethod
    def firewall_word(self, method: str, name: str, text: str, word: str) -> None:
        """The parameter ``name``, a text of the caller, contains the SQL keyword ``word``.

        Raises:
            InvalidRequest: the request must not be sent.
        """

    @abstractmethod
    def deprecated(self) -> None:
        """The exchange calls the SBE schema deprecated."""

    # ---------------------------------------------------------------------------------------------------- life

    @abstractmethod
    def apply_refusal(self, error: ApiError, info: RequestInfo | None) -> None:
        """Follow a refusal also for later requests, such as by waiting until the window of a rate limit ends."""

    @abstractmethod
    def logon_changed(
        self,
        connection: Connection,
        logged_on: bool,
        signer: Signer | None,
        by_caller: bool,
        api_key: str | None,
    ) -> None:
        """A ``session.logon`` or a ``session.logout`` succeeded.

        Args:
            connection: the connection on which it was sent.
            logged_on: whether the connection is logged on now.
            signer: the ``signer=`` of the logon; None for the client's own key.
            by_caller: the caller signed the logon (``signature=``), so fastws cannot repeat it.
            api_key: the key that is logged on; None if it is unknown, and after a logout.
        """

    @abstractmethod
    def revoked(self, connection: EndsRevoked, error: ApiError, ids: list[int]) -> None:
        """The exchange revoked the logon of a connection; the requests with these ids relied on it."""

    @abstractmethod
    def account_shown(self, info: RequestInfo, result: Any) -> None:
        """A reply to account.status came; ``result`` has the uid of the request's account."""

    @abstractmethod
    def lost(self, connection: Connection, reason: str) -> None:
        """A connection ended; ``reason`` says why. Its requests end afterwards.

        It is called once for each connection. The session's ``route`` is None already if it was this connection. If it
        was the one that was being left, ``draining`` still is this connection.
        """

    @abstractmethod
    def left(self, connection: Connection) -> None:
        """Nothing is left on the connection that is being left: no request without a reply, and no subscription.

        It is called once for each ``Session.switch()``, and not if the connection ends first.
        """
