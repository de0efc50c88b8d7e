# cython: language_level=3
"""Requests out: the session, which outlives its connections.

In: a Client calls send(). Out: the bytes of a request go to the transport of the connection `route`; replies come back
through _native/connection.pyx.
Memory: the text of a request is valid until the next one is written; the Waiters of a connection own the requests in
flight there.
Failure: the owner makes the exception that a request ends in (SessionOwner.failure); it is delivered once.

A request travels: send() → route (its connection) → _encoder (checked, written, signed) → waiters (its id) → the
transport. The first request of the event loop's turn is written at once; Cork writes the others together at the end of
the turn (_native/session_writes.pxi). _native/session_connections.pxi has the timeouts, drain(), settled(), and the
opening and the end of connections; _native/session_handover.pxi changes from one connection to another.
_native/connection.pyx has what belongs to one connection: who is logged on there, the requests in flight, the
subscriptions.
"""

cimport cython
from cpython.dict cimport PyDict_DelItem, PyDict_GetItemWithError
from cpython.object cimport PyObject
from cpython.unicode cimport PyUnicode_Check
from libc.stdint cimport INT64_MAX, int32_t, int64_t

from picows.picows cimport WSMsgType

from ._native.clock cimport Clock, exchange_us, monotonic_ns
from ._native.connection cimport Connection, SessionBase, unanswered
from ._native.envelope cimport MAX_LIMITS, RateLimit
from ._native.evidence_ring cimport EvidenceRing
from ._native.firewall_words cimport holds_word
from ._native.frames cimport OPEN
from ._native.given cimport (
    Given, give, give_dict, give_names, given_dict, given_option, given_value, given_values, object_or_none,
    scan,
)
from ._native.json_views cimport Entries
from ._native.latency cimport Latencies
from ._native.limiter cimport RateLimiter
from ._native.loop_guard cimport LoopGuard, context_version, is_own_loop
from ._native.methods cimport (
    API_KEY, BY_BIT, CHANGE, CREATE, LOGON, LOGOUT, ON_REPLY, SIGNATURE, SIGNER, SUBSCRIBE, SUBSCRIPTION_ID, SYMBOL,
    TIMEOUT, TIMESTAMP, UNSUBSCRIBE, URGENT, MethodSpec, ParamSpec,
)
from ._native.prepared cimport Template
from ._native.request cimport HEADROOM, Auth, Encoder, new_client_order_id
from ._native.sbe cimport ResponseReader
from ._native.stickiness cimport Stickiness
from ._native.waiters cimport LATE, SLOT_BITS, WAITING, InFlight, RequestInfo, is_next

from asyncio import current_task

from ._native.request import check_prefix, random_length
from ._common.shown import shown
from ._common.tcp import seconds_since_data
from ._native.firewall_words import find_word
from .errors import InvalidRequest, NotConnected, NotSent, RequestTimeout

cdef extern from "Python.h":
    object PyObject_CallOneArg(object callable, object arg)
    object PyObject_CallNoArgs(object callable)
    int PyObject_SetAttr(object target, object name, object value) except -1
    bint PyUnicode_IS_COMPACT_ASCII(object text)
    void* PyUnicode_DATA(object text)
    Py_ssize_t PyUnicode_GET_LENGTH(object text)

cdef int64_t SECOND = 1000000000

_NOT_OPEN = "the client is not open: use `async with`, or await it"

include "_native/session_writes.pxi"
include "_native/session_probes.pxi"
include "_native/session_connections.pxi"
include "_native/session_handover.pxi"
include "_native/session_refusals.pxi"


