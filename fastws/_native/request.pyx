# cython: language_level=3
"""Parameters of a method -> JSON text of a request, and the text that is signed.

In: a MethodSpec (the method in the table), the parameters, an id, and the key that signs, if any.
Out: UTF-8 JSON text in a reused buffer, behind HEADROOM free bytes. Each value is checked and written once, and the
signature payload is built from that text: the signed text is the text that is sent.
Memory: an Encoder owns its two buffers; a text in them is valid until the next write().
Failure: InvalidRequest with the parameter, its value and what was expected; the text is dropped.

This module includes its parts as files, because calls between modules are not inlined: values, authorisation, client
order ids.
"""

cimport cython
from cpython.bool cimport PyBool_Check
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.exc cimport PyErr_Clear
from cpython.float cimport PyFloat_Check
from cpython.list cimport PyList_Check
from cpython.long cimport PyLong_AsLongLongAndOverflow, PyLong_Check, PyLong_CheckExact
from cpython.object cimport PyObject
from cpython.tuple cimport PyTuple_Check
from cpython.unicode cimport PyUnicode_Check
from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.string cimport memcpy

from .buffer cimport Buffer, room
from .digits cimport put_digits
from .given cimport Given, all_given, give_dict, is_given, scan, unlisted_params
from .integers cimport fastws_lowest_bit
from .methods cimport (
    ANY, API_KEY, BOOLEAN, BY_BIT, DECIMAL, INTEGER, KEY_ROOM, LIST, MAX_PARAMS, SIGNATURE, TEXT, TIMESTAMP, WINDOW,
    WINDOW_SPEC, MethodSpec, ParamSpec, method_spec, refuse_group, refuse_names,
)
from .texts cimport copy_decimal, fastws_escape, put_base64, put_hexadecimal

import math
import os
from decimal import Decimal

from .._common.index import index_of
from .._common.shown import shown
from .firewall_words import find_word
from ..errors import InvalidRequest
from ..signing.signers import Ed25519Signer, HmacSigner, Signer

cdef extern from "Python.h":
    bint PyIndex_Check(object value)
    object PyObject_CallNoArgs(object callable)
    object PyObject_CallOneArg(object callable, object arg)
    const char* PyUnicode_AsUTF8AndSize(object text, Py_ssize_t* size)  # NULL with an error set
    bint PyUnicode_IS_COMPACT_ASCII(object text)
    void* PyUnicode_DATA(object text)
    Py_ssize_t PyUnicode_GET_LENGTH(object text)

include "request_values.pxi"
include "request_auth.pxi"
include "request_ids.pxi"


cdef inline bint _takes(MethodSpec method, const uint64_t* mask) noexcept:
    """Whether these parameters are those that the method takes and needs."""
    cdef int i
    if (
        mask[0] & ~method.allowed_mask[0] or mask[1] & ~method.allowed_mask[1] or mask[2] & ~method.allowed_mask[2]
        or method.required_mask[0] & ~mask[0] or method.required_mask[1] & ~mask[1]
        or method.required_mask[2] & ~mask[2]
    ):
        return False
    for i in range(method.group_count):
        if not (
            mask[0] & method.group_masks[i][0] or mask[1] & method.group_masks[i][1]
            or mask[2] & method.group_masks[i][2]
        ):
            return False
    return True


