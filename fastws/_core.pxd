# Requests out, replies in: the session of one connection.
from libc.stdint cimport int32_t, int64_t

from ._brakes cimport Brakes
from ._clock cimport Clock
from ._cork cimport Cork
from ._envelope cimport Envelope
from ._evidence cimport Evidence
from ._frames cimport Connection
from ._home cimport Home
from ._json cimport Decoder
from ._methods cimport MethodSpec
from ._prepared cimport Template
from ._request cimport Auth, Encoder
from ._sbe cimport ResponseReader
from ._streams cimport Streams
from ._waiters cimport RequestInfo, Waiters


cdef class Session(Connection):
    cdef:
        # what its maker gave
        object _owner
        int64_t _timeout                # ns
        bint _corking

        # the event loop
        object _create_future
        object _call_soon
        object _write_bytes             # underlying_transport.write
        object _end_turn
        readonly Home home

        # requests
        Encoder _encoder
        Auth _auth
        Waiters _waiters
        Cork _cork
        bint _guarded                   # texts of the caller are searched for SQL keywords
        bytes _id_prefix                # of the client order ids made here
        int _id_random                  # how many random characters follow it
        Brakes _brakes                  # its owner's, for all of its connections
        Clock _clock
        object _batch                   # the innermost batch.Batch that was entered, or None
        bint _batching                  # what is requested waits for its end
        readonly bint logged_on
        readonly object session_key     # the API key that is logged on, or was last
        readonly object session_signer  # that of session.logon(signer=), where its key is not the client's; else None
        readonly bint sbe_deprecated    # the exchange said so of the schema
        bint _turn_open                 # a request was written in this turn: further ones are corked
        bint _turn_end_scheduled
        object _refusal                 # why new requests are refused on an open connection, or None
        object _drained                 # the future of drain()
        object _settled                 # the future of settled()
        bint _drain_due                 # _check_drained() is scheduled
        object _timer
        int64_t _armed                  # when the timer fires, monotonic ns

        # replies
        Decoder _decoder
        ResponseReader _responses       # of an SBE session, else None
        bint _views                     # results are views
        bint _binary                    # of the message at hand
        RequestInfo _wanted             # a JSON reply that is to be kept as it comes: that of ask_entries(); or None
        bytes _wanted_head              # how that reply begins

        # events
        Streams _streams

        # what is seen of open trading requests
        Evidence _evidence

        # counters
        readonly int64_t seq
        readonly int64_t requests
        readonly int64_t replies
        readonly int64_t writes
        readonly int64_t events
        readonly int64_t stale
        readonly int64_t unknown
        readonly int64_t unreadable
        readonly int64_t orphans

    cdef object _send(
        self, MethodSpec spec, dict params, object on_reply, object timeout, object urgent, object signer, bint strict,
        Template template
    )
    cdef int _guard(self, MethodSpec spec, str name, object text) except -1
    cdef int _write_text(self, RequestInfo info, Py_ssize_t size, bint at_once) except -1
    cdef int _open_turn(self) except -1
    cdef int _reply(self, Envelope* env, int64_t now) except -1
    cdef int _change(self, RequestInfo info, object result) except -1
    cdef object _payload(self, Envelope* env, int shape)
    cdef bint _keep(self, const char* data, Py_ssize_t size, int64_t now) except -1
    cdef object _entries(self, Envelope* env, RequestInfo info)
    cdef int _deliver(self, RequestInfo info, object result, object error) except -1
    cdef bint _is_forsaken(self, RequestInfo info, object future) except -1
    cdef int _release(self, RequestInfo info) except -1
    cdef RequestInfo _only(self)
    cdef int _store_limits(self, Envelope* env, RequestInfo info, int64_t now) except -1
    cdef int _check_batch(self) except -1
    cdef int _break_batch(self) except -1
    cdef int _give_up(self, list infos, object error, bint quiet) except -1
    cdef int _event(self, Envelope* env, const char* data, Py_ssize_t size, int64_t now) except -1
    cdef int _unreadable(self, bytes data, object error, Envelope* env, int64_t now) except -1
    cdef int _no_id(self, Envelope* env, bytes data, int64_t now) except -1
    cdef Auth _authorise(self, MethodSpec spec, dict params, object signer, bint* on_session)
