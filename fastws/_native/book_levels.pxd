# One side of an order book: its levels as integers in an array, the best one last.
from libc.stdint cimport int64_t


cdef struct Level:
    int64_t price
    int64_t quantity


cdef class LevelMemory:
    cdef:
        Level* levels
        Py_ssize_t room


# What numpy reads: the levels at one moment. The side leaves the memory to it, and changes a copy.
cdef class LevelView:
    cdef:
        LevelMemory memory
        Py_ssize_t[2] shape
        Py_ssize_t[2] strides


cdef class BookSide:
    cdef:
        LevelMemory memory
        Level* levels               # those of the memory
        Py_ssize_t count
        int64_t mask                # price ^ mask rises towards the best price: 0 for bids, -1 for asks
        bint whole                  # all levels of the exchange are known
        int64_t known               # else: the price up to which they are; levels beyond it are not kept
        bint viewed                 # a LevelView may refer to the memory

    cdef int set(self, int64_t price, int64_t quantity) except -1
    cdef Py_ssize_t find(self, int64_t price) noexcept
    cdef int begin_change(self) except -1
    cdef int reserve(self, Py_ssize_t count) except -1
    cdef bint fits(self, int64_t price_factor, int64_t quantity_factor) noexcept
    cdef int scale(self, int64_t price_factor, int64_t quantity_factor) except -1
    cdef int fill(self, list levels, int limit) except -1
    cdef LevelView view(self)
