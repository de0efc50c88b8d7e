# Messages of SBE market data streams -> dicts, Views, and values in C.
from cpython.object cimport PyObject
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from .market_values cimport Depth, EventHead, Rows, Top, Trade
from .views cimport View


# A symbol that came lately, and its str.
cdef struct Symbol:
    uint64_t first
    uint64_t last
    PyObject* text          # owned
    uint32_t size


# A time that came lately, and its int.
cdef struct Moment:
    int64_t microseconds
    PyObject* number        # owned


cdef class SbeEvents:
    cdef:
        const uint8_t* data         # of the opened message, borrowed
        Py_ssize_t size
        const uint8_t* block
        const uint8_t* symbol
        Py_ssize_t symbol_size
        Rows rows                   # trades, or bids
        Rows asks
        int template_id
        int price_exponent
        int quantity_exponent
        Py_ssize_t at               # the entry that an error is about
        str group                   # the group that an error is about
        int numbers                 # Numbers of envelope.pxd
        int divisor                 # of microseconds, to the unit of dicts
        bint views
        Symbol* symbols
        PyObject** zeros            # a zero, by its exponent
        Moment event_time           # the times of the last event
        Moment trade_time

    # open() checks the whole message and finds its parts, without a Python object: 0, or a code for error(). The bytes
    # must not move until the next open(). Then the others read the opened event. top(), trade() and depth() return 0,
    # as those of JsonEvents, which may fail.
    cdef int open(self, const uint8_t* data, Py_ssize_t size, EventHead* head) noexcept
    cdef int top(self, Top* top) noexcept
    cdef int trade(self, Py_ssize_t i, Trade* trade) noexcept
    cdef int depth(self, Depth* depth) noexcept
    cdef object event(self, Py_ssize_t i)       # a dict, or a View: of the i-th trade, else i is 0
    cdef object error(self, int code)           # the exception of a code


cdef class SbeEventView(View):
    cdef:
        bytes data              # the message
        Py_ssize_t i            # of a trade
        int numbers
        int divisor

    cdef SbeEvents opened(self)
