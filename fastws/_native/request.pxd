# Parameters of a method -> JSON text of a request, and the text that is signed.
from cpython.object cimport PyObject
from cpython.unicode cimport PyUnicode_Check
from libc.stdint cimport int64_t, uint64_t
from libc.string cimport memcpy

from .buffer cimport Buffer, room
from .given cimport Given
from .methods cimport DECIMAL, KEY_ROOM, TEXT, MethodSpec, ParamSpec
from .texts cimport copy_decimal, copy_plain

cdef extern from "Python.h":
    bint PyUnicode_IS_COMPACT_ASCII(object text)
    void* PyUnicode_DATA(object text)
    Py_ssize_t PyUnicode_GET_LENGTH(object text)


cdef class Auth:
    cdef:
        readonly object signer
        object sign
        object keyed        # of an HMAC key: makes a new hash state; else None
        object sign_raw     # of an Ed25519 key: signs bytes, returns bytes; else None
        bytes api_key


cdef class Encoder:
    cdef:
        readonly Buffer out
        Buffer payload
        object owner        # a SessionOwner, for SQL keywords in parameters that the table does not know; or None
        bytes window        # text of the default recvWindow, or None

    cdef Py_ssize_t write(
        self, MethodSpec method, dict params, int64_t request_id, Auth auth, int64_t timestamp, bint strict
    ) except -1
    cdef Py_ssize_t write_given(
        self, MethodSpec method, Given* given, int64_t request_id, Auth auth, int64_t timestamp, bint strict
    ) except -1
    cdef int _params(self, MethodSpec method, Given* given, Auth auth, int64_t timestamp, bint strict) except -1
    cdef int _open(self, MethodSpec method, int64_t request_id) except -1
    cdef int _close_without_params(self, MethodSpec method, int64_t request_id, Py_ssize_t base) except -1
    cdef int _put(self, ParamSpec param, PyObject* value, bint signed) except -1
    cdef int _put_other(self, ParamSpec param, PyObject* value, bint signed) except -1
    cdef int _put_added(self, ParamSpec param, bint signed, int64_t timestamp, Auth auth) except -1
    cdef int _put_timestamp(self, int64_t timestamp, bint signed) except -1
    cdef int _put_signed(
        self, MethodSpec method, Given* given, list unlisted, Auth auth, int64_t timestamp
    ) except -1
    cdef int _put_by_name(
        self, list unlisted, const uint64_t* mask, PyObject** values, int64_t timestamp, Auth auth
    ) except -1
    cdef int _put_text(self, ParamSpec param, const char* text, Py_ssize_t size, bint quoted, bint signed) except -1
    cdef int _signature(self, Auth auth) except -1


# Bytes that write() leaves free in front of a text, for the frame header.
cdef enum:
    HEADROOM = 16


cdef inline int put_plain(Encoder encoder, ParamSpec param, PyObject* value, bint signed) except -1:
    """One parameter, if it is what nearly every one is: an ASCII text as it stands. Else 0, and nothing is kept."""
    cdef:
        Buffer out = encoder.out
        Buffer payload
        Py_ssize_t size
        const char* text
        char* to
    if param.bit < 0 or not PyUnicode_Check(<object>value) or not PyUnicode_IS_COMPACT_ASCII(<object>value):
        return 0
    size = PyUnicode_GET_LENGTH(<object>value)
    text = <const char*>PyUnicode_DATA(<object>value)
    to = room(out, KEY_ROOM + size + 2)
    memcpy(to, param.key, KEY_ROOM)
    to += param.key_size + 1
    if param.kind == TEXT:
        if not copy_plain(to, text, size):
            return 0
    elif param.kind != DECIMAL or not copy_decimal(to, text, size):
        return 0
    to += size
    to[0] = c'"'
    to[1] = c","
    out.size = to + 2 - out.data
    if signed:
        payload = encoder.payload
        to = room(payload, KEY_ROOM + size)
        memcpy(to, param.sign, KEY_ROOM)
        to += param.sign_size
        copy_plain(to, text, size)
        payload.size = to + size - payload.data
    return 1


cdef str new_client_order_id(bytes prefix, int random)
