# The state of a book and its callbacks. Included by book.pyx.

cdef class BookFace(BookListener):
    """The state of a book, its callbacks, and numbers as the user wants them."""

    def __cinit__(
        self, BookCore core not None, *, str numbers="str", bint stale_ok=False, on_change=None, on_state=None,
        report=None, **_
    ):
        self.core = core
        self.numbers = _NUMBERS[numbers]
        self.stale_ok = stale_ok
        self._on_change = on_change
        self._on_state = on_state
        self._report = report
        self.listens = on_change is not None
        core.add(self)

    # ------------------------------------------------------------------------------------------------ what happens

    cdef int changed(self) except -1:
        self._wake()
        if self._on_change is not None:
            try:
                self._on_change(self)
            except BaseException as exc:
                if self._report is None or not isinstance(exc, Exception):
                    raise
                self._report(f"on_change of the book of {self.core.symbol} raised an exception", exc)
        return 0

    cdef int stepped(self, str old, str new, str reason) except -1:
        self._wake()
        if self._on_state is not None:
            try:
                self._on_state(self, old, new, reason)
            except BaseException as exc:
                if self._report is None or not isinstance(exc, Exception):
                    raise
                self._report(f"on_state of the book of {self.core.symbol} raised an exception", exc)
        return 0

    cdef int _wake(self) except -1:
        waiter = self._waiter
        if waiter is not None:
            self._waiter = None
            self.listens = self._on_change is not None
            if not waiter.done():
                waiter.set_result(None)
        return 0

    def _next_change(self, loop):
        """A future that is done at the next change of the levels or the state."""
        if self._waiter is None:
            self._waiter = loop.create_future()
            self.listens = True
        return self._waiter

    def _end(self, str reason not None):
        """The book will not change any more."""
        if self.closed_reason is None:
            old = self.state
            self.closed_reason = reason
            self.core.discard(self)
            self.stepped(old, "closed", reason)

    # ------------------------------------------------------------------------------------------------------- state

    @property
    def symbol(self):
        """As the exchange writes it, such as BTCUSDT."""
        return self.core.symbol

    @property
    def state(self):
        """"syncing": it waits for a snapshot; "live"; "stale": it may be wrong; "closed"."""
        return self.core.state_name if self.closed_reason is None else "closed"

    @property
    def reason(self):
        """Why the book is not live, as a sentence; "" while it is."""
        return self.core.reason if self.closed_reason is None else self.closed_reason

    @property
    def update_id(self):
        """The exchange's number of the latest update; -1 before the first snapshot."""
        return self.core.update_id

    @property
    def event_time(self):
        """When the exchange sent the latest diff: microseconds since 1970 (``E``); 0 before one."""
        return self.core.event_time

    @property
    def received_at(self):
        """When the latest diff was read: monotonic ns; 0 before one."""
        return self.core.received_at

    @property
    def lag(self):
        """How late the latest diff came: seconds by the measured exchange's clock; None before that, or before a diff.

        It is the time from the exchange's E to the reading of the bytes. A quiet market does not make it grow.
        """
        cdef BookCore core = self.core
        if core.event_time == 0 or core.clock is None or not core.clock.base:
            return None
        return (exchange_us(core.clock, core.received_at) - core.event_time) / 1e6

    @property
    def price_exponent(self):
        """A price is its ticks times 10 ** price_exponent. It falls when an event comes with more decimals."""
        return self.core.price_exponent

    @property
    def quantity_exponent(self):
        """A quantity is its integer times 10 ** quantity_exponent; see price_exponent."""
        return self.core.quantity_exponent

    @property
    def stats(self):
        """Counters: events (applied), snapshots, gaps, resumed (gaps that later events filled), crossed, impossible,
        disagreements (with the stream of the best bid and ask)."""
        cdef BookCore core = self.core
        return {
            "events": core.events, "snapshots": core.snapshots, "gaps": core.gaps, "resumed": core.resumed,
            "crossed": core.crossed, "impossible": core.impossible, "disagreements": core.disagreements,
        }

    cdef int check(self) except -1:
        """Raises BookNotLive, unless the book may be read."""
        if self.core.state == BOOK_LIVE and self.closed_reason is None:
            return 0
        if not (self.stale_ok and self.core.update_id >= 0):
            raise BookNotLive(self.core.symbol, self.state, self.reason)
        return 0

    # ----------------------------------------------------------------------------------------------------- numbers

    cdef object _number(self, int64_t mantissa, int exponent):
        cdef char[LONGEST_DECIMAL] room
        cdef char* start
        cdef PyObject* made
        if (
            self.numbers == NUMBERS_FLOAT and -22 <= exponent <= 0
            and -(<int64_t>1 << 53) <= mantissa <= <int64_t>1 << 53
        ):
            return <double>mantissa / POWERS[-exponent]     # both are exact, so one division rounds correctly
        start = write_decimal(room + LONGEST_DECIMAL, mantissa, exponent)
        made = fastws_new_ascii(room + LONGEST_DECIMAL - start)
        if made == NULL:
            raise MemoryError
        memcpy(PyUnicode_DATA(made), start, room + LONGEST_DECIMAL - start)
        text = _owned(made)
        return text if self.numbers == NUMBERS_STR else float(text) if self.numbers == NUMBERS_FLOAT else Decimal(text)

    def _shown(self, number, int exponent):
        """The integer ``number`` of any size times 10 ** exponent, as ``numbers`` says."""
        if -(1 << 63) <= number < 1 << 63:
            return self._number(number, exponent)
        exact = Decimal((number < 0, tuple(map(int, str(abs(number)))), exponent))
        return format(exact, "f") if self.numbers == NUMBERS_STR else (
            float(exact) if self.numbers == NUMBERS_FLOAT else exact
        )


cdef object _owned(PyObject* made):
    text = <object>made
    Py_DECREF(text)
    return text
