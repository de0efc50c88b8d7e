# cython: language_level=3
"""Events -> their subscription: a callback, or a bounded buffer that a consumer takes them from.

In: a Connection calls EventRouter.route() with each event, in wire order, and bind() and leave_answered() for replies
that make or end a subscription.
Out: on_event is called within the read callback; or the event is put into the ring of its Stream, and a consumer that
waits is woken.
Memory: a ring owns one reference to each of its events. An array, indexed by subscription id, owns the Streams of a
connection. A Stream can be detached from its connection and attached to another one; it keeps its buffer and consumer.
SessionOwner.subscribed() hears of each Stream that a reply makes or attaches, before the events that follow the reply.
Failure: an exception of on_event is reported; later events still come. A full ring loses events and counts them; its
consumer gets EventOverflow in the place of the lost events. For an event that cannot be read, the consumer gets
DecodeError in its place.

An event may come before the reply that makes its subscription. So, while a subscribe is in flight, the events of
unknown subscriptions are held. Afterwards such events go to SessionOwner.event(); they are counted, and each unknown
subscription is reported once.
"""

cimport cython
from cpython.dict cimport PyDict_CheckExact, PyDict_GetItemWithError
from cpython.mem cimport PyMem_Free, PyMem_Malloc, PyMem_Realloc
from cpython.object cimport PyObject
from cpython.ref cimport Py_DECREF, Py_INCREF
from libc.stdint cimport int32_t, int64_t
from libc.string cimport memset

from .loop_guard cimport LoopGuard, is_own_loop
from .methods cimport LOGOUT, SUBSCRIBE, SUBSCRIBE_OTHER, UNSUBSCRIBE
from .waiters cimport RequestInfo, Waiters

import weakref
from inspect import iscoroutinefunction

from .._common.shown import shown
from ..errors import ConnectionLost, DecodeError, EventOverflow, InvalidRequest
from ..gaps import EventGap

cdef extern from "Python.h":
    PyObject* PyObject_CallOneArg(object callable, object arg) noexcept
    bint PyCoro_CheckExact(object)
    bint PyExceptionInstance_Check(object)
    bint PyUnicode_CheckExact(object)
    Py_ssize_t PyUnicode_GET_LENGTH(object)

cdef:
    enum:
        MAX_ID = 65535          # a subscription id is 16 bits wide (web-socket-api.md, User Data Stream subscription)
        MAX_HELD = 65536        # events that wait for the reply to a subscribe
        MAX_REPORTED = 1024     # unknown subscriptions that a connection reports and remembers
        FIRST_ROOM = 64         # events
        MAX_STREAK = 128        # events that a consumer takes in a row before the event loop has a turn

    str END = "eventStreamTerminated"
    str _BY_EXCHANGE = "ended by the exchange"

# Seconds that a Stream waits for eventStreamTerminated, after the reply to an unsubscribe or a logout, before it ends.
GRACE = 5.0


include "stream.pxi"


