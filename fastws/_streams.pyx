# cython: language_level=3
"""Events -> their subscription: a callback, or a bounded buffer that a consumer takes them from.

In: _core gives each event to Streams.route(), in wire order, and tells of replies that make or end a subscription.
Out: on_event is called within the read callback; or the event is put into its Stream's ring, and who waits is woken.
Memory: a ring owns one reference to each of its events; an array, indexed by subscription id, owns the Streams.
Failure: a callback that raises is reported, and harms nothing else. A ring that is full loses events, counts them, and
its consumer is told at the very place where they are missing (EventOverflow). So it is of an event that cannot be read
(DecodeError). Nothing is dropped in silence.

An event may come before the reply that makes its subscription: while a subscribe is in flight, what belongs to nobody
is held. What belongs to nobody then goes to the connection's own handler, is counted, and reported once a subscription.
"""

cimport cython
from cpython.dict cimport PyDict_CheckExact, PyDict_GetItemWithError
from cpython.mem cimport PyMem_Free, PyMem_Malloc, PyMem_Realloc
from cpython.object cimport PyObject
from cpython.ref cimport Py_DECREF, Py_INCREF
from libc.stdint cimport int32_t, int64_t
from libc.string cimport memset

from ._home cimport Home, is_home
from ._methods cimport LOGOUT, SUBSCRIBE, SUBSCRIBE_OTHER, UNSUBSCRIBE
from ._waiters cimport RequestInfo, Waiters

import weakref

from ._shown import shown
from .errors import ConnectionLost, DecodeError, EventOverflow, InvalidRequest

cdef extern from "Python.h":
    object PyObject_CallOneArg(object callable, object arg)
    bint PyCoro_CheckExact(object)
    bint PyUnicode_CheckExact(object)
    Py_ssize_t PyUnicode_GET_LENGTH(object)

cdef:
    enum:
        MAX_ID = 65535          # a subscription id is 16 bits wide (web-socket-api.md, User Data Stream subscription)
        MAX_HELD = 65536        # events that wait for the reply to a subscribe
        MAX_TOLD = 1024         # subscriptions of nobody that are reported and remembered, of a connection
        FIRST_ROOM = 64         # events
        IN_A_ROW = 128          # events that a consumer gets before the event loop has a turn

    str END = "eventStreamTerminated"

# From the reply of an unsubscribe or a logout to the eventStreamTerminated that follows, in seconds; then it is done
# without.
GRACE = 5.0


