# Bytes of an SBE message -> Python objects, by a decode plan.
from cpython.object cimport PyObject
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from .envelope cimport MAX_LIMITS, Envelope, RateLimit
from .views cimport View

# The operations of a plan, which the walker executes.

cdef enum Kind:
    # fields of the block
    CONST
    OBJECT
    INT
    TIME
    INT128
    DECIMAL64
    DECIMAL128
    FLOAT
    NATIVE_FLOAT
    ENUM
    SET
    CHARS
    ARRAY
    # groups and data behind the block
    GROUP
    SINGLE
    TEXT
    MESSAGE


cdef enum Role:
    AS_KEY
    AS_ITEM
    AS_VALUE
    JOIN
    ASIDE
    SKIP


cdef enum Shape:
    SHAPE_OBJECT
    SHAPE_ARRAY
    SHAPE_VALUE


cdef enum:
    MAX_MODEL = 64          # keys, so that their presence fits into a mask
    RECENT = 1024


cdef struct Op:
    uint8_t kind            # Kind
    uint8_t role            # Role
    uint8_t primitive       # Primitive of the value; of a group's block length; of the length of data
    uint8_t count           # Primitive of a group's number of entries
    uint8_t optional
    uint8_t unless_zero
    uint8_t omit_empty
    uint8_t zero            # null is shown as a decimal 0
    uint8_t level           # in which block the exponent is: 0 this one, 1 the one around it, …
    uint8_t condition_size
    uint8_t plain           # never null, never hidden
    uint8_t sparse          # mostly null, and not shown then; of eight bytes, or of one
    uint16_t target         # slot of the object that gets the value; 0 is that of the block
    uint16_t slot
    uint16_t added          # the schema version that added it
    uint64_t bit            # of the value in a mask of present values; 0 beyond 64
    uint32_t offset
    uint32_t end            # offset + size
    uint32_t exponent
    uint32_t condition
    PyObject* name          # str
    PyObject* key           # str, or NULL
    PyObject* absent        # shown for null, or NULL
    PyObject* value         # of a constant; for an enum or a set, a dict of its values
    PyObject** table        # an enum's values by raw value, 256 of them, or NULL
    PyObject* sub           # DecodePlan of a group's entries


cdef class DecodePlan:
    cdef:
        readonly str name
        readonly object event       # str, or None
        int template                # the message that it was found for last, and its version
        int for_version
        Op* ops
        int count
        int shape                   # Shape
        int slots
        int value                   # number of the operation whose value is that of the block; -1 for none
        int aside                   # number of the one with the subscriptionId; -1 for none
        bint of_views               # in Views, an entry is a View, or the View of its embedded message
        bint flat                   # an array of the values of the block, without groups or data
        uint32_t block_length
        uint32_t least              # the least bytes of a group's block, so that its bytes limit the count of entries
        uint32_t tail               # the least bytes of the groups and data within an entry
        list _kept                  # owns what the operations point to
        dict by_key                 # JSON name -> number of the operation
        PyObject** keys             # its keys by number of the operation, borrowed; NULL for other operations
        # a dict that is copied to make the next one with the same keys, since messages repeat
        bint modelled               # whether this plan can have one
        int copying                 # how many copies of it are being made: it must not change
        PyObject* model
        PyObject** model_values     # owned; NULL where the key is absent
        uint64_t model_mask         # which keys it has
        uint64_t last_mask

    cdef int _set(self, Op* op, operation) except -1
    cdef PyObject* _keep(self, object value)
    cdef void forget_model(self) noexcept


# The decode plans of a schema's messages, made at first use.
cdef class DecodePlans:
    cdef:
        object _compile             # (template, version) -> BlockPlan or None
        readonly int schema_id
        readonly int version
        dict _plans
        PyObject* _recent[RECENT]   # DecodePlan by template; borrowed from _plans

    cdef PyObject* recent(self, int template, int version) noexcept
    cdef DecodePlan find(self, int template, int version)


# A block that is being decoded; an inner block may need the exponent of an outer one.
cdef struct Frame:
    const uint8_t* block
    uint32_t length
    Frame* outer


