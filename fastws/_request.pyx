# cython: language_level=3
"""Parameters of a method -> JSON text of a request, and the text that is signed.

In: a MethodSpec (what the table says of a method), a dict of parameters, an id, and the key to sign with, if any.
Out: UTF-8 JSON text in a reused buffer, behind HEADROOM free bytes; each value is checked and written once, and the
signature payload is built from that same text: the text that is signed is the text that is sent.
Memory: an Encoder owns its two buffers; a text in them is good until the next write.
Failure: InvalidRequest that names the parameter, its value, and what was expected; nothing of the text is kept.
"""

cimport cython
from cpython.bool cimport PyBool_Check
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.dict cimport PyDict_GetItem, PyDict_Next
from cpython.exc cimport PyErr_Clear
from cpython.float cimport PyFloat_Check
from cpython.list cimport PyList_Check
from cpython.long cimport PyLong_AsLongLongAndOverflow, PyLong_Check, PyLong_CheckExact
from cpython.object cimport PyObject
from cpython.tuple cimport PyTuple_Check
from cpython.unicode cimport PyUnicode_Check
from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.string cimport memcpy

from ._buffer cimport Buffer, room
from ._digits cimport put_digits
from ._integers cimport fastws_lowest_bit
from ._methods cimport (
    ADDRESSES, ANY, API_KEY, BOOLEAN, BY_ADDRESS, BY_BIT, DECIMAL, INTEGER, KEY_ROOM, LIST, MAX_PARAMS, PARAMS,
    SIGNATURE, TEXT, TIMESTAMP, WINDOW, WINDOW_SPEC, MethodSpec, ParamSpec, method_spec, refuse_group, refuse_names,
    unknown_param,
)
from ._texts cimport copy_decimal, fastws_escape, put_base64, put_hexadecimal

import math
import os
from decimal import Decimal

from ._index import index_of
from ._shown import shown
from ._words import find_word
from .errors import InvalidRequest
from .signing import Signer, _Ed25519Signer, _HmacSigner

cdef extern from "Python.h":
    bint PyIndex_Check(object value)
    object PyObject_CallNoArgs(object callable)
    object PyObject_CallOneArg(object callable, object arg)
    const char* PyUnicode_AsUTF8AndSize(object text, Py_ssize_t* size)  # NULL with an error set
    bint PyUnicode_IS_COMPACT_ASCII(object text)
    void* PyUnicode_DATA(object text)
    Py_ssize_t PyUnicode_GET_LENGTH(object text)

cdef:
    enum:
        ID_LENGTH = 22          # 5 random bits each
        LONGEST_ID = 36
        LEAST_RANDOM = 13       # 65 bits
        POOL_SIZE = ID_LENGTH * 256
        MAX_EXPONENT = 1000     # of a Decimal, whose text would have as many digits

    # No vowels, so no words: a client order id must not look like SQL to the exchange's firewall.
    bytes ID_ALPHABET = b"0123456789BCDFGHJKLMNPQRSTVWXZbc"
    bytes _pool = b""
    Py_ssize_t _pool_used = 0


def _forget_pool():
    # A forked child must not make the ids that its parent makes.
    global _pool, _pool_used
    _pool = b""
    _pool_used = 0


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_pool)


# ------------------------------------------------------------------------------------------------ hot

cdef str new_client_order_id(bytes prefix, int random):
    """A client order id: a prefix, and so many of ID_ALPHABET, of 5 random bits each."""
    global _pool, _pool_used
    cdef uint8_t* source
    cdef const uint8_t* alphabet = <const uint8_t*>PyBytes_AS_STRING(ID_ALPHABET)
    cdef char text[LONGEST_ID]
    cdef Py_ssize_t start = PyBytes_GET_SIZE(prefix)
    cdef int i
    if _pool_used + random > PyBytes_GET_SIZE(_pool):
        _pool = os.urandom(POOL_SIZE)
        _pool_used = 0
    source = <uint8_t*>PyBytes_AS_STRING(_pool) + _pool_used
    _pool_used += random
    memcpy(text, PyBytes_AS_STRING(prefix), start)
    for i in range(random):
        text[start + i] = <char>alphabet[source[i] & 31]
    return text[:start + random].decode("ascii")


