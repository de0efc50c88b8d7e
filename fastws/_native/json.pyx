# cython: language_level=3
"""JSON messages -> Python objects.

In: the bytes of one message. simdjson's first stage finds the structural characters, and checks UTF-8 and the control
characters in strings; this module walks once along the structural characters. Out: the envelope (id, status, …) as C
values, and the payload as Python objects, equal to those of json.loads.
Memory: the bytes are borrowed from begin() to end(); 64 readable bytes must follow them. Each decoder has two caches,
for keys and for short strings. A stack owns the values of unfinished objects and arrays.
Failure: the C functions return a code, or NULL for a value; error() makes a JsonError of the code, and reads the text
again to find the position.
Refused here, but not by json.loads: NaN and Infinity, a byte order mark, lone surrogates, numbers beyond the range of a
double (but not texts of decimals: see _number_of()), integers of more than 4,300 digits, and nesting deeper than 1,024.

This module includes its parts as files, because calls between modules are not inlined: strings, numbers, values,
the envelope, errors.
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.mem cimport PyMem_Calloc, PyMem_Free, PyMem_Malloc, PyMem_Realloc
from cpython.object cimport PyObject
from libc.math cimport isinf
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memchr, memcmp, memcpy, memset

from .ascii cimport fastws_new_ascii, fastws_prepare_ascii
from .envelope cimport (
    ID_ABSENT, ID_INT, ID_NULL, ID_OTHER, MAX_LIMITS, NUMBERS_DECIMAL, NUMBERS_FLOAT, NUMBERS_STR, PAYLOAD_ERROR,
    PAYLOAD_EVENT, PAYLOAD_NONE, PAYLOAD_RESULT, SHAPE_FIELDS, SHAPE_KLINES, Envelope, RateLimit,
)

from .integers cimport eight_digits_value, fastws_first_byte_lowest, fastws_lowest_bit

import json
import re
from decimal import Decimal

from .._common.shown import plain_text, shown
from .._common.decimal_fields import EVENT_ENTRY_FIELDS, EVENT_FIELDS, KLINE_COLUMNS, PAIR_FIELDS, RESULT_FIELDS
from ..errors import JsonError

cdef extern from "stage1.h" nogil:
    ctypedef struct fastws_stage1:
        pass
    fastws_stage1* fastws_stage1_new()
    void fastws_stage1_free(fastws_stage1* stage1)
    int fastws_stage1_run(
        fastws_stage1* stage1, const uint8_t* text, size_t size, const uint32_t** indexes, uint32_t* count
    )
    int fastws_double(uint64_t mantissa, int64_t exponent, double* number)
    const char* fastws_stage1_kernel()
    int fastws_stage1_kernels(const char** names, int capacity)
    int fastws_stage1_select(const char* name)

cdef extern from *:
    """
    /* A dict with room for n keys. */
    #if PY_VERSION_HEX < 0x030D0000
    #define fastws_new_dict(n) ((n) > 5 ? _PyDict_NewPresized(n) : PyDict_New())
    #else
    #define fastws_new_dict(n) PyDict_New()
    #endif
    #define fastws_true() Py_NewRef(Py_True)
    #define fastws_false() Py_NewRef(Py_False)
    #define fastws_none() Py_NewRef(Py_None)
    """
    PyObject* fastws_new_dict(Py_ssize_t room) noexcept
    PyObject* fastws_true() noexcept
    PyObject* fastws_false() noexcept
    PyObject* fastws_none() noexcept

cdef extern from "Python.h":
    void* PyUnicode_DATA(PyObject* text) noexcept
    PyObject* PyUnicode_DecodeUTF8(const char* text, Py_ssize_t size, const char* errors) noexcept
    PyObject* PyLong_FromLongLong(long long number) noexcept
    PyObject* PyLong_FromString(const char* text, char** end, int base) noexcept
    PyObject* PyFloat_FromDouble(double number) noexcept
    double PyOS_string_to_double(const char* text, char** end, PyObject* overflow) noexcept
    PyObject* PyList_New(Py_ssize_t size) noexcept
    void PyList_SET_ITEM(PyObject* target, Py_ssize_t at, PyObject* value) noexcept
    bint PyUnicode_IS_COMPACT_ASCII(object text)
    PyObject* PyDict_Copy(PyObject* source) noexcept
    PyObject* PyDict_SetDefault(PyObject* target, PyObject* key, PyObject* value) noexcept
    Py_ssize_t PyDict_Size(PyObject* target) noexcept
    Py_ssize_t PyUnicode_GET_LENGTH(PyObject* text) noexcept
    int PyDict_SetItem(PyObject* target, PyObject* key, PyObject* value) noexcept
    PyObject* PyObject_CallOneArg(PyObject* callable, PyObject* arg) noexcept
    PyObject* PyErr_Occurred() noexcept
    void PyErr_Clear() noexcept
    void Py_INCREF(PyObject* value) noexcept
    void Py_DECREF(PyObject* value) noexcept
    void Py_XDECREF(PyObject* value) noexcept

cdef:
    enum:
        MAX_DEPTH = 1024
        LARGEST_MODEL = 40
        CACHED_VALUE = 16       # bytes of the longest text that the value cache keeps
        CACHED_KEY = 48
        KNOWN_KEYS = 4096
        LONGEST_COPIED = 56     # bytes of a decimal of an event
        KEPT_BUFFER = 1 << 20   # bytes of the largest copy that loads() keeps

    double[23] POWERS = [
        1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19,
        1e20, 1e21, 1e22,
    ]
    uint64_t[9] TENS = [1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000]
    uint64_t HIGH_BITS = <uint64_t>0x8080808080808080
    uint64_t LOW_BITS = <uint64_t>0x0101010101010101
    uint64_t BACKSLASHES = <uint64_t>0x5C5C5C5C5C5C5C5C
    uint64_t KLINE_DECIMALS = sum(1 << column for column in KLINE_COLUMNS)
    object _Decimal = Decimal
    object _is_decimal = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]+)?").fullmatch

fastws_prepare_ascii()

include "json_texts.pxi"
include "json_numbers.pxi"
include "json_values.pxi"
include "json_envelope.pxi"
include "json_errors.pxi"


@cython.final
cdef class Decoder:
    """Reads one message at a time; see the module's docstring."""

    def __cinit__(self, str numbers not None="str"):
        modes = {"str": NUMBERS_STR, "float": NUMBERS_FLOAT, "decimal": NUMBERS_DECIMAL}
        if numbers not in modes:
            raise ValueError(f"numbers: expected 'str', 'float' or 'decimal', got {shown(numbers)}")
        self.numbers = modes[numbers]
        self.mode = numbers
        self.stage1 = fastws_stage1_new()
        self.keys = <Cached*>PyMem_Calloc(CACHE_SIZE + 1, sizeof(Cached))   # the last one: for a key that is not kept
        self.values = <Cached*>PyMem_Calloc(CACHE_SIZE, sizeof(Cached))
        self.names = {}
        self.models = <DictModel*>PyMem_Calloc(MODELS, sizeof(DictModel))
        self.stack_room = 256
        self.stack = <PyObject**>PyMem_Malloc(self.stack_room * sizeof(PyObject*))
        if self.stage1 == NULL or self.keys == NULL or self.values == NULL or self.models == NULL or self.stack == NULL:
            raise MemoryError

    def __dealloc__(self):
        cdef int i
        if self.keys != NULL:
            Py_XDECREF(self.keys[CACHE_SIZE].text)
        for i in range(CACHE_SIZE):
            if self.keys != NULL:
                Py_XDECREF(self.keys[i].text)
            if self.values != NULL:
                Py_XDECREF(self.values[i].text)
        for i in range(MODELS):
            if self.models != NULL:
                _forget_model(&self.models[i])
        PyMem_Free(self.keys)
        PyMem_Free(self.values)
        PyMem_Free(self.models)
        PyMem_Free(self.stack)
        PyMem_Free(self.copied)
        fastws_stage1_free(<fastws_stage1*>self.stage1)

    cdef int begin(self, const char* data, Py_ssize_t size, Envelope* env) noexcept:
        env.id_kind = ID_ABSENT
        env.id = 0
        env.status = 0
        env.payload = PAYLOAD_NONE
        env.payload_at = 0
        env.limits_at = -1
        env.subscription = -1
        self.whole = False
        cdef int code = self.index(data, size)
        if code:
            return code
        if self.text[self.marks[0]] != c"{":
            return NOT_OBJECT
        self.at = 1
        return _keys(self, env, True)

    cdef object value(self, Envelope* env, int shape):
        cdef PyObject* made
        cdef uint32_t back = self.at
        self.at = env.payload_at
        made = self.shaped_value(shape)
        if made == NULL:
            raise self.error(self.code)
        if self.whole:
            self.at = back
        result = <object>made
        Py_DECREF(made)
        if self.numbers != NUMBERS_STR and env.payload == PAYLOAD_EVENT:
            result = _event(self, result)
        return result

    cdef int end(self, Envelope* env) except -1:
        cdef int code
        cdef PyObject* made
        if self.whole:
            return 0
        if self.at == env.payload_at:   # value() was not called
            made = _value(self)
            if made == NULL:
                raise self.error(self.code)
            Py_DECREF(made)
        code = _keys(self, env, False)
        if code:
            raise self.error(code)
        return 0

    cdef int check_whole(self, Envelope* env) except -1:
        return _check_whole(self, env)

    cdef int limits(self, Envelope* env, RateLimit* out, int capacity) noexcept:
        cdef int count = min(self.seen_count, capacity)
        memcpy(out, self.seen, count * sizeof(RateLimit))
        return count

    cdef int index(self, const char* data, Py_ssize_t size) noexcept:
        """Run stage 1. Returns 0 when there is at least one token."""
        cdef int code
        self.text = <const uint8_t*>data
        self.size = <uint32_t>size
        self.at = 0
        self.count = 0
        self.depth = 0
        self.code = 0
        self.convert = False
        self.seen_count = 0
        code = fastws_stage1_run(<fastws_stage1*>self.stage1, self.text, size, &self.marks, &self.count)
        if code == 0 and self.count == 0:
            code = SYNTAX
        self.code = code
        return code

    cdef PyObject* next_value(self) noexcept:
        return _value(self)

    cdef PyObject* shaped_value(self, int shape) noexcept:
        """The value at the next mark, as its shape says."""
        return _klines(self) if shape == SHAPE_KLINES and self.numbers != NUMBERS_STR else _value(self)

    # _value() calls these. If it called the functions, the compiler would inline all of them, and each value would save
    # the registers of all: 3 % more instructions for a depth of 100 levels.

    cdef PyObject* object_behind(self) noexcept:
        return _object(self)

    cdef PyObject* array_behind(self) noexcept:
        return _array(self)

    cdef PyObject* scalar_at(self, uint32_t start) noexcept:
        return _scalar(self, start)

    cdef PyObject* decimal(self, const uint8_t* text, Py_ssize_t size) noexcept:
        return _decimal(self, text, size)

    cdef Cached* key(self, const uint8_t* text, Py_ssize_t size) noexcept:
        return _key(self, text, size)

    cdef object whole_value(self, int shape):
        return _whole_value(self, shape)

    cdef const char* copy(self, bytes data) except NULL:
        """Copy the bytes, with padding behind them; the copy is valid until the next one."""
        cdef Py_ssize_t size = PyBytes_GET_SIZE(data)
        cdef char* room
        if size + PADDING > self.copy_room:
            room = <char*>PyMem_Realloc(self.copied, 2 * size + PADDING)
            if room == NULL:
                raise MemoryError
            self.copied = room
            self.copy_room = 2 * size + PADDING
        memcpy(self.copied, PyBytes_AS_STRING(data), size)
        memset(self.copied + size, 0, PADDING)
        return self.copied

    cdef object error(self, int code):
        return _error(self, code)


