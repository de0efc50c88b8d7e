# cython: language_level=3
"""A Python interface of the decoders of market data, and of what gets values in C, as the router of a session uses them."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.stdint cimport int64_t, uint8_t

from fastws._native.market_json cimport JsonEvents
from fastws._native.market_sbe cimport SbeEvents
from fastws._native.market_sink cimport MarketSink
from fastws._native.market_values cimport Depth, EventHead, Top, Trade

PADDING = 64    # bytes that must follow a text


cdef class SbeDecoder:
    """Calling it with a message returns its event: a dict, or a list of the dicts of several trades."""

    cdef SbeEvents events
    cdef EventHead head

    def __init__(self):
        self.events = SbeEvents()

    def __call__(self, bytes message):
        cdef int code = self.events.open(<const uint8_t*>PyBytes_AS_STRING(message), PyBytes_GET_SIZE(message), &self.head)
        if code:
            raise self.events.error(code)
        if self.head.count == 1:
            return self.events.event(0)
        return [self.events.event(i) for i in range(self.head.count)]

    def tops(self, list messages):
        """Read the best bid and ask of each message as values in C; their sum."""
        cdef Top top
        cdef bytes message
        cdef int64_t total = 0
        for message in messages:
            if self.events.open(<const uint8_t*>PyBytes_AS_STRING(message), PyBytes_GET_SIZE(message), &self.head):
                raise ValueError(message)
            self.events.top(&top)
            total += top.update_id + top.bid_price + top.bid_quantity + top.ask_price + top.ask_quantity
        return total

    def apply(self, MarketSink sink not None, list messages):
        """Give the diff of each message to a sink, as values in C."""
        cdef Depth depth
        cdef bytes message
        for message in messages:
            if self.events.open(<const uint8_t*>PyBytes_AS_STRING(message), PyBytes_GET_SIZE(message), &self.head):
                raise ValueError(message)
            self.events.depth(&depth)
            sink.on_diff(0, &depth, 1)


cdef class JsonDecoder:
    """The same for texts, which end in PADDING bytes of zero."""

    cdef JsonEvents events
    cdef EventHead head

    def __init__(self):
        self.events = JsonEvents()

    def __call__(self, bytes text):
        self.open(text)
        return self.events.event(0)

    cdef int open(self, bytes text) except -1:
        cdef int code = self.events.open(
            <const uint8_t*>PyBytes_AS_STRING(text), PyBytes_GET_SIZE(text) - 64, &self.head
        )
        if code:
            raise self.events.error(code)
        return 0

    def tops(self, list texts):
        """Read the best bid and ask of each text as values in C; their sum."""
        cdef Top top
        cdef bytes text
        cdef int64_t total = 0
        for text in texts:
            self.open(text)
            if self.events.top(&top):
                raise ValueError(text)
            total += top.update_id + top.bid_price + top.bid_quantity + top.ask_price + top.ask_quantity
        return total

    def apply(self, MarketSink sink not None, list texts):
        """Give the diff of each text to a sink, as values in C."""
        cdef Depth depth
        cdef bytes text
        for text in texts:
            self.open(text)
            if self.events.depth(&depth):
                raise ValueError(text)
            sink.on_diff(0, &depth, 1)


cdef class Sum(MarketSink):
    """A sink that adds up what it gets."""

    cdef readonly int64_t events
    cdef readonly int64_t total

    cdef int on_top(self, int tag, const Top* top, int64_t now) except -1:
        self.events += 1
        self.total += top.update_id + top.bid_price + top.bid_quantity + top.ask_price + top.ask_quantity
        return 0

    cdef int on_trade(self, int tag, const Trade* trade, int64_t now) except -1:
        self.events += 1
        self.total += trade.id + trade.price + trade.quantity
        return 0

    cdef int on_diff(self, int tag, const Depth* depth, int64_t now) except -1:
        self.events += 1
        self.total += depth.last_id
        return 0