@cython.final
cdef class Encoder:
    """Writes requests; see the module's docstring."""

    def __cinit__(self, recv_window=None):
        self.out = Buffer()
        self.payload = Buffer()
        self.window = None
        if recv_window is not None:
            self.window = _window_text(recv_window).encode()

    cdef Py_ssize_t write(
        self, MethodSpec method, dict params, int64_t request_id, Auth auth, int64_t timestamp, bint strict
    ) except -1:
        """Write one request behind HEADROOM bytes at the end of `out`, without keeping it; return its length.

        `auth` is None where no signature is due. `timestamp` is in microseconds, 0 where none is due. `strict`
        holds the parameters against the method's table.
        """
        cdef Buffer out = self.out
        cdef Py_ssize_t base = out.size
        cdef Py_ssize_t size
        try:
            self._open(method, request_id)
            size = out.size
            self._params(method, params, auth, timestamp, strict)
            if out.size == size:
                self._close_bare(method, request_id, base)
            else:
                # the last comma makes place for the two closing braces
                out.reserve(1)
                (out.data + out.size - 1)[0] = c"}"
                (out.data + out.size)[0] = c"}"
                out.size += 1
            return out.size - base - HEADROOM
        finally:
            out.size = base
            self.payload.size = 0

    cdef int _params(self, MethodSpec method, dict params, Auth auth, int64_t timestamp, bint strict) except -1:
        """Write the parameters given, and those that are due."""
        cdef:
            PyObject* values[MAX_PARAMS]    # by the bit of their ParamSpec; only those in `given`
            uint64_t given[3]
            uint64_t rest
            Py_ssize_t position = 0
            PyObject* key
            PyObject* value
            PyObject* spec
            int i, bit
            bint signed = auth is not None
            list strangers = None           # [(ParamSpec, value), …] that the table does not know

        given[0] = given[1] = given[2] = 0
        while PyDict_Next(params, &position, &key, &value):
            if value == <PyObject*>None:
                continue
            spec = BY_ADDRESS[(<size_t>key >> 4) % ADDRESSES]
            if spec == NULL or key != <PyObject*>(<ParamSpec>spec).name:
                spec = PyDict_GetItem(PARAMS, <object>key)
            if spec == NULL:
                if strangers is None:
                    strangers = []
                strangers.append((unknown_param(method, <object>key), <object>value))
                continue
            bit = (<ParamSpec>spec).bit
            given[bit >> 6] |= (<uint64_t>1) << (bit & 63)
            values[bit] = value
            if not signed:
                self._put(<ParamSpec>spec, value, False)
        if strict:
            self._check(method, params, given, strangers)
        elif strangers is not None and self.owner is not None:
            self._guard(method, strangers)

        # What fastws adds has no value: its text is ready.
        if timestamp:
            self._add(TIMESTAMP, given, values, signed, timestamp, auth)
            if self.window is not None:
                self._add(WINDOW_SPEC, given, values, signed, timestamp, auth)
        if strangers is not None:
            return self._put_by_name(strangers, given, values, timestamp, auth)
        if not signed:
            return 0
        self._add(API_KEY, given, values, signed, timestamp, auth)
        # Names of the table are numbered in the order of the payload.
        for i in range(3):
            rest = given[i]
            while rest:
                bit = (i << 6) + fastws_lowest_bit(rest)
                rest &= rest - 1
                if values[bit] != NULL:
                    self._put(<ParamSpec>BY_BIT[bit], values[bit], True)
                else:
                    self._put_added(<ParamSpec>BY_BIT[bit], True, timestamp, auth)
        return self._signature(auth)

    cdef int _guard(self, MethodSpec method, list strangers) except -1:
        """Texts of parameters that the table does not know may be the caller's words."""
        cdef ParamSpec param
        for param, value in strangers:
            word = find_word(value) if PyUnicode_Check(value) else None
            if word is not None:
                self.owner.worded(method.name, param.name, value, word)
        return 0

    cdef int _check(self, MethodSpec method, dict params, const uint64_t* given, list strangers) except -1:
        """Hold the names given against the method's table."""
        cdef int i
        for i in range(3):
            if given[i] & ~method.allowed_mask[i] or method.required_mask[i] & ~given[i] or strangers is not None:
                refuse_names(method, params)
        for i in range(method.group_count):
            if not (
                given[0] & method.group_masks[i][0]
                or given[1] & method.group_masks[i][1]
                or given[2] & method.group_masks[i][2]
            ):
                refuse_group(method, i)
        return 0

    cdef int _add(
        self, ParamSpec param, uint64_t* given, PyObject** values, bint signed, int64_t timestamp, Auth auth
    ) except -1:
        """Add a parameter of fastws' own, unless the caller gave it."""
        if given[param.bit >> 6] >> (param.bit & 63) & 1:
            return 0
        if not signed:
            return self._put_added(param, False, timestamp, auth)
        given[param.bit >> 6] |= (<uint64_t>1) << (param.bit & 63)
        values[param.bit] = NULL
        return 0

    cdef int _put_added(self, ParamSpec param, bint signed, int64_t timestamp, Auth auth) except -1:
        if param is TIMESTAMP:
            return self._put_timestamp(timestamp, signed)
        if param is WINDOW_SPEC:
            return self._put_text(
                param, PyBytes_AS_STRING(self.window), PyBytes_GET_SIZE(self.window), False, signed
            )
        return self._put_text(param, PyBytes_AS_STRING(auth.api_key), PyBytes_GET_SIZE(auth.api_key), True, signed)

    cdef int _put_timestamp(self, int64_t timestamp, bint signed) except -1:
        cdef Buffer payload
        cdef char* to = room(self.out, KEY_ROOM + 32)
        cdef char* digits = to + TIMESTAMP.key_size
        cdef int size
        memcpy(to, TIMESTAMP.key, KEY_ROOM)
        size = put_digits(digits, timestamp)
        digits[size] = c","
        self.out.size = digits + size + 1 - self.out.data
        if signed:
            payload = self.payload
            to = room(payload, KEY_ROOM + 32)
            memcpy(to, TIMESTAMP.sign, KEY_ROOM)
            memcpy(to + TIMESTAMP.sign_size, digits, 24)
            payload.size += TIMESTAMP.sign_size + size
        return 0

    cdef int _put_by_name(
        self, list strangers, uint64_t* given, PyObject** values, int64_t timestamp, Auth auth
    ) except -1:
        """The rest of _params() where names are among them that the table does not know."""
        cdef ParamSpec param
        cdef int bit
        cdef bint signed = auth is not None
        if not signed:
            for param, value in strangers:
                self._put(param, <PyObject*>value, False)
            return 0
        self._add(API_KEY, given, values, True, timestamp, auth)
        every = {param.name: (param, value) for param, value in strangers}
        for bit in range(MAX_PARAMS):
            if given[bit >> 6] >> (bit & 63) & 1:
                param = <ParamSpec>BY_BIT[bit]
                every[param.name] = (param, None if values[bit] == NULL else <object>values[bit])
        for _, (param, value) in sorted(every.items()):
            if value is None:
                self._put_added(param, True, timestamp, auth)
            else:
                self._put(param, <PyObject*>value, True)
        return self._signature(auth)

    cdef int _open(self, MethodSpec method, int64_t request_id) except -1:
        cdef Buffer out = self.out
        cdef Py_ssize_t size = PyBytes_GET_SIZE(method.head)
        out.reserve(HEADROOM + size + 32)
        cdef char* start = out.data + out.size + HEADROOM
        memcpy(start, b'{"id":', 6)
        start += 6
        start += put_digits(start, request_id)
        memcpy(start, PyBytes_AS_STRING(method.head), size)
        out.size = start + size - out.data
        return 0

    cdef int _close_bare(self, MethodSpec method, int64_t request_id, Py_ssize_t base) except -1:
        """A request without parameters ends behind its method."""
        cdef Buffer out = self.out
        out.size -= PyBytes_GET_SIZE(method.head)
        memcpy(out.data + out.size, PyBytes_AS_STRING(method.bare), PyBytes_GET_SIZE(method.bare))
        out.size += PyBytes_GET_SIZE(method.bare)
        return 0

    cdef int _put(self, ParamSpec param, PyObject* value, bint signed) except -1:
        """One parameter: `"side":"BUY",`; and `&side=BUY` where it is signed."""
        if put_plain(self, param, value, signed):
            return 0
        return self._put_other(param, value, signed)

    cdef int _put_other(self, ParamSpec param, PyObject* value, bint signed) except -1:
        """One parameter of any kind and value."""
        cdef:
            Buffer out = self.out
            Py_ssize_t size = PyBytes_GET_SIZE(param.json_key)
        memcpy(room(out, size), PyBytes_AS_STRING(param.json_key), size)
        out.size += size
        if signed:
            self._sign_text(param.sign_key)
        if PyUnicode_Check(<object>value) and (param.kind == TEXT or param.kind == ANY):
            self._text(param, <object>value, signed)
        elif param.kind == INTEGER and PyLong_CheckExact(<object>value):
            self._integer(param, <object>value, signed)
        else:
            self._other(param, <object>value, signed)
        room(out, 1)[0] = c","
        out.size += 1
        return 0

    cdef int _put_text(self, ParamSpec param, const char* text, Py_ssize_t size, bint quoted, bint signed) except -1:
        """One parameter whose text is ready."""
        cdef Buffer out = self.out
        cdef Buffer payload = self.payload
        memcpy(room(out, KEY_ROOM), param.key, KEY_ROOM)
        out.size += param.key_size
        if signed:
            memcpy(room(payload, KEY_ROOM), param.sign, KEY_ROOM)
            payload.size += param.sign_size
        self._raw(text, size, quoted, signed)
        room(out, 1)[0] = c","
        out.size += 1
        return 0

    cdef int _sign_text(self, bytes text) except -1:
        cdef Buffer payload = self.payload
        cdef Py_ssize_t size = PyBytes_GET_SIZE(text)
        payload.reserve(size)
        memcpy(payload.data + payload.size, PyBytes_AS_STRING(text), size)
        payload.size += size
        return 0

    cdef int _raw(self, const char* text, Py_ssize_t size, bint quoted, bint signed) except -1:
        """A text that needs no escape, as it stands."""
        cdef Buffer out = self.out
        cdef Buffer payload = self.payload
        cdef char* to
        out.reserve(size + 2)
        to = out.data + out.size
        if quoted:
            to[0] = c'"'
            to += 1
        memcpy(to, text, size)
        to += size
        if quoted:
            to[0] = c'"'
            to += 1
        out.size = to - out.data
        if signed:
            payload.reserve(size)
            memcpy(payload.data + payload.size, text, size)
            payload.size += size
        return 0

    cdef int _text(self, ParamSpec param, object value, bint signed) except -1:
        """A str, quoted; what JSON wants escaped is escaped there and stays as it is in what is signed."""
        cdef:
            Py_ssize_t size = 0
            Py_ssize_t i
            const char* text = _utf8(param, value, &size)
            Buffer out = self.out
            Buffer payload = self.payload
            uint8_t* to
            uint8_t need
        out.reserve(2 * size + 2)
        to = <uint8_t*>out.data + out.size
        to[0] = c'"'
        to += 1
        for i in range(size):
            need = fastws_escape[<uint8_t>text[i]]
            if need:
                if need == 2:
                    _refuse_control(param, value)
                to[0] = c"\\"
                to += 1
            to[0] = <uint8_t>text[i]
            to += 1
        to[0] = c'"'
        out.size = <char*>to + 1 - out.data
        if signed:
            payload.reserve(size)
            memcpy(payload.data + payload.size, text, size)
            payload.size += size
        return 0

    cdef int _integer(self, ParamSpec param, object value, bint signed) except -1:
        cdef int overflow = 0
        cdef long long number = PyLong_AsLongLongAndOverflow(value, &overflow)
        cdef char digits[24]
        cdef bytes text
        if overflow:
            text = _long_text(param, value)
            return self._raw(PyBytes_AS_STRING(text), PyBytes_GET_SIZE(text), False, signed)
        return self._raw(digits, put_digits(digits, number), False, signed)

    cdef int _other(self, ParamSpec param, object value, bint signed) except -1:
        """Every value that is not of its parameter's plainest type."""
        cdef int kind = param.kind
        cdef bytes text
        cdef Py_ssize_t size = 0
        cdef const char* data
        if kind == DECIMAL and PyUnicode_Check(value):
            data = _utf8(param, value, &size)
            if not _is_decimal(data, size):
                _refuse_value(param, value)
            return self._raw(data, size, True, signed)
        if PyBool_Check(value):
            if kind != BOOLEAN and kind != ANY:
                _refuse_value(param, value)
            text = b"true" if value else b"false"
            return self._raw(PyBytes_AS_STRING(text), PyBytes_GET_SIZE(text), False, signed)
        if PyIndex_Check(value) and not PyLong_Check(value) and kind != TEXT and kind != BOOLEAN and kind != LIST:
            value = _integer_of(value)
        if PyLong_Check(value) and (kind == INTEGER or kind == ANY):
            return self._integer(param, value, signed)
        if kind == LIST or (kind == ANY and (PyList_Check(value) or PyTuple_Check(value))):
            return self._list(param, value, signed)
        text = _number_text(param, value)
        return self._raw(
            PyBytes_AS_STRING(text), PyBytes_GET_SIZE(text),
            kind == DECIMAL or (kind == ANY and isinstance(value, Decimal)), signed
        )

    cdef int _list(self, ParamSpec param, object value, bint signed) except -1:
        """An array of texts; what is signed is its JSON text."""
        cdef Buffer out = self.out
        cdef Buffer payload = self.payload
        cdef Py_ssize_t start = out.size
        cdef Py_ssize_t size
        if not PyList_Check(value) and not PyTuple_Check(value):
            _refuse_value(param, value)
        out.reserve(1)
        out.data[out.size] = c"["
        out.size += 1
        for item in value:
            if PyUnicode_Check(item):
                self._text(param, item, False)
            elif param.kind == ANY and index_of(item) is not None:
                self._integer(param, index_of(item), False)
            else:
                _refuse_value(param, value)
            out.reserve(1)
            out.data[out.size] = c","
            out.size += 1
        out.reserve(1)
        if out.data[out.size - 1] == c",":
            out.size -= 1
        out.data[out.size] = c"]"
        out.size += 1
        if signed:
            size = out.size - start
            payload.reserve(size)
            memcpy(payload.data + payload.size, out.data + start, size)
            payload.size += size
        return 0

    cdef int _signature(self, Auth auth) except -1:
        # each parameter stands behind a `&` in the payload, and the first one loses it
        cdef bytes payload = PyBytes_FromStringAndSize(self.payload.data + 1, self.payload.size - 1)
        cdef object signature
        if auth.keyed is not None:
            signature = PyObject_CallNoArgs(auth.keyed)
            signature.update(payload)
            return self._put_binary(SIGNATURE, signature.finalize(), False)
        if auth.sign_raw is not None:
            return self._put_binary(SIGNATURE, PyObject_CallOneArg(auth.sign_raw, payload), True)
        signature = auth.sign(payload)
        if not PyUnicode_Check(signature):
            _refuse_value(SIGNATURE, signature)     # a signer from outside may return anything
        return self._put(SIGNATURE, <PyObject*>signature, False)

    cdef int _put_binary(self, ParamSpec param, bytes value, bint base64) except -1:
        """A parameter that is the base64 or the hexadecimal text of `value`, and is not signed."""
        cdef const uint8_t* data = <const uint8_t*>PyBytes_AS_STRING(value)
        cdef Py_ssize_t size = PyBytes_GET_SIZE(value)
        cdef char* to = room(self.out, KEY_ROOM + 2 * size + 6)
        memcpy(to, param.key, KEY_ROOM)
        to += param.key_size + 1
        if base64:
            to += put_base64(to, data, size)
        else:
            put_hexadecimal(to, data, size)
            to += 2 * size
        to[0] = c'"'
        to[1] = c","
        self.out.size = to + 2 - self.out.data
        return 0


