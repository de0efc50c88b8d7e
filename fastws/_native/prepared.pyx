# cython: language_level=3
"""Prepared requests: the bytes that stay the same, and what a call adds to them.

In: once, a method and the parameters that stay the same; with each call, those that change. Out: the text of the
request in the encoder's buffer, the same as the encoder would make of all these parameters.
Memory: a Template owns its ReadyBytes: one for unsigned requests, and one for the key that signed last. Each is made at
its first use. A fixed parameter that a call replaces is taken out of the ready bytes for good, and is written with each
call.
Failure: a request that cannot be made of the ready bytes is written by the encoder from both sets of parameters; the
encoder raises every error.
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.object cimport PyObject
from libc.stdint cimport int64_t, uint64_t
from libc.string cimport memcpy

from .buffer cimport Buffer
from .digits cimport put_digits
from .given cimport Given, all_given, give_dict, given_dict, scan
from .integers cimport fastws_lowest_bit
from .methods cimport (
    API_KEY, BY_BIT, PARAMS, TIMESTAMP, WINDOW_SPEC, MethodSpec, ParamSpec, method_spec, refuse_names,
)
from .request cimport HEADROOM, Auth, Encoder, put_plain

from ..errors import InvalidRequest

cdef enum:
    ID_ROOM = 32
    USE_ENCODER = -2    # _write() cannot write this request: the encoder must

# Parameters that belong to one request, or that the session adds.
_NEVER_FIXED = {
    "timestamp": "each request has its own",
    "signature": "fastws signs each request; give signer= with the call for another key",
    "apiKey": "fastws adds it where it signs; give signer= with the call for another key",
}


@cython.final
cdef class ReadyBytes:
    """See the declaration."""


@cython.final
cdef class Template:
    """See the module's docstring. Names are checked against the
    method's table, if the table knows the method."""

    def __cinit__(self, method, dict fixed not None):
        self.spec = method_spec(method)
        self._strict = any(self.spec.allowed_mask[i] for i in range(3))
        self.fixed = {name: value for name, value in fixed.items() if value is not None}
        self._replaced = {}
        for name in self.fixed:
            if name in self.spec.own_ids:
                raise InvalidRequest(f"{self.spec.name}: {name} cannot be fixed: each request needs a fresh one")
            if name in _NEVER_FIXED:
                raise InvalidRequest(f"{self.spec.name}: {name} cannot be fixed: {_NEVER_FIXED[name]}")
            if self._strict and name not in self.spec.params:
                refuse_names(self.spec, self.fixed)
            if name not in PARAMS:
                self._has_unlisted = True
        # writing the values once checks them
        Encoder().write(self.spec, self.fixed, 1, None, 0, False)

    # -------------------------------------------------------------------------------------------------- hot

    cdef Py_ssize_t write(
        self, Encoder encoder, dict params, int64_t request_id, Auth auth, int64_t timestamp
    ) except -1:
        """Encoder.write() of the fixed parameters and of ``params``, which override them."""
        cdef Given given
        give_dict(&given, params)
        scan(&given)
        return self.write_given(encoder, &given, request_id, auth, timestamp)

    cdef Py_ssize_t write_given(
        self, Encoder encoder, Given* given, int64_t request_id, Auth auth, int64_t timestamp
    ) except -1:
        """write() of parameters behind scan(); as Encoder.write_given()."""
        cdef Py_ssize_t base = encoder.out.size
        cdef Py_ssize_t size = USE_ENCODER
        if not self._has_unlisted and not given.unlisted:
            try:
                size = self._write(encoder, given, request_id, auth, timestamp)
            finally:
                encoder.out.size = base
                encoder.payload.size = 0
        if size == USE_ENCODER:
            changes = {name: value for name, value in all_given(given).items() if value is not None}
            return encoder.write(self.spec, {**self.fixed, **changes}, request_id, auth, timestamp, self._strict)
        return size

    cdef Py_ssize_t _write(
        self, Encoder encoder, Given* given, int64_t request_id, Auth auth, int64_t timestamp
    ) except -1:
        cdef:
            uint64_t mask[3]        # given, or added; in `given.values` the timestamp is NULL
            ReadyBytes ready = self._unsigned if auth is None else self._signed
            Buffer out = encoder.out
            Buffer payload = encoder.payload
            Py_ssize_t base = out.size
            Py_ssize_t size
            MethodSpec method = self.spec
            char* to
            uint64_t present
            int i, bit, at, start, end
            bint signed = auth is not None

        if (
            ready is None or ready.window is not encoder.window
            or (signed and ready.auth.signer is not auth.signer)     # each request with signer= has an Auth of its own
        ):
            out.size = base + 1     # code of a value may run: a request that it sends is refused
            ready = self._make_ready(encoder, auth, timestamp)
            out.size = base
        size = PyBytes_GET_SIZE(ready.text)
        out.reserve(HEADROOM + ID_ROOM + size)
        to = out.data + base + HEADROOM
        memcpy(to, b'{"id":', 6)
        to += 6
        to += put_digits(to, request_id)
        memcpy(to, PyBytes_AS_STRING(ready.text), size)
        out.size = to + size - out.data

        mask[0] = given.mask[0]
        mask[1] = given.mask[1]
        mask[2] = given.mask[2]
        if mask[0] & ready.mask[0] or mask[1] & ready.mask[1] or mask[2] & ready.mask[2]:
            self._replace(given)
            return USE_ENCODER
        if not signed:
            for i in range(given.count):
                bit = given.bits[i]
                if not put_plain(encoder, <ParamSpec>BY_BIT[bit], given.values[bit], False):
                    encoder._put_other(<ParamSpec>BY_BIT[bit], given.values[bit], False)
        if self._replaced:
            for name, kept in self._replaced.items():
                bit = (<ParamSpec>PARAMS[name]).bit
                if not mask[bit >> 6] >> (bit & 63) & 1:
                    mask[bit >> 6] |= (<uint64_t>1) << (bit & 63)
                    given.values[bit] = <PyObject*>kept       # owned by `fixed`
                    if not signed:
                        encoder._put(<ParamSpec>BY_BIT[bit], given.values[bit], False)
        if self._strict:
            for i in range(3):
                present = mask[i] | ready.mask[i]
                if present & ~method.allowed_mask[i] or method.required_mask[i] & ~present:
                    return USE_ENCODER
            for i in range(method.group_count):
                if not (
                    (mask[0] | ready.mask[0]) & method.group_masks[i][0]
                    or (mask[1] | ready.mask[1]) & method.group_masks[i][1]
                    or (mask[2] | ready.mask[2]) & method.group_masks[i][2]
                ):
                    return USE_ENCODER
        bit = TIMESTAMP.bit
        if timestamp and not mask[bit >> 6] >> (bit & 63) & 1:
            if signed:
                mask[bit >> 6] |= (<uint64_t>1) << (bit & 63)
                given.values[bit] = NULL
            else:
                encoder._put_timestamp(timestamp, False)
        if signed:
            # the fixed and the given parameters, merged by name
            at = 0
            for i in range(3):
                present = mask[i]
                while present:
                    bit = (i << 6) + fastws_lowest_bit(present)
                    present &= present - 1
                    start = at
                    while at < ready.count and ready.bits[at] < bit:
                        at += 1
                    end = ready.starts[at] - ready.starts[start]
                    payload.reserve(end)
                    memcpy(payload.data + payload.size, PyBytes_AS_STRING(ready.payload) + ready.starts[start], end)
                    payload.size += end
                    if given.values[bit] != NULL:
                        encoder._put(<ParamSpec>BY_BIT[bit], given.values[bit], True)
                    else:
                        encoder._put_timestamp(timestamp, True)
            end = ready.starts[ready.count] - ready.starts[at]
            payload.reserve(end)
            memcpy(payload.data + payload.size, PyBytes_AS_STRING(ready.payload) + ready.starts[at], end)
            payload.size += end
            encoder._signature(auth)
        if out.data[out.size - 1] != c",":
            return USE_ENCODER      # it has no parameters
        # the last comma is replaced by the two closing braces
        out.reserve(1)
        (out.data + out.size - 1)[0] = c"}"
        (out.data + out.size)[0] = c"}"
        return out.size + 1 - base - HEADROOM

    # ------------------------------------------------------------------------------------------------- cold

    cdef ReadyBytes _make_ready(self, Encoder encoder, Auth auth, int64_t timestamp):
        """Make the bytes that stay the same, for requests signed with this key, or without a signature."""
        cdef:
            ReadyBytes ready = ReadyBytes.__new__(ReadyBytes)
            Encoder scratch = Encoder()
            ParamSpec param
            int bit
            bint signed = auth is not None
            dict fixed = {(<ParamSpec>PARAMS[name]).bit: name for name in self.fixed if name not in self._replaced}
        scratch.window = ready.window = encoder.window
        ready.auth = auth
        if timestamp and encoder.window is not None and "recvWindow" not in self.fixed:
            fixed[WINDOW_SPEC.bit] = None
        if signed:
            fixed[API_KEY.bit] = None
        ready.mask[0] = ready.mask[1] = ready.mask[2] = 0
        for bit in sorted(fixed):
            param = <ParamSpec>BY_BIT[bit]
            ready.mask[bit >> 6] |= (<uint64_t>1) << (bit & 63)
            ready.bits[ready.count] = bit
            ready.starts[ready.count] = <int>scratch.payload.size
            ready.count += 1
            if fixed[bit] is None:
                scratch._put_added(param, signed, 0, auth)
            else:
                scratch._put(param, <PyObject*>self.fixed[fixed[bit]], signed)
        ready.starts[ready.count] = <int>scratch.payload.size
        ready.text = self.spec.head + PyBytes_FromStringAndSize(scratch.out.data, scratch.out.size)
        ready.payload = PyBytes_FromStringAndSize(scratch.payload.data, scratch.payload.size)
        if signed:
            self._signed = ready
        else:
            self._unsigned = ready
        return ready

    cdef int _replace(self, const Given* given) except -1:
        """Remember which fixed parameters a call replaces, so that the ready bytes are made again without them."""
        for name, value in given_dict(given).items():
            if value is not None and name in self.fixed:
                self._replaced[name] = self.fixed[name]
        self._unsigned = self._signed = None
        return 0
