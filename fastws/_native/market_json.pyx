# cython: language_level=3
"""Messages of JSON market data connections -> dicts, Views, and values in C.

In: the text of one message of ``/stream``, which has 64 readable bytes behind it. Out: what the message is, and the ids
of an event before it is decoded; then the event as a dict, a View or a struct of market_values.pxd; or the reply to a
control request.
Memory: the bytes are borrowed from one open() to the next; the rows of depth() are owned, and valid until the next call
of depth(). A View owns its bytes.
Failure: a code, of which error() makes the exception; event() raises it.

The exchange writes an event in one way: no spaces, its keys in one order, eight digits behind the point. A message that
is written so is read by comparing; any other is valid JSON too, and goes the general way (market_json_general.pxi),
which decodes it as a whole. Both give the same.
A price in C is its text times 10^8, exactly. Where a number of a message has more digits behind the point, or does not
fit 64 bits then, all numbers of its kind in that message have another exponent; if none fits, that is an error.
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.mem cimport PyMem_Free, PyMem_Realloc
from libc.stdint cimport INT64_MAX, int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memchr, memcmp, memcpy

from .envelope cimport NUMBERS_DECIMAL, NUMBERS_STR, SHAPE_FIELDS
from .integers cimport eight_digits_value, fastws_first_byte_lowest, fastws_lowest_bit
from .json cimport TRAILING, Decoder
from .json_views cimport json_view
from .market_values cimport (
    CONTROL_REPLY, MARKET_DEPTH, MARKET_DIFF, MARKET_OTHER, MARKET_TOP, MARKET_TRADE, SHUTDOWN, STREAM_EVENT, Depth,
    EventHead, Top, Trade, row_price, row_quantity,
)
from .views cimport MISSING, View

import re
from decimal import Decimal

from .._common.shown import shown
from ..errors import DecodeError, JsonError

cdef:
    enum:
        WRONG = 2               # the code of an exception in `decoded`
        SHORTEST_ROW = 27       # ["0.00000000","0.00000000"],
        MOST_EXPONENT = 100     # of ten, in a text

    enum:       # shapes
        GENERAL = 0
        TRADE = 1
        AGG_TRADE = 2
        BLOCK_TRADE = 3
        BOOK_TICKER = 4
        DIFF = 5
        PARTIAL = 6
        OTHER = 7

    uint64_t HIGH_BITS = <uint64_t>0x8080808080808080
    uint64_t LOW_BITS = <uint64_t>0x0101010101010101
    uint64_t[9] TENS = [1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000]
    tuple _MODES = ("str", "float", "decimal")
    object _is_decimal = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]+)?").fullmatch

include "market_json_scan.pxi"
include "market_json_general.pxi"


@cython.final
cdef class JsonEvents:
    """Reads one message at a time; see the module's docstring. On SBE connections it reads the texts.

    Args:
        numbers: what decimals become: "str", "float" or "decimal".
        time_unit: of the wire's times: "ms" or "us".
        views: event() gives Views in place of dicts.
    """

    def __cinit__(self, str numbers not None="str", str time_unit not None="ms", bint views=False):
        if numbers not in _MODES:
            raise ValueError(f"numbers: expected 'str', 'float' or 'decimal', got {shown(numbers)}")
        if time_unit not in ("ms", "us"):
            raise ValueError(f"time_unit: expected 'ms' or 'us', got {shown(time_unit)}")
        self.numbers = _MODES.index(numbers)
        self.to_microseconds = 1 if time_unit == "us" else 1000
        self.views = views
        self.decoder = Decoder()

    def __dealloc__(self):
        PyMem_Free(self.rows)

    # --------------------------------------------------------------------------------------------- hot

    cdef int open(self, const uint8_t* data, Py_ssize_t size, EventHead* head) noexcept:
        cdef const uint8_t* name
        cdef const uint8_t* behind
        self.data = data
        self.end = data + size
        self.payload = NULL
        self.shape = GENERAL
        if size > 24 and memcmp(data, b'{"stream":"', 11) == 0 and self.end[-1] == c"}":
            name = data + 11
            behind = <const uint8_t*>memchr(name, c'"', size - 11)
            if (
                behind != NULL and self.end - behind > 10 and memcmp(behind, b'","data":', 9) == 0
                and _is_plain_name(name, behind - name)
            ):
                self.payload = behind + 9
                if _scan_head(self, head):
                    head.what = STREAM_EVENT
                    head.name = <const char*>name
                    head.name_size = behind - name
                    head.template_id = 0
                    head.count = 1
                    head.first_id = self.first_id
                    head.last_id = self.last_id
                    head.event_time = self.event_time
                    return 0
                self.payload = NULL
        return _open_general(self, head)

    cdef int top(self, Top* top) noexcept:
        if self.shape == BOOK_TICKER and _scan_top(self, top):
            return 0
        return _top_general(self, top)

    cdef int trade(self, Py_ssize_t i, Trade* trade) noexcept:
        if TRADE <= self.shape <= BLOCK_TRADE and _scan_trade(self, trade):
            return 0
        return _trade_general(self, trade)

    cdef int depth(self, Depth* depth) noexcept:
        if (self.shape == DIFF or self.shape == PARTIAL) and _scan_depth(self, depth):
            return 0
        return _depth_general(self, depth)

    cdef object event(self, Py_ssize_t i):
        cdef Py_ssize_t size
        cdef int code
        if self.payload == NULL:
            return _event_general(self)
        size = self.end - 1 - self.payload
        code = self.decoder.index(<const char*>self.payload, size)
        if code:
            raise self.decoder.error(code)
        if not self.views:
            event = self.decoder.whole_value(SHAPE_FIELDS)
            return event if self.numbers == NUMBERS_STR else _shown(event, self.numbers)
        return _view(self.decoder, self.payload, size, self.numbers)

    # --------------------------------------------------------------------------------------------- cold

    cdef tuple reply(self):
        return _reply(self.decoded)

    cdef object error(self, int code):
        """The exception of a code."""
        return self.decoded if isinstance(self.decoded, BaseException) else JsonError("not a message")

    def read(self, bytes message not None):
        """What a message is: (head as a dict, event), ("reply", reply) or ("shutdown", None); for tests, benchmarks.

        Raises:
            JsonError: the message cannot be read.
        """
        cdef EventHead head
        cdef bytes kept = message + bytes(64)
        cdef int code = self.open(<const uint8_t*>PyBytes_AS_STRING(kept), PyBytes_GET_SIZE(message), &head)
        if code:
            raise self.error(code)
        if head.what == CONTROL_REPLY:
            return "reply", self.reply()
        if head.what == SHUTDOWN:
            return "shutdown", None
        said = {
            "kind": head.kind, "name": head.name[:head.name_size].decode(), "template_id": head.template_id,
            "first_id": head.first_id, "last_id": head.last_id, "event_time": head.event_time, "timed": head.timed,
        }
        return said, self.event(0)

    def values(self, bytes message not None):
        """The values in C of an event, as a dict; None of an event that has none; for tests."""
        cdef EventHead head
        cdef Top top
        cdef Trade trade
        cdef Depth depth
        cdef bytes kept = message + bytes(64)
        cdef int code = self.open(<const uint8_t*>PyBytes_AS_STRING(kept), PyBytes_GET_SIZE(message), &head)
        if code == 0 and head.kind == MARKET_TOP:
            code = self.top(&top)
            if code == 0:
                return top
        elif code == 0 and head.kind == MARKET_TRADE:
            code = self.trade(0, &trade)
            if code == 0:
                return trade
        elif code == 0 and head.kind != MARKET_OTHER:
            code = self.depth(&depth)
            if code == 0:
                return {
                    "event_time": depth.event_time, "first_id": depth.first_id, "last_id": depth.last_id,
                    "price_exponent": depth.price_exponent, "quantity_exponent": depth.quantity_exponent,
                    "bids": [
                        (row_price(&depth.bids, i), row_quantity(&depth.bids, i)) for i in range(depth.bids.count)
                    ],
                    "asks": [
                        (row_price(&depth.asks, i), row_quantity(&depth.asks, i)) for i in range(depth.asks.count)
                    ],
                }
        if code:
            raise self.error(code)
        return None

    def is_general(self):
        """Whether the last message was written in another way than the exchange's; for tests."""
        return self.shape == GENERAL


