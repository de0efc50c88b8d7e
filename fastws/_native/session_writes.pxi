# When requests are written: at once, at the end of the event loop's turn or of a read callback, or at the end of a
# batch. A session has one turn and one batch for all its connections. Included by _core.pyx.

cdef enum:
    FLUSH_AT = 16384        # so many corked bytes are written without waiting for the end of the turn

_SPANNED = "a batch must not span an await: what it held was not sent"


cdef class SessionWrites(SessionBase):
    """Writes the requests of a session, at once or later; Session makes them."""

    # -------------------------------------------------------------------------------------------- hot: turns

    cdef int cork(
        self, Connection connection, RequestInfo info, const char* text, Py_ssize_t size, bint at_once
    ) except -1:
        """Keep the text of a request until the end of the turn, or of the batch."""
        connection.cork.add(info, text, size)
        if (at_once or connection.cork.buffer.size >= FLUSH_AT) and not self.batching:
            connection.flush_corked()
        elif self._reading is not connection and self._turn_open and not self._turn_end_scheduled:
            self.open_turn(connection)
        return 0

    cdef int open_turn(self, Connection connection) except -1:
        """Cork requests from now until the end of the event loop's turn, or of the read callback."""
        self._turn_open = True
        if (self._reading is None or self._reading is not connection) and not self._turn_end_scheduled:
            # another connection's read callback may end without its last frame, and would not end the turn then
            self._turn_end_scheduled = True
            PyObject_CallOneArg(self._call_soon, self._end_turn)
        return 0

    def _on_turn_end(self):
        self._turn_end_scheduled = False
        self._turn_open = False
        self.flush_all()

    cdef int read_started(self, Connection connection) except -1:
        self._reading = connection
        self._turn_open = False
        if self.batching:
            self.break_batch()
        return 0

    cdef int read_ended(self, Connection connection) except -1:
        cdef bint ends_turn = self._reading is connection
        if ends_turn:
            self._reading = None
            self._turn_open = False
        if connection.router.held_count:
            connection.router.release_held()
        if ends_turn:
            self.flush_all()
        return 0

    cdef int flush_all(self) except -1:
        """Write the corked requests of all connections."""
        cdef Connection connection
        cdef int32_t count
        if self.batching:
            self.break_batch()
        for connection in self.connections:
            if connection.cork.count:
                count = connection.waiters.count
                connection.flush_corked()
                if self.ends_watched and connection.waiters.count != count:     # some were taken back
                    self.request_ended()
        return 0

    cdef int refuse_down(self) except -1:
        raise NotConnected(f"not sent: {self.down_reason}")

    # ----------------------------------------------------------------------------------------- cold: batches

    def check_up(self):
        """Raise NotConnected if there is no connection for requests."""
        if self.route is None:
            self.refuse_down()

    def open_batch(self, batch):
        """Hold requests back until close_batch()."""
        if self.route is None:
            self.refuse_down()
        self.loop_guard.check("batch")
        task = current_task(self.loop)
        if self._batch is not None and (self._batch.broken or self._batch.task is not task):
            if self.batching:
                self.break_batch()
            self._batch = None
        batch.outer = self._batch
        batch.task = task
        batch.start = self.in_flight.serial
        self._batch = batch
        self.batching = True
        self._batch_seen = context_version()
        self._batch_checks += 1
        if not self._turn_open:
            self.open_turn(self._reading)       # the end of the turn breaks a batch that is still open

    def close_batch(self, batch, left_by):
        """Write the requests since open_batch(); give them up if the exception ``left_by`` ended the block."""
        self.loop_guard.check("batch")
        if not batch.broken and self._batch is not batch:
            self.break_batch()      # batches were not left in the order in which they were entered
        self._batch_seen = 0
        if self._batch is batch:
            self._batch = batch.outer
        if batch.broken:
            if left_by is None:
                raise RuntimeError(_SPANNED)
            return
        self.batching = self._batch is not None
        if left_by is not None:
            error = f"its batch was left by {type(left_by).__name__}"
            self.give_up(self._corked_since(batch.start), error, True)
        elif not self.batching:
            self.flush_all()

    cdef int check_batch(self, Connection connection) except -1:
        """Check a request while a batch is open: it is of the batch, or else the batch's block awaits something."""
        if not self.batching or self._batch_seen == 0 or self._batch_seen != context_version():
            self._check_batch_task()
        if self.batching:
            if connection.batch_checks != self._batch_checks:
                # what waits in the transport does not change while the block runs: nothing else does
                connection.batch_checks = self._batch_checks
                connection.batch_waiting = connection.output_waiting() - connection.cork.buffer.size
            if connection.batch_waiting + connection.cork.buffer.size > connection.max_output:
                raise NotSent(f"not sent: the batch holds more than {connection.max_output} bytes")
        return 0

    cdef int _check_batch_task(self) except -1:
        """check_batch() where another task or callback may have run since the last check."""
        batch = self._batch
        task = current_task(self.loop)
        if self.batching:
            if batch.task is task:
                self._batch_seen = context_version()
                self._batch_checks += 1
                return 0
            self.break_batch()
        if batch.task is task and task is not None:
            raise RuntimeError(_SPANNED)
        return 0

    cdef int break_batch(self) except -1:
        cdef int64_t start = 0
        self.batching = False
        batch = self._batch
        while batch is not None:
            batch.broken = True
            start = batch.start
            batch = batch.outer
        if self._batch is not None and self._batch.task is None:
            self._batch = None      # without a task, its block cannot be told from other callbacks
        return self.give_up(self._corked_since(start), "its batch spanned an await", True)

    def _corked_since(self, int64_t serial):
        """The corked requests behind this serial number that are still awaited."""
        cdef RequestInfo info
        return [info for info in self._corked() if info.id >> SLOT_BITS > serial]

    def _corked(self):
        """The corked requests that are still awaited."""
        cdef Connection connection
        cdef RequestInfo info
        cdef int i
        found = []
        for connection in self.connections:
            for i in range(connection.cork.count):
                info = <RequestInfo>connection.cork.frames[i].info
                if info.awaited():
                    found.append(info)
        return found

    cdef int give_up(self, list infos, object error, bint quiet) except -1:
        """End corked requests without sending them.

        ``error``: makes the exception from the method, or a text, which is the reason in NotSent. ``quiet``: asyncio
        does not log an exception that is never retrieved, because the caller gets another exception that says the same.
        """
        cdef Connection connection
        cdef RequestInfo info
        targets = [info.target for info in infos]
        for info in infos:
            info.state = LATE
        opened = {connection.number: connection for connection in self.connections}
        for connection in self.connections:
            connection.cork.drop_abandoned(connection.waiters)
        if self.ends_watched:
            self.request_ended()
        for info, target in zip(infos, targets):
            info.state = WAITING
            info.target = target
            if isinstance(error, str):
                cause = NotSent(f"{info.spec.name} was not sent: {error}")
            else:
                cause = error(info.spec.name)
            connection = opened[info.connection]
            connection.deliver(info, None, self.owner.failure(info, cause, False))
            if quiet and not info.is_callback and not target.cancelled():
                target.exception()
        return 0

    def give_up_held(self, hold):
        """End the corked requests that this hold (holds.py) refuses."""
        cdef RequestInfo info
        held = [info for info in self._corked() if hold.refuses(info.spec, info.params or {}, info.account)]
        self.give_up(held, hold.error, False)
