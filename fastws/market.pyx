# cython: language_level=3
"""MarketListener: a class to subclass in Cython, whose methods get market data as values in C.

In: events of streams, by ``market.listen(listener, *streams)``. Out: calls of the methods that the subclass overrides,
inside the read callback, without a Python object.
Memory: what the pointers show is valid during the call.
Failure: an exception of a method is reported, and the next event still comes. An extension that was built against
another release of market.pxd gets an ImportError.

The interface of this module is market.pxd, which cimports libc only, so that an extension needs nothing but Cython and
fastws to be built.
"""

from libc.stdint cimport int64_t

from ._native.market_sink cimport MarketSink
from ._native.market_values cimport Depth, Top, Trade

from ._common.shown import shown
from .errors import InvalidRequest

cdef set _checked = set()       # names of the modules that called import_market()


cdef class MarketListener:
    """Takes events; a subclass in Cython overrides what it wants. See docs/cython.md."""

    cdef int on_top(self, int stream, const MarketTop* top, int64_t received_at) except -1:
        return 0

    cdef int on_trade(self, int stream, const MarketTrade* trade, int64_t received_at) except -1:
        return 0

    cdef int on_diff(self, int stream, const MarketDepth* diff, int64_t received_at) except -1:
        return 0

    cdef int on_depth(self, int stream, const MarketDepth* depth, int64_t received_at) except -1:
        return 0

    cdef int on_gap(self, int stream, int64_t received_at) except -1:
        return 0


cdef class ListenerSink(MarketSink):
    """Gives the events of streams to a listener."""

    cdef MarketListener listener

    def __cinit__(self, listener):
        if not isinstance(listener, MarketListener):
            raise InvalidRequest(f"listener: expected a fastws.market.MarketListener, got {shown(listener)}")
        for cls in type(listener).__mro__:
            if "__pyx_vtable__" in cls.__dict__ and cls is not MarketListener and cls.__module__ not in _checked:
                raise ImportError(
                    f"{cls.__module__} must call import_market(__name__) where it cimports fastws.market,"
                    " so that a module built against another release is noticed"
                )
        self.listener = listener

    cdef int on_top(self, int tag, const Top* top, int64_t now) except -1:
        cdef MarketTop shown_top
        shown_top.event_time = top.event_time
        shown_top.update_id = top.update_id
        shown_top.bid_price = top.bid_price
        shown_top.bid_quantity = top.bid_quantity
        shown_top.ask_price = top.ask_price
        shown_top.ask_quantity = top.ask_quantity
        shown_top.price_exponent = top.price_exponent
        shown_top.quantity_exponent = top.quantity_exponent
        shown_top.bid = market_value(top.bid_price, top.price_exponent)
        shown_top.bid_size = market_value(top.bid_quantity, top.quantity_exponent)
        shown_top.ask = market_value(top.ask_price, top.price_exponent)
        shown_top.ask_size = market_value(top.ask_quantity, top.quantity_exponent)
        return self.listener.on_top(tag, &shown_top, now)

    cdef int on_trade(self, int tag, const Trade* trade, int64_t now) except -1:
        cdef MarketTrade told
        told.event_time = trade.event_time
        told.trade_time = trade.trade_time
        told.id = trade.id
        told.price = trade.price
        told.quantity = trade.quantity
        told.price_exponent = trade.price_exponent
        told.quantity_exponent = trade.quantity_exponent
        told.is_buyer_maker = trade.is_buyer_maker
        told.price_value = market_value(trade.price, trade.price_exponent)
        told.quantity_value = market_value(trade.quantity, trade.quantity_exponent)
        return self.listener.on_trade(tag, &told, now)

    cdef int on_diff(self, int tag, const Depth* depth, int64_t now) except -1:
        cdef MarketDepth told
        _fill(&told, depth)
        return self.listener.on_diff(tag, &told, now)

    cdef int on_depth(self, int tag, const Depth* depth, int64_t now) except -1:
        cdef MarketDepth told
        _fill(&told, depth)
        return self.listener.on_depth(tag, &told, now)

    cdef int on_gap(self, int tag, int64_t now) except -1:
        return self.listener.on_gap(tag, now)


cdef inline void _fill(MarketDepth* told, const Depth* depth) noexcept nogil:
    told.event_time = depth.event_time
    told.first_id = depth.first_id
    told.last_id = depth.last_id
    told.price_exponent = depth.price_exponent
    told.quantity_exponent = depth.quantity_exponent
    told.bids.first = depth.bids.first
    told.bids.count = depth.bids.count
    told.bids.stride = depth.bids.stride
    told.asks.first = depth.asks.first
    told.asks.count = depth.asks.count
    told.asks.stride = depth.asks.stride


def check_extension(str module not None, int abi, size_t top, size_t trade, size_t depth):
    """import_market() of market.pxd calls this.

    Raises:
        ImportError: the module was built against another release of market.pxd.
    """
    if (abi, top, trade, depth) != (MARKET_ABI, sizeof(MarketTop), sizeof(MarketTrade), sizeof(MarketDepth)):
        raise ImportError(
            f"{module} was built against release {abi} of fastws.market, and release {MARKET_ABI} is installed:"
            " build it anew"
        )
    _checked.add(module)
