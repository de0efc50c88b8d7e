# A request of which most is ready: the bytes that stay, and what a call adds to them.
from libc.stdint cimport int16_t, int64_t, uint64_t

from .methods cimport MAX_PARAMS, MethodSpec
from .request cimport Auth, Encoder


cdef class ReadyBytes:
    # What is ready for one way of signing.
    cdef:
        Auth auth           # None where nothing is signed
        bytes window        # the encoder's recvWindow that stands in it
        uint64_t mask[3]    # the parameters in it, by bit
        bytes text          # ,"method":"order.place","params":{"symbol":"BTCUSDT",
        bytes payload       # &apiKey=…&symbol=BTCUSDT, by name; empty where nothing is signed
        int count
        int16_t bits[MAX_PARAMS]        # of the parameters in the payload, rising
        int starts[MAX_PARAMS + 1]      # where each begins in the payload


cdef class Template:
    cdef:
        readonly MethodSpec spec
        readonly dict fixed         # what the calls do not give, unless they replace it
        dict _replaced              # those of `fixed` that a call has given: the ready bytes lack them
        bint _strict
        bint _has_unlisted                  # a parameter that the table does not know is among the fixed ones
        ReadyBytes _unsigned
        ReadyBytes _signed

    cdef Py_ssize_t write(
        self, Encoder encoder, dict params, int64_t request_id, Auth auth, int64_t timestamp
    ) except -1
    cdef Py_ssize_t _write(
        self, Encoder encoder, dict params, int64_t request_id, Auth auth, int64_t timestamp
    ) except -1
    cdef ReadyBytes _make_ready(self, Encoder encoder, Auth auth, int64_t timestamp)
    cdef int _replace(self, dict params, ReadyBytes ready) except -1
