# Messages of market data connections → the consumers of their streams.
from cpython.object cimport PyObject
from libc.stdint cimport int64_t, uint32_t, uint64_t

from .frames cimport FrameListener
from .market_json cimport JsonEvents
from .market_sbe cimport SbeEvents
from .market_values cimport EventHead
from .streams cimport Stream


cdef class MarketConnection(FrameListener):
    cdef:
        readonly MarketRouter router
        readonly object owner
        readonly set names                  # of the streams that it carries
        readonly int64_t messages
        readonly int64_t events             # that were delivered
        readonly int64_t duplicates         # that another connection, or this one, had brought before
        readonly int64_t firsts             # events that another connection brought later
        readonly int64_t first_ns           # the sum of the ns by which it brought them earlier
        readonly int64_t unreadable
        int64_t _looked_at                  # when the next look was due

    cdef bint _is_passing(self, int64_t now, int64_t timeout) except -1


# The newest event of a stream, as its bytes, for a subscription that conflates.
cdef class NewestEvent:
    cdef:
        MarketEvents events
        MarketStream stream
        MarketConnection connection     # that brought it
        char* data                      # a copy, with room behind it that the decoders may read
        Py_ssize_t size
        Py_ssize_t capacity
        Py_ssize_t place                # of the event in its message
        bint binary
        bint waits                      # the consumer has not taken it yet
        int64_t received_at

    cdef int keep(
        self, MarketConnection connection, const char* data, Py_ssize_t size, Py_ssize_t place, bint binary, int64_t now
    ) except -1


# The events of a subscription, of one or several streams.
cdef class MarketEvents(Stream):
    cdef:
        MarketRouter _market
        readonly bint conflate
        readonly int64_t skipped            # events that a newer one of their stream replaced
        list _waiting                       # NewestEvents that were not taken yet; of a conflating one

    cdef object _decode(self, NewestEvent newest)


# A stream of the exchange, and who takes its events.
cdef class MarketStream:
    cdef:
        readonly MarketRouter router
        readonly str name
        readonly str symbol
        readonly int kind                   # MarketKind
        bytes key                           # what messages name it by: its name in JSON, its symbol in SBE
        uint32_t template                   # of its messages in SBE; 0 in JSON
        uint64_t hash
        readonly int64_t index              # its number in the router, from 0; the same each time that it is made
        tuple events_to                     # MarketEvents that take dicts
        tuple newest_to                     # NewestEvents of those that conflate
        tuple sinks                         # of (MarketSink, tag)
        readonly int carriers               # connections that are subscribed to it
        readonly int64_t events             # that were delivered
        readonly int64_t last_id            # of what was delivered last; -1 before the first
        int64_t delivered_at                # monotonic ns
        object delivered_by                 # the MarketConnection that brought it
        bint matched                        # another connection has brought it as well
        int64_t old_since                   # when the first of the events came that are all old; 0 for none
        list held                           # diffs that came too early: (first id, message, connection, received at)
        object timer                        # that delivers them as they are

    cdef int tell_sinks(self, int64_t now) except -1
    cdef int hold(self, int64_t first_id, bytes message, MarketConnection connection, int64_t now) except -1
    cdef int release(self) except -1
    cdef int fill(self) except -1
    cdef int drop_held(self) except -1
    cdef int _stop_timer(self) except -1


cdef class MarketRouter:
    cdef:
        readonly object owner
        readonly bint sbe
        JsonEvents _json
        SbeEvents _sbe
        PyObject** _table                   # of MarketStreams by hash; its size is a power of two
        Py_ssize_t _size
        readonly list streams               # by index; None where one was dropped
        list _names                         # of the streams that were made once, by index
        dict _indices                       # the index of each of these names
        dict _by_name
        JsonEvents _late_json               # for events that are decoded when their consumer takes them
        SbeEvents _late_sbe
        public int64_t restart_after        # ns for which ids stay below those before, until they count as begun anew
        set _reported                       # names of unknown streams, and templates
        bint _busy                          # a message is being read: its bytes and the decoders are in use
        list _later                         # messages that came meanwhile
        readonly int64_t unknown_events
        readonly int64_t unknown_templates
        readonly int64_t resets             # ids that began anew

    cdef int receive(
        self, MarketConnection connection, const char* data, Py_ssize_t size, bint binary, int64_t now
    ) except -1
    cdef int read(
        self, MarketConnection connection, const char* data, Py_ssize_t size, bint binary, int64_t now
    ) except -1
    cdef int read_again(self, MarketConnection connection, bytes message, int64_t now) except -1
    cdef int _event(
        self, MarketConnection connection, EventHead* head, const char* data, Py_ssize_t size, bint binary, int64_t now
    ) except -1
    cdef MarketStream find(self, const char* key, Py_ssize_t size, uint32_t template)
    cdef int deliver(
        self, MarketStream stream, MarketConnection connection, EventHead* head, const char* data, Py_ssize_t size,
        bint binary, int64_t now,
    ) except -1
    cdef object read_late(self, NewestEvent newest)
    cdef bint _is_old_trade(self, bint binary, Py_ssize_t i, int64_t last_id) noexcept
    cdef int _give_values(
        self, MarketStream stream, EventHead* head, bint binary, int64_t now, int64_t last_id
    ) except -1
    cdef int _old(self, MarketStream stream, MarketConnection connection, EventHead* head, int64_t now) except -1
    cdef bint _begins_anew(self, MarketStream stream, int64_t now) except -1
    cdef int _other(self, MarketConnection connection, int what) except -1
    cdef int _unknown(self, EventHead* head) except -1
    cdef int _insert(self, MarketStream stream) except -1
