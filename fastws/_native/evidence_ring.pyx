# cython: language_level=3
"""A ring of evidence: what a connection read while a trading request was open, for trading/evidence.py.

A trading request is open while it is in flight or its outcome is unknown. Evidence is a result that names orders of
other requests, or a user data event.
In: a Connection calls note() with each of them, if is_needed(). Out: take() returns all of it as a list. The owner is
told at once of what may concern an order of unknown outcome, and gets that list when the ring is full; it searches it
later, outside of the read callback.
Memory: the ring owns a reference to each item. What concerns no order of unknown outcome is kept only while trading
requests are in flight, and is dropped without a search if it was read before the oldest of these was written, unless
more than FEW requests are in flight. Where all requests are answered in time, no item is ever searched.
Failure: none of its own.
"""

cimport cython
from cpython.dict cimport PyDict_CheckExact, PyDict_GetItem, PyDict_GetItemWithError
from cpython.list cimport PyList_CheckExact, PyList_GET_SIZE
from cpython.long cimport PyLong_AsLongLongAndOverflow, PyLong_CheckExact
from cpython.object cimport PyObject
from cpython.ref cimport Py_DECREF, Py_INCREF, Py_XDECREF
from cpython.unicode cimport PyUnicode_CheckExact
from libc.stdint cimport INT64_MAX, int64_t, uint8_t, uint64_t
from libc.string cimport memset

from .streams cimport EventRouter, Stream
from .waiters cimport InFlight, RequestInfo

cdef extern from "Python.h":
    bint PyUnicode_IS_COMPACT_ASCII(object text)
    void* PyUnicode_DATA(object text)
    Py_ssize_t PyUnicode_GET_LENGTH(object text)

cdef enum:
    MAX_ROWS = 1024         # orders, in all lists that the ring holds
    FEW = 256               # at most so many requests in flight are searched in the read callback

cdef inline int _place(object key) except? -2:
    """The place of a key in `_marks`: most other keys have another one. -1 for a key without a place."""
    cdef const uint8_t* text
    cdef Py_ssize_t size
    cdef int overflow = 0
    if PyUnicode_CheckExact(key):
        if not PyUnicode_IS_COMPACT_ASCII(key):
            return -1
        text = <const uint8_t*>PyUnicode_DATA(key)
        size = PyUnicode_GET_LENGTH(key)
        return (text[size - 1] & 63) << 6 | (text[size - 2] & 63) if size > 1 else 0
    if PyLong_CheckExact(key):
        return PyLong_AsLongLongAndOverflow(key, &overflow) & 4095
    return -1


UNKNOWN_ACCOUNT = object()  # the account of an event whose subscription is not known


