# The events of a subscription to market data: every event in its order, or the newest of each stream. Included by
# market_router.pyx.

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
            self._newest = {}

    cdef int deliver(self, object event, int64_t index, int64_t connection, int64_t now) except -1:
        if self.ended:
            return 0
        if self.conflate:
            return self._replace(event, index << 32 | connection, now)
        return self.put(event, index << 32 | connection, now)

    cdef int _replace(self, object event, int64_t seq, int64_t now) except -1:
        """Put an event into the place of the one of its stream that was not taken yet."""
        cdef int64_t index = seq >> 32
        if self.on_event is not None:
            return self.put(event, seq, now)
        self.events += 1
        if index in self._newest:
            self.skipped += 1
        self._newest[index] = (event, seq, now)
        if self._waiter is not None:
            self._wake()
        return 0

    def take(self):
        """The next event; see Stream.take(). Of a conflating one, the newest event of the stream that waits longest."""
        if self.conflate and self._newest and self.size == 0:
            if self._streak >= 128:
                return None
            self._streak += 1
            event, self.seq, self.received_at = self._newest.pop(next(iter(self._newest)))
            return event
        return Stream.take(self)

    def take_all(self):
        """All events that wait; see Stream.take_all()."""
        if not self.conflate or self.size:
            return Stream.take_all(self)
        newest, self._newest = self._newest, {}
        if newest:
            *_, (_, self.seq, self.received_at) = newest.values()
        return [event for event, _, _ in newest.values()]

    def wait(self):
        """See Stream.wait()."""
        waiter = Stream.wait(self)
        if self._newest:
            self._loop.call_soon(self._wake)
        return waiter

    @property
    def waiting(self):
        """How many events wait to be taken."""
        return self.size + (len(self._newest) if self.conflate else 0)

    @property
    def stream(self):
        """The name of the stream of the event that was taken, or given to on_event, last; None before the first."""
        cdef int64_t index = self.seq >> 32
        if not self.seq or self._market is None:
            return None
        stream = self._market.streams[index]
        return None if stream is None else stream.name

    @property
    def connection(self):
        """The number of the connection that brought that event; -1 before the first."""
        return (self.seq & 0xFFFFFFFF) or -1
