# The levels of one symbol's order book, kept by a snapshot and diffs.
from libc.stdint cimport int64_t

from .book_levels cimport BookSide
from .clock cimport Clock
from .market_sink cimport MarketSink
from .market_values cimport Depth, Rows, Top


cdef enum BookState:
    BOOK_SYNCING = 0
    BOOK_LIVE = 1
    BOOK_STALE = 2


# Why a book that has no gap is stale nevertheless; bits of BookCore.doubts.
cdef enum Doubt:
    DOUBT_LAG = 1           # its events come late, by the exchange's clock
    DOUBT_UNPROVEN = 2      # no connection of the stream shows that it is alive
    DOUBT_BEHIND = 4        # the stream of the best bid and ask is ahead


cdef class BookListener:
    cdef bint listens       # changed() does something

    cdef int changed(self) except -1
    cdef int stepped(self, str old, str new, str reason) except -1


cdef class BookStates(MarketSink):
    cdef:
        readonly str symbol
        int state
        readonly str reason                 # why it is not live; "" while it is
        BookSide bids
        BookSide asks
        readonly int price_exponent
        readonly int quantity_exponent
        readonly int64_t update_id          # -1 before the first snapshot
        readonly int64_t event_time         # E of the latest event, microseconds since 1970; 0 before one
        readonly int64_t received_at        # of it, monotonic ns
        readonly int64_t events             # diffs that were applied
        readonly int64_t snapshots          # that were taken
        readonly int64_t gaps               # faults, by kind
        readonly int64_t crossed
        readonly int64_t impossible
        readonly int64_t disagreements
        readonly int64_t resumed            # gaps that later diffs filled
        readonly tuple readers              # BookListeners that hear of changes
        public object on_state              # called with (old state, new state, reason)
        bint synced                         # the levels are those of update_id
        bint intact                         # not synced, but diffs from update_id + 1 on would make it so
        bint keeping                        # a snapshot is awaited: diffs are kept
        int doubts
        dict _doubt_texts
        list _kept
        Clock clock
        int64_t max_lag                     # microseconds; 0 until the clock has been measured
        Top top                             # of the stream of the best bid and ask
        int64_t top_at                      # when it came, monotonic ns; 0 before the first
        int64_t ahead_id                    # an update id of it that the book has not reached
        int64_t ahead_at                    # since when; 0 for none
        int64_t differs_at                  # since when the best prices differ; 0 for not
        int64_t patience                    # ns that the book may be behind

    cdef int _fault(self, str reason) except -1
    cdef int _doubt(self, int doubt, str text) except -1
    cdef int _settle(self) except -1
    cdef int _set_state(self, int state, str reason) except -1


cdef class BookCore(BookStates):
    cdef int apply(self, const Depth* depth, int64_t now) except -1
    cdef int _apply_rows(self, BookSide side, const Rows* rows, int64_t price_factor, int64_t quantity_factor) except -1
    cdef int _fit(self, const Depth* depth, int64_t* price_factor, int64_t* quantity_factor) except -1
    cdef int _aside(self, const Depth* depth, int64_t now) except -1
    cdef int _missed(self, const Depth* depth, int64_t now) except -1
    cdef int _keep(self, const Depth* depth, int64_t now) except -1
    cdef int _judge_lag(self, int64_t now) except -1
    cdef int _agree(self, int64_t now) except -1
    cdef int tell(self) except -1
