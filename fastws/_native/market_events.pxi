# The events of a subscription to market data: every event in its order, or the newest of each stream. Included by
# market_router.pyx.

@cython.final
cdef class NewestEvent:
    """A stream's newest event, for a subscription that conflates.

    Its bytes are kept, and decoded when the consumer takes it: so an event that is skipped costs a copy.
    """

    def __cinit__(self, MarketEvents events not None, MarketStream stream not None):
        self.events = events
        self.stream = stream

    def __dealloc__(self):
        PyMem_Free(self.data)

    cdef int keep(
        self, MarketConnection connection, const char* data, Py_ssize_t size, Py_ssize_t place, bint binary, int64_t now
    ) except -1:
        """Put an event into the place of the one before it, even if that was not taken."""
        cdef char* room
        if self.events.ended:
            return 0
        if size > self.capacity:
            room = <char*>PyMem_Realloc(self.data, 2 * size + PADDING)
            if room == NULL:
                raise MemoryError
            self.data = room
            self.capacity = 2 * size
        memcpy(self.data, data, size)
        memset(self.data + size, 0, PADDING)
        self.connection = connection
        self.size = size
        self.place = place
        self.binary = binary
        self.received_at = now
        self.events.events += 1
        if self.waits:
            self.events.skipped += 1
            return 0
        self.waits = True
        self.events._waiting.append(self)
        if self.events._waiter is not None:
            self.events._wake()
        return 0


cdef class MarketEvents(Stream):
    """The events of a subscription, of one stream or several; see streams.pyx.

    Args:
        owner, loop: gets reports; its event loop.
        on_event: called with each event; None for a buffer.
        limit: how many events the buffer may hold.
        conflate: keep the newest event of each stream only.
    """

    def __cinit__(
        self, owner, loop, on_event=None, Py_ssize_t limit=65536, on_overflow="error", bint conflate=False,
        MarketRouter router=None,
    ):
        self._market = router
        self.conflate = conflate
        if conflate:
            self._waiting = []

    def take(self):
        """The next event; see Stream.take(). Of a conflating one, the newest event of the stream that waits longest."""
        if not self.conflate or self.size or not self._waiting:
            return Stream.take(self)
        if self._streak >= MAX_STREAK:
            return None
        self._streak += 1
        return self._decode(self._waiting.pop(0))

    def take_all(self):
        """All events that wait; see Stream.take_all()."""
        if not self.conflate or self.size:
            return Stream.take_all(self)
        waiting, self._waiting = self._waiting, []
        events = []
        for newest in waiting:
            try:
                events.append(self._decode(newest))
            except DecodeError as exc:
                self._grow()
                self._keep(exc, self.seq, self.received_at)
        return events

    cdef object _decode(self, NewestEvent newest):
        """The event that is kept, which the consumer takes now."""
        newest.waits = False
        self.seq = newest.stream.index << 32 | newest.connection.number
        self.received_at = newest.received_at
        try:
            self.last = newest.stream.router.read_late(newest)
        except DecodeError as exc:
            newest.connection.unreadable += 1
            self._owner.warn("unreadable-event", f"an event of {newest.stream.name} cannot be read: {exc}")
            raise DecodeError(f"an event that cannot be read: {exc}") from exc
        return self.last

    def wait(self):
        """See Stream.wait()."""
        waiter = Stream.wait(self)
        if self._waiting:
            self._loop.call_soon(self._wake)
        return waiter

    @property
    def waiting(self):
        """How many events wait to be taken."""
        return self.size + (len(self._waiting) if self.conflate else 0)

    @property
    def stream(self):
        """The name of the stream of the event that was taken, or given to on_event, last; None before the first."""
        cdef int64_t index = self.seq >> 32
        if not self.seq or self._market is None:
            return None
        return self._market._names[index]

    @property
    def connection(self):
        """The number of the connection that brought that event; -1 before the first."""
        return (self.seq & 0xFFFFFFFF) or -1
