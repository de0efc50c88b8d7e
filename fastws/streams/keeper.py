"""``SubscriptionKeeper``: carries user data streams from a connection to the next one, and tells the gaps between.

A reply to a subscribe has no time. So a ``time`` request travels with the subscribes on a new connection: its
``serverTime``, plus what the monotonic clock counted since it was written, is never before the exchange's time. The
``end`` of a gap is that, at the moment when the reply to the subscribe was read. If the answer to ``time`` was not read
by then, it is the measured clock (``client.clock``), and as much more as that may be behind: a second, the drift since
the measurement, and the time that this machine slept.

The time of an earlier subscribe, for the ``start`` of a gap, is the measured clock at its reply. Without a measurement
it is counted back from the end of the gap, by a clock that also runs while this machine sleeps.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import Mapping
from typing import Any

from .._common.log import streams_log
from .._common.times import microseconds
from .._core import Session
from .._native.clock import Clock
from .._native.connection import Connection
from .._native.streams import Stream
from .._native.waiters import RequestInfo
from ..errors import ApiError, ConnectionLost, DecodeError, FastwsError, LocallyLimited
from ..gaps import SLACK, EventGap
from ..requester import Requester
from ..signing import Signer
from .open_gaps import Identity, OpenGap, OpenGaps
from .user_data import unsubscribe

__all__ = ["SubscriptionKeeper"]

SUBSCRIPTION_ACTIVE = -2035
# In seconds: the delay before a refused subscribe is sent again is random, up to _FIRST_DELAY, doubled with each
# refusal, up to _LONGEST_DELAY.
_FIRST_DELAY = 0.25
_LONGEST_DELAY = 30.0
_UNMEASURED = 10_000_000  # microseconds: how far a clock that was never measured may be behind the exchange's
_DRIFT = 100  # microseconds a second: how much the monotonic clock may be slower than the exchange's


class _Wanted:
    """A subscription that is to exist on the client's connection, until it is unsubscribed or ended."""

    def __init__(self, stream: Stream, info: RequestInfo) -> None:
        self.stream = stream
        self.method = info.method
        self.signer: Signer | None = info.signer
        self.account = info.account
        self.on_logon = not info.method.endswith(".signature")
        self.by_caller = not self.on_logon and info.timestamp == 0
        self.logon_key: str | None = None
        self.subscribed_us: int | None = None  # the exchange's time of the reply
        self.subscribed_up = 0  # the same, as _uptime()
        self.gap: OpenGap | None = None  # from the loss of the stream to its return
        self.refusals = 0
        self.unanswered = False  # a subscribe got no answer on a connection that is still open
        self.timer: asyncio.TimerHandle | None = None

    @property
    def missing(self) -> bool:
        """Whether no connection carries it, although it has not ended."""
        return not (self.stream.ended or self.stream.active)

    def stop(self) -> None:
        """Do not try to subscribe again."""
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None


