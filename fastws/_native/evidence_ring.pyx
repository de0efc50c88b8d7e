# cython: language_level=3
"""A ring of evidence: what a connection read while a trading request was open, for trading/evidence.py.

A trading request is open while it is in flight or its outcome is unknown. Evidence is a result that names orders of
other requests, or a user data event.
In: a Connection calls note() with each of them, if is_needed(). Out: take() returns all of it as a list. When the ring
is full, it gives that list to the owner, which searches it later, outside of the read callback.
Memory: the ring owns a reference to each item. An item that was read before the oldest open request was written is
dropped without a search, unless more than FEW requests are in flight. Where all requests are answered in time, no item
is ever searched.
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
    MAX_ROWS = 1024         # orders, in all lists that the ring holds
    FEW = 256               # at most so many requests in flight are searched in the read callback

cdef int64_t NONE_OPEN = INT64_MAX      # `since`, while no request has an unknown outcome

UNKNOWN_ACCOUNT = object()  # the account of an event whose subscription is not known


@cython.final
cdef class EvidenceRing:
    """See the module's docstring. ``owner``: a SessionOwner, whose evidence() gets what take() gives.

    While ``tells`` is set, its evidence_kept() is called for the first item since the last take().
    """

    def __cinit__(self, owner, InFlight in_flight not None):
        self._owner = owner
        self._in_flight = in_flight
        self.since = NONE_OPEN

    def __dealloc__(self):
        while self._size:
            self._drop()

    # --------------------------------------------------------------------------------------------- hot

    cdef bint is_needed(self) noexcept:
        """Whether a trading request is open."""
        return self._in_flight.trading != 0 or self.since != NONE_OPEN

    cdef int note(self, object what, object source, int64_t stream_id, int64_t now) except -1:
        """Keep a result, an error's data or an event while it may concern an open request.

        ``source``: for a result, its RequestInfo; for an event, its Stream, or the EventRouter of its connection while
        the Stream is not known. ``stream_id``: the subscription id of an event; -1 for none.
        """
        cdef EvidenceItem* item
        if PyList_CheckExact(what):
            self._rows += PyList_GET_SIZE(what)
        if self._size == ROOM or self._rows > MAX_ROWS:
            self._make_room()
        item = &self._ring[(self._first + self._size) % ROOM]
        Py_INCREF(what)
        item.what = <PyObject*>what
        Py_INCREF(source)
        item.source = <PyObject*>source
        item.stream_id = stream_id
        item.read_at = now
        self._size += 1
        if self.tells and not self._told:
            self._told = True
            self._owner.evidence_kept()
        return 0

    # -------------------------------------------------------------------------------------------- cold

    cdef int _drop(self) except -1:
        """Drop the oldest item."""
        cdef EvidenceItem* item = &self._ring[self._first]
        cdef PyObject* what = item.what
        cdef PyObject* source = item.source
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
            while self._size and self._ring[self._first].read_at < oldest:
                self._drop()
        if self._size > ROOM // 2 or self._rows > MAX_ROWS // 2:
            self._owner.evidence(self.take())
        return 0

    cdef list take(self):
        """All items, as (result or event, account, when it was read in monotonic ns); the ring is empty afterwards.

        ``account`` is None for the account of the client's own key, else an API key, or UNKNOWN_ACCOUNT.
        """
        cdef list items = []
        cdef EvidenceItem* item
        self._told = False
        while self._size:
            item = &self._ring[self._first]
            items.append((<object>item.what, self._account(item), item.read_at))
            self._drop()
        return items

    cdef object _account(self, EvidenceItem* item):
        cdef object source = <object>item.source
        if type(source) is RequestInfo:
            return (<RequestInfo>source).account
        if type(source) is EventRouter:
            source = (<EventRouter>source).stream_of(item.stream_id)
        return UNKNOWN_ACCOUNT if source is None else (<Stream>source).account
