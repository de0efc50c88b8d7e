# The session: sends requests over its connections.
from libc.stdint cimport int64_t, uint64_t

from ._native.clock cimport Clock
from ._native.connection cimport Connection, SessionBase
from ._native.given cimport Given
from ._native.methods cimport MethodSpec
from ._native.prepared cimport Template
from ._native.request cimport Auth, Encoder
from ._native.stickiness cimport Stickiness
from ._native.waiters cimport RequestInfo


cdef class SessionWrites(SessionBase):
    cdef:
        public Connection route         # the connection that requests are written to; None before the first one is open
        public object down_reason       # why requests cannot be sent while `route` is None
        readonly list connections       # the open connections, in the order of their opening
        Connection _reading             # the connection whose read callback runs, or None
        object _call_soon
        object _end_turn
        bint _corking
        bint _turn_open                 # a request was written in this turn: the next ones are corked
        bint _turn_end_scheduled
        object _batch                   # the innermost batch (a Batch) that was entered, or None
        uint64_t _batch_seen            # the context_version() in which its task was seen to run; 0 for none
        int64_t _batch_checks           # how often its task was looked at

    cdef int refuse_down(self) except -1
    cdef int open_turn(self, Connection connection) except -1
    cdef int cork(
        self, Connection connection, RequestInfo info, const char* text, Py_ssize_t size, bint at_once
    ) except -1
    cdef int flush_all(self) except -1
    cdef int check_batch(self, Connection connection) except -1
    cdef int _check_batch_task(self) except -1
    cdef int give_up(self, list infos, object error, bint quiet) except -1


cdef class SessionProbes(SessionWrites):
    cdef:
        int64_t _probe_interval         # ns, as the two that follow
        int64_t _probe_timeout
        int64_t _stall_after            # 0: off
        object _look_timer
        int64_t _look_at                # when it fires, monotonic ns

    cdef int _stop_looking(self) except -1
    cdef int64_t _check(self, Connection connection, int64_t now) except? -1
    cdef int _ping(self, Connection connection, int64_t now, int64_t within, str why) except -1
    cdef bint _is_busy(self, Connection connection, int64_t now) except -1


cdef class SessionConnections(SessionProbes):
    cdef:
        int _numbered                   # how many connections were made
        Py_ssize_t _max_message
        Py_ssize_t _max_output
        object _create_future
        object _drained                 # the future of drain()
        list _awaited                   # the requests that it waits for; some may have ended
        object _settled                 # the future of settled()
        list _settling                  # ... and of this one
        list _counted                   # the connections that are open, or whose requests are about to end
        dict _ended                     # the sums of the counters of the others
        bint _check_due                 # _check_drained() is scheduled
        object _timer
        int64_t _armed                  # when the timer fires, monotonic ns
        public bint keep_streams        # when a connection ends, its streams are detached instead of ended
        readonly list detached          # the Streams without a connection

    cdef int update_watch(self) except -1
    cdef bint _unsettled(self) except -1


cdef class SessionHandover(SessionConnections):
    cdef:
        readonly Connection draining    # the connection that is being left, or None
        Stickiness _sticky              # which requests stay there; None if none do
        bint _logon_stays               # a logon was unanswered there: what relies on it stays
        bint _left                      # the owner knows that nothing is left there
        list _changing                  # (future, its Connection) of unchanged()

    cdef Connection choose(self, MethodSpec spec, dict params, Template template, object signer)
    cdef int note_sent(self, Connection connection, RequestInfo info) except -1
    cdef bint _logon_differs(self) except -1
    cdef bint _is_left(self) except -1


cdef class Session(SessionHandover):
    cdef:
        int64_t _timeout                # ns
        Encoder _encoder
        Auth _auth
        bint _search_texts              # texts of the caller are searched for SQL keywords
        public object records           # makes the records of trading requests (trading/records.py)
        bytes _id_prefix                # the prefix of the client order ids that fastws makes
        int _id_random                  # how many random characters follow it

    cdef object _send_dict(
        self, MethodSpec spec, dict params, object on_reply, object timeout, object urgent, object signer, bint strict,
        Connection on
    )
    cdef object _send(self, MethodSpec spec, Given* given, bint strict, Template template, Connection on)
    cdef int _search_text(self, MethodSpec spec, str name, object text) except -1
    cdef int _write_text(self, Connection connection, RequestInfo info, Py_ssize_t size, bint at_once) except -1
    cdef Auth _authorise(
        self, Connection connection, MethodSpec spec, const Given* given, object signer, bint* on_logon
    )
