# Whether the levels of a book can be trusted. Included by book_core.pyx.

cdef class BookListener:
    """Hears of the changes of a book."""

    cdef int changed(self) except -1:
        """A diff was applied, and the book is live."""
        return 0

    cdef int stepped(self, str old, str new, str reason) except -1:
        """The state has changed."""
        return 0


cdef class BookStates(MarketSink):
    """Whether the levels of a book can be trusted, and why not."""

    def __cinit__(self, str symbol not None):
        self.symbol = symbol
        self.reason = "no snapshot has come yet"
        self.bids = BookSide(True)
        self.asks = BookSide(False)
        self.price_exponent = self.quantity_exponent = -8
        self.update_id = -1
        self.readers = ()
        self.patience = 2 * DIFFERS
        self._kept = []
        self._doubt_texts = {}

    @property
    def state_name(self):
        """"syncing", "live" or "stale"."""
        return _STATES[self.state]

    @property
    def is_synced(self):
        """Whether the levels follow the diffs without a gap; the book may be stale for another reason."""
        return self.synced

    @property
    def is_keeping(self):
        """Whether diffs are kept for a snapshot."""
        return self.keeping

    @property
    def few_levels(self):
        """The fewest levels that a side knows which is not known as a whole; None if both sides are."""
        sides = [side.count for side in (self.bids, self.asks) if not (<BookSide>side).whole]
        return min(sides) if sides else None

    cdef int _fault(self, str reason) except -1:
        """The levels are wrong from here on. Returns 1."""
        self.synced = self.intact = self.keeping = False
        self._kept = []
        self._set_state(BOOK_STALE, reason)
        return 1

    cdef int _doubt(self, int doubt, str text) except -1:
        if text is None:
            self.doubts &= ~doubt
            self._doubt_texts.pop(doubt, None)
        else:
            self.doubts |= doubt
            self._doubt_texts[doubt] = text
        if self.synced:
            self._settle()
        return 0

    cdef int _settle(self) except -1:
        """The state of a book that is in sync."""
        if self.doubts:
            return self._set_state(BOOK_STALE, "; ".join(self._doubt_texts.values()))
        return self._set_state(BOOK_LIVE, "")

    cdef int _set_state(self, int state, str reason) except -1:
        cdef BookListener reader
        cdef int old = self.state
        self.state = state
        self.reason = reason
        if old == state:
            return 0
        if self.on_state is not None:
            self.on_state(_STATES[old], _STATES[state], reason)
        for reader in self.readers:
            reader.stepped(_STATES[old], _STATES[state], reason)
        return 0

    def forget(self):
        """The exchange counts update ids anew: a snapshot of any id is taken."""
        if not self.synced:
            self.update_id = -1
            self.intact = False
            self._kept = []

    def forget_top(self):
        """The stream of the best bid and ask shows nothing any more: compare with what comes next."""
        self.top_at = self.ahead_at = self.differs_at = 0
        if self.doubts & DOUBT_BEHIND:
            self._doubt(DOUBT_BEHIND, None)

    def explain(self, str reason not None):
        """Say why the book is not in sync, in other words."""
        if not self.synced:
            self.reason = reason

    def doubt(self, text):
        """The connections of the stream show no sign of life: this text; None: they do."""
        if text is not None or self.doubts & DOUBT_UNPROVEN:
            self._doubt(DOUBT_UNPROVEN, text)

    def judge(self, Clock clock, double max_lag):
        """Be stale while E of the diffs is more than ``max_lag`` seconds behind this measured clock."""
        self.clock = clock
        self.max_lag = 0 if clock is None or not clock.synced else <int64_t>(min(max_lag, LONGEST_LAG) * 1e6)

    def expect(self, double seconds):
        """The diffs come at least so often, in seconds."""
        self.patience = DIFFERS + <int64_t>(seconds * 1e9)

    def add(self, BookListener reader not None):
        """Let these readings hear of changes."""
        self.readers = (*self.readers, reader)

    def discard(self, BookListener reader not None):
        """Let these readings hear of nothing more."""
        self.readers = tuple([other for other in self.readers if other is not reader])
