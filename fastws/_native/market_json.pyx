# cython: language_level=3
"""Messages of JSON market data connections -> dicts, and values in C.

In: open() with the bytes of a message of ``/stream``, which has 64 readable bytes behind it. Out: what the message is
(EventHead), then the opened event in the form that is asked for.
Memory: the bytes are borrowed until the next open(); the rows of depth() are owned, and valid until the next call.
Failure: a code, of which error() makes the exception; event() raises it.
"""

from cpython.mem cimport PyMem_Free, PyMem_Realloc
from libc.stdint cimport INT64_MAX, int64_t, uint8_t

from .market_values cimport (
    CONTROL_REPLY, MARKET_DEPTH, MARKET_DIFF, MARKET_OTHER, MARKET_TOP, MARKET_TRADE, SHUTDOWN, STREAM_EVENT, Depth,
    EventHead, Top, Trade,
)

from decimal import Decimal

from .json import loads
from .._common.shown import shown
from ..errors import JsonError

cdef enum:
    WRONG = 2

# The decimals of each event, by its documented name; letters mean different things in different events.
_PRICES = frozenset("p q".split())
_DECIMALS = {
    "trade": _PRICES,
    "aggTrade": _PRICES,
    "blockTrade": _PRICES,
    "bookTicker": frozenset("b B a A".split()),
    "kline": frozenset("o c h l v q V Q".split()),
    "24hrMiniTicker": frozenset("c o h l v q".split()),
    "24hrTicker": frozenset("p P w x c Q b B a A o h l v q".split()),
    "rolling": frozenset("p P o h l c w v q".split()),
    "avgPrice": frozenset("w"),
    "referencePrice": frozenset("r"),
}
_LEVELS = ("b", "a", "bids", "asks")


cdef class JsonEvents:
    """Reads the messages of JSON connections, and the texts of those in SBE.

    Args:
        numbers: what decimals are: "str", "float" or "decimal".
        time_unit: of the wire's times: "ms" or "us".
        views: whether events are Views.
    """

    def __cinit__(self, str numbers="str", str time_unit="ms", bint views=False):
        self.numbers = ("str", "float", "decimal").index(numbers)
        self.to_microseconds = 1 if time_unit == "us" else 1000
        self.views = views

    def __dealloc__(self):
        PyMem_Free(self.rows)

    cdef int open(self, const uint8_t* data, Py_ssize_t size, EventHead* head) noexcept:
        try:
            return _open(self, data, size, head)
        except BaseException as exc:
            self.decoded = exc
            return WRONG

    cdef int top(self, Top* top) noexcept:
        try:
            event = self.decoded["data"]
            prices, top.price_exponent = _integers([event["b"], event["a"]])
            quantities, top.quantity_exponent = _integers([event["B"], event["A"]])
            top.event_time = _time(self, event.get("E", 0))
            top.update_id = event["u"]
            top.bid_price, top.ask_price = prices
            top.bid_quantity, top.ask_quantity = quantities
        except BaseException as exc:
            self.decoded = _wrong(exc)
            return WRONG
        return 0

    cdef int trade(self, Py_ssize_t i, Trade* trade) noexcept:
        try:
            event = self.decoded["data"]
            (price,), trade.price_exponent = _integers([event["p"]])
            (quantity,), trade.quantity_exponent = _integers([event["q"]])
            trade.price, trade.quantity = price, quantity
            trade.id = event["a"] if event["e"] == "aggTrade" else event["t"]
            trade.event_time = _time(self, event["E"])
            trade.trade_time = _time(self, event["T"])
            trade.is_buyer_maker = event["m"]
        except BaseException as exc:
            self.decoded = _wrong(exc)
            return WRONG
        return 0

    cdef int depth(self, Depth* depth) noexcept:
        cdef int64_t* rows
        cdef Py_ssize_t i
        try:
            event = self.decoded["data"]
            diff = "U" in event
            bids, asks = (event["b"], event["a"]) if diff else (event["bids"], event["asks"])
            levels = [*bids, *asks]
            prices, depth.price_exponent = _integers([level[0] for level in levels])
            quantities, depth.quantity_exponent = _integers([level[1] for level in levels])
            if len(levels) > self.room:
                rows = <int64_t*>PyMem_Realloc(self.rows, 16 * len(levels))
                if rows == NULL:
                    raise MemoryError
                self.rows = rows
                self.room = len(levels)
            for i in range(len(levels)):
                self.rows[2 * i] = prices[i]
                self.rows[2 * i + 1] = quantities[i]
            depth.event_time = _time(self, event.get("E", 0))
            depth.last_id = event["u"] if diff else event["lastUpdateId"]
            depth.first_id = event["U"] if diff else depth.last_id
            depth.bids.first = <const uint8_t*>self.rows
            depth.bids.count = len(bids)
            depth.asks.first = <const uint8_t*>(self.rows + 2 * len(bids))
            depth.asks.count = len(asks)
            depth.bids.stride = depth.asks.stride = 16
        except BaseException as exc:
            self.decoded = _wrong(exc)
            return WRONG
        return 0

    cdef object event(self, Py_ssize_t i):
        return _shown(loads(self.name)["data"], self.numbers)

    cdef tuple reply(self):
        message = self.decoded
        error = message.get("error", message if "code" in message else None)
        if error is None:
            return message.get("id"), message.get("result"), None, None
        return message.get("id"), None, error.get("code"), error.get("msg")

    cdef object error(self, int code):
        return self.decoded if isinstance(self.decoded, BaseException) else JsonError("a message that cannot be read")


