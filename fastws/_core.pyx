# cython: language_level=3
"""Requests out, replies in: the session of one connection.

In: client.py calls send(); _frames calls on_message(). Out: bytes go to the transport; futures and callbacks end, once;
events go to _streams.
Memory: a message is borrowed and dies with on_message(); a request's text dies with the next one; Waiters owns what
is in flight.
Failure: what a request ends in is made by the owner (SessionOwner.failure) and delivered once; a user's callback that
raises is reported to the event loop's exception handler, and harms nothing else.

A request travels: send() → _encoder (checked, written, signed) → _waiters (its id) → the transport, at once when it
is the first of the event loop's turn, else by _cork at the turn's end.
A reply travels: on_message() → _decoder (envelope) → _waiters (whose) → _decoder (result) → _deliver().
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING
from cpython.dict cimport PyDict_CheckExact, PyDict_DelItem, PyDict_GetItem, PyDict_GetItemWithError, PyDict_Next
from cpython.object cimport PyObject
from cpython.unicode cimport PyUnicode_Check
from libc.stdint cimport INT64_MAX, int64_t, uint32_t
from libc.string cimport memcmp

from picows.picows cimport WSCloseCode, WSMsgType, WSTransport

from ._brakes cimport Brakes
from ._clock cimport Clock, exchange_us, monotonic_ns
from ._cork cimport Cork
from ._envelope cimport (
    ID_ABSENT, ID_INT, ID_NULL, ID_OTHER, MAX_LIMITS, PAYLOAD_ERROR, PAYLOAD_EVENT, PAYLOAD_RESULT, SHAPE_FIELDS,
    SHAPE_KLINES, Envelope, RateLimit,
)
from ._evidence cimport Evidence
from ._frames cimport CLOSED, OPEN, Connection
from ._home cimport Home, is_home
from ._json cimport Decoder
from ._json_views cimport Entries, json_view, keep_entries
from ._methods cimport (
    CHANGE, CREATE, LOGON, LOGOUT, SUBSCRIBE, SUBSCRIBE_OTHER, UNSUBSCRIBE, MethodSpec,
)
from ._prepared cimport Template
from ._request cimport HEADROOM, Auth, Encoder, new_client_order_id
from ._sbe cimport ResponseReader
from ._streams cimport Streams
from ._views cimport View
from ._waiters cimport ENDED, LATE, SLOT_BITS, WAITING, RequestInfo, Waiters
from ._words cimport holds_word

import re
from asyncio import current_task

from ._request import check_prefix, random_length
from ._shown import shown
from ._words import find_word
from .errors import (
    ConnectionLost, DecodeError, InvalidRequest, NotConnected, NotSent, RequestTimeout, SessionRevoked, api_error,
)

cdef extern from "Python.h":
    object PyObject_CallOneArg(object callable, object arg)
    object PyObject_CallNoArgs(object callable)
    Py_ssize_t Py_REFCNT(object)
    int PyObject_SetAttr(object target, object name, object value) except -1
    bint PyCoro_CheckExact(object)
    bint PyUnicode_IS_COMPACT_ASCII(object text)
    void* PyUnicode_DATA(object text)
    Py_ssize_t PyUnicode_GET_LENGTH(object text)

cdef:
    enum:
        FLUSH_AT = 16384        # corked bytes that leave without waiting for the end of the turn

    int64_t SECOND = 1000000000
    int64_t LATE_FOR = 60 * SECOND      # how long the reply of a request that timed out is still known


@cython.final
cdef class Session(Connection):
    """A connection to the exchange, with requests in flight; see the module's docstring. Made and owned by a Client.

    ``owner``: a SessionOwner (owner.py).
    ``serial``: the ids go on behind this serial number. ``responses``: what reads the messages of an SBE session;
    without it, the session speaks JSON. ``views``: results are Views.
    """

    def __cinit__(
        self, owner, loop, Brakes brakes not None, Clock clock not None, *, str numbers="str", signer=None,
        double timeout=15.0, recv_window=None, bint cork=True, Py_ssize_t max_message=64 << 20,
        Py_ssize_t max_output=4 << 20, int64_t serial=0, ResponseReader responses=None, bint views=False,
        bint guard=False, str id_prefix="",
    ):
        self.loop = loop
        self.max_message = max_message
        self._owner = owner
        self._create_future = loop.create_future
        self._call_soon = loop.call_soon
        self.home = Home(loop)
        self._timeout = <int64_t>(timeout * SECOND)
        self.max_output = max_output
        self._corking = cork
        self._encoder = Encoder(recv_window)
        self._guarded = guard
        self._encoder.owner = owner if guard else None
        self._id_prefix = check_prefix(id_prefix)
        self._id_random = random_length(id_prefix)
        self._auth = None if signer is None else Auth(signer)
        self._decoder = Decoder(numbers)
        self._responses = responses
        self._views = views
        if responses is not None:
            self.speaks = WSMsgType.BINARY
        self._waiters = Waiters(serial)
        self._streams = Streams(owner, self.home, self._waiters)
        self._evidence = Evidence(owner, self._waiters, self._streams)
        self._cork = Cork()
        self._brakes = brakes
        self._clock = clock
        self._end_turn = self._on_turn_end
        self._armed = INT64_MAX

    # ------------------------------------------------------------------------------------ hot: requests

    def call(self, MethodSpec spec, dict params):
        """send() for the wrappers, which give options among the parameters."""
        cdef:
            object on_reply = _option(params, "on_reply")
            object timeout = _option(params, "timeout")
            object urgent = _option(params, "urgent")
            object signer = _option(params, "signer")
        return self._send(spec, params, on_reply, timeout, urgent, signer, True, None)

    def send(self, MethodSpec spec, dict params, on_reply, timeout, urgent, signer, bint strict):
        """Encode, sign and hand over one request. `params` becomes the session's own.

        Returns a Future of the result, with its RequestInfo as `info`; with `on_reply`, the RequestInfo.
        """
        return self._send(spec, params, on_reply, timeout, urgent, signer, strict, None)

    def send_prepared(self, Template template, dict changes):
        """call() of a request that is prepared: ``changes`` are the parameters that it lacks, and options."""
        cdef:
            object on_reply = _option(changes, "on_reply")
            object timeout = _option(changes, "timeout")
            object urgent = _option(changes, "urgent")
            object signer = _option(changes, "signer")
        if _holds_none(changes):    # which leaves what is prepared as it is
            changes = {name: value for name, value in changes.items() if value is not None}
        return self._send(template.spec, changes, on_reply, timeout, urgent, signer, True, template)

    def subscribe(self, MethodSpec spec, dict params, face):
        """call() of a method that makes a subscription: its result is ``face``, a Subscription."""
        reply = self.call(spec, params)
        (<RequestInfo>(reply if type(reply) is RequestInfo else reply.info)).subject = face
        return reply

    def ask_entries(self, MethodSpec spec, dict params, str name not None):
        """send() of a read with a large result, an object, of which the array ``name`` is wanted, entry by entry.

        The result is an Entries, for open_entries(), or in SBE a View that has the array: exact texts, whatever the
        session's ``results`` and ``numbers`` are. In the read callback its bytes are kept, and no more.
        """
        cdef RequestInfo info
        reply = self._send(spec, params, None, None, None, None, False, None)
        info = reply.info
        info.entries = name.encode()
        if self._responses is None:
            self._wanted = info
            self._wanted_head = b'{"id":%d,"status":200,"result":' % info.id
        return reply

    def open_entries(self, Entries entries not None, RequestInfo info not None):
        """Find the entries in what ask_entries() gave: in a turn of the event loop of its own."""
        cdef RateLimit seen[MAX_LIMITS]
        cdef int count = entries.open(seen)
        self._brakes.store(seen, count, info.account, info.received_at)

    cdef object _send(
        self, MethodSpec spec, dict params, object on_reply, object timeout, object urgent, object signer, bint strict,
        Template template
    ):
        cdef:
            Auth auth = None
            int64_t timestamp = 0
            int64_t now
            int64_t wait = self._timeout
            int64_t request_id
            Py_ssize_t size
            int weight = 0
            object account = None
            bint on_session = False
            bint at_once
            RequestInfo info
            object future = None
            PyObject* symbol

        if not is_home(self.home):
            self.home.check(spec.name)
        if (
            self.state != OPEN or self._refusal is not None
            or self.transport.is_disconnected or self.transport.is_close_frame_sent
        ):
            self._refuse_closed()
        if self._encoder.out.size:
            _refuse_nested(spec.name)
        if self._batch is not None:
            self._check_batch()
        if self._brakes.closed:
            weight = self._brakes.check(
                spec, params, template, self.session_signer if signer is None else signer, self._waiters.weight
            )
        if self.paused:
            self._check_output()
        if timeout is not None:
            wait = _timeout_ns(timeout)
        if on_reply is not None and not callable(on_reply):
            raise InvalidRequest(f"on_reply: expected a callable, got {shown(on_reply)}")
        at_once = (spec.urgent if urgent is None else bool(urgent)) or not self._turn_open or not self._corking

        for name in spec.own_ids:
            text = params.get(name)
            if text is None:
                if params.get("signature") is not None:
                    _refuse_nameless(spec.name, name)
                params[name] = new_client_order_id(self._id_prefix, self._id_random)
            elif self._guarded:
                self._guard(spec, name, text)
        if self._guarded:
            for name in spec.free_texts:
                text = params.get(name)
                if text is not None:
                    self._guard(spec, name, text)
        if spec.authorised or signer is not None:
            if params.get("signature") is None:     # else the caller has signed, and nothing may be added
                auth = self._authorise(spec, params, signer, &on_session)
                if on_session:
                    signer = self.session_signer    # the account is that of the session
                if signer is not None:
                    account = self._brakes.account(signer, params)
                if spec.timestamped or auth is not None:
                    timestamp = exchange_us(self._clock)
            elif template is None:
                account = self._brakes.account(None, params)
            else:
                raise InvalidRequest(f"{spec.name}: a prepared request takes no signature: fastws signs it")

        request_id = self._waiters.next_id()
        if template is None:
            size = self._encoder.write(spec, params, request_id, auth, timestamp, strict)
        else:
            size = template.write(self._encoder, params, request_id, auth, timestamp)
        if self.state != OPEN:      # a signer that is the user's own ended the connection
            self._refuse_closed()
        now = monotonic_ns()

        info = RequestInfo.__new__(RequestInfo)
        info.id = request_id
        info.spec = spec
        info.queued_at = now
        info.timestamp = timestamp
        info.on_session = on_session
        info.signer = signer
        info.account = account
        info.weight = weight
        info.deadline = now + wait
        if spec.trading:
            info.given = params
            if template is not None:
                info.fixed = template.fixed
            if spec.role == CREATE:
                symbol = PyDict_GetItem(params, "symbol")
                if symbol != <PyObject*>self._brakes.last_symbol or signer is not None or account is not None:
                    self._brakes.note(symbol, template, signer, account)
            if spec.own_id is not None:
                info.client_order_id = params[spec.own_id]
        elif spec.effect == UNSUBSCRIBE:
            given = params.get("subscriptionId")
            if given is None and template is not None:
                given = template.fixed.get("subscriptionId")
            info.subject = None if given is None else str(given)
        if on_reply is None:
            future = PyObject_CallNoArgs(self._create_future)
            PyObject_SetAttr(future, "info", info)
            info.target = future
        else:
            info.target = on_reply
            info.is_callback = True

        if info.deadline < self._armed:
            self._arm(info.deadline)
        if self._waiters.next_id() != request_id:
            # a finalizer, which may run wherever objects are made, has sent a request: it took the id and the buffer
            return self._send(spec, params, on_reply, timeout, urgent, signer, strict, template)
        self._waiters.add(info)     # from here on it must be written, or corked: nothing may raise
        self.requests += 1
        self._write_text(info, size, at_once)
        return info if on_reply is not None else future

    cdef int _guard(self, MethodSpec spec, str name, object text) except -1:
        """Tell the owner of an SQL keyword in a text that the caller made (waf.py); it may refuse the request."""
        if not PyUnicode_Check(text):
            return 0    # the encoder refuses it
        if PyUnicode_IS_COMPACT_ASCII(text) and not holds_word(
            <const char*>PyUnicode_DATA(text), PyUnicode_GET_LENGTH(text)
        ):
            return 0
        word = find_word(text)
        if word is not None:
            self._owner.worded(spec.name, name, text, word)
        return 0

    cdef int _write_text(self, RequestInfo info, Py_ssize_t size, bint at_once) except -1:
        """Write the text that the encoder has just made, or keep it for the end of the turn."""
        cdef char* text = self._encoder.out.data + HEADROOM
        if at_once and self._cork.count == 0 and not self._batching:
            info.sent = True
            info.written_at = monotonic_ns()
            self.writes += 1
            self._encoder.out.size = size       # the text is in use: no finalizer may write another one
            try:
                self.transport.send_reuse_external_buffer(WSMsgType.TEXT, text, size)
            except Exception as exc:
                self._encoder.out.size = 0
                self.write_failed(exc)
            finally:
                self._encoder.out.size = 0
        else:
            self._cork.add(info, text, size)
            if (at_once or self._cork.buffer.size >= FLUSH_AT) and not self._batching:
                self.flush_corked()
        if self._corking and not self._turn_open:
            self._open_turn()
        return 0

    cdef int _open_turn(self) except -1:
        """From here to the end of the loop's turn, or of the read callback, requests are corked."""
        self._turn_open = True
        if not self.in_read and not self._turn_end_scheduled:
            self._turn_end_scheduled = True
            PyObject_CallOneArg(self._call_soon, self._end_turn)
        return 0

    def _on_turn_end(self):
        self._turn_end_scheduled = False
        self._turn_open = False
        if self._batching:
            self._break_batch()
        if self._cork.count:
            self.flush_corked()

    cdef int on_read_start(self) except -1:
        self._turn_open = False
        if self._batching:
            self._break_batch()
        return 0

    cdef int on_read_end(self) except -1:
        self._turn_open = False
        if self._streams.holding:
            self._streams.settle()
        if self._batching:
            self._break_batch()
        if self._cork.count:
            self.flush_corked()
        return 0

    cdef int flush_corked(self) except -1:
        cdef:
            int64_t now
            int i
            RequestInfo info
            bytes data
        if self._batching:
            self._break_batch()
        if self._cork.count == 0 or self.transport.is_disconnected or self.transport.is_close_frame_sent:
            return 0    # behind a close frame nothing is sent: on_finish() tells
        self._cork.take_back(self._waiters)
        if self._cork.count == 0:
            return 0
        now = monotonic_ns()
        for i in range(self._cork.count):
            info = <RequestInfo>self._cork.frames[i].info
            info.sent = True
            info.written_at = now
        data = self._cork.take()
        self.writes += 1
        try:
            PyObject_CallOneArg(self._write_bytes, data)
        except Exception as exc:
            self.write_failed(exc)
        return 0

    # ------------------------------------------------------------------------------------- hot: replies

    cdef int on_message(self, const char* data, Py_ssize_t size, bint binary) except -1:
        cdef Envelope env
        cdef int code
        cdef int64_t now = monotonic_ns()
        self.seq += 1
        self._binary = binary
        if self._wanted is not None and self._keep(data, size, now):
            return 0
        if binary:
            code = self._responses.begin(data, size, &env)
            if self._responses.deprecated and not self.sbe_deprecated:
                self.sbe_deprecated = True
                self._owner.deprecated()
        else:
            code = self._decoder.begin(data, size, &env)
        if code:
            self._unreadable(
                data[:size], self._responses.error() if binary else self._decoder.error(code), &env, now
            )
        elif env.payload == PAYLOAD_EVENT:
            self._event(&env, data, size, now)
        elif env.id_kind == ID_INT:
            self._reply(&env, now)
        else:
            self._no_id(&env, data[:size], now)
        return 0

    cdef int _reply(self, Envelope* env, int64_t now) except -1:
        cdef RequestInfo info = self._waiters.find(env.id)
        cdef object payload
        cdef object error
        if info is None or not info.sent:
            if self._waiters.was_ours(env.id):
                self.stale += 1
            else:
                self.unknown += 1
            return 0
        info.received_at = now
        info.seq = self.seq
        self.replies += 1
        if env.payload == PAYLOAD_ERROR and info.spec.says_by_error and self._binary and 200 <= env.status < 300:
            env.payload = PAYLOAD_RESULT
        try:
            if self._views and info.spec.trading and env.payload == PAYLOAD_RESULT:
                # who reads it later must find it whole: it counts as a success from here on
                if self._binary:
                    self._responses.check_whole(env)
                else:
                    self._decoder.check_whole(env)
            payload = self._payload(env, info.spec.shape) if info.entries is None else self._entries(env, info)
        except DecodeError as exc:
            self._release(info)
            return self._deliver(info, None, self._owner.failure(info, exc, True))
        if env.limits_at >= 0:
            self._store_limits(env, info, now)
        self._release(info)
        if env.payload == PAYLOAD_RESULT and 200 <= env.status < 300 and (
            not info.spec.trading or PyDict_CheckExact(payload) or isinstance(payload, (View, list))
        ):
            if info.spec.tells and self._evidence.wanted():
                self._evidence.note(payload, info, -1, now)
            if info.spec.effect:
                return self._change(info, payload)
            return self._deliver(info, payload, None)
        if env.payload == PAYLOAD_ERROR and env.status >= 400:
            error = api_error(env.status, payload, info.spec.name)
            if info.spec.tells and error.data is not None and self._evidence.wanted():
                self._evidence.note(error.data, info, -1, now)     # of a replacement that failed by half
        else:
            error = _contradiction(env, payload)
        return self._deliver(info, None, self._owner.failure(info, error, False))

    cdef object _payload(self, Envelope* env, int shape):
        """The result, error or event of the message at hand."""
        cdef uint32_t end = self._decoder.at
        if self._binary:
            return self._responses.value(env, shape)
        if self._views and env.payload == PAYLOAD_RESULT and shape != SHAPE_KLINES:
            value = json_view(self._decoder, env.payload_at, &end)
        else:
            value = self._decoder.value(env, shape)
        self._decoder.end(env)
        return value

    cdef bint _keep(self, const char* data, Py_ssize_t size, int64_t now) except -1:
        """Keep the reply to ask_entries() as it came; False for another message, which is read."""
        cdef RequestInfo info = self._wanted
        cdef bytes head = self._wanted_head
        if self._waiters.find(info.id) is not info:     # it has ended, or was forgotten after its timeout
            self._wanted = None
            return False
        if size < len(head) or memcmp(data, PyBytes_AS_STRING(head), len(head)) or not info.sent:
            return False
        self._wanted = None
        info.received_at = now
        info.seq = self.seq
        self.replies += 1
        self._release(info)
        self._deliver(info, keep_entries(data, size, info.entries), None)
        return True

    cdef object _entries(self, Envelope* env, RequestInfo info):
        """The result of ask_entries(); an error as ever."""
        if env.payload != PAYLOAD_RESULT:
            return self._payload(env, SHAPE_FIELDS)
        if self._binary:
            return self._responses.exact_view(env)
        return keep_entries(<const char*>self._decoder.text, self._decoder.size, info.entries)

    cdef int _deliver(self, RequestInfo info, object result, object error) except -1:
        """End the wait for a request whose slot is free again."""
        cdef object target = info.target
        cdef int state = info.state
        info.state = ENDED
        info.target = None
        if state == WAITING:
            if info.is_callback:
                try:
                    target = target(result, error)
                except BaseException as exc:    # not let through: picows and the loops here must go on
                    self._owner.report(f"on_reply of {info.spec.name} raised an exception", exc)
                    return 0
                if target is not None and PyCoro_CheckExact(target):
                    self._refuse_coroutine(info, target)
                return 0
            if not target.done() and (Py_REFCNT(target) > 1 or not self._is_forsaken(info, target)):
                if error is None:
                    target.set_result(result)
                else:
                    target.set_exception(error)
                return 0
        info.outcome = result if error is None else error
        self.orphans += 1
        self._owner.orphan(info, info.outcome)
        return 0

    cdef bint _is_forsaken(self, RequestInfo info, object future) except -1:
        """Whether nobody can ever ask this future, which nobody else refers to: the request's end is told elsewhere."""
        if not info.spec.trading or not info.sent:
            return False
        own = self._drain_soon
        for callback, _ in future._callbacks or ():
            if type(callback) is not type(own) or callback != own:      # one of the user's may compare as it likes
                return False
        return True

    cdef int _release(self, RequestInfo info) except -1:
        """Free the slot of a request; 0 if it is not in flight."""
        if self._drained is not None or self._settled is not None:
            self._drain_soon()
        return self._waiters.release(info)

    cdef int _change(self, RequestInfo info, object result) except -1:
        """The success of a request that changes the connection: who is logged on, or which events come."""
        cdef int effect = info.spec.effect
        if effect == LOGON:
            self.logged_on = True
            self.session_signer = None if self._brakes.own_account(info.signer, None) is None else info.signer
            try:
                self.session_key = result["apiKey"]
            except (TypeError, KeyError, DecodeError):     # a view decodes it here
                self.session_key = None
        elif effect == LOGOUT:
            self.logged_on = False
            self.session_signer = None
            self._streams.left(info)
        elif effect == UNSUBSCRIBE:
            self._streams.left(info)
        else:
            wanted = info.awaited() or info.subject is None
            try:
                result = self._streams.bind(info, result)
            except DecodeError as exc:
                return self._deliver(info, None, self._owner.failure(info, exc, False))
            if not wanted:
                self._owner.unwanted(result)
        self._deliver(info, result, None)
        if effect == SUBSCRIBE or effect == SUBSCRIBE_OTHER:
            self._streams.pour()
        return 0

    cdef int _store_limits(self, Envelope* env, RequestInfo info, int64_t now) except -1:
        """Keep the counters of a reply's rateLimits, without making objects."""
        cdef RateLimit seen[MAX_LIMITS]
        cdef int count = (
            self._responses.limits(seen, MAX_LIMITS) if self._binary else self._decoder.limits(env, seen, MAX_LIMITS)
        )
        return self._brakes.store(seen, count, info.account, now)

    # ----------------------------------------------------------------------------------- cold: messages

    cdef int _event(self, Envelope* env, const char* data, Py_ssize_t size, int64_t now) except -1:
        self.events += 1
        try:
            event = self._payload(env, SHAPE_FIELDS)
            if not PyDict_CheckExact(event):
                raise DecodeError("an event is an object")
        except DecodeError as exc:
            self.unreadable += 1
            self._owner.warn(f"an event that cannot be read: {exc}: {_excerpt(data[:size])}")
            return self._streams.unreadable(exc, env.subscription, self.seq, now)
        if self._evidence.wanted():
            stream = self._streams.find(env.subscription) if env.subscription >= 0 else self._streams.own()
            self._evidence.note(event, stream, env.subscription, now)
        return self._streams.route(event, env.subscription, self.seq, now)

    cdef int _unreadable(self, bytes data, object error, Envelope* env, int64_t now) except -1:
        """A message whose envelope cannot be read. Where it can only be meant for one request, that one ends."""
        cdef RequestInfo info = None
        self.unreadable += 1
        try:
            if not self._binary:
                data.decode()
        except UnicodeDecodeError:
            self.fail(WSCloseCode.INVALID_TEXT, f"a text message that is not UTF-8: {_excerpt(data)}")
            return 0
        if env.id_kind == ID_INT:
            info = self._waiters.find(env.id)
        elif env.id_kind != ID_OTHER and env.payload != PAYLOAD_EVENT and env.subscription < 0:
            info = self._only()
        if info is None or not info.sent:
            self._owner.warn(f"a message that cannot be read: {error}: {_excerpt(data)}")
            if env.id_kind == ID_ABSENT:    # it may have been an event
                self._streams.unreadable(error, env.subscription, self.seq, now)
            return 0
        info.received_at = now
        info.seq = self.seq
        self._release(info)
        return self._deliver(info, None, self._owner.failure(info, error, True))

    cdef int _no_id(self, Envelope* env, bytes data, int64_t now) except -1:
        """A message with `id: null`, with none, or with one that is no integer."""
        cdef RequestInfo info
        if env.id_kind != ID_NULL or env.payload != PAYLOAD_ERROR:
            self.unknown += 1
            self._owner.warn(f"a message for nobody: {_excerpt(data)}")
            return 0
        try:
            payload = self._payload(env, SHAPE_FIELDS)
        except DecodeError as exc:
            return self._unreadable(data, exc, env, now)
        error = api_error(env.status, payload) if env.status >= 400 else _contradiction(env, payload)
        if env.status == 401:
            self.logged_on = False
            self.session_signer = None
            self._streams.revoked(error)
        info = self._only()
        if info is not None and (env.status != 401 or info.on_session):
            info.received_at = now
            info.seq = self.seq
            self._release(info)
            return self._deliver(info, None, self._owner.failure(info, error, False))
        if env.status == 401:
            ids = [info.id for info in self._waiters.all() if info.on_session and info.sent]
            self._owner.revoked(self, error, ids)
        else:
            if env.status >= 400:
                self._owner.heed(error, None)
            self._owner.warn(f"the exchange refused a request without saying which: {error}")
        return 0

    cdef RequestInfo _only(self):
        """The request that a message without an id must be meant for: the only one that was sent, if it is."""
        cdef RequestInfo info
        if self._waiters.count - self._cork.count == 1:
            for info in self._waiters.all():
                if info.sent:
                    return info
        return None

    def end_revoked(self, list ids, cause):
        """End the requests with these ids, which relied on a session that was revoked, unless they were answered."""
        cdef RequestInfo info
        for request_id in ids:
            info = self._waiters.find(request_id)
            if info is not None and self._release(info):
                error = SessionRevoked(cause.status, cause.code, cause.msg, cause.data, info.spec.name)
                self._deliver(info, None, self._owner.failure(info, error, True))

    # ----------------------------------------------------------------------------------- cold: requests

    cdef Auth _authorise(self, MethodSpec spec, dict params, object signer, bint* on_session):
        """Which key signs this request; None where no signature is due."""
        cdef Auth auth
        if signer is not None:
            auth = Auth(signer)
        elif self.logged_on and not spec.always_signed:
            on_session[0] = True
            return None
        elif not spec.timestamped:
            _refuse_without_logon(spec, self._auth)
        else:
            auth = self._auth
        if auth is None:
            raise InvalidRequest(f"{spec.name} needs a key: give connect() api_key, and secret or private_key")
        api_key = params.get("apiKey")
        if api_key is not None and api_key != auth.signer.api_key:
            raise InvalidRequest(f"{spec.name}: apiKey is not the key that signs; give signer= as well")
        return auth

    def _refuse_closed(self):
        reason = self.close_reason or self._refusal or "the connection is closing"
        raise NotConnected(f"not sent: {reason}")

    def _refuse_coroutine(self, RequestInfo info, coroutine):
        coroutine.close()
        self._owner.report(
            f"on_reply of {info.spec.name} did nothing",
            TypeError("on_reply must be a plain function: it is called, nobody would await its coroutine"),
        )

    def _check_output(self):
        cdef Py_ssize_t waiting = self.transport.underlying_transport.get_write_buffer_size() + self._cork.buffer.size
        if waiting > self.max_output:
            raise NotSent(f"not sent: {waiting} bytes wait for the exchange to read them, more than {self.max_output}")

    # ----------------------------------------------------------------------------------- cold: timeouts

    def _arm(self, int64_t deadline):
        """One timer a connection: it fires at the first deadline, and looks through all requests then."""
        if self._timer is not None:
            self._timer.cancel()
        self._armed = deadline
        self._timer = self.loop.call_later(max(0, deadline - monotonic_ns()) / 1e9, self._sweep)

    def _sweep(self):
        cdef RequestInfo info
        cdef int64_t now = monotonic_ns()
        cdef int64_t first = INT64_MAX
        self._timer = None
        self._armed = INT64_MAX
        for info in self._waiters.all():
            if info.deadline <= now:
                if info.state == LATE and info.sent:
                    self._release(info)
                    continue
                if info.state == WAITING:
                    self._time_out(info, now)
                self._waiters.uncount(info)
                info.state = LATE       # the slot stays taken, so that a late reply is known
                info.deadline = now + LATE_FOR
            first = min(first, info.deadline)
        self._streams.settle()
        if self._drained is not None or self._settled is not None:
            self._drain_soon()
        if first < self._armed and self.state != CLOSED:
            self._arm(first)

    def _time_out(self, RequestInfo info, int64_t now):
        cdef double waited = (now - info.queued_at) / 1e9
        if not info.sent and not info.awaited():
            return      # it is taken back
        if info.sent:
            cause = RequestTimeout(f"no reply to {info.spec.name} within {waited:.3g} s")
        else:
            cause = NotSent(f"{info.spec.name} was not sent within {waited:.3g} s")
        self._deliver(info, None, self._owner.failure(info, cause, info.sent))

    # ---------------------------------------------------------------------------------- cold: the connection

    cpdef on_ws_connected(self, WSTransport transport):
        Connection.on_ws_connected(self, transport)
        self._write_bytes = transport.underlying_transport.write

    cdef int on_finish(self) except -1:
        """End everything that is in flight."""
        cdef RequestInfo info
        self.logged_on = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._cork.take_back(self._waiters)
        self._cork.clear()
        for info in self._waiters.all():
            if not self._release(info) or info.state == LATE:
                continue        # that it timed out was told; what it is now is no news
            if info.sent:
                cause = ConnectionLost(f"no reply to {info.spec.name}: {self.close_reason}")
            else:
                cause = NotConnected(f"{info.spec.name} was not sent: {self.close_reason}")
            self._deliver(info, None, self._owner.failure(info, cause, info.sent))
        for waiting in (self._drained, self._settled):
            if waiting is not None and not waiting.done():
                waiting.set_result(None)
        self._owner.seen(self._evidence.take())
        self._streams.finish(self.close_reason, self._refusal is not None)
        self._owner.lost(self.close_reason)
        return 0

    def flush(self):
        """Write what is corked now."""
        self.home.check("flush")
        if self._batching:
            self._check_batch()
        if self.state == OPEN and not self._batching:
            self.flush_corked()

    def drain(self):
        """Refuse new requests, write what is corked, and return a future of the last awaited reply, if there is one."""
        cdef RequestInfo info
        if self.state != OPEN:
            return None
        self.flush_corked()
        self._refusal = "the client is closing"
        if self._waiters.awaited() == 0:
            return None
        if self._drained is None:
            self._drained = PyObject_CallNoArgs(self._create_future)
            for info in self._waiters.all():
                if info.awaited() and not info.is_callback:
                    info.target.add_done_callback(self._drain_soon)     # cancelled ones, too
        return self._drained

    def _drain_soon(self, future=None):
        """Look, once in a turn of the loop, whether all is drained: there may be many requests to look through."""
        if not self._drain_due:
            self._drain_due = True
            self._call_soon(self._check_drained)

    def _check_drained(self):
        self._drain_due = False
        if self._drained is not None and not self._drained.done() and self._waiters.awaited() == 0:
            self._drained.set_result(None)
        if self._settled is not None and not self.placements():
            settled = self._settled
            self._settled = None
            if not settled.done():
                settled.set_result(None)

    # ----------------------------------------------------------------------------------- cold: batches, halting

    def open_batch(self, batch):
        """From here on, what is requested waits for close_batch()."""
        self.home.check("batch")
        task = current_task(self.loop)
        if self._batch is not None and (self._batch.broken or self._batch.task is not task):
            if self._batching:
                self._break_batch()
            self._batch = None
        batch.outer = self._batch
        batch.task = task
        batch.start = self._waiters.serial
        self._batch = batch
        self._batching = True
        if not self._turn_open:
            self._open_turn()       # whose end would find the batch still open

    def close_batch(self, batch, left_by):
        """Write what was requested since open_batch(), or give it up where an exception ends it."""
        self.home.check("batch")
        if not batch.broken and self._batch is not batch:
            self._break_batch()     # batches were not left in the order in which they were entered
        if self._batch is batch:
            self._batch = batch.outer
        if batch.broken:
            if left_by is None:
                raise RuntimeError(_SPANNED)
            return
        self._batching = self._batch is not None
        if left_by is not None:
            error = f"its batch was left by {type(left_by).__name__}"
            self._give_up(self._corked_since(batch.start), error, True)
        elif not self._batching:
            self.flush_corked()

    cdef int _check_batch(self) except -1:
        """A request while a batch is open: of the batch, or a sign that its block has been left by an `await`."""
        cdef Py_ssize_t waiting
        batch = self._batch
        task = current_task(self.loop)
        if self._batching:
            if batch.task is task:
                waiting = self.transport.underlying_transport.get_write_buffer_size() + self._cork.buffer.size
                if waiting > self.max_output:
                    raise NotSent(f"not sent: the batch holds more than {self.max_output} bytes")
                return 0
            self._break_batch()
        if batch.task is task and task is not None:
            raise RuntimeError(_SPANNED)
        return 0

    cdef int _break_batch(self) except -1:
        """The batch is open, and its block is not running: give up what it holds."""
        cdef int64_t start = 0
        self._batching = False
        batch = self._batch
        while batch is not None:
            batch.broken = True
            start = batch.start
            batch = batch.outer
        if self._batch is not None and self._batch.task is None:
            self._batch = None      # nobody can tell its block from other callbacks
        return self._give_up(self._corked_since(start), "its batch spanned an await", True)

    def _corked_since(self, int64_t serial):
        """The corked requests behind this serial number that somebody waits for."""
        cdef RequestInfo info
        return [info for info in self._corked() if info.id >> SLOT_BITS > serial]

    def _corked(self):
        cdef int i
        cdef RequestInfo info
        found = []
        for i in range(self._cork.count):
            info = <RequestInfo>self._cork.frames[i].info
            if info.awaited():
                found.append(info)
        return found

    cdef int _give_up(self, list infos, object error, bint quiet) except -1:
        """End corked requests as not sent: with an exception, or with NotSent for a reason given in words.

        ``quiet``: nobody need look at the exceptions, since one of the caller's own says the same.
        """
        cdef RequestInfo info
        targets = [info.target for info in infos]
        for info in infos:
            info.state = LATE
        self._cork.take_back(self._waiters)
        if self._drained is not None or self._settled is not None:
            self._drain_soon()
        for info, target in zip(infos, targets):
            info.state = WAITING
            info.target = target
            if isinstance(error, str):
                cause = NotSent(f"{info.spec.name} was not sent: {error}")
            else:
                cause = error(f"{info.spec.name} was not sent: the client is halted")
            self._deliver(info, None, self._owner.failure(info, cause, False))
            if quiet and not info.is_callback and not target.cancelled():
                target.exception()
        return 0

    def give_up_placements(self, error):
        """End what would place orders and is not written yet with an exception of this type."""
        cdef RequestInfo info
        if self.state == OPEN:
            self._give_up([info for info in self._corked() if info.spec.role == CREATE], error, False)

    def placements(self):
        """The requests in flight that place or amend orders, and may still be answered in time."""
        cdef RequestInfo info
        return [
            info for info in self._waiters.all()
            if info.spec.role in (CREATE, CHANGE) and info.sent and info.state == WAITING
        ]

    def trading_in_flight(self):
        """The requests in flight that may change orders, those that timed out among them."""
        cdef RequestInfo info
        return [info for info in self._waiters.all() if info.spec.trading and info.sent]

    def watch(self, since):
        """Hold what is seen, from the time on at which the oldest request of unknown outcome was written; None: no."""
        self._evidence.since = INT64_MAX if since is None else since

    def take_evidence(self):
        """What was seen, as of Evidence.take()."""
        return self._evidence.take()

    def settled(self):
        """A future that ends when placements() is empty, or the connection lost."""
        if self._settled is None:
            self._settled = PyObject_CallNoArgs(self._create_future)
            self._drain_soon()
        return self._settled

    # ---------------------------------------------------------------------------------- cold: to look at

    @property
    def is_open(self):
        """Whether requests can be sent."""
        return (
            self.state == OPEN and self._refusal is None and not self.home.forked
            and not (self.transport.is_disconnected or self.transport.is_close_frame_sent)
        )

    @property
    def in_flight(self):
        """Requests without a reply."""
        return self._waiters.count

    @property
    def streams(self):
        """The subscriptions."""
        return self._streams


