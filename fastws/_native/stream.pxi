# A Stream: the events of one Subscription, and its callback or buffer. Included by streams.pyx.

cdef class EventTap:
    """Takes the events of Streams in their place; Merge implements it."""

    cdef int take(
        self, EventRouter router, Stream stream, object event, bint ends, int64_t seq, int64_t now
    ) except -1:
        """Take an event. ``ends``: it is eventStreamTerminated."""
        raise NotImplementedError

    cdef int take_error(self, Stream stream, object error, int64_t seq, int64_t now) except -1:
        """Take the error of an event that cannot be read."""
        raise NotImplementedError

    cdef bint take_late(self, object event) except -1:
        """Take an event that comes behind the end of its subscription; False if it is nobody's."""
        raise NotImplementedError

    cdef int take_end(self, Stream stream) except -1:
        """The Stream is about to end with its connection."""
        raise NotImplementedError


cdef class Stream:
    """The events of a Subscription; see the module's docstring.

    Args:
        owner, loop: a SessionOwner (owner.py), and its event loop.
        on_event: called with each event; None for a buffer.
        limit: how many events the buffer may hold.
        on_overflow: "error", "close", or called with (subscription, event).
    """

    def __cinit__(self, owner, loop, on_event=None, Py_ssize_t limit=65536, on_overflow="error", **of_subclass):
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
        cdef PyObject* made
        self.events += 1
        if self.on_event is not None:
            self.last = event
            self.seq = seq
            self.received_at = now
            made = PyObject_CallOneArg(self.on_event, event)
            if made == NULL:
                return _callback_raised(self)
            if PyCoro_CheckExact(<object>made):
                self._refuse_coroutine(<object>made)
            Py_DECREF(<object>made)
            return 0
        if self.size >= self._room and not self._make_room(event):
            return 0
        self.last = event
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
        if PyExceptionInstance_Check(event):
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

    def put_gap(self, error not None, int64_t now):
        """Put an EventGap behind the buffered events, even into a full buffer. A callback has no buffer: on_gap tells.

        ``now``: when the subscription came back, monotonic ns.
        """
        if self.on_event is not None or self._unclaimed:
            return
        if self._unreported:
            overflow, self._unreported = self._overflow(self._unreported), 0
            self._grow()
            self._keep(overflow, self.seq, now)
        self._grow()
        self._keep(error, self.seq, now)
        self._room = min(self._capacity, self.limit)

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
        raise self._overflow(lost)

    def _overflow(self, int64_t lost):
        return EventOverflow(f"{lost} events found the buffer full ({self.limit} events) and are lost", lost)

    cdef bint _make_room(self, object event) except -1:
        """Make room for one more event; False if there is none: then the loss is counted, and reported once."""
        if self._unclaimed:
            self.last = event
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
            self._owner.overflowed(self, self._on_overflow == "close")
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
        """All buffered events up to the next EventGap, as a list.

        It raises EventGap if that comes next. take() raises for lost events, events that cannot be read, and the end.
        """
        cdef list events = []
        cdef list errors = []
        cdef BufferedEvent* item
        cdef int64_t overflowed = self._overflowed
        cdef bint gap = False
        self._overflowed = 0
        while self.size:
            self._streak = 0
            item = &self._ring[self._first]
            if isinstance(<object>item.event, EventGap):
                gap = True
                break
            seq, now = item.seq, item.received_at
            try:
                events.append(self.take())
            except EventOverflow as exc:
                overflowed += exc.lost
            except DecodeError as exc:
                errors.append((exc, seq, now))
        if gap:
            told = None if events else self._take_gap()
            for exc, seq, now in reversed(errors):
                self._put_back(exc, seq, now)
            self._overflowed = overflowed       # take() reports it, in front of what is left
            if told is not None:
                raise told
            return events
        for exc, seq, now in errors:
            self._keep(exc, seq, now)
        self._overflowed = overflowed + self._unreported    # take() reports it, in front of the events to come
        if self._unreported:
            self._unreported = 0
            self._room = min(self._capacity, self.limit)
        return events

    def _take_gap(self):
        """The EventGap that is next in the buffer."""
        try:
            self.take()
        except EventGap as exc:
            return exc.with_traceback(None)

    def _put_back(self, event, int64_t seq, int64_t now):
        """Put an event that was taken in front of the buffered ones; the ring has the room that it left."""
        cdef BufferedEvent* item
        self._first = (self._first - 1) & (self._capacity - 1)
        item = &self._ring[self._first]
        Py_INCREF(event)
        item.event = <PyObject*>event
        item.seq = seq
        item.received_at = now
        self.size += 1

    @property
    def whole(self):
        """Whether no event is missing among the buffered ones: none of them stands for a gap, an overflow, an error."""
        cdef Py_ssize_t i
        if self._unreported or self._overflowed:
            return False
        for i in range(self.size):
            if PyExceptionInstance_Check(<object>self._ring[(self._first + i) & (self._capacity - 1)].event):
                return False
        return True

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

    @property
    def connection(self):
        """The number of the connection that its events come on; -1 while there is none."""
        return self._router.number if self.active else -1

    def shadow(self):
        """A Stream of the same account whose events nobody gets, except for a Merge."""
        cdef Stream shadow = Stream(self._owner, self._loop, _ignore)
        shadow.account = self.account
        return shadow

    def adopt(self, RequestInfo info not None):
        """Let the reply to this subscribe attach this detached Stream, and make no new one."""
        info.subject = self

    def end(self, reason, error=None):
        """End this Stream: its consumer gets the buffered events first, then ``error``, or the end without one."""
        if self.active:
            self._router._end(self, reason, error)
        elif not self.ended:
            self._finish(reason, error)

    cdef int _finish(self, object reason, object error) except -1:
        self.ended = True
        self.reason = reason
        self.error = error
        self.last = None
        self._leave_detached()
        self._owner.stream_ended(self)
        self._wake()
        if self._done is not None and not self._done.done():
            self._done.set_result(reason)
        return 0

    def _leave_detached(self):
        detached, self._detached = self._detached, None
        if detached is not None:
            detached.remove(self)

    def subscription(self):
        """The Subscription; None if it was dropped."""
        return None if self._subscription is None else self._subscription()

    def _refuse_coroutine(self, coroutine):
        coroutine.close()
        self._owner.report(
            "on_event did nothing",
            TypeError("on_event must be a plain function: it is called, nobody would await its coroutine"),
        )


cdef int _raised() except -1:
    """Raise the exception that is set."""
    return -1


cdef int _callback_raised(Stream stream) except -1:
    """A callback has set an exception, which is reported: the next event must be delivered too.

    It is caught here, and not where the callback is called: a try costs time even where nothing is raised.
    """
    try:
        _raised()
    except BaseException as exc:
        stream._owner.report("on_event raised an exception", exc)
    return 0