@cython.no_gc
@cython.collection_type("mapping")
@cython.final
cdef class JsonEventView(View):
    """A View over an event whose decimals are numbers; reading a field decodes the event."""

    def __init__(self):
        raise TypeError("views are made of messages")

    cdef object _find(self, object key):
        return self.to_dict().get(key, MISSING)

    cpdef dict to_dict(self):
        cdef Decoder decoder = Decoder()
        cdef int code = decoder.index(decoder.copy(self.data), PyBytes_GET_SIZE(self.data))
        if code:
            raise decoder.error(code)
        return _shown(decoder.whole_value(SHAPE_FIELDS), self.numbers)


cdef object _view(Decoder decoder, const uint8_t* text, Py_ssize_t size, int numbers):
    """A View of the event at the decoder's first mark; of an array a list of Views, or of dicts with numbers."""
    cdef uint32_t whole_at = 0
    cdef JsonEventView view
    decoder.whole = False
    if numbers == NUMBERS_STR:
        made = json_view(decoder, 0, &whole_at)
        if decoder.at != decoder.count:
            raise decoder.error(TRAILING)
        return made
    if text[0] != c"{":
        return _shown(decoder.whole_value(SHAPE_FIELDS), numbers)
    view = JsonEventView.__new__(JsonEventView)
    view.data = PyBytes_FromStringAndSize(<const char*>text, size)
    view.numbers = numbers
    return view