cdef int _open(JsonEvents self, const uint8_t* data, Py_ssize_t size, EventHead* head) except -1:
    cdef bytes text = (<const char*>data)[:size]
    cdef Py_ssize_t at
    self.name = text
    message = self.decoded = loads(text)
    if not isinstance(message, dict):
        raise JsonError("a message is an object")
    event = message.get("data")
    if message.get("stream") == "!serverShutdown" or message.get("e") == "serverShutdown":
        head.what = SHUTDOWN
        return 0
    if isinstance(message.get("stream"), str) and isinstance(event, (dict, list)):
        name = message["stream"].encode()
        self.payload = data
        head.what = STREAM_EVENT
        found = text.find(name)
        if found < 0:
            raise JsonError("the name of a stream is written with escapes")
        at = found
        head.name = <const char*>data + at
        head.name_size = len(name)
        head.template_id = 0
        head.count = 1
        head.timed = False
        head.kind = MARKET_OTHER
        first = event[0] if isinstance(event, list) else event
        head.event_time = _time(self, first.get("E", 0))
        if "U" in first:
            head.kind = MARKET_DIFF
            head.first_id, head.last_id = first["U"], first["u"]
        else:
            if "lastUpdateId" in first:
                head.kind = MARKET_DEPTH
                head.last_id = first["lastUpdateId"]
            elif "u" in first:
                head.kind = MARKET_TOP
                head.last_id = first["u"]
            elif first.get("e") in ("trade", "blockTrade"):
                head.kind = MARKET_TRADE
                head.last_id = first["t"]
            elif first.get("e") == "aggTrade":
                head.kind = MARKET_TRADE
                head.last_id = first["a"]
            else:
                head.timed = True
                head.last_id = first.get("E", first.get("t", 0))
            head.first_id = head.last_id
        return 0
    if "id" in message or "error" in message or "code" in message:
        head.what = CONTROL_REPLY
        return 0
    raise JsonError("a message that is no event of a stream, no reply and no notice")


cdef int64_t _time(JsonEvents self, object value) except -1:
    return value * self.to_microseconds


def _wrong(exc):
    return exc if isinstance(exc, JsonError) else JsonError(f"an event of another shape than documented: {exc!r}")


def _integers(texts):
    """Decimals as integers with a common exponent: -8, or a finer one that all of them need."""
    numbers = [Decimal(text) for text in texts]
    exponent = min([-8] + [number.as_tuple().exponent for number in numbers])
    found = [int(number.scaleb(-exponent)) for number in numbers]
    if [number for number in found if abs(number) > INT64_MAX]:
        raise JsonError(f"a number does not fit 64 bits: {shown(texts)}")
    return found, exponent


def _shown(event, int numbers):
    if numbers == 0:
        return event
    convert = float if numbers == 1 else Decimal
    if isinstance(event, list):
        return [_shown(each, numbers) for each in event]
    kind = event.get("e")
    if kind is None and "u" in event:
        kind = "bookTicker"
    if kind == "kline":
        event["k"] = _converted(event["k"], _DECIMALS["kline"], convert)
        return event
    if kind in (None, "depthUpdate"):
        for name in _LEVELS:
            if name in event:
                event[name] = [[convert(price), convert(quantity)] for price, quantity, *_ in event[name]]
        return event
    if kind.endswith("Ticker") and kind not in _DECIMALS:
        kind = "rolling"
    return _converted(event, _DECIMALS.get(kind, ()), convert)


def _converted(event, names, convert):
    for name in names:
        if isinstance(event.get(name), str):
            event[name] = convert(event[name])
    return event