class SubscriptionKeeper:
    """Keeps the user data streams of a client over its connections.

    Args:
        client: sends a refused subscribe again, on the open connection.
        identity: which account an API key belongs to.

    Attributes:
        keeps: streams outlive their connection.
        gaps: the gaps that nobody has looked into yet.
    """

    keeps = True

    def __init__(
        self, client: Requester, session: Session, clock: Clock, identity: Identity, gaps: OpenGaps
    ) -> None:
        self._client = client
        self._session = session
        self._clock = clock
        self._identity = identity
        self.gaps = gaps
        self._wanted: dict[Stream, _Wanted] = {}
        self._slept = _uptime() - time.monotonic_ns()  # ns that the monotonic clock did not count, until now
        self._logon_by_caller = False  # the caller signed the latest logon
        self._logged_out = False  # by the user: no logon comes back
        # The connection whose `time` was answered; by how many microseconds the exchange's time is ahead of the
        # monotonic clock at most; and by how many at least, less than that.
        self._measured: tuple[int, int, int] = (0, 0, 0)

    # -------------------------------------------------------------------------------------- of the session's owner

    def subscribed(self, stream: Stream, info: RequestInfo) -> None:
        """A reply made this Stream, or attached it to a connection; its next event has not been read yet."""
        wanted = self._wanted.get(stream)
        if wanted is None:
            wanted = self._wanted[stream] = _Wanted(stream, info)
        else:
            self._tell(wanted, info.connection, stream.subscribed_at)
            wanted.stop()
            wanted.refusals = 0
        carrier = self._carrier(info.connection)
        wanted.logon_key = None if carrier is None else carrier.logon_key
        wanted.subscribed_us = self._clock.now() if self._clock.synced else None
        wanted.subscribed_up = _uptime()

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

    def _tell(self, wanted: _Wanted, number: int, now: int) -> None:
        """Tell the gap in its place: since ``now``, in monotonic ns, connection ``number`` brings the events again."""
        opened = wanted.gap or self.gaps.open(wanted.account, wanted.signer, "the connection was lost")
        wanted.gap = None
        measured, ahead, range_ = self._measured
        if measured == number:
            end = ahead + now // 1000
        else:
            range_ = self._clock_range()
            end = self._clock.now() + range_
        gap = self.gaps.complete(opened, self._start(wanted, end, end - range_), end)
        opened.trade_ids = _trade_of(wanted.stream.last)
        streams_log.warning(
            "user data events are missing %s", gap, code="gap", connection=number, reason=opened.reason
        )
        error = EventGap(f"user data events are missing {gap}: `await client.recover_gap(error.gap)`", gap)
        wanted.stream.put_gap(error, now)
        self.gaps.tell(gap)

    def _clock_range(self) -> int:
        """By how many microseconds the measured clock may be behind the exchange's, at most."""
        if self._clock.age is None:
            return _UNMEASURED
        slept = _uptime() - time.monotonic_ns() - self._slept
        return 1_000_000 + round(self._clock.age * _DRIFT) + max(0, slept) // 1000

    def _start(self, wanted: _Wanted, end: int, now: int) -> int:
        """Since when events may be missing. The exchange's time is from ``now`` to ``end``."""
        event = wanted.stream.last
        said = event.get("E") if isinstance(event, Mapping) else None
        if type(said) is int and 0 < said < 10**17 and microseconds(said) <= end:
            since = microseconds(said)
        elif wanted.subscribed_us is not None:
            since = wanted.subscribed_us
        else:
            since = now - (_uptime() - wanted.subscribed_up) // 1000
        return since - SLACK

    # ---------------------------------------------------------------------------------------------------- its life

    def lost(self, connection: Connection | None, reason: str) -> None:
        """A connection was lost. Its requests have not ended yet, and its Streams are not detached yet."""
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
                wanted.gap = self.gaps.open(wanted.account, wanted.signer, reason)

    def revoked(self, connection: Connection, reason: str) -> None:
        """The exchange revoked the logon of a connection, which will be restored: its subscription waits for that."""
        for wanted in list(self._wanted.values()):
            stream = wanted.stream
            carried = stream.active and stream.connection == connection.number
            if wanted.on_logon and carried and connection.router.leaving(stream) is None:
                connection.router.detach_revoked(stream, self._session.detached)
                wanted.unanswered = True  # the exchange may have kept the old subscription
                wanted.gap = wanted.gap or self.gaps.open(wanted.account, wanted.signer, reason)

    async def restore(self, requester: Requester, connection: Connection) -> None:
        """Subscribe again on a new connection, which does not carry requests of the user yet.

        A subscription that the exchange refuses stays wanted: it is tried again, with growing delays.

        Raises:
            FastwsError: a subscribe got no answer, or the connection has ended. The attempt to connect has failed.
        """
        if connection.close_reason is not None:
            raise ConnectionLost(f"the connection ended while it was opening: {connection.close_reason}")
        sent: list[tuple[_Wanted, asyncio.Future[Exception | None]]] = []
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
                    self._measure(requester, connection.number)
                wanted.gap = wanted.gap or self.gaps.open(
                    wanted.account, wanted.signer, "the connection was lost"
                )
                sent.append((wanted, self._subscribe(wanted, requester)))
        for wanted, answer in sent:
            error = await answer
            if error is not None and not self._refused(wanted, error):
                raise error

    async def prepare(self, requester: Requester, successor: Connection, old: Connection) -> None:
        """See Subscriptions. Streams are not carried over yet."""

    def prepared(self, successor: Connection, old: Connection) -> bool:
        return True

    def hand_over(self, old: Connection, successor: Connection) -> None: ...
    def give_up(self, successor: Connection, reason: str) -> None: ...

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

    def _end_logged_off(self, wanted: _Wanted, connection: Connection) -> None:
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

    def _end_signed(self, wanted: _Wanted, reason: str, what: str) -> None:
        """End a Stream that only the user can subscribe again."""
        self._end_for_good(wanted, reason, f"you signed {what} yourself, so fastws cannot subscribe again")

    def _end_for_good(self, wanted: _Wanted, reason: str, why: str) -> None:
        error = ConnectionLost(f"the user data stream ended: {reason}; {why}")
        streams_log.warning(
            "a subscription is not carried over: %s", error, code="subscription-not-restored", reason=reason
        )
        wanted.stream.end(reason, error)

    def _logged_on_for(self, wanted: _Wanted, connection: Connection) -> bool:
        """Whether the connection is logged on for the account of this subscription."""
        if not connection.logged_on:
            return False
        return self._same_account(connection.logon_key, wanted.logon_key)

    # ------------------------------------------------------------------------------------------------- subscribing

    def _subscribe(self, wanted: _Wanted, requester: Requester) -> asyncio.Future[Exception | None]:
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

    def _refused(self, wanted: _Wanted, error: Exception) -> bool:
        """Handle an answer that refuses a subscribe; False for an error that is no answer."""
        if not isinstance(error, (ApiError, LocallyLimited)):
            return False
        if not wanted.missing:
            return True  # ended; or back, by a late reply to an earlier subscribe
        if isinstance(error, ApiError) and error.code == SUBSCRIPTION_ACTIVE:
            if self._superseded(wanted):
                return True
            if wanted.unanswered:
                self._end_unanswered(wanted)
        self._try_later(wanted, error)
        return True

    def _superseded(self, wanted: _Wanted) -> bool:
        """End a Stream whose account has another one by now, which the user made while this one was missing."""
        for other in self._wanted.values():
            if other.stream.active and self._same_account(other.account, wanted.account):
                self._tell(wanted, other.stream.connection, other.stream.subscribed_at)
                reason = f"subscription {other.stream.id} of the same account took its place"
                wanted.stream.end(reason, ConnectionLost(f"the user data stream ended: {reason}"))
                return True
        return False

    def _same_account(self, key: str | None, other: str | None) -> bool:
        """Whether two keys are known to be of one account; None is the client's own key."""
        uid = self._identity(key)[1]
        return key == other or (uid is not None and uid == self._identity(other)[1])

    def _end_unanswered(self, wanted: _Wanted) -> None:
        """End the subscriptions of this connection that no Stream has: the replies to their subscribes are lost."""
        wanted.unanswered = False

        def on_reply(result: Any, error: Exception | None) -> None:
            known = {each.stream.id for each in self._wanted.values() if each.stream.active}
            try:
                ids = [] if error is not None else [row["subscriptionId"] for row in result]
                for number in ids:
                    if number not in known:
                        params = {"subscriptionId": number}
                        self._client.request("userDataStream.unsubscribe", params, on_reply=_ignore)
            except (TypeError, LookupError, FastwsError):
                return

        with contextlib.suppress(FastwsError):
            self._client.request("session.subscriptions", on_reply=on_reply)

    def _try_later(self, wanted: _Wanted, error: Exception) -> None:
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

    def _try_again(self, wanted: _Wanted) -> None:
        wanted.timer = None
        connection = self._session.route
        if not wanted.missing or connection is None or not self._client.connected:
            return  # restore() tries on the next connection
        self._measure(self._client, connection.number)

        def on_answer(answer: asyncio.Future[Exception | None]) -> None:
            error = answer.result()
            if (
                error is not None
                and wanted.missing
                and not self._refused(wanted, error)
                and self._client.connected
            ):
                wanted.unanswered = True
                self._try_later(wanted, error)

        self._subscribe(wanted, self._client).add_done_callback(on_answer)

    # ------------------------------------------------------------------------------------------ the exchange's time

    def _measure(self, requester: Requester, number: int) -> None:
        """Ask for the exchange's time, together with the subscribes that follow."""
        self._measured = (0, 0, 0)  # this machine may have slept since an earlier answer
        written = time.monotonic_ns()

        def on_reply(result: Any, error: Exception | None) -> None:
            try:
                said = None if error is not None else result["serverTime"]
            except (TypeError, LookupError, DecodeError):
                return
            if type(said) is int and 0 < said < 10**17:
                # a time in milliseconds was cut
                ahead = microseconds(said) + 1000 - written // 1000
                self._measured = (number, ahead, (time.monotonic_ns() - written) // 1000 + 1000)

        try:
            requester.request("time", on_reply=on_reply)
        except FastwsError:
            return


def _trade_of(event: Any) -> dict[str, int]:
    """The id of the trade that an event shows, by its symbol."""
    if isinstance(event, Mapping) and event.get("e") == "executionReport" and event.get("x") == "TRADE":
        symbol, number = event.get("s"), event.get("t")
        if isinstance(symbol, str) and type(number) is int and number >= 0:
            return {symbol: number}
    return {}


def _uptime() -> int:
    """Nanoseconds since some moment; they also run while this machine sleeps, where the system can tell."""
    # Linux has the first; of macOS, the second does what the first does on Linux
    clock = getattr(time, "CLOCK_BOOTTIME", getattr(time, "CLOCK_MONOTONIC", None))
    return time.monotonic_ns() if clock is None else time.clock_gettime_ns(clock)


def _ignore(result: Any, error: Exception | None) -> None:
    """An on_reply for replies that change nothing."""
