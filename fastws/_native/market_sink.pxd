# Takes the events of market data streams as values in C: a book, or a listener written in Cython.
from libc.stdint cimport int64_t

from .market_values cimport Depth, Top, Trade


cdef class MarketSink:
    # ``tag`` is the number that the sink was attached to the stream with; ``now`` is when the bytes were read,
    # monotonic ns. What the pointers show is valid during the call only.
    cdef int on_top(self, int tag, const Top* top, int64_t now) except -1
    cdef int on_trade(self, int tag, const Trade* trade, int64_t now) except -1
    cdef int on_diff(self, int tag, const Depth* depth, int64_t now) except -1
    cdef int on_depth(self, int tag, const Depth* depth, int64_t now) except -1
    # Events may have been missed: no connection carried the stream for a time, or an event could not be read.
    cdef int on_gap(self, int tag, int64_t now) except -1
