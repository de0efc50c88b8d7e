# One connection of market data. Included by market_router.pyx.

@cython.final
cdef class MarketConnection(FrameListener):
    """One connection of a market data session.

    Args:
        router: gets its messages.
        owner: hears of its opening and its end; see MarketRouter.
        max_message: bytes of the longest message that is accepted.
        max_output: bytes that may wait for the exchange to read them.
    """

    def __cinit__(
        self, MarketRouter router not None, owner, loop, *, Py_ssize_t max_message=64 << 20,
        Py_ssize_t max_output=4 << 20,
    ):
        self.router = router
        self.owner = owner
        self.loop = loop
        self.max_message = max_message
        self.max_output = max_output
        self.names = set()
        if router.sbe:
            self.message_type = WSMsgType.BINARY

    cdef int on_message(self, const char* data, Py_ssize_t size, bint binary) except -1:
        cdef int64_t now = monotonic_ns()
        self.read_at = now
        self.messages += 1
        return self.router.receive(self, data, size, binary, now)

    cpdef on_ws_connected(self, WSTransport transport):
        FrameListener.on_ws_connected(self, transport)
        if self.state == OPEN:
            self.owner.opened(self)

    cdef int on_finish(self) except -1:
        for name in list(self.names):
            self.forgets(name)
        try:
            self.owner.lost(self, self.close_reason)
        except BaseException as exc:
            self.owner.report("the end of a connection could not be handled", exc)
        return 0

    def opened(self, int number):
        """Give the connection its number, from 1."""
        self.number = number

    @property
    def can_send(self):
        """Whether a control request can be sent."""
        return self.state == OPEN and not (self.transport.is_disconnected or self.transport.is_close_frame_sent)

    @property
    def changing(self):
        """False: no logon depends on it, and what it is subscribed to is another one's as well."""
        return False

    @property
    def in_flight(self):
        """0: control requests are its owner's."""
        return 0

    @property
    def logged_on(self):
        """False: market data needs no logon."""
        return False

    @property
    def logon_key(self):
        """None: market data needs no logon."""
        return None

    @property
    def last_read_ns(self):
        """When the last frame was read, monotonic ns; 0 before the first."""
        return self.read_at

    def send_text(self, bytes data not None):
        """Send a control request.

        Raises NotConnected: the connection has ended, or is about to.
        """
        if not self.can_send:
            raise NotConnected(f"not sent: {self.close_reason or 'the connection is closing'}")
        if self.frames_shown:
            self.show_frame(True, WSMsgType.TEXT, data)
        try:
            self.transport.send(WSMsgType.TEXT, data)
        except Exception as exc:
            self.write_failed(exc)

    def carries(self, str name not None):
        """This connection is subscribed to a stream."""
        cdef MarketStream stream = self.router.find_stream(name)
        if name not in self.names:
            self.names.add(name)
            if stream is not None:
                stream.carriers += 1

    def forgets(self, str name not None):
        """This connection is not subscribed to a stream any more."""
        cdef MarketStream stream = self.router.find_stream(name)
        if name in self.names:
            self.names.discard(name)
            if stream is not None:
                stream.carriers -= 1
                if stream.delivered_by is self:
                    stream.delivered_by = None

    def probe(self, int64_t now, int64_t interval, int64_t timeout):
        """Send a ping if nothing came for ``interval`` ns; end the connection if no pong came for ``timeout`` ns more.

        Returns when to call it again, monotonic ns.
        """
        cdef int64_t blocked = now - self._looked_at if self._looked_at else 0
        if self.state != OPEN:
            self._looked_at = 0
            return INT64_MAX
        self.update_frame_log()
        if self.probe_due and self.read_at > self.probed_at:
            self.probe_due = 0      # any frame shows that the exchange is there
        if self.probe_due:
            if blocked > BLOCKED:
                self.probe_due += blocked
            if now >= self.probe_due and not self._is_passing(now, timeout):
                self._looked_at = 0
                self.abort()
                self.finish(f"the connection was given up: {self.probe_reason}")
                return INT64_MAX
        elif now >= self.read_at + interval:
            self.probe_due = now + timeout
            self.probed_at = now
            self.probe_reason = (
                f"nothing came for {interval / 1e9:.3g} s, and a ping got no pong within {timeout / 1e9:.3g} s"
            )
            self.ping()
        self._looked_at = self.probe_due or self.read_at + interval
        return self._looked_at

    cdef bint _is_passing(self, int64_t now, int64_t timeout) except -1:
        """Whether a long message is on its way."""
        since = seconds_since_data(self.transport.underlying_transport)
        if since is None:
            return False
        passed_at = now - <int64_t>(<double>since * 1e9)
        if passed_at <= self.probed_at or now >= passed_at + timeout:
            return False
        self.probe_due = passed_at + timeout
        return True