cdef inline const char* _utf8(ParamSpec param, object value, Py_ssize_t* size) except NULL:
    """The UTF-8 bytes of a str; they live as long as it does."""
    cdef const char* text
    if PyUnicode_IS_COMPACT_ASCII(value):
        size[0] = PyUnicode_GET_LENGTH(value)
        return <const char*>PyUnicode_DATA(value)
    text = PyUnicode_AsUTF8AndSize(value, size)
    if text == NULL:
        PyErr_Clear()
        raise InvalidRequest(
            f"{param.name}: {_shown(param, value)} holds a lone surrogate, which no UTF-8 text can"
        )
    return text


# ----------------------------------------------------------------------------------------------- cold

cdef object _integer_of(object value):
    """The int that a value stands for, as numpy's integers do; itself where it stands for none."""
    found = index_of(value)
    return value if found is None else found


cdef bytes _long_text(ParamSpec param, object value):
    try:
        return f"{int(value):d}".encode()
    except ValueError:      # sys.set_int_max_str_digits
        raise InvalidRequest(f"{param.name}: an int of too many digits to be written") from None


cdef bytes _number_text(ParamSpec param, object value):
    """The text of a number for a DECIMAL, WINDOW or unknown parameter: fixed point, exactly the number given."""
    cdef int kind = param.kind
    if kind == DECIMAL or kind == WINDOW or kind == ANY:
        if PyLong_Check(value) and not PyBool_Check(value):
            return _long_text(param, value)
        if isinstance(value, Decimal) and value.is_finite():
            if not -MAX_EXPONENT <= value.as_tuple().exponent <= MAX_EXPONENT:
                raise InvalidRequest(f"{param.name}: {_shown(param, value)} is too long without an exponent")
            return f"{value:f}".encode()
        if PyFloat_Check(value) and kind != DECIMAL and math.isfinite(value):
            return f"{Decimal(repr(float(value))):f}".encode()
        if kind == WINDOW and PyUnicode_Check(value) and _is_decimal_text(value):
            return value.encode()
    _refuse_value(param, value)


