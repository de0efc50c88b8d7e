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
from cpython.dict cimport PyDict_GetItem, PyDict_Next
from cpython.object cimport PyObject
from libc.stdint cimport int64_t, uint64_t
from libc.string cimport memcpy

from .buffer cimport Buffer
from .digits cimport put_digits
from .integers cimport fastws_lowest_bit
from .methods cimport (
    ADDRESSES, API_KEY, BY_ADDRESS, BY_BIT, MAX_PARAMS, PARAMS, TIMESTAMP, WINDOW_SPEC, MethodSpec, ParamSpec,
    method_spec, refuse_names,
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
        cdef Py_ssize_t base = encoder.out.size
        cdef Py_ssize_t size = USE_ENCODER
        if not self._has_unlisted:
            try:
                size = self._write(encoder, params, request_id, auth, timestamp)
            finally:
                encoder.out.size = base
                encoder.payload.size = 0
        if size == USE_ENCODER:
            params = {**self.fixed, **{name: value for name, value in params.items() if value is not None}}
            return encoder.write(self.spec, params, request_id, auth, timestamp, self._strict)
        return size

    cdef Py_ssize_t _write(
        self, Encoder encoder, dict params, int64_t request_id, Auth auth, int64_t timestamp
    ) except -1:
        cdef:
            PyObject* values[MAX_PARAMS]    # by the bit of their ParamSpec; NULL for the timestamp
            uint64_t given[3]
            ReadyBytes ready = self._unsigned if auth is None else self._signed
            Buffer out = encoder.out
            Buffer payload = encoder.payload
            Py_ssize_t base = out.size
            Py_ssize_t position = 0
            Py_ssize_t size
            PyObject* key
            PyObject* value
            PyObject* spec
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

        given[0] = given[1] = given[2] = 0
        while PyDict_Next(params, &position, &key, &value):
            if value == <PyObject*>None:
                continue
            spec = BY_ADDRESS[(<size_t>key >> 4) % ADDRESSES]
            if spec == NULL or key != <PyObject*>(<ParamSpec>spec).name:
                spec = PyDict_GetItem(PARAMS, <object>key)
                if spec == NULL:
                    return USE_ENCODER
            bit = (<ParamSpec>spec).bit
            if ready.mask[bit >> 6] >> (bit & 63) & 1:
                self._replace(params, ready)
                return USE_ENCODER
            given[bit >> 6] |= (<uint64_t>1) << (bit & 63)
            values[bit] = value
            if not signed:
                if not put_plain(encoder, <ParamSpec>spec, value, False):
                    encoder._put_other(<ParamSpec>spec, value, False)
        if self._replaced:
            for name, kept in self._replaced.items():
                bit = (<ParamSpec>PARAMS[name]).bit
                if not given[bit >> 6] >> (bit & 63) & 1:
                    given[bit >> 6] |= (<uint64_t>1) << (bit & 63)
                    values[bit] = <PyObject*>kept       # owned by `fixed`
                    if not signed:
                        encoder._put(<ParamSpec>BY_BIT[bit], values[bit], False)
        if self._strict:
            for i in range(3):
                present = given[i] | ready.mask[i]
                if present & ~method.allowed_mask[i] or method.required_mask[i] & ~present:
                    return USE_ENCODER
            for i in range(method.group_count):
                if not (
                    (given[0] | ready.mask[0]) & method.group_masks[i][0]
                    or (given[1] | ready.mask[1]) & method.group_masks[i][1]
                    or (given[2] | ready.mask[2]) & method.group_masks[i][2]
                ):
                    return USE_ENCODER
        bit = TIMESTAMP.bit
        if timestamp and not given[bit >> 6] >> (bit & 63) & 1:
            if signed:
                given[bit >> 6] |= (<uint64_t>1) << (bit & 63)
                values[bit] = NULL
            else:
                encoder._put_timestamp(timestamp, False)
        if signed:
            # the fixed and the given parameters, merged by name
            at = 0
            for i in range(3):
                present = given[i]
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
                    if values[bit] != NULL:
                        encoder._put(<ParamSpec>BY_BIT[bit], values[bit], True)
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

    cdef int _replace(self, dict params, ReadyBytes ready) except -1:
        """Remember which fixed parameters a call replaces, so that the ready bytes are made again without them."""
        for name in params:
            if params[name] is not None and name in self.fixed:
                self._replaced[name] = self.fixed[name]
        self._unsigned = self._signed = None
        return 0


@cython.final
cdef class PreparedRequest:
    """A request that is ready except for a few parameters; ``client.prepare()`` makes it.

    A call sends the request: ``await`` its Future, or give it to ``asyncio.ensure_future`` (``asyncio.create_task``
    refuses it). Call it with the parameters that change, and with ``on_reply``, ``timeout``, ``urgent`` or ``signer``:
    it returns and raises the same as a method of the client. A given parameter replaces the prepared one; None does
    not.
    """

    cdef object _send
    cdef Template _template

    def __cinit__(self, send, method, dict fixed):
        self._send = send       # Session.send_prepared
        self._template = Template(method, fixed)

    def __call__(self, **changes):
        return self._send(self._template, changes)

    @property
    def method(self):
        """Binance's name of the method."""
        return self._template.spec.name

    @property
    def params(self):
        """The prepared parameters."""
        return dict(self._template.fixed)

    def __repr__(self):
        given = " ".join(f"{name}={value}" for name, value in self._template.fixed.items())
        return f"<fastws.PreparedRequest {self._template.spec.name} {given}".rstrip() + ">"


def encode_prepared(
    PreparedRequest prepared not None, dict params not None, int64_t id, signer=None, int64_t timestamp=0, *,
    recv_window=None,
):
    """The JSON text of one prepared request, as a session would send it, for tests; see request.encode()."""
    cdef Encoder encoder = Encoder(recv_window)
    cdef Auth auth = None if signer is None else Auth(signer)
    size = prepared._template.write(encoder, params, id, auth, timestamp)
    return PyBytes_FromStringAndSize(encoder.out.data + HEADROOM, size)
