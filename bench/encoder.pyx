# cython: language_level=3
"""A Python interface of the request encoder, as a session uses it: the buffers live on, the text stays in them."""

from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.stdint cimport int64_t

from fastws._native.methods cimport MethodSpec, method_spec
from fastws._native.prepared cimport Template
from fastws._native.request cimport HEADROOM, Auth, Encoder


cdef class Writer:
    """Writes requests of one method with rising ids; calling it returns the length of the text."""

    cdef Encoder encoder
    cdef MethodSpec method
    cdef Auth auth
    cdef int64_t next_id
    cdef int64_t timestamp

    def __init__(self, str method, signer, int64_t timestamp):
        self.encoder = Encoder()
        self.method = method_spec(method)
        self.auth = None if signer is None else Auth(signer)
        self.timestamp = timestamp

    def __call__(self, dict params):
        self.next_id += 1
        return self.encoder.write(self.method, params, self.next_id, self.auth, self.timestamp, True)

    def text(self, dict params):
        """The text itself, to compare it."""
        size = self(params)
        return PyBytes_FromStringAndSize(self.encoder.out.data + HEADROOM, size)


cdef class PreparedWriter:
    """The same of a prepared request; it is called with the parameters that change."""

    cdef Encoder encoder
    cdef Template template
    cdef Auth auth
    cdef int64_t next_id
    cdef int64_t timestamp

    def __init__(self, str method, dict fixed, signer, int64_t timestamp):
        self.encoder = Encoder()
        self.template = Template(method, fixed)
        self.auth = None if signer is None else Auth(signer)
        self.timestamp = timestamp

    def __call__(self, dict params):
        self.next_id += 1
        return self.template.write(self.encoder, params, self.next_id, self.auth, self.timestamp)

    def text(self, dict params):
        """The text itself, to compare it."""
        size = self(params)
        return PyBytes_FromStringAndSize(self.encoder.out.data + HEADROOM, size)
