# Messages of SBE market data streams -> dicts, and values in C.
from cpython.object cimport PyObject
from libc.stdint cimport int8_t, int64_t, uint8_t, uint32_t, uint64_t

from .market_values cimport Depth, EventHead, Rows, Top, Trade


# A symbol that came lately, and its str.
cdef struct Symbol:
    uint64_t first
    uint64_t last
    PyObject* text          # owned
    uint32_t size


cdef class SbeEvents:
    cdef:
        const uint8_t* data         # of the opened message, borrowed
        Py_ssize_t size
        const uint8_t* block
        const uint8_t* symbol
        Py_ssize_t symbol_size
        const uint8_t* rows         # trades, or bids
        Py_ssize_t stride
        Py_ssize_t count
        const uint8_t* more_rows    # asks
        Py_ssize_t more_stride
        Py_ssize_t more_count
        int template_id
        int8_t price_exponent
        int8_t quantity_exponent
        Py_ssize_t at               # the entry that an error is about
        int numbers                 # Numbers of envelope.pxd
        int divisor                 # of microseconds, to the unit of dicts
        bint views
        Symbol* symbols
        PyObject** zeros            # a zero by its exponent
        PyObject* times[2]          # the str-less cache of the last two times: objects
        int64_t times_of[2]
        dict trade_model
        dict top_model
        dict diff_model
        dict depth_model

    # open() checks the whole message and finds its parts, without a Python object: 0, or a code for error(). The bytes
    # must not move until the next open(). Then the others read the opened event; top(), trade() and depth() return 0,
    # or a code for error(), which never happens in SBE.
    cdef int open(self, const uint8_t* data, Py_ssize_t size, EventHead* head) noexcept
    cdef int top(self, Top* top) noexcept
    cdef int trade(self, Py_ssize_t i, Trade* trade) noexcept
    cdef int depth(self, Depth* depth) noexcept
    cdef object event(self, Py_ssize_t i)       # a dict, or a View: of the i-th trade, else i is 0
    cdef object error(self, int code)           # the exception of a code

    cdef int _exponents(self, Py_ssize_t offset) noexcept
    cdef bint _levels(self, const uint8_t** at, const uint8_t* end) noexcept
