# One connection: gives replies to their requests and events to their streams; and the interface of its session.
from cpython.object cimport PyObject
from libc.stdint cimport int64_t

from .clock cimport Clock
from .cork cimport Cork
from .envelope cimport Envelope
from .evidence_ring cimport EvidenceRing
from .frames cimport FrameListener
from .json cimport Decoder
from .latency cimport Latencies
from .limiter cimport RateLimiter
from .loop_guard cimport LoopGuard
from .methods cimport MethodSpec
from .prepared cimport Template
from .sbe cimport ResponseReader
from .streams cimport EventRouter
from .waiters cimport InFlight, RequestInfo, Waiters


cdef class Connection


cdef class SessionBase:
    # What the connections of a session share, and the methods that they call; Session implements them.
    cdef:
        object owner                    # a SessionOwner
        object loop                     # from bind() on
        readonly LoopGuard loop_guard  # from bind() on
        RateLimiter limiter
        InFlight in_flight
        EvidenceRing evidence               # of open trading requests
        Latencies latencies                 # of replies and events
        Clock clock
        public int64_t event_unit           # microseconds: the unit of the times of events
        str numbers
        bint views                      # results are Views
        bint batching                   # requests wait for the end of a batch
        bint ends_watched               # drain() or settled() waits for requests to end
        readonly int64_t seq                # of the message that was read last, of any connection
        object refusal                  # why new requests are refused on an open connection, or None

    cdef int connection_opened(self, Connection connection) except -1
    cdef int connection_lost(self, Connection connection) except -1
    cdef int connection_ended(self, Connection connection) except -1
    cdef int read_started(self, Connection connection) except -1
    cdef int read_ended(self, Connection connection) except -1
    cdef object send_named(self, MethodSpec spec, PyObject* names, PyObject* const* values)
    cdef object send_changes(self, Template template, PyObject* names, PyObject* const* values)
    cdef int break_batch(self) except -1
    cdef int request_ended(self) except -1


cdef object unanswered(RequestInfo info, object cause, object sender)


cdef class Connection(FrameListener):
    cdef:
        SessionBase session
        object _write_bytes             # underlying_transport.write

        # requests
        Waiters waiters
        Cork cork
        int64_t batch_checks            # the session's number of the check in which
        Py_ssize_t batch_waiting        # ... so many bytes waited in the transport
        readonly bint logged_on
        readonly object logon_key       # the API key that is logged on, or was last
        readonly object logon_signer    # the signer= of session.logon, if its key is not the client's; else None

        # replies
        Decoder _decoder
        ResponseReader _responses       # of an SBE connection; None for JSON
        bint _binary                    # of the current message
        RequestInfo _raw_reply             # the request of ask_entries(), whose JSON reply is copied undecoded; or None
        bytes _raw_head              # how that reply begins
        readonly bint sbe_deprecated    # the exchange has said that the schema is deprecated

        # events
        readonly EventRouter router

        # counters
        readonly int64_t messages
        readonly int64_t requests
        readonly int64_t replies
        readonly int64_t writes
        readonly int64_t events
        readonly int64_t stale
        readonly int64_t unknown
        readonly int64_t unreadable
        readonly int64_t orphans

    cdef bint can_send(self) noexcept
    cdef int show_corked(self, bytes frames) except -1
    cdef Py_ssize_t output_waiting(self) except -1
    cdef int want_entries(self, RequestInfo info) except -1
    cdef int deliver(self, RequestInfo info, object result, object error) except -1
    cdef int release(self, RequestInfo info) except -1
    cdef int _reply(self, Envelope* env, int64_t now) except -1
    cdef int _apply_effect(self, RequestInfo info, object result) except -1
    cdef object _payload(self, Envelope* env, int shape)
    cdef bint _keep_raw_reply(self, const char* data, Py_ssize_t size, int64_t now) except -1
    cdef object _entries(self, Envelope* env, RequestInfo info)
    cdef int _count_event(self, dict event, int64_t now) except -1
    cdef int _store_limits(self, Envelope* env, RequestInfo info, int64_t now) except -1
    cdef int _event(self, Envelope* env, const char* data, Py_ssize_t size, int64_t now) except -1
