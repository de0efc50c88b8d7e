# A Stream: the events of one Subscription, and its callback or buffer. Included by streams.pyx.

@cython.final
cdef class Stream:
    """The events of a Subscription; see the module's docstring.

    Args:
        owner, loop: a SessionOwner (owner.py), and its event loop.
        on_event: called with each event; None for a buffer.
        limit: how many events the buffer may hold.
        on_overflow: "error", "close", or called with (subscription, event).
    """

    def __cinit__(self, owner, loop, on_event=None, Py_ssize_t limit=65536, on_overflow="error"):
        self._owner = owner
        self._loop = loop
        self.on_event = on_event
        self.limit = limit
        self._on_overflow = on_overflow
        self.id = -1

    def __dealloc__(self):
        cdef Py_ssize_t i
        for i in range(self.size):
            Py_DECREF(<object>self._ring[(self._first + i) & (self._capacity - 1)].event)
        PyMem_Free(self._ring)

    # --------------------------------------------------------------------------------------------- hot

    cdef int put(self, object event, int64_t seq, int64_t now) except -1:
        self.events += 1
        if self.on_event is not None:
            self.seq = seq
            self.received_at = now
            try:
                made = PyObject_CallOneArg(self.on_event, event)
            except BaseException as exc:    # caught: the next event must be delivered too
                self._owner.report("on_event raised an exception", exc)
                return 0
            if made is not None and PyCoro_CheckExact(made):
                self._refuse_coroutine(made)
            return 0
        if self.size >= self._room and not self._make_room(event):
            return 0
        return self._keep(event, seq, now)

    cdef int _keep(self, object event, int64_t seq, int64_t now) except -1:
        """Put an event, or an exception, into the ring, which has room for it."""
        cdef BufferedEvent* item
        item = &self._ring[(self._first + self.size) & (self._capacity - 1)]
        Py_INCREF(event)
        item.event = <PyObject*>event
        item.seq = seq
        item.received_at = now
        self.size += 1
        if self._waiter is not None:
            self._wake()
        return 0

    def take(self):
        """The next event; None if wait() must be called first.

        Raises EventOverflow or DecodeError in the place of events that were lost or cannot be read, and at the end the
        error of the Stream, or StopAsyncIteration.
        """
        cdef BufferedEvent* item
        if self._overflowed:
            self._raise_overflow()
        if self.size == 0:
            return self._empty()
        if self._streak >= MAX_STREAK:
            return None
        self._streak += 1
        item = &self._ring[self._first]
        event = <object>item.event
        self.seq = item.seq
        self.received_at = item.received_at
        self._first = (self._first + 1) & (self._capacity - 1)
        self.size -= 1
        Py_DECREF(event)
        if not PyDict_CheckExact(event):
            raise event
        return event

    # -------------------------------------------------------------------------------------------- cold

    cdef int put_error(self, object error, int64_t seq, int64_t now) except -1:
        """An event cannot be read: put a DecodeError in its place, or report it where there is no buffer."""
        self.events += 1
        if self.on_event is not None or self._unclaimed:
            self._owner.report(f"an event of subscription {self.id} cannot be read", error)
            return 0
        unreadable = DecodeError(f"an event that cannot be read: {error}")
        unreadable.__cause__ = error
        if self.size >= self._room and not self._make_room(None):
            return 0
        return self._keep(unreadable, seq, now)

    cdef object _empty(self):
        if self._unreported:
            self._overflowed = self._unreported
            self._unreported = 0
            self._room = min(self._capacity, self.limit)
            self._raise_overflow()
        if not self.ended:
            return None
        if self.error is not None:
            raise self.error.with_traceback(None)
        raise StopAsyncIteration

    cdef int _raise_overflow(self) except -1:
        cdef int64_t lost = self._overflowed
        self._overflowed = 0
        raise EventOverflow(f"{lost} events found the buffer full ({self.limit} events) and are lost", lost)

    cdef bint _make_room(self, object event) except -1:
        """Make room for one more event; False if there is none: then the loss is counted, and reported once."""
        if self._unclaimed:
            self._owner.event(event, self.id)
            return False
        if self.size < self.limit and self._unreported == 0:
            self._grow()
            return True
        if event is not None and callable(self._on_overflow):
            self._owner.call("on_overflow", self._on_overflow, self.subscription(), event)
            if self.size < self.limit:      # the callback took events from the buffer
                return True
        elif self._unreported == 0:
            self._unreported = 1
            self._room = 0                  # EventOverflow comes once, behind the buffered events
            self._owner.overflowed(self.id, self.limit, self._on_overflow == "close")
        else:
            self._unreported += 1
        self.lost += 1
        if self._router is not None:        # the callback may have ended the connection
            self._router.lost += 1
        return False

    cdef int _grow(self) except -1:
        """Double the capacity of the ring; the order of its events stays."""
        cdef Py_ssize_t capacity = self._capacity
        cdef Py_ssize_t i
        cdef BufferedEvent* ring
        if self.size == capacity:
            ring = <BufferedEvent*>PyMem_Malloc(max(FIRST_ROOM, 2 * capacity) * sizeof(BufferedEvent))
            if ring == NULL:
                raise MemoryError
            for i in range(self.size):
                ring[i] = self._ring[(self._first + i) & (capacity - 1)]
            PyMem_Free(self._ring)
            self._ring = ring
            self._capacity = max(FIRST_ROOM, 2 * capacity)
            self._first = 0
        self._room = min(self._capacity, self.limit)
        return 0

    def take_all(self):
        """All buffered events, as a list.

        It raises nothing: take() raises for lost events, events that cannot be read, and the end.
        """
        cdef list events = []
        cdef list errors = []
        cdef BufferedEvent* item
        cdef int64_t overflowed = self._overflowed
        self._overflowed = 0
        while self.size:
            self._streak = 0
            item = &self._ring[self._first]
            seq, now = item.seq, item.received_at
            try:
                events.append(self.take())
            except DecodeError as exc:
                errors.append((exc, seq, now))
        for exc, seq, now in errors:
            self._keep(exc, seq, now)
        self._overflowed = overflowed + self._unreported    # take() reports it, in front of the events to come
        if self._unreported:
            self._unreported = 0
            self._room = min(self._capacity, self.limit)
        return events

    def wait(self):
        """A future that is done when there is something to take, at the earliest in the event loop's next turn."""
        if self._waiter is not None and not self._waiter.done():
            raise RuntimeError("another task waits for the events of this subscription: they go to one consumer")
        if self._loop_guard is not None and not is_own_loop(self._loop_guard):
            self._loop_guard.check("a subscription")
        self._streak = 0
        self._waiter = self._loop.create_future()
        if self.size or self._unreported or self._overflowed or self.ended:
            self._loop.call_soon(self._wake)
        return self._waiter

    def _wake(self):
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    def closed(self):
        """A future of the reason why this Stream ended."""
        if self._loop_guard is not None:
            self._loop_guard.check("wait_closed", "asyncio.run_coroutine_threadsafe")
        if self._done is None:
            self._done = self._loop.create_future()
            if self.ended:
                self._done.set_result(self.reason)
        return self._done

    def subscription(self):
        """The Subscription; None if it was dropped."""
        return None if self._subscription is None else self._subscription()

    def _refuse_coroutine(self, coroutine):
        coroutine.close()
        self._owner.report(
            "on_event did nothing",
            TypeError("on_event must be a plain function: it is called, nobody would await its coroutine"),
        )