cdef inline object _option(dict params, str name):
    """Take an option out of the parameters; None where it is not given."""
    cdef PyObject* given = PyDict_GetItemWithError(params, name)
    if given == NULL:
        return None
    option = <object>given
    PyDict_DelItem(params, name)
    return option


cdef inline bint _holds_none(dict params) except -1:
    cdef Py_ssize_t position = 0
    cdef PyObject* value
    while PyDict_Next(params, &position, NULL, &value):
        if value == <PyObject*>None:
            return True
    return False


_SPANNED = "a batch must not span an await: what it held was not sent"


cdef int _refuse_nameless(str method, str name) except -1:
    raise InvalidRequest(
        f"{method}: a request that you sign yourself must carry {name}: nothing can be added to it, and without"
        " an id its outcome could not be found"
    )


cdef object _contradiction(Envelope* env, object payload):
    """The error of a reply whose status and content do not go together: neither of them can be believed."""
    status = f"status {env.status}" if env.status else "no status"
    if env.payload == PAYLOAD_ERROR:
        return DecodeError(f"a reply that contradicts itself: {status} and an error: {api_error(env.status, payload)}")
    if env.payload == PAYLOAD_RESULT:
        what = " that is no object" if 200 <= env.status < 300 else ""
        return DecodeError(f"a reply with a result{what} and {status}")
    return DecodeError(f"a reply with {status} that has neither a result nor an error")


