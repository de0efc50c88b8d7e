# A ring of evidence: what a connection read while a trading request was open.
from cpython.object cimport PyObject
from libc.stdint cimport int32_t, int64_t

from .waiters cimport InFlight


cdef enum:
    ROOM = 64


cdef struct EvidenceItem:
    PyObject* what          # owned: a result, or an event
    PyObject* source        # owned: the RequestInfo of a result; of an event its Stream, or the EventRouter
    int64_t stream_id       # of an event; -1 where it names no subscription
    int64_t read_at         # monotonic ns


cdef class EvidenceRing:
    # ring[first .. first + size), modulo ROOM
    cdef:
        object _owner
        InFlight _in_flight
        EvidenceItem _ring[ROOM]
        int32_t _first
        int32_t _size
        Py_ssize_t _rows                # orders in all lists that the ring holds
        bint tells                      # the owner is told of what is kept, once until take()
        bint _told
        int64_t since                   # when the oldest request of unknown outcome was written; NONE_OPEN for none

    cdef bint is_needed(self) noexcept
    cdef int note(self, object what, object source, int64_t stream_id, int64_t now) except -1
    cdef int _drop(self) except -1
    cdef int _make_room(self) except -1
    cdef object _account(self, EvidenceItem* item)
    cdef list take(self)
