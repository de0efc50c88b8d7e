# cython: language_level=3
"""Counters of latencies, which grow with the logarithm: their error is below 1 %, whatever the size.

In: a Connection calls count_latency() with each reply and event. Out: summary() reads percentiles.
Memory: 512 bytes of counters for each kind and power of two that came: a few kB, where all would need 108 kB. Failure:
where there is no memory for them, a latency is not counted.
A power of two of nanoseconds has FINE counters of the same width.
"""

cimport cython
from cpython.mem cimport PyMem_Calloc, PyMem_Free
from libc.stdint cimport int64_t

from .methods cimport CANCEL, CHANGE, CREATE, READ

KINDS_OF = {"place": (CREATE, CHANGE), "cancel": (CANCEL,), "read": (READ,), "event": (EVENT,)}


@cython.final
cdef class Latencies:
    """See the module's docstring."""

    def __dealloc__(self):
        cdef int kind, power
        for kind in range(KINDS):
            for power in range(POWERS):
                PyMem_Free(self.counters[kind][power])

    def summary(self, *kinds):
        """The latencies of these kinds together: how many, their percentiles 50, 90, 99 and 99.9, the longest, in ns.

        All are 0 where none was counted.
        """
        cdef int64_t total = 0, seen = 0, longest = 0, here
        cdef int kind, i
        cdef list found = []
        cdef list ranks = []
        for kind in kinds:
            longest = max(longest, self.longest[kind])
            for i in range(COUNTERS):
                total += _counted(self, kind, i)
        for per_mille in (500, 900, 990, 999):
            ranks.append((total * per_mille + 999) // 1000)     # how many are at most as long as the percentile
        for i in range(COUNTERS):
            here = 0
            for kind in kinds:
                here += _counted(self, kind, i)
            seen += here
            while here and len(found) < 4 and seen >= ranks[len(found)]:
                found.append(min(_middle(i), longest))
        return (total, *(found or (0, 0, 0, 0)), longest)


cdef int64_t* new_counters(Latencies latencies, int kind, int64_t power) noexcept:
    latencies.counters[kind][power] = <int64_t*>PyMem_Calloc(FINE, sizeof(int64_t))
    return latencies.counters[kind][power]


cdef int64_t _counted(Latencies latencies, int kind, int i) noexcept:
    cdef int64_t* counters = latencies.counters[kind][i // FINE]
    return 0 if counters == NULL else counters[i % FINE]


cdef int64_t _middle(int i) noexcept:
    """The middle of the latencies that a counter counts."""
    cdef int shift = i // FINE - 1
    if shift <= 0:
        return i
    return (<int64_t>(FINE + i % FINE) << shift) + (<int64_t>1 << shift >> 1)