cdef bint _is_decimal(const char* text, Py_ssize_t size) except -1:
    cdef Buffer copy = Buffer(size + 1)
    return copy_decimal(copy.data, text, size)


def _is_decimal_text(text):
    encoded = str.encode(text, "utf-8", "replace")
    return _is_decimal(PyBytes_AS_STRING(encoded), PyBytes_GET_SIZE(encoded))


def _window_text(value):
    """The text of a recvWindow: milliseconds, above 0, at most 60000, up to three decimals."""
    text = _number_text(WINDOW_SPEC, _integer_of(value)).decode()
    # as a fraction: round() does what the decimal context says
    if len(text) > 100 or not 0 < Decimal(text) <= 60000 or 1000 % Decimal(text).as_integer_ratio()[1]:
        raise InvalidRequest(
            f"recvWindow: {shown(value)} is no time in milliseconds between 0 and 60000 with at most three decimals"
        )
    return text


_EXPECTED = {
    TEXT: "a str",
    DECIMAL: "a decimal number as str (like '0.01'), int or decimal.Decimal",
    INTEGER: "an int",
    BOOLEAN: "a bool",
    LIST: "a list of str",
    WINDOW: "a number of milliseconds",
    ANY: "a str, int, bool, Decimal, finite float, or a list of str and int",
}


