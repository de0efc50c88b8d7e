"""``Logon``: how a new connection is logged on: as the last one was."""

from __future__ import annotations

from .._common.log import connection_log
from ..errors import BadRequest
from ..requester import Requester
from ..signing import Signer
from .clock_keeper import OUTSIDE_WINDOW, ClockKeeper

__all__ = ["Logon"]


class Logon:
    """The logon of the latest ``session.logon`` or ``session.logout``, of fastws or of the user.

    Attributes:
        wanted: whether a new connection is to be logged on.
        signer: the ``signer=`` of the logon; None for the client's own key.
        by_caller: the caller signed the logon, so it cannot be restored, and no other key takes its place.
    """

    def __init__(self, clock_keeper: ClockKeeper, *, wanted: bool) -> None:
        self._clock_keeper = clock_keeper
        self.wanted = wanted
        self.signer: Signer | None = None
        self.by_caller = False

    def changed(self, logged_on: bool, signer: Signer | None, by_caller: bool) -> None:
        """A ``session.logon`` or a ``session.logout`` succeeded; see SessionOwner.logon_changed()."""
        self.wanted = logged_on
        self.signer = signer
        self.by_caller = by_caller

    async def restore(self, requester: Requester) -> None:
        """Log on, if a logon is wanted. If the timestamp is refused, measure the exchange's time and try once more.

        Raises:
            FastwsError: the logon failed.
        """
        if not self.wanted:
            return
        if self.by_caller:
            connection_log.warning(
                "the new connection is not logged on: you signed the last session.logon yourself; send it again",
                code="logon-not-restored",
            )
            return
        try:
            await requester.request("session.logon", signer=self.signer)
        except BadRequest as error:
            if error.code != OUTSIDE_WINDOW:
                raise
            await self._clock_keeper.correct(requester)
            await requester.request("session.logon", signer=self.signer)
