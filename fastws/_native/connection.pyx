# cython: language_level=3
"""One connection: replies → their waiters, events → their subscriptions; who is logged on here.

In: frames.pyx calls on_message() with each whole message; the Session writes requests here. Out: each request's future
or callback gets its result or its exception, once; events go to the EventRouter; the Session gets what concerns all its
connections, through SessionBase.
Memory: the bytes of a message are valid during on_message(); Waiters owns the requests in flight.
Failure: the owner makes the exception that a request ends in (SessionOwner.failure). An exception of a user's callback
is reported to the event loop's exception handler; other requests and events are not affected.

A reply travels: on_message() → _decoder (envelope) → waiters (whose) → _decoder (result) → deliver().
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING
from cpython.dict cimport PyDict_CheckExact, PyDict_GetItemWithError
from cpython.long cimport PyLong_CheckExact
from cpython.object cimport PyObject
from cpython.ref cimport Py_DECREF, Py_INCREF
from libc.stdint cimport int64_t, uint32_t
from libc.string cimport memcmp

from picows.picows cimport WSCloseCode, WSMsgType, WSTransport

from .clock cimport monotonic_ns
from .cork cimport Cork
from .envelope cimport (
    ID_ABSENT, ID_INT, ID_NULL, ID_OTHER, MAX_LIMITS, PAYLOAD_ERROR, PAYLOAD_EVENT, PAYLOAD_RESULT, SHAPE_FIELDS,
    SHAPE_KLINES, Envelope, RateLimit,
)
from .frames cimport CLOSED, OPEN, FrameListener
from .json cimport Decoder
from .json_views cimport json_view, keep_entries
from .latency cimport EVENT, count_latency
from .methods cimport ACCOUNT, LOGON, LOGOUT, SUBSCRIBE, SUBSCRIBE_OTHER, UNSUBSCRIBE, MethodSpec
from .sbe cimport ResponseReader
from .streams cimport EventRouter
from .views cimport View
from .waiters cimport ENDED, WAITING, RequestInfo, Waiters

from .._common.frame_log import log_frames
from .._common.shown import masked
from ..errors import (
    ConnectionLost, DecodeError, ExecutionUnknown, NotConnected, SessionRevoked, api_error, contradiction,
)

cdef extern from "Python.h":
    object PyObject_CallOneArg(object callable, object arg)
    Py_ssize_t Py_REFCNT(object)
    int PyErr_ExceptionMatches(object error) noexcept
    void PyErr_Clear() noexcept
    bint PyCoro_CheckExact(object)
    int64_t PyLong_AsLongLongAndOverflow(object number, int* overflow) except? -1
    int PyObject_SetAttr(object target, object name, object value) except -1
    ctypedef struct PyTypeObject:
        object (*tp_new)(object kind, object args, PyObject* kwargs)
    int PyGC_Disable()
    int PyGC_Enable()
    void PyException_SetCause(object error, object cause)       # steals a reference to the cause


cdef enum:
    MANY = 256      # while more requests end, the garbage collector rests: it would go through all of them repeatedly

cdef int64_t LATEST = 1 << 52       # a later event time is none: in microseconds this is the year 2112

include "session_base.pxi"
include "connection_faults.pxi"
include "connection_delivery.pxi"


@cython.final
cdef class Connection(FrameListener):
    """One connection to the exchange, with requests in flight; see the module's docstring.

    ``Session.new_connection()`` makes it. ``number``: the session counts the connections that were opened, from 1; 0
    before. ``max_message``: bytes of the longest message that is accepted. ``max_output``: bytes that may wait for the
    exchange to read them.
    ``responses``: the reader of the messages of an SBE connection; without it, the connection is in JSON.
    """

    def __cinit__(
        self, SessionBase session not None, *, Py_ssize_t max_message, Py_ssize_t max_output,
        ResponseReader responses=None,
    ):
        self.session = session
        self.loop = session.loop
        self.max_message = max_message
        self.max_output = max_output
        self._decoder = Decoder(session.numbers)
        self._responses = responses
        if responses is not None:
            self.message_type = WSMsgType.BINARY
        self.waiters = Waiters(session.in_flight)
        self.router = EventRouter(session.owner, session.loop_guard, self.waiters)
        self.cork = Cork()

    # ------------------------------------------------------------------------------------------ hot: requests

    cdef bint can_send(self) noexcept:
        """Whether a request can be written."""
        return self.state == OPEN and not (self.transport.is_disconnected or self.transport.is_close_frame_sent)

    cdef int flush_corked(self) except -1:
        cdef:
            int64_t now
            int i
            RequestInfo info
            bytes data
        if self.session.batching:
            self.session.break_batch()
        if self.cork.count == 0 or self.transport.is_disconnected or self.transport.is_close_frame_sent:
            return 0    # behind a close frame nothing is sent: on_finish() ends the requests
        self.cork.drop_abandoned(self.waiters)
        if self.cork.count == 0:
            return 0
        now = monotonic_ns()
        for i in range(self.cork.count):
            info = <RequestInfo>self.cork.frames[i].info
            info.sent = True
            info.written_at = now
        data = self.cork.take()
        self.writes += 1
        if self.frames_shown:
            self.show_corked(data)
        try:
            PyObject_CallOneArg(self._write_bytes, data)
        except Exception as exc:
            self.write_failed(exc)
        return 0

    cdef int show_corked(self, bytes frames) except -1:
        """Show these frames, which are complete and masked, in the frame log."""
        log_frames(self.number, frames, self.known_keys())
        return 0

    cdef object known_keys(self):
        cdef RequestInfo info
        signers = [info.signer for info in self.waiters.effects.values()]    # a logon is one of these
        keys = [self.session.limiter.own_key, self.logon_key, *[getattr(signer, "api_key", None) for signer in signers]]
        return {key for key in keys if isinstance(key, str) and key}

    # ------------------------------------------------------------------------------------------- hot: replies

    cdef int on_read_start(self) except -1:
        return self.session.read_started(self)

    cdef int on_read_end(self) except -1:
        return self.session.read_ended(self)

    cdef int on_message(self, const char* data, Py_ssize_t size, bint binary) except -1:
        cdef Envelope env
        cdef int code
        cdef int64_t now = monotonic_ns()
        self.read_at = now
        self.messages += 1
        self.session.seq += 1
        self._binary = binary
        if self._raw_reply is not None and self._keep_raw_reply(data, size, now):
            return 0
        if binary:
            code = self._responses.begin(data, size, &env)
            if self._responses.deprecated and not self.sbe_deprecated:
                self.sbe_deprecated = True
                self.session.owner.deprecated()
        else:
            code = self._decoder.begin(data, size, &env)
        if code:
            _unreadable(
                self, data[:size], self._responses.error() if binary else self._decoder.error(code), &env, now
            )
        elif env.payload == PAYLOAD_EVENT:
            self._event(&env, data, size, now)
        elif env.id_kind == ID_INT:
            self._reply(&env, now)
        else:
            _without_id(self, &env, data[:size], now)
        return 0

    cdef int _reply(self, Envelope* env, int64_t now) except -1:
        cdef RequestInfo info = self.waiters.find(env.id)
        cdef PyObject* made
        cdef object payload
        cdef object error
        if info is None or not info.sent:
            if self.waiters.was_used(env.id):
                self.stale += 1
            else:
                self.unknown += 1
            return 0
        info.received_at = now
        info.seq = self.session.seq
        self.replies += 1
        count_latency(self.session.latencies, info.spec.role, now - info.written_at)
        if env.payload == PAYLOAD_ERROR and info.spec.error_is_result and self._binary and 200 <= env.status < 300:
            env.payload = PAYLOAD_RESULT
        made = (<_Decoding>_decoded)(self, env, info)
        if made == NULL:
            return _undecodable(self, info)
        payload = <object>made
        Py_DECREF(payload)
        if env.limits_at >= 0:
            self._store_limits(env, info, now)
        self.release(info)
        if env.payload == PAYLOAD_RESULT and 200 <= env.status < 300 and (
            not info.spec.trading or PyDict_CheckExact(payload) or isinstance(payload, (View, list))
        ):
            if info.named:
                self.session.evidence.note_named(info, payload)
            if info.spec.names_orders and self.session.evidence.is_needed() and not info.is_question:
                self.session.evidence.note(payload, info, -1, now)
            if info.spec.effect:
                return self._apply_effect(info, payload)
            return self.deliver(info, payload, None)
        if env.payload == PAYLOAD_ERROR and env.status >= 400:
            error = api_error(env.status, payload, info.spec.name)
            if info.spec.names_orders and error.data is not None and self.session.evidence.is_needed():
                self.session.evidence.note(error.data, info, -1, now)      # of a cancelReplace of which one half failed
        else:
            error = contradiction(env.status, payload, env.payload == PAYLOAD_ERROR, env.payload == PAYLOAD_RESULT)
        return self.deliver(info, None, self.session.owner.failure(info, error, False))

    cdef object _payload(self, Envelope* env, int shape):
        """Decode the result, error or event of the current message."""
        cdef uint32_t end = self._decoder.at
        if self._binary:
            return self._responses.value(env, shape)
        if self.session.views and env.payload == PAYLOAD_RESULT and shape != SHAPE_KLINES:
            value = json_view(self._decoder, env.payload_at, &end)
        else:
            value = self._decoder.value(env, shape)
        self._decoder.end(env)
        return value

    cdef bint _keep_raw_reply(self, const char* data, Py_ssize_t size, int64_t now) except -1:
        """Copy the reply to ask_entries() without decoding it; False for any other message."""
        cdef RequestInfo info = self._raw_reply
        cdef bytes head = self._raw_head
        if self.waiters.find(info.id) is not info:      # it has ended, or its slot was freed after its timeout
            self._raw_reply = None
            return False
        if size < len(head) or memcmp(data, PyBytes_AS_STRING(head), len(head)) or not info.sent:
            return False
        self._raw_reply = None
        info.received_at = now
        info.seq = self.session.seq
        self.replies += 1
        count_latency(self.session.latencies, info.spec.role, now - info.written_at)
        self.release(info)
        self.deliver(info, keep_entries(data, size, info.entries), None)
        return True

    cdef object _entries(self, Envelope* env, RequestInfo info):
        """The result of ask_entries(); an error is decoded as for other requests."""
        if env.payload != PAYLOAD_RESULT:
            return self._payload(env, SHAPE_FIELDS)
        if self._binary:
            return self._responses.exact_view(env)
        return keep_entries(<const char*>self._decoder.text, self._decoder.size, info.entries)

    cdef int deliver(self, RequestInfo info, object result, object error) except -1:
        """Give a request its result or its exception. Its slot was freed already."""
        cdef object target = info.target
        cdef int state = info.state
        cdef PyObject* made
        info.state = ENDED
        info.target = None
        if state == WAITING:
            if info.is_callback:
                made = fastws_call_two(target, result, error)
                if made == NULL:
                    return _callback_raised(self, info)
                if PyCoro_CheckExact(<object>made):
                    _refuse_coroutine(self, info, <object>made)
                Py_DECREF(<object>made)
                return 0
            if error is None and fastws_has_own_set_result(target) and Py_REFCNT(target) > 1:
                # set_result() refuses a future that is done, so done() need not be asked
                made = fastws_set_result(target, result)
                if made == NULL:
                    return _not_taken(self, info, result)
                Py_DECREF(<object>made)
                return 0
            if not target.done() and (Py_REFCNT(target) > 1 or not _is_abandoned(self, info, target)):
                if error is None:
                    target.set_result(result)
                else:
                    target.set_exception(error)
                return 0
        return _orphan(self, info, result if error is None else error)

    cdef int release(self, RequestInfo info) except -1:
        """Free the slot of a request; 0 if it is not in flight on this connection."""
        if self.session.ends_watched:
            self.session.request_ended()
        return self.waiters.release(info)

    cdef int _apply_effect(self, RequestInfo info, object result) except -1:
        """A request with an effect has succeeded: a logon, a logout, a subscribe, an unsubscribe, account.status."""
        cdef int effect = info.spec.effect
        if effect == LOGON:
            self.logged_on = True
            self.logon_signer = (
                None if self.session.limiter.own_account(info.signer, None) is None else info.signer
            )
            try:
                self.logon_key = result["apiKey"]
            except (TypeError, KeyError, DecodeError):     # a View decodes the field here
                self.logon_key = None
            # fastws adds a timestamp to a logon, unless the caller has signed it
            self.session.owner.logon_changed(self, True, info.signer, info.timestamp == 0, self.logon_key)
        elif effect == LOGOUT:
            self.session.owner.logon_changed(self, False, None, False, None)
            self.logged_on = False
            self.logon_signer = None
            self.router.leave_answered(info)
        elif effect == UNSUBSCRIBE:
            self.router.leave_answered(info)
        elif effect == ACCOUNT:
            self.session.owner.account_shown(info, result)
        else:
            wanted = info.awaited() or info.subject is None
            try:
                result = self.router.bind(info, result)
            except DecodeError as exc:
                return self.deliver(info, None, self.session.owner.failure(info, exc, False))
            if not wanted:
                self.session.owner.unclaimed(result)
        self.deliver(info, result, None)
        if effect == SUBSCRIBE or effect == SUBSCRIBE_OTHER:
            self.router.deliver_held()
            if self.state == CLOSED:    # ended by a callback: no subscription will take what is left
                self.router.release_held()
        return 0

    cdef int _store_limits(self, Envelope* env, RequestInfo info, int64_t now) except -1:
        """Keep the counters in a reply's rateLimits, without making Python objects."""
        cdef RateLimit limits[MAX_LIMITS]
        cdef int count = (
            self._responses.limits(limits, MAX_LIMITS) if self._binary
            else self._decoder.limits(env, limits, MAX_LIMITS)
        )
        return self.session.limiter.store(limits, count, info.account, now)

    cdef int _count_event(self, dict event, int64_t now) except -1:
        """Count how long an event took from the exchange's event time, if the clock is measured."""
        cdef PyObject* sent
        cdef int overflow = 0
        cdef int64_t sent_at
        if self.session.clock.base == 0:
            return 0
        sent = PyDict_GetItemWithError(event, "E")
        if sent == NULL or not PyLong_CheckExact(<object>sent):
            return 0
        sent_at = PyLong_AsLongLongAndOverflow(<object>sent, &overflow)
        if overflow == 0 and 0 < sent_at < LATEST:
            sent_at *= self.session.event_unit
            count_latency(self.session.latencies, EVENT, (now // 1000 + self.session.clock.base - sent_at) * 1000)
        return 0

    # ----------------------------------------------------------------------------------------- cold: messages

    cdef int _event(self, Envelope* env, const char* data, Py_ssize_t size, int64_t now) except -1:
        cdef PyObject* made
        self.events += 1
        made = (<_Decoding>_decoded_event)(self, env, None)
        if made == NULL:
            return _unreadable_event(self, env, data, size, now)
        event = <object>made
        Py_DECREF(event)
        self._count_event(event, now)
        if self.session.evidence.is_needed():
            stream = self.router.stream_of(env.subscription)
            self.session.evidence.note(event, self.router if stream is None else stream, env.subscription, now)
        return self.router.route(event, env.subscription, self.session.seq, now)

    def end_revoked(self, list ids, cause):
        """End the requests with these ids that are still in flight: they relied on a logon that was revoked."""
        cdef RequestInfo info
        for request_id in ids:
            info = self.waiters.find(request_id)
            if info is not None and info.state == WAITING and self.release(info):
                error = SessionRevoked(cause.status, cause.code, cause.msg, cause.data, info.spec.name)
                self.deliver(info, None, self.session.owner.failure(info, error, True))

    cdef Py_ssize_t output_waiting(self) except -1:
        """Bytes that wait: in the transport for the exchange to read them, and in the cork for the end of the turn."""
        return self.transport.underlying_transport.get_write_buffer_size() + self.cork.buffer.size

    cdef int want_entries(self, RequestInfo info) except -1:
        """Copy the reply to this request without decoding it, for ask_entries(). In SBE a View does that."""
        if self._responses is None:
            self._raw_reply = info
            self._raw_head = b'{"id":%d,"status":200,"result":' % info.id
        return 0

    # ------------------------------------------------------------------------------------ cold: opening and end

    cpdef on_ws_connected(self, WSTransport transport):
        FrameListener.on_ws_connected(self, transport)
        self._write_bytes = transport.underlying_transport.write
        if self.state == OPEN:
            self.session.connection_opened(self)

    cdef int on_finish(self) except -1:
        """End all requests that are in flight on this connection."""
        cdef bint paused = self.waiters.count > MANY and PyGC_Disable()
        self.logged_on = False
        self.cork.drop_abandoned(self.waiters)
        self.cork.clear()
        try:
            self.session.connection_lost(self)
            end_requests(self, self.waiters.all())
        finally:
            if paused:
                PyGC_Enable()
        return self.session.connection_ended(self)

    @property
    def is_open(self):
        """Whether requests can be sent."""
        return self.can_send()

    @property
    def in_flight(self):
        """Requests without a reply."""
        return self.waiters.count

    @property
    def changing(self):
        """Whether the caller's logon, logout, subscribe or unsubscribe is unanswered here, and did not time out."""
        return self.waiters.changing()
