# A stream of the exchange: its consumers, and the diffs that came too early. Included by market_router.pyx.

@cython.final
cdef class MarketStream:
    """A stream of the exchange: what was delivered of it, and its consumers. MarketRouter.stream() makes it."""

    def __cinit__(self, MarketRouter router not None, str name not None, int kind, str symbol not None):
        self.router = router
        self.name = name
        self.kind = kind
        self.symbol = symbol
        self.events_to = ()
        self.newest_to = ()
        self.sinks = ()
        self.last_id = -1

    def add(self, consumer not None, int tag=0):
        """Deliver the events from now on to a consumer, too: MarketEvents, or a MarketSink, which gets ``tag``."""
        if isinstance(consumer, MarketEvents):
            if consumer in self._subscribers():
                return
            if consumer.conflate and consumer.on_event is None:
                self.newest_to = (*self.newest_to, NewestEvent(consumer, self))
            else:
                self.events_to = (*self.events_to, consumer)
        elif isinstance(consumer, MarketSink):
            self.sinks = (*self.sinks, (consumer, tag))
        else:
            raise TypeError(f"expected MarketEvents or a MarketSink, got {shown(consumer)}")

    def remove(self, consumer not None):
        """Deliver no more events to this consumer."""
        self.events_to = tuple([other for other in self.events_to if other is not consumer])
        self.newest_to = tuple([
            newest for newest in self.newest_to if (<NewestEvent>newest).events is not consumer
        ])
        self.sinks = tuple([(other, tag) for other, tag in self.sinks if other is not consumer])

    @property
    def consumers(self):
        """How many consumers it has."""
        return len(self.events_to) + len(self.newest_to) + len(self.sinks)

    def _subscribers(self):
        return [*self.events_to, *[(<NewestEvent>newest).events for newest in self.newest_to]]

    def gap(self, error, int64_t now):
        """Events may have been missed: put this EventGap into each subscription, unless it is None; tell the sinks."""
        cdef MarketEvents events
        self.drop_held()
        for events in self._subscribers() if error is not None else ():
            events.put_gap(error, now)
        self.tell_sinks(now)

    cdef int tell_sinks(self, int64_t now) except -1:
        cdef MarketSink sink
        for sink, tag in self.sinks:
            try:
                sink.on_gap(tag, now)
            except BaseException as exc:
                self.router.owner.report(f"a consumer of {self.name} raised an exception", exc)
        return 0

    # ---------------------------------------------------------------------------------- diffs that came too early

    cdef int hold(self, int64_t first_id, bytes message, MarketConnection connection, int64_t now) except -1:
        """Keep a diff until the earlier ones have come on another connection, or WAIT is over."""
        if self.held is None:
            self.held = []
        self.held.append((first_id, len(self.held), message, connection, now))
        if len(self.held) >= MAX_HELD:
            return self.release()
        if self.timer is None:
            self.timer = connection.loop.call_later(WAIT / 1e9, self._time_over)
        return 0

    def _time_over(self):
        self.timer = None
        self.release()

    cdef int release(self) except -1:
        """Deliver what is held, in the order of its ids, though something is missing in front of it."""
        held, self.held = self.held, None
        self._stop_timer()
        if held:
            held.sort(key=_place)
            for _, _, message, connection, now in held:
                self.router.read_again(connection, message, now)
        return 0

    cdef int fill(self) except -1:
        """A diff was delivered: deliver those held ones that follow it without a gap."""
        if self.held is None:
            return 0
        self.held.sort(key=_place)
        while self.held and self.held[0][0] <= self.last_id + 1:
            _, _, message, connection, now = self.held.pop(0)
            self.router.read_again(connection, message, now)
            if self.held is None:
                return 0
        if not self.held:
            self.drop_held()
        return 0

    cdef int drop_held(self) except -1:
        self.held = None
        self._stop_timer()
        return 0

    cdef int _stop_timer(self) except -1:
        timer, self.timer = self.timer, None
        if timer is not None:
            timer.cancel()
        return 0


def _place(held):
    return held[:2]
