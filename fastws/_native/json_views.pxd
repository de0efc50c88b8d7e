# Views over JSON objects, and the entries of an array of a large result.
from libc.stdint cimport uint8_t, uint32_t

from .envelope cimport RateLimit
from .json cimport Decoder
from .views cimport View


cdef struct Key:
    uint32_t mark       # of its opening quote
    uint32_t size       # in bytes, with its escapes


cdef class JsonText:
    cdef:
        uint32_t* marks             # offsets of its structural characters, owned
        Key* keys                   # of the outermost object, in the same block of memory
        uint8_t* text               # in the same block of memory, with readable bytes behind it
        uint32_t size
        uint32_t count
        int numbers                 # Numbers of envelope.pxd
        bint escapes                # the text has a backslash

    cdef Decoder take(self)
    cdef object decoded(self, Decoder decoder, uint32_t at)
    cdef object value(self, uint32_t at, const uint8_t* key, Py_ssize_t key_size)
    cdef list objects(self, uint32_t at)
    cdef uint32_t behind(self, uint32_t at) noexcept
    cdef int refuse(self, uint32_t at) except -1


cdef class JsonView(View):
    cdef:
        JsonText _text
        uint32_t _at                # mark of its `{`
        Key* _keys
        bint _owns_keys             # they are not those in _text
        int _count

    cdef bint escaped_keys(self) noexcept


cdef object json_view(Decoder decoder, uint32_t at, uint32_t* whole_at)

# The mark behind the value at a mark.
cdef uint32_t behind(const uint8_t* text, const uint32_t* marks, uint32_t count, uint32_t at) noexcept nogil


cdef class Entries:
    cdef:
        uint8_t* text           # of the message, with readable bytes behind it, owned
        Py_ssize_t size
        bytes name              # of the array
        uint32_t* places        # where each entry begins and ends, owned
        uint32_t count
        Decoder decoder         # with exact texts for decimals

    cdef int open(self, RateLimit* limits) except -1    # returns how many rate limits the message shows
    cdef uint32_t find(self, uint32_t at) except 0
    cdef uint32_t walk(self, uint32_t at) except 0


# Entries with a copy of the message of a reply.
cdef Entries keep_entries(const char* data, Py_ssize_t size, bytes name)
