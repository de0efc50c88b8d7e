# bytes of an SBE message -> Python objects, along a plan.
from cpython.object cimport PyObject
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t


cdef struct Op:
    uint8_t kind            # Kind
    uint8_t role            # Role
    uint8_t primitive       # Primitive of the value; of a group's block length, of data's length
    uint8_t count           # Primitive of a group's number of entries
    uint8_t optional
    uint8_t unless_zero
    uint8_t omit_empty
    uint8_t zero            # null is shown as a decimal 0
    uint8_t level           # how many blocks outward the exponent stands
    uint8_t condition_size
    uint8_t plain           # never null, never hidden
    uint8_t sparse          # null more often than not, and not shown then; of eight bytes, or of one
    uint16_t target         # slot of the object that gets the value; 0 is the block's own
    uint16_t slot
    uint16_t added          # version that brought it
    uint64_t bit            # of the value in a mask of what is there; 0 beyond 64
    uint32_t offset
    uint32_t end            # offset + size
    uint32_t exponent
    uint32_t condition
    PyObject* name          # str
    PyObject* key           # str, or NULL
    PyObject* absent        # shown for null, or NULL
    PyObject* value         # of a constant; a dict of an enum's or a set's values
    PyObject** table        # an enum's values by raw value, 256 of them, or NULL
    PyObject* sub           # Plan of a group's entries


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


cdef class Plan:
    cdef:
        readonly str name
        readonly object event       # str, or None
        int template                # which message it was last found for, and in which version
        int for_version
        Op* ops
        int count
        int shape                   # Shape
        int slots
        bint flat                   # an array of the block's values alone
        uint32_t block_length
        uint32_t tail               # bytes that the lengths of an entry's own groups and data take, at least
        list _kept                  # owns what the operations point to
        dict by_key                 # JSON name -> number of the operation
        # a dict that messages repeat: what a new one with the same keys begins as a copy of
        PyObject* model
        PyObject** model_values     # owned; NULL where the key is absent
        uint64_t model_mask         # which keys are there
        uint64_t last_mask

    cdef int _set(self, Op* op, operation) except -1
    cdef PyObject* _keep(self, object value)
    cdef void forget_model(self) noexcept


# Plans of a schema's messages, made at first use.
cdef class Plans:
    cdef:
        object _compile             # (template, version) -> BlockPlan or None
        readonly int schema_id
        readonly int version
        dict _plans
        PyObject* _recent[1024]     # Plan by template; borrowed from _plans

    cdef Plan find(self, int template, int version)
    cdef Plan _find(self, int template, int version)


cdef struct Text:
    PyObject* text
    uint64_t first
    uint64_t last
    uint32_t size


cdef class Reader:
    cdef:
        readonly Plans plans
        int numbers                 # Numbers of _json
        int64_t divisor             # of timestamps
        bint native
        PyObject** stack            # values of blocks under way, owned
        Py_ssize_t stack_size
        Py_ssize_t stack_room
        Text* texts                 # cache of short ASCII texts
        PyObject* zeros[256]        # decimal 0, by exponent
        object failure              # what went wrong
        list path                   # where: innermost first

    cdef PyObject* message(self, const uint8_t* data, Py_ssize_t size, Context* context) noexcept
    cdef object take(self, PyObject* made)
    cdef object error(self)

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
    cdef PyObject* _group(
        self, Op* op, const uint8_t** cursor, const uint8_t* end, Frame* frame, Context* context
    ) noexcept
    cdef PyObject* _object(self, Plan plan, Py_ssize_t base, uint64_t mask) noexcept
    cdef PyObject* _new_object(self, Plan plan, PyObject** values) noexcept
    cdef PyObject* _assemble(self, Plan plan, Py_ssize_t base) noexcept
    cdef bint _keep_model(self, Plan plan, PyObject* made, PyObject** values, uint64_t mask) noexcept
    cdef bint _inner_objects(self, Plan plan, PyObject** values) noexcept
    cdef PyObject* _absent(self, Op* op, Frame* frame) noexcept
    cdef PyObject* _decimal(self, Op* op, Frame* frame, int64_t mantissa) noexcept
    cdef PyObject* _wide_decimal(self, Op* op, Frame* frame, const uint8_t* data) noexcept
    cdef PyObject* _made(self, PyObject* made) noexcept
    cdef void _drop(self, Py_ssize_t base) noexcept
    cdef bint _exponent(self, Op* op, Frame* frame, int* exponent) noexcept
    cdef PyObject* _number_text(self, const char* text, Py_ssize_t size) noexcept
    cdef PyObject* _float_text(self, PyObject* value) noexcept
    cdef PyObject* _enum(self, Op* op, const uint8_t* data) noexcept
    cdef PyObject* _set(self, Op* op, const uint8_t* data) noexcept
    cdef PyObject* _array(self, Op* op, const uint8_t* data) noexcept
    cdef PyObject* _text(self, const uint8_t* text, Py_ssize_t size) noexcept
    cdef PyObject* _fail(self, object reason, PyObject* name=?) noexcept
