# parameters of a method -> JSON text of a request, and the text that is signed.
from libc.stdint cimport int64_t

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
        bytes api_key


cdef class Encoder:
    cdef:
        readonly Buffer out
        Buffer payload
        bytes window        # text of the default recvWindow, or None

    cdef Py_ssize_t write(
        self, MethodSpec method, dict params, int64_t request_id, Auth auth, int64_t timestamp, bint strict
    ) except -1
    cdef int _open(self, MethodSpec method, int64_t request_id, int count) except -1
    cdef int _key(self, ParamSpec param) except -1
    cdef int _sign_key(self, ParamSpec param) except -1
    cdef int _comma(self) except -1
    cdef int _raw(self, ParamSpec param, const char* text, Py_ssize_t size, bint quoted, bint signed) except -1
    cdef int _value(self, ParamSpec param, object value, bint signed) except -1
    cdef int _text(self, ParamSpec param, object value, bint signed) except -1
    cdef int _integer(self, ParamSpec param, object value, bint signed) except -1
    cdef int _other(self, ParamSpec param, object value, bint signed) except -1
    cdef int _list(self, ParamSpec param, object value, bint signed) except -1
    cdef int _signature(self, Auth auth) except -1


# Bytes that write() leaves free in front of a text, for the frame header.
cdef enum:
    HEADROOM = 16


cdef str new_client_order_id()
