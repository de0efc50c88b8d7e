# bytes of a JSON message -> Python objects. No C++ type shows here, so that C modules can cimport it.
from libc.stdint cimport int32_t, int64_t, uint8_t


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


# Where a result's decimals stand by position, not by name.
cdef enum Shape:
    SHAPE_FIELDS = 0
    SHAPE_KLINES = 1    # rows [openTime, o, h, l, c, volume, closeTime, quote volume, trades, taker base, taker quote, unused]


cdef struct RateLimit:
    char kind           # first letter of rateLimitType: R(EQUEST_WEIGHT), O(RDERS), ...; 'A' for RAW_REQUESTS, 'C'(ONNECTIONS)
    char interval       # first letter of interval: S, M, H, D
    int32_t interval_num
    int64_t limit
    int64_t count


cdef struct Envelope:
    int id_kind
    int64_t id
    int status              # 0 when absent
    int payload             # Payload
    int32_t payload_at      # structural index of the payload's value
    int32_t limits_at       # structural index of rateLimits' value, -1 when absent
    int64_t subscription    # subscriptionId, -1 when absent or null


cdef class Decoder:
    cdef object doc
    # begin() reads the top-level keys up to the payload (result, error or event), which stands there undecoded; where
    # the payload comes before the id, it is skipped, and remembered. value() decodes the payload. end() reads
    # the rest, and refuses what is no valid document. The bytes must stay where they are until end(); 64 readable
    # bytes must follow them. begin() returns 0, or an error code for error().
    cdef int begin(self, const char* data, Py_ssize_t size, Envelope* env) noexcept
    cdef object value(self, Envelope* env, int shape)
    cdef int end(self, Envelope* env) except -1
    cdef int limits(self, Envelope* env, RateLimit* out, int capacity) noexcept
    cdef object error(self, int code)
