# What a session reads of an SBE message: the envelope as C values, and the payload.
from libc.stdint cimport uint8_t, uint32_t

from ._envelope cimport MAX_LIMITS, Envelope, RateLimit
from ._plans cimport Op, Plan
from ._sbe cimport Reader


cdef class ResponseReader:
    cdef:
        Reader _reader
        bint _views
        readonly bint deprecated    # the exchange said so of the schema
        const uint8_t* _data        # borrowed, from begin() to the last call about the message
        Py_ssize_t _size
        Py_ssize_t _payload_size
        RateLimit _seen[MAX_LIMITS]
        int _seen_count
        # where things stand in a WebSocketResponse
        Plan _plan
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

    # As Decoder of _json: begin() reads what is around the payload, value() decodes it.
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
