# The requests in flight, by the ids of their replies.
from libc.stdint cimport int32_t, int64_t

from .methods cimport MethodSpec


cdef enum WaitState:
    WAITING = 0     # the reply is awaited
    LATE = 1        # it timed out, or was given up; the slot stays taken, so that a late reply is recognised
    ENDED = 2


cdef enum:
    SLOT_BITS = 17
    MAX_SLOTS = 0x20000


cdef class RequestInfo:
    cdef:
        readonly int64_t id
        readonly object client_order_id
        # The parameters of a trading request; given_params() makes one dict of them.
        dict given                      # a dict; or else
        tuple names                     # their names and those of options, with
        tuple values
        bint id_made                    # client_order_id is not among them: fastws made it
        list more_made                  # the same of others: (name, client order id)
        dict fixed                      # those that its prepared request fixes, or None
        object records                  # makes record() (trading/records.py); None for a request that is no trading one
        readonly bint sent
        readonly int64_t queued_at
        readonly int64_t written_at
        readonly int64_t received_at
        readonly int64_t seq
        readonly int64_t timestamp      # microseconds; 0 if the request carries none
        readonly object outcome         # the result or exception that came after the waiter had given up
        readonly object signer          # the Signer, if it is not the client's; else None
        MethodSpec spec
        object target                   # the Future, or the callback
        object subject                  # the Subscription that it makes; or the id, as text, of the one that it ends
        bint is_callback
        bint own                        # fastws sent it by send_to(): it is not one of the caller's
        bint named                      # the caller chose a client order id, which another request may have, too
        bint on_logon                   # relies on the logon of its connection
        bytes entries                   # for ask_entries(): the name of the array; else None
        readonly object account         # the API key of its account, if that is not the client's; else None
        int weight                      # of a read, with reserve_weight; else 0
        readonly int connection         # the number of the Connection that it was written to
        int state                       # WaitState
        bint counted                    # in InFlight.trading
        public bint is_question         # of resolve(), which reads the answer itself: it is not kept as evidence
        int64_t deadline                # monotonic ns
        object __weakref__

    cdef bint awaited(self) except -1
    cdef dict given_params(self)


cdef class InFlight:
    # The requests in flight of all connections of a session.
    cdef:
        int64_t serial      # of the newest id
        int64_t weight      # of the reads in flight, with reserve_weight
        int32_t trading     # how many of them may change orders and did not time out
        list tables         # the Waiters of the open connections

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
        InFlight in_flight  # of the session
        dict effects        # the requests in flight whose MethodSpec has an effect, by id

    cdef int64_t next_id(self) except -1
    cdef int add(self, RequestInfo info) except -1
    cdef RequestInfo find(self, int64_t request_id)
    cdef int release(self, RequestInfo info) except -1
    cdef int uncount(self, RequestInfo info) except -1
    cdef bint was_used(self, int64_t request_id) noexcept
    cdef list all(self)
    cdef RequestInfo oldest_trading(self)
    cdef bint changing(self) except -1
    cdef bint logon_waits(self) except -1
    cdef int _grow(self) except -1


cdef inline bint is_next(Waiters waiters, int64_t request_id) noexcept:
    """Whether add() would still take the slot and the serial number of this id."""
    return (
        waiters.free_count > 0
        and request_id == ((waiters.in_flight.serial + 1) << SLOT_BITS) | waiters.free[waiters.free_count - 1]
    )
