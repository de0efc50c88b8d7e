# Read-only mappings over received bytes, which decode a field when it is read.
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
        SbeView _outer              # of the block around it
        const uint8_t* _block
        const uint8_t* _rest        # behind the block: groups and data
        const uint8_t* _end         # of the message
        uint32_t _length            # of the block
        int _version
        const uint8_t** _places     # where each group and data stands; NULL while nobody asked

    cdef object _value_of(self, Op* op, int number)
    cdef object _embedded(self, Op* op, const uint8_t* data)
    cdef const uint8_t* _place_of(self, int number) except NULL
    cdef object _entries(self, Op* op, const uint8_t* data, Frame* frame, Context* context)
    cdef Frame* _frames(self, Frame* room) except NULL


cdef class JsonText:
    cdef:
        uint8_t* text               # owned, with readable bytes behind it
        uint32_t* marks             # offsets of its structural characters, owned
        uint32_t size
        uint32_t count
        int numbers                 # Numbers of _json
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
        uint32_t* _keys             # marks of its keys, owned
        int _count


cdef object sbe_view(Reader reader, bytes data, int depth)
cdef object json_view(Decoder decoder, uint32_t at, uint32_t* whole_at)