@cython.final
cdef class EvidenceRing:
    """See the module's docstring. ``owner``: a SessionOwner, whose evidence() gets what take() gives.

    Its evidence_kept() is called for the first item since the last take() that may concern an order of unknown outcome.
    """

    def __cinit__(self, owner, InFlight in_flight not None):
        self._owner = owner
        self._in_flight = in_flight

    def __dealloc__(self):
        cdef int i
        while self._size:
            self._drop()
        for i in range(2 * NAMED):
            Py_XDECREF(self._named[i])

    # --------------------------------------------------------------------------------------------- hot

    cdef bint is_needed(self) noexcept:
        """Whether a trading request is open."""
        return self._in_flight.trading != 0 or self.wanted is not None

    cdef int note(self, object what, object source, int64_t stream_id, int64_t now) except -1:
        """Keep a result, an error's data or an event while it may concern an open request.

        ``source``: for a result, its RequestInfo; for an event, its Stream, or the EventRouter of its connection while
        the Stream is not known. ``stream_id``: the subscription id of an event; -1 for none.
        """
        cdef EvidenceItem* item
        cdef bint concerns = False
        if self.wanted is not None:
            concerns = self._concerns(what)
            if not concerns and self._in_flight.trading == 0 and not self.keeps_all:
                return 0
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
        item.concerns = concerns
        self._size += 1
        if concerns and not self._told:
            self._told = True
            self._owner.evidence_kept()
        return 0

    cdef int note_named(self, object info, object result) except -1:
        """Keep the result of a request whose client order ids the caller chose: its orders are of no other request."""
        cdef int place = 2 * <int>(self._named_count % NAMED)
        cdef PyObject* old_info = self._named[place]
        cdef PyObject* old_result = self._named[place + 1]
        Py_INCREF(info)
        self._named[place] = <PyObject*>info
        Py_INCREF(result)
        self._named[place + 1] = <PyObject*>result
        self._named_count += 1
        Py_XDECREF(old_info)
        Py_XDECREF(old_result)
        return 0

    cdef bint _concerns(self, object what) except -1:
        """Whether an item may show an order of unknown outcome: what has many orders, or cannot be read here, may."""
        cdef PyObject* number
        if not PyDict_CheckExact(what):
            return True
        number = PyDict_GetItemWithError(what, "i")
        if number != NULL:      # an executionReport
            return self._is_wanted(<object>number) or self._has(what, "c") or self._has(what, "C")
        number = PyDict_GetItemWithError(what, "orderId")
        if number != NULL:
            if self._is_wanted(<object>number):
                return True
            return self._has(what, "clientOrderId") or self._has(what, "origClientOrderId")
        # of the other events, only a listStatus shows orders
        return PyDict_GetItemWithError(what, "e") == NULL or PyDict_GetItemWithError(what, "l") != NULL

    cdef bint _is_wanted(self, object key) except -1:
        cdef int place = _place(key)
        return (
            place < 0 or self._marks[place >> 6] >> (place & 63) & 1
        ) and PyDict_GetItem(self.wanted, key) != NULL

    cdef bint _has(self, object what, str name) except -1:
        cdef PyObject* value = PyDict_GetItemWithError(what, name)
        return value != NULL and self._is_wanted(<object>value)

    # -------------------------------------------------------------------------------------------- cold

    cdef int want(self, object wanted, object added) except -1:
        """Set `wanted`; ``added`` are the keys that are new in it."""
        cdef int place
        self.wanted = wanted
        if wanted is None:
            memset(self._marks, 0, sizeof(self._marks))
            return 0
        for key in added:
            place = _place(key)
            if place >= 0:
                self._marks[place >> 6] |= (<uint64_t>1) << (place & 63)
        return 0

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
        cdef int64_t oldest = INT64_MAX
        if self._in_flight.count() <= FEW and not self.keeps_all:
            for info in self._in_flight.all():
                if info.counted and info.sent:
                    oldest = min(oldest, info.written_at)
            while self._size and self._ring[self._first].read_at < oldest and not self._ring[self._first].concerns:
                self._drop()
        if self._size > ROOM // 2 or self._rows > MAX_ROWS // 2:
            self._owner.evidence(self.take())
        return 0

    cdef list take(self):
        """All items, as (result or event, account, when it was read in monotonic ns, whether it concerns an order of
        unknown outcome); the ring is empty afterwards.

        ``account`` is None for the account of the client's own key, else an API key, or UNKNOWN_ACCOUNT.
        """
        cdef list items = []
        cdef EvidenceItem* item
        self._told = False
        while self._size:
            item = &self._ring[self._first]
            items.append((<object>item.what, self._account(item), item.read_at, item.concerns))
            self._drop()
        return items

    cdef object _account(self, EvidenceItem* item):
        cdef object source = <object>item.source
        if type(source) is RequestInfo:
            return (<RequestInfo>source).account
        if type(source) is EventRouter:
            source = (<EventRouter>source).stream_of(item.stream_id)
        return UNKNOWN_ACCOUNT if source is None else (<Stream>source).account

    cdef list take_named(self):
        """The results that note_named() kept since the last call, as (RequestInfo, result), the oldest first."""
        cdef list found = []
        cdef int64_t number
        cdef int place
        for number in range(max(self._named_taken, self._named_count - NAMED), self._named_count):
            place = 2 * <int>(number % NAMED)
            found.append((<object>self._named[place], <object>self._named[place + 1]))
            Py_XDECREF(self._named[place])
            self._named[place] = NULL
            Py_XDECREF(self._named[place + 1])
            self._named[place + 1] = NULL
        self._named_taken = self._named_count
        return found
