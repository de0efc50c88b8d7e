# Bytes of a JSON message -> Python objects. This file has no C++ type, so that C modules can cimport it.
from cpython.object cimport PyObject
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from .envelope cimport MAX_LIMITS, Envelope, RateLimit


cdef enum Code:
    # simdjson's own codes are below
    UTF8_ERROR = 10
    SYNTAX = 100
    TOO_DEEP = 101
    SURROGATE = 102
    NUMBER = 103
    TOO_LARGE = 104
    TRAILING = 105
    NOT_OBJECT = 106
    REPEATED = 107
    MEMORY = 108
    STATUS = 109


# Of a key: its value is a decimal, or an array of pairs of them.
cdef enum:
    DECIMAL_FIELD = 1
    PAIR_FIELD = 2


# Two words and a size identify a text of up to 16 bytes: its bytes need not be compared.
cdef struct Cached:
    PyObject* text      # str, owned
    uint64_t first
    uint64_t last
    uint32_t size
    uint8_t flags       # of a key: DECIMAL_FIELD, PAIR_FIELD


# A dict that is copied to make the next dict with the same keys, since messages repeat.
cdef struct DictModel:
    Py_ssize_t size
    PyObject* first     # its first and last key, borrowed, to compare only
    PyObject* last
    PyObject* copied    # dict, owned; NULL until the same keys came twice
    PyObject** entries  # keys and values in turn, owned


cdef enum:
    PADDING = 64        # readable bytes behind a text
    MODELS = 128
    CACHE_SIZE = 1024


cdef class Decoder:
    cdef:
        void* stage1            # fastws_stage1
        const uint8_t* text     # borrowed, from begin() to end()
        uint32_t size
        const uint32_t* marks   # offsets of the structural characters
        uint32_t count          # how many
        uint32_t at             # the next one to read
        int depth
        int code                # the error code
        int numbers             # Numbers
        str mode                # the same, by name
        bint convert            # within a value whose texts are decimals
        bint whole              # begin() has read the whole message
        PyObject** stack        # values of unfinished objects and arrays, owned
        Py_ssize_t stack_size
        Py_ssize_t stack_room
        Cached* keys
        dict names              # the keys that were made lately: more than `keys` has room for
        Cached* values
        DictModel* models
        char* copied            # a copy with padding, for callers whose bytes have none
        Py_ssize_t copy_room
        RateLimit seen[MAX_LIMITS]
        int seen_count

    # begin() reads the top-level keys up to the payload (result, error or event), which it does not decode; a payload
    # that comes before the id is skipped, and its place is kept. value() decodes the payload. end() reads the rest, and
    # raises if the document is not valid. The bytes must not move until end(); 64 readable bytes must follow them.
    # begin() returns 0, or an error code for error().
    cdef int begin(self, const char* data, Py_ssize_t size, Envelope* env) noexcept
    cdef object value(self, Envelope* env, int shape)
    cdef int end(self, Envelope* env) except -1
    cdef int check_whole(self, Envelope* env) except -1
    cdef int limits(self, Envelope* env, RateLimit* out, int capacity) noexcept
    cdef object error(self, int code)

    # index() is begin() without an envelope: it finds the structural characters only. Then next_value() decodes values
    # one by one, key() the key between two quotes, whole_value() the one value of a document.
    cdef int index(self, const char* data, Py_ssize_t size) noexcept
    cdef PyObject* next_value(self) noexcept
    cdef PyObject* shaped_value(self, int shape) noexcept
    cdef Cached* key(self, const uint8_t* text, Py_ssize_t size) noexcept
    cdef object whole_value(self, int shape)
    cdef PyObject* object_behind(self) noexcept
    cdef PyObject* array_behind(self) noexcept
    cdef PyObject* scalar_at(self, uint32_t start) noexcept
    cdef PyObject* decimal(self, const uint8_t* text, Py_ssize_t size) noexcept
    cdef const char* copy(self, bytes data) except NULL
