# What a trader asks of an order book.
from libc.stdint cimport int64_t

from .book_core cimport BookCore, BookListener
from .book_levels cimport BookSide


cdef class BookFace(BookListener):
    cdef:
        readonly BookCore core
        public bint stale_ok
        readonly str closed_reason      # None while it is open
        int numbers                     # Numbers of envelope.pxd
        object _on_change
        object _on_state
        object _report
        object _waiter                  # a future that is done at the next change
        object __weakref__

    cdef int check(self) except -1
    cdef int _wake(self) except -1
    cdef object _number(self, int64_t mantissa, int exponent)


cdef class BookReadings(BookFace):
    cdef object _best(self, BookSide side, bint quantity)
    cdef object _levels(self, BookSide side, object n, bint ticks)
    cdef object _place(self, BookSide side)
