# A growing buffer of bytes.


cdef class Buffer:
    cdef char* data
    cdef Py_ssize_t size
    cdef Py_ssize_t capacity

    cdef int grow(self, Py_ssize_t more) except -1

    cdef inline int reserve(self, Py_ssize_t more) except -1:
        """Make room for `more` bytes behind `size`; may move the data."""
        return self.grow(more) if self.capacity - self.size < more else 0


cdef inline char* room(Buffer buffer, Py_ssize_t more) except NULL:
    """Where the next bytes of a buffer go, with room for `more` of them."""
    buffer.reserve(more)
    return buffer.data + buffer.size
