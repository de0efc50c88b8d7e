# The envelope of a message, in JSON or SBE: what is read before the payload is decoded; and how a payload is shown.
from libc.stdint cimport int32_t, int64_t, uint32_t

cdef enum IdKind:
    ID_ABSENT = 0
    ID_INT = 1      # fits int64: in Envelope.id
    ID_NULL = 2
    ID_OTHER = 3    # text, or anything else that fastws never sends


cdef enum Payload:
    PAYLOAD_NONE = 0
    PAYLOAD_RESULT = 1
    PAYLOAD_ERROR = 2
    PAYLOAD_EVENT = 3


cdef enum Numbers:
    NUMBERS_STR = 0
    NUMBERS_FLOAT = 1
    NUMBERS_DECIMAL = 2


# How a result differs from an object of fields.
cdef enum Shape:
    SHAPE_FIELDS = 0
    SHAPE_KLINES = 1
    SHAPE_ONE = 2       # an array of one entry; SBE sends the entry alone


cdef enum:
    MAX_LIMITS = 16     # rate limits that are kept of one message


cdef struct RateLimit:
    char kind           # R(EQUEST_WEIGHT), O(RDERS), A for RAW_REQUESTS, C(ONNECTIONS)
    char interval       # S(ECOND), M(INUTE), H(OUR), D(AY)
    int32_t interval_num
    int64_t limit
    int64_t count


cdef struct Envelope:
    int id_kind
    int64_t id
    int status              # 0 when absent
    int payload             # Payload
    uint32_t payload_at     # where the payload begins: in JSON the number of a structural mark, in SBE a byte
    int limits_at           # the same for rateLimits; -1 when absent
    int64_t subscription    # subscriptionId; -1 when absent or null
