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


# One side of a depth event. Each row begins with its price and its quantity, two int64 in little endian, which may be
# unaligned.
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


# What a message of a market data connection is.
cdef enum MarketMessage:
    STREAM_EVENT = 0
    CONTROL_REPLY = 1       # of SUBSCRIBE and its kind, or an error
    SHUTDOWN = 2            # serverShutdown


# Codes of open(), for error(). 0 is success; the others are private to the decoder.
cdef enum MarketCode:
    UNKNOWN_TEMPLATE = 1    # an SBE message of a kind that came after this release: counted and skipped, no fault


# What is known of a message before it is decoded. The pointer is valid until the bytes of the message move.
cdef struct EventHead:
    int what                # MarketMessage; the rest is of a STREAM_EVENT only
    int kind                # MarketKind
    const char* name        # JSON: the stream's name; SBE: the symbol, in upper case
    Py_ssize_t name_size
    int template_id         # SBE: 10000 to 10003; JSON: 0
    Py_ssize_t count        # trades in an SBE message, else 1
    int64_t first_id        # of a diff U, of several trades the first one's id, else the same as last_id
    int64_t last_id         # trade or update id; where an event has none: its time, in the wire's unit
    bint timed              # these ids are times, in which two different events may agree
    int64_t event_time      # microseconds since 1970; 0: the event tells none


cdef inline int64_t row_price(const Rows* rows, Py_ssize_t i) noexcept nogil:
    cdef int64_t value
    memcpy(&value, rows.first + i * rows.stride, 8)
    return value


cdef inline int64_t row_quantity(const Rows* rows, Py_ssize_t i) noexcept nogil:
    cdef int64_t value
    memcpy(&value, rows.first + i * rows.stride + 8, 8)
    return value
