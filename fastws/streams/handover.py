"""``Handovers``: Streams go from a connection to its successor, and no event is lost or comes twice.

A Handover subscribes on the successor, while the old connection goes on. A Merge (_native/merge.pyx) sees what both
bring. Then the Stream moves to the successor, a tail takes its place on the old connection, and that is unsubscribed.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

from .._common.log import streams_log
from .._core import Session
from .._native.connection import Connection
from .._native.merge import Merge, MergeCounts
from .._native.methods import method_spec
from .._native.streams import Stream
from .._native.waiters import RequestInfo
from ..errors import FastwsError
from ..requester import Requester
from .user_data import SUBSCRIPTION_INACTIVE, unsubscribe
from .wanted import Wanted

__all__ = ["Handover", "Handovers"]

# In seconds: after this time an unsubscribe that could not be sent, or was refused, is repeated.
_REPEAT = 1.0

# Tells a gap of a Stream: the reason, the number of the connection that brings the events now, and since when, in
# monotonic ns.
Tell = Callable[[Wanted, str, int, int], None]


class Handover:
    """One Stream on its way from a connection to its successor. A Merge calls it; see Merge.

    Attributes:
        wanted: the subscription.
        old, successor: the connections.
        shadow: stands for the Stream on the successor until move().
        tail: stands for it on the old connection from then on; None before.
        merge: sees the events of both.
        answer: a Future of the error of the subscribe, or of None.
    """

    def __init__(
        self, all_: Handovers, wanted: Wanted, old: Connection, successor: Connection, before: Handover | None
    ) -> None:
        self._all = all_
        self.wanted = wanted
        self.old = old
        self.successor = successor
        self.shadow = wanted.stream.shadow()
        self.tail: Stream | None = None
        self.info: RequestInfo | None = None
        self.answer: asyncio.Future[Exception | None] = all_.loop.create_future()
        self._timer: asyncio.TimerHandle | None = None
        self.merge: Merge = Merge(
            wanted.stream,
            self.shadow,
            self,
            all_.loop.call_later,
            all_.counts,
            None if before is None else before.merge,
        )

    @property
    def ready(self) -> bool:
        """Whether the successor has the subscription, and the Stream has not moved to it yet."""
        if self.tail is not None or not self.shadow.active or self.merge.live:
            return False
        return self.successor.router.leaving(self.shadow) is None

    @property
    def leaving(self) -> bool:
        """Whether the user ends the subscription on the old connection."""
        return self.old.router.leaving(self.wanted.stream) is not None

    # ---------------------------------------------------------------------------------------------------- its steps

    def subscribe(self, requester: Requester) -> None:
        """Subscribe on the successor."""
        wanted = self.wanted
        try:
            signer = None if wanted.on_logon else wanted.signer
            self.info = requester.request(wanted.method, on_reply=self._answered, signer=signer)
        except FastwsError as error:
            self.answer.set_result(error)
        else:
            self.shadow.adopt(self.info)

    def _answered(self, result: Any, error: Exception | None) -> None:
        if isinstance(result, Stream) and result is not self.shadow and result is not self.wanted.stream:
            self._all.unsubscribe(result)  # nobody wants it any more
        if not self.answer.done():
            self.answer.set_result(error)

    def move(self, *, unsubscribes: bool) -> None:
        """The successor carries the Stream from now on."""
        self._leave_old()
        self.successor.router.replace(self.shadow, self.wanted.stream)
        self._all.forget(self.shadow)
        self.wanted.logon_key = self.successor.logon_key
        if unsubscribes:
            self.unsubscribe()

    def move_out(self) -> None:
        """The old connection does not carry the Stream any more; what it still brings goes to the Stream."""
        self._leave_old()
        self._all.forget(self.shadow)
        self.unsubscribe()

    def _leave_old(self) -> None:
        tail = self.tail = self.wanted.stream.shadow()
        self.old.router.replace(self.wanted.stream, tail)
        self._all.add(tail, self)
        self.merge.moved(tail)

    def move_back(self) -> None:
        """Undo move_out(): the old connection could not be unsubscribed."""
        assert self.tail is not None
        tail = self.tail
        self._all.forget(tail, self.wanted.stream)
        self.merge.stop()
        self._stop_timer()
        if tail.active:
            self.old.router.replace(tail, self.wanted.stream)

    def unsubscribe(self) -> None:
        """Unsubscribe on the old connection: its answer is the proof that nothing of it is missing."""
        self._timer = None
        tail = self.tail
        if tail is None or not tail.active:
            return
        params = {"subscriptionId": tail.id}
        spec = method_spec("userDataStream.unsubscribe")
        try:
            self._all.session.send_to(self.old, spec, params, self._unsubscribed, None, None, None)
        except FastwsError as error:
            self._repeat(tail, error)

    def _unsubscribed(self, result: Any, error: Exception | None) -> None:
        tail = self.tail
        if error is None or tail is None or not tail.active:
            return
        if getattr(error, "code", None) == SUBSCRIPTION_INACTIVE:
            tail.end("unsubscribed")
        else:
            self._repeat(tail, error)

    def _repeat(self, tail: Stream, error: Exception) -> None:
        if not self.old.is_open:
            return
        streams_log.warning(
            "subscription %d could not be ended: %s", tail.id, error, code="unsubscribe-failed"
        )
        self._stop_timer()
        self._timer = self._all.loop.call_later(_REPEAT, self.unsubscribe)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def take_over(self, reason: str) -> None:
        """The old connection is gone, or its logon is, before the Stream moved: the successor has it now, or soon."""
        if self.ready:
            self.move(unsubscribes=False)
            self._release(reason)
        else:  # the reply to its subscribe brings the Stream back, with a gap
            self._all.forget(self.shadow, self.wanted.stream)
            self.merge.stop()
            if self.info is not None and not self.answer.done():
                self.wanted.stream.adopt(self.info)

    def withdraw(self, *, unsubscribes: bool) -> None:
        """The Stream does not move: the old connection goes on alone."""
        self._all.forget(self.shadow)
        self.merge.withdraw()
        self._end_shadow(unsubscribes=unsubscribes)
        if self.merge.over:
            self._all.forget(self.wanted.stream)

    def _end_shadow(self, *, unsubscribes: bool) -> None:
        if not self.shadow.active:
            if not self.shadow.ended:
                self.shadow.end("unsubscribed")  # and so is what the reply makes
        elif unsubscribes:
            self._all.unsubscribe(self.shadow)

    def ended(self, stream: Stream) -> None:
        """One of the Streams has ended: the user's, the shadow or the tail."""
        if stream is self.wanted.stream:
            if self.tail is None and not self.merge.live:
                self._all.forget(self.shadow)
                self._end_shadow(unsubscribes=self.successor.is_open)
            self.over()
        elif stream is self.tail:
            self._stop_timer()
            if self.merge.over:
                return
            if self.merge.proven:
                if not self.wanted.missing:
                    self._all.note_subscribed(self.wanted)
            elif not self.merge.live:
                self._old_lost()
        elif self.tail is None:
            self.withdraw(unsubscribes=False)

    def _old_lost(self) -> None:
        """The old connection ended without the proof that all its events have come."""
        told = self.wanted.missing and self.wanted.gap is not None  # by the gap that is open already
        if self.merge.held or (not told and self._all.session.is_open):
            self._release(f"connection {self.old.number} ended before all its events had come")
        else:
            self.merge.release(time.monotonic_ns())

    def _release(self, reason: str) -> None:
        """Tell a gap, and give the user what is held."""
        self._tell(reason, self.wanted.stream.subscribed_at)
        self.merge.release(time.monotonic_ns())

    def _tell(self, reason: str, until: int) -> None:
        if not self.wanted.stream.ended:
            self._all.tell(self.wanted, reason, self.successor.number, until)

    # ---------------------------------------------------------------------------------------------- what a Merge calls

    def comes_back(self) -> bool:
        """The exchange ended the old subscription: whether the subscribe in flight on the successor replaces it.

        An exchange that lets a new subscription take the place of the old one may say so before it answers.
        """
        if self.tail is not None or self.shadow.active or self.shadow.ended:
            return False
        if self.info is None or self.answer.done():
            return False
        reason = f"the exchange ended the subscription while connection {self.old.number} was replaced"
        self._all.interrupted(self.wanted, reason)
        self.old.router.detach_into(self.wanted.stream, self._all.session.detached)
        self.take_over(reason)
        return True

    def old_ended(self) -> None:
        """The exchange ended the old subscription, which is complete: the Stream moves."""
        self.move(unsubscribes=False)

    def expired(self) -> None:
        """An event has been held for too long, or too many were remembered."""
        if self.tail is None:
            if not self.ready or self.leaving:
                self.withdraw(unsubscribes=True)
                return
            self.move(unsubscribes=True)
        self._release(f"the events of connection {self.old.number} lag behind those of its successor")

    def disordered(self) -> None:
        """The successor brought an execution report that comes before one that the old connection brought."""
        self._tell(
            f"an execution report of connection {self.successor.number} came behind a later one",
            time.monotonic_ns(),
        )

    def came_late(self) -> None:
        """The old connection brought a new event behind the end of its subscription."""
        self._all.note_late()
        self._tell(
            f"an event of connection {self.old.number} came behind the end of its subscription",
            time.monotonic_ns(),
        )

    def conclude(self) -> None:
        """The Stream ends, or something else takes the place of this: what is held goes to the user now."""
        if not self.merge.live and self.merge.held:
            self._release(f"connection {self.old.number} was given up before all its events had come")
        self.over()

    def over(self) -> None:
        """Nothing is left to compare."""
        self.merge.stop()
        self._all.forget(self.wanted.stream, self.shadow)


