"""``LossKeeper``: subscribes again after a loss of the connection, and tells the gap between."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Mapping
from typing import Any

from .._common.log import streams_log
from .._core import Session
from .._native.clock import Clock
from .._native.connection import Connection
from .._native.methods import method_spec
from .._native.streams import Stream
from .._native.waiters import RequestInfo
from ..errors import ApiError, ConnectionLost, FastwsError, LocallyLimited
from ..gaps import EventGap
from ..requester import Requester
from ..signing import Signer
from .gap_times import GapTimes
from .handover import Handovers
from .open_gaps import Identity, OpenGap, OpenGaps
from .user_data import unsubscribe
from .wanted import Wanted

__all__ = ["LossKeeper"]

SUBSCRIPTION_ACTIVE = -2035
# In seconds: the delay before a refused subscribe is sent again is random, up to _FIRST_DELAY, doubled with each
# refusal, up to _LONGEST_DELAY.
_FIRST_DELAY = 0.25
_LONGEST_DELAY = 30.0


class LossKeeper:
    """Keeps the user data streams of a client over losses of its connections.

    Args:
        client: sends a refused subscribe again, on the open connection.
        identity: which account an API key belongs to.

    Attributes:
        keeps: streams outlive their connection.
        gaps: the gaps that nobody has looked into yet.
        handovers: the Streams that are on their way to a successor.
    """

    keeps = True

    def __init__(
        self,
        client: Requester,
        session: Session,
        clock: Clock,
        identity: Identity,
        gaps: OpenGaps,
    ) -> None:
        self._client = client
        self._session = session
        self._clock = clock
        self._identity = identity
        self.gaps = gaps
        self._wanted: dict[Stream, Wanted] = {}
        self._times = GapTimes(clock)
        self.handovers = Handovers(
            client, session, self._tell_moved, self._interrupted, self._times.note_subscribed
        )
        self._logon_by_caller = False  # the caller signed the latest logon
        self._logged_out = False  # by the user: no logon comes back

    # -------------------------------------------------------------------------------------- of the session's owner

    def subscribed(self, stream: Stream, info: RequestInfo) -> None:
        """A reply made this Stream, or attached it to a connection; its next event has not been read yet."""
        handover = self.handovers.of(stream)
        if handover is not None:
            if stream is not handover.wanted.stream:
                return  # its shadow on the successor
            handover.conclude()
        wanted = self._wanted.get(stream)
        if wanted is None:
            wanted = self._wanted[stream] = Wanted(stream, info)
        else:
            opened, wanted.gap = wanted.gap or self._open(wanted, "the connection was lost"), None
            self._tell(wanted, opened, info.connection, stream.subscribed_at)
            wanted.stop()
            wanted.refusals = 0
        carrier = self._carrier(info.connection)
        wanted.logon_key = None if carrier is None else carrier.logon_key
        self._times.note_subscribed(wanted)

    def logon_changed(self, logged_on: bool, by_caller: bool) -> None:
        """A ``session.logon`` or a ``session.logout`` succeeded; see SessionOwner.logon_changed()."""
        self._logon_by_caller = by_caller
        self._logged_out = not logged_on
        if not logged_on:
            for wanted in list(self._wanted.values()):
                if wanted.on_logon and wanted.missing:
                    wanted.stream.end("logged out")

    def ended(self, stream: Stream) -> None:
        """A Stream has ended. A gap that was not told needs nobody's attention: nobody waits for its events."""
        self.handovers.ended(stream)
        wanted = self._wanted.pop(stream, None)
        if wanted is not None:
            wanted.stop()
            if wanted.gap is not None:
                self.gaps.close(wanted.gap)

    def signers(self) -> list[Signer]:
        """The keys of other accounts that the user data streams use."""
        return [wanted.signer for wanted in self._wanted.values() if wanted.signer is not None]

    def _carrier(self, number: int) -> Connection | None:
        return next((each for each in self._session.connections if each.number == number), None)

    def _open(self, wanted: Wanted, reason: str) -> OpenGap:
        return self.gaps.open(wanted.account, wanted.signer, reason)

    def _tell(self, wanted: Wanted, opened: OpenGap, number: int, now: int) -> None:
        """Tell a gap in its place: since ``now``, in monotonic ns, connection ``number`` brings the events again."""
        gap = self.gaps.complete(opened, *self._times.of(wanted, number, now))
        opened.trade_ids = _trade_of(wanted.stream.last)
        streams_log.warning(
            "user data events are missing %s", gap, code="gap", connection=number, reason=opened.reason
        )
        error = EventGap(f"user data events are missing {gap}: `await client.recover_gap(error.gap)`", gap)
        wanted.stream.put_gap(error, now)
        self.gaps.tell(gap)

    def _interrupted(self, wanted: Wanted, reason: str) -> None:
        """No connection carries this subscription from now on, until it is made again."""
        wanted.gap = wanted.gap or self._open(wanted, reason)

    def _tell_moved(self, wanted: Wanted, reason: str, number: int, now: int) -> None:
        """Tell a gap of a Stream that no loss has interrupted."""
        self._tell(wanted, self._open(wanted, reason), number, now)

    # ---------------------------------------------------------------------------------------------------- its life

    def lost(self, connection: Connection | None, reason: str) -> None:
        """A connection was lost. Its requests have not ended yet, and its Streams are not detached yet."""
        if connection is not None:
            self.handovers.lost(connection, reason)
        for wanted in list(self._wanted.values()):
            stream = wanted.stream
            wanted.stop()
            if connection is None or stream.connection != connection.number:
                continue
            leaving = connection.router.leaving(stream)
            if leaving is not None:
                stream.end(leaving)
            elif wanted.by_caller:
                self._end_signed(wanted, reason, "its subscribe")
            elif wanted.gap is None:
                wanted.gap = self._open(wanted, reason)
        if self._session.route is not None and self._session.route is not connection:
            self._subscribe_missing()  # another connection carries the requests: nobody restores

    def _subscribe_missing(self) -> None:
        """Subscribe again, on the connection in use, what no connection carries by the next turn of the event loop."""
        for wanted in self._wanted.values():
            if wanted.timer is None:
                self.handovers.loop.call_soon(self._try_again, wanted)

    def revoked(self, connection: Connection, reason: str) -> None:
        """The exchange revoked the logon of a connection, which will be restored: its subscription waits for that."""
        for wanted in list(self._wanted.values()):
            stream = wanted.stream
            handover = self.handovers.of(stream)
            if wanted.on_logon and handover is not None and handover.tail is None:
                if handover.old is connection and not handover.leaving:
                    handover.take_over(reason)
                elif handover.successor is connection:
                    handover.withdraw(unsubscribes=False)
            carried = stream.active and stream.connection == connection.number
            if wanted.on_logon and carried and connection.router.leaving(stream) is None:
                connection.router.detach_revoked(stream, self._session.detached)
                self._interrupted(wanted, reason)

    async def restore(self, requester: Requester, connection: Connection) -> None:
        """Subscribe again on a new connection, which does not carry requests of the user yet.

        A subscription that the exchange refuses stays wanted: it is tried again, with growing delays.

        Raises:
            FastwsError: a subscribe got no answer, or the connection has ended. The attempt to connect has failed.
        """
        if connection.close_reason is not None:
            raise ConnectionLost(f"the connection ended while it was opening: {connection.close_reason}")
        sent: list[tuple[Wanted, asyncio.Future[Exception | None]]] = []
        for wanted in list(self._wanted.values()):
            if not wanted.missing:
                continue
            wanted.stop()
            if wanted.by_caller:
                self._end_signed(wanted, "the connection was lost", "its subscribe")
            elif wanted.on_logon and not self._logged_on_for(wanted, connection):
                self._end_logged_off(wanted, connection)
            else:
                if not sent:
                    self._times.measure(requester, connection.number)
                wanted.gap = wanted.gap or self._open(wanted, "the connection was lost")
                sent.append((wanted, self._subscribe(wanted, requester)))
        for wanted, answer in sent:
            error = await answer
            if error is not None and not self._refused(wanted, error):
                raise error

    def closed(self, reason: str) -> None:
        """No connection will come any more: the Streams without one end."""
        for wanted in list(self._wanted.values()):
            wanted.stop()
            if wanted.missing:
                wanted.stream.end(reason)
        self.gaps.close_all()

    def drop(self, stream: Stream) -> None:
        """The user does not want this Stream any more, which no connection carries."""
        stream.end("unsubscribed")

    def _end_logged_off(self, wanted: Wanted, connection: Connection) -> None:
        """End the Stream of a logon that the new connection does not have.

        Raises:
            ConnectionLost: the next connection may have it.
        """
        if connection.logged_on:
            self._end_for_good(
                wanted, "the connection was lost", "the next one is logged on for another account"
            )
        elif self._logged_out:  # its subscribe was answered behind the logout
            wanted.stream.end("logged out")
        elif self._logon_by_caller:
            self._end_signed(wanted, "the connection was lost", "the session.logon that it relies on")
        else:
            raise ConnectionLost("the connection is not logged on any more")

    def _end_signed(self, wanted: Wanted, reason: str, what: str) -> None:
        """End a Stream that only the user can subscribe again."""
        self._end_for_good(wanted, reason, f"you signed {what} yourself, so fastws cannot subscribe again")

    def _end_for_good(self, wanted: Wanted, reason: str, why: str) -> None:
        error = ConnectionLost(f"the user data stream ended: {reason}; {why}")
        streams_log.warning(
            "a subscription is not carried over: %s", error, code="subscription-not-restored", reason=reason
        )
        wanted.stream.end(reason, error)

    def _logged_on_for(self, wanted: Wanted, connection: Connection) -> bool:
        """Whether the connection is logged on for the account of this subscription."""
        if not connection.logged_on:
            return False
        return self._same_account(connection.logon_key, wanted.logon_key)

    # ------------------------------------------------------------------------------------------------- subscribing

    def _subscribe(self, wanted: Wanted, requester: Requester) -> asyncio.Future[Exception | None]:
        """Subscribe again. The Future's result is the error, or None if the Stream is back."""
        assert self._session.loop_guard is not None
        answer: asyncio.Future[Exception | None] = self._session.loop_guard.loop.create_future()

        def on_reply(result: Any, error: Exception | None) -> None:
            if error is None and wanted.stream.ended:
                # unsubscribed in the meantime: the reply made another Stream
                unsubscribe(self._client, self._session, result)
            if not answer.done():
                answer.set_result(error)

        try:
            signer = None if wanted.on_logon else wanted.signer
            info = requester.request(wanted.method, on_reply=on_reply, signer=signer)
        except FastwsError as error:
            answer.set_result(error)
        else:
            wanted.stream.adopt(info)
        return answer

    def _refused(self, wanted: Wanted, error: Exception) -> bool:
        """Handle an answer that refuses a subscribe; False for an error that is no answer."""
        if not isinstance(error, (ApiError, LocallyLimited)):
            return False
        if not wanted.missing:
            return True  # ended; or back, by a late reply to an earlier subscribe
        if isinstance(error, ApiError) and error.code == SUBSCRIPTION_ACTIVE:
            if self._superseded(wanted):
                return True
            self._end_unknown()
        self._try_later(wanted, error)
        return True

    def _superseded(self, wanted: Wanted) -> bool:
        """End a Stream whose account has another one by now, which the user made while this one was missing."""
        for other in self._wanted.values():
            if other.stream.active and self._same_account(other.account, wanted.account):
                opened, wanted.gap = wanted.gap or self._open(wanted, "the connection was lost"), None
                self._tell(wanted, opened, other.stream.connection, other.stream.subscribed_at)
                reason = f"subscription {other.stream.id} of the same account took its place"
                wanted.stream.end(reason, ConnectionLost(f"the user data stream ended: {reason}"))
                return True
        return False

    def _same_account(self, key: str | None, other: str | None) -> bool:
        """Whether two keys are known to be of one account; None is the client's own key."""
        uid = self._identity(key)[1]
        return key == other or (uid is not None and uid == self._identity(other)[1])

    def _end_unknown(self) -> None:
        """End the subscriptions of the connection in use that no Stream has.

        The reply to their subscribe is lost, or they could not be ended when nobody wanted them any more.
        """

        def on_reply(result: Any, error: Exception | None) -> None:
            carrier = None if error is not None else self._carrier(info.connection)
            if carrier is None or carrier.changing:  # a subscribe in flight may have made one of them
                return
            streams = (*self._wanted, *self.handovers.streams())
            known = {stream.id for stream in streams if stream.connection == carrier.number}
            spec = method_spec("userDataStream.unsubscribe")
            try:
                for number in [row["subscriptionId"] for row in result]:
                    if number not in known:
                        params = {"subscriptionId": number}
                        self._session.send_to(carrier, spec, params, _ignore, None, None, None)
            except (TypeError, LookupError, FastwsError):
                return

        with contextlib.suppress(FastwsError):
            info = self._client.request("session.subscriptions", on_reply=on_reply)

    def _try_later(self, wanted: Wanted, error: Exception) -> None:
        """Subscribe again after a random delay, which grows with each refusal."""
        assert self._session.loop_guard is not None
        if wanted.gap is not None:
            wanted.gap.refusal = error
        delay = random.uniform(0, min(_LONGEST_DELAY, _FIRST_DELAY * 2 ** min(wanted.refusals, 20)))
        if isinstance(error, LocallyLimited):
            delay += max(0.0, (error._until_us - self._clock.now()) / 1e6)
        wanted.refusals += 1
        streams_log.warning(
            "a subscription was refused, and is tried again in %.2f s: %s",
            delay,
            error,
            code="subscribe-refused",
            attempt=wanted.refusals,
            delay=delay,
        )
        wanted.stop()
        wanted.timer = self._session.loop_guard.loop.call_later(delay, self._try_again, wanted)

    def _try_again(self, wanted: Wanted) -> None:
        wanted.timer = None
        connection = self._session.route
        if not wanted.missing or connection is None or not self._client.connected:
            return  # restore() tries on the next connection
        if wanted.on_logon and not self._logged_on_for(wanted, connection):
            try:
                self._end_logged_off(wanted, connection)
            except ConnectionLost as error:
                self._try_later(wanted, error)
            return
        self._times.measure(self._client, connection.number)

        def on_answer(answer: asyncio.Future[Exception | None]) -> None:
            error = answer.result()
            if (
                error is not None
                and wanted.missing
                and not self._refused(wanted, error)
                and self._client.connected
            ):
                self._try_later(wanted, error)

        self._subscribe(wanted, self._client).add_done_callback(on_answer)


def _trade_of(event: Any) -> dict[str, int]:
    """The id of the trade that an event shows, by its symbol."""
    if isinstance(event, Mapping) and event.get("e") == "executionReport" and event.get("x") == "TRADE":
        symbol, number = event.get("s"), event.get("t")
        if isinstance(symbol, str) and type(number) is int and number >= 0:
            return {symbol: number}
    return {}


def _ignore(result: Any, error: Exception | None) -> None:
    """An on_reply for replies that change nothing."""
