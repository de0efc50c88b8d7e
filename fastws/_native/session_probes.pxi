# Looks after the connections of a session: sends pings on those on which nothing is read, ends those that do not
# answer, and asks whether the frame log is on. Included by _core.pyx.

cdef:
    int64_t LOOK_EVERY = SECOND             # at the latest, it looks again after this time
    int64_t LOOK_AFTER = SECOND // 200      # ... and where nothing is due, not before this time
    int64_t BLOCKED = SECOND // 20          # so late, the event loop was blocked, and what came could not be read


cdef class SessionProbes(SessionWrites):
    """Finds out which connections are dead. Nothing of it runs when a request is sent or a message is read.

    It looks at each connection once in LOOK_EVERY, or in ``stall_after`` if that is shorter, and when something is due.
    """

    def set_probes(self, double interval, double timeout, stall_after):
        """Set after how many seconds a ping is sent, and within how many it is to be answered; see connect()."""
        self._probe_interval = <int64_t>(interval * SECOND)
        self._probe_timeout = <int64_t>(timeout * SECOND)
        self._stall_after = 0 if stall_after is None else max(1, <int64_t>(<double>stall_after * SECOND))

    def probe(self, double within):
        """Send a ping on each connection; one that does not answer within so many seconds is lost."""
        cdef Connection connection
        for connection in self.connections:
            if connection.state == OPEN:
                self._ping(connection, monotonic_ns(), <int64_t>(within * SECOND), "")
        if self.connections:
            self._look()

    def _look(self):
        """Look at each connection, and set the timer for the next time."""
        cdef Connection connection
        cdef int64_t now = monotonic_ns()
        cdef int64_t blocked = 0 if self._look_timer is None else now - self._look_at
        cdef int64_t next_at = now + LOOK_EVERY
        if self._stall_after:
            next_at = now + min(LOOK_EVERY, max(LOOK_AFTER, self._stall_after))
        for connection in self.connections:
            connection.update_frame_log()
            if connection.state == OPEN:
                if connection.probe_due and blocked > BLOCKED:
                    connection.probe_due += blocked
                next_at = min(next_at, self._check(connection, now))
        self._stop_looking()
        if self.connections:
            self._look_at = next_at
            self._look_timer = self.loop.call_later(max(0, next_at - monotonic_ns()) / 1e9, self._look)

    cdef int _stop_looking(self) except -1:
        if self._look_timer is not None:
            self._look_timer.cancel()
            self._look_timer = None
        return 0

    cdef int64_t _check(self, Connection connection, int64_t now) except? -1:
        """Send a ping if one is due, and end the connection if an answer is overdue. Returns when to look again."""
        cdef RequestInfo oldest = None
        cdef int64_t stalled_at = INT64_MAX
        if connection.probe_due and now >= connection.probe_due and not self._is_busy(connection, now):
            connection.abort()
            connection.finish(f"the connection was given up: {connection.probe_reason}")
            return INT64_MAX
        if self._stall_after and self.in_flight.trading:
            oldest = connection.waiters.oldest_trading()
        if oldest is not None:
            stalled_at = max(oldest.written_at, connection.read_at) + self._stall_after
            if now >= stalled_at:
                stalled_at = INT64_MAX
                if not connection.probe_due or connection.probe_due > now + self._stall_after:
                    self._ping(connection, now, self._stall_after, f"{oldest.spec.name} got no reply, and ")
        if not connection.probe_due and now >= connection.read_at + self._probe_interval:
            why = f"nothing came for {self._probe_interval / 1e9:.3g} s, and "
            self._ping(connection, now, self._probe_timeout, why)
        if connection.state != OPEN:
            return INT64_MAX    # writing failed
        return min(stalled_at, connection.probe_due or connection.read_at + self._probe_interval)

    cdef int _ping(self, Connection connection, int64_t now, int64_t within, str why) except -1:
        cdef int64_t due = now + within
        if not connection.probe_due or due < connection.probe_due:
            connection.probe_due = due
            connection.probe_within = within
            connection.probe_reason = f"{why}a ping got no pong within {within / 1e9:.3g} s"
        connection.probed_at = now
        connection.probe_waiting = connection.output_waiting()
        connection.ping()
        return 0

    cdef bint _is_busy(self, Connection connection, int64_t now) except -1:
        """Whether an overdue answer may yet come: it, or the ping, waits behind bytes that are still passing."""
        cdef Py_ssize_t waiting = connection.output_waiting()
        cdef int64_t passed_at = 0
        if 0 < waiting < connection.probe_waiting:
            passed_at = now
        elif connection.read_at < connection.probed_at:     # a long message may be on its way
            since = seconds_since_data(connection.transport.underlying_transport)
            if since is not None:
                passed_at = now - <int64_t>(<double>since * SECOND)
        if passed_at <= connection.probed_at or now >= passed_at + connection.probe_within:
            return False
        connection.probe_waiting = waiting
        connection.probe_due = passed_at + connection.probe_within
        return True
