# The operations that the walker of SBE messages interprets, as C.
from cpython.object cimport PyObject
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t


cdef enum Kind:
    # in the block
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
    # behind it
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
    MAX_MODEL = 64          # keys whose presence fits a mask
    RECENT = 1024


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
        int value                   # number of the operation that is the value of the whole; -1 for none
        int aside                   # of the one that belongs to the frame; -1 for none
        bint of_views               # Views show an entry as a View, or as the View of the message that it is
        bint flat                   # an array of the block's values alone
        uint32_t block_length
        uint32_t least              # bytes of a group's blocks, at least: a count cannot claim what costs nothing
        uint32_t tail               # bytes that the lengths of an entry's own groups and data take, at least
        list _kept                  # owns what the operations point to
        dict by_key                 # JSON name -> number of the operation
        # a dict that messages repeat: what a new one with the same keys begins as a copy of
        bint modelled               # whether there can be one
        int copying                 # copies of it under way, during which it stays
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
        PyObject* _recent[RECENT]   # Plan by template; borrowed from _plans

    cdef PyObject* recent(self, int template, int version) noexcept
    cdef Plan find(self, int template, int version)