cdef inline void _add(Given* given, uint64_t* mask, ParamSpec param) noexcept:
    """Add a parameter that fastws makes, unless the caller gave it."""
    if not is_given(given, param.bit):
        mask[param.bit >> 6] |= (<uint64_t>1) << (param.bit & 63)
        given.values[param.bit] = NULL


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

        `auth` is None for a request without a signature. `timestamp` is in microseconds; 0 for none. `strict`: check
        the names of the parameters against the method's table.
        """
        cdef Given given
        give_dict(&given, params)
        scan(&given)
        return self.write_given(method, &given, request_id, auth, timestamp, strict)

    cdef Py_ssize_t write_given(
        self, MethodSpec method, Given* given, int64_t request_id, Auth auth, int64_t timestamp, bint strict
    ) except -1:
        """write() of parameters behind scan(). Those that fastws adds are written into `given.values` only."""
        cdef Buffer out = self.out
        cdef Py_ssize_t base = out.size
        cdef Py_ssize_t size
        try:
            self._open(method, request_id)
            size = out.size
            self._params(method, given, auth, timestamp, strict)
            if out.size == size:
                self._close_without_params(method, request_id, base)
            else:
                # the last comma is replaced by the two closing braces
                out.reserve(1)
                (out.data + out.size - 1)[0] = c"}"
                (out.data + out.size)[0] = c"}"
                out.size += 1
            return out.size - base - HEADROOM
        finally:
            out.size = base
            self.payload.size = 0

    cdef int _params(self, MethodSpec method, Given* given, Auth auth, int64_t timestamp, bint strict) except -1:
        """Write the given parameters, and those that fastws adds."""
        cdef int i
        cdef int bit
        cdef list unlisted = None           # [(ParamSpec, value), …] that the table does not know
        if auth is None:
            for i in range(given.count):
                bit = given.bits[i]
                if not put_plain(self, <ParamSpec>BY_BIT[bit], given.values[bit], False):
                    self._put_other(<ParamSpec>BY_BIT[bit], given.values[bit], False)
        if given.unlisted:
            unlisted = unlisted_params(given, method)
        if strict:
            if unlisted is not None or not _takes(method, given.mask):
                _refuse(method, given, unlisted)
        elif unlisted is not None and self.owner is not None:
            _search_texts(self, method, unlisted)
        if auth is not None:
            return self._put_signed(method, given, unlisted, auth, timestamp)

        # The parameters that fastws adds have no value: their text is ready.
        if timestamp:
            if not is_given(given, TIMESTAMP.bit):
                self._put_timestamp(timestamp, False)
            if self.window is not None and not is_given(given, WINDOW_SPEC.bit):
                self._put_added(WINDOW_SPEC, False, timestamp, None)
        if unlisted is not None:
            self._put_by_name(unlisted, given.mask, given.values, timestamp, None)
        return 0

    cdef int _put_signed(
        self, MethodSpec method, Given* given, list unlisted, Auth auth, int64_t timestamp
    ) except -1:
        """Write all parameters of a signed request, sorted by name, and its signature."""
        cdef uint64_t mask[3]
        cdef uint64_t rest
        cdef int i, bit
        mask[0] = given.mask[0]
        mask[1] = given.mask[1]
        mask[2] = given.mask[2]
        if timestamp:
            _add(given, mask, TIMESTAMP)
            if self.window is not None:
                _add(given, mask, WINDOW_SPEC)
        _add(given, mask, API_KEY)
        if unlisted is not None:
            return self._put_by_name(unlisted, mask, given.values, timestamp, auth)
        # Names of the table are numbered in the order of the payload.
        for i in range(3):
            rest = mask[i]
            while rest:
                bit = (i << 6) + fastws_lowest_bit(rest)
                rest &= rest - 1
                if given.values[bit] != NULL:
                    self._put(<ParamSpec>BY_BIT[bit], given.values[bit], True)
                else:
                    self._put_added(<ParamSpec>BY_BIT[bit], True, timestamp, auth)
        return self._signature(auth)

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
        self, list unlisted, const uint64_t* mask, PyObject** values, int64_t timestamp, Auth auth
    ) except -1:
        """The rest of _params() if the table does not know some of the names."""
        cdef ParamSpec param
        cdef int bit
        if auth is None:
            for param, value in unlisted:
                self._put(param, <PyObject*>value, False)
            return 0
        every = {param.name: (param, value) for param, value in unlisted}
        for bit in range(MAX_PARAMS):
            if mask[bit >> 6] >> (bit & 63) & 1:
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

    cdef int _close_without_params(self, MethodSpec method, int64_t request_id, Py_ssize_t base) except -1:
        """Write the end of a request without parameters: it has no "params"."""
        cdef Buffer out = self.out
        out.size -= PyBytes_GET_SIZE(method.head)
        memcpy(out.data + out.size, PyBytes_AS_STRING(method.bare), PyBytes_GET_SIZE(method.bare))
        out.size += PyBytes_GET_SIZE(method.bare)
        return 0

    cdef int _put(self, ParamSpec param, PyObject* value, bint signed) except -1:
        """Write one parameter: `"side":"BUY",`; and `&side=BUY` if it is signed."""
        if put_plain(self, param, value, signed):
            return 0
        return self._put_other(param, value, signed)

    cdef int _put_other(self, ParamSpec param, PyObject* value, bint signed) except -1:
        """Write one parameter of any kind and value."""
        cdef:
            Buffer out = self.out
            Py_ssize_t size = PyBytes_GET_SIZE(param.json_key)
        memcpy(room(out, size), PyBytes_AS_STRING(param.json_key), size)
        out.size += size
        if signed:
            _sign_text(self, param.sign_key)
        if PyUnicode_Check(<object>value) and (param.kind == TEXT or param.kind == ANY):
            _text(self, param, <object>value, signed)
        elif param.kind == INTEGER and PyLong_CheckExact(<object>value):
            _integer(self, param, <object>value, signed)
        else:
            _other(self, param, <object>value, signed)
        room(out, 1)[0] = c","
        out.size += 1
        return 0

    cdef int _put_text(self, ParamSpec param, const char* text, Py_ssize_t size, bint quoted, bint signed) except -1:
        """Write one parameter whose text is ready."""
        cdef Buffer out = self.out
        cdef Buffer payload = self.payload
        memcpy(room(out, KEY_ROOM), param.key, KEY_ROOM)
        out.size += param.key_size
        if signed:
            memcpy(room(payload, KEY_ROOM), param.sign, KEY_ROOM)
            payload.size += param.sign_size
        _raw(self, text, size, quoted, signed)
        room(out, 1)[0] = c","
        out.size += 1
        return 0

    cdef int _signature(self, Auth auth) except -1:
        return _sign(self, auth)


# ------------------------------------------------------------------------------------------------- cold

cdef int _search_texts(Encoder encoder, MethodSpec method, list unlisted) except -1:
    """Search the texts of parameters that the table does not know for SQL keywords."""
    cdef ParamSpec param
    for param, value in unlisted:
        word = find_word(value) if PyUnicode_Check(value) else None
        if word is not None:
            encoder.owner.firewall_word(method.name, param.name, value, word)
    return 0


cdef int _refuse(MethodSpec method, const Given* given, list unlisted) except -1:
    """Raise InvalidRequest for a name that the method does not take, or for one that is missing."""
    cdef int i
    for i in range(3):
        if given.mask[i] & ~method.allowed_mask[i] or method.required_mask[i] & ~given.mask[i] or unlisted is not None:
            refuse_names(method, all_given(given))
    for i in range(method.group_count):
        if not (
            given.mask[0] & method.group_masks[i][0]
            or given.mask[1] & method.group_masks[i][1]
            or given.mask[2] & method.group_masks[i][2]
        ):
            refuse_group(method, i)
    return 0


# The encoder of encode(); a session has its own.
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
        params: its parameters; those with the value None are left out.
        id: the request id.
        signer: a Signer that signs the request; None for a request without a signature.
        timestamp: microseconds; 0 for none.
        recv_window: milliseconds.
        strict: check the names of the parameters against the method's table.

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
