# cython: language_level=3
"""MarketSink: the interface by which events of market data streams reach a book, or a listener, as values in C.

In: the router of a market session calls it inside the read callback. Out: nothing; a subclass keeps what it needs.
Memory: the rows of a depth event belong to the received message, and are valid during the call.
Failure: an exception is reported, and later events still come.
"""

from libc.stdint cimport int64_t

from .market_values cimport Depth, Top, Trade


cdef class MarketSink:
    """Takes events; a subclass overrides what it wants."""

    cdef int on_top(self, int tag, const Top* top, int64_t now) except -1:
        return 0

    cdef int on_trade(self, int tag, const Trade* trade, int64_t now) except -1:
        return 0

    cdef int on_diff(self, int tag, const Depth* depth, int64_t now) except -1:
        return 0

    cdef int on_depth(self, int tag, const Depth* depth, int64_t now) except -1:
        return 0

    cdef int on_gap(self, int tag, int64_t now) except -1:
        return 0