# What the calls of the walker for one message share.
cdef struct Context:
    uint16_t version        # of the message
    int depth               # of embedded messages
    int64_t subscription    # subscriptionId of an event; -1 for null
    int template            # template id of the last embedded message; 0 for none
    PyObject* plan          # DecodePlan of the message; borrowed


cdef struct Text:
    PyObject* text
    uint64_t first
    uint64_t last
    uint32_t size


cdef enum:
    MAX_NESTED = 16             # how deep messages may nest


cdef class Reader:
    cdef:
        readonly DecodePlans plans
        int numbers                 # Numbers of envelope.pxd
        int64_t divisor             # of timestamps
        bint native
        bint busy                   # it is decoding: a finalizer must use another Reader
        str mode                    # numbers, and the unit of time, by name
        str unit
        PyObject** stack            # values of unfinished blocks, owned
        Py_ssize_t stack_size
        Py_ssize_t stack_room
        Text* texts                 # cache of short ASCII texts
        PyObject* zeros[256]        # decimal 0, by exponent
        object failure              # the reason, or a MemoryError
        list path                   # where it failed, innermost first

    cdef Reader free(self)
    cdef DecodePlan plan_of(self, const uint8_t* data, Py_ssize_t size)
    cdef object framed(self, bytes data)
    cdef PyObject* message(self, const uint8_t* data, Py_ssize_t size, Context* context) noexcept
    cdef object take(self, PyObject* made)
    cdef object error(self)


cdef class SbeView(View):
    cdef:
        bytes _owner                # the bytes that all pointers point into
        Reader _reader
        DecodePlan _plan
        SbeView _outer              # the View around it; None for a whole message
        PyObject* _name             # of the element in the outer View; borrowed from the plan
        Py_ssize_t _index           # of the entry in its group; -1 for an embedded message
        Frame _frame                # its block
        const uint8_t* _rest        # behind the block: groups and data
        const uint8_t* _end         # of the message
        int _version
        int _depth                  # of embedded messages
        const uint8_t** _places     # where each group and data begins; NULL before the first read

    cdef object _payload(self, bint error)
    cdef object _value_of(self, int number)
    cdef void _begin(self, Context* context) noexcept
    cdef object _take(self, Reader reader, PyObject* made)
    cdef const uint8_t* _place_of(self, int number, Reader reader) except NULL
    cdef SbeView _within(self, DecodePlan plan, Op* op, Py_ssize_t index, const uint8_t* block, uint32_t length)
    cdef object _entries(self, Op* op, const uint8_t* data, Reader reader)
    cdef object _embedded(self, Op* op, const uint8_t* data, Reader reader)
    cdef object _message(self, DecodePlan plan, const uint8_t* data, Reader reader)


cdef class ResponseReader:
    cdef:
        Reader _reader
        bint _views
        readonly bint deprecated    # the exchange has said that the schema is deprecated
        const uint8_t* _data        # borrowed, from begin() to the last call about the message
        Py_ssize_t _size
        Py_ssize_t _payload_size
        RateLimit _seen[MAX_LIMITS]
        int _seen_count
        # the layout of a WebSocketResponse
        DecodePlan _plan
        Op* _rate_limits
        Op* _id
        Op* _result
        uint32_t _status
        uint32_t _deprecated
        uint32_t _least             # bytes that a block must have
        uint32_t _limit_fields[5]   # type, interval, number, limit, count
        uint32_t _least_limit
        char _kinds[256]            # RateLimit.kind by raw value
        char _intervals[256]

    # As in Decoder (json.pyx): begin() reads the envelope, value() decodes the payload.
    cdef int begin(self, const char* data, Py_ssize_t size, Envelope* env) noexcept
    cdef object value(self, Envelope* env, int shape)
    cdef object exact_view(self, Envelope* env)     # of a result: decimals are exact texts, whatever `numbers` says
    cdef int check_whole(self, Envelope* env) except -1
    cdef int limits(self, RateLimit* out, int capacity) noexcept
    cdef object error(self)

    cdef bint _short(self, Op* op) noexcept
    cdef bint _response(self, Envelope* env, uint32_t length) noexcept
    cdef bint _read_limits(self, const uint8_t** cursor, const uint8_t* end) noexcept
    cdef void _read_id(self, Envelope* env, const uint8_t* text, Py_ssize_t size) noexcept
