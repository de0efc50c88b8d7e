# What a connection knows of its session. Included by connection.pyx.

cdef class SessionBase:
    """What the connections of a session share, and what they call; Session implements it."""

    cdef int connection_opened(self, Connection connection) except -1:
        """The handshake is over: requests can be written."""
        raise NotImplementedError

    cdef int connection_ended(self, Connection connection) except -1:
        """All requests of this connection have ended, and no message comes any more."""
        raise NotImplementedError

    cdef int read_started(self, Connection connection) except -1:
        """A read callback begins."""
        raise NotImplementedError

    cdef int read_ended(self, Connection connection) except -1:
        """It ends: what was requested meanwhile is written."""
        raise NotImplementedError

    cdef int break_batch(self) except -1:
        """A batch is open, and its block is not running: give up what it holds."""
        raise NotImplementedError

    cdef int request_ended(self) except -1:
        """A request ends while `ends_watched`."""
        raise NotImplementedError

    def _on_request_end(self, future=None):
        """The same, as a callback of a future."""
        self.request_ended()
