# cython: language_level=3
"""Counters of latencies, which grow with the logarithm: their error is below 1 %, whatever the size.

In: a Connection calls count_latency() with each reply and event. Out: summary() reads percentiles.
Memory: 110 kB of counters. Failure: none.
A power of two of nanoseconds has FINE counters of the same width.
"""

cimport cython
from libc.stdint cimport int64_t

from .methods cimport CANCEL, CHANGE, CREATE, READ

KINDS_OF = {"place": (CREATE, CHANGE), "cancel": (CANCEL,), "read": (READ,), "event": (EVENT,)}


@cython.final
cdef class Latencies:
    """See the module's docstring."""

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
                total += self.counters[kind][i]
        for per_mille in (500, 900, 990, 999):
            ranks.append((total * per_mille + 999) // 1000)     # how many are at most as long as the percentile
        for i in range(COUNTERS):
            here = 0
            for kind in kinds:
                here += self.counters[kind][i]
            seen += here
            while here and len(found) < 4 and seen >= ranks[len(found)]:
                found.append(min(_middle(i), longest))
        return (total, *(found or (0, 0, 0, 0)), longest)


cdef int64_t _middle(int i) noexcept:
    """The middle of the latencies that a counter counts."""
    cdef int shift = i // FINE - 1
    if shift <= 0:
        return i
    return (<int64_t>(FINE + i % FINE) << shift) + (<int64_t>1 << shift >> 1)
