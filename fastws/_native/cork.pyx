# cython: language_level=3
"""Frames that wait for the end of the event loop's turn, to be sent in one write.

In: add() with the text of a request. Out: take() gives the bytes of all frames, in order. drop_abandoned() removes
frames whose replies are no longer awaited.
Memory: one buffer keeps the frames complete and masked; a RequestInfo is borrowed from its slot in Waiters.
Failure: MemoryError.
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from cpython.mem cimport PyMem_Free, PyMem_Realloc
from libc.stdint cimport int32_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy, memmove

from .buffer cimport Buffer
from .waiters cimport ENDED, RequestInfo, Waiters

import os

cdef enum:
    MAX_HEADER = 14


@cython.final
cdef class Cork:
    """See the module's docstring."""

    def __cinit__(self):
        self.buffer = Buffer()
        self.mask_state = int.from_bytes(os.urandom(8), "little") | 1

    def __dealloc__(self):
        PyMem_Free(self.frames)

    cdef int add(self, RequestInfo info, const char* text, Py_ssize_t size) except -1:
        """Add the frame of a text. `info` must be in flight."""
        cdef:
            CorkedFrame* frame
            int32_t room
            Buffer buffer = self.buffer
        if self.count == self.capacity:
            room = max(64, self.capacity * 2)
            frame = <CorkedFrame*>PyMem_Realloc(self.frames, room * sizeof(CorkedFrame))
            if frame == NULL:
                raise MemoryError
            self.frames = frame
            self.capacity = room
        buffer.reserve(size + MAX_HEADER)
        # xorshift64: each mask must be new, and whoever chose the text must not be able to predict it
        self.mask_state ^= self.mask_state << 13
        self.mask_state ^= self.mask_state >> 7
        self.mask_state ^= self.mask_state << 17
        frame = &self.frames[self.count]
        frame.info = <void*>info
        frame.start = buffer.size
        frame.size = _write_frame(
            <uint8_t*>buffer.data + buffer.size, <const uint8_t*>text, size, <uint32_t>(self.mask_state >> 32)
        )
        buffer.size += frame.size
        self.count += 1
        return 0

    cdef int drop_abandoned(self, Waiters waiters) except -1:
        """Remove the frames of requests that are no longer awaited, and close the gaps."""
        cdef:
            int32_t i
            int32_t kept = 0
            Py_ssize_t end = 0
            CorkedFrame* frame
            RequestInfo info
            Buffer buffer = self.buffer
            list dropped = None     # freed when the frames are in order again, since a finalizer may send a request
        for i in range(self.count):
            frame = &self.frames[i]
            info = <RequestInfo>frame.info
            if not info.awaited():
                if dropped is None:
                    dropped = []
                dropped.append((info, info.target))
                info.target = None
                info.state = ENDED
                waiters.release(info)
                continue
            if frame.start != end:
                memmove(buffer.data + end, buffer.data + frame.start, frame.size)
                frame.start = end
            end += frame.size
            self.frames[kept] = frame[0]
            kept += 1
        self.count = kept
        buffer.size = end
        return 0

    cdef bytes take(self):
        """The bytes of all frames; the cork is empty afterwards."""
        cdef bytes data = PyBytes_FromStringAndSize(self.buffer.data, self.buffer.size)
        self.clear()
        return data

    cdef int clear(self) except -1:
        self.buffer.size = 0
        self.count = 0
        return 0


cdef inline Py_ssize_t _write_frame(uint8_t* to, const uint8_t* text, Py_ssize_t size, uint32_t mask) noexcept nogil:
    """A masked text frame (RFC 6455, 5.2) of `text`; returns the frame's size."""
    cdef Py_ssize_t header
    cdef Py_ssize_t i = 0
    cdef uint64_t wide = (<uint64_t>mask << 32) | mask
    cdef uint64_t word
    cdef uint8_t* key = <uint8_t*>&wide
    cdef int shift
    to[0] = 0x81
    if size < 126:
        to[1] = 0x80 | <uint8_t>size
        header = 2
    elif size < 65536:
        to[1] = 0x80 | 126
        to[2] = <uint8_t>(size >> 8)
        to[3] = <uint8_t>(size & 0xFF)
        header = 4
    else:
        to[1] = 0x80 | 127
        for shift in range(8):
            to[2 + shift] = <uint8_t>((<uint64_t>size >> (56 - 8 * shift)) & 0xFF)
        header = 10
    memcpy(to + header, &mask, 4)
    to += header + 4
    while i + 8 <= size:
        memcpy(&word, text + i, 8)
        word ^= wide
        memcpy(to + i, &word, 8)
        i += 8
    while i < size:
        to[i] = text[i] ^ key[i & 7]
        i += 1
    return header + 4 + size


def mask_frame(bytes text not None, uint32_t mask):
    """The masked frame of a text, for tests."""
    cdef Buffer buffer = Buffer(len(text) + MAX_HEADER)
    size = _write_frame(<uint8_t*>buffer.data, <const uint8_t*>PyBytes_AS_STRING(text), len(text), mask)
    return PyBytes_FromStringAndSize(buffer.data, size)
