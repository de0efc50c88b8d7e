# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Decoders of two SBE responses, written by hand: what fastws' table-driven walker is measured against.
And floors: the objects of a reply made of ready values, and the least view of an order.

The decoders know one version of two messages, check nothing but the frame, and make the values that fastws makes, with decimals
as texts or as floats.
"""

import sys

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from cpython.dict cimport PyDict_SetItem
from cpython.list cimport PyList_New, PyList_SET_ITEM
from cpython.object cimport PyObject
from cpython.ref cimport Py_INCREF
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy

cdef extern from *:
    """
    static const char by_hand_pairs[] =
        "00010203040506070809101112131415161718192021222324252627282930313233343536373839404142434445464748495051"
        "52535455565758596061626364656667686970717273747576777879808182838485868788899091929394959697989900";
    """
    const char by_hand_pairs[]

cdef extern from *:
    """
    #if PY_VERSION_HEX < 0x030D0000
    #define by_hand_dict(n) ((n) > 5 ? _PyDict_NewPresized(n) : PyDict_New())
    #else
    #define by_hand_dict(n) PyDict_New()
    #endif
    """
    object by_hand_dict(Py_ssize_t room)

cdef extern from "Python.h":
    object PyUnicode_New(Py_ssize_t size, unsigned int biggest)
    void* PyUnicode_DATA(object text)
    PyObject* PyList_GET_ITEM(object values, Py_ssize_t at)     # borrowed
    PyObject* PyTuple_GET_ITEM(object values, Py_ssize_t at)    # borrowed

cdef tuple STATUS = ("NEW", "PARTIALLY_FILLED", "FILLED", "CANCELED", "PENDING_CANCEL", "REJECTED", "EXPIRED", None, None, "EXPIRED_IN_MATCH")
cdef tuple TIF = ("GTC", "IOC", "FOK")
cdef tuple TYPE = ("MARKET", "LIMIT", "STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT", "LIMIT_MAKER")
cdef tuple SIDE = ("BUY", "SELL")
cdef tuple STP = (None, "NONE", "EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH", "DECREMENT", "TRANSFER")
cdef tuple INTERVAL = ("SECOND", "MINUTE", "HOUR", "DAY")
cdef tuple LIMIT = ("RAW_REQUESTS", "CONNECTIONS", "REQUEST_WEIGHT", "ORDERS")

cdef inline int64_t i64(const uint8_t* p) noexcept:
    cdef int64_t v
    memcpy(&v, p, 8)
    return v

cdef object dec(int64_t m, bint floats):
    cdef char buf[32]
    cdef char* to = buf + 32
    cdef uint64_t u, hi
    cdef uint32_t lo
    if floats:
        return <double>m / 1e8
    u = <uint64_t>(-m if m < 0 else m)
    hi = u // 100000000
    lo = <uint32_t>(u % 100000000)
    for _ in range(4):
        to -= 2
        memcpy(to, by_hand_pairs + (lo % 100) * 2, 2)
        lo //= 100
    to -= 1
    to[0] = c"."
    while hi >= 100:
        to -= 2
        memcpy(to, by_hand_pairs + (hi % 100) * 2, 2)
        hi //= 100
    if hi >= 10:
        to -= 2
        memcpy(to, by_hand_pairs + hi * 2, 2)
    else:
        to -= 1
        to[0] = <char>(48 + hi)
    if m < 0:
        to -= 1
        to[0] = c"-"
    s = PyUnicode_New(buf + 32 - to, 127)
    memcpy(PyUnicode_DATA(s), to, buf + 32 - to)
    return s

cdef inline object text(const uint8_t* p):
    s = PyUnicode_New(p[0], 127)
    memcpy(PyUnicode_DATA(s), p + 1, p[0])
    return s

cdef object limits(const uint8_t** at):
    cdef const uint8_t* p = at[0]
    cdef int n = p[2] | p[3] << 8
    cdef int bl = p[0] | p[1] << 8
    p += 4
    out = []
    for _ in range(n):
        out.append({"rateLimitType": LIMIT[p[0]], "interval": INTERVAL[p[1]], "intervalNum": p[2], "limit": i64(p + 3), "count": i64(p + 11)})
        p += bl
    at[0] = p
    return out

def order_full(bytes data, bint floats=False):
    cdef const uint8_t* p = <const uint8_t*>PyBytes_AS_STRING(data)
    cdef const uint8_t* b
    cdef int n, bl
    out = {"status": p[9] | p[10] << 8}
    p += 11
    out["rateLimits"] = limits(&p)
    out["id"] = text(p)
    p += 1 + p[0] + 4
    b = p + 8
    bl = p[0] | p[1] << 8
    r = by_hand_dict(18)
    r["orderId"] = i64(b + 2)
    r["orderListId"] = -1 if i64(b + 10) < -2**62 else i64(b + 10)
    r["transactTime"] = i64(b + 18) // 1000
    r["price"] = dec(i64(b + 26), floats)
    r["origQty"] = dec(i64(b + 34), floats)
    r["executedQty"] = dec(i64(b + 42), floats)
    r["cummulativeQuoteQty"] = dec(i64(b + 50), floats)
    r["status"] = STATUS[b[58]]
    r["timeInForce"] = TIF[b[59]]
    r["type"] = TYPE[b[60]]
    r["side"] = SIDE[b[61]]
    if i64(b + 62) > -2**62: r["stopPrice"] = dec(i64(b + 62), floats)
    if i64(b + 70) > -2**62: r["trailingDelta"] = i64(b + 70)
    if i64(b + 78) > -2**62: r["trailingTime"] = i64(b + 78) // 1000
    r["workingTime"] = -1 if i64(b + 86) < -2**62 else i64(b + 86) // 1000
    if i64(b + 94) > -2**62: r["icebergQty"] = dec(i64(b + 94), floats)
    if i64(b + 102) > -2**62: r["strategyId"] = i64(b + 102)
    r["selfTradePreventionMode"] = STP[b[116]]
    if i64(b + 117) > -2**62: r["tradeGroupId"] = i64(b + 117)
    r["origQuoteOrderQty"] = dec(i64(b + 134), floats)
    p = b + bl
    bl = p[0] | p[1] << 8
    n = p[2] | p[3] << 8 | p[4] << 16
    p += 6
    fills = []
    for _ in range(n):
        f = {"price": dec(i64(p + 2), floats), "qty": dec(i64(p + 10), floats), "commission": dec(i64(p + 18), floats), "tradeId": i64(p + 26)}
        p += bl
        f["commissionAsset"] = text(p)
        p += 1 + p[0]
        fills.append(f)
    r["fills"] = fills
    p += 6
    r["symbol"] = text(p)
    p += 1 + p[0]
    r["clientOrderId"] = text(p)
    out["result"] = r
    return out

def depth(bytes data, bint floats=False):
    cdef const uint8_t* p = <const uint8_t*>PyBytes_AS_STRING(data)
    cdef const uint8_t* b
    cdef int n, bl, k
    out = {"status": p[9] | p[10] << 8}
    p += 11
    out["rateLimits"] = limits(&p)
    out["id"] = text(p)
    p += 1 + p[0] + 4
    b = p + 8
    r = {"lastUpdateId": i64(b)}
    p = b + (p[0] | p[1] << 8)
    for k in range(2):
        bl = p[0] | p[1] << 8
        n = p[2] | p[3] << 8
        p += 6
        levels = []
        for _ in range(n):
            levels.append([dec(i64(p), floats), dec(i64(p + 8), floats)])
            p += bl
        r["asks" if k else "bids"] = levels
    out["result"] = r
    return out


# ---------------------------------------------------------------------------------------------------- floors

cdef enum:
    MADE_DICT
    MADE_LIST
    MADE_TEXT
    MADE_INT
    KEPT


cdef class Objects:
    """The objects of a document, ready to be made: keys are there, values are made of C values.

    ``make()`` costs what CPython takes to create the objects of a decoder's result, with nothing to read, check or look
    up. Short texts that a decoder may keep (up to 16 bytes, not a number), true, false and null are there already.
    """

    cdef int kind
    cdef int64_t number
    cdef bytes text
    cdef tuple keys
    cdef list within
    cdef object kept

    def __init__(self, value):
        if isinstance(value, dict):
            self.kind = MADE_DICT
            self.keys = tuple([sys.intern(key) for key in value])
            self.within = [Objects(each) for each in value.values()]
        elif isinstance(value, list):
            self.kind = MADE_LIST
            self.within = [Objects(each) for each in value]
        elif isinstance(value, str) and value.isascii() and (len(value) > 16 or value[:1] <= "9"):
            self.kind = MADE_TEXT
            self.text = value.encode()
        elif type(value) is int and -(1 << 63) <= value < 1 << 63:
            self.kind = MADE_INT
            self.number = value
        else:
            self.kind = KEPT
            self.kept = value

    cdef object made(self):
        cdef Py_ssize_t i, size
        cdef dict entries
        cdef list values
        if self.kind == MADE_TEXT:
            size = len(self.text)
            text = PyUnicode_New(size, 127)
            memcpy(PyUnicode_DATA(text), PyBytes_AS_STRING(self.text), size)
            return text
        if self.kind == MADE_INT:
            return self.number
        if self.kind == KEPT:
            return self.kept
        size = len(self.within)
        if self.kind == MADE_DICT:
            entries = by_hand_dict(size)
            for i in range(size):
                value = (<Objects>PyList_GET_ITEM(self.within, i)).made()
                PyDict_SetItem(entries, <object>PyTuple_GET_ITEM(self.keys, i), value)
            return entries
        values = PyList_New(size)
        for i in range(size):
            value = (<Objects>PyList_GET_ITEM(self.within, i)).made()
            Py_INCREF(value)
            PyList_SET_ITEM(values, i, value)
        return values


def make(Objects objects not None):
    """The objects."""
    return objects.made()


cdef class OrderView:
    """The least view of an order: it owns the bytes, and knows three fields by the identity of their names."""

    cdef bytes data
    cdef const uint8_t* block

    def __getitem__(self, key):
        if key is ORDER_ID:
            return i64(self.block + 2)
        if key is ORDER_STATUS:
            return <object>PyTuple_GET_ITEM(STATUS, self.block[58])
        if key is EXECUTED:
            return dec(i64(self.block + 42), False)
        raise KeyError(key)


def order_view(bytes data not None):
    """(id, status, view) of the reply to an order."""
    cdef const uint8_t* p = <const uint8_t*>PyBytes_AS_STRING(data)
    cdef const uint8_t* end = p + len(data)
    cdef OrderView view = OrderView.__new__(OrderView)
    cdef int status = p[9] | p[10] << 8
    cdef int64_t number = 0
    cdef int i
    p += 11
    p += 4 + (p[0] | p[1] << 8) * (p[2] | p[3] << 8)
    for i in range(p[0]):
        number = number * 10 + p[1 + i] - 48
    p += 1 + p[0] + 4
    view.data = PyBytes_FromStringAndSize(<const char*>p, end - p)
    view.block = <const uint8_t*>PyBytes_AS_STRING(view.data) + 8
    return number, status, view


cdef str ORDER_ID = sys.intern("orderId")
cdef str ORDER_STATUS = sys.intern("status")
cdef str EXECUTED = sys.intern("executedQty")
