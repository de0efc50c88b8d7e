# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Decoders of market data written by hand, each of one message of one version: what fastws' decoders are measured against.

They check nothing, and make the dicts that fastws makes, with decimals as texts and times in milliseconds.
"""

from cpython.bytes cimport PyBytes_AS_STRING
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy

cdef extern from *:
    """
    static const char market_pairs[] =
        "00010203040506070809101112131415161718192021222324252627282930313233343536373839404142434445464748495051"
        "52535455565758596061626364656667686970717273747576777879808182838485868788899091929394959697989900";
    #if PY_VERSION_HEX < 0x030D0000
    #define market_dict(n) ((n) > 5 ? _PyDict_NewPresized(n) : PyDict_New())
    #else
    #define market_dict(n) PyDict_New()
    #endif
    """
    const char market_pairs[]
    object market_dict(Py_ssize_t room)

cdef extern from "Python.h":
    object PyUnicode_New(Py_ssize_t size, unsigned int biggest)
    void* PyUnicode_DATA(object text)


cdef inline int64_t i64(const uint8_t* p) noexcept:
    cdef int64_t value
    memcpy(&value, p, 8)
    return value


cdef inline object ascii_of(const char* data, Py_ssize_t size):
    text = PyUnicode_New(size, 127)
    memcpy(PyUnicode_DATA(text), data, size)
    return text


cdef object decimal(int64_t mantissa):
    """The text of a number that is not negative, with eight places."""
    cdef char buffer[32]
    cdef char* to = buffer + 32
    cdef uint64_t high = <uint64_t>mantissa // 100000000
    cdef uint32_t low = <uint32_t>(<uint64_t>mantissa % 100000000)
    for _ in range(4):
        to -= 2
        memcpy(to, market_pairs + (low % 100) * 2, 2)
        low //= 100
    to -= 1
    to[0] = c"."
    while high >= 100:
        to -= 2
        memcpy(to, market_pairs + (high % 100) * 2, 2)
        high //= 100
    if high >= 10:
        to -= 2
        memcpy(to, market_pairs + high * 2, 2)
    else:
        to -= 1
        to[0] = <char>(48 + high)
    return ascii_of(to, buffer + 32 - to)


cdef inline object symbol_at(const uint8_t* p):
    return ascii_of(<const char*>p + 1, p[0])


def top(bytes message not None):
    """The dict of a bestBidAsk."""
    cdef const uint8_t* p = <const uint8_t*>PyBytes_AS_STRING(message) + 8
    event = market_dict(7)
    event["u"] = i64(p + 8)
    event["s"] = symbol_at(p + 50)
    event["b"] = decimal(i64(p + 18))
    event["B"] = decimal(i64(p + 26))
    event["a"] = decimal(i64(p + 34))
    event["A"] = decimal(i64(p + 42))
    event["E"] = i64(p) // 1000
    return event


def trades(bytes message not None):
    """The dicts of a message of trades; the dict, where it holds one."""
    cdef const uint8_t* p = <const uint8_t*>PyBytes_AS_STRING(message) + 8
    cdef const uint8_t* entry = p + 24
    cdef uint32_t count = p[20] | p[21] << 8 | p[22] << 16
    symbol = symbol_at(entry + count * 25)
    event_time = i64(p) // 1000
    trade_time = i64(p + 8) // 1000
    made = []
    for _ in range(count):
        event = market_dict(9)
        event["e"] = "trade"
        event["E"] = event_time
        event["s"] = symbol
        event["t"] = i64(entry)
        event["p"] = decimal(i64(entry + 8))
        event["q"] = decimal(i64(entry + 16))
        event["T"] = trade_time
        event["m"] = entry[24] != 0
        event["M"] = True
        made.append(event)
        entry += 25
    return made if count > 1 else event


cdef inline const char* behind(const char* at, char wanted) noexcept:
    while at[0] != wanted:
        at += 1
    return at + 1


def json_top(bytes text not None):
    """The event of a combined bookTicker, whose keys stand in the order that the exchange sends them in."""
    cdef const char* at = PyBytes_AS_STRING(text)
    cdef const char* end
    cdef int64_t update = 0
    cdef int i
    at = behind(at + 11, c'"') + 13     # behind "u":
    while at[0] != c",":
        update = update * 10 + at[0] - 48
        at += 1
    event = market_dict(6)
    event["u"] = update
    at += 6                             # behind ,"s":"
    end = behind(at, c'"')
    event["s"] = ascii_of(at, end - at - 1)
    at = end + 6
    end = behind(at, c'"')
    event["b"] = ascii_of(at, end - at - 1)
    at = end + 6
    end = behind(at, c'"')
    event["B"] = ascii_of(at, end - at - 1)
    at = end + 6
    end = behind(at, c'"')
    event["a"] = ascii_of(at, end - at - 1)
    at = end + 6
    end = behind(at, c'"')
    event["A"] = ascii_of(at, end - at - 1)
    return event


def tops(list messages not None):
    """The values in C of messages of bestBidAsk; their sum."""
    cdef const uint8_t* p
    cdef int64_t total = 0
    for message in messages:
        p = <const uint8_t*>PyBytes_AS_STRING(message) + 8
        total += i64(p + 8) + i64(p + 18) + i64(p + 26) + i64(p + 34) + i64(p + 42)
    return total
