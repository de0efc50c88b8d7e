# cython: language_level=3
"""The requests in flight: their ids, and for each connection an array of their RequestInfos.

In: the Session calls next_id() and add() for each request. Out: find() gives the RequestInfo of a reply's id.
An id is a serial number and, in its low 17 bits, a slot of the connection's array. It is below 2^53, so that every JSON
reader keeps it exactly. No two requests of a session have the same serial number, whatever their connection. So find()
gives None for a stale, repeated or invented id, and for a reply that comes on another connection than its request.
Memory: a slot owns one reference to its RequestInfo from add() to release().
Failure: NotSent if all slots are taken.
"""

cimport cython
from cpython.mem cimport PyMem_Free, PyMem_Realloc
from cpython.ref cimport Py_DECREF, Py_INCREF
from libc.stdint cimport int32_t, int64_t

from .given cimport named_params
from .methods cimport ACCOUNT, CHANGE, CREATE, LOGON, LOGOUT

from .._common.shown import shown
from ..errors import InvalidRequest, NotSent

cdef:
    enum:
        SLOT_MASK = 0x1FFFF
        FIRST_SLOTS = 64

    int64_t MAX_SERIAL = (1 << 36) - 1


@cython.freelist(64)
@cython.final
cdef class RequestInfo:
    """The record of a request: ``info`` of its reply, and of the error that it may end in.

    Attributes:
        id: the request id.
        client_order_id: the client order id in the request, which fastws makes if the caller gave none; None for a
            request without one.
        sent: whether its bytes were handed to the transport.
        queued_at: when it was encoded, or signed; monotonic ns, as of time.monotonic_ns().
        written_at: when it was handed to the transport; 0 before. A request that is not corked is written as soon as
            it is encoded: then it is the same reading of the clock as queued_at.
        received_at: when its reply was read; 0 before.
        latency: nanoseconds from written_at to received_at; None while there is no reply.
        connection: the number of the connection that it was written to; a client counts its connections from 1.
        seq: the number of its reply among the messages that the client read, on all its connections; 0 before.
        timestamp: the timestamp in the request, in microseconds; 0 for none.
        outcome: the result or the error that came after its waiter had given up; None before.
        signer: the Signer of the request, or of the session.logon that it relies on, if it is not the client's; else
            None.
        account: the API key of the account that the request is for, if it is not the client's; else None.
        is_question: whether resolve() sent it.
    """

    @property
    def method(self):
        """Binance's name of the method."""
        return self.spec.name

    @property
    def latency(self):
        """Nanoseconds from handing the request to the transport to reading its reply; None while there is no reply."""
        return self.received_at - self.written_at if self.received_at and self.written_at else None

    @property
    def trading(self):
        """Whether the request may change orders; only then can its outcome be unknown."""
        return self.spec.trading

    @property
    def params(self):
        """The parameters of a trading request; None for others."""
        cdef dict given = self.given_params()
        return given if given is None or self.fixed is None else {**self.fixed, **given}

    @property
    def placing(self):
        """Whether the request places orders, or amends one."""
        return self.spec.role == CREATE or self.spec.role == CHANGE

    def record(self):
        """What ``client.resolve()`` needs to find out what became of the request: a dict that json.dumps() accepts.

        It is complete when the call of the request returns; in a batch, before anything is written. So a program that
        stores it first can resolve it after a crash, in another process. It never contains a key or a signature.

        Returns:
            A new dict of ``fastws`` (1, the version of this format), ``method``, ``params`` (as they were sent, without
            apiKey and signature; decimals are texts), ``timestamp`` (as it was sent), ``recvWindow`` (milliseconds;
            5000 if none was sent), ``account`` (a digest of the API key, 12 hexadecimal digits) and ``uid`` (of the
            account, if a reply to account.status has shown it; else None).

        Raises:
            InvalidRequest: the request is not a trading one, so its outcome cannot be unknown.
        """
        if self.records is None:
            raise InvalidRequest(f"record(): {self.spec.name} changes no orders, so there is nothing to resolve")
        return self.records.record(self)

    cdef dict given_params(self):
        """The parameters that the call gave, or fastws made, as a dict; None if it is no trading request."""
        if self.names is not None:
            self.given = named_params(self.names, self.values, self.fixed is not None)
            self.names = self.values = None
        if self.id_made:
            self.given[self.spec.own_id] = self.client_order_id
            self.id_made = False
        if self.more_made is not None:
            self.given.update(self.more_made)
            self.more_made = None
        return self.given

    cdef bint awaited(self) except -1:
        """Whether the reply is still awaited: by a callback, or by a future that is not done."""
        return self.state == WAITING and (self.is_callback or not self.target.done())

    def __repr__(self):
        state = "answered" if self.received_at else "sent" if self.sent else "not sent"
        order = f" client_order_id={shown(self.client_order_id)}" if self.client_order_id else ""
        return f"<RequestInfo {self.spec.name} id={self.id}{order} {state}>"


