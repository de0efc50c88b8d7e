# The values of market data events in C: decoders write them; books and other sinks read them, without Python objects.
from libc.stdint cimport int8_t, int64_t, uint8_t
from libc.string cimport memcpy

cdef enum MarketKind:
    MARKET_OTHER = 0    # has no values in C: only a dict
    MARKET_TRADE = 1    # one trade
    MARKET_TOP = 2      # the best bid and ask: bookTicker, bestBidAsk
    MARKET_DIFF = 3     # levels of the book that changed: depthUpdate
    MARKET_DEPTH = 4    # the best levels, whole: partial depth, depth20


# A price is its integer times 10 ** price_exponent; so is a quantity. Times are microseconds since 1970.
cdef struct Top:
    int64_t event_time      # 0: the stream tells none
    int64_t update_id
    int64_t bid_price
    int64_t bid_quantity
    int64_t ask_price
    int64_t ask_quantity
    int8_t price_exponent
    int8_t quantity_exponent


cdef struct Trade:
    int64_t event_time
    int64_t trade_time
    int64_t id
    int64_t price
    int64_t quantity
    int8_t price_exponent
    int8_t quantity_exponent
    bint is_buyer_maker


# One side of a depth event. Each row begins with its price and its quantity, two int64 in little endian, maybe unaligned.
cdef struct Rows:
    const uint8_t* first    # borrowed: valid during the call that has it
    Py_ssize_t count
    Py_ssize_t stride       # bytes from one row to the next


cdef struct Depth:
    int64_t event_time      # 0: the stream tells none
    int64_t first_id        # U of a diff; else the same as last_id
    int64_t last_id         # u, or lastUpdateId
    Rows bids
    Rows asks
    int8_t price_exponent
    int8_t quantity_exponent


cdef inline int64_t row_price(const Rows* rows, Py_ssize_t i) noexcept nogil:
    cdef int64_t value
    memcpy(&value, rows.first + i * rows.stride, 8)
    return value


cdef inline int64_t row_quantity(const Rows* rows, Py_ssize_t i) noexcept nogil:
    cdef int64_t value
    memcpy(&value, rows.first + i * rows.stride + 8, 8)
    return value