cdef int _refuse_without_logon(MethodSpec spec, Auth auth) except -1:
    hint = ""
    if spec.effect == SUBSCRIBE:
        hint = "; client.user_data_stream_subscribe_signature() needs none, and takes any key"
        if auth is not None and not auth.signer.can_logon:
            hint = f", which takes no {auth.signer.kind} key: use client.user_data_stream_subscribe_signature()"
    raise InvalidRequest(f"{spec.name} needs a connection that is logged on, by session.logon{hint}")


cdef int _refuse_nested(str method) except -1:
    raise InvalidRequest(f"{method} was requested while another request was being made, by its signer or its values")


cdef int64_t _timeout_ns(object timeout) except? -1:
    try:
        seconds = float(timeout)
    except (TypeError, ValueError):
        seconds = -1.0
    if not seconds > 0:
        raise InvalidRequest(f"timeout: expected seconds above 0, got {shown(timeout)}")
    return <int64_t>(min(seconds, 1e9) * 1e9)


def _excerpt(bytes data):
    # what looks like a key is for no log and no exception; it must not be cut before it is known as one
    text = repr(re.sub(rb"[A-Za-z0-9+/]{32,}={0,2}", b"...", data[:4096])[:80])[1:]
    return text + (f"... ({len(data)} bytes)" if len(data) > 80 else "")
