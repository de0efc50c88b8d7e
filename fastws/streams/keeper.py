"""``SubscriptionKeeper``: carries user data streams from a connection to the next one.

After a loss, restore() subscribes again, and a gap is told (loss_keeper.py). In a rotation, prepare() and hand_over()
lead the Streams over without one (handover.py).
"""

from __future__ import annotations

import asyncio

from .._native.connection import Connection
from .._native.streams import Stream
from .._native.waiters import RequestInfo
from ..errors import ApiError, ConnectionLost
from ..requester import Requester
from .handover import Handover
from .loss_keeper import SUBSCRIPTION_ACTIVE, LossKeeper
from .wanted import Wanted

__all__ = ["SubscriptionKeeper"]

# In seconds: after so long, an unsubscribe that makes room for the subscription on the successor has failed.
_ROOM = 10.0
# In seconds: until a Stream that could not follow the requests to a successor is tried again.
_FOLLOW_AGAIN = 1.0


class SubscriptionKeeper(LossKeeper):
    """Keeps the user data streams of a client over losses of its connections, and over rotations."""

    def subscribed(self, stream: Stream, info: RequestInfo) -> None:
        """A reply made this Stream, or attached it to a connection; its next event has not been read yet."""
        known = stream in self._wanted
        super().subscribed(stream, info)
        wanted, draining = self._wanted.get(stream), self._session.draining
        late = draining is not None and draining.number == info.connection
        if wanted is not None and draining is not None and late and not known:
            self.handovers.loop.call_soon(self._follow, wanted, draining)

    async def prepare(self, requester: Requester, successor: Connection, old: Connection) -> None:
        """Subscribe on ``successor``; see Subscriptions.

        Raises:
            FastwsError: a subscribe was refused, or got no answer.
        """
        begun: list[Handover] = []
        for wanted in self._to_move(successor, old):
            handover = self.handovers.of(wanted.stream)
            if handover is not None and handover.successor is successor and not handover.merge.live:
                if not handover.answer.done():
                    begun.append(handover)
                    continue
                handover.withdraw(unsubscribes=False)  # the exchange ended that subscription since
            if not begun:
                self._times.measure(requester, successor.number)
            handover = self.handovers.prepare(wanted, old, successor)
            handover.subscribe(requester)
            begun.append(handover)
        for handover in begun:
            error = await handover.answer
            wanted = handover.wanted
            if error is None or wanted.stream.ended:
                continue
            if wanted.missing:  # the old connection was lost meanwhile
                if not self._refused(wanted, error):
                    raise error
            elif handover.leaving:
                handover.withdraw(unsubscribes=False)  # the user ends it
            elif isinstance(error, ApiError) and error.code == SUBSCRIPTION_ACTIVE:
                await self._make_room(handover, requester)
            else:
                raise error

    def _to_move(self, successor: Connection, old: Connection) -> list[Wanted]:
        """What the successor is to carry, and does not yet.

        Raises:
            ConnectionLost: it is not logged on for a subscription that relies on it.
        """
        found = []
        for wanted in self._wanted.values():
            stream, handover = wanted.stream, self.handovers.of(wanted.stream)
            if not stream.active or stream.connection != old.number or wanted.by_caller:
                continue
            if handover is not None and handover.successor is successor and handover.ready:
                continue
            if old.router.leaving(stream) is not None:
                continue
            if wanted.on_logon and not self._logged_on_for(wanted, successor):
                if self._logon_by_caller:
                    continue  # only the caller can log on: it stays on the old connection, until that ends
                raise ConnectionLost(f"connection {successor.number} is not logged on as {old.number} is")
            found.append(wanted)
        return found

    def prepared(self, successor: Connection, old: Connection) -> bool:
        """Whether nothing is left for prepare() to do."""
        try:
            return not self._to_move(successor, old)
        except ConnectionLost:
            return False

    async def _make_room(self, handover: Handover, requester: Requester) -> None:
        """The exchange allows one subscription of an account: end the old one, then subscribe."""
        wanted = handover.wanted
        handover.withdraw(unsubscribes=False)
        handover = self.handovers.prepare(wanted, handover.old, handover.successor)
        wanted.gap = self._open(wanted, "the exchange allows one subscription of an account at a time")
        handover.move_out()
        assert handover.tail is not None
        await asyncio.wait([handover.tail.closed()], timeout=_ROOM)
        if not handover.tail.ended:
            self.gaps.close(wanted.gap)
            wanted.gap = None
            handover.move_back()
            raise ConnectionLost(
                "a subscription could not be ended to make room for the one of its successor"
            )
        error = await self._subscribe(wanted, requester)
        if error is not None and wanted.missing:
            raise error

    def hand_over(self, old: Connection, successor: Connection) -> None:
        """The successor takes all requests from now on: so do its Streams."""
        for handover in self.handovers.all():
            if handover.successor is successor and handover.ready:
                if handover.leaving:
                    handover.withdraw(unsubscribes=True)
                else:
                    handover.move(unsubscribes=True)

    def give_up(self, successor: Connection, reason: str) -> None:
        """The successor is given up: the old connection carries everything again."""
        for handover in self.handovers.all():
            if handover.successor is successor and handover.tail is None and not handover.merge.live:
                handover.withdraw(unsubscribes=False)
        for wanted in list(self._wanted.values()):
            stream = wanted.stream
            if not stream.active or stream.connection != successor.number:
                continue
            leaving = successor.router.leaving(stream)
            if leaving is not None:
                stream.end(leaving)
            elif wanted.by_caller:
                self._end_signed(wanted, reason, "its subscribe")
            else:
                self._interrupted(wanted, reason)
                successor.router.detach_into(stream, self._session.detached)
        self._subscribe_missing()

    def _follow(self, wanted: Wanted, old: Connection) -> None:
        """A subscribe was answered on the connection that is being left: hand the Stream over by itself."""
        successor = self._session.route
        if successor is None or successor is old or self._session.draining is not old:
            return
        try:
            to_move = wanted in self._to_move(successor, old)
        except ConnectionLost:
            to_move = False
        if not to_move:
            return
        self._times.measure(self._client, successor.number)
        handover = self.handovers.prepare(wanted, old, successor)

        def on_answer(answer: asyncio.Future[Exception | None]) -> None:
            error = answer.result()
            if error is None and handover.ready and not handover.leaving:
                handover.move(unsubscribes=True)
            elif error is not None and handover.tail is None:
                handover.withdraw(unsubscribes=False)
                self.handovers.loop.call_later(_FOLLOW_AGAIN, self._follow, wanted, old)

        handover.answer.add_done_callback(on_answer)
        handover.subscribe(self._client)
