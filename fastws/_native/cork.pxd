# Frames that wait for the end of the event loop's turn.
from libc.stdint cimport int32_t, uint64_t

from .buffer cimport Buffer
from .waiters cimport RequestInfo, Waiters


cdef struct CorkedFrame:
    void* info          # RequestInfo; its slot owns the reference
    Py_ssize_t start
    Py_ssize_t size


cdef class Cork:
    cdef:
        Buffer buffer           # the frames, complete and masked
        CorkedFrame* frames
        int32_t count
        int32_t capacity
        uint64_t mask_state

    cdef int add(self, RequestInfo info, const char* text, Py_ssize_t size) except -1
    cdef int drop_abandoned(self, Waiters waiters) except -1
    cdef bytes take(self)
    cdef int clear(self) except -1
