# For strategies in Cython: events of market data streams as values in C. See docs/cython.md.
#
# A module that cimports this calls import_market(__name__) once, when it is imported: it raises ImportError if the
# module was built against another release of this interface. Build it anew then.
from libc.stdint cimport int8_t, int64_t
from libc.string cimport memcpy

cdef enum:
    MARKET_ABI = 1      # grows with each change of what stands here


# A price is its integer times 10 ** price_exponent; so is a quantity. The doubles are the nearest ones where the
# integer is below 2^53. Times are microseconds since 1970.
cdef struct MarketTop:
    int64_t event_time          # 0: the stream tells none
    int64_t update_id
    int64_t bid_price
    int64_t bid_quantity
    int64_t ask_price
    int64_t ask_quantity
    int8_t price_exponent
    int8_t quantity_exponent
    double bid
    double bid_size
    double ask
    double ask_size


cdef struct MarketTrade:
    int64_t event_time
    int64_t trade_time
    int64_t id
    int64_t price
    int64_t quantity
    int8_t price_exponent
    int8_t quantity_exponent
    bint is_buyer_maker
    double price_value
    double quantity_value


# One side of a depth event; row_…() below reads it. Valid during the call that has it.
cdef struct MarketRows:
    const unsigned char* first
    Py_ssize_t count
    Py_ssize_t stride


cdef struct MarketDepth:
    int64_t event_time          # 0: the stream tells none
    int64_t first_id            # U of a diff; else the same as last_id
    int64_t last_id             # u, or lastUpdateId
    MarketRows bids             # the best one first, in partial depths
    MarketRows asks
    int8_t price_exponent
    int8_t quantity_exponent


cdef class MarketListener:
    cdef void* _private         # of fastws

    # `stream` is the number of the stream among those that the listener was attached to, from 0. `received_at` is when
    # the bytes were read, in monotonic ns. All are called inside the read callback; what the pointers show is valid
    # during the call. An exception is reported to the log, and the next event still comes.
    cdef int on_top(self, int stream, const MarketTop* top, int64_t received_at) except -1
    cdef int on_trade(self, int stream, const MarketTrade* trade, int64_t received_at) except -1
    # Levels that changed: a quantity of 0 removes the level.
    cdef int on_diff(self, int stream, const MarketDepth* diff, int64_t received_at) except -1
    # The best levels, whole.
    cdef int on_depth(self, int stream, const MarketDepth* depth, int64_t received_at) except -1
    # Events of the stream may have been missed.
    cdef int on_gap(self, int stream, int64_t received_at) except -1


cdef inline int64_t row_price(const MarketRows* rows, Py_ssize_t i) noexcept nogil:
    cdef int64_t value
    memcpy(&value, rows.first + i * rows.stride, 8)
    return value


cdef inline int64_t row_quantity(const MarketRows* rows, Py_ssize_t i) noexcept nogil:
    cdef int64_t value
    memcpy(&value, rows.first + i * rows.stride + 8, 8)
    return value


cdef inline double market_value(int64_t mantissa, int exponent) noexcept nogil:
    """The double of a price or quantity."""
    cdef double power = 1.0
    if exponent == -8:
        return <double>mantissa / 1e8
    for _ in range(exponent if exponent > 0 else -exponent):
        power *= 10.0
    return <double>mantissa * power if exponent > 0 else <double>mantissa / power


cdef inline int import_market(str module) except -1:
    """Check that this module was built against the interface that is installed, or raise ImportError."""
    import fastws.market
    fastws.market.check_extension(
        module, MARKET_ABI, sizeof(MarketTop), sizeof(MarketTrade), sizeof(MarketDepth)
    )
    return 0