@cython.final
cdef class Stream:
    """What a subscription receives. Made for a Subscription, which is its face; see the module's docstring.

    Args:
        owner, loop: a SessionOwner (owner.py), and its event loop.
        on_event: called with each event; None for a buffer.
        limit: events that the buffer may hold.
        on_overflow: "error", "close", or called with (subscription, event).
    """

    def __cinit__(self, owner, loop, on_event=None, Py_ssize_t limit=65536, on_overflow="error"):
        self._owner = owner
        self._loop = loop
        self.on_event = on_event
        self.limit = limit
        self._on_overflow = on_overflow
        self.id = -1

    def __dealloc__(self):
        cdef Py_ssize_t i
        for i in range(self.size):
            Py_DECREF(<object>self._ring[(self._first + i) & (self._capacity - 1)].event)
        PyMem_Free(self._ring)

    # --------------------------------------------------------------------------------------------- hot

    cdef int put(self, object event, int64_t seq, int64_t now) except -1:
        self.events += 1
        if self.on_event is not None:
            self.seq = seq
            self.received_at = now
            try:
                made = PyObject_CallOneArg(self.on_event, event)
            except BaseException as exc:    # not let through: the next event must come all the same
                self._owner.report("on_event raised an exception", exc)
                return 0
            if made is not None and PyCoro_CheckExact(made):
                self._refuse_coroutine(made)
            return 0
        if self.size >= self._room and not self._make_room(event):
            return 0
        return self._keep(event, seq, now)

    cdef int _keep(self, object event, int64_t seq, int64_t now) except -1:
        """Put something into the ring, which has room for it."""
        cdef Entry* entry
        entry = &self._ring[(self._first + self.size) & (self._capacity - 1)]
        Py_INCREF(event)
        entry.event = <PyObject*>event
        entry.seq = seq
        entry.received_at = now
        self.size += 1
        if self._waiter is not None:
            self._wake()
        return 0

    def take(self):
        """The next event; None when wait() is due first. At the end it raises what there is to say of it."""
        cdef Entry* entry
        if self.size == 0:
            return self._empty()
        if self._streak >= IN_A_ROW:
            return None
        self._streak += 1
        entry = &self._ring[self._first]
        event = <object>entry.event
        self.seq = entry.seq
        self.received_at = entry.received_at
        self._first = (self._first + 1) & (self._capacity - 1)
        self.size -= 1
        Py_DECREF(event)
        if not PyDict_CheckExact(event):
            raise event
        return event

    # -------------------------------------------------------------------------------------------- cold

    cdef int put_error(self, object error, int64_t seq, int64_t now) except -1:
        """An event could not be read: its consumer is told in its place."""
        self.events += 1
        if self.on_event is not None or self._raw:
            self._owner.report(f"an event of subscription {self.id} cannot be read", error)
            return 0
        told = DecodeError(f"an event that cannot be read: {error}")
        told.__cause__ = error
        if self.size >= self._room and not self._make_room(None):
            return 0
        return self._keep(told, seq, now)

    cdef object _empty(self):
        cdef int64_t lost = self._gap
        if lost:
            self._gap = 0
            self._room = min(self._capacity, self.limit)
            raise EventOverflow(f"{lost} events found the buffer full ({self.limit} events) and are lost", lost)
        if not self.ended:
            return None
        if self.error is not None:
            raise self.error.with_traceback(None)
        raise StopAsyncIteration

    cdef bint _make_room(self, object event) except -1:
        """Whether there is room for one more event; else the loss is counted, and told."""
        if self._raw:
            self._owner.event(event, self.id)
            return False
        if self.size < self.limit and self._gap == 0:
            self._grow()
            return True
        if event is not None and callable(self._on_overflow):
            self._owner.call("on_overflow", self._on_overflow, self.face(), event)
            if self.size < self.limit:      # it took what was there
                return True
        elif self._gap == 0:
            self._gap = 1
            self._room = 0                  # the gap has one place, behind what is buffered
            self._owner.overflowed(self.id, self.limit, self._on_overflow == "close")
        else:
            self._gap += 1
        self.lost += 1
        self._streams.lost += 1
        return False

    cdef int _grow(self) except -1:
        """Twice as many places, for events in the order in which they stand."""
        cdef Py_ssize_t capacity = self._capacity
        cdef Py_ssize_t i
        cdef Entry* ring
        if self.size == capacity:
            ring = <Entry*>PyMem_Malloc(max(FIRST_ROOM, 2 * capacity) * sizeof(Entry))
            if ring == NULL:
                raise MemoryError
            for i in range(self.size):
                ring[i] = self._ring[(self._first + i) & (capacity - 1)]
            PyMem_Free(self._ring)
            self._ring = ring
            self._capacity = max(FIRST_ROOM, 2 * capacity)
            self._first = 0
        self._room = min(self._capacity, self.limit)
        return 0

    def take_all(self):
        """All that is buffered, as a list.

        Nothing is said of losses, of what cannot be read, or of the end, which take() tells.
        """
        cdef list events = []
        cdef list errors = []
        cdef Entry* entry
        while self.size:
            self._streak = 0
            entry = &self._ring[self._first]
            seq, now = entry.seq, entry.received_at
            try:
                events.append(self.take())
            except DecodeError as exc:
                errors.append((exc, seq, now))
        for exc, seq, now in errors:
            self._keep(exc, seq, now)
        return events

    def wait(self):
        """A future that is done as soon as there is something to take, and not before the loop's next turn."""
        if self._waiter is not None and not self._waiter.done():
            raise RuntimeError("another task waits for the events of this subscription: they go to one consumer")
        if self._streams is not None and not is_home(self._streams._home):
            self._streams._home.check("a subscription")
        self._streak = 0
        self._waiter = self._loop.create_future()
        if self.size or self._gap or self.ended:
            self._loop.call_soon(self._wake)
        return self._waiter

    def _wake(self):
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    def closed(self):
        """A future of the reason why it ended."""
        if self._streams is not None:
            self._streams._home.check("wait_closed", "asyncio.run_coroutine_threadsafe")
        if self._done is None:
            self._done = self._loop.create_future()
            if self.ended:
                self._done.set_result(self.reason)
        return self._done

    def face(self):
        """The Subscription, if somebody holds it."""
        return None if self._face is None else self._face()

    def _refuse_coroutine(self, coroutine):
        coroutine.close()
        self._owner.report(
            "on_event did nothing",
            TypeError("on_event must be a plain function: it is called, nobody would await its coroutine"),
        )


