# The connections of a session: their opening and end, the timeouts of the requests in flight, and the futures of
# drain() and settled(). Included by _core.pyx.

cdef int64_t LATE_FOR = 60 * SECOND     # how long a request that timed out is kept, to recognise a late reply
_OWN_COUNTERS = (
    "requests", "replies", "writes", "messages", "events", "pings", "stale", "unknown", "orphans", "unreadable",
)
_NOTED = ("connects", "attempts", "losses", "rotations")
_COUNTERS = (*_OWN_COUNTERS, "lost_events", "unknown_events", *_NOTED)


cdef class SessionConnections(SessionProbes):
    """The connections of a session, and the requests in flight on them; Session sends the requests."""

    # ----------------------------------------------------------------------------------------- cold: timeouts

    def _arm(self, int64_t deadline):
        """Set the timer of the session: it fires at the first deadline, and then checks all requests in flight."""
        if self._timer is not None:
            self._timer.cancel()
        self._armed = deadline
        self._timer = self.loop.call_later(max(0, deadline - monotonic_ns()) / 1e9, self._sweep)

    def _disarm(self):
        if self._timer is not None:
            self._timer.cancel()
        self._stop_looking()
        self._timer = None
        self._armed = INT64_MAX

    def _sweep(self):
        cdef Connection connection
        cdef RequestInfo info
        cdef int64_t now = monotonic_ns()
        cdef int64_t first = INT64_MAX
        cdef list infos, unknown
        self._timer = None
        self._armed = INT64_MAX
        for connection in self.connections:
            infos = connection.waiters.all()
            unknown = [
                info for info in infos
                if info.deadline <= now and info.state == WAITING and info.sent and info.spec.trading
            ]
            if unknown:
                self.owner.left_open(unknown)
            for info in infos:
                if info.deadline <= now:
                    if info.state == LATE and info.sent:
                        connection.release(info)
                        continue
                    if info.state == WAITING:
                        self._time_out(connection, info, now)
                    connection.waiters.uncount(info)
                    info.state = LATE       # the slot stays taken, so that a late reply is recognised
                    info.deadline = now + LATE_FOR
                first = min(first, info.deadline)
            connection.router.release_held()
        if self.ends_watched:
            self.request_ended()
        if first < self._armed and self.connections:
            self._arm(first)

    def _time_out(self, Connection connection, RequestInfo info, int64_t now):
        cdef double waited = (now - info.queued_at) / 1e9
        if not info.sent and not info.awaited():
            return      # its waiter gave up before it was written: it will not be
        if info.sent:
            error = RequestTimeout(f"no reply to {info.spec.name} within {waited:.3g} s")
            if info.spec.trading:
                error = unanswered(info, error, self.owner.sender)
            else:
                error.info = info
        else:
            error = self.owner.failure(info, NotSent(f"{info.spec.name} was not sent within {waited:.3g} s"), False)
        connection.deliver(info, None, error)

    # -------------------------------------------------------------------------------------- cold: connections

    def bind(self, loop):
        """Bind the session to this event loop, and to the running thread and process."""
        self.loop = loop
        self.loop_guard = LoopGuard(loop)
        self._create_future = loop.create_future
        self._call_soon = loop.call_soon

    def new_connection(self, ResponseReader responses=None):
        """Make a connection of this session, which is to be opened by the caller.

        ``responses`` reads the messages of a connection in SBE; None is for JSON. Requests go to the connection as soon
        as ``route`` is set to it.
        """
        return Connection(
            self, max_message=self._max_message, max_output=self._max_output, responses=responses
        )

    cdef int connection_opened(self, Connection connection) except -1:
        self._numbered += 1
        connection.number = connection.waiters.connection = self._numbered
        self.connections = [*self.connections, connection]
        self._counted.append(connection)
        self.in_flight.tables = [*self.in_flight.tables, connection.waiters]
        if self._look_timer is None:
            self._look()
        return 0

    cdef int connection_lost(self, Connection connection) except -1:
        self.connections = [other for other in self.connections if other is not connection]
        if self.route is connection:
            self.route = None
            self.down_reason = connection.close_reason
        try:
            self.owner.lost(connection, connection.close_reason)
        except BaseException as exc:    # caught: the requests must end
            self.owner.report("the end of a connection could not be handled", exc)
        return 0

    cdef int connection_ended(self, Connection connection) except -1:
        self.in_flight.tables = [table for table in self.in_flight.tables if table is not connection.waiters]
        if not self.connections:
            self._disarm()
            for waiting in (self._drained, self._settled):
                if waiting is not None and not waiting.done():
                    waiting.set_result(None)
            self._settled = None
        self.owner.evidence(self.evidence.take())
        self._counted.remove(connection)
        for name, count in _counters(connection).items():
            self._ended[name] += count
        if self.keep_streams and self.refusal is None:
            connection.router.detach_all(self.detached)
        else:
            connection.router.finish(connection.close_reason, self.refusal is not None)
        return 0

    def note(self, str name not None):
        """Count what befalls the client: one of "connects", "attempts", "losses", "rotations"."""
        self._ended[name] += 1

    def latency(self, *kinds):
        """Latencies.summary() of these kinds: Roles of methods, or EVENT."""
        return self.latencies.summary(*kinds)

    def counters(self):
        """The sums of the counters of all connections, those that ended included, by name."""
        sums = dict(self._ended)
        for connection in self._counted:
            for name, count in _counters(connection).items():
                sums[name] += count
        return sums

    def flush(self):
        """Write the corked requests now."""
        if self.route is None:
            self.refuse_down()
        self.loop_guard.check("flush")
        if self.batching:
            self.check_batch(self.route)
        if not self.batching:
            self.flush_all()

    def drain(self):
        """Refuse new requests, write the corked ones, and return a future that ends with the last awaited reply.

        Returns None if no reply is awaited.
        """
        cdef RequestInfo info
        self.flush_all()
        self.refusal = "the client is closing"
        if self.in_flight.awaited() == 0:
            return None
        if self._drained is None:
            self._drained = PyObject_CallNoArgs(self._create_future)
            self._awaited = [info for info in self.in_flight.all() if info.awaited()]
            self.ends_watched = True
            for info in self._awaited:
                if not info.is_callback:
                    info.target.add_done_callback(self._on_request_end)     # called for a cancelled future as well
        return self._drained

    cdef int request_ended(self) except -1:
        """Schedule _check_drained(), once in a turn of the event loop."""
        if not self._check_due:
            self._check_due = True
            self._call_soon(self._check_drained)
        return 0

    def _check_drained(self):
        """End the futures of drain() and settled() if nothing is left to wait for.

        Each keeps a list of the requests that it waits for, and takes the last one off when that has ended. So all
        checks together go through the list once, however many requests there are.
        """
        cdef RequestInfo info
        self._check_due = False
        if self._drained is not None and not self._drained.done():
            while self._awaited:
                info = self._awaited[len(self._awaited) - 1]
                if info.awaited():
                    break
                self._awaited.pop()
            else:
                self._drained.set_result(None)
        if self._settled is not None and not self._unsettled():
            settled = self._settled
            self._settled = None
            self.update_watch()
            if not settled.done():
                settled.set_result(None)

    cdef int update_watch(self) except -1:
        """Set `ends_watched` to whether anything waits for requests to end."""
        self.ends_watched = self._drained is not None or self._settled is not None
        return 0

    cdef bint _unsettled(self) except -1:
        """Whether placements() is not empty, in time that is in proportion to what has ended since the last call."""
        cdef RequestInfo info
        while True:
            while self._settling:
                info = self._settling[len(self._settling) - 1]
                if info.state == WAITING:
                    return True
                self._settling.pop()
            self._settling = self.placements()
            if not self._settling:
                return False

    # ------------------------------------------------------------------------------------------ cold: halting

    def placements(self):
        """The requests in flight that place or amend orders and have not timed out."""
        cdef RequestInfo info
        return [
            info for info in self.in_flight.all()
            if info.spec.role in (CREATE, CHANGE) and info.sent and info.state == WAITING
        ]

    def trading_in_flight(self):
        """The requests in flight that may change orders, including those that timed out."""
        cdef RequestInfo info
        return [info for info in self.in_flight.all() if info.spec.trading and info.sent]

    def want_evidence(self, wanted, added, bint keeps_all):
        """What is evidence from now on, beside what concerns the requests in flight.

        ``wanted``: a dict whose keys are the names and ids of orders of unknown outcome; None if there are none.
        ``added``: those of its keys that are new.
        ``keeps_all``: more of these will be added soon, so what concerns none yet is kept.
        """
        self.evidence.want(wanted, added)
        self.evidence.keeps_all = keeps_all

    @property
    def is_trading(self):
        """Whether requests are in flight that may change orders, and did not time out."""
        return self.in_flight.trading != 0

    def take_named(self):
        """The results of requests whose client order ids the caller chose: see EvidenceRing.take_named()."""
        return self.evidence.take_named()

    def take_evidence(self):
        """The evidence kept so far: see EvidenceRing.take()."""
        return self.evidence.take()

    def settled(self):
        """A future that ends when placements() is empty, or when the last connection is lost."""
        if self._settled is None:
            self._settled = PyObject_CallNoArgs(self._create_future)
            self._settling = []
            self.ends_watched = True
            self.request_ended()
        return self._settled

    # ------------------------------------------------------------------------------------------------ state

    @property
    def is_open(self):
        """Whether requests can be sent."""
        return self.route is not None and self.route.can_send() and self.refusal is None and not self.loop_guard.forked

    @property
    def close_reason(self):
        """Why requests cannot be sent; None while they can be."""
        return self.down_reason if self.route is None else self.route.close_reason

    @property
    def in_flight_count(self):
        """Requests without a reply, of all connections."""
        return self.in_flight.count()


def _counters(Connection connection):
    """The counters of one connection, by name."""
    counts = {name: getattr(connection, name) for name in _OWN_COUNTERS}
    counts["lost_events"] = connection.router.lost
    counts["unknown_events"] = connection.router.unknown
    return counts