@cython.final
cdef class Session(SessionHandover):
    """Sends requests over its connections, and outlives them; see the module's docstring. A Client makes and owns it.

    Args:
        owner: a SessionOwner, which makes the exceptions of requests and gets what is reported.
        timeout: seconds until a request without a reply ends in an exception.
        cork: whether the requests of one turn of the event loop are written together.
        serial: request ids continue behind this serial number.
        views: whether results are Views.
        search_texts: whether the caller's texts are searched for SQL keywords.
        id_prefix: how the client order ids that fastws makes begin.
    """

    def __cinit__(
        self, owner, RateLimiter limiter not None, Clock clock not None, *, str numbers="str", signer=None,
        double timeout=15.0, recv_window=None, bint cork=True, Py_ssize_t max_message=64 << 20,
        Py_ssize_t max_output=4 << 20, int64_t serial=0, bint views=False, bint search_texts=False, str id_prefix="",
    ):
        self.owner = owner
        self.limiter = limiter
        self.numbers = numbers
        self.views = views
        self.in_flight = InFlight(serial)
        self.evidence = EvidenceRing(owner, self.in_flight)
        self.connections = []
        self.detached = []
        self._timeout = <int64_t>(timeout * SECOND)
        self._max_message = max_message
        self._max_output = max_output
        self._corking = cork
        self._encoder = Encoder(recv_window)
        self._search_texts = search_texts
        self._encoder.owner = owner if search_texts else None
        self._id_prefix = check_prefix(id_prefix)
        self._id_random = random_length(id_prefix)
        self._auth = None if signer is None else Auth(signer)
        self.clock = clock
        self.latencies = Latencies()
        self.event_unit = 1000
        self._end_turn = self._on_turn_end
        self._armed = INT64_MAX
        self.set_probes(25.0, 5.0, 1.0)
        self.down_reason = _NOT_OPEN
        self._counted = []
        self._changing = []
        self._ended = dict.fromkeys(_COUNTERS, 0)

    # ------------------------------------------------------------------------------------------ hot: requests

    def call(self, MethodSpec spec, dict params):
        """send() for the methods of the client, which give options among the parameters."""
        cdef:
            object on_reply = _option(params, "on_reply")
            object timeout = _option(params, "timeout")
            object urgent = _option(params, "urgent")
            object signer = _option(params, "signer")
        return self._send_dict(spec, params, on_reply, timeout, urgent, signer, True, None)

    cdef object send_named(self, MethodSpec spec, PyObject* names, PyObject* const* values):
        cdef Given given
        give_names(&given, names, values, False)
        return self._send(spec, &given, True, None, None)

    cdef object send_changes(self, Template template, PyObject* names, PyObject* const* values):
        cdef Given given
        give_names(&given, names, values, True)      # None leaves the prepared value as it is
        return self._send(template.spec, &given, True, template, None)

    def send(self, MethodSpec spec, dict params, on_reply, timeout, urgent, signer, bint strict):
        """Encode and sign one request, and write or cork it. The session keeps `params`.

        Returns a Future of the result, whose `info` is the RequestInfo; with `on_reply`, the RequestInfo.
        """
        return self._send_dict(spec, params, on_reply, timeout, urgent, signer, strict, None)

    def send_to(self, Connection connection not None, MethodSpec spec, dict params, on_reply, timeout, urgent, signer):
        """send() of a request of fastws itself, on a connection that is open, but need not be ``route``."""
        return self._send_dict(spec, params, on_reply, timeout, urgent, signer, False, connection)

    def subscribe(self, MethodSpec spec, dict params, subscription):
        """call() of a method that makes a subscription; its result is ``subscription``, a Subscription."""
        reply = self.call(spec, params)
        (<RequestInfo>(reply if type(reply) is RequestInfo else reply.info)).subject = subscription
        return reply

    def ask_entries(self, MethodSpec spec, dict params, str name not None):
        """send() of a read whose result is a large object with the array ``name``, to be read entry by entry.

        The result is an Entries, for open_entries(); in SBE it is a View that has the array. Decimals are exact texts,
        whatever the session's ``results`` and ``numbers`` are. The read callback copies the bytes, and decodes nothing.
        """
        cdef RequestInfo info
        cdef Connection connection
        reply = self._send_dict(spec, params, None, None, None, None, False, None)
        info = reply.info
        info.entries = name.encode()
        for connection in self.connections:     # it may have ended while the request was written
            if connection.number == info.connection:
                connection.want_entries(info)
        return reply

    def open_entries(self, Entries entries not None, RequestInfo info not None):
        """Find the entries in the result of ask_entries(). It takes long: call it outside of the read callback."""
        cdef RateLimit limits[MAX_LIMITS]
        cdef int count = entries.open(limits)
        self.limiter.store(limits, count, info.account, info.received_at)

    cdef object _send_dict(
        self, MethodSpec spec, dict params, object on_reply, object timeout, object urgent, object signer, bint strict,
        Connection on
    ):
        cdef Given given
        give_dict(&given, params)
        given.options[ON_REPLY] = <PyObject*>on_reply
        given.options[TIMEOUT] = <PyObject*>timeout
        given.options[URGENT] = <PyObject*>urgent
        given.options[SIGNER] = <PyObject*>signer
        return self._send(spec, &given, strict, None, on)

    cdef object _send(self, MethodSpec spec, Given* given, bint strict, Template template, Connection on):
        cdef:
            Connection connection = self.route if on is None else on
            Auth auth = None
            int64_t timestamp = 0
            int64_t now = 0
            int64_t wait = self._timeout
            int64_t request_id
            Py_ssize_t size
            int i
            int weight = 0
            object account = None
            object own_id = None            # the client order id that RequestInfo shows
            list more_made = None           # (name, client order id) of the others that fastws made
            bint id_made = False
            bint on_logon = False
            bint named = False
            bint at_once
            RequestInfo info
            object future = None
            dict params = None              # given_dict(), if something has needed it
            PyObject* value
            ParamSpec param
            object on_reply, timeout, urgent, signer

        scan(given)
        on_reply = given_option(given, ON_REPLY)
        timeout = given_option(given, TIMEOUT)
        urgent = given_option(given, URGENT)
        signer = given_option(given, SIGNER)
        if on is None and self.draining is not None:
            params = given_dict(given)
            connection = self.choose(spec, params, template, signer)
        if connection is None:
            self.refuse_down()
        if not is_own_loop(self.loop_guard):
            self.loop_guard.check(spec.name)
        if (
            connection.state != OPEN or self.refusal is not None
            or connection.transport.is_disconnected or connection.transport.is_close_frame_sent
        ):
            self._refuse_closed(connection)
        if self._encoder.out.size:
            _refuse_nested(spec.name)
        if self._batch is not None:
            self.check_batch(connection)
        if self.limiter.checks:
            params = given_dict(given)
            weight = self.limiter.check(
                spec, params, template, connection.logon_signer if signer is None else signer, self.in_flight.weight
            )
        if connection.paused:
            _check_output(connection)
        if timeout is not None:
            wait = _timeout_ns(timeout)
        if on_reply is not None and not callable(on_reply):
            raise InvalidRequest(f"on_reply: expected a callable, got {shown(on_reply)}")
        at_once = (spec.urgent if urgent is None else bool(urgent)) or not self._turn_open or not self._corking

        for i in range(spec.own_count):
            param = <ParamSpec>BY_BIT[spec.own_bits[i]]
            value = given_value(given, param)
            if value != NULL:
                named = True
                if self._search_texts:
                    self._search_text(spec, param.name, <object>value)
                if i == 0:
                    own_id = <object>value
            else:
                if given_value(given, SIGNATURE) != NULL:
                    _refuse_nameless(spec.name, param.name)
                made = new_client_order_id(self._id_prefix, self._id_random)
                if i == 0:
                    own_id = made
                    id_made = True
                else:
                    if more_made is None:
                        more_made = []
                    more_made.append((param.name, made))
                give(given, param.bit, <PyObject*>made)
        if self._search_texts:
            for i in range(spec.free_count):
                param = <ParamSpec>BY_BIT[spec.free_bits[i]]
                value = given_value(given, param)
                if value != NULL:
                    self._search_text(spec, param.name, <object>value)
        if spec.authorised or signer is not None:
            if given_value(given, SIGNATURE) == NULL:     # else the caller has signed: no parameter may be added
                auth = self._authorise(connection, spec, given, signer, &on_logon)
                if on_logon:
                    signer = connection.logon_signer    # the request is for the account of the key that is logged on
                if signer is not None:
                    account = self.limiter.account(signer, None)
                if spec.timestamped or auth is not None:
                    now = monotonic_ns()
                    timestamp = exchange_us(self.clock, now)
            elif template is None:
                account = self.limiter.account(None, object_or_none(given_value(given, API_KEY)))
                if spec.trading and given_value(given, TIMESTAMP) == NULL:
                    _refuse_nameless(spec.name, "timestamp")
            else:
                raise InvalidRequest(f"{spec.name}: a prepared request takes no signature: fastws signs it")

        request_id = connection.waiters.next_id()
        if template is None:
            size = self._encoder.write_given(spec, given, request_id, auth, timestamp, strict)
        else:
            size = template.write_given(self._encoder, given, request_id, auth, timestamp)
        if connection.state != OPEN:    # the user's own signer ended the connection
            if on is None and self.route is not None and connection is not self.route:
                return self._send(spec, given, strict, template, None)
            self._refuse_closed(connection)
        if now == 0 or auth is not None:        # to sign takes longer than to read the clock again
            now = monotonic_ns()

        info = RequestInfo.__new__(RequestInfo)
        info.id = request_id
        info.connection = connection.number
        info.spec = spec
        info.queued_at = now
        info.timestamp = timestamp
        info.on_logon = on_logon
        info.signer = signer
        info.account = account
        info.weight = weight
        info.own = on is not None
        info.deadline = now + wait
        if spec.trading:
            if params is not None or given.names == NULL:
                info.given = given_dict(given) if params is None else params
            else:
                info.names = <tuple>given.names
                info.values = given_values(given)
            info.id_made = id_made
            info.more_made = more_made
            info.client_order_id = own_id
            info.records = self.records
            info.named = named
            if template is not None:
                info.fixed = template.fixed
            if spec.role == CREATE:
                value = given_value(given, SYMBOL)
                if value != <PyObject*>self.limiter.last_symbol or signer is not None or account is not None:
                    self.limiter.note_symbol(value, template, signer, account)
        elif spec.effect == UNSUBSCRIBE:
            number = object_or_none(given_value(given, SUBSCRIPTION_ID))
            if number is None and template is not None:
                number = template.fixed.get("subscriptionId")
            info.subject = None if number is None else str(number)
        if on_reply is None:
            future = PyObject_CallNoArgs(self._create_future)
            PyObject_SetAttr(future, "info", info)
            info.target = future
        else:
            info.target = on_reply
            info.is_callback = True

        if info.deadline < self._armed:
            self._arm(info.deadline)
        if not is_next(connection.waiters, request_id) or (
            on is None and connection is not self.route and (connection is not self.draining or self._sticky is None)
        ):
            # a finalizer may run wherever objects are made. One has sent a request, with this id and this buffer
            return self._send(spec, given, strict, template, on)
        connection.waiters.add(info)    # from here on nothing may raise before the request is written or corked
        connection.requests += 1
        self._write_text(connection, info, size, at_once)
        if self.draining is not None:
            self.note_sent(connection, info)
        return info if on_reply is not None else future

    cdef int _search_text(self, MethodSpec spec, str name, object text) except -1:
        """Search a text of the caller's for an SQL keyword, and report it to the owner, which may refuse the request.

        See trading/firewall.py.
        """
        if not PyUnicode_Check(text):
            return 0    # the encoder refuses it
        if PyUnicode_IS_COMPACT_ASCII(text) and not holds_word(
            <const char*>PyUnicode_DATA(text), PyUnicode_GET_LENGTH(text)
        ):
            return 0
        word = find_word(text)
        if word is not None:
            self.owner.firewall_word(spec.name, name, text, word)
        return 0

    cdef int _write_text(self, Connection connection, RequestInfo info, Py_ssize_t size, bint at_once) except -1:
        """Write the text that is in the encoder, or cork it until the end of the turn."""
        cdef char* text = self._encoder.out.data + HEADROOM
        if at_once and connection.cork.count == 0 and not self.batching:
            info.sent = True
            info.written_at = info.queued_at
            connection.writes += 1
            self._encoder.out.size = size       # the text is in use: a finalizer that sends a request is refused
            if connection.frames_shown:
                connection.show_frame(True, WSMsgType.TEXT, text[:size])
            try:
                connection.transport.send_reuse_external_buffer(WSMsgType.TEXT, text, size)
            except Exception as exc:
                self._encoder.out.size = 0
                connection.write_failed(exc)
            finally:
                self._encoder.out.size = 0
        else:
            self.cork(connection, info, text, size, at_once)
        if self._corking and not self._turn_open:
            self.open_turn(connection)
        return 0

    # ----------------------------------------------------------------------------------------- cold: requests

    cdef Auth _authorise(
        self, Connection connection, MethodSpec spec, const Given* given, object signer, bint* on_logon
    ):
        """The key that signs this request; None for a request without a signature.

        ``on_logon`` is set when the request relies on the logon of the connection instead.
        """
        cdef Auth auth
        if signer is not None:
            auth = Auth(signer)
        elif connection.logged_on and not spec.always_signed:
            on_logon[0] = True
            return None
        elif not spec.timestamped:
            _refuse_without_logon(spec, self._auth)
        else:
            auth = self._auth
        if auth is None:
            raise InvalidRequest(f"{spec.name} needs a key: give connect() api_key, and secret or private_key")
        api_key = object_or_none(given_value(given, API_KEY))
        if api_key is not None and api_key != auth.signer.api_key:
            raise InvalidRequest(f"{spec.name}: apiKey is not the key that signs; give signer= as well")
        return auth

    def _refuse_closed(self, Connection connection):
        raise NotConnected(f"not sent: {connection.close_reason or self.refusal or 'the connection is closing'}")

    def set_signer(self, signer):
        """Sign the requests from now on with this key, where they name no other."""
        self._auth = Auth(signer)


cdef inline object _option(dict params, str name):
    """Remove an option from the parameters and return it; None if it is not given."""
    cdef PyObject* given = PyDict_GetItemWithError(params, name)
    if given == NULL:
        return None
    option = <object>given
    PyDict_DelItem(params, name)
    return option
