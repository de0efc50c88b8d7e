# The rate limiter: refuses requests before they are made, and keeps what replies say of rate limits.
from cpython.object cimport PyObject
from libc.stdint cimport int64_t

from .clock cimport Clock
from .envelope cimport MAX_LIMITS, RateLimit
from .methods cimport MethodSpec
from .prepared cimport Template


cdef struct LimitRow:
    RateLimit limit
    int64_t read_at     # when the reply that showed it was read, monotonic ns


cdef class LimitRows:
    # The limits of one account; in that of the client, also the limits of its IP address.
    cdef:
        LimitRow rows[MAX_LIMITS]
        int count

    cdef int store(self, const RateLimit* limit, int64_t now) except -1


cdef class RateLimiter:
    cdef:
        # what requests must be checked for, as bits; 0 for nothing
        int checks
        readonly bint read_only
        readonly tuple holds    # see holds.py; in the order in which their errors count
        Clock _clock
        str own_key
        LimitRows _own
        dict _others            # API key -> LimitRows
        int64_t _reserve        # weight that reads must leave unused; 0 for none
        object _weigh           # (method, parameters) -> weight
        tuple _banned           # (until: monotonic ns, exchange's microseconds, why), or None
        tuple _weight
        dict _orders            # API key (None for the client's) -> such a tuple
        object last_symbol      # of the latest request in note_symbol() without a signer of its own
        set _used               # of (Signer or None, symbol)
        set _unreachable             # of symbols

    cdef int check(self, MethodSpec spec, dict params, Template template, object signer, int64_t pending) except -1
    cdef int _gate(self, MethodSpec spec, dict params, object account) except -1
    cdef int _reserved(self, MethodSpec spec, dict params, int64_t pending) except -1
    cdef tuple _too_short(self, int64_t weight, int64_t pending)
    cdef bint _open_again(self, tuple gate) except -1
    cdef int _update_checks(self) except -1
    cdef int store(self, const RateLimit* limits, int count, object account, int64_t now) except -1
    cdef int note_symbol(self, PyObject* symbol, Template template, object signer, object account) except -1
    cdef object account(self, object signer, object api_key)