# The decoder of loads(); None while it is in use, since a finalizer may call loads() then.
cdef Decoder _idle = None


cdef Decoder _take(str numbers):
    global _idle
    cdef Decoder decoder = _idle
    if decoder is not None and (numbers is decoder.mode or numbers == decoder.mode):
        _idle = None
        return decoder
    return Decoder(numbers)


def loads(data, *, numbers not None="str"):
    """Read a JSON document.

    Args:
        data: bytes, bytearray, memoryview, or str.
        numbers: what decimals in Binance's fields become: their exact texts ("str"), "float" or "decimal".

    Raises:
        JsonError: the document is not valid; `position` is the byte where it fails.
    """
    global _idle
    cdef Decoder decoder
    cdef int code
    if isinstance(data, str):
        try:
            data = str.encode(data)
        except UnicodeEncodeError as exc:
            raise JsonError("a lone surrogate", len(data[: exc.start].encode())) from None
    elif type(data) is not bytes:
        data = bytes(memoryview(data))
    decoder = _take(numbers if type(numbers) is str else plain_text(numbers))
    code = decoder.index(decoder.copy(data), PyBytes_GET_SIZE(data))
    if code:
        raise decoder.error(code)
    result = _whole_value(decoder, SHAPE_FIELDS)
    if decoder.copy_room <= KEPT_BUFFER:
        _idle = decoder
    return result


