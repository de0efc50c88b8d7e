# bytes of an SBE message -> Python objects, along a plan.
from cpython.object cimport PyObject
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from ._plans cimport Op, Plan, Plans


# A block under way, for exponents of the blocks around another.
cdef struct Frame:
    const uint8_t* block
    uint32_t length
    Frame* outer


# What one call of the walker shares with those that it makes.
cdef struct Context:
    uint16_t version        # of the message at hand
    int depth               # of embedded messages
    int64_t subscription    # subscriptionId of an event; -1 for null
    int template            # template id of the message embedded last; 0 for none
    PyObject* plan          # Plan of the message; borrowed


cdef struct Text:
    PyObject* text
    uint64_t first
    uint64_t last
    uint32_t size


cdef enum:
    MAX_NESTED = 16             # messages within messages


cdef object unknown_message(int template)


cdef class Reader:
    cdef:
        readonly Plans plans
        int numbers                 # Numbers of _envelope
        int64_t divisor             # of timestamps
        bint native
        bint busy                   # at work: a finaliser that runs meanwhile must use another one
        str mode                    # numbers, and the unit of time, by name
        str unit
        PyObject** stack            # values of blocks under way, owned
        Py_ssize_t stack_size
        Py_ssize_t stack_room
        Text* texts                 # cache of short ASCII texts
        PyObject* zeros[256]        # decimal 0, by exponent
        object failure              # what went wrong
        list path                   # where: innermost first

    cdef Reader free(self)
    cdef Plan plan_of(self, const uint8_t* data, Py_ssize_t size)
    cdef bint skip(self, Op* op, const uint8_t** cursor, const uint8_t* end, int version) noexcept
    cdef bint skip_entry(
        self, Op* op, uint64_t number, const uint8_t** cursor, const uint8_t* end, uint64_t length, int version
    ) noexcept
    cdef bint whole(self, Plan plan, const uint8_t* data, Py_ssize_t size, int depth) noexcept
    cdef bint _whole_rest(
        self, Plan plan, const uint8_t** cursor, const uint8_t* end, int version, int depth
    ) noexcept
    cdef bint _whole_message(self, Op* op, const uint8_t* data, Py_ssize_t size, int depth) noexcept
    cdef bint _short(self, Op* op) noexcept
    cdef object framed(self, bytes data)
    cdef PyObject* message(self, const uint8_t* data, Py_ssize_t size, Context* context) noexcept
    cdef object take(self, PyObject* made)
    cdef object error(self)

    cdef PyObject* _message(self, Plan plan, const uint8_t* data, Py_ssize_t size, Context* context) noexcept
    cdef PyObject* _plan(self, const uint8_t* data, Py_ssize_t size) noexcept
    cdef PyObject* _no_header(self, const uint8_t* data, Py_ssize_t size) noexcept
    cdef PyObject* _first_plan(self, const uint8_t* data) noexcept
    cdef PyObject* _unknown(self, const uint8_t* data) noexcept
    cdef PyObject* _embedded(self, const uint8_t* data, Py_ssize_t size, Context* context) noexcept
    cdef PyObject* _block(
        self, Plan plan, const uint8_t** cursor, const uint8_t* end, uint32_t length, Frame* outer, Context* context
    ) noexcept
    cdef PyObject* _flat_array(self, Plan plan, Frame* frame, bint whole) noexcept
    cdef PyObject* _common_decimal(self, uint64_t mantissa) noexcept
    cdef PyObject* _fixed(self, Op* op, Frame* frame, bint whole) noexcept
    cdef PyObject* _variable(
        self, Op* op, const uint8_t** cursor, const uint8_t* end, Frame* frame, Context* context
    ) noexcept
    cdef bint _dimension(
        self, Op* op, const uint8_t** cursor, const uint8_t* end, uint64_t* length, uint64_t* count
    ) noexcept
    cdef PyObject* _group(
        self, Op* op, const uint8_t** cursor, const uint8_t* end, Frame* frame, Context* context
    ) noexcept
    cdef PyObject* _object(self, Plan plan, Py_ssize_t base, uint64_t mask) noexcept
    cdef PyObject* _new_object(self, Plan plan, PyObject** values) noexcept
    cdef PyObject* _assemble(self, Plan plan, Py_ssize_t base) noexcept
    cdef bint _inner_objects(self, Plan plan, PyObject** values) noexcept
    cdef PyObject* _absent(self, Op* op, Frame* frame) noexcept
    cdef PyObject* _decimal(self, Op* op, Frame* frame, int64_t mantissa) noexcept
    cdef PyObject* _wide_decimal(self, Op* op, Frame* frame, const uint8_t* data) noexcept
    cdef PyObject* _made(self, PyObject* made) noexcept
    cdef void _drop(self, Py_ssize_t base) noexcept
    cdef bint _exponent(self, Op* op, Frame* frame, int* exponent) noexcept
    cdef PyObject* _number_text(self, const char* text, Py_ssize_t size) noexcept
    cdef PyObject* _float_text(self, Op* op, double number) noexcept
    cdef PyObject* _odd_float(self, double number) noexcept
    cdef PyObject* _enum(self, Op* op, const uint8_t* data) noexcept
    cdef PyObject* _set(self, Op* op, const uint8_t* data) noexcept
    cdef PyObject* _array(self, Op* op, const uint8_t* data) noexcept
    cdef PyObject* _text(self, const uint8_t* text, Py_ssize_t size) noexcept
    cdef PyObject* _fail(self, object reason, PyObject* name=?) noexcept
