# cython: language_level=3
"""Messages of SBE market data streams -> dicts, and values in C.

In: open() with the bytes of a message. Out: what it is (EventHead), then the opened event as it is asked for.
Memory: the bytes are borrowed until the next open(); so are the rows of depth().
Failure: a code, of which error() makes the exception.
"""

from libc.stdint cimport int8_t, int64_t, uint8_t, uint32_t
from libc.string cimport memcpy

from .integers cimport read_i64, read_u16
from .market_values cimport (
    MARKET_DEPTH, MARKET_DIFF, MARKET_TOP, MARKET_TRADE, STREAM_EVENT, UNKNOWN_TEMPLATE, Depth, EventHead, Rows, Top,
    Trade,
)

from decimal import Decimal

from ..errors import SbeError

cdef enum:
    SHORT = 2
    OTHER_SCHEMA = 3
    BAD_SYMBOL = 4


cdef class SbeEvents:
    """Reads the messages of SBE connections; see JsonEvents."""

    def __cinit__(self, str numbers="str", str time_unit="ms", bint views=False):
        self.numbers = ("str", "float", "decimal").index(numbers)
        self.divisor = 1 if time_unit == "us" else 1000
        self.views = views

    cdef int open(self, const uint8_t* data, Py_ssize_t size, EventHead* head) noexcept:
        cdef const uint8_t* end = data + size
        cdef const uint8_t* at
        cdef Py_ssize_t length
        cdef uint32_t count
        self.data = data
        self.size = size
        self.template_id = 0
        if size < 8:
            return SHORT
        length = read_u16(data)
        self.template_id = read_u16(data + 2)
        if read_u16(data + 4) != 1:
            return OTHER_SCHEMA
        if not 10000 <= self.template_id <= 10003:
            return UNKNOWN_TEMPLATE
        self.block = data + 8
        at = self.block + length
        if at > end or length < (18, 50, 18, 26)[self.template_id - 10000]:
            return SHORT
        head.what = STREAM_EVENT
        head.template_id = self.template_id
        head.count = 1
        head.timed = False
        head.event_time = read_i64(self.block)
        if self.template_id == 10000:
            if at + 6 > end:
                return SHORT
            self.stride = read_u16(at)
            memcpy(&count, at + 2, 4)
            self.count = count
            self.rows = at + 6
            if self.stride < 25 or self.count > (end - self.rows) // self.stride:
                return SHORT
            at = self.rows + self.count * self.stride
            head.kind = MARKET_TRADE
            head.count = self.count
            if self.count == 0:
                return SHORT
            head.first_id = read_i64(self.rows)
            head.last_id = read_i64(self.rows + (self.count - 1) * self.stride)
            self._exponents(16)
        elif self.template_id == 10001:
            head.kind = MARKET_TOP
            head.first_id = head.last_id = read_i64(self.block + 8)
            self._exponents(16)
        else:
            if not self._levels(&at, end):
                return SHORT
            if self.template_id == 10002:
                head.kind = MARKET_DEPTH
                head.first_id = head.last_id = read_i64(self.block + 8)
                self._exponents(16)
            else:
                head.kind = MARKET_DIFF
                head.first_id = read_i64(self.block + 8)
                head.last_id = read_i64(self.block + 16)
                self._exponents(24)
        if at + 1 > end or at + 1 + at[0] > end:
            return SHORT
        self.symbol = at + 1
        self.symbol_size = at[0]
        head.name = <const char*>self.symbol
        head.name_size = self.symbol_size
        return 0

    cdef int _exponents(self, Py_ssize_t offset) noexcept:
        self.price_exponent = <int8_t>self.block[offset]
        self.quantity_exponent = <int8_t>self.block[offset + 1]
        return 0

    cdef bint _levels(self, const uint8_t** at, const uint8_t* end) noexcept:
        cdef Py_ssize_t stride, count
        cdef int side
        for side in range(2):
            if at[0] + 4 > end:
                return False
            stride = read_u16(at[0])
            count = read_u16(at[0] + 2)
            at[0] += 4
            if stride < 16 or count > (end - at[0]) // stride:
                return False
            if side == 0:
                self.rows, self.stride, self.count = at[0], stride, count
            else:
                self.more_rows, self.more_stride, self.more_count = at[0], stride, count
            at[0] += stride * count
        return True

    cdef int top(self, Top* top) noexcept:
        cdef const uint8_t* block = self.block
        top.event_time = read_i64(block)
        top.update_id = read_i64(block + 8)
        top.bid_price = read_i64(block + 18)
        top.bid_quantity = read_i64(block + 26)
        top.ask_price = read_i64(block + 34)
        top.ask_quantity = read_i64(block + 42)
        top.price_exponent = self.price_exponent
        top.quantity_exponent = self.quantity_exponent
        return 0

    cdef int trade(self, Py_ssize_t i, Trade* trade) noexcept:
        cdef const uint8_t* row = self.rows + i * self.stride
        trade.event_time = read_i64(self.block)
        trade.trade_time = read_i64(self.block + 8)
        trade.id = read_i64(row)
        trade.price = read_i64(row + 8)
        trade.quantity = read_i64(row + 16)
        trade.is_buyer_maker = row[24]
        trade.price_exponent = self.price_exponent
        trade.quantity_exponent = self.quantity_exponent
        return 0

    cdef int depth(self, Depth* depth) noexcept:
        depth.event_time = read_i64(self.block)
        depth.first_id = read_i64(self.block + 8)
        depth.last_id = read_i64(self.block + 16) if self.template_id == 10003 else depth.first_id
        depth.bids.first, depth.bids.stride, depth.bids.count = self.rows, self.stride, self.count
        depth.asks.first, depth.asks.stride, depth.asks.count = self.more_rows, self.more_stride, self.more_count
        depth.price_exponent = self.price_exponent
        depth.quantity_exponent = self.quantity_exponent
        return 0

    cdef object event(self, Py_ssize_t i):
        cdef Trade trade
        cdef Top top
        cdef Depth depth
        cdef int price = self.price_exponent
        cdef int quantity = self.quantity_exponent
        try:
            symbol = (<const char*>self.symbol)[:self.symbol_size].decode()
        except UnicodeDecodeError as exc:
            raise SbeError(f"the symbol is not UTF-8: {exc.reason}") from None
        if self.template_id == 10000:
            self.trade(i, &trade)
            return {
                "e": "trade", "E": trade.event_time // self.divisor, "s": symbol, "t": trade.id,
                "p": _number(self, trade.price, price), "q": _number(self, trade.quantity, quantity),
                "T": trade.trade_time // self.divisor, "m": bool(trade.is_buyer_maker), "M": True,
            }
        if self.template_id == 10001:
            self.top(&top)
            return {
                "u": top.update_id, "s": symbol,
                "b": _number(self, top.bid_price, price), "B": _number(self, top.bid_quantity, quantity),
                "a": _number(self, top.ask_price, price), "A": _number(self, top.ask_quantity, quantity),
                "E": top.event_time // self.divisor,
            }
        self.depth(&depth)
        bids, asks = _rows(self, &depth.bids), _rows(self, &depth.asks)
        if self.template_id == 10002:
            return {
                "lastUpdateId": depth.last_id, "bids": bids, "asks": asks, "E": depth.event_time // self.divisor,
                "s": symbol,
            }
        return {
            "e": "depthUpdate", "E": depth.event_time // self.divisor, "s": symbol, "U": depth.first_id,
            "u": depth.last_id, "b": bids, "a": asks,
        }

    cdef object error(self, int code):
        if code == UNKNOWN_TEMPLATE:
            return SbeError(f"the schema has no message with template id {self.template_id}")
        if code == OTHER_SCHEMA:
            return SbeError(f"schema id {read_u16(self.data + 4)}, expected 1")
        return SbeError(f"a message of template id {self.template_id} that is shorter than its parts")


cdef object _number(SbeEvents self, int64_t mantissa, int exponent):
    number = Decimal(mantissa).scaleb(exponent)
    return format(number, "f") if self.numbers == 0 else float(number) if self.numbers == 1 else number


cdef list _rows(SbeEvents self, const Rows* rows):
    cdef Py_ssize_t i
    return [
        [
            _number(self, read_i64(rows.first + i * rows.stride), self.price_exponent),
            _number(self, read_i64(rows.first + i * rows.stride + 8), self.quantity_exponent),
        ]
        for i in range(rows.count)
    ]
