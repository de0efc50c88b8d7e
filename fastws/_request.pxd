# parameters of a method -> JSON text of a request, and the text that is signed.
from cpython.object cimport PyObject
from libc.stdint cimport int64_t, uint64_t

from ._methods cimport MethodSpec, ParamSpec


cdef class Buffer:
    cdef char* data
    cdef Py_ssize_t size
    cdef Py_ssize_t capacity

    cdef int reserve(self, Py_ssize_t more) except -1


cdef class Auth:
    cdef:
        readonly object signer
        object sign
        object keyed        # of an HMAC key: makes a state to hash into; else None
        object sign_raw     # of an Ed25519 key: bytes to the signature's bytes; else None
        bytes api_key


cdef class Encoder:
    cdef:
        readonly Buffer out
        Buffer payload
        object owner        # is asked about texts that the table does not know; None: nobody is
        bytes window        # text of the default recvWindow, or None

    cdef Py_ssize_t write(
        self, MethodSpec method, dict params, int64_t request_id, Auth auth, int64_t timestamp, bint strict
    ) except -1
    cdef int _params(self, MethodSpec method, dict params, Auth auth, int64_t timestamp, bint strict) except -1
    cdef int _open(self, MethodSpec method, int64_t request_id) except -1
    cdef int _close_bare(self, MethodSpec method, int64_t request_id, Py_ssize_t base) except -1
    cdef int _put(self, ParamSpec param, PyObject* value, bint signed) except -1
    cdef int _put_other(self, ParamSpec param, PyObject* value, bint signed) except -1
    cdef int _guard(self, MethodSpec method, list strangers) except -1
    cdef int _check(self, MethodSpec method, dict params, const uint64_t* given, list strangers) except -1
    cdef int _add(
        self, ParamSpec param, uint64_t* given, PyObject** values, bint signed, int64_t timestamp, Auth auth
    ) except -1
    cdef int _put_added(self, ParamSpec param, bint signed, int64_t timestamp, Auth auth) except -1
    cdef int _put_timestamp(self, int64_t timestamp, bint signed) except -1
    cdef int _put_by_name(
        self, list strangers, uint64_t* given, PyObject** values, int64_t timestamp, Auth auth
    ) except -1
    cdef int _put_text(self, ParamSpec param, const char* text, Py_ssize_t size, bint quoted, bint signed) except -1
    cdef int _sign_text(self, bytes text) except -1
    cdef int _raw(self, const char* text, Py_ssize_t size, bint quoted, bint signed) except -1
    cdef int _text(self, ParamSpec param, object value, bint signed) except -1
    cdef int _integer(self, ParamSpec param, object value, bint signed) except -1
    cdef int _other(self, ParamSpec param, object value, bint signed) except -1
    cdef int _list(self, ParamSpec param, object value, bint signed) except -1
    cdef int _signature(self, Auth auth) except -1
    cdef int _put_binary(self, ParamSpec param, bytes value, bint base64) except -1


# Bytes that write() leaves free in front of a text, for the frame header.
cdef enum:
    HEADROOM = 16


cdef str new_client_order_id(bytes prefix, int random)