def envelope(bytes data not None):
    """The envelope of a message, read without decoding the payload: (id, status); the id is None unless it is an int.

    Raises JsonError like loads(), for errors in front of the payload.
    """
    global _idle
    cdef Decoder decoder = _take("str")
    cdef Envelope env
    cdef int code = decoder.begin(decoder.copy(data), PyBytes_GET_SIZE(data), &env)
    if code:
        raise decoder.error(code)
    _idle = decoder
    return env.id if env.id_kind == ID_INT else None, env.status


def read_message(bytes data not None, *, str numbers not None="str", int shape=0, int behind=0):
    """Read a message as a connection does, for tests: a dict of the envelope and the decoded payload.

    `behind` is the byte that fills the padding.
    """
    cdef Decoder decoder = Decoder(numbers)
    cdef Envelope env
    cdef RateLimit limits[MAX_LIMITS]
    cdef const char* text = decoder.copy(data)
    cdef int i, count, code
    memset(decoder.copied + len(data), behind, PADDING)
    code = decoder.begin(text, len(data), &env)
    if code:
        raise decoder.error(code)
    payload = decoder.value(&env, shape) if env.payload != PAYLOAD_NONE else None
    decoder.end(&env)
    count = decoder.limits(&env, limits, MAX_LIMITS)
    return {
        "id": env.id if env.id_kind == ID_INT else None,
        "id_kind": ("absent", "int", "null", "other")[env.id_kind],
        "status": env.status,
        "payload": (None, "result", "error", "event")[env.payload],
        "value": payload,
        "subscription": env.subscription,
        "limits": [
            (chr(limits[i].kind), chr(limits[i].interval), limits[i].interval_num, limits[i].limit, limits[i].count)
            for i in range(count)
        ],
    }


def kernels():
    """simdjson's kernels that this processor can run."""
    cdef const char* names[8]
    cdef int i
    return [names[i].decode() for i in range(fastws_stage1_kernels(names, 8))]


def kernel():
    """The name of simdjson's kernel in use."""
    return fastws_stage1_kernel().decode()


def select_kernel(str name not None):
    """Use another kernel, for tests; ValueError if this processor cannot run it."""
    if fastws_stage1_select(name.encode()) < 0:
        raise ValueError(f"no kernel {shown(name)}; there are {', '.join(kernels())}")
