# Who waits for which reply.
from libc.stdint cimport int32_t, int64_t

from .methods cimport MethodSpec


cdef enum WaitState:
    WAITING = 0     # somebody waits for the reply
    LATE = 1        # nobody does any more; the slot stays taken, so that the reply is known when it comes
    ENDED = 2


cdef enum:
    SLOT_BITS = 16
    MAX_SLOTS = 0x10000


cdef class RequestInfo:
    cdef:
        readonly int64_t id
        readonly object client_order_id
        dict given                      # the parameters of a trading request, else None
        dict fixed                      # ... and those of the prepared request that it was made by, or None
        readonly bint sent
        readonly int64_t queued_at
        readonly int64_t written_at
        readonly int64_t received_at
        readonly int64_t seq
        readonly int64_t timestamp      # microseconds; 0 where the request carries none
        readonly object outcome         # what came after the waiter had given up
        readonly object signer          # with whose key it was signed, where that is not the client's; else None
        MethodSpec spec
        object target                   # the Future, or the callback
        object subject                  # the Subscription that it asks for; the id, as text, of the one that it ends
        bint is_callback
        bint on_logon                   # relies on the logon of its connection
        bytes entries                   # of which array of its result the entries are wanted, one by one; else None
        readonly object account         # the API key it is for, where that is not the client's; else None
        int weight                      # of a read, where weight is counted; else 0
        readonly int connection         # the number of the Connection that it was written to
        int state                       # WaitState
        bint counted                    # in InFlight.trading
        int64_t deadline                # monotonic ns
        object __weakref__

    cdef bint awaited(self) except -1


cdef class InFlight:
    # What the requests of all connections of a session have in common.
    cdef:
        int64_t serial      # of the newest id
        int64_t weight      # of the requests in flight, as far as it is counted
        int32_t trading     # how many requests may change orders, and did not time out
        list tables         # the Waiters of the connections that have not ended

    cdef int32_t count(self) except -1
    cdef list all(self)
    cdef int awaited(self) except -1


cdef class Waiters:
    # slots[i] owns a reference to a RequestInfo, or is NULL; `free` is a stack of the free indexes.
    cdef:
        void** slots
        int32_t* free
        int32_t capacity
        int32_t free_count
        int32_t count
        int connection      # the number of the Connection
        InFlight in_flight  # of all connections
        list effects        # requests that change the connection, by their MethodSpec.effect

    cdef int64_t next_id(self) except -1
    cdef int add(self, RequestInfo info) except -1
    cdef RequestInfo find(self, int64_t request_id)
    cdef int release(self, RequestInfo info) except -1
    cdef int uncount(self, RequestInfo info) except -1
    cdef bint was_used(self, int64_t request_id) noexcept
    cdef list all(self)
    cdef int _grow(self) except -1


cdef inline bint is_next(Waiters waiters, int64_t request_id) noexcept:
    """Whether add() would still take the slot and the serial number of this id."""
    return (
        waiters.free_count > 0
        and request_id == ((waiters.in_flight.serial + 1) << SLOT_BITS) | waiters.free[waiters.free_count - 1]
    )
