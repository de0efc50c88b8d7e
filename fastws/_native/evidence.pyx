# cython: language_level=3
"""What was seen while a trading request was open: results that name orders of other requests, and events.

In: _core gives each of them, while a trading request is in flight or its outcome is unknown; else nothing is done.
Out: take() gives them as a list; so does a ring that is full, to the owner, which looks later whom they name.
Memory: the ring owns a reference to what it holds. What was read before the oldest open request was written is dropped
unseen, unless very many are in flight: where all are answered in time, that is all there is.
Failure: none of its own.
"""

cimport cython
from cpython.list cimport PyList_CheckExact, PyList_GET_SIZE
from cpython.object cimport PyObject
from cpython.ref cimport Py_DECREF, Py_INCREF
from libc.stdint cimport INT64_MAX, int64_t

from .streams cimport EventRouter, Stream
from .waiters cimport InFlight, RequestInfo

cdef enum:
    MAX_ROWS = 1024         # orders in the lists that the ring holds
    FEW = 256               # requests in flight that are looked through in the read callback

cdef int64_t NOBODY = INT64_MAX

UNKNOWN = object()          # whose account an event is about that no subscription is known for


@cython.final
cdef class Evidence:
    """See the module's docstring. ``owner``: a SessionOwner, whose seen() gets what take() gives."""

    def __cinit__(self, owner, InFlight in_flight not None):
        self._owner = owner
        self._in_flight = in_flight
        self.since = NOBODY

    def __dealloc__(self):
        while self._size:
            self._drop()

    # --------------------------------------------------------------------------------------------- hot

    cdef bint wanted(self) noexcept:
        """Whether a trading request is open."""
        return self._in_flight.trading != 0 or self.since != NOBODY

    cdef int note(self, object what, object source, int64_t stream_id, int64_t now) except -1:
        """Hold a result, or an event, for as long as it may matter.

        ``source``: the RequestInfo of a result; the Stream of an event, or where that is not known (yet) the
        EventRouter of its connection.
        """
        cdef Seen* seen
        if PyList_CheckExact(what):
            self._rows += PyList_GET_SIZE(what)
        if self._size == ROOM or self._rows > MAX_ROWS:
            self._make_room()
        seen = &self._ring[(self._first + self._size) % ROOM]
        Py_INCREF(what)
        seen.what = <PyObject*>what
        Py_INCREF(source)
        seen.source = <PyObject*>source
        seen.stream_id = stream_id
        seen.at = now
        self._size += 1
        return 0

    # -------------------------------------------------------------------------------------------- cold

    cdef int _drop(self) except -1:
        """Let go of the oldest."""
        cdef Seen* seen = &self._ring[self._first]
        cdef PyObject* what = seen.what
        cdef PyObject* source = seen.source
        self._first = (self._first + 1) % ROOM
        self._size -= 1
        if self._size == 0:
            self._rows = 0      # a list may have been changed since it was counted
        elif PyList_CheckExact(<object>what):
            self._rows -= PyList_GET_SIZE(<object>what)
        Py_DECREF(<object>what)
        Py_DECREF(<object>source)
        return 0

    cdef int _make_room(self) except -1:
        cdef RequestInfo info
        cdef int64_t oldest = self.since
        if self._in_flight.count() <= FEW:
            for info in self._in_flight.all():
                if info.counted and info.sent:
                    oldest = min(oldest, info.written_at)
            while self._size and self._ring[self._first].at < oldest:
                self._drop()
        if self._size > ROOM // 2 or self._rows > MAX_ROWS // 2:
            self._owner.seen(self.take())
        return 0

    cdef list take(self):
        """All that is held, as (result or event, account, when it was read); the ring is empty afterwards.

        ``account`` is None for that of the client's own key, else an API key, or UNKNOWN.
        """
        cdef list entries = []
        cdef Seen* seen
        while self._size:
            seen = &self._ring[self._first]
            entries.append((<object>seen.what, self._account(seen), seen.at))
            self._drop()
        return entries

    cdef object _account(self, Seen* seen):
        cdef object source = <object>seen.source
        if type(source) is RequestInfo:
            return (<RequestInfo>source).account
        if type(source) is EventRouter:
            source = (<EventRouter>source).known(seen.stream_id)
        return UNKNOWN if source is None else (<Stream>source).account