cdef int _refuse_value(ParamSpec param, object value) except -1:
    hint = ""
    if param.kind == DECIMAL and isinstance(value, float):
        hint = "; a float is refused because its text is not what you see: 0.1 + 0.2 is 0.30000000000000004"
        if param.name.endswith("rice"):
            hint += "; client.symbols[symbol].price(x) rounds it and gives the text"
        elif param.name != "quoteOrderQty":
            hint += "; client.symbols[symbol].quantity(x) rounds it and gives the text"
    got = f"{_shown(param, value)} ({type(value).__name__}){hint}"
    raise InvalidRequest(f"{param.name}: expected {_EXPECTED[param.kind]}, got {got}")


cdef int _refuse_control(ParamSpec param, object value) except -1:
    raise InvalidRequest(f"{param.name}: {_shown(param, value)} holds a control character")


cdef str _shown(ParamSpec param, object value):
    """A value as an error shows it: short, and no key."""
    if param.name in ("apiKey", "signature"):
        return "a value"
    return shown(value, 80)


@cython.final
cdef class Auth:
    """A key to sign with: a Signer, and its parts that a request needs."""

    def __cinit__(self, signer):
        if not isinstance(signer, Signer):
            raise InvalidRequest(
                f"signer: expected what load_signer() returns, got a value of type {type(signer).__name__}"
            )
        self.signer = signer
        self.sign = signer.sign
        # the parts of fastws' own signers; one from outside has sign() alone
        self.keyed = signer._copy if type(signer) is _HmacSigner else None
        self.sign_raw = signer._sign if type(signer) is _Ed25519Signer else None
        self.api_key = signer.api_key.encode()


