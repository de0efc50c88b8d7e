# A ring of evidence: what a connection read while a trading request was open.
from cpython.object cimport PyObject
from libc.stdint cimport int32_t, int64_t, uint64_t

from .waiters cimport InFlight


cdef enum:
    ROOM = 64
    NAMED = 512     # results of requests with a client order id that the caller chose


cdef struct EvidenceItem:
    PyObject* what          # owned: a result, or an event
    PyObject* source        # owned: the RequestInfo of a result; of an event its Stream, or the EventRouter
    int64_t stream_id       # of an event; -1 where it names no subscription
    int64_t read_at         # monotonic ns
    bint concerns           # it may concern a request of unknown outcome


cdef class EvidenceRing:
    # ring[first .. first + size), modulo ROOM
    cdef:
        object _owner
        InFlight _in_flight
        EvidenceItem _ring[ROOM]
        int32_t _first
        int32_t _size
        Py_ssize_t _rows                # orders in all lists that the ring holds
        PyObject* _named[2 * NAMED]     # owned pairs: a RequestInfo and its result; the newest is before _named_count
        int64_t _named_count            # of all so far
        int64_t _named_taken            # ... and of those that take_named() returned
        object wanted                   # a dict: names and ids of orders of unknown outcome are its keys; or None
        uint64_t _marks[64]             # bits: the places of these keys, see _place(); some may be wanted no more
        bint keeps_all                  # more of these orders will be added to `wanted` soon
        bint _told                      # evidence_kept() was called since the last take()

    cdef bint is_needed(self) noexcept
    cdef bint _concerns(self, object what) except -1
    cdef bint _is_wanted(self, object key) except -1
    cdef bint _has(self, object what, str name) except -1
    cdef int want(self, object wanted, object added) except -1
    cdef int note(self, object what, object source, int64_t stream_id, int64_t now) except -1
    cdef int note_named(self, object info, object result) except -1
    cdef list take_named(self)
    cdef int _drop(self) except -1
    cdef int _make_room(self) except -1
    cdef object _account(self, EvidenceItem* item)
    cdef list take(self)
