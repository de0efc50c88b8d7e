# The entries of an array of a large JSON result, read one by one.
from libc.stdint cimport uint8_t, uint32_t

from ._envelope cimport RateLimit
from ._json cimport Decoder


cdef class Entries:
    cdef:
        uint8_t* text           # of the message, with readable bytes behind it, owned
        Py_ssize_t size
        bytes name              # of the array
        uint32_t* places        # where each entry begins and ends, in turn, owned
        uint32_t count
        Decoder decoder         # exact texts

    cdef int open(self, RateLimit* limits) except -1    # returns how many rate limits the message shows
    cdef uint32_t find(self, uint32_t at) except 0
    cdef uint32_t walk(self, uint32_t at) except 0


# The message of a reply, copied.
cdef Entries keep_entries(const char* data, Py_ssize_t size, bytes name)
