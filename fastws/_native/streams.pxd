# Events in: which subscription of a connection they belong to, and the buffer of each.
from cpython.object cimport PyObject
from libc.stdint cimport int32_t, int64_t

from .loop_guard cimport LoopGuard
from .waiters cimport RequestInfo, Waiters


# An event in a buffer.
cdef struct BufferedEvent:
    PyObject* event         # owned; a dict, or the error of one that cannot be read
    int64_t seq
    int64_t received_at     # monotonic ns


cdef class EventRouter


cdef class Stream:
    # ring[first .. first + size), modulo capacity, which is a power of two, are the events that nobody took yet.
    cdef:
        object _owner
        object _loop
        EventRouter _router             # of the connection that carries it, or None
        LoopGuard _loop_guard          # from bind() on
        readonly object on_event        # a callable, in place of the buffer; or None
        object _on_overflow             # a callable; "close", or "error"
        object _subscription            # a weak reference to the Subscription, from bind() on
        object account                  # the API key it is of, where that is not the client's; else None
        bint _unclaimed                       # of a request() that wants no Subscription: events are the connection's
        BufferedEvent* _ring
        Py_ssize_t _capacity
        Py_ssize_t _first
        readonly Py_ssize_t size
        readonly Py_ssize_t limit
        Py_ssize_t _room                # up to which size put() may go without a second look
        Py_ssize_t _streak              # events taken without a wait in between
        object _waiter                  # the future of who waits for an event
        object _done                    # the future of closed()
        object _end_timer                   # the timer of leave()
        readonly int64_t id             # -1 while no connection carries it
        readonly int64_t seq            # of the event that was given last
        readonly int64_t received_at
        readonly int64_t events         # received
        readonly int64_t lost           # of which the buffer had no room for
        int64_t _unreported                    # of which the consumer was not told yet
        readonly bint active
        readonly bint ended
        readonly object reason          # why it ended
        readonly object error           # what a consumer is to be told of it; None for a clean end
        object _leave_reason                 # the reason that its end will have

    cdef int put(self, object event, int64_t seq, int64_t now) except -1
    cdef int _keep(self, object event, int64_t seq, int64_t now) except -1
    cdef int put_error(self, object error, int64_t seq, int64_t now) except -1
    cdef bint _make_room(self, object event) except -1
    cdef int _grow(self) except -1
    cdef object _empty(self)


cdef class EventRouter:
    # slots[id] owns a reference to a Stream, or is NULL.
    cdef:
        object _owner
        LoopGuard _loop_guard
        object _loop
        Waiters _waiters
        PyObject** _slots
        int32_t _capacity
        Stream _logon_stream                     # the subscription of the key that is logged on, or None
        Py_ssize_t held_count              # its length
        list _held                      # [(id, event, seq, received at)]: a subscribe is in flight
        set _reported                       # ids of unknown subscriptions that were reported
        readonly int64_t unknown        # events of subscriptions that nobody knows
        readonly int64_t lost           # events that no buffer had room for

    cdef Stream find(self, int64_t stream_id)
    cdef Stream stream_of(self, int64_t stream_id)
    cdef int route(self, object event, int64_t stream_id, int64_t seq, int64_t now) except -1
    cdef int _deliver(self, Stream stream, object event, int64_t seq, int64_t now) except -1
    cdef int unreadable(self, object error, int64_t stream_id, int64_t seq, int64_t now) except -1
    cdef int _route_unknown(self, object event, int64_t stream_id, int64_t seq, int64_t now) except -1
    cdef int _report_unknown(self, object event, int64_t stream_id) except -1
    cdef object bind(self, RequestInfo info, object result)
    cdef int _assign(self, Stream stream, int64_t stream_id, bint own) except -1
    cdef int _remove(self, Stream stream) except -1
    cdef list detach_all(self)
    cdef int deliver_held(self) except -1
    cdef int release_held(self) except -1
    cdef bint _subscribing(self) except -1
    cdef int leave_answered(self, RequestInfo info) except -1
    cdef str _end_reason(self, Stream stream)
    cdef int _end(self, Stream stream, object reason, object error) except -1
    cdef int revoked(self, object error) except -1
    cdef int finish(self, object reason, bint clean) except -1
    cdef list _all(self)
