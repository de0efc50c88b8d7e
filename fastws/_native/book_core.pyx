# cython: language_level=3
"""The levels of a symbol's order book: a snapshot and the diffs after it -> sorted levels, and whether they are right.

In: on_diff() gets the diffs of the symbol, on_top() its best bid and ask where that stream is subscribed too, on_gap()
hears that events may be missing; the keeper of the book calls begin() and load() with a snapshot. Out: the readings
(book) use the levels, and hear of each event; on_state tells of each change of the state.
Memory: two arrays of integers (book_levels). Diffs that wait for a snapshot are copied.
Failure: a missing diff, a crossed book, an impossible level, a number beyond 64 bits: the book is stale at once.

The rules are those of "How to manage a local order book correctly", web-socket-streams.md of 2026-07-21. Prices of
different exponents are compared as integers: the book takes the finer exponent.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from cpython.unicode cimport PyUnicode_AsUTF8AndSize
from libc.stdint cimport INT64_MAX, int8_t, int64_t, uint8_t, uint64_t
from libc.string cimport memcpy

from .book_levels cimport BookSide
from .clock cimport Clock, exchange_us
from .market_sink cimport MarketSink
from .market_values cimport Depth, Rows, Top, row_price, row_quantity

from decimal import Decimal, InvalidOperation

cdef:
    enum:
        MAX_KEPT = 8192         # diffs that are kept until a snapshot has come
        MAX_LATE = 64           # of those after a gap, which an earlier one may still fill

    int64_t DIFFERS = 100000000             # ns that the best prices may differ from those of the other stream
    int64_t FORGOTTEN = 1000000000          # ns without an event, after which a late one does not count
    double LONGEST_LAG = 86400.0            # seconds
    str TOO_LONG = "a price or a quantity has more digits than 64 bits hold"

_STATES = ("syncing", "live", "stale")

include "book_numbers.pxi"
include "book_diffs.pxi"
include "book_states.pxi"


cdef class BookCore(BookStates):
    """See the module's docstring.

    Args:
        symbol: as the exchange writes it, such as BTCUSDT.
    """

    # -------------------------------------------------------------------------------------------------------- hot

    cdef int on_diff(self, int tag, const Depth* depth, int64_t now) except -1:
        if self.keeping or not self.synced:
            return self._aside(depth, now)
        if depth.last_id <= self.update_id:
            return 0
        if depth.first_id > self.update_id + 1:
            return self._missed(depth, now)
        if self.apply(depth, now) == 0:
            self.tell()
        return 0

    cdef int apply(self, const Depth* depth, int64_t now) except -1:
        """Apply a diff that follows; returns 1 if the book is wrong after it."""
        cdef int64_t price_factor = 1, quantity_factor = 1
        cdef int fault
        if depth.price_exponent != self.price_exponent or depth.quantity_exponent != self.quantity_exponent:
            if self._fit(depth, &price_factor, &quantity_factor):
                self.impossible += 1
                return self._fault(f"update {depth.last_id}: {TOO_LONG}")
        if self.bids.viewed:
            self.bids.begin_change()
        if self.asks.viewed:
            self.asks.begin_change()
        fault = self._apply_rows(self.bids, &depth.bids, price_factor, quantity_factor)
        fault |= self._apply_rows(self.asks, &depth.asks, price_factor, quantity_factor)
        self.update_id = depth.last_id
        self.event_time = depth.event_time
        self.received_at = now
        self.events += 1
        if fault or depth.first_id > depth.last_id:
            self.impossible += 1
            return self._fault(f"update {depth.last_id} is impossible: a price or quantity below 0, or ids that fall")
        if self.bids.count and self.asks.count:
            if self.bids.levels[self.bids.count - 1].price >= self.asks.levels[self.asks.count - 1].price:
                self.crossed += 1
                return self._fault(f"the best bid is not below the best ask after update {self.update_id}")
        elif (not self.bids.count and not self.bids.whole) or (not self.asks.count and not self.asks.whole):
            return self._fault("all known levels of a side are gone")
        if self.max_lag:
            self._judge_lag(now)
        if self.top_at:
            return self._agree(now)
        return 0

    cdef int _apply_rows(
        self, BookSide side, const Rows* rows, int64_t price_factor, int64_t quantity_factor
    ) except -1:
        """Returns 1 if a level is impossible."""
        cdef Py_ssize_t i
        cdef int64_t price, quantity
        cdef int64_t wrong = 0
        for i in range(rows.count):
            price = row_price(rows, i)
            quantity = row_quantity(rows, i)
            wrong |= (price - 1) | quantity
            side.set(price * price_factor, quantity * quantity_factor)
        return wrong < 0

    cdef int _judge_lag(self, int64_t now) except -1:
        cdef int64_t lag
        if self.event_time == 0:
            return 0
        lag = exchange_us(self.clock, now) - self.event_time
        if lag > self.max_lag:
            if not self.doubts & DOUBT_LAG:
                self._doubt(
                    DOUBT_LAG, f"its events are {lag / 1e6:.3f} s behind the exchange's clock: more than max_lag"
                )
        elif self.doubts & DOUBT_LAG:
            self._doubt(DOUBT_LAG, None)
        return 0

    cdef int tell(self) except -1:
        """An event was applied: call on_change of each reader."""
        cdef BookListener reader
        if self.doubts == 0:
            for reader in self.readers:
                if reader.listens:
                    reader.changed()
        return 0

    # ---------------------------------------------------------------------------------- the best bid and ask apart

    cdef int on_top(self, int tag, const Top* top, int64_t now) except -1:
        self.top = top[0]
        self.top_at = now
        if self.synced:
            if top.update_id > self.update_id and self.ahead_at == 0:
                self.ahead_at = now
                self.ahead_id = top.update_id
            self._agree(now)
        return 0

    cdef int _agree(self, int64_t now) except -1:
        """Compare with the other stream; returns 1 if the book is wrong."""
        cdef BookSide bids = self.bids, asks = self.asks
        cdef bint same
        if self.ahead_at:
            if self.update_id >= self.ahead_id:
                self.ahead_at = 0
                if self.top.update_id > self.update_id:
                    self.ahead_at = self.top_at
                    self.ahead_id = self.top.update_id
            if self.ahead_at and now - self.ahead_at > self.patience:
                if not self.doubts & DOUBT_BEHIND:
                    self._doubt(
                        DOUBT_BEHIND,
                        f"it is behind the stream of the best bid and ask, which came to update {self.ahead_id}",
                    )
            elif self.doubts & DOUBT_BEHIND:
                self._doubt(DOUBT_BEHIND, None)
        if self.top.update_id > self.update_id:
            return 0
        same = (
            _same(
                bids, self.top.bid_price, self.top.bid_quantity, &self.top, self.price_exponent, self.quantity_exponent
            )
            and _same(
                asks, self.top.ask_price, self.top.ask_quantity, &self.top, self.price_exponent, self.quantity_exponent
            )
        )
        if same:
            self.differs_at = 0
        elif self.differs_at == 0:
            self.differs_at = now
        elif now - self.differs_at > DIFFERS:
            self.disagreements += 1
            self.differs_at = 0
            self.intact = False
            return self._fault("its best levels differ from those of the stream of the best bid and ask")
        return 0

    def check(self, int64_t now):
        """What time alone changes: whether the book is behind, or differs from, the best bid and ask.

        A late event is forgotten after a second without another one: then nothing is on its way.
        """
        if self.doubts & DOUBT_LAG and now - self.received_at > FORGOTTEN:
            self._doubt(DOUBT_LAG, None)
        if self.synced and self.top_at:
            self._agree(now)

    # ------------------------------------------------------------------------------------------- gaps and snapshots

    cdef int on_gap(self, int tag, int64_t now) except -1:
        if tag:                 # of the best bid and ask
            self.forget_top()
            return 0
        if not self.synced:
            self._kept = []     # what follows may not continue these
            return 0
        self.gaps += 1
        self._fault("the stream was interrupted")
        self.intact = True      # the next diff may continue: then nothing was missed
        return 0

    cdef int _missed(self, const Depth* depth, int64_t now) except -1:
        self.gaps += 1
        self._fault(f"updates {self.update_id + 1} to {depth.first_id - 1} are missing")
        self.intact = True
        return self._keep(depth, now)

    cdef int _aside(self, const Depth* depth, int64_t now) except -1:
        """A diff while a snapshot is awaited, or the book is not in sync."""
        if self.synced:         # a new snapshot will know more levels: the book goes on meanwhile
            if depth.last_id <= self.update_id:
                return 0
            if depth.first_id > self.update_id + 1:
                return self._missed(depth, now)
            self._keep(depth, now)
            if self.apply(depth, now) == 0:
                self.tell()
            return 0
        self._keep(depth, now)
        if self.intact and depth.first_id <= self.update_id + 1:
            self._resume(now)
        return 0

    cdef int _keep(self, const Depth* depth, int64_t now) except -1:
        cdef Py_ssize_t most = MAX_KEPT if self.keeping else MAX_LATE
        if len(self._kept) >= most:
            del self._kept[: most // 2]
        self._kept.append((
            depth.first_id, depth.last_id, depth.event_time, depth.price_exponent, depth.quantity_exponent,
            _rows_of(&depth.bids), _rows_of(&depth.asks), now,
        ))
        return 0

    def _resume(self, int64_t now):
        """The missing diffs have come after all: go on without a snapshot."""
        kept = _following(self._kept, self.update_id)
        if not kept:
            return
        self._kept = []
        self.resumed += 1
        self._become_synced()
        for diff in kept:
            if not self._give(diff):
                return
        self._settle()
        self.tell()

    def _become_synced(self):
        self.synced, self.intact, self.keeping = True, False, False
        self.ahead_at = self.differs_at = 0
        if self.doubts & DOUBT_BEHIND:
            self.doubts &= ~DOUBT_BEHIND
            self._doubt_texts.pop(DOUBT_BEHIND, None)

    def _give(self, tuple diff not None):
        """Apply a diff that was kept; whether the book is right after it."""
        cdef Depth depth
        cdef bytes bids = diff[5]
        cdef bytes asks = diff[6]
        depth.first_id, depth.last_id, depth.event_time = diff[0], diff[1], diff[2]
        depth.price_exponent, depth.quantity_exponent = diff[3], diff[4]
        depth.bids.first = <const uint8_t*>PyBytes_AS_STRING(bids)
        depth.bids.count = PyBytes_GET_SIZE(bids) // 16
        depth.asks.first = <const uint8_t*>PyBytes_AS_STRING(asks)
        depth.asks.count = PyBytes_GET_SIZE(asks) // 16
        depth.bids.stride = depth.asks.stride = 16
        return self.apply(&depth, diff[7]) == 0

    def begin(self, str reason not None=""):
        """A snapshot will be asked for now: keep the diffs from here on."""
        if not self.keeping:
            self.keeping = True
            if self.synced:
                self._kept = []
        if not self.synced:
            self._set_state(BOOK_SYNCING, reason or self.reason)

    def give_up(self):
        """No snapshot will come: keep no diffs for it."""
        self.keeping = False
        if self.synced:
            self._kept = []

    def load(self, int64_t update_id, bids, asks, int limit):
        """Take a snapshot, and the diffs after it that were kept.

        Args:
            update_id: its lastUpdateId.
            bids, asks: its levels, best first: pairs of a price and a quantity as str, float or Decimal.
            limit: how many levels a side it has at most.

        Returns:
            False: it is older than the first of those diffs, or one after it is missing; ask for another one.

        Raises ValueError: it is no possible snapshot; OverflowError: its numbers do not fit 64 bits.
        """
        cdef BookSide new_bids = BookSide(True), new_asks = BookSide(False)
        cdef list kept = self._kept
        after = _following(kept, update_id)
        reached = after[len(after) - 1][1] if after else update_id
        if reached < max([diff[1] for diff in kept], default=update_id) or (
            (self.synced or not kept) and reached < self.update_id
        ):
            return False
        exponents, bid_levels, ask_levels = _integers_of(bids, asks)
        new_bids.fill(bid_levels, limit)
        new_asks.fill(ask_levels, limit)
        if new_bids.count and new_asks.count and (
            new_bids.levels[new_bids.count - 1].price >= new_asks.levels[new_asks.count - 1].price
        ):
            raise ValueError("the best bid is not below the best ask")
        self.bids, self.asks = new_bids, new_asks
        self.price_exponent, self.quantity_exponent = exponents
        self.update_id = update_id
        self.snapshots += 1
        self._kept = []
        self._become_synced()
        for diff in after:
            if not self._give(diff):
                return True
        self._settle()
        self.tell()
        return True

    cdef int _fit(self, const Depth* depth, int64_t* price_factor, int64_t* quantity_factor) except -1:
        """Make the exponents fit those of an event; returns 1 if numbers become too long."""
        cdef int price_shift = self.price_exponent - depth.price_exponent
        cdef int quantity_shift = self.quantity_exponent - depth.quantity_exponent
        cdef int64_t book_price = _power(price_shift), book_quantity = _power(quantity_shift)
        price_factor[0] = _power(-price_shift)
        quantity_factor[0] = _power(-quantity_shift)
        if book_price == 0 or book_quantity == 0 or price_factor[0] == 0 or quantity_factor[0] == 0:
            return 1
        if not (
            _rows_fit(&depth.bids, price_factor[0], quantity_factor[0])
            and _rows_fit(&depth.asks, price_factor[0], quantity_factor[0])
        ):
            return 1
        if book_price > 1 or book_quantity > 1:
            if not (self.bids.fits(book_price, book_quantity) and self.asks.fits(book_price, book_quantity)):
                return 1
            self.bids.scale(book_price, book_quantity)
            self.asks.scale(book_price, book_quantity)
            self.price_exponent = min(self.price_exponent, <int>depth.price_exponent)
            self.quantity_exponent = min(self.quantity_exponent, <int>depth.quantity_exponent)
        return 0

    def give(self, int64_t first_id, int64_t last_id, bids, asks, *, int price_exponent=-8, int quantity_exponent=-8,
             int64_t event_time=0, int64_t now=0):
        """on_diff() with pairs of integers, for tests and replays."""
        cdef Depth depth
        cdef bytes bid_rows = _packed(bids)
        cdef bytes ask_rows = _packed(asks)
        depth.first_id, depth.last_id, depth.event_time = first_id, last_id, event_time
        depth.price_exponent, depth.quantity_exponent = <int8_t>price_exponent, <int8_t>quantity_exponent
        depth.bids.first = <const uint8_t*>PyBytes_AS_STRING(bid_rows)
        depth.bids.count = len(bid_rows) // 16
        depth.asks.first = <const uint8_t*>PyBytes_AS_STRING(ask_rows)
        depth.asks.count = len(ask_rows) // 16
        depth.bids.stride = depth.asks.stride = 16
        self.on_diff(0, &depth, now)

    def give_top(self, int64_t update_id, bid, ask, *, int exponent=-8, int64_t now=0):
        """on_top() with pairs of integers, for tests and replays."""
        cdef Top top
        top.event_time, top.update_id = 0, update_id
        top.bid_price, top.bid_quantity = bid
        top.ask_price, top.ask_quantity = ask
        top.price_exponent = top.quantity_exponent = <int8_t>exponent
        self.on_top(0, &top, now)

    def interrupt(self, int64_t now=0):
        """on_gap(), for tests and replays."""
        self.on_gap(0, now)
