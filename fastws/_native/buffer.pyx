# cython: language_level=3
"""A growing buffer of bytes, for requests, frames and messages.

In: reserve() makes room; the writer writes at `data + size` and raises `size`. Out: `data` and `size`.
Memory: a Buffer owns its bytes; reserve() may move them. Failure: MemoryError.
"""

cimport cython
from cpython.mem cimport PyMem_Free, PyMem_Malloc, PyMem_Realloc

cdef enum:
    DEFAULT_CAPACITY = 4096


@cython.final
cdef class Buffer:
    """A growing buffer: `size` bytes are in use, and there is room for `capacity`."""

    def __cinit__(self, Py_ssize_t capacity=DEFAULT_CAPACITY):
        self.data = <char*>PyMem_Malloc(capacity)
        if self.data == NULL:
            raise MemoryError
        self.size = 0
        self.capacity = capacity

    def __dealloc__(self):
        PyMem_Free(self.data)

    cdef int grow(self, Py_ssize_t more) except -1:
        """Enlarge the buffer by at least ``more`` bytes; the data may move."""
        cdef Py_ssize_t capacity = self.capacity
        cdef char* data
        while capacity < self.size + more:
            capacity *= 2
        data = <char*>PyMem_Realloc(self.data, capacity)
        if data == NULL:
            raise MemoryError
        self.data = data
        self.capacity = capacity
        return 0
