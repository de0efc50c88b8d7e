# Read-only mappings over received bytes, which decode a field when it is read.
from cpython.object cimport PyObject
from libc.stdint cimport uint8_t, uint32_t

from ._json cimport Decoder
from ._plans cimport Op, Plan
from ._sbe cimport Context, Frame, Reader


cdef class View:
    cdef object _find(self, object key)
    cpdef dict to_dict(self)


cdef class SbeView(View):
    cdef:
        bytes _owner                # what all pointers point into
        Reader _reader
        Plan _plan
        SbeView _outer              # what it stands in; None for a whole message
        PyObject* _name             # of the element there; borrowed from the plan
        Py_ssize_t _index           # of the entry there; -1 for an embedded message
        Frame _frame                # its block
        const uint8_t* _rest        # behind the block: groups and data
        const uint8_t* _end         # of the message
        int _version
        int _depth                  # of embedded messages
        const uint8_t** _places     # where each group and data stands; NULL while nobody asked

    cdef object _payload(self, bint error)
    cdef object _value_of(self, int number)
    cdef void _begin(self, Context* context) noexcept
    cdef object _take(self, Reader reader, PyObject* made)
    cdef const uint8_t* _place_of(self, int number, Reader reader) except NULL
    cdef SbeView _within(self, Plan plan, Op* op, Py_ssize_t index, const uint8_t* block, uint32_t length)
    cdef object _entries(self, Op* op, const uint8_t* data, Reader reader)
    cdef object _embedded(self, Op* op, const uint8_t* data, Reader reader)
    cdef object _message(self, Plan plan, const uint8_t* data, Reader reader)


cdef struct Key:
    uint32_t mark       # of its opening quote
    uint32_t size       # in bytes, as it stands there


cdef class JsonText:
    cdef:
        uint32_t* marks             # offsets of its structural characters, owned
        uint8_t* text               # behind them, with readable bytes behind it
        uint32_t size
        uint32_t count
        int numbers                 # Numbers of _envelope
        bint escapes                # there is a backslash in it

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
        Key* _keys                  # owned
        int _count

    cdef bint escaped_keys(self) noexcept


cdef object sbe_view(Reader reader, bytes data, int depth)
cdef object json_view(Decoder decoder, uint32_t at, uint32_t* whole_at)

# The mark behind the value at a mark.
cdef uint32_t behind(const uint8_t* text, const uint32_t* marks, uint32_t count, uint32_t at) noexcept
