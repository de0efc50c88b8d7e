# The change from one connection to another while both are open: which requests stay on the connection that is left,
# and when nothing is left on it. Included by _core.pyx.


cdef class SessionHandover(SessionConnections):
    """Leaves a connection for another one; Session sends the requests."""

    # -------------------------------------------------------------------------------------------- warm: requests

    cdef Connection choose(self, MethodSpec spec, dict params, Template template, object signer):
        """The connection of a request while another one is being left: `route`, or the one that is left."""
        cdef Connection old = self.draining
        cdef Connection new = self.route
        cdef Stickiness sticky = self._sticky       # a finalizer may end the draining
        cdef dict fixed = None if template is None else template.fixed
        if new is None or new is old or sticky is None:
            return new
        if self._logon_stays and spec.authorised and not spec.always_signed and signer is None:
            if params.get("signature") is None and self._logon_differs():
                return old      # even if it is closing, and refuses: the other one would use another account
        if not old.can_send():
            return new
        if not spec.trading or not sticky.holds(spec, params, fixed) or not _alike(old, new):
            return new
        if (old.paused or self.batching) and old.output_waiting() > old.max_output:
            return new
        return old

    cdef int note_sent(self, Connection connection, RequestInfo info) except -1:
        """A request was written or corked while a connection is being left."""
        cdef Stickiness sticky = self._sticky
        if info.spec.effect == LOGON or info.spec.effect == LOGOUT:
            if not info.own:
                self._sticky = None     # what follows is for the account of this logon
                self._logon_stays = False
        elif connection is self.draining and info.spec.trading and sticky is not None:
            sticky.add(info)
        return 0

    cdef bint _logon_differs(self) except -1:
        """Whether requests that rely on a logon belong on the connection that is left.

        The caller's session.logon or session.logout was unanswered there when it was left. It decides for which account
        the requests behind it are: they stay there until the successor is logged on in the same way.
        """
        if self.draining.waiters.logon_waits() or not _alike(self.draining, self.route):
            return True
        self._logon_stays = False
        return False

    # ------------------------------------------------------------------------------------------------------ cold

    def switch(self, Connection successor not None, double sticky_for=1.0):
        """Send the requests from now on to another connection, and leave `route`, which becomes `draining`.

        What is corked is written there now; what a batch holds is written at the end of the batch. SessionOwner.left()
        is called once nothing is left there: no request without a reply, and no subscription. stickiness.pyx says
        which requests still go there.

        Args:
            successor: an open connection of this session.
            sticky_for: seconds in which each trading request stays on the old connection if its symbol has an
                unanswered one there.

        Raises:
            RuntimeError: there is no connection to leave, or the successor is not open.
        """
        cdef Connection old = self.route
        cdef RequestInfo info
        if old is None or old is successor or not successor.can_send():
            raise RuntimeError("session.switch(): expected an open connection beside the one in use")
        self.stop_draining()
        self._sticky = Stickiness(monotonic_ns() + <int64_t>(sticky_for * SECOND))
        self._logon_stays = old.waiters.logon_waits()
        for info in sorted(old.waiters.all(), key=_age):
            if info.spec.trading and info.state == WAITING:
                self._sticky.add(info)
        self.route = successor
        self.draining = old
        self.ends_watched = True
        self.request_ended()
        if not self.batching:
            old.flush_corked()

    def stop_draining(self):
        """Forget the connection that is being left: it is gone, or is in use again."""
        self.draining = None
        self._sticky = None
        self._logon_stays = False
        self._left = False
        self.update_watch()

    def check_left(self):
        """Look, in the event loop's next turn, whether nothing is left on the connection that is being left."""
        if self.draining is not None:
            self.request_ended()

    def unchanged(self, Connection connection not None):
        """A future that ends as soon as no request of the caller's that changes this connection is in flight.

        See Connection.changing. It ends as well when the connection does.
        """
        future = PyObject_CallNoArgs(self._create_future)
        if connection.waiters.changing():
            self._changing.append((future, connection))
            self.ends_watched = True
        else:
            future.set_result(None)
        return future

    cdef int update_watch(self) except -1:
        SessionConnections.update_watch(self)
        if self.draining is not None or self._changing:
            self.ends_watched = True
        return 0

    cdef int connection_ended(self, Connection connection) except -1:
        SessionConnections.connection_ended(self, connection)
        if self.draining is connection:
            self.stop_draining()
        return 0

    def _check_drained(self):
        cdef Connection connection
        SessionConnections._check_drained(self)
        if self._changing:
            changing, self._changing = self._changing, []
            for future, connection in changing:
                if future.done():
                    continue
                if connection.waiters.changing():
                    self._changing.append((future, connection))
                else:
                    future.set_result(None)
            self.update_watch()
        if self.draining is not None and not self._left and self._is_left():
            self._left = True
            self._sticky = None
            self.owner.left(self.draining)

    cdef bint _is_left(self) except -1:
        """Whether nothing is left on the connection that is being left."""
        cdef Connection old = self.draining
        if old is self.route or old.waiters.count or old.router.has_streams():
            return False
        return not self._logon_stays or not self._logon_differs()


cdef bint _alike(Connection old, Connection new) except -1:
    """Whether two connections are logged on for the same account, or neither is logged on."""
    if old.logged_on != new.logged_on:
        return False
    return not old.logged_on or (old.logon_key is not None and old.logon_key == new.logon_key)


def _age(RequestInfo info):
    return info.id >> SLOT_BITS
