# cython: language_level=3
"""Messages of market data connections -> the consumers of their streams; each event once, by whoever brings it first.

In: a MarketConnection calls receive() with each whole message, in the order of its arrival. Out: subscriptions get
dicts, sinks get values in C, within the read callback; the owner gets replies to control requests, notices and reports.
Memory: the bytes of a message are valid during receive(). A diff that came too early is copied. The router owns its
streams; a stream owns its consumers.
Failure: an exception of a callback or a sink is reported, and the next event still comes. An event that cannot be read
is counted and logged; its consumers get DecodeError, or on_gap(), in its place. A message that names no stream of this
router is counted, and each name is logged once.

Events are told apart by the ids that rise in each stream, which are found without decoding the rest. With several
connections of a stream, or when one takes the place of another, the first that brings an event delivers it.
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from cpython.mem cimport PyMem_Calloc, PyMem_Free, PyMem_Realloc
from cpython.object cimport PyObject
from cpython.ref cimport Py_DECREF
from libc.stdint cimport INT64_MAX, int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcmp, memcpy, memset

from picows.picows cimport WSMsgType, WSTransport

from .clock cimport monotonic_ns
from .frames cimport OPEN, FrameListener
from .market_json cimport JsonEvents
from .market_sbe cimport SbeEvents
from .market_sink cimport MarketSink
from .market_values cimport (
    MARKET_DEPTH, MARKET_DIFF, MARKET_OTHER, MARKET_TOP, MARKET_TRADE, SHUTDOWN, STREAM_EVENT,
    UNKNOWN_TEMPLATE, Depth, EventHead, Top, Trade,
)
from .streams cimport Stream

from .._common.shown import masked, shown
from .._common.tcp import seconds_since_data
from ..errors import DecodeError, NotConnected

cdef extern from "Python.h":
    void PyErr_Clear() noexcept

cdef:
    enum:
        FIRST_TABLE = 64
        MAX_REPORTED = 1024     # unknown streams that a router reports and remembers
        MAX_STREAK = 128        # events taken in a row before the event loop gets a turn, as streams.pyx has it
        PADDING = 64            # bytes behind a message that the decoders may read
        MAX_HELD = 64           # diffs of a stream that wait for an earlier one

    int64_t WAIT = 20000000             # ns that a diff waits for the earlier one that another connection may bring
    int64_t BLOCKED = 50000000          # so late, the event loop was blocked, and what came could not be read

include "market_events.pxi"
include "market_connection.pxi"
include "market_stream.pxi"
include "market_delivery.pxi"


cdef uint64_t _hash(const char* key, Py_ssize_t size, uint32_t template) noexcept:
    """Of a name of a stream: eight bytes at a time, those of the end twice."""
    cdef uint64_t hash = <uint64_t>size * 0x9E3779B97F4A7C15ULL ^ template
    cdef uint64_t word
    cdef Py_ssize_t i = 0
    while i + 8 <= size:
        memcpy(&word, key + i, 8)
        hash = (hash ^ word) * 0xFF51AFD7ED558CCDULL
        hash ^= hash >> 32
        i += 8
    if i < size:
        word = 0
        memcpy(&word, key + i, size - i)
        hash = (hash ^ word) * 0xFF51AFD7ED558CCDULL
        hash ^= hash >> 32
    return hash


@cython.final
cdef class MarketRouter:
    """The streams of a market data session, on all of its connections; see the module's docstring.

    Args:
        owner: gets replies, notices and reports: reply(connection, id, result, code, msg), shutdown_notice(connection),
            opened(connection), lost(connection, reason), report(message, exception), warn(code, message).
        sbe: whether the connections are in SBE.
        numbers, time_unit, views: how dicts show decimals and times, and whether they are Views.
    """

    def __cinit__(self, owner, *, bint sbe=False, str numbers="str", str time_unit="ms", bint views=False):
        self.owner = owner
        self.sbe = sbe
        self._json = JsonEvents(numbers, time_unit, views)
        self._sbe = SbeEvents(numbers, time_unit, views) if sbe else None
        self._size = FIRST_TABLE
        self._table = <PyObject**>PyMem_Calloc(FIRST_TABLE, sizeof(PyObject*))
        if self._table == NULL:
            raise MemoryError
        self.streams = []
        self._names = []
        self._indices = {}
        self._by_name = {}
        self._late_json = JsonEvents(numbers, time_unit, views)
        self._late_sbe = SbeEvents(numbers, time_unit, views) if sbe else None
        self.restart_after = 5_000_000_000
        self._reported = set()
        self._later = []

    def __dealloc__(self):
        PyMem_Free(self._table)

    # ---------------------------------------------------------------------------------------------------- streams

    def stream(self, str name not None, int kind=MARKET_OTHER, str symbol="", int template=0):
        """The stream of this name. ``template``: of its messages in SBE."""
        cdef MarketStream stream = self._by_name.get(name)
        if stream is not None:
            return stream
        stream = MarketStream(self, name, kind, symbol)
        stream.key = symbol.encode() if template else name.encode()
        stream.template = template
        stream.hash = _hash(stream.key, len(stream.key), template)
        index = self._indices.get(name)
        if index is None:
            index = self._indices[name] = len(self._names)
            self._names.append(name)
            self.streams.append(None)
        stream.index = index
        self.streams[index] = stream
        self._by_name[name] = stream
        if len(self._by_name) * 2 > self._size:
            self._grow()
        self._insert(stream)
        return stream

    def find_stream(self, str name not None):
        """The stream of this name, or None."""
        return self._by_name.get(name)

    def drop(self, str name not None):
        """Forget a stream: events that still come for it are ignored."""
        cdef MarketStream stream = self._by_name.pop(name, None)
        if stream is None:
            return
        stream.drop_held()
        self.streams[stream.index] = None
        self._reported.add(stream.key)      # what is on its way is no surprise
        self._fill_table()

    def _grow(self):
        cdef PyObject** table = <PyObject**>PyMem_Calloc(2 * self._size, sizeof(PyObject*))
        if table == NULL:
            raise MemoryError
        PyMem_Free(self._table)
        self._table = table
        self._size *= 2
        self._fill_table()

    def _fill_table(self):
        cdef MarketStream stream
        cdef Py_ssize_t i
        for i in range(self._size):
            self._table[i] = NULL
        for stream in self._by_name.values():
            self._insert(stream)

    cdef int _insert(self, MarketStream stream) except -1:
        cdef Py_ssize_t at = stream.hash & (self._size - 1)
        while self._table[at] == <PyObject*>stream:
            return 0
        while self._table[at] != NULL:
            at = (at + 1) & (self._size - 1)
        self._table[at] = <PyObject*>stream     # _by_name owns it
        return 0

    cdef MarketStream find(self, const char* key, Py_ssize_t size, uint32_t template):
        cdef uint64_t hash = _hash(key, size, template)
        cdef Py_ssize_t at = hash & (self._size - 1)
        cdef MarketStream stream
        while self._table[at] != NULL:
            stream = <MarketStream>self._table[at]
            if (
                stream.hash == hash and stream.template == template and PyBytes_GET_SIZE(stream.key) == size
                and memcmp(PyBytes_AS_STRING(stream.key), key, size) == 0
            ):
                return stream
            at = (at + 1) & (self._size - 1)
        return None

    # --------------------------------------------------------------------------------------------------- messages

    cdef int receive(
        self, MarketConnection connection, const char* data, Py_ssize_t size, bint binary, int64_t now
    ) except -1:
        cdef int code
        if self._busy:      # a callback lets another connection read: this message waits until it has returned
            self._later.append((data[:size] + bytes(PADDING), size, binary, connection, now))
            return 0
        self._busy = True
        code = (<_Reading>_read)(self, connection, data, size, binary, now)
        self._busy = False
        if code < 0:
            _raised()
        if self._later:
            self._go_on()
        return 0

    cdef int read(
        self, MarketConnection connection, const char* data, Py_ssize_t size, bint binary, int64_t now
    ) except -1:
        """receive(), while no other message is being read."""
        cdef EventHead head
        cdef int code
        if binary:
            code = self._sbe.open(<const uint8_t*>data, size, &head)
        else:
            code = self._json.open(<const uint8_t*>data, size, &head)
        if code:
            self._unreadable(connection, code, data[:size], binary)
        elif head.what == STREAM_EVENT:
            self._event(connection, &head, data, size, binary, now)
        else:
            self._other(connection, head.what)
        return 0

    def _go_on(self):
        """Read the messages that came while another one was being read."""
        cdef bytes message
        cdef Py_ssize_t size
        while self._later:
            message, size, binary, connection, now = self._later.pop(0)
            self.receive(connection, PyBytes_AS_STRING(message), size, binary, now)

    cdef int _event(
        self, MarketConnection connection, EventHead* head, const char* data, Py_ssize_t size, bint binary, int64_t now
    ) except -1:
        cdef MarketStream stream = self.find(head.name, head.name_size, head.template_id)
        if stream is None:
            return self._unknown(head)
        if head.last_id < stream.last_id:
            if not self._begins_anew(stream, now):
                return self._old(stream, connection, head, now)
        elif head.last_id == stream.last_id:
            # one connection may bring several events of one time, and a part of the book that has not changed
            if connection is not stream.delivered_by or not (head.timed or stream.kind == MARKET_DEPTH):
                return self._old(stream, connection, head, now)
        elif stream.kind == MARKET_DIFF and head.first_id > stream.last_id + 1 and stream.last_id >= 0 and (
            stream.carriers > 1
        ):
            return stream.hold(head.first_id, data[:size], connection, now)
        self.deliver(stream, connection, head, data, size, binary, now)
        if stream.held is not None:
            stream.fill()
        return 0

    cdef int deliver(
        self, MarketStream stream, MarketConnection connection, EventHead* head, const char* data, Py_ssize_t size,
        bint binary, int64_t now,
    ) except -1:
        """Deliver an event, or those trades of it that are new, to all consumers of its stream."""
        cdef:
            int64_t last_id = stream.last_id
            Py_ssize_t i
            tuple events_to = stream.events_to
            tuple sinks = stream.sinks
            PyObject* made
            MarketEvents events
            NewestEvent newest
        stream.last_id = head.last_id
        stream.delivered_at = now
        stream.delivered_by = connection
        stream.matched = False
        stream.old_since = 0
        if sinks:
            self._give_values(stream, head, binary, now, last_id)
        for newest in stream.newest_to:
            newest.keep(connection, data, size, head.count - 1, binary, now)
        for i in range(head.count):
            if head.count > 1 and head.first_id + i <= last_id and self._is_old_trade(binary, i, last_id):
                continue
            stream.events += 1
            connection.events += 1
            for events in events_to:
                # each consumer gets a dict of its own
                made = (<_Making>_make_event)(self, binary, i)
                if made == NULL:
                    return _undecodable(self, stream, connection, now)
                event = <object>made
                Py_DECREF(event)
                if not events.ended:
                    events.put(event, stream.index << 32 | connection.number, now)
        return 0

    cdef bint _is_old_trade(self, bint binary, Py_ssize_t i, int64_t last_id) noexcept:
        cdef Trade trade
        if (self._sbe.trade(i, &trade) if binary else self._json.trade(i, &trade)) != 0:
            return False
        return trade.id <= last_id

    cdef int _give_values(
        self, MarketStream stream, EventHead* head, bint binary, int64_t now, int64_t last_id
    ) except -1:
        """Give an event to the sinks of its stream, as values in C."""
        cdef:
            Top top
            Trade trade
            Depth depth
            Py_ssize_t i
            int code = 0
        if stream.kind == MARKET_TOP:
            code = self._sbe.top(&top) if binary else self._json.top(&top)
            if code == 0:
                _each_sink(stream, &top, NULL, NULL, False, now)
        elif stream.kind == MARKET_DIFF or stream.kind == MARKET_DEPTH:
            code = self._sbe.depth(&depth) if binary else self._json.depth(&depth)
            if code == 0:
                _each_sink(stream, NULL, NULL, &depth, stream.kind == MARKET_DIFF, now)
        elif stream.kind == MARKET_TRADE:
            for i in range(head.count):
                code = self._sbe.trade(i, &trade) if binary else self._json.trade(i, &trade)
                if code:
                    break
                if trade.id > last_id:
                    _each_sink(stream, NULL, &trade, NULL, False, now)
        if code:
            self._values_unreadable(stream, code, binary, now)
        return 0

    # ------------------------------------------------------------------------------------------------------- cold

    cdef int read_again(self, MarketConnection connection, bytes message, int64_t now) except -1:
        """Deliver a diff that was held, unless it has become old."""
        cdef EventHead head
        cdef Py_ssize_t size = len(message)
        cdef bytes padded = message + bytes(PADDING)
        cdef const char* data = PyBytes_AS_STRING(padded)
        cdef bint was_busy = self._busy
        cdef MarketStream stream
        cdef int code
        self._busy = True
        if self.sbe:
            code = self._sbe.open(<const uint8_t*>data, size, &head)
        else:
            code = self._json.open(<const uint8_t*>data, size, &head)
        if code == 0:
            stream = self.find(head.name, head.name_size, head.template_id)
            if stream is not None and head.last_id > stream.last_id:
                self.deliver(stream, connection, &head, data, size, self.sbe, now)
            elif stream is not None:
                self._old(stream, connection, &head, now)
        self._busy = was_busy
        if self._later and not was_busy:
            self._go_on()
        return 0

    cdef object read_late(self, NewestEvent newest):
        """The event that is kept. It has decoders of its own: those of the message that is being read are in use."""
        cdef EventHead head
        cdef const uint8_t* data = <const uint8_t*>newest.data
        cdef int code
        if newest.binary:
            code = self._late_sbe.open(data, newest.size, &head)
            if code:
                raise self._late_sbe.error(code)
            return self._late_sbe.event(newest.place)
        code = self._late_json.open(data, newest.size, &head)
        if code:
            raise self._late_json.error(code)
        return self._late_json.event(newest.place)

    cdef int _old(self, MarketStream stream, MarketConnection connection, EventHead* head, int64_t now) except -1:
        """An event that was delivered before, or is older than that."""
        cdef MarketConnection first = stream.delivered_by
        connection.duplicates += 1
        if head.last_id == stream.last_id:
            stream.old_since = 0
        if head.last_id == stream.last_id and first is not None and first is not connection and not stream.matched:
            stream.matched = True
            first.firsts += 1
            first.first_ns += now - stream.delivered_at
        return 0

    cdef bint _begins_anew(self, MarketStream stream, int64_t now) except -1:
        """Whether an older id shows that the exchange counts anew: for some time, no other id has come."""
        if stream.old_since == 0:
            stream.old_since = now
            return False
        if now - stream.old_since < self.restart_after:
            return False
        self.resets += 1
        self.owner.warn(
            "ids-begin-anew", f"the ids of {stream.name} went back, and stay there: its events are delivered again"
        )
        stream.last_id = -1
        stream.drop_held()
        stream.tell_sinks(now)
        return True

    cdef int _other(self, MarketConnection connection, int what) except -1:
        if what == SHUTDOWN:
            self.owner.shutdown_notice(connection)
        else:
            self.owner.reply(connection, *self._json.reply())
        return 0

    def _unreadable(self, MarketConnection connection, int code, bytes data, bint binary):
        """A message that is no event, reply or notice."""
        error = self._sbe.error(code) if binary else self._json.error(code)
        if code == UNKNOWN_TEMPLATE:
            self.unknown_templates += 1
            if str(error) not in self._reported and len(self._reported) < MAX_REPORTED:
                self._reported.add(str(error))
                self.owner.warn("unknown-template", f"messages are skipped: {error}")
            return
        connection.unreadable += 1
        self.owner.warn("unreadable-event", f"a message that cannot be read: {error}: {masked(data)}")

    cdef int _unknown(self, EventHead* head) except -1:
        cdef bytes name = head.name[:head.name_size]
        self.unknown_events += 1
        if name not in self._reported and len(self._reported) < MAX_REPORTED:
            self._reported.add(name)
            said = shown(name.decode("utf-8", "replace"))
            self.owner.warn("unknown-stream", f"events of {said}, which nobody subscribed to, are ignored")
        return 0

    def _values_unreadable(self, MarketStream stream not None, int code, bint binary, int64_t now):
        error = self._sbe.error(code) if binary else self._json.error(code)
        self.owner.warn("unreadable-event", f"an event of {stream.name} cannot be read: {error}")
        stream.tell_sinks(now)