@cython.final
cdef class InFlight:
    """The requests in flight of all connections of a session. ``serial``: ids continue behind this serial number."""

    def __cinit__(self, int64_t serial=0):
        self.serial = serial
        self.tables = []

    cdef int32_t count(self) except -1:
        """How many requests are in flight."""
        cdef Waiters waiters
        cdef int32_t count = 0
        for waiters in self.tables:
            count += waiters.count
        return count

    cdef list all(self):
        """All requests in flight, by connection."""
        cdef Waiters waiters
        cdef list found = []
        for waiters in self.tables:
            found += waiters.all()
        return found

    cdef int awaited(self) except -1:
        """How many of them are awaited."""
        cdef RequestInfo info
        cdef int count = 0
        for info in self.all():
            count += info.awaited()
        return count


@cython.final
cdef class Waiters:
    """The requests in flight on one connection; see the module's docstring."""

    def __cinit__(self, InFlight in_flight not None):
        self.in_flight = in_flight
        self.effects = {}
        self._grow()

    def __dealloc__(self):
        cdef int32_t i
        for i in range(self.capacity):
            if self.slots[i] != NULL:
                Py_DECREF(<object>self.slots[i])
        PyMem_Free(self.slots)
        PyMem_Free(self.free)

    cdef int64_t next_id(self) except -1:
        """The id that add() will take."""
        if self.free_count == 0:
            self._grow()
        if self.in_flight.serial >= MAX_SERIAL:
            self.in_flight.serial = 0
        return ((self.in_flight.serial + 1) << SLOT_BITS) | self.free[self.free_count - 1]

    cdef int add(self, RequestInfo info) except -1:
        """Take the slot of next_id(), which is `info.id`."""
        self.in_flight.serial += 1
        self.free_count -= 1
        self.slots[info.id & SLOT_MASK] = <void*>info
        Py_INCREF(info)
        self.count += 1
        if info.spec.trading:
            info.counted = True
            self.in_flight.trading += 1
        self.in_flight.weight += info.weight
        if info.spec.effect:
            self.effects[info.id] = info
        return 0

    cdef RequestInfo find(self, int64_t request_id):
        """The request with that id; None if it is not in flight."""
        cdef int64_t slot = request_id & SLOT_MASK
        cdef RequestInfo info
        if request_id > 0 and slot < self.capacity and self.slots[slot] != NULL:
            info = <RequestInfo>self.slots[slot]
            if info.id == request_id:
                return info
        return None

    cdef int release(self, RequestInfo info) except -1:
        """Free the slot of a request. Returns 0 if it is not in flight, for example because a callback ended it."""
        cdef int32_t slot = <int32_t>(info.id & SLOT_MASK)
        if info.connection != self.connection or self.slots[slot] != <void*>info:
            return 0
        self.slots[slot] = NULL
        self.free[self.free_count] = slot
        self.free_count += 1
        self.count -= 1
        self.uncount(info)
        self.in_flight.weight -= info.weight
        if info.spec.effect:
            del self.effects[info.id]
        Py_DECREF(info)
        return 1

    cdef int uncount(self, RequestInfo info) except -1:
        """Count a trading request no longer, since it ended or timed out. The owner keeps those of unknown outcome."""
        if info.counted:
            info.counted = False
            self.in_flight.trading -= 1
        return 0

    cdef bint was_used(self, int64_t request_id) noexcept:
        """Whether an id that is not in flight may have been in use before."""
        return 0 < request_id >> SLOT_BITS <= self.in_flight.serial and (request_id & SLOT_MASK) < self.capacity

    cdef list all(self):
        """The requests in flight."""
        cdef int32_t i
        return [<RequestInfo>self.slots[i] for i in range(self.capacity) if self.slots[i] != NULL]

    cdef RequestInfo oldest_trading(self):
        """The trading request that was written first, of those without a reply; None if there is none."""
        cdef int32_t i
        cdef RequestInfo info, oldest = None
        for i in range(self.capacity):
            if self.slots[i] != NULL:
                info = <RequestInfo>self.slots[i]
                if info.counted and info.sent and (oldest is None or info.written_at < oldest.written_at):
                    oldest = info
        return oldest

    cdef bint changing(self) except -1:
        """Whether a request of the caller's that changes the connection is unanswered; see Connection.changing."""
        cdef RequestInfo info
        for info in self.effects.values():
            if info.spec.effect != ACCOUNT and info.state == WAITING and not info.own:
                return True
        return False

    cdef bint logon_waits(self) except -1:
        """Whether a session.logon or a session.logout of the caller's is unanswered."""
        cdef RequestInfo info
        for info in self.effects.values():
            if info.spec.effect in (LOGON, LOGOUT) and info.state == WAITING and not info.own:
                return True
        return False

    cdef int _grow(self) except -1:
        cdef int32_t capacity = self.capacity * 2 if self.capacity else FIRST_SLOTS
        cdef int32_t i
        cdef void* data
        if self.capacity >= MAX_SLOTS:
            raise NotSent(f"not sent: {MAX_SLOTS} requests are in flight")
        data = PyMem_Realloc(self.slots, capacity * sizeof(void*))
        if data == NULL:
            raise MemoryError
        self.slots = <void**>data
        data = PyMem_Realloc(self.free, capacity * sizeof(int32_t))
        if data == NULL:
            raise MemoryError
        self.free = <int32_t*>data
        for i in range(capacity - 1, self.capacity - 1, -1):
            self.slots[i] = NULL
            self.free[self.free_count] = i
            self.free_count += 1
        self.capacity = capacity
        return 0
