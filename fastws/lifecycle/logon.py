"""``Logon``: how a connection is logged on: as the last one was."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._common.log import connection_log
from .._native.methods import EFFECTS, MethodSpec
from ..errors import BadRequest, NotSent
from ..requester import Requester
from ..signing import Signer
from .clock_keeper import OUTSIDE_WINDOW, ClockKeeper
from .parts import LiveConnection
from .shared import Gates

__all__ = ["Logon"]

_OF_LOGON = frozenset((EFFECTS["LOGON"], EFFECTS["LOGOUT"]))


class Logon:
    """The logon of the latest ``session.logon`` or ``session.logout``, of fastws or of the user.

    Attributes:
        wanted: whether a connection is to be logged on.
        signer: the ``signer=`` of the logon; None for the client's own key.
        by_caller: the caller signed the logon, so it cannot be restored, and no other key takes its place.
        api_key: the key that is logged on, or was; None if it is unknown.
    """

    def __init__(self, clock_keeper: ClockKeeper, gates: Gates, *, wanted: bool) -> None:
        self._clock_keeper = clock_keeper
        self._gates = gates
        self._hold: _LogonHold | None = None
        self.wanted = wanted
        self.signer: Signer | None = None
        self.by_caller = False
        self.api_key: str | None = None
        self._number = 0  # of the connection that has it

    def changed(
        self, number: int, logged_on: bool, signer: Signer | None, by_caller: bool, api_key: str | None
    ) -> None:
        """A ``session.logon`` or a ``session.logout`` succeeded on the connection of this number.

        The other arguments are those of SessionOwner.logon_changed().
        """
        self._number = number
        self.wanted = logged_on
        self.signer = signer
        self.by_caller = by_caller
        self.api_key = api_key
        self.release()

    async def restore(self, requester: Requester) -> None:
        """Log on, if a logon is wanted. If the timestamp is refused, measure the exchange's time and try once more.

        Raises:
            FastwsError: the logon failed.
        """
        if not self.wanted or self.by_caller:
            return
        try:
            await requester.request("session.logon", signer=self.signer)
        except BadRequest as error:
            if error.code != OUTSIDE_WINDOW:
                raise
            await self._clock_keeper.correct(requester)
            await requester.request("session.logon", signer=self.signer)

    def matches(self, connection: LiveConnection) -> bool:
        """Whether a connection is logged on as it is to be, as far as fastws can log it on."""
        if not self.wanted or self.by_caller:
            return not connection.logged_on
        key = self._gates.own_key if self.signer is None else self.signer.api_key
        return connection.logged_on and connection.logon_key in (None, key)

    async def match(self, requester: Requester, connection: LiveConnection) -> None:
        """Log a connection on or out, unless matches() is true.

        Raises:
            FastwsError: that failed.
        """
        if self.matches(connection):
            return
        if self.wanted and not self.by_caller:
            await self.restore(requester)
        else:
            await requester.request("session.logout")

    def carries(self, connection: LiveConnection) -> None:
        """Another connection carries the requests from now on: refuse those that rely on a logon which it lacks."""
        if self.wanted and self.by_caller and connection.number != self._number:
            why = "the new connection is not logged on: you signed the last session.logon yourself; send it again"
            connection_log.warning("%s", why, code="logon-not-restored", connection=connection.number)
            if self.is_foreign:
                self.hold(f"{why}, or session.logout", revoked=False)
        elif self.by_caller or self.matches(connection):
            self.release()

    def is_lost(self, connection: LiveConnection) -> bool:
        """Whether a connection that was logged on as it was to be has lost its logon."""
        had = not self.by_caller or connection.number == self._number
        return self.wanted and had and not connection.logged_on

    def is_missing(self, connection: LiveConnection) -> bool:
        """Whether a connection is not logged on, although restore() has logged on there."""
        return self.wanted and not self.by_caller and not connection.logged_on

    @property
    def is_foreign(self) -> bool:
        """Whether the logon is of another key than the client's own, by which requests would be signed without it."""
        return self.api_key is not None and self.api_key != self._gates.own_key

    def hold(self, why: str, *, revoked: bool) -> _LogonHold:
        """Refuse the requests that rely on the logon, until it is restored, or replaced, or ended by a logout.

        ``revoked``: its key cannot sign either.
        """
        self.release()
        self._hold = _LogonHold(why, self.is_foreign, self.api_key if revoked else None)
        self._gates.limiter.hold(self._hold)
        return self._hold

    def release(self) -> None:
        """Refuse them no longer."""
        if self._hold is not None:
            self._gates.limiter.release(self._hold)
            self._hold = None


class _LogonHold:
    """A Hold (holds.py) while a logon is gone.

    It refuses all trading for the account that was logged on. If that was not the client's own account, it refuses
    everything that would be signed with the client's own key instead.
    """

    def __init__(self, why: str, foreign: bool, revoked: str | None) -> None:
        self._why = why
        self._foreign = foreign
        self._revoked = revoked  # an API key

    def refuses(self, spec: MethodSpec, params: Mapping[str, Any], account: str | None) -> bool:
        if spec.effect in _OF_LOGON or spec.always_signed or params.get("signature") is not None:
            return False  # it never relies on a logon
        if account is None:
            return spec.authorised if self._foreign else spec.trading
        return spec.trading and account == self._revoked

    def error(self, method: str) -> NotSent:
        return NotSent(f"{method} was not sent: {self._why}")
