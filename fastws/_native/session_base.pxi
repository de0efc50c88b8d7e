# The interface that a connection, and what is called with keywords (calls.pyx), calls its session by. Included by
# connection.pyx.

cdef class SessionBase:
    """What the connections of a session share, and the methods that they and callers call; Session implements them."""

    cdef int connection_opened(self, Connection connection) except -1:
        """The handshake has succeeded: requests can be written to this connection."""
        raise NotImplementedError

    cdef int connection_lost(self, Connection connection) except -1:
        """The connection has ended, and its requests are about to end."""
        raise NotImplementedError

    cdef int connection_ended(self, Connection connection) except -1:
        """The connection has ended, and so have all its requests."""
        raise NotImplementedError

    cdef int read_started(self, Connection connection) except -1:
        """The read callback of this connection begins."""
        raise NotImplementedError

    cdef int read_ended(self, Connection connection) except -1:
        """The read callback ends: write the requests that were corked during it."""
        raise NotImplementedError

    cdef object send_named(self, MethodSpec spec, PyObject* names, PyObject* const* values):
        """Send a request of a method of the client: ``values`` of the parameters and options in the tuple ``names``.

        ``names`` is NULL for a call without any. Both belong to the caller.
        """
        raise NotImplementedError

    cdef object send_changes(self, Template template, PyObject* names, PyObject* const* values):
        """send_named() of a prepared request, with the parameters of this call."""
        raise NotImplementedError

    cdef int break_batch(self) except -1:
        """A batch is open, but its block awaits something: give up the requests that the batch holds."""
        raise NotImplementedError

    cdef int request_ended(self) except -1:
        """A request has ended while `ends_watched` is set."""
        raise NotImplementedError

    def _on_request_end(self, future=None):
        """request_ended(), as a callback of a future."""
        self.request_ended()