@cython.final
cdef class EventRouter:
    """The Streams of one connection, by subscription id; see the module's docstring."""

    def __cinit__(self, owner, LoopGuard loop_guard not None, Waiters waiters not None):
        self._owner = owner
        self._loop_guard = loop_guard
        self._loop = loop_guard.loop
        self._waiters = waiters
        self._held = []
        self._reported = set()

    def __dealloc__(self):
        cdef int32_t i
        for i in range(self._capacity):
            if self._slots[i] != NULL:
                Py_DECREF(<object>self._slots[i])
        PyMem_Free(self._slots)

    # --------------------------------------------------------------------------------------------- hot

    cdef Stream find(self, int64_t stream_id):
        if 0 <= stream_id < self._capacity and self._slots[stream_id] != NULL:
            return <Stream>self._slots[stream_id]
        return None

    cdef Stream stream_of(self, int64_t stream_id):
        """The Stream of a subscription id, or None; -1 stands for that of the key that is logged on."""
        return self.find(stream_id) if stream_id >= 0 else self._logon_stream

    cdef int route(self, object event, int64_t stream_id, int64_t seq, int64_t now) except -1:
        """Deliver an event to its Stream. ``stream_id`` is -1 if the event names no subscription."""
        cdef Stream stream = self.find(stream_id)
        if stream is None:
            return self._route_unknown(event, stream_id, seq, now)
        return self._deliver(stream, event, seq, now)

    cdef int _deliver(self, Stream stream, object event, int64_t seq, int64_t now) except -1:
        cdef PyObject* kind = PyDict_GetItemWithError(event, "e")
        cdef bint ends = (
            kind != NULL and PyUnicode_CheckExact(<object>kind)
            and PyUnicode_GET_LENGTH(<object>kind) == 21 and <str>kind == END
        )
        if stream._tap is not None:
            return stream._tap.take(self, stream, event, ends, seq, now)
        if ends:
            return self.end_by_notice(stream, event, seq, now)
        return stream.put(event, seq, now)

    # ------------------------------------------------------------------------------------- cold: events

    cdef int end_by_notice(self, Stream stream, object event, int64_t seq, int64_t now) except -1:
        """The exchange has ended the subscription of a Stream by this event."""
        if stream.on_event is not None or stream._unclaimed:
            stream.put(event, seq, now)     # only the event tells a callback of the end
        return self._end(stream, self._end_reason(stream), None)

    cdef int end_tail(self, Stream stream, EventTap tap) except -1:
        """End the Stream of a subscription that another connection has taken over; more of its events go to ``tap``."""
        if self._tails is None:
            self._tails = {}
        self._tails[stream.id] = tap
        return self._end(stream, "unsubscribed", None)

    cdef int _deliver_error(self, Stream stream, object error, int64_t seq, int64_t now) except -1:
        if stream._tap is not None:
            return stream._tap.take_error(stream, error, seq, now)
        return stream.put_error(error, seq, now)

    cdef int unreadable(self, object error, int64_t stream_id, int64_t seq, int64_t now) except -1:
        """An event cannot be read: put the error into the Stream that it names, or else into all of them."""
        cdef Stream stream = self.find(stream_id)
        if stream is not None:
            return self._deliver_error(stream, error, seq, now)
        if stream_id < 0:
            for stream in self._all():
                self._deliver_error(stream, error, seq, now)
        elif self.held_count < MAX_HELD and self._subscribing():
            self._held.append((stream_id, error, seq, now))
            self.held_count += 1
        return 0

    cdef int _route_unknown(self, object event, int64_t stream_id, int64_t seq, int64_t now) except -1:
        """Route an event that names no subscription, or one that is not known (yet)."""
        if stream_id < 0:
            if event.get("e") == "serverShutdown":
                self._owner.event(event, None)
                self._owner.shutdown_notice(self.number)
                return 0
            if self._logon_stream is not None:
                return self._deliver(self._logon_stream, event, seq, now)
        elif self._tails is not None:
            tap = self._tails.get(stream_id)
            if tap is not None and (event.get("e") == END or (<EventTap>tap).take_late(event)):
                return 0
        if self.held_count < MAX_HELD and self._subscribing():
            self._held.append((stream_id, event, seq, now))
            self.held_count += 1
            return 0
        self.release_held()     # events keep their order
        return self._report_unknown(event, stream_id)

    cdef int _report_unknown(self, object event, int64_t stream_id) except -1:
        if stream_id >= 0:
            self.unknown += 1
            if stream_id not in self._reported and len(self._reported) < MAX_REPORTED:
                self._reported.add(stream_id)
                self._owner.warn(
                    "unknown-subscription", f"events of subscription {stream_id}, which this client did not make"
                )
        self._owner.event(event, None if stream_id < 0 else stream_id)
        return 0

    cdef bint _subscribing(self) except -1:
        """Whether a request that makes a subscription is in flight."""
        cdef RequestInfo info
        for info in self._waiters.effects.values():
            if info.sent and info.spec.effect in (SUBSCRIBE, SUBSCRIBE_OTHER):
                return True
        return False

    # ------------------------------------------------------------------------------------ cold: replies

    cdef object bind(self, RequestInfo info, object result):
        """Make the Stream that a reply announces. Returns its Subscription, or the result if there is none."""
        cdef Stream stream
        cdef object subscription = info.subject
        cdef bint unwanted = isinstance(subscription, Stream) and (<Stream>subscription).ended
        if unwanted:
            subscription = Stream(self._owner, self._loop, _ignore)     # until it is unsubscribed
        try:
            given = result["subscriptionId"]
        except (TypeError, KeyError):
            given = None
        if type(given) is not int or not 0 <= given <= MAX_ID:
            if subscription is None:
                return result
            raise DecodeError(f"the reply to {info.spec.name} has no subscriptionId from 0 to {MAX_ID}: {shown(given)}")
        if subscription is None:
            stream = Stream(self._owner, self._loop)
            stream._unclaimed = True
        elif isinstance(subscription, Stream):
            stream = subscription
        else:
            stream = subscription._stream
            if stream.on_event is None:
                stream._subscription = weakref.ref(subscription)
        # for a method that is not in the table the account is not known: the RequestInfo equals no account
        stream.account = info.account if info.spec.known else info
        stream.subscribed_at = info.received_at
        self._assign(stream, given, info.spec.effect == SUBSCRIBE)
        if not unwanted:
            self._owner.subscribed(stream, info)
            stream.last = None
        return result if subscription is None else subscription

    cdef int _assign(self, Stream stream, int64_t stream_id, bint own) except -1:
        """Give this Stream the events with this id, from now on."""
        cdef int32_t room
        cdef PyObject** slots
        if stream_id >= self._capacity:
            room = max(16, self._capacity)
            while room <= stream_id:
                room *= 2
            slots = <PyObject**>PyMem_Realloc(self._slots, room * sizeof(PyObject*))
            if slots == NULL:
                raise MemoryError
            memset(slots + self._capacity, 0, (room - self._capacity) * sizeof(PyObject*))
            self._slots = slots
            self._capacity = room
        if self._slots[stream_id] != NULL:
            self._end(self.find(stream_id), "the exchange gave its id to another subscription", None)
        stream._leave_detached()
        stream._router = self
        stream._loop_guard = self._loop_guard
        stream.id = stream_id
        stream.active = True
        Py_INCREF(stream)
        self._slots[stream_id] = <PyObject*>stream
        if own:
            self._logon_stream = stream
        return 0

    cdef int _remove(self, Stream stream) except -1:
        """Take a Stream off this connection: it gets no more events from it."""
        stream.active = False
        if self._logon_stream is stream:
            self._logon_stream = None
        if stream._end_timer is not None:
            stream._end_timer.cancel()
            stream._end_timer = None
        if self._slots[stream.id] == <PyObject*>stream:
            self._slots[stream.id] = NULL
            Py_DECREF(stream)
        return 0

    def detach(self, Stream stream not None):
        """Take a Stream off this connection: it keeps its buffer and consumer, and gets no events until attach()."""
        if stream._router is not self or not stream.active:
            raise RuntimeError(f"subscription {stream.id} is not one of this connection")
        if stream._leave_reason is not None:
            raise RuntimeError(f"subscription {stream.id} is about to end")
        self._remove(stream)
        stream._router = None
        stream.id = -1

    def attach(self, Stream stream not None, int64_t stream_id, bint own=False):
        """Give a detached Stream the events of a subscription of this connection.

        ``stream_id``: its id on this connection. ``own``: it is the subscription of the key that is logged on here.
        """
        if stream._router is not None or stream.ended:
            raise RuntimeError("only a Stream that is detached can be attached")
        if self._closed:
            raise RuntimeError("this connection has ended: it has no subscriptions")
        if not 0 <= stream_id <= MAX_ID:
            raise ValueError(f"stream_id: expected 0 to {MAX_ID}, got {stream_id}")
        self._assign(stream, stream_id, own)

    def replace(self, Stream stream not None, Stream by not None):
        """Give the subscription of a Stream to another one, which no connection carries; the first one is detached."""
        cdef int64_t stream_id = stream.id
        cdef bint own = self._logon_stream is stream
        if by._router is not None or by.ended:
            raise RuntimeError("only a Stream that is detached can be attached")
        self.detach(stream)
        self._assign(by, stream_id, own)
        by.subscribed_at = stream.subscribed_at

    cdef list detach_all(self, list detached):
        """Detach all Streams into a list. Those that an unsubscribe or a logout is about to end are ended instead."""
        cdef Stream stream
        self._closed = True
        self._tails = None
        for stream in self._all():
            if stream._leave_reason is not None:
                self._end(stream, stream._leave_reason, None)
            elif stream.on_event is _ignore:
                self._end(stream, "unsubscribed", None)
            else:
                self.detach_into(stream, detached)
        return detached

    def detach_revoked(self, Stream stream not None, list detached not None):
        """detach_into(), for a Stream whose logon was revoked: what still comes for its id is ignored."""
        cdef int32_t stream_id = stream.id
        self.detach_into(stream, detached)
        self._assign(Stream(self._owner, self._loop, _ignore), stream_id, False)

    def detach_into(self, Stream stream not None, list detached not None):
        """detach(), and keep the Stream in this list until it is attached again, or ends."""
        self.detach(stream)
        detached.append(stream)
        stream._detached = detached

    cdef int deliver_held(self) except -1:
        """A subscription was made: deliver the events that were held for it."""
        cdef Stream stream
        cdef list held, others = []
        if not self.held_count:
            return 0
        held, self._held, self.held_count = self._held, others, 0
        for stream_id, event, seq, now in held:
            stream = self.find(stream_id) if stream_id >= 0 else self._logon_stream
            if stream is not None and not PyDict_CheckExact(event):
                self._deliver_error(stream, event, seq, now)
            elif stream is not None:
                self._deliver(stream, event, seq, now)
            else:
                others.append((stream_id, event, seq, now))
                self.held_count += 1
        return 0

    cdef int release_held(self) except -1:
        """If no subscribe is in flight, report the held events: no subscription here will take them."""
        cdef list held
        if not self.held_count or self._subscribing():
            return 0
        held, self._held, self.held_count = self._held, [], 0
        for stream_id, event, _, _ in held:
            if PyDict_CheckExact(event):        # an event that cannot be read was logged already
                self._report_unknown(event, stream_id)
        return 0

    cdef int leave_answered(self, RequestInfo info) except -1:
        """An unsubscribe or a logout succeeded: Streams end with eventStreamTerminated, or after GRACE seconds."""
        cdef Stream stream
        cdef str reason = "logged out" if info.spec.effect == LOGOUT else "unsubscribed"
        if info.spec.effect == LOGOUT:
            ending = [] if self._logon_stream is None else [self._logon_stream]
        elif info.subject is None:
            ending = self._all()
        else:
            ending = [stream for stream in self._all() if str(stream.id) == info.subject]
        for stream in ending:
            if stream._leave_reason is None:
                stream._leave_reason = reason
                stream._end_timer = self._loop.call_later(GRACE, self._overdue, stream)
        return 0

    def _overdue(self, Stream stream not None):
        self._end(stream, stream._leave_reason, None)

    cdef str _end_reason(self, Stream stream):
        """Why a subscription ended; the exchange gives no reason."""
        cdef RequestInfo info
        if stream._leave_reason is not None:
            return stream._leave_reason
        for info in self._waiters.effects.values():
            if info.spec.effect == UNSUBSCRIBE and info.subject in (None, str(stream.id)):
                return "unsubscribed"
            if info.spec.effect == LOGOUT and stream is self._logon_stream:
                return "logged out"
        return _BY_EXCHANGE

    # --------------------------------------------------------------------------------------- cold: ends

    cdef int _end(self, Stream stream, object reason, object error) except -1:
        """End a Stream: its consumer gets the buffered events first, then the end."""
        if stream.ended:
            return 0
        self._remove(stream)
        return stream._finish(reason, error)

    cdef int revoked(self, object error) except -1:
        """The logon was revoked: its subscription ends; those made by signature go on."""
        if self._logon_stream is not None:
            self._end(self._logon_stream, f"the session was revoked: {error}", error)
        return 0

    cdef int finish(self, object reason, bint clean) except -1:
        """The connection has ended: end all Streams. ``clean``: the client was closed, so there is no error."""
        cdef Stream stream
        self._closed = True
        self._tails = None
        self.release_held()
        for stream in self._all():
            if stream._tap is not None:
                stream._tap.take_end(stream)
            self._end(stream, reason, None if clean else ConnectionLost(f"the user data stream ended: {reason}"))
        return 0

    @property
    def number(self):
        """The number of the connection."""
        return self._waiters.connection

    def leaving(self, Stream stream not None):
        """Why this Stream is about to end: the user has sent an unsubscribe or a logout. None if it is not."""
        cdef str reason = self._end_reason(stream)
        return None if reason == _BY_EXCHANGE else reason

    cdef bint has_streams(self) noexcept:
        """Whether a subscription has its events on this connection."""
        cdef int32_t i
        for i in range(self._capacity):
            if self._slots[i] != NULL:
                return True
        return False

    cdef list _all(self):
        cdef int32_t i
        return [<Stream>self._slots[i] for i in range(self._capacity) if self._slots[i] != NULL]


def _ignore(event):
    """An on_event for events that nobody wants."""


def check_consumer(on_event, buffer, on_overflow):
    """Raise InvalidRequest for a wrong on_event=, buffer= or on_overflow= of a subscription."""
    if on_event is not None and not callable(on_event):
        raise InvalidRequest(f"on_event: expected a callable, got {shown(on_event)}")
    if iscoroutinefunction(on_event):
        raise InvalidRequest(
            f"on_event: expected a plain function, got one that returns a coroutine: {shown(on_event)}"
        )
    if type(buffer) is not int or not 0 < buffer <= 1 << 30:
        raise InvalidRequest(f"buffer: expected a number of events from 1 to 2^30, got {shown(buffer)}")
    if on_overflow not in ("error", "close") and not callable(on_overflow):
        raise InvalidRequest(f"on_overflow: expected 'error', 'close' or a callable, got {shown(on_overflow)}")
    if on_event is not None and (buffer != 65536 or on_overflow != "error"):
        raise InvalidRequest("on_event takes each event at once: buffer and on_overflow are for a subscription without")