@cython.final
cdef class Streams:
    """The subscriptions of one connection; see the module's docstring. Its Session owns it."""

    def __cinit__(self, owner, Home home not None, Waiters waiters not None):
        self._owner = owner
        self._home = home
        self._loop = home.loop
        self._waiters = waiters
        self._held = []
        self._told = set()

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

    cdef Stream own(self):
        """The subscription of the session that is logged on, or None."""
        return self._own

    cdef int route(self, object event, int64_t stream_id, int64_t seq, int64_t now) except -1:
        """Give an event to whom it belongs. ``stream_id`` is -1 where the event names no subscription."""
        cdef Stream stream = self.find(stream_id)
        if stream is None:
            return self._elsewhere(event, stream_id, seq, now)
        return self._give(stream, event, seq, now)

    cdef int _give(self, Stream stream, object event, int64_t seq, int64_t now) except -1:
        cdef PyObject* kind = PyDict_GetItemWithError(event, "e")
        if (
            kind != NULL and PyUnicode_CheckExact(<object>kind)
            and PyUnicode_GET_LENGTH(<object>kind) == 21 and <str>kind == END
        ):
            if stream.on_event is not None or stream._raw:
                stream.put(event, seq, now)     # a callback has no other way to hear of it
            return self._end(stream, self._why(stream), None)
        return stream.put(event, seq, now)

    # ------------------------------------------------------------------------------------- cold: events

    cdef int unreadable(self, object error, int64_t stream_id, int64_t seq, int64_t now) except -1:
        """A message cannot be read: told to the subscription that it names, or else to each that it may belong to."""
        cdef Stream stream = self.find(stream_id)
        if stream is not None:
            return stream.put_error(error, seq, now)
        if stream_id < 0:
            for stream in self._all():
                stream.put_error(error, seq, now)
        elif self.holding < MAX_HELD and self._subscribing():
            self._held.append((stream_id, error, seq, now))
            self.holding += 1
        return 0

    cdef int _elsewhere(self, object event, int64_t stream_id, int64_t seq, int64_t now) except -1:
        """An event that names no subscription, or one that is not known (yet)."""
        if stream_id < 0:
            if event.get("e") == "serverShutdown":
                self._owner.event(event, None)
                return 0
            if self._own is not None:
                return self._give(self._own, event, seq, now)
        if self.holding < MAX_HELD and self._subscribing():
            self._held.append((stream_id, event, seq, now))
            self.holding += 1
            return 0
        self.settle()       # what came before goes before
        return self._stray(event, stream_id)

    cdef int _stray(self, object event, int64_t stream_id) except -1:
        if stream_id >= 0:
            self.unknown += 1
            if stream_id not in self._told and len(self._told) < MAX_TOLD:
                self._told.add(stream_id)
                self._owner.warn(f"events of subscription {stream_id}, which nobody here made")
        self._owner.event(event, None if stream_id < 0 else stream_id)
        return 0

    cdef bint _subscribing(self) except -1:
        """Whether a request that makes a subscription is in flight."""
        cdef RequestInfo info
        for info in self._waiters.effects:
            if info.sent and info.spec.effect in (SUBSCRIBE, SUBSCRIBE_OTHER):
                return True
        return False

    # ------------------------------------------------------------------------------------ cold: replies

    cdef object bind(self, RequestInfo info, object result):
        """Make the subscription of a reply; what the reply gives is its Subscription, or the result as it is."""
        cdef Stream stream
        cdef object face = info.subject
        cdef int64_t stream_id
        cdef int32_t room
        cdef PyObject** slots
        try:
            given = result["subscriptionId"]
        except (TypeError, KeyError):
            given = None
        if type(given) is not int or not 0 <= given <= MAX_ID:
            if face is None:
                return result
            raise DecodeError(f"the reply to {info.spec.name} has no subscriptionId from 0 to {MAX_ID}: {shown(given)}")
        stream_id = given
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
        if face is None:
            stream = Stream(self._owner, self._loop)
            stream._raw = True
        else:
            stream = face._stream
            if stream.on_event is None:
                stream._face = weakref.ref(face)
        stream._streams = self
        # by whatever means a method that nobody knows makes one: it is of nobody's account
        stream.account = info.account if info.spec.known else info
        stream.id = stream_id
        stream.active = True
        Py_INCREF(stream)
        self._slots[stream_id] = <PyObject*>stream
        if info.spec.effect == SUBSCRIBE:
            self._own = stream
        return result if face is None else face

    cdef int pour(self) except -1:
        """A subscription was made: give what was held for it to it."""
        cdef Stream stream
        cdef list held, others = []
        if not self.holding:
            return 0
        held, self._held, self.holding = self._held, others, 0
        for stream_id, event, seq, now in held:
            stream = self.find(stream_id) if stream_id >= 0 else self._own
            if stream is not None and not PyDict_CheckExact(event):
                stream.put_error(event, seq, now)
            elif stream is not None:
                self._give(stream, event, seq, now)
            else:
                others.append((stream_id, event, seq, now))
                self.holding += 1
        return 0

    cdef int settle(self) except -1:
        """What is held belongs to nobody, unless a subscribe is in flight."""
        cdef list held
        if not self.holding or self._subscribing():
            return 0
        held, self._held, self.holding = self._held, [], 0
        for stream_id, event, _, _ in held:
            if PyDict_CheckExact(event):        # what cannot be read was logged
                self._stray(event, stream_id)
        return 0

    cdef int left(self, RequestInfo info) except -1:
        """An unsubscribe or a logout was answered: what it ends says so itself, or else ends a little later."""
        cdef Stream stream
        cdef str reason = "logged out" if info.spec.effect == LOGOUT else "unsubscribed"
        if info.spec.effect == LOGOUT:
            ending = [] if self._own is None else [self._own]
        elif info.subject is None:
            ending = self._all()
        else:
            ending = [stream for stream in self._all() if str(stream.id) == info.subject]
        for stream in ending:
            if stream._leaving is None:
                stream._leaving = reason
                stream._grace = self._loop.call_later(GRACE, self._overdue, stream)
        return 0

    def _overdue(self, Stream stream not None):
        self._end(stream, stream._leaving, None)

    cdef str _why(self, Stream stream):
        """Why a subscription ended, of which the exchange gives no reason."""
        cdef RequestInfo info
        if stream._leaving is not None:
            return stream._leaving
        for info in self._waiters.effects:
            if info.spec.effect == UNSUBSCRIBE and info.subject in (None, str(stream.id)):
                return "unsubscribed"
            if info.spec.effect == LOGOUT and stream is self._own:
                return "logged out"
        return "ended by the exchange"

    # --------------------------------------------------------------------------------------- cold: ends

    cdef int _end(self, Stream stream, object reason, object error) except -1:
        """The last event of a subscription has come: its consumer is told behind what is buffered."""
        if stream.ended:
            return 0
        stream.ended = True
        stream.active = False
        stream.reason = reason
        stream.error = error
        if self._own is stream:
            self._own = None
        if self._slots[stream.id] == <PyObject*>stream:
            self._slots[stream.id] = NULL
            Py_DECREF(stream)
        if stream._grace is not None:
            stream._grace.cancel()
            stream._grace = None
        stream._wake()
        if stream._done is not None and not stream._done.done():
            stream._done.set_result(reason)
        return 0

    cdef int revoked(self, object error) except -1:
        """The session's key was revoked: its own subscription ends, those made by signature do not."""
        if self._own is not None:
            self._end(self._own, f"the session was revoked: {error}", error)
        return 0

    cdef int finish(self, object reason, bint clean) except -1:
        """The connection is gone. ``clean``: the client was closed."""
        cdef Stream stream
        self.settle()
        for stream in self._all():
            self._end(stream, reason, None if clean else ConnectionLost(f"the user data stream ended: {reason}"))
        return 0

    cdef list _all(self):
        cdef int32_t i
        return [<Stream>self._slots[i] for i in range(self._capacity) if self._slots[i] != NULL]


def check_consumer(on_event, buffer, on_overflow):
    """Refuse what is no on_event=, buffer= or on_overflow= of a subscription."""
    if on_event is not None and not callable(on_event):
        raise InvalidRequest(f"on_event: expected a callable, got {shown(on_event)}")
    if type(buffer) is not int or not 0 < buffer <= 1 << 30:
        raise InvalidRequest(f"buffer: expected a number of events from 1 to 2^30, got {shown(buffer)}")
    if on_overflow not in ("error", "close") and not callable(on_overflow):
        raise InvalidRequest(f"on_overflow: expected 'error', 'close' or a callable, got {shown(on_overflow)}")
    if on_event is not None and (buffer != 65536 or on_overflow != "error"):
        raise InvalidRequest("on_event takes each event at once: buffer and on_overflow are for a subscription without")