# What encode() uses again; a session has its own.
cdef Encoder _encoder = Encoder()
cdef Auth _last_auth = None


cdef Auth _auth_of(object signer):
    global _last_auth
    if _last_auth is None or _last_auth.signer is not signer:
        _last_auth = Auth(signer)
    return _last_auth


def encode(method, dict params not None, int64_t id, signer=None, int64_t timestamp=0, *,
           recv_window=None, bint strict=False):
    """The JSON text of one request, as a session would send it.

    Args:
        method: Binance's name, e.g. "order.place".
        params: its parameters; those that are None are left out.
        id: the request id.
        signer: a Signer; the request is signed with it when given.
        timestamp: microseconds; 0 for none.
        recv_window: milliseconds.
        strict: hold the parameters against the method's table.

    Raises:
        InvalidRequest: a parameter is wrong.
    """
    cdef Encoder encoder = _encoder if recv_window is None else Encoder(recv_window)
    cdef Auth auth = None if signer is None else _auth_of(signer)
    size = encoder.write(method_spec(method), params, id, auth, timestamp, strict)
    return PyBytes_FromStringAndSize(encoder.out.data + HEADROOM, size)


def check_recv_window(value):
    """Raise InvalidRequest unless ``value`` is a recvWindow that the exchange takes, in milliseconds."""
    _window_text(value)


def make_client_order_id(str prefix=""):
    """A fresh client order id: behind the prefix, up to 22 digits and consonants, of 5 random bits each."""
    return new_client_order_id(check_prefix(prefix), random_length(prefix))


def random_length(str prefix not None):
    """How many random characters follow a prefix: all that there is room for, up to 22."""
    return min(ID_LENGTH, LONGEST_ID - len(prefix))


def check_prefix(prefix):
    """A prefix of client order ids, as bytes; it leaves room for 13 random characters, which are 65 bits.

    Raises:
        InvalidRequest: it is none.
    """
    if not isinstance(prefix, str) or not all(c.isascii() and (c.isalnum() or c in "-_") for c in prefix):
        raise InvalidRequest(f"client_order_id_prefix: expected letters, digits, - and _, got {shown(prefix)}")
    if len(prefix) > LONGEST_ID - LEAST_RANDOM:
        raise InvalidRequest(
            f"client_order_id_prefix: {shown(prefix)} has {len(prefix)} characters; of the {LONGEST_ID} of an id"
            f" {LEAST_RANDOM} stay random, so it may have {LONGEST_ID - LEAST_RANDOM}"
        )
    return prefix.encode()
