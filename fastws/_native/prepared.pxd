# Prepared requests: the bytes that stay the same, and what a call adds to them.
from libc.stdint cimport int16_t, int64_t, uint64_t

from .given cimport Given
from .methods cimport MAX_PARAMS, MethodSpec
from .request cimport Auth, Encoder


cdef class ReadyBytes:
    # The bytes that stay the same, for one key, or without a signature.
    cdef:
        Auth auth           # None without a signature
        bytes window        # the recvWindow of the encoder, which is in these bytes
        uint64_t mask[3]    # the parameters in these bytes, by bit
        bytes text          # ,"method":"order.place","params":{"symbol":"BTCUSDT",
        bytes payload       # &apiKey=…&symbol=BTCUSDT, sorted by name; empty without a signature
        int count
        int16_t bits[MAX_PARAMS]        # of the parameters in the payload, in rising order
        int starts[MAX_PARAMS + 1]      # where each of them begins in the payload


cdef class Template:
    cdef:
        readonly MethodSpec spec
        readonly dict fixed         # the parameters that calls need not give
        dict _replaced              # those of `fixed` that a call has replaced: the ready bytes lack them
        bint _strict
        bint _has_unlisted                  # the table does not know one of the fixed parameters
        ReadyBytes _unsigned
        ReadyBytes _signed

    cdef Py_ssize_t write(
        self, Encoder encoder, dict params, int64_t request_id, Auth auth, int64_t timestamp
    ) except -1
    cdef Py_ssize_t write_given(
        self, Encoder encoder, Given* given, int64_t request_id, Auth auth, int64_t timestamp
    ) except -1
    cdef Py_ssize_t _write(
        self, Encoder encoder, Given* given, int64_t request_id, Auth auth, int64_t timestamp
    ) except -1
    cdef ReadyBytes _make_ready(self, Encoder encoder, Auth auth, int64_t timestamp)
    cdef int _replace(self, const Given* given) except -1
