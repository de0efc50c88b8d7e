# cython: language_level=3
"""Messages of SBE market data streams -> dicts as the JSON streams document them, Views, and values in C.

In: the bytes of one message of the schema "spot_stream" (id 1). Out: its symbol and ids before anything is decoded;
then, for each event in it, a dict, a View, or a struct of market_values.pxd.
Memory: the bytes are borrowed from one open() to the next; no byte beyond them is read. A View owns its bytes.
Failure: open() checks the whole message and returns a code; error() makes an SbeError of it. A message that open()
accepted can be decoded.

The four templates are read by hand-written code, since they come more often than all else: fastws.sbe reads them too,
by its plans, with the schema's own names. As the SBE rules say, longer blocks and entries, and bytes behind the symbol,
come from a newer version and are skipped; shorter ones are refused.

Decimals are texts with as many digits behind the point as the exponent says. JSON shows eight, and the exchange sends
the exponent -8, so both are the same today.
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.mem cimport PyMem_Calloc, PyMem_Free
from cpython.object cimport PyObject
from libc.stdint cimport INT64_MIN, int8_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy

from .ascii cimport fastws_new_ascii, fastws_prepare_ascii
from .digits cimport LONGEST_DECIMAL, eight_digits, put_word, write_decimal
from .envelope cimport NUMBERS_DECIMAL, NUMBERS_FLOAT, NUMBERS_STR
from .integers cimport fastws_first_byte_lowest, fastws_lowest_bit, read_i64, read_u16, read_u32
from .market_values cimport (
    MARKET_DEPTH, MARKET_DIFF, MARKET_TOP, MARKET_TRADE, STREAM_EVENT, UNKNOWN_TEMPLATE, Depth, EventHead, Rows, Top,
    Trade, row_price, row_quantity,
)
from .views cimport MISSING, View

from decimal import Decimal

from .._common.shown import shown
from ..errors import SbeError

cdef extern from "Python.h":
    void* PyUnicode_DATA(PyObject* text) noexcept
    PyObject* PyUnicode_DecodeUTF8(const char* text, Py_ssize_t size, const char* errors) except NULL
    PyObject* PyLong_FromLongLong(long long number) except NULL
    PyObject* PyFloat_FromDouble(double number) except NULL
    double PyOS_string_to_double(const char* text, char** end, PyObject* overflow) except? -1.0
    object PyList_New(Py_ssize_t size)
    void PyList_SET_ITEM(object target, Py_ssize_t at, PyObject* value) noexcept
    dict PyDict_Copy(dict source)
    int PyDict_SetItem(dict target, object key, PyObject* value) except -1
    PyObject* PyObject_CallOneArg(object callable, PyObject* arg) except NULL
    void PyErr_Clear() noexcept
    void Py_INCREF(PyObject* value) noexcept
    void Py_DECREF(PyObject* value) noexcept
    void Py_XDECREF(PyObject* value) noexcept

cdef:
    enum:
        SCHEMA = 1
        TRADES = 10000
        TOP = 10001
        DEPTH = 10002
        DIFF = 10003
        HEADER = 8
        TRADES_BLOCK = 18
        TOP_BLOCK = 50
        DEPTH_BLOCK = 18
        DIFF_BLOCK = 26
        TRADE_ENTRY = 25
        LEVEL_ENTRY = 16
        CACHED = 16             # bytes of the longest symbol that is kept
        CACHE_SIZE = 1024

    enum:       # codes of open(); UNKNOWN_TEMPLATE is 1
        SHORT_HEADER = 2
        OTHER_SCHEMA = 3
        SHORT_BLOCK = 4
        LONG_BLOCK = 5
        NO_GROUP = 6
        SHORT_ENTRY = 7
        MANY_ENTRIES = 8
        NO_SYMBOL = 9
        NOT_UTF8 = 10
        NOT_BOOLEAN = 11

    double[23] POWERS = [
        1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19,
        1e20, 1e21, 1e22,
    ]
    int64_t COMMON = 10000000000000000      # 10^16: decimals that have their own way
    uint64_t HIGH_BITS = <uint64_t>0x8080808080808080
    dict _NUMBERS = {"str": NUMBERS_STR, "float": NUMBERS_FLOAT, "decimal": NUMBERS_DECIMAL}
    object _Decimal = Decimal

    # What is copied to make an event: a copy costs less than a new dict.
    dict TRADE_MODEL = {"e": "trade", "E": 0, "s": "", "t": 0, "p": "", "q": "", "T": 0, "m": False, "M": True}
    dict TOP_MODEL = {"u": 0, "s": "", "b": "", "B": "", "a": "", "A": "", "E": 0}
    dict DIFF_MODEL = {"e": "depthUpdate", "E": 0, "s": "", "U": 0, "u": 0, "b": None, "a": None}
    dict DEPTH_MODEL = {"lastUpdateId": 0, "bids": None, "asks": None, "E": 0, "s": ""}
    dict _MODELS = {TRADES: TRADE_MODEL, TOP: TOP_MODEL, DIFF: DIFF_MODEL, DEPTH: DEPTH_MODEL}


fastws_prepare_ascii()

include "market_sbe_errors.pxi"
include "market_sbe_values.pxi"
include "market_sbe_views.pxi"


# ------------------------------------------------------------------------------------------------- hot

cdef inline uint64_t _word(const uint8_t* text) noexcept nogil:
    cdef uint64_t word
    memcpy(&word, text, 8)
    return fastws_first_byte_lowest(word)


cdef inline int _group(
    Rows* rows, const uint8_t** at, const uint8_t* end, Py_ssize_t head, Py_ssize_t shortest
) noexcept nogil:
    """Find the entries of a group whose header has `head` bytes; `at` moves behind them."""
    cdef int64_t count
    if end - at[0] < head:
        return NO_GROUP
    rows.stride = read_u16(at[0])
    count = read_u16(at[0] + 2) if head == 4 else <int64_t>read_u32(at[0] + 2)
    rows.first = at[0] + head
    if count and rows.stride < shortest:
        return SHORT_ENTRY
    if count * rows.stride > end - rows.first:
        return MANY_ENTRIES
    rows.count = <Py_ssize_t>count
    at[0] = rows.first + rows.count * rows.stride
    return 0


cdef inline void _exponents(SbeEvents events, int at) noexcept:
    events.price_exponent = <int8_t>events.block[at]
    events.quantity_exponent = <int8_t>events.block[at + 1]


@cython.final
cdef class SbeEvents:
    """Reads one message at a time; see the module's docstring.

    Args:
        numbers: what decimals become: "str", "float" or "decimal".
        time_unit: of the times in dicts: "ms", rounded down, or "us".
        views: event() gives Views in place of dicts.
    """

    def __cinit__(self, str numbers not None="str", str time_unit not None="ms", bint views=False):
        if numbers not in _NUMBERS:
            raise ValueError(f"numbers: expected 'str', 'float' or 'decimal', got {shown(numbers)}")
        if time_unit not in ("ms", "us"):
            raise ValueError(f"time_unit: expected 'ms' or 'us', got {shown(time_unit)}")
        self.numbers = _NUMBERS[numbers]
        self.divisor = 1000 if time_unit == "ms" else 1
        self.views = views
        self.event_time.microseconds = self.trade_time.microseconds = INT64_MIN
        self.symbols = <Symbol*>PyMem_Calloc(CACHE_SIZE, sizeof(Symbol))
        self.zeros = <PyObject**>PyMem_Calloc(256, sizeof(PyObject*))
        if self.symbols == NULL or self.zeros == NULL:
            raise MemoryError

    def __dealloc__(self):
        cdef int i
        if self.symbols != NULL:
            for i in range(CACHE_SIZE):
                Py_XDECREF(self.symbols[i].text)
        if self.zeros != NULL:
            for i in range(256):
                Py_XDECREF(self.zeros[i])
        PyMem_Free(self.symbols)
        PyMem_Free(self.zeros)
        Py_XDECREF(self.event_time.number)
        Py_XDECREF(self.trade_time.number)

    cdef int open(self, const uint8_t* data, Py_ssize_t size, EventHead* head) noexcept:
        cdef:
            const uint8_t* end = data + size
            const uint8_t* at
            Py_ssize_t length, shortest, i
            uint64_t bits
            int code = 0
        self.data = data
        self.size = size
        self.at = -1
        self.template_id = 0
        if size < HEADER:
            return SHORT_HEADER
        if read_u16(data + 4) != SCHEMA:
            return OTHER_SCHEMA
        self.template_id = read_u16(data + 2)
        if self.template_id == TOP:
            shortest = TOP_BLOCK
        elif self.template_id == TRADES or self.template_id == DEPTH:
            shortest = TRADES_BLOCK
        elif self.template_id == DIFF:
            shortest = DIFF_BLOCK
        else:
            return UNKNOWN_TEMPLATE
        length = read_u16(data)
        if length < shortest:
            return SHORT_BLOCK
        if length > size - HEADER:
            return LONG_BLOCK
        self.block = data + HEADER
        at = self.block + length
        head.what = STREAM_EVENT
        head.template_id = self.template_id
        head.timed = False
        head.count = 1
        head.event_time = read_i64(self.block)
        if self.template_id == TOP:
            head.kind = MARKET_TOP
            head.first_id = head.last_id = read_i64(self.block + 8)
            _exponents(self, 16)
        elif self.template_id == TRADES:
            head.kind = MARKET_TRADE
            _exponents(self, 16)
            code = _group(&self.rows, &at, end, 6, TRADE_ENTRY)
            if code:
                return _at_group(self, "trades", code)
            head.count = self.rows.count
            head.first_id = head.last_id = 0
            for i in range(self.rows.count):
                if self.rows.first[i * self.rows.stride + 24] > 1:
                    self.at = i
                    return NOT_BOOLEAN
            if self.rows.count:
                head.first_id = read_i64(self.rows.first)
                head.last_id = read_i64(self.rows.first + (self.rows.count - 1) * self.rows.stride)
        else:
            if self.template_id == DIFF:
                head.kind = MARKET_DIFF
                head.first_id = read_i64(self.block + 8)
                head.last_id = read_i64(self.block + 16)
                _exponents(self, 24)
            else:
                head.kind = MARKET_DEPTH
                head.first_id = head.last_id = read_i64(self.block + 8)
                _exponents(self, 16)
            code = _group(&self.rows, &at, end, 4, LEVEL_ENTRY)
            if code:
                return _at_group(self, "bids", code)
            code = _group(&self.asks, &at, end, 4, LEVEL_ENTRY)
            if code:
                return _at_group(self, "asks", code)
        if at >= end or at[0] > end - at - 1:
            return NO_SYMBOL
        self.symbol = at + 1
        head.name = <const char*>self.symbol
        self.symbol_size = head.name_size = at[0]
        # at least eight bytes stand in front of the symbol
        bits = 0
        i = self.symbol_size
        at = at + 1
        while i >= 8:
            i -= 8
            bits |= _word(at + i)
        if i:
            bits |= _word(at + i - 8) >> (64 - 8 * i)
        if bits & HIGH_BITS:
            return _check_symbol(self)
        return 0

    cdef int top(self, Top* top) noexcept:
        top.event_time = read_i64(self.block)
        top.update_id = read_i64(self.block + 8)
        top.price_exponent = <int8_t>self.price_exponent
        top.quantity_exponent = <int8_t>self.quantity_exponent
        top.bid_price = read_i64(self.block + 18)
        top.bid_quantity = read_i64(self.block + 26)
        top.ask_price = read_i64(self.block + 34)
        top.ask_quantity = read_i64(self.block + 42)
        return 0

    cdef int trade(self, Py_ssize_t i, Trade* trade) noexcept:
        cdef const uint8_t* entry = self.rows.first + i * self.rows.stride
        trade.event_time = read_i64(self.block)
        trade.trade_time = read_i64(self.block + 8)
        trade.price_exponent = <int8_t>self.price_exponent
        trade.quantity_exponent = <int8_t>self.quantity_exponent
        trade.id = read_i64(entry)
        trade.price = read_i64(entry + 8)
        trade.quantity = read_i64(entry + 16)
        trade.is_buyer_maker = entry[24]
        return 0

    cdef int depth(self, Depth* depth) noexcept:
        depth.event_time = read_i64(self.block)
        depth.first_id = read_i64(self.block + 8)
        depth.last_id = read_i64(self.block + 16) if self.template_id == DIFF else depth.first_id
        depth.price_exponent = <int8_t>self.price_exponent
        depth.quantity_exponent = <int8_t>self.quantity_exponent
        depth.bids = self.rows
        depth.asks = self.asks
        return 0

    cdef object event(self, Py_ssize_t i):
        cdef SbeEventView view
        if not self.views:
            return _decode(self, i)
        view = SbeEventView.__new__(SbeEventView)
        view.data = PyBytes_FromStringAndSize(<const char*>self.data, self.size)
        view.i = i
        view.numbers = self.numbers
        view.divisor = self.divisor
        return view

    # --------------------------------------------------------------------------------------------- cold

    cdef object error(self, int code):
        return _error(self, code)

    def read(self, bytes message not None):
        """The events of a whole message, for tests and benchmarks: (head as a dict, list of events).

        Raises:
            SbeError: the message cannot be read, or its template is unknown.
        """
        cdef EventHead head
        cdef Py_ssize_t i
        cdef int code = self.open(<const uint8_t*>PyBytes_AS_STRING(message), PyBytes_GET_SIZE(message), &head)
        if code:
            raise self.error(code)
        said = {
            "kind": head.kind, "name": head.name[:head.name_size].decode(), "template_id": head.template_id,
            "first_id": head.first_id, "last_id": head.last_id, "event_time": head.event_time, "timed": head.timed,
        }
        return said, [self.event(i) for i in range(head.count)]

    def values(self, bytes message not None):
        """The values in C of a whole message, as dicts, for tests."""
        cdef EventHead head
        cdef Top top
        cdef Trade trade
        cdef Depth depth
        cdef Py_ssize_t i
        cdef int code = self.open(<const uint8_t*>PyBytes_AS_STRING(message), PyBytes_GET_SIZE(message), &head)
        if code:
            raise self.error(code)
        if head.kind == MARKET_TOP:
            self.top(&top)
            return [top]
        if head.kind == MARKET_TRADE:
            found = []
            for i in range(head.count):
                self.trade(i, &trade)
                found.append(trade)
            return found
        self.depth(&depth)
        return [depth_values(&depth)]


cdef dict depth_values(const Depth* depth):
    """A Depth as a dict, with its rows as lists, for tests."""
    return {
        "event_time": depth.event_time, "first_id": depth.first_id, "last_id": depth.last_id,
        "price_exponent": depth.price_exponent, "quantity_exponent": depth.quantity_exponent,
        "bids": [(row_price(&depth.bids, i), row_quantity(&depth.bids, i)) for i in range(depth.bids.count)],
        "asks": [(row_price(&depth.asks, i), row_quantity(&depth.asks, i)) for i in range(depth.asks.count)],
    }