class Handovers:
    """The Handovers of a client.

    Args:
        interrupted: called with a subscription that no connection carries from now on, and the reason.
        note_subscribed: called with a subscription that moved without a gap.

    Attributes:
        counts: of events that were held and merged.
    """

    def __init__(
        self,
        client: Requester,
        session: Session,
        tell: Tell,
        interrupted: Callable[[Wanted, str], object],
        note_subscribed: Callable[[Wanted], object],
    ) -> None:
        self._client = client
        self.session = session
        self.tell = tell
        self.interrupted = interrupted
        self.note_subscribed = note_subscribed
        self.counts = MergeCounts(_warn_of_mismatch)
        self._of: dict[Stream, Handover] = {}  # by the user's Stream, and by its shadow and its tail
        self._late = False

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The client's event loop."""
        assert self.session.loop_guard is not None
        return self.session.loop_guard.loop

    def of(self, stream: Stream) -> Handover | None:
        """The Handover of this Stream, shadow or tail; None if there is none."""
        return self._of.get(stream)

    def streams(self) -> list[Stream]:
        """The Streams of all Handovers, their shadows and their tails."""
        return list(self._of)

    def add(self, stream: Stream, handover: Handover) -> None:
        """This Stream is one of the Handover."""
        self._of[stream] = handover

    def forget(self, *streams: Stream) -> None:
        """These Streams are of no Handover any more."""
        for stream in streams:
            self._of.pop(stream, None)

    def all(self) -> list[Handover]:
        """All Handovers, each once."""
        return [handover for stream, handover in self._of.items() if stream is handover.wanted.stream]

    def prepare(self, wanted: Wanted, old: Connection, successor: Connection) -> Handover:
        """A new Handover, which has not subscribed yet."""
        before = self._of.get(wanted.stream)
        if before is not None and not before.merge.live:
            before.conclude()
            before = None
        handover = Handover(self, wanted, old, successor, before)
        self._of[wanted.stream] = self._of[handover.shadow] = handover
        return handover

    def ended(self, stream: Stream) -> None:
        """A Stream has ended."""
        handover = self._of.pop(stream, None)
        if handover is not None:
            handover.ended(stream)

    def lost(self, connection: Connection, reason: str) -> None:
        """A connection was lost, whose Streams are still attached to it."""
        for handover in self.all():
            if handover.tail is not None:
                continue
            if handover.old is connection and handover.merge.live:
                continue  # it was withdrawn
            if handover.old is connection and not handover.leaving:
                handover.take_over(reason)
            elif handover.successor is connection:
                handover.withdraw(unsubscribes=False)

    def unsubscribe(self, stream: Stream) -> None:
        """Unsubscribe, and do not wait for the reply."""
        unsubscribe(self._client, self.session, stream)

    def note_late(self) -> None:
        """Log once that the exchange sends events behind the end of a subscription."""
        if not self._late:
            self._late = True
            streams_log.warning(
                "the exchange sent an event behind the eventStreamTerminated of its subscription: so a hand-over"
                " to another connection cannot prove that no event is missing",
                code="event-behind-end",
            )


def _warn_of_mismatch(message: str) -> None:
    streams_log.warning("%s", message, code="merge-mismatch")
