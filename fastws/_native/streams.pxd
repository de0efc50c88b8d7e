# Events → the Stream of their subscription, and the buffer of each Stream.
from cpython.object cimport PyObject
from libc.stdint cimport int32_t, int64_t

from .loop_guard cimport LoopGuard
from .waiters cimport RequestInfo, Waiters


# An event in a buffer.
cdef struct BufferedEvent:
    PyObject* event         # owned; a dict, or the exception of an event that cannot be read
    int64_t seq
    int64_t received_at     # monotonic ns


cdef class EventRouter
cdef class Stream


# Takes the events of Streams in their place: a Merge.
cdef class EventTap:
    cdef int take(
        self, EventRouter router, Stream stream, object event, bint ends, int64_t seq, int64_t now
    ) except -1
    cdef int take_error(self, Stream stream, object error, int64_t seq, int64_t now) except -1
    cdef bint take_late(self, object event) except -1
    cdef int take_end(self, Stream stream) except -1


cdef class Stream:
    # ring[first .. first + size), modulo capacity (a power of two), has the events that were not taken yet.
    cdef:
        object _owner
        object _loop
        EventRouter _router             # of its connection, or None
        EventTap _tap                   # takes its events while a connection takes the place of another one; or None
        LoopGuard _loop_guard           # once a connection has it
        readonly object on_event        # a callable, instead of the buffer; or None
        object _on_overflow             # a callable; "close", or "error"
        object _subscription            # a weak reference to the Subscription, once that is bound
        object account                  # the API key of its account, if that is not the client's; else None
        bint _unclaimed                 # made by request(), without a Subscription: its events go to the owner
        BufferedEvent* _ring
        Py_ssize_t _capacity
        Py_ssize_t _first
        readonly Py_ssize_t size
        readonly Py_ssize_t limit
        Py_ssize_t _room                # put() adds events up to this size without calling _make_room()
        Py_ssize_t _streak              # events taken since the last wait()
        object _waiter                  # the future of the consumer that waits for an event
        object _done                    # the future of closed()
        list _detached                  # the session's list of detached Streams, while this is one; else None
        readonly object last            # the latest event that this subscription delivered; None before the first
        readonly int64_t subscribed_at  # when the reply that made the subscription was read, monotonic ns
        object _end_timer               # the timer that ends it, after an unsubscribe or a logout
        readonly int64_t id             # -1 while it has no connection
        readonly int64_t seq            # of the event that was taken last
        readonly int64_t received_at
        readonly int64_t events         # received
        readonly int64_t lost           # for which the buffer had no room
        int64_t _unreported             # lost events, behind the buffered ones, that the consumer does not know of yet
        int64_t _overflowed             # the same, in front of the buffered ones: take_all() passed their place
        readonly bint active
        readonly bint ended
        readonly object reason          # why it ended
        readonly object error           # what the consumer gets at the end; None for a clean end
        object _leave_reason            # after an unsubscribe or a logout: the reason of the end to come

    cdef int put(self, object event, int64_t seq, int64_t now) except -1
    cdef int _keep(self, object event, int64_t seq, int64_t now) except -1
    cdef int put_error(self, object error, int64_t seq, int64_t now) except -1
    cdef bint _make_room(self, object event) except -1
    cdef int _grow(self) except -1
    cdef object _empty(self)
    cdef int _raise_overflow(self) except -1
    cdef int _finish(self, object reason, object error) except -1


cdef class EventRouter:
    # slots[id] owns a reference to a Stream, or is NULL.
    cdef:
        object _owner
        LoopGuard _loop_guard
        object _loop
        Waiters _waiters
        PyObject** _slots
        int32_t _capacity
        Stream _logon_stream            # of the key that is logged on, or None
        Py_ssize_t held_count           # the length of _held
        list _held                      # [(id, event, seq, received at)] while a subscribe is in flight
        set _reported                   # ids of unknown subscriptions that were reported
        bint _closed                    # the connection has ended
        dict _tails                     # id → EventTap: of subscriptions that another connection took over; or None
        readonly int64_t unknown        # events of unknown subscriptions
        readonly int64_t lost           # events for which no buffer had room

    cdef bint has_streams(self) noexcept
    cdef Stream find(self, int64_t stream_id)
    cdef Stream stream_of(self, int64_t stream_id)
    cdef int route(self, object event, int64_t stream_id, int64_t seq, int64_t now) except -1
    cdef int _deliver(self, Stream stream, object event, int64_t seq, int64_t now) except -1
    cdef int _deliver_error(self, Stream stream, object error, int64_t seq, int64_t now) except -1
    cdef int end_by_notice(self, Stream stream, object event, int64_t seq, int64_t now) except -1
    cdef int end_tail(self, Stream stream, EventTap tap) except -1
    cdef int unreadable(self, object error, int64_t stream_id, int64_t seq, int64_t now) except -1
    cdef int _route_unknown(self, object event, int64_t stream_id, int64_t seq, int64_t now) except -1
    cdef int _report_unknown(self, object event, int64_t stream_id) except -1
    cdef object bind(self, RequestInfo info, object result)
    cdef int _assign(self, Stream stream, int64_t stream_id, bint own) except -1
    cdef int _remove(self, Stream stream) except -1
    cdef list detach_all(self, list detached)
    cdef int deliver_held(self) except -1
    cdef int release_held(self) except -1
    cdef bint _subscribing(self) except -1
    cdef int leave_answered(self, RequestInfo info) except -1
    cdef str _end_reason(self, Stream stream)
    cdef int _end(self, Stream stream, object reason, object error) except -1
    cdef int revoked(self, object error) except -1
    cdef int finish(self, object reason, bint clean) except -1
    cdef list _all(self)
